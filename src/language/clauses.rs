//! The clauses of sentences: their words, what is after them, and what goes with what.
//! Input: nothing. Output: a row for each clause of the traffic vocabulary, and for those that go with every sentence.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::values::{FRAGMENTS, PROTOCOLS, STATES, words_of};
use crate::net::Family;

/// What kind of value comes somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// None: the next clause begins.
    Nothing,
    /// An interface, or a pattern of some.
    Interface,
    /// An address or a prefix.
    Address,
    /// A port, a range, or a service.
    Ports,
    /// The type of an ICMP message.
    IcmpType,
    /// One of some words.
    Words(Vec<String>),
    /// How to reject.
    Reason,
    /// The name of a warning or a note.
    Lint,
    /// A value that completion knows nothing of; the text says what.
    Other(&'static str),
}

/// A way through the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the gateway.
    In,
    /// From the gateway.
    Out,
    /// Through the gateway.
    Forward,
}

impl Direction {
    /// All of them, in the order of the rules.
    pub const ALL: [Direction; 3] = [Direction::In, Direction::Out, Direction::Forward];

    /// The word of the language.
    pub fn word(self) -> &'static str {
        match self {
            Direction::In => "in",
            Direction::Out => "out",
            Direction::Forward => "forward",
        }
    }
}

/// A clause of the traffic vocabulary, as far as blocks allow and forbid it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrafficClause {
    /// `tcp`, `protocol N`, …
    Protocol,
    /// `from ADDR`
    From,
    /// `to ADDR`
    To,
    /// `peer ADDR`
    Peer,
    /// `from [ADDR] port P`, `source port P`
    SourcePort,
    /// `port P`, `to [ADDR] port P`
    Port,
    /// `type T`
    Type,
    /// `no syn`
    NoSyn,
    /// `flags M/S`
    Flags,
    /// `ttl N`
    Ttl,
    /// `state S`
    State,
    /// `ipsec`, `no ipsec`
    Ipsec,
    /// `mark M`
    Mark,
    /// `connection mark M`
    ConnectionMark,
    /// `set NAME` after `from` and `to`: of every sentence of rules that takes an address there.
    Set,
    /// `original to A [port P]`
    Original,
    /// `limit N/unit`
    Limit,
    /// `over limit N/unit`: of what is dropped, rejected or logged.
    OverLimit,
}

impl TrafficClause {
    /// All that speak of packets on the wire, and not of how many.
    pub const OF_PACKETS: [TrafficClause; 13] = [
        TrafficClause::Protocol,
        TrafficClause::From,
        TrafficClause::To,
        TrafficClause::Peer,
        TrafficClause::SourcePort,
        TrafficClause::Port,
        TrafficClause::Type,
        TrafficClause::NoSyn,
        TrafficClause::Flags,
        TrafficClause::Ttl,
        TrafficClause::State,
        TrafficClause::Ipsec,
        TrafficClause::Mark,
    ];

    /// All that blocks take, unless they say otherwise.
    pub fn all() -> Vec<TrafficClause> {
        let mut all = TrafficClause::OF_PACKETS.to_vec();
        all.extend([TrafficClause::ConnectionMark, TrafficClause::Original, TrafficClause::Limit]);
        all
    }
}

/// Where the words of a clause can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Anywhere among the clauses of a sentence.
    Anywhere,
    /// Directly after one of these, and nowhere else.
    After(&'static [&'static str]),
    /// Directly after one of these, and anywhere.
    AlsoAfter(&'static [&'static str]),
    /// Anywhere in a sentence whose rules are all in FORWARD.
    Forwarded,
    /// In `expect` and `trace`.
    Packets,
}

/// A clause: its words, and what a reader of sentences must know of them.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    /// The words.
    pub words: &'static str,
    /// What they mean.
    pub text: &'static str,
    /// What is after them.
    pub value: fn() -> ValueKind,
    /// What a block must admit for them to be there; `None`: every block has them, as its directions say.
    pub clause: Option<TrafficClause>,
    /// Where they can be.
    pub place: Position,
    /// The clauses with which they contradict themselves.
    pub not_with: &'static [&'static str],
    /// Whether no value is written like the first word: where a value should be, it is missing.
    pub is_reserved: bool,
}

