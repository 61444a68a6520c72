//! What attacks are made of: families, addresses, ways through the gateway, verdicts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::support::generate::Random;
use cgwfw::iptables::packet::{Packet, Transport, Way};
use cgwfw::net::{Family, Interface, Protocol};

/// `only ipv4`, `only ipv6`
pub fn only(family: Family) -> &'static str {
    match family {
        Family::V4 => "only ipv4",
        Family::V6 => "only ipv6",
    }
}

/// One of the two families.
pub fn family(random: &mut Random) -> Family {
    *random.pick(&Family::BOTH)
}

/// An address as a number.
pub fn number_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// A number as an address.
pub fn text_of(family: Family, number: u128) -> String {
    match family {
        Family::V4 => Ipv4Addr::from(number as u32).to_string(),
        Family::V6 => Ipv6Addr::from(number).to_string(),
    }
}

/// How many bits an address has.
pub fn width(family: Family) -> u32 {
    match family {
        Family::V4 => 32,
        Family::V6 => 128,
    }
}

/// The network of all addresses of attacks, and its length.
fn pool(family: Family, near: bool) -> (u128, u32) {
    let v6 = |text: &str| text.parse::<Ipv6Addr>().map(u128::from).expect("an address");
    match (family, near) {
        (Family::V4, true) => (10 << 24, 8),
        (Family::V4, false) => ((172 << 24) + (16 << 16), 12),
        (Family::V6, true) => (v6("2001:db8:a::"), 48),
        (Family::V6, false) => (v6("2001:db8:b::"), 48),
    }
}

/// Addresses from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub family: Family,
    pub first: u128,
    pub last: u128,
}

impl Span {
    /// As a policy says it: a prefix where it is one.
    pub fn text(&self) -> String {
        let size = self.last - self.first + 1;
        let (first, last) = (text_of(self.family, self.first), text_of(self.family, self.last));
        if size == 1 {
            first
        } else if size.is_power_of_two() && self.first.is_multiple_of(size) {
            format!("{first}/{}", width(self.family) - size.trailing_zeros())
        } else {
            format!("{first}-{last}")
        }
    }
}

/// A prefix in the pool, not at its very edges.
pub fn prefix(family: Family, random: &mut Random) -> Span {
    let (base, length) = pool(family, true);
    let length = random.between(u64::from(length) + 2, u64::from(width(family)) - 1) as u32;
    let span = within(family, base, length, random);
    Span { family, first: span, last: span + ((1 << (width(family) - length)) - 1) }
}

/// The start of a random prefix of that length in the pool, neither the first nor the last one.
fn within(family: Family, base: u128, length: u32, random: &mut Random) -> u128 {
    let (_, whole) = pool(family, true);
    let bits = length - whole;
    let number = u128::from(random.next()) << 64 | u128::from(random.next());
    let number = 1 + number % ((1u128 << bits) - 2);
    base + (number << (width(family) - length))
}

/// An address in the pool.
pub fn host(family: Family, random: &mut Random) -> u128 {
    let (base, _) = pool(family, true);
    within(family, base, width(family), random)
}

/// A range in the pool, mostly no prefix; at least two addresses.
pub fn range(family: Family, random: &mut Random) -> Span {
    if random.chance(40) {
        return prefix(family, random);
    }
    let first = host(family, random);
    let size = [random.between(1, 9), random.between(1, 300), random.between(1, 70_000)][random.below(3)];
    Span { family, first, last: first + u128::from(size) }
}

/// An address or a prefix as text, in the pool of the attacks (`near`) or in that of others.
pub fn pool_text(family: Family, near: bool, random: &mut Random) -> String {
    let (base, length) = pool(family, near);
    let bits = random.between(2, u64::from(width(family) - length)) as u32;
    let number = u128::from(random.next()) % (1 << bits.min(60));
    let length = length + bits;
    if length == width(family) {
        return text_of(family, base + number);
    }
    format!("{}/{length}", text_of(family, base + (number << (width(family) - length))))
}

/// A way through the gateway.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Path {
    In,
    Out,
    Forward,
}

impl Path {
    pub fn any(random: &mut Random) -> Path {
        *random.pick(&[Path::In, Path::Out, Path::Forward])
    }

    /// On fixed interfaces.
    pub fn text(self) -> &'static str {
        match self {
            Path::In => "in on eth0",
            Path::Out => "out on eth1",
            Path::Forward => "forward in on eth0 out on eth1",
        }
    }
}

/// The default of all chains, what a rule against it does, and the two words of what the rule and the default yield.
#[derive(Clone, Copy)]
pub struct Verdicts {
    pub default: &'static str,
    /// The verb of the rule.
    pub verb: &'static str,
    /// The verb of a rule that does what the default does.
    pub back: &'static str,
    /// What becomes of what the rule takes.
    pub taken: &'static str,
    /// What becomes of all else.
    pub left: &'static str,
}

/// Verdicts that differ.
pub fn verdicts(random: &mut Random) -> Verdicts {
    let of = |default, verb, back, taken, left| Verdicts { default, verb, back, taken, left };
    *random.pick(&[
        of("default drop", "allow", "drop", "accept", "drop"),
        of("default drop", "allow", "drop", "accept", "deny"),
        of("default drop", "reject", "drop", "reject", "drop"),
        of("default accept", "drop", "allow", "drop", "accept"),
        of("default accept", "drop", "allow", "deny", "accept"),
        of("default accept", "reject", "allow", "reject", "accept"),
        of("default accept", "reject", "allow", "deny", "accept"),
    ])
}

/// The ports of a packet.
pub fn ports(packet: &Packet) -> Option<(u16, u16)> {
    match packet.transport {
        Transport::Tcp(from, to, _) | Transport::Udp(from, to) | Transport::Sctp(from, to) => Some((from, to)),
        _ => None,
    }
}

/// The destination port.
pub fn port(packet: &Packet) -> Option<u16> {
    ports(packet).map(|(_, to)| to)
}

/// The number of the protocol.
pub fn protocol(packet: &Packet) -> u8 {
    match packet.transport {
        Transport::Tcp(..) => 6,
        Transport::Udp(..) => 17,
        Transport::UdpLite(..) => 136,
        Transport::Sctp(..) => 132,
        Transport::Icmp(_) => match packet.family() {
            Family::V4 => 1,
            Family::V6 => 58,
        },
        Transport::Ah => 51,
        Transport::Other(Protocol(number)) => number,
    }
}

/// The interface that a packet comes in by.
pub fn comes(packet: &Packet) -> Option<Interface> {
    match packet.way {
        Way::In(interface) | Way::Forward(interface, _) => Some(interface),
        Way::Out(_) => None,
    }
}

/// The interface that a packet goes out by.
pub fn goes(packet: &Packet) -> Option<Interface> {
    match packet.way {
        Way::Out(interface) | Way::Forward(_, interface) => Some(interface),
        Way::In(_) => None,
    }
}

/// The interface of that name.
pub fn named(name: &str) -> Option<Interface> {
    Some(Interface::new(name).expect("a name"))
}
