//! The values in rule text: numbers, addresses, ports, interfaces, protocols, marks.
//! Input: one word. Output: the value as the loader takes it, or what is wrong with it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::words::Word;
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::{Address, MaskedMark};
use crate::net::{Family, Interface, PortRange, Prefix, Protocol, mask_length};
use crate::services::debian::{Listed, listed};

/// A number as `strtoul(3)` reads it with base 0: decimal, `0x` hexadecimal, `0` octal; blanks and a `+` may come before it.
pub fn number(text: &str) -> Option<u64> {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let parsed = if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u64::from_str_radix(digits, 16))
    } else if text.len() > 1 && text.starts_with('0') {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| u64::from_str_radix(text, 8))
    } else {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse())
    };
    parsed.and_then(Result::ok)
}

/// The decimal number at the start of a text, as `atoi(3)` reads it: what follows does not matter.
pub fn leading(text: &str) -> Option<u64> {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// A number from `low` to `high`.
pub fn number_in(word: &Word, low: u64, high: u64) -> Result<u64, Fault> {
    match number(&word.text) {
        Some(value) if (low..=high).contains(&value) => Ok(value),
        _ => Err(not_within(word, low, high)),
    }
}

/// The fault of a word that is not such a number.
pub fn not_within(word: &Word, low: u64, high: u64) -> Fault {
    Fault::new(
        word.span.clone(),
        format!("`{}` is not a number from {low} to {high}", word.text),
        "a number belongs here",
        format!("write a number from {low} to {high}"),
    )
}

/// A number that fits its type.
pub fn small<T: TryFrom<u64>>(word: &Word, low: u64, high: u64) -> Result<T, Fault> {
    let value = number_in(word, low, high)?;
    T::try_from(value)
        .map_err(|_| Fault::new(word.span.clone(), "the number is too large", "this one", "write a smaller one"))
}

/// `VALUE` or `VALUE/MASK`.
pub fn mark(word: &Word) -> Result<(u32, Option<u32>), Fault> {
    let read = |text: &str| number(text).and_then(|value| u32::try_from(value).ok());
    let parsed = match word.text.split_once('/') {
        Some((value, mask)) => read(value).zip(read(mask)).map(|(value, mask)| (value, Some(mask))),
        None => read(&word.text).map(|value| (value, None)),
    };
    parsed.ok_or_else(|| {
        Fault::new(
            word.span.clone(),
            format!("`{}` is not a mark", word.text),
            "a mark belongs here",
            "write a number of 32 bits, with a mask after a slash if needed: `0x1/0xff`",
        )
    })
}

/// A mark to compare with, all bits where no mask is given.
pub fn masked_mark(word: &Word) -> Result<MaskedMark, Fault> {
    mark(word).map(|(value, mask)| MaskedMark { value, mask: mask.unwrap_or(u32::MAX) })
}

/// The addresses of `-s` and `-d`, a comma between them; host bits are cut off, `None` stands for every address.
pub fn addresses(word: &Word, family: Family) -> Result<Vec<Option<Address>>, Fault> {
    word.text.split(',').map(|text| address(text.trim_start(), word, family)).collect()
}

fn address(text: &str, word: &Word, family: Family) -> Result<Option<Address>, Fault> {
    let (host, mask) = match text.rsplit_once('/') {
        Some((host, mask)) => (host, Some(mask)),
        None => (text, None),
    };
    let length_or_mask = match mask {
        None => Ok(family.bits()),
        Some(mask) => match number(mask) {
            Some(length) if length <= u64::from(family.bits()) => Ok(length as u8),
            _ => Err(host_address(mask, family)),
        },
    };
    let mask = match length_or_mask {
        Ok(0) => return Ok(None), // The loader does not even look at the name in `any/0`.
        Ok(length) => Ok(length),
        Err(Some(mask)) => match mask_length(mask) {
            Some(0) => return Ok(None),
            Some(length) => Ok(length),
            None => Err(mask),
        },
        Err(None) => return Err(bad_address(text, word, family)),
    };
    let Some(host) = host_address(host, family) else { return Err(bad_address(text, word, family)) };
    Ok(Some(match mask {
        Ok(length) => match Prefix::containing(host, length) {
            Some(prefix) => Address::Prefix(prefix),
            None => return Err(bad_address(text, word, family)),
        },
        Err(mask) => Address::Masked(Box::new((masked(host, mask), mask))),
    }))
}

fn masked(host: IpAddr, mask: IpAddr) -> IpAddr {
    match (host, mask) {
        (IpAddr::V4(host), IpAddr::V4(mask)) => IpAddr::V4(Ipv4Addr::from_bits(host.to_bits() & mask.to_bits())),
        (IpAddr::V6(host), IpAddr::V6(mask)) => IpAddr::V6(Ipv6Addr::from_bits(host.to_bits() & mask.to_bits())),
        (host, _) => host,
    }
}

/// An address as the loader reads it: IPv4 may lack trailing numbers (`10/8`) and have hexadecimal or octal ones.
pub fn host_address(text: &str, family: Family) -> Option<IpAddr> {
    if family == Family::V6 {
        return text.parse().ok().map(IpAddr::V6);
    }
    let mut bytes = [0; 4];
    for (index, part) in text.split('.').enumerate() {
        let value = if part.is_empty() { None } else { number(part) };
        *bytes.get_mut(index)? = u8::try_from(value?).ok()?;
    }
    Some(IpAddr::V4(bytes.into()))
}

fn bad_address(text: &str, word: &Word, family: Family) -> Fault {
    let other = text.split('/').next().unwrap_or_default().parse::<IpAddr>().is_ok();
    let (label, help) = if other {
        ("an address of the other family", format!("{} rules take {} addresses only", family.name(), family.name()))
    } else {
        (
            "this is not an address",
            "write an address, with a prefix length if needed; host names would be resolved once, at load time"
                .to_string(),
        )
    };
    Fault::new(word.span.clone(), format!("`{text}` is no {} address", family.name()), label, help)
}

/// `ADDRESS-ADDRESS` or a single address.
pub fn address_range(text: &str, family: Family) -> Option<(IpAddr, IpAddr)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    host_address(first, family).zip(host_address(last, family))
}

