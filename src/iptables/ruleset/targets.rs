//! Targets: what happens to a packet that matches.
//! Input: built by `parse` and by `expand`. Output: the target of a `Rule`.

use std::net::IpAddr;
use std::sync::Arc;

use super::chain::ChainId;
use super::changes::{ConnMark, Ct, HopChange, Tee, Ulog};
use super::matches::{MaskedMark, Untyped};
use crate::net::{Family, PortRange, Prefix};

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
    Jump(ChainId),
    /// `-g` to a chain of one's own, without one.
    Goto(ChainId),
    /// `-j` or `-g` to a chain by its name, as a line says it. In a whole table it is a chain that is not there: the kernel
    /// refuses it, and for the simulator it does nothing.
    Unresolved {
        /// The chain.
        chain: Arc<str>,
        /// Whether there is no way back.
        goto: bool,
    },
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
    /// `CONNMARK`; what has no connection keeps its mark.
    ConnMark(Box<ConnMark>),
    /// `TTL`, IPv4.
    Ttl(HopChange),
    /// `HL`, IPv6.
    Hl(HopChange),
    /// `DSCP --set-dscp`: the upper six bits of the type of service, or of the traffic class.
    Dscp(u8),
    /// `NETMAP --to`: the network of an address becomes another, the bits of the host stay. It is the destination in
    /// PREROUTING and OUTPUT, the source in INPUT and POSTROUTING.
    Netmap(Box<Prefix>),
    /// `NOTRACK`: what `CT --notrack` does.
    NoTrack,
    /// `CT`
    Ct(Box<Ct>),
    /// `TEE`
    Tee(Box<Tee>),
    /// `ULOG`
    Ulog(Box<Ulog>),
    /// A target that the model does not know, kept as it was written and never guessed.
    Unknown(Box<Untyped>),
}

impl Target {
    /// The words of a target without a type of its own.
    pub fn kept(&self) -> Option<&Untyped> {
        if let Target::Unknown(unknown) = self { Some(unknown) } else { None }
    }
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

    /// The names of levels that iptables reads; it does not know the `err` and `warn` of syslog(3).
    pub const LEVELS: [(&'static str, u8); 9] = [
        ("emerg", 0),
        ("panic", 0),
        ("alert", 1),
        ("crit", 2),
        ("error", 3),
        ("warning", 4),
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
    /// The base port after a slash, of DNAT: a port keeps its distance from it, counted from the first of `ports`.
    pub base: Option<u16>,
    /// `--random`
    pub random: bool,
    /// `--random-fully`
    pub random_fully: bool,
    /// `--persistent`
    pub persistent: bool,
}
