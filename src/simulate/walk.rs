//! The walk itself: the steps of a packet's way, tables, chains and rules, folded over one packet.
//! Input: loaded rules and a packet. Output: a decision for each way in which what is undecided may turn out.
//!
//! Where something is unclear the walk branches: the packet is cloned, and either branch keeps what it has decided.

use std::collections::HashSet;

use super::branch::{At, Branch, Forced, Stretch};
use super::ends::Connection;
use super::facts::learn;
use super::flight::{Flight, FlightView};
use super::loaded::{Entry, Loaded, target_name};
use super::matches::{self, whole};
use super::observe::{Effect, Event, Instead, Observer, Silent};
use super::suppose::suppose;
use super::targets::{apply, effect};
use super::verdict::{Assumptions, By, Decision, Place, Verdict};
use crate::iptables::meaning::{Answer, Condition, Then, evaluate};
use crate::iptables::packet::Packet;
use crate::iptables::ruleset::{Hook, TableName};
use crate::way::{Discards, Step};

/// The most branches of one packet's walk: each match that cannot be decided may double them.
pub const MAX_WALKS: usize = 1_024;

/// The most jumps of one walk: no loader takes chains that call themselves, and who walks them must come to an end.
const MAX_JUMPS: usize = 100_000;

/// Walks a packet in all ways in which what is undecided may turn out, the ordinary way first.
///
/// Each has an observer of its own, a clone where they part, which is given to `done` with the decision and the packet as
/// it ends. False where `MAX_WALKS` were not enough.
pub fn walks<O: Observer + Clone>(
    loaded: &Loaded,
    packet: &Packet,
    assumptions: Assumptions,
    observer: O,
    done: impl FnMut(Decision, &Flight, O),
) -> bool {
    all_from(loaded, (Flight::new(packet), false), assumptions, observer, done)
}

/// Walks the answer to a packet, as `walks` does: `packet` is that one turned round, `connection` what its walk has left.
pub fn walks_of_answer<O: Observer + Clone>(
    loaded: &Loaded,
    (packet, connection): (&Packet, &Connection),
    assumptions: Assumptions,
    observer: O,
    done: impl FnMut(Decision, &Flight, O),
) -> bool {
    all_from(loaded, (Flight::answering(packet, connection), false), assumptions, observer, done)
}

fn all_from<O: Observer + Clone>(
    loaded: &Loaded,
    (flight, merges): (Flight, bool),
    assumptions: Assumptions,
    observer: O,
    mut done: impl FnMut(Decision, &Flight, O),
) -> bool {
    let mut walk = Walk { loaded, assumptions, merges, parted: None };
    let mut branch = Branch::new(flight, observer, assumptions);
    for _ in 0..MAX_WALKS {
        if let Some(decision) = walk.run(&mut branch) {
            done(decision, &branch.flight, branch.observer);
        }
        match walk.parted.as_mut().and_then(|parted| parted.pending.pop()) {
            Some(next) => branch = next,
            None => return true,
        }
    }
    false
}

/// The decisions of all branches, whatever they meet: two that have come to the same place in the same state are one.
/// False where `MAX_WALKS` were not enough.
pub(super) fn ends(
    loaded: &Loaded,
    packet: &Packet,
    holds: Option<&Condition>,
    assumptions: Assumptions,
    mut done: impl FnMut(Decision),
) -> bool {
    let mut flight = Flight::new(packet);
    if let Some(holds) = holds {
        let mut facts = Vec::new();
        learn(holds, true, &FlightView { flight: &flight, assumptions }, &mut facts);
        flight.remember(facts);
    }
    all_from(loaded, (flight, true), assumptions, Silent, |decision, _, _| done(decision))
}

/// A place on the way with everything that what follows depends on.
type Position<'b> = (Stretch, usize, At, Option<By>, Flight<'b>);

struct Walk<'a, 'b, O> {
    loaded: &'b Loaded<'a>,
    assumptions: Assumptions,
    /// Whether branches that meet in the same state are one.
    merges: bool,
    /// What there is where something was unclear.
    parted: Option<Box<Parted<'b, O>>>,
}

/// The branches of a walk.
struct Parted<'b, O> {
    /// Those to be walked, the next one last.
    pending: Vec<Branch<'b, O>>,
    /// Where one was unclear.
    seen: HashSet<Position<'b>>,
}

/// What becomes of a packet in a table.
enum Outcome {
    Passes(By),
    Stops(Decision),
    /// Another branch was here before in the same state.
    Met,
}

