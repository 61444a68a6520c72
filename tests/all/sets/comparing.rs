//! What `diff` tells of packets is what changes for each of them.

use super::{Files, ReadSet, fates, files, mutate, packets, timed, witnesses};
use crate::kernel::aim::Aim;
use crate::kernel::differential::interfaces;
use crate::support;
use crate::support::generate::Random;
use cgwfw::diff::{FamilyDifference, Pair, Relation, Turn, diff};
use cgwfw::iptables::packet::{Fragment, Packet};
use cgwfw::net::{Both, Interface};
use cgwfw::sentence;
use cgwfw::simulate::{Assumptions, Loaded, Verdict};

/// How what packets do not tell is taken.
pub const OPEN: Assumptions =
    Assumptions { within_limit: None, spoofed: None, translated_to_own: Some(false), backend: None };

/// A rule file and one that is a little different.
fn pair(random: &mut Random) -> (Files, Files) {
    let old = files(random);
    loop {
        let texts = Both::of(|family| mutate::mutated(&old.texts[family], family, random));
        if let Some(new) = Files::read(texts) {
            return (old, new);
        }
    }
}

/// The interfaces that either names.
pub fn names(old: &Files, new: &Files) -> Vec<Interface> {
    let mut names = interfaces(&old.rulesets);
    names.extend(interfaces(&new.rulesets));
    names.sort_unstable();
    names.dedup();
    names
}

/// A change as the simulator has it.
fn turn(before: Option<Verdict>, after: Option<Verdict>) -> Option<Turn> {
    match (before, after) {
        (before, after) if before == after => None,
        (Some(Verdict::Accept), _) => Some(Turn::NewlyDropped),
        (_, Some(Verdict::Accept)) => Some(Turn::NewlyAccepted),
        _ => Some(Turn::RefusedOtherwise),
    }
}

/// What is told of a change.
struct ToldChange {
    set: ReadSet,
    turn: Turn,
    depends: bool,
    fates: (String, String),
}

fn told(difference: &FamilyDifference) -> Vec<ToldChange> {
    let sets = difference.packets.iter().flat_map(|turned| {
        turned.packets.iter().map(|told| ToldChange {
            set: ReadSet::of(told),
            turn: turned.change,
            depends: !turned.depends.is_empty(),
            fates: (turned.before.clone(), turned.after.clone()),
        })
    });
    sets.collect()
}

fn swapped(relation: Relation) -> Relation {
    match relation {
        Relation::MorePermissive => Relation::LessPermissive,
        Relation::LessPermissive => Relation::MorePermissive,
        other => other,
    }
}

/// Whether a relation allows that a packet is newly accepted, or newly dropped.
fn allows(relation: Relation, turn: Turn) -> bool {
    match turn {
        Turn::NewlyAccepted => matches!(relation, Relation::MorePermissive | Relation::Incomparable),
        Turn::NewlyDropped => matches!(relation, Relation::LessPermissive | Relation::Incomparable),
        Turn::RefusedOtherwise => true,
    }
}

/// The fates of a packet under both rule files, with how spoofing is taken.
type Simulated<'a> = dyn Fn(&Packet, Option<bool>) -> [Vec<Option<Verdict>>; 2] + 'a;

#[derive(Debug, Default)]
struct Tally {
    compared: usize,
    undecided: usize,
    same: usize,
    sets: usize,
    depending: usize,
    packets: usize,
    changed: usize,
    unclear: usize,
    witnesses: usize,
    /// Sets with remarks of which no packet was found that shows the change.
    unseen: usize,
}

