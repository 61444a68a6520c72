//! What becomes of one packet: its way through the tables, as netfilter does it.
//! Input: the rules of a family, as `Loaded`, and a `Packet`. Output: every decision that is possible, or a `Trace` of each.
//!
//! There is one walk. Deciding and tracing differ only in the observer that looks on, so they cannot disagree.

mod assign;
mod branch;
mod decide;
mod ends;
mod facts;
mod flight;
mod loaded;
mod marks;
mod matches;
mod observe;
mod possible;
mod suppose;
mod targets;
mod verdict;
mod walk;

pub use self::decide::{Decisions, decide, decide_where, verdict};
pub use self::ends::{Bounds, Connection, Translation};
pub use self::flight::Flight;
pub use self::loaded::Loaded;
pub use self::matches::{Answer, OpenPart, Part, disagreement, only_failing, open_parts};
pub use self::observe::{Effect, Event, Instead, Observer, Silent};
pub use self::verdict::{Assumptions, By, Decision, Place, Verdict};
pub use self::walk::{MAX_WALKS, walks, walks_of_answer};
pub use crate::iptables::ruleset::Hook;
pub use crate::way::{Discard, first_state, impossible};
