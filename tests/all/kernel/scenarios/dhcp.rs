//! Answers of DHCPv6 servers and relays, which may come from a global address.

use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};

use socket2::{Domain, Socket, Type};

use super::sockets::{at, check, udp};
use super::world::over_both_backends;

#[test]
fn a_server_answers_from_a_global_address() {
    over_both_backends(|world| {
        world.gateway.shell("ip address add fe80::f231/64 dev inet0 nodad\n");
        world.peer.shell("ip address add fe80::e1/64 dev wire0 nodad\n");
        for (policy, open) in [("allow dhcp on inet0\n", true), ("allow dhcp on eth0\n", false)] {
            world.load(&format!("default drop\nallow neighbor-discovery\n{policy}"));
            let client = udp(&world.gateway, at("::", 546));
            let open_server = || -> std::io::Result<UdpSocket> {
                let socket = Socket::new(Domain::IPV6, Type::DGRAM, None)?;
                socket.bind_device(Some(b"wire0"))?;
                socket.bind(&at("2001:db8::2", 547).into())?;
                Ok(UdpSocket::from(std::os::fd::OwnedFd::from(socket)))
            };
            let server = world.peer.run(move |_| open_server()).expect("a UDP socket");
            let to: Ipv6Addr = "fe80::f231".parse().expect("an address");
            check(&server, SocketAddrV6::new(to, 546, 0, 0).into(), &client, open);
        }
    });
}
