//! A packet on its way: what the rules see of it at one point of the walk.
//! Input: a `Packet`. Output: changed by the walk, read by the matches.

use std::net::IpAddr;

use super::loaded::number;
use crate::iptables::packet::{Fragment, Packet, State, Transport, Way};
use crate::iptables::ruleset::NatOptions;
use crate::net::{Family, Interface, PortRange, Protocol};

/// Everything from `first` to `last`: an address that is known, or as much of it as is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The lowest.
    pub first: u128,
    /// The highest.
    pub last: u128,
}

impl Bounds {
    /// One address.
    pub fn exactly(address: IpAddr) -> Bounds {
        Bounds { first: number(address), last: number(address) }
    }

    /// Any address of a family.
    pub fn unknown(family: Family) -> Bounds {
        Bounds { first: 0, last: if family == Family::V4 { u128::from(u32::MAX) } else { u128::MAX } }
    }

    /// The address, if it is one.
    pub fn known(self, family: Family) -> Option<IpAddr> {
        (self.first == self.last).then(|| match family {
            Family::V4 => IpAddr::V4((self.first as u32).into()),
            Family::V6 => IpAddr::V6(self.first.into()),
        })
    }
}

/// How network address translation writes one end of a packet anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The new address, first and last that it may be; `None`: as it was.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// The interface whose address it becomes, where no rule names one.
    pub of_interface: Option<Interface>,
    /// The new port; `None`: as it was, if the kernel has no other reason to change it.
    pub ports: Option<PortRange>,
}

/// A packet at one point of the walk.
#[derive(Clone, Debug)]
pub struct Flight<'a> {
    /// As it was when it entered, or left its socket.
    pub packet: &'a Packet,
    /// Its family.
    pub family: Family,
    /// Where it goes; a REDIRECT sends it to the gateway itself.
    pub way: Way,
    /// The source address.
    pub source: Bounds,
    /// The destination address.
    pub destination: Bounds,
    /// The interface that it came in by, at the hooks that know one: its name's bytes, 0 for none.
    pub(super) in_name: u128,
    /// The interface that it leaves by, likewise.
    pub(super) out_name: u128,
    /// Source and destination ports, where it has any.
    pub ports: Option<(PortRange, PortRange)>,
    /// Whether it is a piece of a larger one, still.
    pub fragment: Fragment,
    /// TTL or hop limit; `None` after a target that may have changed it.
    pub hop_limit: Option<u8>,
    /// The packet's mark; `None` after it was read from a connection that is not known.
    pub mark: Option<u32>,
    /// The mark of its connection; `None` where that is not known.
    pub connection_mark: Option<u32>,
    /// What connection tracking has found; before it looks, and where it cannot tell, invalid.
    pub state: State,
    /// Whether connection tracking has looked.
    pub tracked: bool,
    /// Whether it has been taken out of connection tracking.
    pub notrack: bool,
    /// How its destination was translated.
    pub new_destination: Option<Translation>,
    /// How its source was translated.
    pub new_source: Option<Translation>,
}

impl<'a> Flight<'a> {
    /// The packet before its first hook.
    pub(super) fn new(packet: &'a Packet) -> Flight<'a> {
        let ports = match packet.transport {
            _ if packet.fragment == Fragment::Later => None,
            transport => ports(transport),
        };
        Flight {
            packet,
            family: packet.family(),
            way: packet.way,
            source: Bounds::exactly(packet.source),
            destination: Bounds::exactly(packet.destination),
            in_name: 0,
            out_name: 0,
            ports,
            fragment: packet.fragment,
            hop_limit: Some(packet.hop_limit),
            mark: Some(packet.mark),
            connection_mark: Some(0),
            state: State::Invalid,
            tracked: false,
            notrack: false,
            new_destination: None,
            new_source: None,
        }
    }

    /// Puts the fragments of the packet together.
    pub(super) fn reassemble(&mut self) {
        if self.fragment != Fragment::No {
            self.fragment = Fragment::No;
            self.ports = ports(self.packet.transport);
        }
    }

    /// The protocol that `-p` means: in IPv6 the one behind the extension headers.
    pub fn protocol(&self) -> Protocol {
        match self.packet.transport {
            Transport::Tcp(..) => Protocol::TCP,
            Transport::Udp(..) => Protocol::UDP,
            Transport::UdpLite(..) => Protocol::UDPLITE,
            Transport::Sctp(..) => Protocol::SCTP,
            Transport::Icmp(_) => Protocol::icmp(self.family),
            Transport::Ah => Protocol::AH,
            Transport::Other(protocol) => protocol,
        }
    }

    /// The destination may be another one from here on: that of the connection, or what an unknown target made of it.
    pub(super) fn lose_destination(&mut self) {
        self.destination = Bounds::unknown(self.family);
        self.ports = self.ports.map(|(source, _)| (source, PortRange::ANY));
    }

    /// Writes the destination anew: ports as the kernel picks them, the old one where it is among the new.
    pub(super) fn translate_destination(&mut self, translation: Translation, options: NatOptions) {
        if let Some((first, last)) = translation.addresses {
            self.destination = Bounds { first: number(first), last: number(last) };
        } else if translation.of_interface.is_some() {
            self.destination = Bounds::unknown(self.family);
        }
        if let (Some((_, port)), Some(new)) = (&mut self.ports, options.ports) {
            let stays = port.is_single() && new.contains(port.start) && !options.random && !options.random_fully;
            if !stays {
                *port = new;
            }
        }
        self.new_destination = Some(translation);
    }
}

fn ports(transport: Transport) -> Option<(PortRange, PortRange)> {
    match transport {
        Transport::Tcp(source, destination, _)
        | Transport::Udp(source, destination)
        | Transport::UdpLite(source, destination)
        | Transport::Sctp(source, destination) => Some((PortRange::single(source), PortRange::single(destination))),
        _ => None,
    }
}
