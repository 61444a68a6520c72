//! The values that the fields of a packet may have: corners that the traffic admits.
//! Input: corners and traffic. Output: packets that differ from one another in one field, or in all by chance.

use std::net::IpAddr;

use super::corners::{AH, Corners};
use super::random::Random;
use crate::iptables::meaning::{Answer, evaluate};
use crate::iptables::packet::{Fragment, Packet, State, Transport, Way};
use crate::iptables::ruleset::IcmpType;
use crate::net::{Addresses, Family, Interface, Protocol, bits_of};
use crate::policy::{Packets, Traffic, Values};
use crate::traffic::one::PORT;
use crate::traffic::set::{self, among};
use crate::way::Wire;

/// The most ports whose pairs are all tried, source with destination.
const MAX_PORTS: usize = 8;

/// The directions, for the lists that differ by them.
#[derive(Clone, Copy)]
enum Direction {
    In,
    Out,
    Forward,
}

/// Values by field, those inside first.
pub struct Candidates {
    family: Family,
    fragment: Fragment,
    /// By direction.
    ways: [Vec<Way>; 3],
    /// Sources and destinations, by direction.
    addresses: [[Vec<IpAddr>; 2]; 3],
    transports: Vec<Transport>,
    ports: Vec<u16>,
    hops: Vec<u8>,
    marks: Vec<u32>,
    states: Vec<Option<State>>,
    /// Whether they came out of IPsec, and will go into it.
    ipsec: Vec<(bool, bool)>,
}

fn direction(way: Way) -> Direction {
    match way {
        Way::In(_) => Direction::In,
        Way::Out(_) => Direction::Out,
        Way::Forward(..) => Direction::Forward,
    }
}

impl Candidates {
    /// The values of corners that traffic admits, for a rule of `chain`: any, if that is not built in.
    pub fn new(corners: &Corners, packets: &Packets, family: Family, chain: &str) -> Candidates {
        let traffic = &packets.traffic;
        let within = |values: &Values<Addresses>, numbers: [&[u128]; 2]| -> Vec<IpAddr> {
            let all = numbers.concat().into_iter().map(|number| family.address(number));
            all.filter(|address| among(values, |addresses| addresses.contains(*address))).collect()
        };
        let any = Values::any();
        let (sources, destinations) = (&corners.sources[..], &corners.destinations[..]);
        let addresses = [Direction::In, Direction::Out, Direction::Forward].map(|direction| {
            let peer = traffic.peer.as_ref().unwrap_or(&any);
            let (from, to) = match direction {
                Direction::In if traffic.peer.is_some() => (peer, &any),
                Direction::Out if traffic.peer.is_some() => (&any, peer),
                _ => (&traffic.source, &traffic.destination),
            };
            [within(from, [sources, destinations]), within(to, [destinations, sources])]
        });
        let carried = set::transports(traffic, family);
        let fits = |candidate: &Transport| {
            let packet = Packet { transport: *candidate, ..any_packet(family) };
            evaluate(&carried, &Wire(&packet)) == Answer::Yes
        };
        let ttl = |hops: &u8| traffic.ttl.is_none_or(|ttl| (*hops == ttl.value) != ttl.negated);
        let states = match traffic.states {
            None => vec![None],
            Some(states) => {
                let admitted = |state: &State| (states.value.0 & state.bit().0 != 0) != states.negated;
                State::ALL.into_iter().filter(admitted).map(Some).collect()
            }
        };
        Candidates {
            family,
            fragment: packets.fragment,
            ways: ways(&corners.interfaces, traffic, family, chain),
            addresses,
            transports: transports(corners, family).into_iter().filter(fits).collect(),
            ports: corners.ports.clone(),
            hops: [&[64], &corners.hops[..]].concat().into_iter().filter(ttl).collect(),
            marks: [&corners.marks[..], &[0]].concat(),
            states,
            ipsec: [(false, false), (true, false), (false, true), (true, true)]
                .into_iter()
                .filter(|(came, goes)| {
                    traffic.ipsec.came.is_none_or(|wanted| wanted == *came)
                        && traffic.ipsec.goes.is_none_or(|wanted| wanted == *goes)
                })
                .collect(),
        }
    }

