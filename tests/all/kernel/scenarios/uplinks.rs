//! Two uplinks with `ip rule`: what answers leaves by the one that its connection came in by.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::sockets::{at, receive, udp};
use super::world::{Side, World, over_both_backends};

/// A second uplink of the gateway, `inet1` with 198.51.100.1 and 2001:db8:a::1: a client behind it has 203.0.113.7 and
/// 2001:db8:c::7. Everything unknown is routed to the first one, but for what has the mark of the second.
fn second_uplink(world: &World) -> Side {
    let far = world.beside("inet1", "198.51.100.1/24", "2001:db8:a::1/64");
    far.shell(
        "ip address add 198.51.100.2/24 dev wire0\nip address add 2001:db8:a::2/64 dev wire0 nodad\nip link set wire0 up\n\
         ip address add 203.0.113.7/32 dev lo\nip address add 2001:db8:c::7/128 dev lo nodad\n\
         ip route add default via 198.51.100.1 src 203.0.113.7\n\
         ip -6 route add default via 2001:db8:a::1 src 2001:db8:c::7\n",
    );
    world.gateway.shell(
        "ip route add default via 192.0.2.2\nip -6 route add default via 2001:db8::2\n\
         ip route add default via 198.51.100.2 table 102\nip rule add fwmark 0x2/0xf lookup 102\n\
         ip -6 route add default via 2001:db8:a::2 table 102\nip -6 rule add fwmark 0x2/0xf lookup 102\n",
    );
    world.gateway.run(|namespace| {
        for name in ["all", "inet0", "inet1"] {
            namespace.set(&format!("ipv4/conf/{name}/rp_filter"), "0").expect("a setting");
        }
    });
    far
}

/// Whether a client gets an answer over UDP; the service is bound to its own address.
fn udp_answers(client: &Side, from: SocketAddr, server: &Side, bound: SocketAddr, to: SocketAddr, open: bool) -> bool {
    let (ours, theirs) = (udp(server, bound), udp(client, from));
    theirs.send_to(b"question", to).expect("sent");
    let mut buffer = [0; 100];
    ours.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
    let (_, seen) = ours.recv_from(&mut buffer).expect("the question comes in");
    ours.send_to(b"answer", seen).expect("sent");
    receive(&theirs, open, |bytes| bytes == b"answer").is_some()
}

/// Whether a client can connect over TCP and read what the service says.
fn tcp_answers(client: &Side, from: SocketAddr, server: &Side, bound: SocketAddr, to: SocketAddr, open: bool) -> bool {
    let listener = server.run(move |_| TcpListener::bind(bound)).expect("a listener");
    let patience = Duration::from_millis(if open { 5_000 } else { 400 });
    let connect = move || -> std::io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(from.ip(), 0).into())?;
        socket.connect_timeout(&to.into(), patience)?;
        Ok(socket.into())
    };
    let Ok(mut near) = client.run(move |_| connect()) else { return false };
    let (mut far, _) = listener.accept().expect("the connection");
    far.write_all(b"answer").expect("sent");
    near.set_read_timeout(Some(patience)).expect("a time-out");
    near.read_exact(&mut [0; 6]).is_ok()
}

#[test]
fn what_answers_leaves_where_its_connection_came_in() {
    over_both_backends(|world| {
        let far = second_uplink(world);
        let rest = "allow in on { inet0, inet1 } { tcp, udp } port 7000 state new\n\
                    publish in on inet1 { tcp, udp } port 8443 to 198.51.100.1 as 10.1.0.2:443 out on eth0\n\
                    publish in on inet1 { tcp, udp } port 8443 to 2001:db8:a::1 as [2001:db8:1::2]:443 out on eth0\n\
                    allow established\n";
        let marks = "mark connection in on inet0 as 0x1/0xf\nmark connection in on inet1 as 0x2/0xf\n";
        for (marks, open) in [(marks, true), ("", false)] {
            world.load(&format!("default drop\nallow neighbor-discovery\n{marks}{rest}"));
            for (own, host, from) in
                [("198.51.100.1", "10.1.0.2", "203.0.113.7"), ("2001:db8:a::1", "2001:db8:1::2", "2001:db8:c::7")]
            {
                let (local, published) = (at(own, 7_000), at(own, 8_443));
                for (server, bound, to) in [(&world.gateway, local, local), (&world.host, at(host, 443), published)] {
                    let answers = udp_answers(&far, at(from, 40_000), server, bound, to, open);
                    assert_eq!(answers, open, "UDP to {to}, marks: {marks}");
                    assert_eq!(
                        tcp_answers(&far, at(from, 0), server, bound, to, open),
                        open,
                        "TCP to {to}, marks: {marks}"
                    );
                }
            }
            // The first uplink is where everything goes without a mark.
            for (own, peer) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
                let (local, from) = (at(own, 7_000), at(peer, 40_000));
                assert!(udp_answers(&world.peer, from, &world.gateway, local, local, true), "{own}");
                assert!(tcp_answers(&world.peer, from, &world.gateway, local, local, true), "{own}");
            }
        }
    });
}
