//! The one reader of rule text: what `iptables-save` prints and `iptables-restore` takes (1.8.9).
//! Input: a line, or a whole file, and its family. Output: typed rules, with the faults of what cannot be read.
//!
//! It reads what the loader reads. Whether a rule is legal in its table and chain is for `check` to say.

mod icmp;
mod matches;
mod options;
mod rule;
mod targets;
mod values;
mod words;

use std::ops::Range;

pub use self::options::is_target_name;
pub use self::words::{Word, words};
use super::ruleset::{Chain, ChainPolicy, Header, Match, Origin, Rule, Ruleset, TableName, Target};
use crate::net::Family;

/// The longest line that `iptables-restore` reads in one piece, in bytes.
pub const LINE_MAX: usize = 10_238;

/// A fault in rule text: where in the line it is, what is wrong, and a way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The place in the line, in bytes.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What stands there.
    pub label: String,
    /// What to write instead; never empty.
    pub help: String,
}

impl Fault {
    /// A fault with all its texts.
    pub fn new(
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Fault {
        Fault { span, message: message.into(), label: label.into(), help: help.into() }
    }
}

/// What a line of rule text says.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// Nothing.
    Blank,
    /// `# …`
    Comment,
    /// `*filter`
    Table(TableName),
    /// `:INPUT DROP [0:0]`, `:mine - [0:0]`
    Chain {
        /// The chain.
        name: String,
        /// Its policy; `None` for `-`.
        policy: Option<ChainPolicy>,
        /// The place of the name.
        span: Range<usize>,
    },
    /// `-P INPUT DROP`
    Policy {
        /// The chain.
        chain: String,
        /// Its policy.
        policy: ChainPolicy,
        /// The place of the chain's name.
        span: Range<usize>,
    },
    /// `-N mine`: a chain that must not exist yet.
    NewChain {
        /// The chain.
        name: String,
        /// The place of the name.
        span: Range<usize>,
    },
    /// `-F`, `-F INPUT`: the chain's rules so far, or all, go away.
    Flush(Option<String>),
    /// `-X`, `-X mine`: the chain, or every empty chain of one's own, goes away.
    DeleteChain(Option<String>),
    /// `-Z`: sets counters, which do not matter here.
    Zero,
    /// `-A …`: one rule, several where `-s` or `-d` holds a list, none where `-4` or `-6` names the other family.
    Rules(Vec<RuleText>),
    /// `COMMIT`
    Commit,
}

/// One rule as a line says it, its chain still a name.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleText {
    /// A `-t` on the line; `iptables-restore` refuses it, templates may use it.
    pub table: Option<TableName>,
    /// The chain after `-A`.
    pub chain: String,
    /// Addresses, interfaces and protocol.
    pub header: Header,
    /// The matches, in order.
    pub matches: Vec<Match>,
    /// The target.
    pub target: Target,
    /// The parameters of a template, in the order of the line for those of one kind.
    pub holes: Vec<Hole>,
    /// Where each part stands, in bytes of the line, in order.
    pub parts: Vec<(Part, Range<usize>)>,
}

impl RuleText {
    fn empty() -> RuleText {
        RuleText {
            table: None,
            chain: String::new(),
            header: Header::default(),
            matches: Vec::new(),
            target: Target::None,
            holes: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// The place of a part, if the line has it.
    pub fn place(&self, part: Part) -> Option<Range<usize>> {
        self.parts.iter().find(|(known, _)| *known == part).map(|(_, span)| span.clone())
    }
}

/// A part of a rule: what a diagnostic can point at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The chain's name.
    Chain,
    /// `-s`
    Source,
    /// `-d`
    Destination,
    /// `-i`
    InInterface,
    /// `-o`
    OutInterface,
    /// `-p`
    Protocol,
    /// `-f`
    Fragment,
    /// The match of that number, from 0.
    Match(usize),
    /// `-j` or `-g`
    Target,
}

/// A place in a template's rule that a parameter fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Which place.
    pub slot: Slot,
    /// Which parameter: the character after U+0001.
    pub parameter: char,
    /// Whether a `!` stands before the option.
    pub negated: bool,
    /// How many of the rule's matches stand before it; for ports, the number of the match that they belong to.
    pub before: usize,
}

