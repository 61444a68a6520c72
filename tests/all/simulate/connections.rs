//! What a branch of the walk knows: what it has decided, of connections, of what is routed a second time.

use super::{fate, filter, forwarded, tcp, udp};
use cgwfw::iptables::packet::{Packet, State, Way};
use cgwfw::net::Interface;

#[test]
fn what_is_marked_on_its_way_out_is_routed_again() {
    let out = Packet { way: Way::Out(Interface::new("eth0").expect("a short name")), ..udp(1) };
    let text = |mangle: &str, nat: &str| {
        format!("*mangle\n{mangle}-A POSTROUTING -o eth1 -j DROP\nCOMMIT\n{nat}")
            + &filter("-A OUTPUT -o eth0 -j ACCEPT\n")
    };
    let marked = "-A OUTPUT -j MARK --set-xmark 0x1/0x1\n";
    assert_eq!(fate(&text(marked, ""), &out), ["drop 3", "accept 8"], "no rule tells by which interface it leaves");
    let same = "-A OUTPUT -j MARK --set-xmark 0x0/0x1\n";
    assert_eq!(fate(&text(same, ""), &out), ["accept 8"], "the mark stays as it was");
    assert_eq!(fate(&text("", ""), &out), ["accept 7"]);
    let sent_elsewhere = "*nat\n-A OUTPUT -p udp -j DNAT --to-destination 10.0.0.1\nCOMMIT\n";
    assert_eq!(fate(&text("", sent_elsewhere), &out), ["drop 2", "accept 10"]);
    let to_itself = sent_elsewhere.replace("DNAT --to-destination 10.0.0.1", "REDIRECT --to-ports 7");
    assert_eq!(fate(&text("", &to_itself), &out), ["accept 10"]);
    let by_lo = Packet { way: Way::Out(Interface::new("lo").expect("a short name")), ..udp(1) };
    let accepted = text("", &to_itself).replace("-o eth0", "-o lo");
    assert_eq!(fate(&accepted, &by_lo), ["accept 10"], "it is sent to the gateway itself again");
}

#[test]
fn what_a_connection_was_begun_to_is_known_of_its_first_packet() {
    let rule = |options: &str| {
        "*nat\n-A PREROUTING -p udp -j DNAT --to-destination 10.0.0.1:7\nCOMMIT\n".to_owned()
            + &filter(&format!("-A FORWARD -m conntrack {options} -j ACCEPT\n"))
    };
    let packet = forwarded(udp(443));
    let to = packet.destination;
    let of = |options: &str, state| fate(&rule(options), &Packet { state, ..packet.clone() });
    assert_eq!(of(&format!("--ctorigdst {to} --ctorigdstport 443"), None), ["accept 7"]);
    assert_eq!(of("--ctorigdst 10.0.0.1", None), ["drop FORWARD"]);
    assert_eq!(of("--ctorigdstport 7", None), ["drop FORWARD"]);
    assert_eq!(of(&format!("! --ctorigdst {to}"), None), ["drop FORWARD"]);
    // The packet of a later one may go either way.
    let later = Some(State::Established);
    assert_eq!(of(&format!("--ctorigdst {to}"), later).len(), 2);
    // Without a connection the state alone counts.
    let invalid = Some(State::Invalid);
    assert_eq!(of("--ctstate INVALID --ctorigdst 192.0.2.77", invalid), ["accept 7"]);
    assert_eq!(of("! --ctorigdst 192.0.2.77", invalid), ["drop FORWARD"]);
}

#[test]
fn a_branch_never_contradicts_itself() {
    // Set or not: never the one rule and the other.
    let set = filter(
        "-A INPUT -m set --match-set x src -j MARK --set-xmark 0x1/0x1\n-A INPUT -m mark --mark 0x1 -m set ! --match-set x src -j ACCEPT\n",
    );
    assert_eq!(fate(&set, &udp(1)), ["drop INPUT"]);
    let same = set.replace("! --match-set", "--match-set");
    assert_eq!(fate(&same, &udp(1)), ["accept 5", "drop INPUT"]);
    // Another destination may be in another set.
    let moved = "*nat\n-A PREROUTING -p udp -m set --match-set x dst -j DNAT --to-destination 10.0.0.1\nCOMMIT\n"
        .to_owned()
        + &filter("-A FORWARD -m set ! --match-set x dst -j ACCEPT\n");
    assert_eq!(fate(&moved, &forwarded(udp(1))), ["accept 7", "drop FORWARD"]);
    // A destination that is not known is in one network, or in another.
    let later = Packet { state: Some(State::Established), ..forwarded(tcp(443, 0x10)) };
    let nat = "*nat\n-A PREROUTING -p udp -j DNAT --to-destination 10.0.0.1\nCOMMIT\n";
    let text = nat.to_owned()
        + &filter(
            "-A FORWARD -d 10.0.0.0/8 -j MARK --set-xmark 0x1/0x1\n-A FORWARD -m mark --mark 0x1 -d 10.1.0.0/16 -j ACCEPT\n-A FORWARD -m mark --mark 0x1 -d 11.0.0.0/8 -j REJECT\n-A FORWARD ! -d 10.0.0.0/8 -m mark --mark 0x1 -j REJECT\n",
        );
    assert_eq!(fate(&text, &later), ["accept 8", "drop FORWARD"]);
}

