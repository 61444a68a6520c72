//! Cubes of the rules of one family in the terms of the other.
//! Input: two analyses that know the same interfaces, cubes. Output: the same packets, in the variables of the other one.

use super::cubes::Cube;
use super::paths::merged;
use super::question::Analysis;
use super::variables::Subject;
use crate::iptables::meaning::Field;

impl Analysis<'_> {
    /// A cube of other rules in the terms of these, whatever some fields are. Fields have the same values in both.
    pub fn carried(&mut self, from: &Analysis, cube: &Cube, whatever: &[Field]) -> Cube {
        let subjects = cube.0.iter().map(|(variable, values)| (from.terms.variables.subject(*variable), values));
        let told = subjects.filter(|(subject, _)| !is_of(subject, whatever));
        let mut carried: Vec<_> =
            told.map(|(subject, values)| (self.terms.variables.of(subject.clone()), values.clone())).collect();
        carried.sort_by_key(|(variable, _)| *variable);
        Cube(carried)
    }

    /// A cube of these rules, whatever some fields are.
    pub fn whatever(&self, cube: &Cube, fields: &[Field]) -> Cube {
        let told = cube.0.iter().filter(|(variable, _)| !is_of(self.terms.variables.subject(*variable), fields));
        Cube(told.cloned().collect())
    }

    /// Whether every packet of a cube is in one of some others.
    pub fn is_covered(&self, cube: &Cube, others: &[Cube]) -> bool {
        let Some(at) = others.iter().position(|other| cube.meets(other)) else { return false };
        let (other, rest) = (&others[at], &others[at + 1..]);
        let mut inside = cube.clone();
        other.0.iter().all(|(variable, values)| {
            let beside = Cube::of(*variable, values.not(self.terms.variables.highest(*variable)));
            let outside = inside.and(&beside);
            if let Some(both) = inside.and(&Cube::of(*variable, values.clone())) {
                inside = both;
            }
            // What is left of a domain that has gaps is empty.
            outside.is_none_or(|outside| {
                outside.0.iter().any(|(_, values)| values.is_empty()) || self.is_covered(&outside, rest)
            })
        })
    }

    /// Cubes that differ in one field only as one.
    pub fn joined(&self, cubes: Vec<Cube>) -> Vec<Cube> {
        merged(cubes, &self.terms.variables)
    }
}

fn is_of(subject: &Subject, fields: &[Field]) -> bool {
    matches!(subject, Subject::Field(field) if fields.contains(field))
}
