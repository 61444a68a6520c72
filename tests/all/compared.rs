//! What `query`, `diff` and `without` answer, on the command line.

use std::fs;
use std::path::Path;

use crate::support::{self, text};

const POLICY: &str = "default drop\nallow loopback\nallow established\nallow https in on inet0\n";

fn asked(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = support::cgwfw(folder, arguments, "");
    let errors = text(&output.stderr);
    assert!(!errors.contains("panicked"), "{errors}");
    (output.status.code(), text(&output.stdout).to_owned())
}

/// Two policies, the second with more lines and without some.
fn compared(more: &str, without: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("old.cgwfw"), POLICY).expect("a file");
    fs::write(folder.path().join("new.cgwfw"), POLICY.replace(without, "") + more).expect("a file");
    asked(folder.path(), &[&["diff", "old.cgwfw", "new.cgwfw"], arguments].concat())
}

fn words(answer: &str) -> Vec<&str> {
    answer.lines().take_while(|line| !line.starts_with("the rule files")).collect()
}

#[test]
fn each_family_gets_one_of_four_words() {
    let word = |more, without| {
        let (code, answer) = compared(more, without, &[]);
        (code, words(&answer).join("; "))
    };
    let none = "no such line";
    assert_eq!(word("# nothing\n", none), (Some(0), "IPv4: the same; IPv6: the same".into()));
    assert_eq!(word("allow https in on inet0\n", none), (Some(0), "IPv4: the same; IPv6: the same".into()));
    assert_eq!(
        word("allow ssh in on inet0 from 192.0.2.0/24\n", none),
        (Some(1), "IPv4: more permissive; IPv6: the same".into())
    );
    assert_eq!(word("", "allow https in on inet0\n"), (Some(1), "IPv4: less permissive; IPv6: less permissive".into()));
    assert_eq!(
        word("allow ssh in on inet0\n", "allow https in on inet0\n"),
        (Some(1), "IPv4: incomparable; IPv6: incomparable".into())
    );
    // A change of what is known already opens nothing new.
    assert_eq!(
        word("allow out on inet0 tcp state related\n", "allow established\n").1,
        "IPv4: less permissive (new connections: the same); IPv6: less permissive (new connections: the same)"
    );
    let refused = "the same packets pass; some are refused otherwise";
    assert_eq!(word("reject in on inet0 tcp port 113\n", none), (Some(1), format!("IPv4: {refused}; IPv6: {refused}")));
    let clamped = "the same packets pass; other rules differ";
    assert_eq!(word("clamp mss 1250 through inet0\n", none), (Some(1), format!("IPv4: {clamped}; IPv6: {clamped}")));
}

#[test]
fn a_limit_opens_less_and_a_set_depends() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = |port: &str| {
        format!("*filter\n:INPUT DROP [0:0]\n-A INPUT -i inet0 -p tcp -m tcp --dport 22 {port}-j ACCEPT\nCOMMIT\n")
    };
    let word = |old: &str, new: &str| {
        fs::write(folder.path().join("old.v4"), rules(old)).expect("a file");
        fs::write(folder.path().join("new.v4"), rules(new)).expect("a file");
        words(&asked(folder.path(), &["diff", "old.v4", "new.v4"]).1).join("; ")
    };
    let limit = "-m limit --limit 5/min ";
    let (admins, others) = ("-m set --match-set admins src ", "-m set --match-set others src ");
    assert_eq!(word(limit, limit), "IPv4: the same");
    assert_eq!(word("", limit), "IPv4: less permissive");
    assert_eq!(word(limit, ""), "IPv4: more permissive");
    // What is within a limit is within a wider one, and what has no way back at all has none by its interface.
    let (faster, slower) = ("-m limit --limit 1/sec ", "-m limit --limit 60/hour ");
    assert_eq!(word(limit, faster), "IPv4: more permissive");
    assert_eq!(word(limit, slower), "IPv4: less permissive");
    assert_eq!(word("-m limit --limit 5/min --limit-burst 50 ", faster), "IPv4: incomparable");
    assert_eq!(word("-m rpfilter --loose ", "-m rpfilter "), "IPv4: less permissive");
    assert_eq!(word("-m rpfilter --invert ", "-m rpfilter --loose --invert "), "IPv4: less permissive");
    assert_eq!(word(admins, admins), "IPv4: the same");
    assert_eq!(word("", admins), "IPv4: less permissive");
    assert_eq!(word(admins, others), "IPv4: incomparable");
}

