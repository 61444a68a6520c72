//! Small spaces, compared completely: every packet of them is simulated, and their verdicts are those that the analysis has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::simulated;
use crate::support;
use crate::support::generate::Random;
use cgwfw::analyze::{Analysis, End, Question};
use cgwfw::iptables::packet::{Fragment, Packet, Transport, Way};
use cgwfw::iptables::ruleset::{IcmpType, Ruleset};
use cgwfw::iptables::{parse, print};
use cgwfw::language::values::ProtocolWord;
use cgwfw::net::{Addresses, Families, Family, Interface, PortRange, Prefix, Protocol};
use cgwfw::policy::{Directions, Packets, Traffic, Values};
use cgwfw::sentence;
use cgwfw::simulate::{Assumptions, Loaded, Verdict};

/// Hosts with this many different last bits, and ports from 1 to this many: rules tell no others apart.
const BITS: u8 = 2;
const PORTS: u16 = 4;
const CHAINS: [&str; 3] = ["INPUT", "one", "two"];

fn host(family: Family, last: u8) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(192, 0, 2, last).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()).into(),
    }
}

/// A network of hosts that share their first bits; the shorter the more.
fn network(family: Family, random: &mut Random) -> Prefix {
    let shorter = random.below(usize::from(BITS) + 1) as u8;
    let address = host(family, random.below(1 << BITS) as u8);
    Prefix::containing(address, family.bits() - shorter).expect("a length of the family")
}

/// The filter of a family: a base chain and two that are jumped and gone to, with rules about addresses, ports, interfaces
/// and marks.
fn rules(family: Family, random: &mut Random) -> Ruleset {
    let mut text = String::from("*filter\n:INPUT DROP [0:0]\n:one - [0:0]\n:two - [0:0]\n");
    for number in 0..3 + random.below(12) {
        let at = random.below(3);
        write!(text, "-A {}", CHAINS[at]).expect("a String takes all");
        let mut side = |word: &str, random: &mut Random| {
            if random.chance(45) {
                let not = if random.chance(30) { "! " } else { "" };
                write!(text, " {not}{word} {}", network(family, random)).expect("a String takes all");
            }
        };
        side("-s", random);
        side("-d", random);
        if random.chance(25) {
            text.push_str(random.pick::<&str>(&[" -i a0", " ! -i a0", " -i a+", " -i b0"]));
        }
        if random.chance(60) {
            let (first, last) = (1 + random.below(4), 1 + random.below(4));
            let (first, last) = (first.min(last), first.max(last));
            let protocol = random.pick(&["tcp", "udp"]);
            let not = if random.chance(20) { "! " } else { "" };
            write!(text, " -p {protocol} {not}--dport {first}:{last}").expect("a String takes all");
        } else if random.chance(30) {
            text.push_str(random.pick::<&str>(&[" -p tcp", " ! -p udp"]));
        }
        let target = match (at, random.below(9)) {
            (0 | 1, 0 | 1) => format!("-j {}", CHAINS[at + 1]),
            (0, 2) => "-g two".to_owned(),
            (1 | 2, 2 | 3) => "-j RETURN".to_owned(),
            (_, 4) => format!("-j {}", if family == Family::V4 { "REJECT" } else { "DROP" }),
            (_, 5 | 6) => "-j DROP".to_owned(),
            _ => "-j ACCEPT".to_owned(),
        };
        writeln!(text, " {target}").expect("a String takes all");
        assert!(number < 15, "few rules");
    }
    text.push_str("COMMIT\n");
    let (ruleset, faults) = parse::file(&text, family);
    assert_eq!(faults, [], "{text}");
    ruleset
}

/// Packets that are a box, so that its members can be counted.
fn asked(family: Family, random: &mut Random) -> Packets {
    let mut traffic = Traffic { directions: Directions { input: true, ..Directions::default() }, ..Traffic::default() };
    let side = |random: &mut Random| {
        if random.chance(30) { Values::any() } else { Values::one(Addresses::Prefix(network(family, random))) }
    };
    (traffic.source, traffic.destination) = (side(random), side(random));
    if random.chance(50) {
        traffic.on = Values::one(Interface::new(random.pick::<&str>(&["a0", "b0", "c0", "a+"])).expect("a short name"));
    }
    if random.chance(60) {
        let protocol = *random.pick(&[Protocol::TCP, Protocol::UDP]);
        traffic.protocols = Values::one(ProtocolWord::Number(protocol));
        let (first, last) = (1 + random.below(4) as u16, 1 + random.below(4) as u16);
        traffic.destination_ports = Values::one(PortRange { start: first.min(last), end: first.max(last) });
    }
    Packets { families: Families::from(family), traffic, ..Packets::default() }
}

