//! `-m rateest` and `-j RATEEST`: rates of traffic, estimated by rules that packets pass.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use crate::iptables::extension::row::{Row, flag, matching, option, perhaps, target};
use crate::iptables::extension::written::{Said, Written, said};
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::{Match, Target};
use crate::iptables::text::saved::{U32, decimal, name, no};
use crate::iptables::text::words::Word;
use crate::net::Family;

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&matching(
    "rateest",
    &[
        option("rateest1", name::<15>),
        option("rateest", name::<15>).saved_as("rateest1"),
        option("rateest2", name::<15>),
        perhaps("rateest-bps1", bytes_a_second),
        perhaps("rateest-pps1", decimal::<0, U32>),
        perhaps("rateest-bps2", bytes_a_second),
        perhaps("rateest-bps", bytes_a_second).saved_as("rateest-bps2"),
        perhaps("rateest-pps2", decimal::<0, U32>),
        perhaps("rateest-pps", decimal::<0, U32>).saved_as("rateest-pps2"),
        flag("rateest-delta"),
        flag("rateest-lt").negatable(),
        flag("rateest-gt").negatable(),
        flag("rateest-eq").negatable(),
    ],
)
.needs(&[
    &["rateest1"],
    &["rateest-lt", "rateest-gt", "rateest-eq"],
    &["rateest-bps1", "rateest-bps2", "rateest-pps1", "rateest-pps2"],
])
.excludes(&[
    &["rateest-lt", "rateest-gt", "rateest-eq"],
    // Saved together, they could not be loaded again.
    &["rateest-bps1", "rateest-pps1"],
    &["rateest-bps1", "rateest-pps2"],
    &["rateest-bps2", "rateest-pps1"],
    &["rateest-bps2", "rateest-pps2"],
])
.finish(finish_match)
.counts()];

/// The targets of this file.
pub static TARGETS: &[&Row<Target>] = &[&target(
    "RATEEST",
    &[
        option("rateest-name", name::<15>),
        option("rateest-interval", microseconds),
        option("rateest-ewmalog", microseconds),
    ],
)
.needs(&[&["rateest-name"], &["rateest-interval"], &["rateest-ewmalog"]])
.finish(finish_target)
.goes_on()];

/// A number with what follows it.
fn decimal_with_unit(text: &str) -> Option<(f64, &str)> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let split = |end: usize| Some((text.get(..end)?.parse::<f64>().ok()?, text.get(end..)?));
    (1..=text.len()).rev().find_map(split)
}

/// A rate in bytes a second, of 32 bits; iptables reads bits and bytes with many units.
fn bytes_a_second(word: &Word, _: Family) -> Result<String, Fault> {
    const UNITS: [(&str, f64); 18] = [
        ("bit", 1.0),
        ("kibit", 1024.0),
        ("kbit", 1e3),
        ("mibit", 1_048_576.0),
        ("mbit", 1e6),
        ("gibit", 1_073_741_824.0),
        ("gbit", 1e9),
        ("tibit", 1_099_511_627_776.0),
        ("tbit", 1e12),
        ("bps", 8.0),
        ("kibps", 8192.0),
        ("kbps", 8e3),
        ("mibps", 8_388_608.0),
        ("mbps", 8e6),
        ("gibps", 8_589_934_592.0),
        ("gbps", 8e9),
        ("tibps", 8_796_093_022_208.0),
        ("tbps", 8e12),
    ];
    let rate = decimal_with_unit(&word.text).and_then(|(value, unit)| match unit {
        "" => Some(value / 8.0),
        _ => UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, factor)| value * factor / 8.0),
    });
    let rate = rate.filter(|rate| *rate <= U32 as f64);
    rate.map(|rate| (rate as u32).to_string()).ok_or_else(|| no(word, "rate", "write a number and a unit: `250kbit`"))
}

/// Bits a second as they are saved: in steps of a thousand from a million on.
fn bits(bytes: u64) -> String {
    let bits = bytes as f64 * 8.0;
    match bits {
        _ if bits >= 1e9 => format!("{:.0}Mbit", bits / 1e6),
        _ if bits >= 1e6 => format!("{:.0}Kbit", bits / 1e3),
        _ => format!("{bits:.0}bit"),
    }
}

