//! One atom to one typed value: addresses, interfaces, ports, numbers, marks, states, reasons.
//! Input: a word. Output: the value, or a `Problem` that says why the word is none and what to write.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ResolveError;
use super::suggest::did_you_mean;
use crate::iptables::ruleset::{MaskedMark, RateUnit, RejectWith, States, TcpFlags};
use crate::net::{AddressText, Family, Interface, PortRange, Prefix, Protocol, mask_length};
use crate::policy::ProtocolWord;
use crate::services;

/// Why a word is not the value that is wanted.
#[derive(Debug)]
pub struct Problem {
    /// The kind.
    pub code: ResolveError,
    /// What is wrong.
    pub message: String,
    /// What is here.
    pub label: String,
    /// What to write.
    pub help: String,
}

impl Problem {
    fn new(
        code: ResolveError,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        Problem { code, message: message.into(), label: label.into(), help: help.into() }
    }
}

/// An address with an optional prefix length; `None` for `any`.
pub fn prefix(text: &str) -> Result<Option<Prefix>, Problem> {
    if text == "any" {
        return Ok(None);
    }
    let (address_text, length_text) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address = address(address_text)?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let length = match length_text {
        None => bits,
        Some(length) => prefix_length(text, address, length)?,
    };
    if let IpAddr::V6(v6) = address {
        let tail = v6.to_ipv4_mapped().filter(|_| length >= 96);
        if let Some(v4) = tail {
            let v4 = if length == 128 { v4.to_string() } else { format!("{v4}/{}", length - 96) };
            return Err(Problem::new(
                ResolveError::MappedAddress,
                format!("`{text}` is an IPv4 address in IPv6 clothes"),
                "no packet on the wire has such an address",
                format!("write `{v4}`"),
            ));
        }
    }
    let network = Prefix::containing(address, length);
    match network {
        Some(network) if network.address() == address => Ok(Some(network)),
        Some(network) => Err(Problem::new(
            ResolveError::HostBits,
            format!("`{text}` has bits below its prefix length"),
            format!("a /{length} network starts elsewhere"),
            format!("write `{network}` for the network, or `{}` for the one address", AddressText(address)),
        )),
        None => Err(Problem::new(
            ResolveError::BadAddress,
            format!("`{text}` has a prefix length over {bits}"),
            "too long",
            format!("write a length from 0 to {bits}"),
        )),
    }
}

fn address(text: &str) -> Result<IpAddr, Problem> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address);
    }
    if let Some((address, zone)) = text.split_once('%').filter(|(address, _)| address.parse::<Ipv6Addr>().is_ok()) {
        return Err(Problem::new(
            ResolveError::ScopedAddress,
            format!("`{text}` names an interface inside the address"),
            "a zone is not part of an address",
            format!("write `{address}`, and `on {zone}` in the sentence"),
        ));
    }
    let parts: Vec<&str> = text.split('.').collect();
    let numeric =
        !text.is_empty() && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if numeric && parts.len() == 4 {
        let trimmed: Vec<&str> = parts.iter().map(|part| part.trim_start_matches('0')).collect();
        let plain = trimmed.iter().map(|part| if part.is_empty() { "0" } else { part }).collect::<Vec<_>>().join(".");
        if plain.parse::<Ipv4Addr>().is_ok() {
            return Err(Problem::new(
                ResolveError::LeadingZeros,
                format!("`{text}` has leading zeros"),
                "some programs read them as octal numbers",
                format!("write `{plain}`"),
            ));
        }
    }
    let letters = text.bytes().any(|b| b.is_ascii_alphabetic());
    let name_like =
        letters && !text.contains(':') && text.trim_end_matches('.').split('.').all(|part| !part.is_empty());
    if name_like && text.contains('.') {
        return Err(Problem::new(
            ResolveError::DnsName,
            format!("`{text}` is a name, not an address"),
            "a name would be resolved once, somewhere else, when the rules are loaded",
            "write the address, or give it a name here: `define server = 192.0.2.10`",
        ));
    }
    let label = if numeric { "not four numbers from 0 to 255" } else { "neither IPv4 nor IPv6" };
    Err(Problem::new(
        ResolveError::BadAddress,
        format!("`{text}` is not an address"),
        label,
        "write an address such as `192.0.2.1`, `10.0.0.0/8` or `2001:db8::/32`, or `any`",
    ))
}

