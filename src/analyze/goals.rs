//! The search for a packet that meets a goal: field by field, and only where a goal may still be met.
//! Input: items, and the packets that are looked at. Output: packets that meet goals, until somebody has enough.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use super::active::ActiveSet;
use super::cubes::{Cube, Point};
use super::items::{Act, Ended, ItemList};
use super::space::{Column, Entry, Space};
use super::store::Terms;

/// The most work of a search, in items that are looked at.
const MAX_WORK: usize = 50_000_000;

/// How a search ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every goal that can be met was.
    Complete,
    /// Somebody had enough.
    Enough,
    /// It would cost too much.
    TooMuch,
}

/// What an item is to a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// A fate that is looked for.
    Goal,
    /// Another.
    Stop,
    /// A way to a later item.
    Skip(u32),
}

/// Is told a packet that meets a goal, and which end that is; says whether that is enough.
pub type OnGoal<'a> = &'a mut dyn FnMut(&Point, u32) -> bool;

/// A search over a list.
pub struct Search {
    entries: Vec<Entry>,
    roles: Vec<Role>,
    columns: Vec<Column>,
    classes: Vec<Vec<Vec<(u32, u32)>>>,
    seen: HashSet<(Vec<u32>, u64)>,
    once: bool,
    work: usize,
}

impl Search {
    /// Makes a list ready for the packets of a cube, and for the ends that are looked for.
    pub fn new(list: &ItemList, clip: &Cube, terms: &Terms, is_goal: &dyn Fn(&Ended) -> bool) -> Search {
        let Space { mut lists, columns, classes } = Space::new(&[list], clip, terms);
        let entries = lists.pop().unwrap_or_default();
        let goals: Vec<bool> = list.ends.iter().map(is_goal).collect();
        let role = |entry: &Entry| match entry.act {
            Act::End(end) if goals[end as usize] => Role::Goal,
            Act::End(_) | Act::Discard => Role::Stop,
            Act::Skip(to) => Role::Skip(to),
        };
        let roles = entries.iter().map(role).collect();
        Search { entries, roles, columns, classes, seen: HashSet::new(), once: false, work: 0 }
    }

    /// Each end is looked for until it is found.
    pub fn once(self) -> Search {
        Search { once: true, ..self }
    }

    /// An end is looked for no more.
    fn close(&mut self, end: u32) {
        let own = self.entries.iter().zip(&mut self.roles).filter(|(entry, _)| entry.act == Act::End(end));
        own.for_each(|(_, role)| *role = Role::Stop);
    }

    /// Looks for goals until `found` has enough.
    pub fn run(&mut self, found: OnGoal) -> End {
        let all: Vec<u32> = (0..self.entries.len() as u32).collect();
        if self.columns.len() > 64 {
            return End::TooMuch;
        }
        let list = self.trimmed(all.into_iter(), 0);
        let mut point = Point::new();
        self.node(list, 0, &mut point, found)
    }

    fn is_free(&self, entry: u32, done: u64) -> bool {
        self.entries[entry as usize].asks.iter().all(|(column, _)| done >> column & 1 != 0)
    }

    /// The items that may be met: what always decides hides those after it, up to where a pending skip may lead.
    fn trimmed(&mut self, items: impl Iterator<Item = u32>, done: u64) -> Vec<u32> {
        let mut list: Vec<u32> = Vec::new();
        // Where the skips before may lead, the nearest first.
        let mut targets: BinaryHeap<Reverse<u32>> = BinaryHeap::new();
        let mut hidden_to = 0;
        let mut last_goal = 0;
        for item in items {
            self.work += 1;
            let (place, act) = (self.entries[item as usize].place, self.roles[item as usize]);
            if place < hidden_to {
                continue;
            }
            while targets.peek().is_some_and(|Reverse(target)| *target <= place) {
                targets.pop();
            }
            let free = self.is_free(item, done);
            list.push(item);
            match act {
                Role::Goal => last_goal = list.len(),
                Role::Skip(target) => targets.push(Reverse(target)),
                Role::Stop => {}
            }
            if free {
                // What comes next is met by those alone that were sent there.
                hidden_to = targets.peek().map_or(u32::MAX, |Reverse(target)| *target);
                if hidden_to == u32::MAX {
                    break;
                }
            }
        }
        list.truncate(last_goal);
        list
    }

