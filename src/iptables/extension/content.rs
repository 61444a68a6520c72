//! Matches of what a packet holds: text, numbers at offsets, filter programs, the fingerprint of a system.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use crate::iptables::extension::row::{Row, demand, flag, matching, option};
use crate::iptables::extension::written::{Said, Written};
use crate::iptables::fault::Fault;
use crate::iptables::hooks::Hooks;
use crate::iptables::ruleset::Match;
use crate::iptables::text::saved::{U8, U16, U32, decimal, name, no, one_of};
use crate::iptables::text::values::number;
use crate::iptables::text::words::Word;
use crate::iptables::text::write::Quotes;
use crate::net::Family;

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[
    &matching("bpf", &[option("bytecode", program).quoted(Quotes::Always), option("object-pinned", name::<511>)])
        .needs(&[&["bytecode", "object-pinned"]])
        .excludes(&[&["bytecode", "object-pinned"]]),
    &matching(
        "osf",
        &[option("genre", name::<31>).negatable(), option("ttl", decimal::<0, 2>), option("log", decimal::<0, 2>)],
    )
    .only(Family::V4, "")
    .needs(&[&["genre"]])
    .demands(&[demand().of(6, "-p tcp").hooks(Hooks::WITH_IN_INTERFACE)]),
    &matching(
        "string",
        &[
            option("string", text).negatable().quoted(Quotes::Always),
            option("hex-string", hexadecimal_text).negatable().quoted(Quotes::Always).saved_as("string"),
            option("algo", |word, _| one_of(word, "algorithm", &[("bm", "bm"), ("kmp", "kmp")], false)),
            option("from", decimal::<0, U16>),
            option("to", decimal::<0, U16>),
            flag("icase"),
        ],
    )
    .needs(&[&["string"], &["algo"]])
    .finish(string),
    &matching("u32", &[option("u32", tests).negatable().quoted(Quotes::Always)]).needs(&[&["u32"]]),
];

/// The longest pattern (`XT_STRING_MAX_PATTERN_SIZE`).
const PATTERN: usize = 128;

/// A pattern, as hexadecimal digits.
fn text(word: &Word, _: Family) -> Result<String, Fault> {
    pattern(word, word.text.as_bytes())
}

fn pattern(word: &Word, bytes: &[u8]) -> Result<String, Fault> {
    if bytes.is_empty() || bytes.len() > PATTERN {
        return Err(no(word, "pattern", format!("write 1 to {PATTERN} bytes")));
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Text with bytes as hexadecimal digits between bars, `|00 ff|`; a backslash takes the next letter as it is.
fn hexadecimal_text(word: &Word, _: Family) -> Result<String, Fault> {
    let wrong = || no(word, "pattern", "write pairs of hexadecimal digits between bars: `|00 ff|`");
    let mut bytes = Vec::new();
    let mut rest = word.text.as_bytes();
    let mut inside = false;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, inside) {
            (b'|', _) => {
                inside = !inside;
                while let (true, [b' ', after @ ..]) = (inside, rest) {
                    rest = after;
                }
            }
            (b'\\', false) => {
                let (letter, after) = rest.split_first().ok_or_else(wrong)?;
                bytes.push(*letter);
                rest = after;
            }
            (_, false) => bytes.push(*first),
            (_, true) => {
                let (second, after) = rest.split_first().ok_or_else(wrong)?;
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = digit(*first).zip(digit(*second)).ok_or_else(wrong)?;
                bytes.push((high * 16 + low) as u8);
                rest = after.strip_prefix(b" ").unwrap_or(after);
            }
        }
    }
    if inside {
        return Err(wrong());
    }
    pattern(word, &bytes)
}

/// Saved as text where every byte can be printed and the last is not a backslash, else as digits.
fn string(mut all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    let offset = |name: &str| all.iter().find(|one| one.name == name).map(Said::number);
    let (from, to) = (offset("from").unwrap_or(0), offset("to").unwrap_or(U16));
    for one in all.iter_mut().filter(|one| one.name == "string") {
        if from > to {
            return Err(one.vain("`--from` is after `--to`", "write the smaller number after `--from`"));
        }
        let byte = |at: usize| u8::from_str_radix(one.value().get(at..at + 2)?, 16).ok();
        let bytes: Vec<u8> = (0..one.value().len()).step_by(2).filter_map(byte).collect();
        let printable = bytes.iter().all(|byte| (b' '..=b'~').contains(byte)) && bytes.last() != Some(&b'\\');
        match String::from_utf8(bytes) {
            Ok(text) if printable => one.values = vec![text],
            _ => {
                one.values = vec![format!("|{}|", one.value())];
                one.name = "hex-string";
            }
        }
    }
    all.retain(|one| (one.name != "from" || one.value() != "0") && (one.name != "to" || one.value() != "65535"));
    Ok(all)
}

