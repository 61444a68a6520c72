//! Rules that have nothing to do with an expectation, before, between and after those that have.

use super::Attack;
use super::scene::{only, pool_text};
use crate::support::generate::Random;
use cgwfw::net::Family;

/// What keeps the rules around apart from the packets of the expectations.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// They are on interfaces of their own.
    Interfaces,
    /// They are of protocols of their own, on any interface: the expectations say tcp, udp or icmp.
    Protocols,
    /// They are from sources of their own, on any interface: the expectations say a source in the pool.
    Sources,
}

/// The sentences of an attack with others around them: up to 1,000 where there is time for many, else ten.
pub fn around(attack: &Attack, many: bool, random: &mut Random) -> Vec<String> {
    let how_many = match random.below(1_000) {
        0 if many => 1_000,
        1..=10 if many => 200,
        0..=399 => 10,
        _ => 0,
    };
    // The place of each sentence among the others; the order of those of the attack stays.
    let mut places: Vec<usize> = attack.policy.iter().map(|_| random.below(how_many + 1)).collect();
    places.sort_unstable();
    // In a state without nat a packet may have any destination that a nat rule gives: then there must be none.
    let known = |sentence: &String| sentence.contains("established") || sentence.contains("related");
    let nat = ![&attack.right, &attack.wrong].into_iter().any(known);
    let mut lines = Vec::with_capacity(how_many + attack.policy.len());
    let mut next = places.iter().zip(&attack.policy).peekable();
    for number in 0..=how_many {
        while let Some((_, sentence)) = next.next_if(|(place, _)| **place <= number) {
            lines.push(sentence.clone());
        }
        if number < how_many {
            lines.push(unrelated(attack.noise, number, nat, random));
        }
    }
    lines
}

/// A sentence that no packet of the expectations meets.
fn unrelated(noise: Noise, number: usize, nat: bool, random: &mut Random) -> String {
    let family = *random.pick(&Family::BOTH);
    let verb = *random.pick(&["allow", "drop", "reject"]);
    let (low, port) = (random.between(1, 60_000), random.between(1, 65_535));
    let ports = format!("{low}-{}", low + random.between(0, 5_000));
    let own = *random.pick(&["noise0", "noise1", "noise2"]);
    let any = *random.pick(&["eth0", "eth1", "eth2", "vti7", "noise0"]);
    let address = pool_text(family, false, random);
    let only = only(family);
    match noise {
        Noise::Interfaces => match random.below(9) {
            0 => format!("{verb} in on {own} tcp port {ports}"),
            1 => format!("{verb} out on {own} udp from {address} ttl {}", random.between(2, 255)),
            2 => format!("{verb} forward in on {own} out on noise3 mark {}", random.between(1, 9)),
            3 => format!("{verb} in on {own} udp port {port} from not {address} {only}"),
            4 => format!("notrack in on {own} udp port {port}"),
            5 => format!("mark in on {own} tcp port {port} as {}", random.between(1, 255)),
            6 if nat => format!("redirect in on {own} tcp port {port} as port {} {only}", random.between(1, 65_535)),
            7 => format!(
                "rules both filter {{\n:noise-{number} - [0:0]\n-A INPUT -i {own} -j noise-{number}\n-A noise-{number} -p tcp -m tcp --dport {port} -j RETURN\n-A noise-{number} -j ACCEPT\n}}"
            ),
            _ => format!("{verb} in on {own} {{ tcp, udp }} state new, related"),
        },
        Noise::Protocols => {
            let protocol = random.between(200, 250);
            match random.below(3) {
                0 => format!("{verb} in on {any} protocol {protocol}"),
                1 => format!("{verb} forward protocol {protocol} from {address}"),
                _ => format!("{verb} out protocol {protocol} mark {}", random.between(0, 9)),
            }
        }
        Noise::Sources => match random.below(5) {
            0 => format!("{verb} in on {any} tcp port {ports} from {address}"),
            1 => format!("{verb} in udp from {address} ttl {}", random.between(2, 255)),
            2 => format!("{verb} forward {{ tcp, udp }} source port {ports} from {address}"),
            3 => format!("{verb} out on {any} from {address} mark {}", random.between(0, 9)),
            _ => format!("{verb} from {address} state new {}", ["in", "out", "forward"][random.below(3)]),
        },
    }
}
