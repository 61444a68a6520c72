//! The README is true: its policies compile, its table is generated, its commands run.

use crate::support;
use std::fs;
use std::path::Path;
use std::process::Command;

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("the README")
}

fn cgwfw(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cgwfw")).args(arguments).output().expect("the program runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn policies_compile_without_a_warning() {
    let text = readme();
    let policies = cgwfw::snippet::readme::examples(&text);
    assert!(policies.len() >= 2);
    for policy in policies {
        let compilation = support::compiled(&policy);
        assert_eq!(cgwfw::example::short(&compilation, false), "", "README.md:{}", policy.line);
    }
}

#[test]
fn the_table_of_blocks_is_generated() {
    let text = readme();
    let (start, end) = ("<!-- blocks: `cgwfw snippets --markdown` -->\n", "<!-- end of blocks -->");
    let from = text.find(start).expect("the marker") + start.len();
    let to = text.find(end).expect("the marker");
    let table = cgwfw(&["snippets", "--markdown"]);
    if std::env::var_os("CGWFW_BLESS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        fs::write(path, format!("{}{table}{}", &text[..from], &text[to..])).expect("the README is written");
        return;
    }
    assert_eq!(&text[from..to], table, "run the tests with CGWFW_BLESS=1 to write the table anew");
}

#[test]
fn the_error_that_is_shown_is_the_one_that_is_printed() {
    let text = readme();
    let shown =
        text.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the example of an error");
    let policy = cgwfw::snippet::readme::Example {
        policy: "default drop\nallow ipsec peer 10.1.0.0/8 on inet0\n".into(),
        ..Default::default()
    };
    let rendered = cgwfw::example::rendered(&support::compiled(&policy));
    assert_eq!(shown.trim(), rendered.trim());
}

#[test]
fn the_trace_that_is_shown_is_the_one_that_is_printed() {
    let text = readme();
    let shown = text.split("```text\n").nth(2).and_then(|rest| rest.split("```").next()).expect("the trace");
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("gateway.cgwfw"), cgwfw(&["new", "site-to-site"])).expect("a policy");
    let line = text.lines().find(|line| line.starts_with("cgwfw trace gateway.cgwfw '")).expect("the command");
    let packet = line.split('\'').nth(1).expect("a packet in quotes");
    let printed = support::cgwfw(folder.path(), &["trace", "gateway.cgwfw", packet], "");
    assert_eq!(shown, support::text(&printed.stdout));
}

/// The commands of the tour, in a folder of their own, with `cgwfw` on the path; those of cargo are run by who runs this.
#[test]
fn commands_of_the_tour_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Path::new(env!("CARGO_BIN_EXE_cgwfw"));
    let path =
        format!("{}:{}", program.parent().expect("a folder").display(), std::env::var("PATH").unwrap_or_default());
    let text = readme();
    let mut commands = 0;
    for block in text.split("```sh\n").skip(1) {
        for line in block
            .split("```")
            .next()
            .unwrap_or_default()
            .lines()
            .filter(|line| line.contains("cgwfw ") && !line.starts_with("cargo"))
        {
            let output = Command::new("sh").args(["-c", line]).current_dir(folder.path()).env("PATH", &path).output();
            let output = output.expect("a shell");
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
            commands += 1;
        }
    }
    assert!(commands >= 7, "{commands} commands");
    assert!(folder.path().join("rules/ip6tables.rules").exists());
}

#[test]
fn the_two_commands_of_the_set_up_are_those_of_the_checks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checks = fs::read_to_string(root.join(".ci/run")).expect("the list of checks");
    let text = readme();
    let block = text.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the first commands");
    let commands: Vec<&str> = block.lines().collect();
    assert_eq!(commands, ["cargo run --release -- helm examples/site-to-site.cgwfw", "cargo test"]);
    assert!(checks.lines().any(|line| line == commands[1]), "the checks run the README's test command");
}

/// The block that the README shows, written where it says and used.
#[test]
fn the_block_of_ones_own_works() {
    let folder = tempfile::tempdir().expect("a folder");
    let block = folder.path().join("snippets/monitoring");
    fs::create_dir_all(&block).expect("a folder");
    let text = readme();
    let fence = |language: &str| {
        text.split(&format!("```{language}\n"))
            .nth(1)
            .and_then(|rest| rest.split("```").next())
            .expect("the fence")
            .to_owned()
    };
    fs::write(block.join("snippet.toml"), fence("toml")).expect("a file");
    fs::write(block.join("rules.j2"), fence("jinja")).expect("a file");
    let example = "## Both ports\n\n```cgwfw\nallow acme monitoring from 192.0.2.9 on eth0 with tls\n```\n```iptables\n\
        -A INPUT -s 192.0.2.9/32 -i eth0 -p tcp -m tcp --dport 9100 -j ACCEPT\n\
        -A INPUT -s 192.0.2.9/32 -i eth0 -p tcp -m tcp --dport 9443 -j ACCEPT\n```\n```ip6tables\n```\n";
    fs::write(block.join("README.md"), example).expect("a file");
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_cgwfw")).args(arguments).current_dir(folder.path()).output().expect("it runs")
    };
    let tested = run(&["snippets", "--test", "snippets"]);
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    assert_eq!(String::from_utf8_lossy(&tested.stdout), "1 passed, 0 failed\n");
    fs::write(folder.path().join("a.cgwfw"), "default drop\nallow acme monitoring from 2001:db8::9 on eth0\n")
        .expect("a file");
    let built = run(&["build", "a.cgwfw", "-6"]);
    assert!(
        String::from_utf8_lossy(&built.stdout)
            .contains("-A INPUT -s 2001:db8::9/128 -i eth0 -p tcp -m tcp --dport 9100 -j ACCEPT")
    );
    fs::write(block.join("README.md"), example.replace("9443", "9444")).expect("a file");
    assert_eq!(run(&["snippets", "--test", "snippets"]).status.code(), Some(1));
    fs::write(block.join("rules.j2"), "-A OUTPUT -i {{ interface }} -s {{ server }} -j ACCEPT\n").expect("a file");
    let refused = run(&["check", "a.cgwfw", "--format", "short"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&refused.stderr)
            .starts_with("snippets/monitoring/rules.j2:1:1: error[cgwfw::snippet::refused_rule]")
    );
}