/// What a parameter stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// The address of `-s`.
    Source,
    /// The address of `-d`.
    Destination,
    /// The interface of `-i`.
    InInterface,
    /// The interface of `-o`.
    OutInterface,
    /// The ports of `--sport`.
    SourcePorts,
    /// The ports of `--dport`.
    DestinationPorts,
    /// Further matches.
    Matches,
}

/// The parameter that a word stands for: U+0001 and one character.
fn hole(text: &str) -> Option<char> {
    let mut letters = text.strip_prefix('\u{1}')?.chars();
    letters.next().filter(|_| letters.next().is_none())
}

/// Reads one line. Blanks at either end are skipped; in a `template` U+0001 and a character stand for a parameter.
pub fn line(text: &str, family: Family, template: bool) -> Result<Line, Vec<Fault>> {
    let body = text.trim_matches([' ', '\t', '\n']);
    if body.is_empty() {
        return Ok(Line::Blank);
    }
    if body.starts_with('#') {
        return Ok(Line::Comment);
    }
    let shift = text.len() - text.trim_start_matches([' ', '\t', '\n']).len();
    if let Some(fault) = forbidden(text, template) {
        return Err(vec![fault]);
    }
    let whole = shift..shift + body.len();
    match body.as_bytes()[0] {
        b'*' => {
            let name = body[1..].split([' ', '\t']).next().unwrap_or_default();
            let table = TableName::from_name(name).ok_or_else(|| vec![unknown_table(name, whole)])?;
            return Ok(Line::Table(table));
        }
        b':' => return chain_line(body, shift).map_err(|fault| vec![fault]),
        _ if body == "COMMIT" => return Ok(Line::Commit),
        _ => {}
    }
    let mut words = words(text).map_err(|fault| vec![fault])?;
    if words[0].text.starts_with('[') && !words[0].quoted {
        counters(&words[0]).map_err(|fault| vec![fault])?;
        words.remove(0);
    }
    if let Some(result) = words.first().and_then(|first| command(first, &words[1..], &whole)) {
        return result.map_err(|fault| vec![fault]);
    }
    rule::rules(&words, family, template, text.len()).map(Line::Rules)
}

fn forbidden(text: &str, template: bool) -> Option<Fault> {
    let control =
        |letter: char| letter.is_control() && letter != '\t' && letter != '\n' && !(template && letter == '\u{1}');
    let (at, letter) = text.char_indices().find(|(_, letter)| control(*letter))?;
    let help = match letter {
        '\r' => "end lines with a line feed only: `tr -d '\\r'` removes the others",
        _ => "delete it",
    };
    let message = format!("the line holds a control character (U+{:04X})", u32::from(letter));
    Some(Fault::new(at..at + letter.len_utf8(), message, "here", help))
}

fn unknown_table(name: &str, span: Range<usize>) -> Fault {
    let help = "the tables are raw, mangle, nat, filter and security";
    Fault::new(span, format!("there is no table `{name}`"), "this table", help)
}

fn policy(word: &str, span: Range<usize>) -> Result<ChainPolicy, Fault> {
    match word {
        "ACCEPT" => Ok(ChainPolicy::Accept),
        "DROP" => Ok(ChainPolicy::Drop),
        _ => Err(Fault::new(
            span,
            format!("`{word}` is no chain policy"),
            "a policy belongs here",
            "write ACCEPT or DROP; a chain of your own has `-`",
        )),
    }
}

fn chain_line(body: &str, shift: usize) -> Result<Line, Fault> {
    let mut fields = body[1..].split([' ', '\t']).filter(|field| !field.is_empty());
    let place = |field: &str| {
        let start = field.as_ptr() as usize - body.as_ptr() as usize + shift;
        start..start + field.len()
    };
    let (Some(name), Some(word)) = (fields.next(), fields.next()) else {
        return Err(Fault::new(
            shift..shift + body.len(),
            "the chain line is not complete",
            "a name and a policy are needed",
            "write `:INPUT DROP [0:0]`, or `:mine - [0:0]` for a chain of your own",
        ));
    };
    let policy = if word == "-" { None } else { Some(policy(word, place(word))?) };
    Ok(Line::Chain { name: name.to_string(), policy, span: place(name) })
}

