//! Few sentences for many packets: types of ICMP as one list, whole interfaces without services.
//! Input: differences. Output: the same, told.

use super::compared::{Gathered, Mismatch, ServiceLine};
use super::disparity::{Disparity, Extent, InBoth};
use super::reasons::{Reason, reason, translates_alone};
use super::services::Service;
use crate::analyze::{About, Analysis, Cube, Detail, End, Ended, Kinds, OPENING, Phrase, Question, Rewritten};
use crate::compile::Compilation;
use crate::iptables::meaning::Field;
use crate::language::values::ProtocolWord;
use crate::net::{Both, Family, Protocol};
use crate::origin::Rules;
use crate::policy::{Traffic, Values};
use crate::query::{Decider, Responsible};
use crate::sentence;
use crate::simulate::Verdict;
use crate::traffic::set::assumptions;

/// The differences in words, and whether there are more.
pub fn told(found: Gathered, analyses: &mut Both<Analysis>) -> (Vec<Disparity>, bool) {
    // What a wider service covers is not said again.
    let mut wide: Both<Vec<Cube>> = Both::default();
    for mismatch in &found.all {
        let lines = mismatch.lines.iter().filter(|line| line.service == Service::Protocols && !line.without_dhcp);
        wide[mismatch.accepts].extend(lines.map(|line| line.cube.clone()));
    }
    let mut all = Vec::new();
    for mut mismatch in found.all {
        let (accepts, analyses) = (mismatch.accepts, &mut *analyses);
        let covered = |line: &ServiceLine| {
            matches!(line.service, Service::Dhcp(_)) && analyses[accepts].is_covered(&line.cube, &wide[accepts])
        };
        mismatch.lines.retain(|line| !covered(line));
        if mismatch.lines.is_empty() {
            continue;
        }
        let reason = said(found.compilation, &mismatch);
        let mut parts = vec![(reason, mismatch.lines.clone())];
        if reason.is_none() && translates_alone(found.compilation, mismatch.accepts) {
            let lines = std::mem::take(&mut parts[0].1);
            for line in lines {
                match is_translated(&mut analyses[mismatch.accepts], &line.phrases[mismatch.accepts]) {
                    true => parts.push((Some(Reason::Translation), vec![line])),
                    false => parts[0].1.push(line),
                }
            }
        }
        for (reason, lines) in parts.into_iter().filter(|(_, lines)| !lines.is_empty()) {
            let part = Mismatch { lines, ..mismatch.clone() };
            let lines = joined(&part, analyses);
            add(&mut all, disparity(found.compilation, &part, reason, &lines));
        }
    }
    (all, found.cut)
}

/// Adds packets to those of which the same is said.
fn add(all: &mut Vec<Disparity>, one: Disparity) {
    let same = |known: &&mut Disparity| {
        (known.accepts, known.extent, known.other, known.reason) == (one.accepts, one.extent, one.other, one.reason)
            && (&known.by, &known.refused_by) == (&one.by, &one.refused_by)
    };
    match all.iter_mut().find(same) {
        Some(known) => known.packets.extend(one.packets),
        None => all.push(one),
    }
}

/// Why the families differ, as far as sentences say it.
fn said(compilation: &Compilation, mismatch: &Mismatch) -> Option<Reason> {
    let Mismatch { accepts, own, other, .. } = mismatch;
    let of_own = reason(compilation, *accepts, &own.accepts);
    of_own.or_else(|| reason(compilation, accepts.other(), &other.refuses))
}

/// Whether packets that a family accepts are all sent on to another destination, as far as that was decided.
fn is_translated(analysis: &mut Analysis, phrase: &Phrase) -> bool {
    let packets = &phrase.packets;
    let about =
        About { packets, assumptions: assumptions(packets), detail: Detail::Rewritten, first: false, hides: &[] };
    let stays = |ended: &Ended| {
        let changed = |rewritten: &Rewritten| {
            [Field::Destination, Field::DestinationPort].iter().any(|field| rewritten.fields.contains_key(field))
        };
        ended.verdict == Verdict::Accept && !ended.rewritten.as_ref().is_some_and(changed)
    };
    let mut kinds = Kinds {
        class: &|_, ended| u32::from(stays(ended)),
        outcome: &mut |classes| classes.first().copied().flatten().unwrap_or_default(),
        kind: &mut |leaves, _| u32::from(leaves.contains(&1)),
    };
    analysis.sets(&about, &mut kinds).is_some_and(|all| all.iter().all(|sets| sets.kinds.is_empty()))
}

fn disparity(compilation: &Compilation, mismatch: &Mismatch, reason: Option<Reason>, lines: &[LineGroup]) -> Disparity {
    let Mismatch { accepts, own, other, .. } = mismatch;
    let rules = Rules::Policy(compilation);
    let deciders = |family: Family, all: &mut dyn Iterator<Item = &Responsible>| {
        let mut places: Vec<Decider> = Vec::new();
        for place in all.map(|by| by.decider(rules, family)) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    };
    Disparity {
        accepts: *accepts,
        extent: own.extent(),
        by: deciders(*accepts, &mut own.accepts.iter()),
        other: other.extent(),
        refused_by: deciders(accepts.other(), &mut other.refuses.iter()),
        reason,
        packets: lines.iter().map(InBoth::from).collect(),
    }
}

/// A line with its services.
#[derive(Clone)]
struct LineGroup {
    services: Vec<Service>,
    phrases: Both<Phrase>,
}

impl LineGroup {
    fn rest(&self) -> Both<Phrase> {
        self.phrases.each_ref().map(rest)
    }

