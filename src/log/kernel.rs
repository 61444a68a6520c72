//! Lines of the LOG target (`net/netfilter/nf_log_syslog.c`), and those that ulogd's LOGEMU writes like them.
//! Input: `… IN=eth0 OUT= SRC=192.0.2.1 DST=192.0.2.2 … PROTO=TCP SPT=40000 DPT=22 … SYN …`. Output: a packet.

use super::seen::{Refusal, Seen, both, ends, flag, interface, optional, value, wanted};
use crate::iptables::packet::Fragment;
use crate::iptables::ruleset::IcmpType;
use crate::net::Protocol;

/// The format, for people.
pub const NAME: &str = "the kernel's LOG";

/// Reads a line.
pub fn read(line: &str) -> Result<Seen, Refusal> {
    let (Some(start), true) = (start(line), line.contains("SRC=")) else { return Err(Refusal::NotMine) };
    let line = &line[start..];
    // What an ICMP error is about comes in brackets.
    let own = line.split(" [").next().unwrap_or(line);
    let words: Vec<&str> = own.split_whitespace().collect();
    let mut seen = ends(value(&words, "SRC"), value(&words, "DST"))?;
    seen.came = interface(value(&words, "IN"))?;
    seen.leaves = interface(value(&words, "OUT"))?;
    seen.hops = optional(value(&words, "TTL").or(value(&words, "HOPLIMIT")), "a TTL")?;
    seen.protocol = Some(protocol(value(&words, "PROTO"))?);
    seen.ports = both(optional(value(&words, "SPT"), "a port")?, optional(value(&words, "DPT"), "a port")?);
    if let Some(kind) = optional(value(&words, "TYPE"), "an ICMP type")? {
        seen.icmp = Some(IcmpType { kind, code: Some(wanted(value(&words, "CODE"), "the ICMP code")?) });
    }
    if seen.protocol == Some(Protocol::TCP) && seen.ports.is_some() {
        seen.flags = Some(words.iter().filter_map(|word| flag(word)).fold(0, |flags, bit| flags | bit));
    }
    // `FRAG:185` in units of eight bytes, `FRAG: 1448` in ulogd.
    let offset = words.iter().position(|word| word.starts_with("FRAG:")).map(|index| {
        let glued = words[index].trim_start_matches("FRAG:");
        let offset = if glued.is_empty() { words.get(index + 1).copied().unwrap_or_default() } else { glued };
        offset != "0"
    });
    seen.fragment = match (offset, words.contains(&"MF")) {
        (Some(true), _) => Fragment::Later,
        (Some(false), _) | (None, true) => Fragment::First,
        (None, false) => Fragment::No,
    };
    Ok(seen)
}

/// Where the packet begins: `IN=` after the prefix, of which nobody knows whether it ends in a space.
fn start(line: &str) -> Option<usize> {
    let at = line.find(" OUT=")?;
    line[..at].rfind("IN=")
}

fn protocol(word: Option<&str>) -> Result<Protocol, Refusal> {
    Ok(match word {
        Some("TCP") => Protocol::TCP,
        Some("UDP") => Protocol::UDP,
        Some("UDPLITE") => Protocol::UDPLITE,
        Some("ICMP") => Protocol::ICMP,
        Some("ICMPv6") => Protocol::ICMPV6,
        Some("ESP") => Protocol::ESP,
        Some("AH") => Protocol::AH,
        Some("SCTP") => Protocol::SCTP,
        other => Protocol(wanted(other, "a protocol")?),
    })
}
