//! What the routing table says of a destination: the lab leads everything to the gateway by a table of its own, which
//! `-m addrtype` does not ask, so that real addresses are needed.

use super::sockets::{at, check, udp};
use super::world::over_both_backends;

#[test]
fn the_direction_tells_the_type_of_a_destination() {
    // To the gateway, to the last address of its network, and through it; in IPv6 the first address of its network.
    let rows = [
        ("--dst-type LOCAL", [true, false, false], [true, false, false]),
        ("--dst-type UNICAST", [false, false, true], [true, true, true]),
        ("! --dst-type LOCAL", [false, true, true], [false, true, true]),
        ("! --dst-type UNICAST", [true, true, false], [false, false, false]),
        ("! --dst-type MULTICAST", [true, true, true], [true, true, true]),
    ];
    over_both_backends(|world| {
        for (types, v4, v6) in rows {
            world.load(&format!(
                "default drop\nallow neighbor-discovery\nrules both filter {{\n\
                 -A INPUT -p udp -m addrtype {types} -j ACCEPT\n-A FORWARD -p udp -m addrtype {types} -j ACCEPT\n}}\n"
            ));
            let sender = udp(&world.peer, at("0.0.0.0", 0));
            sender.set_broadcast(true).expect("a sender to all");
            let (own, host) = (udp(&world.gateway, at("0.0.0.0", 5_000)), udp(&world.host, at("0.0.0.0", 5_000)));
            check(&sender, at("192.0.2.1", 5_000), &own, v4[0]);
            check(&sender, at("192.0.2.255", 5_000), &own, v4[1]);
            check(&sender, at("10.1.0.2", 5_000), &host, v4[2]);
            let sender = udp(&world.peer, at("::", 0));
            let (own, host) = (udp(&world.gateway, at("::", 5_001)), udp(&world.host, at("::", 5_001)));
            check(&sender, at("2001:db8::1", 5_001), &own, v6[0]);
            // From the other side: all three are routers, so that the peer has this address as well.
            check(&udp(&world.host, at("::", 0)), at("2001:db8::", 5_001), &own, v6[1]);
            check(&sender, at("2001:db8:1::2", 5_001), &host, v6[2]);
        }
    });
}
