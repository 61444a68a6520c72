//! A question about all packets that are described.
//! Input: loaded rules, packets, fates. Output: packets that meet such a fate, one after the other, or that there are no more.

use std::collections::HashMap;

use super::cubes::Cube;
use super::goals::{End, Search};
use super::program::{Item, Maker};
use super::ranges::Ranges;
use super::store::{Route, Store, Symbolic, Terms, parts};
use super::witness;
use crate::iptables::meaning::{Action, Condition, Context, Field, Term, Test, conditions};
use crate::iptables::packet::{Fragment, Packet};
use crate::iptables::ruleset::{Hook, Negatable, Ruleset, States};
use crate::net::{Family, Interface};
use crate::policy::{Packets, Traffic};
use crate::simulate::{Assumptions, Verdict};
use crate::traffic::set::condition;
use crate::way::{Discards, Ways, ways};

/// What is asked.
pub struct Question<'a> {
    /// The packets on the wire.
    pub packets: &'a Packets,
    /// How limits and the like are taken.
    pub assumptions: Assumptions,
    /// The verdicts that are looked for.
    pub is_goal: &'a dyn Fn(Verdict) -> bool,
}

/// What a list of items depends on, besides the rules. The one for all packets serves every question; where it would take
/// too long, there is one for each choice of interfaces.
type Key = (Route, Fragment, Option<States>, Assumptions, Option<Cube>);

/// The most rules that are looked at for one list: those in front of which something was written count again.
const MAX_RULES: usize = 5_000_000;

/// The rules of a family, ready for questions.
pub struct Analysis<'a> {
    ruleset: &'a Ruleset,
    ways: Ways,
    terms: Terms,
    lists: HashMap<Key, Option<Vec<Item>>>,
}

impl<'a> Analysis<'a> {
    /// Makes rules ready for questions about some packets; `declared`: interfaces that are there, besides those that rules
    /// and packets name.
    pub fn new<'b>(
        ruleset: &'a Ruleset,
        packets: impl Iterator<Item = &'b Packets>,
        declared: impl Iterator<Item = Interface>,
    ) -> Analysis<'a> {
        let family = ruleset.family;
        let mut masks = Vec::new();
        let see = |masks: &mut Vec<u32>, condition: &Condition| {
            condition.tests(&mut |field, test, _| {
                if let (Field::Mark | Field::ConnectionMark, Test::Masked { mask, .. }) = (field, test) {
                    masks.push(mask as u32);
                }
            });
        };
        let context = Context::of(family);
        let mut named: Vec<Interface> = declared.collect();
        for table in &ruleset.tables {
            for rule in &table.rules {
                conditions(rule, &context).iter().for_each(|(_, condition)| see(&mut masks, condition));
                for hook in Hook::ALL.into_iter().filter(|_| rule.target.then().is_none()) {
                    for action in rule.target.actions(&context, table.name, hook) {
                        masks.extend(mark_masks(&action));
                        see(&mut masks, &action.when);
                    }
                }
                let header = [rule.header.in_interface, rule.header.out_interface];
                named.extend(header.into_iter().flatten().map(|name| name.value));
            }
        }
        for packets in packets {
            see(&mut masks, &condition(packets, family));
            let Traffic { on, in_on, out_on, .. } = &packets.traffic;
            named.extend([on, in_on, out_on].into_iter().flat_map(|values| values.items.iter().copied()));
        }
        masks.sort_unstable();
        masks.dedup();
        let terms = Terms::new(family, names(named), parts(masks), Assumptions::default());
        Analysis { ruleset, ways: ways(ruleset), terms, lists: HashMap::new() }
    }

    /// Looks for packets with a fate, until `found` has enough.
    pub fn ask(&mut self, question: &Question, found: &mut dyn FnMut(Packet) -> bool) -> End {
        let Question { packets, assumptions, is_goal } = question;
        let family = self.ruleset.family;
        let wanted = condition(packets, family);
        let states = packets.traffic.states.map(only);
        let fragment = packets.fragment;
        self.terms.assumptions = *assumptions;
        for route in [Route::In, Route::Forward, Route::Out] {
            let start = Store::initial(&mut self.terms, route, fragment);
            let wire = on_the_wire(&mut self.terms, &start);
            let clips = self.terms.cubes(&wanted, true, &wire);
            if std::mem::take(&mut self.terms.too_many) {
                return End::TooMuch;
            }
            if clips.is_empty() {
                continue;
            }
            let interfaces = [Field::InInterface, Field::OutInterface].map(|field| self.terms.wire(field));
            for clip in clips {
                let mut on = clip.clone();
                on.0.retain(|(variable, _)| interfaces.contains(variable));
                let mut key = (route, fragment, states, *assumptions, None);
                if !self.is_listed(&key, &start, &wire) {
                    key.4 = Some(on);
                    if !self.is_listed(&key, &start, &wire) {
                        return End::TooMuch;
                    }
                }
                let Some(clip) = clip.and(&universe(&mut self.terms, route, &clip)) else { continue };
                let Some(Some(items)) = self.lists.get(&key) else { return End::TooMuch };
                let terms = &self.terms;
                let end = Search::new(items, &clip, terms, is_goal).run(&mut |point| {
                    let said = states.is_some();
                    found(witness::packet(terms, (route, fragment, said), &clip, point))
                });
                if end != End::Complete {
                    return end;
                }
            }
        }
        End::Complete
    }

    /// Whether there is a list for a key: it is made once.
    fn is_listed(&mut self, key: &Key, start: &Store, wire: &Store) -> bool {
        if !self.lists.contains_key(key) {
            let rules: usize = self.ruleset.tables.iter().map(|table| table.rules.len()).sum();
            let part = key.4.clone().map_or((Cube::default(), 4 * rules + 1_000), |on| (on, MAX_RULES));
            let mut maker = Maker::new(&mut self.terms, (self.ruleset, &self.ways), key.2, part);
            maker.discard(Discards::on_the_wire(maker.terms.family), wire);
            maker.walk(start.clone());
            let (items, too_many) = (std::mem::take(&mut maker.items), maker.too_many);
            let too_many = std::mem::take(&mut self.terms.too_many) || too_many;
            self.lists.insert(key.clone(), (!too_many).then_some(items));
        }
        matches!(self.lists.get(key), Some(Some(_)))
    }
}

