//! All packets at once: what may become of any that a condition describes.
//! Input: loaded rules, and packets. Output: a packet that meets a fate, or that there is none, or that it was not decided.
//!
//! The way of packets through all tables is one list of items, each with what a packet must be to meet it: the first that it
//! meets decides, or sends it on to a later one. What rules write into a packet is known where the list is made, so that an
//! item asks for the packet on the wire alone. What a packet does not tell is a variable as well. A search over the list then
//! splits the packets field by field, and follows only what may reach a goal.

mod active;
mod arrivals;
mod build;
mod carried;
mod changed;
mod connections;
mod cubes;
mod diagram;
mod flatten;
mod goals;
mod identities;
mod items;
mod made;
mod paths;
mod program;
mod question;
mod ranges;
mod sets;
mod space;
mod store;
mod variables;
mod witness;
mod wording;
mod write;

pub use self::cubes::Cube;
pub use self::goals::End;
pub use self::items::{Detail, Ended, Rewritten};
pub use self::paths::Paths;
pub use self::question::{Analysis, Question};
pub use self::sets::{About, Kinds, Sets};
pub use self::store::Route;
pub use self::variables::Subject;
pub use self::witness::ordinary;
pub use self::wording::{OPENING, Phrase, depends};
