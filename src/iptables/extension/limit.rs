//! `-m limit`: a rate, and a bucket for bursts.
//! Input: its options, or its value. Output: the value as a save has it, its text, what is wrong with it.

use crate::iptables::extension::row::{Row, matching, typed};
use crate::iptables::extension::written::{Written, positive, put};
use crate::iptables::fault::Fault;
use crate::iptables::problem::{Kind, Problem, problem};
use crate::iptables::rate;
use crate::iptables::ruleset::{Match, Part, Rate, RateUnit};
use crate::iptables::text::values;
use crate::iptables::text::words::Word;
use crate::iptables::text::write;

/// `-m limit`
pub static LIMIT: Row<Match> = matching("limit", &[typed("limit"), typed("limit-burst")])
    .typed(
        |written, _| read(written).map(Match::Limit),
        |one, _, out| {
            if let Match::Limit(rate) = one {
                out.push_str(" --limit ");
                print_rate(rate, out);
                if rate.burst != Rate::DEFAULT_BURST {
                    out.push_str(" --limit-burst ");
                    write::number(rate.burst.into(), out);
                }
            }
        },
    )
    .checked(|one, part, _, problems| {
        if let Match::Limit(limit) = one {
            let counted = rate::as_saved_limit(limit.count, limit.unit).is_some();
            check_rate(limit, counted, rate::MAX_LIMIT_BURST, part, problems);
        }
    });

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&LIMIT];

/// `N`, `N/second`, `N/m`: the count and the unit. What follows the number is ignored: `10kb/min` is ten packets a minute.
pub fn rate_text(word: &Word) -> Result<(u32, RateUnit), Fault> {
    let (count, unit) = word.text.split_once('/').unwrap_or((&word.text, "second"));
    let units =
        [("second", RateUnit::Second), ("minute", RateUnit::Minute), ("hour", RateUnit::Hour), ("day", RateUnit::Day)];
    let unit = units.into_iter().find(|(name, _)| {
        !unit.is_empty() && name.get(..unit.len()).is_some_and(|name| name.eq_ignore_ascii_case(unit))
    });
    match (values::leading(count).and_then(|count| u32::try_from(count).ok()), unit) {
        (Some(count), Some((_, unit))) if count > 0 => Ok((count, unit)),
        _ => Err(Fault::new(
            word.span.clone(),
            format!("`{}` is no rate", word.text),
            "a rate belongs here",
            "write a count and a unit: `5/minute`; the units are second, minute, hour and day",
        )),
    }
}

/// The fault of a rate that cannot be counted.
pub fn too_fast(word: &Word, most: u32) -> Fault {
    let help = format!("{most}/second is the fastest");
    Fault::new(word.span.clone(), format!("the rate `{}` is too fast to be counted", word.text), "here", help)
}

fn read(written: &Written) -> Result<Rate, Fault> {
    let mut saved = None;
    let mut burst = None;
    for choice in &written.options {
        positive(choice)?;
        let word = choice.argument()?;
        if choice.name == "limit" {
            let (count, unit) = rate_text(word)?;
            put(&mut saved, rate::as_saved_limit(count, unit).ok_or_else(|| too_fast(word, 10_000))?, choice)?;
        } else {
            let read = values::small(word, 1, u64::from(rate::MAX_LIMIT_BURST));
            // iptables-nft takes 0.
            let read =
                read.map_err(|fault| if values::number(&word.text) == Some(0) { fault.that_loads() } else { fault });
            put(&mut burst, read?, choice)?;
        }
    }
    // Without --limit iptables takes 3/hour.
    let (count, unit) = saved.unwrap_or((3, RateUnit::Hour));
    Ok(Rate { count, unit, burst: burst.unwrap_or(Rate::DEFAULT_BURST) })
}

/// Appends a rate.
pub fn print_rate(rate: &Rate, out: &mut String) {
    write::number(rate.count.into(), out);
    out.push_str(match rate.unit {
        RateUnit::Second => "/sec",
        RateUnit::Minute => "/min",
        RateUnit::Hour => "/hour",
        RateUnit::Day => "/day",
    });
}

/// Reports a rate that cannot be counted, or a bucket that cannot be held.
pub fn check_rate(limit: &Rate, counted: bool, most: u32, part: Part, problems: &mut Vec<Problem>) {
    if !counted {
        let help = "write a slower rate";
        problems.push(problem(part, Kind::Rate, "the rate cannot be counted", "too fast, or zero", help));
    } else if limit.burst == 0 || limit.burst > most {
        let message = format!("the burst {} cannot be held", limit.burst);
        problems.push(problem(part, Kind::Rate, message, "out of range", format!("write a burst from 1 to {most}")));
    } else if !rate::bucket_fits(limit.count, limit.unit, limit.burst) {
        let seconds = rate::seconds(limit.unit) * u64::from(limit.burst) / u64::from(limit.count.max(1));
        let fits = (rate::MAX_BUCKET_SECONDS * u64::from(limit.count) / rate::seconds(limit.unit)).max(1);
        let message = format!("a bucket of {seconds} seconds overflows the kernel's counter");
        problems.push(problem(
            part,
            Kind::Rate,
            message,
            "too slow for its burst",
            format!("write a burst of {fits} or less"),
        ));
    }
}
