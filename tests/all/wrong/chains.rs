//! Chains of one's own in `rules` blocks, lists of ports, and rules of other tables that drop.

use super::scene::{Span, family, number_of, only, port, ports, range, text_of, verdicts};
use super::{Attack, Kind};
use crate::support::generate::Random;
use cgwfw::net::Family;

pub const KINDS: &[Kind] = &[
    Kind { name: "chain: return of one port", make: returns },
    Kind { name: "chain: goto skips the rest", make: goes_to },
    Kind { name: "chain: return after goto", make: returns_twice },
    Kind { name: "chain: depth", make: deep },
    Kind { name: "multiport: one too many", make: long_list },
    Kind { name: "multiport: none of a long list", make: long_not },
    Kind { name: "multiport: ports of both ends", make: either_port },
    Kind { name: "raw: drop of one port", make: |r| early("raw", r) },
    Kind { name: "mangle: drop of one port", make: |r| early("mangle", r) },
    Kind { name: "raw: drop of one address", make: early_address },
];

/// A port range with a port within it, neither the first nor the last.
fn with_hole(random: &mut Random) -> (u64, u64, u64) {
    let first = random.between(2, 60_000);
    let last = first + random.between(2, 400);
    (first, random.between(first + 1, last - 1), last)
}

fn at_port(number: u64) -> impl Fn(&cgwfw::traffic::one::Described) -> bool {
    move |found| port(&found.packet) == Some(number as u16)
}

fn rules(lines: &[String]) -> String {
    format!("rules both filter {{\n{}\n}}", lines.join("\n"))
}

fn returns(random: &mut Random) -> Attack {
    let (first, gone, last) = with_hole(random);
    let policy = vec![
        "default drop".into(),
        rules(&[
            ":own - [0:0]".into(),
            "-A INPUT -i eth0 -p tcp -j own".into(),
            format!("-A own -p tcp -m tcp --dport {gone} -j RETURN"),
            format!("-A own -p tcp -m tcp --dport {first}:{last} -j ACCEPT"),
        ]),
    ];
    let right = match random.below(2) {
        0 => format!("expect deny in on eth0 tcp port {{ {gone}, {} }}", last + 1),
        _ => format!("expect accept in on eth0 tcp port {{ {first}-{}, {}-{last} }}", gone - 1, gone + 1),
    };
    let wrong = match random.below(2) {
        0 => format!("expect accept in on eth0 tcp port {first}-{last}"),
        _ => format!("expect accept in on eth0 tcp port {gone}-{last}"),
    };
    Attack::new(policy, right, wrong, format!("port {gone}"), at_port(gone))
}

fn goes_to(random: &mut Random) -> Attack {
    let (first, gone, last) = with_hole(random);
    let policy = vec![
        "default drop".into(),
        rules(&[
            ":own - [0:0]".into(),
            "-A INPUT -i eth0 -p tcp -g own".into(),
            format!("-A own -p tcp -m tcp --dport {gone} -j RETURN"),
            format!("-A own -p tcp -m tcp --dport {first}:{last} -j ACCEPT"),
        ]),
        // Not for tcp: the chain that was gone to does not come back here.
        "allow in on eth0 all".into(),
    ];
    let right = match random.below(3) {
        0 => format!("expect drop in on eth0 tcp port not {first}-{last}"),
        1 => "expect accept in on eth0 not tcp".to_owned(),
        _ => format!("expect accept in on eth0 tcp port {first}-{}", gone - 1),
    };
    let wrong = match random.below(2) {
        0 => format!("expect accept in on eth0 tcp port {first}-{last}"),
        _ => format!("expect drop in on eth0 tcp port {}-{first}", first - 1),
    };
    let value = if wrong.contains("drop") { first } else { gone };
    Attack::new(policy, right, wrong, format!("port {value}"), at_port(value))
}

