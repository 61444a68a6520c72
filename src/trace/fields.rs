//! The fields of a packet as rules saw them last.
//! Input: a packet at the end of its walk. Output: read by the conditions of rules that it did not meet.

use crate::iptables::meaning::{Answer, Doubt, Field, FieldReader, Test, Unknown, Value, name_number, state_number};
use crate::iptables::packet::{Transport, Way};
use crate::net::PortRange;
use crate::simulate::{Bounds, Flight};

/// What is known of each field that a packet has.
#[derive(Clone, Debug)]
pub struct Fields(Vec<(Field, Value)>);

impl Fields {
    /// The fields of a packet at one point of its walk.
    pub fn of(flight: &Flight) -> Fields {
        let packet = flight.packet;
        let known = |value: Option<u128>| value.map_or(Value::Anything, Value::Known);
        let between = |bounds: Bounds| match bounds {
            Bounds { first, last } if first == last => Value::Known(first),
            Bounds { first, last } => Value::Between(first, last),
        };
        let port = |range: PortRange| between(Bounds { first: range.start.into(), last: range.end.into() });
        let (from, to) = match flight.way {
            Way::In(name) => (Some(name), None),
            Way::Out(name) => (None, Some(name)),
            Way::Forward(from, to) => (Some(from), Some(to)),
        };
        let translated = |new: bool| Value::Known(new.into());
        let mut fields = vec![
            (Field::InInterface, Value::Known(from.map_or(0, name_number))),
            (
                Field::OutInterface,
                if flight.leaves_anywhere() { Value::Anything } else { Value::Known(to.map_or(0, name_number)) },
            ),
            (Field::Source, between(flight.source)),
            (Field::Destination, between(flight.destination)),
            (Field::Protocol, Value::Known(flight.protocol().0.into())),
            (Field::HopLimit, known(flight.hop_limit.map(Into::into))),
            (Field::Mark, known(flight.mark().map(Into::into))),
            (Field::ConnectionMark, known(flight.connection_mark().map(Into::into))),
            (Field::State, Value::Known(state_number(flight.state))),
            (Field::SourceTranslated, translated(flight.new_source.is_some())),
            (Field::DestinationTranslated, translated(flight.new_destination.is_some())),
            (Field::IpsecIn, Value::Known(packet.ipsec_in.into())),
            (Field::IpsecOut, Value::Known(packet.ipsec_out.into())),
            (Field::Fragment, Value::Known(flight.fragment as u128)),
            (Field::OriginalDestination, Value::Anything),
            (Field::OriginalDestinationPort, Value::Anything),
            (Field::Backend, Value::Anything),
        ];
        if let Some((source, destination)) = flight.ports {
            fields.extend([(Field::SourcePort, port(source)), (Field::DestinationPort, port(destination))]);
        }
        match packet.transport {
            Transport::Tcp(_, _, flags) => fields.push((Field::TcpFlags, Value::Known(flags.into()))),
            Transport::Icmp(icmp) => fields.extend([
                (Field::IcmpType, Value::Known(icmp.kind.into())),
                (Field::IcmpCode, Value::Known(icmp.code.unwrap_or(0).into())),
            ]),
            _ => {}
        }
        Fields(fields)
    }
}

impl FieldReader for Fields {
    fn is(&self, field: Field, test: &Test) -> Answer {
        let value = self.0.iter().find(|(name, _)| *name == field).map_or(Value::Known(0), |(_, value)| *value);
        value.passes(test, u128::BITS)
    }

    fn unclear(&self, _: Doubt, _: &Unknown) -> Answer {
        Answer::Maybe
    }
}
