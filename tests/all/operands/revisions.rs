//! `REV:PATH`: sides of a comparison that git has, in repositories made for the test.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::{OTHER, POLICY, SAME, V4, V6, about_files, assert_says, folder, write};
use crate::support::{self, text};

/// A command that sees no repository, no configuration and no language but those of the test.
fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    // In a hook of git these name the repository of the hook.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(variable);
    }
    command.env("GIT_CEILING_DIRECTORIES", std::env::temp_dir());
    command
}

fn git(folder: &Path, arguments: &[&str]) {
    let who = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgSign=false"];
    let output = command("git", folder).args(who).args(arguments).output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", text(&output.stderr));
}

/// A repository with a commit of some files; `None` where there is no git.
fn repository(files: &[(&str, &str)]) -> Option<TempDir> {
    let folder = folder(files);
    if command("git", folder.path()).arg("--version").output().is_err() {
        support::skip("there is no git");
        return None;
    }
    git(folder.path(), &["init", "--quiet", "."]);
    commit(folder.path());
    Some(folder)
}

fn commit(folder: &Path) {
    git(folder, &["add", "--all", "."]);
    git(folder, &["commit", "--quiet", "--message", "a change"]);
}

fn output(folder: &Path, arguments: &[&str]) -> Output {
    command(env!("CARGO_BIN_EXE_cgwfw"), folder).arg("diff").args(arguments).output().expect("the program runs")
}

fn diff(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = output(folder, arguments);
    assert_ne!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
    (output.status.code(), about_files(text(&output.stdout)))
}

/// What is said of operands that cannot be read.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = output(folder, arguments);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{arguments:?}");
    text(&output.stderr).to_owned()
}

const BLOCK: &str = "summary = \"Probes\"\n[[sentence]]\nname = \"allow probes\"\nclauses = \"\"\n";

#[test]
fn a_policy_is_read_with_its_includes_and_blocks_of_that_revision() {
    let Some(folder) = repository(&[
        ("gw/policy.cgwfw", "default drop\ninclude \"../parts/site.cgwfw\"\nallow probes\n"),
        ("gw/snippets/probes/snippet.toml", BLOCK),
        ("gw/snippets/probes/rules.j2", "-A INPUT -p udp -m udp --dport 7 -j ACCEPT\n"),
        ("parts/site.cgwfw", "allow loopback\n"),
    ]) else {
        return;
    };
    let path = folder.path();
    assert_eq!(diff(path, &["HEAD:gw/policy.cgwfw", "gw/policy.cgwfw"]), (Some(0), SAME.into()));
    // A part changes, then a block, then the policy is gone.
    write(path, &[("parts/site.cgwfw", "allow loopback\nallow established\n")]);
    assert_eq!(diff(path, &["HEAD:gw/policy.cgwfw", "gw/policy.cgwfw"]), (Some(1), OTHER.into()));
    assert_eq!(diff(path, &["HEAD:gw/policy.cgwfw", "HEAD:gw"]), (Some(0), SAME.into()));
    commit(path);
    write(path, &[("gw/snippets/probes/rules.j2", "-A INPUT -p udp -m udp --dport 9 -j ACCEPT\n")]);
    assert_eq!(diff(path, &["HEAD:gw/policy.cgwfw", "gw/policy.cgwfw"]), (Some(1), OTHER.into()));
    commit(path);
    fs::remove_dir_all(path.join("gw")).expect("a folder");
    fs::remove_dir_all(path.join("parts")).expect("a folder");
    assert_eq!(diff(path, &["HEAD~1:gw/policy.cgwfw", "HEAD:gw/policy.cgwfw"]), (Some(1), OTHER.into()));
    assert_eq!(diff(path, &["HEAD^{/a change}:gw/policy.cgwfw", "@:gw/policy.cgwfw"]), (Some(0), SAME.into()));
}

