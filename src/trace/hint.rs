//! What to do about a packet that does not pass: the rules that come nearest, and a sentence that would let it.
//! Input: a trace. Output: hints as values, which say themselves in a line for people.

use std::fmt;

use super::follow::{Branch, Trace};
use super::record::Missed;
use super::words::participle;
use crate::iptables::packet::{Packet, Transport, Way};
use crate::iptables::parse::Part;
use crate::iptables::print::part_text;
use crate::iptables::ruleset::{
    Address, HopLimit, Match, Negatable, Origin, PolicyDirection, Ports, Rule, States, TableName, Target, Tcp, TcpFlags,
};
use crate::net::{Family, Interface, Prefix, Protocol};
use crate::policy::{ProtocolWord, Traffic, Values};
use crate::resolve::suggest::did_you_mean;
use crate::sentence;
use crate::simulate::{By, Translation, Verdict};
use crate::source_map::{Rules, Statement};

/// The most rules that are named: who reads this wants the nearest.
const MOST: usize = 3;

/// What to do about a packet that does not pass.
#[derive(Clone, Debug)]
pub enum Hint {
    /// A rule would accept it, if one thing about the packet were different.
    Near {
        /// The rule's place.
        place: Statement,
        /// `if it came from 192.0.2.1`
        condition: String,
    },
    /// A sentence lets it pass.
    Allow {
        /// The packets of the sentence.
        traffic: Box<Traffic>,
        /// What must come after it, since it would decide first; none: it may be anywhere.
        before: Option<Statement>,
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
            Hint::Near { place: Statement { file, line, text }, condition } => {
                write!(f, "would be {} by {file}:{line} `{text}` {condition}", participle(Verdict::Accept))
            }
            Hint::Allow { before, .. } => {
                let before = before
                    .as_ref()
                    .map_or_else(String::new, |Statement { file, line, .. }| format!(", before {file}:{line}"));
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
            By::Rule(place) => {
                place.look_up(rules.of(packet.family())).map(|(_, rule)| rules.statement(packet.family(), rule.origin))
            }
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
        let holds = parts(rule).len() - 1;
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
    let mut found: Vec<(Origin, Statement, String)> = Vec::new();
    for (_, rule, part) in near {
        let condition = condition(rule, part, packet);
        if found.iter().any(|(origin, _, text)| *origin == rule.origin && *text == condition) {
            continue;
        }
        let statement = rules.statement(family, rule.origin);
        if !found.iter().any(|(_, known, text)| *known == statement && *text == condition) {
            found.push((rule.origin, statement, condition));
        }
        if found.len() == MOST {
            break;
        }
    }
    found.into_iter().map(|(_, place, condition)| Hint::Near { place, condition }).collect()
}

/// The parts of a rule that a packet must fit.
pub fn parts(rule: &Rule) -> Vec<Part> {
    let header = &rule.header;
    let given = [
        (Part::Source, header.source.is_some()),
        (Part::Destination, header.destination.is_some()),
        (Part::InInterface, header.in_interface.is_some()),
        (Part::OutInterface, header.out_interface.is_some()),
        (Part::Protocol, header.protocol.is_some()),
        (Part::Fragment, header.fragment.is_some()),
    ];
    let header = given.into_iter().filter(|(_, given)| *given).map(|(part, _)| part);
    let matches = rule.matches.iter().enumerate().filter(|(_, one)| !matches!(one, Match::Comment(_)));
    header.chain(matches.map(|(index, _)| Part::Match(index))).collect()
}

/// What keeps the rule of a near miss from matching, as iptables writes it.
pub fn missing(missed: &Missed, rules: Rules, family: Family) -> String {
    missed.place.look_up(rules.of(family)).map_or(String::new(), |(_, rule)| part_text(rule, missed.part, family))
}

/// `if it came from 192.0.2.1`: what would have to be different.
fn condition(rule: &Rule, part: Part, packet: &Packet) -> String {
    let family = packet.family();
    let text = || format!("if `{}` held", part_text(rule, part, family));
    let header = &rule.header;
    let not = |negated: bool, is: &str, is_not: &str, value: String| {
        format!("if it {} {value}", if negated { is_not } else { is })
    };
    match part {
        Part::Source => header
            .source
            .as_ref()
            .map_or_else(text, |source| not(source.negated, "came from", "did not come from", address(source))),
        Part::Destination => {
            header.destination.as_ref().map_or_else(text, |to| not(to.negated, "went to", "did not go to", address(to)))
        }
        Part::InInterface => header
            .in_interface
            .map_or_else(text, |name| not(name.negated, "came in on", "did not come in on", name.value.to_string())),
        Part::OutInterface => header
            .out_interface
            .map_or_else(text, |name| not(name.negated, "left by", "did not leave by", name.value.to_string())),
        Part::Protocol => header.protocol.map_or_else(text, |protocol| {
            not(protocol.negated, "were", "were not", protocol_name(protocol.value, family))
        }),
        Part::Match(index) => rule.matches.get(index).and_then(|one| of_match(one, packet)).unwrap_or_else(text),
        _ => text(),
    }
}

/// The word of a protocol, as traffic has it.
fn protocol_name(number: Protocol, family: Family) -> String {
    match number.built_in_name() {
        Some(_) if number == Protocol::icmp(family) => sentence::protocol(ProtocolWord::Icmp),
        Some(name) => name.into(),
        None => sentence::protocol(ProtocolWord::Number(number)),
    }
}

fn address(address: &Negatable<Address>) -> String {
    match &address.value {
        Address::Prefix(prefix) => sentence::prefix(prefix),
        Address::Masked(pair) => format!("{}/{}", pair.0, pair.1),
    }
}

fn of_match(one: &Match, packet: &Packet) -> Option<String> {
    Some(match one {
        Match::Tcp(tcp) => of_tcp(tcp, packet)?,
        Match::Udp(ports) | Match::Sctp(ports) => of_ports(*ports, packet)?,
        Match::Icmp(kind) | Match::Icmp6(kind) if !kind.negated => {
            format!("if its ICMP type were {}", sentence::icmp_type(packet.family(), kind.value))
        }
        Match::Ttl(HopLimit::Equal(hops)) | Match::Hl(HopLimit::Equal(hops)) if !hops.negated => {
            format!("if its TTL were {}", hops.value)
        }
        Match::Policy(policy) => {
            let ipsec = if policy.ipsec { "an" } else { "no" };
            match policy.direction {
                PolicyDirection::In => format!("if it came out of {ipsec} IPsec policy"),
                PolicyDirection::Out => format!("if it went into {ipsec} IPsec policy"),
            }
        }
        Match::ConnState(states) | Match::State(states) if !states.negated => {
            let names = States::NAMES.iter().enumerate().filter(|(bit, _)| states.value.0 & (1 << bit) != 0);
            let names: Vec<String> = names.map(|(_, name)| name.to_ascii_lowercase()).collect();
            format!("if its connection were {}", names.join(" or "))
        }
        Match::Mark(mark) if !mark.negated && mark.value.mask == u32::MAX => {
            format!("if its mark were {}", sentence::mark(mark.value))
        }
        _ => return None,
    })
}

fn of_tcp(tcp: &Tcp, packet: &Packet) -> Option<String> {
    let Transport::Tcp(_, _, flags) = packet.transport else { return None };
    let fits = |wanted: Negatable<TcpFlags>| (flags & wanted.value.mask == wanted.value.set) != wanted.negated;
    match (of_ports(tcp.ports, packet), tcp.flags.filter(|wanted| !fits(*wanted))) {
        (Some(ports), None) => Some(ports),
        (None, Some(Negatable { negated: true, value: TcpFlags::SYN })) => {
            Some("if it were not the first packet of a connection".into())
        }
        _ => None,
    }
}

/// The port that does not fit, if it is one of the two.
fn of_ports(ports: Ports, packet: &Packet) -> Option<String> {
    let (source, destination) = match packet.transport {
        Transport::Tcp(source, destination, _)
        | Transport::Udp(source, destination)
        | Transport::UdpLite(source, destination)
        | Transport::Sctp(source, destination) => (source, destination),
        _ => return None,
    };
    let wrong = |wanted: Option<Negatable<crate::net::PortRange>>, port: u16| {
        let wanted = wanted.filter(|wanted| wanted.value.contains(port) == wanted.negated)?;
        let not = if wanted.negated { "not " } else { "" };
        Some(format!("{not}{}", sentence::ports(wanted.value)))
    };
    match (wrong(ports.source, source), wrong(ports.destination, destination)) {
        (Some(port), None) => Some(format!("if its source port were {port}")),
        (None, Some(port)) => Some(format!("if its destination port were {port}")),
        (Some(from), Some(to)) => Some(format!("if its source port were {from} and its destination port {to}")),
        (None, None) => None,
    }
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
    Traffic {
        directions: traffic.directions,
        on: traffic.on,
        in_on: traffic.in_on,
        out_on: traffic.out_on,
        protocols: traffic.protocols,
        icmp_types: traffic.icmp_types,
        source: traffic.source,
        destination,
        destination_ports,
        ..Traffic::default()
    }
}
