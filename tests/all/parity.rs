//! `cgwfw parity`: what is a difference of the families, and what is none.

use std::fs;
use std::path::Path;

use crate::support::{self, text};
use cgwfw::analyze::{Analysis, Question};
use cgwfw::compile::{Compilation, compile};
use cgwfw::diagnostic::{Diagnostics, Severity};
use cgwfw::expand::CompileOptions;
use cgwfw::net::{Both, Family, Interface};
use cgwfw::origin::Rules;
use cgwfw::parity::{Compares, Disparity, Extent, Reason, parity};
use cgwfw::policy::Packets;
use cgwfw::query::{Outlook, query};
use cgwfw::simulate::Verdict;
use cgwfw::snippet::library::Library;
use cgwfw::snippet::readme::examples;
use cgwfw::syntax;
use cgwfw::traffic::set::{self, PacketSet, assumptions};

fn compiled(policy: &str) -> Compilation {
    let none = |path: &Path| fs::read_to_string(path);
    compile(Path::new("policy.cgwfw"), policy, &none, &Library::built_in(), CompileOptions::default())
}

fn read(compilation: &Compilation, sentence: &str) -> Packets {
    let mut diagnostics = Diagnostics::default();
    let ast = syntax::beside(&compilation.ast.sources, "traffic", sentence, &mut diagnostics);
    let packets = set::read(&ast, 0, &compilation.declarations, &mut diagnostics);
    packets.unwrap_or_else(|| panic!("no traffic: {sentence}: {:?}", diagnostics.iter().next()))
}

/// Every sentence of a difference is true: the one family accepts some of the packets, the other none.
fn confirm(compilation: &Compilation, one: &Disparity) {
    for packets in &one.packets {
        for family in Family::BOTH {
            let sentence = packets.of(family);
            let asked = read(compilation, sentence);
            let declared = compilation.declarations.interfaces.iter().map(|declared| declared.name);
            let answer = query(Rules::Policy(compilation), family, &asked, declared);
            let fates = answer.fates.expect("decided");
            assert!(!fates.is_empty(), "{}: no such packet: {sentence}", family.name());
            let passes = |outlook: Outlook| matches!(outlook, Outlook::Accepted | Outlook::Depending);
            let accepted = fates.iter().any(|fated| passes(fated.fate));
            let expected = family == one.accepts || one.other != Extent::None;
            let accepted = accepted && (expected || packets.also.is_empty());
            assert_eq!(accepted, expected, "{}: {sentence} {:?}: {one:#?}", family.name(), packets.also);
        }
    }
}

