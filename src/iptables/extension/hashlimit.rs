//! `-m hashlimit`: in packets a type of its own; where it counts bytes, or compares rates instead of filling a bucket, words.
//! Input: its options, or its value. Output: the value as a save has it, its text, what is wrong with it.

use crate::iptables::extension::limit::{check_rate, print_rate, rate_text, too_fast};
use crate::iptables::extension::row::{OptionContext, Row, flag, matching, option};
use crate::iptables::extension::untyped::kept_match;
use crate::iptables::extension::written::{Said, Written, WrittenOption, lacks, positive, put, said};
use crate::iptables::fault::Fault;
use crate::iptables::problem::{Kind, Problem, problem, vain};
use crate::iptables::rate;
use crate::iptables::ruleset::{HashLimit, Match, Part, Rate, RateUnit};
use crate::iptables::text::saved::{self, U32, decimal, prefix_length};
use crate::iptables::text::values::{self, not_within, number};
use crate::iptables::text::words::Word;
use crate::iptables::text::write;
use crate::net::Family;

/// `-m hashlimit`, typed where it counts packets.
pub static HASH_LIMIT: Row<Match> = matching(
    "hashlimit",
    &[
        option("hashlimit-upto", text).negatable(),
        option("hashlimit", text).negatable().saved_as("hashlimit-upto"),
        option("hashlimit-above", text).negatable(),
        option("hashlimit-burst", text),
        option("hashlimit-mode", mode),
        option("hashlimit-name", |word, _| hash_name(word)),
        option("hashlimit-htable-size", decimal::<0, U32>),
        option("hashlimit-htable-max", decimal::<0, U32>),
        option("hashlimit-htable-gcinterval", decimal::<0, U32>),
        option("hashlimit-htable-expire", decimal::<0, U32>),
        option("hashlimit-srcmask", prefix_length),
        option("hashlimit-dstmask", prefix_length),
        flag("hashlimit-rate-match"),
        option("hashlimit-rate-interval", decimal::<1, U32>),
    ],
)
.needs(&[&["hashlimit-upto", "hashlimit-above"], &["hashlimit-name"]])
.excludes(&[&["hashlimit-upto", "hashlimit-above"]])
.finish(finish)
.counts()
.typed(read, |one, _, out| {
    if let Match::HashLimit(limit) = one {
        print(limit, out);
    }
})
.checked(|one, part, _, problems| match one {
    Match::HashLimit(limit) => check(limit, part, problems),
    Match::Unknown(kept) if kept.words.iter().any(|word| &**word == "1b/s") => {
        let help = "write `k` for 1024 and `m` for 1048576 in lower case: `512kb/s`, `2mb/s`";
        let message = "the rate is less than 16 bytes a second";
        problems.push(vain(problem(part, Kind::Rate, message, "no packet is so small", help)));
    }
    _ => {}
});

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&HASH_LIMIT];

/// The expiry in milliseconds that `iptables-save` takes as understood for a unit.
fn default_expiry(unit: RateUnit) -> u32 {
    (rate::seconds(unit) * 1000) as u32
}

