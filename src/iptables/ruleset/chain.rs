//! Tables and chains by name and number.
//! Input: names in rule text. Output: the chains of a `Table`, and who names them.

use std::sync::Arc;

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
    /// does, and iptables-nft after it.
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

    /// Whether the chain is one of the kernel's own.
    pub fn is_built_in(self, chain: ChainId) -> bool {
        (chain.0 as usize) < self.built_in_chains().len()
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
    pub const MAX_NAME_BYTES: usize = 28;
}
