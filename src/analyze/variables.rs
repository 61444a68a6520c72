//! What a packet may be: everything that the rules ask for and that is not decided by another thing.
//! Input: fields and unknowns, as they are met. Output: variables, each a number with the values that it may have.

use std::collections::HashMap;

use super::ranges::Ranges;
use crate::iptables::meaning::{Doubt, Field, Unknown};
use crate::iptables::ruleset::Hook;
use crate::net::Family;
use crate::simulate::Place;

/// The number of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Variable(pub u32);

/// A packet at a rule that writes: what it writes may be another value each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Visit {
    /// The rule.
    pub place: Place,
    /// The hook at which its chain is called.
    pub hook: Hook,
    /// How many calls of this hook have led to the rule before.
    pub time: u32,
}

/// What a variable stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A field of the packet on the wire; interfaces by their position in a list of names.
    Field(Field),
    /// A part of the bits of a mark, on the wire.
    Bits(Field, u32),
    /// Something that the packet alone does not tell; sets are others after so many new sources and destinations.
    Unclear(Doubt, Unknown, [u32; 2]),
    /// What a rule makes of a field, where that is not known; of a mark the part with this mask.
    After(Option<Visit>, Field, u32),
    /// Whether a destination is of another type than it seems.
    OtherType,
}

/// All variables that were met.
#[derive(Debug)]
pub struct Variables {
    numbers: HashMap<Subject, Variable>,
    list: Vec<(Subject, Ranges)>,
    family: Family,
    interfaces: u128,
}

impl Variables {
    /// None yet; `interfaces`: how many names there are.
    pub fn new(family: Family, interfaces: usize) -> Variables {
        Variables { numbers: HashMap::new(), list: Vec::new(), family, interfaces: interfaces as u128 }
    }

    /// The variable of a subject.
    pub fn of(&mut self, subject: Subject) -> Variable {
        if let Some(known) = self.numbers.get(&subject) {
            return *known;
        }
        let last = self.last(&subject);
        self.within(subject, Ranges::within(0, last))
    }

    /// The same, with the values that it may have where it is new.
    pub fn within(&mut self, subject: Subject, domain: Ranges) -> Variable {
        let (list, next) = (&mut self.list, self.numbers.len() as u32);
        *self.numbers.entry(subject.clone()).or_insert_with(|| {
            list.push((subject, domain));
            Variable(next)
        })
    }

    fn last(&self, subject: &Subject) -> u128 {
        match subject {
            Subject::Unclear(..) | Subject::OtherType => 1,
            Subject::Field(field) | Subject::After(_, field, u32::MAX) => self.last_of(*field),
            Subject::Bits(_, mask) | Subject::After(_, _, mask) => (1_u128 << mask.count_ones()) - 1,
        }
    }

    /// The highest value of a field.
    pub fn last_of(&self, field: Field) -> u128 {
        match field {
            Field::InInterface | Field::OutInterface => self.interfaces - 1,
            Field::TcpFlags => 0x3f,
            Field::State => 4,
            Field::SameInterface
            | Field::Backend
            | Field::IpsecIn
            | Field::IpsecOut
            | Field::SourceTranslated
            | Field::DestinationTranslated
            | Field::Socket => 1,
            field => u128::MAX >> (128 - field.bits(self.family)),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// What they stand for.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.list.iter().map(|(subject, _)| subject)
    }

    /// What a variable stands for.
    pub fn subject(&self, variable: Variable) -> &Subject {
        &self.list[variable.0 as usize].0
    }

    /// The values that it may have.
    pub fn domain(&self, variable: Variable) -> &Ranges {
        &self.list[variable.0 as usize].1
    }

    /// Its highest value.
    pub fn highest(&self, variable: Variable) -> u128 {
        self.last(self.subject(variable))
    }

    /// The variable of a subject that was met.
    pub fn find(&self, subject: &Subject) -> Option<Variable> {
        self.numbers.get(subject).copied()
    }
}
