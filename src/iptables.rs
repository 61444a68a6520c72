//! Rules as values, and their text: `ruleset` holds them, `parse` reads, `print` writes, `check` knows what is legal where,
//! `rate` knows how the kernel counts.

pub mod check;
pub mod parse;
pub mod print;
pub mod rate;
pub mod ruleset;
