//! The reader, the writer and the checks against a real kernel: what they take it takes, what they print it gives back.

use std::fmt::Write as _;

use crate::support;
use crate::support::generate::Random;
use crate::support::kernel::{self, Backend};
use cgwfw::iptables::{check, parse, print};
use cgwfw::net::Family;

/// One line of `tests/rules/*.txt`.
struct Entry {
    place: String,
    text: String,
    file: String,
    nft: bool,
    legacy: bool,
    ours: bool,
    same: bool,
}

/// The lines of all files for the family, by their names.
fn entries(family: Family) -> Vec<Entry> {
    let folder = format!("{}/tests/rules", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).expect("the lists of rules").map(|entry| entry.expect("an entry").path());
    let name = |path: &std::path::PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut files: Vec<_> = files.filter(|path| name(path).starts_with(family.keyword())).collect();
    files.sort();
    let mut entries = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a list of rules");
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (mark, rest) = match line.split_once(' ') {
                Some((mark @ ("!" | "!nft" | "!legacy" | "!cgwfw" | "~"), rest)) => (mark, rest),
                _ => ("", line),
            };
            let (table, rule) = rest.split_once(": ").expect("`table: rule`");
            let body = rule.replace(" ;; ", "\n");
            entries.push(Entry {
                place: format!("{}:{}", name(&file), index + 1),
                text: rest.to_string(),
                file: format!("*{table}\n:own - [0:0]\n:own2 - [0:0]\n{body}\nCOMMIT\n"),
                nft: matches!(mark, "" | "!legacy" | "!cgwfw" | "~"),
                legacy: matches!(mark, "" | "!nft" | "!cgwfw" | "~"),
                ours: matches!(mark, "" | "~"),
                same: mark.is_empty(),
            });
        }
    }
    entries
}

/// What we make of a file: its canonical text, or why it is refused.
fn ours(file: &str, family: Family) -> Result<String, String> {
    let (ruleset, faults) = parse::file(file, family);
    if let Some((line, fault)) = faults.first() {
        assert!(!fault.help.is_empty(), "a help for {fault:?}");
        return Err(format!("line {line}: {}", fault.message));
    }
    for (_, _, problem) in check::check_ruleset(&ruleset) {
        assert!(!problem.help.is_empty(), "a help for {problem:?}");
        if problem.refused {
            return Err(problem.message);
        }
    }
    Ok(print::print(&ruleset, None))
}

fn differential(family: Family) {
    if !kernel::require() {
        return;
    }
    let entries = entries(family);
    let printed: Vec<_> = entries.iter().map(|entry| ours(&entry.file, family)).collect();
    let mut failures = String::new();
    for backend in Backend::BOTH {
        let files: Vec<&str> = entries.iter().map(|entry| entry.file.as_str()).collect();
        let saved = kernel::load_many(backend, family, &files);
        let texts: Vec<&str> = printed.iter().map(|printed| printed.as_deref().unwrap_or("")).collect();
        let again = kernel::load_many(backend, family, &texts);
        for (((entry, printed), saved), again) in entries.iter().zip(&printed).zip(&saved).zip(&again) {
            let mut fail = |what: &str, detail: &str| {
                let _ = writeln!(failures, "{} {}: `{}`: {what}\n{detail}", backend.name(), entry.place, entry.text);
            };
            let expected = if backend == Backend::Nft { entry.nft } else { entry.legacy };
            match (expected, saved) {
                (true, Err(error)) => fail("the kernel refuses it", error),
                (false, Ok(saved)) => fail("the kernel takes it", saved),
                _ => {}
            }
            match printed {
                Ok(_) if !entry.ours => fail("we take it", ""),
                Ok(printed) => {
                    if let (true, Ok(saved)) = (entry.same, saved) {
                        let _ = kernel::same_rules(printed, saved).map_err(|diff| fail("saved otherwise", &diff));
                    }
                    match again {
                        Ok(again) if entry.same => {
                            let _ = kernel::same_rules(printed, again).map_err(|diff| fail("not canonical", &diff));
                        }
                        Ok(_) => {}
                        Err(error) => fail("the kernel refuses what we print", error),
                    }
                }
                Err(error) if entry.ours => fail("we refuse it", error),
                Err(_) => {}
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn ipv4_rules_are_read_as_the_kernel_reads_them() {
    differential(Family::V4);
}

#[test]
fn ipv6_rules_are_read_as_the_kernel_reads_them() {
    differential(Family::V6);
}

/// Every extension that is installed has a table of its options.
#[test]
fn every_installed_extension_is_known() {
    let folder = "/usr/lib/x86_64-linux-gnu/xtables";
    let Ok(files) = std::fs::read_dir(folder) else {
        return support::skip(&format!("{folder} is not there"));
    };
    let known: Vec<_> = parse::match_names().chain(parse::target_names()).collect();
    for file in files {
        let file = file.expect("an entry").file_name().to_string_lossy().into_owned();
        let name = ["libxt_", "libipt_", "libip6t_"].iter().find_map(|start| file.strip_prefix(start));
        let Some(name) = name.and_then(|name| name.strip_suffix(".so")) else { continue };
        // `standard` is the verdicts, `NAT` the targets of that table.
        assert!(matches!(name, "standard" | "NAT") || known.contains(&name), "{name} has no table");
    }
}

/// Lines with a few characters changed, dropped or doubled: none may end the program, and what is read must print to
/// something that is read as the same.
#[test]
fn mangled_lines_are_read_or_refused() {
    let mut numbers = Random::new(1);
    let mut random = move |below: usize| numbers.below(below);
    for family in Family::BOTH {
        for entry in entries(family) {
            for _ in 0..40 {
                let (start, end) = (entry.file.find("-A").unwrap_or(0), entry.file.len() - "\nCOMMIT\n".len());
                let mut letters: Vec<char> = entry.file[start..end].chars().collect();
                for _ in 0..=random(3) {
                    if letters.len() < 2 {
                        break;
                    }
                    let at = random(letters.len());
                    match random(5) {
                        0 => drop(letters.remove(at)),
                        1 => letters.insert(at, ['"', ' ', '!', '-', '\\', ':', ',', '0', '/', 'é'][random(10)]),
                        2 => {
                            let next = (at + 1) % letters.len();
                            letters.swap(at, next);
                        }
                        3 => letters.truncate(at.max(1)),
                        _ => {
                            let from = random(letters.len());
                            letters[at] = letters[from];
                        }
                    }
                }
                let changed: String = letters.into_iter().collect();
                let text = format!("{}{changed}{}", &entry.file[..start], &entry.file[end..]);
                let Ok(printed) = ours(&text, family) else { continue };
                let again = ours(&printed, family);
                assert_eq!(again.as_ref(), Ok(&printed), "{text}");
            }
        }
    }
}

#[test]
fn an_empty_ruleset_loads() {
    if !kernel::require() {
        return;
    }
    for family in Family::BOTH {
        let text = print::print(&cgwfw::iptables::ruleset::Ruleset::new(family), None);
        for backend in Backend::BOTH {
            let saved = kernel::load_and_save(backend, family, &text).expect("a file without rules loads");
            assert_eq!(kernel::same_rules(&text, &saved), Ok(()));
        }
    }
}
