//! What a REJECT sends back, and whether it gets out.
//! Input: loaded rules, the packet that was rejected, and with what. Output: an `Rejection`.

use std::net::IpAddr;

use crate::iptables::packet::{Packet, State, Transport, Way};
use crate::iptables::ruleset::{IcmpType, RejectWith};
use crate::net::Family;
use crate::simulate::{Decision, Loaded, decide};
use crate::traffic::one::Described;

/// What a REJECT sends back.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// The packet in words; why there is none, where the kernel sends nothing.
    pub text: String,
    /// Whether anything is sent.
    pub sent: bool,
    /// What becomes of it in OUTPUT, where that is known.
    pub fate: Option<Decision>,
}

/// Type and code of an ICMP error that a REJECT sends; none for a TCP reset.
fn icmp_error(with: RejectWith, family: Family) -> Option<(u8, u8)> {
    Some(match (with, family) {
        (RejectWith::NetUnreachable, Family::V4) => (3, 0),
        (RejectWith::HostUnreachable, Family::V4) => (3, 1),
        (RejectWith::ProtoUnreachable, Family::V4) => (3, 2),
        (RejectWith::PortUnreachable, Family::V4) => (3, 3),
        (RejectWith::NetProhibited, Family::V4) => (3, 9),
        (RejectWith::HostProhibited, Family::V4) => (3, 10),
        (RejectWith::AdminProhibited, Family::V4) => (3, 13),
        (RejectWith::NetUnreachable, Family::V6) => (1, 0),
        (RejectWith::AdminProhibited, Family::V6) => (1, 1),
        (RejectWith::HostUnreachable, Family::V6) => (1, 3),
        (RejectWith::PortUnreachable, Family::V6) => (1, 4),
        (RejectWith::PolicyFail, Family::V6) => (1, 5),
        (RejectWith::RejectRoute, Family::V6) => (1, 6),
        _ => return None,
    })
}

/// What goes back to the sender, and whether the filter lets it out; `forwarded`: the packet was rejected on its way to
/// another host.
pub(super) fn answer(loaded: &Loaded, described: &Described, with: RejectWith, forwarded: bool) -> Rejection {
    let packet = &described.packet;
    let family = packet.family();
    let name = with.name(family).unwrap_or_default();
    let none = |why: &str| Rejection { text: format!("nothing goes back: {why}"), sent: false, fate: None };
    let is_error = |icmp: IcmpType| match family {
        Family::V4 => matches!(icmp.kind, 3 | 4 | 5 | 11 | 12),
        Family::V6 => icmp.kind < 128 || icmp.kind == 137,
    };
    let (transport, text) = match (icmp_error(with, family), packet.transport) {
        (None, Transport::Tcp(_, _, flags)) if flags & 0x04 != 0 => {
            return none("a reset is not answered with a reset");
        }
        (None, Transport::Tcp(from, to, flags)) => {
            let set = if flags & 0x10 == 0 { 0x14 } else { 0x04 };
            (Transport::Tcp(to, from, set), format!("a TCP reset goes back to {}", packet.source))
        }
        (None, _) => return none("only TCP can be reset"),
        (Some(_), Transport::Icmp(icmp)) if is_error(icmp) => return none("ICMP errors are not answered with errors"),
        (Some((kind, code)), _) => (
            Transport::Icmp(IcmpType { kind, code: Some(code) }),
            format!("{name} (ICMP type {kind} code {code}) goes back to {}", packet.source),
        ),
    };
    let to_many = match packet.destination {
        IpAddr::V4(to) => to.is_multicast() || to.is_broadcast(),
        IpAddr::V6(to) => to.is_multicast(),
    };
    if to_many || packet.source.is_unspecified() {
        return none("it went to many, or came from no address");
    }
    // The answer to what is forwarded has an address of the gateway that the rules do not tell.
    let (Way::In(name), false) = (packet.way, forwarded) else { return Rejection { text, sent: true, fate: None } };
    let tracked = loaded.tracks && packet.state != Some(State::Untracked);
    let back = Packet {
        way: Way::Out(name),
        source: packet.destination,
        destination: packet.source,
        hop_limit: 64,
        transport,
        mark: 0,
        state: tracked.then_some(State::Related),
        ipsec_in: false,
        ipsec_out: false,
        fragment: packet.fragment,
    };
    let fates = decide(loaded, &back, described.assumptions);
    Rejection {
        text,
        sent: true,
        fate: if let [one] = fates.found[..] { Some(one).filter(|_| fates.complete) } else { None },
    }
}
