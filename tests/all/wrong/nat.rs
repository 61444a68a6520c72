//! Translations before the filter: expectations speak of the wire.

use super::scene::{family, host, number_of, only, port, prefix, text_of};
use super::{Attack, Kind};
use crate::support::generate::Random;
use cgwfw::net::Family;
use cgwfw::traffic::one::Described;

pub const KINDS: &[Kind] = &[
    Kind { name: "dnat: one port too many", make: dnat },
    Kind { name: "dnat: one address too many", make: dnat_address },
    Kind { name: "dnat: a range of ports", make: dnat_range },
    Kind { name: "dnat: hole in the filter", make: dnat_hole },
    Kind { name: "redirect: one port too many", make: redirect },
    Kind { name: "redirect: the other family", make: redirect_family },
    Kind { name: "publish: one port too many", make: publish },
    Kind { name: "map: hole in the filter", make: map },
    Kind { name: "no nat: one address", make: no_nat },
];

/// An address with a port, as `as` takes it.
fn with_port(family: Family, address: u128, port: impl std::fmt::Display) -> String {
    let address = text_of(family, address);
    if family == Family::V4 { format!("{address}:{port}") } else { format!("[{address}]:{port}") }
}

fn at_port(number: u64) -> impl Fn(&Described) -> bool {
    move |found| port(&found.packet) == Some(number as u16)
}

/// What is new: udp always, tcp only with the flags of a first packet.
fn protocol(random: &mut Random) -> (&'static str, &'static str) {
    *random.pick(&[("udp", ""), ("udp", "state new"), ("tcp", "state new"), ("tcp", "flags all/syn"), ("sctp", "")])
}

/// The way of what is translated: to the gateway, or on through it.
fn way(random: &mut Random) -> &'static str {
    random.pick::<&str>(&["in on eth0", "forward in on eth0 out on eth1"])
}

fn dnat(random: &mut Random) -> Attack {
    let (family, (protocol, new), way) = (family(random), protocol(random), way(random));
    let (outside, inside) = (host(family, random), host(family, random));
    let (old, target) = (random.between(2, 60_000), random.between(2, 65_000));
    let (a, b) = (text_of(family, outside), text_of(family, inside));
    let policy = vec![
        "default drop".into(),
        format!("dnat in on eth0 {protocol} port {old} to {a} as {}", with_port(family, inside, target)),
        format!("allow forward in on eth0 {protocol} port {target} to {b}"),
    ];
    let right = match random.below(3) {
        0 => format!("expect deny {way} {protocol} port not {old} to {a} {new}"),
        1 => format!("expect accept forward in on eth0 out on eth1 {protocol} port {target} to {b} {new}"),
        _ => format!("expect accept {way} {protocol} port {old} to {a} {new}"),
    };
    let (wrong, value) = match random.below(3) {
        0 => (format!("expect accept {way} {protocol} port {old}-{} to {a} {new}", old + 1), old + 1),
        1 => (format!("expect accept {way} {protocol} port {}-{old} to {a} {new}", old - 1), old - 1),
        _ => (format!("expect deny {way} {protocol} to {a} {new}"), old),
    };
    Attack::new(policy, right, wrong, format!("port {value}"), at_port(value))
}

fn dnat_address(random: &mut Random) -> Attack {
    let (family, (protocol, new), way) = (family(random), protocol(random), way(random));
    let (outside, inside) = (host(family, random), host(family, random));
    let (a, b, next) = (text_of(family, outside), text_of(family, inside), text_of(family, outside + 1));
    let policy = vec![
        "default drop".into(),
        format!("dnat in on eth0 {protocol} to {a} as {b}"),
        format!("allow forward in on eth0 {protocol} to {b}"),
    ];
    let right = match random.below(2) {
        0 => format!("expect deny {way} {protocol} to not {{ {a}, {b} }} {new} {}", only(family)),
        _ => format!("expect accept {way} {protocol} to {a} {new}"),
    };
    let wrong = format!("expect accept {way} {protocol} to {a}-{next} {new}");
    Attack::new(policy, right, wrong, format!("to {next}"), move |found| {
        number_of(found.packet.destination) == outside + 1
    })
}

