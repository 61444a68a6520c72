//! What an action does to a packet on its way.
//! Input: an action and a packet. Output: the packet as the action leaves it, and where it goes on.

use super::flight::Flight;
use super::observe::Effect;
use crate::iptables::meaning::{Action, Then};
use crate::iptables::packet::Way;
use crate::iptables::ruleset::Hook;
use crate::net::Interface;

/// Applies an action.
pub(super) fn apply(action: &Action, flight: &mut Flight, hook: Hook) -> Effect {
    for assign in &action.assigns {
        flight.assign(assign.field, assign.term);
    }
    if action.then == Then::ToGateway {
        flight.to_itself = hook == Hook::Output && matches!(flight.way, Way::Out(_));
        flight.way = match flight.way {
            // The filter's OUTPUT still sees the interface that was meant.
            Way::Out(_) if flight.to_itself => Way::Out(Interface::new("lo").expect("a short name")),
            Way::In(name) | Way::Forward(name, _) | Way::Out(name) => Way::In(name),
        };
    }
    effect(action.then)
}

/// Where a packet goes, as a walk has it.
#[inline]
pub(super) fn effect(then: Then) -> Effect {
    match then {
        Then::GoOn => Effect::GoesOn,
        Then::Change => Effect::Changes,
        Then::Accept => Effect::Accepts,
        Then::Translate | Then::ToGateway => Effect::Translates,
        Then::Drop => Effect::Drops,
        Then::Reject(with) => Effect::Rejects(with),
        Then::Return => Effect::Returns,
        Then::Call(chain) => Effect::Jumps(chain),
        Then::Goto(chain) => Effect::Goes(chain),
    }
}
