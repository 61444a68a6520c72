//! The two sides of `cgwfw diff`: where they come from, and what is said where they cannot be read.

mod revisions;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::{self, text};

const POLICY: &str = "default drop\nallow loopback\n";
const V4: &str = "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 192.0.2.1 -j ACCEPT\nCOMMIT\n";
const V6: &str = "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 2001:db8::1 -j ACCEPT\nCOMMIT\n";
const SAME: &str = "the rule files have the same bytes\n";
const OTHER: &str = "the rule files have other bytes (IPv4 and IPv6): the pod restarts\n";

/// A folder with files in it.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), files);
    folder
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
}

/// Exit code, answer and reports of a comparison.
fn diff_with(folder: &Path, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let output = support::cgwfw(folder, &[&["diff"], arguments].concat(), input);
    (output.status.code(), about_files(text(&output.stdout)), text(&output.stderr).to_owned())
}

/// What an answer says of the files themselves.
fn about_files(out: &str) -> String {
    let lines =
        out.lines().filter(|line| line.starts_with("the rule files") || line.ends_with("has no rule file of it"));
    lines.map(|line| format!("{line}\n")).collect()
}

fn diff(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let (code, out, errors) = diff_with(folder, arguments, "");
    assert_ne!(code, Some(2), "{arguments:?}: {errors}");
    (code, out)
}

/// What is said of operands that cannot be read.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let (code, out, errors) = diff_with(folder, arguments, "");
    assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}: {errors}");
    errors
}

#[track_caller]
fn assert_says(errors: &str, parts: &[&str]) {
    for part in parts {
        assert!(errors.contains(part), "`{part}` is not in:\n{errors}");
    }
}

#[test]
fn policies_and_rule_files_in_any_mix() {
    let folder = folder(&[("a.cgwfw", POLICY), ("b.cgwfw", "default drop\n")]);
    let built = support::cgwfw(folder.path(), &["build", "a.cgwfw", "-o", "rules"], "");
    assert!(built.status.success());
    assert_eq!(diff(folder.path(), &["a.cgwfw", "a.cgwfw"]), (Some(0), SAME.into()));
    assert_eq!(diff(folder.path(), &["a.cgwfw", "b.cgwfw"]), (Some(1), OTHER.into()));
    assert_eq!(diff(folder.path(), &["rules", "a.cgwfw"]), (Some(0), SAME.into()));
    assert_eq!(diff(folder.path(), &["rules", "rules"]), (Some(0), SAME.into()));
    let (code, out) = diff(folder.path(), &["a.cgwfw", "rules/ip6tables.rules"]);
    assert_eq!(code, Some(1));
    assert_eq!(out, "IPv4: rules/ip6tables.rules has no rule file of it\nthe rule files have the same bytes\n");
    let (code, out, _) = diff_with(folder.path(), &["-", "a.cgwfw"], POLICY);
    assert_eq!((code, out.as_str()), (Some(0), SAME));
    assert_says(&refused(folder.path(), &["-", "-"]), &["only one of the two can be `-`"]);
}

#[test]
fn options_of_policies_are_for_both_sides() {
    let folder = folder(&[("a.cgwfw", POLICY), ("b.cgwfw", "default drop\n# the same\nallow loopback\n")]);
    let (code, out) = diff(folder.path(), &["a.cgwfw", "b.cgwfw", "--rule-comments"]);
    assert_eq!((code, out.as_str()), (Some(0), SAME));
    write(folder.path(), &[("warns.cgwfw", &format!("{POLICY}define unused = 1\n"))]);
    assert_eq!(diff(folder.path(), &["a.cgwfw", "warns.cgwfw"]).0, Some(0));
}

#[test]
fn a_policy_with_errors_is_reported_as_check_does() {
    let folder =
        folder(&[("a.cgwfw", "default drop\nallow loopbck\n"), ("b.cgwfw", "define a = 1\n"), ("c.cgwfw", V4)]);
    let errors = refused(folder.path(), &["a.cgwfw", "absent.cgwfw"]);
    let checked = support::cgwfw(folder.path(), &["check", "a.cgwfw"], "");
    assert!(errors.starts_with(text(&checked.stderr)), "{errors}");
    // Both sides are complained about.
    assert_says(&errors, &["a.cgwfw: the policy has errors", "`absent.cgwfw`: there is no such file"]);
    assert_says(
        &refused(folder.path(), &["b.cgwfw", "b.cgwfw"]),
        &["b.cgwfw: no sentence of the policy yields a rule"],
    );
    assert_says(&refused(folder.path(), &["c.cgwfw", "c.cgwfw"]), &["it looks like a rule file"]);
    let (code, _, errors) = diff_with(folder.path(), &["-", "b.cgwfw"], V4);
    assert_eq!(code, Some(2));
    assert_says(&errors, &["<stdin>: it looks like a rule file", "/dev/stdin"]);
}

