//! DHCP in both families: answers of servers and relays, which may come from elsewhere, and renewals.

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use socket2::{Domain, Socket, Type};

use super::sockets::{at, check, index, receive, udp};
use super::world::{Side, over_both_backends};

#[test]
fn a_server_answers_from_a_global_address() {
    over_both_backends(|world| {
        world.gateway.shell("ip address add fe80::f231/64 dev inet0 nodad\n");
        world.peer.shell("ip address add fe80::e1/64 dev wire0 nodad\n");
        for (policy, open) in [("allow dhcp on inet0\n", true), ("allow dhcp on eth0\n", false)] {
            world.load(&format!("default drop\nallow neighbor-discovery\n{policy}"));
            let client = udp(&world.gateway, at("::", 546));
            let server = on_device(&world.peer, "wire0", at("2001:db8::2", 547));
            let to: Ipv6Addr = "fe80::f231".parse().expect("an address");
            check(&server, SocketAddrV6::new(to, 546, 0, 0).into(), &client, open);
        }
    });
}

/// A UDP socket of a side that is bound to an interface as well.
fn on_device(side: &Side, name: &'static str, address: SocketAddr) -> UdpSocket {
    let open = move || -> std::io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        socket.bind_device(Some(name.as_bytes()))?;
        socket.set_broadcast(true)?;
        // A relay and a server share the port.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        Ok(UdpSocket::from(std::os::fd::OwnedFd::from(socket)))
    };
    side.run(move |_| open()).expect("a UDP socket")
}

#[test]
fn a_lease_is_asked_for_relayed_and_renewed() {
    over_both_backends(|world| {
        // A server behind the relay, which the client knows by the server's own address.
        world.peer.shell("ip address add 198.51.100.67/32 dev wire0\n");
        world.gateway.shell("ip route add 198.51.100.67 via 192.0.2.2\n");
        for (policy, open) in [("allow dhcp on inet0\n", true), ("allow dhcp on eth0\n", false)] {
            world.load(&format!("default drop\nallow neighbor-discovery\n{policy}"));
            let client = on_device(&world.gateway, "inet0", at("0.0.0.0", 68));
            let [relay, server] = ["0.0.0.0", "198.51.100.67"].map(|own| on_device(&world.peer, "wire0", at(own, 67)));
            // To everybody on the link, answered by the relay to the address that it offers.
            check(&client, at("255.255.255.255", 67), &relay, open);
            check(&relay, at("192.0.2.1", 68), &client, open);
            check(&relay, at("255.255.255.255", 68), &client, open);
            // The renewal goes to the server itself.
            check(&client, at("198.51.100.67", 67), &server, open);
            check(&server, at("192.0.2.1", 68), &client, open);
        }
    });
}

#[test]
fn a_lease_of_ipv6_is_asked_for_and_renewed_at_the_group() {
    over_both_backends(|world| {
        world.gateway.shell("ip address add fe80::f231/64 dev inet0 nodad\n");
        let [own, peer] = [(&world.gateway, "inet0"), (&world.peer, "wire0")].map(|(side, name)| index(side, name));
        for (policy, open) in [("allow dhcp on inet0\n", true), ("allow dhcp on eth0\n", false)] {
            world.load(&format!("default drop\nallow neighbor-discovery\n{policy}"));
            let client = on_device(&world.gateway, "inet0", at("::", 546));
            let server = on_device(&world.peer, "wire0", at("::", 547));
            let group = "ff02::1:2".parse().expect("an address");
            server.join_multicast_v6(&group, peer).expect("joined");
            // Solicit and renew are the same to the rules (RFC 8415, section 18.2).
            let to = SocketAddrV6::new(group, 547, 0, own);
            for _ in 0..2 {
                client.send_to(b"question", to).unwrap_or_default();
                assert_eq!(receive(&server, open, |bytes| bytes == b"question").is_some(), open, "the question");
                let back = SocketAddrV6::new("fe80::f231".parse().expect("an address"), 546, 0, peer);
                check(&server, back.into(), &client, open);
            }
        }
    });
}