    fn node(&mut self, mut list: Vec<u32>, done: u64, point: &mut Point, found: OnGoal) -> End {
        loop {
            let Some(first) = list.first().copied() else { return End::Complete };
            if self.work > MAX_WORK {
                return End::TooMuch;
            }
            if !self.is_free(first, done) {
                break;
            }
            match self.roles[first as usize] {
                Role::Goal => {
                    let Act::End(end) = self.entries[first as usize].act else { return End::Complete };
                    if self.once {
                        self.close(end);
                    }
                    return if found(point, end) { End::Enough } else { End::Complete };
                }
                Role::Stop => return End::Complete,
                Role::Skip(target) => {
                    let rest: Vec<u32> =
                        list.into_iter().filter(|item| self.entries[*item as usize].place >= target).collect();
                    list = self.trimmed(rest.into_iter(), done);
                }
            }
        }
        if !self.seen.insert((list.clone(), done)) {
            return End::Complete;
        }
        let column = self.choose(&list, done);
        self.split(list, column, done, point, found)
    }

    /// The field that makes the fewest and smallest parts.
    fn choose(&mut self, list: &[u32], done: u64) -> usize {
        let count = self.columns.len();
        let (mut asked, mut kinds) = (vec![0_usize; count], vec![HashSet::new(); count]);
        for item in list {
            self.work += 1;
            for (column, class) in &self.entries[*item as usize].asks {
                if done >> column & 1 == 0 {
                    asked[usize::from(*column)] += 1;
                    kinds[usize::from(*column)].insert(*class);
                }
            }
        }
        let cost = |column: usize| {
            let parts = (2 * kinds[column].len() + 1) as f64;
            let size = (list.len() - asked[column]) as f64 + 2.0 * asked[column] as f64 / parts;
            parts * size * size * size
        };
        let open = (0..count).filter(|column| asked[*column] > 0);
        open.min_by(|one, other| cost(*one).total_cmp(&cost(*other))).unwrap_or(0)
    }

    /// The items that are met in one part of a column.
    fn child(
        &mut self,
        items: Vec<u32>,
        (column, part): (usize, u32),
        done: u64,
        point: &mut Point,
        found: OnGoal,
    ) -> End {
        let list = self.trimmed(items.into_iter(), done);
        let Column { variable, .. } = self.columns[column];
        point.insert(variable, self.columns[column].values(part));
        let end = self.node(list, done, point, found);
        point.remove(&variable);
        end
    }

    fn split(&mut self, list: Vec<u32>, column: usize, done: u64, point: &mut Point, found: OnGoal) -> End {
        // Where items begin and end; between these all parts are alike.
        let mut events: Vec<(u32, bool, usize)> = Vec::new();
        let mut active = ActiveSet::new(list.len());
        for (index, item) in list.iter().enumerate() {
            match self.entries[*item as usize].asks.iter().find(|(known, _)| usize::from(*known) == column) {
                None => active.set(index, true),
                Some((_, class)) => {
                    for (first, last) in &self.classes[column][*class as usize] {
                        events.push((*first, true, index));
                        events.push((last + 1, false, index));
                    }
                }
            }
        }
        events.sort_unstable();
        let goal = |search: &Search, item: u32| search.roles[item as usize] == Role::Goal;
        let mut goals = active.iter().filter(|index| goal(self, list[*index])).count();
        let done = done | 1 << column;
        // The ordinary part first: what is found there is what people expect.
        if let Some(part) = self.columns[column].usual {
            let holds = |search: &Search, item: u32| {
                let entry = &search.entries[item as usize];
                let class = entry.asks.iter().find(|(known, _)| usize::from(*known) == column).map(|(_, class)| *class);
                class.is_none_or(|class| {
                    search.classes[column][class as usize].iter().any(|(first, last)| (*first..=*last).contains(&part))
                })
            };
            let items: Vec<u32> = list.iter().copied().filter(|item| holds(self, *item)).collect();
            if items.iter().any(|item| goal(self, *item)) {
                let end = self.child(items, (column, part), done, point, found);
                if end != End::Complete {
                    return end;
                }
            }
        }
        let all = self.columns[column].starts.len() as u32;
        let (mut at, mut from) = (0, 0);
        while from < all {
            while let Some((_, begins, index)) = events.get(at).filter(|(part, ..)| *part == from).copied() {
                if goal(self, list[index]) {
                    goals = if begins { goals + 1 } else { goals - 1 };
                }
                active.set(index, begins);
                at += 1;
            }
            let to = events.get(at).map_or(all, |(part, ..)| *part);
            self.work += 1;
            if goals > 0 {
                let items = active.iter().map(|index| list[index]).collect();
                let end = self.child(items, (column, from), done, point, found);
                if end != End::Complete {
                    return end;
                }
            }
            from = to;
        }
        End::Complete
    }
}
