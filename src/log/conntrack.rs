//! Lines of `conntrack -L` and `-E`, and of /proc/net/nf_conntrack: the first packet of a connection.
//! Input: `tcp 6 431999 ESTABLISHED src=192.0.2.1 dst=192.0.2.2 sport=40000 dport=22 …`. Output: a packet.

use super::seen::{Refusal, Seen, both, ends, optional, value, wanted};
use crate::iptables::ruleset::IcmpType;
use crate::net::Protocol;

/// The format, for people.
pub const NAME: &str = "conntrack -L";

/// Reads a line: its first half, which is the way of the first packet.
pub fn read(line: &str) -> Result<Seen, Refusal> {
    if line.starts_with("conntrack v") {
        return Err(Refusal::Nothing);
    }
    let (Some(start), true) = (line.find("src="), line.contains("dst=")) else { return Err(Refusal::NotMine) };
    let words: Vec<&str> = line[start..].split_whitespace().collect();
    let mut seen = ends(value(&words, "src"), value(&words, "dst"))?;
    seen.protocol = Some(protocol(&line[..start])?);
    seen.ports = both(optional(value(&words, "sport"), "a port")?, optional(value(&words, "dport"), "a port")?);
    if let Some(kind) = optional(value(&words, "type"), "an ICMP type")? {
        seen.icmp = Some(IcmpType { kind, code: Some(wanted(value(&words, "code"), "the ICMP code")?) });
    }
    Ok(seen)
}

/// The number after the name of the protocol. Before that may be the time and the kind of an event, and with
/// `-o extended` the family.
fn protocol(words: &str) -> Result<Protocol, Refusal> {
    let mut words = words.split_whitespace().filter(|word| !word.starts_with('[') && !word.ends_with(']')).peekable();
    while words.next_if(|word| matches!(*word, "ipv4" | "ipv6")).is_some() {
        words.next();
    }
    words.next();
    wanted(words.next(), "a protocol").map(Protocol)
}
