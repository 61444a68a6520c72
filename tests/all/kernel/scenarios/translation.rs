//! Forwarding and address translation, with replies; spoofed sources; limits.

use std::net::IpAddr;

use super::sockets::{at, check, comes_from, receive, udp, udp_lite};
use super::world::over_both_backends;

fn ip(address: &str) -> IpAddr {
    address.parse().expect("an address")
}

const ALWAYS: &str = "default drop\nallow neighbor-discovery\n";

#[test]
fn forwarding_in_one_direction_only() {
    over_both_backends(|world| {
        for (policy, out, back, begin) in [
            ("allow routing from eth0 to inet0\n", true, false, false),
            ("allow routing from eth0 to inet0\nallow established\n", true, true, false),
            ("allow routing between eth0 and inet0\n", true, true, true),
            ("allow routing from inet0 to eth0\n", false, true, true),
        ] {
            world.load(&format!("{ALWAYS}{policy}"));
            for (host, peer) in [("10.1.0.2", "192.0.2.2"), ("2001:db8:1::2", "2001:db8::2")] {
                let (ours, theirs) = (udp(&world.host, at(host, 7_000)), udp(&world.peer, at(peer, 7_001)));
                check(&ours, at(peer, 7_001), &theirs, out);
                check(&theirs, at(host, 7_000), &ours, back);
                let stranger = udp(&world.peer, at(peer, 7_002));
                check(&stranger, at(host, 7_000), &ours, begin);
            }
        }
    });
}

#[test]
fn masquerade_with_replies() {
    over_both_backends(|world| {
        world.load(&format!(
            "{ALWAYS}allow routing from eth0 to inet0\nallow established\n\
             masquerade out on inet0 from 10.1.0.0/16\nmasquerade out on inet0 from 2001:db8:1::/64\n"
        ));
        for (host, own, peer) in
            [("10.1.0.2", "192.0.2.1", "192.0.2.2"), ("2001:db8:1::2", "2001:db8::1", "2001:db8::2")]
        {
            let (ours, theirs) = (udp(&world.host, at(host, 7_000)), udp(&world.peer, at(peer, 7_001)));
            let seen = comes_from(&ours, at(peer, 7_001), &theirs).expect("it arrives");
            assert_eq!(seen.ip(), ip(own), "the gateway's address");
            assert_eq!(comes_from(&theirs, seen, &ours), Some(at(peer, 7_001)), "the reply");
        }
    });
}

#[test]
fn dnat_with_replies() {
    over_both_backends(|world| {
        world.load(&format!(
            "{ALWAYS}dnat in on inet0 udp to 192.0.2.1 port 8443 as 10.1.0.2:443\n\
             dnat in on inet0 udp to 2001:db8::1 port 8443 as [2001:db8:1::2]:443\n\
             allow routing from inet0 to eth0 udp port 443\nallow established\n"
        ));
        for (host, own, peer) in
            [("10.1.0.2", "192.0.2.1", "192.0.2.2"), ("2001:db8:1::2", "2001:db8::1", "2001:db8::2")]
        {
            let (ours, theirs) = (udp(&world.host, at(host, 443)), udp(&world.peer, at(peer, 7_001)));
            assert_eq!(comes_from(&theirs, at(own, 8_443), &ours), Some(at(peer, 7_001)), "the request");
            assert_eq!(comes_from(&ours, at(peer, 7_001), &theirs), Some(at(own, 8_443)), "the reply");
        }
    });
}

