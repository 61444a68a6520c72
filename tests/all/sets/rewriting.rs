//! What `diff` tells of packets that pass as before, but are made something else.

use super::comparing::{OPEN, names};
use super::{Files, ReadSet, files, mutate, packets, witnesses};
use crate::kernel::aim::Aim;
use crate::support;
use crate::support::generate::Random;
use cgwfw::diff::{FamilyDifference, Pair, diff, everything};
use cgwfw::iptables::packet::{Fragment, Packet};
use cgwfw::net::{Both, Family};
use cgwfw::sentence;
use cgwfw::simulate::{Flight, Loaded, Silent, Verdict, walks};

/// What a packet that passes has become: from the lowest to the highest value that each field may have.
#[derive(Clone, Debug, PartialEq)]
struct Made(Vec<(&'static str, u128, u128)>);

impl Made {
    fn of(flight: &Flight) -> Made {
        let port = |side: usize| match flight.ports {
            Some(ports) => {
                let range = [ports.0, ports.1][side];
                (range.start.into(), range.end.into())
            }
            None => (0, 0),
        };
        let known = |value: Option<u128>| value.map_or((0, u128::MAX), |value| (value, value));
        let fields = [
            ("source", (flight.source.first, flight.source.last)),
            ("destination", (flight.destination.first, flight.destination.last)),
            ("source port", port(0)),
            ("destination port", port(1)),
            ("TTL", known(flight.hop_limit.map(Into::into))),
            ("mark", known(flight.mark().map(Into::into))),
            ("connection mark", known(flight.connection_mark().map(Into::into))),
            ("tracking", known(Some(flight.notrack.into()))),
        ];
        Made(fields.into_iter().map(|(name, (first, last))| (name, first, last)).collect())
    }

    /// Whether a field cannot be the same, and whether all are.
    fn compared(&self, other: &Made) -> (bool, bool) {
        let pairs = || self.0.iter().zip(&other.0);
        let apart = pairs().any(|(one, other)| one.2 < other.1 || other.2 < one.1);
        let same = pairs().all(|(one, other)| one == other && one.1 == one.2);
        (apart, same)
    }
}

/// What a packet has become that passes for certain; `None`, where it does not or there are several ways.
fn made(loaded: &Loaded, packet: &Packet) -> Option<Made> {
    let mut all: Vec<Option<Made>> = Vec::new();
    let complete = walks(loaded, packet, OPEN, Silent, |decision, flight, Silent| {
        let passes = decision.verdict == Verdict::Accept;
        let made = passes.then(|| Made::of(flight));
        if !all.contains(&made) {
            all.push(made);
        }
    });
    match all.pop() {
        Some(made) if complete && all.is_empty() => made,
        _ => None,
    }
}

#[derive(Debug, Default)]
struct Tally {
    compared: usize,
    sets: usize,
    depending: usize,
    packets: usize,
    apart: usize,
    same: usize,
    witnesses: usize,
}

/// Tells what is wrong with the sets that are made something else.
fn check_sets(
    tally: &mut Tally,
    difference: &FamilyDifference,
    files: [&Files; 2],
    loaded: &[Loaded; 2],
    around: &dyn Fn() -> String,
) -> Vec<(ReadSet, bool, String)> {
    let names = names(files[0], files[1]);
    let mut sets = Vec::new();
    for rewriting in &difference.rewritten {
        for told in &rewriting.packets {
            let set = ReadSet::of(told);
            let depends = !rewriting.depends.is_empty();
            let mut packets = set.packets.clone();
            if packets.traffic.states.is_none() {
                packets.traffic.states = everything(difference.family).traffic.states;
            }
            tally.sets += 1;
            tally.depending += usize::from(depends);
            for packet in witnesses(&files[1].rulesets[difference.family], &names, &packets, OPEN).0 {
                let (Some(old), Some(new)) = (made(&loaded[0], &packet), made(&loaded[1], &packet)) else { continue };
                tally.witnesses += 1;
                let (_, same) = old.compared(&new);
                assert!(
                    !same || set.also || depends,
                    "{} is made the same, and told in {}\n{rewriting:#?}\n{}",
                    sentence::packet(&packet),
                    set.text,
                    around()
                );
            }
            sets.push((set, depends, format!("{:?}", rewriting.changes)));
        }
    }
    sets
}

#[test]
fn what_is_told_to_be_made_another_is() {
    let (seed, count) = (support::number("CGWFW_SEED", 500), support::number("CGWFW_SETS", 6));
    let mut tally = Tally::default();
    for number in seed..seed + count {
        let random = &mut Random::new(number);
        let old = files(random);
        let texts = Both::of(|family| mutate::writing(&old.texts[family], family, random));
        let Some(new) = Files::read(texts) else { continue };
        let names = names(&old, &new);
        for family in [Family::V4, Family::V6] {
            let around = || format!("rule files {number}\n{}\nand then\n{}", old.texts[family], new.texts[family]);
            let pair = Pair { old: old.rules(), new: new.rules(), family };
            let Some(difference) = diff(pair, &names).filter(|difference| !difference.cut) else { continue };
            tally.compared += 1;
            let loaded = [&old, &new].map(|files| Loaded::new(&files.rulesets[family]));
            let sets = check_sets(&mut tally, &difference, [&old, &new], &loaded, &around);
            let aims = [&old, &new].map(|files| Aim::new(&files.rulesets[family], &names));
            for packet in packets(&[&aims[0], &aims[1]], 400, true, Fragment::No, random) {
                let (Some(one), Some(other)) = (made(&loaded[0], &packet), made(&loaded[1], &packet)) else { continue };
                let (apart, same) = one.compared(&other);
                let own: Vec<_> = sets.iter().filter(|(set, ..)| set.holds(&packet)).collect();
                let complaint = || {
                    format!(
                        "{}\n{one:?}\n{other:?}, told in {:#?}\n{}",
                        sentence::packet(&packet),
                        own.iter().map(|(set, depends, what)| (&set.text, depends, what)).collect::<Vec<_>>(),
                        around()
                    )
                };
                tally.packets += 1;
                tally.apart += usize::from(apart);
                tally.same += usize::from(same);
                assert!(!apart || !own.is_empty(), "not told: {}", complaint());
                let pure = own.iter().any(|(set, depends, _)| !set.also && !depends);
                assert!(!same || !pure, "told, and the same: {}", complaint());
            }
        }
    }
    println!("{tally:?}");
    assert!(tally.apart > 0 || tally.compared == 0, "{tally:?}");
}
