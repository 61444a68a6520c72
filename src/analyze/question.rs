//! A question about all packets that are described.
//! Input: loaded rules, packets, fates. Output: packets that meet such a fate, one after the other, or that there are no more.

use std::collections::HashMap;

use super::cubes::{Cube, Cubes};
use super::goals::{End, Search};
use super::identities::Identities;
use super::items::{Detail, ItemList};
use super::paths::merged;
use super::program::Maker;
use super::ranges::Ranges;
use super::store::{NamePattern, Route, Store, Symbolic, Terms, parts};
use super::witness;
use super::wording::is_nameless;
use crate::iptables::meaning::{Action, Condition, Context, Field, Term, Test, conditions, translates};
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
pub type ListKey = (Route, Fragment, Option<States>, Assumptions, Detail, Option<Cube>);

/// The most rules that are looked at for one list: those in front of which something was written count again.
const MAX_RULES: usize = 5_000_000;

/// Rules of a family, with what is the same in the others that are compared with them.
pub struct RuleSide<'a> {
    ruleset: &'a Ruleset,
    ways: Ways,
    identities: Identities,
    /// Whether rules look at nothing of a connection but its state.
    plain: bool,
    /// The lists that were made; `None`: it would take too long.
    pub lists: HashMap<ListKey, Option<ItemList>>,
}

/// The rules of a family, ready for questions.
pub struct Analysis<'a> {
    /// The rulesets.
    pub(super) sides: Vec<RuleSide<'a>>,
    /// What is within the first of two limits is within the second.
    pub(super) implied: Vec<[String; 2]>,
    /// What is known of packets.
    pub(super) terms: Terms,
}

impl<'a> Analysis<'a> {
    /// Makes rules ready for questions about some packets; `declared`: interfaces that are there, besides those that rules
    /// and packets name.
    pub fn new<'b>(
        ruleset: &'a Ruleset,
        packets: impl Iterator<Item = &'b Packets>,
        declared: impl Iterator<Item = Interface>,
    ) -> Analysis<'a> {
        Analysis::of_sides(vec![(ruleset, Identities::default())], packets, declared)
    }

    /// Makes the rules of two rulesets of a family ready to be compared.
    pub fn of_both<'b>(
        old: &'a Ruleset,
        new: &'a Ruleset,
        packets: impl Iterator<Item = &'b Packets>,
        declared: impl Iterator<Item = Interface>,
    ) -> Analysis<'a> {
        let [of_old, of_new] = Identities::of_both(old, new);
        Analysis::of_sides(vec![(old, of_old), (new, of_new)], packets, declared)
    }

    fn of_sides<'b>(
        rulesets: Vec<(&'a Ruleset, Identities)>,
        packets: impl Iterator<Item = &'b Packets>,
        declared: impl Iterator<Item = Interface>,
    ) -> Analysis<'a> {
        let family = rulesets.first().map_or(Family::V4, |(ruleset, _)| ruleset.family);
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
        for table in rulesets.iter().flat_map(|(ruleset, _)| &ruleset.tables) {
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
        let (names, patterns) = names(named);
        let terms = Terms::new(family, names, patterns, parts(masks), Assumptions::default());
        let side = |(ruleset, identities)| RuleSide {
            ruleset,
            ways: ways(ruleset),
            identities,
            plain: !translates(ruleset) && !asks_for_connections(ruleset),
            lists: HashMap::new(),
        };
        let implied = match &rulesets[..] {
            [(_, old), (_, new)] => Identities::implied(old, new),
            _ => Vec::new(),
        };
        Analysis { sides: rulesets.into_iter().map(side).collect(), implied, terms }
    }

    /// Looks for packets with a fate, until `found` has enough.
    pub fn ask(&mut self, question: &Question, found: &mut dyn FnMut(Packet) -> bool) -> End {
        let Question { packets, assumptions, is_goal } = question;
        let states = packets.traffic.states.map(only);
        for route in Route::ALL {
            let Some(clips) = self.clips(route, packets, *assumptions) else { return End::TooMuch };
            for clip in clips {
                let key = (route, packets.fragment, states, *assumptions, Detail::Verdict, None);
                let Some(key) = self.listed(0, key, &clip) else { return End::TooMuch };
                let Some(clip) = clip.and(&universe(&mut self.terms, route, &clip)) else { continue };
                let Some(Some(list)) = self.sides[0].lists.get(&key) else { return End::TooMuch };
                let terms = &self.terms;
                let end = Search::new(list, &clip, terms, &|end| is_goal(end.verdict)).run(&mut |point, _| {
                    let said = states.is_some();
                    found(witness::packet(terms, (route, packets.fragment, said), &clip, point))
                });
                if end != End::Complete {
                    return end;
                }
            }
        }
        End::Complete
    }

    /// What packets that go one way must be on the wire to be described; `None`, where that is too much.
    pub fn clips(&mut self, route: Route, packets: &Packets, assumptions: Assumptions) -> Option<Cubes> {
        self.terms.assumptions = assumptions;
        let start = Store::initial(&mut self.terms, route, packets.fragment);
        let wire = on_the_wire(&mut self.terms, &start);
        let clips = self.terms.cubes(&condition(packets, self.terms.family), true, &wire);
        (!std::mem::take(&mut self.terms.too_many)).then(|| merged(clips, &self.terms.variables))
    }

    /// The key of a list that serves the packets of a cube, which is made once; `None`, where it would take too long.
    pub fn listed(&mut self, side: usize, mut key: ListKey, clip: &Cube) -> Option<ListKey> {
        // The list tells states apart by itself: the packets say which are meant.
        if self.sides[side].plain && key.4 != Detail::Rewritten {
            key.2 = key.2.map(|_| States::ALL);
        }
        if self.is_listed(side, &key) {
            return Some(key);
        }
        let interfaces = [Field::InInterface, Field::OutInterface].map(|field| self.terms.wire(field));
        let mut on = clip.clone();
        on.0.retain(|(variable, _)| interfaces.contains(variable));
        let key = (key.0, key.1, key.2, key.3, key.4, Some(on));
        self.is_listed(side, &key).then_some(key)
    }

    /// Whether there is a list for a key.
    fn is_listed(&mut self, side: usize, key: &ListKey) -> bool {
        let RuleSide { ruleset, ways, identities, plain, lists } = &mut self.sides[side];
        if !lists.contains_key(key) {
            let (route, fragment, states, assumptions, detail, on) = key;
            self.terms.assumptions = *assumptions;
            let start = Store::initial(&mut self.terms, *route, *fragment);
            let wire = on_the_wire(&mut self.terms, &start);
            let rules: usize = ruleset.tables.iter().map(|table| table.rules.len()).sum();
            let part = on.clone().map_or((Cube::default(), 4 * rules + 1_000), |on| (on, MAX_RULES));
            let mut maker = Maker::new(&mut self.terms, (ruleset, ways, identities, *plain), (*states, *detail), part);
            maker.discard(Discards::on_the_wire(maker.terms.family), &wire);
            maker.walk(start);
            let (list, too_many) = (std::mem::take(&mut maker.list), maker.too_many);
            let too_many = std::mem::take(&mut self.terms.too_many) || too_many;
            lists.insert(key.clone(), (!too_many).then_some(list));
        }
        matches!(lists.get(key), Some(Some(_)))
    }
}

