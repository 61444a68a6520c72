//! Whether a rule matches: yes, no, or maybe, where the packet alone does not tell.
//! Input: a rule and a packet on its way. Output: an answer, decided as the kernel's matches decide.

use super::flight::{Bounds, Flight};
use super::loaded::{Bits, Entry, Loaded, number, state_bit};
use super::{Assumptions, Place};
use crate::iptables::packet::{Fragment, State, Transport, Way};
pub use crate::iptables::ruleset::Part;
use crate::iptables::ruleset::{
    HopLimit, IcmpType, IpRange, MaskedMark, Match, Multiport, Negatable, PolicyDirection, PortSide, Ports, States, Tcp,
};
use crate::net::{Family, PortRange, Protocol};

pub use crate::iptables::meaning::Answer;

/// Whether a rule matches.
#[inline]
pub(super) fn rule(entry: &Entry, flight: &Flight, assumptions: Assumptions) -> Answer {
    if let Some((_, port)) = flight.ports
        && in_range(port, entry.destination_ports) == Answer::No
    {
        return Answer::No;
    }
    if !entry.in_interface.fits(flight.in_name) || !entry.out_interface.fits(flight.out_name) {
        return Answer::No;
    }
    let mut answer = address(&entry.source, flight.source, flight.family).min(destination(entry, flight));
    if answer == Answer::No {
        return Answer::No;
    }
    if let Some(wanted) = entry.protocol {
        answer = answer.min(protocol(wanted, flight));
    }
    if entry.rule.header.fragment.is_some() {
        answer = answer.min(later_fragment(entry, flight));
    }
    for one in entry.rule.matches.iter() {
        if answer == Answer::No {
            break;
        }
        answer = answer.min(self::one(one, flight, assumptions));
    }
    answer
}

/// The parts of a rule that do not hold, each looked at alone: those that keep it from matching.
pub fn failing(loaded: &Loaded, place: Place, flight: &Flight, assumptions: Assumptions) -> Vec<Part> {
    let table = loaded.tables[place.table as usize].as_ref();
    let Some(entry) = table.and_then(|table| table.entry(place.rule)) else { return Vec::new() };
    let mut parts = vec![
        (Part::Source, address(&entry.source, flight.source, flight.family)),
        (Part::Destination, destination(entry, flight)),
        (Part::InInterface, entry.in_interface.fits(flight.in_name).into()),
        (Part::OutInterface, entry.out_interface.fits(flight.out_name).into()),
        (Part::Fragment, later_fragment(entry, flight)),
    ];
    parts.extend(entry.protocol.map(|wanted| (Part::Protocol, protocol(wanted, flight))));
    let matches = entry.rule.matches.iter().enumerate();
    parts.extend(matches.map(|(index, one)| (Part::Match(index), self::one(one, flight, assumptions))));
    parts.into_iter().filter(|(_, answer)| *answer == Answer::No).map(|(part, _)| part).collect()
}

#[inline]
fn address(wanted: &Bits, bounds: Bounds, family: Family) -> Answer {
    if bounds.first == bounds.last || wanted.mask == 0 {
        return wanted.fits(bounds.first).into();
    }
    // Only a prefix holds everything between two addresses that it holds.
    let first_inside = (bounds.first ^ wanted.value) & wanted.mask == 0;
    let last_inside = (bounds.last ^ wanted.value) & wanted.mask == 0;
    let host_bits = wanted.mask.trailing_zeros();
    let highest = wanted.value | ((1_u128 << host_bits) - 1);
    let prefix = wanted.mask.count_ones() + host_bits == u32::from(family.bits());
    let inside = if prefix && first_inside && last_inside {
        Answer::Yes
    } else if prefix && (highest < bounds.first || wanted.value > bounds.last) {
        Answer::No
    } else {
        Answer::Maybe
    };
    inside.negated(wanted.negated)
}

/// The destination: where translation has made it anything, it is still no loopback address, which only `lo` has.
#[inline]
fn destination(entry: &Entry, flight: &Flight) -> Answer {
    let wanted = &entry.destination;
    let answer = address(wanted, flight.destination, flight.family);
    if answer != Answer::Maybe || matches!(flight.way, Way::Out(_)) {
        return answer;
    }
    let loopback = match flight.family {
        Family::V4 => wanted.mask >> 24 == 0xff && wanted.value >> 24 == 127,
        Family::V6 => wanted.mask == u128::MAX && wanted.value == 1,
    };
    if loopback { Answer::No.negated(wanted.negated) } else { answer }
}