/// What is a difference of a policy: the family that accepts, its first sentence, and the reason.
fn differences(policy: &str, partly: bool) -> Vec<(Family, Extent, String, Option<Reason>)> {
    let compilation = compiled(policy);
    let errors: Vec<_> = compilation.diagnostics.iter().filter(|one| one.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let compares = Compares { partly, all_states: false };
    let found = parity(&compilation, compares).expect("decided");
    assert!(!found.cut);
    found.all.iter().for_each(|one| confirm(&compilation, one));
    let lines = |one: &Disparity| {
        let line = |at: usize| (one.accepts, one.other, one.packets[at].of(one.accepts).to_owned(), one.reason);
        (0..one.packets.len()).map(line).collect::<Vec<_>>()
    };
    found.all.iter().flat_map(lines).collect()
}

#[track_caller]
fn assert_alike(sentences: &str) {
    let policy = format!("interface eth0\ninterface sgi2\ndefault drop\n{sentences}\n");
    assert_eq!(differences(&policy, true), [], "{sentences}");
}

#[track_caller]
fn assert_differ(sentences: &str, accepts: Family, expected: &[&str], reason: Option<Reason>) {
    let policy = format!("interface eth0\ninterface sgi2\ndefault drop\n{sentences}\n");
    let found = differences(&policy, false);
    let packets: Vec<&str> = found.iter().map(|(_, _, packets, _)| &packets[..]).collect();
    assert_eq!(packets, expected, "{sentences}");
    assert!(found.iter().all(|(family, _, _, why)| (*family, *why) == (accepts, reason)), "{found:#?}");
}

#[test]
fn what_both_families_have_by_another_number_is_no_difference() {
    for sentences in [
        "allow icmp on eth0",
        "allow in on eth0 icmp type { echo-request, destination-unreachable, packet-too-big, redirect }",
        "allow in on eth0 icmp type packet-too-big",
        "allow in on eth0 udp port 3784 ttl 255",
        "reject in on eth0 with host-prohibited\nallow in on eth0",
        "allow dhcp on eth0",
        "allow vrrp on eth0",
        "allow loopback",
        "allow loopback\nallow in on eth0",
        "allow in on eth0 ah",
        "allow in on eth0 tcp from { 192.0.2.1, 2001:db8::1 } port 443 to port 443",
        "allow in on eth0 vrrp to { 224.0.0.18, ff02::12 }",
        "allow in on lo from { 127.0.0.0/8, ::1 }",
        "allow in on eth0 from 0.0.0.0/0\nallow in on eth0 from ::/0",
        "allow in on eth0 tcp port 22 limit 3/minute",
    ] {
        assert_alike(sentences);
    }
}

#[test]
fn what_one_family_alone_has_is_not_compared() {
    for sentences in [
        "allow neighbor-discovery on eth0",
        "allow router-advertisements on eth0",
        "allow in on eth0 icmp type { router-solicitation, router-advertisement } only ipv4",
        "allow in on eth0 icmp type { mld-query, mld-report, mld-done, mld2-report }",
        "allow in on eth0 igmp",
        "allow in on eth0 icmp type { 13, 14 } only ipv4",
    ] {
        assert_alike(sentences);
    }
}

#[test]
fn a_code_of_ipv4_that_is_a_type_of_ipv6_is_found() {
    let sentences = "allow in on eth0 icmp type destination-unreachable";
    assert_differ(sentences, Family::V4, &["in on eth0 icmp type packet-too-big only ipv4"], None);
    assert_alike("allow in on eth0 icmp type { destination-unreachable, packet-too-big }");
    let only = "rules ipv6 filter {\n-A INPUT -i eth0 -p ipv6-icmp -m icmp6 --icmpv6-type 1 -j ACCEPT\n}";
    assert_differ(only, Family::V6, &["in on eth0 icmp type destination-unreachable only ipv6"], None);
}

#[test]
fn a_service_that_one_family_forgot_is_found() {
    let rules = "rules ipv4 filter {\n-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT\n}";
    assert_differ(rules, Family::V4, &["in on eth0 tcp port 22 only ipv4"], None);
    let rules = "rules ipv6 filter {\n-A INPUT -i eth0 -j DROP\n}\nallow in on eth0 tcp port 22\nallow icmp on eth0";
    let expected = ["in on eth0 tcp port 22 only ipv4", "in on eth0 icmp only ipv4"];
    assert_differ(rules, Family::V4, &expected, None);
    let rules = "rules ipv6 filter {\n-A INPUT -i eth0 -j ACCEPT\n}";
    assert_differ(rules, Family::V6, &["in on eth0 only ipv6"], None);
    // Where the other family accepts what is not compared, that is not said.
    let rules = format!("{rules}\nrules ipv4 filter {{\n-A INPUT -i eth0 -p icmp -m icmp --icmp-type 13 -j ACCEPT\n}}");
    let found = differences(&format!("interface eth0\ndefault drop\n{rules}\n"), false);
    let packets: Vec<&str> = found.iter().map(|(_, _, packets, _)| &packets[..]).collect();
    assert_eq!(packets[0], "in on eth0 not icmp only ipv6");
    assert!(packets[1].starts_with("in on eth0 icmp type { echo-request, echo-reply, "), "{packets:?}");
}

#[test]
fn dhcp_is_compared_by_what_it_is() {
    let rules = "rules ipv4 filter {\n-A INPUT -i eth0 -p udp -m udp --dport 67:69 -j ACCEPT\n}";
    let expected =
        ["in on eth0 udp port 69 only ipv4", "in on eth0 udp port 67 only ipv4", "in on eth0 udp port 68 only ipv4"];
    assert_differ(rules, Family::V4, &expected, None);
    // Port 67 is the server of IPv4 alone.
    assert_differ("allow in on eth0 udp port 67", Family::V4, &["in on eth0 udp port 67 only ipv4"], None);
    // A wider service is told once.
    let rules = "rules ipv4 filter {\n-A INPUT -i eth0 -p udp -j ACCEPT\n}";
    assert_differ(rules, Family::V4, &["in on eth0 udp only ipv4"], None);
    let rules = "rules ipv4 filter {\n-A INPUT -i eth0 -p udp -m udp --dport 67 -j ACCEPT\n}\n\
                 rules ipv6 filter {\n-A INPUT -i eth0 -p udp -m udp --dport 547 -j ACCEPT\n}";
    assert_alike(rules);
}

#[test]
fn what_a_policy_says_to_be_of_one_family_is_told_apart() {
    let one = |packets: &str| [packets.to_owned()];
    for (sentences, accepts, packets, reason) in [
        ("allow in on eth0 tcp port 22 only ipv4", Family::V4, "in on eth0 tcp port 22 only ipv4", Reason::Only),
        (
            "allow in on eth0 tcp from 192.0.2.1 to port 22",
            Family::V4,
            "in on eth0 tcp port 22 only ipv4",
            Reason::Address,
        ),
        (
            "allow in on eth0 tcp from 2001:db8::1 to port 22",
            Family::V6,
            "in on eth0 tcp port 22 only ipv6",
            Reason::Address,
        ),
        (
            "rules ipv4 filter {\n-A INPUT -s 192.0.2.1 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT\n}",
            Family::V4,
            "in on eth0 tcp port 22 only ipv4",
            Reason::Address,
        ),
        (
            "drop in on eth0 only ipv6\nallow in on eth0 tcp port 22",
            Family::V4,
            "in on eth0 tcp port 22 only ipv4",
            Reason::Only,
        ),
        (
            "drop in on eth0 from ::/0\nallow in on eth0 tcp port 22",
            Family::V4,
            "in on eth0 tcp port 22 only ipv4",
            Reason::Address,
        ),
        ("allow in on eth0 sit", Family::V4, "in on eth0 sit only ipv4", Reason::Nature),
    ] {
        assert_differ(sentences, accepts, &one(packets).each_ref().map(|text| &text[..]), Some(reason));
    }
}

#[test]
fn translation_is_compared_where_both_families_have_it() {
    let to4 = "dnat in on eth0 tcp port 443 to 198.51.100.1 as 10.0.0.80:8443\n";
    let to6 = "dnat in on eth0 tcp port 443 to 2001:db8::1 as [2001:db8:1::80]:8443\n";
    let forward = "allow forward in on eth0 out on sgi2 tcp port 8443\n";
    let found = differences(&format!("interface eth0\ninterface sgi2\ndefault drop\n{to4}{forward}"), false);
    assert!(!found.is_empty() && found.iter().all(|(.., reason)| *reason == Some(Reason::Translation)), "{found:#?}");
    assert_alike(&format!("{to4}{to6}{forward}"));
    assert_alike("masquerade out on eth0 only ipv4\nallow forward in on sgi2 out on eth0");
}

#[test]
fn all_against_some_is_told_on_request_alone() {
    let rules = "rules ipv6 filter {\n-A INPUT -s 2001:db8::/32 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT\n}\n\
                 rules ipv4 filter {\n-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT\n}\n";
    let policy = format!("interface eth0\ndefault drop\n{rules}");
    assert_eq!(differences(&policy, false), []);
    let expected = (Family::V4, Extent::Some, "in on eth0 tcp port 22 only ipv4".to_owned(), None);
    assert_eq!(differences(&policy, true), [expected]);
}

/// What the examples differ in are peers, of one family each; one is of IPv4 on purpose.
#[test]
fn the_examples_differ_on_purpose_or_by_address() {
    for path in support::policies("examples") {
        let policy = fs::read_to_string(&path).expect("an example");
        for (_, _, packets, reason) in differences(&policy, false) {
            let is_fine = match reason {
                Some(Reason::Address) => true,
                Some(Reason::Only) => path.ends_with("vti-ipsec-full.cgwfw"),
                _ => false,
            };
            assert!(is_fine, "{}: {packets}: {reason:?}", path.display());
        }
    }
}

fn parity_of(policy: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("policy.cgwfw"), policy).expect("written");
    let output = support::cgwfw(folder.path(), &[&["parity", "policy.cgwfw"], arguments].concat(), "");
    (output.status.code(), text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
}

const POLICY: &str = "interface eth0\ndefault drop\nallow in on eth0 udp port 67\nallow in on eth0 tcp port 22 only ipv6\n\
                      allow in on eth0 tcp from 192.0.2.0/24 to port 443\n";

#[test]
fn the_answer_is_for_people_and_for_programs() {
    let (code, out, err) = parity_of(POLICY, &[]);
    assert_eq!((code, &err[..]), (Some(1), ""));
    assert_eq!(
        out,
        "First packets of connections, whatever their addresses are.

Accepted in IPv4 alone
  accepted by policy.cgwfw:3: allow in on eth0 udp port 67
  IPv6: not accepted by policy.cgwfw:2: default drop
    in on eth0 udp port 67 (IPv6: in on eth0 udp port 547)

On purpose: a sentence says `only`
  IPv6: accepted by policy.cgwfw:4: allow in on eth0 tcp port 22 only ipv6
  IPv4: not accepted by policy.cgwfw:2: default drop
    in on eth0 tcp port 22

By address: a sentence names addresses of one family
  IPv4: partly accepted by policy.cgwfw:5: allow in on eth0 tcp from 192.0.2.0/24 to port 443
  IPv6: not accepted by policy.cgwfw:2: default drop
    in on eth0 tcp port 443
"
    );
    let (code, out, _) = parity_of(POLICY, &["--json"]);
    assert_eq!(code, Some(1));
    let all: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let decider = |line: u32, text: &str| serde_json::json!({"file": "policy.cgwfw", "line": line, "text": text});
    let first = serde_json::json!({
        "accepts": "ipv4",
        "extent": "all",
        "by": [decider(3, "allow in on eth0 udp port 67")],
        "other": "none",
        "refused_by": [decider(2, "default drop")],
        "packets": [{"ipv4": "in on eth0 udp port 67 only ipv4", "ipv6": "in on eth0 udp port 547 only ipv6"}],
    });
    assert_eq!(all[0], first);
    assert_eq!((&all[1]["reason"], &all[2]["reason"]), (&"only".into(), &"address".into()));
}

#[test]
fn the_exit_code_is_that_of_findings_alone() {
    let (code, out, _) = parity_of("default drop\nallow in on eth0 tcp port 22 only ipv4\n", &[]);
    assert_eq!(code, Some(0));
    assert!(out.contains("\nBoth families accept the same services, but for what is listed below.\n"), "{out}");
    let (code, out, _) = parity_of("default drop\nallow in on eth0 tcp port 22\n", &[]);
    assert_eq!(code, Some(0));
    assert!(out.ends_with("\nBoth families accept the same services.\n"), "{out}");
    let (code, out, err) = parity_of("default drop\nallow in on eth0 prot 22\n", &[]);
    assert_eq!((code, &out[..]), (Some(2), ""));
    assert!(err.contains("the policy has errors: there is no answer"), "{err}");
}

#[test]
fn other_states_are_compared_on_request() {
    let policy = "interface eth0\ndefault drop\n\
                  rules ipv4 filter {\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n}\n";
    assert_eq!(differences(policy, false), []);
    let compilation = compiled(policy);
    let found = parity(&compilation, Compares { all_states: true, ..Compares::default() }).expect("decided");
    found.all.iter().for_each(|one| confirm(&compilation, one));
    let packets: Vec<&str> =
        found.all.iter().flat_map(|one| &one.packets).map(|packets| packets.of(Family::V4)).collect();
    assert_eq!(packets, ["in state { related, established } only ipv4"]);
}

/// Policies of all kinds: what is told is so.
#[test]
fn every_sentence_is_confirmed_by_query() {
    let (mut confirmed, mut compared) = (0, 0);
    let folders = ["snippets", "tests/cases/traffic"].map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    for file in support::markdown_files(&folders) {
        let text = fs::read_to_string(&file).expect("a case file");
        for case in examples(&text) {
            let compilation = support::compiled(&case);
            if compilation.diagnostics.has_errors() {
                continue;
            }
            // Every third with all states as well.
            let compares = Compares { partly: true, all_states: confirmed % 3 == 0 };
            let found = parity(&compilation, compares).unwrap_or_else(|| panic!("{}:{}", file.display(), case.line));
            for one in &found.all {
                confirmed += one.packets.len();
                if std::env::var_os("CGWFW_SHOW").is_some() && one.reason.is_none() {
                    eprintln!("{}:{}: {one:?}", file.display(), case.line);
                }
                confirm(&compilation, one);
            }
            compared += no_sample_is_missed(&compilation, &found.all);
        }
    }
    assert!(confirmed > 100 && compared > 100, "{confirmed} {compared}");
}

/// Services of one number alone.
const SAMPLES: [&str; 6] = [
    "tcp from port 40000 to port 22 flags all/syn ttl 64",
    "tcp from port 40000 to port 179 flags all/syn ttl 255",
    "udp from port 500 to port 500 ttl 64",
    "udp from port 40000 to port 53 ttl 64",
    "esp ttl 64",
    "icmp type echo-request ttl 64",
];

/// A service of which the one family accepts a packet, and the other none, is in a difference; how many there are.
fn no_sample_is_missed(compilation: &Compilation, all: &[Disparity]) -> usize {
    let mut count = 0;
    let rules = compilation.rulesets.iter().flat_map(|ruleset| &ruleset.tables).flat_map(|table| &table.rules);
    let named = rules.flat_map(|rule| [rule.header.in_interface, rule.header.out_interface]);
    let mut names: Vec<Interface> = named.flatten().map(|name| name.value).collect();
    names.retain(|name| name.name() != "lo" && name.name().chars().all(|c| c.is_ascii_alphanumeric()));
    names.sort_unstable();
    names.dedup();
    for (name, sample) in names.iter().take(2).flat_map(|name| SAMPLES.map(|sample| (name, sample))) {
        for way in ["in", "out"] {
            let sentence = format!("{way} on {name} {sample}");
            let packets = read(compilation, &sentence);
            let witness = Both::of(|family| {
                let ruleset = &compilation.rulesets[family];
                let mut analysis = Analysis::new(ruleset, [&packets].into_iter(), names.iter().copied());
                let is_goal = |verdict: Verdict| verdict == Verdict::Accept;
                let question = Question { packets: &packets, assumptions: assumptions(&packets), is_goal: &is_goal };
                let mut found = None;
                analysis.ask(&question, &mut |packet| {
                    found = Some(packet);
                    true
                });
                found
            });
            for family in Family::BOTH {
                let (Some(packet), None) = (&witness[family], &witness[family.other()]) else { continue };
                count += 1;
                let own = all.iter().filter(|one| one.accepts == family).flat_map(|one| &one.packets);
                let mut sets = own.map(|packets| PacketSet::new(&read(compilation, packets.of(family))));
                assert!(sets.any(|set| set.holds(packet)), "{}: {sentence} is missed: {all:#?}", family.name());
            }
        }
    }
    count
}
