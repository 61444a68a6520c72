//! Conditions as lists of cubes: each asks for some values of some variables, and one of them must hold.
//! Input: cubes. Output: cubes that are met by all that meet two others.

use std::collections::BTreeMap;

use super::ranges::Ranges;
use super::variables::Variable;

/// What some variables must be, all of them, in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cube(pub Vec<(Variable, Ranges)>);

impl Cube {
    /// What one variable must be.
    pub fn of(variable: Variable, values: Ranges) -> Cube {
        Cube(vec![(variable, values)])
    }

    /// Whether something meets both.
    pub fn meets(&self, other: &Cube) -> bool {
        let mut others = other.0.iter().peekable();
        self.0.iter().all(|(variable, values)| {
            while others.next_if(|(known, _)| known < variable).is_some() {}
            others.peek().is_none_or(|(known, others)| known != variable || values.meets(others))
        })
    }

    /// What meets both; nothing, where no value is left.
    pub fn and(&self, other: &Cube) -> Option<Cube> {
        let mut both = Vec::with_capacity(self.0.len() + other.0.len());
        let (mut one, mut two) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            match (one.peek(), two.peek()) {
                (Some((a, values)), Some((b, others))) if a == b => {
                    let left = values.and(others);
                    if left.is_empty() {
                        return None;
                    }
                    both.push((*a, left));
                    one.next();
                    two.next();
                }
                (Some((a, _)), Some((b, _))) if a < b => both.extend(one.next().cloned()),
                (Some(_), None) => both.extend(one.next().cloned()),
                (_, Some(_)) => both.extend(two.next().cloned()),
                (None, None) => return Some(Cube(both)),
            }
        }
    }
}

/// Cubes of which one must be met: none is *never*, an empty one *always*.
pub type Cubes = Vec<Cube>;

/// What always holds.
pub fn always() -> Cubes {
    vec![Cube::default()]
}

/// What meets one of each; `None`, where there are more than `most`.
pub fn product(one: &[Cube], other: &[Cube], most: usize) -> Option<Cubes> {
    let mut all = Vec::new();
    for a in one {
        all.extend(other.iter().filter_map(|b| a.and(b)));
        if all.len() > most {
            return None;
        }
    }
    Some(all)
}

/// Values of variables: what a packet is, where it matters.
pub type Point = BTreeMap<Variable, (u128, u128)>;
