//! `build -o` and `fmt` while signals arrive: every file is whole, both are of one policy, and nothing is left behind.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{self, text};

const POLICY: &str = "default drop\nallow loopback\n";

/// A policy of many sentences, so that its files take a while; `octet` is in each rule of both files.
fn policy(octet: u8) -> String {
    let sentence = |port: u32| {
        format!(
            "allow in on eth0 tcp from 10.{octet}.0.1 to port {port}\n\
             allow in on eth0 tcp from 2001:db8::{octet} to port {port}\n"
        )
    };
    format!("default drop\n{}", (1..=300).map(sentence).collect::<String>())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The policies that both files are of.
fn octets(folder: &Path) -> [Option<u8>; 2] {
    [("iptables.rules", "-s 10."), ("ip6tables.rules", "-s 2001:db8::")].map(|(name, before)| {
        let text = fs::read_to_string(folder.join(name)).ok()?;
        assert!(text.ends_with("COMMIT\n"), "{name} is not whole");
        let mut found: Vec<u8> = text
            .lines()
            .filter_map(|line| line.split_once(before))
            .map(|(_, rest)| rest.split(['.', '/']).next().and_then(|octet| octet.parse().ok()).expect("an octet"))
            .collect();
        assert_eq!(found.len(), 300, "{name}");
        found.dedup();
        assert_eq!(found.len(), 1, "{name} is of two policies");
        found.first().copied()
    })
}

#[test]
fn signals_find_both_files_old_or_both_new() {
    let folder = tempfile::tempdir().expect("a folder");
    for octet in [1, 2] {
        fs::write(folder.path().join(format!("{octet}.cgwfw")), policy(octet)).expect("a policy");
    }
    let rules = folder.path().join("rules");
    let build = |octet: u8| {
        let mut command = Command::new("sh");
        let script = "ulimit -c 0; exec \"$0\" \"$@\"";
        command.args(["-c", script, env!("CARGO_BIN_EXE_cgwfw"), "build", &format!("{octet}.cgwfw"), "-o", "rules"]);
        command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("a shell")
    };
    let start = Instant::now();
    assert!(build(1).wait().expect("it ends").success());
    let whole = start.elapsed();
    let runs = std::env::var("CGWFW_SIGNALS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(200);
    let (mut interrupted, mut built) = (0, 0);
    for run in 0..runs {
        let mut child = build(1 + (run % 2) as u8);
        // The last part of a run writes: most signals arrive there.
        let part = 60 + run * 37 % 80;
        std::thread::sleep(whole * part / 100);
        let signal = ["INT", "TERM", "HUP", "QUIT", "USR1", "ALRM", "XFSZ"][run as usize % 7];
        let pid = child.id().to_string();
        // It may have ended.
        let _ = Command::new("kill").args(["-s", signal, &pid]).stderr(Stdio::null()).status();
        let success = child.wait().expect("it ends").success();
        *if success { &mut built } else { &mut interrupted } += 1;
        let [v4, v6] = octets(&rules);
        assert_eq!(v4, v6, "after {signal} in run {run}");
        assert_eq!(names(&rules), ["ip6tables.rules", "iptables.rules"], "after {signal} in run {run}");
    }
    println!("{built} built, {interrupted} interrupted, of {runs}; {whole:?} each");
    assert!(interrupted > 0, "no signal arrived in time");
}

#[test]
fn what_a_killed_run_has_left_is_removed_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("rules");
    fs::create_dir(&rules).expect("a folder");
    let kept = [".cgwfw-notes", ".cgwfw-abcdefgh", ".cgwfw-a-cdefgh.tmp", "cgwfw-abcdefgh.tmp"];
    for name in kept.iter().chain(&[".cgwfw-aB3dEfgh.tmp"]) {
        fs::write(rules.join(name), "x").expect("a file");
    }
    assert!(support::cgwfw(folder.path(), &["build", "-", "-o", "rules"], POLICY).status.success());
    let mut expected: Vec<&str> = kept.into_iter().chain(["ip6tables.rules", "iptables.rules"]).collect();
    expected.sort_unstable();
    assert_eq!(names(&rules), expected);
}

#[test]
fn a_run_waits_for_another_in_the_same_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = fs::File::open(folder.path()).expect("a folder");
    other.lock().expect("a lock");
    // A file of the other run, which is still there.
    fs::write(folder.path().join(".cgwfw-aB3dEfgh.tmp"), "x").expect("a file");
    let start = Instant::now();
    let first = std::thread::scope(|scope| {
        let run = scope.spawn(|| support::cgwfw(folder.path(), &["build", "-", "-o", "."], POLICY));
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(names(folder.path()), [".cgwfw-aB3dEfgh.tmp"]);
        drop(other);
        run.join().expect("a run")
    });
    assert!(first.status.success() && start.elapsed() >= Duration::from_millis(500), "{}", text(&first.stderr));
    assert_eq!(names(folder.path()), ["ip6tables.rules", "iptables.rules"]);
}

#[test]
fn files_keep_their_mode_and_links_are_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let [rules, real] = ["rules", "real"].map(|name| folder.path().join(name));
    fs::create_dir(&rules).and_then(|()| fs::create_dir(&real)).expect("a folder");
    fs::write(real.join("v4"), "old").expect("a file");
    fs::set_permissions(real.join("v4"), fs::Permissions::from_mode(0o600)).expect("a mode");
    symlink("../real/v4", rules.join("iptables.rules")).expect("a link");
    fs::write(rules.join("ip6tables.rules"), "old").expect("a file");
    fs::set_permissions(rules.join("ip6tables.rules"), fs::Permissions::from_mode(0o640)).expect("a mode");
    assert!(support::cgwfw(folder.path(), &["build", "-", "-o", "rules"], POLICY).status.success());
    let mode = |path: &Path| fs::symlink_metadata(path).expect("a file").mode();
    assert_eq!(mode(&real.join("v4")) & 0o7777, 0o600);
    assert_eq!(mode(&rules.join("ip6tables.rules")) & 0o7777, 0o640);
    assert!(rules.join("iptables.rules").is_symlink());
    assert!(fs::read_to_string(real.join("v4")).expect("a file").ends_with("COMMIT\n"));
    assert_eq!((names(&real).len(), names(&rules).len()), (1, 2));
}

#[test]
fn what_is_no_file_is_refused_and_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let build = || support::cgwfw(folder.path(), &["build", "-", "-o", "."], POLICY);
    let path = folder.path().join("ip6tables.rules");
    let pipe = || assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    let link = || symlink("nowhere", &path).expect("a link");
    let folder_there = || fs::create_dir(&path).expect("a folder");
    for (make, why) in [
        (&pipe as &dyn Fn(), "is a pipe or a device, and no file that could be replaced"),
        (&link, "is a link that leads to nothing"),
        (&folder_there, "is a folder"),
    ] {
        make();
        let output = build();
        assert_eq!(output.status.code(), Some(2), "{why}");
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
        assert_eq!(names(folder.path()), ["ip6tables.rules"], "{why}");
        let kind = fs::symlink_metadata(&path).expect("it is there").file_type();
        assert!(kind.is_fifo() || kind.is_symlink() || kind.is_dir());
        let removed = if kind.is_dir() { fs::remove_dir(&path) } else { fs::remove_file(&path) };
        removed.expect("it can be removed");
    }
}

#[test]
fn a_source_map_goes_into_a_pipe() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = support::cgwfw(folder.path(), &["build", "-", "-o", "rules", "--source-map", "/dev/stdout"], POLICY);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let map: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(map.as_object().is_some_and(|map| !map.is_empty()), "{map}");
}
