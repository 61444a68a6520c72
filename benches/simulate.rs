//! How many packets the simulator decides.
//! Input: the site-to-site example, and a flat ruleset. Output: packets a second; `cargo bench --bench simulate`.

mod packets;

use std::fmt::Write;
use std::io;
use std::path::Path;

use cgwfw::compile::compile;
use cgwfw::expand::CompileOptions;
use cgwfw::iptables::packet::{Transport, Way};
use cgwfw::iptables::parse;
use cgwfw::net::Family;
use cgwfw::simulate::{Assumptions, Loaded, decide};
use cgwfw::snippet::library::Library;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

/// The rules of the flat ruleset.
const RULES: u16 = 1_000;

fn main() {
    divan::main();
}

/// Packets of every kind on every way of the site-to-site example: at least a million a second.
#[divan::bench(sample_count = 20)]
fn site_to_site(bencher: Bencher) {
    let policy = include_str!("../examples/site-to-site.cgwfw");
    let no_includes = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let library = Library::built_in();
    let compilation = compile(Path::new("policy.cgwfw"), policy, &no_includes, &library, CompileOptions::default());
    let ruleset = &compilation.rulesets.v4;
    assert!(!compilation.diagnostics.has_errors() && ruleset.tables.len() == 2, "the load of the benchmark");
    let loaded = Loaded::new(ruleset);
    let packets = packets::all();
    bencher.counter(ItemsCount::new(packets.len())).bench(|| {
        for packet in &packets {
            black_box(decide(&loaded, black_box(packet), Assumptions::ORDINARY));
        }
    });
}

/// A packet that passes every rule of a long chain: at least a hundred thousand a second.
#[divan::bench(sample_count = 20)]
fn flat_1_000_rules(bencher: Bencher) {
    let mut text = String::from("*filter\n:INPUT DROP [0:0]\n");
    for port in 1..=RULES {
        writeln!(text, "-A INPUT -i inet0 -p udp -m udp --dport {port} -j ACCEPT").expect("a String takes all");
    }
    text.push_str("COMMIT\n");
    let (ruleset, faults) = parse::file(&text, Family::V4);
    assert!(faults.is_empty() && ruleset.tables[0].rules.len() == usize::from(RULES), "the load of the benchmark");
    let loaded = Loaded::new(&ruleset);
    let packet = packets::packet(Way::In(packets::name("inet0")), Transport::Udp(40_000, RULES + 1));
    bencher.counter(ItemsCount::new(1_u32)).bench(|| decide(&loaded, black_box(&packet), Assumptions::ORDINARY));
}
