//! The walk through the tables, rule by rule: what the kernel does with one packet.

mod connections;

use std::net::IpAddr;

use cgwfw::iptables::packet::{Fragment, Packet, State, Transport, Way};
use cgwfw::iptables::parse;
use cgwfw::iptables::ruleset::{IcmpType, RejectWith, Ruleset};
use cgwfw::net::{Family, Interface, Protocol};
use cgwfw::simulate::{
    Assumptions, By, Decision, Discard, Loaded, MAX_WALKS, Silent, Verdict, decide, first_state, verdict, walks,
};

fn rules(family: Family, text: &str) -> Ruleset {
    let (ruleset, faults) = parse::file(text, family);
    assert_eq!(faults, [], "{text}");
    ruleset
}

fn name(name: &str) -> Interface {
    Interface::new(name).expect("a short name")
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("a literal address")
}

/// A first packet that comes in on `eth0`.
fn packet(source: &str, destination: &str, transport: Transport) -> Packet {
    Packet {
        way: Way::In(name("eth0")),
        source: address(source),
        destination: address(destination),
        hop_limit: 64,
        transport,
        fragment: Fragment::No,
        mark: 0,
        state: None,
        ipsec_in: false,
        ipsec_out: false,
    }
}

fn udp(port: u16) -> Packet {
    packet("192.0.2.1", "192.0.2.2", Transport::Udp(40_000, port))
}

fn tcp(port: u16, flags: u8) -> Packet {
    packet("192.0.2.1", "192.0.2.2", Transport::Tcp(40_000, port, flags))
}

fn forwarded(packet: Packet) -> Packet {
    Packet { way: Way::Forward(name("eth0"), name("eth1")), ..packet }
}

/// The verdicts as words, and for each who decided: the line of the rule, the chain of the policy, `kernel`.
fn fate(text: &str, packet: &Packet) -> Vec<String> {
    let ruleset = rules(packet.family(), text);
    let word = |decision: &Decision| {
        let by = match decision.by {
            By::Rule(place) => {
                place.look_up(&ruleset).expect("a rule").1.origins.file_line().expect("a line").to_string()
            }
            By::Policy(_, hook) => hook.chain().to_owned(),
            By::Kernel(_) => "kernel".to_owned(),
        };
        format!("{} {by}", decision.verdict.name())
    };
    verdict(&ruleset, packet).found.iter().map(word).collect()
}

/// Rules of the filter, from line 4 on; everything is dropped by default.
fn filter(lines: &str) -> String {
    format!("*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n{lines}COMMIT\n")
}

#[test]
fn the_first_match_decides_and_then_the_policy() {
    let text = filter("-A INPUT -p udp -m udp --dport 53 -j ACCEPT\n-A INPUT -p udp -j DROP\n");
    assert_eq!(fate(&text, &udp(53)), ["accept 4"]);
    assert_eq!(fate(&text, &udp(54)), ["drop 5"]);
    assert_eq!(fate(&text, &tcp(53, 2)), ["drop INPUT"]);
    assert_eq!(fate(&text, &forwarded(udp(53))), ["drop FORWARD"]);
    assert_eq!(fate("*nat\nCOMMIT\n", &udp(53)), ["accept INPUT"], "no filter, no obstacle");
}

#[test]
fn chains_call_return_and_go_for_good() {
    let chains = ":a - [0:0]\n:b - [0:0]\n";
    let jump = format!(
        "{chains}-A INPUT -j a\n-A INPUT -j ACCEPT\n-A a -p udp -j RETURN\n-A a -p tcp -j b\n-A a -p tcp -j REJECT\n-A b -j RETURN\n"
    );
    assert_eq!(fate(&filter(&jump), &udp(1)), ["accept 7"]);
    assert_eq!(fate(&filter(&jump), &tcp(1, 2)), ["reject 10"]);
    let goto = format!("{chains}-A INPUT -g a\n-A INPUT -j ACCEPT\n-A a -p tcp -j ACCEPT\n");
    assert_eq!(fate(&filter(&goto), &udp(1)), ["drop INPUT"], "no way back from a goto");
    let inner = format!("{chains}-A INPUT -j a\n-A INPUT -j ACCEPT\n-A a -g b\n-A a -j DROP\n");
    assert_eq!(fate(&filter(&inner), &udp(1)), ["accept 7"], "back to where the chain before was called");
}

