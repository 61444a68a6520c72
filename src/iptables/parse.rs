//! The one reader of rule text: what `iptables-save` prints and `iptables-restore` takes (1.8.9).
//! Input: a line, or a whole file, and its family. Output: typed rules, with the faults of what cannot be read.
//!
//! It reads what the loader reads. Whether a rule is legal in its table and chain is for `check` to say.

mod chain_name;
mod file;
mod header;
mod line;
mod open_table;
mod options;
mod reader;
mod resolve;
mod rule;
mod rule_text;

pub use self::chain_name::chain_name_fault;
pub use self::file::{WholeFile, file, whole_file};
pub use self::line::{Line, MAX_LINE_BYTES, line};
pub use self::rule_text::{Edit, RuleText};
pub use super::extension::index::{is_target_name, match_names, target_names};
pub use super::fault::Fault;
pub use super::ruleset::Part;
pub use super::text::holes::{Hole, Slot};
pub use super::text::words::{Word, words};
