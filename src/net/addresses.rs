//! Addresses that follow one another, as sentences list them: networks and ranges.
//! Input: a network, or the first address and the last one. Output: a value that says which addresses are in it.

use std::fmt;
use std::net::IpAddr;

use super::family::Family;
use super::prefix::Prefix;

/// Addresses of one family, from a first one to a last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Addresses {
    /// A network, or one host.
    Prefix(Prefix),
    /// The first and the last address of a range that is not a network.
    Range(IpAddr, IpAddr),
}

impl Addresses {
    /// One address.
    pub fn host(address: IpAddr) -> Addresses {
        Addresses::Prefix(Prefix::host(address))
    }

    /// From `first` to `last`, as a network where it is one; `None` where they are of two families, or reversed.
    pub fn range(first: IpAddr, last: IpAddr) -> Option<Addresses> {
        if Family::of(first) != Family::of(last) || first > last {
            return None;
        }
        // The last address of a network has all bits after its length; the first one has none of them.
        let (low, high) = (bits_of(first), bits_of(last));
        let host = 128 - (low ^ high).leading_zeros();
        let rest = 1_u128.checked_shl(host).map_or(u128::MAX, |size| size - 1);
        let length = u32::from(Family::of(first).bits()) - host;
        let network = Prefix::containing(first, length as u8).filter(|_| low & rest == 0 && high & rest == rest);
        Some(network.map_or(Addresses::Range(first, last), Addresses::Prefix))
    }

    /// The family.
    pub fn family(&self) -> Family {
        match self {
            Addresses::Prefix(prefix) => prefix.family(),
            Addresses::Range(first, _) => Family::of(*first),
        }
    }

    /// The first address and the last one.
    pub fn ends(&self) -> (IpAddr, IpAddr) {
        match self {
            Addresses::Prefix(prefix) => (prefix.address(), prefix.last()),
            Addresses::Range(first, last) => (*first, *last),
        }
    }

    /// The address, where it is one alone.
    pub fn single(&self) -> Option<IpAddr> {
        let (first, last) = self.ends();
        (first == last).then_some(first)
    }

    /// Whether an address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (first, last) = self.ends();
        Family::of(address) == self.family() && first <= address && address <= last
    }

    /// Whether it holds every address of its family.
    pub fn is_any(&self) -> bool {
        matches!(self, Addresses::Prefix(prefix) if prefix.is_any())
    }
}

impl fmt::Display for Addresses {
    /// As the language writes them: `192.0.2.1`, `10.0.0.0/8`, `192.0.2.1-192.0.2.9`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Addresses::Prefix(prefix) if prefix.length() == prefix.family().bits() => {
                write!(f, "{}", prefix.address())
            }
            Addresses::Prefix(prefix) => write!(f, "{}/{}", prefix.address(), prefix.length()),
            Addresses::Range(first, last) => write!(f, "{first}-{last}"),
        }
    }
}

/// An address as a number, those of each family from 0.
pub fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_is_a_network_is_one() {
        for (first, last, shown) in [
            ("10.0.0.0", "10.0.0.255", "10.0.0.0/24"),
            ("10.0.0.1", "10.0.0.1", "10.0.0.1"),
            ("0.0.0.0", "255.255.255.255", "0.0.0.0/0"),
            ("10.0.0.0", "10.0.0.254", "10.0.0.0-10.0.0.254"),
            ("10.0.0.1", "10.0.0.2", "10.0.0.1-10.0.0.2"),
            ("10.0.0.128", "10.0.1.127", "10.0.0.128-10.0.1.127"),
            ("2001:db8::", "2001:db8::ffff", "2001:db8::/112"),
            ("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0"),
            ("2001:db8::1", "2001:db8::ffff", "2001:db8::1-2001:db8::ffff"),
        ] {
            let address = |text: &str| text.parse::<IpAddr>().expect("a literal address");
            let (first, last) = (address(first), address(last));
            let addresses = Addresses::range(first, last).expect(shown);
            assert_eq!(addresses.to_string(), shown);
            assert_eq!(addresses.ends(), (first, last), "{shown}");
        }
    }

    #[test]
    fn no_range_is_reversed_or_of_two_families() {
        for (first, last) in [("10.0.0.2", "10.0.0.1"), ("10.0.0.1", "2001:db8::1"), ("::1", "10.0.0.1")] {
            let address = |text: &str| text.parse::<IpAddr>().expect("a literal address");
            assert_eq!(Addresses::range(address(first), address(last)), None);
        }
    }
}