/// The states that are meant.
pub fn only(states: Negatable<States>) -> States {
    if states.negated { States(!states.value.0 & States::ALL.0) } else { states.value }
}

/// Whether rules look at more of a connection than its state: its mark, its translation, its first destination.
fn asks_for_connections(ruleset: &Ruleset) -> bool {
    const OF_CONNECTIONS: [Field; 5] = [
        Field::ConnectionMark,
        Field::SourceTranslated,
        Field::DestinationTranslated,
        Field::OriginalDestination,
        Field::OriginalDestinationPort,
    ];
    let context = Context::of(ruleset.family);
    let mut asks = false;
    for table in &ruleset.tables {
        for rule in &table.rules {
            let mut see = |field: Field, _, _| asks |= OF_CONNECTIONS.contains(&field);
            conditions(rule, &context).iter().for_each(|(_, condition)| condition.tests(&mut see));
            for hook in Hook::ALL.into_iter().filter(|_| rule.target.then().is_none()) {
                for action in rule.target.actions(&context, table.name, hook) {
                    action.when.tests(&mut see);
                    let assigns = action.assigns.iter().map(|assign| (assign.field, assign.term));
                    assigns.for_each(|(field, term)| match term {
                        Term::Bits { from: Some((from, _)), .. } | Term::Moved { from, .. } => {
                            see(field, Test::Within(0, 0), false);
                            see(from, Test::Within(0, 0), false);
                        }
                        _ => see(field, Test::Within(0, 0), false),
                    });
                }
            }
        }
    }
    asks
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
pub fn universe(terms: &mut Terms, route: Route, clip: &Cube) -> Cube {
    let last = terms.names.len() as u128 - 1;
    let beside_lo = Ranges::within(1, last);
    let family = terms.family;
    let protocols = Ranges::of(0xff, |number| !is_nameless(family, number));
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
/// With them how many are names, and the patterns.
fn names(named: Vec<Interface>) -> (Vec<Interface>, Vec<NamePattern>) {
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
    let mut standing = Vec::new();
    for prefix in &patterns {
        let mut found = 0;
        let first = names.len();
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
        standing.push(NamePattern { prefix: prefix.clone(), others: (first, names.len()) });
    }
    (names, standing)
}
