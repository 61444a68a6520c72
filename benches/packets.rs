//! The packets that are measured.
//! Output: packets of 192.0.2.1 to 198.51.100.1, always the same ones.

use std::net::{IpAddr, Ipv4Addr};

use cgwfw::iptables::packet::{Fragment, Packet, Transport, Way};
use cgwfw::iptables::ruleset::IcmpType;
use cgwfw::net::{Interface, Protocol};

/// Packets of every kind on every way through the site-to-site example.
pub fn all() -> Vec<Packet> {
    let names = ["lo", "eth0", "inet0", "vti42"].map(name);
    let transports = [
        Transport::Tcp(40_000, 443, 0x02),
        Transport::Tcp(443, 40_000, 0x10),
        Transport::Udp(500, 500),
        Transport::Udp(40_000, 53),
        Transport::Icmp(IcmpType { kind: 8, code: Some(0) }),
        Transport::Other(Protocol::ESP),
        Transport::Other(Protocol::GRE),
    ];
    let ins = names.into_iter().map(Way::In);
    let outs = names.into_iter().map(Way::Out);
    let through = names.into_iter().flat_map(|from| names.into_iter().map(move |to| Way::Forward(from, to)));
    let ways: Vec<Way> = ins.chain(outs).chain(through).collect();
    transports.into_iter().flat_map(|transport| ways.iter().map(move |way| packet(*way, transport))).collect()
}

/// A packet from 192.0.2.1 to 198.51.100.1.
pub fn packet(way: Way, transport: Transport) -> Packet {
    Packet {
        way,
        source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        destination: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
        hop_limit: 64,
        transport,
        fragment: Fragment::No,
        mark: 0,
        state: None,
        ipsec_in: false,
        ipsec_out: false,
    }
}

/// The interface of that name.
pub fn name(name: &str) -> Interface {
    Interface::new(name).expect("a short name")
}
