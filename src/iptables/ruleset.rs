//! Rules as values: tables, chains, rules, matches and targets, one `Ruleset` per family.
//! Input: built by `parse` and by `expand`. Output: read by `print`, `check` and every analysis.
//!
//! A rule has the shape of the kernel's `ipt_entry`: a header that every rule has, then extension matches in order, then the target.

use std::net::IpAddr;
use std::sync::Arc;

use crate::net::{Family, Interface, PortRange, Prefix, Protocol};

/// A table of the kernel, in the order in which a packet meets them and in which they are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableName {
    /// Before connection tracking.
    Raw,
    /// Changes to packets: marks, TTL, MSS.
    Mangle,
    /// Address translation; sees only the first packet of a connection, and none where no rule of it translates and
    /// nothing else has connections tracked.
    Nat,
    /// What may pass.
    Filter,
    /// Mandatory access control (SELinux marks); only ever read. In INPUT legacy iptables runs it before nat, as the walk
    /// does, and iptables-nft behind it.
    Security,
}

impl TableName {
    /// Every table, in order.
    pub const ALL: [TableName; 5] =
        [TableName::Raw, TableName::Mangle, TableName::Nat, TableName::Filter, TableName::Security];

    /// The name after the `*`.
    pub fn name(self) -> &'static str {
        match self {
            TableName::Raw => "raw",
            TableName::Mangle => "mangle",
            TableName::Nat => "nat",
            TableName::Filter => "filter",
            TableName::Security => "security",
        }
    }

    /// The table of that name.
    pub fn from_name(name: &str) -> Option<TableName> {
        TableName::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The built-in chains, in the order of `iptables-save`.
    pub fn built_in_chains(self) -> &'static [&'static str] {
        match self {
            TableName::Raw => &["PREROUTING", "OUTPUT"],
            TableName::Mangle => &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
            TableName::Nat => &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
            TableName::Filter | TableName::Security => &["INPUT", "FORWARD", "OUTPUT"],
        }
    }
}

/// What a built-in chain does with a packet that no rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChainPolicy {
    /// It passes.
    Accept,
    /// It is discarded.
    Drop,
}

impl ChainPolicy {
    /// The word in a chain line.
    pub fn name(self) -> &'static str {
        match self {
            ChainPolicy::Accept => "ACCEPT",
            ChainPolicy::Drop => "DROP",
        }
    }
}

/// The rules of one family.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruleset {
    /// Which family: which restore program loads it.
    pub family: Family,
    /// The tables that are mentioned, in any order; `print` writes them in the order of `TableName`.
    pub tables: Vec<Table>,
}

/// One table: its chains and its rules, rules in the order in which they were written.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Which one.
    pub name: TableName,
    /// The chains, built-in ones first and in kernel order, whether mentioned or not; then its own.
    pub chains: Vec<Chain>,
    /// All rules; those of one chain keep their order.
    pub rules: Vec<Rule>,
}

/// A chain's name and policy; its rules are those of the table that name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// 1 to 28 bytes.
    pub name: Arc<str>,
    /// The default of a built-in chain, where one is set; never on a chain of one's own.
    pub policy: Option<ChainPolicy>,
}

/// The position of a chain in its `Table::chains`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId(pub u32);

impl Chain {
    /// The longest name, in bytes (`XT_EXTENSION_MAXNAMELEN`).
    pub const NAME_MAX: usize = 28;
}

impl Table {
    /// A table with its built-in chains and no rules.
    pub fn new(name: TableName) -> Table {
        let chains = name.built_in_chains().iter().map(|name| Chain { name: (*name).into(), policy: None }).collect();
        Table { name, chains, rules: Vec::new() }
    }

    /// The chain of that name.
    pub fn chain(&self, name: &str) -> Option<ChainId> {
        self.chains.iter().position(|chain| &*chain.name == name).map(|index| ChainId(index as u32))
    }