#[test]
fn what_is_newly_accepted_can_be_denied_alone() {
    let denied = |more: &str, without: &str, what: &str| compared(more, without, &["--deny", what]).0;
    let none = "no such line";
    for what in ["newly-accepted", "newly-accepted:new"] {
        assert_eq!(denied("", "allow https in on inet0\n", what), Some(0), "{what}");
        assert_eq!(denied("allow ssh in on inet0\n", none, what), Some(1), "{what}");
    }
    let related = "allow in on inet0 tcp state invalid\n";
    assert_eq!(denied(related, none, "newly-accepted"), Some(1));
    let public = "newly-accepted:public";
    assert_eq!(denied("allow ssh in on inet0\n", none, public), Some(0), "nothing is public");
    let declared = "interface inet0 public\ninterface eth0 calico\n";
    assert_eq!(denied(&format!("{declared}allow ssh in on inet0\n"), none, public), Some(1));
    assert_eq!(denied(&format!("{declared}allow ssh in on eth0\n"), none, public), Some(0));
    assert_eq!(denied(&format!("{declared}allow forward in on inet0 out on eth0\n"), none, public), Some(1));
}

#[test]
fn json_has_all_of_it_and_markdown_marks_it_up() {
    let more = "allow ssh in on inet0 from 192.0.2.0/24\n";
    let (code, json) = compared(more, "no such line", &["--format", "json"]);
    assert_eq!(code, Some(1));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let family = &json["families"][0];
    assert_eq!(
        (&family["family"], &family["all"], &family["first"]),
        (&"ipv4".into(), &"more-permissive".into(), &"more-permissive".into())
    );
    assert_eq!(family["packets"][0]["change"], "newly-accepted");
    assert_eq!(family["packets"][0]["by"]["line"], 5);
    let packets = "in on inet0 tcp from 192.0.2.0/24 to port 22 state not { related, established }";
    assert_eq!(family["packets"][0]["packets"][0]["packets"], packets);
    assert_eq!(json["families"][1]["all"], "same");
    let (_, markdown) = compared(more, "no such line", &["--format", "markdown"]);
    assert!(markdown.starts_with("- **IPv4**: more permissive\n- **IPv6**: the same\n"), "{markdown}");
    assert!(markdown.contains(&format!("\n- `{packets}`\n")), "{markdown}");
}

#[test]
fn a_translation_that_changes_is_told_with_both() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = |to: &str| {
        format!(
            "default drop\nallow established\nallow forward in on inet0 out on net0 tcp to 10.1.0.0/16\n\
             dnat in on inet0 tcp port https to 198.51.100.1 as {to}\n"
        )
    };
    fs::write(folder.path().join("old.cgwfw"), policy("10.1.0.80")).expect("a file");
    fs::write(folder.path().join("new.cgwfw"), policy("10.1.0.81")).expect("a file");
    let (code, answer) = asked(folder.path(), &["diff", "old.cgwfw", "new.cgwfw"]);
    assert_eq!(code, Some(1));
    assert_eq!(words(&answer)[0], "IPv4: the same packets pass; some are made another", "{answer}");
    assert!(answer.contains("passes as before, but the destination: 10.1.0.81, before 10.1.0.80"), "{answer}");
    assert!(answer.contains("forward in on inet0 out on net0 tcp to 198.51.100.1 port 443"), "{answer}");
}

/// The chart's IPv6 file lets no ICMPv6 pass, since it names ICMP, and nothing out by `lo`: `examples/README.md`.
#[test]
fn what_was_wrong_in_the_file_of_the_chart_is_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let chart = "tests/chart/examples/iptables-vti-ipsec-full.ipv6";
    let (code, answer) = asked(root, &["diff", chart, "examples/vti-ipsec-full.ip6tables.rules"]);
    assert_eq!(code, Some(1));
    assert_eq!(words(&answer), ["IPv6: more permissive"]);
    let sets: Vec<&str> = answer.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert_eq!(
        sets,
        [
            "in on not { lo, eth0 } icmp",
            "forward in on not inet0 out on not inet0 icmp",
            "out on lo",
            "out on not { lo, eth0 } icmp",
            "- mangle -A POSTROUTING -o inet0 -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1250",
        ],
        "{answer}"
    );
}

