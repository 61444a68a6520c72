//! The clauses that a sentence can have, and what may come after each.
//! Input: a building block, or the vocabulary. Output: clauses with their documentation, for completion and hover.

use std::borrow::Cow;

use crate::language::clauses::{COMMON, FOLLOWERS, Keyword, Position, TRAFFIC, TrafficClause, ValueKind};
use crate::language::values::HELPERS;
use crate::snippet::library::{Library, Name};
use crate::snippet::signature::{ClausePart, OpenDirection, ParameterKind, Signature};

/// A clause that a sentence can have.
#[derive(Clone, Debug)]
pub struct OfferedClause {
    /// Its words; none for a value that is by itself.
    pub words: Vec<String>,
    /// What it means.
    pub text: Cow<'static, str>,
    /// What comes after the words.
    pub value: ValueKind,
    /// Whether the sentence must have it.
    pub required: bool,
    /// The clauses of the block that must come directly after it.
    pub(super) then: Vec<OfferedClause>,
    /// The words whose followers may come directly after it, if there are any.
    pub(super) followed_as: Option<&'static str>,
    /// Whether `port` may be among them.
    pub(super) has_port: bool,
    /// Whether `set` may be among them.
    pub(super) has_set: bool,
    /// The forms of the sentence that have it, a bit for each.
    pub(super) forms: u32,
    /// Whether it is only for sentences whose rules are all in FORWARD.
    pub(super) forwarded: bool,
    /// The clauses with which it contradicts itself.
    pub(super) not_with: &'static [&'static str],
}

impl OfferedClause {
    /// The clauses that may come directly after it.
    pub(super) fn followers(&self) -> Vec<OfferedClause> {
        let own = self.then.iter().cloned();
        let all = self.followed_as.and_then(|words| FOLLOWERS.get(words)).into_iter().flatten();
        all.filter(|keyword| self.has_port || keyword.words != "port")
            .filter(|keyword| self.has_set || keyword.words != "set")
            .copied()
            .map(of_keyword)
            .chain(own)
            .collect()
    }
}

/// The clauses of the sentences of a name: those of its forms, of traffic where they take it, and of every sentence.
pub fn clauses(name: &Name, library: &Library) -> Vec<OfferedClause> {
    let signature = &*library.snippets[usize::from(name.snippet)].signature;
    let mut all: Vec<OfferedClause> = Vec::new();
    for (bit, form) in name.forms.iter().map(|form| &signature.forms[usize::from(*form)]).enumerate() {
        let bit = 1 << bit;
        for clause in &form.clauses {
            if clause.part == ClausePart::Traffic {
                let admitted = form.traffic_clauses.as_ref().unwrap_or(&signature.traffic.clauses);
                for new in traffic(signature, admitted, bit) {
                    match all.iter_mut().find(|known| known.text == new.text) {
                        Some(known) => known.forms |= bit,
                        None => all.push(new),
                    }
                }
            } else if let Some(before) = all.last_mut().filter(|_| clause.follows) {
                before.then.push(own_clause(signature, clause.keyword.clone(), clause.part, true, bit));
            } else if let Some(known) = all.iter_mut().find(|known| known.words == clause.keyword) {
                known.forms |= bit;
            } else {
                let required = clause.required && name.forms.len() == 1;
                all.push(own_clause(signature, clause.keyword.clone(), clause.part, required, bit));
            }
        }
    }
    all.extend(COMMON.iter().filter(|keyword| keyword.begins()).map(of_keyword));
    all
}

