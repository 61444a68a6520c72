//! One atom to one typed value: interfaces, ports, numbers, marks, states, reasons.
//! Input: a word. Output: the value, or a `BadValue` that says why the word is none and what to write.

pub mod address;

use super::codes::ResolveError;
use super::suggest::did_you_mean;
use crate::iptables::packet::{Fragment, State};
use crate::iptables::ruleset::{MaskedMark, RateUnit, RejectWith, States, TcpFlags};
use crate::language::values::{
    FRAGMENTS, NamedProtocol, PROTOCOLS, ProtocolWord, RATE_UNITS, REASONS, STATES, protocol_words, value_of, words_of,
};
use crate::net::{Family, Interface, PortRange, Protocol};
use crate::services;

/// Why a word is not the value that is wanted.
#[derive(Debug)]
pub struct BadValue {
    /// The kind.
    pub code: ResolveError,
    /// What is wrong.
    pub message: String,
    /// What is here.
    pub label: String,
    /// What to write.
    pub help: String,
    /// The value that was probably meant.
    pub meant: Option<String>,
}

impl BadValue {
    /// A problem without a value that was probably meant.
    pub fn new(
        code: ResolveError,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> BadValue {
        BadValue { code, message: message.into(), label: label.into(), help: help.into(), meant: None }
    }

    /// Says which value was probably meant.
    fn meant(self, value: Option<impl Into<String>>) -> BadValue {
        BadValue { meant: value.map(Into::into), ..self }
    }
}

/// The name of an interface, or a pattern with a trailing `+`.
pub fn interface(text: &str) -> Result<Interface, BadValue> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let body = text.strip_suffix('+').unwrap_or(text);
    let fault =
        |message: String, label: &str, help: &str| Err(BadValue::new(ResolveError::BadInterface, message, label, help));
    if text == "+" {
        let message = "`+` alone is every interface".into();
        return fault(message, "a pattern without a beginning", "leave the clause out to mean every interface");
    }
    if let Some(device) = device(text) {
        let label = if text.contains(':') { "a label of an address" } else { "as `ip link` shows a pair" };
        let (message, help) = (format!("`{text}` is not the name of a device"), format!("write `{device}`"));
        return Err(BadValue::new(ResolveError::BadInterface, message, label, help).meant(Some(device.to_owned())));
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

/// The device of a name that no device has: `eth0:1` is a label of an address on `eth0`, `eth0@if5` one end of a pair.
pub fn device(text: &str) -> Option<&str> {
    text.split_once([':', '@']).map(|(device, _)| device).filter(|device| interface(device).is_ok())
}

/// A port, a service name, or a range.
pub fn ports(text: &str) -> Result<PortRange, BadValue> {
    if let Some(port) = port(text) {
        return Ok(PortRange::single(port));
    }
    if let Some((low, high)) = text.split_once('-')
        && let (Some(start), Some(end)) = (port(low), port(high))
    {
        if start > end {
            return Err(BadValue::new(
                ResolveError::BadPort,
                format!("the range `{text}` ends before it starts"),
                "no port is in it",
                format!("write `{high}-{low}`"),
            )
            .meant(Some(format!("{high}-{low}"))));
        }
        return Ok(PortRange { start, end });
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if text.split_once('-').is_some_and(|(low, high)| digits(low) && digits(high)) {
        return Err(BadValue::new(
            ResolveError::BadPort,
            format!("`{text}` is not a range of ports"),
            "ports are 16-bit numbers",
            "write numbers from 0 to 65535",
        ));
    }
    if digits(text) {
        return Err(BadValue::new(
            ResolveError::BadPort,
            format!("`{text}` is not a port"),
            "ports are 16-bit numbers",
            "write a number from 0 to 65535, without leading zeros",
        ));
    }
    if text.contains(':') && text.bytes().all(|b| b.is_ascii_digit() || b == b':') {
        return Err(BadValue::new(
            ResolveError::BadPort,
            format!("`{text}` is not a range of ports"),
            "iptables writes ranges so",
            format!("write `{}`", text.replace(':', "-")),
        )
        .meant(Some(text.replace(':', "-"))));
    }
    let near = did_you_mean(text, services::names());
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write the number: `port 8080`, a range `1024-65535`, or an IANA name such as `https`".into(),
    };
    Err(BadValue::new(
        ResolveError::UnknownService,
        format!("`{text}` is not a port or a known service"),
        "no such service",
        help,
    )
    .meant(near))
}

fn port(text: &str) -> Option<u16> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // Some programs read leading zeros as octal numbers.
        return text.parse().ok().filter(|_| text == "0" || !text.starts_with('0'));
    }
    services::service(text)
}

/// A number from `min` to `max`.
pub fn number(text: &str, min: u32, max: u32) -> Result<u32, BadValue> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u32>() {
        Ok(number) if digits && (min..=max).contains(&number) => Ok(number),
        _ if digits => Err(BadValue::new(
            ResolveError::OutOfRange,
            format!("{text} is out of range"),
            format!("not from {min} to {max}"),
            format!("write a number from {min} to {max}"),
        )),
        _ => Err(BadValue::new(
            ResolveError::BadNumber,
            format!("`{text}` is not a number"),
            "a number is expected here",
            format!("write a number from {min} to {max}"),
        )),
    }
}

/// A mark, with a mask or without: `7`, `0x7/0xff`.
pub fn mark(text: &str) -> Result<MaskedMark, BadValue> {
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
        (Some(_), Some(mask)) => Err(BadValue::new(
            ResolveError::BadMark,
            format!("`{text}` has bits outside of its mask"),
            "no packet can have this mark",
            format!("keep the value inside the mask {mask:#x}"),
        )),
        _ => Err(BadValue::new(
            ResolveError::BadMark,
            format!("`{text}` is not a mark"),
            "neither a number nor a number with a mask",
            "write a 32-bit number, with a mask if only some bits count: `7` or `0x10/0xff`",
        )),
    }
}

