//! Building blocks, in the form that their contract gives them.

use super::scene::{family, host, number_of, only, port, ports, prefix, text_of};
use super::{Attack, Kind};
use crate::support::generate::Random;
use cgwfw::traffic::one::Described;

pub const KINDS: &[Kind] = &[
    Kind { name: "block: ipsec, source port", make: ipsec_port },
    Kind { name: "block: ipsec, peer", make: ipsec_peer },
    Kind { name: "block: bgp, ttl", make: bgp },
    Kind { name: "block: bfd, source port", make: bfd },
    Kind { name: "block: tunnel, side", make: tunnel },
    Kind { name: "block: metrics, port", make: metrics },
    Kind { name: "block: routing, port", make: routing },
    Kind { name: "block: vti, way", make: vti },
];

fn at_port(number: u16) -> impl Fn(&Described) -> bool {
    move |found| port(&found.packet) == Some(number)
}

fn ipsec_port(random: &mut Random) -> Attack {
    let peer = text_of_some(random);
    let number = *random.pick(&[500_u16, 4500]);
    let policy = vec!["default drop".into(), format!("allow ipsec peer {peer} on eth0")];
    let right = match random.below(3) {
        0 => format!("expect accept in on eth0 udp port {number} source port {number} from {peer}"),
        1 => format!("expect accept out on eth0 udp port {number} source port {number} to {peer}"),
        _ => format!("expect deny in on eth0 udp port {number} source port not {number} from {peer}"),
    };
    let next = if random.chance(50) { number - 1 } else { number + 1 };
    let span = format!("{}-{}", number.min(next), number.max(next));
    let wrong = format!("expect accept in on eth0 udp port {number} source port {span} from {peer}");
    Attack::new(policy, right, wrong, format!("source port {next}"), move |found| {
        ports(&found.packet) == Some((next, number))
    })
}

fn text_of_some(random: &mut Random) -> String {
    let family = family(random);
    text_of(family, host(family, random))
}

fn ipsec_peer(random: &mut Random) -> Attack {
    let family = family(random);
    let peer = host(family, random);
    let (text, next) = (text_of(family, peer), text_of(family, peer + 1));
    let policy = vec!["default drop".into(), format!("allow ipsec peer {text} on eth0")];
    let right = match random.below(2) {
        0 => format!("expect accept in on eth0 esp from {text}"),
        _ => format!("expect deny in on eth0 esp from not {text} {}", only(family)),
    };
    let (wrong, out) = match random.below(2) {
        0 => (format!("expect accept in on eth0 esp from {text}-{next}"), false),
        _ => (format!("expect accept out on eth0 esp to {text}-{next}"), true),
    };
    Attack::new(policy, right, wrong, next, move |found| {
        number_of(if out { found.packet.destination } else { found.packet.source }) == peer + 1
    })
}

fn bgp(random: &mut Random) -> Attack {
    let peer = text_of_some(random);
    let gone = random.between(2, 254);
    let policy =
        vec!["default drop".into(), format!("drop in on eth0 ttl {gone}"), format!("allow bgp peer {peer} on eth0")];
    let right = match random.below(3) {
        0 => format!("expect accept in on eth0 tcp port 179 from {peer} ttl not {gone}"),
        1 => format!("expect accept in on eth0 tcp source port 179 from {peer} no syn ttl not {gone}"),
        _ => format!("expect accept out on eth0 tcp port 179 to {peer}"),
    };
    let wrong = format!("expect accept in on eth0 tcp port 179 from {peer}");
    Attack::new(policy, right, wrong, format!("ttl {gone}"), move |found| u64::from(found.packet.hop_limit) == gone)
}

