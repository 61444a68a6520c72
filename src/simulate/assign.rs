//! What targets and the kernel write into a packet on its way.
//! Input: a field and what it becomes. Output: the packet after that, without what was decided of the old value.

use super::ends::{Bounds, LOOPBACK, NOBODYS, Translation, address};
use super::facts::Fact;
use super::flight::{Flight, ports};
use crate::iptables::meaning::{Doubt, Field, Term, Test, Value};
use crate::iptables::packet::Way;
use crate::net::PortRange;

impl Flight<'_> {
    /// A field becomes what it is of every packet of the connection.
    pub(super) fn inherit(&mut self, field: Field) {
        let Some(connection) = self.connection else { return self.assign(field, Term::Anything) };
        match (field, ports(self.packet.transport), &mut self.ports) {
            (Field::ConnectionMark, ..) => {
                let fresh = self.marks.set(field, connection.mark);
                return self.forget_marks(fresh);
            }
            (Field::Destination, ..) => {
                (self.destination, self.never) = (Bounds::exactly(self.packet.destination), &[]);
            }
            (Field::DestinationPort, Some((_, port)), Some((_, to))) => *to = port,
            _ => self.assigned.retain(|(known, _)| *known != field),
        }
        self.forget(field);
    }

    /// A field becomes another.
    pub(super) fn assign(&mut self, field: Field, term: Term) {
        if matches!(field, Field::Mark | Field::ConnectionMark) {
            let fresh = self.marks.assign(field, term);
            return self.forget_marks(fresh);
        }
        if let (Field::HopLimit, Term::Shift(by), Some(hops)) = (field, term, self.hop_limit) {
            // What every packet meets that is routed on.
            self.hop_limit = Some((i32::from(hops) + by).clamp(0, 255) as u8);
            return;
        }
        let of = |flight: &Flight, field: Field| match flight.value(field) {
            Value::Known(value) => Some(value),
            _ => None,
        };
        let new = match term {
            Term::Bits { keep, from, xor } => {
                let old = if keep == 0 { Some(0) } else { of(self, field) };
                let other = from.map_or(Some(0), |(other, mask)| of(self, other).map(|value| value & mask));
                old.zip(other).map(|(old, other)| (old & keep) ^ other ^ xor)
            }
            Term::Shift(by) => of(self, field).map(|old| old.saturating_add_signed(by.into()).min(u8::MAX.into())),
            Term::Within(first, last) if first == last => Some(first),
            _ => None,
        };
        match field {
            Field::HopLimit => self.hop_limit = new.map(|hops| hops as u8),
            Field::NoTrack => self.notrack = new == Some(1),
            Field::SourceTranslated => self.new_source = Some(Translation::default()),
            Field::DestinationTranslated => self.new_destination = Some(Translation::default()),
            Field::Source | Field::Destination => self.assign_address(field, mapped(term, new)),
            Field::SourcePort | Field::DestinationPort => self.assign_port(field, term),
            _ => {
                self.assigned.retain(|(known, _)| *known != field);
                self.assigned.push((field, new));
            }
        }
        self.forget(field);
    }

    /// What was decided of a field that has changed holds no more; another address may be in other sets.
    pub(super) fn forget(&mut self, field: Field) {
        self.facts.retain(|fact| match fact {
            Fact::Field(known, ..) => *known != field,
            Fact::Unclear(Doubt::Set(ends), ..) => !ends.have(field),
            Fact::Unclear(..) => true,
        });
    }

    /// What was decided of numbers that no mark has any more, or that are others now.
    fn forget_marks(&mut self, fresh: u128) {
        let open = self.marks.open();
        self.facts.retain(|fact| match fact {
            Fact::Field(Field::ConnectionMark, Test::Masked { mask, .. }, _) => mask & open != 0 && mask & fresh == 0,
            _ => true,
        });
    }

    fn assign_address(&mut self, field: Field, term: Term) {
        let is_source = field == Field::Source;
        let unknown = Bounds::unknown(self.family);
        let (bounds, translation, never) = match term {
            Term::Within(first, last) => {
                let addresses = Some((address(first, self.family), address(last, self.family)));
                let loopback: &[Test] = if matches!(self.way, Way::Out(_)) { &[] } else { LOOPBACK[self.family] };
                (Bounds { first, last }, Translation { addresses, ..Translation::default() }, loopback)
            }
            Term::OwnAddress => {
                let of_interface = match self.way {
                    _ if is_source => self.leaves_by(),
                    Way::In(name) | Way::Forward(name, _) | Way::Out(name) => Some(name),
                };
                let translation = Translation { own: true, of_interface, ..Translation::default() };
                (unknown, translation, NOBODYS[self.family])
            }
            _ if matches!(self.way, Way::Out(_)) => (unknown, Translation::default(), &[][..]),
            _ => (unknown, Translation::default(), LOOPBACK[self.family]),
        };
        let new = if is_source { &mut self.new_source } else { &mut self.new_destination };
        if let Some(new) = new {
            *new = Translation { ports: new.ports, ..translation };
        }
        if is_source {
            self.source = bounds;
        } else {
            (self.destination, self.never) = (bounds, never);
        }
    }

    fn assign_port(&mut self, field: Field, term: Term) {
        let range = |first: u128, last: u128| PortRange { start: first as u16, end: last as u16 };
        let is_source = field == Field::SourcePort;
        let old = self.ports.map(|(from, to)| if is_source { from } else { to });
        let new = match (term, old) {
            (Term::Within(first, last) | Term::Near(first, last), _) => Some(range(first, last)),
            (Term::Shift(by), Some(old)) if old.is_single() => {
                u16::try_from(i32::from(old.start) + by).ok().map(PortRange::single)
            }
            _ => None,
        };
        if let Some((from, to)) = &mut self.ports {
            let port = if is_source { from } else { to };
            let stays =
                |range: PortRange| matches!(term, Term::Near(..)) && port.is_single() && range.contains(port.start);
            if !new.is_some_and(stays) {
                *port = new.unwrap_or(PortRange::ANY);
            }
        }
        let translation = if is_source { &mut self.new_source } else { &mut self.new_destination };
        if let (Some(translation), Some(_)) = (translation, new) {
            translation.ports = new;
        }
    }
}

/// What an address becomes whose bits are replaced in part: one address, where it was known.
fn mapped(term: Term, new: Option<u128>) -> Term {
    match (term, new) {
        (Term::Bits { .. }, Some(address)) => Term::Within(address, address),
        (Term::Bits { keep, xor, .. }, None) => Term::Within(xor, xor | keep),
        _ => term,
    }
}
