//! A packet followed through the rules.
//! Input: loaded rules and a described packet. Output: a `Trace`.

use std::net::IpAddr;

use super::change::Change;
use super::fields::Fields;
use super::record::{Missed, Recorder, TraceStep, What};
use super::reject::{Rejection, answer};
use crate::iptables::packet::{State, Way};
use crate::net::{Family, PortRange};
use crate::origin::{Rules, SentencePlace};
use crate::simulate::{
    Assumptions, By, Connection, Decision, Flight, Loaded, Observer, Translation, Verdict, decide, walks,
    walks_of_answer,
};
use crate::traffic::one::Described;

/// Everything that is known about the fate of a packet.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The packet, and what was assumed of it.
    pub described: Described,
    /// One walk for each way in which what cannot be decided may turn out; one, if everything can.
    pub branches: Vec<Branch>,
    /// Whether these are all.
    pub complete: bool,
    /// The decisions where the address that it is translated to is the gateway's own, if a walk goes on to another host.
    pub if_own: Vec<Decision>,
    /// Whether the packet is followed as the answer to another.
    pub answers: bool,
    /// The connection that it then belongs to, if connection tracking knows it.
    pub connection: Option<Connection>,
}

/// One walk of the packet.
#[derive(Clone, Debug)]
pub struct Branch {
    /// How it ends.
    pub decision: Decision,
    /// What happens, in order.
    pub steps: Vec<TraceStep>,
    /// Rules that were passed by, all of whose parts but one hold.
    pub missed: Vec<Missed>,
    /// The packet as the last rule saw it.
    pub fields: Fields,
    /// The new destination, if it was translated.
    pub new_destination: Option<Translation>,
    /// The new source, if it was translated.
    pub new_source: Option<Translation>,
    /// Where it goes: a REDIRECT sends it to the gateway itself.
    pub way: Way,
    /// Whether it is routed on: so described, or sent to another host by a translation.
    pub forwarded: bool,
    /// The destination at the end, where it is known.
    pub destination: Option<IpAddr>,
    /// The destination ports that it may have at the end; none, where it has none.
    pub destination_port: Option<PortRange>,
    /// What a REJECT sends back.
    pub answer: Option<Rejection>,
    /// The connection that it begins, or belongs to; none, where connection tracking knows of none.
    pub connection: Option<Connection>,
}

impl Trace {
    /// The decisions, each once, in the order in which they were found.
    pub fn decisions(&self) -> Vec<Decision> {
        let mut all: Vec<Decision> = Vec::new();
        for branch in &self.branches {
            if !all.contains(&branch.decision) {
                all.push(branch.decision);
            }
        }
        all
    }

    /// The verdict, if it is the same however things turn out.
    pub fn verdict(&self) -> Option<Verdict> {
        let decisions = self.decisions();
        let first = decisions.first()?.verdict;
        (self.complete && decisions.iter().all(|decision| decision.verdict == first)).then_some(first)
    }
}

impl Branch {
    /// Whether the packet passes.
    pub fn passes(&self) -> bool {
        self.decision.verdict == Verdict::Accept
    }

    /// Whether it came to the gateway, and goes on to another host since its destination is translated.
    pub fn is_rerouted(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.what, What::Rerouted))
    }
}

/// Follows a packet through the rules of its family.
pub fn trace(loaded: &Loaded, described: Described) -> Trace {
    follow(loaded, described, None, &[])
}

/// Follows the answer to a packet through the rules of its family: `connection`, as that packet has left it.
pub(super) fn trace_answer(loaded: &Loaded, described: Described, connection: Option<Connection>) -> Trace {
    let trace = follow(loaded, described, connection, &[]);
    let twice = trace.branches.iter().any(|branch| branch.steps.iter().any(|step| step.what == What::RoutedAgain));
    let trace = match trace.connection {
        // OUTPUT sees the interface of the first routing, which nothing tells.
        Some(connection) if twice => {
            follow(loaded, trace.described, Some(Connection { routed_twice: true, ..connection }), &[])
        }
        _ => trace,
    };
    Trace { answers: true, ..trace }
}

/// Follows the packet of a trace again, as if changes were made.
pub(super) fn again(loaded: &Loaded, trace: &Trace, changes: &[Change]) -> Trace {
    Trace { answers: trace.answers, ..follow(loaded, trace.described.clone(), trace.connection, changes) }
}

/// Walks a packet, or the answer to the first one of a connection.
pub(super) fn walk<O: Observer + Clone>(
    loaded: &Loaded,
    described: &Described,
    connection: Option<&Connection>,
    observer: O,
    done: impl FnMut(Decision, &Flight, O),
) -> bool {
    let (packet, assumptions) = (&described.packet, described.assumptions);
    match connection {
        Some(connection) => walks_of_answer(loaded, (packet, connection), assumptions, observer, done),
        None => walks(loaded, packet, assumptions, observer, done),
    }
}

fn follow(loaded: &Loaded, described: Described, connection: Option<Connection>, changes: &[Change]) -> Trace {
    let mut branches = Vec::new();
    let assumptions = described.assumptions;
    let complete = walk(
        loaded,
        &described,
        connection.as_ref(),
        Recorder::new(loaded, assumptions, changes),
        |decision, flight, recorder| {
            let (steps, missed) = recorder.end();
            let answer = match decision.verdict {
                Verdict::Reject(with) => Some(answer(loaded, &described, with, flight.is_forwarded())),
                _ => None,
            };
            branches.push(Branch {
                decision,
                steps,
                missed,
                fields: Fields::of(flight),
                new_destination: flight.new_destination,
                new_source: flight.new_source,
                way: if matches!(flight.packet.way, Way::Out(_)) { flight.packet.way } else { flight.way },
                forwarded: flight.is_forwarded(),
                destination: flight.destination.known(flight.family),
                destination_port: flight.ports.map(|(_, port)| port),
                answer,
                connection: (loaded.tracks && matches!(flight.state, State::New | State::Established)).then_some(
                    Connection {
                        source: flight.new_source,
                        destination: flight.new_destination,
                        mark: flight.connection_mark(),
                        routed_twice: false,
                    },
                ),
            });
        },
    );
    let elsewhere = branches.iter().any(|branch| branch.is_rerouted());
    let own = Assumptions { translated_to_own: Some(true), ..assumptions };
    let if_own = if elsewhere { decide(loaded, &described.packet, own).found } else { Vec::new() };
    Trace { described, branches, complete, if_own, answers: false, connection }
}

/// The statement behind a decision: of the rule, or of the chain policy.
pub fn statement(rules: Rules, family: Family, decision: Decision) -> Option<SentencePlace> {
    match decision.by {
        By::Rule(place) => {
            let (_, rule) = place.look_up(rules.of(family))?;
            Some(rules.statement(family, &rule.origins))
        }
        By::Policy(table, hook) => rules.chain_policy(family, table, hook),
        By::Kernel(_) => None,
    }
}