/// The clauses of traffic that a form admits.
fn traffic(signature: &Signature, admitted: &[TrafficClause], forms: u32) -> impl Iterator<Item = OfferedClause> {
    let (directions, open) = (&signature.traffic.directions, signature.traffic.open);
    let is_admitted = move |keyword: &&Keyword| match keyword.words {
        _ if keyword.place == Position::Packets => false,
        "on" => open != OpenDirection::None,
        words @ ("in" | "out" | "forward") => {
            open != OpenDirection::None && directions.iter().any(|direction| direction.word() == words)
        }
        _ => keyword.clause.is_none_or(|clause| admitted.contains(&clause)),
    };
    TRAFFIC.iter().filter(|keyword| keyword.begins()).filter(is_admitted).map(move |keyword| {
        let port = match keyword.words {
            "from" => TrafficClause::SourcePort,
            "original to" => TrafficClause::Original,
            _ => TrafficClause::Port,
        };
        let (has_port, has_set) = (admitted.contains(&port), admitted.contains(&TrafficClause::Set));
        OfferedClause { forms, has_port, has_set, ..of_keyword(keyword) }
    })
}

fn own_clause(
    signature: &Signature,
    words: Vec<String>,
    part: ClausePart,
    required: bool,
    forms: u32,
) -> OfferedClause {
    let clause = |text: &str, value| OfferedClause {
        words,
        text: Cow::Owned(text.to_owned()),
        value,
        required,
        then: Vec::new(),
        followed_as: None,
        has_port: true,
        has_set: false,
        forms,
        forwarded: false,
        not_with: &[],
    };
    match part {
        ClausePart::Parameter(index) => {
            let parameter = &signature.parameters[usize::from(index)];
            let clause = clause(&parameter.text, expect(&parameter.kind));
            OfferedClause { followed_as: (parameter.kind == ParameterKind::Rate).then_some("limit"), ..clause }
        }
        ClausePart::Flag(index) => clause(&signature.flags[usize::from(index)].text, ValueKind::Nothing),
        ClausePart::Traffic => clause("", ValueKind::Nothing),
    }
}

pub(super) fn of_keyword(keyword: &Keyword) -> OfferedClause {
    OfferedClause {
        words: keyword.words.split(' ').map(str::to_owned).collect(),
        text: keyword.text.into(),
        value: (keyword.value)(),
        required: false,
        then: Vec::new(),
        followed_as: (keyword.place != Position::Packets).then_some(keyword.words),
        has_port: true,
        has_set: false,
        forms: u32::MAX,
        forwarded: keyword.place == Position::Forwarded,
        not_with: keyword.not_with,
    }
}

fn expect(kind: &ParameterKind) -> ValueKind {
    match kind {
        ParameterKind::Address { .. } => ValueKind::Address,
        ParameterKind::Interface { .. } => ValueKind::Interface,
        ParameterKind::Ports => ValueKind::Ports,
        ParameterKind::Rate => ValueKind::Other("a rate, such as `10/second`"),
        ParameterKind::Number { .. } => ValueKind::Other("a number"),
        ParameterKind::Word(words) => ValueKind::Words(words.clone()),
        ParameterKind::Reason => ValueKind::Reason,
        ParameterKind::Mark { .. } => ValueKind::Other("a mark, such as `0x1` or `0x1/0xff`"),
        ParameterKind::String { .. } => ValueKind::Other("a text in quotes"),
        ParameterKind::Helper => ValueKind::Words(HELPERS.iter().map(|helper| helper.name.to_owned()).collect()),
        ParameterKind::Network { .. } => ValueKind::Other("a network: `10.1.0.0/16`"),
        ParameterKind::Endpoint { .. } => ValueKind::Other("an address, perhaps with ports: `10.0.0.1:80`"),
    }
}

/// Whether a clause contradicts those that were said.
pub(super) fn is_excluded(clause: &OfferedClause, seen: &[String]) -> bool {
    let has = |words: &[&str]| seen.iter().any(|seen| words.contains(&seen.as_str()));
    let is_word = |word: &str| clause.words == [word];
    match has(&["forward"]) {
        true if is_word("in") || is_word("out") => {
            has(&[clause.words[0].as_str()]) || has(&["on"]) && !has(&["in", "out"])
        }
        true if is_word("on") => false,
        _ => has(clause.not_with),
    }
}