    /// The chain of that name, added where it is missing.
    pub fn chain_or_new(&mut self, name: &str) -> ChainId {
        self.chain(name).unwrap_or_else(|| {
            self.chains.push(Chain { name: name.into(), policy: None });
            ChainId((self.chains.len() - 1) as u32)
        })
    }

    /// Whether the chain is one of the kernel's own.
    pub fn is_built_in(&self, chain: ChainId) -> bool {
        (chain.0 as usize) < self.name.built_in_chains().len()
    }
}

impl Ruleset {
    /// No tables, no rules.
    pub fn new(family: Family) -> Ruleset {
        Ruleset { family, tables: Vec::new() }
    }

    /// The table of that name.
    pub fn table(&self, name: TableName) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The table of that name, added where it is missing.
    pub fn table_or_new(&mut self, name: TableName) -> &mut Table {
        let index = self.tables.iter().position(|table| table.name == name).unwrap_or_else(|| {
            self.tables.push(Table::new(name));
            self.tables.len() - 1
        });
        &mut self.tables[index]
    }
}

/// Where a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// In a compiled policy the number of the sentence; in a rule file that was read, 0.
    pub sentence: u32,
    /// The line of the template, of the `rules` block or of the rule file, from 1.
    pub line: u32,
}

/// One rule of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The chain it stands in.
    pub chain: ChainId,
    /// Addresses, interfaces and protocol.
    pub header: Header,
    /// The extension matches, all of which must hold, in order; rules made from one pattern share them.
    pub matches: Arc<[Match]>,
    /// What happens to a packet that matches.
    pub target: Target,
    /// The place it comes from.
    pub origin: Origin,
}

/// A value, or everything but it: iptables' `!`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Negatable<T> {
    /// Whether a `!` stands before it.
    pub negated: bool,
    /// The value.
    pub value: T,
}

impl<T> Negatable<T> {
    /// The value itself.
    pub fn is(value: T) -> Negatable<T> {
        Negatable { negated: false, value }
    }

    /// Everything but the value.
    pub fn not(value: T) -> Negatable<T> {
        Negatable { negated: true, value }
    }
}

/// The part of a rule that is no extension (`struct ipt_ip`). `None` matches everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// `-s`
    pub source: Option<Negatable<Address>>,
    /// `-d`
    pub destination: Option<Negatable<Address>>,
    /// `-i`
    pub in_interface: Option<Negatable<Interface>>,
    /// `-o`
    pub out_interface: Option<Negatable<Interface>>,
    /// `-p`
    pub protocol: Option<Negatable<Protocol>>,
    /// `-f`, IPv4 only: the second and further fragments.
    pub fragment: Option<Negatable<()>>,
}

/// An address of `-s` or `-d`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A prefix without host bits.
    Prefix(Prefix),
    /// An address under a mask that is no prefix (`10.0.0.1/255.0.0.255`), host bits cut off.
    Masked(Box<(IpAddr, IpAddr)>),
}

impl From<Prefix> for Address {
    fn from(prefix: Prefix) -> Address {
        Address::Prefix(prefix)
    }
}

