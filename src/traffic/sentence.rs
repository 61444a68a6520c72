//! A packet as a traffic sentence that `trace` takes back.
//! Input: a packet. Output: text; nothing in it is left open.

use std::fmt::Write;
use std::net::IpAddr;

use crate::iptables::packet::{Packet, State, Transport, Way};
use crate::iptables::ruleset::{IcmpType, TcpFlags};
use crate::net::{Family, Protocol};
use crate::resolve::icmp::NAMES;

/// The sentence of a packet. A fragment is described as the whole that it belongs to: sentences speak of whole packets.
pub fn sentence(packet: &Packet) -> String {
    let mut out = match packet.way {
        Way::In(name) => format!("in on {name}"),
        Way::Out(name) => format!("out on {name}"),
        Way::Forward(from, to) => format!("forward in on {from} out on {to}"),
    };
    let family = packet.family();
    // Writing to a String cannot fail.
    let _ = write!(out, " {}", protocol(family, packet.transport));
    let ports = match packet.transport {
        Transport::Tcp(source, destination, _)
        | Transport::Udp(source, destination)
        | Transport::UdpLite(source, destination)
        | Transport::Sctp(source, destination) => Some((source, destination)),
        _ => None,
    };
    // `port` belongs to the protocols that the language says have one.
    let ports = ports.filter(|_| !matches!(packet.transport, Transport::UdpLite(..)));
    let _ = write!(out, " from {}", packet.source);
    if let Some((source, _)) = ports {
        let _ = write!(out, " port {source}");
    }
    let _ = write!(out, " to {}", packet.destination);
    if let Some((_, destination)) = ports {
        let _ = write!(out, " port {destination}");
    }
    if let Transport::Tcp(_, _, set) = packet.transport {
        let _ = write!(out, " {}", flags(set));
    }
    let _ = write!(out, " ttl {}", packet.hop_limit);
    if packet.mark != 0 {
        let _ = write!(out, " mark {:#x}", packet.mark);
    }
    if let Some(state) = packet.state {
        let _ = write!(out, " state {}", state_word(state));
    }
    if packet.ipsec_in || packet.ipsec_out {
        out.push_str(" ipsec");
    }
    out
}

/// The word of a connection state.
pub fn state_word(state: State) -> &'static str {
    match state {
        State::Invalid => "invalid",
        State::New => "new",
        State::Related => "related",
        State::Established => "established",
        State::Untracked => "untracked",
    }
}

/// All flags of a TCP header as a clause.
pub fn flags(set: u8) -> String {
    format!("flags all/{}", flag_words(set))
}

/// The names of TCP flags, separated by commas; `none` where none is set.
pub fn flag_words(set: u8) -> String {
    let names = TcpFlags::NAMES.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0);
    let names: Vec<String> = names.map(|(_, name)| name.to_ascii_lowercase()).collect();
    if names.is_empty() { "none".into() } else { names.join(",") }
}

/// The protocol as traffic says it, with the type of ICMP.
pub fn protocol(family: Family, transport: Transport) -> String {
    match transport {
        Transport::Tcp(..) => "tcp".into(),
        Transport::Udp(..) => "udp".into(),
        Transport::UdpLite(..) => "protocol 136".into(),
        Transport::Sctp(..) => "sctp".into(),
        Transport::Icmp(icmp) => format!("icmp type {}", icmp_words(family, icmp)),
        Transport::Ah => "ah".into(),
        Transport::Other(Protocol::ESP) => "esp".into(),
        Transport::Other(Protocol::GRE) => "gre".into(),
        Transport::Other(Protocol::OSPF) => "ospf".into(),
        Transport::Other(Protocol::VRRP) => "vrrp".into(),
        Transport::Other(protocol) => format!("protocol {}", protocol.0),
    }
}

/// `echo-request`, `3 code 4`: the name where it has one, the code where it is not 0.
pub fn icmp_words(family: Family, icmp: IcmpType) -> String {
    let code = icmp.code.unwrap_or(0);
    let named = NAMES.iter().find(|(_, types)| types[family] == Some(IcmpType { kind: icmp.kind, code: None }));
    let kind = named.map_or_else(|| icmp.kind.to_string(), |(name, _)| (*name).to_owned());
    if code == 0 { kind } else { format!("{kind} code {code}") }
}

/// An address and a port as people write them together.
pub fn endpoint(address: IpAddr, port: Option<u16>) -> String {
    match (address, port) {
        (address, None) => address.to_string(),
        (IpAddr::V4(address), Some(port)) => format!("{address}:{port}"),
        (IpAddr::V6(address), Some(port)) => format!("[{address}]:{port}"),
    }
}