/// The name of a set of addresses.
pub fn set(text: &str) -> Result<Box<str>, BadValue> {
    if text.len() <= MAX_SET && text.chars().all(|c| c.is_ascii_graphic()) && !text.starts_with('-') {
        return Ok(text.into());
    }
    let message = format!("`{text}` is not the name of a set");
    let help = format!("write the name that `ipset list` shows: up to {MAX_SET} letters, digits and signs");
    Err(BadValue::new(ResolveError::BadSet, message, "not a name", help))
}

/// The longest name of a set, in bytes (`IPSET_MAXNAMELEN` in linux/netfilter/ipset/ip_set.h, with its end).
const MAX_SET: usize = 31;

/// The words of a connection state.
pub fn state(text: &str) -> Result<States, BadValue> {
    word(&STATES, text, ResolveError::BadState, "connection state").map(State::bit)
}

/// `first` or `later`: a piece of a packet.
pub fn fragment(text: &str) -> Result<Fragment, BadValue> {
    word(&FRAGMENTS, text, ResolveError::BadFragment, "piece of a packet")
}

/// `flags MASK/SET`, as TCP flag words: `syn,rst/syn`.
pub fn flags(text: &str) -> Result<TcpFlags, BadValue> {
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
        Some(_) => Err(BadValue::new(
            ResolveError::BadFlags,
            format!("`{text}` wants flags that it does not look at"),
            "no packet matches",
            "the flags after the slash must be among those before it: `syn,rst/syn`",
        )),
        None => Err(BadValue::new(
            ResolveError::BadFlags,
            format!("`{text}` is not a pair of flag lists"),
            "MASK/SET is expected here",
            "write the flags to look at, a slash, and those that are on: `syn,ack/syn`; `all` and `none` are words too",
        )),
    }
}

/// Whether a protocol has that number in some family.
fn has_number(row: &NamedProtocol, text: &str) -> bool {
    let number = |family| row.protocol.and_then(|word| word.number(family));
    Family::BOTH.into_iter().filter_map(number).any(|protocol| protocol.0.to_string() == text)
}

/// `protocol N`: a number without a word of its own.
pub fn protocol_number(text: &str) -> Result<ProtocolWord, BadValue> {
    let named: Vec<&str> = PROTOCOLS.iter().filter(|row| has_number(row, text)).map(|row| row.word).collect();
    if let [word, ..] = named[..] {
        let words: Vec<String> = named.iter().map(|word| format!("`{word}`")).collect();
        return Err(BadValue::new(
            ResolveError::BadProtocol,
            format!("protocol {text} has a word of its own"),
            "written as a number",
            format!("write {} instead of `protocol {text}`", words.join(" or ")),
        )
        .meant(Some(word)));
    }
    if matches!(text, "43" | "44" | "60") {
        return Err(BadValue::new(
            ResolveError::BadProtocol,
            format!("{text} is an IPv6 extension header, not a protocol"),
            "the filter looks past extension headers",
            "name the protocol that follows, or use a `rules` block with the match of the header",
        ));
    }
    if text == "0" {
        return Err(BadValue::new(
            ResolveError::BadProtocol,
            "protocol 0 is *all* to iptables",
            "matches every packet",
            "write `all`",
        )
        .meant(Some("all")));
    }
    if let Some(word) = protocol_words().into_iter().find(|word| *word == text) {
        return Err(BadValue::new(
            ResolveError::BadProtocol,
            format!("`{text}` needs no `protocol` before it"),
            "a word of its own",
            format!("write `{word}`"),
        )
        .meant(Some(word)));
    }
    let number = number(text, 1, 255)?;
    Ok(ProtocolWord::Number(Protocol(number as u8)))
}

/// `N/unit`
pub fn rate(text: &str) -> Result<(u32, RateUnit), BadValue> {
    let Some((count, unit)) = text.split_once('/') else {
        return Err(BadValue::new(
            ResolveError::BadRate,
            format!("`{text}` is not a rate"),
            "N/UNIT is expected here",
            "write a rate such as `10/second`, `5/minute`, `100/hour`, `1/day`",
        ));
    };
    let unit = word(&RATE_UNITS, unit, ResolveError::BadRate, "unit of time").map_err(|problem| {
        let meant = problem.meant.as_ref().map(|unit| format!("{count}/{unit}"));
        problem.meant(meant)
    })?;
    Ok((number(count, 1, 10_000)?, unit))
}

/// How to reject: one name for both families.
pub fn reason(text: &str) -> Result<RejectWith, BadValue> {
    word(&REASONS, text, ResolveError::UnknownReason, "reason")
}

/// The value of a word, or that there is no such word.
pub fn word<T: Copy, const N: usize>(
    table: &'static [(&'static str, T); N],
    text: &str,
    code: ResolveError,
    what: &str,
) -> Result<T, BadValue> {
    value_of(table, text).ok_or_else(|| unknown(code, text, what, &words_of(table)))
}

/// A word that is none of those that are known.
pub fn unknown(code: ResolveError, text: &str, what: &str, words: &[&str]) -> BadValue {
    let near = did_you_mean(text, words.iter().copied());
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write one of {}", words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")),
    };
    let article = if what.starts_with(['a', 'e', 'i', 'o', 'I']) { "an" } else { "a" };
    BadValue::new(code, format!("`{text}` is not {article} {what}"), format!("no such {what}"), help).meant(near)
}