#[test]
fn every_table_is_met_in_its_turn() {
    let text = "*raw\n-A PREROUTING -p udp -m udp --dport 9 -j DROP\nCOMMIT\n\
        *mangle\n-A PREROUTING -j MARK --set-xmark 0x7/0xffffffff\nCOMMIT\n\
        *filter\n:INPUT DROP [0:0]\n-A INPUT -m mark --mark 0x7 -j ACCEPT\nCOMMIT\n\
        *security\n-A INPUT -p udp -m udp --dport 8 -j DROP\nCOMMIT\n";
    assert_eq!(fate(text, &udp(7)), ["accept 9"]);
    assert_eq!(fate(text, &udp(8)), ["drop 12"], "accepted by the filter, dropped after it");
    assert_eq!(fate(text, &udp(9)), ["drop 2"]);
}

#[test]
fn the_filter_sees_the_translated_destination() {
    let text = "*nat\n-A PREROUTING -d 192.0.2.2/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.1.0.80:8443\nCOMMIT\n\
        *filter\n:FORWARD DROP [0:0]\n-A FORWARD -d 10.1.0.80/32 -p tcp -m tcp --dport 8443 -j ACCEPT\nCOMMIT\n";
    assert_eq!(fate(text, &forwarded(tcp(443, 2))), ["accept 6"]);
    let later = Packet { state: Some(State::Established), ..forwarded(tcp(443, 0x10)) };
    assert_eq!(
        fate(text, &later),
        ["accept 6", "drop FORWARD"],
        "translated if its connection is, which nobody can tell"
    );
    let loopback = text.replace("-d 10.1.0.80/32 -p tcp -m tcp --dport 8443", "-d 127.0.0.0/8");
    assert_eq!(fate(&loopback, &later), ["drop FORWARD"], "to no loopback address, whatever it is translated to");
    let redirect = "*nat\n-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080\nCOMMIT\n\
        *filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n-A INPUT -d 192.0.2.2/32 -p tcp -m tcp --dport 8080 -j ACCEPT\nCOMMIT\n";
    assert_eq!(
        fate(redirect, &forwarded(tcp(80, 2))),
        ["accept 7", "drop INPUT"],
        "it goes to the gateway itself, with an address that the rules do not tell"
    );
}

#[test]
fn tracking_knows_first_packets() {
    let text = |state: &str| {
        filter(&format!("-A INPUT -m conntrack --ctstate {state} -j ACCEPT\n"))
            + "*raw\n-A PREROUTING -p tcp -m tcp --dport 9 -j CT --notrack\nCOMMIT\n"
    };
    for (state, packet) in [
        ("NEW", tcp(1, 0x02)),
        ("NEW", tcp(1, 0x10)),
        ("INVALID", tcp(1, 0x12)),
        ("INVALID", tcp(1, 0x01 | 0x02)),
        ("INVALID", tcp(1, 0x04)),
        ("UNTRACKED", tcp(9, 0x02)),
        ("NEW", udp(1)),
        ("NEW", packet("192.0.2.1", "192.0.2.2", Transport::Icmp(IcmpType { kind: 8, code: Some(0) }))),
        ("INVALID", packet("192.0.2.1", "192.0.2.2", Transport::Icmp(IcmpType { kind: 0, code: Some(0) }))),
        ("UNTRACKED", packet("2001:db8::1", "2001:db8::2", Transport::Icmp(IcmpType { kind: 135, code: Some(0) }))),
        ("INVALID", packet("2001:db8::1", "2001:db8::2", Transport::Icmp(IcmpType { kind: 129, code: Some(0) }))),
        ("ESTABLISHED", Packet { state: Some(State::Established), ..tcp(1, 0x10) }),
        ("UNTRACKED", Packet { state: Some(State::Established), ..tcp(9, 0x10) }),
    ] {
        assert_eq!(fate(&text(state), &packet), ["accept 4"], "{state} {packet:?}");
        let not = text(state).replace("--ctstate", "! --ctstate");
        assert_eq!(fate(&not, &packet), ["drop INPUT"], "not {state} {packet:?}");
    }
}

