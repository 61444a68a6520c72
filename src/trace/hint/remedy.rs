//! What would let a packet pass: a sentence before the one that decides, an exception in it, the policy without it; or
//! a smallest set of such changes, where none alone is enough.
//! Input: a trace, and the rules. Output: a hint, all of whose changes were tried on the packet together.

use super::allow::allow;
use super::kinds::{Candidate, Hint, Setting};
use super::skip::skip;
use super::undeclared::undeclared;
use crate::origin::Rules;
use crate::simulate::{Assumptions, By, Verdict};
use crate::trace::change::{Change, Probe};
use crate::trace::follow::{Trace, again, walk};
use crate::traffic::one::Described;

/// The most changes that are collected one after another.
const MAX_CHANGES: usize = 12;

/// The most sets that are tried: all those of eight changes.
const MAX_SETS: usize = 256;

/// The sentences that let the packet pass, if there are some.
pub(super) fn remedy(trace: &Trace, setting: &Setting) -> Option<Hint> {
    // No sentence may name an interface that is not declared: that is said elsewhere.
    if !matches!(setting.rules, Rules::Policy(_)) || !undeclared(&trace.described.packet, setting.rules).is_empty() {
        return None;
    }
    let always = search(trace, setting);
    if always.as_ref().is_some_and(|found| found.size() == 1) {
        return always.map(|found| found.hint);
    }
    // What drops spoofed packets is not to be given up for a packet that nobody calls spoofed.
    let assumed = trace.described.assumptions;
    let assuming = |within_limit, spoofed| {
        let assumptions = Assumptions { within_limit, spoofed, ..assumed };
        Trace { described: Described { assumptions, ..trace.described.clone() }, ..trace.clone() }
    };
    let (limit, source) = (assumed.within_limit.or(Some(true)), assumed.spoofed.or(Some(false)));
    let ordinary = search(&assuming(limit, source), setting);
    let found = match (always, ordinary) {
        (Some(always), Some(ordinary)) if always.size() <= ordinary.size() => return Some(always.hint),
        (always, ordinary) => ordinary.filter(|found| !found.changes.is_empty()).or(always)?,
    };
    let stops = |trace: &Trace| !passes(trace, setting, &found.changes);
    if found.changes.is_empty() || !stops(trace) {
        return Some(found.hint);
    }
    let (spoofed, over_limit) =
        (stops(&assuming(limit, assumed.spoofed)), stops(&assuming(assumed.within_limit, source)));
    let neither = !spoofed && !over_limit;
    let hint = Box::new(found.hint);
    Some(Hint::Unless { hint, spoofed: spoofed || neither, over_limit: over_limit || neither })
}

/// A hint with its changes; without one, if no set was found within `MAX_CHANGES`.
struct Found {
    changes: Vec<Change>,
    hint: Hint,
}

impl Found {
    fn size(&self) -> usize {
        if self.changes.is_empty() { usize::MAX } else { self.changes.len() }
    }
}

fn search(trace: &Trace, setting: &Setting) -> Option<Found> {
    match collect(trace, setting) {
        Collected::Passes(candidates, chosen) => smallest(trace, setting, candidates, chosen),
        Collected::Stopped => None,
        Collected::TooMany => Some(Found { changes: Vec::new(), hint: Hint::TooMany { changes: MAX_CHANGES } }),
    }
}

/// What comes of changing what decides, again and again.
enum Collected {
    /// The packet passes with the changes of the second list; all that were met are in the first.
    Passes(Vec<Candidate>, Vec<Change>),
    /// Something stops it that no change is known for.
    Stopped,
    /// After `MAX_CHANGES` it is still stopped.
    TooMany,
}

/// Collects changes: what decides is changed, and who decides then is asked, until the packet passes. Sentences that
/// stop it nowhere, such as those that translate it, are not changed.
fn collect(trace: &Trace, setting: &Setting) -> Collected {
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut chosen: Vec<Change> = Vec::new();
    loop {
        let state = again(setting.loaded, trace, &chosen);
        if state.verdict() == Some(Verdict::Accept) {
            return Collected::Passes(candidates, chosen);
        }
        let met = met(&state, setting);
        let Some(next) = met.iter().map(|one| one.change).find(|change| !chosen.contains(change)) else {
            return Collected::Stopped;
        };
        if chosen.len() == MAX_CHANGES {
            return Collected::TooMany;
        }
        chosen.push(next);
        for candidate in met {
            if !candidates.iter().any(|known| known.change == candidate.change) {
                candidates.push(candidate);
            }
        }
    }
}

