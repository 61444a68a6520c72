//! What rules and the kernel write into a packet: the same as the simulator's, for all packets at once.
//! Input: a store, and what is written. Output: the store after that, in as many cases as it takes.

use std::sync::Arc;

use super::cubes::{Cubes, always};
use super::ranges::Ranges;
use super::store::{Redirected, Route, Store, Symbolic, Terms, gathered, scattered};
use super::variables::{Subject, Visit};
use crate::iptables::meaning::{Action, Ends, Field, Term, Then};
use crate::iptables::packet::{Fragment, State};
use crate::iptables::ruleset::{Address, AddressTypes, Hook, Rule, Target};
use crate::net::{Family, Prefix, bits_of};

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

fn fresh(terms: &mut Terms, visit: Option<Visit>, field: Field, domain: Option<Ranges>) -> Symbolic {
    let subject = Subject::After(visit, field, u32::MAX);
    let variable = match domain {
        Some(domain) => terms.variables.within(subject, domain),
        None => terms.variables.of(subject),
    };
    Symbolic::Plus(variable, 0)
}

/// A field becomes something that is not known.
pub fn lose(terms: &mut Terms, store: &mut Store, field: Field, visit: Option<Visit>) {
    match field {
        Field::Mark | Field::ConnectionMark => {
            let parts = terms.parts.clone();
            let lost =
                parts.into_iter().map(|part| Symbolic::Xor(terms.variables.of(Subject::After(visit, field, part)), 0));
            let lost = lost.collect();
            store.marks[usize::from(field == Field::ConnectionMark)] = lost;
        }
        Field::HopLimit => {
            let subject = Subject::After(visit, field, u32::MAX);
            let variable = terms.variables.of(subject);
            store.fields.insert(field, Symbolic::Table(variable, (0..=255).collect::<Vec<u8>>().into()));
        }
        field => {
            let term = fresh(terms, visit, field, None);
            store.fields.insert(field, term);
        }
    }
}

/// What is that of its connection, which is not known.
pub fn inherit(terms: &mut Terms, store: &mut Store, field: Field) {
    if field == Field::Destination {
        let domain = (store.route != Route::Out).then(|| possible(terms.family, false));
        let term = fresh(terms, None, field, domain);
        store.fields.insert(field, term);
    } else {
        lose(terms, store, field, None);
    }
    changes(store, field);
}

/// Counts a new address or port.
fn changes(store: &mut Store, field: Field) {
    for (count, ends) in store.changes.iter_mut().zip([Ends::Source, Ends::Destination]) {
        *count += u32::from(ends.have(field));
    }
}

/// The pieces of a packet are put together.
pub fn reassemble(terms: &mut Terms, store: &mut Store) {
    if store.fields.insert(Field::Fragment, Symbolic::Known(Fragment::No as u128))
        == Some(Symbolic::Known(Fragment::Later as u128))
    {
        for field in [Field::SourcePort, Field::DestinationPort, Field::TcpFlags] {
            let variable = terms.wire(field);
            store.fields.insert(field, Symbolic::Plus(variable, 0));
        }
    }
}

/// What connection tracking has found makes known.
pub fn tracked(terms: &mut Terms, mut store: Store, found: State) -> Store {
    match found {
        State::Related | State::Established => {
            for field in [Field::SourceTranslated, Field::DestinationTranslated] {
                lose(terms, &mut store, field, None);
            }
        }
        State::New if !store.fields.contains_key(&Field::OriginalDestination) => {
            let destination = terms.wire(Field::Destination);
            store.fields.insert(Field::OriginalDestination, Symbolic::Plus(destination, 0));
        }
        _ => {}
    }
    store
}

/// Rules see the interfaces of the way that the packet takes.
pub fn leave(terms: &mut Terms, store: &mut Store) {
    let [from, to] = [Field::InInterface, Field::OutInterface].map(|field| Symbolic::Plus(terms.wire(field), 0));
    let none = Symbolic::Known(0);
    let (from, to) = match store.route {
        _ if store.rerouted => {
            let lost = fresh(terms, None, Field::OutInterface, None);
            (from, lost)
        }
        Route::In => (from, none),
        // `lo` is the first name.
        Route::Out if store.to_itself => {
            let lo = terms.variables.within(Subject::After(None, Field::InInterface, u32::MAX), Ranges::within(0, 0));
            (none, Symbolic::Plus(lo, 0))
        }
        Route::Out => (none, to),
        Route::Forward => (from, to),
    };
    store.fields.insert(Field::InInterface, from);
    store.fields.insert(Field::OutInterface, to);
}

/// The packets that are not routed a second time: their mark and their destination are what they were.
pub fn unchanged(terms: &mut Terms, store: &Store, translates: bool) -> Cubes {
    if store.to_itself {
        return always();
    }
    let destination = store.fields.get(&Field::Destination);
    let lost = translates && matches!(destination, Some(Symbolic::Plus(..)));
    if store.redirected != Redirected::No || lost {
        return Vec::new();
    }
    let mut cubes = always();
    for (term, part) in store.marks[0].iter().zip(terms.parts.clone()) {
        let old = terms.variables.of(Subject::Bits(Field::Mark, part));
        let one = match term {
            Symbolic::Known(value) => terms.of_values(old, Ranges::within(*value, *value)),
            Symbolic::Xor(variable, 0) if *variable == old => always(),
            _ => Vec::new(),
        };
        cubes = terms.both(&cubes, &one);
    }
    cubes
}

