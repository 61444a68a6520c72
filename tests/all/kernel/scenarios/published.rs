//! Published ports: from outside, by hairpin from inside; what was begun to an address; sets and ranges of addresses.

use super::sockets::{at, check, comes_from, udp};
use super::world::over_both_backends;
use crate::support::kernel::has_sets;

const ALWAYS: &str = "default drop\nallow neighbor-discovery\n";

/// The gateway, the peer, the host, and another address in the network of the host.
const FAMILIES: [[&str; 4]; 2] = [
    ["192.0.2.1", "192.0.2.2", "10.1.0.2", "10.1.0.3"],
    ["2001:db8::1", "2001:db8::2", "2001:db8:1::2", "2001:db8:1::3"],
];

#[test]
fn a_published_port_is_reached_from_outside_and_by_hairpin_from_inside() {
    over_both_backends(|world| {
        world.host.shell("ip address add 10.1.0.3/16 dev wire0\nip address add 2001:db8:1::3/64 dev wire0 nodad\n");
        for (out, hairpin) in [("", ""), (" out on eth0", ""), ("", "hairpin"), (" out on eth0", "hairpin")] {
            let publish = |own: &str, new: &str, network: &str| {
                let hairpin =
                    if hairpin.is_empty() { String::new() } else { format!(" hairpin on eth0 from {network}") };
                format!("publish in on inet0 udp port 8443 to {own} as {new}{out}{hairpin}\n")
            };
            world.load(&format!(
                "{ALWAYS}{}{}allow established\n",
                publish("192.0.2.1", "10.1.0.2:443", "10.1.0.0/16"),
                publish("2001:db8::1", "[2001:db8:1::2]:443", "2001:db8:1::/64")
            ));
            for [own, peer, host, inside] in FAMILIES {
                let (ours, theirs) = (udp(&world.host, at(host, 443)), udp(&world.peer, at(peer, 7_001)));
                assert_eq!(comes_from(&theirs, at(own, 8_443), &ours), Some(at(peer, 7_001)), "from outside");
                assert_eq!(comes_from(&ours, at(peer, 7_001), &theirs), Some(at(own, 8_443)), "the answer");
                // Straight to the host nothing gets through.
                check(&udp(&world.peer, at(peer, 7_002)), at(host, 443), &ours, false);
                let near = udp(&world.host, at(inside, 7_003));
                if hairpin.is_empty() {
                    check(&near, at(own, 8_443), &ours, false);
                    continue;
                }
                let gateway = if own.contains(':') { "2001:db8:1::1" } else { "10.1.0.1" };
                let seen = comes_from(&near, at(own, 8_443), &ours).expect("it comes back by the gateway");
                assert_eq!(seen.ip(), at(gateway, 0).ip(), "the gateway's address");
                assert_eq!(comes_from(&ours, seen, &near), Some(at(own, 8_443)), "the answer");
            }
        }
    });
}

#[test]
fn every_address_of_the_gateway_is_published_and_no_other() {
    over_both_backends(|world| {
        world.load(&format!(
            "{ALWAYS}publish in on inet0 udp port 8443 as 10.1.0.2:443\n\
             publish in on inet0 udp port 8443 as [2001:db8:1::2]:443\nallow established\n"
        ));
        for [own, peer, host, _] in FAMILIES {
            let (ours, theirs) = (udp(&world.host, at(host, 443)), udp(&world.peer, at(peer, 7_001)));
            for address in [own, if own.contains(':') { "2001:db8:1::1" } else { "10.1.0.1" }] {
                check(&theirs, at(address, 8_443), &ours, true);
            }
            // Another host's port is not the gateway's.
            let further = udp(&world.host, at(host, 8_443));
            check(&theirs, at(host, 8_443), &further, false);
            check(&theirs, at(host, 8_443), &ours, false);
        }
    });
}

#[test]
fn what_was_begun_to_an_address_passes_and_answers() {
    over_both_backends(|world| {
        world.load(&format!(
            "{ALWAYS}dnat in on inet0 udp to 192.0.2.1 port 8443 as 10.1.0.2:443\n\
             dnat in on inet0 udp to 2001:db8::1 port 8443 as [2001:db8:1::2]:443\n\
             allow forward udp original to 192.0.2.1 port 8443\nallow forward udp original to 2001:db8::1 port 8443\n"
        ));
        for [own, peer, host, _] in FAMILIES {
            let (ours, theirs) = (udp(&world.host, at(host, 443)), udp(&world.peer, at(peer, 7_001)));
            assert_eq!(comes_from(&theirs, at(own, 8_443), &ours), Some(at(peer, 7_001)), "the request");
            assert_eq!(comes_from(&ours, at(peer, 7_001), &theirs), Some(at(own, 8_443)), "the answer");
            check(&udp(&world.peer, at(peer, 7_002)), at(host, 443), &ours, false);
        }
    });
}

#[test]
fn sets_and_ranges_hold_their_addresses() {
    if !has_sets("-m set --match-set lab src") {
        return;
    }
    over_both_backends(|world| {
        world.peer.shell(
            "ip address add 192.0.2.9/24 dev wire0\nip address add 192.0.2.10/24 dev wire0\n\
             ip address add 2001:db8::9/64 dev wire0 nodad\nip address add 2001:db8::a/64 dev wire0 nodad\n",
        );
        world.gateway.shell(
            "ipset create blocked4 hash:net\nipset add blocked4 192.0.2.9\n\
             ipset create blocked6 hash:net family inet6\nipset add blocked6 2001:db8::9\n",
        );
        let sets = "drop in from set blocked4 only ipv4\ndrop in from set blocked6 only ipv6\nallow in udp port 7\n";
        let others = "allow in udp from not set blocked4 to port 7 only ipv4\n\
                      allow in udp from not set blocked6 to port 7 only ipv6\n";
        let range = "allow in udp from { 192.0.2.1-192.0.2.8, 2001:db8::1-2001:db8::8 } to port 7\n";
        let not =
            "drop in from not { 192.0.2.2-192.0.2.8, 192.0.2.77, 2001:db8::2-2001:db8::8 }\nallow in udp port 7\n";
        for (policy, tenth) in [(sets, true), (others, true), (range, false), (not, false)] {
            world.load(&format!("{ALWAYS}lint set_match off\n{policy}"));
            for (own, second, ninth, last) in [
                ("192.0.2.1", "192.0.2.2", "192.0.2.9", "192.0.2.10"),
                ("2001:db8::1", "2001:db8::2", "2001:db8::9", "2001:db8::a"),
            ] {
                let ours = udp(&world.gateway, at(own, 7));
                for (source, open) in [(second, true), (ninth, false), (last, tenth)] {
                    check(&udp(&world.peer, at(source, 7)), at(own, 7), &ours, open);
                }
            }
        }
    });
}