fn bfd(random: &mut Random) -> Attack {
    let peer = text_of_some(random);
    let policy = vec!["default drop".into(), format!("allow bfd peer {peer} on eth0")];
    let right = match random.below(2) {
        0 => format!("expect accept in on eth0 udp port 3784 source port 1024-65535 from {peer} ttl 255"),
        _ => format!("expect deny in on eth0 udp from {peer} ttl not 255"),
    };
    if random.chance(50) {
        let wrong = format!("expect accept in on eth0 udp port 3784 source port 1023-65535 from {peer} ttl 255");
        Attack::new(policy, right, wrong, "source port 1023", |found| ports(&found.packet) == Some((1023, 3784)))
    } else {
        let wrong = format!("expect accept in on eth0 udp port 3783-3784 source port 5000 from {peer} ttl 255");
        Attack::new(policy, right, wrong, "port 3783", at_port(3783))
    }
}

fn tunnel(random: &mut Random) -> Attack {
    let family = family(random);
    let (remote, local) = (prefix(family, random), prefix(family, random));
    let (r, l) = (remote.text(), local.text());
    let policy = vec!["default drop".into(), format!("allow tunnel from {r} to {l} on eth0")];
    let right = match random.below(3) {
        0 => format!("expect accept forward in on eth0 out on eth1 from {r} to {l} ipsec in"),
        1 => format!("expect accept forward in on eth1 out on eth0 from {l} to {r} ipsec out"),
        _ => format!("expect drop forward in on eth0 out on eth1 from {r} to {l} no ipsec in"),
    };
    if random.chance(50) {
        let wrong = format!("expect accept forward in on eth0 out on eth1 from {r} to {l}");
        Attack::new(policy, right, wrong, "no ipsec in", |found| !found.packet.ipsec_in)
    } else {
        let next = text_of(family, remote.last + 1);
        let wrong = format!("expect accept forward in on eth0 out on eth1 from {{ {r}, {next} }} to {l} ipsec in");
        let value = remote.last + 1;
        Attack::new(policy, right, wrong, format!("from {next}"), move |found| number_of(found.packet.source) == value)
    }
}

fn metrics(random: &mut Random) -> Attack {
    let policy = vec!["default drop".into(), "allow metrics in on eth0".into()];
    let right = match random.below(2) {
        0 => "expect accept in on eth0 tcp port { 9427, 8000, 9324 }",
        _ => "expect deny in on eth0 tcp port not { 8000, 9324, 9427 }",
    };
    let gone = *random.pick(&[8000_u16, 9324, 9427]);
    let others: Vec<String> = [8000, 9324, 9427].iter().filter(|is| **is != gone).map(u16::to_string).collect();
    let (wrong, value) = match random.below(2) {
        0 => (format!("expect deny in on eth0 tcp port not {{ {} }}", others.join(", ")), gone),
        _ => (format!("expect accept in on eth0 tcp port {gone}-{}", gone + 1), gone + 1),
    };
    Attack::new(policy, right.to_owned(), wrong, format!("port {value}"), at_port(value))
}

fn routing(random: &mut Random) -> Attack {
    let number = random.between(2, 60_000) as u16;
    let policy = vec!["default drop".into(), format!("allow routing between eth0 and eth1 udp port {number}")];
    let ways = ["forward in on eth0 out on eth1", "forward in on eth1 out on eth0"];
    let way = *random.pick(&ways);
    let right = match random.below(2) {
        0 => format!("expect accept {way} udp port {number}"),
        _ => format!("expect deny {way} udp port not {number}"),
    };
    let wrong = format!("expect accept {way} udp port {}-{number}", number - 1);
    Attack::new(policy, right, wrong, format!("port {}", number - 1), at_port(number - 1))
}

fn vti(random: &mut Random) -> Attack {
    let gone = random.between(2, 60_000) as u16;
    let policy = vec![
        "default drop".into(),
        format!("reject forward in on vti42 out on eth0 tcp port {gone}"),
        "allow vti vti42".into(),
    ];
    let way = "forward in on vti42 out on eth0";
    let right = match random.below(3) {
        0 => format!("expect accept {way} tcp port not {gone}"),
        1 => "expect accept forward in on eth0 out on vti42".to_owned(),
        _ => "expect accept forward in on vti42 out on vti42".to_owned(),
    };
    let wrong = format!("expect accept {way} tcp");
    Attack::new(policy, right, wrong, format!("port {gone}"), at_port(gone))
}