/// Every packet that rules of a small space can tell apart.
fn all(family: Family) -> Vec<Packet> {
    let mut all = Vec::new();
    let icmp = Transport::Icmp(IcmpType { kind: if family == Family::V4 { 8 } else { 128 }, code: Some(0) });
    let ports = 0..=PORTS + 1;
    let transports = ports.flat_map(|port| {
        [Transport::Tcp(40_000, port, 2), Transport::Udp(40_000, port)].into_iter().chain((port == 0).then_some(icmp))
    });
    let transports: Vec<Transport> = transports.collect();
    // The last is outside all networks.
    let hosts: Vec<IpAddr> = (0..=1 << BITS).map(|last| host(family, last)).collect();
    for name in ["a0", "a1", "b0", "c0"] {
        for (source, destination) in hosts.iter().flat_map(|from| hosts.iter().map(move |to| (*from, *to))) {
            all.extend(transports.iter().map(|transport| Packet {
                way: Way::In(Interface::new(name).expect("a short name")),
                source,
                destination,
                hop_limit: 64,
                transport: *transport,
                fragment: Fragment::No,
                mark: 0,
                state: None,
                ipsec_in: false,
                ipsec_out: false,
            }));
        }
    }
    all
}

#[test]
fn a_small_space_has_the_verdicts_of_its_packets() {
    let (seed, count) = (support::number("CGWFW_SEED", 0), support::number("CGWFW_SPACES", 60));
    let names = ["a0", "b0", "c0"].map(|name| Interface::new(name).expect("a short name"));
    let (mut boxes, mut without) = (0, 0);
    for number in seed..seed + count {
        let random = &mut Random::new(number);
        let family = Family::BOTH[number as usize % 2];
        let ruleset = rules(family, random);
        let loaded = Loaded::new(&ruleset);
        let verdicts: Vec<(Packet, BTreeSet<&str>)> = all(family)
            .into_iter()
            .map(|packet| {
                let verdicts = simulated(&loaded, &packet).expect("a filter alone is always decided");
                (packet, verdicts)
            })
            .collect();
        let questions: Vec<Packets> = (0..20).map(|_| asked(family, random)).collect();
        let mut analysis = Analysis::new(&ruleset, questions.iter(), names.iter().copied());
        for packets in &questions {
            let set = cgwfw::traffic::set::PacketSet::new(packets);
            let mut expected: BTreeMap<&str, &Packet> = BTreeMap::new();
            for (packet, verdicts) in verdicts.iter().filter(|(packet, _)| set.holds(packet)) {
                expected.extend(verdicts.iter().map(|verdict| (*verdict, packet)));
            }
            for name in ["accept", "drop", "reject"] {
                let is_goal = |verdict: Verdict| verdict.name() == name;
                let question = Question { packets, assumptions: Assumptions::ORDINARY, is_goal: &is_goal };
                let mut found = false;
                let end = analysis.ask(&question, &mut |witness| {
                    let confirmed = simulated(&loaded, &witness).is_some_and(|verdicts| verdicts.contains(name));
                    assert!(
                        confirmed && set.holds(&witness),
                        "space {number}: {} is said to have {name}, in {}\n{}",
                        sentence::packet(&witness),
                        sentence::packets(packets),
                        print::print(&ruleset, None)
                    );
                    found = true;
                    false
                });
                assert_eq!(end, End::Complete, "space {number}: a small space is decided");
                assert_eq!(
                    found,
                    expected.contains_key(name),
                    "space {number}: {name} in {}: {:?}\n{}",
                    sentence::packets(packets),
                    expected.get(name).map(|packet| sentence::packet(packet)),
                    print::print(&ruleset, None)
                );
                boxes += 1;
                without += u64::from(!found);
            }
        }
    }
    assert!(without * 10 > boxes && without * 10 < boxes * 9, "{without} of {boxes} have no such packet");
}
