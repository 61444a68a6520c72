//! Values of options as `iptables-save` prints them.
//! Input: a word, and the family of its rule. Output: the text that is saved, or what is wrong with the word.

use std::net::{IpAddr, Ipv4Addr};

use super::values::{self, host_address, number, number_in};
use super::words::Word;
use crate::iptables::fault::Fault;
use crate::net::{Family, mask_length, write_address};
use crate::services::debian::Listed;

/// The largest number of 8 bits.
pub const U8: u64 = 0xff;
/// The largest number of 16 bits.
pub const U16: u64 = 0xffff;
/// The largest number of 32 bits.
pub const U32: u64 = 0xffff_ffff;

/// The fault of a word that is not what it must be.
pub fn no(word: &Word, what: &str, help: impl Into<String>) -> Fault {
    Fault::new(word.span.clone(), format!("`{}` is no {what}", word.text), format!("a {what} belongs here"), help)
}

/// The fault of a number that is too large, of which the loaders keep some bits.
pub fn cut(word: &Word, fault: Fault) -> Fault {
    if number(&word.text).is_some() { fault.that_loads() } else { fault }
}

/// A number up to `HIGH`, of which the loaders keep the lower bits where it is larger.
pub fn kept_bits<const HIGH: u64>(word: &Word, family: Family) -> Result<String, Fault> {
    decimal::<0, HIGH>(word, family).map_err(|fault| cut(word, fault))
}

/// A number from `LOW` to `HIGH`, saved in decimal.
pub fn decimal<const LOW: u64, const HIGH: u64>(word: &Word, _: Family) -> Result<String, Fault> {
    number_in(word, LOW, HIGH).map(|value| value.to_string())
}

/// A number up to `HIGH`, saved in hexadecimal with `DIGITS` digits at least.
pub fn hexadecimal<const HIGH: u64, const DIGITS: usize>(word: &Word, _: Family) -> Result<String, Fault> {
    number_in(word, 0, HIGH).map(|value| format!("0x{value:0DIGITS$x}"))
}

/// `A`, `A:B`, `A:`, `:B` or `:`, up to `HIGH`: two numbers, saved as one where they are the same. Most matches take a
/// range that ends before it starts, and hold no number to be within it.
pub fn range<const HIGH: u64>(word: &Word, _: Family) -> Result<String, Fault> {
    let (start, end) = numbers(word, HIGH)?;
    Ok(if start == end { start.to_string() } else { format!("{start}:{end}") })
}

/// A range whose ends the loader compares.
pub fn rising<const HIGH: u64>(word: &Word, family: Family) -> Result<String, Fault> {
    match numbers(word, HIGH)? {
        (start, end) if start > end => {
            Err(no(word, "range of numbers", format!("it ends before it starts: write `{end}:{start}`")))
        }
        _ => range::<HIGH>(word, family),
    }
}

/// The two ends of a range.
pub fn numbers(word: &Word, high: u64) -> Result<(u64, u64), Fault> {
    let read = |text: &str, open: u64| {
        let value = if text.is_empty() { Some(open) } else { number(text) };
        value.filter(|value| *value <= high)
    };
    let (start, end) = word.text.split_once(':').unwrap_or((&word.text, &word.text));
    match read(start, 0).zip(read(end, high)).filter(|_| !word.text.is_empty()) {
        Some(range) => Ok(range),
        None => {
            let fault = no(word, "number or range", format!("write a number up to {high}, or two with a colon: `1:9`"));
            Err(if word.text.is_empty() { fault.that_loads() } else { fault })
        }
    }
}

/// Text that is saved without quotes, and so must not need any.
pub fn plain(word: &Word, _: Family) -> Result<String, Fault> {
    let bare = |byte: u8| byte > b' ' && byte != 0x7f && !matches!(byte, b'"' | b'\\' | b'\'');
    if word.text.is_empty() || !word.text.bytes().all(bare) {
        let help = "write it without blanks, quotes and backslashes: iptables-save does not quote it";
        let fault = no(word, "name", help);
        return Err(if word.text.is_empty() { fault } else { fault.that_loads() });
    }
    Ok(word.text.clone())
}

