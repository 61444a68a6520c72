//! A diagram made from the top: a node is what is left of lists where the fields above are decided.
//! Input: lists over one space, and what an end is. Output: the diagram, or that it would take too long.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::active::ActiveSet;
use super::diagram::{Diagram, Id};
use super::items::Act;
use super::space::{Column, Space};

/// The most work of a diagram, in entries that are looked at.
const MAX_WORK: usize = 100_000_000;

/// What a diagram says of packets.
pub struct Leaves<'a> {
    /// What an end of a list is to it: what has the same number is the same.
    pub class: &'a dyn Fn(usize, u32) -> u32,
    /// The leaf of a packet that is of these classes, one of each list; `None`: the kernel discards it.
    pub leaf: &'a mut dyn FnMut(&[Option<u32>]) -> u32,
    /// The items that matter, by list and place: a packet that meets none of them is of the leaf 0.
    pub matters: Option<&'a dyn Fn(usize, u32) -> bool>,
}

/// What is left to ask of an item: a column with a class and what comes after it, or nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Rest {
    Ask { level: u32, class: u32, then: u32 },
    End(u32),
    Discard,
    Skip,
}

/// An item of a list, as far as it was not decided yet.
#[derive(Clone, Copy)]
struct Left {
    rest: u32,
    place: u32,
    /// Where a skip leads; 0 if it is none.
    to: u32,
    matters: bool,
}

/// The class of what is not told apart, since it is the same under all rules.
const ALIKE: u32 = u32::MAX;

/// What makes a diagram.
struct Builder<'a, 'b> {
    diagram: Diagram,
    classes: Vec<Vec<Vec<(u32, u32)>>>,
    rests: Vec<Rest>,
    known: HashMap<Rest, u32>,
    made: HashMap<Vec<u32>, Id>,
    leaves: &'a mut Leaves<'b>,
    work: usize,
}

/// Makes the diagram of lists, with the columns in the order of a rank; those whose rank is at least `hidden` are no fields
/// of packets. `None`, where it would take too long.
pub fn diagram(space: Space, rank: &dyn Fn(&Column) -> u32, hidden: u32, leaves: &mut Leaves) -> Option<Diagram> {
    let Space { lists, columns, classes } = space;
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|column| rank(&columns[*column]));
    let mut levels = vec![0_u32; columns.len()];
    order.iter().zip(0..).for_each(|(column, level)| levels[*column] = level);
    let first_hidden = order.iter().take_while(|column| rank(&columns[**column]) < hidden).count() as u32;
    let mut columns: Vec<Option<Column>> = columns.into_iter().map(Some).collect();
    let mut sorted = Vec::with_capacity(columns.len());
    let mut sorted_classes = Vec::with_capacity(columns.len());
    let mut classes: Vec<Option<Vec<_>>> = classes.into_iter().map(Some).collect();
    for column in &order {
        sorted.extend(columns[*column].take());
        sorted_classes.extend(classes[*column].take());
    }
    let diagram = Diagram::new(sorted, first_hidden);
    let mut builder = Builder {
        diagram,
        classes: sorted_classes,
        rests: Vec::new(),
        known: HashMap::new(),
        made: HashMap::new(),
        leaves,
        work: 0,
    };
    let mut all = Vec::with_capacity(lists.len());
    for (number, entries) in lists.iter().enumerate() {
        let mut own = Vec::with_capacity(entries.len());
        for entry in entries {
            let (last, to) = match entry.act {
                Act::End(end) => (Rest::End((builder.leaves.class)(number, end)), 0),
                Act::Discard => (Rest::Discard, 0),
                Act::Skip(to) => (Rest::Skip, to),
            };
            let mut asks: Vec<(u32, u32)> =
                entry.asks.iter().map(|(column, class)| (levels[usize::from(*column)], *class)).collect();
            asks.sort_unstable_by(|one, other| other.cmp(one));
            let mut rest = builder.rest(last);
            for (level, class) in asks {
                rest = builder.rest(Rest::Ask { level, class, then: rest });
            }
            let matters = builder.leaves.matters.is_none_or(|matters| matters(number, entry.place));
            own.push(Left { rest, place: entry.place, to, matters });
        }
        all.push(own);
    }
    let root = builder.build(all)?;
    builder.diagram.root = root;
    Some(builder.diagram)
}

