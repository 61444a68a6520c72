//! A branch of a packet's walk: the packet up to where it is, and what the kernel does to it between the tables.
//! Input: a packet at the beginning of its way. Output: the packet as the steps of the kernel leave it.

use super::facts::Fact;
use super::flight::{Flight, FlightView};
use super::observe::{Event, Observer};
use super::verdict::{Assumptions, By, Decision, Verdict};
use crate::iptables::meaning::{Answer, Condition, Field, evaluate, name_number};
use crate::iptables::packet::{State, Way};
use crate::iptables::ruleset::ChainId;
use crate::way::{Discards, FirstStates};

/// A part of a packet's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stretch {
    Arriving,
    Local,
    Forwarded,
    Sent,
}

/// Where a packet is in a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct At {
    pub chain: ChainId,
    /// The next of its rules.
    pub next: usize,
    /// Where to go back to.
    pub calls: Vec<(ChainId, usize)>,
}

/// How a rule turns out that was unclear when the branch parted from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forced {
    pub matches: bool,
    /// Whether that was assumed.
    pub assumed: bool,
    /// The first action of the target that is left.
    pub action: usize,
}

/// A packet's walk, up to where it is.
pub(super) struct Branch<'b, O> {
    pub flight: Flight<'b>,
    pub observer: O,
    pub stretch: Stretch,
    pub step: usize,
    /// The place in the table of this step, where the branch begins in it.
    pub at: Option<At>,
    pub forced: Option<Forced>,
    /// Who let the packet pass the filter.
    pub by: Option<By>,
    pub jumps: usize,
}

impl<'b, O: Observer> Branch<'b, O> {
    pub fn new(mut flight: Flight<'b>, observer: O, assumptions: Assumptions) -> Branch<'b, O> {
        let stretch = if matches!(flight.way, Way::Out(_)) { Stretch::Sent } else { Stretch::Arriving };
        if let Some(backend) = assumptions.backend {
            flight.facts.push(Fact::backend(backend));
        }
        Branch { flight, observer, stretch, step: 0, at: None, forced: None, by: None, jumps: 0 }
    }

    pub fn see(&mut self, event: Event) {
        self.observer.see(&self.flight, event);
    }

    pub fn reassemble(&mut self) {
        if self.flight.reassemble() {
            self.see(Event::Reassembled);
        }
    }

    /// The decision, if the kernel discards the packet.
    pub fn discard(&mut self, discards: &Discards, view: Assumptions) -> Option<Decision> {
        let flight = &self.flight;
        let view = FlightView { flight, assumptions: view };
        let discard = discards.find(flight.source.number(), flight.destination.number(), &view)?;
        self.see(Event::Discarded(discard));
        Some(Decision { verdict: Verdict::Drop, by: By::Kernel(discard) })
    }

    pub fn state(&self, first: &FirstStates) -> State {
        self.flight.packet.state.unwrap_or_else(|| first.of(self.flight.packet))
    }

    pub fn track(&mut self, first: &FirstStates) {
        self.flight.state = if self.flight.notrack { State::Untracked } else { self.state(first) };
        self.see(Event::Tracked(self.flight.state));
    }

    pub fn inherit(&mut self, fields: &[(Condition, Field)], assumptions: Assumptions) {
        if !matches!(self.flight.state, State::Established | State::Related) {
            return;
        }
        let before = self.flight.destination;
        for (condition, field) in fields {
            let view = FlightView { flight: &self.flight, assumptions };
            if evaluate(condition, &view) == Answer::Yes {
                self.flight.inherit(*field);
            }
        }
        if self.flight.destination != before {
            self.see(Event::Inherited);
        }
    }

    /// The names of the interfaces that rules are compared with. POSTROUTING of what is forwarded knows both.
    pub fn leave(&mut self) {
        (self.flight.in_name, self.flight.out_name) = match self.flight.way {
            Way::In(name) => (name_number(name), 0),
            Way::Out(name) => (0, name_number(name)),
            Way::Forward(from, to) => (name_number(from), name_number(to)),
        };
    }
}
