//! Packets larger than the link, as Linux sends them: in IPv6 with flow labels, a new one for each socket.

use super::sockets::{at, receive, udp};
use super::world::{Side, World, over_both_backends};

const ALWAYS: &str = "default drop\nallow neighbor-discovery\n";

/// How many of 20 datagrams of 3,000 bytes come from one side to another, each from a socket of its own.
fn arrived(from: (&Side, &str), to: (&Side, &str), port: u16, expected: bool) -> usize {
    let receiver = udp(to.0, at(to.1, port));
    let sent = (0..20).filter(|_| {
        let sender = udp(from.0, at(from.1, port));
        let _ = sender.send_to(&[0xf4; 3_000], at(to.1, port));
        receive(&receiver, expected, |_| true).is_some()
    });
    sent.count()
}

fn from_peer(world: &World) -> usize {
    arrived((&world.peer, "2001:db8::2"), (&world.gateway, "2001:db8::1"), 500, true)
}

#[test]
fn large_messages_of_ike_come_in() {
    over_both_backends(|world| {
        world.load(&format!("{ALWAYS}allow ipsec peer 2001:db8::2 on inet0 with fragments\n"));
        assert_eq!(from_peer(world), 20);
    });
}

#[test]
fn fragments_are_put_together_before_the_rules() {
    over_both_backends(|world| {
        world.load(&format!("{ALWAYS}reassemble fragments\nallow in on inet0 udp from port 500 to port 500\n"));
        assert_eq!(from_peer(world), 20);
        world.load(&format!("{ALWAYS}reassemble fragments\nallow routing from eth0 to inet0 udp port 500\n"));
        for (host, peer) in [("10.1.0.2", "192.0.2.2"), ("2001:db8:1::2", "2001:db8::2")] {
            assert_eq!(arrived((&world.host, host), (&world.peer, peer), 500, true), 20, "{host} to {peer}");
            assert!(arrived((&world.host, host), (&world.peer, peer), 501, false) == 0, "{host} to {peer}, port 501");
        }
    });
}