/// A port: a number, or the name of a service among those that the option looks at.
pub fn port(text: &str, names: Listed) -> Option<u16> {
    let value = match names {
        // getaddrinfo(3) knows decimal numbers only.
        Listed::WithPorts => text.trim_ascii_start().parse().ok().filter(|_| !text.contains('+')),
        _ => number(text).filter(|_| !text.is_empty()),
    };
    match value {
        Some(value) => u16::try_from(value).ok(),
        None => listed(text, names),
    }
}

/// The ports of `--sport` and `--dport`: one, or a range whose ends may be left out. Where names of any protocol will do,
/// the loaders do not compare the ends.
pub fn port_range(word: &Word, names: Listed) -> Result<PortRange, Fault> {
    let range = match word.text.split_once(':') {
        None => port(&word.text, names).map(PortRange::single),
        Some((start, end)) => {
            let start = if start.is_empty() { Some(0) } else { port(start, names) };
            let end = if end.is_empty() { Some(u16::MAX) } else { port(end, names) };
            start.zip(end).map(|(start, end)| PortRange { start, end })
        }
    };
    match range {
        Some(range) if range.start <= range.end || names == Listed::WithPorts => Ok(range),
        Some(range) => Err(Fault::new(
            word.span.clone(),
            format!("the range `{}` ends before it starts", word.text),
            "this range",
            format!("write `{}:{}`", range.end, range.start),
        )),
        None => Err(bad_port(word, &word.text, names)),
    }
}

