//! A packet on the wire, read field by field.
//! Input: a packet. Output: the values of its fields, and whether there can be such a packet.

use std::net::IpAddr;

use super::discard::{Discard, Discards};
use crate::iptables::meaning::{Answer, Doubt, Field, FieldReader, Test, Unknown, Value, name_number};
use crate::iptables::packet::{Fragment, Packet, Transport, Way};
use crate::iptables::ruleset::AddressTypes;
use crate::net::{Protocol, bits_of};

/// A packet before its first hook, with both interfaces of its way.
#[derive(Clone, Copy, Debug)]
pub struct Wire<'a>(pub &'a Packet);

impl Wire<'_> {
    /// The protocol: in IPv6 the one after the extension headers, but for AH.
    pub fn protocol(self) -> Protocol {
        match self.0.transport {
            Transport::Tcp(..) => Protocol::TCP,
            Transport::Udp(..) => Protocol::UDP,
            Transport::UdpLite(..) => Protocol::UDPLITE,
            Transport::Sctp(..) => Protocol::SCTP,
            Transport::Icmp(_) => Protocol::icmp(self.0.family()),
            Transport::Ah => Protocol::AH,
            Transport::Other(protocol) => protocol,
        }
    }

    /// The value of a field, as far as the packet shows it.
    pub fn value(self, field: Field) -> Value {
        let packet = self.0;
        let later = packet.fragment == Fragment::Later;
        let (from, to) = match packet.way {
            Way::In(name) => (Some(name), None),
            Way::Out(name) => (None, Some(name)),
            Way::Forward(from, to) => (Some(from), Some(to)),
        };
        let flag = |flag: bool| Value::Known(flag.into());
        match field {
            Field::InInterface => Value::Known(from.map_or(0, name_number)),
            Field::OutInterface => Value::Known(to.map_or(0, name_number)),
            Field::SameInterface => flag(from == to),
            Field::Source => Value::Known(bits_of(packet.source)),
            Field::Destination => Value::Known(bits_of(packet.destination)),
            Field::Protocol => Value::Known(self.protocol().0.into()),
            Field::SourcePort | Field::DestinationPort => match packet.transport {
                Transport::Tcp(source, destination, _)
                | Transport::Udp(source, destination)
                | Transport::UdpLite(source, destination)
                | Transport::Sctp(source, destination)
                    if !later =>
                {
                    Value::Known(if field == Field::SourcePort { source.into() } else { destination.into() })
                }
                _ if self.protocol().has_ports() => Value::Anything,
                _ => Value::Known(0),
            },
            Field::TcpFlags => match packet.transport {
                Transport::Tcp(..) if later => Value::Anything,
                Transport::Tcp(_, _, flags) => Value::Known(flags.into()),
                _ => Value::Known(0),
            },
            Field::IcmpType | Field::IcmpCode => match packet.transport {
                Transport::Icmp(icmp) if field == Field::IcmpType => Value::Known(icmp.kind.into()),
                Transport::Icmp(icmp) => icmp.code.map_or(Value::Anything, |code| Value::Known(code.into())),
                _ => Value::Known(0),
            },
            Field::HopLimit => Value::Known(packet.hop_limit.into()),
            Field::Mark => Value::Known(packet.mark.into()),
            Field::IpsecIn => flag(packet.ipsec_in),
            Field::IpsecOut => flag(packet.ipsec_out),
            Field::Fragment => Value::Known(packet.fragment as u128),
            Field::ConnectionMark | Field::NoTrack | Field::SourceTranslated | Field::DestinationTranslated => {
                Value::Known(0)
            }
            Field::PortsRead if later => Value::Between(0, 1),
            Field::PortsRead => Value::Known(1),
            Field::State | Field::OriginalDestination | Field::OriginalDestinationPort => Value::Anything,
            Field::TrackingChosen => Value::Known(0),
            // Only what is sent from here has a socket, only what comes in has come from a hardware address.
            Field::Socket | Field::User | Field::Group if !matches!(packet.way, Way::Out(_)) => Value::Known(0),
            Field::HardwareSource if matches!(packet.way, Way::Out(_)) => Value::Known(0),
            Field::Socket => Value::Between(0, 1),
            Field::Length
            | Field::Dscp
            | Field::HardwareSource
            | Field::LinkType
            | Field::User
            | Field::Group
            | Field::SourceType => Value::Anything,
            Field::DestinationType => destination_type(packet),
            Field::Backend => Value::Between(0, 1),
        }
    }
}

/// What the routing table says of the destination, as the direction tells it: what comes in goes to an address of the
/// gateway's own, and what it sends by `lo` as well. Of the networks of the gateway, which are not known, the last address is
/// a broadcast in IPv4, and the first one anycast in IPv6 (`addrconf_join_anycast`: up to /126).
fn destination_type(packet: &Packet) -> Value {
    let known = |kind: u8| Value::Known(kind.into());
    let (multicast, broadcast, other) = match packet.destination {
        IpAddr::V4(to) => {
            (to.is_multicast(), to.is_broadcast(), (to.octets()[3] % 4 == 3).then_some(AddressTypes::BROADCAST))
        }
        IpAddr::V6(to) => (to.is_multicast(), false, (to.octets()[15] % 4 == 0).then_some(AddressTypes::ANYCAST)),
    };
    let kind = match packet.way {
        _ if multicast => return known(AddressTypes::MULTICAST),
        _ if broadcast => return known(AddressTypes::BROADCAST),
        Way::Forward(..) => return known(AddressTypes::UNICAST),
        Way::Out(name) if name.name() != "lo" => AddressTypes::UNICAST,
        Way::In(_) | Way::Out(_) => AddressTypes::LOCAL,
    };
    other.map_or(known(kind), |other| Value::Between(kind.into(), other.into()))
}

impl FieldReader for Wire<'_> {
    fn is(&self, field: Field, test: &Test) -> Answer {
        self.value(field).passes(test, field.bits(self.0.family()))
    }

    fn unclear(&self, _: Doubt, _: &Unknown) -> Answer {
        Answer::Maybe
    }
}

/// Why there is no such packet on the wire, or none that reaches the filter.
pub fn impossible(packet: &Packet) -> Option<Discard> {
    let (source, destination) = (bits_of(packet.source), bits_of(packet.destination));
    Discards::on_the_wire(packet.family()).find(Some(source), Some(destination), &Wire(packet))
}
