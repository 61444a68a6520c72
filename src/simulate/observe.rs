//! Who looks on while a packet walks.
//! Input: events with the packet as it is. Output: whatever the observer makes of them.

use super::flight::Flight;
use super::verdict::{By, Place, Verdict};
use crate::iptables::packet::State;
use crate::iptables::ruleset::{ChainId, Hook, RejectWith, TableName};
use crate::way::Discard;

/// What a rule does that a packet meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing to the packet: it is counted, or logged.
    GoesOn,
    /// The packet, its mark or its tracking is another one now; it goes on.
    Changes,
    /// Its address is translated; the table is done.
    Translates,
    /// The table lets it pass.
    Accepts,
    /// It is discarded.
    Drops,
    /// It is discarded with an answer.
    Rejects(RejectWith),
    /// Back to the chain that called.
    Returns,
    /// On in another chain, and back.
    Jumps(ChainId),
    /// On in another chain, for good.
    Goes(ChainId),
}

/// What happens on the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The packet comes to a table's chain at a hook.
    Enters(TableName, Hook),
    /// A rule matches; `assumed`: it may, and this walk takes it so.
    Matches {
        /// The rule.
        place: Place,
        /// What it does.
        effect: Effect,
        /// Whether this could not be decided.
        assumed: bool,
    },
    /// A rule does not match; `assumed`: it may, and this walk takes it so.
    Passes {
        /// The rule.
        place: Place,
        /// Whether this could not be decided.
        assumed: bool,
    },
    /// The end of a built-in chain: its policy.
    Ends(TableName, Hook, Verdict),
    /// Connection tracking finds a state.
    Tracked(State),
    /// It is translated as its connection is, if that is.
    Inherited,
    /// What came to the gateway goes on to another host, since its destination is translated.
    Rerouted,
    /// What the gateway sends is routed a second time, since its mark or its destination has changed.
    RoutedAgain,
    /// The pieces of the packet are put together.
    Reassembled,
    /// The kernel discards the packet.
    Discarded(Discard),
}

/// What an observer has happen at a rule, or at the end of a chain, instead of what the rules say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// The table lets the packet pass.
    Accepts,
    /// The rule is as if it were not there.
    Skips,
}

/// Somebody who looks on.
pub trait Observer {
    /// Something happened; the packet is as it is after that.
    fn see(&mut self, flight: &Flight, event: Event);

    /// What happens at a rule or a policy that the packet has come to, if not what the rules say: for those who ask what
    /// another rule would change.
    #[inline]
    fn instead(&self, _: By) -> Option<Instead> {
        None
    }
}

/// Looks at nothing: for those who want the decision alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    #[inline]
    fn see(&mut self, _: &Flight, _: Event) {}
}
