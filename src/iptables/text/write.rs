//! Values in rule text as `iptables-save` prints them.
//! Input: a value. Output: its text, appended to a line.

use crate::net::{PortRange, write_number};

/// ` !`, where the value is negated.
pub fn bang(negated: bool, out: &mut String) {
    if negated {
        out.push_str(" !");
    }
}

/// A number in decimal.
pub fn number(value: u64, out: &mut String) {
    write_number::<10>(value, out);
}

/// `0x` and the number in hexadecimal.
pub fn hexadecimal(value: u32, out: &mut String) {
    out.push_str("0x");
    write_number::<16>(value.into(), out);
}

/// A string as `iptables-save` prints it: in double quotes unless it is made of letters, digits, `-` and `_` only.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    string(text, &mut out);
    out
}

/// Appends a string as `quoted` gives it.
pub fn string(text: &str, out: &mut String) {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
        out.push_str(text);
        return;
    }
    out.push('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\' | '\'') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('"');
}

/// The names of the bits that are set, commas between them.
pub fn names(bits: u8, known: &[&str], none: &str, out: &mut String) {
    let mut first = true;
    for (bit, name) in known.iter().enumerate() {
        if bits & (1 << bit) != 0 {
            if !first {
                out.push(',');
            }
            out.push_str(name);
            first = false;
        }
    }
    if first {
        out.push_str(none);
    }
}

/// A range of ports with a colon, or one port.
pub fn port_range(range: PortRange, out: &mut String) {
    number(range.start.into(), out);
    if !range.is_single() {
        out.push(':');
        number(range.end.into(), out);
    }
}

/// A range of numbers, one where its ends are the same.
pub fn ends(first: u64, last: u64, between: char, out: &mut String) {
    number(first, out);
    if first != last {
        out.push(between);
        number(last, out);
    }
}

/// Options with their numbers.
pub fn tuning(options: &[(Box<str>, u32)], out: &mut String) {
    for (name, value) in options {
        out.push_str(" --");
        out.push_str(name);
        out.push(' ');
        number((*value).into(), out);
    }
}

/// How `iptables-save` prints the value of an option that is kept as words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotes {
    /// Only where it could not be read otherwise.
    Needed,
    /// Unless it is made of letters, digits, `-` and `_`.
    Usual,
    /// Always.
    Always,
}

/// Appends a word that was kept.
pub fn word(text: &str, quotes: Quotes, out: &mut String) {
    match quotes {
        Quotes::Always => always_quoted(text, out),
        Quotes::Usual => string(text, out),
        Quotes::Needed => {
            let plain = |byte: u8| byte > b' ' && !matches!(byte, b'"' | b'\\' | b'\'');
            if !text.is_empty() && text.bytes().all(plain) {
                out.push_str(text);
            } else {
                string(text, out);
            }
        }
    }
}

fn always_quoted(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_in_a_save() {
        assert_eq!(quoted("plain_text-1"), "plain_text-1");
        assert_eq!(quoted(""), "\"\"");
        assert_eq!(quoted(r#"it's "x\y""#), r#""it\'s \"x\\y\"""#);
    }
}
