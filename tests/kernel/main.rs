//! The kernel lab: real rule files loaded by both backends, packets on the wire and from sockets, and what the simulator
//! says against what the kernel does.
//!
//! `CGWFW_PACKETS` says how many packets the comparison takes (120,000 if nothing does), `CGWFW_SEED` where to begin.

mod aim;
mod devices;
mod differential;
mod namespace;
mod predict;
mod probe;
mod rule_files;
mod shrink;
#[path = "../support/mod.rs"]
mod support;
mod wire;

use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use cgwfw::compile::compile;
use cgwfw::expand::Options;
use cgwfw::iptables::ruleset::Ruleset;
use cgwfw::snippet::library::Library;
use cgwfw::snippet::readme::examples;

use differential::{Lab, Tally, compare};
use support::generate::{self, Random};
use support::kernel::Backend;

/// Rules of both families, by a name for reports.
struct Subject {
    name: String,
    rulesets: [Ruleset; 2],
    packets: usize,
}

fn rules(text: &str) -> [Ruleset; 2] {
    compile(
        Path::new("policy.cgwfw"),
        text,
        &|path| std::fs::read_to_string(path),
        &Library::built_in(),
        Options::default(),
    )
    .rulesets
}

/// A number from the environment.
fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// What is compared: every example, the policies of the building blocks' cases, random policies, random rule files.
fn subjects(packets: usize, seed: u64) -> Vec<Subject> {
    let mut subjects = Vec::new();
    let mut add = |name: String, rulesets: [Ruleset; 2], packets: usize| {
        subjects.push(Subject { name, rulesets, packets });
    };
    let paths = support::policies("examples");
    for path in &paths {
        let text = std::fs::read_to_string(path).expect("an example");
        add(file_name(path), rules(&text), packets / 3 / paths.len());
    }
    let mut cases: Vec<(String, [Ruleset; 2])> = Vec::new();
    for path in support::case_files().iter().filter(|path| path.components().any(|part| part.as_os_str() == "snippets"))
    {
        let text = std::fs::read_to_string(path).expect("a case file");
        for case in examples(&text) {
            let rulesets = support::compiled(&case).rulesets;
            if rulesets.iter().any(|ruleset| ruleset.tables.iter().any(|table| !table.rules.is_empty())) {
                cases.push((format!("{}:{}", path.display(), case.line), rulesets));
            }
        }
    }
    // All cases of a block are one policy's worth of rules: they are tried together, one after the other.
    let each = packets / 4 / cases.len().max(1);
    for (name, rulesets) in cases {
        add(name, rulesets, each);
    }
    let library = Library::built_in();
    let random_subjects = packets / 5 / 500;
    for index in 0..random_subjects as u64 {
        let seed = seed + index;
        add(format!("policy {seed}"), rules(&generate::text(&generate::policy(seed, &library))), 500);
        add(format!("rule files {seed}"), rule_files::rule_files(&mut Random::new(seed)), 500);
    }
    subjects
}

fn file_name(path: &Path) -> String {
    path.file_stem().expect("a file").to_string_lossy().into_owned()
}

#[test]
fn the_simulator_does_what_the_kernel_does() {
    let start = Instant::now();
    let (packets, seed) = (number("CGWFW_PACKETS", 120_000), number("CGWFW_SEED", 1) as u64);
    eprintln!("CGWFW_PACKETS={packets} CGWFW_SEED={seed}");
    let subjects = subjects(packets / 2, seed);
    let all = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for backend in Backend::BOTH {
            let (all, subjects) = (&all, &subjects);
            scope.spawn(move || {
                let mut lab = Lab::new(backend).expect("a lab");
                for subject in subjects {
                    let mut random = Random::new(seed);
                    let tally = compare(&mut lab, &subject.name, &subject.rulesets, subject.packets, &mut random)
                        .unwrap_or_else(|error| panic!("{}: {error}", backend.name()));
                    for text in &tally.disagreements {
                        eprintln!("{}: {text}", backend.name());
                    }
                    all.lock().expect("nobody fails with it").add(tally);
                }
            });
        }
    });
    let all = all.into_inner().expect("nobody fails with it");
    let rules: usize = all.hit.values().flatten().filter(|counter| counter.rule.is_some()).count();
    eprintln!(
        "kernel lab: {} packets, {rules} rules hit, {} disagreements; left out: {:?}; {:?}",
        all.packets,
        all.disagreements.len(),
        all.left_out,
        start.elapsed()
    );
    assert!(all.disagreements.is_empty());
}
