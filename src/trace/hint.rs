//! What to do about a packet that does not pass: the rules that come nearest, and the sentences that would let it.
//! Input: a trace. Output: hints as values, which say themselves in a line for people.

mod allow;
mod find;
mod kinds;
mod near;
mod remedy;
mod skip;
mod undeclared;

pub use self::find::hints;
pub use self::kinds::{Hint, Setting};
pub use self::near::missing;
pub use self::undeclared::undeclared;