/// An extension match (`-m`), as iptables-extensions(8) names them.
#[derive(Clone, Debug, PartialEq)]
pub enum Match {
    /// `-m tcp`. Ports and flags are those of whole packets and of first fragments; in a later IPv4 fragment iptables-nft
    /// takes other bytes for them (tried with Linux 6.18), legacy iptables does not match. Two single ports that are both
    /// negated (`! --sport 1 ! --dport 2`, here and in `-m udp`) are one comparison for iptables-nft 1.8.9: only the
    /// packets with both fail it, where legacy iptables wants neither.
    Tcp(Box<Tcp>),
    /// `-m udp` (also `-m udplite`, `-m dccp` where they have only ports): source and destination ports.
    Udp(Ports),
    /// `-m sctp`, ports only.
    Sctp(Ports),
    /// `-m icmp`, IPv4.
    Icmp(Negatable<IcmpType>),
    /// `-m icmp6`, IPv6.
    Icmp6(Negatable<IcmpType>),
    /// `-m multiport`: 1 to 15 slots, a range takes two.
    Multiport(Negatable<Box<Multiport>>),
    /// `-m ah` without options. In IPv6 `-p ah` never matches with legacy iptables, which looks behind the header, and
    /// does with iptables-nft; this match works with both.
    Ah,
    /// `-m frag` without options (IPv6): the packet has a fragment header.
    Frag,
    /// `-m ttl` (IPv4). FORWARD sees one less than PREROUTING: the packet has been routed.
    Ttl(HopLimit),
    /// `-m hl` (IPv6). FORWARD sees one less than PREROUTING, too.
    Hl(HopLimit),
    /// `-m policy`
    Policy(Policy),
    /// `-m mark`
    Mark(Negatable<MaskedMark>),
    /// `-m connmark`. What has no connection (invalid, untracked) does not match, negated or not.
    ConnMark(Negatable<MaskedMark>),
    /// `-m conntrack --ctstate`, and nothing else. UDP-Lite that comes in is invalid (tried with Linux 6.18).
    ConnState(Negatable<States>),
    /// `-m state --state`
    State(Negatable<States>),
    /// `-m limit`
    Limit(Rate),
    /// `-m hashlimit`
    HashLimit(Box<HashLimit>),
    /// `-m rpfilter`
    RpFilter(RpFilter),
    /// `-m iprange`
    IpRange(Box<IpRange>),
    /// `-m comment`
    Comment(Box<str>),
    /// A match that the model does not know, kept as it was written and never guessed.
    Unknown(Box<Unknown>),
}

/// Source and destination ports of one match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// `--sport`
    pub source: Option<Negatable<PortRange>>,
    /// `--dport`
    pub destination: Option<Negatable<PortRange>>,
}

/// `-m tcp`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// `--sport`, `--dport`
    pub ports: Ports,
    /// `--tcp-flags`
    pub flags: Option<Negatable<TcpFlags>>,
    /// `--tcp-option`
    pub option: Option<Negatable<u8>>,
}

/// `--tcp-flags MASK SET`: of the flags in `mask`, exactly those in `set` are on (bits as in the TCP header, FIN = 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TcpFlags {
    /// Which flags are looked at.
    pub mask: u8,
    /// Which of them must be on.
    pub set: u8,
}

impl TcpFlags {
    /// The names by bit, FIN first: the order in which `iptables-save` prints them.
    pub const NAMES: [&'static str; 6] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];

    /// `--syn`: the first packet of a connection.
    pub const SYN: TcpFlags = TcpFlags { mask: 0x17, set: 0x02 };
}

/// An ICMP type with the range of its codes: `255` for the type means any (IPv4 and IPv6 alike).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IcmpType {
    /// 0 to 254; 255 is any.
    pub kind: u8,
    /// The code; `None` is any.
    pub code: Option<u8>,
}

/// Which end of the packet `multiport` looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortSide {
    /// `--sports`
    Source,
    /// `--dports`
    Destination,
    /// `--ports`: either of the two.
    Either,
}

/// `-m multiport`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multiport {
    /// Which ports are looked at.
    pub side: PortSide,
    /// The ports, in the order written.
    pub ports: Vec<PortRange>,
}

impl Multiport {
    /// The kernel's room for one match (`XT_MULTI_PORTS`).
    pub const SLOTS: usize = 15;

    /// The slots that a range takes: one, or two for a true range.
    pub fn slots(range: PortRange) -> usize {
        if range.is_single() { 1 } else { 2 }
    }
}

/// A comparison with the TTL or the hop limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HopLimit {
    /// `--ttl-eq`, `--hl-eq`; negatable.
    Equal(Negatable<u8>),
    /// `--ttl-lt`, `--hl-lt`
    Less(u8),
    /// `--ttl-gt`, `--hl-gt`
    Greater(u8),
}

