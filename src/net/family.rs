//! Address families, and sets of them.
//! Input: an address. Output: its family, with the names that people and the language have for it.

use std::net::IpAddr;

/// An address family: which of the two rule files a rule belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4, loaded by `iptables-restore`.
    V4,
    /// IPv6, loaded by `ip6tables-restore`.
    V6,
}

impl Family {
    /// Both families, IPv4 first.
    pub const BOTH: [Family; 2] = [Family::V4, Family::V6];

    /// The family of an address.
    pub fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// The name for people: `IPv4` or `IPv6`.
    pub fn name(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }

    /// The word of the language: `ipv4` or `ipv6`.
    pub const fn keyword(self) -> &'static str {
        match self {
            Family::V4 => "ipv4",
            Family::V6 => "ipv6",
        }
    }

    /// The number of bits in an address.
    pub fn bits(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }

    /// The address of a number, those of each family from 0.
    pub fn address(self, bits: u128) -> IpAddr {
        match self {
            Family::V4 => IpAddr::V4((bits as u32).into()),
            Family::V6 => IpAddr::V6(bits.into()),
        }
    }

    /// The highest address of the family, as a number.
    pub fn last(self) -> u128 {
        match self {
            Family::V4 => u128::from(u32::MAX),
            Family::V6 => u128::MAX,
        }
    }

    /// The other one.
    pub fn other(self) -> Family {
        match self {
            Family::V4 => Family::V6,
            Family::V6 => Family::V4,
        }
    }
}

/// A set of families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Families(u8);

impl Families {
    /// No family: nothing is left.
    pub const NONE: Families = Families(0);
    /// IPv4 alone.
    pub const V4: Families = Families(1);
    /// IPv6 alone.
    pub const V6: Families = Families(2);
    /// IPv4 and IPv6.
    pub const BOTH: Families = Families(3);

    /// Whether `family` is in the set.
    pub fn has(self, family: Family) -> bool {
        self.0 & (1 << family as u8) != 0
    }

    /// What is in both sets.
    pub fn and(self, other: Families) -> Families {
        Families(self.0 & other.0)
    }

    /// What is in either set.
    pub fn or(self, other: Families) -> Families {
        Families(self.0 | other.0)
    }

    /// The families, IPv4 first.
    pub fn iter(self) -> impl Iterator<Item = Family> {
        Family::BOTH.into_iter().filter(move |family| self.has(*family))
    }

    /// The only family of the set, if it is only one.
    pub fn single(self) -> Option<Family> {
        match self.0 {
            1 => Some(Family::V4),
            2 => Some(Family::V6),
            _ => None,
        }
    }
}

impl From<Family> for Families {
    fn from(family: Family) -> Families {
        Families(1 << family as u8)
    }
}
