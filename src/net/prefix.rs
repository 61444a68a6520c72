//! Networks: an address and the number of leading bits that count.
//! Input: an address and a length. Output: a prefix, which prints as `iptables-save` prints it.

use std::fmt;
use std::net::IpAddr;

use ipnetwork::{Ipv4Network, Ipv6Network};

use super::address_text::AddressText;
use super::family::Family;

/// An address with a prefix length, of one family; host bits may be set only where a reader says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Prefix {
    /// An IPv4 prefix.
    V4(Ipv4Network),
    /// An IPv6 prefix.
    V6(Ipv6Network),
}

impl Prefix {
    /// The prefix of `length` bits that holds `address`, host bits cut off; `None` where the length is too large.
    pub fn containing(address: IpAddr, length: u8) -> Option<Prefix> {
        match address {
            IpAddr::V4(address) => {
                let network = Ipv4Network::new(address, length).ok()?;
                Some(Prefix::V4(Ipv4Network::new(network.network(), length).ok()?))
            }
            IpAddr::V6(address) => {
                let network = Ipv6Network::new(address, length).ok()?;
                Some(Prefix::V6(Ipv6Network::new(network.network(), length).ok()?))
            }
        }
    }

    /// One host: /32 or /128.
    pub fn host(address: IpAddr) -> Prefix {
        match address {
            IpAddr::V4(address) => Prefix::V4(address.into()),
            IpAddr::V6(address) => Prefix::V6(address.into()),
        }
    }

    /// The family.
    pub fn family(&self) -> Family {
        match self {
            Prefix::V4(_) => Family::V4,
            Prefix::V6(_) => Family::V6,
        }
    }

    /// The number of leading bits that count.
    pub fn length(&self) -> u8 {
        match self {
            Prefix::V4(network) => network.prefix(),
            Prefix::V6(network) => network.prefix(),
        }
    }

    /// The address before the slash.
    pub fn address(&self) -> IpAddr {
        match self {
            Prefix::V4(network) => IpAddr::V4(network.ip()),
            Prefix::V6(network) => IpAddr::V6(network.ip()),
        }
    }

    /// The last address in it.
    pub fn last(&self) -> IpAddr {
        match self {
            Prefix::V4(network) => IpAddr::V4(network.broadcast()),
            Prefix::V6(network) => IpAddr::V6(network.broadcast()),
        }
    }

    /// Whether every address of `other` is in `self`.
    pub fn contains(&self, other: &Prefix) -> bool {
        match (self, other) {
            (Prefix::V4(a), Prefix::V4(b)) => a.prefix() <= b.prefix() && a.contains(b.ip()),
            (Prefix::V6(a), Prefix::V6(b)) => a.prefix() <= b.prefix() && a.contains(b.ip()),
            _ => false,
        }
    }

    /// Whether the prefix holds every address of its family.
    pub fn is_any(&self) -> bool {
        self.length() == 0
    }
}

impl fmt::Display for Prefix {
    /// As `iptables-save` prints it, always with the length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", AddressText(self.address()), self.length())
    }
}
