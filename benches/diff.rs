//! How long it takes to say what a change does to all packets.
//! Input: policies of growing size, and the same with twenty sentences turned round. Output: times; `cargo bench --bench diff`.

mod networks;

use std::io;
use std::path::Path;

use cgwfw::compile::{Compilation, compile};
use cgwfw::diff::{Pair, diff};
use cgwfw::expand::CompileOptions;
use cgwfw::net::Family;
use cgwfw::origin::Rules;
use cgwfw::snippet::library::Library;
use divan::{Bencher, black_box};

use networks::Networks;

const SIZES: [u32; 3] = [100, 1_000, 10_000];

/// How many sentences are turned round.
const CHANGES: usize = 20;

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

/// `allow` becomes `drop` and `drop` becomes `allow`, in sentences that are evenly spread.
fn turned(policy: &str) -> String {
    let count = policy.lines().count();
    let turn = |(number, line): (usize, &str)| match line.split_once(' ') {
        Some(("allow", rest)) if number % (count / CHANGES) == 1 => format!("drop {rest}\n"),
        Some(("drop", rest)) if number % (count / CHANGES) == 1 => format!("allow {rest}\n"),
        _ => format!("{line}\n"),
    };
    policy.lines().enumerate().map(turn).collect()
}

fn compared(bencher: Bencher, old: &str, new: &str) {
    let (old, new) = (compiled(old), compiled(new));
    bencher.bench(|| {
        for family in Family::BOTH {
            let pair = Pair { old: Rules::Policy(black_box(&old)), new: Rules::Policy(black_box(&new)), family };
            assert!(diff(pair, &[]).is_some(), "it is decided");
        }
    });
}

fn changed(bencher: Bencher, rules: u32, networks: Networks) {
    let old = networks::policy(rules, networks);
    compared(bencher, &old, &turned(&old));
}

/// Sentences that name one peer each.
#[divan::bench(args = SIZES, sample_count = 5)]
fn twenty_changes_among_peers(bencher: Bencher, rules: u32) {
    changed(bencher, rules, Networks::Peers);
}

/// Networks of all lengths that come up again and again.
#[divan::bench(args = SIZES, sample_count = 5)]
fn twenty_changes_among_pooled_networks(bencher: Bencher, rules: u32) {
    changed(bencher, rules, Networks::Pool);
}

/// Networks of all lengths, a tenth of them everything. 10,000 of them are not decided.
#[divan::bench(args = [100, 1_000], sample_count = 5)]
fn twenty_changes_among_networks_of_their_own(bencher: Bencher, rules: u32) {
    changed(bencher, rules, Networks::Own);
}

/// Policies that have nothing to do with each other.
#[divan::bench(args = [100, 1_000], sample_count = 3)]
fn unrelated(bencher: Bencher, rules: u32) {
    let [old, new] = [Networks::Peers, Networks::Pool].map(|kind| networks::policy(rules, kind));
    compared(bencher, &old, &new);
}