#[test]
fn folders_of_blocks_that_are_named_are_those_of_the_disk() {
    let Some(folder) = repository(&[("policy.cgwfw", "default drop\nallow probes\n")]) else { return };
    let path = folder.path();
    write(path, &[("blocks/probes/snippet.toml", BLOCK)]);
    write(path, &[("blocks/probes/rules.j2", "-A INPUT -p udp -m udp --dport 7 -j ACCEPT\n")]);
    assert_eq!(diff(path, &["HEAD:policy.cgwfw", "policy.cgwfw", "--snippets", "blocks"]), (Some(0), SAME.into()));
    assert_says(&refused(path, &["HEAD:policy.cgwfw", "HEAD:"]), &["`probes` has no meaning in `allow`"]);
}

#[test]
fn diagnostics_name_the_revision() {
    let Some(folder) = repository(&[
        ("policy.cgwfw", "default drop\ninclude \"site.cgwfw\"\nallow probes\n"),
        ("site.cgwfw", "allow loopbck\ninclude \"/site.cgwfw\"\ninclude \"../site.cgwfw\"\n"),
        ("snippets/probes/snippet.toml", BLOCK),
        ("snippets/probes/rules.j2", "-A INPUT {{ nobody }} -j ACCEPT\n"),
        ("rules.v4", "*filter\n-A INPUT -s nowhere -j ACCEPT\nCOMMIT\n"),
    ]) else {
        return;
    };
    git(folder.path(), &["branch", "feature/x"]);
    let errors = refused(folder.path(), &["feature/x:policy.cgwfw", "feature/x:rules.v4"]);
    assert_says(
        &errors,
        &[
            "feature/x:site.cgwfw:1:7",
            "feature/x:policy.cgwfw:2",
            "it is outside of the repository",
            "feature/x:snippets/probes/rules.j2:1",
            "feature/x:policy.cgwfw: the policy has errors",
            "feature/x:rules.v4:2: error: ",
            "feature/x:rules.v4: no loader takes the file",
        ],
    );
}

#[test]
fn paths_are_understood_as_git_does() {
    let Some(folder) = repository(&[("top.cgwfw", POLICY), ("sub/deep/p.cgwfw", POLICY), ("sub/p.cgwfw", POLICY)])
    else {
        return;
    };
    let sub = folder.path().join("sub");
    let fine = (Some(0), SAME.to_owned());
    for written in
        ["HEAD:top.cgwfw", "HEAD:./p.cgwfw", "HEAD:../top.cgwfw", "HEAD:sub/p.cgwfw", "HEAD:./deep", "HEAD:./deep/"]
    {
        assert_eq!(diff(&sub, &[written, "p.cgwfw"]), fine, "{written}");
    }
    assert_eq!(diff(folder.path(), &["HEAD:", "HEAD:."]), fine, "the root of the repository");
    assert_says(&refused(&sub, &["HEAD:p.cgwfw", "p.cgwfw"]), &["in the current folder there is `HEAD:./p.cgwfw`"]);
    assert_says(&refused(&sub, &["HEAD:./top.cgwfw", "p.cgwfw"]), &["there is `HEAD:top.cgwfw`"]);
    assert_says(&refused(&sub, &["HEAD:../../p.cgwfw", "p.cgwfw"]), &["leads out of the repository"]);
    assert_says(&refused(&sub, &["HEAD:/p.cgwfw", "p.cgwfw"]), &["leads out of the repository"]);
    write(&sub, &[("new.cgwfw", POLICY)]);
    assert_says(&refused(&sub, &["HEAD:./new.cgwfw", "p.cgwfw"]), &["is on the disk, but not in the revision"]);
    assert_says(&refused(&sub, &["HEAD:sub/absent", "p.cgwfw"]), &["has no such file", "git ls-tree -r"]);
    let bare = tempfile::tempdir().expect("a folder");
    git(bare.path(), &["clone", "--quiet", "--bare", folder.path().to_str().expect("UTF-8"), "x.git"]);
    assert_eq!(
        diff(&bare.path().join("x.git"), &["HEAD:top.cgwfw", "HEAD:./sub/p.cgwfw"]),
        fine,
        "without a work tree"
    );
}

