//! Traffic as a condition on packets: what `expect` speaks about.
//! Input: traffic. Output: a condition over the fields of a packet on the wire, and whether it holds of one.

use crate::diagnostic::Diagnostics;
use crate::iptables::meaning::{
    Answer, Condition, Doubt, Field, FieldReader, Test, Unknown, Value, evaluate, in_set, interface_is, state_number,
};
use crate::iptables::packet::{Fragment, Packet, State};
use crate::iptables::ruleset::{AddressSet, Negatable};
use crate::language::values::ProtocolWord;
use crate::net::{Addresses, Both, Family, Interface, PortRange, Protocol, bits_of};
use crate::policy::{Declarations, Packets, Traffic, Values};
use crate::resolve::scope::Scope;
use crate::resolve::traffic::packets::packets;
use crate::resolve::words::Words;
use crate::simulate::Assumptions;
use crate::syntax::Ast;
use crate::way::{Wire, first_state};

/// Reads a sentence as packets, in the terms of a policy.
pub fn read(ast: &Ast, sentence: u32, declarations: &Declarations, diagnostics: &mut Diagnostics) -> Option<Packets> {
    let words = Words::new(ast, sentence, declarations);
    if ast.sentences[sentence as usize].broken {
        return None;
    }
    let mut scope = Scope::new(declarations);
    scope.any_interface = true;
    let (packets, _) = packets(words, "query", &mut scope, diagnostics)?;
    Some(packets)
}

/// Packets that are described, limits and spoofing aside.
#[derive(Clone, Debug)]
pub struct PacketSet(Both<Condition>);

impl PacketSet {
    /// The packets that are meant.
    pub fn new(packets: &Packets) -> PacketSet {
        PacketSet(Both::of(|family| condition(packets, family)))
    }

    /// Whether a packet is one of them.
    pub fn holds(&self, packet: &Packet) -> bool {
        // What the packet does not tell may be so: in which sets its ends are.
        evaluate(&self.0[packet.family()], &Sent(packet)) != Answer::No
    }
}

/// How the matches of packets that are described are taken where they depend on more than the packet.
pub fn assumptions(packets: &Packets) -> Assumptions {
    // The gateway's own addresses are not known, but for one that the sentence names as the destination of what comes
    // in: what is translated goes on to another host.
    let to = &packets.traffic.destination;
    let named = !to.negated && matches!(to.items[..], [host] if host.single().is_some());
    Assumptions {
        within_limit: Some(!packets.over_limit),
        spoofed: Some(packets.spoofed),
        translated_to_own: (!named).then_some(false),
        backend: None,
    }
}

/// A packet on the wire with the state that it will have.
struct Sent<'a>(&'a Packet);

impl FieldReader for Sent<'_> {
    fn is(&self, field: Field, test: &Test) -> Answer {
        match field {
            Field::State => {
                let state = self.0.state.unwrap_or_else(|| first_state(self.0));
                Value::Known(state_number(state)).passes(test, 8)
            }
            // What a piece is of: the ports are those of the whole.
            Field::SourcePort | Field::DestinationPort | Field::TcpFlags => {
                Wire(&Packet { fragment: Fragment::No, ..self.0.clone() }).is(field, test)
            }
            _ => Wire(self.0).is(field, test),
        }
    }

    fn unclear(&self, _: Doubt, _: &Unknown) -> Answer {
        Answer::Maybe
    }
}

/// What a packet of a family must be to be one of those that are described.
pub fn condition(packets: &Packets, family: Family) -> Condition {
    let traffic = &packets.traffic;
    if !packets.families.has(family) {
        return Condition::NEVER;
    }
    let mut all = vec![
        Condition::equal(Field::Fragment, packets.fragment as u8),
        ways(traffic, family, true),
        transports(traffic, family),
        addresses(&traffic.source, Field::Source, family),
        addresses(&traffic.destination, Field::Destination, family),
        in_sets(traffic),
    ];
    all.extend(traffic.ttl.map(|ttl| Condition::equal(Field::HopLimit, ttl.value).negated(ttl.negated)));
    all.extend(
        traffic
            .mark
            .map(|mark| Condition::masked(Field::Mark, mark.value.value, mark.value.mask).negated(mark.negated)),
    );
    // What comes in has not left yet, and what goes out has not come.
    for (said, field, side) in [
        (traffic.ipsec.came, Field::IpsecIn, Field::InInterface),
        (traffic.ipsec.goes, Field::IpsecOut, Field::OutInterface),
    ] {
        let absent = Condition::equal(side, 0_u8);
        all.extend(said.map(|ipsec| Condition::any([Condition::equal(field, u8::from(ipsec)), absent])));
    }
    all.extend(traffic.states.map(|states| {
        // One by one: a number that is not that of a state is none of the others.
        let own = State::ALL.into_iter().filter(|state| (states.value.0 & state.bit().0 != 0) != states.negated);
        Condition::any(own.map(|state| Condition::equal(Field::State, state_number(state))))
    }));
    Condition::all(all)
}