fn counters(word: &Word) -> Result<(), Fault> {
    let inner = word.text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let numbers = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match inner.and_then(|inner| inner.split_once(':')) {
        Some((packets, bytes)) if numbers(packets) && numbers(bytes) => Ok(()),
        _ => Err(Fault::new(word.span.clone(), "these are no counters", "here", "write `[0:0]`, or leave it out")),
    }
}

/// The commands that are no rules; `None` where the line is something else.
fn command(first: &Word, rest: &[Word], whole: &Range<usize>) -> Option<Result<Line, Fault>> {
    let needs = |count: usize, help: &str| {
        if rest.len() == count {
            return Ok(());
        }
        Err(Fault::new(whole.clone(), format!("`{}` takes {count} words", first.text), "this line", help))
    };
    let optional = || match rest {
        [] => Ok(None),
        [chain] => Ok(Some(chain.text.clone())),
        _ => Err(Fault::new(
            whole.clone(),
            format!("`{}` takes one chain at most", first.text),
            "this line",
            "name one chain, or none for all",
        )),
    };
    Some(match first.text.as_str() {
        "-P" | "--policy" => needs(2, "write `-P INPUT DROP`").and_then(|()| {
            let policy = policy(&rest[1].text, rest[1].span.clone())?;
            Ok(Line::Policy { chain: rest[0].text.clone(), policy, span: rest[0].span.clone() })
        }),
        "-N" | "--new-chain" => needs(1, "write `-N mine`")
            .map(|()| Line::NewChain { name: rest[0].text.clone(), span: rest[0].span.clone() }),
        "-F" | "--flush" => optional().map(Line::Flush),
        "-X" | "--delete-chain" => optional().map(Line::DeleteChain),
        "-Z" | "--zero" => optional().map(|_| Line::Zero),
        _ => return None,
    })
}

/// Reads a whole file as `iptables-restore` does, from empty tables; a line with a fault costs only itself.
///
/// The rules' `origin.line` is their line. Faults come with their line, from 1.
pub fn file(text: &str, family: Family) -> (Ruleset, Vec<(usize, Fault)>) {
    let mut ruleset = Ruleset::new(family);
    let mut faults = Vec::new();
    let mut current: Option<(TableName, usize)> = None;
    for (index, line_text) in text.split_inclusive('\n').enumerate() {
        let number = index + 1;
        let line_text = line_text.strip_suffix('\n').unwrap_or(line_text);
        if let Some(fault) = misshapen(line_text) {
            faults.push((number, fault));
        }
        let line = match line(line_text, family, false) {
            Ok(line) => line,
            Err(found) => {
                faults.extend(found.into_iter().map(|fault| (number, fault)));
                continue;
            }
        };
        match (line, current) {
            (Line::Blank | Line::Comment, _) => {}
            (Line::Table(name), open) => {
                if let Some((open, start)) = open {
                    faults.push((start, uncommitted(open)));
                }
                current = Some((name, number));
                let table = ruleset.table_or_new(name);
                *table = super::ruleset::Table::new(name);
            }
            (Line::Commit, Some(_)) => current = None,
            (_, None) => {
                let help = "begin a table with `*filter` before it, and end it with `COMMIT` after it";
                faults.push((number, Fault::new(0..line_text.len(), "the line stands in no table", "this line", help)));
            }
            (line, Some((name, _))) => {
                if let Err(fault) = apply(line, ruleset.table_or_new(name), number as u32, line_text.len()) {
                    faults.push((number, fault));
                }
            }
        }
    }
    if let Some((open, start)) = current {
        faults.push((start, uncommitted(open)));
    }
    (ruleset, faults)
}

