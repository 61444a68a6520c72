//! The small values of the field: families, prefixes, port ranges, protocols and interface names.
//! Input: one word of text. Output: a typed value, or the reason why the word is none.

mod both;
mod family;
mod interface;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnetwork::{Ipv4Network, Ipv6Network};

pub use both::Both;
pub use family::{Families, Family};
pub use interface::Interface;

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

/// An address in the text form of glibc's `inet_ntop(3)`, which `iptables-save` prints.
///
/// It differs from Rust's in one case: `::1:2` is `::0.1.0.2`.
#[derive(Clone, Copy, Debug)]
pub struct AddressText(pub IpAddr);

impl fmt::Display for AddressText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        write_address(self.0, &mut text);
        f.write_str(&text)
    }
}

/// Appends an address in the form of `AddressText`: a rule file has one or two in each line, and the formatting machinery
/// would cost more than the rest of the line.
pub fn write_address(address: IpAddr, out: &mut String) {
    let address = match address {
        IpAddr::V4(address) => return write_dotted(address, out),
        IpAddr::V6(address) => address,
    };
    let words = address.segments();
    // The longest run of zeros, the first of several; one zero alone stays.
    let (mut longest, mut start) = (0..0, 0);
    for (at, word) in words.iter().enumerate() {
        if *word != 0 {
            start = at + 1;
        } else if at - start >= longest.len() {
            longest = start..at + 1;
        }
    }
    if longest.len() < 2 {
        longest = 0..0;
    }
    let mapped = longest == (0..5) && words[5] == 0xffff;
    let dotted = longest == (0..6) || mapped;
    let mut at = 0;
    while at < words.len() {
        if !longest.is_empty() && at == longest.start {
            out.push_str("::");
            at = longest.end;
            continue;
        }
        if at > 0 && at != longest.end {
            out.push(':');
        }
        if dotted && at == 6 {
            let [.., a, b, c, d] = address.octets();
            return write_dotted(Ipv4Addr::new(a, b, c, d), out);
        }
        write_number::<16>(words[at].into(), out);
        at += 1;
    }
}

fn write_dotted(address: Ipv4Addr, out: &mut String) {
    let [first, rest @ ..] = address.octets();
    write_number::<10>(first.into(), out);
    for byte in rest {
        out.push('.');
        write_number::<10>(byte.into(), out);
    }
}

/// Appends a number in base 10 or 16; the base is not an argument, so that dividing by it is not a division.
pub fn write_number<const BASE: u64>(value: u64, out: &mut String) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = value;
    while {
        at -= 1;
        let digit = (left % BASE) as u8;
        digits[at] = if digit < 10 { b'0' + digit } else { b'a' - 10 + digit };
        left /= BASE;
        left > 0
    } {}
    for digit in &digits[at..] {
        // The mask says that it is ASCII, which takes one byte.
        out.push(char::from(digit & 0x7f));
    }
}

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
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn addresses_are_written_as_glibc_writes_them() {
        for (given, printed) in [
            ("::1", "::1"),
            ("::", "::"),
            ("::1:2", "::0.1.0.2"),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
            ("::ffff:0:1", "::ffff:0.0.0.1"),
            ("::ffff:0:0:1", "::ffff:0:0:1"),
            ("1::", "1::"),
            ("1:0:0:2::", "1:0:0:2::"),
            ("1:0:0:2:0:0:3:4", "1::2:0:0:3:4"),
            ("0:1::2:0", "0:1::2:0"),
            ("fe80:0:0:0:0abc:0:12:f0", "fe80::abc:0:12:f0"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ] {
            let address: IpAddr = given.parse().expect("a literal address");
            assert_eq!(AddressText(address).to_string(), printed);
        }
    }

    #[test]
    fn addresses_are_those_of_rust_but_for_one_form() {
        // Every pattern of zeros, and words of one to four digits.
        for zeros in 0..256_u128 {
            let words =
                (0..8).filter(|bit| zeros & (1 << bit) == 0).map(|bit| (0x1a2b_u128 >> (4 * (bit % 4))) << (16 * bit));
            let address = Ipv6Addr::from_bits(words.sum());
            let here = AddressText(address.into()).to_string();
            let dotted = address.segments()[..6] == [0; 6] && address.segments()[6] != 0;
            assert!(here == address.to_string() || dotted && here.contains('.'), "{here} for {address}");
        }
    }

    #[test]
    fn masks_with_holes_have_no_length() {
        let mask = |text: &str| mask_length(text.parse().expect("a literal address"));
        assert_eq!(mask("255.255.255.0"), Some(24));
        assert_eq!(mask("0.0.0.0"), Some(0));
        assert_eq!(mask("255.0.255.0"), None);
        assert_eq!(mask("ffff:ffff::"), Some(32));
    }
}
