//! Whether traffic holds a packet: what `expect` speaks about.
//! Input: traffic, and a packet on the wire. Output: yes or no.

use std::net::IpAddr;

use crate::iptables::packet::{Packet, Transport, Way};
use crate::net::{Family, Interface, PortRange, Prefix};
use crate::policy::{Packets, ProtocolWord, Traffic, Values};
use crate::simulate::first_state;

/// Whether a packet is one of those that are described, limits and spoofing aside.
pub fn holds(packets: &Packets, packet: &Packet) -> bool {
    let (traffic, family) = (&packets.traffic, packet.family());
    packets.families.has(family)
        && way(traffic, packet.way)
        && transport(traffic, family, packet.transport)
        && addresses(traffic, packet)
        && traffic.ttl.is_none_or(|ttl| (packet.hop_limit == ttl.value) != ttl.negated)
        && traffic.mark.is_none_or(|mark| (packet.mark & mark.value.mask == mark.value.value) != mark.negated)
        && traffic.ipsec.is_none_or(|ipsec| ipsec == (packet.ipsec_in || packet.ipsec_out))
        && traffic.states.is_none_or(|states| {
            let state = packet.state.unwrap_or_else(|| first_state(packet));
            (states.value.0 & state.bit().0 != 0) != states.negated
        })
}

/// Whether a value is among those that are listed.
pub fn among<T>(values: &Values<T>, is: impl Fn(&T) -> bool) -> bool {
    values.is_any() || values.items.iter().any(is) != values.negated
}

fn interface(values: &Values<Interface>, name: Interface) -> bool {
    among(values, |value| value.covers(&name))
}

/// Whether packets of the traffic go that way.
pub fn way(traffic: &Traffic, way: Way) -> bool {
    let Traffic { directions, on, in_on, out_on, .. } = traffic;
    match way {
        Way::In(name) => directions.input && interface(on, name),
        Way::Out(name) => directions.output && interface(on, name),
        Way::Forward(from, to) => {
            // `on not A`: neither in nor out; `on A`: in or out.
            let through = if on.negated {
                interface(on, from) && interface(on, to)
            } else {
                interface(on, from) || interface(on, to)
            };
            directions.forward && through && interface(in_on, from) && interface(out_on, to)
        }
    }
}

/// Whether packets of the traffic may carry that.
pub fn transport(traffic: &Traffic, family: Family, transport: Transport) -> bool {
    let is = |word: &ProtocolWord| match (word, transport) {
        (ProtocolWord::Icmp, Transport::Icmp(_)) | (ProtocolWord::Ah, Transport::Ah) => true,
        (ProtocolWord::Number(number), transport) => number_of(transport) == Some(number.0),
        _ => false,
    };
    let icmp = match transport {
        _ if traffic.icmp_types.is_any() => true,
        Transport::Icmp(icmp) => among(&traffic.icmp_types, |word| {
            let wanted = word.types[family];
            wanted.is_some_and(|wanted| wanted.kind == icmp.kind && (wanted.code.is_none() || wanted.code == icmp.code))
        }),
        _ => false,
    };
    among(&traffic.protocols, is) && icmp && ports(traffic, transport)
}

fn number_of(transport: Transport) -> Option<u8> {
    match transport {
        Transport::Tcp(..) => Some(6),
        Transport::Udp(..) => Some(17),
        Transport::UdpLite(..) => Some(136),
        Transport::Sctp(..) => Some(132),
        Transport::Other(protocol) => Some(protocol.0),
        Transport::Icmp(_) | Transport::Ah => None,
    }
}

fn addresses(traffic: &Traffic, packet: &Packet) -> bool {
    let within =
        |values: &Values<Prefix>, address: IpAddr| among(values, |prefix| prefix.contains(&Prefix::host(address)));
    let peer = traffic.peer.as_ref().is_none_or(|peer| match packet.way {
        Way::In(_) => within(peer, packet.source),
        Way::Out(_) => within(peer, packet.destination),
        Way::Forward(..) => false,
    });
    peer && within(&traffic.source, packet.source) && within(&traffic.destination, packet.destination)
}

fn ports(traffic: &Traffic, transport: Transport) -> bool {
    let (source, destination, flags) = match transport {
        Transport::Tcp(source, destination, flags) => (source, destination, Some(flags)),
        Transport::Udp(source, destination)
        | Transport::UdpLite(source, destination)
        | Transport::Sctp(source, destination) => (source, destination, None),
        _ => return traffic.source_ports.is_any() && traffic.destination_ports.is_any() && traffic.flags.is_none(),
    };
    let within = |values: &Values<PortRange>, port: u16| among(values, |range| range.contains(port));
    within(&traffic.source_ports, source)
        && within(&traffic.destination_ports, destination)
        && traffic.flags.is_none_or(|wanted| {
            flags.is_some_and(|flags| (flags & wanted.value.mask == wanted.value.set) != wanted.negated)
        })
}
