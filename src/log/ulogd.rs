//! Lines of ulogd's JSON output (its `src_ip` and `dest_ip`, or the keys that the plugins give).
//! Input: a JSON object. Output: a packet.

use serde_json::Value;

use super::seen::{Refusal, Seen, both, ends, interface};
use crate::iptables::packet::Fragment;
use crate::iptables::ruleset::{IcmpType, TcpFlags};
use crate::net::{Family, Protocol};

/// The format, for people.
pub const NAME: &str = "ulogd";

/// Reads a line.
pub fn read(line: &str) -> Result<Seen, Refusal> {
    if !line.trim_start().starts_with('{') {
        return Err(Refusal::NotMine);
    }
    let object: Value = serde_json::from_str(line).map_err(|error| Refusal::Fault(format!("no JSON: {error}")))?;
    let text = |keys: [&str; 2]| keys.into_iter().find_map(|key| object.get(key)?.as_str());
    let number = |keys: &[&str]| keys.iter().find_map(|key| object.get(*key)?.as_u64());
    let byte = |keys: &[&str]| number(keys).and_then(|number| u8::try_from(number).ok());
    let port = |keys: &[&str]| number(keys).and_then(|number| u16::try_from(number).ok());
    let mut seen = ends(text(["src_ip", "ip.saddr.str"]), text(["dest_ip", "ip.daddr.str"]))?;
    seen.came = interface(text(["oob.in", "oob.iface_in"]))?;
    seen.leaves = interface(text(["oob.out", "oob.iface_out"]))?;
    seen.hops = byte(&["ip.ttl", "ip6.hoplimit"]);
    seen.protocol = byte(&["ip.protocol"]).map(Protocol);
    seen.ports = both(
        port(&["src_port", "tcp.sport", "udp.sport", "sctp.sport"]),
        port(&["dest_port", "tcp.dport", "udp.dport", "sctp.dport"]),
    );
    seen.icmp = match Family::of(seen.destination) {
        Family::V4 => byte(&["icmp.type"]).map(|kind| IcmpType { kind, code: byte(&["icmp.code"]) }),
        Family::V6 => byte(&["icmpv6.type"]).map(|kind| IcmpType { kind, code: byte(&["icmpv6.code"]) }),
    };
    if object.get("tcp.syn").is_some() {
        let set = TcpFlags::NAMES.iter().enumerate().filter(|(_, name)| {
            let key = format!("tcp.{}", name.to_ascii_lowercase());
            // The urgent pointer is a number of its own, `tcp.urgp`.
            object.get(&key).is_some_and(|value| value.as_u64() == Some(1) || value.as_bool() == Some(true))
        });
        seen.flags = Some(set.fold(0, |flags, (bit, _)| flags | 1 << bit));
    }
    // In IPv4 the flags and the offset as in the header, in IPv6 the offset.
    const MORE: u64 = 0x2000;
    const OFFSET: u64 = 0x1fff;
    seen.fragment = match (number(&["ip.fragoff"]), number(&["ip6.fragoff"])) {
        (Some(bits), _) if bits & OFFSET != 0 => Fragment::Later,
        (Some(bits), _) if bits & MORE != 0 => Fragment::First,
        (None, Some(0)) => Fragment::First,
        (None, Some(_)) => Fragment::Later,
        _ => Fragment::No,
    };
    Ok(seen)
}