#[test]
fn a_nat_table_that_translates_nothing_tracks_nothing() {
    let nat = |rules: &str| format!("*nat\n-A PREROUTING -p udp -j ACCEPT\n{rules}COMMIT\n*filter\nCOMMIT\n");
    let tracks = |text: &str| Loaded::new(&rules(Family::V4, text)).tracks;
    assert!(!tracks(&nat("")));
    for rule in [
        "-A POSTROUTING -j MASQUERADE\n",
        "-A OUTPUT -j DNAT --to-destination 10.0.0.1\n",
        "-A PREROUTING -j REDIRECT\n",
    ] {
        assert!(tracks(&nat(rule)), "{rule}");
    }
}

#[test]
fn states_that_the_kernel_lab_found() {
    let lite = packet("192.0.2.1", "192.0.2.2", Transport::UdpLite(1, 2));
    assert_eq!(first_state(&lite), State::Invalid);
    assert_eq!(first_state(&Packet { way: Way::Out(name("eth0")), ..lite }), State::New);
    assert_eq!(first_state(&packet("192.0.2.1", "192.0.2.2", Transport::Other(Protocol::ICMPV6))), State::Invalid);
}

#[test]
fn two_negated_ports_are_one_comparison_for_one_backend() {
    let text = filter("-A INPUT -p udp -m udp ! --sport 1 ! --dport 2 -j ACCEPT\n");
    let fate = |from, to| fate(&text, &packet("192.0.2.1", "192.0.2.2", Transport::Udp(from, to)));
    assert_eq!(fate(3, 4), ["accept 4"]);
    assert_eq!(fate(1, 2), ["drop INPUT"]);
    assert_eq!((fate(1, 4).len(), fate(3, 2).len()), (2, 2), "the backends disagree");
}

#[test]
fn redirect_wants_an_address_of_the_same_scope() {
    let text = "*nat\n-A PREROUTING -j REDIRECT\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n";
    let fate = |source: &str, to: &str| fate(text, &packet(source, to, Transport::Udp(1, 2)));
    for to in ["2001:db8::2", "fe80::2", "ff02::1", "ff0e::1", "fd00::1"] {
        assert_eq!(fate("2001:db8::1", to), ["accept INPUT"], "{to}");
    }
    for to in ["fec0::1", "ff05::1", "::2", "::192.0.2.1"] {
        assert_eq!(fate("2001:db8::1", to), ["drop 2"], "{to}");
    }
    assert_eq!(fate("0.0.0.0", "255.255.255.255"), ["drop kernel"], "without a source only to a broadcast");
}

#[test]
fn marks_travel_with_the_packet_and_its_connection() {
    let text = "*mangle\n-A PREROUTING -j CONNMARK --set-mark 0x5\n-A PREROUTING -j CONNMARK --restore-mark\nCOMMIT\n\
        *filter\n:INPUT DROP [0:0]\n-A INPUT -m mark --mark 0x5 -m connmark --mark 0x5 -j ACCEPT\nCOMMIT\n";
    assert_eq!(fate(text, &udp(1)), ["accept 7"]);
    let invalid = tcp(1, 0x04);
    assert_eq!(fate(text, &invalid), ["drop INPUT"], "no connection, no mark of it");
}

#[test]
fn copied_and_set_marks_are_shifted() {
    for (change, mark) in [
        ("--set-xmark 0x3/0xff --left-shift-mark 4", "0x30"),
        ("--set-xmark 0x80000001/0xffffffff --left-shift-mark 1", "0x2"),
        ("--save-mark --right-shift-mark 4", "0x7"),
        ("--save-mark --mask 0xf --left-shift-mark 8", "0xd00"),
    ] {
        let text = format!(
            "*mangle\n-A PREROUTING -j CONNMARK {change}\nCOMMIT\n\
             *filter\n:INPUT DROP [0:0]\n-A INPUT -m connmark --mark {mark} -j ACCEPT\nCOMMIT\n"
        );
        assert_eq!(fate(&text, &Packet { mark: 0x7d, ..udp(1) }), ["accept 6"], "{change}");
    }
    let restored = "*mangle\n-A PREROUTING -j CONNMARK --set-mark 0x1\n\
        -A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff0000 --ctmask 0xff --left-shift-mark 16\nCOMMIT\n\
        *filter\n:INPUT DROP [0:0]\n-A INPUT -m mark --mark 0x10002 -j ACCEPT\nCOMMIT\n";
    assert_eq!(fate(restored, &Packet { mark: 0x2, ..udp(1) }), ["accept 7"]);
}

