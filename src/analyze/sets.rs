//! What becomes of all packets that are described: sets of them, each of one kind.
//! Input: loaded rules, packets, and which ends are of one kind. Output: for each kind its packets, as cubes.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{Leaves, diagram};
use super::changed::changed;
use super::cubes::{Cube, Cubes, always};
use super::diagram::Id;
use super::goals::{End, Search};
use super::items::{Act, Detail, Ended, Item, ItemList};
use super::paths::{Paths, merged, paths};
use super::question::{Analysis, ListKey, only, universe};
use super::ranges::Ranges;
use super::space::{Column, Space};
use super::store::{Route, Store};
use super::variables::Subject;
use super::witness;
use super::wording::{HIDDEN, Phrase, Wording, rank};
use crate::iptables::meaning::{Doubt, Field, LOOSE, Unknown, state_number};
use crate::iptables::packet::{Fragment, Packet};
use crate::policy::Packets;
use crate::simulate::Assumptions;
use crate::way::first_states;

/// Which packets are asked about, and how.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// The packets on the wire.
    pub packets: &'a Packets,
    /// How limits and the like are taken.
    pub assumptions: Assumptions,
    /// What is kept of their way.
    pub detail: Detail,
    /// Whether only packets are meant that connection tracking finds in the state that the packet's kind has first.
    pub first: bool,
    /// Fields that no set is told by: whatever they are, packets are of one kind.
    pub hides: &'a [Field],
}

/// Tells kinds of packets apart.
pub struct Kinds<'a> {
    /// What an end is to the question, by ruleset: those with the same number are the same.
    pub class: &'a dyn Fn(usize, &Ended) -> u32,
    /// What classes, one of each ruleset, come to; `None`: the kernel discards the packet there, but not under the other
    /// rules. With two rulesets 0 is what is not different.
    pub outcome: &'a mut dyn FnMut(&[Option<u32>]) -> u32,
    /// The kind of packets with these outcomes, each where what they depend on is so; 0: nobody asks for them.
    pub kind: &'a mut dyn FnMut(&BTreeSet<u32>, &[&Subject]) -> u32,
}

/// The class, and the outcome, of what is not asked about.
const OUTSIDE: u32 = (1 << 21) + 1;

/// The outcome of what the kernel discards under all rules.
const NEVER: u32 = 1 << 21;

/// Sets of packets that go one way.
pub struct Sets {
    /// The way.
    pub route: Route,
    /// The packets of each kind.
    pub kinds: BTreeMap<u32, Paths>,
    keys: Vec<ListKey>,
    packets: Packets,
}

