//! The program as users run it: exit codes, what goes where, files that are written whole or not at all.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{self, text};

const POLICY: &str = "default drop\nallow loopback\nallow ipsec peer 192.0.2.1 on inet0\n";

fn cgwfw(folder: &Path, arguments: &[&str], input: Option<&str>) -> Output {
    support::cgwfw(folder, arguments, input.unwrap_or_default())
}

#[test]
fn exit_codes_tell_policies_from_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let code = |arguments: &[&str], input: &str| cgwfw(folder.path(), arguments, Some(input)).status.code();
    assert_eq!(code(&["check", "-"], POLICY), Some(0));
    assert_eq!(code(&["check", "-"], "allow loopbck\n"), Some(1));
    assert_eq!(code(&["check", "absent.cgwfw"], ""), Some(2));
    assert_eq!(code(&["check"], ""), Some(2));
    assert_eq!(code(&["build", "-"], POLICY), Some(2), "neither -4, -6 nor -o");
    let warns = format!("{POLICY}define unused = 1\n");
    assert_eq!(code(&["check", "-"], &warns), Some(0));
    for command in [&["check", "-"][..], &["build", "-", "-4"], &["helm", "-"]] {
        assert_eq!(code(&[command, &["--deny", "warnings"]].concat(), &warns), Some(1), "{command:?}");
    }
    fs::write(folder.path().join("latin1.cgwfw"), b"# \xe9\n").expect("a file");
    assert_eq!(code(&["check", "latin1.cgwfw"], ""), Some(2));
}

#[test]
fn nothing_reaches_standard_output_when_there_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in [&["build", "-", "-4"][..], &["build", "-", "-6"], &["helm", "-"]] {
        let output = cgwfw(folder.path(), command, Some("default drop\nallow loopbck\n"));
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stdout), "");
        assert!(text(&output.stderr).contains("did you mean `loopback`?"), "{}", text(&output.stderr));
    }
}

#[test]
fn a_policy_without_a_rule_or_a_default_builds_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for policy in ["", "# nothing\n", "define unused = 1\n"] {
        for command in [&["build", "-", "-4"][..], &["build", "-", "-6"], &["build", "-", "-o", "out"], &["helm", "-"]]
        {
            let output = cgwfw(folder.path(), command, Some(policy));
            assert_eq!(output.status.code(), Some(2), "{policy:?} {command:?}");
            assert_eq!(text(&output.stdout), "");
            assert!(text(&output.stderr).contains("yields a rule or a default"), "{}", text(&output.stderr));
        }
        assert!(!folder.path().join("out").exists(), "{policy:?}");
        assert_eq!(cgwfw(folder.path(), &["check", "-"], Some(policy)).status.code(), Some(0), "a file to include");
    }
    let accepts = cgwfw(folder.path(), &["helm", "-"], Some("default accept\n"));
    assert_eq!(accepts.status.code(), Some(0), "a default is said");
}

#[test]
fn short_diagnostics_are_one_line_each() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.cgwfw"), "default drop\nallow loopbck\n").expect("a file");
    let output = cgwfw(folder.path(), &["check", "a.cgwfw", "--format", "short"], None);
    assert_eq!(
        text(&output.stderr),
        "a.cgwfw:2:7: error[cgwfw::resolve::unknown_word]: `loopbck` has no meaning in `allow`\n"
    );
}

#[test]
fn json_has_every_field_and_is_empty_when_clean() {
    let folder = tempfile::tempdir().expect("a folder");
    let clean = cgwfw(folder.path(), &["check", "-", "--format", "json"], Some("default drop\nallow loopback\n"));
    assert_eq!(text(&clean.stdout).trim(), "[]");
    fs::write(folder.path().join("site.cgwfw"), "define a = 1\nallow ü on x\n").expect("a file");
    let output =
        cgwfw(folder.path(), &["check", "-", "--format", "json"], Some("default drop\ninclude \"site.cgwfw\"\n"));
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let error = all.as_array().expect("an array").iter().find(|entry| entry["severity"] == "error").expect("an error");
    for key in [
        "severity",
        "code",
        "message",
        "help",
        "file",
        "line",
        "column",
        "end_line",
        "end_column",
        "labels",
        "includes",
    ] {
        assert!(!error[key].is_null(), "{key} is missing in {error}");
    }
    assert_eq!((&error["file"], &error["line"], &error["column"]), (&"site.cgwfw".into(), &2.into(), &7.into()));
    assert_eq!(error["end_column"], 8, "columns count characters");
    assert_eq!(error["includes"][0]["line"], 2);
}

