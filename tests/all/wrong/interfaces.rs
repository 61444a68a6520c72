//! Interfaces, patterns of them, directions, families, and the sides of IPsec.

use super::fields::some_address;
use super::scene::{Path, comes, family, goes, host, named, number_of, only, port, text_of, verdicts};
use super::{Attack, Kind, Noise};
use crate::support::generate::Random;
use cgwfw::iptables::packet::Way;
use cgwfw::net::Family;

pub const KINDS: &[Kind] = &[
    Kind { name: "interface: pattern but one", make: pattern },
    Kind { name: "interface: one too many", make: list },
    Kind { name: "interface: not one", make: not_one },
    Kind { name: "interface: none of a list", make: none_of },
    Kind { name: "forward: one way out too many", make: way_out },
    Kind { name: "forward: on an interface", make: on_either },
    Kind { name: "forward: on none", make: on_neither },
    Kind { name: "direction: out as well", make: both_ways },
    Kind { name: "peer: one too many", make: peer },
    Kind { name: "peer: hole", make: peer_hole },
    Kind { name: "ipsec: one side", make: ipsec },
    Kind { name: "ipsec: forwarded, two sides", make: ipsec_forward },
    Kind { name: "ipsec: forwarded, hole", make: ipsec_hole },
    Kind { name: "family: one left out", make: one_family },
];

/// A protocol and perhaps a port, the same everywhere.
fn traffic(random: &mut Random) -> String {
    let protocol = random.pick(&["tcp", "udp"]);
    if random.chance(50) { (*protocol).to_string() } else { format!("{protocol} port {}", random.between(1, 65_535)) }
}

fn pattern(random: &mut Random) -> Attack {
    let (v, traffic) = (verdicts(random), traffic(random));
    let (name, longer) = (["vti7", "vti", "vti42"][random.below(3)], ["vti70+", "vti71", "vti8", "vti8+"]);
    let forward = random.chance(40);
    let on = |interface: &str| match forward {
        true => format!("forward in on {interface} out on eth1"),
        false => format!("in on {interface}"),
    };
    let policy = vec![
        v.default.into(),
        format!("{} {} {traffic}", v.back, on(name)),
        format!("{} {} {traffic}", v.verb, on("vti+")),
    ];
    let right = format!("expect {} {} {traffic}", v.taken, on(longer[random.below(4)]));
    let wrong = format!("expect {} {} {traffic}", v.taken, on("vti+"));
    Attack::new(policy, right, wrong, format!("in on {name}"), move |found| comes(&found.packet) == named(name))
}

fn list(random: &mut Random) -> Attack {
    let (v, traffic) = (verdicts(random), traffic(random));
    let mut names = ["eth0", "eth1", "eth2", "vti7", "lo", "gre1", "e", "eth00"];
    random.shuffle(&mut names);
    let how_many = 1 + random.below(6);
    let next = names[how_many];
    let (all, more) = (names[..how_many].join(", "), names[..=how_many].join(", "));
    let out = random.chance(50);
    let way = if out { "out" } else { "in" };
    let policy = vec![v.default.into(), format!("{} {way} on {{ {all} }} {traffic}", v.verb)];
    let right = format!("expect {} {way} on {{ {all} }} {traffic}", v.taken);
    let wrong = format!("expect {} {way} on {{ {more} }} {traffic}", v.taken);
    Attack::new(policy, right, wrong, format!("on {next}"), move |found| {
        if out { goes(&found.packet) == named(next) } else { comes(&found.packet) == named(next) }
    })
}

fn not_one(random: &mut Random) -> Attack {
    let (v, traffic) = (verdicts(random), traffic(random));
    let name = *random.pick(&["lo", "eth0", "vti7"]);
    let out = random.chance(50);
    let way = if out { "out" } else { "in" };
    let policy = vec![v.default.into(), format!("{} {way} on not {name} {traffic}", v.verb)];
    let right = match random.below(3) {
        0 => format!("expect {} {way} on {name} {traffic}", v.left),
        1 => format!("expect {} {way} on eth5 {traffic}", v.taken),
        _ => format!("expect {} {way} on not {name} {traffic}", v.taken),
    };
    let wrong = format!("expect {} {way} {traffic}", v.taken);
    let attack = Attack::new(policy, right, wrong, format!("on {name}"), move |found| {
        if out { goes(&found.packet) == named(name) } else { comes(&found.packet) == named(name) }
    });
    attack.among(Noise::Protocols)
}

