//! A ruleset as the kernel holds it: the rules of each chain in a row, their headers ready to compare.
//! Input: a `Ruleset`. Output: what the walk reads.

use std::net::IpAddr;
use std::ops::Range;

use super::{Hook, Verdict};
use crate::iptables::meaning::{tracks, translates};
use crate::iptables::ruleset::{Address, ChainPolicy, Match, Negatable, Rule, Ruleset, States, Table, TableName};
use crate::net::{Family, Interface, PortRange, Prefix, Protocol};

/// The rules of a family, ready to be walked by any number of packets.
#[derive(Debug)]
pub struct Loaded<'a> {
    /// The rules as they were given.
    pub ruleset: &'a Ruleset,
    pub(super) tables: [Option<LoadedTable<'a>>; TableName::ALL.len()],
    /// Whether anything has the kernel track connections; it then also puts fragments together.
    pub tracks: bool,
    /// Whether the nat table translates anything: later packets of connections are then translated as the first one was.
    pub translates: bool,
}

/// One table.
#[derive(Debug)]
pub(super) struct LoadedTable<'a> {
    /// The rules in the order of the table.
    rules: &'a [Rule],
    /// Where the rules of each chain stand in `entries`, by `ChainId`.
    pub chains: Vec<Range<u32>>,
    pub entries: Vec<Entry<'a>>,
    /// The chain at each hook with its policy, by `Hook`.
    pub bases: [Option<(u32, Verdict)>; Hook::ALL.len()],
}

/// One rule, its header as bits.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub source: Bits,
    pub destination: Bits,
    pub in_interface: Bits,
    pub out_interface: Bits,
    pub protocol: Option<Negatable<Protocol>>,
    /// Destination ports outside of which no packet matches: those of `-m tcp`, `udp` and `sctp`. Looked at first,
    /// since most rules of a long chain differ in nothing else.
    pub destination_ports: PortRange,
    pub rule: &'a Rule,
    /// The position in `Table::rules`.
    pub index: u32,
}

/// A value under a mask; the mask 0 matches everything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bits {
    pub value: u128,
    pub mask: u128,
    pub negated: bool,
}

impl Bits {
    /// Whether one value fits.
    #[inline]
    pub fn fits(&self, value: u128) -> bool {
        ((value ^ self.value) & self.mask == 0) != self.negated
    }

    fn of_address(address: &Option<Negatable<Address>>) -> Bits {
        let Some(address) = address else { return Bits::default() };
        let (value, mask) = match &address.value {
            Address::Prefix(prefix) => (number(prefix.address()), prefix_mask(prefix)),
            Address::Masked(pair) => (number(pair.0), number(pair.1)),
        };
        Bits { value: value & mask, mask, negated: address.negated }
    }

    fn of_interface(interface: &Option<Negatable<Interface>>) -> Bits {
        let Some(interface) = interface else { return Bits::default() };
        let value = u128::from_le_bytes(interface.value.bytes());
        // A plain name is compared with the zero behind it, a pattern up to its `+`.
        let mask = match interface.value.pattern() {
            Some(prefix) => (1_u128 << (prefix.len() * 8)) - 1,
            None => u128::MAX,
        };
        Bits { value: value & mask, mask, negated: interface.negated }
    }
}

/// The destination ports that the first match lets through, where it names some.
fn destination_ports(matches: &[Match]) -> PortRange {
    let ports = match matches.first() {
        Some(Match::Tcp(tcp)) => tcp.ports,
        Some(Match::Udp(ports) | Match::Sctp(ports)) => *ports,
        _ => return PortRange::ANY,
    };
    ports.destination.filter(|ports| !ports.negated).map_or(PortRange::ANY, |ports| ports.value)
}

/// An address as a number, those of each family from 0.
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn prefix_mask(prefix: &Prefix) -> u128 {
    let host = u32::from(prefix.family().bits() - prefix.length());
    let all = if prefix.family() == Family::V4 { u128::from(u32::MAX) } else { u128::MAX };
    all & u128::MAX.checked_shl(host).unwrap_or(0)
}

impl<'a> Loaded<'a> {
    /// Puts the rules of a family in order.
    pub fn new(ruleset: &'a Ruleset) -> Loaded<'a> {
        let tables = TableName::ALL.map(|name| ruleset.table(name).map(LoadedTable::new));
        Loaded { ruleset, tables, tracks: tracks(ruleset), translates: translates(ruleset) }
    }
}

impl<'a> LoadedTable<'a> {
    fn new(table: &'a Table) -> LoadedTable<'a> {
        let mut entries: Vec<Entry> = table
            .rules
            .iter()
            .enumerate()
            .map(|(index, rule)| Entry {
                source: Bits::of_address(&rule.header.source),
                destination: Bits::of_address(&rule.header.destination),
                in_interface: Bits::of_interface(&rule.header.in_interface),
                out_interface: Bits::of_interface(&rule.header.out_interface),
                protocol: rule.header.protocol,
                destination_ports: destination_ports(&rule.matches),
                rule,
                index: index as u32,
            })
            .collect();
        entries.sort_by_key(|entry| entry.rule.chain);
        let chains = (0..table.chains.len() as u32)
            .map(|chain| {
                let start = entries.partition_point(|entry| entry.rule.chain.0 < chain) as u32;
                let end = entries.partition_point(|entry| entry.rule.chain.0 <= chain) as u32;
                start..end
            })
            .collect();
        let bases = Hook::ALL.map(|hook| {
            let id = table.chain(hook.chain()).filter(|id| table.is_built_in(*id))?;
            let policy = table.chains[id.0 as usize].policy.unwrap_or(ChainPolicy::Accept);
            Some((id.0, policy.into()))
        });
        LoadedTable { rules: &table.rules, chains, entries, bases }
    }

    /// The rule at a position of `Table::rules`: the entries of its chain are in that order.
    pub fn entry(&self, rule: u32) -> Option<&Entry<'a>> {
        let chain = self.rules.get(rule as usize)?.chain;
        let range = self.chains.get(chain.0 as usize)?;
        let entries = &self.entries[range.start as usize..range.end as usize];
        entries.binary_search_by_key(&rule, |entry| entry.index).ok().map(|at| &entries[at])
    }
}

/// Whether `state` is in the set of a rule: `INVALID` is the first bit.
pub(super) fn state_bit(states: States, index: usize) -> bool {
    states.0 & (1 << index) != 0
}