#[test]
fn hop_limits_are_changed_exactly() {
    let text = |target: &str, hops: u8| {
        format!(
            "*mangle\n-A PREROUTING -j TTL {target}\nCOMMIT\n\
             *filter\n:FORWARD DROP [0:0]\n-A FORWARD -m ttl --ttl-eq {hops} -j ACCEPT\nCOMMIT\n"
        )
    };
    let packet = forwarded(udp(1));
    assert_eq!(fate(&text("--ttl-set 1", 0), &packet), ["drop kernel"]);
    assert_eq!(fate(&text("--ttl-set 2", 1), &packet), ["accept 6"]);
    assert_eq!(fate(&text("--ttl-dec 3", 60), &packet), ["accept 6"]);
    assert_eq!(fate(&text("--ttl-dec 65", 0), &packet), ["drop kernel"]);
    assert_eq!(fate(&text("--ttl-inc 255", 254), &packet), ["accept 6"]);
}

#[test]
fn the_first_choice_of_tracking_holds() {
    let text = |lines: &str| {
        format!(
            "*raw\n{lines}COMMIT\n*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n"
        )
    };
    let first = "-A PREROUTING -j CT --zone 3\n-A PREROUTING -j CT --notrack\n";
    assert_eq!(fate(&text(first), &udp(1)), ["accept 7"]);
    for untracked in ["-A PREROUTING -j NOTRACK\n", "-A PREROUTING -j CT --notrack --zone 3\n-A PREROUTING -j CT\n"] {
        assert_eq!(fate(&text(untracked), &udp(1)), ["drop INPUT"], "{untracked}");
    }
}

#[test]
fn netmap_keeps_the_host() {
    let text = |to: &str| {
        format!(
            "*nat\n-A PREROUTING -d 192.0.2.0/28 -j NETMAP --to 10.9.8.0/28\nCOMMIT\n\
             *filter\n:FORWARD DROP [0:0]\n-A FORWARD -d {to} -j ACCEPT\nCOMMIT\n"
        )
    };
    assert_eq!(fate(&text("10.9.8.2"), &forwarded(udp(1))), ["accept 6"]);
    assert_eq!(fate(&text("10.9.8.3"), &forwarded(udp(1))), ["drop FORWARD"]);
}

#[test]
fn what_decides_nothing_goes_on() {
    let targets = ["ULOG --ulog-prefix x", "TEE --gateway 192.0.2.9", "DSCP --set-dscp 0x2e", "TOS --set-tos 0x10"];
    for target in targets {
        let text = filter(&format!("-A INPUT -j {target}\n-A INPUT -j ACCEPT\n"));
        assert_eq!(fate(&text, &udp(1)), ["accept 5"], "{target}");
    }
}

#[test]
fn what_no_packet_shows_is_open_until_a_rule_sets_it() {
    for open in ["length --length 100:200", "pkttype --pkt-type broadcast", "mac --mac-source 00:53:00:00:00:01"] {
        let text = filter(&format!("-A INPUT -m {open} -j REJECT\n-A INPUT -m {open} -j ACCEPT\n"));
        assert_eq!(fate(&text, &udp(1)), ["reject 4", "drop INPUT"], "{open}: the same answer twice");
    }
    let set = "*mangle\n-A PREROUTING -j DSCP --set-dscp 0x2e\nCOMMIT\n\
        *filter\n:INPUT DROP [0:0]\n-A INPUT -m dscp --dscp 0x2e -j ACCEPT\nCOMMIT\n";
    assert_eq!(fate(set, &udp(1)), ["accept 6"]);
    for (chance, fates) in [
        ("--mode random --probability 1", vec!["accept 4"]),
        ("--mode random ! --probability 1", vec!["drop INPUT"]),
        ("--mode nth --every 1 --packet 0", vec!["accept 4"]),
        ("--mode nth --every 2 --packet 0", vec!["accept 4", "drop INPUT"]),
    ] {
        let text = filter(&format!("-A INPUT -m statistic {chance} -j ACCEPT\n"));
        assert_eq!(fate(&text, &udp(1)), fates, "{chance}");
    }
}

