//! Why a packet fares as it does: its walk in all steps, with the sentences that decide.
//! Input: the rules of a policy or of rule files, and a described packet. Output: a `Trace`; `human`, `json` and
//! `diagram` write it.

pub mod diagram;
pub mod hint;
pub mod human;
pub mod json;
mod record;
pub mod words;

pub use self::record::{Missed, Step, What};

use std::collections::HashSet;
use std::net::IpAddr;

use self::record::Recorder;
use crate::iptables::packet::{Packet, Transport, Way};
use crate::iptables::ruleset::{IcmpType, RejectWith};
use crate::net::Family;
use crate::simulate::{By, Decision, Loaded, Place, Translation, Verdict, decide, walks};
use crate::source_map::{Rules, Statement};
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
}

/// One walk of the packet.
#[derive(Clone, Debug)]
pub struct Branch {
    /// How it ends.
    pub decision: Decision,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// Rules that were passed by, all of whose parts but one hold.
    pub missed: Vec<Missed>,
    /// The new destination, if it was translated.
    pub new_destination: Option<Translation>,
    /// The new source, if it was translated.
    pub new_source: Option<Translation>,
    /// What a REJECT sends back.
    pub answer: Option<Answer>,
}

/// What a REJECT sends back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The packet in words; why there is none, where the kernel sends nothing.
    pub text: String,
    /// Whether anything is sent.
    pub sent: bool,
    /// What becomes of it in OUTPUT, where that is known.
    pub fate: Option<Decision>,
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

    /// The rules that could not be decided, each once.
    pub fn undecided(&self) -> Vec<Place> {
        let mut places = Vec::new();
        let mut seen = HashSet::new();
        for step in self.branches.iter().flat_map(|branch| &branch.steps) {
            if let (What::Rule { assumed: true, .. } | What::NotTaken, Some(place)) = (&step.what, step.place)
                && seen.insert(place)
            {
                places.push(place);
            }
        }
        places
    }
}

/// Follows a packet through the rules of its family.
pub fn trace(loaded: &Loaded, described: Described) -> Trace {
    let mut branches = Vec::new();
    let assumptions = described.assumptions;
    let complete = walks(
        loaded,
        &described.packet,
        assumptions,
        || Recorder::new(loaded, assumptions),
        |decision, flight, recorder| {
            let (steps, missed) = recorder.end();
            let answer = match decision.verdict {
                Verdict::Reject(with) => Some(answer(loaded, &described, with)),
                _ => None,
            };
            branches.push(Branch {
                decision,
                steps,
                missed,
                new_destination: flight.new_destination,
                new_source: flight.new_source,
                answer,
            });
        },
    );
    Trace { described, branches, complete }
}

/// The statement behind a decision: of the rule, or of the chain policy.
pub fn statement(rules: Rules, family: Family, decision: Decision) -> Option<Statement> {
    match decision.by {
        By::Rule(place) => {
            let (_, rule) = place.look_up(rules.of(family))?;
            Some(rules.statement(family, rule.origin))
        }
        By::Policy(table, hook) => rules.chain_policy(family, table, hook),
        By::Kernel(_) => None,
    }
}

/// Type and code of an ICMP error that a REJECT sends; none for a TCP reset.
fn icmp_error(with: RejectWith, family: Family) -> Option<(u8, u8)> {
    Some(match (with, family) {
        (RejectWith::NetUnreachable, Family::V4) => (3, 0),
        (RejectWith::HostUnreachable, Family::V4) => (3, 1),
        (RejectWith::ProtoUnreachable, Family::V4) => (3, 2),
        (RejectWith::PortUnreachable, Family::V4) => (3, 3),
        (RejectWith::NetProhibited, Family::V4) => (3, 9),
        (RejectWith::HostProhibited, Family::V4) => (3, 10),
        (RejectWith::AdminProhibited, Family::V4) => (3, 13),
        (RejectWith::NetUnreachable, Family::V6) => (1, 0),
        (RejectWith::AdminProhibited, Family::V6) => (1, 1),
        (RejectWith::HostUnreachable, Family::V6) => (1, 3),
        (RejectWith::PortUnreachable, Family::V6) => (1, 4),
        (RejectWith::PolicyFail, Family::V6) => (1, 5),
        (RejectWith::RejectRoute, Family::V6) => (1, 6),
        _ => return None,
    })
}

/// What goes back to the sender, and whether the filter lets it out.
fn answer(loaded: &Loaded, described: &Described, with: RejectWith) -> Answer {
    let packet = &described.packet;
    let family = packet.family();
    let name = with.name(family).unwrap_or_default();
    let none = |why: &str| Answer { text: format!("nothing goes back: {why}"), sent: false, fate: None };
    let is_error = |icmp: IcmpType| match family {
        Family::V4 => matches!(icmp.kind, 3 | 4 | 5 | 11 | 12),
        Family::V6 => icmp.kind < 128 || icmp.kind == 137,
    };
    let (transport, text) = match (icmp_error(with, family), packet.transport) {
        (None, Transport::Tcp(_, _, flags)) if flags & 0x04 != 0 => {
            return none("a reset is not answered with a reset");
        }
        (None, Transport::Tcp(from, to, flags)) => {
            let set = if flags & 0x10 == 0 { 0x14 } else { 0x04 };
            (Transport::Tcp(to, from, set), format!("a TCP reset goes back to {}", packet.source))
        }
        (None, _) => return none("only TCP can be reset"),
        (Some(_), Transport::Icmp(icmp)) if is_error(icmp) => return none("ICMP errors are not answered with errors"),
        (Some((kind, code)), _) => (
            Transport::Icmp(IcmpType { kind, code: Some(code) }),
            format!("{name} (ICMP type {kind} code {code}) goes back to {}", packet.source),
        ),
    };
    let to_many = match packet.destination {
        IpAddr::V4(to) => to.is_multicast() || to.is_broadcast(),
        IpAddr::V6(to) => to.is_multicast(),
    };
    if to_many || packet.source.is_unspecified() {
        return none("it went to many, or came from no address");
    }
    // The answer to what is forwarded has an address of the gateway that the rules do not tell.
    let Way::In(name) = packet.way else { return Answer { text, sent: true, fate: None } };
    let tracked = loaded.tracks && packet.state != Some(crate::iptables::packet::State::Untracked);
    let back = Packet {
        way: Way::Out(name),
        source: packet.destination,
        destination: packet.source,
        hop_limit: 64,
        transport,
        mark: 0,
        state: tracked.then_some(crate::iptables::packet::State::Related),
        ipsec_in: false,
        ipsec_out: false,
        fragment: packet.fragment,
    };
    let fates = decide(loaded, &back, described.assumptions);
    Answer { text, sent: true, fate: if let [one] = fates[..] { Some(one) } else { None } }
}
