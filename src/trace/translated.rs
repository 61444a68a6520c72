//! How a packet is translated, over all of its walks.
//! Input: a trace. Output: the new ends that are possible.

use super::follow::{Branch, Trace};
use crate::iptables::ruleset::TableName;
use crate::simulate::{By, Translation};

/// The ways in which each end may be translated, each once; `None`: it stays.
pub struct Translations {
    /// The source.
    pub source: Vec<Option<Translation>>,
    /// The destination.
    pub destination: Vec<Option<Translation>>,
}

/// The translations of the walks that come to the nat table; of all, where none does.
pub fn translations(trace: &Trace) -> Translations {
    let before = |branch: &&Branch| match branch.decision.by {
        By::Rule(place) => matches!(place.table, TableName::Raw | TableName::Mangle),
        _ => false,
    };
    let mut walks: Vec<&Branch> = trace.branches.iter().filter(|branch| !before(branch)).collect();
    if walks.is_empty() {
        walks.extend(&trace.branches);
    }
    // The source is translated last: what was dropped before says nothing about it.
    let end = |end: &dyn Fn(&Branch) -> Option<Translation>, walks: &[&Branch]| {
        let mut all = Vec::new();
        for new in walks.iter().map(|branch| end(branch)) {
            if !all.contains(&new) {
                all.push(new);
            }
        }
        all
    };
    let passing: Vec<&Branch> = walks.iter().copied().filter(|branch| branch.passes()).collect();
    Translations {
        source: end(&|branch| branch.new_source, if passing.is_empty() { &walks } else { &passing }),
        destination: end(&|branch| branch.new_destination, &walks),
    }
}
