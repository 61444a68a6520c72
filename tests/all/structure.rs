//! The structure of the crate: modules use only floors below them, every code has a case, every example is tested.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support;

use cgwfw::explain::CODES;

use self::imports::{Crate, Segments};

/// The floor of each module; the longest prefix of a path counts.
const FLOORS: &[(&str, u8)] = &[
    ("net", 0),
    ("parallel", 1),
    ("source", 0),
    ("services", 1),
    ("diagnostic", 10),
    ("language", 14),
    ("iptables", 10),
    ("iptables::ruleset", 11),
    ("iptables::packet", 12),
    ("iptables::rate", 12),
    ("iptables::hooks", 12),
    ("iptables::fault", 12),
    ("iptables::text", 13),
    ("iptables::problem", 13),
    ("iptables::extension", 15),
    ("syntax", 20),
    ("explain", 20),
    ("iptables::meaning", 20),
    ("iptables::parse", 21),
    ("iptables::print", 22),
    ("iptables::check", 30),
    ("format", 30),
    ("policy", 30),
    ("snippet", 30),
    ("way", 30),
    ("sentence", 35),
    ("log", 40),
    ("rule_file", 40),
    ("resolve", 40),
    ("simulate", 40),
    ("expand", 50),
    ("traffic", 51),
    ("analyze", 52),
    ("compile", 60),
    ("origin", 61),
    ("source_map", 62),
    ("helm", 61),
    ("lint", 70),
    ("trace", 70),
    ("expect", 70),
    ("query", 70),
    ("diff", 71),
    ("parity", 71),
    ("example", 71),
    ("host", 80),
    ("lsp", 90),
    ("cli", 100),
];

/// Where single matches (`Match::X`) are named: the model, their meaning, the rows of the extensions, and what makes them
/// from a sentence.
const NAMES_MATCHES: &[&str] = &["iptables::ruleset", "iptables::meaning", "iptables::extension", "expand::fill"];

/// The only modules that read, write, or ask for the time.
const DOES_IO: &[&str] = &["cli", "lsp", "host"];

fn is_below(module: &str, parent: &str) -> bool {
    module == parent || module.starts_with(&format!("{parent}::"))
}

fn floor(module: &str) -> (&'static str, u8) {
    let floor = FLOORS.iter().filter(|(name, _)| is_below(module, name)).max_by_key(|(name, _)| name.len());
    *floor.unwrap_or_else(|| panic!("{module} has no floor: add it to FLOORS"))
}

fn read() -> Crate {
    Crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
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

#[test]
fn modules_use_only_floors_below_them() {
    let sources = read();
    let mut wrong = BTreeSet::new();
    for file in sources.files.values().filter(|file| !file.module.is_empty()) {
        let (own, own_floor) = floor(&file.name());
        for used in sources.imports(file).into_iter().map(|module| module.join("::")) {
            let (other, other_floor) = floor(&used);
            if other != own && other_floor >= own_floor {
                wrong.insert((file.name(), used));
            }
        }
    }
    assert!(wrong.is_empty(), "imports of a floor that is not below: {wrong:#?}");
}

#[test]
fn the_floors_of_the_documentation_are_those_that_are_checked() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("part of the checkout");
    let mut documented = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let Some((Ok(floor), modules)) = line.split_once(" | ").map(|(floor, rest)| (floor.parse::<u8>(), rest)) else {
            continue;
        };
        documented.extend(modules.split('`').skip(1).step_by(2).map(|module| (module.to_owned(), floor)));
    }
    let whole = FLOORS.iter().map(|(module, _)| *module).filter(|module| !module.starts_with("iptables"));
    let missing: Vec<_> = whole.filter(|module| !documented.contains_key(*module)).collect();
    assert!(missing.is_empty(), "src/lib.rs does not show {missing:?}");
    let checked: BTreeMap<&str, u8> = FLOORS.iter().map(|&(module, floor)| (module, floor / 10)).collect();
    for (module, floor) in &documented {
        assert_eq!(checked.get(module.as_str()), Some(floor), "the floor of `{module}` in src/lib.rs");
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let sources = read();
    let circles = sources.circles();
    for (module, imports) in &circles {
        let imports: Vec<_> = imports.iter().map(|module| module.join("::")).collect();
        eprintln!("{} imports {}, and they import it", module.join("::"), imports.join(", "));
    }
    assert!(circles.is_empty(), "{} files import each other in circles", circles.len());
}

