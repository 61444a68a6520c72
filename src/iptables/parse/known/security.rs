//! Targets of audit, mandatory access control, timers and lamps.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use super::{Known, Said, flag, known, option};
use crate::iptables::parse::rule::Extension;
use crate::iptables::parse::saved::{U32, decimal, name, no, one_of, short};
use crate::iptables::parse::values::number;
use crate::iptables::parse::{Fault, Word};
use crate::net::Family;

/// The targets of this file.
pub const TARGETS: &[Known] = &[
    known("AUDIT", &[option("type", audit_type)]).needs(&[&["type"]]),
    known("CONNSECMARK", &[flag("save"), flag("restore")])
        .needs(&[&["save", "restore"]])
        .excludes(&[&["save", "restore"]]),
    known("IDLETIMER", &[option("timeout", decimal::<1, U32>), option("label", name::<27>), flag("alarm")])
        .needs(&[&["timeout"], &["label"]]),
    known("LED", &[option("led-trigger-id", short::<16>), option("led-delay", delay), flag("led-always-blink")])
        .needs(&[&["led-trigger-id"]])
        .finish(lamp),
    known("SECMARK", &[option("selctx", name::<255>)]).needs(&[&["selctx"]]),
    known("TRACE", &[]),
    known(
        "ULOG",
        &[
            option("ulog-prefix", short::<31>),
            option("ulog-nlgroup", decimal::<1, 32>),
            option("ulog-cprange", decimal::<0, { u64::MAX }>),
            option("ulog-qthreshold", decimal::<1, 50>),
        ],
    )
    .only(Family::V4),
];

fn audit_type(word: &Word, _: Family) -> Result<String, Fault> {
    one_of(word, "type of audit", &[("accept", "accept"), ("drop", "drop"), ("reject", "reject")], true)
}

/// Milliseconds, or for ever.
fn delay(word: &Word, _: Family) -> Result<String, Fault> {
    if word.text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("inf")) {
        return Ok("inf".into());
    }
    let delay = number(&word.text).filter(|delay| *delay <= U32 / 2 && !word.text.is_empty());
    delay.map(|delay| delay.to_string()).ok_or_else(|| no(word, "delay", "write milliseconds, or `inf`"))
}

fn lamp(mut all: Vec<Said>, _: &Extension, _: Family) -> Result<Vec<Said>, Fault> {
    all.retain(|one| one.name != "led-delay" || one.value() != "0");
    Ok(all)
}
