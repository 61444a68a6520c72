//! Targets that say how connections are tracked.
//! Input: their options, or their values. Output: the value as a save has it, its text.

use crate::iptables::extension::row::{Row, demand, flag, option, target};
use crate::iptables::extension::untyped::kept_target;
use crate::iptables::extension::written::{Said, Written};
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::{TableName, Target};
use crate::iptables::text::saved::{U16, bits, name, names, no, one_of};
use crate::iptables::text::values::number_in;
use crate::iptables::text::words::Word;
use crate::net::Family;

/// `-j CT`, typed where it only keeps a packet from being tracked.
pub static CT: Row<Target> = target(
    "CT",
    &[
        flag("notrack"),
        option("helper", name::<15>),
        option("timeout", name::<31>),
        option("ctevents", events),
        option("expevents", |word, _| one_of(word, "event", &[("new", "new")], false)),
        option("zone-orig", zone),
        option("zone-reply", zone),
        option("zone", zone),
    ],
)
.excludes(&[&["zone", "zone-orig", "zone-reply"]])
.finish(tracking)
.typed(
    |written, reading| match &written.options[..] {
        [choice] if choice.name == "notrack" => Ok(Target::NoTrack),
        _ => kept_target(written, reading.family),
    },
    |one, _, out| {
        if let Target::NoTrack = one {
            out.push_str(" --notrack");
        }
    },
)
.demands(&[demand().tables(&[TableName::Raw])])
.tracks_where(|one| !matches!(one, Target::NoTrack))
.goes_on();

/// The targets of this file.
pub static TARGETS: &[&Row<Target>] = &[
    &CT,
    &target("NOTRACK", &[])
        .typed(|_, _| Ok(Target::NoTrack), |_, _, _| {})
        .demands(&[demand().tables(&[TableName::Raw])]),
];

fn events(word: &Word, _: Family) -> Result<String, Fault> {
    const EVENTS: [&str; 10] =
        ["new", "related", "destroy", "reply", "assured", "protoinfo", "helper", "mark", "natseqinfo", "secmark"];
    if word.text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(no(word, "list of events", "write them in lower case"));
    }
    bits(word, "event", &EVENTS, false).map(|bits| names(bits, &EVENTS))
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
