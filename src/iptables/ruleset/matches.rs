//! Extension matches: what a packet must be besides its header.
//! Input: built by `parse` and by `expand`. Output: the matches of a `Rule`.

use std::net::IpAddr;

use super::negatable::Negatable;
use super::surroundings::{AddrType, ConnLimit, LinkType, Owner, Statistic};
use crate::net::{PortRange, Prefix};

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
    /// `-m ah` without options. In IPv6 `-p ah` never matches with legacy iptables, which looks past the header, and
    /// does with iptables-nft; this match works with both.
    Ah,
    /// `-m frag` (IPv6): the packet has a fragment header. Never after connection tracking has looked.
    Frag {
        /// `--fragfirst`: and is the first piece.
        first: bool,
    },
    /// `-m ttl` (IPv4). FORWARD sees one less than PREROUTING: the packet has been routed.
    Ttl(HopLimit),
    /// `-m hl` (IPv6). FORWARD sees one less than PREROUTING, too.
    Hl(HopLimit),
    /// `-m policy`
    Policy(IpsecPolicy),
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
    /// `-m conntrack` with what the first packet of the connection was sent to.
    Original(Box<Original>),
    /// `-m iprange`
    IpRange(Box<IpRange>),
    /// `-m set` with one set, and no more than that.
    Set(Box<Negatable<AddressSet>>),
    /// `-m mac --mac-source`: the hardware address that a packet came from; nothing else has one.
    Mac(Negatable<[u8; 6]>),
    /// `-m pkttype`: how the packet was addressed on its link.
    PacketType(Negatable<LinkType>),
    /// `-m length`: bytes of the whole packet, its IP header included, from the first to the last.
    Length(Negatable<(u16, u16)>),
    /// `-m dscp`: the upper six bits of the type of service, or of the traffic class.
    Dscp(Negatable<u8>),
    /// `-m owner`, by numbers; it looks at the socket that sends, and without one it does not match.
    Owner(Box<Owner>),
    /// `-m addrtype`: what the routing table says of the addresses.
    AddrType(AddrType),
    /// `-m statistic`
    Statistic(Statistic),
    /// `-m connlimit`
    ConnLimit(ConnLimit),
    /// `-m comment`
    Comment(Box<str>),
    /// A match that the model does not know, kept as it was written and never guessed.
    Unknown(Box<Untyped>),
}

impl Match {
    /// The states of connections that it asks for, among other things.
    pub fn states(&self) -> Option<Negatable<States>> {
        match self {
            Match::ConnState(states) | Match::State(states) => Some(*states),
            Match::Original(original) => original.states,
            _ => None,
        }
    }

    /// The one type of ICMP that it asks for.
    pub fn icmp_type(&self) -> Option<IcmpType> {
        match self {
            Match::Icmp(wanted) | Match::Icmp6(wanted) if !wanted.negated => Some(wanted.value),
            _ => None,
        }
    }

    /// The set of addresses that it asks for, and nothing else.
    pub fn set(&self) -> Option<&Negatable<AddressSet>> {
        match self {
            Match::Set(set) => Some(set),
            _ => None,
        }
    }

    /// The rate within which packets are, or beyond which.
    pub fn rate(&self) -> Option<Rate> {
        match self {
            Match::Limit(rate) => Some(*rate),
            Match::HashLimit(wanted) => Some(wanted.rate),
            _ => None,
        }
    }

    /// The words of a match without a type of its own.
    pub fn kept(&self) -> Option<&Untyped> {
        if let Match::Unknown(unknown) = self { Some(unknown) } else { None }
    }

    /// Whether it asks nothing of a packet, and is there for people alone.
    pub fn is_remark(&self) -> bool {
        matches!(self, Match::Comment(_))
    }
}

/// Source and destination ports of one match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// `--sport`
    pub source: Option<Negatable<PortRange>>,
    /// `--dport`
    pub destination: Option<Negatable<PortRange>>,
}

impl Ports {
    /// Whether iptables-nft 1.8.9 compares the two ports as one number of 32 bits: two single ports that are both negated, and
    /// not 0. A packet with one of them then matches.
    pub fn is_one_number(&self) -> bool {
        let single = |port: Option<Negatable<PortRange>>| {
            port.is_some_and(|port| port.negated && port.value.is_single() && port.value.start != 0)
        };
        single(self.source) && single(self.destination)
    }
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

/// An ICMP type with the range of its codes. In IPv4 the type `255` means any; in IPv6 it is a type like others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IcmpType {
    /// 0 to 255.
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
pub struct IpsecPolicy {
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

    /// Every state that a packet may be in.
    pub const ALL: States = States(0x1f);
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

    /// Whether what is within another rate is within this one: it is as fast and has as large a bucket.
    pub fn is_above(&self, other: &Rate) -> bool {
        let per_day = |rate: &Rate| {
            u64::from(rate.count)
                * match rate.unit {
                    RateUnit::Second => 86_400,
                    RateUnit::Minute => 1_440,
                    RateUnit::Hour => 24,
                    RateUnit::Day => 1,
                }
        };
        per_day(self) >= per_day(other) && self.burst >= other.burst
    }
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
    /// Table size, expiry and the like, name and value. A bucket is forgotten once it was idle for the expiry, by default a
    /// unit of the rate.
    pub tuning: Vec<(Box<str>, u32)>,
}

impl HashLimit {
    /// The option that says how long an idle bucket is kept, in milliseconds.
    pub const EXPIRY: &'static str = "hashlimit-htable-expire";

    /// The options of `tuning`, in the order of `iptables-save`.
    pub const TUNING: [&'static str; 4] =
        ["hashlimit-htable-size", "hashlimit-htable-max", "hashlimit-htable-gcinterval", HashLimit::EXPIRY];

    /// The mode of a bucket for each source address.
    pub const PER_SOURCE: u8 = 1;

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

/// `-m conntrack --ctorigdst`: what the first packet of a connection was sent to, before any translation.
///
/// Of a packet without a connection only the state counts (`conntrack_mt`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Original {
    /// `--ctstate`
    pub states: Option<Negatable<States>>,
    /// `--ctorigdst`
    pub destination: Option<Negatable<Prefix>>,
    /// `--ctorigdstport`
    pub port: Option<Negatable<PortRange>>,
}

/// `--match-set NAME SIDES`: a set of addresses that another program has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressSet {
    /// The name of the set, up to 31 bytes.
    pub name: Box<str>,
    /// What is looked up: `src`, `dst`, or several of them with commas.
    pub sides: Box<str>,
}

/// A match or a target that is kept word for word: its options are re-quoted, and changed only to what `iptables-save` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untyped {
    /// The name after `-m` or `-j`.
    pub name: Box<str>,
    /// The words that belong to it, `!` included, unquoted.
    pub words: Vec<Box<str>>,
}

impl Match {
    /// The words of a match that the model has no type for.
    pub fn untyped(&self) -> Option<&Untyped> {
        match self {
            Match::Unknown(words) => Some(words),
            _ => None,
        }
    }
}
