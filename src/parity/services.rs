//! What is compared between the families: the same service has other numbers in each.
//! Input: none. Output: for each service its packets in both families, and the words for them.

use crate::iptables::meaning::Field;
use crate::iptables::ruleset::IcmpType;
use crate::language::values::{ICMP_TYPES, IcmpWord, ProtocolWord};
use crate::net::{Both, Family, PortRange, Protocol};
use crate::policy::{Directions, Items, Packets, Traffic, Values};

/// What is compared in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Everything but ICMP: the protocols and ports are the same in both families.
    Protocols,
    /// A type of ICMP that both families have, by its position in `TYPES`.
    Icmp(usize),
    /// What DHCP servers and relays listen to, then what clients do.
    Dhcp(usize),
}

/// The types of ICMP that are compared. Neighbor discovery and MLD are IPv6's own, timestamps IPv4's.
const TYPES: [&str; 7] = [
    "echo-request",
    "echo-reply",
    "destination-unreachable",
    "packet-too-big",
    "time-exceeded",
    "parameter-problem",
    "redirect",
];

/// The ports of servers and relays, and of clients (RFC 2131, RFC 8415).
const DHCP_PORTS: [Both<u16>; 2] = [Both { v4: 67, v6: 547 }, Both { v4: 68, v6: 546 }];

/// The last code of IPv4's `destination-unreachable` (IANA).
const LAST_UNREACHABLE: u8 = 15;

/// What the same service need not have in common.
const ENDS: [Field; 3] = [Field::Source, Field::Destination, Field::Mark];

impl Service {
    /// All that is compared.
    pub fn all() -> impl Iterator<Item = Service> {
        let types = (0..TYPES.len()).map(Service::Icmp);
        [Service::Protocols].into_iter().chain(types).chain((0..DHCP_PORTS.len()).map(Service::Dhcp))
    }

    /// How many types of ICMP are compared.
    pub fn count_of_types() -> usize {
        TYPES.len()
    }

    /// The fields that do not tell its packets apart.
    pub fn hides(self) -> Vec<Field> {
        let own: &[Field] = match self {
            Service::Protocols => &[Field::IcmpType, Field::IcmpCode],
            Service::Icmp(_) => &[Field::IcmpCode],
            Service::Dhcp(_) => &[Field::SourcePort],
        };
        ENDS.into_iter().chain(own.iter().copied()).collect()
    }

    /// The fields that say which service it is, and that have another value in each family.
    pub fn numbers(self) -> &'static [Field] {
        match self {
            Service::Protocols => &[Field::IcmpType, Field::IcmpCode],
            Service::Icmp(_) => &[Field::Protocol, Field::IcmpType, Field::IcmpCode],
            Service::Dhcp(_) => &[Field::Protocol, Field::SourcePort, Field::DestinationPort],
        }
    }

    /// Its first packets in a family, whichever way they go.
    pub fn packets(self, family: Family) -> Packets {
        let mut traffic =
            Traffic { directions: Directions { input: true, output: true, forward: true }, ..Traffic::default() };
        self.named(family, &mut traffic);
        // IPv4's `packet-too-big` is a code of `destination-unreachable`.
        if self.is_unreachable() && family == Family::V4 {
            let codes = (0..=LAST_UNREACHABLE).filter(|code| *code != 4);
            let one = |code| IcmpWord { types: Both::same(Some(IcmpType { kind: 3, code: Some(code) })) };
            traffic.icmp_types = Values { negated: false, items: codes.map(one).collect() };
        }
        Packets { families: family.into(), traffic, ..Packets::default() }
    }

    /// Whether it is ICMP that says that a destination cannot be reached: in IPv4 there is one code that is another service.
    pub fn is_unreachable(self) -> bool {
        matches!(self, Service::Icmp(at) if TYPES[at] == "destination-unreachable")
    }

    /// Whether it is ICMP that says that a packet is too big.
    pub fn is_too_big(self) -> bool {
        matches!(self, Service::Icmp(at) if TYPES[at] == "packet-too-big")
    }

    /// Makes traffic that is told without its numbers that of this service.
    pub fn named(self, family: Family, traffic: &mut Traffic) {
        match self {
            Service::Protocols => {}
            Service::Icmp(at) => {
                traffic.protocols = Values::one(ProtocolWord::Icmp);
                let row = ICMP_TYPES.iter().find(|(name, _)| *name == TYPES[at]);
                traffic.icmp_types = row.map_or_else(Values::any, |(_, types)| Values::one(IcmpWord { types: *types }));
            }
            Service::Dhcp(at) => {
                traffic.protocols = Values::one(ProtocolWord::Number(Protocol::UDP));
                traffic.destination_ports = Values::one(PortRange::single(DHCP_PORTS[at][family]));
            }
        }
    }
}

/// Leaves the ports of DHCP out of traffic that names ports of UDP alone: they are compared by themselves. Whether there
/// were any; what is left may be nothing, `None`.
pub fn without_dhcp(traffic: &Traffic) -> Option<(Traffic, bool)> {
    let is_udp = !traffic.protocols.negated && traffic.protocols.items[..] == [ProtocolWord::Number(Protocol::UDP)];
    let ports = &traffic.destination_ports;
    if !is_udp || ports.negated || ports.is_any() {
        return Some((traffic.clone(), false));
    }
    let mut left: Items<PortRange> = ports.items.clone();
    for port in DHCP_PORTS.iter().flat_map(|ports| [ports.v4, ports.v6]) {
        left = left.into_iter().flat_map(|range| around(range, port)).collect();
    }
    if left.is_empty() {
        return None;
    }
    let changed = left != ports.items;
    Some((Traffic { destination_ports: Values { negated: false, items: left }, ..traffic.clone() }, changed))
}

/// A range without a port.
fn around(range: PortRange, port: u16) -> Vec<PortRange> {
    if !range.contains(port) {
        return vec![range];
    }
    let below = port.checked_sub(1).filter(|end| *end >= range.start).map(|end| PortRange { end, ..range });
    let above = port.checked_add(1).filter(|start| *start <= range.end).map(|start| PortRange { start, ..range });
    below.into_iter().chain(above).collect()
}
