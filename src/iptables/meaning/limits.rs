//! What the matches that count packets let through.
//! Input: a match. Output: its rate, for those who put it into words.

use super::super::ruleset::{HashLimit, Match, Rate};

/// How much a match lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The rate.
    pub rate: Rate,
    /// Whether it holds beyond the rate, instead of up to it.
    pub above: bool,
    /// Whether each source has a bucket of its own.
    pub per_source: bool,
}

impl Match {
    /// The rate of a match that counts packets.
    pub fn allowance(&self) -> Option<Allowance> {
        match self {
            Match::Limit(rate) => Some(Allowance { rate: *rate, above: false, per_source: false }),
            Match::HashLimit(limit) => {
                let HashLimit { rate, above, mode, .. } = **limit;
                Some(Allowance { rate, above, per_source: mode == HashLimit::PER_SOURCE })
            }
            _ => None,
        }
    }
}
