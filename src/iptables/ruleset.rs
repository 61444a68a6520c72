//! Rules as values: tables, chains, rules, matches and targets, one `Ruleset` per family.
//! Input: built by `parse` and by `expand`. Output: read by `print`, `check` and every analysis.
//!
//! A rule has the shape of the kernel's `ipt_entry`: a header that every rule has, then extension matches in order, then the target.

mod matches;
mod targets;

use std::net::IpAddr;
use std::sync::Arc;

pub use self::matches::{
    HashLimit, HopLimit, IcmpType, IpRange, MaskedMark, Match, Multiport, Policy, PolicyDirection, PortSide, Ports,
    Rate, RateUnit, RpFilter, States, Tcp, TcpFlags, Unknown,
};
pub use self::targets::{Log, Nat, NatOptions, Nflog, RejectWith, Target};
use crate::net::{Family, Interface, Prefix, Protocol};

/// A table of the kernel, in the order in which a packet meets them and in which they are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableName {
    /// Before connection tracking.
    Raw,
    /// Changes to packets: marks, TTL, MSS.
    Mangle,
    /// Address translation; sees only the first packet of a connection, and none where no rule of it translates and
    /// nothing else has connections tracked.
    Nat,
    /// What may pass.
    Filter,
    /// Mandatory access control (SELinux marks); only ever read. In INPUT legacy iptables runs it before nat, as the walk
    /// does, and iptables-nft behind it.
    Security,
}

impl TableName {
    /// Every table, in order.
    pub const ALL: [TableName; 5] =
        [TableName::Raw, TableName::Mangle, TableName::Nat, TableName::Filter, TableName::Security];

    /// The name after the `*`.
    pub fn name(self) -> &'static str {
        match self {
            TableName::Raw => "raw",
            TableName::Mangle => "mangle",
            TableName::Nat => "nat",
            TableName::Filter => "filter",
            TableName::Security => "security",
        }
    }

    /// The table of that name.
    pub fn from_name(name: &str) -> Option<TableName> {
        TableName::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The built-in chains, in the order of `iptables-save`.
    pub fn built_in_chains(self) -> &'static [&'static str] {
        match self {
            TableName::Raw => &["PREROUTING", "OUTPUT"],
            TableName::Mangle => &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
            TableName::Nat => &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
            TableName::Filter | TableName::Security => &["INPUT", "FORWARD", "OUTPUT"],
        }
    }
}

/// What a built-in chain does with a packet that no rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChainPolicy {
    /// It passes.
    Accept,
    /// It is discarded.
    Drop,
}

impl ChainPolicy {
    /// The word in a chain line.
    pub fn name(self) -> &'static str {
        match self {
            ChainPolicy::Accept => "ACCEPT",
            ChainPolicy::Drop => "DROP",
        }
    }
}

/// The rules of one family.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruleset {
    /// Which family: which restore program loads it.
    pub family: Family,
    /// The tables that are mentioned, in any order; `print` writes them in the order of `TableName`.
    pub tables: Vec<Table>,
}

/// One table: its chains and its rules, rules in the order in which they were written.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Which one.
    pub name: TableName,
    /// The chains, built-in ones first and in kernel order, whether mentioned or not; then its own.
    pub chains: Vec<Chain>,
    /// All rules; those of one chain keep their order.
    pub rules: Vec<Rule>,
}

/// A chain's name and policy; its rules are those of the table that name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// 1 to 28 bytes.
    pub name: Arc<str>,
    /// The default of a built-in chain, where one is set; never on a chain of one's own.
    pub policy: Option<ChainPolicy>,
}

/// The position of a chain in its `Table::chains`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId(pub u32);

impl Chain {
    /// The longest name, in bytes (`XT_EXTENSION_MAXNAMELEN`).
    pub const NAME_MAX: usize = 28;
}

impl Table {
    /// A table with its built-in chains and no rules.
    pub fn new(name: TableName) -> Table {
        let chains = name.built_in_chains().iter().map(|name| Chain { name: (*name).into(), policy: None }).collect();
        Table { name, chains, rules: Vec::new() }
    }

    /// The chain of that name.
    pub fn chain(&self, name: &str) -> Option<ChainId> {
        self.chains.iter().position(|chain| &*chain.name == name).map(|index| ChainId(index as u32))
    }

    /// The chain of that name, added where it is missing.
    pub fn chain_or_new(&mut self, name: &str) -> ChainId {
        self.chain(name).unwrap_or_else(|| {
            self.chains.push(Chain { name: name.into(), policy: None });
            ChainId((self.chains.len() - 1) as u32)
        })
    }

    /// Whether the chain is one of the kernel's own.
    pub fn is_built_in(&self, chain: ChainId) -> bool {
        (chain.0 as usize) < self.name.built_in_chains().len()
    }
}

impl Ruleset {
    /// No tables, no rules.
    pub fn new(family: Family) -> Ruleset {
        Ruleset { family, tables: Vec::new() }
    }

    /// The table of that name.
    pub fn table(&self, name: TableName) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The table of that name, added where it is missing.
    pub fn table_or_new(&mut self, name: TableName) -> &mut Table {
        let index = self.tables.iter().position(|table| table.name == name).unwrap_or_else(|| {
            self.tables.push(Table::new(name));
            self.tables.len() - 1
        });
        &mut self.tables[index]
    }
}

/// Where a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// In a compiled policy the number of the sentence; in a rule file that was read, 0.
    pub sentence: u32,
    /// The line of the template, of the `rules` block or of the rule file, from 1.
    pub line: u32,
}

/// One rule of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The chain it stands in.
    pub chain: ChainId,
    /// Addresses, interfaces and protocol.
    pub header: Header,
    /// The extension matches, all of which must hold, in order; rules made from one pattern share them.
    pub matches: Arc<[Match]>,
    /// What happens to a packet that matches.
    pub target: Target,
    /// The place it comes from.
    pub origin: Origin,
}

/// A value, or everything but it: iptables' `!`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Negatable<T> {
    /// Whether a `!` stands before it.
    pub negated: bool,
    /// The value.
    pub value: T,
}

impl<T> Negatable<T> {
    /// The value itself.
    pub fn is(value: T) -> Negatable<T> {
        Negatable { negated: false, value }
    }

    /// Everything but the value.
    pub fn not(value: T) -> Negatable<T> {
        Negatable { negated: true, value }
    }
}

/// The part of a rule that is no extension (`struct ipt_ip`). `None` matches everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// `-s`
    pub source: Option<Negatable<Address>>,
    /// `-d`
    pub destination: Option<Negatable<Address>>,
    /// `-i`
    pub in_interface: Option<Negatable<Interface>>,
    /// `-o`
    pub out_interface: Option<Negatable<Interface>>,
    /// `-p`
    pub protocol: Option<Negatable<Protocol>>,
    /// `-f`, IPv4 only: the second and further fragments.
    pub fragment: Option<Negatable<()>>,
}

/// An address of `-s` or `-d`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A prefix without host bits.
    Prefix(Prefix),
    /// An address under a mask that is no prefix (`10.0.0.1/255.0.0.255`), host bits cut off.
    Masked(Box<(IpAddr, IpAddr)>),
}

impl From<Prefix> for Address {
    fn from(prefix: Prefix) -> Address {
        Address::Prefix(prefix)
    }
}
