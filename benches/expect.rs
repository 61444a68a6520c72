//! How long it takes to decide expectations for all packets.
//! Input: policies of growing size, with peers, with networks out of a pool, and with networks of their own. Output: times;
//! `cargo bench --bench expect`.

mod expected;
mod networks;

use std::fmt::Write;
use std::io;
use std::path::Path;

use cgwfw::compile::{Compilation, compile};
use cgwfw::expand::CompileOptions;
use cgwfw::expect::check;
use cgwfw::snippet::library::Library;
use divan::{Bencher, black_box};

use networks::Networks;

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

/// Sentences that allow and drop in turn, and expectations about all of them.
fn mixed(rules: u32, networks: Networks) -> String {
    let mut text = networks::policy(rules, networks);
    for traffic in ["in on eth0 out on inet0", "in on inet0 out on eth0 icmp", "in on inet0 out on eth0 tcp port 25"] {
        writeln!(text, "expect deny forward {traffic}").expect("a String takes all");
    }
    writeln!(text, "expect deny forward in on inet0 out on eth0 tcp from 10.0.0.0/9 to port 22")
        .expect("a String takes all");
    text
}
