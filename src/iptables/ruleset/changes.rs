//! What targets change of a packet, of its connection and of how it is tracked.
//! Input: built by `parse`. Output: the values of `Target`.

use std::net::IpAddr;

use super::matches::MaskedMark;

/// `CONNMARK`: a mark is copied or set, and shifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnMark {
    /// What becomes what.
    pub operation: MarkOperation,
    /// `--left-shift-mark` above 0, `--right-shift-mark` below: by how many bits. A mark that is set is shifted after that,
    /// one that is copied before.
    pub shift: i8,
}

/// What `CONNMARK` does before it shifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkOperation {
    /// `--set-xmark`: the bits of the mask are cleared in the connection's mark, then the value is xored in.
    Set(MaskedMark),
    /// `--save-mark`: the packet's mark is copied to the connection.
    Save(MarkMasks),
    /// `--restore-mark`: the connection's mark is copied to the packet.
    Restore(MarkMasks),
}

/// The bits of a copied mark that count, and those that it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkMasks {
    /// `--nfmask`: of the packet's mark.
    pub packet: u32,
    /// `--ctmask`: of the connection's mark.
    pub connection: u32,
}

/// `TTL`, `HL`: what becomes of the TTL or the hop limit. It ends at 0, and at 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HopChange {
    /// `--ttl-set`, `--hl-set`
    Set(u8),
    /// `--ttl-dec`, `--hl-dec`
    Decrement(u8),
    /// `--ttl-inc`, `--hl-inc`
    Increment(u8),
}

/// `CT`: how the packet is tracked, if at all. The first of these that a packet meets holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ct {
    /// `--notrack`; the rest then has no effect.
    pub notrack: bool,
    /// `--helper`
    pub helper: Option<Box<str>>,
    /// `--timeout`
    pub timeout: Option<Box<str>>,
    /// `--ctevents`, a bit for each of `EVENTS`; none: all.
    pub events: u16,
    /// `--expevents new`
    pub expected: bool,
    /// `--zone` and its like.
    pub zone: Option<(ZoneSide, Zone)>,
}

impl Ct {
    /// The words of `--ctevents`; the bit of `EVENTS[n]` is `1 << n`.
    pub const EVENTS: [&'static str; 10] =
        ["new", "related", "destroy", "reply", "assured", "protoinfo", "helper", "mark", "natseqinfo", "secmark"];
}

/// For which direction of a connection a zone holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneSide {
    /// `--zone-orig`
    Original,
    /// `--zone-reply`
    Reply,
    /// `--zone`
    Both,
}

/// A zone of connection tracking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// One of its own, from 1.
    Number(u16),
    /// The mark of the packet.
    Mark,
}

/// `TEE`: a copy goes to a neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tee {
    /// `--gateway`
    pub gateway: IpAddr,
    /// `--oif`
    pub interface: Option<Box<str>>,
}

/// `ULOG`, IPv4; no kernel has it any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ulog {
    /// `--ulog-prefix`
    pub prefix: Option<Box<str>>,
    /// `--ulog-nlgroup` and the like, in the order of `iptables-save`.
    pub tuning: Vec<(Box<str>, u64)>,
}
