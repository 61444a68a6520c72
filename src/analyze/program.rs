//! The way of packets through all tables as one list: what a packet on the wire must be to meet each item.
//! Input: loaded rules, packets, and which fates are looked for. Output: items, of which the first that a packet meets counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::arrivals::{Arrival, Stage, Stretch, Waiting, wait};
use super::cubes::{Cube, Cubes, always};
use super::flatten::{flatten, times_before};
use super::identities::Identities;
use super::items::{Act, Detail, Ended, Item, ItemList, Rewritten};
use super::store::{Redirected, Route, Store, Symbolic, Terms};
use super::variables::Visit;
use super::write;
use crate::iptables::meaning::{Action, Context, Field, Then, conditions, state_number};
use crate::iptables::packet::State;
use crate::iptables::ruleset::{ChainPolicy, Hook, Part, Rule, Ruleset, States, Table, TableName};
use crate::simulate::{By, Place, Verdict};
use crate::way::{Discards, Step, Ways};

/// More items than any list has.
pub const MAX_ITEMS: usize = 400_000;

/// Makes the list.
pub struct Maker<'a> {
    /// Turns conditions into cubes.
    pub terms: &'a mut Terms,
    /// The list so far.
    pub list: ItemList,
    /// Whether it would be longer than `MAX_ITEMS`, or take too long.
    pub too_many: bool,
    ruleset: &'a Ruleset,
    ways: &'a Ways,
    identities: &'a Identities,
    /// Whether rules look at nothing of a connection but its state.
    pub plain: bool,
    detail: Detail,
    context: Context,
    /// The states that packets may be in, where it is said; else it is that of a first packet.
    pub states: Option<States>,
    waiting: BTreeMap<Stage, Waiting>,
    /// The packets that the list is for.
    all: Cube,
    /// How many more rules may be looked at.
    left: usize,
    /// What those are that come to where the list is made: rules for others are left out of it.
    reach: Cube,
}

impl<'a> Maker<'a> {
    /// An empty list for some packets, for which so many rules are looked at, at most.
    pub fn new(
        terms: &'a mut Terms,
        (ruleset, ways, identities, plain): (&'a Ruleset, &'a Ways, &'a Identities, bool),
        (states, detail): (Option<States>, Detail),
        (all, most): (Cube, usize),
    ) -> Maker<'a> {
        Maker {
            terms,
            list: ItemList::default(),
            too_many: false,
            ruleset,
            ways,
            identities,
            plain: plain && detail != Detail::Rewritten,
            detail,
            context: Context::of(ruleset.family),
            states,
            waiting: BTreeMap::new(),
            reach: all.clone(),
            all,
            left: most,
        }
    }

    /// The whole way of packets that begin with a store.
    pub fn walk(&mut self, store: Store) {
        let first = if store.route == Route::Out { Stretch::Sent } else { Stretch::Arriving };
        self.send(always(), (first, 0), store);
        while let Some((position, waiting)) = self.waiting.pop_first() {
            for arrival in waiting.list {
                if self.too_many || self.terms.too_many {
                    return;
                }
                let store = self.arrives(arrival);
                self.step(position, store);
            }
        }
    }

    fn push(&mut self, cubes: Cubes, act: Act) {
        for cube in cubes {
            if self.list.items.len() >= MAX_ITEMS {
                self.too_many = true;
                return;
            }
            self.list.items.push(Item { cube, act });
        }
    }

    /// Packets that the kernel discards by itself meet no fate.
    pub fn discard(&mut self, discards: &Discards, store: &Store) {
        for (condition, _) in &discards.list {
            let cubes = self.terms.cubes(condition, true, store);
            self.push(cubes, Act::Discard);
        }
    }

    /// Those that meet the cubes are at the end of their way.
    fn end(&mut self, cubes: Cubes, (verdict, by): (Verdict, Option<By>), store: &Store) {
        let by = by.filter(|_| self.detail == Detail::Decider);
        let passes = verdict == Verdict::Accept && self.detail == Detail::Rewritten;
        let act = self.list.end(Ended { verdict, by, rewritten: passes.then(|| Rewritten::of(store)) });
        self.push(cubes, act);
    }

