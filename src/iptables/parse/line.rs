//! One line of rule text.
//! Input: its text and its family. Output: what it says, or the faults of what cannot be read.

use std::ops::Range;

use super::chain_name::{ChainNames, unknown_table};
use super::rule;
use super::rule_text::RuleText;
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::{ChainPolicy, TableName};
use crate::iptables::text::holes::hole;
use crate::iptables::text::words::{Word, words};
use crate::net::Family;

/// The longest line that `iptables-restore` reads in one piece, in bytes.
pub const MAX_LINE_BYTES: usize = 10_238;

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

/// Reads one line. Blanks at either end are skipped; in a `template` U+0001 and a character stand for a parameter.
pub fn line(text: &str, family: Family, template: bool) -> Result<Line, Vec<Fault>> {
    line_of(text, family, template, None)
}

/// Reads one line of a file, of which the chains above it are known: it may change rules above, and what is said
/// after `-j` is one of these chains first.
pub fn line_of(text: &str, family: Family, template: bool, chains: Option<&ChainNames>) -> Result<Line, Vec<Fault>> {
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
    if let Some(word) = words.iter().find(|word| word.text.contains('\u{1}') && hole(&word.text).is_none()) {
        let help = "write it as a word of its own, with blanks around it";
        return Err(vec![Fault::new(word.span.clone(), "a parameter is a part of a word", "this word", help)]);
    }
    if words[0].text.starts_with('[') && !words[0].quoted {
        counters(&words[0]).map_err(|fault| vec![fault])?;
        words.remove(0);
    }
    if let Some(result) = words.first().and_then(|first| command(first, &words[1..], &whole)) {
        return result.map_err(|fault| vec![fault]);
    }
    rule::rules(&words, family, template, chains, text.len()).map(Line::Rules)
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

/// The commands that are not rules; `None` where the line is something else.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iptables::ruleset::{Match, Negatable, Part, Ports, Target, Tcp};
    use crate::iptables::text::holes::{Hole, Slot};

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
        assert_eq!(rule.target, Target::Unresolved { chain: "\u{1}e".into(), goto: false });
        let ports = Ports { source: None, destination: None };
        assert_eq!(rule.matches, [Match::Tcp(Box::new(Tcp { ports, flags: None, option: None }))]);
    }

    #[test]
    fn parameters_stand_in_their_places_only() {
        for text in
            ["-A INPUT -p \u{1}a", "-A INPUT -p tcp --tcp-flags \u{1}a SYN", "-A INPUT ! \u{1}a", "-A INPUT -m \u{1}a"]
        {
            let faults = line(text, Family::V4, true).expect_err(text);
            assert_eq!(faults[0].message, "a parameter cannot be here", "{text}");
        }
        let glued = line("-A INPUT -i x\u{1}a -j ACCEPT", Family::V4, true).expect_err("a part of a word");
        assert_eq!(glued[0].message, "a parameter is a part of a word");
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
            ("-A INPUT -m recent --update --hitcont 4", "did you mean `--hitcount`?"),
        ] {
            assert_eq!(fault(text).help, help, "{text}");
        }
    }

    #[test]
    fn ports_may_be_negated() {
        let rule = one("-A INPUT -p udp ! --sport 500", Family::V4, false);
        let source = Some(Negatable::not(crate::net::PortRange::single(500)));
        assert_eq!(rule.matches, [Match::Udp(Ports { source, destination: None })]);
    }
}