fn dnat_range(random: &mut Random) -> Attack {
    let (family, way) = (family(random), way(random));
    let (outside, inside) = (host(family, random), host(family, random));
    let (first, length) = (random.between(2, 30_000), random.between(2, 200));
    let target = random.between(31_000, 60_000);
    let gone = random.between(0, length);
    let (a, b) = (text_of(family, outside), text_of(family, inside));
    let as_range = with_port(family, inside, format!("{target}-{}", target + length));
    let last = first + length;
    let policy = vec![
        "default drop".into(),
        format!("dnat in on eth0 udp port {first}-{last} to {a} as {as_range}"),
        format!("drop forward in on eth0 udp port {} to {b}", target + gone),
        format!("allow forward in on eth0 udp port {target}-{} to {b}", target + length),
    ];
    let old = first + gone;
    let right = match random.below(2) {
        0 => format!("expect drop {way} udp port {old} to {a}"),
        _ if gone == 0 => format!("expect accept {way} udp port {}-{last} to {a}", first + 1),
        _ => format!("expect accept {way} udp port {first}-{} to {a}", old - 1),
    };
    let wrong = format!("expect accept {way} udp port {first}-{last} to {a}");
    Attack::new(policy, right, wrong, format!("port {old}"), at_port(old))
}

fn dnat_hole(random: &mut Random) -> Attack {
    let (family, (protocol, new), way) = (family(random), protocol(random), way(random));
    let (outside, inside, bad) = (host(family, random), host(family, random), host(family, random));
    let (a, b, bad_text) = (text_of(family, outside), text_of(family, inside), text_of(family, bad));
    let policy = vec![
        "default drop".into(),
        format!("dnat in on eth0 {protocol} to {a} as {b}"),
        format!("reject forward in on eth0 from {bad_text} to {b}"),
        format!("allow forward in on eth0 {protocol} to {b}"),
    ];
    let right = match random.below(2) {
        0 => format!("expect reject {way} {protocol} from {bad_text} to {a} {new}"),
        _ => format!("expect accept {way} {protocol} from not {bad_text} to {a} {new}"),
    };
    let wrong = format!("expect accept {way} {protocol} to {a} {new}");
    Attack::new(policy, right, wrong, format!("from {bad_text}"), move |found| number_of(found.packet.source) == bad)
}

fn redirect(random: &mut Random) -> Attack {
    let (family, (protocol, new)) = (family(random), protocol(random));
    let (old, target) = (random.between(2, 30_000), random.between(31_000, 65_000));
    // In IPv6 a destination is needed whose scope the interface has an address of; a network of such ones.
    let any = prefix(family, random).text();
    let only = only(family);
    let policy = vec![
        "default drop".into(),
        format!("redirect in on eth0 {protocol} port {old} as port {target} {only}"),
        format!("allow in on eth0 {protocol} port {target} {only}"),
    ];
    let right = match random.below(3) {
        0 => format!("expect accept in on eth0 {protocol} port {{ {old}, {target} }} to {any} {new} {only}"),
        1 => format!("expect deny in on eth0 {protocol} port not {{ {old}, {target} }} to {any} {new} {only}"),
        _ => format!("expect accept forward in on eth0 out on eth1 {protocol} port {old} to {any} {new} {only}"),
    };
    let (wrong, value) = match random.below(2) {
        0 => (format!("expect accept in on eth0 {protocol} port {old}-{} to {any} {new} {only}", old + 1), old + 1),
        _ => (format!("expect deny in on eth0 {protocol} port not {target} to {any} {new} {only}"), old),
    };
    Attack::new(policy, right, wrong, format!("port {value}"), at_port(value))
}

fn redirect_family(random: &mut Random) -> Attack {
    let (family, (protocol, new)) = (family(random), protocol(random));
    let (old, target) = (random.between(2, 30_000), random.between(31_000, 65_000));
    // In IPv6 a destination is needed whose scope the interface has an address of; a network of such ones.
    let any = Family::BOTH.map(|family| prefix(family, random).text()).join(", ");
    let policy = vec![
        "default drop".into(),
        format!("redirect in on eth0 {protocol} port {old} as port {target} {}", only(family)),
        format!("allow in on eth0 {protocol} port {target}"),
    ];
    let right = format!("expect accept in on eth0 {protocol} port {target} to {any} {new}");
    let wrong = format!("expect accept in on eth0 {protocol} port {old} to {any} {new}");
    let other = if family == Family::V4 { Family::V6 } else { Family::V4 };
    Attack::new(policy, right, wrong, only(other), move |found| found.packet.family() == other)
}

