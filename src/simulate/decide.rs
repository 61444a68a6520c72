//! The decisions about one packet, without who looks on.
//! Input: rules and a packet. Output: every decision that is possible.

use super::loaded::Loaded;
use super::verdict::{Assumptions, Decision};
use super::walk::ends;
use crate::iptables::packet::Packet;
use crate::iptables::ruleset::Ruleset;

/// Every decision that is possible, each once: one, unless something cannot be decided.
pub fn decide(loaded: &Loaded, packet: &Packet, assumptions: Assumptions) -> Vec<Decision> {
    let mut decisions = Vec::with_capacity(1);
    ends(loaded, packet, assumptions, |decision| {
        if !decisions.contains(&decision) {
            decisions.push(decision);
        }
    });
    decisions
}

/// What becomes of a packet under a ruleset; for many packets, load it once and `decide`.
pub fn verdict(ruleset: &Ruleset, packet: &Packet) -> Vec<Decision> {
    decide(&Loaded::new(ruleset), packet, Assumptions::default())
}
