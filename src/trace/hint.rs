//! What to do about a packet that does not pass: the rules that come nearest, and a sentence that would let it.
//! Input: a trace. Output: hints as values, which say themselves in a line for people.

mod find;
mod kinds;
mod near;
mod remedy;
mod undeclared;

pub use self::find::hints;
pub use self::kinds::{Hint, Setting};
pub use self::near::missing;
pub use self::undeclared::undeclared;
