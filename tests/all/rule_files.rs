//! `cgwfw trace` over rule files that others wrote.

use std::path::Path;

use tempfile::TempDir;

use crate::support::{self, text};

/// Exit code, answer and reports of a trace over one file.
fn trace(option: &str, rules: &[u8], traffic: &str) -> (Option<i32>, String, String) {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("rules"), rules).expect("a file");
    run(folder.path(), &["trace", option, "rules", traffic])
}

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = support::cgwfw(folder, arguments, "");
    (output.status.code(), text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
}

/// The first line of an answer.
fn verdict(option: &str, rules: &[u8], traffic: &str) -> String {
    let (code, out, errors) = trace(option, rules, traffic);
    assert_eq!(code, Some(0), "{errors}");
    out.lines().next().expect("a first line").to_owned()
}

#[test]
fn a_file_of_one_family_is_enough() {
    let rules = b"*filter\n-A INPUT -p tcp --dport www -j DROP\nCOMMIT\n";
    let dropped = "DROPPED by rules:2 -A INPUT -p tcp --dport www -j DROP";
    assert_eq!(verdict("-4", rules, "in on eth0 tcp port 80"), dropped);
    assert_eq!(verdict("-6", rules, "in on eth0 tcp port 80"), dropped);
    let (code, _, errors) = trace("-4", rules, "in on eth0 tcp from 2001:db8::1 to port 80");
    assert_eq!(code, Some(2));
    assert!(errors.contains("no packet is of the family of the rule file"), "{errors}");
}

#[test]
fn all_that_keeps_a_file_from_being_loaded_is_said_at_once() {
    let rules =
        b"*filter\n-A INPUT -s nowhere -j ACCEPT\n-A INPUT -p tcp --dport ntp\n-A FOO -j ACCEPT\n-D INPUT 3\nCOMMIT\n";
    let (code, out, errors) = trace("-4", rules, "in on eth0 tcp port 80");
    assert_eq!((code, out.as_str()), (Some(2), ""));
    let lines: Vec<_> = errors.lines().filter_map(|line| line.strip_prefix("rules:")).collect();
    let starts: Vec<_> = lines.iter().map(|line| &line[..9]).collect();
    assert_eq!(starts, ["2: error:", "3: error:", "4: error:", "5: error:"], "{errors}");
    assert!(errors.ends_with("cgwfw: rules: no loader takes the file, for 4 reasons\n"), "{errors}");
}

#[test]
fn what_one_loader_refuses_or_no_packet_meets_is_a_warning() {
    let rules = b"*filter\n:LOG - [0:0]\n:own DROP [0:0]\n-A INPUT -p udp --dport 200:100 -j DROP\n-A INPUT -j LOG\n\
        -A LOG -j ACCEPT\n-R LOG 1 -j DROP\n-A INPUT -m comment --comment \"caf\xe9\x1b\" -j DROP\nCOMMIT";
    let (code, out, errors) = trace("-4", rules, "in on eth0 udp port 150");
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.starts_with("DROPPED by rules:7 -R LOG 1 -j DROP\n"), "{out}");
    for warning in [
        "rules:3: warning: chain `own` is not built in and has no policy",
        "rules:4: warning: the range of ports 200:100 ends before it starts",
        "rules:7: warning: iptables-nft crashes where a rule of the same file is replaced",
        "rules:7: warning: the chain name `LOG` is the name of a target",
        "rules:9: warning: the last line has no line feed",
    ] {
        assert!(errors.contains(warning), "{warning}\n{errors}");
    }
}

#[test]
fn what_loads_as_something_else_is_open() {
    let rules = b"*filter\n-A INPUT -m recent --rcheck --name \"a b\" -j DROP\nCOMMIT\n";
    let (code, out, errors) = trace("-4", rules, "in on eth0 tcp port 9");
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.starts_with("DROPPED if "), "{out}");
    assert!(errors.contains("rules:2: warning: `a b` is no name"), "{errors}");
    // Where the rules are loaded there may be such a user.
    let rules = b"*filter\n-A OUTPUT -m owner --uid-owner squid -j DROP\nCOMMIT\n";
    assert!(verdict("-4", rules, "out on eth0 tcp port 9").starts_with("DROPPED if "));
}

#[test]
fn lines_change_what_stands_above_them() {
    let rules = b"*filter\n-A INPUT -p tcp -j ACCEPT\n-I INPUT -p udp -j ACCEPT\n-I INPUT 2 -s 192.0.2.1 -j DROP\n\
        -A INPUT -p udp -j DROP\n-D INPUT 1\n-D INPUT -p tcp -j ACCEPT\nCOMMIT\n";
    let udp = "in on eth0 udp from 192.0.2.2 to port 9";
    assert_eq!(verdict("-4", rules, udp), "DROPPED by rules:5 -A INPUT -p udp -j DROP");
    let tcp = "in on eth0 tcp from 192.0.2.1 to port 9";
    assert_eq!(verdict("-4", rules, tcp), "DROPPED by rules:4 -I INPUT 2 -s 192.0.2.1 -j DROP");
    assert!(verdict("-4", rules, "in on eth0 tcp from 192.0.2.2 to port 9").starts_with("ACCEPTED by the policy"));
}

// Real packets: legacy iptables matches none, iptables-nft all.
#[test]
fn what_iptables_nft_leaves_out_is_open() {
    for option in ["! --dport 0:65535", "! --tcp-flags NONE NONE"] {
        let rules = format!("*filter\n-A INPUT -p tcp {option} -j DROP\nCOMMIT\n");
        let first = verdict("-4", rules.as_bytes(), "in on eth0 tcp port 22");
        assert_eq!(first, "DROPPED if iptables-nft is used, else ACCEPTED");
    }
}

#[test]
fn a_chain_may_bear_the_name_of_a_hook_of_another_table() {
    let rules = b"*filter\n:PREROUTING - [0:0]\n-A INPUT -j PREROUTING\n-A PREROUTING -j DROP\nCOMMIT\n";
    assert_eq!(verdict("-4", rules, "in on eth0 tcp port 9"), "DROPPED by rules:4 -A PREROUTING -j DROP");
    assert!(verdict("-4", rules, "out on eth0 tcp port 9").starts_with("ACCEPTED"));
}
