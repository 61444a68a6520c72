//! What rules ask of a packet and what they do to it, said once as data: for one packet and for all.
//! Input: headers, matches, targets and rulesets. Output: conditions and actions, which every analysis reads.

mod condition;
mod evaluate;
mod limits;
mod matches;
mod surroundings;
mod targets;
mod tracking;

pub use self::condition::{
    Backend, Condition, Context, Doubt, Ends, FRAGMENT_FIRST, FRAGMENT_LATER, FRAGMENT_NO, Field, Test, Unknown,
    name_number, state_number,
};
pub use self::evaluate::{Answer, FieldReader, Value, evaluate};
pub use self::limits::Allowance;
pub use self::matches::{backends_differ, conditions, interface_is, prefix_is};
pub use self::surroundings::{LOOSE, in_set};
pub use self::targets::{Action, Assign, Term, Then};
pub use self::tracking::{reassembles, tracks, translates};