    fn is_icmp(&self) -> bool {
        self.services.iter().all(|service| matches!(service, Service::Icmp(_)))
    }
}

impl From<&LineGroup> for InBoth {
    fn from(told: &LineGroup) -> InBoth {
        let mut also = told.phrases.v4.also.clone();
        let has = |is: fn(Service) -> bool| told.services.iter().any(|service| is(*service));
        if has(Service::is_unreachable) && !has(Service::is_too_big) {
            also.push("in IPv4 without `packet-too-big`, which is a code of `destination-unreachable`".into());
        }
        let Both { v4, v6 } = told.phrases.each_ref().map(|phrase| sentence::packets(&phrase.packets));
        let named = |phrase: &Phrase| !phrase.packets.traffic.protocols.negated;
        let [one, other] = Family::BOTH.map(|family| &told.phrases[family].packets.traffic);
        let other_number = told.phrases.iter().all(named) && one != other;
        InBoth { ipv4: v4, ipv6: v6, also, other_number }
    }
}

/// What phrases have in common that speak of different services.
fn rest(phrase: &Phrase) -> Phrase {
    let mut rest = phrase.clone();
    let Traffic { protocols, icmp_types, .. } = &mut rest.packets.traffic;
    (*protocols, *icmp_types) = (Values::any(), Values::any());
    rest
}

/// Lines as few sentences. What says more than the lines do is true of the family that does not accept them.
fn joined(mismatch: &Mismatch, analyses: &mut Both<Analysis>) -> Vec<LineGroup> {
    let mut lines: Vec<LineGroup> = Vec::new();
    for line in &mismatch.lines {
        let group = LineGroup { services: vec![line.service], phrases: line.phrases.clone() };
        let rests = group.rest();
        match lines.iter_mut().find(|known| known.is_icmp() && group.is_icmp() && known.rest() == rests) {
            Some(known) => {
                known.services.push(line.service);
                for family in Family::BOTH {
                    let more = line.phrases[family].packets.traffic.icmp_types.items.iter().copied();
                    known.phrases[family].packets.traffic.icmp_types.items.extend(more);
                }
            }
            None => lines.push(group),
        }
    }
    if mismatch.other.extent() != Extent::None {
        return lines;
    }
    let other = mismatch.accepts.other();
    let mut refused = |phrases: &Both<Phrase>| is_refused(&mut analyses[other], &phrases[other]);
    // All of them are first packets.
    for line in lines.iter_mut().filter(|line| line.phrases.iter().all(|phrase| phrase.also == [OPENING])) {
        if refused(&line.phrases) {
            line.phrases.iter_mut().for_each(|phrase| phrase.also.clear());
        }
    }
    join_tcp(&mut lines);
    for at in (0..lines.len()).rev() {
        if !lines[at].is_icmp() || lines[at].services.len() < Service::count_of_types() {
            continue;
        }
        // All types that are compared: where that is so of all others as well, they need not be listed.
        let mut icmp = lines[at].clone();
        icmp.phrases.iter_mut().for_each(|phrase| phrase.packets.traffic.icmp_types = Values::any());
        if refused(&icmp.phrases) {
            icmp.services.clear();
            lines[at] = icmp;
        }
        let rests = lines[at].rest();
        let beside = lines.iter().position(|line| {
            line.services == [Service::Protocols] && line.phrases.iter().all(is_all_but_icmp) && line.rest() == rests
        });
        if let Some(beside) = beside.filter(|_| refused(&rests)) {
            lines[beside] = LineGroup { services: Vec::new(), phrases: rests };
            lines.remove(at);
        }
    }
    lines
}

/// TCP, and all but TCP, as one.
fn join_tcp(lines: &mut Vec<LineGroup>) {
    let tcp = ProtocolWord::Number(Protocol::TCP);
    let is_tcp = |phrase: &Phrase| {
        let protocols = &phrase.packets.traffic.protocols;
        !protocols.negated && protocols.items[..] == [tcp]
    };
    let has_all_but = |phrase: &Phrase| {
        let protocols = &phrase.packets.traffic.protocols;
        protocols.negated && protocols.items.contains(&tcp)
    };
    for at in (0..lines.len()).rev() {
        let rests = lines[at].rest();
        if !lines[at].phrases.iter().all(is_tcp) {
            continue;
        }
        let others = lines.iter_mut().find(|line| line.phrases.iter().all(has_all_but) && line.rest() == rests);
        if let Some(others) = others {
            for phrase in others.phrases.iter_mut() {
                phrase.packets.traffic.protocols.items.retain(|word| *word != tcp);
            }
            lines.remove(at);
        }
    }
}

/// Whether a phrase speaks of all protocols but ICMP, and but those that the other family does not have.
fn is_all_but_icmp(phrase: &Phrase) -> bool {
    let protocols = &phrase.packets.traffic.protocols;
    let is_left_out = |word: &ProtocolWord| matches!(word, ProtocolWord::Icmp | ProtocolWord::Of(..));
    protocols.negated && protocols.items.iter().all(is_left_out)
}

/// Whether a family accepts none of the packets, as far as that was decided.
fn is_refused(analysis: &mut Analysis, phrase: &Phrase) -> bool {
    let packets = &phrase.packets;
    let is_goal = |verdict: Verdict| verdict == Verdict::Accept;
    let question = Question { packets, assumptions: assumptions(packets), is_goal: &is_goal };
    let mut found = false;
    let end = analysis.ask(&question, &mut |_| {
        found = true;
        true
    });
    !found && end == End::Complete
}
