//! What is said of all packets, held against the simulator: packet by packet.
//!
//! `CGWFW_PACKETS` says how many packets; `CGWFW_SEED` where to begin.

mod small;

use std::collections::BTreeSet;

use crate::kernel::aim::Aim;
use crate::kernel::differential::interfaces;
use crate::kernel::rule_files::rule_files;
use crate::support;
use crate::support::generate::Random;
use cgwfw::analyze::{Analysis, End, Question};
use cgwfw::iptables::packet::{Packet, State, Transport};
use cgwfw::iptables::print;
use cgwfw::iptables::ruleset::{MaskedMark, Negatable, Ruleset, States};
use cgwfw::language::values::IcmpWord;
use cgwfw::net::{Addresses, Both, Family, Prefix, Protocol};
use cgwfw::policy::{IpsecSides, Packets, Values};
use cgwfw::sentence;
use cgwfw::simulate::{Assumptions, By, Loaded, Verdict, decide, impossible};
use cgwfw::traffic::set::PacketSet;

/// The verdicts of a packet as the simulator has them; `None`, where it has not looked at all.
fn simulated(loaded: &Loaded, packet: &Packet) -> Option<BTreeSet<&'static str>> {
    let decisions = decide(loaded, packet, Assumptions::ORDINARY);
    let by_rules = decisions.found.iter().filter(|decision| !matches!(decision.by, By::Kernel(_)));
    decisions.complete.then(|| by_rules.map(|decision| decision.verdict.name()).collect())
}

/// The verdicts of a packet as the search over all packets that are like it has them.
fn asked(loaded: &Loaded, analysis: &mut Analysis, packet: &Packet) -> Option<BTreeSet<&'static str>> {
    let mut packets = sentence::packets_of(packet);
    // What it does not say is open: here it is none.
    let traffic = &mut packets.traffic;
    traffic.mark = Some(Negatable::is(MaskedMark { value: packet.mark, mask: u32::MAX }));
    if let Transport::Icmp(icmp) = packet.transport {
        traffic.icmp_types = Values::one(IcmpWord { types: Both::same(Some(icmp)) });
    }
    traffic.ipsec = IpsecSides { came: Some(packet.ipsec_in), goes: Some(packet.ipsec_out) };
    let mut found = BTreeSet::new();
    let mut certain = true;
    for name in ["accept", "drop", "reject"] {
        let is_goal = |verdict: Verdict| verdict.name() == name;
        let question = Question { packets: &packets, assumptions: Assumptions::ORDINARY, is_goal: &is_goal };
        let end = analysis.ask(&question, &mut |witness| {
            let confirmed = simulated(loaded, &witness).is_some_and(|verdicts| verdicts.contains(name));
            if confirmed {
                assert_eq!(&witness, packet, "a witness is one of those that are asked about");
                found.insert(name);
            }
            certain &= confirmed;
            confirmed
        });
        certain &= end != End::TooMuch;
    }
    certain.then_some(found)
}

/// Whether a sentence can tell the packet: the ports of UDP-Lite have no place in one, nor ICMP of type 255.
pub fn is_told(packet: &Packet) -> bool {
    let told = match packet.transport {
        Transport::UdpLite(..) => false,
        Transport::Icmp(icmp) => icmp.kind != u8::MAX,
        Transport::Other(Protocol(number)) => match packet.family() {
            Family::V4 => !matches!(number, 0 | 43 | 44 | 58..=60),
            Family::V6 => !matches!(number, 0..=2 | 43 | 44 | 59 | 60),
        },
        _ => true,
    };
    told && impossible(packet).is_none()
}

/// Random rule files of both families, ready for questions and packets.
fn for_each_family(seed: u64, mut each: impl FnMut(&Ruleset, &Loaded, &Aim, &mut Analysis, &mut Random)) {
    let random = &mut Random::new(seed);
    let rulesets = rule_files(random);
    let names = interfaces(&rulesets);
    for ruleset in rulesets.iter() {
        let mut analysis = Analysis::new(ruleset, std::iter::empty(), names.iter().copied());
        each(ruleset, &Loaded::new(ruleset), &Aim::new(ruleset, &names), &mut analysis, random);
    }
}

#[test]
fn one_packet_has_the_verdicts_that_the_simulator_gives_it() {
    let (seed, count) = (support::number("CGWFW_SEED", 0), support::number("CGWFW_PACKETS", 4_000));
    let (mut compared, mut undecided) = (0, 0);
    let mut wrong = Vec::new();
    for number in 0.. {
        if compared >= count || wrong.len() > 5 {
            break;
        }
        for_each_family(seed + number, |ruleset, loaded, aim, analysis, random| {
            for turn in 0..25 {
                let packet = aim.packet(turn, random);
                let Some(expected) = simulated(loaded, &packet).filter(|_| is_told(&packet)) else { continue };
                let Some(found) = asked(loaded, analysis, &packet) else {
                    undecided += 1;
                    continue;
                };
                compared += 1;
                if found != expected {
                    wrong.push(format!(
                        "rule files {}: {}\nsimulated {expected:?}, asked {found:?}\n{}",
                        seed + number,
                        sentence::packet(&packet),
                        print::print(ruleset, None)
                    ));
                }
            }
        });
    }
    assert!(
        wrong.is_empty(),
        "{} wrong of {compared}:\n{}",
        wrong.len(),
        wrong.iter().min_by_key(|text| text.len()).expect("one")
    );
    assert!(undecided * 20 < compared, "{undecided} undecided of {compared}");
}