impl Keyword {
    const fn new(words: &'static str, text: &'static str) -> Keyword {
        Keyword {
            words,
            text,
            value: || ValueKind::Nothing,
            clause: None,
            place: Position::Anywhere,
            not_with: &[],
            is_reserved: false,
        }
    }

    const fn of(self, clause: TrafficClause) -> Keyword {
        Keyword { clause: Some(clause), ..self }
    }

    const fn takes(self, value: fn() -> ValueKind) -> Keyword {
        Keyword { value, ..self }
    }

    const fn placed(self, place: Position) -> Keyword {
        Keyword { place, ..self }
    }

    const fn not_with(self, not_with: &'static [&'static str]) -> Keyword {
        Keyword { not_with, ..self }
    }

    const fn reserved(self) -> Keyword {
        Keyword { is_reserved: true, ..self }
    }

    /// Whether they can be in `expect` and `trace`.
    pub fn is_of_packets(&self) -> bool {
        self.clause.is_none_or(|clause| TrafficClause::OF_PACKETS.contains(&clause))
    }

    /// Whether they can be anywhere, and not only after other words.
    pub fn begins(&self) -> bool {
        !matches!(self.place, Position::After(_))
    }
}

/// The ways of packets.
const WAYS: [Keyword; 4] = [
    Keyword::new("in", "packets to the gateway itself (INPUT); with `on IF`, through that interface")
        .placed(Position::AlsoAfter(&["forward"]))
        .not_with(&["in", "out"])
        .reserved(),
    Keyword::new("out", "packets from the gateway itself (OUTPUT); with `on IF`, through that interface")
        .placed(Position::AlsoAfter(&["forward"]))
        .not_with(&["in", "out", "original to"])
        .reserved(),
    Keyword::new(
        "forward",
        "packets through the gateway (FORWARD): `forward in on A out on B`, or `forward on IF` for either way",
    )
    .not_with(&["in", "out", "peer"])
    .reserved(),
    Keyword::new("on", "the interface; without a direction, what comes in and what goes out through it")
        .takes(|| ValueKind::Interface)
        .placed(Position::AlsoAfter(&["in", "out"]))
        .not_with(&["on"])
        .reserved(),
];

const IPSEC: &[&str] = &["ipsec", "no ipsec", "ipsec in", "no ipsec in", "ipsec out", "no ipsec out"];
const IPSEC_IN: &[&str] = &["ipsec", "no ipsec", "ipsec in", "no ipsec in"];
const IPSEC_OUT: &[&str] = &["ipsec", "no ipsec", "ipsec out", "no ipsec out"];

/// The words that say a protocol.
const BY_PROTOCOL: &[&str] = &{
    let mut words = ["protocol"; PROTOCOLS.len() + 1];
    let mut index = 0;
    while index < PROTOCOLS.len() {
        words[index] = PROTOCOLS[index].word;
        index += 1;
    }
    words
};

