//! What `cgwfw trace` is asked besides one packet: the answer to it, and the packets of a log.

use std::path::Path;

use crate::support::{self, text};

const POLICY: &str = "default drop\nallow in on eth0 tcp port 22\nallow in on eth0 udp port 500 limit 3/minute\n";

fn trace(policy: &str, input: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("policy.cgwfw"), policy).expect("written");
    let output = support::cgwfw(folder.path(), &[&["trace", "policy.cgwfw"], arguments].concat(), input);
    (output.status.code(), text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
}

fn json(policy: &str, input: &str, arguments: &[&str]) -> Vec<serde_json::Value> {
    let (code, out, err) = trace(policy, input, &[arguments, &["--json"]].concat());
    assert_eq!(code, Some(0), "{err}");
    out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn the_answer_is_followed_and_where_it_is_lost_that_is_said() {
    let packet = "in on eth0 tcp from 192.0.2.9 to 192.0.2.1 port 22";
    let (_, out, _) = trace(POLICY, "", &[packet]);
    let lines: Vec<&str> = out.lines().take(2).collect();
    assert_eq!(
        lines,
        [
            "ACCEPTED by policy.cgwfw:2 allow in on eth0 tcp port 22",
            "  but the answer to it is DROPPED by the policy of OUTPUT: no rule accepts it (policy.cgwfw:1 default drop); \
             --reply shows how"
        ]
    );
    let (_, out, _) = trace(POLICY, "", &[packet, "--reply"]);
    let (_, answer) = out.split_once("\n\nthe answer: ").expect("an answer");
    assert_eq!(
        answer,
        "DROPPED by the policy of OUTPUT: no rule accepts it (policy.cgwfw:1 default drop)

packet
  out on eth0 tcp from 192.0.2.1 port 22 to 192.0.2.9 port 40000 flags all/syn,ack ttl 64   (IPv4)

walk
  filter   OUTPUT       no rule matches: dropped by the policy of OUTPUT

hint
  a sentence that lets it pass: allow out on eth0 tcp from 192.0.2.1 source port 22 to 192.0.2.9 no syn
"
    );
    let (_, out, _) = trace(&format!("{POLICY}allow established\n"), "", &[packet]);
    assert!(!out.contains("the answer"), "{out}");
}

#[test]
fn no_sentence_for_connections_is_hinted_at_where_the_answer_is_not_tracked() {
    let policy = "default drop\nallow in on eth0 tcp port 22 state new\n";
    let untracked = format!("{policy}rules both raw {{ -A OUTPUT -p tcp -j CT --notrack }}\n");
    let packet = "in on eth0 tcp from 192.0.2.9 to 192.0.2.1 port 22";
    for (policy, sentence) in [
        (policy, "allow established"),
        (&*untracked, "allow out on eth0 tcp from 192.0.2.1 source port 22 to 192.0.2.9 no syn"),
    ] {
        let (_, out, _) = trace(policy, "", &[packet, "--reply"]);
        assert!(out.ends_with(&format!("\n  a sentence that lets it pass: {sentence}\n")), "{out}");
    }
}

#[test]
fn an_answer_is_translated_back_and_has_the_state_of_its_connection() {
    let policy = "interface wan0 public\ninterface lan0\ndefault drop\nmasquerade out on wan0 from 10.0.0.0/8\n\
                  allow forward in on lan0 out on wan0 tcp state new\n\
                  allow forward in on wan0 out on lan0 to 10.0.0.5 state established\n";
    let packet = "forward in on lan0 out on wan0 tcp from 10.0.0.5 to 192.0.2.80 port 443";
    let answers = json(policy, "", &[packet, "--reply"]);
    let [answer] = &answers[..] else { panic!("{answers:?}") };
    let reply = &answer["replies"][0];
    assert_eq!(reply["verdict"], "accept");
    assert_eq!(
        reply["packet"],
        "forward in on wan0 out on lan0 tcp from 192.0.2.80 port 443 to 10.0.0.5 port 40000 flags all/syn,ack ttl 64 \
         state established"
    );
    let (_, out, _) = trace(policy, "", &[packet, "--reply"]);
    assert!(
        out.contains("  as it is sent, its destination is the address of wan0, which the rules do not tell\n"),
        "{out}"
    );
    assert!(out.contains("  translated back: its destination becomes 10.0.0.5\n"), "{out}");
}

#[test]
fn what_is_not_answered_says_why() {
    for (packet, why) in [
        ("in on eth0 tcp port 22 flags all/rst only ipv4", "the answer is not followed: such a packet is not answered"),
        (
            "out on eth0 udp to 224.0.0.251 port 5353",
            "the answer is not followed: it goes to many, or comes from no address",
        ),
    ] {
        let policy = "default drop\nallow in on eth0 tcp\nallow out on eth0 udp\n";
        let (_, out, err) = trace(policy, "", &[packet, "--reply"]);
        assert_eq!(out.lines().last(), Some(why), "{out}{err}");
        let (_, out, _) = trace(policy, "", &[packet]);
        assert!(!out.contains("answer"), "{out}");
    }
    let policy = "default drop\ndnat in on eth0 tcp port 8080 to 192.0.2.1 as 10.0.0.80:80\nallow forward in on eth0\n";
    let (_, out, _) = trace(policy, "", &["in on eth0 tcp to 192.0.2.1 port 8080", "--reply"]);
    assert!(out.contains("the answer is not followed: no rule tells by which interface it leaves"), "{out}");
}

#[test]
fn where_the_backends_differ_the_one_is_named_that_it_depends_on() {
    let policy = "default drop\nallow in on eth0 udp port 53\n";
    let (_, out, _) = trace(policy, "", &["in on eth0 udp port 53 fragment later only ipv6"]);
    let first =
        "ACCEPTED if iptables-nft is used and `-m udp --dport 53` holds of the bytes that it reads, else DROPPED";
    assert_eq!(out.lines().next(), Some(first));
    let folder = tempfile::tempdir().expect("a folder");
    let rules = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p udp -m udp ! --dport 0:65535 -j ACCEPT\nCOMMIT\n";
    std::fs::write(folder.path().join("rules"), rules).expect("written");
    let output = support::cgwfw(folder.path(), &["trace", "-4", "rules", "in on eth0 udp port 53"], "");
    assert_eq!(text(&output.stdout).lines().next(), Some("ACCEPTED if iptables-nft is used, else DROPPED"));
}

const LOG: &str = "tcpdump: listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes
12:00:00.000001 IP 192.0.2.9.40000 > 192.0.2.1.22: Flags [S], seq 1, win 64240, length 0
12:00:00.000002 IP 192.0.2.9.500 > 192.0.2.1.500: isakmp: parent_sa ikev2_init[I]
12:00:00.000003 ARP, Request who-has 192.0.2.1 tell 192.0.2.9, length 28

12:00:01.000001 IP 192.0.2.9.40000 > 192.0.2.1.22: Flags [S], seq 1, win 64240, length 0
12:00:02.000001 IP 127.0.0.1.40000 > 192.0.2.1.22: Flags [S], seq 1, win 64240, length 0
7 packets captured
";

#[test]
fn each_answer_names_the_lines_of_the_log() {
    let (code, out, err) = trace(POLICY, LOG, &["--log", "-", "in on eth0"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("lines 2 and 6, IPv4: ACCEPTED by policy.cgwfw:2 "), "{out}");
    assert!(out.contains("\n\nline 3, IPv4: ACCEPTED up to 3/minute, else DROPPED\n"), "{out}");
    let (passed, impossible) = err.split_once('\n').expect("two reports");
    assert_eq!(passed, "cgwfw: <stdin>:4: passed over: it is not of IP");
    assert!(impossible.contains("there is no such packet"), "{err}");
    assert!(impossible.contains("[<stdin>:7:"), "the line of the log: {err}");
    let answers = json(POLICY, LOG, &["--log", "-", "in on eth0"]);
    let lines: Vec<_> = answers.iter().map(|answer| answer["lines"].clone()).collect();
    assert_eq!(lines, [serde_json::json!([2, 6]), serde_json::json!([3])]);
}

#[test]
fn a_log_without_a_direction_or_a_packet_says_what_to_do() {
    let (code, out, err) = trace(POLICY, LOG, &["--log", "-"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("it does not say which way the packet went: add that, such as `'in on eth0'`"), "{err}");
    for input in ["", "\n", "a line\n"] {
        let (code, out, err) = trace(POLICY, input, &["--log", "-", "in on eth0"]);
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert!(err.contains("no packet in it; lines of "), "{err}");
    }
    // A line of any length is not quoted whole.
    let long = format!("12:00:00.1 IP 192.0.2.9 > 192.0.2.1: {}\n", "x".repeat(1 << 20));
    let (code, _, err) = trace(POLICY, &long, &["--log", "-", "in on eth0"]);
    assert!(code == Some(2) && err.len() < 1_000, "{}", err.len());
    // Words that are none: said once for each line, and not for thousands.
    let many = LOG.lines().nth(1).expect("a line").to_owned() + "\n";
    let many: String = (1..2_000).map(|port| many.replace("40000", &port.to_string())).collect();
    let (code, _, err) = trace(POLICY, &many, &["--log", "-", "inn on eth0"]);
    assert_eq!(code, Some(2));
    assert!(err.len() < 10_000, "{}", err.len());
}

#[test]
fn a_log_is_asked_of_rule_files_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n";
    std::fs::write(folder.path().join("rules"), rules).expect("written");
    let output = support::cgwfw(folder.path(), &["trace", "-4", "rules", "--log", "-", "in on eth0"], LOG);
    assert!(text(&output.stdout).starts_with("lines 2 and 6, IPv4: ACCEPTED by rules:3 "), "{output:?}");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let both = support::cgwfw(here, &["trace", "-", "--log", "-", "--packets", "-"], "");
    assert_eq!(both.status.code(), Some(2));
}
