//! What a branch of the walk takes for granted where something is unclear: all that follows from it, and whether that can be.
//! Input: a packet, a condition that may hold of it, and how it turns out. Output: the packet with what it is known by then.

use super::facts::{Fact, learn};
use super::flight::{Flight, FlightView};
use super::loaded::Loaded;
use super::verdict::Assumptions;
use crate::iptables::meaning::{Answer, Condition, evaluate};

/// The packet of which a condition holds, or does not; `None`, where that contradicts itself, or what was decided before.
pub(super) fn suppose<'b>(
    loaded: &Loaded,
    flight: &Flight<'b>,
    (condition, holds): (&Condition, bool),
    assumptions: Assumptions,
) -> Option<Flight<'b>> {
    let mut flight = flight.clone();
    let before = flight.facts.len();
    loop {
        let view = FlightView { flight: &flight, assumptions };
        match evaluate(condition, &view) {
            Answer::Maybe => {}
            answer if (answer == Answer::Yes) == holds => break,
            _ => return None,
        }
        let mut facts = Vec::new();
        learn(condition, holds, &view, &mut facts);
        let known = flight.facts.len();
        if !flight.remember(facts) {
            break;
        }
        if !flight.is_possible(known) {
            return None;
        }
    }
    // What is not asked again need not be remembered.
    let mut index = 0;
    flight.facts.retain(|fact| {
        index += 1;
        match fact {
            Fact::Unclear(doubt, unknown, _) => index <= before || loaded.is_asked_again(*doubt, unknown),
            Fact::Field(..) => true,
        }
    });
    Some(flight)
}