impl Analysis<'_> {
    /// The sets of packets of each kind, by way; `None`, where it would take too long.
    pub fn sets(&mut self, asked: &About, kinds: &mut Kinds) -> Option<Vec<Sets>> {
        let mut all = Vec::new();
        for route in Route::ALL {
            let mut clips = self.clips(route, asked.packets, asked.assumptions)?;
            if asked.first {
                let first = self.first(route);
                clips = self.terms.both(&clips, &first);
                if std::mem::take(&mut self.terms.too_many) {
                    return None;
                }
            }
            if clips.is_empty() {
                continue;
            }
            let states = asked.packets.traffic.states.map(only);
            let key = (route, asked.packets.fragment, states, asked.assumptions, asked.detail, None);
            let single = if let [clip] = &clips[..] { clip.clone() } else { Cube::default() };
            let Some(clip) = single.and(&universe(&mut self.terms, route, &single)) else { continue };
            let mut keys = Vec::new();
            for side in 0..self.sides.len() {
                keys.push(self.listed(side, key.clone(), &single)?);
            }
            let lists = keys.iter().zip(&self.sides).map(|(key, side)| side.lists.get(key)?.as_ref());
            let lists: Vec<&ItemList> = lists.collect::<Option<_>>()?;
            // Packets that several cubes describe come in by the first that they meet.
            let gate = if clips.len() > 1 { clips } else { Vec::new() };
            let never = self.contradictions();
            let before = never.len() + if gate.is_empty() { 0 } else { gate.len() + 1 };
            let gated: Vec<ItemList> =
                if before == 0 { Vec::new() } else { lists.iter().map(|list| behind(&never, &gate, list)).collect() };
            let changes = if let [old, new] = lists[..] { Some(changed(old, new)) } else { None };
            let matters = |side: usize, place: u32| {
                let place = (place as usize).checked_sub(before);
                place.is_some_and(|place| changes.as_ref().is_none_or(|changes| changes[side][place]))
            };
            let shown: Vec<&ItemList> = if gated.is_empty() { lists.clone() } else { gated.iter().collect() };
            let terms = &self.terms;
            let space = Space::new(&shown, &clip, terms);
            let classes: Vec<Vec<u32>> = (lists.iter().enumerate())
                .map(|(side, list)| list.ends.iter().map(|ended| (kinds.class)(side, ended)).collect())
                .collect();
            let class = |side: usize, end: u32| classes[side].get(end as usize).copied().unwrap_or(OUTSIDE);
            let mut leaf = |classes: &[Option<u32>]| match classes {
                [Some(OUTSIDE), ..] => OUTSIDE,
                classes if classes.iter().all(Option::is_none) => NEVER,
                classes => (kinds.outcome)(classes),
            };
            let mut leaves = Leaves {
                class: &class,
                leaf: &mut leaf,
                matters: changes.is_some().then_some(&matters as &dyn Fn(usize, u32) -> bool),
            };
            let by = |column: &Column| {
                let subject = terms.variables.subject(column.variable);
                let hides =
                    matches!(subject, Subject::Field(field) | Subject::Bits(field, _) if asked.hides.contains(field));
                if hides { HIDDEN } else { rank(subject) }
            };
            let mut diagram = diagram(space, &by, HIDDEN, &mut leaves)?;
            // What the kernel discards under all rules there is not: nobody asks about it.
            diagram.root = diagram.without(diagram.root, Id::leaf(NEVER));
            let ordinary = |column: &Column| ordinarily(terms.variables.subject(column.variable));
            let mut found = BTreeSet::new();
            let root = diagram.mapped(&mut |diagram, bottom| {
                let (mut leaves, mut levels) = diagram.below(bottom, &|_| None);
                // What happens to ordinary packets as well does not depend on their being so.
                let (own, own_levels) = diagram.below(bottom, &ordinary);
                let no_more = leaves.iter().all(|leaf| own.contains(leaf) || (*leaf == 0 && changes.is_some()));
                if no_more {
                    (leaves, levels) = (own, own_levels);
                }
                leaves.remove(&NEVER);
                leaves.remove(&OUTSIDE);
                if leaves.is_empty() {
                    return 0;
                }
                let subjects: Vec<&Subject> = levels
                    .iter()
                    .map(|level| terms.variables.subject(diagram.columns[*level as usize].variable))
                    .collect();
                let kind = (kinds.kind)(&leaves, &subjects);
                found.insert(kind);
                kind
            });
            found.remove(&0);
            let mut kinds = paths(&diagram, root, &found, &terms.variables);
            for paths in kinds.values_mut() {
                paths.cubes = paths.cubes.iter().filter_map(|cube| cube.and(&clip)).collect();
            }
            all.push(Sets { route, kinds, keys, packets: asked.packets.clone() });
        }
        Some(all)
    }

    /// The packets in the state that their kind has first.
    fn first(&mut self, route: Route) -> Cubes {
        let states = first_states(self.terms.family, route == Route::Out);
        let wire = Store::initial(&mut self.terms, route, Fragment::No);
        let state = self.terms.wire(Field::State);
        let (mut all, mut others) = (Vec::new(), always());
        for (condition, found) in &states.list {
            let own = self.terms.cubes(condition, true, &wire);
            let own = self.terms.both(&others, &own);
            let number = state_number(*found);
            all.extend(self.terms.both(&own, &[Cube::of(state, Ranges::within(number, number))]));
            let rest = self.terms.cubes(condition, false, &wire);
            others = self.terms.both(&others, &rest);
        }
        merged(all, &self.terms.variables)
    }

    /// What cannot be of what packets do not tell: within a limit and beyond a wider one, without any way back and with the
    /// one by their interface.
    fn contradictions(&self) -> Vec<Cube> {
        let variables = &self.terms.variables;
        let cube = |implies: Subject, implied: Subject| {
            let (one, other) = (variables.find(&implies)?, variables.find(&implied)?);
            Cube::of(one, Ranges::within(1, 1)).and(&Cube::of(other, Ranges::within(0, 0)))
        };
        let limit = |name: &String| Subject::Unclear(Doubt::Limit, Unknown::Words(name.as_str().into()), [0, 0]);
        let limits = self.implied.iter().filter_map(|[one, other]| cube(limit(one), limit(other)));
        let spoofed = variables.subjects().filter_map(|subject| {
            let Subject::Unclear(Doubt::Spoofed, Unknown::Words(words), changes) = subject else { return None };
            let strict = Unknown::Words(words.replace(LOOSE, "").into());
            let is_loose = words.contains(LOOSE);
            is_loose.then(|| cube(subject.clone(), Subject::Unclear(Doubt::Spoofed, strict, *changes)))?
        });
        limits.chain(spoofed).collect()
    }

    /// A cube of such a set in words; none, where its interfaces cannot be.
    pub fn words(&self, sets: &Sets, cube: &Cube) -> Vec<Phrase> {
        Wording { terms: &self.terms, route: sets.route, fragment: sets.packets.fragment }.describe(cube)
    }

    /// Who decides the packets of a cube under one of the rulesets: all who do; `None`, where that would take too long.
    pub fn deciders(&self, sets: &Sets, side: usize, cube: &Cube) -> Option<Vec<(Ended, Packet)>> {
        let list = self.sides[side].lists.get(&sets.keys[side])?.as_ref()?;
        let mut found = Vec::new();
        let said = sets.packets.traffic.states.is_some();
        let mut search = Search::new(list, cube, &self.terms, &|_| true).once();
        let end = search.run(&mut |point, end| {
            let packet = witness::packet(&self.terms, (sets.route, sets.packets.fragment, said), cube, point);
            found.push((list.ends[end as usize].clone(), packet));
            false
        });
        (end == End::Complete).then_some(found)
    }
}