#[test]
fn both_files_are_written_or_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let build = |policy: &str| cgwfw(folder.path(), &["build", "-", "-o", "rules"], Some(policy)).status.code();
    assert_eq!(build("default drop\nallow loopbck\n"), Some(1));
    assert!(!folder.path().join("rules").exists());
    assert_eq!(build(POLICY), Some(0));
    let read = |name: &str| fs::read_to_string(folder.path().join("rules").join(name)).expect("a rule file");
    let (v4, v6) = (read("iptables.rules"), read("ip6tables.rules"));
    assert!(v4.contains("-s 192.0.2.1/32") && !v6.contains("esp"));
    assert_eq!(v6, text(&cgwfw(folder.path(), &["build", "-", "-6"], Some(POLICY)).stdout));
    // An error later leaves the old files as they are.
    assert_eq!(build("default drop\nallow loopbck\n"), Some(1));
    assert_eq!((read("iptables.rules"), read("ip6tables.rules")), (v4.clone(), v6));
    // Where one of the two cannot be written, neither is.
    fs::remove_file(folder.path().join("rules/ip6tables.rules")).expect("a file");
    fs::create_dir(folder.path().join("rules/ip6tables.rules")).expect("a folder");
    assert_eq!(build("default drop\n"), Some(2));
    assert_eq!(read("iptables.rules"), v4);
    let names: Vec<_> = fs::read_dir(folder.path().join("rules")).expect("a folder").collect();
    assert_eq!(names.len(), 2, "no temporary file is left behind");
}

#[test]
fn several_policies_are_built_side_by_side_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["one", "two"] {
        fs::create_dir(folder.path().join(name)).expect("a folder");
        fs::write(folder.path().join(name).join(format!("{name}.cgwfw")), POLICY).expect("a file");
        fs::write(folder.path().join(name).join("same.cgwfw"), POLICY).expect("a file");
    }
    let build = |policies: [&str; 2]| cgwfw(folder.path(), &["build", policies[0], policies[1], "-o", "out"], None);
    // Two of one name would overwrite each other.
    assert_eq!(build(["one/same.cgwfw", "two/same.cgwfw"]).status.code(), Some(2));
    assert!(!folder.path().join("out").exists());
    assert_eq!(build(["one/one.cgwfw", "two/two.cgwfw"]).status.code(), Some(0));
    for name in ["one/iptables.rules", "one/ip6tables.rules", "two/iptables.rules", "two/ip6tables.rules"] {
        assert!(folder.path().join("out").join(name).is_file(), "{name}");
    }
}

#[test]
fn the_same_policy_gives_the_same_bytes_anywhere() {
    let (one, two) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let policy = "default drop\ninclude \"sub/site.cgwfw\"\nallow loopback\n";
    let mut outputs = Vec::new();
    for (folder, environment) in [
        (one.path(), [("LC_ALL", "C"), ("TZ", "UTC")]),
        (two.path(), [("LC_ALL", "tr_TR.UTF-8"), ("TZ", "Asia/Tokyo")]),
    ] {
        fs::create_dir(folder.join("sub")).expect("a folder");
        fs::write(folder.join("sub/site.cgwfw"), "allow ssh in on eth0 from not { 192.0.2.1, 192.0.2.2 } only ipv4\n")
            .expect("a file");
        let path = folder.join("policy.cgwfw");
        fs::write(&path, policy).expect("a file");
        let run = |family: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_cgwfw"));
            command.arg("build").arg(&path).arg(family).envs(environment).env("USER", "nobody");
            command.output().expect("the program runs").stdout
        };
        outputs.push((run("-4"), run("-6")));
    }
    assert!(outputs[0].0.starts_with(b"*filter"), "{}", text(&outputs[0].0));
    assert_eq!(outputs[0], outputs[1]);
}

#[test]
fn every_scenario_and_every_block_can_be_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = cgwfw(folder.path(), &["new"], None);
    let names: Vec<&str> = text(&list.stdout).lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"site-to-site"));
    for name in names {
        let policy = cgwfw(folder.path(), &["new", name], None);
        let checked = cgwfw(folder.path(), &["check", "-", "--deny", "warnings"], Some(text(&policy.stdout)));
        assert_eq!(checked.status.code(), Some(0), "{name}: {}", text(&checked.stderr));
    }
    assert_eq!(cgwfw(folder.path(), &["new", "site-to-sit"], None).status.code(), Some(2));
    let ipsec = cgwfw(folder.path(), &["snippets", "ipsec"], None);
    assert!(text(&ipsec.stdout).contains("-A INPUT -s 192.0.2.1/32 -i inet0 -p esp -j ACCEPT"));
    assert_eq!(cgwfw(folder.path(), &["snippets", "allow", "ipsec"], None).stdout, ipsec.stdout);
    assert_eq!(cgwfw(folder.path(), &["snippets", "ipsek"], None).status.code(), Some(2));
}
