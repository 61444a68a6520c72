//! Rules as values, and their text: `ruleset` holds them, `packet` is what they meet, `extension` has a row for each match
//! and target, `parse` reads, `print` writes, `check` knows what is legal where, `meaning` what rules ask of a packet and
//! do to it, `rate` how the kernel counts.

pub mod check;
pub mod extension;
pub mod fault;
pub mod hooks;
pub mod meaning;
pub mod packet;
pub mod parse;
pub mod print;
pub mod problem;
pub mod rate;
pub mod ruleset;
pub mod text;
