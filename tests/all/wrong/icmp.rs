//! ICMP types and codes, and protocols.

use super::scene::{Path, family, only, protocol, verdicts};
use super::{Attack, Kind};
use crate::support::generate::Random;
use cgwfw::iptables::packet::Transport;
use cgwfw::net::Family;
use cgwfw::traffic::one::Described;

pub const KINDS: &[Kind] = &[
    Kind { name: "icmp: one type too many", make: types },
    Kind { name: "icmp: hole of a type", make: type_hole },
    Kind { name: "icmp: hole of a code", make: code_hole },
    Kind { name: "icmp: none of a list", make: none_of },
    Kind { name: "icmp: the state of a type", make: state_of },
    Kind { name: "protocol: one too many", make: protocols },
    Kind { name: "protocol: hole", make: protocol_hole },
    Kind { name: "protocol: none of a list", make: no_protocols },
];

fn is_type(kind: u64, code: Option<u64>) -> impl Fn(&Described) -> bool {
    move |found| match found.packet.transport {
        Transport::Icmp(icmp) => {
            u64::from(icmp.kind) == kind && code.is_none_or(|code| icmp.code.is_some_and(|is| u64::from(is) == code))
        }
        _ => false,
    }
}

/// Different numbers from 0 to 254, without the names' own.
fn numbers(count: usize, random: &mut Random) -> Vec<u64> {
    let mut all: Vec<u64> = (0..255).collect();
    random.shuffle(&mut all);
    all.truncate(count);
    all
}

fn list(numbers: &[u64]) -> String {
    let texts: Vec<String> = numbers.iter().map(u64::to_string).collect();
    format!("{{ {} }}", texts.join(", "))
}

fn types(random: &mut Random) -> Attack {
    let (path, only, v) = (Path::any(random).text(), only(family(random)), verdicts(random));
    let count = 2 + random.below(6);
    let numbers = numbers(count, random);
    let (all, last) = (&numbers[..count - 1], numbers[count - 1]);
    let policy = vec![v.default.into(), format!("{} {path} icmp type {} {only}", v.verb, list(all))];
    let right = format!("expect {} {path} icmp type {} {only}", v.taken, list(all));
    let wrong = format!("expect {} {path} icmp type {} {only}", v.taken, list(&numbers));
    Attack::new(policy, right, wrong, format!("type {last}"), is_type(last, None))
}

fn type_hole(random: &mut Random) -> Attack {
    let (path, only, v) = (Path::any(random).text(), only(family(random)), verdicts(random));
    let gone = random.between(0, 254);
    let policy = vec![
        v.default.into(),
        format!("{} {path} icmp type {gone} {only}", v.back),
        format!("{} {path} icmp {only}", v.verb),
    ];
    let right = format!("expect {} {path} icmp type not {gone} {only}", v.taken);
    let wrong = format!("expect {} {path} icmp {only}", v.taken);
    Attack::new(policy, right, wrong, format!("type {gone}"), is_type(gone, None))
}

fn code_hole(random: &mut Random) -> Attack {
    let (path, only, v) = (Path::any(random).text(), only(family(random)), verdicts(random));
    let (kind, code) = (random.between(0, 254), random.between(0, 255));
    let policy = vec![
        v.default.into(),
        format!("{} {path} icmp type {kind} code {code} {only}", v.back),
        format!("{} {path} icmp {only}", v.verb),
    ];
    let right = match random.below(2) {
        0 => format!("expect {} {path} icmp type not {kind} {only}", v.taken),
        _ => format!("expect {} {path} icmp type {kind} code {} {only}", v.taken, (code + 1) % 256),
    };
    let wrong = match random.below(2) {
        0 => format!("expect {} {path} icmp {only}", v.taken),
        _ => format!("expect {} {path} icmp type {kind} {only}", v.taken),
    };
    Attack::new(policy, right, wrong, format!("type {kind} code {code}"), is_type(kind, Some(code)))
}

fn none_of(random: &mut Random) -> Attack {
    let (path, only, v) = (Path::any(random).text(), only(family(random)), verdicts(random));
    let count = 3 + random.below(4);
    let numbers = numbers(count, random);
    let (fewer, gone) = (&numbers[..count - 1], numbers[count - 1]);
    let policy = vec![v.default.into(), format!("{} {path} icmp type not {} {only}", v.verb, list(&numbers))];
    let right = match random.below(2) {
        0 => format!("expect {} {path} icmp type not {} {only}", v.taken, list(&numbers)),
        _ => format!("expect {} {path} icmp type {} {only}", v.left, list(&numbers)),
    };
    let wrong = format!("expect {} {path} icmp type not {} {only}", v.taken, list(fewer));
    Attack::new(policy, right, wrong, format!("type {gone}"), is_type(gone, None))
}

