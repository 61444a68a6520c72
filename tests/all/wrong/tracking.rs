//! Connection tracking, rates, and forged sources.

use std::net::IpAddr;

use super::scene::{Path, comes, family, named, number_of, only, port, ports, prefix, text_of, verdicts};
use super::{Attack, Kind, Noise};
use crate::support::generate::Random;
use cgwfw::iptables::packet::{State, Transport};
use cgwfw::traffic::one::Described;

pub const KINDS: &[Kind] = &[
    Kind { name: "notrack: untracked is allowed", make: untracked },
    Kind { name: "notrack: new is allowed", make: tracked },
    Kind { name: "notrack: of one source", make: untracked_source },
    Kind { name: "invalid: one flag open", make: invalid },
    Kind { name: "established: one state too many", make: established },
    Kind { name: "limit: one port too many", make: limit },
    Kind { name: "limit: over it one port passes", make: over },
    Kind { name: "over limit: one port too many", make: above },
    Kind { name: "spoofed: one interface too many", make: spoofed },
    Kind { name: "spoofed: one port passes before", make: not_spoofed },
    Kind { name: "bogons: one address beyond", make: bogons },
    Kind { name: "no syn: one flag set", make: no_syn },
];

fn at_port(number: u64) -> impl Fn(&Described) -> bool {
    move |found| port(&found.packet) == Some(number as u16)
}

fn span(random: &mut Random) -> (u64, u64) {
    let first = random.between(2, 60_000);
    (first, first + random.between(0, 300))
}

fn untracked(random: &mut Random) -> Attack {
    let (first, last) = span(random);
    let path = if random.chance(50) { Path::In } else { Path::Forward };
    let way = path.text();
    let policy = vec![
        "default drop".into(),
        format!("notrack in on eth0 udp port {first}-{last}"),
        format!("allow {way} udp state untracked"),
    ];
    let right = match random.below(2) {
        0 => format!("expect deny {way} udp port not {first}-{last}"),
        _ => format!("expect accept {way} udp port {first}-{last}"),
    };
    let (wrong, value) = match random.below(2) {
        0 => (format!("expect accept {way} udp port {first}-{}", last + 1), last + 1),
        _ => (format!("expect deny {way} udp port {}-{first}", first - 1), first),
    };
    Attack::new(policy, right, wrong, format!("port {value}"), at_port(value))
}

fn tracked(random: &mut Random) -> Attack {
    let gone = random.between(2, 60_000);
    let out = random.chance(50);
    let way = if out { "out on eth1" } else { "in on eth0" };
    let policy = vec![
        "default drop".into(),
        format!("notrack {way} udp port {gone}"),
        format!("allow {way} udp state new, established"),
    ];
    let right = match random.below(2) {
        0 => format!("expect accept {way} udp port not {gone}"),
        _ => format!("expect drop {way} udp port {gone}"),
    };
    let wrong = format!("expect accept {way} udp");
    Attack::new(policy, right, wrong, format!("port {gone}"), at_port(gone))
}

fn untracked_source(random: &mut Random) -> Attack {
    let family = family(random);
    let network = prefix(family, random);
    let only = only(family);
    let next = if random.chance(50) { network.first - 1 } else { network.last + 1 };
    let policy = vec![
        "default drop".into(),
        format!("notrack in on eth0 esp from {}", network.text()),
        format!("reject in on eth0 esp state new {only}"),
        format!("allow in on eth0 esp state untracked {only}"),
    ];
    let right = match random.below(2) {
        0 => format!("expect reject in on eth0 esp from not {} {only}", network.text()),
        _ => format!("expect accept in on eth0 esp from {}", network.text()),
    };
    let next_text = text_of(family, next);
    let wrong = format!("expect accept in on eth0 esp from {{ {}, {next_text} }}", network.text());
    Attack::new(policy, right, wrong, format!("from {next_text}"), move |found| number_of(found.packet.source) == next)
}

