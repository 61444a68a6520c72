//! Policies of any size that name networks of some kind.
//! Input: how many sentences, and the kind. Output: their text; the same size gives the same text.

use std::fmt::Write;
use std::net::Ipv4Addr;

/// The first peer: 198.18.0.0/15 is for benchmarks (RFC 2544).
const FIRST_PEER: u32 = 0xc612_0001;

/// What the networks of the sentences are.
#[derive(Clone, Copy)]
pub enum Networks {
    /// One address each.
    Peers,
    /// Out of two hundred.
    Pool,
    /// Each another, or none.
    Own,
}

/// A policy of sentences that allow and drop in turn.
pub fn policy(rules: u32, networks: Networks) -> String {
    let mut text = String::from("default drop\n");
    let mut number = 1_u64;
    // The same on every machine (Knuth's linear congruential generator).
    let mut next = |below: u64| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 33) % below
    };
    let network = |bits: u32, length: u32| {
        let address = Ipv4Addr::from((bits & 0x3fff_ffff | 0x0b00_0000) & u32::MAX << (32 - length));
        format!("{address}/{length}")
    };
    let lengths = [8, 12, 16, 20, 24, 28, 32];
    let pool: Vec<String> = (0..200).map(|_| network(next(1 << 32) as u32, lengths[next(7) as usize])).collect();
    for index in 0..rules {
        let verb = if next(5) < 3 { "allow" } else { "drop" };
        let mut side = |word: &str| match networks {
            Networks::Peers => format!("{word} {} ", Ipv4Addr::from_bits(FIRST_PEER + index)),
            Networks::Pool => format!("{word} {} ", pool[next(200) as usize]),
            Networks::Own if next(10) == 0 => String::new(),
            Networks::Own => format!("{word} {} ", network(next(1 << 32) as u32, lengths[next(7) as usize])),
        };
        let (from, to) = (side("from"), side("to"));
        let port = ["22", "80", "443", "53", "1024-65535"][next(5) as usize];
        let protocol = ["tcp", "udp"][next(2) as usize];
        // After an address the port needs no word.
        let to = if to.is_empty() { "to ".into() } else { to };
        writeln!(text, "{verb} forward in on inet0 out on eth0 {protocol} {from}{to}port {port}")
            .expect("a String takes all");
    }
    text
}