#[test]
fn a_range_of_ports_keeps_its_order() {
    over_both_backends(|world| {
        world.load(&format!(
            "{ALWAYS}dnat in on inet0 udp to 192.0.2.1 port 6000-6010 as 10.1.0.2:7000-7010\n\
             dnat in on inet0 udp to 2001:db8::1 port 6000-6010 as [2001:db8:1::2]:7000-7010\n\
             allow routing from inet0 to eth0 udp port 7000-7010\nallow established\n\
             redirect in on inet0 udp from {{ 192.0.2.2, 2001:db8::2 }} to port 80-82 as port 8080-8082\n\
             allow in on inet0 udp port 8080-8082\n"
        ));
        for (host, own, peer) in
            [("10.1.0.2", "192.0.2.1", "192.0.2.2"), ("2001:db8:1::2", "2001:db8::1", "2001:db8::2")]
        {
            let theirs = udp(&world.peer, at(peer, 7_001));
            for place in [0, 3, 10] {
                let ours = udp(&world.host, at(host, 7_000 + place));
                assert_eq!(comes_from(&theirs, at(own, 6_000 + place), &ours), Some(at(peer, 7_001)), "{place}");
                assert_eq!(comes_from(&ours, at(peer, 7_001), &theirs), Some(at(own, 6_000 + place)), "the reply");
            }
            for place in [0, 2] {
                let ours = udp(&world.gateway, at(own, 8_080 + place));
                check(&theirs, at(own, 80 + place), &ours, true);
            }
        }
    });
}

#[test]
fn a_burst_for_each_source_comes_once() {
    over_both_backends(|world| {
        world.load(&format!("{ALWAYS}allow in on inet0 udp port 7 limit 1/second burst 10 per source\n"));
        for (own, peer) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
            let (ours, theirs) = (udp(&world.gateway, at(own, 7)), udp(&world.peer, at(peer, 7)));
            let arrived = || {
                (0..20).for_each(|_| drop(theirs.send_to(b"word", at(own, 7))));
                (0..20).take_while(|_| receive(&ours, false, |_| true).is_some()).count()
            };
            let first = arrived();
            assert!((10..=11).contains(&first), "{own}: {first}");
            // Longer than the unit of the rate, after which the bucket would be forgotten.
            std::thread::sleep(std::time::Duration::from_millis(2_500));
            let second = arrived();
            assert!((2..=4).contains(&second), "{own}: {second} after a silence");
        }
    });
}

#[test]
fn spoofed_sources_are_dropped() {
    over_both_backends(|world| {
        world.peer.shell("ip address add 10.1.0.99/32 dev wire0\nip address add 2001:db8:1::99/128 dev wire0 nodad\n");
        for (policy, open) in [("default accept\n", true), ("default accept\ndrop spoofed on inet0\n", false)] {
            world.load(policy);
            for (own, peer, spoofed) in
                [("192.0.2.1", "192.0.2.2", "10.1.0.99"), ("2001:db8::1", "2001:db8::2", "2001:db8:1::99")]
            {
                let ours = udp(&world.gateway, at(own, 7));
                check(&udp(&world.peer, at(peer, 7)), at(own, 7), &ours, true);
                check(&udp(&world.peer, at(spoofed, 7)), at(own, 7), &ours, open);
            }
        }
    });
}

#[test]
fn a_limit_lets_its_burst_pass() {
    over_both_backends(|world| {
        world.load(&format!("{ALWAYS}allow in on inet0 udp port 7 limit 1/hour burst 3\n"));
        for (own, peer) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
            let (ours, theirs) = (udp(&world.gateway, at(own, 7)), udp(&world.peer, at(peer, 7)));
            for _ in 0..6 {
                theirs.send_to(b"word", at(own, 7)).expect("sent");
            }
            let arrived = (0..6).filter(|index| receive(&ours, *index < 3, |_| true).is_some()).count();
            assert_eq!(arrived, 3, "{own}");
        }
    });
}

#[test]
fn udp_lite_is_invalid_when_it_comes_in() {
    over_both_backends(|world| {
        for (state, open) in [("NEW", false), ("INVALID", true)] {
            world.load(&format!(
                "{ALWAYS}rules both filter {{\n-A INPUT -p udplite -m conntrack --ctstate {state} -j ACCEPT\n}}\n"
            ));
            for (own, peer) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
                let (ours, theirs) = (udp_lite(&world.gateway, at(own, 7)), udp_lite(&world.peer, at(peer, 7)));
                check(&theirs, at(own, 7), &ours, open);
            }
        }
    });
}
