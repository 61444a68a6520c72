//! Rules as values, and their text: `ruleset` holds them, `packet` is what they meet, `parse` reads, `print` writes, `check` knows what is legal where,
//! `rate` knows how the kernel counts.

pub mod check;
pub mod packet;
pub mod parse;
pub mod print;
pub mod rate;
pub mod ruleset;
