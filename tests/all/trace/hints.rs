//! What `cgwfw trace` hints at: sentences that let a packet pass, and what would have to be different.

use super::{POLICY, cgwfw, trace};
use crate::support::text;

#[test]
fn the_sentence_of_the_hint_lets_the_packet_pass() {
    for traffic in [
        "in on inet0 udp from 192.0.2.9 port 500 to 192.0.2.2 port 500",
        "forward in on inet0 out on eth0 tcp from 2001:db8::1 to 2001:db8::2 port 22",
        "out on inet0 icmp type time-exceeded only ipv4",
        "in on inet0 gre from 192.0.2.9",
    ] {
        let (_, out, _) = trace(traffic, &[]);
        let hint = out.lines().find_map(|line| line.split_once("lets it pass: ")).expect("a hint").1.to_owned();
        let policy = POLICY.replace("default drop\n", &format!("default drop\n{hint}\n"));
        let output = cgwfw(&["trace", "-", traffic], &policy);
        assert!(text(&output.stdout).starts_with("ACCEPTED"), "{hint}: {}", text(&output.stdout));
    }
}

#[test]
fn the_sentence_of_the_hint_goes_before_the_rule_that_decides() {
    let policy = "default drop\ndrop in on inet0 tcp\n";
    let traffic = "in on inet0 tcp from 192.0.2.9 to 192.0.2.2 port 22";
    let output = cgwfw(&["trace", "-", traffic], policy);
    let hint =
        "a sentence that lets it pass, before <stdin>:2: allow in on inet0 tcp from 192.0.2.9 to 192.0.2.2 port 22";
    assert!(text(&output.stdout).contains(hint), "{}", text(&output.stdout));
}

#[test]
fn the_sentence_of_the_hint_speaks_of_the_port_that_the_packet_goes_to() {
    let policy = "interface lan0\ndefault drop\nredirect in on lan0 tcp port 80 as port 3128 only ipv4\n";
    let traffic = "in on lan0 tcp from 192.0.2.9 to 192.0.2.2 port 80";
    let output = cgwfw(&["trace", "-", traffic], policy);
    let hint = "a sentence that lets it pass: allow in on lan0 tcp from 192.0.2.9 to port 3128";
    assert!(text(&output.stdout).contains(hint), "{}", text(&output.stdout));
    let policy = format!("{policy}allow in on lan0 tcp from 192.0.2.9 to port 3128\n");
    assert!(text(&cgwfw(&["trace", "-", traffic], &policy).stdout).starts_with("ACCEPTED"));
}

#[test]
fn what_a_hint_says_is_what_the_packet_says() {
    let policy = "interface wan0\ninterface lan0\ndefault drop\nallow forward in on wan0 out on lan0 udp port 53\n\
        drop bogons on wan0\ndnat in on wan0 tcp port 8080 as 198.51.100.80:80 only ipv4\n";
    for (traffic, hint) in [
        ("in on lan0 tcp port 53", Some("a sentence that lets it pass: allow in on lan0 tcp port 53")),
        (
            "in on lan0 tcp port 53 only ipv4",
            Some("a sentence that lets it pass: allow in on lan0 tcp port 53 only ipv4"),
        ),
        (
            "forward in on wan0 out on lan0 udp from 10.2.0.5 to port 53",
            Some("an exception that lets it pass, in <stdin>:5: drop bogons on wan0 except 10.2.0.5"),
        ),
        // The exception alone would not be enough: there is no one sentence.
        ("forward in on wan0 out on lan0 udp from 10.2.0.5 to port 54", None),
        (
            "in on wan0 tcp from 9.9.9.9 to port 8080",
            Some("a sentence that lets it pass: allow forward in on wan0 tcp from 9.9.9.9 to 198.51.100.80 port 80"),
        ),
        // No sentence may name it.
        ("in on lan1 tcp port 53", None),
    ] {
        let output = cgwfw(&["trace", "-", traffic], policy);
        let out = text(&output.stdout);
        let found = out.lines().map(str::trim).find(|line| line.contains("lets it pass"));
        assert_eq!(found, hint, "{out}");
    }
}

/// The lines of the hint.
fn hint(policy: &str, traffic: &str) -> Vec<String> {
    let output = cgwfw(&["trace", "-", traffic], policy);
    let out = text(&output.stdout);
    let (_, hint) = out.split_once("\nhint\n").unwrap_or_else(|| panic!("no hint: {out}"));
    hint.lines().map(|line| line[2..].to_owned()).collect()
}

