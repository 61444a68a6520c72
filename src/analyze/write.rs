//! What rules and the kernel write into a packet: the same as the simulator's, for all packets at once.
//! Input: a state, and what is written. Output: the state after that, in as many cases as it takes.

use std::sync::Arc;

use super::cubes::{Cubes, always};
use super::ranges::Ranges;
use super::state::{Redirected, Route, State, Term, Terms, gathered, scattered};
use super::variables::Subject;
use crate::iptables::meaning::{Action, Field, Term as Written, Then};
use crate::iptables::packet::{Fragment, State as Tracked};
use crate::iptables::ruleset::{Address, AddressTypes, Hook, Rule, Target};
use crate::net::{Family, Prefix, bits_of};
use crate::simulate::Place;

/// Addresses that translation makes of no destination: loopback, and of the gateway's own those that no interface has.
fn possible(family: Family, own: bool) -> Ranges {
    let last = family.last();
    let never: &[(u128, u128)] = match (family, own) {
        (Family::V4, false) => &[(0x7f00_0000, 0x7fff_ffff)],
        (Family::V4, true) => {
            &[(0, 0), (0x7f00_0000, 0x7fff_ffff), (0xe000_0000, 0xefff_ffff), (0xffff_ffff, 0xffff_ffff)]
        }
        (Family::V6, false) => &[(1, 1)],
        (Family::V6, true) => &[(0, 1), (0xff << 120, u128::MAX)],
    };
    let all = Ranges::within(0, last);
    never.iter().fold(all, |left, (first, end)| left.and(&Ranges::within(*first, *end).not(last)))
}

fn fresh(terms: &mut Terms, place: Option<Place>, field: Field, domain: Option<Ranges>) -> Term {
    let subject = Subject::After(place, field, u32::MAX);
    let variable = match domain {
        Some(domain) => terms.variables.within(subject, domain),
        None => terms.variables.of(subject),
    };
    Term::Plus(variable, 0)
}

/// A field becomes something that is not known.
pub fn lose(terms: &mut Terms, state: &mut State, field: Field, place: Option<Place>) {
    match field {
        Field::Mark | Field::ConnectionMark => {
            let parts = terms.parts.clone();
            let lost =
                parts.into_iter().map(|part| Term::Xor(terms.variables.of(Subject::After(place, field, part)), 0));
            let lost = lost.collect();
            state.marks[usize::from(field == Field::ConnectionMark)] = lost;
        }
        Field::HopLimit => {
            let subject = Subject::After(place, field, u32::MAX);
            let variable = terms.variables.of(subject);
            state.fields.insert(field, Term::Table(variable, (0..=255).collect::<Vec<u8>>().into()));
        }
        field => {
            let term = fresh(terms, place, field, None);
            state.fields.insert(field, term);
        }
    }
}

/// What is that of its connection, which is not known.
pub fn inherit(terms: &mut Terms, state: &mut State, field: Field) {
    if field == Field::Destination {
        let domain = (state.route != Route::Out).then(|| possible(terms.family, false));
        let term = fresh(terms, None, field, domain);
        state.fields.insert(field, term);
    } else {
        lose(terms, state, field, None);
    }
    if matches!(field, Field::Destination | Field::DestinationPort) {
        state.changes += 1;
    }
}

/// The pieces of a packet are put together.
pub fn reassemble(terms: &mut Terms, state: &mut State) {
    if state.fields.insert(Field::Fragment, Term::Known(Fragment::No as u128))
        == Some(Term::Known(Fragment::Later as u128))
    {
        for field in [Field::SourcePort, Field::DestinationPort, Field::TcpFlags] {
            let variable = terms.wire(field);
            state.fields.insert(field, Term::Plus(variable, 0));
        }
    }
}

