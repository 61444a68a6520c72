//! Writes down what happens to a packet.
//! Input: the events of a walk. Output: steps, and the rules that nearly matched.

use std::net::IpAddr;

use super::change::{Change, instead};
use super::words;
use crate::iptables::packet::State;
use crate::iptables::ruleset::{Part, TableName};
use crate::net::Family;
use crate::simulate::{
    Assumptions, By, Discard, Effect, Event, Flight, Hook, Instead, Loaded, Observer, OpenPart, Place, Verdict,
    only_failing, open_parts,
};

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceStep {
    /// The table and the hook that the packet is at.
    pub table: Option<(TableName, Hook)>,
    /// The rule.
    pub place: Option<Place>,
    /// What happens.
    pub what: What,
    /// The parts of the rule that the packet alone does not decide, where two ways part at it.
    pub open: Vec<OpenPart>,
}

/// What happens in a step.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The packet comes to a chain.
    Enters,
    /// A rule matches.
    Rule {
        /// What it does.
        effect: Effect,
        /// The same in words, with the values that result.
        text: String,
        /// Whether that could not be decided, and is taken so.
        assumed: bool,
    },
    /// A rule may match, and is taken not to.
    NotTaken,
    /// The policy of the chain.
    Policy(Verdict),
    /// Connection tracking finds a state.
    Tracked(State),
    /// It is translated as its connection is: to this destination, where that is known.
    Inherited(Option<IpAddr>),
    /// What came to the gateway goes on to another host.
    Rerouted,
    /// What the gateway sends is routed a second time.
    RoutedAgain,
    /// The pieces are put together.
    Reassembled,
    /// The kernel discards it.
    Discarded(Discard),
}

/// A rule that was passed by, all of whose parts but one hold.
#[derive(Clone, Debug)]
pub struct Missed {
    /// The rule.
    pub place: Place,
    /// The hook where it was met.
    pub hook: Hook,
    /// The part that does not hold.
    pub part: Part,
    /// The number of steps before it.
    pub step: usize,
}

/// Looks on and writes down.
#[derive(Clone)]
pub(super) struct Recorder<'a> {
    loaded: &'a Loaded<'a>,
    assumptions: Assumptions,
    changes: &'a [Change],
    at: Option<(TableName, Hook)>,
    steps: Vec<TraceStep>,
    missed: Vec<Missed>,
}

impl<'a> Recorder<'a> {
    /// Looks on as if the changes were made.
    pub fn new(loaded: &'a Loaded<'a>, assumptions: Assumptions, changes: &'a [Change]) -> Recorder<'a> {
        Recorder { loaded, assumptions, changes, at: None, steps: Vec::new(), missed: Vec::new() }
    }

    /// What was written down.
    pub fn end(self) -> (Vec<TraceStep>, Vec<Missed>) {
        (self.steps, self.missed)
    }

    fn step(&mut self, place: Option<Place>, what: What) {
        self.steps.push(TraceStep { table: self.at, place, what, open: Vec::new() });
    }

    /// A step at which two ways part.
    fn parting(&mut self, place: Place, what: What, flight: &Flight) {
        let open = open_parts(self.loaded, place, flight, self.assumptions);
        self.steps.push(TraceStep { table: self.at, place: Some(place), what, open });
    }
}

impl Observer for Recorder<'_> {
    fn instead(&self, at: By) -> Option<Instead> {
        instead(self.changes, self.loaded.ruleset, at)
    }

    fn see(&mut self, flight: &Flight, event: Event) {
        match event {
            Event::Enters(table, hook) => {
                self.at = Some((table, hook));
                self.step(None, What::Enters);
            }
            Event::Matches { place, effect, assumed } => {
                let family: Family = flight.family;
                let rule = place.look_up(self.loaded.ruleset);
                let text = rule.map(|(table, rule)| words::effect(table, &rule.target, effect, flight, family));
                let what = What::Rule { effect, text: text.unwrap_or_default(), assumed };
                if assumed && !matches!(effect, Effect::GoesOn | Effect::Changes) {
                    self.parting(place, what, flight);
                } else {
                    self.step(Some(place), what);
                }
            }
            Event::Passes { place, assumed: true } => self.parting(place, What::NotTaken, flight),
            Event::Passes { place, assumed: false } => {
                if let (Some(part), Some((_, hook))) =
                    (only_failing(self.loaded, place, flight, self.assumptions), self.at)
                {
                    self.missed.push(Missed { place, hook, part, step: self.steps.len() });
                }
            }
            Event::Ends(_, _, verdict) => self.step(None, What::Policy(verdict)),
            Event::Tracked(state) => {
                self.at = None;
                self.step(None, What::Tracked(state));
            }
            Event::Inherited => {
                self.at = None;
                self.step(None, What::Inherited(flight.destination.known(flight.family)));
            }
            Event::Rerouted => {
                self.at = None;
                self.step(None, What::Rerouted);
            }
            Event::RoutedAgain => {
                self.at = None;
                self.step(None, What::RoutedAgain);
            }
            Event::Reassembled => {
                self.at = None;
                self.step(None, What::Reassembled);
            }
            Event::Discarded(discard) => {
                self.at = None;
                self.step(None, What::Discarded(discard));
            }
        }
    }
}