#[test]
fn what_is_told_to_change_does_and_nothing_else() {
    let (seed, count) = (support::number("CGWFW_SEED", 0), support::number("CGWFW_SETS", 4));
    let mut tally = Tally::default();
    for number in seed..seed + count {
        let random = &mut Random::new(number);
        let (old, new) = pair(random);
        let names = names(&old, &new);
        for family in old.rulesets.iter().map(|ruleset| ruleset.family) {
            let around = || format!("rule files {number}\n{}\nand then\n{}", old.texts[family], new.texts[family]);
            let pair = Pair { old: old.rules(), new: new.rules(), family };
            let difference = timed(&around(), || diff(pair, &names));
            let back = diff(Pair { old: new.rules(), new: old.rules(), family }, &names);
            let itself = diff(Pair { old: old.rules(), new: old.rules(), family }, &names);
            tally.compared += 1;
            let (Some(difference), Some(back), Some(itself)) = (difference, back, itself) else {
                tally.undecided += 1;
                continue;
            };
            assert!(itself.is_none() && itself.first == Relation::Same, "{itself:#?}\n{}", around());
            assert_eq!(
                (difference.all, difference.first),
                (swapped(back.all), swapped(back.first)),
                "{difference:#?}\n{back:#?}\n{}",
                around()
            );
            tally.same += usize::from(difference.is_none());
            if difference.cut || back.cut {
                tally.undecided += 1;
                continue;
            }
            let (sets, back) = (told(&difference), told(&back));
            let loaded = [&old, &new].map(|files| Loaded::new(&files.rulesets[family]));
            let both = |packet: &Packet, spoofed: Option<bool>| {
                let assumed = Assumptions { spoofed, ..OPEN };
                [0, 1].map(|side| fates(&loaded[side], packet, assumed))
            };
            check_sets(&mut tally, [&old, &new], &names, (&sets, &both), &around, family);
            let aims = [&old, &new].map(|files| Aim::new(&files.rulesets[family], &names));
            for fragment in [Fragment::No, Fragment::No, Fragment::No, Fragment::First, Fragment::Later] {
                for stated in [true, true, false] {
                    for packet in packets(&[&aims[0], &aims[1]], 40, stated, fragment, random) {
                        let [before, after] = both(&packet, None);
                        let ([one], [other]) = (&before[..], &after[..]) else { continue };
                        if one.or(*other).is_none() {
                            continue;
                        }
                        let change = turn(*one, *other);
                        let check = |sets: &[ToldChange], change: Option<Turn>| {
                            let whole = Packet { fragment: Fragment::No, ..packet.clone() };
                            let exact: Vec<&ToldChange> = sets.iter().filter(|told| told.set.holds(&packet)).collect();
                            let own: Vec<&ToldChange> =
                                sets.iter().filter(|told| told.set.holds(&packet) || told.set.holds(&whole)).collect();
                            let complaint = |what: &str| {
                                let text = |told: &&ToldChange| (told.turn, told.depends, told.set.text.clone());
                                format!(
                                    "{what}: {}\n{one:?} -> {other:?}, told in {:#?}\n{}",
                                    sentence::packet(&packet),
                                    own.iter().map(text).collect::<Vec<_>>(),
                                    around()
                                )
                            };
                            let unclear = exact.iter().any(|told| told.set.also);
                            match change {
                                Some(change) => {
                                    assert!(
                                        own.iter().any(|told| told.turn == change),
                                        "{}",
                                        complaint("the change is not told")
                                    );
                                    assert!(
                                        allows(difference.all, turn(*one, *other).unwrap_or(change)),
                                        "{}",
                                        complaint("the word")
                                    );
                                }
                                None => {
                                    let pure = exact.iter().any(|told| !told.set.also && !told.depends);
                                    assert!(!pure, "{}", complaint("no change is told as one"));
                                }
                            }
                            if !stated
                                && fragment == Fragment::No
                                && let Some(change) = turn(*one, *other)
                            {
                                assert!(
                                    allows(difference.first, change),
                                    "{}",
                                    complaint("the word for first packets")
                                );
                            }
                            unclear
                        };
                        tally.packets += 1;
                        tally.changed += usize::from(change.is_some());
                        tally.unclear += usize::from(check(&sets, change));
                        check(&back, turn(*other, *one));
                    }
                }
            }
        }
    }
    println!("{tally:?}");
    assert!(tally.undecided * 10 <= tally.compared + 10, "{tally:?}");
}

/// Each set has packets, and all of them change as is told.
fn check_sets(
    tally: &mut Tally,
    files: [&Files; 2],
    names: &[Interface],
    (sets, both): (&[ToldChange], &Simulated),
    around: &dyn Fn() -> String,
    family: cgwfw::net::Family,
) {
    for told in sets {
        tally.sets += 1;
        tally.depending += usize::from(told.depends);
        // The sentence means all states unless it says some.
        let mut packets = told.set.packets.clone();
        if packets.traffic.states.is_none() {
            packets.traffic.states = cgwfw::diff::everything(family).traffic.states;
        }
        let mut found = Vec::new();
        for files in files {
            found.extend(witnesses(&files.rulesets[family], names, &packets, OPEN).0);
        }
        let mut is_there = false;
        for packet in found {
            let open = both(&packet, None);
            let [before, after] = both(&packet, Some(false));
            let may = |turn: Turn, [before, after]: &[Vec<Option<Verdict>>; 2]| {
                before.iter().any(|one| after.iter().any(|other| self::turn(*one, *other) == Some(turn)))
            };
            let shows = may(told.turn, &open);
            is_there |= shows;
            let exists = before.iter().chain(&after).any(Option::is_some);
            if told.set.also || told.depends || !exists {
                continue;
            }
            tally.witnesses += 1;
            assert!(
                shows,
                "{} of\n{:?} {:?} {}\nis {before:?} -> {after:?}\n{}",
                sentence::packet(&packet),
                told.turn,
                told.fates,
                told.set.text,
                around()
            );
        }
        tally.unseen += usize::from(!is_there);
        assert!(
            is_there || told.set.also || told.depends,
            "{:?} {} is told, and nothing of it changes\n{}",
            told.turn,
            told.set.text,
            around()
        );
    }
}
