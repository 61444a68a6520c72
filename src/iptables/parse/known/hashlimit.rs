//! `-m hashlimit` where it counts bytes, or compares rates instead of filling a bucket.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use super::{Known, Said, flag, known, option};
use crate::iptables::parse::matches::{hash_mode, hash_name, rate_text};
use crate::iptables::parse::rule::Extension;
use crate::iptables::parse::saved::{U32, decimal, names, prefix_length};
use crate::iptables::parse::untyped::said;
use crate::iptables::parse::values::number;
use crate::iptables::parse::{Fault, Word};
use crate::iptables::rate;
use crate::iptables::ruleset::{HashLimit, RateUnit};
use crate::net::Family;

/// The match.
pub const HASH_LIMIT: Known = known(
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
.finish(finish);

fn text(word: &Word, _: Family) -> Result<String, Fault> {
    Ok(word.text.clone())
}

fn mode(word: &Word, _: Family) -> Result<String, Fault> {
    hash_mode(word).map(|mode| names(mode.into(), &HashLimit::MODES))
}

/// An amount of bytes: a number with `k` or `m` for 2^10 or 2^20, and what must follow.
fn bytes(text: &str, ending: &str) -> Option<u64> {
    let text = text.strip_suffix(ending)?;
    let (digits, factor) = match text.as_bytes().last()? {
        b'm' => (&text[..text.len() - 1], 1 << 20),
        b'k' => (&text[..text.len() - 1], 1 << 10),
        _ => (text, 1),
    };
    number(digits).filter(|_| !digits.is_empty())?.checked_mul(factor)
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

fn finish(mut all: Vec<Said>, extension: &Extension, family: Family) -> Result<Vec<Said>, Fault> {
    let Some(limit) = all.iter_mut().find(|one| matches!(one.name, "hashlimit-upto" | "hashlimit-above")) else {
        return Ok(all);
    };
    if std::mem::take(&mut limit.negated) {
        limit.name = if limit.name == "hashlimit-upto" { "hashlimit-above" } else { "hashlimit-upto" };
    }
    let limit = limit.clone();
    let in_bytes = limit.value().ends_with("b/s");
    let (rate, burst, expiry, written_expiry, interval) = match in_bytes {
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
    let cost = bytes(limit.value(), "b/s").map(cost).filter(|cost| *cost > 0).ok_or_else(wrong)?;
    let rate = rate_of(cost);
    if rate == 0 {
        return Err(wrong());
    }
    let exact = |(_, unit): &&(&str, u64)| rate >= *unit && self::cost(rate & !(unit - 1)) == cost;
    let (name, unit) = UNITS.iter().find(exact).unwrap_or(&UNITS[2]);
    let saved = format!("{}{name}b/s", rate / unit);
    let Some(burst) = burst else { return Ok((saved, None, 15_000, 15_000, 1)) };
    let amount = bytes(burst.value(), "b").or_else(|| bytes(burst.value(), ""));
    let amount = amount.filter(|amount| *amount >= rate).ok_or_else(|| {
        let help = format!("write `{rate}b` or more");
        burst.vain("the burst must be as large as what comes in a second", help)
    })?;
    let all = rate.saturating_mul(amount.div_ceil(rate));
    let (name, unit) = UNITS.iter().find(|(_, unit)| all >= *unit).unwrap_or(&UNITS[2]);
    Ok((saved, Some(format!("{}{name}b", all / unit)), 60_000, 60_000, 1))
}

/// With `--hashlimit-rate-match` the rate is that of a second, over as many seconds as the unit has.
fn rate_in_packets(limit: &Said, burst: Option<&Said>, extension: &Extension) -> Result<Counted, Fault> {
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
    let burst = burst.map_or(Some(5), |burst| number(burst.value())).filter(|burst| (1..=1_000_000).contains(burst));
    let burst = burst.ok_or_else(|| wrong(limit.span.clone()))?;
    Ok((format!("{count}/{name}"), Some(burst.to_string()), rate::seconds(saved) * 1000, seconds * 1000, seconds))
}

/// Sets, adds or removes an option, in its place.
fn set(all: &mut Vec<Said>, name: &'static str, value: Option<String>) {
    all.retain(|one| one.name != name);
    let Some(value) = value else { return };
    let place = |name: &str| HASH_LIMIT.options.iter().position(|option| option.saved == name);
    let at = all.iter().position(|one| place(one.name) > place(name)).unwrap_or(all.len());
    all.insert(at, Said::added(name, Some(value)));
}

fn drop_default(all: &mut Vec<Said>, name: &str, value: &str) {
    all.retain(|one| one.name != name || one.value() != value);
}
