//! Whether a rule matches: yes, no, or maybe, where the packet alone does not tell.
//! Input: a rule and a packet on its way. Output: an answer, the same as that of its conditions.

use super::facts::Fact;
use super::flight::{Flight, FlightView};
use super::loaded::{Bits, Entry, LaterFragments, Loaded, named_conditions};
use super::verdict::{Assumptions, Place};
pub use crate::iptables::meaning::Answer;
use crate::iptables::meaning::{Backend, Condition, Field, Test, evaluate};
use crate::iptables::packet::Fragment;
pub use crate::iptables::ruleset::Part;

/// Whether a rule matches.
#[inline]
pub(super) fn rule(entry: &Entry, flight: &Flight, assumptions: Assumptions) -> Answer {
    let wanted = entry.destination_ports;
    let mut ports = Answer::Yes;
    match flight.ports {
        Some((_, port)) if wanted.contains(port.start) && wanted.contains(port.end) => {}
        Some((_, port)) if port.end < wanted.start || wanted.end < port.start => return Answer::No,
        _ => ports = Answer::Maybe,
    }
    if !entry.in_interface.fits(flight.in_name)
        || !(entry.out_interface.fits(flight.out_name) || flight.leaves_anywhere())
    {
        return Answer::No;
    }
    let mut answer = address(&entry.source, Field::Source, flight);
    if answer == Answer::No {
        return Answer::No;
    }
    answer = answer.min(address(&entry.destination, Field::Destination, flight));
    if answer == Answer::No {
        return Answer::No;
    }
    if let Some((wanted, negated)) = entry.protocol
        && (flight.protocol().0 == wanted) == negated
    {
        return Answer::No;
    }
    if flight.leaves_anywhere() {
        answer = answer.min(leaves(&entry.out_interface, flight));
    }
    if ports == Answer::Maybe && (wanted.start, wanted.end) != (0, u16::MAX) {
        let test = Test::Within(wanted.start.into(), wanted.end.into());
        answer = answer.min(flight.passes(Field::DestinationPort, &test));
    }
    if flight.fragment == Fragment::Later {
        answer = answer.min(later(entry.later, flight));
    }
    if entry.rest.is_empty() || answer == Answer::No {
        return answer;
    }
    let view = FlightView { flight, assumptions };
    for one in &entry.rest {
        let holds = match one {
            Condition::Is(field, test) => flight.passes(*field, test),
            other => evaluate(other, &view),
        };
        answer = answer.min(holds);
        if answer == Answer::No {
            break;
        }
    }
    answer
}

#[inline]
fn address(wanted: &Bits, field: Field, flight: &Flight) -> Answer {
    let bounds = if field == Field::Source { flight.source } else { flight.destination };
    if bounds.first == bounds.last || wanted.mask == 0 {
        return wanted.fits(bounds.first).into();
    }
    flight.passes(field, &wanted.test()).negated(wanted.negated)
}

#[cold]
fn leaves(wanted: &Bits, flight: &Flight) -> Answer {
    flight.passes(Field::OutInterface, &wanted.test()).negated(wanted.negated)
}

fn later(later: LaterFragments, flight: &Flight) -> Answer {
    match later {
        LaterFragments::AsOthers => Answer::Yes,
        LaterFragments::WithNft => {
            let nft = Backend::Nft as u128;
            flight.passes(Field::Backend, &Test::Within(nft, nft))
        }
        LaterFragments::Never => Answer::No,
    }
}

/// Everything that a rule asks, as one condition.
pub(super) fn whole(place: Place, loaded: &Loaded) -> Condition {
    place.look_up(loaded.ruleset).map_or(Condition::NEVER, |(_, rule)| {
        Condition::all(named_conditions(rule, place, &loaded.context).into_iter().map(|(_, condition)| condition))
    })
}

/// The part of a rule that does not hold, if it is only one: all that keeps it from matching.
pub fn only_failing(loaded: &Loaded, place: Place, flight: &Flight, assumptions: Assumptions) -> Option<Part> {
    let (_, rule) = place.look_up(loaded.ruleset)?;
    let view = FlightView { flight, assumptions };
    let (mut only, mut count) = (None, 0_usize);
    rule.header.each(&loaded.context, &mut |part, condition| {
        if count < 2 && evaluate(&condition, &view) == Answer::No {
            (only, count) = (Some(part), count + 1);
        }
    });
    for (index, one) in rule.matches.iter().enumerate() {
        if count > 1 {
            break;
        }
        let mut failing = false;
        one.each(&loaded.context, None, &mut |condition| {
            failing = failing || evaluate(&condition, &view) == Answer::No;
        });
        if failing {
            (only, count) = (Some(Part::Match(index)), count + 1);
        }
    }
    only.filter(|_| count == 1)
}

/// A part of a rule that the packet alone does not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenPart {
    /// The part.
    pub part: Part,
    /// The one backend with which it may hold, and whether it then does for certain.
    pub only_with: Option<(Backend, bool)>,
}

/// The parts of a rule that the packet alone does not decide.
pub fn open_parts(loaded: &Loaded, place: Place, flight: &Flight, assumptions: Assumptions) -> Vec<OpenPart> {
    let Some((_, rule)) = place.look_up(loaded.ruleset) else { return Vec::new() };
    // What the branch has decided meanwhile was open before.
    let mut flight = flight.clone();
    flight.facts.clear();
    let view = FlightView { flight: &flight, assumptions };
    let parts = named_conditions(rule, place, &loaded.context).into_iter();
    let open = parts.filter(|(_, condition)| evaluate(condition, &view) == Answer::Maybe);
    let with = |condition: &Condition, backend: Backend| {
        let mut flight = flight.clone();
        flight.facts.push(Fact::backend(backend));
        evaluate(condition, &FlightView { flight: &flight, assumptions })
    };
    open.map(|(part, condition)| {
        let only_with = match Backend::BOTH.map(|backend| (backend, with(&condition, backend))) {
            [(_, Answer::No), (backend, answer)] | [(backend, answer), (_, Answer::No)] => {
                Some((backend, answer == Answer::Yes))
            }
            _ => None,
        };
        OpenPart { part, only_with }
    })
    .collect()
}

/// What a compiled rule and its conditions say of a packet, where they do not say the same: never.
pub fn disagreement(loaded: &Loaded, place: Place, flight: &Flight) -> Option<(Answer, Answer)> {
    let entry = loaded.tables[place.table as usize].as_ref()?.entry(place.rule)?;
    let assumptions = Assumptions::default();
    let compiled = rule(entry, flight, assumptions);
    let said = evaluate(&whole(place, loaded), &FlightView { flight, assumptions });
    (compiled != said).then_some((compiled, said))
}
