//! The values at, below and above each boundary of rules and of traffic: where a mistake shows first.
//! Input: rules, traffic. Output: values by field, those inside first.

use crate::iptables::meaning::{Context, Field, Test};
use crate::iptables::ruleset::{Address, Match, Rule, Target};
use crate::language::values::ProtocolWord;
use crate::net::{Addresses, Family, Interface, PortRange, bits_of};
use crate::policy::{Packets, Values};

/// Values of each field of a packet.
#[derive(Clone, Debug, Default)]
pub struct Corners {
    /// Interfaces.
    pub interfaces: Vec<Interface>,
    /// Source addresses, as numbers of the family.
    pub sources: Vec<u128>,
    /// Destination addresses, likewise.
    pub destinations: Vec<u128>,
    /// Protocol numbers.
    pub protocols: Vec<u8>,
    /// Ports.
    pub ports: Vec<u16>,
    /// ICMP types and codes.
    pub icmp: Vec<(u8, u8)>,
    /// Flags of TCP.
    pub flags: Vec<u8>,
    /// TTLs and hop limits.
    pub hops: Vec<u8>,
    /// Marks.
    pub marks: Vec<u32>,
}

/// The protocol number that stands for AH, in both families.
pub const AH: u8 = 51;

/// The ends of a range of addresses, its middle, and what lies beside it.
fn range(family: Family, first: u128, last: u128) -> Vec<u128> {
    let beside = [first.checked_sub(1), last.checked_add(1).filter(|number| *number <= family.last())];
    let inside = [first + (last - first) / 2, first, last];
    inside.into_iter().chain(beside.into_iter().flatten()).collect()
}

fn addresses(addresses: &Addresses) -> Vec<u128> {
    let (first, last) = addresses.ends();
    range(addresses.family(), bits_of(first), bits_of(last))
}

fn header_address(address: &Address, family: Family) -> Vec<u128> {
    match address {
        Address::Prefix(network) => addresses(&Addresses::Prefix(*network)),
        Address::Masked(pair) => range(family, bits_of(pair.0), bits_of(pair.0)),
    }
}

impl Corners {
    fn ports(&mut self, range: PortRange) {
        self.ports.extend([range.start, range.end]);
        self.ports.extend(range.start.checked_sub(1));
        self.ports.extend(range.end.checked_add(1));
    }

    fn interface(&mut self, name: Interface) {
        match name.pattern() {
            // Two names that begin so, where there is room for them.
            Some(prefix) => {
                let names = ["0", "x1"].map(|end| Interface::new(&format!("{prefix}{end}")));
                self.interfaces.extend(names.into_iter().flatten());
            }
            None => self.interfaces.push(name),
        }
    }

    fn hops(&mut self, hops: u8) {
        // FORWARD sees one less than the wire.
        self.hops
            .extend([Some(hops), hops.checked_add(1), hops.checked_sub(1), hops.checked_add(2)].into_iter().flatten());
    }

    /// Adds the corners of a rule.
    pub fn rule(&mut self, rule: &Rule, family: Family) {
        let header = &rule.header;
        self.sources.extend(header.source.iter().flat_map(|address| header_address(&address.value, family)));
        self.destinations.extend(header.destination.iter().flat_map(|address| header_address(&address.value, family)));
        for name in [header.in_interface, header.out_interface].into_iter().flatten() {
            self.interface(name.value);
        }
        self.protocols.extend(header.protocol.map(|protocol| protocol.value.0));
        rule.matches.iter().for_each(|one| self.one(one, family));
        match &rule.target {
            Target::Mark(mark) => self.marks.push(mark.value),
            Target::Dnat(nat) => {
                let addresses = nat.addresses.iter();
                self.destinations
                    .extend(addresses.flat_map(|(first, last)| range(family, bits_of(*first), bits_of(*last))));
                nat.options.ports.iter().for_each(|ports| self.ports(*ports));
            }
            _ => {}
        }
    }

    /// Adds the boundaries of what a match asks.
    fn one(&mut self, one: &Match, family: Family) {
        let (mut kinds, mut codes) = (Vec::new(), Vec::new());
        one.condition(&Context::of(family)).tests(&mut |field, test, _| match (field, test) {
            (Field::SourcePort | Field::DestinationPort, Test::Within(first, last)) => {
                let port = |number: u128| u16::try_from(number).unwrap_or(u16::MAX);
                self.ports(PortRange { start: port(first), end: port(last) });
            }
            (Field::TcpFlags, Test::Masked { value, mask }) => {
                let (mask, set) = (mask as u8, value as u8);
                self.flags.extend([set, set | !mask & 0x3f]);
                // Each flag that is looked at, turned over.
                self.flags.extend((0..6).map(|bit| 1 << bit).filter(|bit| mask & bit != 0).map(|bit| set ^ bit));
            }
            (Field::IcmpType, Test::Within(first, _)) => kinds.push(first as u8),
            (Field::IcmpCode, Test::Within(first, _)) => codes.push(first as u8),
            (Field::Protocol, Test::Within(first, last)) if first == last => self.protocols.push(first as u8),
            (Field::HopLimit, Test::Within(first, last)) => {
                self.hops(first as u8);
                self.hops(last as u8);
            }
            (Field::Mark | Field::ConnectionMark, Test::Masked { value, mask }) => {
                let (value, mask) = (value as u32, mask as u32);
                self.marks.extend([value, value ^ 1, value | !mask]);
            }
            (Field::Mark | Field::ConnectionMark, Test::Within(first, _)) => {
                self.marks.extend([first as u32, first as u32 ^ 1]);
            }
            (Field::Source, Test::Within(first, last)) => self.sources.extend(range(family, first, last)),
            (Field::Destination, Test::Within(first, last)) => self.destinations.extend(range(family, first, last)),
            _ => {}
        });
        for kind in kinds {
            for code in codes.iter().copied().chain(codes.is_empty().then_some(0)) {
                self.icmp.extend([(kind, code), (kind, code.wrapping_add(1)), (kind.wrapping_add(1), code)]);
                self.icmp.push((kind.wrapping_sub(1), code));
            }
        }
    }