/// What connection tracking has found makes known.
pub fn tracked(terms: &mut Terms, mut state: State, found: Tracked) -> State {
    match found {
        Tracked::Related | Tracked::Established => {
            for field in [Field::SourceTranslated, Field::DestinationTranslated] {
                lose(terms, &mut state, field, None);
            }
        }
        Tracked::New if !state.fields.contains_key(&Field::OriginalDestination) => {
            let destination = terms.wire(Field::Destination);
            state.fields.insert(Field::OriginalDestination, Term::Plus(destination, 0));
        }
        _ => {}
    }
    state
}

/// Rules see the interfaces of the way that the packet takes.
pub fn leave(terms: &mut Terms, state: &mut State) {
    let [from, to] = [Field::InInterface, Field::OutInterface].map(|field| Term::Plus(terms.wire(field), 0));
    let none = Term::Known(0);
    let (from, to) = match state.route {
        _ if state.rerouted => {
            let lost = fresh(terms, None, Field::OutInterface, None);
            (from, lost)
        }
        Route::In => (from, none),
        // `lo` is the first name.
        Route::Out if state.to_itself => {
            let lo = terms.variables.within(Subject::After(None, Field::InInterface, u32::MAX), Ranges::within(0, 0));
            (none, Term::Plus(lo, 0))
        }
        Route::Out => (none, to),
        Route::Forward => (from, to),
    };
    state.fields.insert(Field::InInterface, from);
    state.fields.insert(Field::OutInterface, to);
}

/// The packets that are not routed a second time: their mark and their destination are what they were.
pub fn unchanged(terms: &mut Terms, state: &State, translates: bool) -> Cubes {
    if state.to_itself {
        return always();
    }
    let destination = state.fields.get(&Field::Destination);
    let lost = translates && matches!(destination, Some(Term::Plus(..)));
    if state.redirected != Redirected::No || lost {
        return Vec::new();
    }
    let mut cubes = always();
    for (term, part) in state.marks[0].iter().zip(terms.parts.clone()) {
        let old = terms.variables.of(Subject::Bits(Field::Mark, part));
        let one = match term {
            Term::Known(value) => terms.of_values(old, Ranges::within(*value, *value)),
            Term::Xor(variable, 0) if *variable == old => always(),
            _ => Vec::new(),
        };
        cubes = terms.both(&cubes, &one);
    }
    cubes
}

/// The routing decision is made: what the destination is follows from it, where translation has left that open.
pub fn routed(state: &State, forwarded: bool) -> State {
    let mut state = state.clone();
    if state.fields.contains_key(&Field::DestinationType) {
        let kind = if forwarded { AddressTypes::UNICAST } else { AddressTypes::LOCAL };
        state.fields.insert(Field::DestinationType, Term::Known(kind.into()));
    }
    state
}

/// The packets whose new destination is the one to which they came.
pub fn same_destination(terms: &mut Terms, state: &State) -> Cubes {
    let old = terms.wire(Field::Destination);
    match state.fields.get(&Field::Destination) {
        Some(Term::Known(address)) => terms.of_values(old, Ranges::within(*address, *address)),
        Some(Term::Plus(variable, 0)) if *variable == old => always(),
        _ => Vec::new(),
    }
}