impl Builder<'_, '_> {
    fn rest(&mut self, rest: Rest) -> u32 {
        let (rests, next) = (&mut self.rests, self.known.len() as u32);
        *self.known.entry(rest).or_insert_with(|| {
            rests.push(rest);
            next
        })
    }

    /// The items that may be met, in order; without those that make no difference.
    fn trimmed(&mut self, mut list: Vec<Left>) -> Vec<Left> {
        loop {
            self.work += list.len();
            let mut kept: Vec<Left> = Vec::with_capacity(list.len());
            let mut targets: BinaryHeap<Reverse<u32>> = BinaryHeap::new();
            let mut hidden_to = 0;
            for item in list {
                if item.place < hidden_to {
                    continue;
                }
                let before = targets.len();
                while targets.peek().is_some_and(|Reverse(target)| *target <= item.place) {
                    targets.pop();
                }
                let rest = self.rests[item.rest as usize];
                // The same right before it decides, but for those that are sent here.
                let repeats = kept.last().is_some_and(|last| last.rest == item.rest && last.to == item.to);
                if repeats && targets.len() == before {
                    if let Some(last) = kept.last_mut() {
                        last.matters |= item.matters;
                    }
                    continue;
                }
                if item.to != 0 {
                    targets.push(Reverse(item.to));
                }
                kept.push(item);
                if !matches!(rest, Rest::Ask { .. }) {
                    hidden_to = targets.peek().map_or(u32::MAX, |Reverse(target)| *target);
                    if hidden_to == u32::MAX {
                        break;
                    }
                }
            }
            // A skip that always holds: what is between is not met.
            match kept.first() {
                Some(first) if self.rests[first.rest as usize] == Rest::Skip => {
                    let Left { to, matters, .. } = *first;
                    list = kept.into_iter().filter(|item| item.place >= to).collect();
                    // It was met: what comes now is no longer what comes in the other list.
                    list.iter_mut().for_each(|item| item.matters |= matters);
                }
                _ => {
                    list = kept;
                    break;
                }
            }
        }
        self.without_tail(list)
    }

    /// What leads to the same as the last item does is not asked.
    fn without_tail(&mut self, mut list: Vec<Left>) -> Vec<Left> {
        let Some(last) = list.last().copied() else { return list };
        let end = self.rests[last.rest as usize];
        let mut matters = last.matters;
        while let Some(before) = list.len().checked_sub(2).map(|at| list[at]) {
            if before.to == 0 && self.last_of(before.rest) != end {
                break;
            }
            matters |= before.matters;
            list.remove(list.len() - 2);
        }
        if let Some(last) = list.last_mut() {
            last.matters = matters;
        }
        list
    }

    fn last_of(&self, mut rest: u32) -> Rest {
        loop {
            match self.rests[rest as usize] {
                Rest::Ask { then, .. } => rest = then,
                end => return end,
            }
        }
    }

    /// What tells lists apart: where a skip leads counts by the item there.
    fn key(lists: &[Vec<Left>]) -> Vec<u32> {
        let mut key = Vec::with_capacity(lists.iter().map(|list| list.len() + 1).sum());
        for list in lists {
            for item in list {
                key.push(item.rest);
                if item.to != 0 {
                    key.push(list.partition_point(|other| other.place < item.to) as u32);
                }
            }
            key.push(u32::MAX);
        }
        key
    }

