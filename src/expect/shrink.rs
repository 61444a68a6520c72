//! The simplest packet that breaks an expectation: what a reader need not look at becomes ordinary.
//! Input: a packet that breaks it. Output: one that does so too, with as little that is special as possible.

use super::fate::{Expected, Fate, decision};
use crate::analyze::ordinary;
use crate::iptables::packet::{Packet, Transport};
use crate::simulate::{Decision, Loaded};

/// Replaces one field after the other by what is ordinary, as long as the packet breaks the expectation.
pub fn shrink(loaded: &Loaded, question: &Expected, packet: Packet, found: Decision) -> (Packet, Decision) {
    let family = packet.family();
    let [source, destination] = ordinary(family).map(|all| family.address(all.first().copied().unwrap_or_default()));
    let mut best = (packet, found);
    let mut attempt = |simpler: &dyn Fn(&Packet) -> Packet| {
        let packet = simpler(&best.0);
        // The same decision: another would be another counter-example.
        if let Fate::Other(decision) = decision(loaded, question, &packet)
            && decision == best.1
        {
            best = (packet, decision);
        }
    };
    attempt(&|packet| Packet { mark: 0, ..packet.clone() });
    attempt(&|packet| Packet { ipsec_in: false, ipsec_out: false, ..packet.clone() });
    attempt(&|packet| Packet { hop_limit: 64, ..packet.clone() });
    attempt(&|packet| Packet { source, ..packet.clone() });
    attempt(&|packet| Packet { destination, ..packet.clone() });
    attempt(&|packet| with_flags(packet, 0x02));
    attempt(&|packet| with_ports(packet, Some(40_000), None));
    attempt(&|packet| with_ports(packet, None, Some(443)));
    best
}

fn with_flags(packet: &Packet, flags: u8) -> Packet {
    let transport = match packet.transport {
        Transport::Tcp(source, destination, _) => Transport::Tcp(source, destination, flags),
        other => other,
    };
    Packet { transport, ..packet.clone() }
}

fn with_ports(packet: &Packet, source: Option<u16>, destination: Option<u16>) -> Packet {
    let pick = |from: u16, to: u16| (source.unwrap_or(from), destination.unwrap_or(to));
    let transport = match packet.transport {
        Transport::Tcp(from, to, flags) => {
            let (from, to) = pick(from, to);
            Transport::Tcp(from, to, flags)
        }
        Transport::Udp(from, to) => {
            let (from, to) = pick(from, to);
            Transport::Udp(from, to)
        }
        Transport::Sctp(from, to) => {
            let (from, to) = pick(from, to);
            Transport::Sctp(from, to)
        }
        other => other,
    };
    Packet { transport, ..packet.clone() }
}
