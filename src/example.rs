//! Runs the examples of a README: a policy, and what it must yield.
//! Input: an `Example` and a library. Output: its compilation, and the fences that say something else than it does.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::Path;

use crate::compile::{Compilation, compile};
use crate::diagnostic::{self, Severity, Style};
use crate::expand::Options;
use crate::helm;
use crate::iptables::print::rule_line;
use crate::iptables::ruleset::Ruleset;
use crate::net::Family;
use crate::snippet::library::Library;
use crate::snippet::readme::Example;

/// The name of an example's policy in diagnostics.
pub const POLICY: &str = "policy.cgwfw";

/// A fence that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The language of the fence.
    pub language: String,
    /// What it says.
    pub expected: String,
    /// What is so.
    pub actual: String,
}

/// Compiles the policy of an example. Its `file NAME` fences can be included; without a `default` sentence it gets
/// `default drop`, unless a `no-default` fence says otherwise.
pub fn compiled(example: &Example, library: &Library) -> Compilation {
    let has_default = example.policy.lines().any(|line| line.trim_start().starts_with("default"));
    let keeps = example.expected("no-default").is_some();
    let text = if has_default || keeps { example.policy.clone() } else { format!("{}default drop\n", example.policy) };
    let fences = example.expected.iter();
    let files: BTreeMap<&str, &str> =
        fences.filter_map(|(language, text)| Some((language.strip_prefix("file ")?, text.as_str()))).collect();
    let read = |path: &Path| {
        let text = path.to_str().and_then(|path| files.get(path));
        text.map(|text| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
    };
    let mut compilation =
        compile(Path::new(POLICY), &text, &read, library, Options { notes: true, ..Options::default() });
    helm::check(&mut compilation);
    compilation
}

/// The fences of an example that say something else than its compilation; `None` where it expects nothing at all.
/// Errors that no fence expects are a difference too.
pub fn differences(example: &Example, compilation: &Compilation) -> Option<Vec<Difference>> {
    let actual = example
        .expected
        .iter()
        .filter_map(|(language, expected)| Some((language.clone(), expected.clone(), actual(language, compilation)?)));
    let checked: Vec<_> = actual.collect();
    if checked.is_empty() {
        return None;
    }
    let mut differences: Vec<Difference> = checked
        .into_iter()
        .filter(|(_, expected, actual)| expected != actual)
        .map(|(language, expected, actual)| Difference { language, expected, actual })
        .collect();
    let expects_errors = ["diagnostics", "notes", "rendered"].iter().any(|fence| example.expected(fence).is_some());
    if !expects_errors && compilation.diagnostics.has_errors() {
        let (language, actual) = ("diagnostics".to_owned(), short(compilation, false));
        differences.push(Difference { language, expected: String::new(), actual });
    }
    Some(differences)
}

/// What a fence must hold.
fn actual(language: &str, compilation: &Compilation) -> Option<String> {
    Some(match language {
        "iptables" => fence(&compilation.rulesets[Family::V4.index()]),
        "ip6tables" => fence(&compilation.rulesets[Family::V6.index()]),
        "diagnostics" => short(compilation, false),
        "notes" => short(compilation, true),
        "rendered" => rendered(compilation),
        _ => return None,
    })
}

/// The rules of a ruleset as fences show them: rule lines, own chains, table headers where needed.
pub fn fence(ruleset: &Ruleset) -> String {
    let mut tables: Vec<_> = ruleset.tables.iter().filter(|table| !table.rules.is_empty()).collect();
    tables.sort_by_key(|table| table.name);
    let mut out = String::new();
    for table in &tables {
        // Writing to a String cannot fail.
        if tables.len() > 1 || table.name.name() != "filter" {
            let _ = writeln!(out, "*{}", table.name.name());
        }
        let mut own: Vec<&str> =
            table.chains.iter().skip(table.name.built_in_chains().len()).map(|chain| &*chain.name).collect();
        own.sort_unstable();
        for chain in own {
            let _ = writeln!(out, ":{chain} - [0:0]");
        }
        for rule in &table.rules {
            let chain = &table.chains[rule.chain.0 as usize].name;
            let _ = writeln!(out, "{}", rule_line(chain, rule, ruleset.family));
        }
    }
    out
}

/// The diagnostics, one line each, those of the policy without its name; notes only on request.
pub fn short(compilation: &Compilation, notes: bool) -> String {
    let shown = compilation.diagnostics.iter().filter(|report| notes || report.severity != Severity::Note);
    let line = |report| {
        let line = diagnostic::short(report, &compilation.ast.sources);
        line.strip_prefix(POLICY).and_then(|line| line.strip_prefix(':')).unwrap_or(&line).to_owned() + "\n"
    };
    shown.map(line).collect()
}

/// The full rendering of all diagnostics, without colour and without trailing blanks.
pub fn rendered(compilation: &Compilation) -> String {
    let style = Style { color: false, unicode: true, width: 100 };
    let all = compilation.diagnostics.iter().map(|report| diagnostic::human(report, &compilation.ast.sources, style));
    let text: String = all.collect::<Vec<_>>().join("\n");
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}
