//! Changes of a policy, as they are tried on a packet before anybody is told to make them.
//! Input: the changes. Output: what then happens at a rule, or at the end of a chain, instead of what the rules say.

use crate::iptables::ruleset::Ruleset;
use crate::simulate::{By, Event, Flight, Instead, Observer};

/// One change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The packet is accepted before a rule of the filter, or before its policy.
    Accept(By),
    /// The rules of a sentence do not match it; of a `rules` block those of one line.
    Skip(u32, Option<u32>),
}

/// What happens at a rule, or at the end of a chain, with all of these changes.
pub(super) fn instead(changes: &[Change], ruleset: &Ruleset, at: By) -> Option<Instead> {
    if changes.contains(&Change::Accept(at)) {
        return Some(Instead::Accepts);
    }
    let By::Rule(place) = at else { return None };
    if !changes.iter().any(|change| matches!(change, Change::Skip(..))) {
        return None;
    }
    let (_, rule) = place.look_up(ruleset)?;
    // What several sentences say stays as long as one of them says it.
    let mut origins = rule.origins.iter();
    let skipped = |sentence, line| {
        changes.contains(&Change::Skip(sentence, None)) || changes.contains(&Change::Skip(sentence, Some(line)))
    };
    let gone = rule.origins.first().is_some() && origins.all(|origin| skipped(origin.sentence, origin.line));
    gone.then_some(Instead::Skips)
}

/// Walks as if the changes were made, and writes nothing down.
#[derive(Clone)]
pub(super) struct Probe<'a> {
    /// The changes.
    pub changes: &'a [Change],
    /// The rules.
    pub ruleset: &'a Ruleset,
}

impl Observer for Probe<'_> {
    fn see(&mut self, _: &Flight, _: Event) {}

    fn instead(&self, at: By) -> Option<Instead> {
        instead(self.changes, self.ruleset, at)
    }
}
