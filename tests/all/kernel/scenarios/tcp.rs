//! TCP: over loopback, with `allow established`, with a clamped MSS.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::sockets::{at, raw, receive};
use super::world::{Side, over_both_backends};

/// Whether a connection from one side to another comes about and carries data both ways.
pub fn connects(from: &Side, to: &Side, address: SocketAddr, expected: bool) -> bool {
    let listener = to.run(move |_| TcpListener::bind(address)).expect("a listener");
    let patience = Duration::from_millis(if expected { 5_000 } else { 400 });
    let Ok(mut near) = from.run(move |_| TcpStream::connect_timeout(&address, patience)) else { return false };
    let (mut far, _) = listener.accept().expect("the connection");
    let carry = |one: &mut TcpStream, other: &mut TcpStream| -> std::io::Result<bool> {
        other.set_read_timeout(Some(patience))?;
        one.write_all(b"word")?;
        let mut read = [0; 4];
        other.read_exact(&mut read)?;
        Ok(&read == b"word")
    };
    carry(&mut near, &mut far).unwrap_or(false) && carry(&mut far, &mut near).unwrap_or(false)
}

#[test]
fn tcp_over_loopback_under_a_default_drop() {
    over_both_backends(|world| {
        for (policy, open) in [("default drop\nallow loopback\n", true), ("default drop\n", false)] {
            world.load(policy);
            for own in ["127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"] {
                assert_eq!(connects(&world.gateway, &world.gateway, at(own, 8_080), open), open, "{policy}{own}");
            }
        }
    });
}

#[test]
fn a_connection_with_allow_established() {
    over_both_backends(|world| {
        let begin = "default drop\nallow neighbor-discovery\nallow out on inet0 tcp port 443\n";
        for (policy, open) in [(format!("{begin}allow established\n"), true), (begin.to_owned(), false)] {
            world.load(&policy);
            for (own, peer) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
                assert_eq!(connects(&world.gateway, &world.peer, at(peer, 443), open), open, "{policy}to {peer}");
                assert!(
                    !connects(&world.gateway, &world.peer, at(peer, 444), false),
                    "{policy}to {peer}, another port"
                );
                assert!(!connects(&world.peer, &world.gateway, at(own, 443), false), "{policy}to {own}");
            }
        }
    });
}

/// The MSS option of a SYN, after its header.
fn mss(tcp: &[u8]) -> Option<u16> {
    let mut options = tcp.get(20..usize::from(tcp[12] >> 4) * 4)?;
    while let [kind, rest @ ..] = options {
        match (kind, rest) {
            (0, _) => return None,
            (1, rest) => options = rest,
            (2, [4, high, low, ..]) => return Some(u16::from_be_bytes([*high, *low])),
            (_, [length, ..]) => options = options.get(usize::from(*length)..)?,
            _ => return None,
        }
    }
    None
}

/// The MSS of the SYN that one side sends to another.
fn arriving_mss(from: &Side, to: &Side, address: SocketAddr) -> Option<u16> {
    let sniffer = raw(to, &address.ip().to_string(), 6);
    let skip = if address.is_ipv4() { 20 } else { 0 };
    let _ = from.run(move |_| TcpStream::connect_timeout(&address, Duration::from_millis(50)));
    let port = address.port().to_be_bytes();
    let is_syn = |bytes: &[u8]| bytes.get(skip + 13) == Some(&2) && bytes[skip + 2..skip + 4] == port;
    receive(&sniffer, true, is_syn).and_then(|(bytes, _)| mss(&bytes[skip..]))
}

#[test]
fn the_mss_that_arrives_after_clamp() {
    over_both_backends(|world| {
        for (policy, expected) in [
            ("default accept\n", [Some(1_460), Some(1_440)]),
            ("default accept\nclamp mss 1250 on inet0\n", [Some(1_250), Some(1_250)]),
            ("default accept\nclamp mss 1250 on inet0 ipv6 1230\n", [Some(1_250), Some(1_230)]),
            ("default accept\nclamp mss 1250 through inet0\n", [Some(1_460), Some(1_440)]),
            ("default accept\nclamp mss 1500 on inet0\n", [Some(1_460), Some(1_440)]),
        ] {
            world.load(policy);
            let peers = [at("192.0.2.2", 9), at("2001:db8::2", 9)];
            assert_eq!(peers.map(|peer| arriving_mss(&world.gateway, &world.peer, peer)), expected, "{policy}");
        }
        // What is forwarded, both ways.
        world.load("default accept\nclamp mss 1250 through inet0\n");
        for peer in [at("192.0.2.2", 9), at("2001:db8::2", 9)] {
            assert_eq!(arriving_mss(&world.host, &world.peer, peer), Some(1_250), "{peer}");
        }
        for host in [at("10.1.0.2", 9), at("2001:db8:1::2", 9)] {
            assert_eq!(arriving_mss(&world.peer, &world.host, host), Some(1_250), "{host}");
        }
        // To the MTU of the way: that of the narrower side.
        world.gateway.shell("ip link set inet0 mtu 1400");
        world.load("default accept\nclamp mss to pmtu through inet0\n");
        assert_eq!(arriving_mss(&world.host, &world.peer, at("192.0.2.2", 9)), Some(1_360));
        assert_eq!(arriving_mss(&world.host, &world.peer, at("2001:db8::2", 9)), Some(1_340));
    });
}
