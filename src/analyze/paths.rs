//! The packets of a diagram's leaf as cubes, few and large.
//! Input: a diagram. Output: cubes that have no packet in common, the largest first.

use std::collections::HashMap;

use super::cubes::Cube;
use super::diagram::{Diagram, Id};
use super::ranges::Ranges;
use super::variables::{Variable, Variables};

/// The most cubes that are put together of one leaf.
pub const MAX_PATHS: usize = 20_000;

/// Cubes, and whether they are all there are.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// The cubes, the largest first.
    pub cubes: Vec<Cube>,
    /// Whether there are no others.
    pub complete: bool,
}

/// The packets that lead from a node of a diagram to a leaf.
pub fn paths(diagram: &Diagram, root: Id, leaf: u32, variables: &Variables) -> Paths {
    let mut found = Vec::new();
    let mut leads = HashMap::new();
    let complete = follow(diagram, root, Id::leaf(leaf), &mut Cube::default(), &mut found, &mut leads);
    let mut cubes = merged(found, variables);
    cubes.sort_by(|one, other| {
        size(other, variables).total_cmp(&size(one, variables)).then_with(|| one.0.cmp(&other.0))
    });
    Paths { cubes, complete }
}

fn follow(
    diagram: &Diagram,
    id: Id,
    wanted: Id,
    cube: &mut Cube,
    found: &mut Vec<Cube>,
    leads: &mut HashMap<Id, bool>,
) -> bool {
    if id == wanted {
        let mut cube = cube.clone();
        cube.0.sort_by_key(|(variable, _)| *variable);
        found.push(cube);
        return found.len() < MAX_PATHS;
    }
    if !leads_to(diagram, id, wanted, leads) {
        return true;
    }
    let Some((level, edges)) = diagram.edges(id) else { return true };
    let column = &diagram.columns[level as usize];
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
        let goes_on = follow(diagram, child, wanted, cube, found, leads);
        cube.0.pop();
        if !goes_on {
            return false;
        }
    }
    true
}

fn leads_to(diagram: &Diagram, id: Id, wanted: Id, known: &mut HashMap<Id, bool>) -> bool {
    if id == wanted {
        return true;
    }
    if let Some(known) = known.get(&id) {
        return *known;
    }
    let edges = diagram.edges(id);
    let leads = edges.is_some_and(|(_, edges)| edges.iter().any(|(_, child)| leads_to(diagram, *child, wanted, known)));
    known.insert(id, leads);
    leads
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
