//! A packet on its way: what the rules see of it at one point of the walk.
//! Input: a `Packet`. Output: changed by the walk, read by conditions.

use super::ends::{Bounds, Connection, NOBODYS, Translation};
use super::facts::{Fact, agree, passes};
use super::marks::Marks;
use super::verdict::Assumptions;
use crate::iptables::meaning::{
    Answer, Doubt, Field, FieldReader, Term, Test, Unknown, Value, name_number, state_number,
};
use crate::iptables::packet::{Fragment, Packet, State, Transport, Way};
use crate::iptables::ruleset::{AddressTypes, IcmpType};
use crate::net::{Family, Interface, PortRange, Protocol, bits_of};
use crate::way::Wire;

/// The interface of that number.
fn of_number(number: u128) -> Option<Interface> {
    let bytes = number.to_be_bytes();
    let name = bytes.split(|byte| *byte == 0).next()?;
    Interface::new(std::str::from_utf8(name).ok()?)
}

/// A packet at one point of the walk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flight<'a> {
    /// As it was when it entered, or left its socket.
    pub packet: &'a Packet,
    /// Its family.
    pub family: Family,
    /// Where it goes; a REDIRECT sends it to the gateway itself.
    pub way: Way,
    /// Whether the gateway sends it, and a REDIRECT has sent it to the gateway itself, so that it leaves by `lo`.
    pub(super) to_itself: bool,
    /// Whether it came to the gateway, and goes on to another host since its destination is translated: no rule tells by
    /// which interface.
    pub rerouted: bool,
    /// Whether the gateway sends it, and routes it a second time since its mark or its destination has changed: no rule
    /// tells by which interface.
    pub routed_again: bool,
    /// The source address.
    pub source: Bounds,
    /// The destination address.
    pub destination: Bounds,
    /// What the destination never is, where it is not known.
    pub(super) never: &'static [Test],
    /// The interface that it came in by, at the hooks that know one, as a number; 0 for none.
    pub(super) in_name: u128,
    /// The interface that it leaves by, likewise.
    pub(super) out_name: u128,
    /// Source and destination ports, where it has any.
    pub ports: Option<(PortRange, PortRange)>,
    /// Whether it is a piece of a larger one, still.
    pub fragment: Fragment,
    /// TTL or hop limit; `None` after a target that may have changed it.
    pub hop_limit: Option<u8>,
    /// The marks of the packet and of its connection.
    pub(super) marks: Marks,
    /// What connection tracking has found; before it looks, and where it cannot tell, invalid.
    pub state: State,
    /// Whether it has been taken out of connection tracking.
    pub notrack: bool,
    /// How its destination was translated.
    pub new_destination: Option<Translation>,
    /// How its source was translated.
    pub new_source: Option<Translation>,
    /// The connection that it answers, if that is known.
    pub(super) connection: Option<&'a Connection>,
    /// The fields without one of their own here that a target has changed; `None`: to what is not known.
    pub(super) assigned: Vec<(Field, Option<u128>)>,
    /// What this branch of the walk has decided.
    pub(super) facts: Vec<Fact>,
}