#[test]
fn single_matches_are_named_in_one_place() {
    let mut wrong = BTreeSet::new();
    for file in read().files.values() {
        let is_single = |path: &Segments| {
            path.windows(2).any(|two| two[0] == "Match" && two[1].starts_with(|c: char| c.is_uppercase() || c == '*'))
        };
        let is_at_home = NAMES_MATCHES.iter().any(|home| is_below(&file.name(), home));
        if !is_at_home && file.named().any(|path| is_single(&path)) {
            wrong.insert(file.name());
        }
    }
    assert!(wrong.is_empty(), "single matches are named in {wrong:#?}");
}

#[test]
fn only_the_command_line_and_the_server_read_and_write() {
    let wrong = ["fs", "process", "env", "time"].map(|module| vec!["std".to_owned(), module.to_owned()]);
    let streams = ["stdin", "stdout", "stderr"].map(|name| ["std", "io", name].map(str::to_owned).to_vec());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in read().files.values() {
        if DOES_IO.iter().any(|module| is_below(&file.name(), module)) {
            continue;
        }
        for path in file.named() {
            let is_io = wrong.iter().chain(&streams).any(|wrong| path.starts_with(wrong));
            assert!(!is_io, "{} uses {}", file.name(), path.join("::"));
        }
        let name = if file.module.is_empty() { "lib".to_owned() } else { file.module.join("/") };
        let text = fs::read_to_string(root.join(name).with_extension("rs")).expect("a source file");
        for word in ["print!(", "println!(", "dbg!("] {
            assert!(!text.contains(word), "{} uses {word}…)", file.name());
        }
    }
}

#[test]
fn a_name_is_that_of_one_type() {
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in read().files.values() {
        for name in &file.types {
            // Each subcommand has arguments of its own.
            if !(is_below(&file.name(), "cli") && name == "Arguments") {
                homes.entry(name.clone()).or_default().push(file.name());
            }
        }
    }
    homes.retain(|_, homes| homes.len() > 1);
    assert!(homes.is_empty(), "declared in several files: {homes:#?}");
}

#[test]
fn the_tested_toolchain_is_named_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(root.join(name)).expect("a file of the checkout");
    let value = |text: &str, key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{key} = \"")).map(str::to_owned));
        line.and_then(|rest| rest.split('"').next().map(str::to_owned)).unwrap_or_else(|| panic!("no {key}"))
    };
    let (tested, oldest) = (value(&read("rust-toolchain.toml"), "channel"), value(&read("Cargo.toml"), "rust-version"));
    assert!(tested.starts_with(&format!("{oldest}.")), "tested with {tested}, and Cargo.toml says {oldest}");
}

#[test]
fn limits_are_called_max() {
    for file in read().files.values() {
        for name in &file.declared {
            let mut words = name.split('_');
            let is_other = name.ends_with("_MAX")
                || words.any(|word| ["MOST", "LARGEST", "DEEPEST", "LONGEST", "HIGHEST", "BIGGEST"].contains(&word));
            assert!(!is_other, "{}: a limit is called MAX_…, and not {name}", file.name());
        }
    }
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
    let missing: Vec<_> = CODES.iter().copied().filter(|code| !seen.contains(code)).collect();
    assert!(missing.is_empty(), "codes without a case: {missing:#?}");
}

#[test]
fn codes_are_unique() {
    let mut codes = CODES.to_vec();
    codes.sort_unstable();
    let before = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), before);
}