/// Does what an action does; a port that stays where it is among the new ones makes two cases of it.
pub fn act(
    terms: &mut Terms,
    action: &Action,
    cubes: Cubes,
    state: &State,
    (rule, place): (&Rule, Place),
    hook: Hook,
) -> Vec<(Cubes, State)> {
    if cubes.is_empty() {
        return Vec::new();
    }
    let mut cases = vec![(cubes, state.clone())];
    for assign in &action.assigns {
        let mut next = Vec::new();
        for (cubes, mut state) in cases {
            if let Written::Near(first, last) = assign.term {
                let term = state.fields.get(&assign.field).cloned();
                let term = term.unwrap_or_else(|| Term::Plus(terms.wire(assign.field), 0));
                let (stays, moves) = match term {
                    Term::Known(port) if (first..=last).contains(&port) => (always(), Vec::new()),
                    Term::Plus(variable, by) => {
                        let all = terms.variables.highest(variable);
                        let inside = Ranges::within(first, last).moved(-by, all);
                        (terms.of_values(variable, inside.clone()), terms.of_values(variable, inside.not(all)))
                    }
                    _ => (Vec::new(), always()),
                };
                let same = terms.both(&cubes, &stays);
                if !same.is_empty() {
                    next.push((same, state.clone()));
                }
                let others = terms.both(&cubes, &moves);
                if !others.is_empty() {
                    self::assign(terms, &mut state, (assign.field, Written::Within(first, last)), Some(place), None);
                    next.push((others, state));
                }
                continue;
            }
            let offset = mapped(rule, assign.field);
            self::assign(terms, &mut state, (assign.field, assign.term), Some(place), offset);
            next.push((cubes, state));
        }
        cases = next;
    }
    if action.then == Then::ToGateway {
        for (_, state) in &mut cases {
            match state.route {
                Route::Out if hook == Hook::Output => state.to_itself = true,
                _ => state.route = Route::In,
            }
        }
    }
    cases
}

/// How far NETMAP moves an address that the rule itself holds in one network of that length.
fn mapped(rule: &Rule, field: Field) -> Option<i128> {
    let Target::Netmap(network) = &rule.target else { return None };
    let wanted = match field {
        Field::Source => &rule.header.source,
        Field::Destination => &rule.header.destination,
        _ => return None,
    };
    let wanted = wanted.as_ref().filter(|wanted| !wanted.negated)?;
    let Address::Prefix(old) = &wanted.value else { return None };
    if old.length() < network.length() {
        return None;
    }
    let old = Prefix::containing(old.address(), network.length())?;
    Some(bits_of(network.address()) as i128 - bits_of(old.address()) as i128)
}

/// A field becomes another; `moved`: an address by so much.
pub fn assign(
    terms: &mut Terms,
    state: &mut State,
    (field, term): (Field, Written),
    place: Option<Place>,
    moved: Option<i128>,
) {
    match field {
        Field::Mark | Field::ConnectionMark => return mark(terms, state, (field, term), place),
        Field::HopLimit => return hops(terms, state, term, place),
        _ => {}
    }
    let last = terms.variables.last_of(field);
    let old = state.fields.get(&field).cloned().unwrap_or_else(|| Term::Plus(terms.wire(field), 0));
    let is_address = matches!(field, Field::Source | Field::Destination);
    if is_address || matches!(field, Field::SourcePort | Field::DestinationPort) {
        state.changes += 1;
    }
    let loopback = || (state.route != Route::Out).then(|| possible(terms.family, false));
    let new = match (term, old) {
        (Written::Within(first, end), _) if first == end => Term::Known(first),
        (Written::Within(first, end) | Written::Near(first, end), _) => {
            let domain = Ranges::within(first, end);
            let domain =
                if is_address { loopback().map_or(domain.clone(), |possible| domain.and(&possible)) } else { domain };
            fresh(terms, place, field, Some(domain))
        }
        (Written::OwnAddress, _) => fresh(terms, place, field, Some(possible(terms.family, true))),
        (Written::Bits { keep, xor, .. }, Term::Known(old)) => Term::Known(old & keep ^ xor),
        (Written::Bits { keep: 0, xor, .. }, _) => Term::Known(xor),
        (Written::Bits { .. }, Term::Plus(variable, by)) if moved.is_some() => {
            Term::Plus(variable, by + moved.unwrap_or(0))
        }
        (Written::Bits { keep, xor, .. }, _) => {
            let domain = Ranges::within(xor, (xor | keep).min(last));
            fresh(terms, place, field, Some(domain))
        }
        (Written::Shift(by), Term::Known(old)) => Term::Known(old.saturating_add_signed(by.into()).min(last)),
        (Written::Shift(by), Term::Plus(variable, before)) => Term::Plus(variable, before + i128::from(by)),
        _ if is_address => {
            let domain = loopback();
            fresh(terms, place, field, domain)
        }
        _ => fresh(terms, place, field, None),
    };
    if field == Field::Destination {
        state.redirected = match term {
            Written::Within(..) | Written::Bits { .. } => Redirected::Address,
            _ => Redirected::Other,
        };
    }
    state.fields.insert(field, new);
}