/// What else packets have, after their protocol by word.
const FIELDS: [Keyword; 29] = [
    Keyword::new("protocol", "a protocol by number, of those that have no word")
        .of(TrafficClause::Protocol)
        .takes(|| ValueKind::Other("a number from 1 to 255"))
        .not_with(BY_PROTOCOL),
    Keyword::new("type", "the type of the ICMP message, by name or by number")
        .of(TrafficClause::Type)
        .takes(|| ValueKind::IcmpType),
    Keyword::new("code", "the code of the ICMP message")
        .of(TrafficClause::Type)
        .takes(|| ValueKind::Other("a number from 0 to 255"))
        .placed(Position::After(&["type"])),
    Keyword::new("from", "the source: an address, and perhaps `port`")
        .of(TrafficClause::From)
        .takes(|| ValueKind::Address)
        .not_with(&["peer"])
        .reserved(),
    Keyword::new("to", "the destination: an address, and perhaps `port`")
        .of(TrafficClause::To)
        .takes(|| ValueKind::Address)
        .not_with(&["peer"])
        .reserved(),
    Keyword::new(
        "port",
        "the destination port; directly after `from ADDR` the source port, which then needs a destination port beside it",
    )
    .of(TrafficClause::Port)
    .takes(|| ValueKind::Ports)
    .placed(Position::AlsoAfter(&["from", "to", "original to"]))
    .not_with(&["port"])
    .reserved(),
    Keyword::new("source port", "the port that the packets come from, which the sender chooses")
        .of(TrafficClause::SourcePort)
        .takes(|| ValueKind::Ports)
        .not_with(&["source port"]),
    Keyword::new("set", "the addresses of a set that another program keeps (`ipset`)")
        .of(TrafficClause::Set)
        .takes(|| ValueKind::Other("the name of a set"))
        .placed(Position::After(&["from", "to"])),
    Keyword::new(
        "original to",
        "what the first packet of the connection was sent to, before its destination was translated; `port` after it is its port",
    )
    .of(TrafficClause::Original)
    .takes(|| ValueKind::Address)
    .not_with(&["out", "original to"]),
    Keyword::new("peer", "the remote end: the source of what comes in, the destination of what goes out")
        .of(TrafficClause::Peer)
        .takes(|| ValueKind::Address)
        .not_with(&["from", "to", "forward"])
        .reserved(),
    Keyword::new("no syn", "TCP without the first packet of a connection: for replies without connection tracking")
        .of(TrafficClause::NoSyn)
        .not_with(&["no syn", "flags"]),
    Keyword::new("flags", "TCP flags: of those in MASK exactly those in SET are on")
        .of(TrafficClause::Flags)
        .takes(|| ValueKind::Other("MASK/SET, such as `syn,ack/syn`"))
        .not_with(&["no syn", "flags"]),
    Keyword::new("ttl", "the TTL, in IPv6 the hop limit")
        .of(TrafficClause::Ttl)
        .takes(|| ValueKind::Other("a number from 0 to 255")),
    Keyword::new("state", "what connection tracking knows of the packet")
        .of(TrafficClause::State)
        .takes(|| one_of(&words_of(&STATES)))
        .reserved(),
    Keyword::new(
        "ipsec",
        "came out of an IPsec policy, or will go into one; of what is forwarded `ipsec in` or `ipsec out`",
    )
    .of(TrafficClause::Ipsec)
    .not_with(IPSEC),
    Keyword::new("no ipsec", "came out of no IPsec policy, and will go into none")
        .of(TrafficClause::Ipsec)
        .not_with(IPSEC),
    Keyword::new("ipsec in", "is forwarded, and came out of an IPsec policy")
        .of(TrafficClause::Ipsec)
        .placed(Position::Forwarded)
        .not_with(IPSEC_IN),
    Keyword::new("ipsec out", "is forwarded, and will go into an IPsec policy")
        .of(TrafficClause::Ipsec)
        .placed(Position::Forwarded)
        .not_with(IPSEC_OUT),
    Keyword::new("no ipsec in", "is forwarded, and came out of no IPsec policy")
        .of(TrafficClause::Ipsec)
        .placed(Position::Forwarded)
        .not_with(IPSEC_IN),
    Keyword::new("no ipsec out", "is forwarded, and will go into no IPsec policy")
        .of(TrafficClause::Ipsec)
        .placed(Position::Forwarded)
        .not_with(IPSEC_OUT),
    Keyword::new("connection mark", "the mark of the packet's connection")
        .of(TrafficClause::ConnectionMark)
        .takes(|| ValueKind::Other("a mark, such as `0x1` or `0x1/0xff`")),
    Keyword::new("mark", "the packet mark")
        .of(TrafficClause::Mark)
        .takes(|| ValueKind::Other("a mark, such as `0x1` or `0x1/0xff`")),
    Keyword::new("limit", "at most so many packets; each rule counts for itself")
        .of(TrafficClause::Limit)
        .takes(|| ValueKind::Other("a rate, such as `10/second`"))
        .placed(Position::AlsoAfter(&["log"]))
        .not_with(&["limit", "over limit"])
        .reserved(),
    Keyword::new("over limit", "only what comes faster than the rate: of what is dropped, rejected or logged")
        .of(TrafficClause::OverLimit)
        .takes(|| ValueKind::Other("a rate, such as `10/second`"))
        .not_with(&["limit", "over limit"])
        .reserved(),
    Keyword::new("burst", "how many packets may come at once before the rate holds")
        .of(TrafficClause::Limit)
        .takes(|| ValueKind::Other("a number"))
        .placed(Position::After(&["limit", "over limit"])),
    Keyword::new("per source", "the rate is that of each source address")
        .of(TrafficClause::Limit)
        .placed(Position::After(&["limit", "over limit"])),
    Keyword::new("over limit", "packets above every `limit`").placed(Position::Packets).reserved(),
    Keyword::new("spoofed", "packets whose source would not be reached the way they came").placed(Position::Packets),
    Keyword::new("fragment", "a piece of a packet that is sent in several; its ports are those of the whole")
        .takes(|| one_of(&words_of(&FRAGMENTS)))
        .placed(Position::Packets)
        .reserved(),
];