#[test]
fn where_one_change_is_not_enough_the_hint_is_a_smallest_set() {
    let policy = "interface wan0\ninterface lan0\ndefault drop\ndrop bogons on wan0\nrules both mangle {\n  \
        -A PREROUTING -i wan0 -p tcp -m tcp --dport 81 -j DROP\n  -A POSTROUTING -o lan0 -p sctp -j DROP\n}\n\
        dnat in on wan0 tcp port 8080 as 198.51.100.80:80 only ipv4\n\
        reject forward in on wan0 out on lan0 tcp port 81\ndrop forward in on wan0 out on lan0 tcp\n\
        allow forward in on wan0 out on lan0 udp port 53\nallow forward in on wan0 out on lan0 sctp\n";
    let forward = "forward in on wan0 out on lan0";
    // In raw, and by the default of the filter.
    assert_eq!(
        hint(policy, &format!("{forward} esp from 10.2.0.5")),
        [
            "2 changes are needed, both:",
            "  an exception, in <stdin>:4: drop bogons on wan0 except 10.2.0.5",
            "  a sentence: allow forward in on wan0 out on lan0 esp from 10.2.0.5",
        ]
    );
    // By a line of a `rules` block alone.
    assert_eq!(
        hint(policy, &format!("{forward} sctp from 9.9.9.9")),
        ["would pass without <stdin>:7 `-A POSTROUTING -o lan0 -p sctp -j DROP`"]
    );
    // Both sentences of the filter that stop it come after one that lets it pass.
    assert_eq!(
        hint(policy, &format!("{forward} tcp from 10.2.0.5 to port 81")),
        [
            "3 changes are needed, all of them:",
            "  an exception, in <stdin>:4: drop bogons on wan0 except 10.2.0.5",
            "  a sentence, before <stdin>:10: allow forward in on wan0 out on lan0 tcp from 10.2.0.5 to port 81",
            "  without <stdin>:6 `-A PREROUTING -i wan0 -p tcp -m tcp --dport 81 -j DROP`",
        ]
    );
    // The sentence speaks of where it then goes to.
    assert_eq!(
        hint(policy, "in on wan0 tcp from 10.2.0.5 to port 8080"),
        [
            "2 changes are needed, both:",
            "  an exception, in <stdin>:4: drop bogons on wan0 except 10.2.0.5",
            "  a sentence, before <stdin>:11: allow forward in on wan0 tcp from 10.2.0.5 to 198.51.100.80 port 80",
        ]
    );
}

#[test]
fn a_hint_keeps_what_stops_packets_out_of_the_ordinary() {
    let policy = "interface wan0\ninterface lan0\ndefault drop\ndrop spoofed on wan0\ndrop bogons on wan0\n\
        allow in on wan0 udp port 53\n";
    for (traffic, expected) in [
        (
            "in on wan0 udp from 9.9.9.9 to port 54",
            &["unless it is spoofed: a sentence that lets it pass: allow in on wan0 udp from 9.9.9.9 to port 54"][..],
        ),
        (
            "in on wan0 esp from 10.2.0.5",
            &[
                "unless it is spoofed: 2 changes are needed, both:",
                "  an exception, in <stdin>:5: drop bogons on wan0 except 10.2.0.5",
                "  a sentence: allow in on wan0 esp from 10.2.0.5",
            ],
        ),
        ("in on wan0 udp from 9.9.9.9 to port 53 spoofed", &["would pass without <stdin>:4 `drop spoofed on wan0`"]),
        (
            "in on wan0 udp from 10.2.0.5 to port 53 spoofed",
            &[
                "2 changes are needed, both:",
                "  an exception, in <stdin>:5: drop bogons on wan0 except 10.2.0.5",
                "  without <stdin>:4 `drop spoofed on wan0`",
            ],
        ),
    ] {
        let found = hint(policy, traffic);
        // Rules that come near are named before.
        let found: Vec<&String> = found.iter().filter(|line| !line.starts_with("would be accepted by")).collect();
        assert_eq!(found, expected, "{traffic}");
    }
}

#[test]
fn what_a_hint_has_not_tried_it_says() {
    let policy = |drops: usize| {
        let lines = (1..=drops).map(|mark| format!("  -A PREROUTING -m mark ! --mark {mark} -j DROP\n"));
        format!("default drop\nallow in on eth0 tcp\nrules both raw {{\n{}}}\n", lines.collect::<String>())
    };
    let lines = |drops| hint(&policy(drops), "in on eth0 tcp only ipv4");
    assert_eq!(lines(8).len(), 9);
    assert_eq!(lines(8)[0], "8 changes are needed, all of them:");
    assert_eq!(lines(9).len(), 10);
    assert_eq!(
        lines(9)[0],
        "9 changes let it pass, and none of them can be left out; whether fewer others would do is not decided within \
         256 sets:"
    );
    assert_eq!(lines(13), ["with 12 changes it still does not pass: no more were tried"]);
}

#[test]
fn hints_say_what_would_have_to_be_different() {
    for (rule, traffic, condition) in [
        ("tcp port 22", "tcp port 23", "if its destination port were 22"),
        ("tcp from port 1-9 to port 22", "tcp from port 10 to port 22", "if its source port were 1-9"),
        (
            "udp from port 1 to port 2",
            "udp from port 3 to port 4",
            "if its source port were 1 and its destination port 2",
        ),
        ("tcp port 22 no syn", "tcp port 22", "if it were not the first packet of a connection"),
        ("esp from 192.0.2.0/24", "esp from 198.51.100.1", "if it came from 192.0.2.0/24"),
        ("esp from not 192.0.2.0/24 only ipv4", "esp from 192.0.2.1", "if it did not come from 192.0.2.0/24"),
        ("esp to 192.0.2.1", "esp to 192.0.2.2", "if it went to 192.0.2.1"),
        ("icmp type echo-reply", "icmp only ipv4", "if its ICMP type were echo-reply"),
        ("udp ttl 255", "udp only ipv4", "if its TTL were 255"),
        ("udp state established", "udp only ipv4", "if its connection were established"),
        ("udp ipsec", "udp only ipv4", "if it came out of an IPsec policy"),
        ("udp mark 7", "udp only ipv4", "if its mark were 0x7"),
        ("udp mark 7/0xf", "udp only ipv4", "if `-m mark --mark 0x7/0xf` held"),
        ("gre from 192.0.2.1", "esp from 192.0.2.1", "if it were gre"),
    ] {
        let policy = format!("default drop\nallow in on inet0 {rule}\n");
        let output = cgwfw(&["trace", "-", &format!("in on inet0 {traffic}")], &policy);
        let out = text(&output.stdout);
        assert!(out.contains(&format!("` {condition}\n")), "{rule}: {out}{}", text(&output.stderr));
    }
}
