//! Packets as other programs write them, a line each: `tcpdump -nn`, the kernel's LOG, ulogd, `conntrack -L`.
//! Input: text. Output: a traffic sentence for each packet, with the lines that it is from.

mod conntrack;
mod kernel;
mod seen;
mod tcpdump;
mod ulogd;

use std::collections::HashMap;

use self::seen::{Refusal, Seen};
use crate::format;
use crate::iptables::ruleset::{Negatable, TcpFlags};
use crate::language::values::{ProtocolWord, protocol_words};
use crate::net::{Addresses, Families, Family, PortRange, Protocol};
use crate::policy::{Directions, Packets, Traffic, Values};
use crate::sentence;

/// A format: its name, and how a line of it is read.
type Format = (&'static str, fn(&str) -> Result<Seen, Refusal>);

/// All formats. A line is of the first that knows it.
const FORMATS: [Format; 4] = [
    (ulogd::NAME, ulogd::read),
    (kernel::NAME, kernel::read),
    (conntrack::NAME, conntrack::read),
    (tcpdump::NAME, tcpdump::read),
];

/// The names of all formats, for people.
pub fn formats() -> impl Iterator<Item = &'static str> {
    FORMATS.iter().map(|(name, _)| *name)
}

/// A packet of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The lines that it is from, counted from 1.
    pub lines: Vec<u32>,
    /// The packet as a traffic sentence.
    pub sentence: String,
}

/// A line that is not a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The line, counted from 1.
    pub line: u32,
    /// Why.
    pub why: String,
}

/// The most that is said of a line, in bytes: it may quote the line, which has any length.
const MAX_WHY: usize = 200;

/// Everything that a log says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The packets, each once, in the order of their first lines.
    pub packets: Vec<Logged>,
    /// The lines that are passed over, but for empty ones and what programs say of themselves.
    pub passed: Vec<Passed>,
}

/// Reads a log. `words` are those of traffic that hold for all of its packets: with a direction in them, what a line says of
/// interfaces does not count.
pub fn read(text: &str, words: &str) -> Contents {
    let directed = words.split_whitespace().any(|word| matches!(word, "in" | "out" | "forward" | "on"));
    let mut log = Contents::default();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (line, text) in lines(text) {
        let seen = FORMATS.iter().map(|(_, read)| read(&text)).find(|seen| *seen != Err(Refusal::NotMine));
        let seen = match seen {
            Some(Ok(seen)) => seen,
            Some(Err(Refusal::Nothing)) => continue,
            Some(Err(Refusal::Fault(why))) => {
                log.passed.push(Passed { line, why: format::cut(&why, MAX_WHY) });
                continue;
            }
            Some(Err(Refusal::NotMine)) | None => {
                let all: Vec<&str> = formats().collect();
                log.passed.push(Passed { line, why: format!("not a line of {}", all.join(", ")) });
                continue;
            }
        };
        if !directed && seen.came.is_none() && seen.leaves.is_none() {
            let why = "it does not say which way the packet went: add that, such as `'in on eth0'`".into();
            log.passed.push(Passed { line, why });
            continue;
        }
        if seen.protocol.is_none() && !words.split_whitespace().any(is_protocol) {
            let why = "it does not show the protocol of a later piece: add that, such as `'in on eth0 udp'`".into();
            log.passed.push(Passed { line, why });
            continue;
        }
        let said = sentence::packets(&packets(&seen, directed));
        let sentence = if words.is_empty() { said } else { format!("{words} {said}") };
        match known.get(&sentence) {
            Some(index) => log.packets[*index].lines.push(line),
            None => {
                known.insert(sentence.clone(), log.packets.len());
                log.packets.push(Logged { lines: vec![line], sentence });
            }
        }
    }
    log
}

fn is_protocol(word: &str) -> bool {
    word == "protocol" || protocol_words().contains(&word)
}

/// The lines that say something, with their numbers. What `tcpdump -v` continues on the next line is part of the first; what
/// is inside a packet is not a packet of its own.
fn lines(text: &str) -> Vec<(u32, String)> {
    let mut all: Vec<(u32, String)> = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        if std::mem::take(&mut inside) {
            continue;
        }
        match all.last_mut() {
            Some((_, last)) if line.starts_with([' ', '\t']) && tcpdump::goes_on(last) => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ if line.trim().is_empty() => continue,
            _ => all.push((index as u32 + 1, line.trim_end().to_owned())),
        }
        inside = all.last().is_some_and(|(_, last)| tcpdump::encloses(last));
    }
    all
}

/// What a line says, as packets of a sentence.
fn packets(seen: &Seen, directed: bool) -> Packets {
    let family = Family::of(seen.destination);
    let mut traffic = Traffic {
        source: Values::one(Addresses::host(seen.source)),
        destination: Values::one(Addresses::host(seen.destination)),
        ttl: seen.hops.map(Negatable::is),
        ..Traffic::default()
    };
    match (seen.came, seen.leaves) {
        _ if directed => {}
        (Some(from), Some(to)) => {
            traffic.directions = Directions { forward: true, ..Directions::default() };
            (traffic.in_on, traffic.out_on) = (Values::one(from), Values::one(to));
        }
        (Some(name), None) => {
            traffic.directions = Directions { input: true, ..Directions::default() };
            traffic.on = Values::one(name);
        }
        (None, Some(name)) => {
            traffic.directions = Directions { output: true, ..Directions::default() };
            traffic.on = Values::one(name);
        }
        (None, None) => {}
    }
    if let Some(protocol) = seen.protocol {
        traffic.protocols = Values::one(ProtocolWord::of(family, protocol));
        // UDPLITE has ports too, and the language does not know them.
        if let (Some((from, to)), Protocol::TCP | Protocol::UDP | Protocol::SCTP) = (seen.ports, protocol) {
            traffic.source_ports = Values::one(PortRange::single(from));
            traffic.destination_ports = Values::one(PortRange::single(to));
        }
        if protocol == Protocol::TCP {
            traffic.flags = seen.flags.map(|set| Negatable::is(TcpFlags { mask: 0x3f, set }));
        }
        if protocol == Protocol::icmp(family) {
            traffic.icmp_types =
                seen.icmp.map_or_else(Values::any, |icmp| Values::one(sentence::icmp_word(family, icmp)));
        }
    }
    Packets { families: Families::from(family), traffic, fragment: seen.fragment, ..Packets::default() }
}
