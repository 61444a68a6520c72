//! Sets of packets as a decision diagram over ranges: each node splits one field, and what is equal is there once.
//! Input: lists over one space. Output: for every packet a leaf, which says what becomes of it in each list.
//!
//! It is made from the top: a node is what is left of the lists where the fields above are decided, so that nothing is made
//! in vain. What it is to a packet does not depend on how it was made: two that are equal are one node.

use std::collections::{BTreeSet, HashMap};

use super::items::Act;
use super::space::{Column, Space};

/// The most work of a diagram, in entries that are looked at.
const MAX_WORK: usize = 100_000_000;

/// The number of a node, or of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u32);

/// How many leaves there may be: numbers from here on are nodes.
const LEAVES: u32 = 1 << 22;

impl Id {
    /// A leaf.
    pub fn leaf(number: u32) -> Id {
        Id(number)
    }

    /// The number of a leaf; none of a node.
    pub fn as_leaf(self) -> Option<u32> {
        (self.0 < LEAVES).then_some(self.0)
    }
}

/// A node: its level, and for each stretch of parts the last one and what they lead to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Node {
    level: u32,
    edges: Vec<(u32, Id)>,
}

/// A diagram over the columns of a space, in an order.
pub struct Diagram {
    /// The columns, from the top.
    pub columns: Vec<Column>,
    /// Where the columns begin that are no fields of a packet.
    pub hidden: u32,
    /// The top.
    pub root: Id,
    nodes: Vec<Node>,
    known: HashMap<Node, Id>,
}

impl Diagram {
    fn node(&mut self, level: u32, mut edges: Vec<(u32, Id)>) -> Id {
        edges.dedup_by(|next, last| {
            let same = next.1 == last.1;
            if same {
                last.0 = next.0;
            }
            same
        });
        if let [(_, only)] = edges[..] {
            return only;
        }
        let node = Node { level, edges };
        if let Some(known) = self.known.get(&node) {
            return *known;
        }
        let id = Id(LEAVES + self.nodes.len() as u32);
        self.nodes.push(node.clone());
        self.known.insert(node, id);
        id
    }

    fn get(&self, id: Id) -> Option<&Node> {
        id.0.checked_sub(LEAVES).map(|at| &self.nodes[at as usize])
    }

    /// The level of a node, and its edges; none of a leaf.
    pub fn edges(&self, id: Id) -> Option<(u32, &[(u32, Id)])> {
        self.get(id).map(|node| (node.level, &node.edges[..]))
    }

    /// Whether no field of a packet is asked any more.
    pub fn is_bottom(&self, id: Id) -> bool {
        self.get(id).is_none_or(|node| node.level >= self.hidden)
    }

    /// Everything without fields of packets below some nodes becomes a leaf.
    pub fn mapped(&mut self, leaf: &mut dyn FnMut(&Diagram, Id) -> u32) -> Id {
        let mut known = HashMap::new();
        self.map(self.root, leaf, &mut known)
    }

    fn map(&mut self, id: Id, leaf: &mut dyn FnMut(&Diagram, Id) -> u32, known: &mut HashMap<Id, Id>) -> Id {
        if let Some(known) = known.get(&id) {
            return *known;
        }
        let new = if self.is_bottom(id) {
            Id::leaf(leaf(self, id))
        } else {
            let Node { level, edges } = self.get(id).cloned().unwrap_or(Node { level: 0, edges: Vec::new() });
            let edges = edges.into_iter().map(|(last, child)| (last, self.map(child, leaf, known))).collect();
            self.node(level, edges)
        };
        known.insert(id, new);
        new
    }

    /// The same for all packets that do not lead to a leaf about which nobody asks, and simpler: what leads there may lead
    /// anywhere. What leads to another leaf holds a packet that did so before.
    pub fn without(&mut self, root: Id, any: Id) -> Id {
        let mut free = Free { any, simpler: HashMap::new(), both: HashMap::new() };
        self.simpler(root, &mut free)
    }

    fn simpler(&mut self, id: Id, free: &mut Free) -> Id {
        if let Some(known) = free.simpler.get(&id) {
            return *known;
        }
        let Some(Node { level, edges }) = self.get(id).cloned() else { return id };
        let mut joined: Vec<(u32, Id)> = Vec::with_capacity(edges.len());
        for (last, child) in edges {
            let child = self.simpler(child, free);
            let before = joined.last().map(|(_, before)| *before);
            match before.and_then(|before| self.both(before, child, free)) {
                Some(both) => {
                    joined.pop();
                    joined.push((last, both));
                }
                None => joined.push((last, child)),
            }
        }
        let mut kinds: Vec<Id> = joined.iter().map(|(_, child)| *child).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.len() <= MAX_KINDS {
            for one in 0..kinds.len() {
                for other in one + 1..kinds.len() {
                    let (a, b) = (kinds[one], kinds[other]);
                    if let Some(both) = self.both(a, b, free) {
                        let is = |id: Id| if id == a || id == b { both } else { id };
                        joined.iter_mut().for_each(|(_, child)| *child = is(*child));
                        kinds.iter_mut().for_each(|kind| *kind = is(*kind));
                    }
                }
            }
        }
        let new = self.node(level, joined);
        free.simpler.insert(id, new);
        new
    }

