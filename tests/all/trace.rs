//! `cgwfw trace` and `cgwfw test` as users run them.

mod hints;

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::Output;

use crate::support::generate::Random;
use crate::support::{self, text};
use cgwfw::diagnostic::Diagnostics;
use cgwfw::iptables::packet::{Fragment, Packet, State, Transport, Way};
use cgwfw::iptables::ruleset::IcmpType;
use cgwfw::net::{Interface, Protocol};
use cgwfw::policy::Declarations;
use cgwfw::resolve::scope::Scope;
use cgwfw::resolve::traffic::packets::packets;
use cgwfw::resolve::words::Words;
use cgwfw::sentence::{packet as sentence, packets_of};
use cgwfw::source::Sources;
use cgwfw::syntax;
use cgwfw::traffic::one::all_described;
use cgwfw::traffic::set::PacketSet;

const POLICY: &str = "interface inet0 public
interface eth0  calico
define peer = 192.0.2.1
default drop
allow loopback
allow ipsec peer $peer on inet0
reject in on eth0 with admin-prohibited
";

fn cgwfw(arguments: &[&str], input: &str) -> Output {
    support::cgwfw(Path::new(env!("CARGO_MANIFEST_DIR")), arguments, input)
}

fn trace(traffic: &str, options: &[&str]) -> (Option<i32>, String, String) {
    let output = cgwfw(&[&["trace", "-", traffic], options].concat(), POLICY);
    (output.status.code(), text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
}

fn json(traffic: &str) -> serde_json::Value {
    let (_, out, _) = trace(traffic, &["--json"]);
    serde_json::from_str(out.lines().next().expect("a line")).expect("JSON")
}

#[test]
fn the_verdict_stands_in_the_first_line_and_the_walk_below() {
    let (code, out, _) = trace("in on inet0 udp from 192.0.2.1 port 500 to 192.0.2.2 port 500", &[]);
    assert_eq!(code, Some(0));
    assert_eq!(
        out,
        "ACCEPTED by <stdin>:6 allow ipsec peer $peer on inet0

packet
  in on inet0 udp from 192.0.2.1 port 500 to 192.0.2.2 port 500 ttl 64   (IPv4)
  assumed: ttl 64

walk
  filter   INPUT
    <stdin>:6 allow ipsec peer $peer on inet0
      -A INPUT -s 192.0.2.1/32 -i inet0 -p udp -m udp --sport 500 --dport 500 -j ACCEPT
      accepted
"
    );
}

#[test]
fn a_drop_comes_with_what_would_be_accepted() {
    let (code, out, _) = trace("in on inet0 udp from 192.0.2.9 port 500 to 192.0.2.2 port 500", &[]);
    assert_eq!(code, Some(0), "whatever the verdict");
    assert_eq!(
        out,
        "DROPPED by the policy of INPUT: no rule accepts it (<stdin>:4 default drop)

packet
  in on inet0 udp from 192.0.2.9 port 500 to 192.0.2.2 port 500 ttl 64   (IPv4)
  assumed: ttl 64

walk
  filter   INPUT        no rule matches: dropped by the policy of INPUT

hint
  would be accepted by <stdin>:6 `allow ipsec peer $peer on inet0` if it came from 192.0.2.1
  a sentence that lets it pass: allow in on inet0 udp from 192.0.2.9 to 192.0.2.2 port 500
"
    );
}

#[test]
fn verbose_shows_what_almost_matched_and_the_diagram_the_path() {
    let (_, out, _) = trace("in on inet0 udp from 192.0.2.1 port 501 to port 500", &["--verbose", "--diagram"]);
    assert!(
        out.contains("--sport 500 --dport 500 -j ACCEPT\n      -m udp --sport 500 --dport 500 does not hold\n"),
        "{out}"
    );
    for line in [
        "# INPUT                 #<",
        "# DROPPED               #",
        "| FORWARD            |",
        "| OUTPUT                |",
    ] {
        assert!(out.contains(line), "{line} is missing in\n{out}");
    }
    let (_, forwarded, _) = trace("forward in on inet0 out on eth0 tcp", &["--diagram"]);
    assert!(forwarded.contains(">#") && forwarded.contains("# DROPPED            #"), "{forwarded}");
}

#[test]
fn colours_are_for_terminals_only() {
    let (_, plain, _) = trace("in on inet0 tcp from 192.0.2.1", &[]);
    assert!(!plain.contains('\u{1b}'));
    let (_, colored, _) = trace("in on inet0 tcp from 192.0.2.1", &["--color", "always"]);
    assert!(colored.starts_with("\u{1b}[1;31mDROPPED\u{1b}[0m by the policy of INPUT"), "{colored}");
}

#[test]
fn without_an_address_there_is_an_answer_for_each_family() {
    let (_, out, _) = trace("in on inet0 tcp port 22", &[]);
    assert!(out.starts_with("IPv4: DROPPED") && out.contains("\n\nIPv6: DROPPED"), "{out}");
    assert!(out.contains("  assumed: from 198.51.100.99, from port 40000, to 203.0.113.97, flags all/syn, ttl 64\n"));
    assert!(out.contains("from 2001:db8:99::1 port 40000 to 2001:db8:99::2 port 22"));
    let (_, neighbor, _) = trace("in on inet0 icmp type neighbor-solicitation", &[]);
    assert!(neighbor.contains("from fe80::99 to ff02::1:ff00:99 ttl 255   (IPv6)"), "{neighbor}");
}

#[test]
fn reject_says_what_goes_back_and_whether_it_gets_out() {
    let (_, out, _) = trace("in on eth0 tcp from 192.0.2.9 to 192.0.2.2 port 22", &[]);
    assert!(out.starts_with("REJECTED by <stdin>:7 reject in on eth0 with admin-prohibited\n"), "{out}");
    let answer =
        "icmp-admin-prohibited (ICMP type 3 code 13) goes back to 192.0.2.9; OUTPUT: dropped by the policy of OUTPUT";
    assert!(out.contains(answer), "{out}");
    let (_, error, _) = trace("in on eth0 icmp type time-exceeded from 192.0.2.9 to 192.0.2.2", &[]);
    assert!(error.contains("nothing goes back: ICMP errors are not answered with errors"), "{error}");
}

#[test]
fn json_has_the_keys_of_the_reference() {
    let accepted = json("in on inet0 esp from 192.0.2.1");
    for (key, value) in [
        ("family", "ipv4"),
        ("verdict", "accept"),
        ("table", "filter"),
        ("chain", "INPUT"),
        ("rule", "-A INPUT -s 192.0.2.1/32 -i inet0 -p esp -j ACCEPT"),
    ] {
        assert_eq!(accepted[key], value, "{key}");
    }
    let statement = serde_json::json!({ "file": "<stdin>", "line": 6, "text": "allow ipsec peer $peer on inet0" });
    assert_eq!(accepted["statement"], statement);
    assert!(accepted["policy"].is_null() && accepted["with"].is_null() && accepted["rewritten"].is_null());
    assert_eq!(accepted["steps"].as_array().expect("an array").last().expect("a step")["what"], "accepted");
    let dropped = json("in on inet0 esp from 192.0.2.9");
    assert_eq!((&dropped["verdict"], &dropped["policy"]), (&"drop".into(), &"INPUT".into()));
    assert!(dropped["rule"].is_null() && dropped["statement"].is_null());
    let rejected = json("in on eth0 esp from 192.0.2.9");
    assert_eq!((&rejected["verdict"], &rejected["with"]), (&"reject".into(), &"icmp-admin-prohibited".into()));
}

#[test]
fn json_shows_what_was_rewritten_and_what_is_possible() {
    let packet = "forward in on inet0 out on sgi2 tcp from 192.0.2.1 to 198.51.100.1 port https";
    let output = cgwfw(&["trace", "examples/nat-gateway.cgwfw", packet, "--json"], "");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["rewritten"]["destination"], "10.1.0.80:8443");
    assert!(answer["verdict"].is_null(), "the reverse path is not known");
    let possible: Vec<_> = answer["possible"].as_array().expect("an array").iter().map(|one| &one["verdict"]).collect();
    assert_eq!(possible, ["accept", "drop"]);
    let output = cgwfw(&["trace", "examples/nat-gateway.cgwfw", packet], "");
    let out = text(&output.stdout);
    assert!(out.starts_with("DROPPED if it is spoofed, else ACCEPTED\n  depends on "), "{out}");
}

