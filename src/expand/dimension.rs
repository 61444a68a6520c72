//! The lists of a sentence, and what each slot of a rule chooses from.
//! Input: a block. Output: dimensions, of which every combination is a rule.

use smallvec::SmallVec;

use super::fill::{Choice, chunks};
use super::shape::Pattern;
use crate::net::{Addresses, Family, PortRange};
use crate::policy::{Argument, Block, Values};

/// What a list gives to choose from: mostly one value.
pub type Choices<'a> = SmallVec<[Choice<'a>; 1]>;

/// A list of a sentence, and where its values go.
pub struct Dimension<'a> {
    /// Which list it is.
    pub key: Key,
    /// What its slots choose from.
    pub choices: Choices<'a>,
    /// What a slot with a `!` of the template chooses from: *none of them*.
    pub others: Choices<'a>,
}

impl<'a> Dimension<'a> {
    /// The choices of a slot, which the template may negate.
    pub fn of(&self, negated: bool) -> &Choices<'a> {
        if negated { &self.others } else { &self.choices }
    }

    /// Whether there is more than one turn for any slot.
    pub fn is_list(&self) -> bool {
        self.choices.len() > 1 || self.others.len() > 1
    }

    /// The choice of a slot at a turn of the list; one that is alone is at every turn.
    pub fn at(&self, negated: bool, turn: usize) -> Option<Choice<'a>> {
        match self.of(negated)[..] {
            [only] => Some(only),
            ref choices => choices.get(turn).copied(),
        }
    }
}

/// Which list it is: of the block itself, or of its traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Of the block itself.
    Parameter,
    /// `from ADDR`
    Source,
    /// `to ADDR`
    Destination,
    /// `peer ADDR`
    Peer,
    /// `on IF`
    On,
    /// `forward in on IF`
    InOn,
    /// `forward out on IF`
    OutOn,
    /// Protocols.
    Protocols,
    /// `type T`
    IcmpTypes,
    /// `from port P`
    SourcePorts,
    /// `port P`
    DestinationPorts,
    /// The ports of `as ADDR:P`.
    NewPorts,
}

/// The lists of a sentence: those of its arguments, each at its position, then those of its traffic.
pub fn dimensions<'a>(
    block: &'a Block,
    family: Family,
    patterns: &[Pattern],
    new_ports: &'a [PortRange],
) -> SmallVec<[Dimension<'a>; 4]> {
    let mut dimensions = SmallVec::new();
    let of_family = |addresses: &Addresses| addresses.family() == family;
    for (index, (_, argument)) in block.arguments.iter().enumerate() {
        let choices = match argument {
            Argument::Address(values) => each(values, of_family, Choice::Addresses),
            Argument::Interface(values) => each(values, |_| true, Choice::Interfaces),
            Argument::Ports(values) => ports(values),
            Argument::Rate(clause) => one(Choice::Rate(*clause)),
            // The template has printed it.
            Argument::Text(_) => one(Choice::Any),
        };
        let mut uses = patterns.iter().flat_map(|pattern| &pattern.uses);
        let others = match argument {
            _ if !uses.any(|(_, negated, used)| *negated && *used == index) => Choices::new(),
            Argument::Address(values) => others(values, of_family, Choice::Addresses),
            Argument::Interface(values) => others(values, |_| true, Choice::Interfaces),
            Argument::Ports(Values { negated: false, items }) if !items.is_empty() => one(Choice::Ports(true, items)),
            Argument::Ports(Values { items, .. }) => chunks(items).map(|chunk| Choice::Ports(false, chunk)).collect(),
            Argument::Rate(_) | Argument::Text(_) => Choices::new(),
        };
        dimensions.push(Dimension { key: Key::Parameter, choices, others });
    }
    if let Some(traffic) = &block.traffic {
        let peer = traffic.peer.as_ref().map(|peer| each(peer, of_family, Choice::Addresses));
        let lists = [
            (Key::Source, each(&traffic.source, of_family, Choice::Addresses)),
            (Key::Peer, peer.unwrap_or_else(|| one(Choice::Any))),
            (Key::Destination, each(&traffic.destination, of_family, Choice::Addresses)),
            (Key::On, each(&traffic.on, |_| true, Choice::Interfaces)),
            (Key::InOn, each(&traffic.in_on, |_| true, Choice::Interfaces)),
            (Key::OutOn, each(&traffic.out_on, |_| true, Choice::Interfaces)),
            (Key::Protocols, each(&traffic.protocols, |word| word.families().has(family), Choice::Protocols)),
            (Key::IcmpTypes, each(&traffic.icmp_types, |word| word.types[family].is_some(), Choice::IcmpTypes)),
            (Key::SourcePorts, ports(&traffic.source_ports)),
            (Key::DestinationPorts, ports(&traffic.destination_ports)),
            (Key::NewPorts, if new_ports.is_empty() { one(Choice::Any) } else { one(Choice::Ports(false, new_ports)) }),
        ];
        let said = lists.into_iter().filter(|(_, choices)| !matches!(choices[..], [Choice::Any]));
        dimensions.extend(said.map(|(key, choices)| Dimension { key, choices, others: Choices::new() }));
    }
    dimensions
}

fn one(choice: Choice) -> Choices {
    SmallVec::from_buf([choice])
}

/// One choice a value; all values together where they are excluded.
fn each<'a, T>(
    values: &'a Values<T>,
    fits: impl Fn(&T) -> bool,
    make: impl Fn(bool, &'a [T]) -> Choice<'a>,
) -> Choices<'a> {
    if values.is_any() {
        return one(Choice::Any);
    }
    if values.negated {
        return one(make(true, &values.items));
    }
    values.items.iter().filter(|item| fits(item)).map(|item| make(false, std::slice::from_ref(item))).collect()
}

/// For a slot that the template negates: none of the values, and of values that are excluded each one. Of everything
/// there is no other.
fn others<'a, T>(
    values: &'a Values<T>,
    fits: impl Fn(&T) -> bool,
    make: impl Fn(bool, &'a [T]) -> Choice<'a>,
) -> Choices<'a> {
    let fit = values.items.iter().filter(|item| fits(item)).map(std::slice::from_ref);
    match (values.negated, fit.clone().count()) {
        (true, _) => fit.map(|item| make(false, item)).collect(),
        (false, 0) => Choices::new(),
        (false, 1) => fit.map(|item| make(true, item)).collect(),
        (false, _) => one(make(true, &values.items)),
    }
}

fn ports(values: &Values<PortRange>) -> Choices<'_> {
    if values.is_any() {
        return one(Choice::Any);
    }
    if values.negated {
        return one(Choice::Ports(true, &values.items));
    }
    chunks(&values.items).map(|chunk| Choice::Ports(false, chunk)).collect()
}