/// `-m policy`, without the options of single elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// `--dir in` or `--dir out`
    pub direction: PolicyDirection,
    /// `--pol ipsec` (true) or `--pol none`
    pub ipsec: bool,
}

/// Whether a packet came out of an IPsec policy or will go into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyDirection {
    /// Came out of one.
    In,
    /// Will go into one.
    Out,
}

/// A mark under a mask; printed without the mask where that is 0xffffffff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MaskedMark {
    /// The value.
    pub value: u32,
    /// The bits that count.
    pub mask: u32,
}

/// A set of connection states, one bit each in the order in which `iptables-save` prints them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct States(pub u8);

impl States {
    /// Names in print order; the bit of `NAMES[n]` is `1 << n`. `SNAT` and `DNAT` are for `--ctstate` only.
    pub const NAMES: [&'static str; 7] = ["INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT"];
}

/// The unit of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RateUnit {
    /// `/sec`
    Second,
    /// `/min`
    Minute,
    /// `/hour`
    Hour,
    /// `/day`
    Day,
}

/// `-m limit`: a token bucket, as `iptables-save` would print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Packets per unit, from 1.
    pub count: u32,
    /// The unit.
    pub unit: RateUnit,
    /// The size of the bucket; iptables' default is 5 and not printed.
    pub burst: u32,
}

impl Rate {
    /// The burst that iptables takes where none is given.
    pub const DEFAULT_BURST: u32 = 5;
}

/// `-m hashlimit` in packets, by any mode, with the options that matter for what it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashLimit {
    /// `--hashlimit-above` instead of `--hashlimit-upto`
    pub above: bool,
    /// The rate; hashlimit always prints its burst.
    pub rate: Rate,
    /// `srcip`, `srcport`, `dstip`, `dstport`, in that order of bits.
    pub mode: u8,
    /// `--hashlimit-name`
    pub name: Box<str>,
    /// `--hashlimit-srcmask`
    pub source_mask: Option<u8>,
    /// `--hashlimit-dstmask`
    pub destination_mask: Option<u8>,
    /// The options without an effect on what is matched (table size, expiry), name and value.
    pub tuning: Vec<(Box<str>, u32)>,
}

impl HashLimit {
    /// The options of `tuning`, in the order of `iptables-save`.
    pub const TUNING: [&'static str; 4] =
        ["hashlimit-htable-size", "hashlimit-htable-max", "hashlimit-htable-gcinterval", "hashlimit-htable-expire"];

    /// The words of `--hashlimit-mode`; the bit of `MODES[n]` is `1 << n`.
    pub const MODES: [&'static str; 4] = ["srcip", "srcport", "dstip", "dstport"];
}

/// `-m rpfilter`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RpFilter {
    /// `--loose`
    pub loose: bool,
    /// `--validmark`
    pub validmark: bool,
    /// `--accept-local`
    pub accept_local: bool,
    /// `--invert`
    pub invert: bool,
}

/// `-m iprange`: addresses from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpRange {
    /// `--src-range`
    pub source: Option<Negatable<(IpAddr, IpAddr)>>,
    /// `--dst-range`
    pub destination: Option<Negatable<(IpAddr, IpAddr)>>,
}

/// A match or a target that is kept word for word: its options are re-quoted, and changed only to what `iptables-save` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The name after `-m` or `-j`.
    pub name: Box<str>,
    /// The words that belong to it, `!` included, unquoted.
    pub words: Vec<Box<str>>,
}

