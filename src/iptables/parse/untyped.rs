//! Matches without a type of their own: kept as words, in the spelling and order of `iptables-save` where these are known.
//! Input: a match's name and options. Output: `Match::Unknown`.

use super::matches::{lacks, state_bits, twice};
use super::options::known_match;
use super::rule::{Choice, Extension};
use super::values::{self, number, number_in};
use super::{Fault, Word};
use crate::iptables::ruleset::{Match, States, Unknown};
use crate::net::Family;

/// The match word for word.
pub fn unknown(extension: &Extension) -> Match {
    Match::Unknown(Box::new(Unknown { name: extension.name.as_str().into(), words: raw(&extension.options) }))
}

/// The words of options as they were written, long names in full.
pub fn raw(options: &[Choice]) -> Vec<Box<str>> {
    let mut words: Vec<Box<str>> = Vec::new();
    for choice in options {
        if choice.negated {
            words.push("!".into());
        }
        words.push(format!("--{}", choice.name).into());
        words.extend(choice.arguments.iter().map(|argument| argument.text.as_str().into()));
    }
    words
}

/// Matches without a type of their own: their words in the spelling and order of `iptables-save`.
pub fn untyped(extension: &Extension, family: Family) -> Result<Match, Fault> {
    let Some(known) = known_match(&extension.name) else { return Ok(unknown(extension)) };
    // iptables-save prints the options of these in the order of its table, one each.
    let ordered = matches!(
        extension.name.as_str(),
        "addrtype"
            | "length"
            | "pkttype"
            | "mac"
            | "dscp"
            | "tos"
            | "owner"
            | "connlimit"
            | "helper"
            | "tcpmss"
            | "conntrack"
            | "policy"
            | "esp"
            | "ah"
            | "frag"
            | "connbytes"
            | "physdev"
            | "hashlimit"
    );
    if !ordered {
        return Ok(unknown(extension));
    }
    if extension.options.is_empty() {
        let first = known.options.first().map_or("", |option| option.1);
        return Err(lacks(extension, "an option", &format!("write `--{first}` and its value")));
    }
    let mut words: Vec<Box<str>> = Vec::new();
    let mut left: Vec<&Choice> = extension.options.iter().collect();
    let position = |choice: &Choice| known.options.iter().position(|option| option.1 == choice.name);
    left.sort_by_key(|choice| position(choice));
    if let Some(pair) = left.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(twice(pair[1]));
    }
    for choice in left {
        let (mut name, mut negated) = (choice.name.as_str(), choice.negated);
        let value = match choice.arguments.first() {
            Some(word) => Some(saved_value(&extension.name, name, word)?),
            None => None,
        };
        match name {
            "dscp-class" => name = "dscp",
            "connlimit-upto" | "connlimit-above" if negated => {
                name = if name == "connlimit-upto" { "connlimit-above" } else { "connlimit-upto" };
                negated = false;
            }
            _ => {}
        }
        if negated {
            words.push("!".into());
        }
        words.push(format!("--{name}").into());
        words.extend(value.map(Into::into));
    }
    if extension.name == "connlimit" {
        let has = |words: &[Box<str>], name: &str| words.iter().any(|word| &**word == name);
        if !has(&words, "--connlimit-mask") {
            words.insert(2.min(words.len()), "--connlimit-mask".into());
            words.insert(3.min(words.len()), family.bits().to_string().into());
        }
        if !has(&words, "--connlimit-saddr") && !has(&words, "--connlimit-daddr") {
            words.push("--connlimit-saddr".into());
        }
    }
    Ok(Match::Unknown(Box::new(Unknown { name: extension.name.as_str().into(), words })))
}

