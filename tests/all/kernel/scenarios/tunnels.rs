//! IPsec's packets, routing protocols over inner interfaces, VXLAN.

use super::sockets::{at, check, raw, udp};
use super::tcp::connects;
use super::world::over_both_backends;

/// The protocol number of ESP.
const ESP: i32 = 50;

const PAIRS: [(&str, &str); 2] = [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")];

#[test]
fn ike_and_esp_pass_both_ways() {
    over_both_backends(|world| {
        for (policy, open) in [
            ("default drop\nallow neighbor-discovery\nallow ipsec peer { 192.0.2.2, 2001:db8::2 } on inet0\n", true),
            ("default drop\nallow neighbor-discovery\nallow ipsec peer { 192.0.2.9, 2001:db8::9 } on inet0\n", false),
        ] {
            world.load(policy);
            for (own, peer) in PAIRS {
                for (port, open) in [(500, open), (4_500, open), (501, false)] {
                    let (ours, theirs) = (udp(&world.gateway, at(own, port)), udp(&world.peer, at(peer, port)));
                    check(&theirs, at(own, port), &ours, open);
                    check(&ours, at(peer, port), &theirs, open);
                }
                let (ours, theirs) = (raw(&world.gateway, own, ESP), raw(&world.peer, peer, ESP));
                check(&theirs, at(own, 0), &ours, open);
                check(&ours, at(peer, 0), &theirs, open);
            }
        }
    });
}

#[test]
fn bgp_over_an_inner_interface() {
    over_both_backends(|world| {
        // A pair of ends that are called as a tunnel's.
        world.gateway.shell("ip link set eth0 down\nip link set eth0 name gre1\nip link set gre1 up\nip address replace 2001:db8:1::1/64 dev gre1 nodad\n");
        world.load(
            "default drop\nallow neighbor-discovery\nallow bgp peer { 10.1.0.2, 2001:db8:1::2 } on gre1\n\
             allow loopback\n",
        );
        for (own, host) in [("10.1.0.1", "10.1.0.2"), ("2001:db8:1::1", "2001:db8:1::2")] {
            assert!(connects(&world.host, &world.gateway, at(own, 179), true), "{host} to {own}");
            assert!(connects(&world.gateway, &world.host, at(host, 179), true), "{own} to {host}");
            assert!(!connects(&world.host, &world.gateway, at(own, 180), false), "{host} to {own}, another port");
        }
        assert!(!connects(&world.peer, &world.gateway, at("192.0.2.1", 179), false), "over another interface");
    });
}

#[test]
fn vxlan_outside_and_inside() {
    over_both_backends(|world| {
        for (index, (own, peer)) in PAIRS.into_iter().enumerate() {
            let (device, net) = (format!("vxlan{index}"), 100 + index);
            for (side, dev, end, remote) in [(&world.gateway, "inet0", 1, peer), (&world.peer, "wire0", 2, own)] {
                side.shell(&format!(
                    "ip link add {device} type vxlan id {net} dev {dev} remote {remote} dstport 4789 udp6zerocsumrx\n\
                     ip address add 10.{net}.0.{end}/24 dev {device}\n\
                     ip address add fd00:{net}::{end}/64 dev {device} nodad\nip link set {device} up\n"
                ));
            }
            let outside = format!("allow vxlan peer {peer} on inet0\n");
            let inside = format!("allow all on {device}\n");
            let always = "default drop\nallow neighbor-discovery on inet0\n";
            for (policy, open) in [
                (format!("{always}{outside}{inside}"), true),
                (format!("{always}{outside}"), false),
                (format!("{always}{inside}"), false),
            ] {
                world.load(&policy);
                for (inner, far) in [
                    (format!("10.{net}.0.1"), format!("10.{net}.0.2")),
                    (format!("fd00:{net}::1"), format!("fd00:{net}::2")),
                ] {
                    let (ours, theirs) = (udp(&world.gateway, at(&inner, 7)), udp(&world.peer, at(&far, 7)));
                    check(&theirs, at(&inner, 7), &ours, open);
                    check(&ours, at(&far, 7), &theirs, open);
                }
            }
        }
    });
}
