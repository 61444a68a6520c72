//! The small values of the field: families, prefixes, port ranges, protocols and interface names.
//! Input: one word of text. Output: a typed value, or the reason why the word is none.

mod address_text;
mod addresses;
mod both;
mod family;
mod interface;
mod prefix;

use std::fmt;
use std::net::IpAddr;

pub use address_text::{AddressText, write_address, write_number};
pub use addresses::{Addresses, bits_of};
pub use both::Both;
pub use family::{Families, Family};
pub use interface::Interface;
pub use prefix::Prefix;

/// Ports from `start` to `end`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortRange {
    /// The first port.
    pub start: u16,
    /// The last port, never below the first.
    pub end: u16,
}

impl PortRange {
    /// Every port: what a rule without ports matches.
    pub const ANY: PortRange = PortRange { start: 0, end: u16::MAX };

    /// One port.
    pub fn single(port: u16) -> PortRange {
        PortRange { start: port, end: port }
    }

    /// Whether the range is one port.
    pub fn is_single(&self) -> bool {
        self.start == self.end
    }

    /// Whether the range holds `port`.
    pub fn contains(&self, port: u16) -> bool {
        self.start <= port && port <= self.end
    }
}

impl fmt::Display for PortRange {
    /// As iptables writes it: `500` or `1024:65535`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_single() { write!(f, "{}", self.start) } else { write!(f, "{}:{}", self.start, self.end) }
    }
}

/// An IP protocol number (IANA "Assigned Internet Protocol Numbers"); 0 is *all* to iptables and never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Protocol(pub u8);

impl Protocol {
    /// ICMP (RFC 792).
    pub const ICMP: Protocol = Protocol(1);
    /// IGMP (RFC 3376).
    pub const IGMP: Protocol = Protocol(2);
    /// TCP (RFC 9293).
    pub const TCP: Protocol = Protocol(6);
    /// UDP (RFC 768).
    pub const UDP: Protocol = Protocol(17);
    /// GRE (RFC 2784).
    pub const GRE: Protocol = Protocol(47);
    /// ESP (RFC 4303).
    pub const ESP: Protocol = Protocol(50);
    /// AH (RFC 4302).
    pub const AH: Protocol = Protocol(51);
    /// ICMPv6 (RFC 4443).
    pub const ICMPV6: Protocol = Protocol(58);
    /// OSPF (RFC 2328).
    pub const OSPF: Protocol = Protocol(89);
    /// VRRP (RFC 9568).
    pub const VRRP: Protocol = Protocol(112);
    /// SCTP (RFC 9260).
    pub const SCTP: Protocol = Protocol(132);
    /// UDP-Lite (RFC 3828).
    pub const UDPLITE: Protocol = Protocol(136);

    /// The names that iptables has built in (`xtables_chain_protos` in libxtables): printed on every machine,
    /// with or without `/etc/protocols`.
    const BUILT_IN: [(Protocol, &'static str); 9] = [
        (Protocol::TCP, "tcp"),
        (Protocol::SCTP, "sctp"),
        (Protocol::UDP, "udp"),
        (Protocol::UDPLITE, "udplite"),
        (Protocol::ICMP, "icmp"),
        (Protocol::ICMPV6, "ipv6-icmp"),
        (Protocol::ESP, "esp"),
        (Protocol::AH, "ah"),
        (Protocol(135), "mobility-header"),
    ];

    /// The name that iptables prints without looking into `/etc/protocols`.
    pub fn built_in_name(self) -> Option<&'static str> {
        Protocol::BUILT_IN.iter().find(|(protocol, _)| *protocol == self).map(|(_, name)| *name)
    }

    /// ICMP of the family.
    pub fn icmp(family: Family) -> Protocol {
        match family {
            Family::V4 => Protocol::ICMP,
            Family::V6 => Protocol::ICMPV6,
        }
    }

    /// Whether the protocol has ports that `multiport` reads: tcp, udp, udplite, dccp, sctp.
    pub fn has_ports(self) -> bool {
        matches!(self.0, 6 | 17 | 33 | 132 | 136)
    }
}

impl fmt::Display for Protocol {
    /// The built-in name, else the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.built_in_name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

/// The contiguous prefix length of a mask, or `None` where the mask has holes.
pub fn mask_length(mask: IpAddr) -> Option<u8> {
    let bits = match mask {
        IpAddr::V4(mask) => u128::from(mask.to_bits()) << 96,
        IpAddr::V6(mask) => mask.to_bits(),
    };
    (bits.leading_ones() == bits.count_ones()).then_some(bits.count_ones() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_with_holes_have_no_length() {
        let mask = |text: &str| mask_length(text.parse().expect("a literal address"));
        assert_eq!(mask("255.255.255.0"), Some(24));
        assert_eq!(mask("0.0.0.0"), Some(0));
        assert_eq!(mask("255.0.255.0"), None);
        assert_eq!(mask("ffff:ffff::"), Some(32));
    }
}
