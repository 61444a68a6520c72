//! The packets of a diagram's leaf as cubes, few and large.
//! Input: a diagram. Output: cubes that have no packet in common, the largest first.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::cubes::Cube;
use super::diagram::{Diagram, Id};
use super::ranges::Ranges;
use super::variables::{Variable, Variables};

/// The most cubes that are put together of one diagram.
pub const MAX_PATHS: usize = 20_000;

/// Cubes, and whether they are all there are.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// The cubes, the largest first.
    pub cubes: Vec<Cube>,
    /// Whether there are no others.
    pub complete: bool,
}

/// The packets that lead from a node of a diagram to each of some leaves.
pub fn paths(diagram: &Diagram, root: Id, wanted: &BTreeSet<u32>, variables: &Variables) -> BTreeMap<u32, Paths> {
    let mut walk = Walk { diagram, wanted, found: BTreeMap::new(), count: 0, leads: HashMap::new() };
    let complete = walk.follow(root, &mut Cube::default());
    let Walk { mut found, .. } = walk;
    let of = |leaf: &u32| {
        let mut cubes = merged(found.remove(leaf).unwrap_or_default(), variables);
        cubes.sort_by_cached_key(|cube| (Largest(size(cube, variables)), cube.0.clone()));
        (*leaf, Paths { cubes, complete })
    };
    wanted.iter().map(of).collect()
}

/// Sizes, the largest first.
#[derive(PartialEq)]
struct Largest(f64);

impl Eq for Largest {}

impl PartialOrd for Largest {
    fn partial_cmp(&self, other: &Largest) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Largest {
    fn cmp(&self, other: &Largest) -> Ordering {
        other.0.total_cmp(&self.0)
    }
}

/// A walk through a diagram.
struct Walk<'a> {
    diagram: &'a Diagram,
    wanted: &'a BTreeSet<u32>,
    found: BTreeMap<u32, Vec<Cube>>,
    count: usize,
    leads: HashMap<Id, bool>,
}

impl Walk<'_> {
    /// Adds what is below a node; whether that is all of it.
    fn follow(&mut self, id: Id, cube: &mut Cube) -> bool {
        if !self.leads(id) {
            return true;
        }
        let Some((level, edges)) = self.diagram.edges(id) else {
            let mut cube = cube.clone();
            cube.0.sort_by_key(|(variable, _)| *variable);
            self.found.entry(id.as_leaf().unwrap_or_default()).or_default().push(cube);
            self.count += 1;
            return self.count < MAX_PATHS;
        };
        let column = &self.diagram.columns[level as usize];
        // Edges to the same node are one.
        let mut children: Vec<(Id, Vec<(u128, u128)>)> = Vec::new();
        let mut places: HashMap<Id, usize> = HashMap::new();
        let mut first = 0;
        for (last, child) in edges {
            let place = *places.entry(*child).or_insert_with(|| {
                children.push((*child, Vec::new()));
                children.len() - 1
            });
            children[place].1.extend((first..=*last).map(|part| column.values(part)));
            first = last + 1;
        }
        for (child, values) in children {
            cube.0.push((column.variable, Ranges::joined(values)));
            let goes_on = self.follow(child, cube);
            cube.0.pop();
            if !goes_on {
                return false;
            }
        }
        true
    }

    fn leads(&mut self, id: Id) -> bool {
        if let Some(leaf) = id.as_leaf() {
            return self.wanted.contains(&leaf);
        }
        if let Some(known) = self.leads.get(&id) {
            return *known;
        }
        let diagram = self.diagram;
        let edges = diagram.edges(id);
        let leads = edges.is_some_and(|(_, edges)| edges.iter().any(|(_, child)| self.leads(*child)));
        self.leads.insert(id, leads);
        leads
    }
}

/// Cubes that differ in one field only become one, until none do.
pub fn merged(mut cubes: Vec<Cube>, variables: &Variables) -> Vec<Cube> {
    let mut all: Vec<Variable> = cubes.iter().flat_map(|cube| cube.0.iter().map(|(variable, _)| *variable)).collect();
    all.sort_unstable();
    all.dedup();
    loop {
        let before = cubes.len();
        for variable in &all {
            let mut places: HashMap<Cube, usize> = HashMap::new();
            let mut joined: Vec<(Cube, Vec<(u128, u128)>)> = Vec::new();
            for cube in cubes {
                let mut rest = cube;
                let at = rest.0.iter().position(|(known, _)| known == variable);
                let values = at.map_or_else(|| variables.domain(*variable).clone(), |at| rest.0.remove(at).1);
                let place = *places.entry(rest.clone()).or_insert_with(|| {
                    joined.push((rest, Vec::new()));
                    joined.len() - 1
                });
                joined[place].1.extend(values.list());
            }
            let whole = joined.into_iter().map(|(mut rest, values)| {
                let values = Ranges::joined(values);
                if values != *variables.domain(*variable) {
                    let at = rest.0.partition_point(|(known, _)| known < variable);
                    rest.0.insert(at, (*variable, values));
                }
                rest
            });
            cubes = whole.collect();
        }
        if cubes.len() == before {
            return cubes;
        }
    }
}

/// How many of all packets are in a cube, as a logarithm.
fn size(cube: &Cube, variables: &Variables) -> f64 {
    let count = |values: &Ranges| values.list().iter().map(|(first, last)| (last - first) as f64 + 1.0).sum::<f64>();
    cube.0.iter().map(|(variable, values)| (count(values) / count(variables.domain(*variable))).ln()).sum()
}
