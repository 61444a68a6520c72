//! `-m time`: the time of day, the day, the date.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use crate::iptables::extension::row::{Row, flag, matching, option};
use crate::iptables::extension::written::{Said, Written, said};
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::Match;
use crate::iptables::text::saved::no;
use crate::iptables::text::values::number;
use crate::iptables::text::words::Word;
use crate::net::Family;

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&matching(
    "time",
    &[
        option("timestart", time_of_day),
        option("timestop", time_of_day),
        option("monthdays", days_of_month).negatable(),
        option("weekdays", days_of_week).negatable(),
        option("datestart", date),
        option("datestop", date),
        flag("localtz"),
        flag("kerneltz"),
        flag("utc"),
        flag("contiguous"),
    ],
)
.excludes(&[&["utc", "localtz"], &["utc", "kerneltz"]])
.finish(time)];

/// A number of the parts of a time: decimal digits.
fn part(text: &str, most: u32) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|value| digits && *value <= most)
}

/// `H:M` or `H:M:S`.
fn time_of_day(word: &Word, _: Family) -> Result<String, Fault> {
    let parts: Vec<&str> = word.text.split(':').collect();
    let read = match parts[..] {
        [hour, minute] => Some((part(hour, 23), part(minute, 59), Some(0))),
        [hour, minute, second] => Some((part(hour, 23), part(minute, 59), part(second, 59))),
        _ => None,
    };
    match read {
        Some((Some(hour), Some(minute), Some(second))) => Ok(format!("{hour:02}:{minute:02}:{second:02}")),
        _ => Err(no(word, "time of day", "write hours and minutes, up to `23:59` or `23:59:59`")),
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar; days and months may lie outside of their range.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = (year + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
    // March is the first month, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`; a day beyond the end of its month is one of the next.
fn date(word: &Word, _: Family) -> Result<String, Fault> {
    let wrong = || no(word, "date", "write `2030`, `2030-01`, `2030-01-31` or `2030-01-31T23:59:59`, up to 2038");
    let (date, time) = match word.text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (word.text.as_str(), None),
    };
    let date: Vec<&str> = date.split('-').collect();
    let time: Vec<&str> = time.map(|time| time.split(':').collect()).unwrap_or_default();
    if date.len() > 3 || time.len() > 3 || !time.is_empty() && date.len() < 3 {
        return Err(wrong());
    }
    let at = |parts: &[&str], index: usize, missing: u32, most: u32| match parts.get(index) {
        Some(text) => part(text, most).ok_or_else(wrong),
        None => Ok(missing),
    };
    let (year, month, day) = (at(&date, 0, 0, 2038)?, at(&date, 1, 1, 12)?, at(&date, 2, 1, 31)?);
    let (hour, minute, second) = (at(&time, 0, 0, 23)?, at(&time, 1, 0, 59)?, at(&time, 2, 0, 59)?);
    let number = days(year.into(), month.into(), day.into());
    if year < 1970 || number < 0 {
        return Err(wrong());
    }
    let later = |month: i64, day: i64| days(year.into(), month, day) <= number;
    let month = (i64::from(month) - 1..=i64::from(month) + 1).rev().find(|month| later(*month, 1)).unwrap_or(1);
    let day = number - days(year.into(), month, 1) + 1;
    let (year, month) = (i64::from(year) + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
    Ok(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"))
}

const WEEK: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Days of the week, by number or by two letters at least: their bits, Monday is 2.
fn days_of_week(word: &Word, _: Family) -> Result<String, Fault> {
    let read = |text: &str| {
        let named = WEEK.iter().position(|day| text.get(..2).is_some_and(|start| day.starts_with(start)));
        named.map(|day| day as u64 + 1).or_else(|| number(text).filter(|day| (1..=7).contains(day)))
    };
    set(word, &read).ok_or_else(|| no_days(word, "8", "write `Mon,Tue,Wed,Thu,Fri,Sat,Sun`, or 1 to 7"))
}

/// Days of the month: their bits.
fn days_of_month(word: &Word, _: Family) -> Result<String, Fault> {
    let read = |text: &str| number(text).filter(|day| (1..=31).contains(day) && !text.is_empty());
    set(word, &read).ok_or_else(|| no_days(word, "0", "write numbers from 1 to 31 with commas between them"))
}

/// The loaders take the 8th day of the week and the day 0 of the month for no day.
fn no_days(word: &Word, none: &str, help: &str) -> Fault {
    let fault = no(word, "list of days", help);
    if word.text == none { fault.that_loads() } else { fault }
}

fn set(word: &Word, read: &dyn Fn(&str) -> Option<u64>) -> Option<String> {
    let text = word.text.strip_suffix(',').unwrap_or(&word.text);
    let bits: Option<Vec<u64>> = text.split(',').map(|text| read(text).map(|day| 1 << day)).collect();
    bits.map(|bits| bits.into_iter().fold(0, |all, bit| all | bit).to_string())
}

/// The bits of all days of the month and of the week.
const ALL_DAYS: (u64, u64) = (0xffff_fffe, 0xfe);

/// What is understood is not saved, but for the last date that there is.
fn time(all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    let value = |name: &str, missing: &str| said(&all, name).map_or(missing, Said::value).to_owned();
    let (start, stop) = (value("timestart", "00:00:00"), value("timestop", "23:59:59"));
    if let Some(contiguous) = said(&all, "contiguous").filter(|_| start < stop) {
        return Err(contiguous.vain("the time does not go past midnight", "leave `--contiguous` out"));
    }
    let days = |name: &str, every: u64| {
        let set = said(&all, name).map_or(every, |one| if one.negated { one.number() ^ every } else { one.number() });
        Some(set).filter(|set| *set != every)
    };
    let (month, week) = (days("monthdays", ALL_DAYS.0), days("weekdays", ALL_DAYS.1));
    if let Some(none) = all.iter().find(|one| one.negated && [month, week].contains(&Some(0)) && one.number() != 0) {
        return Err(none.vain("every day is excluded", "this matches nothing: leave some days out"));
    }
    let beginning = "1970-01-01T00:00:00";
    let (from, until) = (value("datestart", beginning), value("datestop", "2038-01-19T03:14:07"));
    if let Some(never) = said(&all, "datestop").filter(|_| until == beginning) {
        return Err(never.vain("nothing comes before that date", "write a date that lies ahead"));
    }
    let listed = |set: u64, names: &dyn Fn(u64) -> String| {
        (1..32).filter(|day| set & (1 << day) != 0).map(names).collect::<Vec<_>>().join(",")
    };
    let mut saved = Vec::new();
    if (start.as_str(), stop.as_str()) != ("00:00:00", "23:59:59") {
        saved.extend([Said::added("timestart", Some(start)), Said::added("timestop", Some(stop))]);
    }
    saved.extend(month.map(|set| Said::added("monthdays", Some(listed(set, &|day| day.to_string())))));
    saved.extend(week.map(|set| Said::added("weekdays", Some(listed(set, &|day| WEEK[day as usize - 1].to_owned())))));
    saved.extend(Some(from).filter(|from| from != beginning).map(|from| Said::added("datestart", Some(from))));
    saved.push(Said::added("datestop", Some(until)));
    if said(&all, "kerneltz").or_else(|| said(&all, "localtz")).is_some() {
        saved.push(Said::added("kerneltz", None));
    }
    saved.extend(said(&all, "contiguous").cloned());
    Ok(saved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_by_the_calendar() {
        for (date, number) in
            [((1970, 1, 1), 0), ((2000, 2, 29), 11_016), ((2038, 1, 19), 24_855), ((2020, 0, 31), 18_261)]
        {
            assert_eq!(days(date.0, date.1, date.2), number, "{date:?}");
        }
    }
}