/// One estimator against a rate, or two against each other, each perhaps less a rate.
fn finish_match(all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    let find = |name: &str| said(&all, name).cloned();
    let in_bytes = find("rateest-bps1").is_some() || find("rateest-bps2").is_some();
    let (first, second) = if in_bytes { ("rateest-bps1", "rateest-bps2") } else { ("rateest-pps1", "rateest-pps2") };
    let rate = |name: &str| {
        let value = find(name).map_or(0, |one| one.number());
        Some(if in_bytes { bits(value) } else { value.to_string() })
    };
    let (delta, other) = (find("rateest-delta"), find("rateest2"));
    let mode = ["rateest-lt", "rateest-gt", "rateest-eq"].into_iter().find_map(find);
    let mut saved: Vec<Said> = delta.iter().cloned().collect();
    let name = find("rateest1").map(|one| one.value().to_owned());
    saved.push(Said::added(if other.is_some() { "rateest1" } else { "rateest" }, name));
    if delta.is_some() {
        saved.push(Said::added(first, rate(first)));
        saved.extend(mode);
        saved.push(Said::added(second, rate(second)));
    } else {
        saved.extend(mode);
        let short = if in_bytes { "rateest-bps" } else { "rateest-pps" };
        saved.push(Said::added(short, if other.is_some() { None } else { rate(second) }));
    }
    saved.extend(other);
    Ok(saved)
}

/// A time in microseconds.
fn microseconds(word: &Word, _: Family) -> Result<String, Fault> {
    let time = decimal_with_unit(&word.text).and_then(|(value, unit)| match unit.to_ascii_lowercase().as_str() {
        "" | "us" | "usec" | "usecs" => Some(value),
        "ms" | "msec" | "msecs" => Some(value * 1e3),
        "s" | "sec" | "secs" => Some(value * 1e6),
        _ => None,
    });
    let time = time.filter(|time| *time <= U32 as f64);
    time.map(|time| (time as u32).to_string()).ok_or_else(|| no(word, "time", "write a number and a unit: `250ms`"))
}

fn time(microseconds: u64) -> String {
    match microseconds as f64 {
        time if time >= 1e6 => format!("{:.1}s", time / 1e6),
        time if time >= 1e3 => format!("{:.1}ms", time / 1e3),
        _ => format!("{microseconds}us"),
    }
}

/// The interval becomes a quarter of a second times a power of two, the time that is averaged over one of these times another.
fn finish_target(mut all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    let number = |name: &str| said(&all, name).map_or(0, Said::number);
    let (asked, average) = (number("rateest-interval"), number("rateest-ewmalog"));
    for one in all.iter_mut() {
        let interval = (0..=5).map(|power| 250_000_u64 << power).find(|interval| asked <= *interval);
        let interval = interval.filter(|_| asked > 0 || one.name != "rateest-interval");
        let Some(interval) = interval else {
            return Err(one.vain("the interval is too long", "write `8s` or less"));
        };
        let longer = |power: &u32| asked as f64 / -(1.0 - 1.0 / f64::from(1_u32 << power)).ln() > average as f64;
        let power = (1..32).find(longer).unwrap_or(32) - 1;
        match one.name {
            "rateest-interval" => one.values = vec![time(interval)],
            "rateest-ewmalog" if (1..31).contains(&power) && interval << power <= U32 => {
                one.values = vec![time(interval << power)];
            }
            // What is saved for it is loaded as another time.
            "rateest-ewmalog" if (1..31).contains(&power) => {
                let help = "write a time that is nearer to the interval";
                return Err(one.vain("the time that is averaged over has more than 32 bits", help).that_loads());
            }
            "rateest-ewmalog" => {
                let help = "write at least one and a half times the interval";
                return Err(one.vain("the time that is averaged over is out of range", help));
            }
            _ => {}
        }
    }
    Ok(all)
}