#[test]
fn an_open_answer_says_how_and_names_what_decides() {
    let policy = "default drop
rules ipv4 filter {
-A INPUT -m limit --limit 3/min -j LOG
-A INPUT -i eth0 -p udp -j NFQUEUE --queue-num 1
-A INPUT -i eth0 -p tcp -m tcp --dport 23 -m set --match-set x src -j ACCEPT
-A INPUT -i eth0 -p tcp -m tcp --dport 24 -m recent --update --name x -j DROP
-A INPUT -i eth0 -p tcp -m tcp --dport 24 -m limit --limit 1/hour -j REJECT
-A INPUT -i eth0 -p tcp -m tcp --dport 24 -j ACCEPT
-A INPUT -i eth0 -p sctp -j ULOG
-A INPUT -i eth0 -p sctp -j TEE --gateway 192.0.2.9
-A INPUT -i eth0 -p sctp -m limit --limit 3/min -j ACCEPT
-A INPUT -i eth0 -p sctp -j ACCEPT
}
allow in on eth0 tcp port 22 limit 3/minute per source
drop spoofed on eth1
allow in on eth1
";
    for (traffic, first, rules) in [
        ("eth0 tcp port 22", "ACCEPTED up to 3/minute per source, else DROPPED", 1),
        ("eth0 tcp port 23", "ACCEPTED if its source is in the set x, else DROPPED", 1),
        (
            "eth0 tcp port 24",
            "DROPPED if `-m recent --update --name x --mask 255.255.255.255 --rsource` holds, REJECTED up to 1/hour, else \
             ACCEPTED",
            2,
        ),
        ("eth0 udp", "ACCEPTED if NFQUEUE lets it pass, else DROPPED", 1),
        ("eth1 udp", "DROPPED if it is spoofed, else ACCEPTED", 1),
        // Nothing that is open changes the verdict.
        (
            "eth0 sctp",
            "ACCEPTED in every case, as a rule by <stdin>:11 -A INPUT -i eth0 -p sctp -m limit --limit 3/min -j ACCEPT",
            0,
        ),
    ] {
        let output = cgwfw(&["trace", "-", &format!("in on {traffic} only ipv4")], policy);
        let out = text(&output.stdout);
        let depends = out.lines().filter(|line| line.starts_with("  depends on ")).count();
        assert_eq!((out.lines().next(), depends), (Some(first), rules), "{out}");
    }
}

