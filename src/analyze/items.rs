//! The way of packets as a list: what a packet on the wire must be to meet each item, and what becomes of it then.
//! Input: filled where the way is followed. Output: read by all that ask about packets.

use std::collections::{BTreeMap, HashMap};

use super::cubes::Cube;
use super::store::{Store, Symbolic};
use crate::iptables::meaning::Field;
use crate::simulate::{By, Verdict};

/// What an item does with the packets that meet it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// They are at the end of their way, a position in `ItemList::ends`.
    End(u32),
    /// The kernel discards them, whatever the rules say.
    Discard,
    /// They go on at a later item.
    Skip(u32),
}

/// A part of the list.
#[derive(Clone, Debug)]
pub struct Item {
    /// What a packet must be.
    pub cube: Cube,
    /// What becomes of it then.
    pub act: Act,
}

/// What is kept of the way that led to an end: the more, the longer the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Detail {
    /// Only the verdict.
    Verdict,
    /// Who gave it as well.
    Decider,
    /// What was made of packets that pass.
    Rewritten,
}

/// What becomes of packets at the end of their way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ended {
    /// The verdict.
    pub verdict: Verdict,
    /// Who gave it, where that is kept.
    pub by: Option<By>,
    /// What was made of them, where that is kept and they pass.
    pub rewritten: Option<Rewritten>,
}

/// What rules have made of a packet that passes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rewritten {
    /// Addresses, ports, hops and whether it is tracked, as far as they are not as on the wire.
    pub fields: BTreeMap<Field, Symbolic>,
    /// The marks of the packet and of its connection, part by part.
    pub marks: [Vec<Symbolic>; 2],
}

impl Rewritten {
    /// The fields that are compared, beside marks.
    pub const FIELDS: [Field; 6] =
        [Field::Source, Field::SourcePort, Field::Destination, Field::DestinationPort, Field::HopLimit, Field::NoTrack];

    /// What a store says of them.
    pub fn of(store: &Store) -> Rewritten {
        let fields = Rewritten::FIELDS.into_iter().filter_map(|field| Some((field, store.fields.get(&field)?.clone())));
        Rewritten { fields: fields.collect(), marks: store.marks.clone() }
    }
}

/// Items, of which the first that a packet meets counts.
#[derive(Debug, Default)]
pub struct ItemList {
    /// The items.
    pub items: Vec<Item>,
    /// The ends that they lead to.
    pub ends: Vec<Ended>,
    known: HashMap<Ended, u32>,
}

impl ItemList {
    /// Items that lead to these ends.
    pub fn of(items: Vec<Item>, ends: Vec<Ended>) -> ItemList {
        ItemList { items, ends, known: HashMap::new() }
    }

    /// An end, as an act.
    pub fn end(&mut self, ended: Ended) -> Act {
        let (ends, next) = (&mut self.ends, self.known.len() as u32);
        Act::End(*self.known.entry(ended.clone()).or_insert_with(|| {
            ends.push(ended);
            next
        }))
    }
}