fn prefix_length(text: &str, address: IpAddr, length: &str) -> Result<u8, Problem> {
    if let Ok(mask) = length.parse::<IpAddr>() {
        let help = match mask_length(mask).filter(|_| mask.is_ipv4() == address.is_ipv4()) {
            Some(bits) => {
                let network = Prefix::containing(address, bits).map_or_else(String::new, |network| network.to_string());
                format!("write `{network}`")
            }
            None => "only masks that are prefixes can be written: `10.0.0.0/8`".into(),
        };
        return Err(Problem::new(
            ResolveError::Netmask,
            format!("`{text}` has a netmask"),
            "a prefix length is wanted",
            help,
        ));
    }
    let digits = !length.is_empty() && length.len() <= 3 && length.bytes().all(|b| b.is_ascii_digit());
    match length.parse::<u8>() {
        Ok(bits) if digits && (length == "0" || !length.starts_with('0')) => Ok(bits),
        _ => Err(Problem::new(
            ResolveError::BadAddress,
            format!("`{length}` is not a prefix length"),
            "after the slash",
            format!("write a number from 0 to {}", if address.is_ipv4() { 32 } else { 128 }),
        )),
    }
}

/// Why an address cannot be a source, or a peer: multicast, broadcast.
pub fn not_unicast(prefix: &Prefix) -> Option<&'static str> {
    match prefix {
        Prefix::V4(network) if network.ip().is_multicast() && network.prefix() >= 4 => Some("a multicast address"),
        Prefix::V4(network) if network.ip().is_broadcast() => Some("the broadcast address"),
        Prefix::V6(network) if network.ip().is_multicast() && network.prefix() >= 8 => Some("a multicast address"),
        _ => None,
    }
}

/// The name of an interface, or a pattern with a trailing `+`.
pub fn interface(text: &str) -> Result<Interface, Problem> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let body = text.strip_suffix('+').unwrap_or(text);
    let fault =
        |message: String, label: &str, help: &str| Err(Problem::new(ResolveError::BadInterface, message, label, help));
    if text == "+" {
        let message = "`+` alone is every interface".into();
        return fault(message, "a pattern without a beginning", "leave the clause out to mean every interface");
    }
    if body.is_empty() || !body.chars().all(allowed) {
        let help = "a name has letters, digits, `_`, `.` and `-`, and may end in `+`; stranger ones go into `rules`";
        return fault(format!("`{text}` is not an interface name"), "not a name", help);
    }
    match Interface::new(text) {
        Some(interface) => Ok(interface),
        None => fault(
            format!("`{text}` is longer than an interface name can be"),
            "more than 15 characters",
            "the kernel cuts names at 15 characters: write the name that `ip link` shows",
        ),
    }
}

/// A port, a service name, or a range.
pub fn ports(text: &str) -> Result<PortRange, Problem> {
    if let Some(port) = port(text) {
        return Ok(PortRange::single(port));
    }
    if let Some((low, high)) = text.split_once('-')
        && let (Some(start), Some(end)) = (port(low), port(high))
    {
        if start > end {
            return Err(Problem::new(
                ResolveError::BadPort,
                format!("the range `{text}` ends before it starts"),
                "no port is in it",
                format!("write `{high}-{low}`"),
            ));
        }
        return Ok(PortRange { start, end });
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if text.split_once('-').is_some_and(|(low, high)| digits(low) && digits(high)) {
        return Err(Problem::new(
            ResolveError::BadPort,
            format!("`{text}` is not a range of ports"),
            "ports are 16-bit numbers",
            "write numbers from 0 to 65535",
        ));
    }
    if digits(text) {
        return Err(Problem::new(
            ResolveError::BadPort,
            format!("`{text}` is not a port"),
            "ports are 16-bit numbers",
            "write a number from 0 to 65535, without leading zeros",
        ));
    }
    if text.contains(':') && text.bytes().all(|b| b.is_ascii_digit() || b == b':') {
        return Err(Problem::new(
            ResolveError::BadPort,
            format!("`{text}` is not a range of ports"),
            "iptables writes ranges so",
            format!("write `{}`", text.replace(':', "-")),
        ));
    }
    let help = match did_you_mean(text, services::names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write the number: `port 8080`, a range `1024-65535`, or an IANA name such as `https`".into(),
    };
    Err(Problem::new(
        ResolveError::UnknownService,
        format!("`{text}` is not a port or a known service"),
        "no such service",
        help,
    ))
}

fn port(text: &str) -> Option<u16> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // Some programs read leading zeros as octal numbers.
        return text.parse().ok().filter(|_| text == "0" || !text.starts_with('0'));
    }
    services::service(text)
}