fn none_of(random: &mut Random) -> Attack {
    let (v, traffic) = (verdicts(random), traffic(random));
    let mut names = ["eth0", "eth1", "vti+", "gre1", "lo"];
    random.shuffle(&mut names);
    let gone = ["eth9", "ppp0"][random.below(2)];
    let count = 2 + random.below(3);
    let all = format!("{{ {}, {gone} }}", names[..count].join(", "));
    let fewer = format!("{{ {} }}", names[..count].join(", "));
    let policy = vec![v.default.into(), format!("{} in on not {all} {traffic}", v.verb)];
    let right = match random.below(2) {
        0 => format!("expect {} in on {all} {traffic}", v.left),
        _ => format!("expect {} in on not {all} {traffic}", v.taken),
    };
    let wrong = format!("expect {} in on not {fewer} {traffic}", v.taken);
    let attack =
        Attack::new(policy, right, wrong, format!("in on {gone}"), move |found| comes(&found.packet) == named(gone));
    attack.among(Noise::Protocols)
}

fn way_out(random: &mut Random) -> Attack {
    let (v, traffic) = (verdicts(random), traffic(random));
    let next = *random.pick(&["eth0", "eth2", "vti7"]);
    let policy = vec![v.default.into(), format!("{} forward in on eth0 out on eth1 {traffic}", v.verb)];
    let right = match random.below(3) {
        0 => format!("expect {} forward in on eth1 out on eth0 {traffic}", v.left),
        1 => format!("expect {} in on eth0 {traffic}", v.left),
        _ => format!("expect {} forward in on eth0 out on eth1 {traffic}", v.taken),
    };
    let wrong = format!("expect {} forward in on eth0 out on {{ eth1, {next} }} {traffic}", v.taken);
    Attack::new(policy, right, wrong, format!("out on {next}"), move |found| {
        matches!(found.packet.way, Way::Forward(..)) && goes(&found.packet) == named(next)
    })
}

fn on_either(random: &mut Random) -> Attack {
    let (v, traffic) = (verdicts(random), traffic(random));
    let (rule, other) = if random.chance(50) { ("in", "out") } else { ("out", "in") };
    let policy = vec![v.default.into(), format!("{} forward {rule} on eth0 {traffic}", v.verb)];
    let right = format!("expect {} forward {rule} on eth0 {traffic}", v.taken);
    let wrong = format!("expect {} forward on eth0 {traffic}", v.taken);
    let attack = Attack::new(policy, right, wrong, format!("{other} on eth0 alone"), move |found| {
        let (comes, goes) = (comes(&found.packet), goes(&found.packet));
        let (rule, other) = if rule == "in" { (comes, goes) } else { (goes, comes) };
        rule.is_some() && rule != named("eth0") && other == named("eth0")
    });
    attack.among(Noise::Protocols)
}

fn on_neither(random: &mut Random) -> Attack {
    let (v, traffic) = (verdicts(random), traffic(random));
    let policy = vec![v.default.into(), format!("{} forward on not {{ eth3, eth4 }} {traffic}", v.verb)];
    let right = format!("expect {} forward in on eth0 out on {{ eth1, eth2 }} {traffic}", v.taken);
    let (wrong, way) = match random.below(2) {
        0 => ("in on eth0 out on { eth1, eth4 }", false),
        _ => ("in on { eth1, eth4 } out on eth0", true),
    };
    let wrong = format!("expect {} forward {wrong} {traffic}", v.taken);
    Attack::new(policy, right, wrong, "eth4", move |found| {
        (if way { comes(&found.packet) } else { goes(&found.packet) }) == named("eth4")
    })
}

fn both_ways(random: &mut Random) -> Attack {
    let (v, traffic) = (verdicts(random), traffic(random));
    let out = random.chance(50);
    let (rule, other) = if out { ("out", "in") } else { ("in", "out") };
    let policy = vec![v.default.into(), format!("{} {rule} on eth0 {traffic}", v.verb)];
    let right = match random.below(2) {
        0 => format!("expect {} {rule} on eth0 {traffic}", v.taken),
        _ => format!("expect {} {other} on eth0 {traffic}", v.left),
    };
    let wrong = format!("expect {} on eth0 {traffic}", v.taken);
    Attack::new(policy, right, wrong, format!("{other} on eth0"), move |found| match found.packet.way {
        Way::In(_) => out,
        Way::Out(_) => !out,
        Way::Forward(..) => false,
    })
}

fn peer(random: &mut Random) -> Attack {
    let (v, traffic, family) = (verdicts(random), traffic(random), family(random));
    let address = host(family, random);
    let next = address + 1 + u128::from(random.between(0, 3));
    let (text, next_text) = (text_of(family, address), text_of(family, next));
    let policy = vec![v.default.into(), format!("{} on eth0 {traffic} peer {text}", v.verb)];
    let right = format!("expect {} on eth0 {traffic} peer {text}", v.taken);
    let wrong = format!("expect {} on eth0 {traffic} peer {{ {text}, {next_text} }}", v.taken);
    Attack::new(policy, right, wrong, format!("peer {next_text}"), move |found| match found.packet.way {
        Way::In(_) => number_of(found.packet.source) == next,
        _ => number_of(found.packet.destination) == next,
    })
}

