//! What several test programs share: cases in Markdown, and their comparison with what the compiler does.

#![expect(dead_code, reason = "each test program uses a part of it")]

pub mod kernel;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::Path;

use cgwfw::compile::{Compilation, compile};
use cgwfw::diagnostic::{self, Severity, Style};
use cgwfw::expand::Options;
use cgwfw::iptables::print::rule_line;
use cgwfw::iptables::ruleset::Ruleset;
use cgwfw::net::Family;
use cgwfw::snippet::library::Library;
use cgwfw::snippet::readme::{Example, examples};

/// The name of a case's policy in diagnostics.
pub const POLICY: &str = "policy.cgwfw";

/// Compiles the policy of a case; its `file NAME` fences can be included. A case without a default gets `default drop`.
pub fn compiled(example: &Example) -> Compilation {
    let has_default = example.policy.lines().any(|line| line.trim_start().starts_with("default"));
    let keeps = example.expected("no-default").is_some();
    let text = if has_default || keeps { example.policy.clone() } else { format!("{}default drop\n", example.policy) };
    let files: BTreeMap<&str, &str> = example
        .expected
        .iter()
        .filter_map(|(language, text)| Some((language.strip_prefix("file ")?, text.as_str())))
        .collect();
    let read = |path: &Path| {
        let text = path.to_str().and_then(|path| files.get(path));
        text.map(|text| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
    };
    let mut compilation = compile(Path::new(POLICY), &text, &read, &Library::built_in(), Options::default());
    cgwfw::helm::check(&mut compilation);
    compilation
}

/// The rules of a ruleset as the fences show them: rule lines, own chains, table headers where needed.
pub fn fence(ruleset: &Ruleset) -> String {
    let mut tables: Vec<_> = ruleset.tables.iter().filter(|table| !table.rules.is_empty()).collect();
    tables.sort_by_key(|table| table.name);
    let mut out = String::new();
    for table in &tables {
        if tables.len() > 1 || table.name.name() != "filter" {
            writeln!(out, "*{}", table.name.name()).expect("a String takes all");
        }
        let mut own: Vec<&str> =
            table.chains.iter().skip(table.name.built_in_chains().len()).map(|chain| &*chain.name).collect();
        own.sort_unstable();
        for chain in own {
            writeln!(out, ":{chain} - [0:0]").expect("a String takes all");
        }
        for rule in &table.rules {
            let chain = &table.chains[usize::from(rule.chain.0)].name;
            writeln!(out, "{}", rule_line(chain, rule, ruleset.family)).expect("a String takes all");
        }
    }
    out
}

/// The diagnostics of a case, one line each; notes only where `notes` is set.
pub fn short(compilation: &Compilation, notes: bool) -> String {
    let shown = compilation.diagnostics.iter().filter(|report| notes || report.severity != Severity::Note);
    shown
        .map(|report| diagnostic::short(report, &compilation.ast.sources).replacen("policy.cgwfw:", "", 1) + "\n")
        .collect()
}

/// The full rendering of all diagnostics, without colour.
pub fn rendered(compilation: &Compilation) -> String {
    let style = Style { color: false, unicode: true, width: 100 };
    let all = compilation.diagnostics.iter().map(|report| diagnostic::human(report, &compilation.ast.sources, style));
    // Lines without trailing blanks: editors remove them from Markdown.
    let text: String = all.collect::<Vec<_>>().join("\n");
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// What each fence of a case must hold.
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

/// Runs all cases of a Markdown file. With `CGWFW_BLESS` set, the fences are rewritten for review instead.
pub fn run_cases(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let cases = examples(&text);
    if cases.is_empty() {
        return Err(format!("{}: no case in it", path.display()));
    }
    let bless = std::env::var_os("CGWFW_BLESS").is_some();
    let mut failures = String::new();
    let mut blessed = text.clone();
    for case in &cases {
        let compilation = compiled(case);
        let mut checked = 0;
        for (language, expected) in &case.expected {
            let Some(actual) = actual(language, &compilation) else { continue };
            checked += 1;
            if actual == *expected {
                continue;
            }
            if bless {
                let fence = |body: &str| format!("```{language}\n{body}```");
                let start = line_offset(&blessed, case, &cases);
                let tail = blessed[start..].replacen(&fence(expected), &fence(&actual), 1);
                blessed.truncate(start);
                blessed.push_str(&tail);
                continue;
            }
            let place = format!("{}:{}", path.display(), case.line);
            write!(
                failures,
                "\n{place}: {}\n  {language} expected:\n{expected}  {language} now:\n{actual}",
                case.title
            )
            .expect("a String takes all");
        }
        let quiet = case.expected("diagnostics").is_none() && case.expected("rendered").is_none();
        if quiet && compilation.diagnostics.has_errors() {
            write!(
                failures,
                "\n{}:{}: {}: errors\n{}",
                path.display(),
                case.line,
                case.title,
                short(&compilation, false)
            )
            .expect("a String takes all");
        }
        if checked == 0 {
            write!(failures, "\n{}:{}: {}: the case expects nothing", path.display(), case.line, case.title)
                .expect("a String takes all");
        }
    }
    if bless && blessed != text {
        std::fs::write(path, blessed).map_err(|error| error.to_string())?;
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

/// Where a case's policy stands in the text that is being rewritten.
fn line_offset(blessed: &str, case: &Example, cases: &[Example]) -> usize {
    let fence = format!("```cgwfw\n{}```", case.policy);
    let earlier =
        cases.iter().take_while(|other| other.line < case.line).filter(|other| other.policy == case.policy).count();
    blessed.match_indices(&fence).nth(earlier).map_or(0, |(at, _)| at + fence.len())
}

/// The Markdown files with cases: those of the tests and those of the building blocks.
pub fn case_files() -> Vec<std::path::PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join("tests/cases"), root.join("snippets")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is part of the checkout") {
            let path = entry.expect("an entry of the folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