    /// A node that is the same as both, but where one of them leads to what nobody asks about.
    fn both(&mut self, one: Id, other: Id, free: &mut Free) -> Option<Id> {
        if one == other || other == free.any {
            return Some(one);
        }
        if one == free.any {
            return Some(other);
        }
        let key = (one.min(other), one.max(other));
        if let Some(known) = free.both.get(&key) {
            return *known;
        }
        let levels = [one, other].map(|id| self.get(id).map_or(u32::MAX, |node| node.level));
        let level = levels[0].min(levels[1]);
        let both = if level == u32::MAX {
            None
        } else {
            let edges = |id: Id, own: u32| match self.get(id) {
                Some(node) if own == level => node.edges.clone(),
                _ => vec![(u32::MAX, id)],
            };
            let (a, b) = (edges(one, levels[0]), edges(other, levels[1]));
            let (mut i, mut j) = (0, 0);
            let mut edges = Vec::with_capacity(a.len() + b.len());
            loop {
                let (Some((a_last, a_child)), Some((b_last, b_child))) = (a.get(i), b.get(j)) else {
                    break Some(self.node(level, edges));
                };
                let Some(child) = self.both(*a_child, *b_child, free) else { break None };
                let last = *a_last.min(b_last);
                edges.push((last, child));
                i += usize::from(*a_last == last);
                j += usize::from(*b_last == last);
            }
        };
        free.both.insert(key, both);
        both
    }

    /// The leaves below a node, and the columns that are asked there.
    pub fn below(&self, id: Id) -> (BTreeSet<u32>, BTreeSet<u32>) {
        let (mut leaves, mut levels) = (BTreeSet::new(), BTreeSet::new());
        let (mut open, mut seen) = (vec![id], BTreeSet::new());
        while let Some(id) = open.pop() {
            match (id.as_leaf(), self.get(id)) {
                (Some(leaf), _) => {
                    leaves.insert(leaf);
                }
                (None, Some(node)) if seen.insert(id) => {
                    levels.insert(node.level);
                    open.extend(node.edges.iter().map(|(_, child)| *child));
                }
                _ => {}
            }
        }
        (leaves, levels)
    }
}

/// The most different nodes below one that are all compared with each other.
const MAX_KINDS: usize = 8;

/// What is known while a diagram is made simpler.
struct Free {
    any: Id,
    simpler: HashMap<Id, Id>,
    both: HashMap<(Id, Id), Option<Id>>,
}

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
    let diagram =
        Diagram { columns: sorted, hidden: first_hidden, root: Id(0), nodes: Vec::new(), known: HashMap::new() };
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
            let mut targets: Vec<u32> = Vec::new();
            let mut hidden_to = 0;
            for item in list {
                if item.place < hidden_to {
                    continue;
                }
                targets.retain(|target| *target > item.place);
                let rest = self.rests[item.rest as usize];
                // What an item asks that stands right before it is decided there.
                let repeats = kept.last().is_some_and(|last| last.rest == item.rest && last.to == item.to);
                if repeats && targets.is_empty() {
                    if let Some(last) = kept.last_mut() {
                        last.matters |= item.matters;
                    }
                    continue;
                }
                if item.to != 0 {
                    targets.push(item.to);
                }
                kept.push(item);
                if !matches!(rest, Rest::Ask { .. }) {
                    hidden_to = targets.iter().copied().min().unwrap_or(u32::MAX);
                    if hidden_to == u32::MAX {
                        break;
                    }
                }
            }
            // A skip that always holds: what is between is not met.
            match kept.first() {
                Some(first) if self.rests[first.rest as usize] == Rest::Skip => {
                    let to = first.to;
                    list = kept.into_iter().filter(|item| item.place >= to).collect();
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
        if self.leaves.matters.is_some() && !lists.iter().flatten().any(|item| item.matters) {
            return Some(Id::leaf(0));
        }
        let heads = lists.iter().map(|list| match list.first().map(|first| self.rests[first.rest as usize]) {
            Some(Rest::End(class)) => Some(Some(class)),
            Some(Rest::Discard) | None => Some(None),
            Some(Rest::Ask { .. } | Rest::Skip) => None,
        });
        if let Some(classes) = heads.collect::<Option<Vec<Option<u32>>>>() {
            return Some(Id::leaf((self.leaves.leaf)(&classes)));
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

    fn split(&mut self, lists: &[Vec<Left>], level: u32) -> Option<Vec<(u32, Id)>> {
        // Where items begin and end; between these all parts are alike.
        let mut events: Vec<(u32, bool, u32, u32)> = Vec::new();
        let mut active: Vec<Vec<bool>> = Vec::with_capacity(lists.len());
        let mut children: Vec<Vec<Left>> = Vec::with_capacity(lists.len());
        let mut matter = 0_usize;
        for (list, number) in lists.iter().zip(0_u32..) {
            let mut own = vec![false; list.len()];
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
                        own[index] = true;
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
                active[list][index] = begins;
                let counts = usize::from(lists[list][index].matters);
                matter = if begins { matter + counts } else { matter - counts };
                at += 1;
            }
            let to = events.get(at).map_or(all, |(part, ..)| *part);
            let child = if matter == 0 && self.leaves.matters.is_some() {
                Id::leaf(0)
            } else {
                let left = children.iter().zip(&active).map(|(items, active)| {
                    items.iter().zip(active).filter(|(_, active)| **active).map(|(item, _)| *item).collect()
                });
                self.build(left.collect())?
            };
            edges.push((to - 1, child));
            from = to;
        }
        Some(edges)
    }
}