#[test]
fn a_translation_that_is_open_is_no_fact() {
    let policy = "default drop
rules ipv4 nat {
-A PREROUTING -i eth0 -p tcp -m set --match-set x src -j DNAT --to-destination 198.51.100.80
}
";
    let answer = |options: &[&str]| {
        let output = cgwfw(&[&["trace", "-", "in on eth0 tcp port 80 only ipv4"], options].concat(), policy);
        text(&output.stdout).to_owned()
    };
    let json: serde_json::Value = serde_json::from_str(&answer(&["--json"])).expect("JSON");
    assert!(json["rewritten"]["destination"].is_null());
    assert_eq!(json["rewritten"]["destination_open"], serde_json::json!(["198.51.100.80", null]));
    assert!(answer(&[]).contains("  translated: its destination becomes 198.51.100.80, or stays\n"));
}

#[test]
fn packets_come_from_a_file_a_line_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |packets: &str| {
        fs::write(folder.path().join("packets.txt"), packets).expect("a file");
        support::cgwfw(folder.path(), &["trace", "-", "--packets", "packets.txt", "--json"], POLICY)
    };
    let fine = run("# what the peer sends\nin on inet0 esp from $peer\n\nin on inet0 tcp port 22  # both families\n");
    assert_eq!(fine.status.code(), Some(0), "{}", text(&fine.stderr));
    let families: Vec<String> = text(&fine.stdout)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["family"].to_string())
        .collect();
    assert_eq!(families, ["\"ipv4\"", "\"ipv4\"", "\"ipv6\""]);
    let broken = run("in on inet0 esp\nin on inet0 tcp prot 22\n");
    assert_eq!((broken.status.code(), text(&broken.stdout)), (Some(2), ""));
    assert!(text(&broken.stderr).contains("packets.txt:2:17"), "{}", text(&broken.stderr));
    assert_eq!(run("# none\n").status.code(), Some(2));
}

#[test]
fn rule_files_are_traced_without_a_policy() {
    let folder = tempfile::tempdir().expect("a folder");
    let v4 = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n";
    fs::write(folder.path().join("v4"), v4).expect("a file");
    fs::write(folder.path().join("v6"), "*filter\n-P INPUT DROP\nCOMMIT\n").expect("a file");
    let run = |traffic: &str| support::cgwfw(folder.path(), &["trace", "--rules", "v4", "v6", traffic, "--json"], "");
    let output = run("in on eth0 tcp port 22");
    let answers: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let statement =
        serde_json::json!({ "file": "v4", "line": 3, "text": "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT" });
    assert_eq!(answers[0]["statement"], statement);
    assert_eq!(answers[1]["policy"], "INPUT");
    let human = support::cgwfw(folder.path(), &["trace", "--rules", "v4", "v6", "in on eth0 udp from 2001:db8::1"], "");
    assert!(
        text(&human.stdout).starts_with("DROPPED by the policy of INPUT: no rule accepts it (v6:2 -P INPUT DROP)\n")
    );
    fs::write(folder.path().join("v4"), "*filter\n-A INPUT -p tcp --dport x -j ACCEPT\nCOMMIT\n").expect("a file");
    let faulty = run("in on eth0 tcp");
    assert_eq!(faulty.status.code(), Some(2));
    assert!(text(&faulty.stderr).contains("v4:2: "), "{}", text(&faulty.stderr));
}

