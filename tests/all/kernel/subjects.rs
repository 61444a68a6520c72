//! What is compared: every example, the policies of all cases of the building blocks, random policies, random rule files.
//! Input: how many packets there are to share. Output: rules of both families, each with its share.

use std::collections::BTreeMap;
use std::path::Path;

use cgwfw::compile::compile;
use cgwfw::expand::CompileOptions;
use cgwfw::iptables::ruleset::{Address, Match, Rule, Ruleset, Target};
use cgwfw::net::Both;
use cgwfw::snippet::library::Library;
use cgwfw::snippet::readme::examples;

use crate::kernel::differential::prepared;
use crate::kernel::probe::Counter;
use crate::kernel::rule_files::rule_files;
use crate::support;
use crate::support::generate::{self, Random};

/// How many packets each random policy gets.
const RANDOM_SHARE: usize = 500;

/// Rules of both families.
pub struct Subject {
    /// A name for reports.
    pub name: String,
    /// The rules, without what one packet does not decide.
    pub rulesets: Both<Ruleset>,
    /// How many packets it is tried with.
    pub packets: usize,
    /// Whether it is one of the examples, whose rules must all be hit.
    pub example: bool,
}

impl Subject {
    /// Every rule with its counter.
    pub fn counters(&self) -> Vec<(Counter, &Rule)> {
        let mut all = Vec::new();
        for ruleset in self.rulesets.iter() {
            for table in &ruleset.tables {
                let mut next: BTreeMap<u32, u32> = BTreeMap::new();
                for rule in &table.rules {
                    let position = next.entry(rule.chain.0).or_default();
                    let (family, table, chain) = (ruleset.family, table.name, rule.chain.0);
                    all.push((Counter { family, table, chain, rule: Some(*position) }, rule));
                    *position += 1;
                }
            }
        }
        all
    }
}

fn rules(text: &str) -> Both<Ruleset> {
    let read = |path: &Path| std::fs::read_to_string(path);
    compile(Path::new("policy.cgwfw"), text, &read, &Library::built_in(), CompileOptions::default()).rulesets
}

/// All of them, with `packets` among them.
pub fn subjects(packets: usize, seed: u64) -> Vec<Subject> {
    let mut subjects = Vec::new();
    let mut add = |name: String, rulesets: Both<Ruleset>, packets: usize, example: bool| {
        subjects.push(Subject { name, rulesets: prepared(&rulesets), packets, example });
    };
    let paths = support::policies("examples");
    for path in &paths {
        let text = std::fs::read_to_string(path).expect("an example");
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        add(name, rules(&text), packets / 3 / paths.len(), true);
    }
    let cases = cases();
    let share = packets / 3 / cases.len().max(1);
    let left = packets - packets / 3 / paths.len() * paths.len() - share * cases.len();
    cases.into_iter().for_each(|(name, rulesets)| add(name, rulesets, share, false));
    let library = Library::built_in();
    for index in 0..(left / 2 / RANDOM_SHARE) as u64 {
        let seed = seed + index;
        let policy = generate::text(&generate::policy(seed, &library));
        add(format!("policy {seed}"), rules(&policy), RANDOM_SHARE, false);
        add(format!("rule files {seed}"), rule_files(&mut Random::new(seed)), RANDOM_SHARE, false);
    }
    subjects
}

/// The cases of the building blocks that yield rules.
fn cases() -> Vec<(String, Both<Ruleset>)> {
    let mut cases = Vec::new();
    for path in support::case_files() {
        let Some(block) = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("snippets")).ok() else {
            continue;
        };
        let text = std::fs::read_to_string(&path).expect("a case file");
        for case in examples(&text) {
            let rulesets = support::compiled(&case).rulesets;
            if rulesets.iter().any(|ruleset| ruleset.tables.iter().any(|table| !table.rules.is_empty())) {
                cases.push((format!("snippets/{}:{}", block.display(), case.line), rulesets));
            }
        }
    }
    cases
}

/// Whether no packet of the lab meets a rule: this kernel has no IPsec transforms, and it discards loopback addresses on
/// other interfaces than `lo` before the guards of `allow loopback` see them.
pub fn unreachable(rule: &Rule) -> bool {
    let ipsec = |one: &Match| matches!(one, Match::Policy(policy) if policy.ipsec);
    let guard = matches!(&rule.header.destination, Some(to)
        if !to.negated && matches!(&to.value, Address::Prefix(prefix) if prefix.address().is_loopback()));
    // Of site-to-site, which lets nothing but IPsec out through its public interface.
    let clamp = matches!(rule.target, Target::TcpMss(Some(1_250)))
        && rule.header.out_interface.is_some_and(|name| name.value.name() == "inet0");
    clamp || rule.matches.iter().any(ipsec) || guard && rule.header.in_interface.is_some_and(|name| name.negated)
}
