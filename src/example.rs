//! Runs the examples of a README: a policy, and what it must yield.
//! Input: an `Example` and a library. Output: its compilation, and the fences that say something else than it does.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::Path;

use crate::compile::{Compilation, compile};
use crate::diagnostic::{self, Diagnostics, Severity, Style};
use crate::expand::CompileOptions;
use crate::expect;
use crate::helm;
use crate::iptables::print::rule_line;
use crate::iptables::ruleset::Ruleset;
use crate::lint;
use crate::policy::Declarations;
use crate::simulate::{By, Decision, Loaded, decide};
use crate::snippet::library::Library;
use crate::snippet::readme::Example;
use crate::source::Sources;
use crate::syntax;
use crate::traffic::one::{Described, all_described};

/// The name of an example's packets in diagnostics.
const PACKETS: &str = "packets";

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
        compile(Path::new(POLICY), &text, &read, library, CompileOptions { notes: true, ..CompileOptions::default() });
    lint::check(&mut compilation, true);
    helm::check(&mut compilation);
    if let Some(text) = example.expected("packets") {
        let Compilation { ast, declarations, diagnostics, .. } = &mut compilation;
        let (sources, _) = packets(&ast.sources, declarations, text, diagnostics);
        ast.sources = sources;
    }
    if example.expected("test").is_some() {
        let reports: Vec<_> = expect::check(&compilation).filter_map(|checked| checked.report).collect();
        reports.into_iter().for_each(|report| compilation.diagnostics.push(report));
    }
    compilation
}

/// The packets of a `packets` fence, in the terms of a policy, and the sources that reports about them point into.
fn packets(
    sources: &Sources,
    declarations: &Declarations,
    fence: &str,
    diagnostics: &mut Diagnostics,
) -> (Sources, Vec<Described>) {
    // The same columns as in the fence, without what is expected.
    let sentences: String = fence.lines().map(|line| format!("{}\n", sentence(line))).collect();
    let ast = syntax::beside(sources, PACKETS, &sentences, diagnostics);
    let packets = all_described(&ast, declarations, diagnostics);
    (ast.sources, packets)
}

/// The traffic sentence of a line `SENTENCE => FATE`.
fn sentence(line: &str) -> &str {
    line.split_once("=>").map_or(line, |(sentence, _)| sentence)
}

/// The lines of a `packets` fence with the fates that their packets meet.
fn fates(compilation: &Compilation, fence: &str) -> String {
    let loaded = compilation.rulesets.each_ref().map(Loaded::new);
    let line = |line: &str| {
        if sentence(line).trim().is_empty() || line.starts_with('#') {
            return format!("{line}\n");
        }
        let (sources, declarations) = (&compilation.ast.sources, &compilation.declarations);
        let (_, packets) = packets(sources, declarations, line, &mut Diagnostics::default());
        let fate = |described: &Described| {
            let loaded = &loaded[described.packet.family()];
            let decisions = decide(loaded, &described.packet, described.assumptions);
            decisions.found.iter().map(|decision| fate(*decision, loaded.ruleset)).collect::<Vec<_>>().join(" or ")
        };
        let fates: Vec<String> = packets.iter().map(fate).collect();
        let all = match &fates[..] {
            [first, rest @ ..] if rest.iter().all(|fate| fate == first) => first.clone(),
            _ => {
                let named = packets.iter().zip(&fates);
                let named = named.map(|(described, fate)| format!("{} {fate}", described.packet.family().keyword()));
                named.collect::<Vec<_>>().join(" | ")
            }
        };
        format!("{} => {}\n", sentence(line).trim_end(), if all.is_empty() { "none" } else { &all })
    };
    fence.lines().map(line).collect()
}

/// A decision in a fence: the verdict, and the rule or the policy.
fn fate(decision: Decision, ruleset: &Ruleset) -> String {
    let by = match decision.by {
        By::Rule(place) => {
            place.look_up(ruleset).map_or(String::new(), |(table, rule)| rule_line(table, rule, ruleset.family))
        }
        By::Policy(_, hook) => format!("policy {}", hook.chain()),
        By::Kernel(_) => "kernel".to_owned(),
    };
    format!("{} {by}", decision.verdict.name())
}

/// The results of the expectations, a line each.
fn results(compilation: &Compilation) -> String {
    let line = |checked: expect::Checked| match (&checked.counter_example, &checked.report) {
        (Some(found), _) => {
            let by = found.rule.clone().unwrap_or_else(|| "policy".into());
            format!("{}: {} => {} {by}\n", checked.statement.line, found.sentence, found.decision.verdict.name())
        }
        (None, Some(_)) => format!("{}: over no packet\n", checked.statement.line),
        (None, None) => format!("{}: {}\n", checked.statement.line, checked.result()),
    };
    expect::check(compilation).map(line).collect()
}

/// The fences of an example that say something else than its compilation; `None` where it expects nothing at all.
/// Errors that no fence expects are a difference too.
pub fn differences(example: &Example, compilation: &Compilation) -> Option<Vec<Difference>> {
    let checked = example.expected.iter().filter_map(|(language, expected)| {
        Some((language.clone(), expected.clone(), actual(language, expected, compilation)?))
    });
    let checked: Vec<_> = checked.collect();
    if checked.is_empty() {
        return None;
    }
    let mut differences: Vec<Difference> = checked
        .into_iter()
        .filter(|(_, expected, actual)| expected != actual)
        .map(|(language, expected, actual)| Difference { language, expected, actual })
        .collect();
    // A family is not left out in silence: a fence that is not there says that there are no rules.
    for (there, missing) in [("iptables", "ip6tables"), ("ip6tables", "iptables")] {
        if example.expected(there).is_some() && example.expected(missing).is_none() {
            let actual = actual(missing, "", compilation).unwrap_or_default();
            if !actual.is_empty() {
                differences.push(Difference { language: missing.to_owned(), expected: String::new(), actual });
            }
        }
    }
    let expects_errors = ["diagnostics", "notes", "rendered"].iter().any(|fence| example.expected(fence).is_some());
    if !expects_errors && compilation.diagnostics.has_errors() {
        let (language, actual) = ("diagnostics".to_owned(), short(compilation, false));
        differences.push(Difference { language, expected: String::new(), actual });
    }
    Some(differences)
}

/// What a fence must hold, given what it holds.
fn actual(language: &str, text: &str, compilation: &Compilation) -> Option<String> {
    Some(match language {
        "iptables" => fence(&compilation.rulesets.v4),
        "ip6tables" => fence(&compilation.rulesets.v6),
        "diagnostics" => short(compilation, false),
        "notes" => short(compilation, true),
        "rendered" => rendered(compilation),
        "packets" => fates(compilation, text),
        "test" => results(compilation),
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
            let _ = writeln!(out, "{}", rule_line(table, rule, ruleset.family));
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
