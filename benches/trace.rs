//! How long the answer of `trace` takes: loading the rules, the walk, the hints and the text for people.
//! Input: policies and a rule file of growing size. Output: times, which grow as the sizes do; `cargo bench --bench trace`.

mod policies;

use std::fmt::Write;
use std::io;
use std::path::Path;

use cgwfw::compile::compile;
use cgwfw::diagnostic::{Diagnostics, Style};
use cgwfw::expand::CompileOptions;
use cgwfw::iptables::parse;
use cgwfw::iptables::ruleset::Ruleset;
use cgwfw::net::{Both, Family};
use cgwfw::origin::{RuleFile, Rules};
use cgwfw::policy::Declarations;
use cgwfw::simulate::Loaded;
use cgwfw::snippet::library::Library;
use cgwfw::source::Sources;
use cgwfw::syntax;
use cgwfw::trace::hint::Setting;
use cgwfw::trace::human::{self, human};
use cgwfw::trace::trace;
use cgwfw::traffic::one::{Described, all_described};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

/// A packet that no rule lets pass: half of the sentences nearly do.
const PACKET: &str = "in on inet0 udp from 192.0.2.9 port 500 to 192.0.2.1 port 500";

const SIZES: [u32; 3] = [1_000, 10_000, 50_000];

fn main() {
    divan::main();
}

/// A packet that passes every rule of a policy by.
#[divan::bench(args = SIZES, sample_count = 10)]
fn ipsec_sentences(bencher: Bencher, sentences: u32) {
    policy(bencher, sentences, &policies::ipsec(sentences));
}

/// The same on a gateway with a tunnel to each site.
#[divan::bench(args = [200, 5_000], sample_count = 10)]
fn gateway_of_lines(bencher: Bencher, lines: u32) {
    policy(bencher, lines, &policies::gateway(lines as usize));
}

fn policy(bencher: Bencher, size: u32, text: &str) {
    let library = Library::built_in();
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let compilation = compile(Path::new("policy.cgwfw"), text, &read, &library, CompileOptions::default());
    assert!(!compilation.diagnostics.has_errors(), "the load of the benchmark");
    answers(bencher, size, Rules::Policy(&compilation), false);
}

/// Rules of a file that are all alike and nearly match, each of which is shown.
#[divan::bench(args = SIZES, sample_count = 10)]
fn equal_rules(bencher: Bencher, rules: u32) {
    rule_file(bencher, rules, "-A INPUT -s 192.0.2.1/32 -i inet0 -p udp -j ACCEPT");
}

/// Rules of a file that all match, perhaps, and decide nothing.
#[divan::bench(args = SIZES, sample_count = 10)]
fn rules_that_decide_nothing(bencher: Bencher, rules: u32) {
    rule_file(bencher, rules, "-A INPUT -i inet0 -m limit --limit 3/minute -j LOG");
}

fn rule_file(bencher: Bencher, rules: u32, rule: &str) {
    let mut text = String::from("*filter\n:INPUT DROP [0:0]\n");
    (0..rules).for_each(|_| writeln!(text, "{rule}").expect("a String takes all"));
    text.push_str("COMMIT\n");
    let (ruleset, faults) = parse::file(&text, Family::V4);
    assert!(faults.is_empty(), "the load of the benchmark");
    let rulesets = Both { v4: ruleset, v6: Ruleset::new(Family::V6) };
    let v6 = RuleFile::new("v6".into(), String::new());
    let files = Both { v4: RuleFile::new("v4".into(), text), v6 };
    answers(bencher, rules, Rules::Files(&rulesets, &files), true);
}

fn answers(bencher: Bencher, count: u32, rules: Rules, verbose: bool) {
    let packet = packet();
    let options = human::TraceStyle { style: Style { color: false, unicode: false, width: 80 }, verbose, reply: false };
    bencher.counter(ItemsCount::new(count)).bench(|| {
        let loaded = Loaded::new(rules.of(Family::V4));
        let setting = Setting { rules, loaded: &loaded, library: None };
        human(&trace(&loaded, black_box(packet.clone())), &setting, options)
    });
}

fn packet() -> Described {
    let mut diagnostics = Diagnostics::default();
    let ast = syntax::beside(&Sources::default(), "packet", PACKET, &mut diagnostics);
    let packets = all_described(&ast, &Declarations::default(), &mut diagnostics);
    packets.into_iter().next().expect("a packet")
}