    fn build(&mut self, lists: Vec<Vec<Left>>) -> Option<Id> {
        let lists: Vec<Vec<Left>> = lists.into_iter().map(|list| self.trimmed(list)).collect();
        if self.work > MAX_WORK {
            return None;
        }
        if lists.len() > 1 && self.leaves.matters.is_some() && !lists.iter().flatten().any(|item| item.matters) {
            return self.alike(lists);
        }
        let heads = lists.iter().map(|list| match list.first().map(|first| self.rests[first.rest as usize]) {
            Some(Rest::End(class)) => Some(Some(class)),
            Some(Rest::Discard) | None => Some(None),
            Some(Rest::Ask { .. } | Rest::Skip) => None,
        });
        if let Some(classes) = heads.collect::<Option<Vec<Option<u32>>>>() {
            let leaf = if classes[..] == [Some(ALIKE)] { 0 } else { (self.leaves.leaf)(&classes) };
            return Some(Id::leaf(leaf));
        }
        let key = Self::key(&lists);
        if let Some(made) = self.made.get(&key) {
            return Some(*made);
        }
        let asked = lists.iter().flatten().filter_map(|item| match self.rests[item.rest as usize] {
            Rest::Ask { level, .. } => Some(level),
            _ => None,
        });
        let level = asked.min()?;
        let edges = self.split(&lists, level)?;
        let id = self.diagram.node(level, edges);
        self.made.insert(key, id);
        Some(id)
    }

    /// Lists that do the same: all that is left to tell is what the kernel discards.
    fn alike(&mut self, lists: Vec<Vec<Left>>) -> Option<Id> {
        let mut one = lists.into_iter().next()?;
        for item in &mut one {
            item.rest = self.without_end(item.rest);
        }
        self.build(vec![one])
    }

    /// The same with any end.
    fn without_end(&mut self, rest: u32) -> u32 {
        match self.rests[rest as usize] {
            Rest::Ask { level, class, then } => {
                let then = self.without_end(then);
                self.rest(Rest::Ask { level, class, then })
            }
            Rest::End(_) => self.rest(Rest::End(ALIKE)),
            Rest::Discard | Rest::Skip => rest,
        }
    }

    fn split(&mut self, lists: &[Vec<Left>], level: u32) -> Option<Vec<(u32, Id)>> {
        // Where items begin and end; between these all parts are alike.
        let mut events: Vec<(u32, bool, u32, u32)> = Vec::new();
        let mut active: Vec<ActiveSet> = Vec::with_capacity(lists.len());
        let mut children: Vec<Vec<Left>> = Vec::with_capacity(lists.len());
        let mut matter = 0_usize;
        for (list, number) in lists.iter().zip(0_u32..) {
            let mut own = ActiveSet::new(list.len());
            let mut next = list.clone();
            for (index, item) in list.iter().enumerate() {
                match self.rests[item.rest as usize] {
                    Rest::Ask { level: asked, class, then } if asked == level => {
                        next[index].rest = then;
                        for (first, last) in &self.classes[level as usize][class as usize] {
                            events.push((*first, true, number, index as u32));
                            events.push((last + 1, false, number, index as u32));
                        }
                    }
                    _ => {
                        own.set(index, true);
                        matter += usize::from(item.matters);
                    }
                }
            }
            active.push(own);
            children.push(next);
        }
        events.sort_unstable();
        let all = self.diagram.columns[level as usize].starts.len() as u32;
        let mut edges: Vec<(u32, Id)> = Vec::new();
        let (mut at, mut from) = (0, 0);
        while from < all {
            while let Some((_, begins, list, index)) = events.get(at).filter(|(part, ..)| *part == from).copied() {
                let (list, index) = (list as usize, index as usize);
                active[list].set(index, begins);
                let counts = usize::from(lists[list][index].matters);
                matter = if begins { matter + counts } else { matter - counts };
                at += 1;
            }
            let to = events.get(at).map_or(all, |(part, ..)| *part);
            let child = if matter == 0 && lists.len() > 1 && self.leaves.matters.is_some() {
                Id::leaf(0)
            } else {
                let left = children.iter().zip(&active);
                self.build(left.map(|(items, active)| active.iter().map(|index| items[index]).collect()).collect())?
            };
            edges.push((to - 1, child));
            from = to;
        }
        Some(edges)
    }
}

#[cfg(test)]
mod tests;
