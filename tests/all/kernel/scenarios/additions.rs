//! Rates from above, networks mapped one to one, WireGuard's port, groups that are joined, what a helper announces.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};

use super::sockets::{at, check, comes_from, index, receive, udp};
use super::world::{Side, World, over_both_backends};

const ALWAYS: &str = "default drop\nallow neighbor-discovery\n";

/// How many of some packets arrive.
fn arrived(from: &UdpSocket, to: SocketAddr, receiver: &UdpSocket, expected: usize) -> usize {
    const SENT: usize = 8;
    (0..SENT).for_each(|_| drop(from.send_to(b"word", to)));
    (0..SENT).take_while(|index| receive(receiver, *index < expected, |_| true).is_some()).count()
}

#[test]
fn what_is_over_a_limit_is_dropped_and_each_sentence_counts_for_itself() {
    over_both_backends(|world| {
        world.peer.shell(
            "ip address add 192.0.2.3/24 dev wire0\nip address add 2001:db8:9::3/128 dev wire0 nodad\n\
             ip address add 2001:db8::9/64 dev wire0 nodad\n",
        );
        for log in ["", " log \"flood: \" to group 1"] {
            world.load(&format!(
                "{ALWAYS}drop in on inet0 udp port 7 over limit 1/hour burst 3{log}\n\
                 drop in on inet0 udp port 8 over limit 1/hour burst 3{log}\n\
                 drop in on inet0 udp port 9 over limit 1/hour burst 3 per source{log}\n\
                 allow in on inet0 udp port 7-9\n"
            ));
            for (own, first, second) in
                [("192.0.2.1", "192.0.2.2", "192.0.2.3"), ("2001:db8::1", "2001:db8::2", "2001:db8:9::3")]
            {
                let [one, other] = [first, second].map(|source| udp(&world.peer, at(source, 7_001)));
                for port in [7, 8] {
                    let ours = udp(&world.gateway, at(own, port));
                    assert_eq!(arrived(&one, at(own, port), &ours, 3), 3, "{own} {port}: the burst");
                    assert_eq!(arrived(&other, at(own, port), &ours, 0), 0, "{own} {port}: one bucket for all");
                }
                let ours = udp(&world.gateway, at(own, 9));
                for sender in [&one, &other] {
                    assert_eq!(arrived(sender, at(own, 9), &ours, 3), 3, "{own}: a bucket for each source");
                    assert_eq!(arrived(sender, at(own, 9), &ours, 0), 0, "{own}: which is empty then");
                }
            }
        }
    });
}

#[test]
fn a_mapped_network_is_opened_from_both_sides() {
    over_both_backends(|world| {
        world.peer.shell(
            "ip route add 10.201.0.0/16 via 192.0.2.1\nip route add 2001:db8:201::/64 via 2001:db8::1\n\
             ip route del 10.1.0.0/16\nip route del 2001:db8:1::/64\n",
        );
        world.load(&format!(
            "{ALWAYS}map 10.1.0.0/16 as 10.201.0.0/16 on inet0\nmap 2001:db8:1::/64 as 2001:db8:201::/64 on inet0\n\
             allow forward in on inet0 out on eth0 to {{ 10.1.0.0/16, 2001:db8:1::/64 }} state new\n\
             allow forward in on eth0 out on inet0 from {{ 10.1.0.0/16, 2001:db8:1::/64 }} state new\nallow established\n"
        ));
        for (host, outside, peer) in
            [("10.1.0.2", "10.201.0.2", "192.0.2.2"), ("2001:db8:1::2", "2001:db8:201::2", "2001:db8::2")]
        {
            let (ours, theirs) = (udp(&world.host, at(host, 443)), udp(&world.peer, at(peer, 7_001)));
            assert_eq!(comes_from(&theirs, at(outside, 443), &ours), Some(at(peer, 7_001)), "from outside");
            assert_eq!(comes_from(&ours, at(peer, 7_001), &theirs), Some(at(outside, 443)), "the reply");
            let (ours, theirs) = (udp(&world.host, at(host, 7_000)), udp(&world.peer, at(peer, 7_002)));
            assert_eq!(comes_from(&ours, at(peer, 7_002), &theirs), Some(at(outside, 7_000)), "from inside");
            assert_eq!(comes_from(&theirs, at(outside, 7_000), &ours), Some(at(peer, 7_002)), "the reply");
        }
    });
}

#[test]
fn either_side_of_wireguard_begins_and_the_peer_has_any_port() {
    over_both_backends(|world| {
        world.load(&format!("{ALWAYS}allow wireguard peer {{ 192.0.2.2, 2001:db8::2 }} on inet0\n"));
        for (own, peer) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
            let ours = udp(&world.gateway, at(own, 51_820));
            for port in [51_820, 40_001] {
                let theirs = udp(&world.peer, at(peer, port));
                check(&theirs, at(own, 51_820), &ours, true);
                check(&ours, at(peer, port), &theirs, true);
            }
            let other = udp(&world.gateway, at(own, 51_821));
            check(&udp(&world.peer, at(peer, 40_002)), at(own, 51_821), &other, false);
        }
    });
}

