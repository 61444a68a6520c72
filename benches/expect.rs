//! How long it takes to decide expectations for all packets.
//! Input: policies of growing size, with peers, with networks out of a pool, and with networks of their own. Output: times;
//! `cargo bench --bench expect`.

mod expected;

use std::fmt::Write;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use cgwfw::compile::{Compilation, compile};
use cgwfw::expand::CompileOptions;
use cgwfw::expect::check;
use cgwfw::snippet::library::Library;
use divan::{Bencher, black_box};

const SIZES: [u32; 4] = [100, 1_000, 10_000, 100_000];

fn main() {
    divan::main();
}

fn compiled(policy: &str) -> Compilation {
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let library = Library::built_in();
    let compilation = compile(Path::new("policy.cgwfw"), policy, &read, &library, CompileOptions::default());
    assert!(!compilation.diagnostics.has_errors(), "what is refused is not worth measuring");
    compilation
}

fn decided(bencher: Bencher, policy: &str) {
    let compilation = compiled(policy);
    bencher.bench(|| {
        for checked in check(black_box(&compilation)) {
            assert_ne!(checked.result(), "not decided", "{}", checked.statement.text);
        }
    });
}

/// As many expectations as there are rules.
#[divan::bench(args = [100, 200, 1_000])]
fn an_expectation_a_rule(bencher: Bencher, rules: u32) {
    decided(bencher, &expected::policy(rules));
}

/// A dozen expectations among sentences that name one peer each.
#[divan::bench(args = SIZES, sample_count = 5)]
fn among_peers(bencher: Bencher, rules: u32) {
    decided(bencher, &mixed(rules, Networks::Peers));
}

/// Among networks of all lengths that come up again and again.
#[divan::bench(args = SIZES, sample_count = 5)]
fn among_pooled_networks(bencher: Bencher, rules: u32) {
    decided(bencher, &mixed(rules, Networks::Pool));
}

/// Among networks of all lengths, a tenth of them everything.
#[divan::bench(args = SIZES, sample_count = 5)]
fn among_networks_of_their_own(bencher: Bencher, rules: u32) {
    decided(bencher, &mixed(rules, Networks::Own));
}

/// What the networks of `mixed` are.
#[derive(Clone, Copy)]
enum Networks {
    /// One address each.
    Peers,
    /// Out of two hundred.
    Pool,
    /// Each another, or none.
    Own,
}

/// Sentences that allow and drop in turn, and expectations about all of them.
fn mixed(rules: u32, networks: Networks) -> String {
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
            Networks::Peers => format!("{word} {} ", expected::peer(index)),
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
    for traffic in ["in on eth0 out on inet0", "in on inet0 out on eth0 icmp", "in on inet0 out on eth0 tcp port 25"] {
        writeln!(text, "expect deny forward {traffic}").expect("a String takes all");
    }
    writeln!(text, "expect deny forward in on inet0 out on eth0 tcp from 10.0.0.0/9 to port 22")
        .expect("a String takes all");
    text
}
