//! Connection tracking, as far as a single packet shows it.
//! Input: a packet. Output: the state that it has as the first of its flow.

use crate::iptables::packet::{Packet, State, Transport, Way};
use crate::net::{Family, Protocol};

/// What connection tracking finds in the first packet of a flow; every ICMP type and set of flags was tried on a kernel.
pub fn first_state(packet: &Packet) -> State {
    match packet.transport {
        Transport::Icmp(icmp) => match (packet.family(), icmp.kind) {
            (Family::V4, 8 | 13 | 15 | 17) | (Family::V6, 128 | 139) => State::New,
            (Family::V6, 130..=136 | 143 | 151 | 152) => State::Untracked,
            _ => State::Invalid,
        },
        Transport::Tcp(_, _, flags) => {
            let (fin, syn, rst, ack) = (flags & 0x01, flags & 0x02, flags & 0x04, flags & 0x10);
            if (syn != 0) != (ack != 0) && fin == 0 && rst == 0 { State::New } else { State::Invalid }
        }
        // Of what comes in the checksum is looked at, and Linux 6.18 computes that of UDP-Lite as if it were UDP's.
        Transport::UdpLite(..) if !matches!(packet.way, Way::Out(_)) => State::Invalid,
        // ICMP of the other family, whose type the packet here does not show: none but an echo request would be new.
        Transport::Other(Protocol::ICMP | Protocol::ICMPV6) => State::Invalid,
        _ => State::New,
    }
}