#[test]
fn every_line_has_what_would_change_without_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = "default drop\n\
        include \"more.cgwfw\"\n\
        # a comment\n\
        allow https in on inet0\n\
        allow https in on inet0 from 192.0.2.1\n\
        rules ipv4 filter {\n\
        -A INPUT -i net0 -p tcp -m tcp --dport 25 -j ACCEPT\n\
        -A INPUT -i net0 -p tcp -m tcp --dport 26 -j ACCEPT\n\
        }\n\
        define unused = 1\n";
    fs::write(folder.path().join("policy.cgwfw"), policy).expect("a file");
    fs::write(folder.path().join("more.cgwfw"), "allow ssh in on inet0\nallow dns in on inet0\n").expect("a file");
    let without = |line: &str| asked(folder.path(), &["without", "policy.cgwfw", line]);
    let sets = |answer: &str| -> Vec<String> {
        answer.lines().filter_map(|line| line.strip_prefix("    ")).map(str::to_owned).collect()
    };
    let (code, answer) = without("1");
    assert_eq!(code, Some(1));
    assert!(answer.starts_with("line 1 with `accept` instead: default drop\nIPv4: more permissive\n"), "{answer}");
    let (code, answer) = without("2");
    assert_eq!(code, Some(1));
    let of_include = ["in on inet0 tcp port { 22, 53 }", "in on inet0 udp port 53"];
    // Nothing is tracked: iptables-nft takes the first bytes of a piece for its ports.
    assert_eq!(sets(&answer), [&of_include[..], &of_include, &["in on inet0 { tcp, udp } fragment later"]].concat());
    assert!(answer.contains("more.cgwfw:1: allow ssh in on inet0"), "{answer}");
    assert_eq!(without("3").0, Some(2));
    assert_eq!(sets(&without("4").1)[..1], ["in on inet0 tcp from not 192.0.2.1 to port 443"]);
    let (code, answer) = without("5");
    assert_eq!(code, Some(0), "the sentence before decides all of it");
    assert!(answer.starts_with("without line 5: allow https in on inet0 from 192.0.2.1\nIPv4: the same\n"), "{answer}");
    assert_eq!(sets(&without("8").1), ["in on net0 tcp port 26"]);
    for line in ["6", "9"] {
        assert_eq!(sets(&without(line).1), ["in on net0 tcp port 25-26"], "line {line}");
    }
    let (code, answer) = without("10");
    assert_eq!(
        (code, answer.as_str()),
        (Some(0), "line 10 yields no rule: define unused = 1\nwithout it nothing would change\n")
    );
    assert_eq!(without("11").0, Some(2));
}

#[test]
fn all_packets_of_some_traffic_are_told_by_their_fate() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = "default drop\n\
        allow ssh in on inet0 from 192.0.2.0/24 limit 5/minute\n\
        allow https in on inet0\n\
        reject in on inet0 tcp port 113\n";
    fs::write(folder.path().join("policy.cgwfw"), policy).expect("a file");
    let query =
        |traffic: &str, more: &[&str]| asked(folder.path(), &[&["query", "policy.cgwfw", traffic], more].concat());
    let (code, answer) = query("in on inet0 tcp", &[]);
    assert_eq!(code, Some(0));
    assert_eq!(
        answer,
        "First packets of connections; `state any` asks about all.\n\
         \n\
         IPv4\n  \
           accepted by policy.cgwfw:3: allow https in on inet0\n    \
             in on inet0 tcp port 443\n  \
           dropped by policy.cgwfw:1: default drop\n    \
             in on inet0 tcp from not 192.0.2.0/24 to port not { 113, 443 }\n    \
             in on inet0 tcp from 192.0.2.0/24 to port not { 22, 113, 443 }\n  \
           rejected by policy.cgwfw:4: reject in on inet0 tcp port 113\n    \
             in on inet0 tcp port 113\n  \
           depending on a limit: accepted or dropped by policy.cgwfw:2: allow ssh in on inet0 from 192.0.2.0/24 limit \
             5/minute, policy.cgwfw:1: default drop\n    \
             in on inet0 tcp from 192.0.2.0/24 to port 22\n\
         \n\
         IPv6\n  \
           accepted by policy.cgwfw:3: allow https in on inet0\n    \
             in on inet0 tcp port 443\n  \
           dropped by policy.cgwfw:1: default drop\n    \
             in on inet0 tcp port not { 113, 443 }\n  \
           rejected by policy.cgwfw:4: reject in on inet0 tcp port 113\n    \
             in on inet0 tcp port 113\n"
    );
    let (_, accepted) = query("in on inet0 tcp state any", &["--verdict", "accept"]);
    assert_eq!(
        accepted,
        "\nIPv4 and IPv6\n  accepted by policy.cgwfw:3: allow https in on inet0\n    in on inet0 tcp port 443\n"
    );
    let (_, json) = query("in on inet0 tcp port 22 from 192.0.2.1", &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json[0]["fate"], "depending");
    assert_eq!(json[0]["depends"]["fates"], serde_json::json!(["accepted", "dropped"]));
    assert_eq!(query("in on inet0 tcp prot 22", &[]).0, Some(2));
}
