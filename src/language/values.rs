//! The words of typed values, each once: protocols, ICMP types, states, units, reasons, roles, verdicts, families, chains.
//! Input: none. Output: tables that `resolve` reads words by, `sentence` writes them by, and the server offers.

use crate::diagnostic::Severity;
use crate::iptables::packet::{Fragment, State};
use crate::iptables::ruleset::{ChainPolicy, IcmpType, RateUnit, RejectWith, TableName};
use crate::net::{Both, Families, Family, Protocol};

/// The words of a table.
pub fn words_of<T, const N: usize>(table: &'static [(&'static str, T); N]) -> [&'static str; N] {
    table.each_ref().map(|(word, _)| *word)
}

/// The value of a word.
pub fn value_of<T: Copy>(table: &[(&str, T)], word: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
}

/// A protocol as the language names it: some words mean another number in each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProtocolWord {
    /// ICMP in IPv4, ICMPv6 in IPv6.
    Icmp,
    /// AH: a protocol in IPv4, an extension header in IPv6.
    Ah,
    /// Any other, by its number.
    Number(Protocol),
    /// One that a family alone has, by its number there.
    Of(Family, Protocol),
}

impl ProtocolWord {
    /// The word of a protocol in a family.
    pub fn of(family: Family, protocol: Protocol) -> ProtocolWord {
        let own = ProtocolWord::Of(family, protocol);
        match protocol {
            protocol if protocol == Protocol::icmp(family) => ProtocolWord::Icmp,
            Protocol::AH => ProtocolWord::Ah,
            _ if PROTOCOLS.iter().any(|row| row.protocol == Some(own)) => own,
            _ => ProtocolWord::Number(protocol),
        }
    }

    /// The protocol number in a family; `None` for AH in IPv6, which takes a match of its own, and where the family does not
    /// have it.
    pub fn number(self, family: Family) -> Option<Protocol> {
        match self {
            ProtocolWord::Icmp => Some(Protocol::icmp(family)),
            ProtocolWord::Ah => (family == Family::V4).then_some(Protocol::AH),
            ProtocolWord::Number(protocol) => Some(protocol),
            ProtocolWord::Of(own, protocol) => (own == family).then_some(protocol),
        }
    }

    /// The families that have it.
    pub fn families(self) -> Families {
        match self {
            ProtocolWord::Of(family, _) => family.into(),
            _ => Families::BOTH,
        }
    }
}

/// A protocol by word.
pub struct NamedProtocol {
    /// The word.
    pub word: &'static str,
    /// What it means, for people.
    pub text: &'static str,
    /// The protocol; none is all of them.
    pub protocol: Option<ProtocolWord>,
}

/// Protocols by word.
pub const PROTOCOLS: [NamedProtocol; 19] = [
    NamedProtocol { word: "all", text: "every packet", protocol: None },
    number("tcp", Protocol::TCP, "TCP (protocol 6)"),
    number("udp", Protocol::UDP, "UDP (protocol 17)"),
    number("sctp", Protocol::SCTP, "SCTP (protocol 132)"),
    NamedProtocol {
        word: "icmp",
        text: "ICMP in the IPv4 file, ICMPv6 in the IPv6 file",
        protocol: Some(ProtocolWord::Icmp),
    },
    number("esp", Protocol::ESP, "IPsec's encrypted packets (ESP, protocol 50)"),
    NamedProtocol {
        word: "ah",
        text: "IPsec's authenticated packets (AH, protocol 51)",
        protocol: Some(ProtocolWord::Ah),
    },
    number("gre", Protocol::GRE, "GRE (protocol 47)"),
    number("vrrp", Protocol::VRRP, "VRRP (protocol 112)"),
    number("ospf", Protocol::OSPF, "OSPF (protocol 89)"),
    of(
        "igmp",
        Family::V4,
        Protocol::IGMP,
        "IGMP (protocol 2), membership of IPv4 groups; in IPv6 that is MLD, `icmp type mld-query` and others",
    ),
    number("ipip", Protocol(4), "IPv4 in IP (protocol 4)"),
    of("sit", Family::V4, Protocol(41), "IPv6 in IPv4 (protocol 41)"),
    of("ip6ip6", Family::V6, Protocol(41), "IPv6 in IPv6 (protocol 41)"),
    number("eigrp", Protocol(88), "EIGRP (protocol 88)"),
    number("pim", Protocol(103), "PIM (protocol 103)"),
    number("l2tp", Protocol(115), "L2TP over IP (protocol 115); over UDP it is port 1701"),
    number("dccp", Protocol(33), "DCCP (protocol 33), whose ports cannot be named"),
    number("udplite", Protocol::UDPLITE, "UDP-Lite (protocol 136), whose ports cannot be named"),
];