/// Packets that are like one, but for what is left open: more of it, each time.
pub fn widened(packet: &Packet, random: &mut Random) -> Packets {
    let mut packets = sentence::packets_of(packet);
    let traffic = &mut packets.traffic;
    if random.chance(50) {
        traffic.ttl = None;
    }
    if random.chance(40) {
        traffic.source = match random.below(3) {
            0 => Values::any(),
            length => around(packet.source, [8, 24][length - 1]),
        };
    }
    if random.chance(40) {
        traffic.destination = match random.below(3) {
            0 => Values::any(),
            length => around(packet.destination, [8, 24][length - 1]),
        };
    }
    for ports in [&mut traffic.source_ports, &mut traffic.destination_ports] {
        if random.chance(50) {
            *ports = Values::any();
        }
    }
    if random.chance(50) {
        traffic.flags = None;
    }
    if random.chance(40) {
        traffic.icmp_types = Values::any();
    }
    let said = [&traffic.source_ports, &traffic.destination_ports].iter().any(|ports| !ports.is_any());
    if !said && traffic.flags.is_none() && traffic.icmp_types.is_any() && random.chance(50) {
        traffic.protocols = Values::any();
    }
    for interfaces in [&mut traffic.on, &mut traffic.in_on, &mut traffic.out_on] {
        if random.chance(30) {
            *interfaces = Values::any();
        }
    }
    if random.chance(20) {
        let two = [State::New, State::Established, State::Related, State::Invalid];
        let states = two.map(|state| if random.chance(50) { state.bit().0 } else { 0 });
        let bits = states.into_iter().fold(packet.state.map_or(1 << 1, |state| state.bit().0), |all, bit| all | bit);
        traffic.states = Some(Negatable::is(States(bits)));
    }
    packets
}

fn around(address: std::net::IpAddr, length: u8) -> Values<Addresses> {
    let prefix = Prefix::containing(address, length).expect("a short prefix");
    Values::one(Addresses::Prefix(prefix))
}

#[test]
fn no_packet_has_a_verdict_that_none_is_said_to_have() {
    let (seed, count) = (support::number("CGWFW_SEED", 0), support::number("CGWFW_SETS", 1_500));
    let (mut asked, mut compared, mut undecided) = (0, 0, 0);
    for number in 0.. {
        if asked >= count {
            break;
        }
        for_each_family(seed + number, |ruleset, loaded, aim, analysis, random| {
            for turn in 0..15 {
                let packet = aim.packet(turn, random);
                if !is_told(&packet) {
                    continue;
                }
                let packets = widened(&packet, random);
                let mut found = BTreeSet::new();
                let mut complete = true;
                for name in ["accept", "drop", "reject"] {
                    let is_goal = |verdict: Verdict| verdict.name() == name;
                    let question =
                        Question { packets: &packets, assumptions: Assumptions::ORDINARY, is_goal: &is_goal };
                    let set = PacketSet::new(&packets);
                    let mut tried = 0;
                    let end = analysis.ask(&question, &mut |witness| {
                        assert!(
                            set.holds(&witness),
                            "{}\nis not one of {}",
                            sentence::packet(&witness),
                            sentence::packets(&packets)
                        );
                        let confirmed = simulated(loaded, &witness).is_some_and(|verdicts| verdicts.contains(name));
                        if confirmed {
                            found.insert(name);
                        }
                        tried += u32::from(!confirmed);
                        confirmed || tried > 20
                    });
                    complete &= end == End::Complete && tried == 0 || found.contains(name);
                }
                asked += 1;
                undecided += u64::from(!complete);
                let set = PacketSet::new(&packets);
                let others: Vec<Packet> = (0..40).map(|turn| aim.packet(turn, random)).collect();
                for other in others.iter().chain([&packet]).filter(|other| is_told(other) && set.holds(other)) {
                    let Some(verdicts) = simulated(loaded, other) else { continue };
                    compared += 1;
                    assert!(
                        !complete || verdicts.is_subset(&found),
                        "rule files {}: {} has {verdicts:?}, of {} there is {found:?} alone\n{}",
                        seed + number,
                        sentence::packet(other),
                        sentence::packets(&packets),
                        print::print(ruleset, None)
                    );
                }
            }
        });
    }
    assert!(compared > count && undecided * 10 < asked, "{compared} compared, {undecided} of {asked} undecided");
}