/// The routing decision is made: what the destination is follows from it, where translation has left that open.
pub fn routed(store: &Store, forwarded: bool) -> Store {
    let mut store = store.clone();
    if store.fields.contains_key(&Field::DestinationType) {
        let kind = if forwarded { AddressTypes::UNICAST } else { AddressTypes::LOCAL };
        store.fields.insert(Field::DestinationType, Symbolic::Known(kind.into()));
    }
    store
}

/// The packets whose new destination is the one to which they came.
pub fn same_destination(terms: &mut Terms, store: &Store) -> Cubes {
    let old = terms.wire(Field::Destination);
    match store.fields.get(&Field::Destination) {
        Some(Symbolic::Known(address)) => terms.of_values(old, Ranges::within(*address, *address)),
        Some(Symbolic::Plus(variable, 0)) if *variable == old => always(),
        _ => Vec::new(),
    }
}

/// Does what an action does; a port that stays where it is among the new ones makes two cases of it.
pub fn act(
    terms: &mut Terms,
    action: &Action,
    cubes: Cubes,
    store: &Store,
    (rule, visit): (&Rule, Visit),
) -> Vec<(Cubes, Store)> {
    if cubes.is_empty() {
        return Vec::new();
    }
    let mut cases = vec![(cubes, store.clone())];
    for assign in &action.assigns {
        let mut next = Vec::new();
        for (cubes, mut store) in cases {
            if let Term::Near(first, last) = assign.term {
                let term = store.fields.get(&assign.field).cloned();
                let term = term.unwrap_or_else(|| Symbolic::Plus(terms.wire(assign.field), 0));
                let (stays, moves) = match term {
                    Symbolic::Known(port) if (first..=last).contains(&port) => (always(), Vec::new()),
                    Symbolic::Plus(variable, by) => {
                        let all = terms.variables.highest(variable);
                        let inside = Ranges::within(first, last).moved(-by, all);
                        (terms.of_values(variable, inside.clone()), terms.of_values(variable, inside.not(all)))
                    }
                    _ => (Vec::new(), always()),
                };
                let same = terms.both(&cubes, &stays);
                if !same.is_empty() {
                    next.push((same, store.clone()));
                }
                let others = terms.both(&cubes, &moves);
                if !others.is_empty() {
                    self::assign(terms, &mut store, (assign.field, Term::Within(first, last)), Some(visit), None);
                    next.push((others, store));
                }
                continue;
            }
            let offset = mapped(rule, assign.field);
            self::assign(terms, &mut store, (assign.field, assign.term), Some(visit), offset);
            next.push((cubes, store));
        }
        cases = next;
    }
    if action.then == Then::ToGateway {
        for (_, store) in &mut cases {
            match store.route {
                Route::Out if visit.hook == Hook::Output => store.to_itself = true,
                _ => store.route = Route::In,
            }
        }
    }
    cases
}

/// How far NETMAP moves an address that the rule itself holds in one network of that length: one of IPv6 round the end, where
/// that is nearer.
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
    Some(bits_of(network.address()).wrapping_sub(bits_of(old.address())) as i128)
}

/// A field becomes another; `moved`: an address by so much.
pub fn assign(
    terms: &mut Terms,
    store: &mut Store,
    (field, term): (Field, Term),
    visit: Option<Visit>,
    moved: Option<i128>,
) {
    match field {
        Field::Mark | Field::ConnectionMark => return mark(terms, store, (field, term), visit),
        Field::HopLimit => return hops(terms, store, term, visit),
        _ => {}
    }
    let last = terms.variables.last_of(field);
    let old = store.fields.get(&field).cloned().unwrap_or_else(|| Symbolic::Plus(terms.wire(field), 0));
    let is_address = matches!(field, Field::Source | Field::Destination);
    changes(store, field);
    let loopback = || (store.route != Route::Out).then(|| possible(terms.family, false));
    let new = match (term, old) {
        (Term::Within(first, end), _) if first == end => Symbolic::Known(first),
        (Term::Within(first, end) | Term::Near(first, end), _) => {
            let domain = Ranges::within(first, end);
            let domain =
                if is_address { loopback().map_or(domain.clone(), |possible| domain.and(&possible)) } else { domain };
            fresh(terms, visit, field, Some(domain))
        }
        (Term::OwnAddress, _) => fresh(terms, visit, field, Some(possible(terms.family, true))),
        (Term::Bits { keep, xor, .. }, Symbolic::Known(old)) => Symbolic::Known(old & keep ^ xor),
        (Term::Bits { keep: 0, xor, .. }, _) => Symbolic::Known(xor),
        (Term::Bits { .. }, Symbolic::Plus(variable, by)) if moved.is_some() => {
            Symbolic::Plus(variable, by.wrapping_add(moved.unwrap_or(0)))
        }
        (Term::Bits { keep, xor, .. }, _) => {
            let domain = Ranges::within(xor, (xor | keep).min(last));
            fresh(terms, visit, field, Some(domain))
        }
        (Term::Shift(by), Symbolic::Known(old)) => Symbolic::Known(old.saturating_add_signed(by.into()).min(last)),
        (Term::Shift(by), Symbolic::Plus(variable, before)) => Symbolic::Plus(variable, before + i128::from(by)),
        _ if is_address => {
            let domain = loopback();
            fresh(terms, visit, field, domain)
        }
        _ => fresh(terms, visit, field, None),
    };
    if field == Field::Destination {
        store.redirected = match term {
            Term::Within(..) | Term::Bits { .. } => Redirected::Address,
            _ => Redirected::Other,
        };
    }
    store.fields.insert(field, new);
}

