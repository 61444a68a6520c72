//! What is legal where. Input: rules. Output: what the kernel refuses, or what can never match.

use super::parse::{Part, RuleText};
use super::ruleset::{Ruleset, TableName};
use crate::net::Family;

/// The longest comment, in bytes.
pub const MOST_COMMENT_BYTES: usize = 255;

/// Kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A chain that is not there, or a loop of chains.
    Chain,
}

/// One problem of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub part: Part,
    /// Which.
    pub kind: Kind,
    /// What is wrong.
    pub message: String,
    /// What is here.
    pub label: String,
    /// What to write.
    pub help: String,
}

/// Checks one rule.
pub fn check(_rule: &RuleText, _table: TableName, _family: Family) -> Vec<Problem> {
    Vec::new()
}

/// Checks a whole ruleset.
pub fn check_ruleset(_ruleset: &Ruleset) -> Vec<(usize, usize, Problem)> {
    Vec::new()
}