/// A program of the BSD packet filter: its length, then four numbers an instruction.
fn program(word: &Word, _: Family) -> Result<String, Fault> {
    let wrong = || no(word, "filter program", "write the output of `nfbpf_compile`: `1,6 0 0 65535`");
    let mut parts = word.text.strip_suffix(',').unwrap_or(&word.text).split(',');
    let count = parts.next().and_then(number).filter(|count| (1..=64).contains(count)).ok_or_else(wrong)?;
    let mut saved = count.to_string();
    let mut found = 0;
    for part in parts {
        let numbers: Option<Vec<u64>> = part.split_ascii_whitespace().map(number).collect();
        match numbers.as_deref() {
            Some([code, jump, other, value]) if *code <= U16 && *jump <= U8 && *other <= U8 && *value <= U32 => {
                saved.push_str(&format!(",{code} {jump} {other} {value}"));
                found += 1;
            }
            _ => return Err(wrong()),
        }
    }
    if found == count {
        Ok(saved)
    } else {
        Err(no(word, "filter program", format!("it begins with its length: write `{found},…`")))
    }
}

/// The most tests, numbers of a place, and values of a test (`XT_U32_MAXSIZE` is 10, and one test more is refused).
const TESTS: usize = 10;

/// Tests of numbers at offsets: `PLACE = VALUES [&& …]`.
fn tests(word: &Word, _: Family) -> Result<String, Fault> {
    let help = "write tests such as `6&0xff=1 && 0>>22&0x3c@0=80:90,443`";
    let read = |text: &str| -> Option<String> {
        let mut scanner = Scanner { rest: text };
        let mut tests = vec![scanner.test()?];
        while scanner.take("&&") {
            tests.push(scanner.test()?);
        }
        (scanner.rest.is_empty() && tests.len() <= TESTS).then(|| tests.join("&&"))
    };
    read(&word.text).ok_or_else(|| no(word, "test of numbers", help))
}

struct Scanner<'a> {
    rest: &'a str,
}

impl Scanner<'_> {
    /// Takes the next word, with blanks around it.
    fn take(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_ascii_start();
        let taken = rest.strip_prefix(word);
        self.rest = taken.unwrap_or(rest).trim_ascii_start();
        taken.is_some()
    }

    fn number(&mut self) -> Option<String> {
        let rest = self.rest.trim_ascii_start();
        let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
        let digit = |(at, letter): (usize, char)| match (hexadecimal, at) {
            (true, 0 | 1) => false,
            (true, _) => !letter.is_ascii_hexdigit(),
            (false, _) => !letter.is_ascii_digit(),
        };
        let end = rest.char_indices().find(|place| digit(*place)).map_or(rest.len(), |(at, _)| at);
        let (text, rest) = rest.split_at(end);
        self.rest = rest.trim_ascii_start();
        number(text).filter(|value| *value <= U32 && !text.is_empty()).map(|value| format!("0x{value:x}"))
    }

    fn test(&mut self) -> Option<String> {
        let mut text = self.number()?;
        let mut numbers = 1;
        while !self.take("=") {
            let operator = ["<<", ">>", "&", "@"].into_iter().find(|operator| self.take(operator))?;
            text.push_str(operator);
            text.push_str(&self.number()?);
            numbers += 1;
        }
        text.push('=');
        let mut values = 0;
        loop {
            let (first, mut last) = (self.number()?, None);
            if self.take(":") {
                last = Some(self.number()?);
            }
            text.push_str(&first);
            if let Some(last) = last.filter(|last| *last != first) {
                text.push(':');
                text.push_str(&last);
            }
            values += 1;
            if !self.take(",") {
                break;
            }
            text.push(',');
        }
        (numbers <= TESTS && values <= TESTS).then_some(text)
    }
}
