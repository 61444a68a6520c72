//! The parts of a rule.
//! Input: none. Output: names for what a report or a trace points at.

/// A part of a rule: what a diagnostic can point at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The chain's name.
    Chain,
    /// `-s`
    Source,
    /// `-d`
    Destination,
    /// `-i`
    InInterface,
    /// `-o`
    OutInterface,
    /// `-p`
    Protocol,
    /// `-f`
    Fragment,
    /// The match of that number, from 0.
    Match(usize),
    /// `-j` or `-g`
    Target,
}