/// Whether a value is among those that are listed.
pub fn among<T>(values: &Values<T>, is: impl Fn(&T) -> bool) -> bool {
    values.is_any() || values.items.iter().any(is) != values.negated
}

/// What is among the values that are listed.
fn listed<T>(values: &Values<T>, is: impl Fn(&T) -> Condition) -> Condition {
    if values.is_any() {
        return Condition::ALWAYS;
    }
    Condition::any(values.items.iter().map(is)).negated(values.negated)
}

fn addresses(values: &Values<Addresses>, field: Field, family: Family) -> Condition {
    listed(values, |addresses| {
        let (first, last) = addresses.ends();
        let within = || Condition::within(field, bits_of(first), bits_of(last));
        if addresses.family() == family { within() } else { Condition::NEVER }
    })
}

/// The sets that its ends are in, or are not in.
pub fn in_sets(traffic: &Traffic) -> Condition {
    let sides = [(&traffic.source_set, "src"), (&traffic.destination_set, "dst")];
    Condition::all(sides.into_iter().filter_map(|(set, sides)| {
        let Negatable { negated, value } = set.as_ref()?;
        Some(in_set(&AddressSet { name: value.clone(), sides: sides.into() }).negated(*negated))
    }))
}

/// The ways that packets of the traffic go; `peers`: and whom they come from or go to there.
pub fn ways(traffic: &Traffic, family: Family, peers: bool) -> Condition {
    let (from, to) = (Field::InInterface, Field::OutInterface);
    let there = |field| !Condition::equal(field, 0_u8);
    let not_there = |field| Condition::equal(field, 0_u8);
    let on = |values: &Values<Interface>, field| listed(values, |name| interface_is(field, *name));
    let peer = traffic.peer.as_ref().filter(|_| peers);
    let of_peer = |field| peer.map_or(Condition::ALWAYS, |peer| addresses(peer, field, family));
    let mut any = Vec::new();
    if traffic.directions.input {
        any.push(Condition::all([there(from), not_there(to), on(&traffic.on, from), of_peer(Field::Source)]));
    }
    if traffic.directions.output {
        any.push(Condition::all([not_there(from), there(to), on(&traffic.on, to), of_peer(Field::Destination)]));
    }
    if traffic.directions.forward && peer.is_none() {
        // `on not A`: neither in nor out; `on A`: in or out.
        let both = [on(&traffic.on, from), on(&traffic.on, to)];
        let through = if traffic.on.negated { Condition::all(both) } else { Condition::any(both) };
        let named = [on(&traffic.in_on, from), on(&traffic.out_on, to)];
        any.push(Condition::all([there(from), there(to), through].into_iter().chain(named)));
    }
    Condition::any(any)
}

/// What packets of the traffic may carry.
pub fn transports(traffic: &Traffic, family: Family) -> Condition {
    let is = |protocol: Protocol| Condition::equal(Field::Protocol, protocol.0);
    let word = |word: &ProtocolWord| match word {
        ProtocolWord::Icmp => is(Protocol::icmp(family)),
        ProtocolWord::Ah => is(Protocol::AH),
        word => word.number(family).map_or(Condition::NEVER, is),
    };
    let mut all = vec![listed(&traffic.protocols, word)];
    if !traffic.icmp_types.is_any() {
        all.push(is(Protocol::icmp(family)));
        all.push(listed(&traffic.icmp_types, |word| {
            word.types[family].map_or(Condition::NEVER, |wanted| {
                let code = wanted.code.map_or(Condition::ALWAYS, |code| Condition::equal(Field::IcmpCode, code));
                Condition::all([Condition::equal(Field::IcmpType, wanted.kind), code])
            })
        }));
    }
    let ports = [(&traffic.source_ports, Field::SourcePort), (&traffic.destination_ports, Field::DestinationPort)];
    if ports.iter().any(|(values, _)| !values.is_any()) {
        let shown = [Protocol::TCP, Protocol::UDP, Protocol::UDPLITE, Protocol::SCTP].map(is);
        all.push(Condition::any(shown));
    }
    for (values, field) in ports {
        all.push(listed(values, |range: &PortRange| Condition::within(field, range.start, range.end)));
    }
    if let Some(flags) = traffic.flags {
        all.push(is(Protocol::TCP));
        all.push(Condition::masked(Field::TcpFlags, flags.value.set, flags.value.mask).negated(flags.negated));
    }
    Condition::all(all)
}
