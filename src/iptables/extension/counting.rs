//! Matches that count: packets, bytes, the addresses seen lately.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use crate::iptables::extension::row::{Row, flag, matching, option};
use crate::iptables::extension::untyped::saved_options;
use crate::iptables::extension::written::{Said, Written, said};
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::{Match, Negatable, Statistic};
use crate::iptables::text::saved::{U16, U32, address, decimal, name, no, one_of};
use crate::iptables::text::words::Word;
use crate::iptables::text::write;
use crate::net::Family;

/// The parts of a probability, as the kernel counts them.
const PARTS: f64 = Statistic::CERTAIN as f64;

/// `-m statistic`
pub static STATISTIC: Row<Match> = matching(
    "statistic",
    &[
        option("mode", |word, _| one_of(word, "mode", &[("random", "random"), ("nth", "nth")], false)),
        option("probability", probability).negatable(),
        option("every", decimal::<1, U32>).negatable(),
        option("packet", decimal::<0, U32>),
    ],
)
.needs(&[&["mode"]])
.excludes(&[&["probability", "every"], &["probability", "packet"]])
.together(&[("every", "packet"), ("packet", "every")])
.finish(statistic)
.typed(
    |written, reading| Ok(Match::Statistic(chance(&saved_options(written, reading.family)?))),
    |one, _, out| {
        if let Match::Statistic(wanted) = one {
            print_chance(wanted, out);
        }
    },
);

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[
    &matching("cpu", &[option("cpu", decimal::<0, U32>).negatable()]).needs(&[&["cpu"]]),
    &matching("nfacct", &[option("nfacct-name", name::<31>)]).needs(&[&["nfacct-name"]]).counts(),
    &matching("quota", &[option("quota", decimal::<0, { u64::MAX }>).negatable()]).needs(&[&["quota"]]).counts(),
    &matching(
        "recent",
        &[
            flag("set").negatable(),
            flag("rcheck").negatable(),
            flag("update").negatable(),
            flag("remove").negatable(),
            option("seconds", decimal::<1, U32>),
            flag("reap"),
            option("hitcount", decimal::<0, U16>),
            flag("rttl"),
            option("name", list_name),
            option("mask", address),
            flag("rsource"),
            flag("rdest"),
        ],
    )
    .needs(&[&["set", "rcheck", "update", "remove"]])
    .excludes(&[&["set", "rcheck", "update", "remove"], &["rttl", "set"], &["rttl", "remove"]])
    .together(&[("reap", "seconds")])
    .finish(recent)
    .counts(),
    &STATISTIC,
];

/// The name of a file in /proc.
fn list_name(word: &Word, family: Family) -> Result<String, Fault> {
    if word.text.contains('/') || matches!(&*word.text, "." | "..") {
        return Err(no(word, "name of a list", "it becomes a file in /proc: write letters, digits, `-` and `_`"));
    }
    name::<199>(word, family)
}

fn recent(mut all: Vec<Said>, extension: &Written, family: Family) -> Result<Vec<Said>, Fault> {
    all.retain(|one| one.name != "hitcount" || one.value() != "0");
    let only_looks = said(&all, "set").is_none() && said(&all, "remove").is_none();
    let looking = ["seconds", "hitcount"].into_iter().find_map(|name| said(&all, name)).filter(|_| !only_looks);
    if let Some(one) = looking {
        let message = format!("`--{}` has no meaning here", one.name);
        return Err(one.vain(message, "write it beside `--rcheck` or `--update`"));
    }
    // The last of the two holds.
    let side = extension.options.iter().rev().find(|choice| matches!(&*choice.name, "rsource" | "rdest"));
    let side = side.map_or("rsource", |choice| if choice.name == "rdest" { "rdest" } else { "rsource" });
    let find = |name: &str| said(&all, name).map(|one| one.value().to_owned());
    let mask = match family {
        Family::V4 => "255.255.255.255",
        Family::V6 => "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    };
    let (name, mask) = (find("name").unwrap_or("DEFAULT".into()), find("mask").unwrap_or(mask.into()));
    all.retain(|one| !matches!(one.name, "name" | "mask" | "rsource" | "rdest"));
    all.extend([Said::added("name", Some(name)), Said::added("mask", Some(mask)), Said::added(side, None)]);
    Ok(all)
}

/// A probability as the kernel holds it: in parts of 2^31.
fn probability(word: &Word, _: Family) -> Result<String, Fault> {
    let value = word.text.parse::<f64>().ok().filter(|value| (0.0..=1.0).contains(value));
    let value = value.ok_or_else(|| {
        let fault = no(word, "probability", "write a number from 0 to 1: `0.5`");
        // strtod(3) knows more numbers.
        let other = word.text.eq_ignore_ascii_case("nan") || word.text.starts_with("0x.");
        if other { fault.that_loads() } else { fault }
    })?;
    let parts = (value * PARTS).round();
    Ok(format!("{:.11}", parts.abs() / PARTS))
}

fn statistic(all: Vec<Said>, extension: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    let random = said(&all, "mode").is_some_and(|mode| mode.value() == "random");
    let (needed, help) = match random {
        true => ("probability", "write `--probability 0.5`"),
        false => ("every", "write `--every 3 --packet 0`"),
    };
    if said(&all, needed).is_none() {
        let mode = if random { "random" } else { "nth" };
        let message = format!("`--mode {mode}` needs `--{needed}`");
        return Err(Fault::new(extension.span.clone(), message, "the option is missing", help));
    }
    match (said(&all, "every"), said(&all, "packet")) {
        (Some(every), Some(packet)) if packet.number() >= every.number() => {
            let most = every.number().saturating_sub(1);
            Err(packet.vain(
                "no packet has that number",
                format!("packets are counted from 0: write `--packet {most}` or less"),
            ))
        }
        _ => Ok(all),
    }
}

fn chance(all: &[Said]) -> Statistic {
    if let Some(every) = said(all, "every") {
        let packet = said(all, "packet").map_or(0, |one| one.number() as u32);
        return Statistic::Nth { every: every.negatable(every.number() as u32), packet };
    }
    let parts = |one: &Said| one.value().parse::<f64>().map_or(0, |value| (value * PARTS).round() as u32);
    Statistic::Random(said(all, "probability").map_or(Negatable::is(0), |one| one.negatable(parts(one))))
}

fn print_chance(wanted: &Statistic, out: &mut String) {
    match *wanted {
        Statistic::Random(wanted) => {
            out.push_str(" --mode random");
            write::bang(wanted.negated, out);
            out.push_str(&format!(" --probability {:.11}", f64::from(wanted.value) / PARTS));
        }
        Statistic::Nth { every, packet } => {
            out.push_str(" --mode nth");
            write::bang(every.negated, out);
            out.push_str(" --every ");
            write::number(every.value.into(), out);
            out.push_str(" --packet ");
            write::number(packet.into(), out);
        }
    }
}