const fn number(word: &'static str, protocol: Protocol, text: &'static str) -> NamedProtocol {
    NamedProtocol { word, text, protocol: Some(ProtocolWord::Number(protocol)) }
}

const fn of(word: &'static str, family: Family, protocol: Protocol, text: &'static str) -> NamedProtocol {
    NamedProtocol { word, text, protocol: Some(ProtocolWord::Of(family, protocol)) }
}

/// The words of `PROTOCOLS`.
pub fn protocol_words() -> [&'static str; PROTOCOLS.len()] {
    PROTOCOLS.each_ref().map(|row| row.word)
}

/// The protocol of a word; `Some(None)` is all of them, `None` no protocol word.
pub fn protocol(word: &str) -> Option<Option<ProtocolWord>> {
    PROTOCOLS.iter().find(|row| row.word == word).map(|row| row.protocol)
}

/// The pieces of a packet that is sent in several.
pub const FRAGMENTS: [(&str, Fragment); 2] = [("first", Fragment::First), ("later", Fragment::Later)];

/// The states of connection tracking.
pub const STATES: [(&str, State); 5] = [
    ("new", State::New),
    ("established", State::Established),
    ("related", State::Related),
    ("invalid", State::Invalid),
    ("untracked", State::Untracked),
];

/// The units of rates.
pub const RATE_UNITS: [(&str, RateUnit); 4] =
    [("second", RateUnit::Second), ("minute", RateUnit::Minute), ("hour", RateUnit::Hour), ("day", RateUnit::Day)];

/// An ICMP type in each family that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IcmpWord {
    /// The type in IPv4 and in IPv6.
    pub types: Both<Option<IcmpType>>,
}

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

/// A helper of connection tracking (`nf_conntrack_…`).
pub struct Helper {
    /// Its name.
    pub name: &'static str,
    /// The protocols that it reads.
    pub protocols: &'static [Protocol],
    /// The families that it reads.
    pub families: Families,
    /// The port of the service, where it has one.
    pub port: Option<u16>,
}

const fn helper(name: &'static str, protocols: &'static [Protocol], families: Families, port: Option<u16>) -> Helper {
    Helper { name, protocols, families, port }
}

/// The helpers of the kernel: another name or protocol makes the loader refuse the whole file.
pub const HELPERS: [Helper; 12] = [
    helper("ftp", &[Protocol::TCP], Families::BOTH, Some(21)),
    helper("sip", &[Protocol::TCP, Protocol::UDP], Families::BOTH, Some(5060)),
    helper("tftp", &[Protocol::UDP], Families::BOTH, Some(69)),
    helper("amanda", &[Protocol::UDP], Families::BOTH, Some(10080)),
    helper("sane", &[Protocol::TCP], Families::BOTH, Some(6566)),
    helper("Q.931", &[Protocol::TCP], Families::BOTH, Some(1720)),
    helper("RAS", &[Protocol::UDP], Families::BOTH, Some(1719)),
    helper("irc", &[Protocol::TCP], Families::V4, Some(6667)),
    helper("pptp", &[Protocol::TCP], Families::V4, Some(1723)),
    helper("snmp", &[Protocol::UDP], Families::V4, Some(161)),
    helper("snmp_trap", &[Protocol::UDP], Families::V4, Some(162)),
    helper("netbios-ns", &[Protocol::UDP], Families::V4, Some(137)),
];

/// A helper that another one announces, and that no sentence asks for. Rule files may name it.
pub const H245: Helper = helper("H.245", &[Protocol::UDP], Families::BOTH, None);

