//! A packet from the values of variables.
//! Input: what a search has found. Output: a packet that has these values, the others being ordinary.

use super::cubes::{Cube, Point};
use super::store::{Route, Terms, scattered};
use super::variables::Subject;
use crate::iptables::meaning::Field;
use crate::iptables::packet::{Fragment, Packet, State, Transport, Way};
use crate::iptables::ruleset::IcmpType;
use crate::net::{Family, Protocol, bits_of};

/// Addresses that nobody wonders at, of the networks for documentation first: sources and destinations.
pub fn ordinary(family: Family) -> [Vec<u128>; 2] {
    let all: &[&str] = match family {
        Family::V4 => &["198.51.100.99", "203.0.113.97", "192.0.2.9", "10.0.0.1", "224.0.0.1"],
        Family::V6 => &["2001:db8:99::1", "2001:db8:99::2", "2001:db8::9", "fd00::1", "fe80::99", "ff02::1"],
    };
    let parse = |text: &&str| text.parse().map_or(0, bits_of);
    let sources: Vec<u128> = all.iter().map(parse).collect();
    let mut destinations = sources.clone();
    destinations.swap(0, 1);
    [sources, destinations]
}

/// Values of a variable that nobody wonders at, the most ordinary first.
pub fn usual(subject: &Subject, family: Family) -> Vec<u128> {
    let [sources, destinations] = ordinary(family);
    match subject {
        Subject::Field(field) => match field {
            Field::Source => sources,
            Field::Destination => destinations,
            Field::Protocol => vec![6, 17, Protocol::icmp(family).0.into()],
            Field::SourcePort => vec![40_000],
            Field::DestinationPort => vec![443, 40_000],
            Field::TcpFlags => vec![0x02, 0x10, 0x12],
            Field::IcmpType => vec![if family == Family::V4 { 8 } else { 128 }],
            Field::HopLimit => vec![64, 255],
            Field::State => vec![State::New as u128, State::Established as u128],
            // `lo` is the first name.
            Field::InInterface => vec![1, 2],
            Field::OutInterface => vec![2, 1],
            _ => vec![0],
        },
        _ => vec![0],
    }
}

/// Values of fields: first those that were found, then those of the packets that are looked at, then ordinary ones.
struct Values<'a> {
    terms: &'a Terms,
    point: &'a Point,
    clip: &'a Cube,
}

impl Values<'_> {
    fn of(&self, subject: &Subject, ordinary: &[u128]) -> u128 {
        let variable = self.terms.variables.find(subject);
        let found = variable.and_then(|variable| self.point.get(&variable)).map(|range| vec![*range]);
        let clipped = variable.and_then(|variable| self.clip.0.iter().find(|(known, _)| *known == variable));
        let ranges = match (found, clipped, variable) {
            (Some(found), ..) => found,
            (None, Some((_, values)), _) => values.list().to_vec(),
            (None, None, Some(variable)) => self.terms.variables.domain(variable).list().to_vec(),
            (None, None, None) => return ordinary.first().copied().unwrap_or(0),
        };
        let fits = |value: &&u128| ranges.iter().any(|(first, last)| (first..=last).contains(value));
        let first = || ranges.first().map_or(0, |(first, _)| *first);
        ordinary.iter().find(fits).copied().unwrap_or_else(first)
    }

    /// Two interfaces that are the same or not, as was found, the ordinary ones first.
    fn both(&self) -> (u128, u128) {
        let [from, to] = [Field::InInterface, Field::OutInterface].map(Subject::Field);
        let same = self.field(Field::SameInterface) == 1;
        let all = 1..self.terms.names.len() as u128;
        let ordinary = usual(&from, self.terms.family).into_iter();
        let pair = ordinary.chain(all.clone()).find_map(|one| {
            let one = self.of(&from, &[one]);
            let others: Vec<u128> = all.clone().filter(|other| (*other == one) == same).collect();
            let other = self.of(&to, &others);
            ((one == other) == same).then_some((one, other))
        });
        pair.unwrap_or_else(|| (self.field(Field::InInterface), self.field(Field::OutInterface)))
    }

    fn field(&self, field: Field) -> u128 {
        let subject = Subject::Field(field);
        self.of(&subject, &usual(&subject, self.terms.family))
    }
}

/// The packet that has these values.
pub fn packet(terms: &Terms, (route, fragment, said): (Route, Fragment, bool), clip: &Cube, point: &Point) -> Packet {
    let values = Values { terms, point, clip };
    let family = terms.family;
    let name = |field: Field| terms.names[values.field(field) as usize];
    let way = match route {
        Route::In => Way::In(name(Field::InInterface)),
        Route::Out => Way::Out(name(Field::OutInterface)),
        Route::Forward => {
            let (from, to) = values.both();
            Way::Forward(terms.names[from as usize], terms.names[to as usize])
        }
    };
    let protocol = Protocol(values.field(Field::Protocol) as u8);
    let ports = || (values.field(Field::SourcePort) as u16, values.field(Field::DestinationPort) as u16);
    let transport = match protocol {
        Protocol::TCP => {
            let (from, to) = ports();
            Transport::Tcp(from, to, values.field(Field::TcpFlags) as u8)
        }
        Protocol::UDP => {
            let (from, to) = ports();
            Transport::Udp(from, to)
        }
        Protocol::UDPLITE => {
            let (from, to) = ports();
            Transport::UdpLite(from, to)
        }
        Protocol::SCTP => {
            let (from, to) = ports();
            Transport::Sctp(from, to)
        }
        Protocol::AH => Transport::Ah,
        icmp if icmp == Protocol::icmp(family) => {
            let (kind, code) = (values.field(Field::IcmpType), values.field(Field::IcmpCode));
            Transport::Icmp(IcmpType { kind: kind as u8, code: Some(code as u8) })
        }
        other => Transport::Other(other),
    };
    let mark = terms.parts.iter().map(|part| scattered(values.of(&Subject::Bits(Field::Mark, *part), &[0]), *part));
    let state = said.then(|| {
        let number = values.field(Field::State);
        State::ALL.into_iter().find(|state| *state as u128 == number).unwrap_or(State::New)
    });
    let flag = |field: Field| values.field(field) == 1;
    Packet {
        way,
        source: family.address(values.field(Field::Source)),
        destination: family.address(values.field(Field::Destination)),
        hop_limit: values.field(Field::HopLimit) as u8,
        transport,
        fragment,
        mark: mark.fold(0, |bits, part| bits | part),
        state,
        ipsec_in: route != Route::Out && flag(Field::IpsecIn),
        ipsec_out: route != Route::In && flag(Field::IpsecOut),
    }
}
