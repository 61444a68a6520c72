//! The ends of a packet as far as they are known, and what translation makes of them.
//! Input: addresses. Output: values that the walk changes, and observers read.

use std::net::IpAddr;

use crate::iptables::meaning::{Test, Value};
use crate::net::{Both, Family, Interface, PortRange, bits_of};

/// Everything from `first` to `last`: an address that is known, or as much of it as is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// The lowest.
    pub first: u128,
    /// The highest.
    pub last: u128,
}

impl Bounds {
    /// One address.
    pub fn exactly(address: IpAddr) -> Bounds {
        Bounds { first: bits_of(address), last: bits_of(address) }
    }

    /// Any address of a family.
    pub fn unknown(family: Family) -> Bounds {
        Bounds { first: 0, last: if family == Family::V4 { u128::from(u32::MAX) } else { u128::MAX } }
    }

    /// The address, if it is one.
    pub fn known(self, family: Family) -> Option<IpAddr> {
        (self.first == self.last).then(|| address(self.first, family))
    }

    /// The same as a number.
    pub(super) fn number(self) -> Option<u128> {
        (self.first == self.last).then_some(self.first)
    }

    /// What is known of it, as a field.
    pub(super) fn value(self) -> Value {
        if self.first == self.last { Value::Known(self.first) } else { Value::Between(self.first, self.last) }
    }
}

/// The address of that number.
pub(super) fn address(number: u128, family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4((number as u32).into()),
        Family::V6 => IpAddr::V6(number.into()),
    }
}

/// Loopback addresses: translation makes the destination of nothing that comes in such a one, which only `lo` has.
pub(super) static LOOPBACK: Both<&[Test]> = Both {
    v4: &[Test::Masked { value: 0x7f00_0000, mask: 0xff00_0000 }],
    v6: &[Test::Masked { value: 1, mask: u128::MAX }],
};

/// What no interface has as its own address, besides.
pub(super) static NOBODYS: Both<&[Test]> = Both {
    v4: &[
        Test::Masked { value: 0x7f00_0000, mask: 0xff00_0000 },
        Test::Masked { value: 0xe000_0000, mask: 0xf000_0000 },
        Test::Within(0xffff_ffff, 0xffff_ffff),
        Test::Within(0, 0),
    ],
    v6: &[
        Test::Masked { value: 1, mask: u128::MAX },
        Test::Masked { value: 0xff << 120, mask: 0xff << 120 },
        Test::Within(0, 0),
    ],
};

/// How network address translation writes one end of a packet anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Translation {
    /// The new address, first and last that it may be; `None`: as it was.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// Whether it becomes an address of the gateway that no rule names: that of the interface, where this is known.
    pub own: bool,
    /// The interface whose address it becomes.
    pub of_interface: Option<Interface>,
    /// The new port; `None`: as it was, if the kernel has no other reason to change it.
    pub ports: Option<PortRange>,
}

/// A connection as the walk of its first packet has left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// How the source of that packet was translated.
    pub source: Option<Translation>,
    /// How its destination was translated.
    pub destination: Option<Translation>,
    /// The mark of the connection; `None` where that is not known.
    pub mark: Option<u32>,
    /// Whether the gateway routes its own answers twice, so that it is not known by which interface for the first time.
    pub routed_twice: bool,
}
