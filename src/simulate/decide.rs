//! The decisions about one packet, without who looks on.
//! Input: rules and a packet. Output: every decision that is possible.

use super::loaded::Loaded;
use super::verdict::{Assumptions, Decision};
use super::walk::ends;
use crate::iptables::meaning::Condition;
use crate::iptables::packet::Packet;
use crate::iptables::ruleset::Ruleset;

/// What may become of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decisions {
    /// Every decision that was found, each once: one, unless something cannot be decided.
    pub found: Vec<Decision>,
    /// Whether these are all: not where the packet's way parts more often than `MAX_WALKS` times.
    pub complete: bool,
}

/// Every decision that is possible.
pub fn decide(loaded: &Loaded, packet: &Packet, assumptions: Assumptions) -> Decisions {
    decisions(loaded, packet, None, assumptions)
}

/// Every decision that is possible where a condition holds of the packet on the wire, which it alone does not tell.
pub fn decide_where(loaded: &Loaded, packet: &Packet, holds: &Condition, assumptions: Assumptions) -> Decisions {
    decisions(loaded, packet, Some(holds), assumptions)
}

fn decisions(loaded: &Loaded, packet: &Packet, holds: Option<&Condition>, assumptions: Assumptions) -> Decisions {
    let mut found = Vec::with_capacity(1);
    let complete = ends(loaded, packet, holds, assumptions, |decision| {
        if !found.contains(&decision) {
            found.push(decision);
        }
    });
    Decisions { found, complete }
}

/// What becomes of a packet under a ruleset; for many packets, load it once and `decide`.
pub fn verdict(ruleset: &Ruleset, packet: &Packet) -> Decisions {
    decide(&Loaded::new(ruleset), packet, Assumptions::default())
}
