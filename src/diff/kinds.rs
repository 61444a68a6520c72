//! What comparisons of two rulesets have in common.
//! Input: outcomes of packets. Output: kinds of packets, by what changes for them.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use crate::analyze::{Subject, depends};
use crate::net::Family;
use crate::origin::Rules;
use crate::simulate::Assumptions;

/// Two rulesets of a family.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// The rules before.
    pub old: Rules<'a>,
    /// The rules after.
    pub new: Rules<'a>,
    /// The family.
    pub family: Family,
}

/// How what the packet does not tell is taken: both ways. What is translated goes on to another host.
pub const OPEN: Assumptions =
    Assumptions { within_limit: None, spoofed: None, translated_to_own: Some(false), backend: None };

/// Packets that are changed alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Alike {
    /// The changes that are possible, by their number.
    pub changes: Vec<u32>,
    /// What decides whether they happen.
    pub on: Vec<String>,
}

/// Values with a number each, from 0.
pub struct Numbered<T>(RefCell<(Vec<T>, HashMap<T, u32>)>);

impl<T: Clone + Eq + Hash> Numbered<T> {
    /// None yet.
    pub fn new() -> Numbered<T> {
        Numbered(RefCell::new((Vec::new(), HashMap::new())))
    }

    /// The number of a value.
    pub fn of(&self, value: T) -> u32 {
        let (list, known) = &mut *self.0.borrow_mut();
        *known.entry(value.clone()).or_insert_with(|| {
            list.push(value);
            list.len() as u32 - 1
        })
    }

    /// The value of a number.
    pub fn get(&self, number: u32) -> T {
        self.0.borrow().0[number as usize].clone()
    }
}

/// What packets have in common whose fate changes.
pub fn kind(leaves: &BTreeSet<u32>, subjects: &[&Subject], alike: &Numbered<Alike>) -> u32 {
    let changes: Vec<u32> = leaves.iter().copied().filter(|leaf| *leaf != 0).collect();
    if changes.is_empty() {
        return 0;
    }
    let on: BTreeSet<String> = match leaves.len() {
        1 => BTreeSet::new(),
        _ => subjects.iter().map(|subject| depends(subject)).collect(),
    };
    alike.of(Alike { changes, on: on.into_iter().collect() }) + 1
}
