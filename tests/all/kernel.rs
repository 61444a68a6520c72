//! The kernel lab: real rule files loaded by both backends, packets on the wire and from sockets, and what the simulator
//! says against what the kernel does.
//!
//! `CGWFW_PACKETS` says how many packets the comparison takes (200,000 if nothing does), `CGWFW_SEED` where to begin.

pub mod aim;
mod changed;
mod compiled;
mod connections;
mod devices;
pub mod differential;
mod elsewhere;
mod logs;
mod namespace;
mod predict;
mod probe;
pub mod rule_files;
mod scenarios;
mod shrink;
mod subjects;
mod sweep;
mod wire;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Instant;

use self::changed::changed;
use self::differential::{Lab, Tally, aimed, compare, words};
use self::subjects::{Subject, subjects, unreachable};
use crate::support::generate::Random;
use crate::support::{self, number};
use cgwfw::iptables::meaning::Backend;

/// Whether the lab can work here. Where it cannot, says so loudly; under `CI=true` that is a failure.
fn require() -> bool {
    if !support::kernel::require() {
        return false;
    }
    let set_up = || Lab::new(Backend::Nft).and_then(|lab| lab.namespace.run("conntrack", &["-L"], "").map(|_| ()));
    match std::thread::spawn(set_up).join().expect("the lab's thread") {
        Ok(()) => true,
        Err(error) => {
            support::skip(&format!("the kernel lab cannot be set up here (it needs root, or `unshare -rn`): {error}"));
            false
        }
    }
}

#[test]
fn the_simulator_does_what_the_kernel_does() {
    if !require() {
        return;
    }
    let start = Instant::now();
    let (packets, seed) = (number("CGWFW_PACKETS", 200_000) as usize, number("CGWFW_SEED", 1));
    let subjects = subjects(packets / 2, seed);
    let all = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for backend in Backend::BOTH {
            let (all, subjects) = (&all, &subjects);
            scope.spawn(move || {
                let tally = run(backend, subjects, seed).unwrap_or_else(|error| panic!("{}: {error}", backend.name()));
                all.lock().expect("nobody fails with it").add(tally);
            });
        }
    });
    let all = all.into_inner().expect("nobody fails with it");
    let (reached, excused, missed) = coverage(&subjects, &all);
    // Straight to standard error, which `cargo test` does not hold back.
    let line = format!(
        "kernel lab: {} packets, {} of which a rule turns (CGWFW_PACKETS={packets} CGWFW_SEED={seed}); of the examples' rules {reached} hit, \
         {excused} out of reach, {} missed; {} disagreements; left out {:?}; {:.0} s\n",
        all.packets,
        all.turned,
        missed.len(),
        all.disagreements.len(),
        all.left_out,
        start.elapsed().as_secs_f32()
    );
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).expect("standard error");
    assert!(all.disagreements.is_empty(), "{line}{}", all.disagreements.join("\n"));
    assert!(missed.is_empty(), "{line}{}", missed.join("\n"));
    assert!(all.turned > 0, "{line}");
}

/// How many disagreements end the comparison.
const ENOUGH: usize = 5;

/// How many packets are under way at once, at most: each needs a number.
const AT_ONCE: usize = 20_000;

/// Compares all subjects over one backend, in a namespace of this thread.
fn run(backend: Backend, subjects: &[Subject], seed: u64) -> Result<Tally, String> {
    let mut lab = Lab::new(backend)?;
    let everything: Vec<_> = sweep::packets().into_iter().zip((0..900).cycle()).collect();
    let mut all = compare(&mut lab, "sweep", &sweep::rules(), &everything)?;
    for (index, subject) in subjects.iter().enumerate() {
        // Half of what is translated goes to other hosts; the rules of the examples must be hit, whose devices are named.
        lab.leads_elsewhere = index % 2 == 1 && !subject.example;
        let mut random = Random::new(seed + index as u64);
        let mut left = subject.packets;
        while left > 0 && all.disagreements.len() < ENOUGH {
            let packets = aimed(&subject.rulesets, left.min(AT_ONCE), &mut random);
            left -= packets.len();
            all.add(compare(&mut lab, &subject.name, &subject.rulesets, &packets)?);
        }
        // What is said of a change: with the rule and without it.
        let (others, packets) = changed(&subject.rulesets, &mut random);
        all.turned += packets.len();
        if !packets.is_empty() {
            all.add(compare(&mut lab, &format!("{} before", subject.name), &subject.rulesets, &packets)?);
            all.add(compare(&mut lab, &format!("{} after", subject.name), &others, &packets)?);
        }
    }
    all.disagreements.iter_mut().for_each(|text| text.insert_str(0, &format!("{}: ", backend.name())));
    Ok(all)
}

/// Of the examples' rules: how many were hit, how many no packet of the lab can reach, and those that were missed.
fn coverage(subjects: &[Subject], tally: &Tally) -> (usize, usize, Vec<String>) {
    let (mut reached, mut excused, mut missed) = (0, 0, Vec::new());
    let nothing = BTreeSet::new();
    for subject in subjects.iter().filter(|subject| subject.example) {
        let hit = tally.hit.get(&subject.name).unwrap_or(&nothing);
        for (counter, rule) in subject.counters() {
            if hit.contains(&counter) {
                reached += 1;
            } else if unreachable(rule) {
                excused += 1;
            } else {
                missed.push(format!("{}: {}", subject.name, words(&subject.rulesets, &counter)));
            }
        }
    }
    (reached, excused, missed)
}