fn read(written: &Written, reading: &mut OptionContext) -> Result<Match, Fault> {
    let family = reading.family;
    let other = |choice: &WrittenOption| {
        choice.name.starts_with("hashlimit-rate-")
            || choice.arguments.iter().any(|word| is_rate(&choice.name) && in_bytes(&word.text))
    };
    if written.options.iter().any(other) {
        return kept_match(written, family);
    }
    let mut asked = None;
    let mut above = false;
    let mut burst = None;
    let mut mode = None;
    let mut name = None;
    let (mut source_mask, mut destination_mask) = (None, None);
    let mut tuning: [Option<u32>; 4] = [None; 4];
    for choice in &written.options {
        let word = choice.argument()?;
        if !is_rate(&choice.name) {
            positive(choice)?;
        }
        match choice.name.as_str() {
            name if is_rate(name) => {
                above = (choice.name == "hashlimit-above") != choice.negated;
                put(&mut asked, (rate_text(word)?, word), choice)?;
            }
            "hashlimit-burst" => {
                let most = u64::from(rate::MAX_HASHLIMIT_BURST);
                let amount = burst_of(&word.text).and_then(|burst| u32::try_from(burst).ok());
                let amount = amount.filter(|burst| (1..=rate::MAX_HASHLIMIT_BURST).contains(burst));
                put(&mut burst, amount.ok_or_else(|| not_within(word, 1, most))?, choice)?
            }
            "hashlimit-mode" => put(&mut mode, hash_mode(word)?, choice)?,
            "hashlimit-name" => put(&mut name, hash_name(word)?.into(), choice)?,
            "hashlimit-srcmask" => put(&mut source_mask, values::small(word, 0, u64::from(family.bits()))?, choice)?,
            "hashlimit-dstmask" => {
                put(&mut destination_mask, values::small(word, 0, u64::from(family.bits()))?, choice)?
            }
            other => {
                let place = HashLimit::TUNING.iter().position(|known| *known == other).unwrap_or(0);
                put(&mut tuning[place], values::small(word, 0, u64::from(u32::MAX))?, choice)?;
            }
        }
    }
    let Some(((count, unit), word)) = asked else {
        return Err(lacks(written, "a rate", "write `--hashlimit-upto 5/second`"));
    };
    let Some(name) = name else {
        return Err(lacks(written, "`--hashlimit-name`", "write `--hashlimit-name` and a name of its own"));
    };
    let (saved_count, saved_unit) = rate::as_saved_hashlimit(count, unit).ok_or_else(|| too_fast(word, 1_000_000))?;
    // The expiry follows the unit as written, and is printed where the saved unit is another one.
    let expiry = tuning[3].unwrap_or(default_expiry(unit));
    tuning[3] = Some(expiry).filter(|expiry| *expiry != default_expiry(saved_unit));
    tuning[0] = tuning[0].filter(|size| *size != 0);
    tuning[1] = tuning[1].filter(|most| *most != 0);
    tuning[2] = tuning[2].filter(|interval| *interval != 1000);
    let tuning =
        HashLimit::TUNING.iter().zip(tuning).filter_map(|(name, value)| value.map(|value| ((*name).into(), value)));
    Ok(Match::HashLimit(Box::new(HashLimit {
        above,
        rate: Rate { count: saved_count, unit: saved_unit, burst: burst.unwrap_or(Rate::DEFAULT_BURST) },
        mode: mode.unwrap_or(0),
        name,
        source_mask: source_mask.filter(|mask| *mask != family.bits()),
        destination_mask: destination_mask.filter(|mask| *mask != family.bits()),
        tuning: tuning.collect(),
    })))
}

/// The name of a hashlimit table.
fn hash_name(word: &Word) -> Result<String, Fault> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'/');
    let length = 1..=255;
    if !length.contains(&word.text.len()) || !word.text.bytes().all(plain) || matches!(&*word.text, "." | "..") {
        let help = "write a name of 1 to 255 letters, digits, dots, `-` and `_`";
        return Err(Fault::new(word.span.clone(), "the name cannot be that of a file in /proc", "here", help));
    }
    Ok(word.text.clone())
}

/// The bits of `--hashlimit-mode`.
fn hash_mode(word: &Word) -> Result<u8, Fault> {
    let mut mode = 0;
    for name in word.text.split([',', '|']).filter(|name| !name.is_empty()) {
        let Some(bit) = HashLimit::MODES.iter().position(|known| *known == name) else {
            return Err(Fault::new(
                word.span.clone(),
                format!("`{name}` is no mode"),
                "a mode belongs here",
                format!("the modes are {}", HashLimit::MODES.join(", ")),
            ));
        };
        mode |= 1 << bit;
    }
    Ok(mode)
}

fn print(limit: &HashLimit, out: &mut String) {
    out.push_str(if limit.above { " --hashlimit-above " } else { " --hashlimit-upto " });
    print_rate(&limit.rate, out);
    out.push_str(" --hashlimit-burst ");
    write::number(limit.rate.burst.into(), out);
    if limit.mode != 0 {
        out.push_str(" --hashlimit-mode ");
        write::names(limit.mode, &HashLimit::MODES, "", out);
    }
    out.push_str(" --hashlimit-name ");
    out.push_str(&limit.name);
    write::tuning(&limit.tuning, out);
    for (option, mask) in
        [(" --hashlimit-srcmask ", limit.source_mask), (" --hashlimit-dstmask ", limit.destination_mask)]
    {
        if let Some(mask) = mask {
            out.push_str(option);
            write::number(mask.into(), out);
        }
    }
}

