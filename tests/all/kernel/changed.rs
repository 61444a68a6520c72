//! Packets of which it is said that a change of the rules turns their fate, for the kernel to say the same.
//! Input: rules of both families. Output: the same without a rule, and packets that pass with it or without it alone.

use std::collections::BTreeSet;

use cgwfw::analyze::{About, Analysis, Detail, Kinds};
use cgwfw::iptables::packet::Packet;
use cgwfw::iptables::ruleset::{Ruleset, Table, TableName};
use cgwfw::net::Both;
use cgwfw::policy::{Directions, Packets, Traffic};
use cgwfw::simulate::{Assumptions, Loaded, Verdict, decide};

use super::differential::{can_be_sent, interfaces, is_there};
use crate::support::generate::Random;

/// The most packets of a family.
const MAX_PACKETS: usize = 12;

/// The rules without one of each family, and packets whose fate that turns.
pub fn changed(rulesets: &Both<Ruleset>, random: &mut Random) -> (Both<Ruleset>, Vec<(Packet, usize)>) {
    let mut others = rulesets.clone();
    let mut packets = Vec::new();
    for (old, new) in rulesets.iter().zip(others.iter_mut()) {
        // Not of what translates: for the first packet after its last rule is gone the kernel may still hold the old answer.
        let rules: usize = others_than_nat(old).map(|table| table.rules.len()).sum();
        if rules == 0 {
            continue;
        }
        let mut gone = random.below(rules);
        for table in new.tables.iter_mut().filter(|table| table.name != TableName::Nat) {
            if gone < table.rules.len() {
                table.rules.remove(gone);
                break;
            }
            gone -= table.rules.len();
        }
        packets.extend(turned(rulesets, old, new).into_iter().map(|packet| (packet, 0)));
    }
    (others, packets)
}

fn others_than_nat(ruleset: &Ruleset) -> impl Iterator<Item = &Table> {
    ruleset.tables.iter().filter(|table| table.name != TableName::Nat)
}

/// First packets that pass under one of two rulesets alone, whatever they do not tell.
fn turned(all: &Both<Ruleset>, old: &Ruleset, new: &Ruleset) -> Vec<Packet> {
    let directions = Directions { input: true, output: true, forward: true };
    let traffic = Traffic { directions, ..Traffic::default() };
    let packets = Packets { families: old.family.into(), traffic, ..Packets::default() };
    let interfaces = interfaces(all);
    let mut analysis = Analysis::of_both(old, new, [&packets].into_iter(), interfaces.iter().copied());
    let about = About {
        packets: &packets,
        assumptions: Assumptions::ORDINARY,
        detail: Detail::Verdict,
        first: false,
        hides: &[],
    };
    let mut kinds = Kinds {
        class: &|_, ended| u32::from(ended.verdict == Verdict::Accept),
        outcome: &mut |classes| u32::from((classes[0] == Some(1)) != (classes[1] == Some(1))),
        kind: &mut |leaves, _| u32::from(*leaves == BTreeSet::from([1])),
    };
    let Some(sets) = analysis.sets(&about, &mut kinds) else { return Vec::new() };
    let loaded = [old, new].map(Loaded::new);
    let mut found: Vec<Packet> = Vec::new();
    for set in &sets {
        for cube in set.kinds.values().flat_map(|paths| &paths.cubes) {
            for (_, packet) in analysis.deciders(set, 0, cube).unwrap_or_default() {
                if found.len() == MAX_PACKETS {
                    return found;
                }
                if !is_there(&packet, &interfaces) || !can_be_sent(&packet) || found.contains(&packet) {
                    continue;
                }
                let passes = loaded.each_ref().map(|loaded| {
                    let decisions = decide(loaded, &packet, Assumptions::ORDINARY);
                    let fates: BTreeSet<bool> =
                        decisions.found.iter().map(|decision| decision.verdict == Verdict::Accept).collect();
                    (decisions.complete && fates.len() == 1).then(|| fates.contains(&true))
                });
                if let [Some(before), Some(after)] = passes {
                    assert_ne!(before, after, "{}: its fate is said to change", cgwfw::sentence::packet(&packet));
                }
                found.push(packet);
            }
        }
    }
    found
}