impl<'b, O: Observer + Clone> Walk<'_, 'b, O> {
    /// Walks a branch to its end; `None`, where another one was in the same state before.
    fn run(&mut self, branch: &mut Branch<'b, O>) -> Option<Decision> {
        let ways = &self.loaded.ways;
        let steps_of = |stretch| match stretch {
            Stretch::Arriving => &ways.arriving[..],
            Stretch::Local => &ways.local,
            Stretch::Forwarded => &ways.forwarded,
            Stretch::Sent => &ways.sent,
        };
        let mut steps = steps_of(branch.stretch);
        loop {
            let Some(mut step) = steps.get(branch.step) else {
                if branch.stretch == Stretch::Arriving {
                    if branch.flight.route(self.assumptions) {
                        branch.see(Event::Rerouted);
                    }
                    let forwarded = branch.flight.is_forwarded();
                    branch.stretch = if forwarded { Stretch::Forwarded } else { Stretch::Local };
                    branch.step = 0;
                    steps = steps_of(branch.stretch);
                    continue;
                }
                let by = branch.by.expect("every way leads through a filter");
                return Some(Decision { verdict: Verdict::Accept, by });
            };
            if let Step::Only(condition, inner) = step {
                let view = FlightView { flight: &branch.flight, assumptions: self.assumptions };
                if branch.at.is_none() && evaluate(condition, &view) != Answer::Yes {
                    branch.step += 1;
                    continue;
                }
                step = inner;
            }
            match step {
                Step::Table(name, hook) => match self.table(branch, *name, *hook) {
                    Outcome::Passes(by) => {
                        if *name == TableName::Filter {
                            branch.by = Some(by);
                        }
                    }
                    Outcome::Stops(decision) => return Some(decision),
                    Outcome::Met => return None,
                },
                Step::Discard(discards) => {
                    if let Some(decision) = branch.discard(discards, self.assumptions) {
                        return Some(decision);
                    }
                    if branch.flight.rerouted
                        && let Some(decision) = self.may_discard(branch, discards)
                    {
                        return Some(decision);
                    }
                }
                Step::Reassemble => branch.reassemble(),
                Step::Recall(first) => branch.flight.state = branch.state(first),
                Step::Track { first } => branch.track(first),
                Step::Inherit(fields) => branch.inherit(fields, self.assumptions),
                Step::Leave => branch.leave(),
                Step::RouteAgain { translates } => {
                    branch.leave();
                    if branch.flight.route_again(*translates) {
                        branch.see(Event::RoutedAgain);
                    }
                }
                Step::Assign(field, term) => branch.flight.assign(*field, *term),
                // No condition is in another.
                Step::Only(..) => {}
            }
            branch.step += 1;
        }
    }

    /// One table's chain at a hook.
    fn table(&mut self, branch: &mut Branch<'b, O>, name: TableName, hook: Hook) -> Outcome {
        let loaded = self.loaded;
        let passes = By::Policy(name, hook);
        let Some(table) = &loaded.tables[name as usize] else { return Outcome::Passes(passes) };
        let Some((base, policy)) = table.bases[hook as usize] else { return Outcome::Passes(passes) };
        let mut at = match branch.at.take() {
            Some(at) => at,
            None => {
                branch.see(Event::Enters(name, hook));
                At { chain: base, next: 0, calls: Vec::new() }
            }
        };
        let mut entries = table.chain(at.chain);
        let mut forced = branch.forced.take();
        loop {
            let Some(entry) = entries.get(at.next) else {
                if let Some(back) = at.calls.pop() {
                    (at.chain, at.next) = back;
                    entries = table.chain(at.chain);
                    continue;
                }
                if branch.observer.instead(passes) == Some(Instead::Accepts) {
                    return Outcome::Passes(passes);
                }
                branch.see(Event::Ends(name, hook, policy));
                return match policy {
                    Verdict::Accept => Outcome::Passes(passes),
                    verdict => Outcome::Stops(Decision { verdict, by: passes }),
                };
            };
            let place = Place { table: name, rule: entry.index };
            let (mut matches, mut assumed, mut first_action) = (true, false, 0);
            if let Some(how) = forced {
                (matches, assumed, first_action) = (how.matches, how.assumed, how.action);
                forced = None;
            } else {
                match branch.observer.instead(By::Rule(place)) {
                    None => {}
                    Some(Instead::Accepts) => return Outcome::Passes(By::Rule(place)),
                    Some(Instead::Skips) => {
                        at.next += 1;
                        continue;
                    }
                }
                match matches::rule(entry, &branch.flight, self.assumptions) {
                    Answer::No => {
                        at.next += 1;
                        branch.see(Event::Passes { place, assumed: false });
                        continue;
                    }
                    Answer::Yes => {}
                    Answer::Maybe if matches!(entry.then, Some(Then::GoOn | Then::Change)) => assumed = true,
                    Answer::Maybe => {
                        if self.is_met(branch, &at) {
                            return Outcome::Met;
                        }
                        (matches, assumed) = self.part(branch, entry, place, &at);
                    }
                }
            }
            if !matches {
                at.next += 1;
                branch.see(Event::Passes { place, assumed });
                continue;
            }
            let effect = match entry.then {
                Some(then) => effect(then),
                None => self.act(branch, place, hook, &at, (assumed, first_action)),
            };
            at.next += 1;
            branch.see(Event::Matches { place, effect, assumed });
            match effect {
                Effect::GoesOn | Effect::Changes => {}
                Effect::Accepts | Effect::Translates => return Outcome::Passes(By::Rule(place)),
                Effect::Drops => {
                    return Outcome::Stops(Decision { verdict: Verdict::Drop, by: By::Rule(place) });
                }
                Effect::Rejects(with) => {
                    return Outcome::Stops(Decision { verdict: Verdict::Reject(with), by: By::Rule(place) });
                }
                Effect::Returns => at.next = entries.len(),
                Effect::Jumps(chain) | Effect::Goes(chain) => {
                    branch.jumps += 1;
                    if branch.jumps < MAX_JUMPS {
                        if matches!(effect, Effect::Jumps(_)) {
                            at.calls.push((at.chain, at.next));
                        }
                        (at.chain, at.next) = (chain, 0);
                        entries = table.chain(chain);
                    }
                }
            }
        }
    }

    /// Parts where it depends on the interface that the packet leaves by whether it is discarded; in this branch it is.
    #[cold]
    fn may_discard(&mut self, branch: &mut Branch<'b, O>, discards: &Discards) -> Option<Decision> {
        let view = FlightView { flight: &branch.flight, assumptions: self.assumptions };
        let (condition, discard) = discards.open(&view)?;
        if let Some(flight) = suppose(self.loaded, &branch.flight, (condition, false), self.assumptions) {
            let observer = branch.observer.clone();
            self.parted().pending.push(Branch {
                flight,
                observer,
                at: None,
                forced: None,
                step: branch.step + 1,
                ..*branch
            });
        }
        branch.see(Event::Discarded(*discard));
        Some(Decision { verdict: Verdict::Drop, by: By::Kernel(*discard) })
    }

    fn parted(&mut self) -> &mut Parted<'b, O> {
        self.parted.get_or_insert_with(|| Box::new(Parted { pending: Vec::new(), seen: HashSet::new() }))
    }

    /// Whether another branch was here in the same state.
    #[cold]
    fn is_met(&mut self, branch: &Branch<'b, O>, at: &At) -> bool {
        if !self.merges {
            return false;
        }
        let position = (branch.stretch, branch.step, at.clone(), branch.by, branch.flight.clone());
        !self.parted().seen.insert(position)
    }

    /// A branch that parts from this one at a rule, with the packet as it is known there.
    fn fork(&mut self, branch: &Branch<'b, O>, at: &At, forced: Forced, flight: Flight<'b>) {
        let observer = branch.observer.clone();
        self.parted().pending.push(Branch { flight, observer, at: Some(at.clone()), forced: Some(forced), ..*branch });
    }

    /// Parts at a rule that may match: whether it does in this branch, which is the ordinary one, and whether that is
    /// assumed. It is not where the other cannot be.
    #[cold]
    fn part(&mut self, branch: &mut Branch<'b, O>, entry: &Entry, place: Place, at: &At) -> (bool, bool) {
        // The ordinary case: within limits, not spoofed.
        let ordinary = matches::rule(entry, &branch.flight, Assumptions::ORDINARY) != Answer::No;
        let condition = whole(place, self.loaded);
        let suppose = |holds: bool| suppose(self.loaded, &branch.flight, (&condition, holds), self.assumptions);
        match (suppose(ordinary), suppose(!ordinary)) {
            (Some(here), Some(there)) => {
                self.fork(branch, at, Forced { matches: !ordinary, assumed: true, action: 0 }, there);
                branch.flight = here;
                (ordinary, true)
            }
            (Some(here), None) => {
                branch.flight = here;
                (ordinary, false)
            }
            (None, Some(there)) => {
                branch.flight = there;
                (!ordinary, false)
            }
            (None, None) => (ordinary, true),
        }
    }

    /// Does what the target of a rule does, and parts where it may do several things.
    #[cold]
    fn act(
        &mut self,
        branch: &mut Branch<'b, O>,
        place: Place,
        hook: Hook,
        at: &At,
        (assumed, first): (bool, usize),
    ) -> Effect {
        let Some((_, rule)) = place.look_up(self.loaded.ruleset) else { return Effect::GoesOn };
        let actions = rule.target.actions(&self.loaded.context, place.table, hook);
        for (index, action) in actions.iter().enumerate().skip(first) {
            let when = action.when.clone().named(&target_name(place));
            let view = FlightView { flight: &branch.flight, assumptions: self.assumptions };
            match evaluate(&when, &view) {
                Answer::No => continue,
                Answer::Yes => {}
                Answer::Maybe => {
                    let suppose = |holds: bool| suppose(self.loaded, &branch.flight, (&when, holds), self.assumptions);
                    match (suppose(true), suppose(false)) {
                        (None, Some(there)) => {
                            branch.flight = there;
                            continue;
                        }
                        (here, there) => {
                            if let Some(there) = there {
                                self.fork(branch, at, Forced { matches: true, assumed, action: index + 1 }, there);
                            }
                            branch.flight = here.unwrap_or_else(|| branch.flight.clone());
                        }
                    }
                }
            }
            return apply(action, &mut branch.flight, hook);
        }
        Effect::GoesOn
    }
}