fn returns_twice(random: &mut Random) -> Attack {
    let (first, gone, last) = with_hole(random);
    let policy = vec![
        "default drop".into(),
        rules(&[
            ":one - [0:0]".into(),
            ":two - [0:0]".into(),
            "-A FORWARD -i eth0 -o eth1 -j one".into(),
            "-A one -p udp -g two".into(),
            "-A one -j ACCEPT".into(),
            format!("-A two -p udp -m udp --dport {gone} -j RETURN"),
            format!("-A two -p udp -m udp --dport {first}:{last} -j DROP"),
            format!("-A FORWARD -i eth0 -o eth1 -p udp -m udp --dport {gone}:{last} -j REJECT"),
        ]),
    ];
    // From `two` back to FORWARD, past the rest of `one`: the last rule rejects.
    let way = "forward in on eth0 out on eth1";
    let right = match random.below(4) {
        0 => format!("expect reject {way} udp port {gone}"),
        1 => format!("expect accept {way} tcp"),
        2 => format!("expect deny {way} udp"),
        _ => format!("expect drop {way} udp port not {gone}"),
    };
    let (wrong, value) = match random.below(2) {
        0 => (format!("expect drop {way} udp port {first}-{last}"), gone),
        _ => (format!("expect reject {way} udp port {gone}-{}", gone + 1), gone + 1),
    };
    Attack::new(policy, right, wrong, format!("port {value}"), at_port(value))
}

/// A chain of chains, each of which takes some ports off.
fn deep(random: &mut Random) -> Attack {
    let depth = 2 + random.below(8);
    let mut numbers: Vec<u64> = (0..depth as u64).map(|at| 1_000 + at * 7 + random.between(0, 5)).collect();
    random.shuffle(&mut numbers);
    let mut lines: Vec<String> = (0..depth).map(|at| format!(":c{at} - [0:0]")).collect();
    lines.push("-A INPUT -i eth0 -j c0".into());
    for (at, number) in numbers.iter().enumerate() {
        lines.push(format!("-A c{at} -p tcp -m tcp --dport {number} -j RETURN"));
        if at + 1 < depth {
            lines.push(format!("-A c{at} -p tcp -j c{}", at + 1));
        } else {
            lines.push(format!("-A c{at} -p tcp -j ACCEPT"));
        }
    }
    let all: Vec<String> = numbers.iter().map(u64::to_string).collect();
    let gone = random.below(depth);
    let mut fewer = all.clone();
    let value = fewer.remove(gone);
    let policy = vec!["default drop".into(), rules(&lines)];
    let right = match random.below(2) {
        0 => format!("expect accept in on eth0 tcp port not {{ {} }}", all.join(", ")),
        _ => format!("expect drop in on eth0 tcp port {{ {} }}", all.join(", ")),
    };
    let fewer = if fewer.len() == 1 { fewer.remove(0) } else { format!("{{ {} }}", fewer.join(", ")) };
    let wrong = format!("expect accept in on eth0 tcp port not {fewer}");
    Attack::new(policy, right, wrong, format!("port {value}"), at_port(numbers[gone]))
}

/// Ports and ranges of them that lie apart.
fn apart(count: usize, random: &mut Random) -> Vec<(u64, u64)> {
    let mut list = Vec::new();
    let mut next = random.between(2, 500);
    for _ in 0..count {
        let last = next + if random.chance(30) { random.between(1, 90) } else { 0 };
        list.push((next, last));
        next = last + 2 + random.between(0, 900);
    }
    random.shuffle(&mut list);
    list
}

fn port_list(list: &[(u64, u64)]) -> String {
    let text = |(first, last): &(u64, u64)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    format!("{{ {} }}", list.iter().map(text).collect::<Vec<_>>().join(", "))
}

fn long_list(random: &mut Random) -> Attack {
    let v = verdicts(random);
    let list = apart(16 + random.below(30), random);
    let end = list[random.below(list.len())];
    let further = if random.chance(50) { end.0 - 1 } else { end.1 + 1 };
    let source = if random.chance(50) { "source port" } else { "port" };
    let policy = vec![v.default.into(), format!("{} in on eth0 tcp {source} {}", v.verb, port_list(&list))];
    let right = match random.below(2) {
        0 => format!("expect {} in on eth0 tcp {source} {}", v.taken, port_list(&list)),
        _ => format!("expect {} in on eth0 tcp {source} not {}", v.left, port_list(&list)),
    };
    let wrong = [&list[..], &[(further, further)]].concat();
    let wrong = format!("expect {} in on eth0 tcp {source} {}", v.taken, port_list(&wrong));
    Attack::new(policy, right, wrong, format!("{source} {further}"), move |found| {
        let both = ports(&found.packet);
        both.map(|(from, to)| if source == "port" { to } else { from }) == Some(further as u16)
    })
}