fn peer_hole(random: &mut Random) -> Attack {
    let (v, traffic, family) = (verdicts(random), traffic(random), family(random));
    let address = host(family, random);
    let text = text_of(family, address);
    let only = only(family);
    let policy = vec![
        v.default.into(),
        format!("{} out on eth0 {traffic} to {text}", v.back),
        format!("{} on eth0 {traffic}", v.verb),
    ];
    let right = format!("expect {} on eth0 {traffic} peer not {text} {only}", v.taken);
    let wrong = format!("expect {} on eth0 {traffic} peer {text} {only}", v.taken);
    Attack::new(policy, right, wrong, format!("out to {text}"), move |found| {
        matches!(found.packet.way, Way::Out(_)) && number_of(found.packet.destination) == address
    })
}

fn ipsec(random: &mut Random) -> Attack {
    let (v, traffic) = (verdicts(random), traffic(random));
    let path = if random.chance(50) { Path::In } else { Path::Out };
    let (word, other, set) = if random.chance(50) { ("ipsec", "no ipsec", false) } else { ("no ipsec", "ipsec", true) };
    let way = path.text();
    let policy = vec![v.default.into(), format!("{} {way} {traffic} {word}", v.verb)];
    let right = match random.below(2) {
        0 => format!("expect {} {way} {traffic} {word}", v.taken),
        _ => format!("expect {} {way} {traffic} {other}", v.left),
    };
    let wrong = format!("expect {} {way} {traffic}", v.taken);
    Attack::new(policy, right, wrong, other, move |found| match path {
        Path::In => found.packet.ipsec_in == set,
        _ => found.packet.ipsec_out == set,
    })
}

fn ipsec_forward(random: &mut Random) -> Attack {
    let (v, traffic) = (verdicts(random), traffic(random));
    let way = Path::Forward.text();
    let word = |is: bool, side: &str| format!("{} {side}", if is { "ipsec" } else { "no ipsec" });
    let (came, goes) = (random.chance(50), random.chance(50));
    let (a, b) = (word(came, "in"), word(goes, "out"));
    let policy = vec![v.default.into(), format!("{} {way} {traffic} {a} {b}", v.verb)];
    let right = format!("expect {} {way} {traffic} {b} {a}", v.taken);
    let open_out = random.chance(50);
    let wrong = format!("expect {} {way} {traffic} {}", v.taken, if open_out { &a } else { &b });
    let value = if open_out { word(!goes, "out") } else { word(!came, "in") };
    Attack::new(policy, right, wrong, value, move |found| {
        (found.packet.ipsec_in, found.packet.ipsec_out) == if open_out { (came, !goes) } else { (!came, goes) }
    })
}

fn ipsec_hole(random: &mut Random) -> Attack {
    let (v, traffic) = (verdicts(random), traffic(random));
    let way = Path::Forward.text();
    let policy = vec![
        v.default.into(),
        format!("{} {way} no ipsec in ipsec out", v.back),
        format!("{} {way} {traffic}", v.verb),
    ];
    let right = format!("expect {} {way} {traffic} {}", v.taken, ["ipsec in", "no ipsec out"][random.below(2)]);
    let wrong = format!("expect {} {way} {traffic}", v.taken);
    Attack::new(policy, right, wrong, "no ipsec in ipsec out", |found| !found.packet.ipsec_in && found.packet.ipsec_out)
}

fn one_family(random: &mut Random) -> Attack {
    let (v, family, way) = (verdicts(random), family(random), Path::any(random).text());
    let (number, other) = (random.between(1, 65_535), if family == Family::V4 { Family::V6 } else { Family::V4 });
    let address = some_address(other, random);
    let mut policy = vec![v.default.into(), format!("{} {way} tcp port {number} {}", v.verb, only(family))];
    if random.chance(50) {
        // Not for the family that is left out, where that address is; it is of another port.
        policy.insert(1, format!("{} {way} udp from {address}", v.verb));
    }
    let right = format!("expect {} {way} tcp port {number} {}", v.taken, only(family));
    let wrong = format!("expect {} {way} tcp port {number}", v.taken);
    Attack::new(policy, right, wrong, only(other), move |found| {
        found.packet.family() == other && port(&found.packet) == Some(number as u16)
    })
}
