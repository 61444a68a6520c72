//! What can be wrong with a rule that can be read: the report, and the rule in its place.
//! Input: a rule, and what it may not be. Output: problems, which `check` collects.

use super::hooks::Hooks;
use super::ruleset::Part;
use super::ruleset::{Header, Match, TableName, Target};
use std::fmt::Display;

use crate::net::{Family, Protocol};

/// What a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An address of the other family, or one that matches nothing.
    Address,
    /// An interface where the packet has none, or a pattern that matches nothing.
    Interface,
    /// A protocol that is missing, or that the family does not have.
    Protocol,
    /// A match that the chain, the table or the family does not take, or that matches nothing.
    Match,
    /// A target that the chain, the table or the family does not take, or that lacks something.
    Target,
    /// Text that is cut or refused.
    Text,
    /// A rate that cannot be counted.
    Rate,
    /// A chain that is not there, a loop of chains, or a rule in a chain that is called from where it cannot be.
    Chain,
}

/// One problem of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The part of the rule that it is about.
    pub part: Part,
    /// What it is about.
    pub kind: Kind,
    /// Whether a backend refuses the rule; otherwise it loads, and cannot do what it says.
    pub refused: bool,
    /// What is wrong.
    pub message: String,
    /// What is there.
    pub label: String,
    /// What to write instead; never empty.
    pub help: String,
}

/// A rule and where it is.
pub struct RulePlace<'a> {
    /// The name of its chain.
    pub chain: &'a str,
    /// Its table.
    pub table: TableName,
    /// Its family.
    pub family: Family,
    /// The hooks that it is reached from; none where that is not known.
    pub hooks: Hooks,
    /// Its header.
    pub header: &'a Header,
    /// Its matches.
    pub matches: &'a [Match],
    /// Its target.
    pub target: &'a Target,
}

impl RulePlace<'_> {
    /// The protocol that every packet of the rule has.
    pub fn protocol(&self) -> Option<Protocol> {
        self.header.protocol.filter(|protocol| !protocol.negated).map(|protocol| protocol.value)
    }

    /// Reports what is in a chain of one's own that is called from where it must not be.
    pub fn hooks_within(
        &self,
        allowed: Hooks,
        part: Part,
        kind: Kind,
        what: &dyn Display,
        problems: &mut Vec<Problem>,
    ) {
        let bad = self.hooks.without(allowed);
        if bad == Hooks::NONE {
            return;
        }
        let own = Hooks::of_chain(self.chain) == Hooks::NONE;
        let (kind, label) = if own {
            (Kind::Chain, format!("chain `{}` is called from {}", self.chain, bad.names()))
        } else {
            (kind, format!("not in {}", bad.names()))
        };
        let message = format!("{what} cannot be in {}", bad.names());
        let help = format!("it may be in {}", allowed.names());
        problems.push(Problem { part, kind, refused: true, message, label, help });
    }
}

/// A problem of a rule that a loader refuses.
pub fn problem(
    part: Part,
    kind: Kind,
    message: impl Into<String>,
    label: impl Into<String>,
    help: impl Into<String>,
) -> Problem {
    Problem { part, kind, refused: true, message: message.into(), label: label.into(), help: help.into() }
}

/// A problem of a rule that every loader takes.
pub fn vain(problem: Problem) -> Problem {
    Problem { refused: false, ..problem }
}

/// Reports text that is cut, or that a rule file cannot hold.
pub fn text(text: &str, most: usize, what: &str, part: Part, problems: &mut Vec<Problem>) {
    if text.chars().any(char::is_control) {
        let message = format!("the {what} holds a control character");
        problems.push(problem(part, Kind::Text, message, "a rule file cannot hold it", "delete the control character"));
    }
    if text.len() > most {
        let message = format!("the {what} has {} bytes", text.len());
        let label = format!("iptables keeps {most} bytes, and cuts the rest without a word");
        problems.push(vain(problem(part, Kind::Text, message, label, format!("shorten it to {most} bytes"))));
    }
}

/// Reports a match or target outside its tables.
pub fn tables(
    allowed: &[TableName],
    what: &dyn Display,
    part: Part,
    kind: Kind,
    place: &RulePlace,
    problems: &mut Vec<Problem>,
) -> bool {
    if allowed.contains(&place.table) {
        return true;
    }
    let names: Vec<_> = allowed.iter().map(|table| format!("`{}`", table.name())).collect();
    let message = format!("`{what}` cannot be in table `{}`", place.table.name());
    let help = format!("put the rule into table {}", names.join(" or "));
    problems.push(problem(part, kind, message, "the wrong table", help));
    false
}

/// Reports a protocol that is missing.
pub fn needs(
    protocol: Protocol,
    what: &dyn Display,
    option: &str,
    part: Part,
    place: &RulePlace,
    problems: &mut Vec<Problem>,
) {
    if place.protocol() != Some(protocol) {
        let message = format!("`{what}` needs `{option}`");
        let label = match place.header.protocol {
            None => "the rule names no protocol",
            Some(protocol) if protocol.negated => "the rule only excludes a protocol",
            Some(_) => "the rule names another protocol",
        };
        problems.push(problem(part, Kind::Protocol, message, label, format!("write `{option}` before it")));
    }
}

/// Reports a match or target of the other family.
pub fn wrong_family(
    wanted: Family,
    what: &dyn Display,
    instead: &str,
    part: Part,
    kind: Kind,
    place: &RulePlace,
    problems: &mut Vec<Problem>,
) {
    let message = format!("`{what}` exists for {} only", wanted.name());
    let instead = if instead.is_empty() { "nothing: leave it out" } else { instead };
    let help = format!("in {} rules write {instead}", place.family.name());
    problems.push(problem(part, kind, message, "the wrong family", help));
}