/// What only a whole file cannot have: `rules` blocks may be indented, files may not.
fn misshapen(line: &str) -> Option<Fault> {
    let body = line.trim_start_matches([' ', '\t']);
    let indented = body.len() < line.len();
    if line.len() > LINE_MAX {
        let message = format!("the line has more than {LINE_MAX} bytes");
        return Some(Fault::new(LINE_MAX..line.len(), message, "read as another line from here", "shorten it"));
    }
    if indented && body.is_empty() {
        return Some(Fault::new(
            0..line.len(),
            "the line holds only blanks",
            "here",
            "delete the blanks: an empty line is fine",
        ));
    }
    let special = body.starts_with(['#', ':', '*']) || body.starts_with("COMMIT");
    let trailing = body.starts_with("COMMIT") && body != "COMMIT" && body.trim_end() == "COMMIT";
    if indented && special || trailing {
        return Some(Fault::new(
            0..line.len(),
            "blanks keep the line from being read",
            "this line",
            "delete the blanks around it",
        ));
    }
    None
}

fn uncommitted(table: TableName) -> Fault {
    Fault::new(
        0..table.name().len() + 1,
        format!("table `{}` is never committed", table.name()),
        "opened here, and not loaded",
        "end the table with a line `COMMIT`",
    )
}

fn no_such_chain(name: &str, table: TableName, span: Range<usize>) -> Fault {
    Fault::new(
        span,
        format!("table `{}` has no chain `{name}`", table.name()),
        "not declared before this line",
        format!("declare it above with `:{name} - [0:0]`"),
    )
}

fn apply(line: Line, table: &mut super::ruleset::Table, number: u32, length: usize) -> Result<(), Fault> {
    let whole = 0..length;
    let name = table.name;
    match line {
        Line::Chain { name, policy, span } => {
            if let Some(problem) = chain_name_fault(&name, &span) {
                return Err(problem);
            }
            let declared = table.chain(&name);
            if declared.is_some_and(|chain| !table.is_built_in(chain)) {
                return Err(declared_twice(&name, span));
            }
            let chain = table.chain_or_new(&name);
            if policy.is_some() && !table.is_built_in(chain) {
                return Err(own_policy(&name, span));
            }
            if policy.is_some() {
                table.chains[usize::from(chain.0)].policy = policy;
            }
        }
        Line::Policy { chain, policy, span } => {
            let Some(id) = table.chain(&chain) else { return Err(no_such_chain(&chain, name, span)) };
            if !table.is_built_in(id) {
                return Err(own_policy(&chain, span));
            }
            if name == TableName::Nat && policy == ChainPolicy::Drop {
                let help = "drop in table `filter`: the nat table sees only the first packet of a connection";
                return Err(Fault::new(whole, "a chain of table `nat` cannot drop", "iptables refuses it", help));
            }
            table.chains[usize::from(id.0)].policy = Some(policy);
        }
        Line::NewChain { name, span } => {
            if let Some(problem) = chain_name_fault(&name, &span) {
                return Err(problem);
            }
            if table.chain(&name).is_some() {
                return Err(declared_twice(&name, span));
            }
            table.chain_or_new(&name);
        }
        Line::Flush(None) => table.rules.clear(),
        Line::Flush(Some(chain)) => match table.chain(&chain) {
            Some(id) => table.rules.retain(|rule| rule.chain != id),
            None => return Err(no_such_chain(&chain, name, whole)),
        },
        Line::DeleteChain(chain) => {
            let built_in = name.built_in_chains().len();
            if chain.is_none() && table.rules.iter().all(|rule| usize::from(rule.chain.0) < built_in) {
                table.chains.truncate(built_in);
            } else {
                let help = "leave the line out, and do not declare the chain";
                return Err(Fault::new(whole, "a chain that was just made cannot be deleted", "this line", help));
            }
        }
        Line::Rules(rules) => {
            for text in rules {
                if text.table.is_some() {
                    return Err(Fault::new(
                        whole,
                        "`-t` cannot stand in a rule file",
                        "iptables-restore refuses it",
                        "put the rule below the line of its table, `*nat` or another",
                    ));
                }
                let Some(chain) = table.chain(&text.chain) else {
                    let span = text.place(Part::Chain).unwrap_or(whole);
                    return Err(no_such_chain(&text.chain, name, span));
                };
                let origin = Origin { sentence: 0, line: number };
                let RuleText { header, matches, target, .. } = text;
                table.rules.push(Rule { chain, header, matches, target, origin });
            }
        }
        Line::Blank | Line::Comment | Line::Zero | Line::Commit | Line::Table(_) => {}
    }
    Ok(())
}

