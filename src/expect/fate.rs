//! What one packet says about an expectation.
//! Input: loaded rules, an expectation and a packet. Output: its fate, beside the one that is expected.

use crate::iptables::packet::Packet;
use crate::language::values::ExpectedVerdict;
use crate::policy::Expectation;
use crate::simulate::{By, Decision, Loaded, Verdict, decide_where, impossible};
use crate::traffic::set::{PacketSet, assumptions, in_sets};

/// What a packet says about an expectation.
pub enum Fate {
    /// Nothing: the expectation is not about it.
    Outside,
    /// It meets the fate that is expected.
    AsExpected,
    /// It may meet another.
    Other(Decision),
    /// Its way parts too often: no other was found, and there may be one.
    Undecided,
}

/// An expectation that packets are held against.
pub struct Expected<'a> {
    /// The expectation.
    pub expectation: &'a Expectation,
    /// Its packets.
    set: PacketSet,
}

impl<'a> Expected<'a> {
    /// Makes an expectation ready for many packets.
    pub fn new(expectation: &'a Expectation) -> Expected<'a> {
        Expected { expectation, set: PacketSet::new(&expectation.packets) }
    }
}

/// Decides a packet for an expectation.
pub fn decision(loaded: &Loaded, question: &Expected, packet: &Packet) -> Fate {
    if impossible(packet).is_some() || !question.set.holds(packet) {
        return Fate::Outside;
    }
    let expectation = question.expectation;
    let mut fate = Fate::Outside;
    let holds = in_sets(&expectation.packets.traffic);
    let decisions = decide_where(loaded, packet, &holds, assumptions(&expectation.packets));
    for decision in decisions.found {
        // What the kernel discards by itself never comes to the filter.
        if matches!(decision.by, By::Kernel(_)) {
            continue;
        }
        if !is_met(expectation.verdict, decision.verdict) {
            return Fate::Other(decision);
        }
        fate = Fate::AsExpected;
    }
    if decisions.complete { fate } else { Fate::Undecided }
}

/// Whether a verdict is the one that is expected.
pub fn is_met(expected: ExpectedVerdict, verdict: Verdict) -> bool {
    match expected {
        ExpectedVerdict::Accept => verdict == Verdict::Accept,
        ExpectedVerdict::Drop => verdict == Verdict::Drop,
        ExpectedVerdict::Reject => matches!(verdict, Verdict::Reject(_)),
        ExpectedVerdict::Deny => verdict != Verdict::Accept,
    }
}