fn publish(random: &mut Random) -> Attack {
    let (family, (protocol, new), way) = (family(random), protocol(random), way(random));
    let (outside, inside) = (host(family, random), host(family, random));
    let (old, target) = (random.between(2, 60_000), random.between(2, 65_000));
    let (a, b) = (text_of(family, outside), text_of(family, inside));
    let policy = vec![
        "default drop".into(),
        format!("publish in on eth0 {protocol} port {old} to {a} as {}", with_port(family, inside, target)),
    ];
    let right = match random.below(3) {
        // Sent straight to the host: not translated, hence not let through.
        0 => format!("expect deny forward in on eth0 out on eth1 {protocol} port {target} to {b} {new}"),
        1 => format!("expect deny {way} {protocol} port not {old} to {a} {new}"),
        _ => format!("expect accept {way} {protocol} port {old} to {a} {new}"),
    };
    let (wrong, value) = match random.below(2) {
        0 => (format!("expect accept {way} {protocol} port {old}-{} to {a} {new}", old + 1), old + 1),
        _ => (format!("expect deny {way} {protocol} port {}-{old} to {a} {new}", old - 1), old),
    };
    Attack::new(policy, right, wrong, format!("port {value}"), at_port(value))
}

fn map(random: &mut Random) -> Attack {
    let family = family(random);
    let host_bits = 4 + random.below(12);
    let network = |address: u128| address >> host_bits << host_bits;
    let inside = network(host(family, random));
    // Apart from the other, whatever both are.
    let outside = network(host(family, random)) ^ (1 << 20);
    let bits = if family == Family::V4 { 32 } else { 128 };
    let length = bits - host_bits;
    let (net, net2) =
        (format!("{}/{length}", text_of(family, inside)), format!("{}/{length}", text_of(family, outside)));
    let offset = 1 + u128::from(random.between(0, (1 << host_bits) - 3));
    let gone = text_of(family, inside + offset);
    let policy = vec![
        "default drop".into(),
        format!("map {net} as {net2} on eth0"),
        format!("drop forward in on eth0 out on eth1 to {gone}"),
        format!("allow forward in on eth0 out on eth1 to {net}"),
    ];
    let seen = text_of(family, outside + offset);
    let way = "forward in on eth0 out on eth1";
    let right = match random.below(2) {
        0 => {
            let before = text_of(family, outside + offset - 1);
            format!("expect accept {way} udp to {}-{before}", text_of(family, outside))
        }
        _ => format!("expect drop {way} udp to {seen}"),
    };
    let right = right.replace(&format!("{0}-{0}", text_of(family, outside)), &text_of(family, outside));
    let wrong = format!("expect accept {way} udp to {net2}");
    let value = outside + offset;
    Attack::new(policy, right, wrong, format!("to {seen}"), move |found| number_of(found.packet.destination) == value)
}

fn no_nat(random: &mut Random) -> Attack {
    let family = family(random);
    let base = host(family, random) >> 8 << 8;
    let inside = host(family, random) ^ (1 << 20);
    let gone = base + u128::from(random.between(1, 254));
    let length = if family == Family::V4 { 24 } else { 120 };
    let (b, gone_text) = (text_of(family, inside), text_of(family, gone));
    let network = format!("{}/{length}", text_of(family, base));
    let policy = vec![
        "default drop".into(),
        format!("no nat in on eth0 to {gone_text}"),
        format!("dnat in on eth0 to {network} as {b}"),
        format!("allow forward in on eth0 to {b}"),
    ];
    let way = way(random);
    let right = match random.below(2) {
        0 => format!("expect deny {way} udp to {gone_text}"),
        _ => format!("expect accept {way} udp to {}-{}", text_of(family, gone + 1), text_of(family, base + 255)),
    };
    let right = right.replace(&format!("{0}-{0}", text_of(family, base + 255)), &text_of(family, base + 255));
    let wrong = format!("expect accept {way} udp to {network}");
    Attack::new(policy, right, wrong, format!("to {gone_text}"), move |found| {
        number_of(found.packet.destination) == gone
    })
}
