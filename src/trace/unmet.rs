//! What would have to be different for a rule to match: the part of it that does not hold, in words.
//! Input: a rule, the part, and the fields of the packet. Output: a phrase that begins with `if`.

use super::fields::Fields;
use crate::iptables::meaning::{Answer, Backend, Condition, Context, Field, Test, evaluate};
use crate::iptables::print::part_text;
use crate::iptables::ruleset::{Address, IcmpType, MaskedMark, Part, Rule, States, TcpFlags};
use crate::language::values::ProtocolWord;
use crate::net::{Addresses, Family, PortRange, Protocol};
use crate::sentence;

/// `if it came from 192.0.2.1`
pub fn unmet(rule: &Rule, part: Part, family: Family, fields: &Fields) -> String {
    let words = match part {
        Part::Match(index) => {
            // Neither backend lets it match; the condition of legacy iptables is the simpler one.
            let context = Context { family, backend: Some(Backend::Legacy) };
            let condition = rule.matches.get(index).map(|one| one.condition(&context));
            condition.and_then(|condition| of_condition(&condition, family, fields))
        }
        part => header_part(rule, part, family),
    };
    words.map_or_else(|| format!("if `{}` held", part_text(rule, part, family)), |words| format!("if {words}"))
}

/// What a part of the header asks: `it came from 192.0.2.1`.
pub fn header_part(rule: &Rule, part: Part, family: Family) -> Option<String> {
    let header = &rule.header;
    let it = |negated: bool, is: &str, is_not: &str, value: String| {
        format!("it {} {value}", if negated { is_not } else { is })
    };
    match part {
        Part::Source => {
            header.source.as_ref().map(|from| it(from.negated, "came from", "did not come from", address(&from.value)))
        }
        Part::Destination => {
            header.destination.as_ref().map(|to| it(to.negated, "went to", "did not go to", address(&to.value)))
        }
        Part::InInterface => {
            header.in_interface.map(|name| it(name.negated, "came in on", "did not come in on", name.value.to_string()))
        }
        Part::OutInterface => {
            header.out_interface.map(|name| it(name.negated, "left by", "did not leave by", name.value.to_string()))
        }
        Part::Protocol => {
            header.protocol.map(|wanted| it(wanted.negated, "were", "were not", protocol(wanted.value, family)))
        }
        _ => None,
    }
}

fn address(address: &Address) -> String {
    match address {
        Address::Prefix(prefix) => Addresses::Prefix(*prefix).to_string(),
        Address::Masked(pair) => format!("{}/{}", pair.0, pair.1),
    }
}

/// The word of a protocol, as traffic has it.
fn protocol(number: Protocol, family: Family) -> String {
    sentence::protocol(ProtocolWord::of(family, number))
}

/// The one thing of a condition that fails, if it is one, or both ports.
fn of_condition(condition: &Condition, family: Family, fields: &Fields) -> Option<String> {
    let all = match condition {
        Condition::All(all) => &all[..],
        one => std::slice::from_ref(one),
    };
    let failing: Vec<&Condition> = all.iter().filter(|one| evaluate(one, fields) == Answer::No).collect();
    match failing[..] {
        // A type and its code are one thing.
        [Condition::Is(Field::IcmpType | Field::IcmpCode, _), ..] => icmp_type(all, family),
        [one] => of_one(one),
        [from, to] => {
            let (from, to) = (port(from, Field::SourcePort)?, port(to, Field::DestinationPort)?);
            Some(format!("its source port were {from} and its destination port {to}"))
        }
        _ => None,
    }
}

fn of_one(condition: &Condition) -> Option<String> {
    let (negated, is) = match condition {
        Condition::Not(inner) => (true, &**inner),
        is => (false, is),
    };
    let Condition::Is(field, test) = is else { return of_states(condition) };
    Some(match (*field, *test, negated) {
        (Field::SourcePort, ..) => format!("its source port were {}", port(condition, *field)?),
        (Field::DestinationPort, ..) => format!("its destination port were {}", port(condition, *field)?),
        (Field::HopLimit, Test::Within(first, last), false) if first == last => format!("its TTL were {first}"),
        (Field::IpsecIn, Test::Within(value, _), false) => format!("it came out of {} IPsec policy", some(value)),
        (Field::IpsecOut, Test::Within(value, _), false) => format!("it went into {} IPsec policy", some(value)),
        (Field::Mark, Test::Masked { value, mask }, false) if mask == u128::from(u32::MAX) => {
            format!("its mark were {}", sentence::mark(MaskedMark { value: value as u32, mask: u32::MAX }))
        }
        (Field::TcpFlags, Test::Masked { value, mask }, true) => {
            let flags = TcpFlags { mask: mask as u8, set: value as u8 };
            (flags == TcpFlags::SYN).then(|| "it were not the first packet of a connection".to_owned())?
        }
        _ => of_states(condition)?,
    })
}

fn some(value: u128) -> &'static str {
    if value == 0 { "no" } else { "an" }
}

/// `22`, `not 22`: the ports that a condition asks for.
fn port(condition: &Condition, field: Field) -> Option<String> {
    let range = |condition: &Condition| match *condition {
        Condition::Is(of, Test::Within(first, last)) if of == field => {
            Some(sentence::ports(PortRange { start: first as u16, end: last as u16 }))
        }
        _ => None,
    };
    match condition {
        Condition::Not(inner) => range(inner).map(|ports| format!("not {ports}")),
        is => range(is),
    }
}

/// The type that all parts of a condition together ask for, with its code.
fn icmp_type(all: &[Condition], family: Family) -> Option<String> {
    let value = |field: Field| {
        all.iter().find_map(|one| match *one {
            Condition::Is(of, Test::Within(first, last)) if of == field && first == last => Some(first as u8),
            _ => None,
        })
    };
    let icmp = IcmpType { kind: value(Field::IcmpType)?, code: value(Field::IcmpCode) };
    Some(format!("its ICMP type were {}", sentence::icmp_type(family, icmp)))
}

/// `its connection were new or established`
fn of_states(condition: &Condition) -> Option<String> {
    let one = |condition: &Condition| {
        let bit = match *condition {
            Condition::Is(Field::State, Test::Within(first, last)) if first == last => first as usize,
            Condition::Is(Field::SourceTranslated, Test::Within(1, 1)) => SNAT,
            Condition::Is(Field::DestinationTranslated, Test::Within(1, 1)) => DNAT,
            _ => return None,
        };
        Some(States::NAMES.get(bit)?.to_ascii_lowercase())
    };
    let names: Vec<String> = match condition {
        Condition::Any(any) => any.iter().map(one).collect::<Option<_>>()?,
        is => vec![one(is)?],
    };
    (!names.is_empty()).then(|| format!("its connection were {}", names.join(" or ")))
}

/// The bits of the two states that translation gives a connection.
const SNAT: usize = 5;
const DNAT: usize = 6;
