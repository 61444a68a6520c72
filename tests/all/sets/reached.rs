//! The diagram and the search over goals reach the same rules, and cubes in words are the packets that they are.

use std::collections::BTreeSet;

use super::comparing::OPEN;
use super::{ReadSet, fates, files, packets, read};
use crate::kernel::aim::Aim;
use crate::kernel::differential::interfaces;
use crate::proof::is_told;
use crate::support;
use crate::support::generate::Random;
use cgwfw::analyze::{About, Analysis, Cube, Detail, Ended, Kinds};
use cgwfw::diff::everything;
use cgwfw::iptables::packet::{Fragment, Packet, Way};
use cgwfw::net::Interface;
use cgwfw::query::Told;
use cgwfw::sentence;
use cgwfw::simulate::Loaded;
use cgwfw::traffic::set::PacketSet;

#[test]
fn the_diagram_and_the_search_reach_the_same_rules() {
    let (seed, count) = (support::number("CGWFW_SEED", 0), support::number("CGWFW_SETS", 4));
    let lo = Interface::new("lo").expect("a short name");
    let (mut reached, mut sets, mut beside) = (0, 0, 0);
    for number in seed..seed + count {
        let random = &mut Random::new(number);
        let files = files(random);
        let names = interfaces(&files.rulesets);
        for ruleset in files.rulesets.iter() {
            let around = || format!("rule files {number}\n{}", files.texts[ruleset.family]);
            let asked = everything(ruleset.family);
            let mut analysis = Analysis::new(ruleset, [&asked].into_iter(), names.iter().copied());
            let about = About { packets: &asked, assumptions: OPEN, detail: Detail::Decider, first: false, hides: &[] };
            let numbers = std::cell::RefCell::new(Vec::<String>::new());
            let number_of = |ended: &Ended| {
                let text = format!("{:?} {:?}", ended.verdict, ended.by);
                let mut numbers = numbers.borrow_mut();
                let known = numbers.iter().position(|known| *known == text);
                known.unwrap_or_else(|| {
                    numbers.push(text);
                    numbers.len() - 1
                }) as u32
            };
            let mut kinds: Vec<BTreeSet<u32>> = Vec::new();
            let found = analysis.sets(
                &about,
                &mut Kinds {
                    class: &|_, ended| number_of(ended),
                    outcome: &mut |classes| classes[0].map_or(0, |class| class + 1),
                    kind: &mut |leaves, _| {
                        let known = kinds.iter().position(|known| known == leaves);
                        known.unwrap_or_else(|| {
                            kinds.push(leaves.clone());
                            kinds.len() - 1
                        }) as u32
                            + 1
                    },
                },
            );
            let Some(found) = found else { continue };
            let (loaded, aim) = (Loaded::new(ruleset), Aim::new(ruleset, &names));
            let others = packets(&[&aim], 60, true, Fragment::No, random);
            for set in &found {
                let mut in_diagram = BTreeSet::new();
                let mut in_cubes = BTreeSet::new();
                let mut complete = true;
                for (kind, paths) in &set.kinds {
                    complete &= paths.complete;
                    let leaves = &kinds[*kind as usize - 1];
                    in_diagram.extend(leaves.iter().map(|leaf| leaf - 1));
                    for cube in &paths.cubes {
                        sets += 1;
                        let own = analysis.deciders(set, 0, cube).expect("it is small");
                        let own: BTreeSet<u32> = own.iter().map(|(ended, _)| number_of(ended)).collect();
                        // What is told of a cube is what its packets meet, where it is not left out what is not ordinary.
                        assert!(
                            own.iter().all(|one| leaves.contains(&(one + 1))) || leaves.len() > 1 || own.len() > 1,
                            "{cube:?}: {own:?} and {leaves:?}\n{}",
                            around()
                        );
                        in_cubes.extend(own);
                        for phrase in analysis.words(set, cube) {
                            let again = read(&sentence::packets(&phrase.packets));
                            let (one, other) = (PacketSet::new(&phrase.packets), PacketSet::new(&again));
                            let differs = others.iter().find(|packet| one.holds(packet) != other.holds(packet));
                            assert_eq!(differs, None, "{}", sentence::packets(&phrase.packets));
                            let _ = ReadSet::of(&Told::of(phrase));
                        }
                    }
                }
                if !complete {
                    continue;
                }
                let whole = analysis.deciders(set, 0, &Cube::default()).expect("it is small");
                reached += in_diagram.len();
                let name = |number: &u32| numbers.borrow()[*number as usize].clone();
                let names = |all: &BTreeSet<u32>| all.iter().map(name).collect::<Vec<_>>();
                assert!(
                    in_diagram.is_subset(&in_cubes),
                    "{:?}\n{:?}\n{}",
                    names(&in_diagram),
                    names(&in_cubes),
                    around()
                );
                let in_whole: BTreeSet<u32> = whole.iter().map(|(ended, _)| number_of(ended)).collect();
                assert!(in_diagram.is_subset(&in_whole), "{:?}\n{:?}", names(&in_diagram), names(&in_whole));
                for (ended, packet) in &whole {
                    if in_diagram.contains(&number_of(ended)) {
                        continue;
                    }
                    // It is none that a sentence can tell, or none that there is.
                    let there = |packet: &Packet| {
                        let by_lo = matches!(packet.way, Way::Forward(from, to) if [from, to].contains(&lo));
                        !by_lo && is_told(packet) && fates(&loaded, packet, OPEN).contains(&Some(ended.verdict))
                    };
                    assert!(!there(packet), "{ended:?} {}\n{}", sentence::packet(packet), around());
                    beside += 1;
                }
            }
        }
    }
    println!("{reached} reached, {sets} sets, {beside} by packets that are none");
}