fn mark(terms: &mut Terms, state: &mut State, (field, term): (Field, Written), place: Option<Place>) {
    let (own, other) = (usize::from(field == Field::ConnectionMark), usize::from(field == Field::Mark));
    let whole = |parts: &[Term], all: &[u32], mask: u32| {
        parts.iter().zip(all).filter(|(_, part)| **part & mask != 0).try_fold(0, |bits, (term, part)| match term {
            Term::Known(value) => Some(bits | scattered(*value, *part)),
            _ => None,
        })
    };
    let all = terms.parts.clone();
    let known = |value: u32| all.iter().map(|part| Term::Known(gathered(value, *part))).collect::<Vec<_>>();
    let new: Option<Vec<Term>> = match term {
        Written::Bits { keep, from, xor } => {
            let (keep, xor) = (keep as u32, xor as u32);
            let from_mask = from.map_or(0, |(_, mask)| mask as u32);
            let parts = all.iter().enumerate().map(|(index, part)| {
                let bits = gathered(xor, *part);
                let old = (keep & part != 0).then(|| &state.marks[own][index]);
                let from = (from_mask & part != 0).then(|| &state.marks[other][index]);
                Some(match (old, from) {
                    (None, None) => Term::Known(bits),
                    (Some(one), None) | (None, Some(one)) => turned(one, bits)?,
                    (Some(one), Some(Term::Known(value))) | (Some(Term::Known(value)), Some(one)) => {
                        turned(one, bits ^ value)?
                    }
                    _ => return None,
                })
            });
            parts.collect()
        }
        Written::Moved { keep, from, mask, by } => {
            let source = usize::from(from == Field::ConnectionMark);
            let value = whole(&state.marks[source], &all, mask).map(|value| value & mask);
            let old = if keep == 0 { Some(0) } else { whole(&state.marks[own], &all, keep) };
            let distance = u32::from(by.unsigned_abs());
            let moved = value.map(|value| {
                if by < 0 { value.checked_shr(distance) } else { value.checked_shl(distance) }.unwrap_or(0)
            });
            old.zip(moved).map(|(old, moved)| known((old & keep) ^ moved))
        }
        Written::Within(first, last) if first == last => Some(known(first as u32)),
        _ => None,
    };
    match new {
        Some(new) => state.marks[own] = new,
        None => lose(terms, state, field, place),
    }
}

/// A part with some bits turned over.
fn turned(term: &Term, bits: u128) -> Option<Term> {
    match term {
        Term::Known(value) => Some(Term::Known(value ^ bits)),
        Term::Xor(variable, known) => Some(Term::Xor(*variable, known ^ bits)),
        _ => None,
    }
}

fn hops(terms: &mut Terms, state: &mut State, term: Written, place: Option<Place>) {
    let Some(Term::Table(variable, table)) = state.fields.get(&Field::HopLimit).cloned() else { return };
    let change: &dyn Fn(u8) -> u8 = match term {
        Written::Shift(by) => &move |hops| (i32::from(hops) + by).clamp(0, 255) as u8,
        Written::Within(first, last) if first == last => &move |_| first as u8,
        Written::Bits { keep: 0, xor, .. } => &move |_| xor as u8,
        _ => return lose(terms, state, Field::HopLimit, place),
    };
    let table: Arc<[u8]> = table.iter().map(|hops| change(*hops)).collect();
    state.fields.insert(Field::HopLimit, Term::Table(variable, table));
}