#[test]
fn the_family_is_that_of_the_name_or_of_the_option() {
    let folder = folder(&[("rules.v4", V4), ("saved", V4), ("gw-6.rules", V4), ("rules.v6", V6), ("broken.v4", V6)]);
    let one = (Some(0), SAME.to_owned());
    assert_says(
        &refused(folder.path(), &["rules.v4", "saved"]),
        &["saved: the name does not say whether", "`--family ipv4` or `--family ipv6`"],
    );
    assert_eq!(diff(folder.path(), &["rules.v4", "saved", "--family", "ipv4"]), one);
    assert_eq!(diff(folder.path(), &["rules.v4", "gw-6.rules", "--family", "ipv4"]), one);
    assert_says(&refused(folder.path(), &["rules.v4", "gw-6.rules"]), &["gw-6.rules: no loader takes the file"]);
    assert_says(
        &refused(folder.path(), &["rules.v6", "saved", "--family", "ipv4"]),
        &["rules.v6: the name says IPv6, and `--family` says IPv4"],
    );
    let errors = refused(folder.path(), &["broken.v4", "broken.v4"]);
    assert_says(&errors, &["broken.v4:3: error: ", "broken.v4: no loader takes the file"]);
    let (_, out) = diff(folder.path(), &["rules.v4", "rules.v6"]);
    assert_eq!(
        out,
        "IPv4: rules.v6 has no rule file of it\nIPv6: rules.v4 has no rule file of it\nthe rule files have the same bytes\n"
    );
}

#[test]
fn a_policy_under_another_name_is_not_taken_for_rules() {
    let folder = folder(&[("policy.txt", POLICY), ("rules.v4", POLICY)]);
    for name in ["policy.txt", "rules.v4"] {
        assert_says(&refused(folder.path(), &[name, name]), &[name, "it looks like a policy", "`.cgwfw`"]);
    }
}

#[test]
fn bytes_are_compared_and_not_texts() {
    let folder = folder(&[("a.v4", V4), ("b.v4", V4)]);
    fs::write(folder.path().join("a.v4"), [b"# \x01\n", V4.as_bytes()].concat()).expect("a file");
    fs::write(folder.path().join("b.v4"), [b"# \x02\n", V4.as_bytes()].concat()).expect("a file");
    let out = "the rule files have other bytes (IPv4): the pod restarts\n";
    assert_eq!(diff(folder.path(), &["a.v4", "b.v4"]), (Some(0), out.to_owned()));
}

#[cfg(unix)]
#[test]
fn a_rule_file_may_be_a_pipe() {
    let folder = folder(&[("rules.v4", V4)]);
    let (code, out, errors) = diff_with(folder.path(), &["/dev/stdin", "rules.v4", "--family", "ipv4"], V4);
    assert_eq!((code, out.as_str()), (Some(0), SAME), "{errors}");
}

#[test]
fn a_folder_is_its_rule_files_or_its_policy() {
    let folder = folder(&[
        ("one/rules.v4", V4),
        ("one/rules.v6", V6),
        ("one/README-ipv6.md", "# None\nof it\n"),
        ("one/.rules.v4.swp", V4),
        ("one/old/rules.v4", V4),
        ("four/iptables.rules", V4),
        ("half/iptables.rules", V4),
        ("half/ip6tables.rules", "garbage\n"),
        ("twice/iptables.rules", V4),
        ("twice/rules.v4", V4),
        ("policy/main.cgwfw", "default drop\ninclude \"parts/a.cgwfw\"\n"),
        ("policy/parts/a.cgwfw", "include \"../loop.cgwfw\"\n"),
        ("policy/loop.cgwfw", "allow loopback\n"),
        ("policy/values.yaml", "a: 1\n"),
        ("policies/a.cgwfw", POLICY),
        ("policies/b.cgwfw", POLICY),
        ("circle/a.cgwfw", "include \"b.cgwfw\"\n"),
        ("circle/b.cgwfw", "include \"a.cgwfw\"\n"),
        ("mixed/a.cgwfw", POLICY),
        ("mixed/iptables.rules", V4),
        ("empty/saved.rules", V4),
        ("rules.v4", V4),
    ]);
    let path = folder.path();
    assert_eq!(diff(path, &["one", "./one/"]), (Some(0), SAME.into()));
    assert_eq!(diff(path, &["four", "rules.v4"]), (Some(0), SAME.into()));
    assert_eq!(
        diff(path, &["one", "four"]).1,
        "IPv6: four has no rule file of it\nthe rule files have the same bytes\n"
    );
    assert_eq!(diff(path, &["./policy", "policy/main.cgwfw"]), (Some(0), SAME.into()));
    for (name, parts) in [
        ("half", &["half/ip6tables.rules: by its name it is the rule file for IPv6", "`*filter`"][..]),
        ("twice", &["twice: there are several rule files for IPv4", "`twice/iptables.rules` and `twice/rules.v4`"]),
        ("policies", &["policies: there are several policies", "`policies/a.cgwfw` and `policies/b.cgwfw`"]),
        ("circle", &["circle: each policy in it is included by another one"]),
        ("mixed", &["mixed: there are policies and rule files", "`mixed/a.cgwfw` and `mixed/iptables.rules`"]),
        ("empty", &["empty: there is no policy in it", "no rule file whose name says its family"]),
    ] {
        assert_says(&refused(path, &[name, "rules.v4"]), parts);
    }
}
