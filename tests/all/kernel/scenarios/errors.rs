//! ICMP: echoes, neighbour discovery, and what REJECT answers.

use std::net::UdpSocket;

use super::sockets::{at, raw, receive, udp};
use super::tcp::connects;
use super::world::{Side, World, over_both_backends};
use crate::kernel::wire::checksum;

const ICMP: i32 = 1;
const ICMPV6: i32 = 58;

/// Whether a ping is answered.
fn pings(from: &Side, own: &str, to: &str, expected: bool) -> bool {
    let v4 = own.contains('.');
    let socket: UdpSocket = raw(from, own, if v4 { ICMP } else { ICMPV6 });
    let mut echo = vec![if v4 { 8 } else { 128 }, 0, 0, 0, 0x12, 0x34, 0, 1, b'h', b'i'];
    if v4 {
        // In IPv6 the kernel does it.
        let sum = checksum(&[&echo]).to_be_bytes();
        echo[2..4].copy_from_slice(&sum);
    }
    let _ = socket.send_to(&echo, at(to, 0));
    let (skip, reply) = if v4 { (20, 0) } else { (0, 129) };
    receive(&socket, expected, |bytes| bytes.len() > skip + 8 && bytes[skip] == reply && bytes.ends_with(b"hi"))
        .is_some()
}

const PAIRS: [(&str, &str); 2] = [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")];

fn forget_neighbors(world: &World) {
    for (side, device) in [(&world.gateway, "inet0"), (&world.peer, "wire0")] {
        side.shell(&format!("ip neighbor flush dev {device}\n"));
    }
}

#[test]
fn pings_both_ways_with_neighbor_discovery() {
    over_both_backends(|world| {
        let echoes = "allow in, out icmp type echo-request, echo-reply\n";
        for (policy, v4, v6) in [
            ("default drop\nallow icmp\n".to_owned(), true, true),
            ("default drop\nallow icmp on inet0\n".to_owned(), true, true),
            ("default drop\nallow icmp on eth0\n".to_owned(), false, false),
            (format!("default drop\nallow neighbor-discovery\n{}", echoes.replace("in, out", "on inet0")), true, true),
            // In IPv6 nobody finds the other; IPv4 asks by ARP, which no rule sees.
            (format!("default drop\n{}", echoes.replace("in, out", "on inet0")), true, false),
        ] {
            world.load(&policy);
            for ((own, peer), open) in PAIRS.into_iter().zip([v4, v6]) {
                forget_neighbors(world);
                assert_eq!(pings(&world.gateway, own, peer, open), open, "{policy}{own} to {peer}");
                forget_neighbors(world);
                assert_eq!(pings(&world.peer, peer, own, open), open, "{policy}{peer} to {own}");
            }
        }
    });
}

/// The reasons with type and code of the answer, in IPv4 and in IPv6.
const REASONS: [(&str, Option<u8>, Option<u8>); 9] = [
    ("port-unreachable", Some(3), Some(4)),
    ("host-unreachable", Some(1), Some(3)),
    ("net-unreachable", Some(0), Some(0)),
    ("host-prohibited", Some(10), Some(1)),
    ("net-prohibited", Some(9), Some(1)),
    ("admin-prohibited", Some(13), Some(1)),
    ("proto-unreachable", Some(2), None),
    ("policy-fail", None, Some(5)),
    ("reject-route", None, Some(6)),
];

#[test]
fn every_reason_of_reject() {
    over_both_backends(|world| {
        let mut policy = "default accept\nreject in on inet0 tcp port 100 with tcp-reset\n".to_owned();
        for (index, (reason, v4, v6)) in REASONS.iter().enumerate() {
            let only = match (v4, v6) {
                (Some(_), Some(_)) => "",
                (Some(_), None) => " only ipv4",
                _ => " only ipv6",
            };
            policy.push_str(&format!("reject in on inet0 udp port {} with {reason}{only}\n", 101 + index));
        }
        world.load(&policy);
        for (index, (reason, v4, v6)) in REASONS.iter().enumerate() {
            let port = 101 + index as u16;
            for ((own, peer), (code, (kind, skip, protocol))) in
                PAIRS.into_iter().zip([(v4, (3, 20, ICMP)), (v6, (1, 0, ICMPV6))])
            {
                let Some(code) = code else { continue };
                let errors = raw(&world.peer, peer, protocol);
                let socket = udp(&world.peer, at(peer, 0));
                let _ = socket.send_to(b"?", at(own, port)).expect("sent");
                let (answer, from) = receive(&errors, true, |bytes| bytes.len() > skip + 8 && bytes[skip] == kind)
                    .unwrap_or_else(|| panic!("no answer: {reason}, {own}"));
                assert_eq!((answer[skip + 1], from), (*code, own.parse().expect("an address")), "{reason}");
            }
        }
        for (own, _) in PAIRS {
            let refused = std::time::Instant::now();
            assert!(!connects(&world.peer, &world.gateway, at(own, 100), true), "reset");
            assert!(refused.elapsed().as_secs() < 2, "a reset comes at once");
        }
    });
}

#[test]
fn the_guard_of_loopback_rejects_where_the_kernel_lets_it() {
    over_both_backends(|world| {
        world.load("default accept\nallow loopback\n");
        world.gateway.run(|namespace| namespace.set("ipv4/conf/inet0/route_localnet", "1")).expect("a setting");
        world.peer.run(|namespace| namespace.set("ipv4/conf/wire0/route_localnet", "1")).expect("a setting");
        world.peer.shell("ip rule add pref 10 to 127.9.9.9 lookup 100\nip rule add pref 20 lookup local\nip rule del pref 0\nip route add 127.9.9.9 via 192.0.2.1 dev wire0 table 100\n");
        let errors = raw(&world.peer, "192.0.2.2", ICMP);
        let socket = udp(&world.peer, at("192.0.2.2", 0));
        socket.send_to(b"?", at("127.9.9.9", 7)).expect("sent");
        let answer = receive(&errors, true, |bytes| bytes.len() > 28 && bytes[20] == 3);
        assert_eq!(answer.map(|(bytes, _)| bytes[21]), Some(3), "port unreachable");
    });
}