/// How to reject: one name for both families.
pub const REASONS: [(&str, RejectWith); 10] = [
    ("port-unreachable", RejectWith::PortUnreachable),
    ("host-unreachable", RejectWith::HostUnreachable),
    ("net-unreachable", RejectWith::NetUnreachable),
    ("host-prohibited", RejectWith::HostProhibited),
    ("net-prohibited", RejectWith::NetProhibited),
    ("admin-prohibited", RejectWith::AdminProhibited),
    ("proto-unreachable", RejectWith::ProtoUnreachable),
    ("policy-fail", RejectWith::PolicyFail),
    ("reject-route", RejectWith::RejectRoute),
    ("tcp-reset", RejectWith::TcpReset),
];

/// The name of a reason after `--reject-with`; `None` where the family has none.
pub fn reason_name(reason: RejectWith, family: Family) -> Option<&'static str> {
    // ICMPv6 has one code for what ICMP tells apart (RFC 4443, 3.1).
    let reason = match (reason, family) {
        (RejectWith::HostProhibited | RejectWith::NetProhibited, Family::V6) => RejectWith::AdminProhibited,
        _ => reason,
    };
    reason.name(family)
}

/// What an interface of the gateway is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The pod network of the cluster.
    Calico,
    /// It has a public address.
    Public,
    /// It leads to the service behind the gateway.
    Service,
    /// A route-based IPsec tunnel (VTI).
    Vti,
    /// A route-based IPsec tunnel (XFRM interface).
    Xfrm,
    /// A GRE tunnel.
    Gre,
    /// A GRE tunnel of Ethernet frames.
    Gretap,
    /// A VXLAN.
    Vxlan,
    /// A bridge.
    Bridge,
    /// A VLAN.
    Vlan,
    /// A WireGuard tunnel.
    Wireguard,
    /// A tunnel of IPv4 in IP.
    Ipip,
    /// A tunnel of IPv6 in IPv4.
    Sit,
}

/// The roles of interfaces.
pub const ROLES: [(&str, Role); 13] = [
    ("calico", Role::Calico),
    ("public", Role::Public),
    ("service", Role::Service),
    ("vti", Role::Vti),
    ("xfrm", Role::Xfrm),
    ("gre", Role::Gre),
    ("gretap", Role::Gretap),
    ("vxlan", Role::Vxlan),
    ("bridge", Role::Bridge),
    ("vlan", Role::Vlan),
    ("wireguard", Role::Wireguard),
    ("ipip", Role::Ipip),
    ("sit", Role::Sit),
];

/// What an expectation expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedVerdict {
    /// Passed.
    Accept,
    /// Discarded in silence.
    Drop,
    /// Discarded with an answer.
    Reject,
    /// Dropped or rejected.
    Deny,
}

impl ExpectedVerdict {
    /// What it means, for people.
    pub fn text(self) -> &'static str {
        match self {
            ExpectedVerdict::Accept => "passed",
            ExpectedVerdict::Drop => "discarded in silence",
            ExpectedVerdict::Reject => "discarded with an answer",
            ExpectedVerdict::Deny => "dropped or rejected",
        }
    }
}

/// The verdicts of `expect`.
pub const VERDICTS: [(&str, ExpectedVerdict); 4] = [
    ("accept", ExpectedVerdict::Accept),
    ("drop", ExpectedVerdict::Drop),
    ("reject", ExpectedVerdict::Reject),
    ("deny", ExpectedVerdict::Deny),
];

/// The families of `rules`.
pub const RULES_FAMILIES: [(&str, Families); 3] =
    [(Family::V4.keyword(), Families::V4), (Family::V6.keyword(), Families::V6), ("both", Families::BOTH)];

/// The tables of `rules`.
pub const RULES_TABLES: [(&str, TableName); 4] =
    [("raw", TableName::Raw), ("mangle", TableName::Mangle), ("nat", TableName::Nat), ("filter", TableName::Filter)];

/// The policies of `default`.
pub const CHAIN_POLICIES: [(&str, ChainPolicy); 2] = [("accept", ChainPolicy::Accept), ("drop", ChainPolicy::Drop)];

/// The chains of `default`, in the order of the filter table.
pub const DEFAULT_CHAINS: [&str; 3] = ["input", "forward", "output"];

/// The levels of `lint`; none is silence.
pub const LEVELS: [(&str, Option<Severity>); 4] = [
    ("off", None),
    ("note", Some(Severity::Note)),
    ("warn", Some(Severity::Warning)),
    ("error", Some(Severity::Error)),
];
