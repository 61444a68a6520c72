//! Traffic that is being read, and what a block allows of it.
//! Input: filled by `traffic`, clause by clause. Output: read by what comes after the last clause.

use crate::diagnostic::{Diagnostics, Report};
use crate::language::clauses::{Direction, TrafficClause};
use crate::policy::Traffic;
use crate::resolve::codes::ResolveError;
use crate::resolve::families::FamilyChoice;
use crate::snippet::signature::OpenDirection;
use crate::source::Span;

/// What the block allows of the vocabulary.
#[derive(Clone, Debug)]
pub struct Allowed<'a> {
    /// The block's sentence as users call it, for messages.
    pub name: &'a str,
    /// The directions that make sense.
    pub directions: &'a [Direction],
    /// What no direction means.
    pub open: OpenDirection,
    /// Whether `on IF` must be there.
    pub needs_interface: bool,
    /// The protocols that the rules have already.
    pub protocols: &'a [String],
    /// Whether the rules have their destination port already.
    pub own_ports: bool,
    /// The clauses that may be there.
    pub clauses: &'a [TrafficClause],
}

/// Traffic that is being read.
#[derive(Default)]
pub struct Draft<'a> {
    /// What is known so far.
    pub traffic: Traffic,
    /// The families that the values choose.
    pub choices: Vec<FamilyChoice<'a>>,
    pub(super) seen: Vec<(&'static str, Span)>,
    /// Whether `in`, `out` or `forward` was said.
    pub(super) direction_said: bool,
    /// `from ADDR port PORTS`: the places of `port` and of the whole.
    pub(super) port_after_source: Option<(Span, Span)>,
    pub(super) negated_ah: Option<Span>,
}

impl Draft<'_> {
    /// The place of a clause that was given.
    pub fn seen(&self, clause: &str) -> Option<Span> {
        self.seen.iter().find(|(name, _)| *name == clause).map(|(_, span)| *span)
    }

    /// The places of all clauses that were given.
    pub fn places(&self) -> &[(&'static str, Span)] {
        &self.seen
    }

    /// Whether no clause was given at all.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    pub(super) fn mark(&mut self, clause: &'static str, span: Span, diagnostics: &mut Diagnostics) {
        match self.seen(clause) {
            Some(earlier) => diagnostics.push(
                ResolveError::DuplicateClause
                    .at(
                        span,
                        format!("`{clause}` is given twice"),
                        "again here",
                        "write it once; several values go into a list",
                    )
                    .also(earlier, "first here"),
            ),
            None => self.seen.push((clause, span)),
        }
    }
}

/// A report that a clause is not for this block.
pub fn not_allowed(span: Span, name: &str, clause: &str) -> Report {
    ResolveError::ClauseNotAllowed.at(
        span,
        format!("`{clause}` is not for `{name}`"),
        "cannot be said here",
        "remove it, or write the traffic out with a plain `allow`, `drop` or `reject`",
    )
}