fn mark(terms: &mut Terms, store: &mut Store, (field, term): (Field, Term), visit: Option<Visit>) {
    let (own, other) = (usize::from(field == Field::ConnectionMark), usize::from(field == Field::Mark));
    let whole = |parts: &[Symbolic], all: &[u32], mask: u32| {
        parts.iter().zip(all).filter(|(_, part)| **part & mask != 0).try_fold(0, |bits, (term, part)| match term {
            Symbolic::Known(value) => Some(bits | scattered(*value, *part)),
            _ => None,
        })
    };
    let all = terms.parts.clone();
    let known = |value: u32| all.iter().map(|part| Symbolic::Known(gathered(value, *part))).collect::<Vec<_>>();
    let new: Option<Vec<Symbolic>> = match term {
        Term::Bits { keep, from, xor } => {
            let (keep, xor) = (keep as u32, xor as u32);
            let from_mask = from.map_or(0, |(_, mask)| mask as u32);
            let parts = all.iter().enumerate().map(|(index, part)| {
                let bits = gathered(xor, *part);
                let old = (keep & part != 0).then(|| &store.marks[own][index]);
                let from = (from_mask & part != 0).then(|| &store.marks[other][index]);
                Some(match (old, from) {
                    (None, None) => Symbolic::Known(bits),
                    (Some(one), None) | (None, Some(one)) => turned(one, bits)?,
                    (Some(one), Some(Symbolic::Known(value))) | (Some(Symbolic::Known(value)), Some(one)) => {
                        turned(one, bits ^ value)?
                    }
                    _ => return None,
                })
            });
            parts.collect()
        }
        Term::Moved { keep, from, mask, by } => {
            let source = usize::from(from == Field::ConnectionMark);
            let value = whole(&store.marks[source], &all, mask).map(|value| value & mask);
            let distance = u32::from(by.unsigned_abs());
            let moved = value.map(|value| {
                if by < 0 { value.checked_shr(distance) } else { value.checked_shl(distance) }.unwrap_or(0)
            });
            moved.and_then(|moved| {
                let parts = all.iter().zip(&store.marks[own]).map(|(part, old)| {
                    let bits = gathered(moved, *part);
                    if keep & part == 0 { Some(Symbolic::Known(bits)) } else { turned(old, bits) }
                });
                parts.collect()
            })
        }
        Term::Within(first, last) if first == last => Some(known(first as u32)),
        _ => None,
    };
    match (new, term) {
        (Some(new), _) => store.marks[own] = new,
        // What is moved reaches some bits alone: the others stay.
        (None, Term::Moved { keep, mask, by, .. }) => {
            let distance = u32::from(by.unsigned_abs());
            let moved = if by < 0 { mask.checked_shr(distance) } else { mask.checked_shl(distance) };
            let changed = !keep | moved.unwrap_or(0);
            let old = store.marks[own].clone();
            lose(terms, store, field, visit);
            for ((lost, old), part) in store.marks[own].iter_mut().zip(old).zip(&all) {
                if part & changed == 0 {
                    *lost = old;
                }
            }
        }
        (None, _) => lose(terms, store, field, visit),
    }
}

/// A part with some bits turned over.
fn turned(term: &Symbolic, bits: u128) -> Option<Symbolic> {
    match term {
        Symbolic::Known(value) => Some(Symbolic::Known(value ^ bits)),
        Symbolic::Xor(variable, known) => Some(Symbolic::Xor(*variable, known ^ bits)),
        _ => None,
    }
}

fn hops(terms: &mut Terms, store: &mut Store, term: Term, visit: Option<Visit>) {
    let Some(Symbolic::Table(variable, table)) = store.fields.get(&Field::HopLimit).cloned() else { return };
    let change: &dyn Fn(u8) -> u8 = match term {
        Term::Shift(by) => &move |hops| (i32::from(hops) + by).clamp(0, 255) as u8,
        Term::Within(first, last) if first == last => &move |_| first as u8,
        Term::Bits { keep: 0, xor, .. } => &move |_| xor as u8,
        _ => return lose(terms, store, Field::HopLimit, visit),
    };
    let table: Arc<[u8]> = table.iter().map(|hops| change(*hops)).collect();
    store.fields.insert(Field::HopLimit, Symbolic::Table(variable, table));
}
