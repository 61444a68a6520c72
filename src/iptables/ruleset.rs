//! Rules as values: tables, chains, rules, matches and targets, one `Ruleset` per family.
//! Input: built by `parse` and by `expand`. Output: read by `print`, `check` and every analysis.
//!
//! A rule has the shape of the kernel's `ipt_entry`: a header that every rule has, then extension matches in order, then the target.

mod chain;
mod changes;
mod header;
mod hook;
mod matches;
mod negatable;
mod origin;
mod part;
mod rule;
mod surroundings;
mod table;
mod targets;

pub use self::chain::{Chain, ChainId, ChainPolicy, TableName};
pub use self::changes::{ConnMark, Ct, HopChange, MarkMasks, MarkOperation, Tee, Ulog, Zone, ZoneSide};
pub use self::header::{Address, Header};
pub use self::hook::Hook;
pub use self::matches::{
    AddressSet, HashLimit, HopLimit, IcmpType, IpRange, IpsecPolicy, MaskedMark, Match, Multiport, Original,
    PolicyDirection, PortSide, Ports, Rate, RateUnit, RpFilter, States, Tcp, TcpFlags, Untyped,
};
pub use self::negatable::Negatable;
pub use self::origin::{Origin, Origins};
pub use self::part::Part;
pub use self::rule::Rule;
pub use self::surroundings::{AddrType, AddressTypes, ConnLimit, InterfaceLimit, LinkType, Owner, Statistic};
pub use self::table::{ByChain, Ruleset, Table};
pub use self::targets::{Log, Nat, NatOptions, Nflog, RejectWith, Target};
