//! Why a packet fares as it does: its walk in all steps, with the sentences that decide.
//! Input: the rules of a policy or of rule files, and a described packet. Output: a `Trace`; `human`, `json` and
//! `diagram` write it.

mod change;
pub mod diagram;
mod fields;
mod follow;
pub mod hint;
pub mod human;
pub mod json;
mod open;
mod record;
mod reject;
mod reply;
mod translated;
mod unmet;
pub mod words;

pub use self::fields::Fields;
pub use self::follow::{Branch, Trace, statement, trace};
pub use self::record::{Missed, TraceStep, What};
pub use self::reject::Rejection;
pub use self::reply::{Reply, replies};