    /// Packets that differ in one field from one that lies inside, until `attempt` says that the search is over; whether
    /// it is.
    pub fn corners(&self, attempt: &mut dyn FnMut(Packet) -> bool) -> bool {
        for ways in &self.ways {
            let Some(way) = ways.first() else { continue };
            let [sources, destinations] = &self.addresses[direction(*way) as usize];
            let (Some(source), Some(destination), Some(transport), Some(hops), Some(state)) = (
                sources.first(),
                destinations.first(),
                self.transports.first(),
                self.hops.first(),
                self.states.first(),
            ) else {
                continue;
            };
            let base = Packet {
                way: *way,
                source: *source,
                destination: *destination,
                hop_limit: *hops,
                transport: *transport,
                fragment: self.fragment,
                mark: 0,
                state: *state,
                ipsec_in: false,
                ipsec_out: false,
            };
            // A mark is of the rules' making as a rule: the first that is there, and none.
            let marks = self.marks.iter().map(|mark| Packet { mark: *mark, ..base.clone() });
            let ways = ways.iter().map(|way| Packet { way: *way, ..base.clone() });
            let sources = sources.iter().map(|source| Packet { source: *source, ..base.clone() });
            let to = destinations.iter().map(|destination| Packet { destination: *destination, ..base.clone() });
            let kinds = self.transports.iter().map(|transport| Packet { transport: *transport, ..base.clone() });
            let hops = self.hops.iter().map(|hops| Packet { hop_limit: *hops, ..base.clone() });
            let states = self.states.iter().map(|state| Packet { state: *state, ..base.clone() });
            let all = marks.chain(ways).chain(sources).chain(to).chain(kinds).chain(hops).chain(states);
            for packet in all {
                for ipsec in &self.ipsec {
                    if attempt(with_ipsec(packet.clone(), *ipsec)) {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// A packet of which every field is one of the corners, or anything at all.
    pub fn random(&self, random: &mut Random, traffic: &Traffic) -> Option<Packet> {
        let way = self.ways.iter().flatten().nth(random.below(self.ways.iter().map(Vec::len).sum())).copied()?;
        let [sources, destinations] = &self.addresses[direction(way) as usize];
        let (from, to) = match (&traffic.peer, way) {
            (Some(peer), Way::In(_)) => (peer, &traffic.destination),
            (Some(peer), Way::Out(_)) => (&traffic.source, peer),
            _ => (&traffic.source, &traffic.destination),
        };
        let source = self.address(random, sources, from)?;
        let destination = self.address(random, destinations, to)?;
        let transport = self.transport(random)?;
        let hop_limit = random.one(&self.hops)?;
        let state = random.one(&self.states)?;
        let mark = if random.once_in(3) { random.one(&self.marks)? } else { 0 };
        let ipsec = random.one(&self.ipsec)?;
        let packet = Packet {
            way,
            source,
            destination,
            hop_limit: if traffic.ttl.is_none() && random.once_in(4) { random.next() as u8 } else { hop_limit },
            transport,
            fragment: self.fragment,
            mark: if traffic.mark.is_none() && random.once_in(8) { random.next() as u32 } else { mark },
            state,
            ipsec_in: false,
            ipsec_out: false,
        };
        Some(with_ipsec(packet, ipsec))
    }

    /// A corner, or any address of the traffic.
    fn address(&self, random: &mut Random, corners: &[IpAddr], values: &Values<Addresses>) -> Option<IpAddr> {
        if !random.once_in(3) || values.negated {
            return random.one(corners);
        }
        let own: Vec<&Addresses> = values.items.iter().filter(|some| some.family() == self.family).collect();
        let bits = u128::from(random.next()) << 64 | u128::from(random.next());
        let Some(some) = random.one(&own) else { return Some(self.family.address(bits)) };
        let (first, last) = some.ends();
        let (first, last) = (bits_of(first), bits_of(last));
        let offset = (last - first).checked_add(1).map_or(bits, |size| bits % size);
        Some(self.family.address(first + offset))
    }

    fn transport(&self, random: &mut Random) -> Option<Transport> {
        let one = random.one(&self.transports)?;
        let mut port = |given: u16| match random.below(4) {
            0 => random.next() as u16,
            1 => random.one(&self.ports).unwrap_or(given),
            _ => given,
        };
        Some(match one {
            Transport::Tcp(source, destination, flags) => {
                let (source, destination) = (port(source), port(destination));
                let flags = if random.once_in(3) { random.next() as u8 & 0x3f } else { flags };
                Transport::Tcp(source, destination, flags)
            }
            Transport::Udp(source, destination) => Transport::Udp(port(source), port(destination)),
            Transport::Sctp(source, destination) => Transport::Sctp(port(source), port(destination)),
            Transport::Icmp(icmp) if random.once_in(2) => {
                let code = if random.once_in(2) { Some(0) } else { Some(random.next() as u8) };
                let kind = if random.once_in(2) { random.below(255) as u8 } else { icmp.kind };
                Transport::Icmp(IcmpType { kind, code })
            }
            Transport::Other(protocol) if random.once_in(3) => {
                let other = Protocol(1 + random.below(255) as u8);
                if is_other(other, self.family) { Transport::Other(other) } else { Transport::Other(protocol) }
            }
            other => other,
        })
    }
}

/// Whether a protocol has no kind of its own, and can be written as `protocol N`: not ICMP of either family, nothing
/// with ports, no extension header of IPv6.
fn is_other(protocol: Protocol, family: Family) -> bool {
    // `igmp` is a word of IPv4.
    let is_igmp = protocol == Protocol::IGMP && family == Family::V6;
    !is_igmp && !matches!(protocol.0, 0 | 1 | 6 | 17 | 33 | 43 | 44 | 51 | 58 | 59 | 60 | 132 | 136)
}

/// Out of an IPsec policy, or into one, as far as its way has that side.
fn with_ipsec(packet: Packet, (came, goes): (bool, bool)) -> Packet {
    let (ipsec_in, ipsec_out) = match packet.way {
        Way::In(_) => (came, false),
        Way::Out(_) => (false, goes),
        Way::Forward(..) => (came, goes),
    };
    Packet { ipsec_in, ipsec_out, ..packet }
}

/// The ways that traffic and a chain admit, those through the first interfaces first.
fn ways(interfaces: &[Interface], traffic: &Traffic, family: Family, chain: &str) -> [Vec<Way>; 3] {
    let (input, output, forward) = match chain {
        "INPUT" => (true, false, false),
        "OUTPUT" => (false, true, false),
        "FORWARD" => (false, false, true),
        "PREROUTING" => (true, false, true),
        "POSTROUTING" => (false, true, true),
        _ => (true, true, true),
    };
    let there = set::ways(traffic, family, false);
    let fits = |way: &Way| evaluate(&there, &Wire(&Packet { way: *way, ..any_packet(family) })) == Answer::Yes;
    let list = |wanted: bool, ways: &dyn Fn() -> Vec<Way>| -> Vec<Way> {
        if wanted { ways().into_iter().filter(fits).collect() } else { Vec::new() }
    };
    let pairs = || {
        let to = |from: Interface| interfaces.iter().rev().map(move |to| Way::Forward(from, *to));
        interfaces.iter().flat_map(|from| to(*from)).filter(|way| !loops(*way)).collect()
    };
    [
        list(input, &|| interfaces.iter().map(|name| Way::In(*name)).collect()),
        list(output, &|| interfaces.iter().map(|name| Way::Out(*name)).collect()),
        list(forward, &pairs),
    ]
}

/// Some packet of a family, for those who look at one field.
fn any_packet(family: Family) -> Packet {
    Packet {
        way: Way::In(Interface::new("lo").expect("a short name")),
        source: family.address(0),
        destination: family.address(0),
        hop_limit: 64,
        transport: Transport::Ah,
        fragment: Fragment::No,
        mark: 0,
        state: None,
        ipsec_in: false,
        ipsec_out: false,
    }
}

/// Whether a forwarded packet would come from `lo`, or go there: there is no such thing.
fn loops(way: Way) -> bool {
    matches!(way, Way::Forward(from, to) if from.name() == "lo" || to.name() == "lo")
}

/// Every kind of content that the corners make: pairs of ports for the first protocols, one pair for the others.
fn transports(corners: &Corners, family: Family) -> Vec<Transport> {
    let mut all = Vec::new();
    let first = &corners.ports[..corners.ports.len().min(MAX_PORTS)];
    for (index, number) in corners.protocols.iter().enumerate() {
        let ports = if index < 2 { first } else { &first[..first.len().min(2)] };
        let pairs = ports.iter().flat_map(|source| ports.iter().map(move |destination| (*source, *destination)));
        match Protocol(*number) {
            Protocol::TCP => {
                let flags = |flags: &[u8]| flags.first().copied().unwrap_or(0x02);
                let usual = flags(&corners.flags);
                all.extend(pairs.map(|(source, destination)| Transport::Tcp(source, destination, usual)));
                let port = |index: usize| first.get(index).or(first.first()).copied().unwrap_or_default();
                let all_flags = corners.flags.iter().flat_map(|flags| {
                    [Transport::Tcp(port(0), port(0), *flags), Transport::Tcp(port(1), port(0), *flags)]
                });
                all.extend(all_flags);
            }
            Protocol::UDP => all.extend(pairs.map(|(source, destination)| Transport::Udp(source, destination))),
            Protocol::SCTP => all.extend(pairs.map(|(source, destination)| Transport::Sctp(source, destination))),
            // Its ports cannot be named in a sentence: those that `trace` takes.
            Protocol::UDPLITE => all.push(Transport::UdpLite(PORT, PORT)),
            protocol if protocol == Protocol::icmp(family) => {
                let icmp = |(kind, code): &(u8, u8)| Transport::Icmp(IcmpType { kind: *kind, code: Some(*code) });
                // 255 cannot be named either.
                all.extend(corners.icmp.iter().filter(|(kind, _)| *kind != u8::MAX).map(icmp));
            }
            Protocol(AH) => all.push(Transport::Ah),
            protocol if is_other(protocol, family) => all.push(Transport::Other(protocol)),
            _ => {}
        }
    }
    all
}