impl<'a> Flight<'a> {
    /// The packet before its first hook.
    pub(super) fn new(packet: &'a Packet) -> Flight<'a> {
        let in_name = match packet.way {
            Way::In(name) | Way::Forward(name, _) => name_number(name),
            Way::Out(_) => 0,
        };
        let mut flight = Flight {
            packet,
            family: packet.family(),
            way: packet.way,
            to_itself: false,
            rerouted: false,
            routed_again: false,
            source: Bounds::exactly(packet.source),
            destination: Bounds::exactly(packet.destination),
            never: &[],
            in_name,
            out_name: 0,
            ports: None,
            fragment: packet.fragment,
            hop_limit: Some(packet.hop_limit),
            marks: Marks::of_packet(packet.mark),
            state: State::Invalid,
            notrack: false,
            new_destination: None,
            new_source: None,
            connection: None,
            assigned: Vec::new(),
            facts: Vec::new(),
        };
        if packet.fragment != Fragment::Later {
            flight.ports = ports(packet.transport);
        }
        flight
    }

    /// The answer to a packet, before its first hook: `packet` is that one turned round, and comes from where that one was
    /// sent in the end.
    pub(super) fn answering(packet: &'a Packet, connection: &'a Connection) -> Flight<'a> {
        let routed_again = connection.routed_twice;
        let mut flight = Flight { connection: Some(connection), routed_again, ..Flight::new(packet) };
        let family = flight.family;
        let bounds = |end: Translation, old: Bounds| match end.addresses {
            Some((first, last)) => Bounds { first: bits_of(first), last: bits_of(last) },
            None if end.own => Bounds::unknown(family),
            None => old,
        };
        if let Some(end) = connection.destination {
            flight.source = bounds(end, flight.source);
        }
        if let Some(end) = connection.source {
            flight.destination = bounds(end, flight.destination);
            flight.never = NOBODYS[family];
            if matches!(packet.way, Way::Forward(..)) {
                flight.assign(Field::DestinationType, Term::value(AddressTypes::LOCAL));
            }
        }
        if let Some((from, to)) = &mut flight.ports {
            *from = connection.destination.and_then(|end| end.ports).unwrap_or(*from);
            *to = connection.source.and_then(|end| end.ports).unwrap_or(*to);
        }
        flight
    }

    /// Puts the fragments of the packet together; whether it was a piece.
    pub(super) fn reassemble(&mut self) -> bool {
        let piece = self.fragment != Fragment::No;
        if piece {
            self.fragment = Fragment::No;
            self.ports = ports(self.packet.transport);
        }
        piece
    }

    /// The protocol that `-p` means: in IPv6 the one after the extension headers.
    pub fn protocol(&self) -> Protocol {
        match self.packet.transport {
            Transport::Icmp(_) => Protocol::icmp(self.family),
            _ => Wire(self.packet).protocol(),
        }
    }

    /// What is known of a field.
    #[inline]
    pub(super) fn value(&self, field: Field) -> Value {
        let known = |value: Option<u128>| value.map_or(Value::Anything, Value::Known);
        let later = matches!(self.state, State::Related | State::Established);
        let of_connection = |end: fn(&Connection) -> Option<Translation>| self.connection.filter(|_| later).map(end);
        let translated = |translation: Option<Translation>, known: Option<Option<Translation>>| match translation
            .or(known.flatten())
        {
            Some(_) => Value::Known(1),
            None if known.is_some() => Value::Known(0),
            // Whether the connection of a later packet is translated, the packet does not say.
            None if later => Value::Between(0, 1),
            None => Value::Known(0),
        };
        let port = |port: PortRange| Bounds { first: port.start.into(), last: port.end.into() }.value();
        match field {
            Field::InInterface => Value::Known(self.in_name),
            Field::OutInterface if self.leaves_anywhere() => Value::Between(1, u128::MAX),
            Field::OutInterface => Value::Known(self.out_name),
            Field::SameInterface if self.rerouted => Value::Between(0, 1),
            Field::SameInterface => Value::Known(matches!(self.way, Way::Forward(from, to) if from == to).into()),
            Field::Source => self.source.value(),
            Field::Destination => self.destination.value(),
            Field::SourcePort | Field::DestinationPort => match self.ports {
                Some((from, to)) => port(if field == Field::SourcePort { from } else { to }),
                None if self.protocol().has_ports() => Value::Anything,
                None => Value::Known(0),
            },
            Field::TcpFlags => match self.packet.transport {
                Transport::Tcp(..) if self.ports.is_none() => Value::Anything,
                Transport::Tcp(_, _, flags) => Value::Known(flags.into()),
                _ => Value::Known(0),
            },
            Field::HopLimit => known(self.hop_limit.map(u128::from)),
            Field::Mark | Field::ConnectionMark => known(self.marks.number(field).map(u128::from)),
            Field::State => Value::Known(state_number(self.state)),
            Field::NoTrack => Value::Known(self.notrack.into()),
            Field::SourceTranslated => translated(self.new_source, of_connection(|connection| connection.source)),
            Field::DestinationTranslated => {
                translated(self.new_destination, of_connection(|connection| connection.destination))
            }
            Field::OriginalDestination | Field::OriginalDestinationPort => self.sent_to(field),
            Field::Fragment => Value::Known(self.fragment as u128),
            Field::Protocol => Value::Known(self.protocol().0.into()),
            Field::PortsRead if self.fragment == Fragment::Later => self.value(Field::Backend),
            Field::PortsRead => Value::Known(1),
            Field::IcmpType | Field::IcmpCode | Field::IpsecIn | Field::IpsecOut | Field::Backend => {
                Wire(self.packet).value(field)
            }
            _ => match self.assigned.iter().find(|(known, _)| *known == field) {
                Some((_, value)) => known(*value),
                None => Wire(self.packet).value(field),
            },
        }
    }

