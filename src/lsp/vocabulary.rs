//! What the words of the language mean, for people: hover and completion.
//! Input: a word. Output: a line of documentation, and what stands behind it. Words of building blocks come from their metadata.

/// What kind of value stands somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
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

/// Words with a meaning of their own.
pub struct Keyword {
    /// The words.
    pub words: &'static str,
    /// What they mean.
    pub text: &'static str,
    /// What stands behind them.
    pub value: fn() -> Expect,
}

const fn plain(words: &'static str, text: &'static str) -> Keyword {
    Keyword { words, text, value: || Expect::Nothing }
}

const fn with(words: &'static str, value: fn() -> Expect, text: &'static str) -> Keyword {
    Keyword { words, text, value }
}

fn words(words: &[&str]) -> Expect {
    Expect::Words(words.iter().map(|word| (*word).to_owned()).collect())
}

/// The traffic vocabulary: it describes packets in rules, in `expect` and in `cgwfw trace`.
pub const TRAFFIC: &[Keyword] = &[
    plain("in", "packets to the gateway itself (INPUT); with `on IF`, through that interface"),
    plain("out", "packets from the gateway itself (OUTPUT); with `on IF`, through that interface"),
    plain(
        "forward",
        "packets through the gateway (FORWARD): `forward in on A out on B`, or `forward on IF` for either way",
    ),
    with("on", || Expect::Interface, "the interface; without a direction, what comes in and what goes out through it"),
    plain("all", "every packet"),
    plain("tcp", "TCP (protocol 6)"),
    plain("udp", "UDP (protocol 17)"),
    plain("sctp", "SCTP (protocol 132)"),
    plain("icmp", "ICMP in the IPv4 file, ICMPv6 in the IPv6 file"),
    plain("esp", "IPsec's encrypted packets (ESP, protocol 50)"),
    plain("ah", "IPsec's authenticated packets (AH, protocol 51)"),
    plain("gre", "GRE (protocol 47)"),
    plain("vrrp", "VRRP (protocol 112)"),
    plain("ospf", "OSPF (protocol 89)"),
    with("protocol", || Expect::Other("a number from 1 to 255"), "a protocol by number, of those that have no word"),
    with("type", || Expect::IcmpType, "the type of the ICMP message, by name or by number"),
    with("code", || Expect::Other("a number from 0 to 255"), "the code of the ICMP message"),
    with("from", || Expect::Address, "the source: an address, and perhaps `port`"),
    with("to", || Expect::Address, "the destination: an address, and perhaps `port`"),
    with(
        "port",
        || Expect::Ports,
        "the destination port; directly after `from ADDR` the source port, which then needs a destination port beside it",
    ),
    with("source port", || Expect::Ports, "the port that the packets come from, which the sender chooses"),
    with("peer", || Expect::Address, "the remote end: the source of what comes in, the destination of what goes out"),
    plain("no syn", "TCP without the first packet of a connection: for replies without connection tracking"),
    with(
        "flags",
        || Expect::Other("MASK/SET, such as `syn,ack/syn`"),
        "TCP flags: of those in MASK exactly those in SET are on",
    ),
    with("ttl", || Expect::Other("a number from 0 to 255"), "the TTL, in IPv6 the hop limit"),
    with(
        "state",
        || words(&["new", "established", "related", "invalid", "untracked"]),
        "what connection tracking knows of the packet",
    ),
    plain("ipsec", "came out of an IPsec policy, or will go into one; of what is forwarded `ipsec in` or `ipsec out`"),
    plain("no ipsec", "came out of no IPsec policy, and will go into none"),
    with("mark", || Expect::Other("a mark, such as `0x1` or `0x1/0xff`"), "the packet mark"),
    with(
        "limit",
        || Expect::Other("a rate, such as `10/second`"),
        "at most so many packets; each rule counts for itself",
    ),
    with("burst", || Expect::Other("a number"), "how many packets may come at once before the rate holds"),
    plain("per source", "the rate is that of each source address"),
    plain("over limit", "packets above every `limit`"),
    plain("spoofed", "packets whose source would not be reached the way they came"),
];

/// The clauses that go with every sentence.
pub const COMMON: &[Keyword] = &[
    with("only", || words(&["ipv4", "ipv6"]), "rules for one family, on purpose"),
    with("comment", || Expect::Other("a text in quotes"), "a remark that is kept in the rules (`-m comment`)"),
    plain("log", "a twin of the rule that logs before the verdict: `log \"prefix\"`, `log to group 5`"),
    with("to group", || Expect::Other("a number"), "the NFLOG group that log messages go to"),
];

/// Words that stand directly behind others, in this order.
pub const BEHIND: &[(&str, &str)] = &[
    ("burst", "limit"),
    ("per source", "limit"),
    ("code", "type"),
    ("to group", "log"),
    ("limit", "log"),
    ("in", "forward"),
    ("out", "forward"),
    ("on", "in"),
    ("on", "out"),
    ("port", "from"),
    ("port", "to"),
];

/// Those of them that also begin a clause of their own.
pub const FIRST_TOO: &[&str] = &["limit", "in", "out", "on", "port"];

/// What the verdicts of `expect` mean.
pub const VERDICTS: &[Keyword] = &[
    plain("accept", "passed"),
    plain("drop", "discarded in silence"),
    plain("reject", "discarded with an answer"),
    plain("deny", "dropped or rejected"),
];