/// What a rule does (`-j`, `-g`).
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// No target: the rule only counts.
    None,
    /// `ACCEPT`
    Accept,
    /// `DROP`
    Drop,
    /// `RETURN`
    Return,
    /// `-j` to a chain of one's own, with a way back.
    Jump(Arc<str>),
    /// `-g` to a chain of one's own, without one.
    Goto(Arc<str>),
    /// `REJECT --reject-with`
    Reject(RejectWith),
    /// `LOG`
    Log(Box<Log>),
    /// `NFLOG`
    Nflog(Box<Nflog>),
    /// `TCPMSS`; `None` is `--clamp-mss-to-pmtu`.
    TcpMss(Option<u16>),
    /// `MASQUERADE`
    Masquerade(NatOptions),
    /// `SNAT --to-source`
    Snat(Box<Nat>),
    /// `DNAT --to-destination`
    Dnat(Box<Nat>),
    /// `REDIRECT --to-ports`: to the gateway itself. The OUTPUT of the filter still sees the interface that was meant. In
    /// IPv6 the new destination has the scope of the old one; where the interface has no such address (site-local, or of
    /// the form `::192.0.2.1`), the packet is dropped.
    Redirect(NatOptions),
    /// `MARK --set-xmark value/mask`: the bits of the mask are cleared, then the value is xored in.
    Mark(MaskedMark),
    /// `CT --notrack`
    NoTrack,
    /// A target that the model does not know, kept as it was written and never guessed.
    Unknown(Box<Unknown>),
}

/// The answer of REJECT; each has one name per family, `ADMIN_PROHIBITED` in IPv6 for three of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectWith {
    /// `icmp-port-unreachable`, `icmp6-port-unreachable`
    PortUnreachable,
    /// `icmp-host-unreachable`, `icmp6-addr-unreachable`
    HostUnreachable,
    /// `icmp-net-unreachable`, `icmp6-no-route`
    NetUnreachable,
    /// `icmp-proto-unreachable`, IPv4 only
    ProtoUnreachable,
    /// `icmp-host-prohibited`, IPv4 only
    HostProhibited,
    /// `icmp-net-prohibited`, IPv4 only
    NetProhibited,
    /// `icmp-admin-prohibited`, `icmp6-adm-prohibited`
    AdminProhibited,
    /// `icmp6-policy-fail`, IPv6 only
    PolicyFail,
    /// `icmp6-reject-route`, IPv6 only
    RejectRoute,
    /// `tcp-reset`
    TcpReset,
}

impl RejectWith {
    /// Every answer, in the order in which iptables looks for names.
    pub const ALL: [RejectWith; 10] = [
        RejectWith::NetUnreachable,
        RejectWith::AdminProhibited,
        RejectWith::HostUnreachable,
        RejectWith::ProtoUnreachable,
        RejectWith::PortUnreachable,
        RejectWith::NetProhibited,
        RejectWith::HostProhibited,
        RejectWith::TcpReset,
        RejectWith::PolicyFail,
        RejectWith::RejectRoute,
    ];

