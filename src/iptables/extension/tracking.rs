//! Targets that say how connections are tracked.
//! Input: their options, or their values. Output: the value as a save has it, its text.

use crate::iptables::extension::row::{Row, demand, flag, option, target};
use crate::iptables::extension::untyped::saved_options;
use crate::iptables::extension::written::{Said, Written, said};
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::{Ct, TableName, Target, Zone, ZoneSide};
use crate::iptables::text::saved::{U16, bits, name, names, no, one_of};
use crate::iptables::text::values::number_in;
use crate::iptables::text::words::Word;
use crate::iptables::text::write::{self, Quotes};
use crate::net::Family;

/// `-j CT`
pub static CT: Row<Target> = target(
    "CT",
    &[
        flag("notrack"),
        option("helper", helper),
        option("timeout", name::<31>),
        option("ctevents", events),
        option("expevents", |word, _| one_of(word, "event", &[("new", "new")], false)),
        option("zone-orig", zone),
        option("zone-reply", zone),
        option("zone", zone),
    ],
)
.confuses(&[&["zone", "zone-orig", "zone-reply"]])
.finish(tracking)
.typed(
    |written, reading| Ok(Target::Ct(Box::new(read(&saved_options(written, reading.family)?)))),
    |one, _, out| {
        if let Target::Ct(ct) = one {
            print(ct, out);
        }
    },
)
.demands(&[demand().tables(&[TableName::Raw])])
.tracks_where(|one| !matches!(one, Target::Ct(ct) if ct.notrack));

/// `-j NOTRACK`
pub static NOTRACK: Row<Target> = target("NOTRACK", &[])
    .typed(|_, _| Ok(Target::NoTrack), |_, _, _| {})
    .demands(&[demand().tables(&[TableName::Raw])]);

/// The targets of this file.
pub static TARGETS: &[&Row<Target>] = &[&CT, &NOTRACK];

const ZONES: [(&str, ZoneSide); 3] =
    [("zone-orig", ZoneSide::Original), ("zone-reply", ZoneSide::Reply), ("zone", ZoneSide::Both)];

fn read(all: &[Said]) -> Ct {
    let text = |name: &str| said(all, name).map(|one| one.value().into());
    let event = |name: &str| Ct::EVENTS.iter().position(|known| *known == name).map_or(0, |bit| 1 << bit);
    let zone = |(name, side)| {
        let one = said(all, name)?;
        Some((side, if one.value() == "mark" { Zone::Mark } else { Zone::Number(one.number() as u16) }))
    };
    Ct {
        notrack: said(all, "notrack").is_some(),
        helper: text("helper"),
        timeout: text("timeout"),
        events: said(all, "ctevents").map_or(0, |one| one.value().split(',').map(event).sum()),
        expected: said(all, "expevents").is_some(),
        zone: ZONES.into_iter().find_map(zone),
    }
}

fn print(ct: &Ct, out: &mut String) {
    if ct.notrack {
        out.push_str(" --notrack");
    }
    for (option, value) in [(" --helper ", &ct.helper), (" --timeout ", &ct.timeout)] {
        if let Some(value) = value {
            out.push_str(option);
            write::word(value, Quotes::Needed, out);
        }
    }
    if ct.events != 0 {
        out.push_str(" --ctevents ");
        out.push_str(&names(ct.events.into(), &Ct::EVENTS));
    }
    if ct.expected {
        out.push_str(" --expevents new");
    }
    if let Some((side, zone)) = ct.zone {
        let name = ZONES.iter().find(|(_, known)| *known == side).map_or("zone", |(name, _)| name);
        out.push_str(" --");
        out.push_str(name);
        out.push(' ');
        match zone {
            Zone::Mark => out.push_str("mark"),
            Zone::Number(number) => write::number(number.into(), out),
        }
    }
}

fn events(word: &Word, _: Family) -> Result<String, Fault> {
    if word.text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(no(word, "list of events", "write them in lower case"));
    }
    bits(word, "event", &Ct::EVENTS, false).map(|bits| names(bits, &Ct::EVENTS))
}

/// The loaders take an empty name for none.
fn helper(word: &Word, family: Family) -> Result<String, Fault> {
    name::<15>(word, family).map_err(|fault| if word.text.is_empty() { fault.that_loads() } else { fault })
}

fn zone(word: &Word, _: Family) -> Result<String, Fault> {
    if word.text.eq_ignore_ascii_case("mark") {
        return Ok("mark".into());
    }
    number_in(word, 0, U16).map(|zone| zone.to_string())
}

/// The zone 0 is saved as none.
fn tracking(mut all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    all.retain(|one| !one.name.starts_with("zone") || one.value() != "0");
    Ok(all)
}
