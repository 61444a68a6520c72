//! Connections that are known before a packet comes: what makes it established or related.
//! Input: packets with a state. Output: entries for `conntrack -R`, and the packet that an ICMP error is about.

use std::net::IpAddr;

use cgwfw::iptables::packet::{Packet, State, Transport, Way};

use crate::kernel::wire;

/// The ports of the connections that ICMP errors are about.
const ABOUT: (u16, u16) = (4_001, 4_002);

/// The far end of the connections that ICMP errors are about.
fn far_end(packet: &Packet) -> IpAddr {
    match packet.destination {
        IpAddr::V4(_) => "203.0.113.77".parse().expect("an address"),
        IpAddr::V6(_) => "2001:db8:77::77".parse().expect("an address"),
    }
}

/// Whether a packet can have the state that it says; without one it can.
pub fn is_possible(packet: &Packet) -> bool {
    match packet.state {
        None => true,
        Some(_) if packet.destination.is_multicast() || packet.source.is_unspecified() => false,
        Some(State::Established) => match packet.transport {
            Transport::Tcp(_, _, flags) => flags & 0x17 == 0x10,
            Transport::Udp(..) => true,
            _ => false,
        },
        Some(State::Related) => is_error(packet),
        Some(_) => false,
    }
}

/// Whether a packet is an ICMP error, which has another packet in it.
pub fn is_error(packet: &Packet) -> bool {
    let Transport::Icmp(icmp) = packet.transport else { return false };
    match packet.destination {
        IpAddr::V4(_) => matches!(icmp.kind, 3 | 11 | 12),
        IpAddr::V6(_) => matches!(icmp.kind, 1..=4),
    }
}

/// The packet that a related error is about: one of a known connection, from the host that the error goes to.
pub fn about(packet: &Packet) -> Option<Vec<u8>> {
    if packet.state != Some(State::Related) {
        return None;
    }
    let inner = Packet {
        way: Way::Out(match packet.way {
            Way::In(name) | Way::Out(name) | Way::Forward(name, _) => name,
        }),
        source: packet.destination,
        destination: far_end(packet),
        transport: Transport::Udp(ABOUT.0, ABOUT.1),
        hop_limit: 64,
        state: None,
        ..packet.clone()
    };
    Some(wire::bytes(&inner, 1, 0))
}

/// The entry of the connection that a packet belongs to, or is about.
pub fn entry(packet: &Packet) -> Option<String> {
    let line = |protocol: &str, from: IpAddr, to: IpAddr, ports: (u16, u16), more: &str| {
        let (sport, dport) = ports;
        format!(
            "-I -p {protocol} -s {from} -d {to} --sport {sport} --dport {dport} --timeout 600 --status SEEN_REPLY,ASSURED{more}\n"
        )
    };
    match (packet.state?, packet.transport) {
        (State::Established, Transport::Tcp(from, to, _)) => {
            Some(line("tcp", packet.source, packet.destination, (from, to), " --state ESTABLISHED"))
        }
        (State::Established, Transport::Udp(from, to)) => {
            Some(line("udp", packet.source, packet.destination, (from, to), ""))
        }
        (State::Related, _) => Some(line("udp", packet.destination, far_end(packet), ABOUT, "")),
        _ => None,
    }
}
