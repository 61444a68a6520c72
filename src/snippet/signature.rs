//! What a building block's sentences look like: its names, clauses, parameters and flags.
//! Input: made by `metadata` from a `snippet.toml`. Output: read by `resolve`, `expand` and all that list sentences. Data only.

pub mod metadata;

use std::sync::Arc;

use serde::Deserialize;

use crate::iptables::ruleset::{Hook, TableName};
use crate::language::clauses::{Direction, TrafficClause};
use crate::net::Families;

/// The metadata of a building block.
#[derive(Clone, Debug)]
pub struct Signature {
    /// One line for lists and hover.
    pub summary: String,
    /// The families that it is for by nature.
    pub families: Families,
    /// Whether a sentence must choose a family: translation of IPv6 addresses is never assumed.
    pub needs_family: bool,
    /// The table of its rules.
    pub table: TableName,
    /// Whether it is a service, which takes every verb.
    pub is_service: bool,
    /// Its sentences.
    pub forms: Vec<Form>,
    /// Its parameters, by name.
    pub parameters: Vec<Parameter>,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// What traffic its sentences speak of.
    pub traffic: TrafficRules,
    /// The chain that answers to what it lets in must pass.
    pub answers: Option<Hook>,
    /// Remarks for `check`.
    pub notes: Vec<Note>,
}

impl Signature {
    /// The parameter whose ports packets have after they are translated: the one endpoint, or the one of several that says so.
    pub fn new_ports(&self) -> Option<usize> {
        let kinds = || self.parameters.iter().enumerate();
        let endpoints = || kinds().filter(|(_, parameter)| matches!(parameter.kind, ParameterKind::Endpoint { .. }));
        let said = || endpoints().filter(|(_, parameter)| parameter.translates);
        let one = |mut all: Vec<usize>| if all.len() == 1 { all.pop() } else { None };
        one(said().map(|(index, _)| index).collect()).or_else(|| one(endpoints().map(|(index, _)| index).collect()))
    }
}

/// One sentence of a building block.
#[derive(Clone, Debug)]
pub struct Form {
    /// How the template calls it.
    pub name: String,
    /// The verb and the words of the block.
    pub words: Vec<String>,
    /// Its clauses, in the order for people.
    pub clauses: Vec<Clause>,
    /// The clauses as written, for people.
    pub text: String,
    /// The traffic clauses that it admits; `None`: those of the block.
    pub traffic_clauses: Option<Vec<TrafficClause>>,
}

/// A part of a sentence: words, and perhaps a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// The words before the value; none for a positional parameter and for traffic.
    pub keyword: Vec<String>,
    /// What it is.
    pub part: ClausePart,
    /// Whether the sentence must have it.
    pub required: bool,
    /// Whether it can only be directly after the clause before it, and then must be.
    pub follows: bool,
}

/// What a clause holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClausePart {
    /// A value: a position in `Signature::parameters`.
    Parameter(u8),
    /// Nothing: a position in `Signature::flags`.
    Flag(u8),
    /// The traffic vocabulary.
    Traffic,
}

/// A value that a sentence gives.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in the template.
    pub name: String,
    /// Its type.
    pub kind: ParameterKind,
    /// The value of a sentence that does not give it.
    pub default: Option<String>,
    /// Whether it is a port of the packets: the sentence must have a protocol with ports.
    pub needs_ports: bool,
    /// Whether a range of ports here, to which packets are translated, keeps the distance of the sentence's own ports.
    pub shifts: bool,
    /// Of several endpoints: whether its ports are those of translated packets.
    pub translates: bool,
    /// The parameter that must be given beside it.
    pub needs: Option<String>,
    /// One line for completion and hover.
    pub text: String,
}

/// The type of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// Addresses; a hole in the template.
    Address {
        /// No multicast, no broadcast.
        unicast: bool,
        /// Whether a list of one family makes the sentence one of that family.
        chooses_family: bool,
    },
    /// Interfaces; a hole.
    Interface {
        /// One name, and no pattern.
        single: bool,
    },
    /// Ports; a hole.
    Ports,
    /// A rate; a hole.
    Rate,
    /// A whole number.
    Number {
        /// The least.
        min: u32,
        /// The greatest.
        max: u32,
    },
    /// One of some words.
    Word(Vec<String>),
    /// How to reject.
    Reason,
    /// A packet mark.
    Mark {
        /// Not 0, which is no mark.
        nonzero: bool,
    },
    /// Literal text.
    String {
        /// The longest, in bytes.
        max_bytes: usize,
        /// What it is called when it is longer.
        what: String,
    },
    /// An address with ports, for translation.
    Endpoint {
        /// Or a range of addresses.
        ranges: bool,
    },
    /// A helper of connection tracking.
    Helper,
    /// A network that others are mapped to, host by host.
    Network {
        /// The parameter that is a network of the same length.
        length_of: Option<String>,
    },
}

/// Words that switch something.
#[derive(Clone, Debug)]
pub struct Flag {
    /// The words.
    pub words: Vec<String>,
    /// One line for completion and hover.
    pub text: String,
}

impl Flag {
    /// The name in the template: blanks and dashes are `_`.
    pub fn variable(&self) -> String {
        self.words.join("_").replace('-', "_")
    }
}

/// What a block's `<traffic>` may say.
#[derive(Clone, Debug)]
pub struct TrafficRules {
    /// The directions that make sense.
    pub directions: Vec<Direction>,
    /// What no direction means.
    pub open: OpenDirection,
    /// Whether `on IF` must be there.
    pub needs_interface: bool,
    /// The chains of the directions in, out and forward.
    pub chains: [Arc<str>; 3],
    /// The protocols that the template itself prints.
    pub protocols: Vec<String>,
    /// Whether the template itself prints the destination port.
    pub own_ports: bool,
    /// The clauses that may be there.
    pub clauses: Vec<TrafficClause>,
}

/// What a sentence without direction means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenDirection {
    /// Every direction of the block.
    Any,
    /// An interface or a peer is enough.
    Interface,
    /// An error.
    Required,
    /// The template names the chains.
    None,
}

/// A remark that `check` prints under a condition.
#[derive(Clone, Debug)]
pub struct Note {
    /// A minijinja expression over the template's variables.
    pub when: String,
    /// The remark.
    pub text: String,
}
