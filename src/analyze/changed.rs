//! Which items of two lists are not common to both: only packets that meet such an item may be treated differently.
//! Input: the lists of two rulesets. Output: for each item whether it has no partner in the other list.

use std::collections::{HashMap, VecDeque};

use super::cubes::Cube;
use super::items::{Act, Item, ItemList, Rewritten};
use crate::simulate::Verdict;

/// The most times that skips are looked at again, since the partner of what they lead to is gone.
const MAX_ROUNDS: usize = 50;

/// Whether each item of either list has no partner. Partners ask for the same and do the same, and stand in the same order;
/// skips lead to the same next partner.
pub fn changed(old: &ItemList, new: &ItemList) -> [Vec<bool>; 2] {
    let mut numbers = Numbers::default();
    let keys = [old, new].map(|list| numbers.keys(list));
    let mut partners = aligned(&keys);
    for round in 0.. {
        // Where a skip leads: to the next item with a partner.
        let leads = |list: &ItemList, place: u32, of: fn(&(u32, u32)) -> u32| match list.items[place as usize].act {
            Act::Skip(to) => Some(partners.partition_point(|pair| of(pair) < to)),
            _ => None,
        };
        let keeps = |(a, b): &(u32, u32)| leads(old, *a, |pair| pair.0) == leads(new, *b, |pair| pair.1);
        let kept: Vec<(u32, u32)> = partners.iter().copied().filter(keeps).collect();
        if kept.len() == partners.len() {
            break;
        }
        partners = if round < MAX_ROUNDS { kept } else { Vec::new() };
    }
    let mut changed = [vec![true; old.items.len()], vec![true; new.items.len()]];
    for (a, b) in partners {
        changed[0][a as usize] = false;
        changed[1][b as usize] = false;
    }
    changed
}

/// What an item asks, and what it does.
type ItemKey = (u32, u32);

/// Numbers of what items ask and do: the same for what is the same.
#[derive(Default)]
struct Numbers<'a> {
    cubes: HashMap<&'a Cube, u32>,
    ends: HashMap<(Verdict, Option<&'a Rewritten>), u32>,
}

impl<'a> Numbers<'a> {
    fn keys(&mut self, list: &'a ItemList) -> Vec<ItemKey> {
        let ends: Vec<u32> = list
            .ends
            .iter()
            .map(|end| {
                let next = self.ends.len() as u32 + 2;
                *self.ends.entry((end.verdict, end.rewritten.as_ref())).or_insert(next)
            })
            .collect();
        let mut key = |item: &'a Item| {
            let next = self.cubes.len() as u32;
            let act = match item.act {
                Act::Discard => 0,
                Act::Skip(_) => 1,
                Act::End(end) => ends[end as usize],
            };
            (*self.cubes.entry(&item.cube).or_insert(next), act)
        };
        list.items.iter().map(&mut key).collect()
    }
}

/// Pairs of items that are the same, in the order of both lists: what is the same at the beginning and at the end, and
/// between these a longest run of pairs, of which the first of one kind goes with the first, and so on.
fn aligned([old, new]: &[Vec<ItemKey>; 2]) -> Vec<(u32, u32)> {
    let first = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let last = old[first..].iter().rev().zip(new[first..].iter().rev()).take_while(|(a, b)| a == b).count();
    let mut pairs: Vec<(u32, u32)> = (0..first as u32).map(|place| (place, place)).collect();
    let mut places: HashMap<ItemKey, VecDeque<u32>> = HashMap::new();
    for (place, key) in new.iter().enumerate().take(new.len() - last).skip(first) {
        places.entry(*key).or_default().push_back(place as u32);
    }
    let mut candidates = Vec::new();
    for (place, key) in old.iter().enumerate().take(old.len() - last).skip(first) {
        let partner = places.get_mut(key).and_then(VecDeque::pop_front);
        candidates.extend(partner.map(|partner| (place as u32, partner)));
    }
    pairs.extend(longest_run(&candidates));
    pairs.extend((0..last).rev().map(|back| ((old.len() - 1 - back) as u32, (new.len() - 1 - back) as u32)));
    pairs
}

/// A longest run of pairs whose second numbers rise.
fn longest_run(pairs: &[(u32, u32)]) -> Vec<(u32, u32)> {
    // For each length the pair that ends the run with the lowest number, and before each pair the one that it follows.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, (_, number)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < *number);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(index);
        } else {
            ends[length] = index;
        }
    }
    let mut run = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(index) = at {
        run.push(pairs[index]);
        at = before[index];
    }
    run.reverse();
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_both_in_the_same_order_has_a_partner() {
        let keys = |text: &str| text.bytes().map(|byte| (u32::from(byte), 0)).collect::<Vec<_>>();
        let partners = |old: &str, new: &str| {
            let pairs = aligned(&[keys(old), keys(new)]);
            pairs.iter().map(|(a, _)| old.as_bytes()[*a as usize] as char).collect::<String>()
        };
        assert_eq!(partners("abcd", "abcd"), "abcd");
        assert_eq!(partners("abcd", "abxd"), "abd");
        assert_eq!(partners("abcd", "acbd").len(), 3);
        assert_eq!(partners("aab", "ab"), "ab");
        assert_eq!(partners("", "ab"), "");
        assert_eq!(partners("xabcy", "abc"), "abc");
    }
}
