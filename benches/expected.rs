//! A policy with as many expectations as rules.
//! Input: how many. Output: its text; the same size gives the same text.

use std::fmt::Write;
use std::net::Ipv4Addr;

/// A rule for each of some peers, and an expectation of each rule.
pub fn policy(rules: u32) -> String {
    let mut text = String::from("interface inet0 public\ndefault drop\nallow established\n");
    for index in 0..rules {
        writeln!(text, "allow in on inet0 tcp from {} to port {}", peer(index), 1_000 + index)
            .expect("a String takes all");
    }
    for index in 0..rules {
        let port = 1_000 + index;
        writeln!(text, "expect accept in on inet0 tcp from {} to port {port} state new", peer(index))
            .expect("a String takes all");
    }
    text
}

/// A peer of 198.18.0.0/15, the network for benchmarks (RFC 2544).
fn peer(index: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 1).to_bits() + index)
}
