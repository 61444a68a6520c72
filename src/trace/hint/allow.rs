//! The sentence that lets a packet pass the filter, before the one that decides there.
//! Input: a trace. Output: the sentence with its place, as a candidate that is yet to be tried.

use super::kinds::{Candidate, Hint, Setting};
use crate::iptables::packet::{Fragment, Packet, Way};
use crate::iptables::ruleset::{Negatable, TableName, TcpFlags};
use crate::net::Addresses;
use crate::policy::{Directions, Packets, Traffic, Values};
use crate::sentence;
use crate::simulate::{By, Effect, Hook, Place};
use crate::trace::change::Change;
use crate::trace::follow::{Branch, Trace};
use crate::trace::record::{TraceStep, What};

/// An `allow` of the packet, before what decides in the filter.
pub(super) fn allow(trace: &Trace, setting: &Setting) -> Option<Candidate> {
    let packet = &trace.described.packet;
    let mut places = trace.branches.iter().map(|branch| decides(branch, packet, setting));
    let mut earliest = places.next()??;
    for place in places {
        let place = place?;
        if place.hook != earliest.hook {
            return None;
        }
        if place.position() < earliest.position() {
            earliest = place;
        }
    }
    let packets = allowed(trace)?;
    let before = earliest.sentence.map(|sentence| setting.sentence_place(sentence));
    // An answer that is not tracked belongs to no connection.
    let is_tracked = trace.branches.iter().all(|branch| branch.connection.is_some());
    let hint = match trace.connection {
        Some(_) if is_tracked => Hint::Established { before },
        _ => Hint::Allow { packets: Box::new(packets), before },
    };
    Some(Candidate { change: Change::Accept(earliest.by), hint })
}

/// Where a sentence has to be to decide before what does now.
struct Before {
    hook: Hook,
    by: By,
    sentence: Option<u32>,
}

impl Before {
    fn position(&self) -> u32 {
        if let By::Rule(place) = self.by { place.rule } else { u32::MAX }
    }
}

/// The first rule of the sentence in whose rules the built-in chain of the filter decides, or is left for good; else its
/// policy.
fn decides(branch: &Branch, packet: &Packet, setting: &Setting) -> Option<Before> {
    let table = setting.rules.of(packet.family()).table(TableName::Filter);
    let own = |step: &&TraceStep| match (step.place, step.table, table) {
        (Some(place), Some((TableName::Filter, hook)), Some(table)) => {
            let rule = table.rules.get(place.rule as usize);
            rule.is_some_and(|rule| table.chain(hook.chain()) == Some(rule.chain))
        }
        _ => false,
    };
    let step = match branch.decision.by {
        by @ By::Policy(TableName::Filter, hook) => {
            let leaves = |step: &&TraceStep| matches!(step.what, What::Rule { effect: Effect::Goes(_), .. });
            let Some(step) = branch.steps.iter().rev().find(|step| own(step) && leaves(step)) else {
                return Some(Before { hook, by, sentence: None });
            };
            step
        }
        By::Rule(place) if place.table == TableName::Filter => branch.steps.iter().rev().find(own)?,
        _ => return None,
    };
    let (table, hook) = (table?, step.table?.1);
    let rule = table.rules.get(step.place?.rule as usize)?;
    let sentence = rule.origins.first()?.sentence;
    let first = table.rules.iter().position(|other| other.chain == rule.chain && other.origins.has(sentence))?;
    let by = By::Rule(Place { table: TableName::Filter, rule: first as u32 });
    Some(Before { hook, by, sentence: Some(sentence) })
}

/// The packets of the kind of this one, as the filter sees them: of its addresses only what is said, or what a rule
/// translates it to.
fn allowed(trace: &Trace) -> Option<Packets> {
    let described = &trace.described;
    let packet = &described.packet;
    let first = trace.branches.first()?;
    // A rule that asks for ports is not met by all pieces of a packet.
    if packet.fragment != Fragment::No {
        return None;
    }
    let whole = sentence::packets_of(packet).traffic;
    let mut traffic = Traffic { protocols: whole.protocols, icmp_types: whole.icmp_types, ..Traffic::default() };
    if trace.answers {
        // Its source is the service, and it never begins a connection.
        traffic.source_ports = whole.source_ports;
        traffic.flags = whole.flags.map(|_| Negatable::not(TcpFlags::SYN));
    } else {
        traffic.destination_ports = whole.destination_ports;
    }
    match first.way {
        Way::In(name) if first.is_rerouted() => {
            traffic.directions = Directions { forward: true, ..Directions::default() };
            traffic.in_on = Values::one(name);
        }
        Way::In(name) => {
            traffic.directions = Directions { input: true, ..Directions::default() };
            traffic.on = Values::one(name);
        }
        Way::Out(name) => {
            traffic.directions = Directions { output: true, ..Directions::default() };
            traffic.on = Values::one(name);
        }
        Way::Forward(from, to) => {
            traffic.directions = Directions { forward: true, ..Directions::default() };
            (traffic.in_on, traffic.out_on) = (Values::one(from), Values::one(to));
        }
    }
    if described.open.source.is_any() {
        traffic.source = whole.source;
    }
    let same = |of: &dyn Fn(&Branch) -> bool| trace.branches.iter().all(of);
    if !same(&|branch| branch.way == first.way && branch.destination_port == first.destination_port) {
        return None;
    }
    if let Some(port) = first.destination_port.filter(|_| !traffic.destination_ports.is_any()) {
        traffic.destination_ports = Values::one(port);
    }
    let said = described.open.destination.is_any() || first.destination != Some(packet.destination);
    if let Some(to) = first.destination.filter(|_| said && same(&|branch| branch.destination == first.destination)) {
        traffic.destination = Values::one(Addresses::host(to));
    }
    Some(Packets { families: described.families, traffic, ..Packets::default() })
}
