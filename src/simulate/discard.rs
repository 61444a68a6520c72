//! Packets that the kernel discards whatever the rules say, and packets that cannot exist.
//! Input: a packet. Output: the reason, if there is one.

use std::net::{IpAddr, Ipv4Addr};

use super::flight::Flight;
use crate::iptables::packet::{Packet, Transport, Way};
use crate::net::{Interface, Protocol};

/// Why the kernel discards a packet before the filter of its hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Discard {
    /// A loopback address on another interface than `lo`.
    Loopback,
    /// A source that is no host: multicast, broadcast, 0.0.0.0 to a single host.
    Source,
    /// A multicast destination whose scope (RFC 4291, 2.7) ends inside a host, or is reserved.
    Scope,
    /// A link-local source, or none, that would have to be routed on.
    LinkLocal,
    /// TTL or hop limit at its end: not routed on.
    HopLimit,
}

impl Discard {
    /// The reason, as the end of *discarded by the kernel: …*.
    pub fn reason(self) -> &'static str {
        match self {
            Discard::Loopback => "a loopback address on another interface than lo",
            Discard::Source => "its source is no host's address",
            Discard::Scope => "no multicast of this scope is on any wire",
            Discard::LinkLocal => "a source that is good for one link only is not routed on",
            Discard::HopLimit => "its hop limit ends here, so it is not routed on (an ICMP time-exceeded goes back)",
        }
    }
}

fn is_lo(interface: Interface) -> bool {
    interface.name() == "lo"
}

/// What no driver hands up and no route takes: section 5 of the language reference.
fn address(
    source: IpAddr,
    packet: &Packet,
    destination: Option<IpAddr>,
    interfaces: [Option<Interface>; 2],
) -> Option<Discard> {
    let beside_lo = interfaces.into_iter().flatten().any(|interface| !is_lo(interface));
    if beside_lo && (source.is_loopback() || destination.is_some_and(|address| address.is_loopback())) {
        return Some(Discard::Loopback);
    }
    if let Some(IpAddr::V6(to)) = destination
        && to.is_multicast()
    {
        match to.octets()[1] & 0x0f {
            0 => return Some(Discard::Scope),
            1 if beside_lo => return Some(Discard::Scope),
            _ => {}
        }
    }
    let no_host = match (source, destination) {
        (IpAddr::V4(Ipv4Addr::UNSPECIFIED), Some(IpAddr::V4(to))) => {
            // Only what stays on the link (`ip_mc_validate_source`).
            let group = to.is_multicast() && (to.octets()[..3] == [224, 0, 0] || is_igmp(packet));
            !group && !to.is_broadcast()
        }
        (IpAddr::V4(source), _) => source.is_multicast() || source.is_broadcast(),
        (IpAddr::V6(source), _) => source.is_multicast(),
    };
    no_host.then_some(Discard::Source)
}

fn is_igmp(packet: &Packet) -> bool {
    packet.transport == Transport::Other(Protocol::IGMP)
}

fn interfaces(way: Way) -> [Option<Interface>; 2] {
    match way {
        Way::In(name) | Way::Out(name) => [Some(name), None],
        Way::Forward(from, to) => [Some(from), Some(to)],
    }
}

/// Why there is no such packet on the wire, or none that reaches the filter.
pub fn impossible(packet: &Packet) -> Option<Discard> {
    address(packet.source, packet, Some(packet.destination), interfaces(packet.way)).or_else(|| {
        let Way::Forward(from, to) = packet.way else { return None };
        routed(packet.source, from, to)
    })
}

/// What is not routed on (`ip6_forward`). Back out of the interface that it came in by, the kernel routes even that.
fn routed(source: IpAddr, from: Interface, to: Interface) -> Option<Discard> {
    match source {
        IpAddr::V6(source) if from != to && (source.is_unspecified() || source.is_unicast_link_local()) => {
            Some(Discard::LinkLocal)
        }
        _ => None,
    }
}

impl Flight<'_> {
    /// What IPv6 discards before the first hook (`ip6_rcv_core`).
    pub(super) fn discarded_on_arrival(&self) -> Option<Discard> {
        let IpAddr::V6(source) = self.packet.source else { return None };
        let (Way::In(name) | Way::Forward(name, _)) = self.way else { return None };
        address(source.into(), self.packet, Some(self.packet.destination), [Some(name), None])
    }

    /// What the routing decision behind PREROUTING discards.
    pub(super) fn discarded_by_routing(&self) -> Option<Discard> {
        let (Way::In(name) | Way::Forward(name, _)) = self.way else { return None };
        let source = self.source.known(self.family)?;
        let destination = self.destination.known(self.family);
        // The kernel takes a broadcast in before it looks whether the source is a loopback address.
        let taken_in = source.is_loopback() && destination == Some(Ipv4Addr::BROADCAST.into());
        if let Some(found) = address(source, self.packet, destination, [Some(name), None])
            && !taken_in
        {
            return Some(found);
        }
        let redirected = self.new_destination.is_some_and(|new| new.of_interface.is_some());
        if redirected && source == Ipv4Addr::UNSPECIFIED {
            return Some(Discard::Source);
        }
        let Way::Forward(from, to) = self.way else { return None };
        routed(source, from, to).or_else(|| self.hop_limit.is_some_and(|hops| hops <= 1).then_some(Discard::HopLimit))
    }
}