fn check(limit: &HashLimit, part: Part, problems: &mut Vec<Problem>) {
    let counted = rate::as_saved_hashlimit(limit.rate.count, limit.rate.unit).is_some();
    check_rate(&limit.rate, counted, rate::MAX_HASHLIMIT_BURST, part, problems);
    if limit.name.is_empty() || limit.name.len() > 255 || limit.name.contains([' ', '/', '"']) {
        let help = "write a name of 1 to 255 letters, digits, `-` and `_`";
        problems.push(problem(part, Kind::Text, "the name of the hashlimit table is no name", "here", help));
    }
}

fn text(word: &Word, _: Family) -> Result<String, Fault> {
    Ok(word.text.clone())
}

fn mode(word: &Word, _: Family) -> Result<String, Fault> {
    hash_mode(word).map(|mode| saved::names(mode.into(), &HashLimit::MODES))
}

fn is_rate(option: &str) -> bool {
    matches!(option, "hashlimit-upto" | "hashlimit-above")
}

/// Whether a rate counts bytes: `10kb/s`, `10kb/sec`, and nothing else, for the loader looks for these three characters.
fn in_bytes(rate: &str) -> bool {
    rate.contains("b/s")
}

/// What a letter stands for, after a number or before `b/s`: 2^20, 2^10, or 1.
fn factor(letter: Option<u8>) -> u64 {
    match letter {
        Some(b'm') => 1 << 20,
        Some(b'k') => 1 << 10,
        _ => 1,
    }
}

/// A rate of bytes: the number at its start, by the letter before `b/s`.
fn bytes(rate: &str) -> Option<u64> {
    let letter = rate.find("b/s")?.checked_sub(1).map(|at| rate.as_bytes()[at]);
    values::leading(rate)?.checked_mul(factor(letter)).filter(|bytes| *bytes > 0)
}

/// A burst: a number, with `k` or `m` after it; the rest is ignored, so that `7/minute` is 7.
fn burst_of(text: &str) -> Option<u64> {
    let alike = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'x' | b'X' | b' ' | b'+');
    let longest = text.bytes().position(|byte| !alike(byte)).unwrap_or(text.len());
    let (value, end) = (1..=longest).rev().find_map(|end| Some((number(&text[..end])?, end)))?;
    value.checked_mul(factor(text.as_bytes().get(end).copied()))
}

/// What the kernel holds for a rate of bytes (`XT_HASHLIMIT_BYTE_SHIFT` is 4).
fn cost(bytes: u64) -> u64 {
    U32 / ((bytes >> 4 & U32) + 1)
}

/// The rate of bytes that the kernel holds so.
fn rate_of(cost: u64) -> u64 {
    (U32.checked_div(cost).unwrap_or(U32) - 1) << 4
}

const UNITS: [(&str, u64); 3] = [("m", 1 << 20), ("k", 1 << 10), ("", 1)];

fn finish(mut all: Vec<Said>, extension: &Written, family: Family) -> Result<Vec<Said>, Fault> {
    let Some(limit) = all.iter_mut().find(|one| matches!(one.name, "hashlimit-upto" | "hashlimit-above")) else {
        return Ok(all);
    };
    if std::mem::take(&mut limit.negated) {
        limit.name = if limit.name == "hashlimit-upto" { "hashlimit-above" } else { "hashlimit-upto" };
    }
    let limit = limit.clone();
    let (rate, burst, expiry, written_expiry, interval) = match in_bytes(limit.value()) {
        true => rate_in_bytes(&limit, said(&all, "hashlimit-burst"))?,
        false => rate_in_packets(&limit, said(&all, "hashlimit-burst"), extension)?,
    };
    set(&mut all, limit.name, Some(rate));
    set(&mut all, "hashlimit-burst", burst);
    drop_default(&mut all, "hashlimit-mode", "");
    drop_default(&mut all, "hashlimit-htable-size", "0");
    drop_default(&mut all, "hashlimit-htable-max", "0");
    drop_default(&mut all, "hashlimit-htable-gcinterval", "1000");
    let given = said(&all, "hashlimit-htable-expire").map_or(written_expiry, Said::number);
    set(&mut all, "hashlimit-htable-expire", Some(given.to_string()).filter(|_| given != expiry));
    drop_default(&mut all, "hashlimit-srcmask", &family.bits().to_string());
    drop_default(&mut all, "hashlimit-dstmask", &family.bits().to_string());
    let interval = said(&all, "hashlimit-rate-interval").map_or(interval, Said::number);
    let compares = said(&all, "hashlimit-rate-match").is_some();
    set(&mut all, "hashlimit-rate-interval", Some(interval.to_string()).filter(|_| compares && interval != 1));
    Ok(all)
}