    /// Those that meet the cubes come to a place with a store.
    pub fn send(&mut self, mut cubes: Cubes, to: Stage, store: Store) {
        cubes.retain(|cube| cube.meets(&self.reach));
        if cubes.is_empty() {
            return;
        }
        let arrival = self.leaves(cubes, store);
        wait(self.waiting.entry(to).or_default(), arrival, &self.all);
    }

    /// Those that meet the cubes are sent to a place that is not yet there.
    fn leaves(&mut self, cubes: Cubes, store: Store) -> Arrival {
        let from = self.list.items.len() as u32;
        let one = if let [cube] = &cubes[..] { cube.and(&self.reach) } else { None };
        let reach = one.unwrap_or_else(|| self.reach.clone());
        self.push(cubes, Act::Skip(u32::MAX));
        Arrival { store, items: (from..self.list.items.len() as u32).collect(), reach }
    }

    /// Those that were sent to this place are here.
    fn arrives(&mut self, arrival: Arrival) -> Store {
        self.arrive(&arrival.items);
        self.reach = arrival.reach;
        arrival.store
    }

    /// Items lead to what comes next.
    fn arrive(&mut self, items: &[u32]) {
        let here = self.list.items.len() as u32;
        items.iter().for_each(|item| self.list.items[*item as usize].act = Act::Skip(here));
    }