fn declared_twice(chain: &str, span: Range<usize>) -> Fault {
    let help = "leave the line out: the chain exists already";
    Fault::new(span, format!("chain `{chain}` is declared twice"), "iptables-legacy refuses it", help)
}

fn own_policy(chain: &str, span: Range<usize>) -> Fault {
    let help = format!("write `:{chain} - [0:0]`, and end the chain with a rule that decides");
    Fault::new(span, format!("chain `{chain}` is not built in and has no policy"), "a chain of your own", help)
}

/// What is wrong with a chain's name, if anything: 1 to 28 bytes, no dash or `!` in front, no name of a verdict.
pub fn chain_name_fault(name: &str, span: &Range<usize>) -> Option<Fault> {
    let reason = if name.is_empty() {
        "is empty"
    } else if name.len() > Chain::NAME_MAX {
        "is longer than 28 bytes"
    } else if name.starts_with(['-', '!']) {
        "begins with `-` or `!`"
    } else if name.contains([' ', '\t']) {
        "holds a blank"
    } else if is_target_name(name) {
        "is the name of a target"
    } else {
        return None;
    };
    let help = "choose a name of 1 to 28 bytes that is no target and begins with a letter";
    Some(Fault::new(span.clone(), format!("the chain name `{name}` {reason}"), "this name", help))
}

#[cfg(test)]
mod tests {
    use super::super::ruleset::{Negatable, Ports, Tcp};
    use super::super::{check, print};
    use super::*;

    fn one(text: &str, family: Family, template: bool) -> RuleText {
        match line(text, family, template) {
            Ok(Line::Rules(mut rules)) if rules.len() == 1 => rules.remove(0),
            other => panic!("{text}: {other:?}"),
        }
    }

    fn fault(text: &str) -> Fault {
        line(text, Family::V4, false).expect_err(text).remove(0)
    }

    #[test]
    fn parameters_become_holes() {
        let text = "-A INPUT ! -s \u{1}a -i \u{1}b -p tcp --dport \u{1}c \u{1}d -j \u{1}e";
        let rule = one(text, Family::V4, true);
        let hole = |slot, parameter, negated, before| Hole { slot, parameter, negated, before };
        assert_eq!(rule.holes.len(), 4);
        for expected in [
            hole(Slot::Source, 'a', true, 0),
            hole(Slot::InInterface, 'b', false, 0),
            hole(Slot::DestinationPorts, 'c', false, 0),
            hole(Slot::Matches, 'd', false, 1),
        ] {
            assert!(rule.holes.contains(&expected), "{expected:?} in {:?}", rule.holes);
        }
        assert_eq!(rule.header.source, None);
        assert_eq!(rule.target, Target::Jump("\u{1}e".into()));
        let ports = Ports { source: None, destination: None };
        assert_eq!(rule.matches, [Match::Tcp(Box::new(Tcp { ports, flags: None, option: None }))]);
    }

    #[test]
    fn parameters_stand_in_their_places_only() {
        for text in
            ["-A INPUT -p \u{1}a", "-A INPUT -p tcp --tcp-flags \u{1}a SYN", "-A INPUT ! \u{1}a", "-A INPUT -m \u{1}a"]
        {
            let faults = line(text, Family::V4, true).expect_err(text);
            assert_eq!(faults[0].message, "a parameter cannot stand here", "{text}");
        }
        assert!(fault("-A INPUT -s \u{1}a").message.contains("control character"));
    }