/// A number from `min` to `max`.
pub fn number(text: &str, min: u32, max: u32) -> Result<u32, Problem> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u32>() {
        Ok(number) if digits && (min..=max).contains(&number) => Ok(number),
        _ if digits => Err(Problem::new(
            ResolveError::OutOfRange,
            format!("{text} is out of range"),
            format!("not from {min} to {max}"),
            format!("write a number from {min} to {max}"),
        )),
        _ => Err(Problem::new(
            ResolveError::BadNumber,
            format!("`{text}` is not a number"),
            "a number is expected here",
            format!("write a number from {min} to {max}"),
        )),
    }
}

/// A mark, with a mask or without: `7`, `0x7/0xff`.
pub fn mark(text: &str) -> Result<MaskedMark, Problem> {
    let number = |text: &str| match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) if !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        None => None,
    };
    let (value, mask) = match text.split_once('/') {
        Some((value, mask)) => (number(value), number(mask)),
        None => (number(text), Some(u32::MAX)),
    };
    match (value, mask) {
        (Some(value), Some(mask)) if value & !mask == 0 => Ok(MaskedMark { value, mask }),
        (Some(_), Some(mask)) => Err(Problem::new(
            ResolveError::BadMark,
            format!("`{text}` has bits outside of its mask"),
            "no packet can have this mark",
            format!("keep the value inside the mask {mask:#x}"),
        )),
        _ => Err(Problem::new(
            ResolveError::BadMark,
            format!("`{text}` is not a mark"),
            "neither a number nor a number with a mask",
            "write a 32-bit number, with a mask if only some bits count: `7` or `0x10/0xff`",
        )),
    }
}

/// The words of a connection state.
pub fn state(text: &str) -> Result<States, Problem> {
    const WORDS: [&str; 5] = ["invalid", "new", "related", "established", "untracked"];
    match WORDS.iter().position(|word| *word == text) {
        Some(bit) => Ok(States(1 << bit)),
        None => Err(unknown(ResolveError::BadState, text, "connection state", &WORDS)),
    }
}

/// `flags MASK/SET`, as TCP flag words: `syn,rst/syn`.
pub fn flags(text: &str) -> Result<TcpFlags, Problem> {
    let set = |text: &str| -> Option<u8> {
        match text {
            "all" => Some(0x3f),
            "none" => Some(0),
            _ => text.split(',').try_fold(0, |bits, word| {
                let bit = TcpFlags::NAMES.iter().position(|name| name.eq_ignore_ascii_case(word))?;
                Some(bits | 1 << bit)
            }),
        }
    };
    let parts = text.split_once('/').and_then(|(mask, on)| Some((set(mask)?, set(on)?)));
    match parts {
        Some((mask, on)) if on & !mask == 0 && mask != 0 => Ok(TcpFlags { mask, set: on }),
        Some(_) => Err(Problem::new(
            ResolveError::BadFlags,
            format!("`{text}` wants flags that it does not look at"),
            "no packet matches",
            "the flags after the slash must be among those before it: `syn,rst/syn`",
        )),
        None => Err(Problem::new(
            ResolveError::BadFlags,
            format!("`{text}` is not a pair of flag lists"),
            "MASK/SET is expected here",
            "write the flags to look at, a slash, and those that are on: `syn,ack/syn`; `all` and `none` are words too",
        )),
    }
}

/// Protocols by word; `Ok(None)` is `all`, `Err(())` no protocol word.
pub fn protocol_word(text: &str) -> Option<Option<ProtocolWord>> {
    Some(Some(match text {
        "all" => return Some(None),
        "icmp" => ProtocolWord::Icmp,
        "ah" => ProtocolWord::Ah,
        "tcp" => ProtocolWord::Number(Protocol::TCP),
        "udp" => ProtocolWord::Number(Protocol::UDP),
        "sctp" => ProtocolWord::Number(Protocol::SCTP),
        "esp" => ProtocolWord::Number(Protocol::ESP),
        "gre" => ProtocolWord::Number(Protocol::GRE),
        "vrrp" => ProtocolWord::Number(Protocol::VRRP),
        "ospf" => ProtocolWord::Number(Protocol::OSPF),
        _ => return None,
    }))
}

/// The words of `protocol_word`.
pub const PROTOCOL_WORDS: [&str; 10] = ["all", "tcp", "udp", "sctp", "icmp", "esp", "ah", "gre", "vrrp", "ospf"];