fn protocol(wanted: Negatable<Protocol>, flight: &Flight) -> Answer {
    // In IPv6 ip6tables-legacy looks behind AH, where nothing is (59), and ip6tables-nft at it.
    if flight.packet.transport == Transport::Ah && flight.family == Family::V6 && matches!(wanted.value.0, 51 | 59) {
        return Answer::Maybe;
    }
    Answer::from(wanted.value == flight.protocol()).negated(wanted.negated)
}

fn later_fragment(entry: &Entry, flight: &Flight) -> Answer {
    let Some(wanted) = entry.rule.header.fragment else { return Answer::Yes };
    Answer::from((flight.fragment == Fragment::Later) != wanted.negated)
}

/// Whether a port that lies within `port` is in `wanted`.
#[inline]
fn in_range(port: PortRange, wanted: PortRange) -> Answer {
    if wanted.contains(port.start) && wanted.contains(port.end) {
        Answer::Yes
    } else if port.end < wanted.start || wanted.end < port.start {
        Answer::No
    } else {
        Answer::Maybe
    }
}

#[inline]
fn one(one: &Match, flight: &Flight, assumptions: Assumptions) -> Answer {
    match one {
        Match::Tcp(wanted) => tcp(wanted, flight),
        Match::Udp(wanted) => match flight.packet.transport {
            Transport::Udp(..) | Transport::UdpLite(..) => ports(wanted, flight),
            // DCCP, whose ports a packet here does not show.
            Transport::Other(Protocol(33)) if flight.fragment != Fragment::Later => Answer::Maybe,
            _ => Answer::No,
        },
        Match::Sctp(wanted) => match flight.packet.transport {
            Transport::Sctp(..) if flight.ports.is_some() => ports(wanted, flight),
            _ => Answer::No,
        },
        Match::Icmp(wanted) | Match::Icmp6(wanted) => icmp(*wanted, flight),
        Match::Multiport(wanted) => multiport(wanted, flight),
        Match::Ah => (flight.packet.transport == Transport::Ah && flight.fragment != Fragment::Later).into(),
        Match::Frag => (flight.fragment != Fragment::No).into(),
        Match::Ttl(wanted) | Match::Hl(wanted) => Answer::of(flight.hop_limit.map(|hops| match *wanted {
            HopLimit::Equal(wanted) => (hops == wanted.value) != wanted.negated,
            HopLimit::Less(bound) => hops < bound,
            HopLimit::Greater(bound) => hops > bound,
        })),
        Match::Policy(wanted) => {
            let ipsec = match wanted.direction {
                PolicyDirection::In => flight.packet.ipsec_in,
                PolicyDirection::Out => flight.packet.ipsec_out,
            };
            (ipsec == wanted.ipsec).into()
        }
        Match::Mark(wanted) => mark(*wanted, flight.mark),
        Match::ConnMark(wanted) => match flight.state {
            // Without a connection there is no mark to compare, negated or not.
            State::Invalid | State::Untracked => Answer::No,
            _ => mark(*wanted, flight.connection_mark),
        },
        Match::ConnState(wanted) | Match::State(wanted) => states(*wanted, flight),
        Match::Limit(_) => Answer::of(assumptions.within_limit),
        Match::HashLimit(wanted) => Answer::of(assumptions.within_limit).negated(wanted.above),
        Match::RpFilter(wanted) => {
            let never = match flight.way {
                Way::In(name) | Way::Forward(name, _) => name.name() == "lo",
                Way::Out(_) => true,
            };
            let spoofed = if never { Some(false) } else { assumptions.spoofed };
            Answer::of(spoofed).negated(!wanted.invert)
        }
        Match::IpRange(wanted) => ip_range(wanted, flight),
        Match::Comment(_) => Answer::Yes,
        Match::Unknown(_) => Answer::Maybe,
    }
}