/// What could be changed about those who decide: first what is enough for all of the filter.
fn met(state: &Trace, setting: &Setting) -> Vec<Candidate> {
    let packet = &state.described.packet;
    let mut all: Vec<Candidate> = allow(state, setting).into_iter().collect();
    for decision in state.decisions().into_iter().filter(|decision| decision.verdict != Verdict::Accept) {
        let By::Rule(place) = decision.by else { continue };
        let Some((_, rule)) = place.look_up(setting.rules.of(packet.family())) else { continue };
        all.extend(rule.origins.iter().filter_map(|origin| skip(rule, origin, packet, setting)));
    }
    all
}

/// A smallest set of candidates with which the packet passes, as it does with those that were chosen.
///
/// All sets are tried in the order of their size, so no smaller one of these candidates does, and none of the set can be
/// left out. After `MAX_SETS` only the latter is sure, and the hint says so.
fn smallest(trace: &Trace, setting: &Setting, mut candidates: Vec<Candidate>, chosen: Vec<Change>) -> Option<Found> {
    // Of sets of one size that is the best which changes the least.
    candidates.sort_by_key(|candidate| match candidate.hint {
        Hint::Except { .. } => 0,
        Hint::Without { .. } => 2,
        _ => 1,
    });
    let mut left = MAX_SETS;
    for size in 1..=chosen.len() {
        let mut set: Vec<usize> = (0..size).collect();
        while left > 0 {
            left -= 1;
            let changes: Vec<Change> = set.iter().map(|index| candidates[*index].change).collect();
            if let Some(hints) = tried(trace, setting, &candidates, &changes) {
                return together(changes, hints, None);
            }
            if !advance(&mut set, candidates.len()) {
                break;
            }
        }
    }
    if left > 0 {
        return None;
    }
    // Not all could be tried: of those that are known to do, each that can be left out is.
    let mut rest = chosen;
    let mut hints = tried(trace, setting, &candidates, &rest)?;
    let mut index = 0;
    while index < rest.len() {
        let mut fewer = rest.clone();
        fewer.remove(index);
        match tried(trace, setting, &candidates, &fewer) {
            // Those before it may not be needed without it.
            Some(found) => (rest, hints, index) = (fewer, found, 0),
            None => index += 1,
        }
    }
    together(rest, hints, Some(MAX_SETS))
}

fn together(changes: Vec<Change>, mut hints: Vec<Hint>, tried: Option<usize>) -> Option<Found> {
    let hint = if changes.len() > 1 { Hint::Together { hints, tried } } else { hints.pop()? };
    Some(Found { changes, hint })
}

/// The next set of as many out of so many, if there is one.
fn advance(set: &mut [usize], of: usize) -> bool {
    let size = set.len();
    let Some(at) = (0..size).rev().find(|at| set[*at] < of - (size - at)) else { return false };
    let first = set[at] + 1;
    for (index, item) in set[at..].iter_mut().enumerate() {
        *item = first + index;
    }
    true
}

/// The hints of the changes, if with all of them the packet passes.
fn tried(trace: &Trace, setting: &Setting, candidates: &[Candidate], changes: &[Change]) -> Option<Vec<Hint>> {
    if !passes(trace, setting, changes) {
        return None;
    }
    let hint = |change: &Change| match change {
        Change::Skip(..) => candidates.iter().find(|one| one.change == *change).map(|one| one.hint.clone()),
        // What comes there, and is to be allowed, depends on the other changes.
        Change::Accept(_) => {
            let others: Vec<Change> = changes.iter().copied().filter(|other| other != change).collect();
            let found = allow(&again(setting.loaded, trace, &others), setting)?;
            (found.change == *change).then_some(found.hint)
        }
    };
    changes.iter().map(hint).collect()
}

/// Whether the packet passes, however things turn out, where changes are made.
fn passes(trace: &Trace, setting: &Setting, changes: &[Change]) -> bool {
    let ruleset = setting.rules.of(trace.described.packet.family());
    let mut all = true;
    let complete = walk(
        setting.loaded,
        &trace.described,
        trace.connection.as_ref(),
        Probe { changes, ruleset },
        |decision, _, _| all &= decision.verdict == Verdict::Accept,
    );
    all && complete
}