/// `protocol N`: a number without a word of its own.
pub fn protocol_number(text: &str) -> Result<ProtocolWord, Problem> {
    let word = match text {
        "1" | "58" => Some("icmp"),
        "6" => Some("tcp"),
        "17" => Some("udp"),
        "47" => Some("gre"),
        "50" => Some("esp"),
        "51" => Some("ah"),
        "89" => Some("ospf"),
        "112" => Some("vrrp"),
        "132" => Some("sctp"),
        _ => None,
    };
    if let Some(word) = word {
        return Err(Problem::new(
            ResolveError::BadProtocol,
            format!("protocol {text} has a word of its own"),
            "written as a number",
            format!("write `{word}` instead of `protocol {text}`"),
        ));
    }
    if matches!(text, "43" | "44" | "60") {
        return Err(Problem::new(
            ResolveError::BadProtocol,
            format!("{text} is an IPv6 extension header, not a protocol"),
            "the filter looks behind extension headers",
            "name the protocol that follows, or use a `rules` block with the match of the header",
        ));
    }
    if text == "0" {
        return Err(Problem::new(
            ResolveError::BadProtocol,
            "protocol 0 is *all* to iptables",
            "matches every packet",
            "write `all`",
        ));
    }
    if let Some(word) = PROTOCOL_WORDS.iter().find(|word| **word == text) {
        return Err(Problem::new(
            ResolveError::BadProtocol,
            format!("`{text}` needs no `protocol` before it"),
            "a word of its own",
            format!("write `{word}`"),
        ));
    }
    let number = number(text, 1, 255)?;
    Ok(ProtocolWord::Number(Protocol(number as u8)))
}

/// `N/unit`
pub fn rate(text: &str) -> Result<(u32, RateUnit), Problem> {
    const UNITS: [(&str, RateUnit); 4] =
        [("second", RateUnit::Second), ("minute", RateUnit::Minute), ("hour", RateUnit::Hour), ("day", RateUnit::Day)];
    let Some((count, unit)) = text.split_once('/') else {
        return Err(Problem::new(
            ResolveError::BadRate,
            format!("`{text}` is not a rate"),
            "N/UNIT is expected here",
            "write a rate such as `10/second`, `5/minute`, `100/hour`, `1/day`",
        ));
    };
    let Some((_, unit)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(unknown(ResolveError::BadRate, unit, "unit of time", &["second", "minute", "hour", "day"]));
    };
    Ok((number(count, 1, 10_000)?, *unit))
}

/// How to reject: one name for both families.
pub fn reason(text: &str) -> Result<RejectWith, Problem> {
    match REASONS.iter().find(|(name, _)| *name == text) {
        Some((_, reason)) => Ok(*reason),
        None => Err(unknown(ResolveError::UnknownReason, text, "reason", &REASONS.map(|(name, _)| name))),
    }
}

/// The reject reasons of the language.
pub const REASONS: [(&str, RejectWith); 10] = [
    ("port-unreachable", RejectWith::PortUnreachable),
    ("host-unreachable", RejectWith::HostUnreachable),
    ("net-unreachable", RejectWith::NetUnreachable),
    ("host-prohibited", RejectWith::HostProhibited),
    ("net-prohibited", RejectWith::NetProhibited),
    ("admin-prohibited", RejectWith::AdminProhibited),
    ("proto-unreachable", RejectWith::ProtoUnreachable),
    ("policy-fail", RejectWith::PolicyFail),
    ("reject-route", RejectWith::RejectRoute),
    ("tcp-reset", RejectWith::TcpReset),
];

/// The name of a reason after `--reject-with`; `None` where the family has none.
pub fn reason_name(reason: RejectWith, family: Family) -> Option<&'static str> {
    // ICMPv6 has one code for what ICMP tells apart (RFC 4443, 3.1).
    let reason = match (reason, family) {
        (RejectWith::HostProhibited | RejectWith::NetProhibited, Family::V6) => RejectWith::AdminProhibited,
        _ => reason,
    };
    reason.name(family)
}