    fn steps(&self, stretch: Stretch) -> &'a [Step] {
        match stretch {
            Stretch::Arriving => &self.ways.arriving,
            Stretch::Local => &self.ways.local,
            Stretch::Forwarded => &self.ways.forwarded,
            Stretch::Sent => &self.ways.sent,
        }
    }

    fn step(&mut self, (stretch, index): Stage, store: Store) {
        let next = (stretch, index + 1);
        match self.steps(stretch).get(index) {
            Some(step) => self.one(step, next, store),
            None if stretch == Stretch::Arriving => self.route(store),
            None => self.end(always(), (Verdict::Accept, store.passed), &store),
        }
    }

    fn one(&mut self, step: &Step, next: Stage, mut store: Store) {
        match step {
            Step::Only(condition, inner) => {
                let others = self.terms.cubes(condition, false, &store);
                let all = others == always();
                if !others.is_empty() {
                    self.send(others, next, store.clone());
                }
                if !all {
                    self.one(inner, next, store);
                }
            }
            Step::Discard(discards) => {
                self.discard(discards, &store);
                self.send(always(), next, store);
            }
            Step::Reassemble => {
                write::reassemble(self.terms, &mut store);
                self.send(always(), next, store);
            }
            Step::Recall(first) => {
                // What was sent may have been translated then.
                if !self.plain {
                    write::lose(self.terms, &mut store, Field::OriginalDestination, None);
                    write::lose(self.terms, &mut store, Field::OriginalDestinationPort, None);
                }
                self.track(first, next, store);
            }
            Step::Track { first } => match store.fields.get(&Field::NoTrack) {
                Some(Symbolic::Known(1)) => {
                    store.fields.insert(Field::State, Symbolic::Known(state_number(State::Untracked)));
                    self.send(always(), next, store);
                }
                _ => self.track(first, next, store),
            },
            Step::Inherit(fields) => {
                let later = [State::Related, State::Established].map(|state| Symbolic::Known(state_number(state)));
                if store.fields.get(&Field::State).is_some_and(|known| later.contains(known)) {
                    return self.inherit(fields, next, store);
                }
                self.send(always(), next, store);
            }
            Step::Leave => {
                write::leave(self.terms, &mut store);
                self.send(always(), next, store);
            }
            Step::RouteAgain { translates } => {
                let unchanged = write::unchanged(self.terms, &store, *translates);
                write::leave(self.terms, &mut store);
                if !unchanged.is_empty() {
                    self.send(unchanged.clone(), next, store.clone());
                }
                if unchanged != always() {
                    write::lose(self.terms, &mut store, Field::OutInterface, None);
                    self.send(always(), next, store);
                }
            }
            Step::Assign(field, term) => {
                write::assign(self.terms, &mut store, (*field, *term), None, None);
                self.send(always(), next, store);
            }
            Step::Table(name, hook) => match self.ruleset.table(*name) {
                Some(table) => self.table(table, *hook, next, store),
                None => self.send(always(), next, store),
            },
        }
    }

    /// The routing decision after PREROUTING.
    fn route(&mut self, mut store: Store) {
        if store.route == Route::In && store.redirected == Redirected::Address {
            let own = match self.terms.assumptions.translated_to_own {
                Some(true) => always(),
                Some(false) => Vec::new(),
                // Only the address to which the packet came is known to be the gateway's own.
                None => write::same_destination(self.terms, &store),
            };
            if !own.is_empty() {
                self.send(own.clone(), (Stretch::Local, 0), write::routed(&store, false));
            }
            if own != always() {
                store.rerouted = true;
                self.send(always(), (Stretch::Forwarded, 0), write::routed(&store, true));
            }
            return;
        }
        let forwarded = store.route == Route::Forward;
        let to = (if forwarded { Stretch::Forwarded } else { Stretch::Local }, 0);
        self.send(always(), to, write::routed(&store, forwarded));
    }

    /// Whether a packet that passes here may still be stopped.
    fn may_stop(&self, (stretch, index): Stage) -> bool {
        self.steps(stretch).iter().skip(index).any(|step| {
            let step = if let Step::Only(_, inner) = step { inner } else { step };
            let Step::Table(name, hook) = step else { return matches!(step, Step::Discard(_)) };
            let Some(table) = self.ruleset.table(*name) else { return false };
            let base = table.chain(hook.chain()).and_then(|id| table.chains.get(id.0 as usize));
            base.is_some_and(|chain| chain.policy == Some(ChainPolicy::Drop))
                || table.rules.iter().any(|rule| match rule.target.then() {
                    Some(Then::Drop | Then::Reject(_)) => true,
                    Some(_) => false,
                    None => rule
                        .target
                        .actions(&self.context, *name, *hook)
                        .iter()
                        .any(|action| matches!(action.then, Then::Drop | Then::Reject(_))),
                })
        })
    }

    /// Packets that pass a table.
    fn passes(&mut self, cubes: Cubes, table: &Table, next: Stage, (mut store, by): (Store, By)) {
        let decides = table.name == TableName::Filter;
        if decides && self.detail != Detail::Rewritten && !self.may_stop(next) {
            return self.end(cubes, (Verdict::Accept, Some(by)), &store);
        }
        if decides && self.detail == Detail::Decider {
            store.passed = Some(by);
        }
        self.send(cubes, next, store);
    }

    fn table(&mut self, table: &'a Table, hook: Hook, next: Stage, store: Store) {
        let Some(base) = table.chain(hook.chain()) else { return self.send(always(), next, store) };
        let Some(steps) = flatten(table, base) else {
            self.too_many = true;
            return;
        };
        let policy =
            table.chains.get(base.0 as usize).and_then(|chain| chain.policy).map_or(Verdict::Accept, Verdict::from);
        // What a rule writes gives another store, whose packets meet the rest of the chain by themselves.
        let mut left: BTreeMap<u32, Waiting> = BTreeMap::new();
        let arrival = Arrival { store, items: Vec::new(), reach: self.reach.clone() };
        wait(left.entry(0).or_default(), arrival, &self.all);
        while let Some((start, stores)) = left.pop_first() {
            for arrival in stores.list {
                if self.too_many || self.terms.too_many {
                    return;
                }
                let store = self.arrives(arrival);
                let segment = Segment { table, hook, next, steps: &steps, start, policy };
                self.segment(&segment, store, &mut left);
            }
        }
    }

    /// The rest of a chain, for packets of one store.
    fn segment(&mut self, segment: &Segment, store: Store, left: &mut BTreeMap<u32, Waiting>) {
        let Segment { table, hook, next, steps, start, policy } = *segment;
        // The calls that they are in already.
        let inside: Arc<[u32]> = start.checked_sub(1).map_or([].into(), |before| steps[before as usize].calls.clone());
        let mut calls: Vec<(u32, Cubes)> = Vec::new();
        let mut back: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for index in start..steps.len() as u32 {
            if self.too_many {
                return;
            }
            if let Some(items) = back.remove(&index) {
                self.arrive(&items);
            }
            let step = &steps[index as usize];
            // The conditions of the calls that lead here.
            let same = calls.iter().zip(step.calls.iter()).take_while(|((known, _), call)| known == *call).count();
            calls.truncate(same);
            for call in &step.calls[same..] {
                let before = calls.last().map_or_else(always, |(_, cubes)| cubes.clone());
                let cubes = if inside.contains(call) {
                    before
                } else {
                    let rule = steps[*call as usize].rule.map(|rule| (&table.rules[rule as usize], rule));
                    match rule {
                        Some((rule, index)) if !before.is_empty() => {
                            let own = self.rule(rule, Place { table: table.name, rule: index }, &store);
                            self.terms.both(&before, &own)
                        }
                        _ => Vec::new(),
                    }
                };
                calls.push((*call, cubes));
            }
            let guard = calls.last().map_or_else(always, |(_, cubes)| cubes.clone());
            if guard.is_empty() {
                continue;
            }
            let mut goes_back = |maker: &mut Maker, cubes: Cubes| {
                let from = maker.list.items.len() as u32;
                maker.push(cubes, Act::Skip(u32::MAX));
                back.entry(step.back).or_default().extend(from..maker.list.items.len() as u32);
            };
            let Some(number) = step.rule else {
                goes_back(self, guard);
                continue;
            };
            let (rule, place) = (&table.rules[number as usize], Place { table: table.name, rule: number });
            if matches!(rule.target.then(), Some(Then::Call(_) | Then::Goto(_) | Then::GoOn | Then::Change)) {
                continue;
            }
            let own = self.rule(rule, place, &store);
            let cubes = self.terms.both(&guard, &own);
            if cubes.is_empty() {
                continue;
            }
            match rule.target.then() {
                Some(Then::Accept) => self.passes(cubes, table, next, (store.clone(), By::Rule(place))),
                Some(Then::Drop) => self.end(cubes, (Verdict::Drop, Some(By::Rule(place))), &store),
                Some(Then::Reject(with)) => self.end(cubes, (Verdict::Reject(with), Some(By::Rule(place))), &store),
                Some(Then::Return) => goes_back(self, cubes),
                _ => {
                    let actions = rule.target.actions(&self.context, table.name, hook);
                    for action in &actions {
                        self.act(segment, (rule, place, index), (action, &cubes), &store, left);
                    }
                }
            }
        }
        for items in back.values() {
            self.arrive(items);
        }
        let by = By::Policy(table.name, hook);
        match policy {
            Verdict::Accept => self.passes(always(), table, next, (store, by)),
            verdict => self.end(always(), (verdict, Some(by)), &store),
        }
    }

    fn rule(&mut self, rule: &Rule, place: Place, store: &Store) -> Cubes {
        let mut cubes = always();
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => self.too_many = true,
        }
        for (part, condition) in conditions(rule, &self.context) {
            let condition =
                if condition.is_of_rule() { condition.named(&self.identities.part(place, part)) } else { condition };
            let more = self.terms.cubes(&condition, true, store);
            cubes = self.terms.both(&cubes, &more);
            cubes.retain(|cube| cube.meets(&self.reach));
            if cubes.is_empty() {
                break;
            }
        }
        cubes
    }

    /// What a target does with packets that meet its rule.
    fn act(
        &mut self,
        segment: &Segment,
        (rule, place, index): (&Rule, Place, u32),
        (action, cubes): (&Action, &Cubes),
        store: &Store,
        left: &mut BTreeMap<u32, Waiting>,
    ) {
        let when = action.when.clone().named(&self.identities.part(place, Part::Target));
        let fits = self.terms.cubes(&when, true, store);
        let cubes = self.terms.both(cubes, &fits);
        let time = times_before(segment.steps, index);
        let visit = Visit { place: self.identities.place(place), hook: segment.hook, time };
        for (cubes, store) in write::act(self.terms, action, cubes, store, (rule, visit)) {
            match action.then {
                Then::Drop => self.end(cubes, (Verdict::Drop, Some(By::Rule(place))), &store),
                Then::Reject(with) => self.end(cubes, (Verdict::Reject(with), Some(By::Rule(place))), &store),
                Then::GoOn | Then::Change | Then::Return | Then::Call(_) | Then::Goto(_) => {
                    let arrival = self.leaves(cubes, store);
                    wait(left.entry(index + 1).or_default(), arrival, &self.all);
                }
                Then::Accept | Then::Translate | Then::ToGateway => {
                    self.passes(cubes, segment.table, segment.next, (store, By::Rule(place)));
                }
            }
        }
    }
}

/// A chain from one of its steps on.
#[derive(Clone, Copy)]
struct Segment<'b> {
    table: &'b Table,
    hook: Hook,
    next: Stage,
    steps: &'b [super::flatten::Inlined],
    start: u32,
    policy: Verdict,
}