/// Text without quotes of a length that is kept in full.
pub fn name<const MAX: usize>(word: &Word, family: Family) -> Result<String, Fault> {
    short::<MAX>(word, family)?;
    plain(word, family)
}

/// Any text of a length that is kept in full; more is cut without a word.
pub fn short<const MAX: usize>(word: &Word, _: Family) -> Result<String, Fault> {
    if word.text.len() > MAX {
        let message = format!("the text has {} bytes", word.text.len());
        let label = format!("iptables keeps {MAX} bytes, and cuts the rest without a word");
        return Err(Fault::new(word.span.clone(), message, label, format!("shorten it to {MAX} bytes")).that_loads());
    }
    Ok(word.text.clone())
}

/// One of some words, and the word that is saved for it.
pub fn one_of(word: &Word, what: &str, words: &[(&str, &'static str)], any_case: bool) -> Result<String, Fault> {
    let same = |known: &str| *known == word.text || any_case && known.eq_ignore_ascii_case(&word.text);
    let found = words.iter().find(|(known, _)| same(known)).map(|(_, saved)| (*saved).to_owned());
    found.ok_or_else(|| {
        let names: Vec<String> = words.iter().map(|(name, _)| format!("`{name}`")).collect();
        no(word, what, format!("write {}", names.join(" or ")))
    })
}

/// The bits of a list of names, each in full or, with `beginnings`, by its first letters.
pub fn bits(word: &Word, what: &str, names: &[&str], beginnings: bool) -> Result<u32, Fault> {
    let mut bits = 0;
    for text in word.text.split(',') {
        let fits = |known: &&str| {
            let start = if beginnings { known.get(..text.len()) } else { Some(*known) };
            !text.is_empty() && start.is_some_and(|start| start.eq_ignore_ascii_case(text))
        };
        let Some(bit) = names.iter().position(fits) else {
            let message = format!("`{text}` is no {what}");
            let help = format!("write one or more of {}, commas between them", names.join(", "));
            return Err(Fault::new(word.span.clone(), message, format!("a {what} belongs here"), help));
        };
        bits |= 1 << bit;
    }
    Ok(bits)
}

/// The names of the bits that are set, with commas between them.
pub fn names(bits: u32, names: &[&str]) -> String {
    let set = names.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0);
    set.map(|(_, name)| *name).collect::<Vec<_>>().join(",")
}

/// A number with a mask: `0x5`, `0x5/0xff`.
pub fn masked(word: &Word, _: Family) -> Result<String, Fault> {
    let (value, mask) = values::mark(word)?;
    Ok(match mask.filter(|mask| *mask != u32::MAX) {
        Some(mask) => format!("0x{value:x}/0x{mask:x}"),
        None => format!("0x{value:x}"),
    })
}

/// A mark with its mask, which is always saved.
pub fn mark(word: &Word, _: Family) -> Result<String, Fault> {
    let (value, mask) = values::mark(word)?;
    Ok(format!("0x{value:x}/0x{:x}", mask.unwrap_or(u32::MAX)))
}

/// The number of a protocol.
pub fn protocol(word: &Word, _: Family) -> Result<String, Fault> {
    Ok(values::protocol(word)?.map_or(0, |protocol| protocol.0).to_string())
}

/// An interface.
pub fn interface(word: &Word, _: Family) -> Result<String, Fault> {
    let read = values::interface(word).map(|interface| interface.name().to_owned());
    read.map_err(|fault| if word.text.is_empty() { fault.that_loads() } else { fault })
}

/// A hardware address: six numbers of two hexadecimal digits.
pub fn hardware(word: &Word, _: Family) -> Result<String, Fault> {
    let parts: Vec<&str> = word.text.split(':').collect();
    let digits = |part: &&str| matches!(part.len(), 1 | 2) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if parts.len() != 6 || !parts.iter().all(digits) {
        let fault = no(word, "hardware address", "write six numbers with colons: `00:53:00:12:34:56`");
        let left_out = parts.len() == 6 && parts.iter().all(|part| part.is_empty() || digits(part));
        return Err(if left_out { fault.that_loads() } else { fault });
    }
    Ok(parts.iter().map(|part| format!("{part:0>2}").to_ascii_lowercase()).collect::<Vec<_>>().join(":"))
}

/// An address as getaddrinfo(3) reads it: `10.1` is 10.0.0.1.
pub fn host(text: &str, family: Family) -> Option<IpAddr> {
    if family == Family::V6 {
        return host_address(text, family);
    }
    let parts: Option<Vec<u64>> = text.split('.').map(|part| number(part).filter(|_| !part.is_empty())).collect();
    let (last, first) = parts.as_deref()?.split_last().map(|(last, first)| (*last, first.to_vec()))?;
    if first.len() > 3 || first.iter().any(|part| *part > U8) || last > U32 >> (8 * first.len()) {
        return None;
    }
    let high = first.iter().enumerate().map(|(index, part)| (*part as u32) << (24 - 8 * index)).sum::<u32>();
    Some(Ipv4Addr::from_bits(high | last as u32).into())
}

/// An address.
pub fn address(word: &Word, family: Family) -> Result<String, Fault> {
    let address = host(&word.text, family).ok_or_else(|| no_address(word, family))?;
    let mut text = String::new();
    write_address(address, &mut text);
    Ok(text)
}

fn no_address(word: &Word, family: Family) -> Fault {
    no(word, &format!("{} address", family.name()), "write a number for it; names would be resolved at load time")
}

/// The length of a prefix, as a number or as a mask.
pub fn length(word: &Word, text: &str, family: Family) -> Result<u8, Fault> {
    let bits = family.bits();
    let plain = number(text).filter(|length| *length <= u64::from(bits)).map(|length| length as u8);
    let mask = || host(text, family).filter(|_| text.contains(['.', ':'])).and_then(mask_length);
    plain.or_else(mask).filter(|_| !text.is_empty()).ok_or_else(|| {
        let message = format!("`{text}` is not a length of an {} prefix", family.name());
        Fault::new(word.span.clone(), message, "a length belongs here", format!("write a number up to {bits}"))
    })
}

/// The length of a prefix.
pub fn prefix_length(word: &Word, family: Family) -> Result<String, Fault> {
    length(word, &word.text, family).map(|length| length.to_string())
}

/// An address with a prefix length, whose host bits are kept.
pub fn prefix(word: &Word, family: Family) -> Result<String, Fault> {
    let (host_text, length_text) = match word.text.split_once('/') {
        Some((host, length)) => (host, Some(length)),
        None => (word.text.as_str(), None),
    };
    let host = host(host_text, family).ok_or_else(|| no_address(word, family))?;
    let whole = |text: &str| number(text).is_some() || self::host(text, family).is_some();
    let length = length_text.map_or(Ok(family.bits()), |text| {
        length(word, text, family).map_err(|fault| if whole(text) { fault.that_loads() } else { fault })
    })?;
    let mut text = String::new();
    write_address(host, &mut text);
    if length != family.bits() {
        text.push_str(&format!("/{length}"));
    }
    Ok(text)
}

/// A port.
pub fn one_port(word: &Word, _: Family) -> Result<String, Fault> {
    values::port(&word.text, Listed::WithPorts)
        .map(|port| port.to_string())
        .ok_or_else(|| values::bad_port(word, &word.text, Listed::WithPorts))
}

/// One port, or a range whose ends may be left out.
pub fn ports(word: &Word, _: Family) -> Result<String, Fault> {
    let (start, end) = word.text.split_once(':').unwrap_or((&word.text, &word.text));
    let open = |text: &str, value: u16| {
        if text.is_empty() && word.text.contains(':') { Some(value) } else { values::port(text, Listed::WithPorts) }
    };
    match open(start, 0).zip(open(end, u16::MAX)) {
        Some((start, end)) if start == end => Ok(start.to_string()),
        Some((start, end)) => Ok(format!("{start}:{end}")),
        None => Err(values::bad_port(word, &word.text, Listed::WithPorts)),
    }
}
