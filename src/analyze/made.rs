//! What rules make of packets that pass, compared and in words.
//! Input: what two rulesets make of them. Output: the packets for which it is not the same, and how it differs.

use super::cubes::Cube;
use super::items::Rewritten;
use super::question::Analysis;
use super::ranges::Ranges;
use super::store::{Symbolic, Terms, scattered};
use super::variables::Subject;
use super::wording::name;
use crate::iptables::meaning::Field;
use crate::iptables::ruleset::MaskedMark;
use crate::sentence;

impl Analysis<'_> {
    /// The packets of a cube that two rulesets do not make the same.
    pub fn differing(&self, cube: &Cube, old: &Rewritten, new: &Rewritten) -> Vec<Cube> {
        let mut parts = Vec::new();
        for (before, after) in self.pairs(old, new).into_iter().map(|(_, before, after)| (before, after)) {
            match unequal(&self.terms, &before, &after) {
                None => return vec![cube.clone()],
                Some(differs) => parts.extend(cube.and(&differs)),
            }
        }
        parts
    }

    /// What is not the same: the field, and what it is before and after.
    pub fn differences(&self, old: &Rewritten, new: &Rewritten) -> Vec<(String, String, String)> {
        let words = |(field, before, after): (Made, Symbolic, Symbolic)| {
            let [before, after] = [before, after].map(|term| self.term(field, &term));
            (field.name(), before, after)
        };
        self.pairs(old, new).into_iter().map(words).collect()
    }

    /// The fields and parts of marks that are not the same terms.
    fn pairs(&self, old: &Rewritten, new: &Rewritten) -> Vec<(Made, Symbolic, Symbolic)> {
        let mut pairs = Vec::new();
        for field in Rewritten::FIELDS {
            let of = |rewritten: &Rewritten| rewritten.fields.get(&field).cloned().or_else(|| self.on_wire(field));
            if let (Some(before), Some(after)) = (of(old), of(new))
                && before != after
            {
                pairs.push((Made::Field(field), before, after));
            }
        }
        for (at, field) in [Field::Mark, Field::ConnectionMark].into_iter().enumerate() {
            for ((before, after), part) in old.marks[at].iter().zip(&new.marks[at]).zip(&self.terms.parts) {
                if before != after {
                    pairs.push((Made::Bits(field, *part), before.clone(), after.clone()));
                }
            }
        }
        pairs
    }

    fn on_wire(&self, field: Field) -> Option<Symbolic> {
        Some(Symbolic::Plus(self.terms.variables.find(&Subject::Field(field))?, 0))
    }

    /// What a field becomes, in words.
    fn term(&self, made: Made, term: &Symbolic) -> String {
        let family = self.terms.family;
        let number = |value: u128| match made {
            Made::Field(Field::Source | Field::Destination) => family.address(value).to_string(),
            Made::Field(Field::NoTrack) if value == 0 => "tracked".into(),
            Made::Field(Field::NoTrack) => "not tracked".into(),
            Made::Field(_) => value.to_string(),
            Made::Bits(_, part) => sentence::mark(MaskedMark { value: scattered(value, part), mask: part }),
        };
        match term {
            Symbolic::Known(value) => number(*value),
            Symbolic::Plus(variable, by) => match self.terms.variables.subject(*variable) {
                Subject::Field(_) if *by == 0 => "as it is".into(),
                Subject::Field(_) => format!("moved by {by}"),
                _ => match self.terms.variables.domain(*variable).list() {
                    [(first, last)] if (*first, *last) != (0, self.terms.variables.highest(*variable)) => {
                        format!("{}-{}", number(*first), number(*last))
                    }
                    _ => "one that the kernel chooses".into(),
                },
            },
            Symbolic::Xor(variable, bits) => match self.terms.variables.subject(*variable) {
                Subject::Bits(..) if *bits == 0 => "as it is".into(),
                Subject::Bits(..) => "turned over".into(),
                _ => "one that is not known".into(),
            },
            Symbolic::Table(_, table) => match table.first() {
                Some(first) if table.iter().all(|hops| hops == first) => number((*first).into()),
                _ if (0..=u8::MAX).zip(table.iter()).all(|(wire, hops)| *hops == wire) => "as it is".into(),
                _ => format!("{} where it is 64", number(table[64].into())),
            },
        }
    }
}

/// A part of a packet that rules make another.
#[derive(Clone, Copy)]
enum Made {
    Field(Field),
    Bits(Field, u32),
}

impl Made {
    fn name(self) -> String {
        match self {
            Made::Field(Field::NoTrack) => "tracking".into(),
            Made::Field(field) | Made::Bits(field, _) => name(field).into(),
        }
    }
}

/// What packets for which two terms differ must be; `None`: it may be any.
fn unequal(terms: &Terms, one: &Symbolic, other: &Symbolic) -> Option<Cube> {
    let differs = |variable, values: Ranges| {
        let values = values.and(terms.variables.domain(variable));
        Some(Cube::of(variable, values))
    };
    let all_but = |variable, value: u128| {
        let last = terms.variables.highest(variable);
        differs(variable, Ranges::within(value, value).not(last))
    };
    match (one, other) {
        (Symbolic::Known(value), Symbolic::Plus(variable, by))
        | (Symbolic::Plus(variable, by), Symbolic::Known(value)) => {
            all_but(*variable, value.checked_add_signed(by.checked_neg()?)?)
        }
        (Symbolic::Known(value), Symbolic::Xor(variable, bits))
        | (Symbolic::Xor(variable, bits), Symbolic::Known(value)) => all_but(*variable, value ^ bits),
        (Symbolic::Table(a, before), Symbolic::Table(b, after)) if a == b => {
            differs(*a, Ranges::of(0xff, |wire| before[wire as usize] != after[wire as usize]))
        }
        _ => None,
    }
}