/// A socket of a side that hears the membership reports of a link.
fn listener(side: &Side, v6: bool) -> UdpSocket {
    let number = index(side, "wire0");
    let open = move || -> std::io::Result<UdpSocket> {
        let (domain, protocol) = if v6 { (Domain::IPV6, Protocol::ICMPV6) } else { (Domain::IPV4, Protocol::from(2)) };
        let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
        match v6 {
            true => socket.join_multicast_v6(&"ff02::16".parse().expect("an address"), number)?,
            false => {
                let interface = InterfaceIndexOrAddress::Index(number);
                socket.join_multicast_v4_n(&Ipv4Addr::new(224, 0, 0, 22), &interface)?;
            }
        }
        Ok(UdpSocket::from(std::os::fd::OwnedFd::from(socket)))
    };
    side.run(move |_| open()).expect("a raw socket")
}

fn group(world: &World, v6: bool, open: bool) {
    let reports = listener(&world.peer, v6);
    let number = index(&world.gateway, "inet0");
    let (own, to) = if v6 { ("ff05::1:3", at("ff05::1:3", 5_000)) } else { ("0.0.0.0", at("239.1.2.3", 5_000)) };
    let ours = udp(&world.gateway, at(if v6 { "::" } else { own }, 5_000));
    let socket = SockRef::from(&ours);
    match v6 {
        true => socket.join_multicast_v6(&own.parse().expect("an address"), number).expect("joined"),
        false => {
            let interface = InterfaceIndexOrAddress::Index(number);
            socket.join_multicast_v4_n(&Ipv4Addr::new(239, 1, 2, 3), &interface).expect("joined");
        }
    }
    // IGMPv3's report (RFC 3376) after the IP header, with its options; MLDv2's without one. The group is in it.
    let about: &[u8] = if v6 { &[0xff, 0x05] } else { &[239, 1, 2, 3] };
    let is_report = |bytes: &[u8]| {
        let bytes = if v6 { bytes } else { &bytes[usize::from(bytes[0] & 0x0f) * 4..] };
        bytes.first() == Some(if v6 { &143 } else { &0x22 }) && bytes.windows(about.len()).any(|part| part == about)
    };
    assert_eq!(receive(&reports, open, is_report).is_some(), open, "the report of {to}");
    let peer = if v6 { "2001:db8::2" } else { "192.0.2.2" };
    let theirs = udp(&world.peer, at(peer, 5_001));
    let sender = SockRef::from(&theirs);
    let through = index(&world.peer, "wire0");
    match v6 {
        true => sender.set_multicast_if_v6(through).expect("an interface"),
        false => sender.set_multicast_if_v4(&peer.parse().expect("an address")).expect("an interface"),
    }
    check(&theirs, to, &ours, open);
}

#[test]
fn a_group_is_joined_and_heard() {
    over_both_backends(|world| {
        for (policy, open) in [
            ("allow igmp on inet0\nallow in on inet0 udp to { 239.1.2.3, ff05::1:3 } port 5000\n", true),
            ("allow in on inet0 udp from 198.51.100.1 to port 5000\n", false),
        ] {
            // Neighbour discovery would let the reports of IPv6 out as well.
            world.load(&format!("default drop\n{policy}"));
            group(world, false, open);
            group(world, true, open);
        }
    });
}

/// Whether a server's announcement of a data port lets the client connect to it.
fn data_follows(client: &Side, server: &Side, control: SocketAddr, open: bool) -> bool {
    const PORT: u16 = 40_021;
    let data = SocketAddr::new(control.ip(), PORT);
    let [listener, further] =
        [control, data].map(|address| server.run(move |_| TcpListener::bind(address)).expect("a listener"));
    let patience = Duration::from_millis(if open { 5_000 } else { 400 });
    let connect = |to: SocketAddr, patience| client.run(move |_| TcpStream::connect_timeout(&to, patience));
    let mut near = connect(control, Duration::from_secs(5)).expect("the control connection");
    let (mut far, _) = listener.accept().expect("the control connection");
    // RFC 959, and RFC 2428 for IPv6.
    let (request, answer) = match control.ip() {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            let place = format!("{a},{b},{c},{d},{},{}", PORT >> 8, PORT & 0xff);
            ("PASV\r\n", format!("227 Entering Passive Mode ({place}).\r\n"))
        }
        IpAddr::V6(_) => ("EPSV\r\n", format!("229 Entering Extended Passive Mode (|||{PORT}|)\r\n")),
    };
    // The helper reads what comes after a line of before: a server greets first.
    let said = |from: &mut TcpStream, to: &mut TcpStream, line: &str| {
        from.write_all(line.as_bytes()).expect("sent");
        to.read_exact(&mut vec![0; line.len()]).expect("the line");
    };
    said(&mut far, &mut near, "220 ready\r\n");
    said(&mut near, &mut far, request);
    said(&mut far, &mut near, &answer);
    let there = connect(data, patience).is_ok();
    drop(further);
    there
}

#[test]
fn what_a_helper_announces_is_related() {
    over_both_backends(|world| {
        let forward = "allow routing from inet0 to eth0 tcp port 21 state new\nallow established\n";
        for (helper, open) in [("helper ftp in on inet0 tcp port 21\n", true), ("", false)] {
            world.load(&format!("{ALWAYS}{helper}{forward}"));
            for host in ["10.1.0.2", "2001:db8:1::2"] {
                assert_eq!(data_follows(&world.peer, &world.host, at(host, 21), open), open, "{helper}{host}");
            }
        }
    });
}