fn long_not(random: &mut Random) -> Attack {
    let v = verdicts(random);
    let mut list = apart(16 + random.below(30), random);
    let policy = vec![v.default.into(), format!("{} out on eth1 udp port not {}", v.verb, port_list(&list))];
    let right = match random.below(2) {
        0 => format!("expect {} out on eth1 udp port {}", v.left, port_list(&list)),
        _ => format!("expect {} out on eth1 udp port not {}", v.taken, port_list(&list)),
    };
    let (first, last) = list[0];
    if first == last {
        list.remove(0);
    } else {
        list[0].0 += 1;
    }
    let wrong = format!("expect {} out on eth1 udp port not {}", v.taken, port_list(&list));
    Attack::new(policy, right, wrong, format!("port {first}"), at_port(first))
}

/// `--ports` looks at both ends.
fn either_port(random: &mut Random) -> Attack {
    let (a, b) = (random.between(2, 30_000), random.between(40_000, 65_000));
    let policy = vec![
        "default drop".into(),
        rules(&[
            format!("-A INPUT -i eth0 -p udp -m multiport --ports {a},{b} -j ACCEPT"),
            format!("-A INPUT -i eth0 -p udp -m multiport ! --ports {a},{b} -j REJECT"),
        ]),
    ];
    let right = match random.below(3) {
        0 => format!("expect accept in on eth0 udp source port {a}"),
        1 => format!("expect reject in on eth0 udp source port not {{ {a}, {b} }} port not {{ {b}, {a} }}"),
        _ => format!("expect accept in on eth0 udp port {{ {b}, {a} }}"),
    };
    let wrong = format!("expect reject in on eth0 udp source port not {{ {a}, {b} }} port not {a}");
    Attack::new(policy, right, wrong, format!("port {b}"), at_port(b))
}

fn early(table: &str, random: &mut Random) -> Attack {
    let (first, gone, last) = with_hole(random);
    let forward = random.chance(50);
    let way = if forward { "forward in on eth0 out on eth1" } else { "in on eth0" };
    let protocol = random.pick(&["tcp", "udp"]);
    let policy = vec![
        "default drop".into(),
        format!("rules both {table} {{\n-A PREROUTING -i eth0 -p {protocol} -m {protocol} --dport {gone} -j DROP\n}}"),
        format!("allow {way} {protocol} port {first}-{last}"),
    ];
    let right = match random.below(2) {
        0 => format!("expect drop {way} {protocol} port {{ {gone}, {}-65535 }}", last + 1),
        _ => format!("expect accept {way} {protocol} port {{ {first}-{}, {}-{last} }}", gone - 1, gone + 1),
    };
    let wrong = format!("expect accept {way} {protocol} port {first}-{last}");
    Attack::new(policy, right, wrong, format!("port {gone}"), at_port(gone))
}

fn early_address(random: &mut Random) -> Attack {
    let family = family(random);
    let Span { first, last, .. } = range(family, random);
    let gone = if random.chance(50) { first } else { last };
    let one = text_of(family, gone);
    let network = Span { family, first, last }.text();
    let (block, length) = if family == Family::V4 { ("ipv4", 32) } else { ("ipv6", 128) };
    let policy = vec![
        "default drop".into(),
        format!("rules {block} raw {{\n-A PREROUTING -s {one}/{length} -i eth0 -j DROP\n}}"),
        format!("allow in on eth0 from {network}"),
    ];
    let rest = if gone == first { (first + 1, last) } else { (first, last - 1) };
    let rest = Span { family, first: rest.0, last: rest.1 }.text();
    let right = match random.below(2) {
        0 => format!("expect accept in on eth0 from {rest}"),
        _ => format!("expect deny in on eth0 from not {rest} {}", only(family)),
    };
    let wrong = format!("expect accept in on eth0 from {network}");
    Attack::new(policy, right, wrong, format!("from {one}"), move |found| number_of(found.packet.source) == gone)
}
