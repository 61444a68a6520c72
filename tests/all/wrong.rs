//! Expectations that are right, and their neighbours that are wrong by one value: the first are to be proved, the others
//! refuted by a packet with that very value. Which is which follows from the way a policy is made, never from the program.
//!
//! `CGWFW_EXPECTATIONS` says how many expectations; `CGWFW_SEED` where to begin; `CGWFW_KIND` keeps the kinds whose names
//! hold it.

mod blocks;
mod chains;
mod fields;
mod icmp;
mod interfaces;
mod layers;
mod marks;
mod nat;
mod noise;
mod scene;
mod tracking;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use self::noise::Noise;
use crate::support;
use crate::support::generate::Random;
use cgwfw::compile::{Compilation, compile};
use cgwfw::diagnostic::{self, Diagnostics, Severity};
use cgwfw::expand::CompileOptions;
use cgwfw::expect;
use cgwfw::snippet::library::Library;
use cgwfw::syntax;
use cgwfw::traffic::one::{Described, all_described};

/// What a counter-example must look like.
type Shows = Box<dyn Fn(&Described) -> bool>;

/// A policy with an expectation that holds for every packet, and one that one value breaks.
pub struct Attack {
    /// The sentences of the policy, in their order.
    policy: Vec<String>,
    /// Holds for every packet.
    right: String,
    /// Fails for one value.
    wrong: String,
    /// That value, in words.
    value: String,
    /// Whether a packet has it.
    shows: Shows,
    /// Rules that have nothing to do with it.
    noise: Noise,
}

impl Attack {
    /// An attack whose expectations name the interfaces, so that rules on others have nothing to do with it.
    fn new(
        policy: Vec<String>,
        right: String,
        wrong: String,
        value: impl Into<String>,
        shows: impl Fn(&Described) -> bool + 'static,
    ) -> Attack {
        Attack { policy, right, wrong, value: value.into(), shows: Box::new(shows), noise: Noise::Interfaces }
    }

    /// The same with other rules around it.
    fn among(mut self, noise: Noise) -> Attack {
        self.noise = noise;
        self
    }
}

/// A way to make attacks.
pub struct Kind {
    name: &'static str,
    make: fn(&mut Random) -> Attack,
}

/// How an attack came out other than it must.
struct Failure {
    /// What is not as it must be: `right: failed`, `wrong: proved`, …
    what: String,
    details: String,
}

fn compiled(text: &str, library: &Library) -> Compilation {
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    compile(Path::new("policy.cgwfw"), text, &read, library, CompileOptions::default())
}

/// The packets of a sentence, in the terms of a policy.
fn packets(sentence: &str, compilation: &Compilation) -> Vec<Described> {
    let mut diagnostics = Diagnostics::default();
    let ast = syntax::beside(&compilation.ast.sources, "packets", &format!("{sentence}\n"), &mut diagnostics);
    all_described(&ast, &compilation.declarations, &mut diagnostics)
}

/// Asks the program; what is said otherwise than it must.
fn attack(attack: &Attack, between: &[String], library: &Library) -> Option<Failure> {
    let mut lines: Vec<&str> = between.iter().map(String::as_str).collect();
    lines.extend([attack.right.as_str(), attack.wrong.as_str()]);
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    let compilation = compiled(&text, library);
    let failure = |what: &str, said: String| {
        // Without the rules around it, if it is the same without them.
        let shown = if text.len() < 20_000 { text.clone() } else { attack.text() + "… and many rules around it\n" };
        let details = format!("{shown}# wrong for: {}\n# said: {said}\n", attack.value);
        Some(Failure { what: what.to_owned(), details })
    };
    let errors = compilation.diagnostics.iter().filter(|report| report.severity == Severity::Error);
    let errors: Vec<String> = errors.map(|report| diagnostic::short(report, &compilation.ast.sources)).collect();
    if !errors.is_empty() {
        return failure("an error", errors.join("\n"));
    }
    let checked: Vec<_> = expect::check(&compilation).collect();
    let said = |one: &expect::Checked| match (&one.counter_example, &one.report) {
        (Some(found), _) => format!("{} => {} {:?}", found.sentence, found.decision.verdict.name(), found.rule),
        (None, Some(report)) => diagnostic::short(report, &compilation.ast.sources),
        (None, None) => one.result().to_owned(),
    };
    let [right, wrong] = &checked[..] else { return failure("not two expectations", checked.len().to_string()) };
    // The worst first.
    if wrong.proved {
        return failure("wrong: proved", said(wrong));
    }
    if !right.proved {
        return failure(&format!("right: {}", right.result()), said(right));
    }
    let Some(found) = &wrong.counter_example else {
        return failure(&format!("wrong: {}", wrong.result()), said(wrong));
    };
    let shown = packets(&found.sentence, &compilation);
    let shows = !shown.is_empty() && shown.iter().all(&attack.shows);
    if shows { None } else { failure("wrong: another counter-example", said(wrong)) }
}

impl Attack {
    /// The policy and its expectations, without rules around it.
    fn text(&self) -> String {
        let lines = self.policy.iter().chain([&self.right, &self.wrong]);
        lines.flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}

/// Every way to make attacks.
fn kinds() -> Vec<Kind> {
    let all = [
        fields::KINDS,
        interfaces::KINDS,
        icmp::KINDS,
        marks::KINDS,
        chains::KINDS,
        layers::KINDS,
        nat::KINDS,
        tracking::KINDS,
        blocks::KINDS,
    ];
    let only = std::env::var("CGWFW_KIND").unwrap_or_default();
    let kinds = all.iter().flat_map(|kinds| kinds.iter());
    kinds.filter(|kind| kind.name.contains(&only)).map(|kind| Kind { ..*kind }).collect()
}

#[test]
fn what_is_right_is_proved_and_what_is_wrong_by_one_value_is_refuted_by_it() {
    let (seed, count) = (support::number("CGWFW_SEED", 0), support::number("CGWFW_EXPECTATIONS", 10_000));
    let library = Library::built_in();
    let kinds = kinds();
    assert!(!kinds.is_empty(), "no kind of that name");
    // The shortest of each kind and of each way to fail, and how many.
    let mut failures: BTreeMap<(String, &str), (u64, String)> = BTreeMap::new();
    let attacks = count.div_ceil(2);
    for number in 0..attacks {
        let kind = &kinds[(number % kinds.len() as u64) as usize];
        let mut random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let made = (kind.make)(&mut random);
        let lines = noise::around(&made, count > 5_000, &mut random);
        let Some(mut failure) = attack(&made, &lines, &library) else { continue };
        if let Some(alone) = attack(&made, &made.policy, &library).filter(|alone| alone.what == failure.what) {
            failure = alone;
        }
        let (often, shortest) = failures.entry((failure.what, kind.name)).or_default();
        *often += 1;
        if shortest.is_empty() || failure.details.len() < shortest.len() {
            *shortest = failure.details;
        }
    }
    let mut texts: Vec<_> = failures.iter().collect();
    texts.sort_by_key(|((what, _), (_, details))| (what.clone(), details.len()));
    let texts = texts.iter().map(|((what, kind), (often, text))| format!("## {what}: {kind} ({often} times)\n{text}"));
    let texts: Vec<String> = texts.collect();
    let summary = format!("{} kinds, {} expectations", kinds.len(), attacks * 2);
    println!("{summary}");
    assert!(texts.is_empty(), "{summary}, {} ways to fail:\n\n{}", texts.len(), texts.join("\n"));
}
