//! Every ICMP type, every set of TCP flags, every protocol and every hop limit, once in each direction.
//! Input: nothing. Output: rules that tell the states apart, and the packets.

use cgwfw::iptables::packet::{Fragment, Packet, Transport, Way};
use cgwfw::iptables::parse;
use cgwfw::iptables::ruleset::{IcmpType, Ruleset};
use cgwfw::net::{Both, Family, Interface, Protocol};

use crate::kernel::aim::is_plain;

/// Rules that count each state, protocol by protocol.
pub fn rules() -> Both<Ruleset> {
    Both::of(|family| {
        let (icmp, hops) = match family {
            Family::V4 => ("icmp", "-m ttl --ttl-gt 63"),
            Family::V6 => ("ipv6-icmp", "-m hl --hl-gt 63"),
        };
        let mut text = "*filter\n".to_owned();
        for chain in ["INPUT", "FORWARD", "OUTPUT"] {
            for state in ["INVALID", "NEW", "UNTRACKED", "RELATED,ESTABLISHED"] {
                for protocol in ["tcp", "udp", icmp] {
                    text.push_str(&format!("-A {chain} -p {protocol} -m conntrack --ctstate {state}\n"));
                }
                text.push_str(&format!("-A {chain} -m conntrack --ctstate {state} {hops} -j ACCEPT\n"));
            }
            // Of two single ports that are negated iptables-nft compares those alone as one number that are not 0.
            for (from, to) in [(1, 2), (0, 2), (1, 0), (0, 0)] {
                text.push_str(&format!("-A {chain} -p udp -m udp ! --sport {from} ! --dport {to}\n"));
            }
            text.push_str(&format!("-A {chain} {hops} -j DROP\n"));
        }
        text.push_str("COMMIT\n");
        let (ruleset, faults) = parse::file(&text, family);
        assert_eq!(faults, [], "{text}");
        ruleset
    })
}

/// The packets, each of another pair of hosts.
pub fn packets() -> Vec<Packet> {
    let name = |name| Interface::new(name).expect("a short name");
    let ways = [Way::In(name("eth0")), Way::Out(name("eth0")), Way::Forward(name("eth0"), name("other0"))];
    let mut packets: Vec<Packet> = Vec::new();
    for family in Family::BOTH {
        let icmp = (0..=255).map(|kind| Transport::Icmp(IcmpType { kind, code: Some(0) }));
        let flags = (0..64).map(|flags| Transport::Tcp(40_000, 443, flags));
        let others =
            (0..=255).filter(|protocol| is_plain(*protocol, family)).map(|number| Transport::Other(Protocol(number)));
        let udp = [(1, 2), (0, 2), (1, 0), (0, 0), (1, 3), (3, 2)].map(|(from, to)| Transport::Udp(from, to));
        let with_ports = udp.into_iter().chain([Transport::UdpLite(1, 2), Transport::Sctp(1, 2)]);
        let contents: Vec<Transport> = icmp.chain(flags).chain(others).chain(with_ports).collect();
        for way in ways {
            let usual = contents.iter().map(|transport| (*transport, 64));
            let hops = (0..=255).map(|hops| (Transport::Udp(3, 4), hops));
            for (transport, hop_limit) in usual.chain(hops) {
                let number = packets.len() as u16;
                let (source, destination) = match family {
                    Family::V4 => {
                        let [high, low] = number.to_be_bytes();
                        ([192, 0, 2, 1].into(), [10, 7, high, low].into())
                    }
                    Family::V6 => {
                        ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into(), [0x2001, 0xdb8, 7, 0, 0, 0, 0, number].into())
                    }
                };
                packets.push(Packet {
                    way,
                    source,
                    destination,
                    hop_limit,
                    transport,
                    fragment: Fragment::No,
                    mark: 0,
                    state: None,
                    ipsec_in: false,
                    ipsec_out: false,
                });
            }
        }
    }
    packets
}
