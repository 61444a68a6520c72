//! What to do about a packet that does not pass: the rules that come nearest, and a sentence that would let it.
//! Input: a trace. Output: hints as values, which say themselves in a line for people.

use std::fmt;

use super::follow::{Branch, Trace};
use super::record::Missed;
use super::unmet::unmet;
use super::words::participle;
use crate::iptables::packet::{Packet, Way};
use crate::iptables::print::part_text;
use crate::iptables::ruleset::{Origins, Part, Rule, TableName, Target};
use crate::net::{Family, Interface, Prefix};
use crate::origin::{Rules, SentencePlace};
use crate::policy::{Directions, Traffic, Values};
use crate::resolve::suggest::did_you_mean;
use crate::sentence;
use crate::simulate::{By, Translation, Verdict};

/// The most rules that are named: who reads this wants the nearest.
const MAX_HINTS: usize = 3;

/// What to do about a packet that does not pass.
#[derive(Clone, Debug)]
pub enum Hint {
    /// A rule would accept it, if one thing about the packet were different.
    Near {
        /// The rule's place.
        place: SentencePlace,
        /// `if it came from 192.0.2.1`
        condition: String,
    },
    /// A sentence lets it pass.
    Allow {
        /// The packets of the sentence.
        traffic: Box<Traffic>,
        /// What must come after it, since it would decide first; none: it may be anywhere.
        before: Option<SentencePlace>,
    },
}

impl Hint {
    /// The sentence to write, if it is one.
    pub fn sentence(&self) -> Option<String> {
        match self {
            Hint::Near { .. } => None,
            Hint::Allow { traffic, .. } => Some(format!("allow {}", sentence::traffic(traffic))),
        }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hint::Near { place: SentencePlace { file, line, text }, condition } => {
                write!(f, "would be {} by {file}:{line} `{text}` {condition}", participle(Verdict::Accept))
            }
            Hint::Allow { before, .. } => {
                let before = before
                    .as_ref()
                    .map_or_else(String::new, |SentencePlace { file, line, .. }| format!(", before {file}:{line}"));
                write!(f, "a sentence that lets it pass{before}: {}", self.sentence().unwrap_or_default())
            }
        }
    }
}

/// Hints for a packet that does not pass, the best first.
pub fn hints(trace: &Trace, rules: Rules) -> Vec<Hint> {
    // Where it may pass as it is, what it depends on is said already.
    if trace.branches.iter().any(|branch| branch.decision.verdict == Verdict::Accept) {
        return Vec::new();
    }
    let Some(branch) = trace.branches.first() else { return Vec::new() };
    if matches!(branch.decision.by, By::Kernel(_)) {
        return Vec::new();
    }
    let packet = &trace.described.packet;
    let mut hints = near(branch, packet, rules);
    if matches!(rules, Rules::Policy(_)) {
        // The first rule that matches decides: a sentence behind it would come too late.
        let before = match branch.decision.by {
            By::Rule(place) => place
                .look_up(rules.of(packet.family()))
                .map(|(_, rule)| rules.statement(packet.family(), &rule.origins)),
            _ => None,
        };
        hints.push(Hint::Allow { traffic: Box::new(allowed(packet, branch)), before });
    }
    hints
}

/// Interfaces of a packet that its policy does not declare, though it declares others: most are slips of the pen.
pub fn undeclared(packet: &Packet, rules: Rules) -> Vec<String> {
    let Rules::Policy(compilation) = rules else { return Vec::new() };
    let declared: Vec<Interface> = compilation.declarations.interfaces.iter().map(|declared| declared.name).collect();
    let names = match packet.way {
        Way::In(name) | Way::Out(name) => vec![name],
        Way::Forward(from, to) => vec![from, to],
    };
    let known = |name: &Interface| name.name() == "lo" || declared.iter().any(|declared| declared.covers(name));
    let unknown = names.into_iter().filter(|name| !declared.is_empty() && !known(name));
    let note = |name: Interface| match did_you_mean(name.name(), declared.iter().map(Interface::name)) {
        Some(near) => format!("the policy declares no interface `{name}`; did you mean `{near}`?"),
        None => format!("the policy declares no interface `{name}`"),
    };
    unknown.map(note).collect()
}

/// The rules that would accept it if one thing about it were different; those of which most holds come first.
fn near(branch: &Branch, packet: &Packet, rules: Rules) -> Vec<Hint> {
    let family = packet.family();
    let accepting = |missed: &Missed| {
        let (_, rule) = missed.place.look_up(rules.of(family))?;
        let holds = parts(rule) - 1;
        (missed.place.table == TableName::Filter && rule.target == Target::Accept && holds > 0).then_some((
            holds,
            rule,
            missed.part,
        ))
    };
    let mut near: Vec<(usize, &Rule, Part)> = branch.missed.iter().filter_map(accepting).collect();
    near.sort_by_key(|(holds, _, _)| std::cmp::Reverse(*holds));
    // Those that are shown are few: what a rule is compared with, and what is put into words, does not grow with the
    // policy.
    let mut found: Vec<(&Origins, SentencePlace, String)> = Vec::new();
    for (_, rule, part) in near {
        let condition = unmet(rule, part, family, &branch.fields);
        if found.iter().any(|(origins, _, text)| **origins == rule.origins && *text == condition) {
            continue;
        }
        let statement = rules.statement(family, &rule.origins);
        if !found.iter().any(|(_, known, text)| *known == statement && *text == condition) {
            found.push((&rule.origins, statement, condition));
        }
        if found.len() == MAX_HINTS {
            break;
        }
    }
    found.into_iter().map(|(_, place, condition)| Hint::Near { place, condition }).collect()
}

/// How many parts a rule has that a packet must fit.
fn parts(rule: &Rule) -> usize {
    let header = &rule.header;
    let given = [
        header.source.is_some(),
        header.destination.is_some(),
        header.in_interface.is_some(),
        header.out_interface.is_some(),
        header.protocol.is_some(),
        header.fragment.is_some(),
    ];
    let matches = rule.matches.iter().filter(|one| !one.is_remark());
    given.into_iter().filter(|given| *given).count() + matches.count()
}

/// What keeps the rule of a near miss from matching, as iptables writes it.
pub fn missing(missed: &Missed, rules: Rules, family: Family) -> String {
    missed.place.look_up(rules.of(family)).map_or(String::new(), |(_, rule)| part_text(rule, missed.part, family))
}

/// The packet and not much else: as the filter sees it, behind DNAT.
fn allowed(packet: &Packet, branch: &Branch) -> Traffic {
    let traffic = sentence::packets_of(packet).traffic;
    let new = branch.new_destination;
    let destination = match new {
        Some(Translation { of_interface: Some(_), .. }) => Values::any(),
        Some(Translation { addresses: Some((first, _)), .. }) => Values::one(Prefix::host(first)),
        _ => traffic.destination,
    };
    let destination_ports = match new.and_then(|new| new.ports) {
        Some(ports) if !traffic.destination_ports.is_any() => Values::one(ports),
        _ => traffic.destination_ports,
    };
    let (directions, on, in_on) = if branch.is_rerouted() {
        (Directions { forward: true, ..Directions::default() }, Values::any(), traffic.on)
    } else {
        (traffic.directions, traffic.on, traffic.in_on)
    };
    Traffic {
        directions,
        on,
        in_on,
        out_on: traffic.out_on,
        protocols: traffic.protocols,
        icmp_types: traffic.icmp_types,
        source: traffic.source,
        destination,
        destination_ports,
        ..Traffic::default()
    }
}
