//! The words of typed values, each once: protocols, ICMP types, connection states, units of rates.
//! Input: none. Output: tables that `resolve` reads words by and `sentence` writes them by.

use super::{IcmpWord, ProtocolWord};
use crate::iptables::packet::State;
use crate::iptables::ruleset::{IcmpType, RateUnit};
use crate::net::{Both, Families, Protocol};

/// Protocols by word; none is all of them.
pub const PROTOCOLS: [(&str, Option<ProtocolWord>); 10] = [
    ("all", None),
    ("tcp", Some(ProtocolWord::Number(Protocol::TCP))),
    ("udp", Some(ProtocolWord::Number(Protocol::UDP))),
    ("sctp", Some(ProtocolWord::Number(Protocol::SCTP))),
    ("icmp", Some(ProtocolWord::Icmp)),
    ("esp", Some(ProtocolWord::Number(Protocol::ESP))),
    ("ah", Some(ProtocolWord::Ah)),
    ("gre", Some(ProtocolWord::Number(Protocol::GRE))),
    ("vrrp", Some(ProtocolWord::Number(Protocol::VRRP))),
    ("ospf", Some(ProtocolWord::Number(Protocol::OSPF))),
];

/// The words of `PROTOCOLS`.
pub fn protocol_words() -> [&'static str; PROTOCOLS.len()] {
    PROTOCOLS.map(|(word, _)| word)
}

/// The protocol of a word; `Some(None)` is all of them, `None` no protocol word.
pub fn protocol(word: &str) -> Option<Option<ProtocolWord>> {
    PROTOCOLS.iter().find(|(known, _)| *known == word).map(|(_, protocol)| *protocol)
}

/// The states of connection tracking by word.
pub const STATES: [(&str, State); 5] = [
    ("invalid", State::Invalid),
    ("new", State::New),
    ("related", State::Related),
    ("established", State::Established),
    ("untracked", State::Untracked),
];

/// The units of rates by word.
pub const RATE_UNITS: [(&str, RateUnit); 4] =
    [("second", RateUnit::Second), ("minute", RateUnit::Minute), ("hour", RateUnit::Hour), ("day", RateUnit::Day)];

/// Names with their types in IPv4 (IANA ICMP parameters) and IPv6 (RFC 4443, 4861, 2710, 3810).
pub const ICMP_TYPES: [(&str, Both<Option<IcmpType>>); 15] = [
    ("echo-request", both(8, 128)),
    ("echo-reply", both(0, 129)),
    ("destination-unreachable", both(3, 1)),
    (
        "packet-too-big",
        Both { v4: Some(IcmpType { kind: 3, code: Some(4) }), v6: Some(IcmpType { kind: 2, code: None }) },
    ),
    ("time-exceeded", both(11, 3)),
    ("parameter-problem", both(12, 4)),
    ("redirect", both(5, 137)),
    ("router-solicitation", both(10, 133)),
    ("router-advertisement", both(9, 134)),
    ("neighbor-solicitation", v6(135)),
    ("neighbor-advertisement", v6(136)),
    ("mld-query", v6(130)),
    ("mld-report", v6(131)),
    ("mld-done", v6(132)),
    ("mld2-report", v6(143)),
];

const fn both(v4: u8, v6: u8) -> Both<Option<IcmpType>> {
    Both { v4: Some(IcmpType { kind: v4, code: None }), v6: Some(IcmpType { kind: v6, code: None }) }
}

const fn v6(kind: u8) -> Both<Option<IcmpType>> {
    Both { v4: None, v6: Some(IcmpType { kind, code: None }) }
}

/// A type by its number, which is for whichever family a sentence has.
pub fn icmp_number(kind: u8) -> IcmpWord {
    IcmpWord { types: both(kind, kind) }
}

/// The families that have the type.
pub fn icmp_families(word: IcmpWord) -> Families {
    let having = word.types.pairs().filter(|(_, kind)| kind.is_some());
    having.fold(Families::NONE, |families, (family, _)| families.or(family.into()))
}
