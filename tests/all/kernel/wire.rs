//! The bytes of a packet, complete with valid checksums.
//! Input: a `Packet`, a number that it is known by, and how long its content is. Output: what goes on the wire.

use std::net::IpAddr;

use cgwfw::iptables::packet::{Fragment, Packet, Transport};
use cgwfw::iptables::ruleset::IcmpType;
use cgwfw::net::Family;

use crate::kernel::connections;

/// The highest number that a packet can be known by: IPv4 has 16 bits for it.
pub const LAST_NUMBER: u32 = u16::MAX as u32;

/// A packet with `filler` bytes after what its protocol needs. The number is in the identification (IPv4) or in
/// the flow label (IPv6), which no rule looks at.
pub fn bytes(packet: &Packet, number: u32, filler: usize) -> Vec<u8> {
    let content = content(packet, filler);
    let protocol = protocol(packet);
    match (packet.source, packet.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut header = vec![0x45, 0];
            header.extend(((20 + content.len()) as u16).to_be_bytes());
            header.extend((number as u16).to_be_bytes());
            header.extend(fragment_bits(packet.fragment).to_be_bytes());
            header.extend([packet.hop_limit, protocol, 0, 0]);
            header.extend(source.octets());
            header.extend(destination.octets());
            let sum = checksum(&[&header]).to_be_bytes();
            header[10..12].copy_from_slice(&sum);
            [header, content].concat()
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let mut header = (0x6000_0000 | number).to_be_bytes().to_vec();
            let (next, behind) = match packet.fragment {
                Fragment::No => (protocol, Vec::new()),
                piece => {
                    // The bits of IPv6 stand three places to the left, with `more fragments` last (RFC 8200, 4.5).
                    let bits = if piece == Fragment::First { 1_u16 } else { 8 << 3 };
                    let [high, low] = bits.to_be_bytes();
                    (44, [&[protocol, 0, high, low], &number.to_be_bytes()[..]].concat())
                }
            };
            header.extend(((behind.len() + content.len()) as u16).to_be_bytes());
            header.extend([next, packet.hop_limit]);
            header.extend(source.octets());
            header.extend(destination.octets());
            [header, behind, content].concat()
        }
        _ => panic!("a packet has one family: {packet:?}"),
    }
}

/// The flags and the offset of IPv4 (RFC 791): a later piece begins 64 bytes further on.
fn fragment_bits(fragment: Fragment) -> u16 {
    match fragment {
        Fragment::No => 0,
        Fragment::First => 0x2000,
        Fragment::Later => 8,
    }
}

fn protocol(packet: &Packet) -> u8 {
    match packet.transport {
        Transport::Tcp(..) => 6,
        Transport::Udp(..) => 17,
        Transport::UdpLite(..) => 136,
        Transport::Sctp(..) => 132,
        Transport::Icmp(_) if packet.family() == Family::V4 => 1,
        Transport::Icmp(_) => 58,
        Transport::Ah => 51,
        Transport::Other(protocol) => protocol.0,
    }
}

fn content(packet: &Packet, filler: usize) -> Vec<u8> {
    let mut content = match packet.transport {
        // With an MSS option: a packet whose MSS is clamped keeps its length.
        Transport::Tcp(from, to, flags) => [
            &from.to_be_bytes()[..],
            &to.to_be_bytes(),
            &[0, 0, 0, 1, 0, 0, 0, if flags & 0x10 != 0 { 1 } else { 0 }, 0x60, flags, 0x20, 0, 0, 0, 0, 0],
            &[2, 4, 0x05, 0xb4],
        ]
        .concat(),
        Transport::Udp(from, to) => {
            let length = (8 + filler) as u16;
            [from.to_be_bytes(), to.to_be_bytes(), length.to_be_bytes(), [0, 0]].concat()
        }
        // A checksum over the header only (RFC 3828).
        Transport::UdpLite(from, to) => [from.to_be_bytes(), to.to_be_bytes(), [0, 8], [0, 0]].concat(),
        Transport::Sctp(from, to) => return sctp(from, to, filler),
        Transport::Icmp(IcmpType { kind, code }) => {
            // No identifier of its own: with a filler of its own it is one of its own.
            let [high, low] = (filler as u16).to_be_bytes();
            vec![kind, code.unwrap_or(0), 0, 0, high, low, 0, 1]
        }
        Transport::Ah => return [&[59, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1][..], &[0; 12]].concat(),
        Transport::Other(_) => vec![0, 0, 0x10, 0, 0, 0, 0, 1],
    };
    if let Some(inner) = connections::about(packet) {
        content[4..8].fill(0);
        content.extend(inner);
    }
    content.resize(content.len() + filler, 0);
    if packet.fragment == Fragment::First {
        // A piece that others follow ends at a multiple of eight bytes.
        content.resize(content.len() / 8 * 8, 0);
    }
    let sum_at = match packet.transport {
        Transport::Tcp(..) => 16,
        Transport::Udp(..) | Transport::UdpLite(..) => 6,
        Transport::Icmp(_) => 2,
        _ => return content,
    };
    let covered = if matches!(packet.transport, Transport::UdpLite(..)) { 8 } else { content.len() };
    let length = (content.len() as u32).to_be_bytes();
    let protocol = [0, 0, 0, protocol(packet)];
    let icmp = matches!(packet.transport, Transport::Icmp(_));
    let sum = match (packet.source, packet.destination) {
        (IpAddr::V4(_), IpAddr::V4(_)) if icmp => checksum(&[&content]),
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            checksum(&[&from.octets(), &to.octets(), &protocol, &length, &content[..covered]])
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            checksum(&[&from.octets(), &to.octets(), &length, &protocol, &content[..covered]])
        }
        _ => 0,
    };
    // 0 would say that there is none.
    let sum = if sum == 0 && !icmp { u16::MAX } else { sum };
    content[sum_at..sum_at + 2].copy_from_slice(&sum.to_be_bytes());
    content
}

/// An INIT chunk (RFC 9260, 3.3.2), which must be alone, with a parameter of padding (RFC 4820).
fn sctp(from: u16, to: u16, filler: usize) -> Vec<u8> {
    let filler = filler / 4 * 4;
    let length = (24 + filler) as u16;
    let mut packet = [from.to_be_bytes(), to.to_be_bytes(), [0, 0], [0, 0], [0, 0], [0, 0]].concat();
    packet.extend([1, 0]);
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0, 1, 0, 0, 0xff, 0xff, 0, 1, 0, 1, 0, 0, 0, 1, 0x80, 0x05]);
    packet.extend((4 + filler as u16).to_be_bytes());
    packet.resize(packet.len() + filler, 0);
    let sum = crc32c(&packet).to_le_bytes();
    packet[8..12].copy_from_slice(&sum);
    packet
}

/// The Internet checksum (RFC 1071) over parts, each of even length but the last.
pub fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// CRC32c (RFC 9260, appendix A).
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}
