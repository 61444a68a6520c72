//! Lines of `tcpdump -n`, with or without `-e` and `-v`, of one interface or of `-i any`.
//! Input: `12:34:56.789012 IP 192.0.2.1.40000 > 192.0.2.2.22: Flags [S], …`. Output: a packet.

mod icmp;

use std::net::IpAddr;

use super::seen::{Refusal, Seen, both, interface, optional};
use crate::iptables::packet::Fragment;
use crate::net::{Family, Interface, Protocol};
use crate::services::service;

/// The format, for people.
pub const NAME: &str = "tcpdump -nn";

/// The words of the families: before the addresses, and with `-e` after those of the hardware.
const FAMILIES: [(&str, Family); 4] =
    [(" IP ", Family::V4), (" IP6 ", Family::V6), ("IPv4 (0x0800), ", Family::V4), ("IPv6 (0x86dd), ", Family::V6)];

/// Whether the next line, which is indented, goes on with a line: the header of `-v` is alone in IPv4.
pub fn goes_on(line: &str) -> bool {
    line.ends_with(')') && FAMILIES.iter().any(|(word, _)| line.contains(word))
}

/// Whether the next line is the frame inside the packet of a line.
pub fn encloses(line: &str) -> bool {
    let is_mine = FAMILIES.iter().any(|(word, _)| format!(" {line}").contains(word));
    is_mine && [" VXLAN, flags [", " VXLAN-GPE, flags ["].iter().any(|words| line.contains(words))
}

/// Reads a line.
pub fn read(line: &str) -> Result<Seen, Refusal> {
    let said_of_itself = ["listening on ", "tcpdump: ", "dropped privs to ", "reading from file "];
    let count = [" captured", " received by filter", " dropped by kernel", " dropped by interface"];
    if said_of_itself.iter().any(|start| line.starts_with(start)) || count.iter().any(|end| line.ends_with(end)) {
        return Err(Refusal::Nothing);
    }
    if line.starts_with([' ', '\t']) {
        // Bytes of `-x`, and details of `-v`.
        return Err(Refusal::Nothing);
    }
    let padded = format!(" {line}");
    let family = FAMILIES.iter().filter_map(|(word, family)| Some((padded.find(word)?, *word, *family))).min();
    let Some((at, word, family)) = family else {
        let other = ["ARP, ", " ARP ", "STP ", "LLDP", "ethertype "].iter().any(|word| line.contains(word));
        return Err(if other { Refusal::Fault("it is not of IP".into()) } else { Refusal::NotMine });
    };
    let (before, mut rest) = (&padded[..at], &padded[at + word.len()..]);
    if let Some(length) = rest.strip_prefix("length ") {
        rest = length.split_once(": ").map_or("", |(_, rest)| rest);
    }
    let (header, rest) = match rest.strip_prefix('(') {
        Some(inside) => split_header(inside).ok_or(Refusal::NotMine)?,
        None => ("", rest),
    };
    let Some((source, rest)) = rest.trim_start().split_once(" > ") else { return Err(Refusal::NotMine) };
    let (destination, what) =
        rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, ""))).unwrap_or((rest, ""));
    let ((source, from), (destination, to)) = (end(source, family)?, end(destination, family)?);
    let mut seen = Seen::between(source, destination);
    (seen.came, seen.leaves) = way(before)?;
    header_of(header, &mut seen)?;
    let what = pieces(what, &mut seen, (from, to))?;
    content(what, family, &mut seen)?;
    Ok(seen)
}

/// The header of `-v`, and what is after it. It has parentheses in it.
fn split_header(inside: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    for (at, c) in inside.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&inside[..at], &inside[at + 1..]));
        }
    }
    None
}

/// `ttl 64, …, offset 0, flags [+], proto UDP (17), length 60`; `hlim 64, next-header UDP (17) payload length: 11`
fn header_of(header: &str, seen: &mut Seen) -> Result<(), Refusal> {
    let (mut offset, mut more) = (0, false);
    for part in header.split(", ") {
        let (name, value) = part.split_once(' ').unwrap_or((part, ""));
        match name {
            "ttl" | "hlim" => seen.hops = optional(Some(value), "a TTL")?,
            "offset" => offset = optional(Some(value), "an offset")?.unwrap_or(0_u32),
            "flags" => more = value.contains('+'),
            "proto" | "next-header" => {
                let number = value.split_once('(').and_then(|(_, number)| number.split_once(')'));
                let number = optional(number.map(|(number, _)| number), "a protocol")?;
                // The headers of IPv6 before the protocol: hop-by-hop, routing, fragment, destination options.
                seen.protocol = number.filter(|number| !matches!(number, 0 | 43 | 44 | 60)).map(Protocol);
            }
            _ => {}
        }
    }
    seen.fragment = match (offset, more) {
        (0, false) => Fragment::No,
        (0, true) => Fragment::First,
        _ => Fragment::Later,
    };
    Ok(())
}

