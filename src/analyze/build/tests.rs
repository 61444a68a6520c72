//! Diagrams of small spaces, held against every packet of them, and against each other.
//! Input: random lists. Output: none.

use super::super::changed::changed;
use super::super::cubes::Cube;
use super::super::items::{Ended, Item, ItemList};
use super::super::ranges::Ranges;
use super::super::space::Entry;
use super::super::variables::Variable;
use super::*;
use crate::iptables::ruleset::RejectWith;
use crate::simulate::Verdict;

/// How many columns there are, and how many values each has.
const COLUMNS: u32 = 3;
const VALUES: u128 = 4;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // xorshift64* (Vigna 2016)
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

fn ended() -> Vec<Ended> {
    let verdicts = [Verdict::Accept, Verdict::Drop, Verdict::Reject(RejectWith::TcpReset)];
    verdicts.map(|verdict| Ended { verdict, by: None, rewritten: None }).into()
}

fn item(random: &mut Random) -> (Cube, Option<Act>) {
    let mut cube = Vec::new();
    for column in 0..COLUMNS {
        if random.below(2) == 0 {
            let bits = random.below(15) + 1;
            cube.push((Variable(column), Ranges::of(VALUES - 1, |value| bits >> value & 1 != 0)));
        }
    }
    let act = match random.below(8) {
        0 => Some(Act::Discard),
        1..=3 => None,
        end => Some(Act::End((end % 3) as u32)),
    };
    (Cube(cube), act)
}

/// A list of items, the last of which every packet meets.
fn list(items: &[(Cube, Option<Act>)], jumps: &[u32]) -> ItemList {
    let count = items.len() as u32;
    let act =
        |(place, (act, jump)): (u32, (&Option<Act>, &u32))| act.unwrap_or(Act::Skip((place + 1 + jump % 5).min(count)));
    let acts = (0..).zip(items.iter().map(|(_, act)| act).zip(jumps)).map(act);
    let mut all: Vec<Item> = items.iter().zip(acts).map(|((cube, _), act)| Item { cube: cube.clone(), act }).collect();
    all.push(Item { cube: Cube::default(), act: Act::End(1) });
    ItemList::of(all, ended())
}

fn meet(list: &ItemList, point: &[u128]) -> Option<u32> {
    let mut at = 0;
    loop {
        let Item { cube, act } = &list.items[at];
        let holds = cube.0.iter().all(|(variable, values)| values.contains(point[variable.0 as usize]));
        match act {
            Act::End(end) if holds => return Some(*end),
            Act::Discard if holds => return None,
            Act::Skip(to) if holds => at = *to as usize,
            _ => at += 1,
        }
    }
}

fn space(lists: &[&ItemList]) -> Space {
    let columns = (0..COLUMNS).map(|column| Column {
        variable: Variable(column),
        all: Ranges::within(0, VALUES - 1),
        starts: (0..VALUES).collect(),
        usual: None,
    });
    let mut classes: Vec<Vec<Vec<(u32, u32)>>> = vec![Vec::new(); COLUMNS as usize];
    let entries = lists.iter().map(|list| {
        let entry = |(item, place): (&Item, u32)| {
            let asks = item.cube.0.iter().map(|(variable, values)| {
                let own = &mut classes[variable.0 as usize];
                own.push(values.list().iter().map(|(first, last)| (*first as u32, *last as u32)).collect());
                (variable.0 as u16, own.len() as u32 - 1)
            });
            Entry { place, act: item.act, asks: asks.collect() }
        };
        list.items.iter().zip(0..).map(entry).collect()
    });
    Space { lists: entries.collect(), columns: columns.collect(), classes }
}

fn leaf_of(diagram: &Diagram, point: &[u128]) -> Option<u32> {
    let mut id = diagram.root;
    while let Some((level, edges)) = diagram.edges(id) {
        let column = &diagram.columns[level as usize];
        let part = column.part(point[column.variable.0 as usize]);
        id = edges.iter().find(|(last, _)| part <= *last).map(|(_, child)| *child)?;
    }
    id.as_leaf()
}

fn points() -> Vec<Vec<u128>> {
    let all = VALUES.pow(COLUMNS);
    (0..all).map(|number| (0..COLUMNS).map(|column| number / VALUES.pow(column) % VALUES).collect()).collect()
}

const NOT_THERE: u32 = 99;

