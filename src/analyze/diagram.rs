//! Sets of packets as a decision diagram over ranges: each node splits one field, and what is equal is there once.
//! Input: nodes. Output: for every packet a leaf, which says what becomes of it.
//!
//! What a node is to a packet does not depend on how it was made: two that are equal are one.

use std::collections::{BTreeSet, HashMap};

use super::space::Column;

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
    /// Without nodes.
    pub fn new(columns: Vec<Column>, hidden: u32) -> Diagram {
        Diagram { columns, hidden, root: Id(0), nodes: Vec::new(), known: HashMap::new() }
    }

    /// The node with these edges: one that is there already, or the child that all of them lead to.
    pub fn node(&mut self, level: u32, mut edges: Vec<(u32, Id)>) -> Id {
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
        // First what is below as it is: what leads anywhere there may be needed for the next.
        for (last, child) in edges {
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
        let joined = joined.into_iter().map(|(last, child)| (last, self.simpler(child, free))).collect();
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
            let edge = |diagram: &Diagram, id: Id, own: u32, at: usize| match diagram.get(id) {
                Some(node) if own == level => node.edges.get(at).copied(),
                _ => (at == 0).then_some((u32::MAX, id)),
            };
            let (mut i, mut j) = (0, 0);
            let mut edges = Vec::new();
            loop {
                let pair = (edge(self, one, levels[0], i), edge(self, other, levels[1], j));
                let (Some((a_last, a_child)), Some((b_last, b_child))) = pair else {
                    break Some(self.node(level, edges));
                };
                let Some(child) = self.both(a_child, b_child, free) else { break None };
                let last = a_last.min(b_last);
                edges.push((last, child));
                i += usize::from(a_last == last);
                j += usize::from(b_last == last);
            }
        };
        free.both.insert(key, both);
        both
    }

    /// The leaves below a node, and the columns that are asked there, where some columns have a value.
    pub fn below(&self, id: Id, fixed: &dyn Fn(&Column) -> Option<u128>) -> (BTreeSet<u32>, BTreeSet<u32>) {
        let (mut leaves, mut levels) = (BTreeSet::new(), BTreeSet::new());
        let (mut open, mut seen) = (vec![id], BTreeSet::new());
        while let Some(id) = open.pop() {
            match (id.as_leaf(), self.get(id)) {
                (Some(leaf), _) => {
                    leaves.insert(leaf);
                }
                (None, Some(node)) if seen.insert(id) => {
                    let column = &self.columns[node.level as usize];
                    match fixed(column) {
                        Some(value) => {
                            let part = column.part(value);
                            open.extend(node.edges.iter().find(|(last, _)| part <= *last).map(|(_, child)| *child));
                        }
                        None => {
                            levels.insert(node.level);
                            open.extend(node.edges.iter().map(|(_, child)| *child));
                        }
                    }
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
