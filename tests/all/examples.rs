//! The policies of `examples/`: clean, with exactly the expected files beside them, and what the kernel gives back.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support;
use crate::support::kernel;
use cgwfw::compile::{Compilation, compile};
use cgwfw::diagnostic::{self, Severity};
use cgwfw::expand::CompileOptions;
use cgwfw::expand::codes::ExpandError;
use cgwfw::expect;
use cgwfw::helm;
use cgwfw::iptables::meaning::Backend;
use cgwfw::iptables::ruleset::{Match, Rule, Target};
use cgwfw::language::values::ExpectedVerdict;
use cgwfw::net::Family;
use cgwfw::rule_file;
use cgwfw::snippet::library::Library;
use cgwfw::snippet::readme::examples;

fn policies() -> Vec<PathBuf> {
    support::policies("examples")
}

fn compiled(path: &Path) -> Compilation {
    compiled_with(path, CompileOptions::default())
}

fn compiled_with(path: &Path, options: CompileOptions) -> Compilation {
    let text = fs::read_to_string(path).expect("an example");
    compile(path, &text, &|path| fs::read_to_string(path), &Library::built_in(), options)
}

#[test]
fn every_example_is_clean_and_yields_the_files_beside_it() {
    let bless = std::env::var_os("CGWFW_BLESS").is_some();
    assert!(policies().len() >= 8);
    for path in policies() {
        let compilation = compiled(&path);
        let sources = &compilation.ast.sources;
        let worse = compilation.diagnostics.iter().filter(|report| report.severity > Severity::Note);
        let worse: Vec<String> = worse.map(|report| diagnostic::short(report, sources)).collect();
        assert!(worse.is_empty(), "{worse:#?}");
        let [v4, v6] = Family::BOTH.map(|family| rule_file::text(&compilation.ast, &compilation.rulesets[family]));
        let values = helm::values(&v4, &v6);
        for (extension, now) in [("iptables.rules", v4), ("ip6tables.rules", v6), ("values.yaml", values)] {
            let expected = path.with_extension(extension);
            if bless {
                fs::write(&expected, &now).expect("the expected file is written");
            }
            assert_eq!(fs::read_to_string(&expected).unwrap_or_default(), now, "{}", expected.display());
        }
    }
}

/// A search of ten thousand packets an expectation finds nothing, and each expectation is about some.
#[test]
fn the_expectations_of_every_example_hold() {
    for path in policies() {
        let compilation = compiled(&path);
        let checked: Vec<_> = expect::check(&compilation).collect();
        assert!(checked.len() >= 5, "{}: a few expectations", path.display());
        for one in checked {
            assert_eq!(one.report, None, "{}:{}", path.display(), one.statement.line);
            assert!(one.proved, "{}:{}: {}", path.display(), one.statement.line, one.result());
        }
    }
}

/// Each expectation of an example turned round fails: the search finds packets that show it.
#[test]
fn the_contrary_of_every_expectation_fails() {
    for path in policies() {
        let mut compilation = compiled(&path);
        for expectation in &mut compilation.policy.expectations {
            expectation.verdict = match expectation.verdict {
                ExpectedVerdict::Accept => ExpectedVerdict::Deny,
                _ => ExpectedVerdict::Accept,
            };
        }
        for one in expect::check(&compilation) {
            assert!(one.counter_example.is_some(), "{}:{}", path.display(), one.statement.line);
        }
    }
}

#[test]
fn values_are_yaml_that_reads_back_as_the_rule_files() {
    for path in policies() {
        let compilation = compiled(&path);
        let [v4, v6] = Family::BOTH.map(|family| rule_file::text(&compilation.ast, &compilation.rulesets[family]));
        let yaml = helm::values(&v4, &v6);
        let values: serde_json::Value = serde_saphyr::from_str(&yaml).expect("YAML");
        assert_eq!(values, serde_json::json!({"iptables": {"enabled": true, "ipv4Rules": v4, "ipv6Rules": v6}}));
    }
}

/// A policy that compiles: where it stands, and what it yields.
struct Subject {
    name: String,
    compilation: Compilation,
    /// Whether all of it is modelled: what is kept word for word need not come back in the same spelling.
    modelled: bool,
}

/// Everything that compiles in this checkout: the examples, the examples of the building blocks, and all cases, save
/// those that name a helper, which does not exist here.
fn everything() -> Vec<Subject> {
    let mut all: Vec<(String, Compilation)> = Vec::new();
    for path in policies() {
        all.push((path.display().to_string(), compiled(&path)));
    }
    for file in support::case_files() {
        let text = fs::read_to_string(&file).expect("a case file");
        for case in examples(&text) {
            all.push((format!("{}:{}", file.display(), case.line), support::compiled(&case)));
        }
    }
    let lacks = |compilation: &Compilation| {
        compilation.diagnostics.iter().any(|report| report.code == ExpandError::UnknownHelper.code())
    };
    all.retain(|(_, compilation)| !compilation.diagnostics.has_errors() && !lacks(compilation));
    let is_unknown = |rule: &Rule| {
        matches!(rule.target, Target::Unknown(_)) || rule.matches.iter().any(|m| matches!(m, Match::Unknown(_)))
    };
    let modelled = |compilation: &Compilation| {
        !compilation.rulesets.iter().flat_map(|ruleset| &ruleset.tables).flat_map(|table| &table.rules).any(is_unknown)
    };
    all.into_iter().map(|(name, compilation)| Subject { modelled: modelled(&compilation), name, compilation }).collect()
}

/// With the sentences in `-m comment`: every rule that decides has one, and the kernel gives them back.
#[test]
fn sentences_as_comments_of_their_rules_are_loaded_too() {
    let options = CompileOptions { rule_comments: true, ..CompileOptions::default() };
    let compilations: Vec<Compilation> = policies().iter().map(|path| compiled_with(path, options)).collect();
    for family in Family::BOTH {
        let texts: Vec<String> = compilations
            .iter()
            .map(|compilation| rule_file::text(&compilation.ast, &compilation.rulesets[family]))
            .collect();
        for line in texts.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("-A ")) {
            assert!(line.contains(" -m comment --comment "), "{line}");
        }
        if !kernel::require() {
            continue;
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for backend in [Backend::Nft, Backend::Legacy] {
            for (text, saved) in texts.iter().zip(kernel::load_many(backend, family, &texts)) {
                let same = saved.and_then(|saved| kernel::same_rules(text, &saved));
                assert_eq!(same, Ok(()), "{} {}", family.name(), backend.name());
            }
        }
    }
}

#[test]
fn the_kernel_takes_every_ruleset_and_gives_the_same_rules_back() {
    if !kernel::require() {
        return;
    }
    let everything = everything();
    let mut failures = Vec::new();
    for family in Family::BOTH {
        let texts: Vec<String> = everything
            .iter()
            .map(|subject| rule_file::text(&subject.compilation.ast, &subject.compilation.rulesets[family]))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for backend in [Backend::Nft, Backend::Legacy] {
            let saved = kernel::load_many(backend, family, &texts);
            let loaded = everything.iter().zip(&texts).zip(saved).filter(|((_, text), _)| kernel::has_sets(text));
            for ((subject, text), saved) in loaded {
                let same =
                    saved.and_then(|saved| if subject.modelled { kernel::same_rules(text, &saved) } else { Ok(()) });
                if let Err(difference) = same {
                    failures.push(format!("{} ({}, {}): {difference}", subject.name, family.name(), backend.name()));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), everything.len() * 4, failures.join("\n"));
}