#[test]
fn every_packet_has_its_leaf() {
    let random = &mut Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..3_000 {
        let count = random.below(9) as usize;
        let items: Vec<_> = (0..count).map(|_| item(random)).collect();
        let jumps: Vec<u32> = (0..count).map(|_| random.below(5) as u32).collect();
        let old = list(&items, &jumps);
        // Some items are others, are gone, or are new.
        let (mut others, mut other_jumps) = (items.clone(), jumps.clone());
        for _ in 0..random.below(3) {
            let at = random.below(others.len() as u64 + 1) as usize;
            match random.below(3) {
                0 if at < others.len() => {
                    others.remove(at);
                    other_jumps.remove(at);
                }
                1 if at < others.len() => others[at] = item(random),
                _ => {
                    others.insert(at, item(random));
                    other_jumps.insert(at, random.below(5) as u32);
                }
            }
        }
        let new = list(&others, &other_jumps);
        let changes = changed(&old, &new);
        let number = |one: Option<u32>, other: Option<u32>| match (one, other) {
            (None, None) => NOT_THERE,
            (one, other) if one == other => 0,
            (one, other) => 1 + one.map_or(0, |one| one + 1) * 10 + other.map_or(0, |other| other + 1),
        };
        let matters = |side: usize, place: u32| changes[side][place as usize];
        let mut leaf = |classes: &[Option<u32>]| match classes {
            [one, other] => number(*one, *other),
            _ => NOT_THERE,
        };
        let mut leaves =
            Leaves { class: &|_, end| end, leaf: &mut leaf, matters: Some(&matters as &dyn Fn(usize, u32) -> bool) };
        let rank = |column: &Column| column.variable.0;
        let both = diagram(space(&[&old, &new]), &rank, COLUMNS, &mut leaves).expect("it is small");
        let mut leaf = |classes: &[Option<u32>]| classes[0].map_or(NOT_THERE, |end| end + 1);
        let mut leaves = Leaves { class: &|_, end| end, leaf: &mut leaf, matters: None };
        let mut alone = diagram(space(&[&old]), &rank, COLUMNS, &mut leaves).expect("it is small");
        for point in points() {
            let (one, other) = (meet(&old, &point), meet(&new, &point));
            let expected = one.map_or(NOT_THERE, |end| end + 1);
            assert_eq!(leaf_of(&alone, &point), Some(expected), "round {round} {point:?} {old:?}");
            // Where nothing differs, what the kernel discards need not be told apart.
            let found = leaf_of(&both, &point);
            let expected = number(one, other);
            let same = expected == NOT_THERE && found == Some(0);
            assert!(
                same || found == Some(expected),
                "round {round} {point:?}: {found:?}, not {expected}\n{old:?}\n{new:?}\n{changes:?}"
            );
        }
        // What nobody asks about may lead anywhere, and all else leads where it did.
        let points_of = |diagram: &Diagram| points().iter().map(|point| leaf_of(diagram, point)).collect::<Vec<_>>();
        let before = points_of(&alone);
        alone.root = alone.without(alone.root, Id::leaf(NOT_THERE));
        for (before, after) in before.iter().zip(points_of(&alone)) {
            let nobody_asks = *before == Some(NOT_THERE);
            assert!(nobody_asks || after == *before, "round {round}: {before:?} became {after:?} {old:?}");
        }
    }
}

/// Whether two diagrams are the same nodes.
fn are_alike(one: (&Diagram, Id), other: (&Diagram, Id)) -> bool {
    match (one.0.edges(one.1), other.0.edges(other.1)) {
        (None, None) => one.1 == other.1,
        (Some((level, edges)), Some((other_level, others))) => {
            level == other_level
                && edges.len() == others.len()
                && edges.iter().zip(others).all(|((last, child), (other_last, other_child))| {
                    last == other_last && are_alike((one.0, *child), (other.0, *other_child))
                })
        }
        _ => false,
    }
}

#[test]
fn what_is_the_same_to_every_packet_is_one_diagram() {
    let random = &mut Random(0xd1b5_4a32_d192_ed03);
    let made = |list: &ItemList| {
        let mut leaf = |classes: &[Option<u32>]| classes[0].map_or(NOT_THERE, |end| end + 1);
        let mut leaves = Leaves { class: &|_, end| end, leaf: &mut leaf, matters: None };
        diagram(space(&[list]), &|column: &Column| column.variable.0, COLUMNS, &mut leaves).expect("it is small")
    };
    for round in 0..300 {
        let count = random.below(9) as usize;
        let items: Vec<_> = (0..count).map(|_| item(random)).collect();
        let jumps: Vec<u32> = (0..count).map(|_| random.below(5) as u32).collect();
        let ordered = list(&items, &jumps);
        // The same packet by packet, in an order of its own and without a skip.
        let mut each: Vec<_> = points()
            .into_iter()
            .map(|point| {
                let cube =
                    point.iter().zip(0..).map(|(value, column)| (Variable(column), Ranges::within(*value, *value)));
                let act = meet(&ordered, &point).map_or(Act::Discard, Act::End);
                (Cube(cube.collect()), Some(act))
            })
            .collect();
        for last in (1..each.len()).rev() {
            each.swap(last, random.below(last as u64 + 1) as usize);
        }
        let none = vec![0; each.len()];
        let (one, other) = (made(&ordered), made(&list(&each, &none)));
        assert!(are_alike((&one, one.root), (&other, other.root)), "round {round} {ordered:?}");
    }
}
