//! The answers to a packet that passes: what its receiver sends back, and what becomes of that.
//! Input: loaded rules and a trace. Output: a trace for each answer, or why there is none.

use std::net::IpAddr;

use super::follow::{Branch, Trace, trace_answer};
use crate::iptables::packet::{Fragment, Packet, State, Transport, Way};
use crate::iptables::ruleset::IcmpType;
use crate::net::Family;
use crate::policy::Traffic;
use crate::simulate::Loaded;
use crate::traffic::one::Described;

/// What comes back.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A packet, followed through the rules.
    Traced(Box<Trace>),
    /// Nothing that the rules tell, and why.
    Unknown(&'static str),
}

/// The answers to the packet of a trace: one for each way in which it may pass, none where it never does.
pub fn replies(loaded: &Loaded, trace: &Trace) -> Vec<Reply> {
    let mut ends: Vec<&Branch> = Vec::new();
    for branch in trace.branches.iter().filter(|branch| branch.passes()) {
        let same = |other: &&Branch| {
            (other.way, other.connection, other.is_rerouted()) == (branch.way, branch.connection, branch.is_rerouted())
        };
        if !ends.iter().any(same) {
            ends.push(branch);
        }
    }
    let reply = |branch: &Branch| match answer(loaded, &trace.described, branch) {
        Ok(packet) => Reply::Traced(Box::new(trace_answer(loaded, packet, branch.connection))),
        Err(why) => Reply::Unknown(why),
    };
    ends.into_iter().map(reply).collect()
}

/// The packet turned round; or why there is none to follow.
fn answer(loaded: &Loaded, described: &Described, branch: &Branch) -> Result<Described, &'static str> {
    let packet = &described.packet;
    if to_many(packet.destination) || packet.source.is_unspecified() {
        return Err("it goes to many, or comes from no address");
    }
    if packet.fragment != Fragment::No {
        return Err("a piece of a packet is not answered by itself");
    }
    if branch.is_rerouted() {
        return Err("no rule tells by which interface it leaves, nor where the answer comes in: \
                    trace it as `forward in on … out on …`");
    }
    let transport = transport(packet).ok_or("such a packet is not answered")?;
    let way = match branch.way {
        Way::In(name) => Way::Out(name),
        Way::Out(name) => Way::In(name),
        Way::Forward(from, to) => Way::Forward(to, from),
    };
    // What IPsec brought goes back into it.
    let (ipsec_in, ipsec_out) = (packet.ipsec_out, packet.ipsec_in);
    let packet = Packet {
        way,
        source: packet.destination,
        destination: packet.source,
        hop_limit: packet.hop_limit,
        transport,
        fragment: Fragment::No,
        mark: 0,
        state: (loaded.tracks && branch.connection.is_some()).then_some(State::Established),
        ipsec_in,
        ipsec_out,
    };
    let open = Traffic {
        source: described.open.destination.clone(),
        destination: described.open.source.clone(),
        source_ports: described.open.destination_ports.clone(),
        destination_ports: described.open.source_ports.clone(),
        ..Traffic::default()
    };
    Ok(Described { packet, open, assumed: Vec::new(), ..described.clone() })
}

fn to_many(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(to) => to.is_multicast() || to.is_broadcast(),
        IpAddr::V6(to) => to.is_multicast(),
    }
}

/// What the answer carries: ports in the other order, the next flags of a handshake (RFC 9293), the reply of an ICMP
/// request (RFC 792, RFC 4443).
fn transport(packet: &Packet) -> Option<Transport> {
    const SYN: u8 = 0x02;
    const RST: u8 = 0x04;
    const ACK: u8 = 0x10;
    Some(match packet.transport {
        Transport::Tcp(_, _, flags) if flags & RST != 0 => return None,
        Transport::Tcp(from, to, flags) if flags & (SYN | ACK) == SYN => Transport::Tcp(to, from, SYN | ACK),
        Transport::Tcp(from, to, _) => Transport::Tcp(to, from, ACK),
        Transport::Udp(from, to) => Transport::Udp(to, from),
        Transport::UdpLite(from, to) => Transport::UdpLite(to, from),
        Transport::Sctp(from, to) => Transport::Sctp(to, from),
        Transport::Icmp(icmp) => {
            let kind = match (packet.family(), icmp.kind) {
                (Family::V4, 8) => 0,
                (Family::V4, 13) => 14,
                (Family::V4, 15) => 16,
                (Family::V4, 17) => 18,
                (Family::V6, 128) => 129,
                (Family::V6, 139) => 140,
                _ => return None,
            };
            Transport::Icmp(IcmpType { kind, code: Some(0) })
        }
        other @ (Transport::Ah | Transport::Other(_)) => other,
    })
}
