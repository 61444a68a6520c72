//! What is legal where: in which tables and chains a match or target may be, and what it needs beside it.
//! Input: a rule as a line says it, or a whole ruleset. Output: what the kernel refuses, and what can never match.
//!
//! Every claim was tried on a kernel with both backends. Where they disagree, the stricter one counts.

mod chains;
mod extension;
mod rule;

pub use self::chains::check_ruleset;
pub use self::rule::check;
pub use super::extension::comment::MAX_COMMENT_BYTES;
pub use super::extension::logging::{MAX_LOG_PREFIX_BYTES, MAX_NFLOG_PREFIX_BYTES};
pub use super::problem::{Kind, Problem};