/// TCP is new with one of SYN and ACK and neither FIN nor RST.
fn invalid(random: &mut Random) -> Attack {
    let way = if random.chance(50) { "in on eth0" } else { "forward in on eth0 out on eth1" };
    let policy = vec!["default drop".into(), "drop invalid".into(), format!("allow {way} tcp")];
    let right = match random.below(4) {
        0 => format!("expect accept {way} tcp flags fin,syn,rst,ack/syn"),
        1 => format!("expect accept {way} tcp flags fin,syn,rst,ack/ack"),
        2 => format!("expect drop {way} tcp flags syn,ack/syn,ack"),
        _ => format!("expect drop {way} tcp flags syn,ack/none"),
    };
    let (open, value) = *random.pick(&[
        ("syn,rst,psh,ack,urg/syn", 0b0000_0011),
        ("fin,syn,psh,ack,urg/syn", 0b0000_0110),
        ("fin,syn,rst,psh,urg/syn", 0b0001_0010),
        ("fin,syn,rst,psh,urg/syn,psh", 0b0001_1010),
        ("fin,rst,psh,ack,urg/ack,urg", 0b0011_0010),
        ("fin,syn,psh,ack,urg/ack", 0b0001_0100),
    ]);
    let wrong = format!("expect accept {way} tcp flags {open}");
    Attack::new(
        policy,
        right,
        wrong,
        format!("flags {value:#b}"),
        move |found| matches!(found.packet.transport, Transport::Tcp(_, _, flags) if flags == value),
    )
    .among(Noise::Interfaces)
}

fn established(random: &mut Random) -> Attack {
    let way = Path::any(random).text();
    let number = random.between(1, 65_535);
    let policy = vec!["default drop".into(), "allow established".into(), format!("allow {way} tcp port {number}")];
    let right = match random.below(3) {
        0 => format!("expect accept {way} tcp state established, related"),
        1 => format!("expect drop {way} tcp port not {number}"),
        _ => format!("expect accept {way} tcp port {number} state invalid, new, related, established, untracked"),
    };
    let (name, state) =
        *random.pick(&[("new", State::New), ("invalid", State::Invalid), ("untracked", State::Untracked)]);
    let wrong = format!("expect accept {way} tcp port not {number} state established, related, {name}");
    Attack::new(policy, right, wrong, format!("state {name}"), move |found| {
        found.packet.state.map_or(state != State::Untracked, |is| is == state)
    })
}

fn limit(random: &mut Random) -> Attack {
    let ((first, last), v) = (span(random), Path::any(random).text());
    let source = if random.chance(50) { "per source" } else { "" };
    let policy = vec!["default drop".into(), format!("allow {v} tcp port {first}-{last} limit 5/minute {source}")];
    let right = match random.below(3) {
        0 => format!("expect drop {v} tcp over limit"),
        1 => format!("expect drop {v} tcp port not {first}-{last}"),
        _ => format!("expect accept {v} tcp port {first}-{last}"),
    };
    let wrong = format!("expect accept {v} tcp port {first}-{}", last + 1);
    Attack::new(policy, right, wrong, format!("port {}", last + 1), at_port(last + 1))
}

fn over(random: &mut Random) -> Attack {
    let (first, last) = span(random);
    let free = random.between(first, last);
    let policy = vec![
        "default drop".into(),
        format!("allow in on eth0 udp port {free}"),
        format!("allow in on eth0 udp port {first}-{last} limit 10/second"),
    ];
    let right = match random.below(2) {
        0 => format!("expect accept in on eth0 udp port {first}-{last}"),
        _ => format!("expect drop in on eth0 udp port not {free} over limit"),
    };
    let wrong = format!("expect drop in on eth0 udp port {first}-{last} over limit");
    Attack::new(policy, right, wrong, format!("port {free}"), at_port(free))
}

fn above(random: &mut Random) -> Attack {
    let (first, last) = span(random);
    let (verb, fate) = *random.pick(&[("drop", "drop"), ("reject", "reject"), ("drop", "deny")]);
    let source = if random.chance(50) { "per source" } else { "" };
    let policy = vec![
        "default drop".into(),
        format!("{verb} in on eth0 tcp port {first}-{last} over limit 4/minute {source}"),
        "allow in on eth0 tcp".into(),
    ];
    let right = match random.below(3) {
        0 => "expect accept in on eth0 tcp".to_owned(),
        1 => format!("expect accept in on eth0 tcp port not {first}-{last} over limit"),
        _ => format!("expect {fate} in on eth0 tcp port {first}-{last} over limit"),
    };
    let (wrong, value) = match random.below(2) {
        0 => (format!("expect {fate} in on eth0 tcp port {first}-{} over limit", last + 1), last + 1),
        _ => (format!("expect accept in on eth0 tcp port {}-{first} over limit", first - 1), first),
    };
    Attack::new(policy, right, wrong, format!("port {value}"), at_port(value))
}