/// The fault of a word that is not a port.
pub fn bad_port(word: &Word, text: &str, names: Listed) -> Fault {
    let other = text.split(':').find_map(|name| listed(name, Listed::Any).filter(|_| port(name, names).is_none()));
    if let Some(port) = other {
        let message = format!("`{text}` is a service of another protocol");
        let label = "the loaders look its name up for the protocol of the rule";
        return Fault::new(word.span.clone(), message, label, format!("write its number: `{port}`"));
    }
    let fault = Fault::new(
        word.span.clone(),
        format!("`{text}` is not a port"),
        "a port belongs here",
        "write a number from 0 to 65535, the name of a service, or a range with a colon: `1024:65535`",
    );
    // getaddrinfo(3) keeps 16 bits of a larger number.
    let numbers = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    if names == Listed::WithPorts && numbers { fault.that_loads() } else { fault }
}

/// The interface of `-i` and `-o`.
pub fn interface(word: &Word) -> Result<Interface, Fault> {
    Interface::new(&word.text).filter(|_| !word.text.contains([' ', '\t', '/', '"'])).ok_or_else(|| {
        let message = if word.text.contains([' ', '\t', '/', '"']) {
            format!("no interface can be named `{}`", word.text)
        } else if word.text.is_empty() {
            "the interface name is empty".to_string()
        } else {
            format!("the interface name `{}` is longer than 15 bytes", word.text)
        };
        Fault::new(
            word.span.clone(),
            message,
            "this name",
            "write a name of 1 to 15 bytes without blanks, quotes and slashes; a `+` at its end matches a prefix",
        )
    })
}

/// The protocol of `-p`; `None` is every protocol.
pub fn protocol(word: &Word) -> Result<Option<Protocol>, Fault> {
    let lower = word.text.to_ascii_lowercase();
    let value = match number(&lower) {
        Some(value) if !lower.is_empty() => u8::try_from(value).ok(),
        _ if lower == "all" => Some(0),
        _ => PROTOCOLS.iter().find(|(name, _)| *name == lower).map(|(_, number)| *number),
    };
    match value {
        Some(0) => Ok(None),
        Some(value) => Ok(Some(Protocol(value))),
        None => Err(Fault::new(
            word.span.clone(),
            format!("`{}` is not a protocol", word.text),
            "a protocol belongs here",
            "write a name such as `tcp` or `esp`, or a number from 1 to 255",
        )),
    }
}

/// The names of protocols: those that iptables has built in, and those of Debian's `/etc/protocols`.
const PROTOCOLS: [(&str, u8); 61] = [
    ("tcp", 6),
    ("udp", 17),
    ("icmp", 1),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("esp", 50),
    ("ah", 51),
    ("sctp", 132),
    ("udplite", 136),
    ("gre", 47),
    ("vrrp", 112),
    ("ospf", 89),
    ("ospfigp", 89),
    ("igmp", 2),
    ("ipv6-mh", 135),
    ("mh", 135),
    ("mobility-header", 135),
    ("ip", 0),
    ("hopopt", 0),
    ("ggp", 3),
    ("ipencap", 4),
    ("st", 5),
    ("egp", 8),
    ("igp", 9),
    ("pup", 12),
    ("hmp", 20),
    ("xns-idp", 22),
    ("rdp", 27),
    ("iso-tp4", 29),
    ("dccp", 33),
    ("xtp", 36),
    ("ddp", 37),
    ("idpr-cmtp", 38),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("idrp", 45),
    ("rsvp", 46),
    ("ipsec-esp", 50),
    ("ipsec-ah", 51),
    ("skip", 57),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("rspf", 73),
    ("vmtp", 81),
    ("eigrp", 88),
    ("ax.25", 93),
    ("ipip", 94),
    ("etherip", 97),
    ("encap", 98),
    ("pim", 103),
    ("ipcomp", 108),
    ("l2tp", 115),
    ("isis", 124),
    ("fc", 133),
    ("mpls-in-ip", 137),
    ("manet", 138),
    ("hip", 139),
    ("shim6", 140),
    ("wesp", 141),
    ("rohc", 142),
];