#[test]
fn only_what_is_sent_from_here_has_an_owner() {
    let text = "*mangle\n-A POSTROUTING -m owner --uid-owner 0 -j DROP\nCOMMIT\n";
    assert_eq!(fate(text, &forwarded(udp(1))), ["accept FORWARD"]);
    let sent = Packet { way: Way::Out(name("eth0")), ..udp(1) };
    assert_eq!(fate(text, &sent), ["drop 2", "accept OUTPUT"]);
    let others = "*mangle\n-A POSTROUTING -m owner ! --uid-owner 0 -j DROP\nCOMMIT\n";
    assert_eq!(fate(others, &forwarded(udp(1))), ["drop 2"], "without a socket what is negated matches");
}

#[test]
fn fragments_have_no_ports() {
    let text = filter(
        "-A INPUT -p udp -m udp --dport 53 -j ACCEPT\n-A INPUT -p udp -m multiport ! --dports 1,2 -j DROP\n-A INPUT -p udp -m frag -j REJECT\n-A INPUT -p udp -j ACCEPT\n",
    );
    let v6 = Packet { fragment: Fragment::Later, ..packet("2001:db8::1", "2001:db8::2", Transport::Udp(53, 53)) };
    assert_eq!(fate(&text, &v6), ["accept 4", "reject 6"], "iptables-nft takes other bytes for ports");
    let sctp =
        filter("-A INPUT -p sctp -m sctp --dport 53 -j ACCEPT\n-A INPUT -p sctp -m sctp ! --dport 53 -j ACCEPT\n");
    assert_eq!(fate(&sctp, &Packet { transport: Transport::Sctp(53, 53), ..v6.clone() }), ["drop INPUT"]);
    assert_eq!(fate(&text, &Packet { fragment: Fragment::First, ..v6 }), ["accept 4"]);
    let v4 = filter(
        "-A FORWARD -p udp -m udp --dport 53 -j ACCEPT\n-A FORWARD -f -j REJECT\n-A INPUT -p udp -m udp --dport 53 -j ACCEPT\n",
    );
    let later = Packet { fragment: Fragment::Later, ..udp(53) };
    assert_eq!(fate(&v4, &forwarded(later.clone())), ["accept 4", "reject 5"]);
    assert_eq!(fate(&v4, &later), ["accept 6"], "what is for the gateway itself is put together before INPUT");
    let tracked = v4.clone() + "*nat\n-A POSTROUTING -o eth9 -j MASQUERADE\nCOMMIT\n";
    assert_eq!(fate(&tracked, &forwarded(later)), ["accept 4"], "and everything, where connections are tracked");
}

#[test]
fn what_cannot_be_decided_is_taken_both_ways() {
    let text = filter(
        "-A INPUT -p udp -m limit --limit 5/min -j ACCEPT\n-A INPUT -p tcp -m set --match-set x src -j ACCEPT\n",
    );
    assert_eq!(fate(&text, &udp(1)), ["accept 4", "drop INPUT"]);
    assert_eq!(fate(&text, &tcp(1, 2)), ["accept 5", "drop INPUT"]);
    let ruleset = rules(Family::V4, &text);
    let within = decide(&Loaded::new(&ruleset), &udp(1), Assumptions::ORDINARY);
    assert_eq!((within.found.len(), within.complete), (1, true));
    let over = Assumptions { within_limit: Some(false), ..Assumptions::ORDINARY };
    assert_eq!(decide(&Loaded::new(&ruleset), &udp(1), over).found[0].verdict, Verdict::Drop);
    let logs =
        filter("-A INPUT -m limit --limit 5/min -j LOG\n-A INPUT -m limit --limit 5/min -j LOG\n-A INPUT -j REJECT\n");
    assert_eq!(fate(&logs, &udp(1)), ["reject 6"], "whether it is logged decides nothing");
    let spoofed = "*raw\n-A PREROUTING -m rpfilter --invert -j DROP\nCOMMIT\n";
    assert_eq!(fate(spoofed, &udp(1)), ["accept INPUT", "drop 2"]);
    let unknown = filter("-A INPUT -j NFQUEUE --queue-num 1\n");
    assert_eq!(fate(&unknown, &udp(1)), ["drop INPUT", "accept 4", "drop 4"]);
}