    #[test]
    fn parts_know_their_places() {
        let text = "  -A INPUT -p tcp ! -s 192.0.2.1 --dport 22 -m comment --comment \"a b\" -j DROP";
        let rule = one(text, Family::V4, false);
        let places: Vec<_> = rule.parts.iter().map(|(part, span)| (*part, &text[span.clone()])).collect();
        assert_eq!(
            places,
            [
                (Part::Chain, "INPUT"),
                (Part::Protocol, "-p tcp"),
                (Part::Source, "! -s 192.0.2.1"),
                (Part::Match(0), "--dport 22"),
                (Part::Match(1), "-m comment --comment \"a b\""),
                (Part::Target, "-j DROP"),
            ]
        );
    }

    #[test]
    fn lists_of_addresses_are_several_rules() {
        let Ok(Line::Rules(rules)) = line("-A INPUT -s 192.0.2.1,192.0.2.2 -d 198.51.100.0/24,0/0", Family::V4, false)
        else {
            panic!("a list")
        };
        assert_eq!(rules.len(), 4);
        assert_eq!(rules[1].header.destination, None);
        assert_eq!(rules[3].header.source.as_ref().map(|source| source.negated), Some(false));
    }

    #[test]
    fn several_faults_of_a_line_are_all_found() {
        let faults = line("-A INPUT -s nowhere -i 0123456789abcdef -p tcp --dport 70000 -j ACCEPT", Family::V4, false);
        let faults = faults.expect_err("three faults");
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults.iter().all(|fault| !fault.help.is_empty()));
    }

    #[test]
    fn helps_say_what_to_write() {
        for (text, help) in [
            ("-A INPUT -s ! 192.0.2.1 -j DROP", "write the `!` before the option: `! -s 192.0.2.1`"),
            ("-I INPUT -j DROP", "write `-A` and put the line where the rule belongs"),
            ("-A INPUT --dport 22", "ports need `-p tcp`, `-p udp` or `-p sctp` before them"),
            ("-A INPUT -p icmp --icmpv6-type 1", "in IPv4 rules write `-p icmp --icmp-type`"),
            ("-A INPUT -j REJECT --reject-with icmp6-no-route", "in IPv4 rules write `icmp-net-unreachable`"),
            ("-A INPUT -ieth0", "write a blank in between: `-i eth0`"),
        ] {
            assert_eq!(fault(text).help, help, "{text}");
        }
    }

    #[test]
    fn unknown_matches_are_kept_word_for_word() {
        let text = r#"-A INPUT -m strange ! --odd 1 "two words" --flag -p udp -m udp --dport 53 -j ODDITY --to x"#;
        let rule = one(text, Family::V4, false);
        let mut ruleset = Ruleset::new(Family::V4);
        let table = ruleset.table_or_new(TableName::Filter);
        let chain = table.chain_or_new("INPUT");
        let origin = Origin { sentence: 0, line: 1 };
        let rule = Rule { chain, header: rule.header, matches: rule.matches, target: rule.target, origin };
        assert_eq!(
            print::rule_line("INPUT", &rule, Family::V4),
            r#"-A INPUT -p udp -m strange ! --odd 1 "two words" --flag -m udp --dport 53 -j ODDITY --to x"#
        );
    }

    #[test]
    fn files_are_read_as_a_whole() {
        let text = "*filter\n:INPUT DROP [0:0]\n:own - [0:0]\n-A INPUT -j own\n-A nowhere -j DROP\n  # no\n-P FORWARD DROP\nCOMMIT\n*raw\n";
        let (ruleset, faults) = file(text, Family::V6);
        let lines: Vec<usize> = faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [5, 6, 9]);
        let filter = ruleset.table(TableName::Filter).expect("the table");
        assert_eq!(filter.chains[0].policy, Some(ChainPolicy::Drop));
        assert_eq!(filter.chains[1].policy, Some(ChainPolicy::Drop));
        assert_eq!(filter.rules[0].origin.line, 4);
        assert_eq!(check::check_ruleset(&ruleset), []);
    }

    #[test]
    fn ports_may_be_negated() {
        let rule = one("-A INPUT -p udp ! --sport 500", Family::V4, false);
        let source = Some(Negatable::not(crate::net::PortRange::single(500)));
        assert_eq!(rule.matches, [Match::Udp(Ports { source, destination: None })]);
    }
}