/// The states that are meant.
fn only(states: Negatable<States>) -> States {
    if states.negated { States(!states.value.0 & 0x1f) } else { states.value }
}

/// The masks of what an action writes into marks, and of what it copies.
fn mark_masks(action: &Action) -> Vec<u32> {
    let mut masks = Vec::new();
    for assign in action.assigns.iter().filter(|assign| matches!(assign.field, Field::Mark | Field::ConnectionMark)) {
        match assign.term {
            Term::Bits { keep, from, .. } => {
                masks.push(keep as u32);
                masks.extend(from.map(|(_, mask)| mask as u32));
            }
            Term::Moved { keep, mask, .. } => masks.extend([keep, mask]),
            _ => {}
        }
    }
    masks
}

/// A packet with both interfaces of its way, as packets are described.
fn on_the_wire(terms: &mut Terms, start: &Store) -> Store {
    let mut store = start.clone();
    if store.route != Route::In {
        let out = terms.wire(Field::OutInterface);
        store.fields.insert(Field::OutInterface, Symbolic::Plus(out, 0));
    }
    // The ports of a piece are those of the whole; its state is the one that it will have.
    for field in [Field::SourcePort, Field::DestinationPort, Field::TcpFlags, Field::State] {
        store.fields.remove(&field);
    }
    store
}

/// What can be a packet: interfaces of its way, protocols that can be named.
fn universe(terms: &mut Terms, route: Route, clip: &Cube) -> Cube {
    let last = terms.names.len() as u128 - 1;
    let beside_lo = Ranges::within(1, last);
    let nameless = |number: u128| match terms.family {
        Family::V4 => !matches!(number, 0 | 43 | 44 | 58 | 59 | 60),
        Family::V6 => !matches!(number, 0 | 1 | 2 | 43 | 44 | 59 | 60),
    };
    let protocols = Ranges::of(0xff, nameless);
    let mut cubes = vec![(terms.wire(Field::Protocol), protocols)];
    // 255 cannot be named.
    cubes.push((terms.wire(Field::IcmpType), Ranges::within(0, 254)));
    if route == Route::Forward {
        let [from, to, same] =
            [Field::InInterface, Field::OutInterface, Field::SameInterface].map(|field| terms.wire(field));
        cubes.push((from, beside_lo.clone()));
        cubes.push((to, beside_lo.clone()));
        let of = |variable| {
            let said = clip.0.iter().find(|(known, _)| *known == variable).map(|(_, values)| values.and(&beside_lo));
            said.unwrap_or_else(|| beside_lo.clone())
        };
        let (one, other) = (of(from), of(to));
        let single = |values: &Ranges| matches!(values.list(), [(first, last)] if first == last);
        if one.and(&other).is_empty() {
            cubes.push((same, Ranges::within(0, 0)));
        } else if one == other && single(&one) {
            cubes.push((same, Ranges::within(1, 1)));
        }
    }
    cubes.sort_by_key(|(variable, _)| *variable);
    Cube(cubes)
}

/// `lo`, every name, and two for each pattern that are none of the others: they stand for all that there may be.
fn names(named: Vec<Interface>) -> Vec<Interface> {
    let mut names: Vec<Interface> = Interface::new("lo").into_iter().collect();
    let mut patterns = vec![String::new()];
    for name in named {
        match name.pattern() {
            Some(prefix) if !patterns.iter().any(|known| known == prefix) => patterns.push(prefix.to_owned()),
            Some(_) => {}
            None if !names.contains(&name) => names.push(name),
            None => {}
        }
    }
    let exact = names.len();
    for prefix in &patterns {
        let mut found = 0;
        // A letter that no longer pattern goes on with, and no name ends with.
        let own: &[&str] = if prefix.is_empty() { &["other0", "other1"] } else { &["0", "1"] };
        for end in own.iter().copied().chain(["x", "y", "z", "q", "w0", "k9", "x7y", "q8z"]) {
            let Some(name) = Interface::new(&format!("{prefix}{end}")) else { continue };
            let longer =
                patterns.iter().any(|other| other.len() > prefix.len() && name.name().starts_with(other.as_str()));
            if !longer && !names[..exact].contains(&name) {
                names.push(name);
                found += 1;
            }
            if found == 2 {
                break;
            }
        }
    }
    names
}
