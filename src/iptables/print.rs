//! The one writer of rule text, in the canonical form that `iptables-save` 1.8.9 gives back after a load.
//! Input: a ruleset. Output: a file for `iptables-restore` or `ip6tables-restore`, or one line of it.
//!
//! Protocols without a name built into iptables are numbers: what a save prints for them depends on `/etc/protocols`.

use std::convert::Infallible;
use std::io;

use super::extension::index::{of_match, of_target};
use super::extension::written::Spelling;
use super::ruleset::Part;
use super::ruleset::{
    Address, Chain, ChainId, ChainPolicy, Header, Match, Negatable, Origins, Rule, Ruleset, Table, TableName, Target,
    Untyped,
};
pub use super::text::write::quoted;
use super::text::write::{self, Quotes, bang, number};
use crate::net::{Family, Interface, Prefix, write_address};

/// Appends the text that comes before the rules of a sentence, given by its number.
pub type Comment<'a> = &'a dyn Fn(u32, &mut String);

/// The rules of one family as a file, each sentence's preceded by its comment where there are any.
///
/// A comment must be one line of at most some hundred bytes; the `# ` is put before it here. Tables with neither rules
/// nor policies nor chains of their own are left out; a ruleset without any yields a comment, which loads and changes nothing.
pub fn print(ruleset: &Ruleset, comment: Option<Comment>) -> String {
    let rules: usize = ruleset.tables.iter().map(|table| table.rules.len()).sum();
    let mut out = String::with_capacity(1024 + rules * 96);
    let Ok(()) = tables(ruleset, comment, &mut out, &mut |_| Ok::<_, Infallible>(()));
    out
}

/// Writes what `print` gives, piece by piece: large rulesets need no room for all of their text.
pub fn write(ruleset: &Ruleset, comment: Option<Comment>, file: &mut dyn io::Write) -> io::Result<()> {
    const PIECE: usize = 128 * 1024;
    let mut out = String::with_capacity(PIECE + 1024);
    tables(ruleset, comment, &mut out, &mut |out| {
        if out.len() >= PIECE {
            file.write_all(out.as_bytes())?;
            out.clear();
        }
        Ok::<_, io::Error>(())
    })?;
    file.write_all(out.as_bytes())
}

/// Appends all tables; `line` is called after every rule and may take what is there.
fn tables<E>(
    ruleset: &Ruleset,
    comment: Option<Comment>,
    out: &mut String,
    line: &mut dyn FnMut(&mut String) -> Result<(), E>,
) -> Result<(), E> {
    let mut empty = true;
    for name in TableName::ALL {
        for table in ruleset.tables.iter().filter(|table| table.name == name && !is_empty(table)) {
            print_table(table, ruleset.family, comment, out, line)?;
            empty = false;
        }
    }
    if empty {
        out.push_str("# no rules\n");
    }
    Ok(())
}

/// Whether a table says nothing: no rule, no policy, no chain of its own.
fn is_empty(table: &Table) -> bool {
    let built_in = table.name.built_in_chains().len();
    table.rules.is_empty() && table.chains.len() <= built_in && table.chains.iter().all(|chain| chain.policy.is_none())
}

fn print_table<E>(
    table: &Table,
    family: Family,
    comment: Option<Comment>,
    out: &mut String,
    line: &mut dyn FnMut(&mut String) -> Result<(), E>,
) -> Result<(), E> {
    out.push('*');
    out.push_str(table.name.name());
    out.push('\n');
    let (built_in, own) = table.chains.split_at(table.name.built_in_chains().len().min(table.chains.len()));
    for chain in built_in {
        out.push(':');
        out.push_str(&chain.name);
        out.push(' ');
        out.push_str(chain.policy.unwrap_or(ChainPolicy::Accept).name());
        out.push_str(" [0:0]\n");
    }
    let mut own: Vec<&str> = own.iter().map(|chain| &*chain.name).collect();
    own.sort_unstable();
    for name in own {
        out.push(':');
        out.push_str(name);
        out.push_str(" - [0:0]\n");
    }
    let mut before = None;
    let mut recent = Recent::default();
    for rule in &table.rules {
        if let Some(comment) = comment
            && !before.is_some_and(|before: &Origins| before.same_sentences(&rule.origins))
        {
            before = Some(&rule.origins);
            for origin in rule.origins.iter() {
                out.push_str("# ");
                comment(origin.sentence, out);
                out.push('\n');
            }
        }
        append(table.chain_name(rule.chain), &table.chains, rule, family, &mut recent, out);
        out.push('\n');
        line(out)?;
    }
    out.push_str("COMMIT\n");
    Ok(())
}

/// Appends one `-A …` line, without its line feed.
pub fn rule(table: &Table, rule: &Rule, family: Family, out: &mut String) {
    append(table.chain_name(rule.chain), &table.chains, rule, family, &mut Recent::default(), out);
}

/// One `-A …` line, for people.
pub fn rule_line(table: &Table, rule: &Rule, family: Family) -> String {
    line_in(table.chain_name(rule.chain), &table.chains, rule, family)
}

/// One `-A …` line of a rule that is in no table yet: the name of its chain, and the chains that it may call.
pub fn line_in(chain: &str, chains: &[Chain], rule: &Rule, family: Family) -> String {
    let mut out = String::with_capacity(96);
    append(chain, chains, rule, family, &mut Recent::default(), &mut out);
    out
}

/// The prefix that was printed last, and its text: the rules of a sentence often share it.
#[derive(Default)]
struct Recent {
    prefix: Option<Prefix>,
    text: String,
}

