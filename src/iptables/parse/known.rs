//! The matches and targets of iptables 1.8.9: their options, what follows each, and what must or must not stand together.
//! Input: a name. Output: an entry of the tables below this module, by which `rule` and `untyped` read the options.

mod connections;
mod content;
mod counting;
mod delivery;
mod hashlimit;
mod headers;
mod headers6;
mod marks;
mod rateest;
mod security;
mod sets;
mod socket;
mod time;
mod typed;

use super::rule::Extension;
use super::untyped::Said;
use super::{Fault, Word};
use crate::net::Family;

/// Reads a word after an option as `iptables-save` would print it.
pub type Reads = fn(&Word, Family) -> Result<String, Fault>;

/// Changes the options of a match or target to what `iptables-save` prints for all of them, or refuses them.
pub type Finish = fn(Vec<Said>, &Extension, Family) -> Result<Vec<Said>, Fault>;

/// What follows an option.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// Nothing.
    Nothing,
    /// One word.
    One(Reads),
    /// Two words.
    Two(Reads, Reads),
    /// One word, or none.
    Perhaps(Reads),
    /// So many words, which a match or target with a type of its own reads.
    Typed(usize),
}

impl Value {
    /// How many words must follow.
    pub fn words(self) -> usize {
        match self {
            Value::Nothing | Value::Perhaps(_) => 0,
            Value::One(_) => 1,
            Value::Two(..) => 2,
            Value::Typed(count) => count,
        }
    }
}

/// An option of a match or a target.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// The name after the dashes.
    pub name: &'static str,
    /// The name that `iptables-save` prints.
    pub saved: &'static str,
    /// What follows.
    pub value: Value,
    /// Whether a `!` may stand before it.
    pub negatable: bool,
}

impl Spelling {
    /// The option may be negated.
    const fn negatable(self) -> Spelling {
        Spelling { negatable: true, ..self }
    }

    /// The option is saved under another name.
    const fn saved_as(self, saved: &'static str) -> Spelling {
        Spelling { saved, ..self }
    }
}

const fn spelling(name: &'static str, value: Value) -> Spelling {
    Spelling { name, saved: name, value, negatable: false }
}

/// An option without a value.
const fn flag(name: &'static str) -> Spelling {
    spelling(name, Value::Nothing)
}

/// An option with one value.
const fn option(name: &'static str, reads: Reads) -> Spelling {
    spelling(name, Value::One(reads))
}

/// A match or a target whose options are known.
#[derive(Debug)]
pub struct Known {
    /// The name after `-m` or `-j`.
    pub name: &'static str,
    /// The family, where it exists in one only.
    pub family: Option<Family>,
    /// Its options, in the order of `iptables-save`.
    pub options: &'static [Spelling],
    /// Of each of these groups one option must be there.
    pub needs: &'static [&'static [&'static str]],
    /// Of each of these groups one option may be there.
    pub excludes: &'static [&'static [&'static str]],
    /// The first option only together with the second.
    pub together: &'static [(&'static str, &'static str)],
    /// What is left to do for all options together.
    pub finish: Finish,
}

impl Known {
    const fn only(self, family: Family) -> Known {
        Known { family: Some(family), ..self }
    }

    const fn needs(self, needs: &'static [&'static [&'static str]]) -> Known {
        Known { needs, ..self }
    }

    const fn excludes(self, excludes: &'static [&'static [&'static str]]) -> Known {
        Known { excludes, ..self }
    }

    const fn together(self, together: &'static [(&'static str, &'static str)]) -> Known {
        Known { together, ..self }
    }

    const fn finish(self, finish: Finish) -> Known {
        Known { finish, ..self }
    }
}

const fn known(name: &'static str, options: &'static [Spelling]) -> Known {
    Known { name, family: None, options, needs: &[], excludes: &[], together: &[], finish: |all, _, _| Ok(all) }
}

/// Every match, by subject.
const MATCHES: [&[Known]; 9] = [
    typed::MATCHES,
    headers::MATCHES,
    headers6::MATCHES,
    connections::MATCHES,
    counting::MATCHES,
    content::MATCHES,
    socket::MATCHES,
    sets::MATCHES,
    time::MATCHES,
];

/// Every target, by subject.
const TARGETS: [&[Known]; 5] = [typed::TARGETS, marks::TARGETS, delivery::TARGETS, security::TARGETS, sets::TARGETS];

/// The match of that name, with the aliases of `icmp6`.
pub fn known_match(name: &str) -> Option<&'static Known> {
    let name = if matches!(name, "icmpv6" | "ipv6-icmp") { "icmp6" } else { name };
    MATCHES.into_iter().flatten().find(|known| known.name == name)
}

/// The target of that name.
pub fn known_target(name: &str) -> Option<&'static Known> {
    TARGETS.into_iter().flatten().find(|known| known.name == name)
}

/// Whether the name is a target of the kernel or of iptables, so that no chain can have it.
pub fn is_target_name(name: &str) -> bool {
    known_target(name).is_some()
}

/// Every name that iptables 1.8.9 has a match for.
pub fn match_names() -> impl Iterator<Item = &'static str> {
    MATCHES.into_iter().flatten().map(|known| known.name)
}

/// Every name that iptables 1.8.9 has a target for.
pub fn target_names() -> impl Iterator<Item = &'static str> {
    TARGETS.into_iter().flatten().map(|known| known.name)
}