/// The clauses that go with every sentence.
pub const COMMON: [Keyword; 4] = [
    Keyword::new("only", "rules for one family, on purpose")
        .takes(|| one_of(&Family::BOTH.map(Family::keyword)))
        .reserved(),
    Keyword::new("comment", "a remark that is kept in the rules (`-m comment`)")
        .takes(|| ValueKind::Other("a text in quotes"))
        .reserved(),
    Keyword::new("log", "a twin of the rule that logs before the verdict: `log \"prefix\"`, `log to group 5`"),
    Keyword::new("to group", "the NFLOG group that log messages go to")
        .takes(|| ValueKind::Other("a number"))
        .placed(Position::After(&["log"])),
];

/// The word with which the library's blocks begin their flags (`with fragments`).
const WITH: &str = "with";

/// The traffic vocabulary: it describes packets in rules, in `expect` and in `cgwfw trace`.
pub static TRAFFIC: LazyLock<Vec<Keyword>> = LazyLock::new(|| {
    let protocols =
        PROTOCOLS.iter().map(|row| Keyword::new(row.word, row.text).of(TrafficClause::Protocol).not_with(BY_PROTOCOL));
    WAYS.into_iter().chain(protocols).chain(FIELDS).collect()
});

/// First words of clauses, which no value is written like: where a value should be, it is missing.
pub static RESERVED: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let reserved = all().filter(|keyword| keyword.is_reserved).map(|keyword| first_word(keyword.words));
    reserved.chain([WITH]).collect()
});

/// All clauses: first those that go with every sentence.
pub fn all() -> impl Iterator<Item = &'static Keyword> {
    COMMON.iter().chain(TRAFFIC.iter())
}

/// The clauses that can be directly after some words, by those words.
pub static FOLLOWERS: LazyLock<BTreeMap<&'static str, Vec<&'static Keyword>>> = LazyLock::new(|| {
    let mut followers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for keyword in all() {
        if let Position::After(before) | Position::AlsoAfter(before) = keyword.place {
            before.iter().for_each(|words| followers.entry(*words).or_default().push(keyword));
        }
    }
    followers
});

/// The first words of the traffic of rules, but for protocols: of these one may have been meant.
pub fn traffic_words() -> Vec<&'static str> {
    first_words(|keyword| !matches!(keyword.place, Position::After(_) | Position::Forwarded | Position::Packets))
}

/// The clauses of the traffic of rules that have two words.
pub fn traffic_pairs() -> impl Iterator<Item = &'static str> {
    let pairs = FIELDS.iter().filter(|keyword| keyword.place == Position::Anywhere && keyword.words.contains(' '));
    pairs.map(|keyword| keyword.words)
}

/// The first words of packets in `expect` and `trace`, but for protocols.
pub fn packet_words() -> Vec<&'static str> {
    let mut words = first_words(|keyword| {
        !matches!(keyword.place, Position::After(_) | Position::Forwarded) && keyword.is_of_packets()
    });
    words.push("only");
    words
}

/// `no` begins two clauses and means nothing alone.
fn first_words(fits: fn(&Keyword) -> bool) -> Vec<&'static str> {
    let fitting = WAYS.iter().chain(&FIELDS).filter(move |keyword| fits(keyword));
    fitting.map(|keyword| first_word(keyword.words)).filter(|word| *word != "no").collect()
}

fn first_word(words: &'static str) -> &'static str {
    words.split(' ').next().unwrap_or(words)
}

fn one_of(words: &[&str]) -> ValueKind {
    ValueKind::Words(words.iter().map(|word| (*word).to_owned()).collect())
}