fn append(chain: &str, chains: &[Chain], rule: &Rule, family: Family, recent: &mut Recent, out: &mut String) {
    out.push_str("-A ");
    out.push_str(chain);
    let header = &rule.header;
    if let Some(source) = &header.source {
        address(" -s ", source, recent, out);
    }
    if let Some(destination) = &header.destination {
        address(" -d ", destination, recent, out);
    }
    if let Some(interface) = &header.in_interface {
        named_interface(" -i ", interface, out);
    }
    if let Some(interface) = &header.out_interface {
        named_interface(" -o ", interface, out);
    }
    if let Some(protocol) = header.protocol {
        bang(protocol.negated, out);
        out.push_str(" -p ");
        match protocol.value.built_in_name() {
            Some(name) => out.push_str(name),
            None => number(protocol.value.0.into(), out),
        }
    }
    if let Some(fragment) = header.fragment {
        bang(fragment.negated, out);
        out.push_str(" -f");
    }
    for one in rule.matches.iter() {
        one_match(one, family, out);
    }
    target(&rule.target, chains, family, out);
}

/// What a part of a rule asks of a packet, as its line has it (`! -s 192.0.2.0/24`, `-m udp --dport 500`); empty where it
/// has no such part.
pub fn part_text(rule: &Rule, part: Part, family: Family) -> String {
    let header = Header::default();
    let alone = |header: Header| {
        let rule = Rule { header, matches: [].into(), target: Target::None, ..rule.clone() };
        line_in("", &[], &rule, family)["-A ".len()..].to_owned()
    };
    let text = match part {
        Part::Source => alone(Header { source: rule.header.source.clone(), ..header }),
        Part::Destination => alone(Header { destination: rule.header.destination.clone(), ..header }),
        Part::InInterface => alone(Header { in_interface: rule.header.in_interface, ..header }),
        Part::OutInterface => alone(Header { out_interface: rule.header.out_interface, ..header }),
        Part::Protocol => alone(Header { protocol: rule.header.protocol, ..header }),
        Part::Fragment => alone(Header { fragment: rule.header.fragment, ..header }),
        Part::Match(index) => {
            let mut text = String::new();
            rule.matches.get(index).into_iter().for_each(|one| one_match(one, family, &mut text));
            text
        }
        Part::Chain | Part::Target => String::new(),
    };
    text.trim_start().to_owned()
}

/// The name of a target, where it is not a chain.
pub fn target_name(target: &Target) -> &str {
    target.kept().map_or_else(|| of_target(target).map_or("", |row| row.known.name), |unknown| &unknown.name)
}

fn target(target: &Target, chains: &[Chain], family: Family, out: &mut String) {
    let called = |chain: ChainId| chains.get(chain.0 as usize).map_or("", |chain| &*chain.name);
    let goto = |chain: &str, out: &mut String| {
        out.push_str(" -g ");
        out.push_str(chain);
    };
    let name = match target {
        Target::None => return,
        Target::Goto(chain) => return goto(called(*chain), out),
        Target::Unresolved { chain, goto: true } => return goto(chain, out),
        Target::Jump(chain) => called(*chain),
        Target::Unresolved { chain, goto: false } => chain,
        other => target_name(other),
    };
    out.push_str(" -j ");
    out.push_str(name);
    if let Some(unknown) = target.kept() {
        words(unknown, of_target(target).map(|row| row.known.options), out);
    } else if let Some(row) = of_target(target) {
        (row.print)(target, family, out);
    }
}

/// Appends ` -m …`.
fn one_match(one: &Match, family: Family, out: &mut String) {
    out.push_str(" -m ");
    if let Some(unknown) = one.kept() {
        out.push_str(&unknown.name);
        words(unknown, of_match(one).map(|row| row.known.options), out);
    } else if let Some(row) = of_match(one) {
        out.push_str(row.known.name);
        (row.print)(one, family, out);
    }
}

/// Appends the words of a match or target that are kept.
fn words(unknown: &Untyped, options: Option<&[Spelling]>, out: &mut String) {
    let mut quotes = Quotes::Needed;
    for word in &unknown.words {
        out.push(' ');
        write::word(word, quotes, out);
        // A value may look like an option.
        quotes = match word.strip_prefix("--").filter(|_| quotes == Quotes::Needed) {
            Some(name) => {
                let option = options.into_iter().flatten().find(|option| option.name == name);
                option.map_or(Quotes::Needed, |option| option.quotes)
            }
            None => Quotes::Needed,
        };
    }
}

fn address(option: &str, address: &Negatable<Address>, recent: &mut Recent, out: &mut String) {
    bang(address.negated, out);
    out.push_str(option);
    match &address.value {
        Address::Prefix(prefix) => {
            if recent.prefix != Some(*prefix) {
                recent.prefix = Some(*prefix);
                recent.text.clear();
                print_prefix(prefix, &mut recent.text);
            }
            out.push_str(&recent.text);
        }
        Address::Masked(masked) => {
            write_address(masked.0, out);
            out.push('/');
            write_address(masked.1, out);
        }
    }
}

fn print_prefix(prefix: &Prefix, out: &mut String) {
    write_address(prefix.address(), out);
    out.push('/');
    number(prefix.length().into(), out);
}

fn named_interface(option: &str, interface: &Negatable<Interface>, out: &mut String) {
    bang(interface.negated, out);
    out.push_str(option);
    out.push_str(interface.value.name());
}
