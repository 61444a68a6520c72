//! Packets that pass under both rulesets, and that these do not make the same: addresses, ports, marks, tracking.
//! Input: two rulesets. Output: packets, with what becomes of them before and after.

use serde::Serialize;

use super::kinds::{Alike, Numbered, OPEN, Pair, kind};
use crate::analyze::{About, Analysis, Detail, Kinds, Rewritten};
use crate::iptables::meaning::Context;
use crate::iptables::ruleset::{Hook, Ruleset};
use crate::net::Interface;
use crate::policy::Packets;
use crate::query::Told;

/// Packets that pass, and are made something else than before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rewriting {
    /// What is not the same.
    pub changes: Vec<Becomes>,
    /// On what it depends, beside the packet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends: Vec<String>,
    /// The packets, the largest sets first.
    pub packets: Vec<Told>,
}

/// A field that becomes something else than before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Becomes {
    /// Its name.
    pub field: String,
    /// What it became before.
    pub before: String,
    /// What it becomes.
    pub after: String,
}

/// The packets that are made another; and whether there are more than are told. `None`, where it would take too long.
pub fn rewritten(pair: Pair, declared: &[Interface], packets: &Packets) -> Option<(Vec<Rewriting>, bool)> {
    let (old, new) = (pair.old.of(pair.family), pair.new.of(pair.family));
    if !rewrites(old) && !rewrites(new) {
        return Some((Vec::new(), false));
    }
    let mut analysis = Analysis::of_both(old, new, [packets].into_iter(), declared.iter().copied());
    let about = About { packets, assumptions: OPEN, detail: Detail::Rewritten, first: false, hides: &[] };
    let ends: Numbered<Option<Rewritten>> = Numbered::new();
    let differing: Numbered<[u32; 2]> = Numbered::new();
    let alike: Numbered<Alike> = Numbered::new();
    let sets = {
        let mut kinds = Kinds {
            class: &|_, ended| ends.of(ended.rewritten.clone()),
            outcome: &mut |classes| match classes {
                [Some(before), Some(after)] if before != after => {
                    let passes = |class: u32| ends.get(class).is_some();
                    if passes(*before) && passes(*after) { differing.of([*before, *after]) + 1 } else { 0 }
                }
                _ => 0,
            },
            kind: &mut |leaves, subjects| kind(leaves, subjects, &alike),
        };
        analysis.sets(&about, &mut kinds)?
    };
    let mut all: Vec<Rewriting> = Vec::new();
    let mut cut = false;
    for set in &sets {
        for (number, paths) in &set.kinds {
            let Alike { changes, on } = alike.get(number - 1);
            cut |= !paths.complete;
            for pair in changes.iter().map(|number| differing.get(number - 1)) {
                let [Some(before), Some(after)] = pair.map(|class| ends.get(class)) else { continue };
                let mut told = Vec::new();
                for cube in paths.cubes.iter().flat_map(|cube| analysis.differing(cube, &before, &after)) {
                    // What is left of a set may be nothing but what the kernel discards.
                    let is_there = analysis.deciders(set, 0, &cube)?.iter().any(|(end, _)| end.rewritten.is_some());
                    if is_there {
                        told.extend(analysis.words(set, &cube).into_iter().map(Told::of));
                    }
                }
                if told.is_empty() {
                    continue;
                }
                let becomes = |(field, before, after)| Becomes { field, before, after };
                let changes: Vec<Becomes> = analysis.differences(&before, &after).into_iter().map(becomes).collect();
                match all.iter_mut().find(|known| known.changes == changes && known.depends == on) {
                    Some(known) => known.packets.extend(told),
                    None => all.push(Rewriting { changes, depends: on.clone(), packets: told }),
                }
            }
        }
    }
    Some((all, cut))
}

/// Whether any rule makes another packet of one.
fn rewrites(ruleset: &Ruleset) -> bool {
    let context = Context::of(ruleset.family);
    ruleset.tables.iter().any(|table| {
        let mut writing = table.rules.iter().filter(|rule| rule.target.then().is_none());
        writing.any(|rule| {
            let mut actions = Hook::ALL.into_iter().flat_map(|hook| rule.target.actions(&context, table.name, hook));
            actions.any(|action| !action.assigns.is_empty())
        })
    })
}