    /// The corners of traffic in a family.
    pub fn of_packets(packets: &Packets, family: Family) -> Corners {
        let mut corners = Corners::default();
        let traffic = &packets.traffic;
        let any = Values::any();
        let peer = traffic.peer.as_ref().unwrap_or(&any);
        let of = |values: &Values<Addresses>| -> Vec<u128> {
            values.items.iter().filter(|some| some.family() == family).flat_map(addresses).collect()
        };
        corners.sources.extend([of(&traffic.source), of(peer)].concat());
        corners.destinations.extend([of(&traffic.destination), of(peer)].concat());
        for values in [&traffic.source_ports, &traffic.destination_ports] {
            values.items.iter().for_each(|range| corners.ports(*range));
        }
        for values in [&traffic.on, &traffic.in_on, &traffic.out_on] {
            values.items.iter().for_each(|name| corners.interface(*name));
        }
        for word in &traffic.protocols.items {
            let number = word.number(family).map(|protocol| protocol.0);
            corners.protocols.extend(number.or((*word == ProtocolWord::Ah).then_some(AH)));
        }
        for kind in traffic.icmp_types.items.iter().filter_map(|word| word.types[family]) {
            corners.icmp.extend([0, 1, 255].map(|code| (kind.kind, kind.code.unwrap_or(code))));
        }
        traffic.ttl.iter().for_each(|ttl| corners.hops(ttl.value));
        corners
            .flags
            .extend(traffic.flags.iter().flat_map(|flags| [flags.value.set, flags.value.set ^ flags.value.mask]));
        corners.marks.extend(traffic.mark.iter().flat_map(|mark| [mark.value.value, mark.value.value ^ 1]));
        corners
    }

    /// Adds the corners of others after these, each value once.
    pub fn add(&mut self, other: &Corners) {
        fn append<T: Copy + PartialEq>(all: &mut Vec<T>, more: &[T]) {
            let mut merged: Vec<T> = Vec::with_capacity(all.len() + more.len());
            for value in all.iter().chain(more) {
                // Long rulesets repeat themselves: only recent values are looked at again.
                if !merged[merged.len().saturating_sub(512)..].contains(value) {
                    merged.push(*value);
                }
            }
            *all = merged;
        }
        append(&mut self.interfaces, &other.interfaces);
        append(&mut self.sources, &other.sources);
        append(&mut self.destinations, &other.destinations);
        append(&mut self.protocols, &other.protocols);
        append(&mut self.ports, &other.ports);
        append(&mut self.icmp, &other.icmp);
        append(&mut self.flags, &other.flags);
        append(&mut self.hops, &other.hops);
        append(&mut self.marks, &other.marks);
    }

    /// Values that any packet may have, whatever the rules say.
    pub fn usual(family: Family) -> Corners {
        let parse = |text: &&str| bits_of(text.parse().expect("a literal address"));
        let (addresses, icmp): (&[&str], _) = match family {
            Family::V4 => (
                &["198.51.100.99", "203.0.113.97", "10.0.0.1", "255.255.255.255", "224.0.0.1", "127.0.0.1", "0.0.0.0"],
                [(8, 0), (0, 0), (3, 4), (11, 0)],
            ),
            Family::V6 => (
                &["2001:db8:99::1", "2001:db8:99::2", "fd00::1", "fe80::99", "ff02::1", "::1", "::"],
                [(128, 0), (129, 0), (2, 0), (135, 0)],
            ),
        };
        let addresses: Vec<u128> = addresses.iter().map(parse).collect();
        // Source and destination differ unless there is a reason.
        let mut destinations = addresses.clone();
        destinations.swap(0, 1);
        Corners {
            interfaces: ["eth0", "lo", "other0"].into_iter().filter_map(Interface::new).collect(),
            sources: addresses,
            destinations,
            protocols: vec![6, 17, if family == Family::V4 { 1 } else { 58 }, 132, 50, 47, AH, 136, 253],
            ports: vec![40_000, 443, 0, 65_535],
            icmp: icmp.to_vec(),
            flags: vec![0x02, 0x10, 0x12, 0x04, 0x01, 0x00, 0x3f],
            hops: vec![64, 255, 1, 2],
            marks: vec![0, 1],
        }
    }
}