#[test]
fn what_one_rule_asks_twice_is_one_thing() {
    let later = Packet { state: Some(State::Established), ..forwarded(udp(443)) };
    let of = |rule: &str| {
        "*nat\n-A PREROUTING -p udp -j DNAT --to-destination 10.0.0.1\nCOMMIT\n".to_owned()
            + &filter(&format!("-A FORWARD {rule} -j ACCEPT\n"))
    };
    let (both, never, always) = (&["accept 7", "drop FORWARD"][..], &["drop FORWARD"][..], &["accept 7"][..]);
    for (rule, fates) in [
        ("-d 10.0.0.0/8 -m iprange --dst-range 10.0.0.255-10.1.2.3", both),
        ("-d 224.0.0.0/4 -m iprange --dst-range 10.0.0.255-10.1.2.3", never),
        ("-d 10.0.0.0/8 -m iprange ! --dst-range 10.0.0.0-10.255.255.255", never),
        ("! -d 10.0.0.0/8 -m iprange --dst-range 10.0.0.255-10.1.2.3", never),
        // Nothing comes in with a loopback address.
        ("! -d 10.0.0.0/8 -m iprange ! --dst-range 0.0.0.0-9.255.255.255", both),
        ("-d 127.0.0.0/255.0.0.255", never),
        ("! -d 127.0.0.0/255.0.0.255", always),
        // Masks with holes.
        ("-d 10.0.0.1/255.0.0.255 -m iprange --dst-range 10.0.0.2-10.0.1.0", never),
        ("-d 10.0.0.1/255.0.0.255 -m iprange --dst-range 10.0.0.2-10.0.1.1", both),
    ] {
        assert_eq!(fate(&of(rule), &later), fates, "{rule}");
    }
    let chain = |first: &str, then: &str| {
        "*nat\n-A PREROUTING -p udp -j DNAT --to-destination 10.0.0.1\nCOMMIT\n".to_owned()
            + &filter(&format!("-A FORWARD {first} -j DROP\n-A FORWARD {then} -j ACCEPT\n"))
    };
    let masks = chain("-d 0.0.0.1/0.0.0.1", "-d 0.0.0.3/0.0.0.3");
    assert_eq!(fate(&masks, &later), ["drop 7", "drop FORWARD"], "an odd address is no other one");
}

#[test]
fn what_is_written_into_a_mark_that_is_not_known_is_known() {
    let later = Packet { state: Some(State::Established), ..udp(443) };
    let fates = |mangle: &str, asked: &str| {
        fate(&(format!("*mangle\n{mangle}COMMIT\n") + &filter(&format!("-A INPUT {asked} -j ACCEPT\n"))), &later)
            .into_iter()
            .map(|fate| fate.split(' ').next().expect("a word").to_owned())
            .collect::<Vec<_>>()
    };
    let (both, never, always) = (["accept", "drop"], ["drop"], ["accept"]);
    let set = "-A PREROUTING -j CONNMARK --set-xmark 0x1/0x3\n";
    assert_eq!(fates(set, "-m connmark --mark 0x0"), never);
    assert_eq!(fates(set, "-m connmark --mark 0x1/0x3"), always);
    assert_eq!(fates(set, "-m connmark --mark 0x5/0x7"), both);
    assert_eq!(fates(set, "-m connmark ! --mark 0x2/0x2"), always);
    // The same bits, in either mark.
    let read = "-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff\n";
    assert_eq!(fates(read, "-m connmark --mark 0x1/0xf"), both);
    assert_eq!(fates(read, "-m mark --mark 0x1/0x3 -m connmark --mark 0x2/0x3"), never);
    assert_eq!(fates(read, "-m mark --mark 0x100/0x100"), never, "what is not read stays as it was");
    let turned = format!("{read}-A PREROUTING -j MARK --set-xmark 0x1/0x0\n");
    assert_eq!(fates(&turned, "-m mark --mark 0x1/0x1 -m connmark --mark 0x1/0x1"), never);
    assert_eq!(fates(&turned, "-m mark --mark 0x1/0x1 -m connmark ! --mark 0x1/0x1"), both);
    // What was decided of a bit holds until it is another.
    let dropped = "-A PREROUTING -m connmark --mark 0x4/0x4 -j DROP\n";
    assert_eq!(fates(&(dropped.to_owned() + set), "-m connmark --mark 0x5/0x7"), ["drop", "drop"]);
}
