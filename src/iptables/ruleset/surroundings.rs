//! What matches ask besides the headers of a packet: its link, its socket, the routing table, chance.
//! Input: built by `parse`. Output: the values of `Match`.

use super::negatable::Negatable;

/// How a packet was addressed on its link (`-m pkttype`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// To this machine.
    Unicast,
    /// To all.
    Broadcast,
    /// To a group.
    Multicast,
    /// To another machine.
    OtherHost,
}

impl LinkType {
    /// Every type, by the number that the kernel has for it (`PACKET_HOST` and so on).
    pub const ALL: [LinkType; 4] = [LinkType::Unicast, LinkType::Broadcast, LinkType::Multicast, LinkType::OtherHost];

    /// The word after `--pkt-type`.
    pub fn name(self) -> &'static str {
        match self {
            LinkType::Unicast => "unicast",
            LinkType::Broadcast => "broadcast",
            LinkType::Multicast => "multicast",
            LinkType::OtherHost => "otherhost",
        }
    }
}

/// `-m owner`: all that is asked must hold of the socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// `--socket-exists`
    pub socket: Option<Negatable<()>>,
    /// `--uid-owner`, first and last.
    pub user: Option<Negatable<(u32, u32)>>,
    /// `--gid-owner`, first and last.
    pub group: Option<Negatable<(u32, u32)>>,
    /// `--suppl-groups`: the group may be a supplementary one.
    pub supplementary: bool,
}

/// `-m addrtype`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddrType {
    /// `--src-type`
    pub source: Option<Negatable<AddressTypes>>,
    /// `--dst-type`
    pub destination: Option<Negatable<AddressTypes>>,
    /// Whether only one interface counts for what is local.
    pub limit: Option<InterfaceLimit>,
}

/// The interface for which an address must be of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceLimit {
    /// `--limit-iface-in`: that which the packet came in by.
    In,
    /// `--limit-iface-out`: that which it leaves by.
    Out,
}

/// A set of types of addresses, one bit each in the order in which `iptables-save` prints them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressTypes(pub u16);

impl AddressTypes {
    /// The bit of no address at all.
    pub const UNSPEC: u8 = 0;
    /// The bit of an address of one host, in IPv4 of another one.
    pub const UNICAST: u8 = 1;
    /// The bit of an address of this host.
    pub const LOCAL: u8 = 2;
    /// The bit of a broadcast address.
    pub const BROADCAST: u8 = 3;
    /// The bit of an address that several hosts have, such as that of all routers of a network.
    pub const ANYCAST: u8 = 4;
    /// The bit of a group.
    pub const MULTICAST: u8 = 5;
    /// The types that IPv6 looks up in the routing table: LOCAL, ANYCAST, UNREACHABLE.
    pub const LOOKED_UP_V6: u16 = 1 << 2 | 1 << 4 | 1 << 7;

    /// Names in print order; the bit of `NAMES[n]` is `1 << n`.
    pub const NAMES: [&'static str; 12] = [
        "UNSPEC",
        "UNICAST",
        "LOCAL",
        "BROADCAST",
        "ANYCAST",
        "MULTICAST",
        "BLACKHOLE",
        "UNREACHABLE",
        "PROHIBIT",
        "THROW",
        "NAT",
        "XRESOLVE",
    ];
}

/// `-m statistic`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// `--mode random --probability`, in parts of 2^31.
    Random(Negatable<u32>),
    /// `--mode nth`: one of every so many packets, and which one, from 0.
    Nth {
        /// `--every`
        every: Negatable<u32>,
        /// `--packet`
        packet: u32,
    },
}

impl Statistic {
    /// The certain probability.
    pub const CERTAIN: u32 = 1 << 31;
}

/// `-m connlimit`: how many connections a network has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnLimit {
    /// `--connlimit-above` instead of `--connlimit-upto`
    pub above: bool,
    /// The number.
    pub count: u32,
    /// `--connlimit-mask`: the length of the networks.
    pub mask: u8,
    /// `--connlimit-daddr` instead of `--connlimit-saddr`
    pub destination: bool,
}
