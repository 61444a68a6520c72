//! The structure of the crate: modules use only floors below them, every code has a case, every example is tested.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cgwfw::compile::checks::PolicyWarning;
use cgwfw::expand::ExpandError;
use cgwfw::expect::ExpectError;
use cgwfw::helm::HelmWarning;
use cgwfw::resolve::ResolveError;
use cgwfw::snippet::library::SnippetError;
use cgwfw::syntax::SyntaxError;
use cgwfw::traffic::TrafficError;

/// The floor of each module; the longest prefix of a path counts.
const FLOORS: &[(&str, u8)] = &[
    ("net", 0),
    ("parallel", 0),
    ("source", 0),
    ("services", 0),
    ("diagnostic", 1),
    ("explain", 2),
    ("iptables::ruleset", 1),
    ("syntax", 2),
    ("iptables", 2),
    ("snippet", 2),
    ("policy", 3),
    ("format", 3),
    ("resolve", 4),
    ("sentence", 5),
    ("expand", 5),
    ("compile", 6),
    ("simulate", 6),
    ("helm", 7),
    ("source_map", 7),
    ("traffic", 7),
    ("trace", 8),
    ("expect", 8),
    ("example", 9),
    ("files", 9),
    ("lsp", 10),
    ("cli", 11),
];

fn floor(module: &str) -> Option<(&'static str, u8)> {
    let matching = FLOORS.iter().filter(|(name, _)| module == *name || module.starts_with(&format!("{name}::")));
    matching.max_by_key(|(name, _)| name.len()).copied()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is part of the checkout") {
        let path = entry.expect("an entry of the folder").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The modules that a file names as `crate::…`: one for each use, groups taken apart at their first level.
fn uses(text: &str) -> Vec<String> {
    text.match_indices("crate::")
        .filter(|(at, _)| !text[..*at].ends_with('$'))
        .flat_map(|(at, word)| {
            let rest = &text[at + word.len()..];
            let path: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
            let tail = &rest[path.len()..];
            match tail.strip_prefix('{').filter(|_| path.ends_with("::")) {
                Some(group) => {
                    let group = group.split('}').next().unwrap_or_default();
                    group.split(',').map(|name| format!("{path}{}", name.trim())).collect()
                }
                None => vec![path],
            }
        })
        .collect()
}

#[test]
fn modules_use_only_floors_below_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in sources(&root) {
        let relative = file.strip_prefix(&root).expect("below the root").with_extension("");
        let module = relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("::");
        if module == "lib" || module == "main" {
            continue;
        }
        let (own, own_floor) = floor(&module).unwrap_or_else(|| panic!("{module} has no floor: add it to FLOORS"));
        let text = fs::read_to_string(&file).expect("a source file");
        for used in uses(&text) {
            if let Some((other, other_floor)) = floor(&used)
                && other != own
                && other_floor >= own_floor
                && !(own.starts_with("iptables") && other.starts_with("iptables"))
            {
                wrong.push(format!("{module} (floor {own_floor}) uses {used} (floor {other_floor})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_command_line_reads_and_writes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&root) {
        let relative = file.strip_prefix(&root).expect("below the root");
        if ["cli", "lsp", "files"].iter().any(|name| relative.with_extension("").starts_with(name)) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source file");
        for word in ["std::fs", "std::process", "std::env", "io::stdin", "io::stdout", "println!", "std::time"] {
            assert!(!text.contains(word) || relative == Path::new("main.rs"), "{} uses {word}", relative.display());
        }
    }
}

fn all_codes() -> Vec<&'static str> {
    let syntax = SyntaxError::ALL.iter().map(|code| code.code());
    let resolve = ResolveError::ALL.iter().map(|code| code.code());
    let expand = ExpandError::ALL.iter().map(|code| code.code());
    let policy = PolicyWarning::ALL.iter().map(|code| code.code());
    let snippet = SnippetError::ALL.iter().map(|code| code.code());
    let helm = HelmWarning::ALL.iter().map(|code| code.code());
    let traffic = TrafficError::ALL.iter().map(|code| code.code());
    let expect = ExpectError::ALL.iter().map(|code| code.code());
    let compiled = syntax.chain(resolve).chain(expand).chain(policy).chain(helm).chain(snippet);
    compiled.chain(traffic).chain(expect).collect()
}

#[test]
fn every_code_has_a_case_and_every_report_a_help() {
    let mut seen = BTreeSet::new();
    for file in support::case_files() {
        let text = fs::read_to_string(&file).expect("a case file");
        for case in cgwfw::snippet::readme::examples(&text) {
            if !["diagnostics", "notes", "rendered"].iter().any(|fence| case.expected(fence).is_some()) {
                continue;
            }
            for report in support::compiled(&case).diagnostics.iter() {
                seen.insert(report.code);
                assert!(!report.help.trim().is_empty(), "{}: no help", report.code);
                assert!(!report.label.text.trim().is_empty(), "{}: no label", report.code);
                assert!(!report.message.ends_with('.'), "{}: a full stop", report.code);
                let explained = cgwfw::explain::find(report.code).expect("an explanation");
                assert!(report.severity == explained.severity || text.contains("\nlint "), "{}", report.code);
            }
        }
    }
    let missing: Vec<_> = all_codes().into_iter().filter(|code| !seen.contains(code)).collect();
    assert!(missing.is_empty(), "codes without a case: {missing:#?}");
}

#[test]
fn codes_are_unique() {
    let mut codes = all_codes();
    codes.sort_unstable();
    let before = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), before);
}