    /// What the first packet of its connection was sent to. What has come by `lo` may have been translated when it was sent.
    fn sent_to(&self, field: Field) -> Value {
        let (packet, by_lo) = (self.packet, matches!(self.way, Way::In(name) if name.name() == "lo"));
        let (address, first) = match (self.state, self.connection) {
            (State::New, _) if !by_lo => (packet.destination, true),
            (State::Established, Some(_)) => (packet.source, false),
            _ => return Value::Anything,
        };
        if field == Field::OriginalDestination {
            return Value::Known(bits_of(address));
        }
        match (packet.transport, ports(packet.transport)) {
            (_, Some((from, to))) => Value::Known(if first { to.start } else { from.start }.into()),
            (Transport::Icmp(IcmpType { kind, code: Some(code) }), _) if first => {
                Value::Known(u128::from(kind) << 8 | u128::from(code))
            }
            _ => Value::Anything,
        }
    }

    /// The packet's mark; `None` after it was read from a connection that is not known.
    pub fn mark(&self) -> Option<u32> {
        self.marks.number(Field::Mark)
    }

    /// The mark of its connection; `None` where that is not known.
    pub fn connection_mark(&self) -> Option<u32> {
        self.marks.number(Field::ConnectionMark)
    }

    /// Whether it is routed on, as far as is known at this point.
    pub fn is_forwarded(&self) -> bool {
        self.rerouted || matches!(self.way, Way::Forward(..))
    }

    /// The routing decision after PREROUTING: what is translated to an address that is not the gateway's own goes on.
    /// Whether it did not seem so before.
    pub(super) fn route(&mut self, assumptions: Assumptions) -> bool {
        let to_address = self.new_destination.is_some_and(|to| to.addresses.is_some());
        if to_address && matches!(self.way, Way::In(_)) {
            let own = || self.destination == Bounds::exactly(self.packet.destination);
            self.rerouted = !assumptions.translated_to_own.unwrap_or_else(own);
        }
        if self.assigned.iter().any(|(field, _)| *field == Field::DestinationType) {
            let kind = if self.is_forwarded() { AddressTypes::UNICAST } else { AddressTypes::LOCAL };
            self.assign(Field::DestinationType, Term::value(kind));
        }
        self.rerouted
    }

    /// What has another mark or another destination since it was routed is routed again, except to the gateway itself.
    /// Whether it is.
    pub(super) fn route_again(&mut self, translates: bool) -> bool {
        let destination = self.new_destination.is_some() || translates && self.destination.number().is_none();
        let other = self.mark() != Some(self.packet.mark) || destination;
        self.routed_again = other && !self.to_itself;
        if self.routed_again {
            self.forget(Field::OutInterface);
        }
        self.routed_again
    }

    /// Whether no rule tells by which interface it leaves.
    pub fn leaves_anywhere(&self) -> bool {
        self.rerouted || self.routed_again
    }

    /// The interface that it leaves by, where that is known, or was decided.
    pub(super) fn leaves_by(&self) -> Option<Interface> {
        match self.way {
            Way::Out(name) | Way::Forward(_, name) if !self.routed_again => Some(name),
            _ => self.facts.iter().find_map(|fact| match *fact {
                Fact::Field(Field::OutInterface, test, true) => {
                    test.range(u128::BITS).filter(|(first, last)| first == last).and_then(|(name, _)| of_number(name))
                }
                _ => None,
            }),
        }
    }

