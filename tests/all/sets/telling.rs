//! What `query` tells of packets is what becomes of each of them.

use super::{ReadSet, fates, files, packets, timed, witnesses};
use crate::kernel::aim::Aim;
use crate::kernel::differential::interfaces;
use crate::proof::{is_told, widened};
use crate::support;
use crate::support::generate::Random;
use cgwfw::iptables::packet::Fragment;
use cgwfw::iptables::ruleset::Negatable;
use cgwfw::iptables::ruleset::States;
use cgwfw::net::Family;
use cgwfw::policy::{Directions, Packets, Traffic};
use cgwfw::query::{Outlook, query};
use cgwfw::sentence;
use cgwfw::simulate::{Assumptions, Loaded, Verdict};
use cgwfw::traffic::set::{PacketSet, assumptions};

fn outlook(verdict: Verdict) -> Outlook {
    match verdict {
        Verdict::Accept => Outlook::Accepted,
        Verdict::Drop => Outlook::Dropped,
        Verdict::Reject(_) => Outlook::Rejected,
    }
}

/// All packets of one or more ways, the first of connections or of some states.
fn broad(family: Family, random: &mut Random) -> Packets {
    let bits = random.between(1, 7);
    let directions = Directions { input: bits & 1 != 0, output: bits & 2 != 0, forward: bits & 4 != 0 };
    let states = random.chance(40).then(|| Negatable::is(States(random.between(1, 0x1f) as u8)));
    let traffic = Traffic { directions, states, ..Traffic::default() };
    let fragment = *random.pick(&[Fragment::No, Fragment::No, Fragment::No, Fragment::First, Fragment::Later]);
    Packets { families: family.into(), traffic, fragment, over_limit: random.chance(15), spoofed: random.chance(15) }
}

#[derive(Debug, Default)]
struct Tally {
    asked: usize,
    undecided: usize,
    sets: usize,
    with_more: usize,
    /// Packets in one set, and in sets of which more is said.
    packets: usize,
    unclear: usize,
    witnesses: usize,
    /// Packets of which the simulator holds more for possible than what is told.
    narrower: usize,
}

/// Whether some of what may happen is not told.
fn is_narrower(verdicts: &[Outlook], may: &[Outlook]) -> bool {
    !verdicts.iter().all(|verdict| may.contains(verdict))
}

#[test]
fn what_is_told_of_packets_becomes_of_each() {
    let (seed, count) = (support::number("CGWFW_SEED", 0), support::number("CGWFW_SETS", 8));
    let mut tally = Tally::default();
    for number in seed..seed + count {
        let random = &mut Random::new(number);
        let files = files(random);
        let names = interfaces(&files.rulesets);
        for ruleset in files.rulesets.iter() {
            let family = ruleset.family;
            let (loaded, aim) = (Loaded::new(ruleset), Aim::new(ruleset, &names));
            for turn in 0..5 {
                let asked = if turn < 2 {
                    broad(family, random)
                } else {
                    let packet = aim.packet(turn, random);
                    if !is_told(&packet) {
                        continue;
                    }
                    widened(&packet, random)
                };
                let around = || format!("rule files {number}, {}\n{}", sentence::packets(&asked), files.texts[family]);
                let answered = timed(&around(), || query(files.rules(), family, &asked, names.iter().copied()));
                tally.asked += 1;
                let Some(fated) = answered.fates.filter(|_| !answered.cut) else {
                    tally.undecided += 1;
                    continue;
                };
                let within_limit = asked.over_limit.then_some(false);
                let assumed = Assumptions { within_limit, ..assumptions(&asked) };
                let mut sets: Vec<(ReadSet, Vec<Outlook>)> = Vec::new();
                for one in &fated {
                    let may = one.depends.as_ref().map_or_else(|| vec![one.fate], |depends| depends.fates.clone());
                    sets.extend(one.packets.iter().map(|told| (ReadSet::of(told), may.clone())));
                }
                tally.sets += sets.len();
                tally.with_more += sets.iter().filter(|(set, _)| set.also).count();
                let stated = asked.traffic.states.is_some();
                // Nothing is told that there is not, and all of it meets the fate.
                for (set, may) in sets.iter().take(25) {
                    let (found, _) = witnesses(ruleset, &names, &set.packets, assumed);
                    let exact = PacketSet::new(&asked);
                    let mut is_there = set.also;
                    for packet in found {
                        if set.also || !exact.holds(&packet) {
                            continue;
                        }
                        let met = fates(&loaded, &packet, assumed);
                        let verdicts: Vec<Outlook> = met.iter().flatten().map(|verdict| outlook(*verdict)).collect();
                        is_there |= !verdicts.is_empty() || met.is_empty();
                        tally.witnesses += 1;
                        tally.narrower += usize::from(is_narrower(&verdicts, may));
                        assert!(
                            verdicts.is_empty() || verdicts.iter().any(|verdict| may.contains(verdict)),
                            "{} of\n{}\nis told to meet {may:?}: {met:?}\n{}",
                            sentence::packet(&packet),
                            set.text,
                            around()
                        );
                    }
                    assert!(is_there, "{} is told, and not there\n{}", set.text, around());
                }
                let exact = PacketSet::new(&asked);
                for packet in packets(&[&aim], 60, stated, asked.fragment, random) {
                    if !exact.holds(&packet) {
                        continue;
                    }
                    let met = fates(&loaded, &packet, assumed);
                    let verdicts: Vec<Outlook> = met.iter().flatten().map(|verdict| outlook(*verdict)).collect();
                    if verdicts.is_empty() {
                        continue;
                    }
                    let own: Vec<&(ReadSet, Vec<Outlook>)> =
                        sets.iter().filter(|(set, _)| set.holds(&packet)).collect();
                    let complaint = |what: &str| {
                        format!(
                            "{what}: {}\nmeets {met:?}, told in {:#?}\n{}",
                            sentence::packet(&packet),
                            own.iter().map(|(set, may)| (&set.text, may)).collect::<Vec<_>>(),
                            around()
                        )
                    };
                    assert!(!own.is_empty(), "{}", complaint("not told"));
                    let fits = |may: &Vec<Outlook>| verdicts.iter().any(|verdict| may.contains(verdict));
                    if own.iter().any(|(set, _)| set.also) {
                        tally.unclear += 1;
                        assert!(own.iter().any(|(_, may)| fits(may)), "{}", complaint("told otherwise"));
                        continue;
                    }
                    tally.packets += 1;
                    tally.narrower += usize::from(is_narrower(&verdicts, &own[0].1));
                    assert_eq!(own.len(), 1, "{}", complaint("told twice"));
                    assert!(fits(&own[0].1), "{}", complaint("told otherwise"));
                }
            }
        }
    }
    println!("{tally:?}");
    assert_eq!(tally.narrower, 0, "{tally:?}");
    assert!(tally.unclear < tally.packets && tally.undecided * 10 <= tally.asked + 10, "{tally:?}");
}
