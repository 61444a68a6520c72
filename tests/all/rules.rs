//! The reader, the writer and the checks against a real kernel: what they take it takes, what they print it gives back.

use std::fmt::Write as _;

use crate::support;
use crate::support::generate::Random;
use crate::support::kernel;
use cgwfw::iptables::meaning::Backend;
use cgwfw::iptables::ruleset::{Origins, Rule, Ruleset, TableName};
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
    let parse::WholeFile { ruleset, faults, cautions } = parse::whole_file(file, family);
    if let Some((line, fault)) = faults.iter().chain(&cautions).next() {
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
            // For `trace` a file is read where one backend takes it, and refused where none does.
            let parse::WholeFile { ruleset, faults, .. } = parse::whole_file(&entry.file, family);
            let refused = || check::check_ruleset(&ruleset).iter().any(|(_, _, problem)| problem.refused);
            match faults.first() {
                Some((_, fault)) if entry.nft || entry.legacy => fail("not read for `trace`", &fault.message),
                None if !entry.nft && !entry.legacy && !refused() => fail("read for `trace`", ""),
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
        let text = print::print(&Ruleset::new(family), None);
        for backend in Backend::BOTH {
            let saved = kernel::load_and_save(backend, family, &text).expect("a file without rules loads");
            assert_eq!(kernel::same_rules(&text, &saved), Ok(()));
        }
    }
}

/// The rule as it is printed, or the fault.
fn printed(text: &str) -> Result<String, String> {
    let parse::Line::Rules(mut rules) = parse::line(&format!("-A INPUT {text}"), Family::V4, false)
        .map_err(|faults| faults.into_iter().map(|fault| fault.message).next().unwrap_or_default())?
    else {
        return Err("no rule".into());
    };
    let rule = rules.remove(0);
    let mut ruleset = Ruleset::new(Family::V4);
    let table = ruleset.table_or_new(TableName::Filter);
    let chain = table.chain_or_new("INPUT");
    let origins = Origins::None;
    let rule = Rule { chain, header: rule.header, matches: rule.matches.into(), target: rule.target, origins };
    Ok(print::rule_line(table, &rule, Family::V4).replace("-A INPUT ", ""))
}

// Those that the kernel of the tests lacks, or that need something besides the rules; the others are in `tests/rules`.
#[test]
fn extensions_are_saved_as_by_iptables() {
    for (text, saved) in [
        ("-m ipvs ! --ipvs", "-m ipvs ! --ipvs"),
        (
            "-m ipvs --vdir reply --vaddr 192.0.2.0/24 --ipvs ! --vmethod masq --vport http",
            "-m ipvs --vaddr 192.0.2.0/24 --vport 80 --vdir REPLY ! --vmethod MASQ",
        ),
        ("-m set ! --set good src,dst", "-m set ! --match-set good src,dst"),
        (
            "-m set --update-counters --bytes-lt 0x10 ! --update-subcounters --match-set a dstx --return-nomatch",
            "-m set --match-set a dst --return-nomatch ! --update-subcounters --bytes-lt 16",
        ),
        ("-m nfacct --nfacct-name web", "-m nfacct --nfacct-name web"),
        ("-m cgroup ! --path a/b", "-m cgroup ! --path \"a/b\""),
        ("-m bpf --object-pinned /sys/fs/bpf/x", "-m bpf --object-pinned /sys/fs/bpf/x"),
        (
            "-j SET --del-set a src --exist --add-set b dst --timeout 5",
            "-j SET --add-set b dst --exist --timeout 5 --del-set a src",
        ),
        ("-j SET --map-set a src --map-mark", "-j SET --map-set a src --map-mark"),
        ("-j LED --led-trigger-id a\\b --led-delay INFinite", "-j LED --led-trigger-id \"a\\\\b\" --led-delay inf"),
        (
            "-j LED --led-delay 0 --led-always-blink --led-trigger-id x",
            "-j LED --led-trigger-id \"x\" --led-always-blink",
        ),
        (
            "-j CLUSTERIP --new --hashmode sourceip --clustermac 1:0:5e:0:0:a --total-nodes 2 --local-node 1",
            "-j CLUSTERIP --new --hashmode sourceip --clustermac 01:00:5E:00:00:0A --total-nodes 2 --local-node 1 --hash-init 0",
        ),
        ("-j SECMARK --selctx system_u:object_r:x_t:s0", "-j SECMARK --selctx system_u:object_r:x_t:s0"),
        ("-j CT --timeout long --helper ftp", "-j CT --helper ftp --timeout long"),
    ] {
        assert_eq!(printed(text).as_deref(), Ok(saved), "{text}");
        assert_eq!(printed(saved).as_deref(), Ok(saved), "{saved}");
    }
}

#[test]
fn what_iptables_refuses_is_refused_with_a_reason() {
    for (text, message) in [
        ("-m ipvs ! --ipvs --vport 80", "no virtual server has these properties"),
        ("-m set --match-set a", "`--match-set` needs a value"),
        ("-m set --match-set a -j DROP", "`--match-set` needs two words"),
        ("-m set --match-set a up", "`up` is no list of sides"),
        ("-m set --return-nomatch", "`-m set` needs `--match-set`"),
        ("-j SET --exist", "`-j SET` needs `--add-set` or `--del-set` or `--map-set`"),
        ("-j SET --del-set a src --exist", "`--exist` stands alone"),
        ("-j SET --map-set a src", "nothing is mapped"),
        ("-j CLUSTERIP --new", "`--new` stands alone"),
        ("-j CLUSTERIP --new --clustermac 0:0:5e:0:0:a", "`0:0:5e:0:0:a` is no multicast hardware address"),
        ("-j LED --led-trigger-id x --led-delay soon", "`soon` is no delay"),
        ("-m cgroup --path a --cgroup 1", "`--cgroup` cannot be beside the options before it"),
        ("-m quota ! --quota 5k", "`5k` is not a number from 0 to 18446744073709551615"),
        ("-m recent --name x", "`-m recent` needs `--set` or `--rcheck` or `--update` or `--remove`"),
    ] {
        assert_eq!(printed(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn unknown_matches_are_kept_word_for_word() {
    let text = r#"-m strange ! --odd 1 "two words" --flag -p udp -m udp --dport 53 -j ODDITY --to x"#;
    assert_eq!(
        printed(text).as_deref(),
        Ok(r#"-p udp -m strange ! --odd 1 "two words" --flag -m udp --dport 53 -j ODDITY --to x"#)
    );
}

#[test]
fn tables_that_say_nothing_are_left_out() {
    let text =
        "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n*filter\n:own - [0:0]\n-A own -j ACCEPT\nCOMMIT\n*raw\nCOMMIT\n";
    let (mut ruleset, faults) = parse::file(text, Family::V4);
    assert_eq!(faults, []);
    ruleset.tables.iter_mut().flat_map(|table| &mut table.rules).for_each(|rule| rule.origins = Origins::of(0, 1));
    assert_eq!(
        print::print(&ruleset, Some(&|_, out| out.push_str("a sentence"))),
        "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n\
         *filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:own - [0:0]\n\
         # a sentence\n-A own -j ACCEPT\nCOMMIT\n"
    );
    assert_eq!(print::print(&Ruleset::new(Family::V6), None), "# no rules\n");
}