fn spoofed(random: &mut Random) -> Attack {
    let network = prefix(family(random), random).text();
    let loose = if random.chance(50) { "loose" } else { "" };
    let policy = vec![
        "default drop".into(),
        format!("drop spoofed on eth0 {loose}"),
        format!("allow in on {{ eth0, eth1 }} from {network}"),
    ];
    let right = match random.below(2) {
        0 => format!("expect accept in on eth0 from {network}"),
        _ => format!("expect drop in on eth0 from {network} spoofed"),
    };
    let wrong = format!("expect drop in on {{ eth0, eth1 }} from {network} spoofed");
    Attack::new(policy, right, wrong, "in on eth1", |found| comes(&found.packet) == named("eth1"))
}

/// A forged source is dropped in raw; one port is not even so let through by the filter.
fn not_spoofed(random: &mut Random) -> Attack {
    let network = prefix(family(random), random).text();
    let gone = random.between(2, 60_000);
    let policy = vec![
        "default drop".into(),
        "drop spoofed on eth0".into(),
        format!("reject in on eth0 tcp port {gone}"),
        "allow in on eth0 tcp".into(),
    ];
    let right = match random.below(2) {
        0 => format!("expect drop in on eth0 tcp from {network} spoofed"),
        _ => format!("expect accept in on eth0 tcp port not {gone} from {network}"),
    };
    let wrong = format!("expect accept in on eth0 tcp from {network}");
    Attack::new(policy, right, wrong, format!("port {gone}"), at_port(gone))
}

fn bogons(random: &mut Random) -> Attack {
    let list = [
        ("10.0.0.0/8", "9.255.255.255", "11.0.0.0"),
        ("100.64.0.0/10", "100.63.255.255", "100.128.0.0"),
        ("172.16.0.0/12", "172.15.255.255", "172.32.0.0"),
        ("192.168.0.0/16", "192.167.255.255", "192.169.0.0"),
        ("198.18.0.0/15", "198.17.255.255", "198.20.0.0"),
        ("2001:db8::/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"),
        ("fc00::/7", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::"),
        ("100::/64", "ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "100:0:0:1::"),
    ];
    let (network, before, after) = *random.pick(&list);
    let value = if random.chance(50) { before } else { after };
    let policy = vec!["default accept".into(), "drop bogons on eth0".into()];
    let right = match random.below(2) {
        0 => format!("expect drop in on eth0 from {network}"),
        _ => format!("expect accept in on eth0 from {value}"),
    };
    let wrong = format!("expect drop in on eth0 from {{ {network}, {value} }}");
    let address: IpAddr = value.parse().expect("an address");
    Attack::new(policy, right, wrong, format!("from {value}"), move |found| found.packet.source == address)
}

fn no_syn(random: &mut Random) -> Attack {
    let v = verdicts(random);
    let number = random.between(1, 65_535);
    let way = Path::any(random).text();
    let policy = vec![v.default.into(), format!("{} {way} tcp source port {number} no syn", v.verb)];
    let right = match random.below(2) {
        0 => format!("expect {} {way} tcp source port {number} no syn", v.taken),
        _ => format!("expect {} {way} tcp source port {number} flags fin,syn,rst,ack/syn", v.left),
    };
    let wrong = format!("expect {} {way} tcp source port {number} flags syn,rst,psh,urg,fin/syn,urg", v.taken);
    Attack::new(policy, right, wrong, "flags all/syn,urg", move |found| {
        let flags = matches!(found.packet.transport, Transport::Tcp(_, _, 0b0010_0010));
        flags && ports(&found.packet).is_some_and(|(from, _)| u64::from(from) == number)
    })
}