#[test]
fn folders_and_rule_files_of_a_revision() {
    let Some(folder) = repository(&[
        ("rules/iptables.rules", V4),
        ("rules/ip6tables.rules", V6),
        ("rules/snippets/x", ""),
        ("saved", V4),
        ("many/a.cgwfw", POLICY),
        ("many/b.cgwfw", POLICY),
    ]) else {
        return;
    };
    let path = folder.path();
    assert_eq!(diff(path, &["HEAD:rules", "rules"]), (Some(0), SAME.into()));
    write(path, &[("rules/iptables.rules", &V4.replace("192.0.2.1", "192.0.2.2"))]);
    let (code, out) = diff(path, &["HEAD:rules", "rules"]);
    assert_eq!(code, Some(1));
    assert_eq!(out, "the rule files have other bytes (IPv4): the pod restarts\n");
    let same = (Some(0), SAME.to_owned());
    assert_eq!(diff(path, &["HEAD:rules/iptables.rules", "HEAD:saved", "--family", "ipv4"]), same);
    assert_says(&refused(path, &["HEAD:saved", "rules"]), &["HEAD:saved: the name does not say"]);
    assert_says(&refused(path, &["HEAD:many", "rules"]), &["`HEAD:many/a.cgwfw` and `HEAD:many/b.cgwfw`"]);
}

#[cfg(unix)]
#[test]
fn links_lead_to_what_they_name_in_the_revision() {
    use std::os::unix::fs::symlink;
    let Some(folder) = repository(&[("policy.cgwfw", "default drop\ninclude \"part.cgwfw\"\n")]) else { return };
    let path = folder.path();
    write(path, &[("real.cgwfw", "allow loopback\n"), ("a/rules.v4", V4)]);
    symlink("real.cgwfw", path.join("part.cgwfw")).expect("a link");
    symlink("a", path.join("b")).expect("a link");
    symlink("/etc/hosts", path.join("out.v4")).expect("a link");
    commit(path);
    fs::remove_file(path.join("part.cgwfw")).expect("a link");
    write(path, &[("part.cgwfw", "allow loopback\n")]);
    assert_eq!(diff(path, &["HEAD:policy.cgwfw", "policy.cgwfw"]), (Some(0), SAME.into()));
    assert_eq!(diff(path, &["HEAD:b", "a"]).0, Some(0));
    assert_says(&refused(path, &["HEAD:out.v4", "a"]), &["it is a link to /etc/hosts, outside of the repository"]);
}

#[cfg(unix)]
#[test]
fn a_file_of_that_very_name_comes_first() {
    let Some(folder) = repository(&[("rules.v4", V4)]) else { return };
    write(folder.path(), &[("HEAD:rules.v4", &V4.replace("192.0.2.1", "192.0.2.2"))]);
    assert_eq!(diff(folder.path(), &["HEAD:rules.v4", "rules.v4"]).0, Some(1));
    assert_eq!(diff(folder.path(), &["HEAD:./rules.v4", "rules.v4"]).0, Some(0));
}

#[test]
fn what_cannot_be_had_from_git_is_said() {
    let Some(folder) = repository(&[("a.cgwfw", POLICY)]) else { return };
    let path = folder.path();
    assert_says(
        &refused(path, &["HAED:a.cgwfw", "a.cgwfw"]),
        &["`HAED:a.cgwfw`: there is no file of this name", "no revision `HAED`", "git log"],
    );
    for name in ["--help:a.cgwfw", "-x:a.cgwfw"] {
        assert_says(&refused(path, &["a.cgwfw", "--", name]), &["no revision"]);
    }
    assert_says(&refused(path, &[":a.cgwfw", "a.cgwfw"]), &["write `HEAD:a.cgwfw`"]);
    assert_says(&refused(path, &["HEAD", "a.cgwfw"]), &["no such file or folder", "REV:PATH"]);
    assert_says(&refused(path, &[r"C:\x", "a.cgwfw"]), &["no such file or folder"]);
    let outside = super::folder(&[("a.cgwfw", POLICY)]);
    assert_says(&refused(outside.path(), &["HEAD:a.cgwfw", "a.cgwfw"]), &["is in no git repository", "or name a file"]);
    let output = command(env!("CARGO_BIN_EXE_cgwfw"), path)
        .args(["diff", "HEAD:a.cgwfw", "a.cgwfw"])
        .env("PATH", "/nowhere")
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(2));
    assert_says(text(&output.stderr), &["without the program `git` the revision `HEAD` cannot be read"]);
}