/// The types whose first packet is new, or untracked, as connection tracking has them; all others are invalid.
fn state_of(random: &mut Random) -> Attack {
    let family = family(random);
    let (path, only) = (Path::any(random).text(), only(family));
    let (state, types): (&str, &[u64]) = match (family, random.below(2)) {
        (Family::V4, _) => ("new", &[8, 13, 15, 17]),
        (Family::V6, 0) => ("new", &[128, 139]),
        (Family::V6, _) => ("untracked", &[130, 131, 132, 133, 134, 135, 136, 143, 151, 152]),
    };
    let mut more: Vec<u64> = (0..255).filter(|number| !types.contains(number)).collect();
    random.shuffle(&mut more);
    let near: Vec<u64> = types.iter().map(|kind| kind + 1).filter(|kind| !types.contains(kind)).collect();
    let last = if random.chance(50) { *random.pick(&near) } else { more[0] };
    let policy = vec!["default drop".into(), format!("allow {path} icmp state {state} {only}")];
    let right = format!("expect accept {path} icmp type {} {only}", list(types));
    let wrong = format!("expect accept {path} icmp type {} {only}", list(&[types, &[last]].concat()));
    Attack::new(policy, right, wrong, format!("type {last}"), is_type(last, None))
}

/// Protocols as words, with their numbers.
const WORDS: [(&str, u8); 10] = [
    ("tcp", 6),
    ("udp", 17),
    ("sctp", 132),
    ("esp", 50),
    ("gre", 47),
    ("vrrp", 112),
    ("ospf", 89),
    ("eigrp", 88),
    ("pim", 103),
    ("l2tp", 115),
];

/// Different protocols: words, or numbers.
fn some_protocols(count: usize, random: &mut Random) -> Vec<(String, u8)> {
    let mut all: Vec<(String, u8)> = WORDS.iter().map(|(word, number)| ((*word).to_owned(), *number)).collect();
    if random.chance(50) {
        all = (140..=253).map(|number| (number.to_string(), number)).collect();
    }
    random.shuffle(&mut all);
    all.truncate(count);
    all
}

/// One of some protocols, or with `not` none of them.
fn of(not: &str, protocols: &[(String, u8)]) -> String {
    let texts: Vec<&str> = protocols.iter().map(|(word, _)| word.as_str()).collect();
    let list = if texts.len() == 1 { texts[0].to_owned() } else { format!("{{ {} }}", texts.join(", ")) };
    let word = if protocols[0].1 >= 140 { "protocol " } else { "" };
    format!("{word}{not}{list}")
}

fn any_of(protocols: &[(String, u8)]) -> String {
    of("", protocols)
}

fn none_of_them(protocols: &[(String, u8)]) -> String {
    of("not ", protocols)
}

fn protocols(random: &mut Random) -> Attack {
    let (path, v) = (Path::any(random).text(), verdicts(random));
    let count = 2 + random.below(5);
    let some = some_protocols(count, random);
    let last = some[count - 1].1;
    let policy = vec![v.default.into(), format!("{} {path} {}", v.verb, any_of(&some[..count - 1]))];
    let right = format!("expect {} {path} {}", v.taken, any_of(&some[..count - 1]));
    let wrong = format!("expect {} {path} {}", v.taken, any_of(&some));
    Attack::new(policy, right, wrong, format!("protocol {last}"), move |found| protocol(&found.packet) == last)
}

fn protocol_hole(random: &mut Random) -> Attack {
    let (path, v) = (Path::any(random).text(), verdicts(random));
    let some = some_protocols(1, random);
    let gone = some[0].1;
    let policy =
        vec![v.default.into(), format!("{} {path} {}", v.back, any_of(&some)), format!("{} {path} all", v.verb)];
    let not = none_of_them(&some);
    let right = format!("expect {} {path} {not}", v.taken);
    let wrong = format!("expect {} {path} all", v.taken);
    Attack::new(policy, right, wrong, format!("protocol {gone}"), move |found| protocol(&found.packet) == gone)
}

fn no_protocols(random: &mut Random) -> Attack {
    let (path, v) = (Path::any(random).text(), verdicts(random));
    let count = 3 + random.below(4);
    let some = some_protocols(count, random);
    let gone = some[count - 1].1;
    let policy = vec![v.default.into(), format!("{} {path} {}", v.verb, none_of_them(&some))];
    let right = match random.below(2) {
        0 => format!("expect {} {path} {}", v.taken, none_of_them(&some)),
        _ => format!("expect {} {path} {}", v.left, any_of(&some)),
    };
    let wrong = format!("expect {} {path} {}", v.taken, none_of_them(&some[..count - 1]));
    Attack::new(policy, right, wrong, format!("protocol {gone}"), move |found| protocol(&found.packet) == gone)
}