#[test]
fn there_is_an_end_to_undecided_walks() {
    let jumps = |set: &dyn Fn(usize) -> usize| -> String {
        let jump = |number| format!("-A INPUT -m set --match-set x{} src -j a\n", set(number));
        filter(&format!(":a - [0:0]\n{}-A a -p tcp -j ACCEPT\n", (0..20).map(jump).collect::<String>()))
    };
    let ruleset = rules(Family::V4, &jumps(&|number| number));
    let mut count = 0;
    let complete = walks(&Loaded::new(&ruleset), &udp(1), Assumptions::default(), Silent, |_, _, _| count += 1);
    assert!(!complete);
    assert_eq!(count, MAX_WALKS);
    assert_eq!(verdict(&ruleset, &udp(1)).found.len(), 1, "branches that meet are one");
    let mark =
        |bit: usize| format!("-A INPUT -m set --match-set x{bit} src -j MARK --set-xmark {0:#x}/{0:#x}\n", 1 << bit);
    let marks = format!("*mangle\n{}COMMIT\n{}", (0..11).map(mark).collect::<String>(), filter("-A INPUT -j ACCEPT\n"));
    let decisions = verdict(&rules(Family::V4, &marks), &udp(1));
    assert_eq!((decisions.found.len(), decisions.complete), (1, false), "states that differ are not merged");
    let (ruleset, mut count) = (rules(Family::V4, &jumps(&|_| 1)), 0);
    assert!(walks(&Loaded::new(&ruleset), &udp(1), Assumptions::default(), Silent, |_, _, _| count += 1));
    assert_eq!(count, 2, "the same question has one answer");
}

#[test]
fn loops_end() {
    let text = filter(":a - [0:0]\n:b - [0:0]\n-A INPUT -j a\n-A a -g b\n-A b -g a\n-A INPUT -j REJECT\n");
    assert_eq!(fate(&text, &udp(1)), ["reject 9"]);
}

#[test]
fn the_kernel_discards_what_has_no_place_on_the_wire() {
    let text = filter("-A INPUT -j ACCEPT\n-A FORWARD -j ACCEPT\n");
    for (source, destination) in [
        ("127.0.0.1", "192.0.2.2"),
        ("192.0.2.1", "127.0.0.1"),
        ("224.0.0.1", "192.0.2.2"),
        ("0.0.0.0", "192.0.2.2"),
        ("2001:db8::1", "::1"),
        ("ff02::1", "2001:db8::2"),
        ("2001:db8::1", "ff00::1"),
        ("2001:db8::1", "ff01::1"),
        ("0.0.0.0", "239.0.0.1"),
    ] {
        assert_eq!(
            fate(&text, &packet(source, destination, Transport::Udp(1, 1))),
            ["drop kernel"],
            "{source} {destination}"
        );
    }
    assert_eq!(fate(&text, &packet("0.0.0.0", "255.255.255.255", Transport::Udp(68, 67))), ["accept 4"]);
    assert_eq!(fate(&text, &packet("192.0.2.255", "192.0.2.1", Transport::Udp(68, 67))), ["accept 4"]);
    assert_eq!(fate(&text, &packet("0.0.0.0", "224.0.0.22", Transport::Other(Protocol::IGMP))), ["accept 4"]);
    let link_local = forwarded(packet("fe80::1", "2001:db8::2", Transport::Udp(1, 1)));
    assert_eq!(fate(&text, &link_local), ["drop kernel"]);
    let back = Packet { way: Way::Forward(name("eth0"), name("eth0")), ..link_local };
    assert_eq!(fate(&text, &back), ["accept 5"], "back out of its own interface");
    let ruleset = rules(Family::V4, &text);
    let last_hop = Packet { hop_limit: 1, ..forwarded(udp(1)) };
    assert_eq!(verdict(&ruleset, &last_hop).found[0].by, By::Kernel(Discard::HopLimit));
}