/// The value of what a packet does not tell, for ordinary packets.
fn ordinarily(subject: &Subject) -> Option<u128> {
    match subject {
        Subject::Unclear(Doubt::Spoofed, ..) | Subject::OtherType => Some(0),
        _ => None,
    }
}

/// A list behind cubes that cannot be, and behind others, of which a packet must meet one where there are any.
fn behind(never: &[Cube], gate: &[Cube], list: &ItemList) -> ItemList {
    let before = (never.len() + if gate.is_empty() { 0 } else { gate.len() + 1 }) as u32;
    let mut items: Vec<Item> = Vec::with_capacity(list.items.len() + before as usize);
    items.extend(never.iter().map(|cube| Item { cube: cube.clone(), act: Act::Discard }));
    items.extend(gate.iter().map(|cube| Item { cube: cube.clone(), act: Act::Skip(before) }));
    if !gate.is_empty() {
        // An end that no other item leads to.
        let outside = Act::End(list.ends.len() as u32);
        items.extend(always().into_iter().map(|cube| Item { cube, act: outside }));
    }
    items.extend(list.items.iter().map(|item| {
        let act = match item.act {
            Act::Skip(to) => Act::Skip(to + before),
            act => act,
        };
        Item { cube: item.cube.clone(), act }
    }));
    ItemList::of(items, list.ends.clone())
}