/// The ports of `-m tcp` and `-m udp`. In a later fragment legacy iptables finds none, and nothing matches; with
/// iptables-nft kernels up to 6.18 at least take the first bytes of the piece for ports, and for flags.
fn ports(wanted: &Ports, flight: &Flight) -> Answer {
    let Some((source, destination)) = flight.ports else {
        let asks = wanted.source.is_some() || wanted.destination.is_some();
        return if asks { Answer::Maybe } else { Answer::No };
    };
    let side = |wanted: Option<Negatable<PortRange>>, port| {
        wanted.map_or(Answer::Yes, |wanted| in_range(port, wanted.value).negated(wanted.negated))
    };
    let answer = side(wanted.source, source).min(side(wanted.destination, destination));
    let single =
        |wanted: Option<Negatable<PortRange>>| wanted.is_some_and(|port| port.negated && port.value.is_single());
    if answer == Answer::No && single(wanted.source) && single(wanted.destination) {
        // iptables-nft 1.8.9 compares the two ports as one number: for it only this very pair does not match.
        let either = side(wanted.source, source).max(side(wanted.destination, destination));
        return either.min(Answer::Maybe);
    }
    answer
}

fn tcp(wanted: &Tcp, flight: &Flight) -> Answer {
    let Transport::Tcp(_, _, flags) = flight.packet.transport else { return Answer::No };
    if flight.ports.is_none() && wanted.flags.is_some() {
        return Answer::Maybe;
    }
    let mut answer = ports(&wanted.ports, flight);
    if let Some(wanted) = wanted.flags {
        answer = answer.min(((flags & wanted.value.mask == wanted.value.set) != wanted.negated).into());
    }
    // A packet here does not show its TCP options.
    if wanted.option.is_some() { answer.min(Answer::Maybe) } else { answer }
}

fn icmp(wanted: Negatable<IcmpType>, flight: &Flight) -> Answer {
    let Transport::Icmp(icmp) = flight.packet.transport else { return Answer::No };
    if flight.fragment == Fragment::Later {
        return Answer::No;
    }
    // 255 is any type to the kernel in IPv4 (`icmp_type_code_match`), and a type like others in IPv6.
    let any = wanted.value.kind == u8::MAX && flight.family == Family::V4;
    let code = wanted.value.code.is_none() || wanted.value.code == icmp.code;
    Answer::from(any || wanted.value.kind == icmp.kind && code).negated(wanted.negated)
}

fn multiport(wanted: &Negatable<Box<Multiport>>, flight: &Flight) -> Answer {
    let Some((source, destination)) = flight.ports else {
        let unseen = flight.protocol().has_ports() && flight.fragment != Fragment::Later;
        return if unseen { Answer::Maybe } else { Answer::No };
    };
    let any = |port| wanted.value.ports.iter().map(|range| in_range(port, *range)).max().unwrap_or(Answer::No);
    let answer = match wanted.value.side {
        PortSide::Source => any(source),
        PortSide::Destination => any(destination),
        PortSide::Either => any(source).max(any(destination)),
    };
    answer.negated(wanted.negated)
}

fn mark(wanted: Negatable<MaskedMark>, mark: Option<u32>) -> Answer {
    Answer::of(mark.map(|mark| (mark & wanted.value.mask == wanted.value.value) != wanted.negated))
}

fn states(wanted: Negatable<States>, flight: &Flight) -> Answer {
    let own = match flight.state {
        State::Invalid => 0,
        State::New => 1,
        State::Related => 2,
        State::Established => 3,
        State::Untracked => 4,
    };
    let (snat, dnat) = (5, 6);
    // Whether the connection of a later packet is translated, the packet does not say.
    let later = matches!(flight.state, State::Related | State::Established);
    let answer = if state_bit(wanted.value, own)
        || state_bit(wanted.value, dnat) && flight.new_destination.is_some()
        || state_bit(wanted.value, snat) && flight.new_source.is_some()
    {
        Answer::Yes
    } else if later && (state_bit(wanted.value, snat) || state_bit(wanted.value, dnat)) {
        Answer::Maybe
    } else {
        Answer::No
    };
    answer.negated(wanted.negated)
}

fn ip_range(wanted: &IpRange, flight: &Flight) -> Answer {
    let side = |wanted: Option<Negatable<(std::net::IpAddr, std::net::IpAddr)>>, bounds: Bounds| {
        let Some(wanted) = wanted else { return Answer::Yes };
        let (first, last) = (number(wanted.value.0), number(wanted.value.1));
        let inside = if first <= bounds.first && bounds.last <= last {
            Answer::Yes
        } else if bounds.last < first || last < bounds.first {
            Answer::No
        } else {
            Answer::Maybe
        };
        inside.negated(wanted.negated)
    };
    side(wanted.source, flight.source).min(side(wanted.destination, flight.destination))
}