#[test]
fn there_is_no_verdict_without_a_packet_or_a_policy() {
    for (traffic, reason) in [
        ("in on inet0 tcp from 192.0.2.0/24", "a packet has one source and one destination"),
        ("in on inet0 tcp to 127.0.0.1", "there is no such packet"),
        ("in on inet0 tcp from $pear", "did you mean `$peer`?"),
        ("", "no packet is described"),
    ] {
        let (code, out, error) = trace(traffic, &[]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{traffic}");
        assert!(error.contains(reason), "{error}");
    }
    let broken = cgwfw(&["trace", "-", "in on inet0 tcp"], "default drop\nallow loopbck\n");
    assert_eq!(broken.status.code(), Some(2));
    assert_eq!(cgwfw(&["trace", "-"], POLICY).status.code(), Some(2));
    assert_eq!(cgwfw(&["trace", "in on inet0 tcp"], "").status.code(), Some(2));
}

#[test]
fn an_interface_that_is_not_declared_is_pointed_out() {
    let (code, out, _) = trace("in on inet1 tcp from 192.0.2.1", &[]);
    assert_eq!(code, Some(0));
    assert!(out.contains("note: the policy declares no interface `inet1`; did you mean `inet0`?"), "{out}");
}

/// Every packet can be said, and what is said is the same packet.
#[test]
fn sentences_of_packets_lead_back_to_them() {
    let name = |name| Interface::new(name).expect("a short name");
    let ways = [Way::In(name("inet0")), Way::Out(name("eth0.100")), Way::Forward(name("inet0"), name("vti42"))];
    let icmp = |kind, code| Transport::Icmp(IcmpType { kind, code: Some(code) });
    let mut transports =
        vec![Transport::Udp(500, 4500), Transport::UdpLite(40_000, 40_000), Transport::Sctp(1, 65_535), Transport::Ah];
    transports.extend((0..0x40).map(|flags| Transport::Tcp(0, 179, flags)));
    transports.extend((0..=254).map(|kind| icmp(kind, 0)).chain([icmp(3, 4), icmp(1, 255)]));
    transports.extend([50, 47, 89, 112, 4, 41, 253].map(|number| Transport::Other(Protocol(number))));
    let addresses = [("192.0.2.1", "198.51.100.1"), ("2001:db8::1", "2001:db8::2")];
    let states = [
        None,
        Some(State::Invalid),
        Some(State::New),
        Some(State::Related),
        Some(State::Established),
        Some(State::Untracked),
    ];
    let mut count = 0;
    for (index, transport) in transports.into_iter().enumerate() {
        for (source, destination) in addresses {
            let address = |text: &str| text.parse::<IpAddr>().expect("a literal address");
            let way = ways[index % ways.len()];
            let ipsec = index % 5 == 0;
            let packet = Packet {
                way,
                source: address(source),
                destination: address(destination),
                hop_limit: index as u8,
                transport,
                fragment: Fragment::No,
                mark: (index as u32 % 3) * 0x1234_5678,
                state: states[index % states.len()],
                ipsec_in: ipsec && matches!(way, Way::In(_)),
                ipsec_out: ipsec && matches!(way, Way::Out(_)),
            };
            let text = sentence(&packet);
            let mut diagnostics = Diagnostics::default();
            let ast = syntax::beside(&Sources::default(), "packet", &text, &mut diagnostics);
            let found = all_described(&ast, &Declarations::default(), &mut diagnostics);
            assert_eq!(found.iter().map(|one| &one.packet).collect::<Vec<_>>(), [&packet], "{text} {diagnostics:?}");
            let none = Declarations::default();
            let words = Words::new(&ast, 0, &none);
            let (meant, _) = packets(words, "expect", &mut Scope::new(&none), &mut diagnostics).expect("packets");
            assert_eq!(meant, packets_of(&packet), "{text}");
            assert!(PacketSet::new(&meant).holds(&packet), "{text}");
            let other = Packet { hop_limit: packet.hop_limit ^ 1, ..packet.clone() };
            assert!(!PacketSet::new(&meant).holds(&other), "{text}");
            assert!(found[0].assumed.iter().all(|clause| clause.contains("port") || clause == "code 0"), "{text}");
            count += 1;
        }
    }
    assert!(count > 600);
}

/// Words in any order: nothing but a packet or a report comes of them, and a packet can always be said again.
#[test]
fn words_in_any_order_are_a_packet_or_a_report() {
    const WORDS: [&str; 56] = [
        "in",
        "out",
        "forward",
        "on",
        "inet0",
        "eth+",
        "lo",
        "from",
        "to",
        "192.0.2.1",
        "2001:db8::1",
        "10.0.0.0/8",
        "::1",
        "port",
        "80",
        "0",
        "65535",
        "1-9",
        "https",
        "tcp",
        "udp",
        "icmp",
        "sctp",
        "ah",
        "esp",
        "all",
        "protocol",
        "253",
        "type",
        "echo-request",
        "code",
        "4",
        "flags",
        "syn,ack/syn",
        "no",
        "syn",
        "ttl",
        "255",
        "state",
        "new",
        "established",
        "ipsec",
        "mark",
        "0x1/0xf",
        "peer",
        "only",
        "ipv4",
        "ipv6",
        "not",
        "{",
        "}",
        ",",
        "spoofed",
        "over",
        "limit",
        "any",
    ];
    let mut numbers = Random::new(1);
    let mut next = move |bound: usize| numbers.below(bound);
    let mut packets = 0;
    for _ in 0..8_000 {
        let starts = ["in on inet0", "out on inet0", "forward in on inet0 out on eth0", ""];
        let mut text = starts[next(starts.len())].to_owned();
        for _ in 0..next(7) {
            text.push(' ');
            text.push_str(WORDS[next(WORDS.len())]);
        }
        let mut diagnostics = Diagnostics::default();
        let ast = syntax::beside(&Sources::default(), "packet", &text, &mut diagnostics);
        let found = all_described(&ast, &Declarations::default(), &mut diagnostics);
        let nothing = text.trim().is_empty();
        assert!(nothing || found.is_empty() == diagnostics.has_errors(), "{text}: {diagnostics:?}");
        for one in found {
            let again = sentence(&one.packet);
            let mut diagnostics = Diagnostics::default();
            let ast = syntax::beside(&Sources::default(), "packet", &again, &mut diagnostics);
            let same = all_described(&ast, &Declarations::default(), &mut diagnostics);
            assert!(same.iter().any(|same| same.packet == one.packet), "{text}: {again}: {diagnostics:?}");
            packets += 1;
        }
    }
    assert!(packets > 400, "{packets} packets");
}

#[test]
fn test_exits_by_what_it_finds() {
    let run = |policy: &str, options: &[&str]| cgwfw(&[&["test", "-"], options].concat(), policy);
    let fine = run(&format!("{POLICY}expect accept in on inet0 esp from $peer\n"), &[]);
    assert_eq!(fine.status.code(), Some(0), "{}", text(&fine.stderr));
    assert_eq!(text(&fine.stdout), "<stdin>: 1 expectation proved\n");
    let failing = format!("{POLICY}expect deny in on inet0\n");
    let failed = run(&failing, &[]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stderr).contains("counter-example: in on inet0 "), "{}", text(&failed.stderr));
    assert_eq!(run("default drop\nallow loopbck\n", &[]).status.code(), Some(2));
    assert_eq!(run("default drop\nallow loopback\n", &[]).status.code(), Some(0));
    let xml = run(&failing, &["--format", "junit"]);
    assert!(text(&xml.stdout).contains("<testsuite name=\"&lt;stdin&gt;\" tests=\"1\" failures=\"1\">"));
    let json: serde_json::Value = serde_json::from_slice(&run(&failing, &["--format", "json"]).stdout).expect("JSON");
    assert_eq!(json[0]["result"], "failed");
    // The packet is one that `trace` takes, with the same fate.
    let packet = json[0]["counter_example"]["packet"].as_str().expect("a sentence");
    let (code, out, error) = trace(packet, &[]);
    assert_eq!(code, Some(0), "{error}");
    assert!(out.starts_with("ACCEPTED"), "{out}");
}

#[test]
fn tests_give_the_same_answers_on_every_run() {
    let policy = format!("{POLICY}expect deny in\nexpect accept in on inet0 from $peer\n");
    let run = || cgwfw(&["test", "-", "--format", "json"], &policy).stdout;
    assert_eq!(run(), run());
}