#[test]
fn what_comes_by_lo_was_tracked_and_translated_when_it_was_sent() {
    let text = "*raw\n-A PREROUTING -i lo -m conntrack --ctstate NEW -j ACCEPT\n-A PREROUTING -i lo -j DROP\nCOMMIT\n\
        *nat\n-A PREROUTING -i lo -p tcp -j REDIRECT --to-ports 9\n-A OUTPUT -o lo -p tcp -j REDIRECT --to-ports 9\nCOMMIT\n\
        *filter\n:INPUT DROP [0:0]\n:OUTPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n\
        -A OUTPUT -o eth0 -d 127.0.0.1/32 -p tcp -m tcp --dport 9 -j ACCEPT\n-A OUTPUT -o lo -p tcp -m tcp --dport 9 -j ACCEPT\nCOMMIT\n";
    let lo = packet("127.0.0.1", "127.0.0.1", Transport::Tcp(40_000, 22, 2));
    assert_eq!(fate(text, &Packet { way: Way::In(name("lo")), ..lo.clone() }), ["accept 12"]);
    assert_eq!(fate(text, &Packet { way: Way::Out(name("lo")), ..lo }), ["accept 14"]);
    let local = text.replace("-A OUTPUT -o lo -p tcp -j REDIRECT", "-A OUTPUT -o eth0 -p tcp -j REDIRECT");
    let out = Packet { way: Way::Out(name("eth0")), ..tcp(22, 2) };
    assert_eq!(fate(&local, &out), ["accept 13"], "the filter sees the old interface and the new address");
}

#[test]
fn postrouting_knows_both_interfaces_of_what_is_forwarded() {
    let text = "*mangle\n:own - [0:0]\n-A POSTROUTING -o eth1 -j own\n-A own -i eth0 -j DROP\nCOMMIT\n";
    assert_eq!(fate(text, &forwarded(udp(1))), ["drop 4"]);
    assert_eq!(fate(text, &Packet { way: Way::Out(name("eth1")), ..udp(1) }), ["accept OUTPUT"]);
}

#[test]
fn forward_sees_one_hop_less() {
    let text = filter("-A FORWARD -m ttl --ttl-eq 63 -j ACCEPT\n-A INPUT -m ttl --ttl-eq 64 -j ACCEPT\n");
    assert_eq!(fate(&text, &forwarded(udp(1))), ["accept 4"]);
    assert_eq!(fate(&text, &udp(1)), ["accept 5"]);
}

#[test]
fn headers_match_as_the_kernel_compares_them() {
    let accepts =
        |line: &str, packet: &Packet| fate(&filter(&format!("-A INPUT {line} -j ACCEPT\n")), packet) == ["accept 4"];
    for (line, expected) in [
        ("-s 192.0.2.0/24", true),
        ("! -s 192.0.2.0/24", false),
        ("-s 192.0.2.0/31", true),
        ("-s 192.0.2.2/31", false),
        ("-s 0.0.0.1/0.0.0.1", true),
        ("-i eth0", true),
        ("-i eth", false),
        ("-i eth+", true),
        ("! -i eth+", false),
        ("-i eth00", false),
        ("-p udp -m udp --sport 40000:40000", true),
        ("-p udp -m udp ! --dport 0:499", true),
        ("-p udp -m multiport --ports 1,500", true),
        ("-p udp -m multiport ! --dports 500", false),
        ("-p udplite", false),
        ("-m iprange --src-range 192.0.2.0-192.0.2.1", true),
        ("-m iprange ! --src-range 192.0.2.0-192.0.2.1", false),
        ("-m policy --dir in --pol none", true),
        ("-m policy --dir in --pol ipsec", false),
        ("-m mark ! --mark 0x0", false),
        ("-m ttl --ttl-gt 63", true),
        ("-m comment --comment x", true),
    ] {
        assert_eq!(accepts(line, &udp(500)), expected, "{line}");
    }
    let ah = packet("2001:db8::1", "2001:db8::2", Transport::Ah);
    assert!(accepts("-m ah", &ah));
    assert!(!accepts("-p tcp", &ah) && accepts("! -p tcp", &ah));
    assert_eq!(fate(&filter("-A INPUT -p ah -j ACCEPT\n"), &ah).len(), 2, "the backends disagree");
    let gre = packet("192.0.2.1", "192.0.2.2", Transport::Other(Protocol::GRE));
    assert!(accepts("-p 47", &gre));
    let reject = rules(Family::V4, &filter("-A INPUT -p tcp -j REJECT --reject-with tcp-reset\n"));
    assert_eq!(verdict(&reject, &tcp(1, 2)).found[0].verdict, Verdict::Reject(RejectWith::TcpReset));
}