    /// Whether a field passes a test, with what this branch has decided.
    #[inline]
    pub(super) fn passes(&self, field: Field, test: &Test) -> Answer {
        match self.value(field) {
            Value::Known(value) => test.holds(value).into(),
            _ => self.open(field, test),
        }
    }

    #[cold]
    fn open(&self, field: Field, test: &Test) -> Answer {
        match self.asked(field, test) {
            Ok((field, test)) => {
                let (value, bits) = self.unknown(field);
                passes(value, bits, &test, field, &self.facts, self.never(field))
            }
            Err(answer) => answer,
        }
    }

    /// What a test asks of what is not known; the answer, where that does not matter.
    fn asked(&self, field: Field, test: &Test) -> Result<(Field, Test), Answer> {
        match field {
            // Where that is open, the backend is meant.
            Field::PortsRead => Ok((Field::Backend, *test)),
            Field::Mark | Field::ConnectionMark => {
                self.marks.asked(field, test).map(|test| (Field::ConnectionMark, test))
            }
            _ => Ok((field, *test)),
        }
    }

    /// What is known of a field that facts are about, and how many bits it has: those of the connection's mark are about
    /// the numbers that marks are made of.
    fn unknown(&self, field: Field) -> (Value, u32) {
        match field {
            Field::ConnectionMark => (Value::Anything, u128::BITS),
            _ => (self.value(field), field.bits(self.family)),
        }
    }

    fn never(&self, field: Field) -> &'static [Test] {
        if field == Field::Destination { self.never } else { &[] }
    }

    /// Remembers what was decided. Whether something was.
    pub(super) fn remember(&mut self, facts: Vec<Fact>) -> bool {
        let before = self.facts.len();
        for fact in facts {
            match fact {
                Fact::Field(field, test, holds) => {
                    if let Ok((field, test)) = self.asked(field, &test) {
                        self.facts.push(Fact::Field(field, test, holds));
                    }
                }
                unclear => self.facts.push(unclear),
            }
        }
        self.facts.len() > before
    }

    /// Whether what was decided of each field can be, as far as the facts from one on may have changed that.
    pub(super) fn is_possible(&self, from: usize) -> bool {
        self.facts[from..].iter().all(|fact| match *fact {
            Fact::Field(field, ..) => {
                let (value, bits) = self.unknown(field);
                agree(value, bits, field, &self.facts, self.never(field))
            }
            Fact::Unclear(..) => true,
        })
    }
}

pub(super) fn ports(transport: Transport) -> Option<(PortRange, PortRange)> {
    match transport {
        Transport::Tcp(source, destination, _)
        | Transport::Udp(source, destination)
        | Transport::UdpLite(source, destination)
        | Transport::Sctp(source, destination) => Some((PortRange::single(source), PortRange::single(destination))),
        _ => None,
    }
}

/// A packet on its way, and how what it does not tell is taken.
#[derive(Clone, Copy)]
pub struct FlightView<'a, 'b> {
    /// The packet.
    pub flight: &'a Flight<'b>,
    /// What is assumed.
    pub assumptions: Assumptions,
}

impl FieldReader for FlightView<'_, '_> {
    #[inline]
    fn is(&self, field: Field, test: &Test) -> Answer {
        self.flight.passes(field, test)
    }

    fn unclear(&self, doubt: Doubt, unknown: &Unknown) -> Answer {
        let assumed = match doubt {
            Doubt::Limit => self.assumptions.within_limit,
            Doubt::Spoofed => self.assumptions.spoofed,
            _ => None,
        };
        let decided = || {
            self.flight.facts.iter().find_map(|fact| match fact {
                Fact::Unclear(known, which, holds) if *known == doubt && which == unknown => Some(*holds),
                _ => None,
            })
        };
        Answer::of(assumed.or_else(decided))
    }
}