/// An address with ports for translation: `10.0.0.1`, `10.0.0.1:80`, `[2001:db8::1]:80-90`, as iptables writes it.
pub fn endpoint(text: &str) -> Result<(Family, String), Problem> {
    let fault =
        |message: String, help: &str| Err(Problem::new(ResolveError::BadEndpoint, message, "as the new address", help));
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (address_text, port_text) = match bracketed {
        Some((address, "")) => (address, None),
        Some((address, rest)) => match rest.strip_prefix(':') {
            Some(ports) => (address, Some(ports)),
            None => return fault(format!("`{text}` is no address with ports"), "write `[2001:db8::1]:80`"),
        },
        None => match text.rsplit_once(':') {
            Some((address, ports)) if !address.contains(':') => (address, Some(ports)),
            _ => (text, None),
        },
    };
    let Ok(parsed) = address_text.parse::<IpAddr>() else {
        if text.starts_with('[') && bracketed.is_none() {
            return fault(
                format!("`{text}` is no address with ports"),
                "write the closing bracket: `[2001:db8::1]:80`",
            );
        }
        if text.contains('/') {
            return fault(
                format!("`{text}` cannot be the address of a host"),
                "write one address, without a prefix length",
            );
        }
        // Nine groups: the last one was meant as a port.
        let split = text.rsplit_once(':').filter(|(head, _)| head.parse::<Ipv6Addr>().is_ok());
        return Err(match split {
            Some((head, port)) => Problem::new(
                ResolveError::BadEndpoint,
                format!("`{text}` is not an address"),
                "IPv6 with a port needs brackets",
                format!("write `[{head}]:{port}`"),
            ),
            None => match address(address_text) {
                Err(problem) if problem.code != ResolveError::BadAddress => problem,
                _ => Problem::new(
                    ResolveError::BadEndpoint,
                    format!("`{text}` is not an address"),
                    "as the new address",
                    "write an address such as `10.0.0.1`, `10.0.0.1:80` or `[2001:db8::1]:80`",
                ),
            },
        });
    };
    if not_unicast(&Prefix::host(parsed)).is_some() || parsed.is_unspecified() {
        return fault(format!("`{text}` cannot be the address of a host"), "write the unicast address to translate to");
    }
    let ports = port_text.map(ports).transpose()?;
    let ports = match ports {
        Some(range) if range.start == 0 => {
            return fault(format!("`{text}` has port 0"), "translation needs a port from 1 to 65535");
        }
        Some(range) if range.is_single() => format!(":{}", range.start),
        Some(range) => format!(":{}-{}", range.start, range.end),
        None => String::new(),
    };
    Ok(match parsed {
        IpAddr::V4(address) => (Family::V4, format!("{address}{ports}")),
        IpAddr::V6(_) if ports.is_empty() => (Family::V6, AddressText(parsed).to_string()),
        IpAddr::V6(_) => (Family::V6, format!("[{}]{ports}", AddressText(parsed))),
    })
}

/// A word that is none of those that are known.
pub fn unknown(code: ResolveError, text: &str, what: &str, words: &[&str]) -> Problem {
    let help = match did_you_mean(text, words.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write one of {}", words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")),
    };
    let article = if what.starts_with(['a', 'e', 'i', 'o', 'I']) { "an" } else { "a" };
    Problem::new(code, format!("`{text}` is not {article} {what}"), format!("no such {what}"), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_none_say_what_to_write() {
        for (text, code, help) in [
            ("10.1.0.0/8", ResolveError::HostBits, "`10.0.0.0/8`"),
            ("10.0.0.0/255.0.0.0", ResolveError::Netmask, "`10.0.0.0/8`"),
            ("010.0.0.1", ResolveError::LeadingZeros, "`10.0.0.1`"),
            ("fe80::1%eth0", ResolveError::ScopedAddress, "on eth0"),
            ("::ffff:10.0.0.1", ResolveError::MappedAddress, "`10.0.0.1`"),
            ("::ffff:10.0.0.0/104", ResolveError::MappedAddress, "`10.0.0.0/8`"),
            ("www.example.org", ResolveError::DnsName, "define"),
            ("10.0.0.0/33", ResolveError::BadAddress, "0 to 32"),
            ("10.0.0", ResolveError::BadAddress, "192.0.2.1"),
            ("10.0.0.0/08", ResolveError::BadAddress, "0 to 32"),
        ] {
            let problem = prefix(text).expect_err(text);
            assert_eq!(problem.code, code, "{text}");
            assert!(problem.help.contains(help), "{text}: {}", problem.help);
        }
    }

    #[test]
    fn endpoints_of_both_families_are_written_as_iptables_writes_them() {
        for (text, family, printed) in [
            ("10.0.0.1", Family::V4, "10.0.0.1"),
            ("10.0.0.1:80", Family::V4, "10.0.0.1:80"),
            ("10.0.0.1:80-90", Family::V4, "10.0.0.1:80-90"),
            ("2001:db8::1:80", Family::V6, "2001:db8::1:80"),
            ("[2001:db8::1]:https", Family::V6, "[2001:db8::1]:443"),
            ("[2001:db8::1]", Family::V6, "2001:db8::1"),
        ] {
            assert_eq!(endpoint(text).expect(text), (family, printed.to_owned()));
        }
        for text in ["10.0.0.1:0", "[2001:db8::1]80", "10.0.0.0/8", "224.0.0.1:80"] {
            endpoint(text).expect_err(text);
        }
    }
}