/// A value as `iptables-save` prints it.
fn saved_value(extension: &str, option: &str, word: &Word) -> Result<String, Fault> {
    let text = word.text.as_str();
    let bad = |what: &str, help: &str| Fault::new(word.span.clone(), format!("`{text}` is no {what}"), "here", help);
    match (extension, option) {
        ("addrtype", _) => {
            let mut bits = 0u16;
            for name in text.split(',') {
                let bit = ADDRESS_TYPES.iter().position(|known| known.eq_ignore_ascii_case(name));
                bits |= 1
                    << bit.ok_or_else(|| {
                        bad("type of address", "write `LOCAL`, `UNICAST`, `BROADCAST` or `MULTICAST`")
                    })?;
            }
            let names =
                ADDRESS_TYPES.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0).map(|(_, name)| *name);
            Ok(names.collect::<Vec<_>>().join(","))
        }
        ("length" | "tcpmss", _) => {
            let (start, end) = text.split_once(':').unwrap_or((text, text));
            let start_value = if start.is_empty() { Some(0) } else { number(start) };
            let end_value = if end.is_empty() { Some(65_535) } else { number(end) };
            match start_value.zip(end_value) {
                Some((start, end)) if start <= end && end <= 65_535 => {
                    Ok(if start == end { start.to_string() } else { format!("{start}:{end}") })
                }
                _ => Err(bad("range of sizes", "write a number, or two with a colon: `0:1500`")),
            }
        }
        ("pkttype", _) => [
            ("unicast", "unicast"),
            ("host", "unicast"),
            ("broadcast", "broadcast"),
            ("bcast", "broadcast"),
            ("multicast", "multicast"),
            ("mcast", "multicast"),
        ]
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(text))
        .map(|(_, saved)| saved.to_string())
        .ok_or_else(|| bad("type of packet", "write `unicast`, `broadcast` or `multicast`")),
        ("dscp", "dscp-class") => dscp_class(text)
            .map(|value| format!("0x{value:02x}"))
            .ok_or_else(|| bad("class", "write `EF`, `BE`, `CS1` or `AF11`")),
        ("dscp", _) => Ok(format!("0x{:02x}", number_in(word, 0, 63)?)),
        ("tos", _) if tos_name(text).is_some() => Ok(format!("0x{:02x}/0x3f", tos_name(text).unwrap_or(0))),
        ("conntrack", "ctproto") | ("policy", "proto") => {
            Ok(values::protocol(word)?.map_or(0, |protocol| protocol.0).to_string())
        }
        ("conntrack", "ctstate") => {
            let set = state_bits(word, &States::NAMES)?;
            let names = States::NAMES.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0);
            Ok(names.map(|(_, name)| *name).collect::<Vec<_>>().join(","))
        }
        ("policy", "spi") => Ok(format!("0x{:x}", number_in(word, 0, u64::from(u32::MAX))?)),
        ("esp", _) | ("ah", "ahspi") | ("frag", "fragid") => {
            let (start, end) = text.split_once(':').unwrap_or((text, text));
            let most = u64::from(u32::MAX);
            match number(start).zip(number(end)) {
                Some((start, end)) if start == end && end <= most => Ok(start.to_string()),
                Some((start, end)) if start < end && end <= most => Ok(format!("{start}:{end}")),
                _ => Err(bad("number or range", "write a number, or two with a colon: `256:512`")),
            }
        }
        ("owner", _) if number(text).is_none() && !text.contains('-') => {
            Err(bad("number of a user or group", "write the number: names are looked up where the rules are loaded"))
        }
        ("tos", _) => {
            let (value, mask) = values::mark(word)?;
            // A plain number is compared with the six bits of the DSCP and the two below them alike.
            Ok(format!("0x{value:02x}/0x{:02x}", mask.unwrap_or(0xff)))
        }
        ("mac", _) => Ok(text.to_ascii_lowercase()),
        ("connlimit" | "owner", _) if number(text).is_some() => Ok(number(text).unwrap_or_default().to_string()),
        _ => Ok(text.to_string()),
    }
}

/// The number of a TOS name, which stands for a value under the mask 0x3f.
pub fn tos_name(text: &str) -> Option<u8> {
    let names = [
        ("Minimize-Delay", 0x10),
        ("Maximize-Throughput", 0x08),
        ("Maximize-Reliability", 0x04),
        ("Minimize-Cost", 0x02),
        ("Normal-Service", 0x00),
    ];
    names.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, value)| value)
}

/// The number of a DSCP class name.
pub fn dscp_class(text: &str) -> Option<u8> {
    let lower = text.to_ascii_lowercase();
    match lower.as_bytes() {
        b"ef" => Some(0x2e),
        b"be" => Some(0),
        [b'c', b's', class @ b'0'..=b'7'] => Some((class - b'0') << 3),
        [b'a', b'f', class @ b'1'..=b'4', drop @ b'1'..=b'3'] => Some(((class - b'0') << 3) | ((drop - b'0') << 1)),
        _ => None,
    }
}

const ADDRESS_TYPES: [&str; 12] = [
    "UNSPEC",
    "UNICAST",
    "LOCAL",
    "BROADCAST",
    "ANYCAST",
    "MULTICAST",
    "BLACKHOLE",
    "UNREACHABLE",
    "PROHIBIT",
    "THROW",
    "NAT",
    "XRESOLVE",
];