/// The interfaces, with `-i any`: `eth0  In`, `eth0  Out`; what is for a group or for all is `M` or `B`.
fn way(before: &str) -> Result<(Option<Interface>, Option<Interface>), Refusal> {
    let words: Vec<&str> = before.split_whitespace().collect();
    let at = words.iter().position(|word| matches!(*word, "In" | "Out" | "M" | "B"));
    let Some(at) = at.filter(|at| *at > 0) else { return Ok((None, None)) };
    let name = interface(Some(words[at - 1]))?;
    Ok(if words[at] == "Out" { (None, name) } else { (name, None) })
}

/// `192.0.2.1.22`, `2001:db8::1.22`, `192.0.2.1`
fn end(text: &str, family: Family) -> Result<(IpAddr, Option<u16>), Refusal> {
    let fault = || Refusal::Fault(format!("`{text}` is not an address: run tcpdump with `-nn`"));
    let of_family = |text: &str| text.parse().ok().filter(|address| Family::of(*address) == family);
    if let Some(address) = of_family(text) {
        return Ok((address, None));
    }
    let (address, port) = text.rsplit_once('.').ok_or_else(fault)?;
    let port = port.parse().ok().or_else(|| service(port));
    of_family(address).zip(port.map(Some)).ok_or_else(fault)
}

/// Takes the piece of an IPv6 packet from what is said of it: `frag (0|1448) 500 > 500: …`, `frag (0x2a:1448|80)`.
fn pieces<'a>(what: &'a str, seen: &mut Seen, ports: (Option<u16>, Option<u16>)) -> Result<&'a str, Refusal> {
    seen.ports = both(ports.0, ports.1);
    let Some((place, rest)) = what.strip_prefix("frag (").and_then(|rest| rest.split_once(')')) else {
        return Ok(what);
    };
    let offset = place.rsplit(':').next().and_then(|place| place.split('|').next());
    let first = optional::<u32>(offset, "an offset")? == Some(0);
    seen.fragment = if first { Fragment::First } else { Fragment::Later };
    let rest = rest.trim_start();
    let Some((pair, what)) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, ""))) else {
        return Ok(rest);
    };
    let Some((from, to)) = pair.split_once(" > ") else { return Ok(rest) };
    seen.ports = both(optional(Some(from), "a port")?, optional(Some(to), "a port")?);
    Ok(what)
}

/// What is after the addresses: protocol, flags, types.
fn content(what: &str, family: Family, seen: &mut Seen) -> Result<(), Refusal> {
    if let Some(flags) = what.strip_prefix("Flags [").and_then(|rest| rest.split(']').next()) {
        seen.protocol = Some(Protocol::TCP);
        seen.flags = Some(tcp_flags(flags));
        return Ok(());
    }
    if seen.ports.is_some() {
        let sctp = what.contains("sctp");
        let protocol = if sctp { Protocol::SCTP } else { Protocol::UDP };
        seen.protocol = Some(seen.protocol.unwrap_or(protocol));
        return Ok(());
    }
    let icmp = match family {
        Family::V4 => what.strip_prefix("ICMP "),
        Family::V6 => what.split_once("ICMP6, ").map(|(_, text)| text),
    };
    if let Some(text) = icmp {
        seen.protocol = Some(Protocol::icmp(family));
        let kind = icmp::message(text, family);
        seen.icmp = Some(kind.ok_or_else(|| Refusal::Fault(format!("the ICMP message `{text}` is not known")))?);
        return Ok(());
    }
    let first = what.trim_start_matches("HBH ").trim_start();
    let named = BY_WORD.iter().find(|(word, _)| first.starts_with(word)).map(|(_, number)| Protocol(*number));
    let numbered = first.strip_prefix("ip-proto-").map(|number| number.split(|c: char| !c.is_ascii_digit()).next());
    let numbered = optional(numbered.flatten(), "a protocol")?.map(Protocol);
    seen.protocol = seen.protocol.or(named).or(numbered);
    // The first piece would show its ports.
    if seen.fragment == Fragment::No && seen.protocol.is_some_and(Protocol::has_ports) {
        seen.fragment = Fragment::Later;
    }
    match seen.protocol {
        None if seen.fragment == Fragment::No => Err(Refusal::Fault(format!("`{what}`: its protocol is not known"))),
        _ => Ok(()),
    }
}

/// How what is after the addresses begins, of protocols without ports.
const BY_WORD: [(&str, u8); 16] = [
    ("ESP(", 50),
    ("AH(", 51),
    ("GREv", 47),
    ("VRRPv", 112),
    ("CARPv", 112),
    ("OSPFv", 89),
    ("PIMv", 103),
    ("igmp", 2),
    ("IPComp(", 108),
    ("EIGRP", 88),
    ("IP6 ", 41),
    ("IP ", 4),
    ("udp", 17),
    ("tcp", 6),
    ("sctp", 132),
    ("RSVPv", 46),
];

/// `S`, `S.`, `F.`, `R`, `P.`, `.`, `none`: a dot is ACK. ECN's `E` and `W` are beside the six flags.
fn tcp_flags(text: &str) -> u8 {
    let bits = [('F', 0x01), ('S', 0x02), ('R', 0x04), ('P', 0x08), ('.', 0x10), ('U', 0x20)];
    let set = |c: char| bits.iter().find(|(known, _)| *known == c).map_or(0, |(_, bit)| *bit);
    if text == "none" { 0 } else { text.chars().fold(0, |flags, c| flags | set(c)) }
}