    /// The word after `--reject-with` that `iptables-save` prints; `None` where the family has no such answer.
    pub fn name(self, family: Family) -> Option<&'static str> {
        match (self, family) {
            (RejectWith::PortUnreachable, Family::V4) => Some("icmp-port-unreachable"),
            (RejectWith::PortUnreachable, Family::V6) => Some("icmp6-port-unreachable"),
            (RejectWith::HostUnreachable, Family::V4) => Some("icmp-host-unreachable"),
            (RejectWith::HostUnreachable, Family::V6) => Some("icmp6-addr-unreachable"),
            (RejectWith::NetUnreachable, Family::V4) => Some("icmp-net-unreachable"),
            (RejectWith::NetUnreachable, Family::V6) => Some("icmp6-no-route"),
            (RejectWith::ProtoUnreachable, Family::V4) => Some("icmp-proto-unreachable"),
            (RejectWith::HostProhibited, Family::V4) => Some("icmp-host-prohibited"),
            (RejectWith::NetProhibited, Family::V4) => Some("icmp-net-prohibited"),
            (RejectWith::AdminProhibited, Family::V4) => Some("icmp-admin-prohibited"),
            (RejectWith::AdminProhibited, Family::V6) => Some("icmp6-adm-prohibited"),
            (RejectWith::PolicyFail, Family::V6) => Some("icmp6-policy-fail"),
            (RejectWith::RejectRoute, Family::V6) => Some("icmp6-reject-route"),
            (RejectWith::TcpReset, _) => Some("tcp-reset"),
            _ => None,
        }
    }

    /// The answer that a word after `--reject-with` stands for: a name, a synonym of iptables, or the beginning of either.
    pub fn from_name(word: &str, family: Family) -> Option<RejectWith> {
        let begins = |name: &str| name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        RejectWith::ALL
            .into_iter()
            .find(|with| with.name(family).is_some_and(begins) || with.synonym(family).is_some_and(begins))
    }

    /// The shorter name that iptables reads as well.
    fn synonym(self, family: Family) -> Option<&'static str> {
        match (self, family) {
            (RejectWith::NetUnreachable, Family::V4) => Some("net-unreach"),
            (RejectWith::HostUnreachable, Family::V4) => Some("host-unreach"),
            (RejectWith::ProtoUnreachable, Family::V4) => Some("proto-unreach"),
            (RejectWith::PortUnreachable, _) => Some("port-unreach"),
            (RejectWith::NetProhibited, Family::V4) => Some("net-prohib"),
            (RejectWith::HostProhibited, Family::V4) => Some("host-prohib"),
            (RejectWith::TcpReset, Family::V4) => Some("tcp-rst"),
            (RejectWith::AdminProhibited, Family::V4) => Some("admin-prohib"),
            (RejectWith::AdminProhibited, Family::V6) => Some("adm-prohibited"),
            (RejectWith::NetUnreachable, Family::V6) => Some("no-route"),
            (RejectWith::HostUnreachable, Family::V6) => Some("addr-unreach"),
            (RejectWith::PolicyFail, Family::V6) => Some("policy-fail"),
            (RejectWith::RejectRoute, Family::V6) => Some("reject-route"),
            _ => None,
        }
    }
}

/// `LOG`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// `--log-prefix`, 29 bytes at most.
    pub prefix: Box<str>,
    /// `--log-level`, 0 to 7; `None` is the default, 4 (warning).
    pub level: Option<u8>,
    /// The flag options in the order of `iptables-save`, without their dashes (`log-tcp-options`).
    pub flags: Vec<Box<str>>,
}

impl Log {
    /// The level that is not printed: warning.
    pub const DEFAULT_LEVEL: u8 = 4;

    /// The names of levels (syslog(3)), with their synonyms.
    pub const LEVELS: [(&'static str, u8); 11] = [
        ("emerg", 0),
        ("panic", 0),
        ("alert", 1),
        ("crit", 2),
        ("err", 3),
        ("error", 3),
        ("warning", 4),
        ("warn", 4),
        ("notice", 5),
        ("info", 6),
        ("debug", 7),
    ];

    /// The flag options, in the order of `iptables-save`.
    pub const FLAGS: &'static [&'static str] =
        &["log-tcp-sequence", "log-tcp-options", "log-ip-options", "log-uid", "log-macdecode"];
}

/// `NFLOG`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nflog {
    /// `--nflog-prefix`, 63 bytes at most.
    pub prefix: Box<str>,
    /// `--nflog-group`; 0 is the default and not printed.
    pub group: u16,
    /// `--nflog-size`, `--nflog-threshold` and the like, name and value.
    pub tuning: Vec<(Box<str>, u32)>,
}

/// `--to-source`, `--to-destination`: a range of addresses, of ports, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nat {
    /// First and last address.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// The options.
    pub options: NatOptions,
}

/// What the targets of the nat table share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NatOptions {
    /// `--to-ports`, or the ports after the address.
    pub ports: Option<PortRange>,
    /// `--random`
    pub random: bool,
    /// `--random-fully`
    pub random_fully: bool,
    /// `--persistent`
    pub persistent: bool,
}