/// Rate, burst, the expiry that is understood when it is saved, the one that is meant where none is written, and the
/// interval of `--hashlimit-rate-match`.
type Counted = (String, Option<String>, u64, u64, u64);

fn rate_in_bytes(limit: &Said, burst: Option<&Said>) -> Result<Counted, Fault> {
    let help = "write an amount a second, of 16 bytes at least: `512kb/s`, `2mb/s`, `4096b/s`";
    let wrong = || limit.vain(format!("`{}` is no rate of bytes", limit.value()), help);
    let cost = bytes(limit.value()).map(cost).filter(|cost| *cost > 0).ok_or_else(wrong)?;
    let rate = rate_of(cost);
    if rate == 0 {
        // Saved as `0b/s`, which no loader takes; with a burst the loaders divide by zero.
        return if burst.is_some() { Err(wrong()) } else { Ok(("1b/s".into(), None, 15_000, 15_000, 1)) };
    }
    let exact = |(_, unit): &&(&str, u64)| rate >= *unit && self::cost(rate & !(unit - 1)) == cost;
    let (name, unit) = UNITS.iter().find(exact).unwrap_or(&UNITS[2]);
    let saved = format!("{}{name}b/s", rate / unit);
    let Some(burst) = burst else { return Ok((saved, None, 15_000, 15_000, 1)) };
    let amount = burst_of(burst.value()).filter(|amount| *amount >= rate).ok_or_else(|| {
        let help = format!("write `{rate}b` or more");
        burst.vain("the burst must be as large as what comes in a second", help)
    })?;
    let all = rate.saturating_mul(amount.div_ceil(rate));
    let (name, unit) = UNITS.iter().find(|(_, unit)| all >= *unit).unwrap_or(&UNITS[2]);
    Ok((saved, Some(format!("{}{name}b", all / unit)), 60_000, 60_000, 1))
}

/// With `--hashlimit-rate-match` the rate is that of a second, over as many seconds as the unit has.
fn rate_in_packets(limit: &Said, burst: Option<&Said>, extension: &Written) -> Result<Counted, Fault> {
    let wrong = |span| Fault::new(span, "this is no rate", "here", "write a count and a unit: `5/minute`");
    let word = extension.options.iter().find(|choice| choice.name.ends_with("upto") || choice.name.ends_with("above"));
    let word = word.and_then(|choice| choice.arguments.first()).ok_or_else(|| wrong(limit.span.clone()))?;
    let (count, unit) = rate_text(word)?;
    let compares = extension.options.iter().any(|choice| choice.name == "hashlimit-rate-match");
    let seconds = rate::seconds(unit);
    let counted = if compares { RateUnit::Second } else { unit };
    let (count, saved) = rate::as_saved_hashlimit(count, counted).ok_or_else(|| wrong(word.span.clone()))?;
    let name = match saved {
        RateUnit::Second => "sec",
        RateUnit::Minute => "min",
        RateUnit::Hour => "hour",
        RateUnit::Day => "day",
    };
    let burst = burst.map_or(Some(5), |burst| burst_of(burst.value())).filter(|burst| (1..=1_000_000).contains(burst));
    let burst = burst.ok_or_else(|| wrong(limit.span.clone()))?;
    Ok((format!("{count}/{name}"), Some(burst.to_string()), rate::seconds(saved) * 1000, seconds * 1000, seconds))
}

/// Sets, adds or removes an option, in its place.
fn set(all: &mut Vec<Said>, name: &'static str, value: Option<String>) {
    all.retain(|one| one.name != name);
    let Some(value) = value else { return };
    let place = |name: &str| HASH_LIMIT.known.options.iter().position(|option| option.saved == name);
    let at = all.iter().position(|one| place(one.name) > place(name)).unwrap_or(all.len());
    all.insert(at, Said::added(name, Some(value)));
}

fn drop_default(all: &mut Vec<Said>, name: &str, value: &str) {
    all.retain(|one| one.name != name || one.value() != value);
}
