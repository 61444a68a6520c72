//! Targets of audit, mandatory access control, timers and lamps.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use crate::iptables::extension::row::{Row, demand, flag, option, target};
use crate::iptables::extension::written::{Said, Written};
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::{TableName, Target};
use crate::iptables::text::saved::{U32, decimal, name, no, one_of, short};
use crate::iptables::text::values::number;
use crate::iptables::text::words::Word;
use crate::iptables::text::write::Quotes;
use crate::net::Family;

const SECURITY: &[TableName] = &[TableName::Mangle, TableName::Security];

/// The targets of this file.
pub static TARGETS: &[&Row<Target>] = &[
    &target("AUDIT", &[option("type", audit_type)]).needs(&[&["type"]]).goes_on(),
    &target("CONNSECMARK", &[flag("save"), flag("restore")])
        .needs(&[&["save", "restore"]])
        .excludes(&[&["save", "restore"]])
        .demands(&[demand().tables(SECURITY)])
        .tracks()
        .goes_on(),
    &target("IDLETIMER", &[option("timeout", decimal::<1, U32>), option("label", name::<27>), flag("alarm")])
        .needs(&[&["timeout"], &["label"]])
        .goes_on(),
    &target(
        "LED",
        &[
            option("led-trigger-id", short::<16>).quoted(Quotes::Always),
            option("led-delay", delay),
            flag("led-always-blink"),
        ],
    )
    .needs(&[&["led-trigger-id"]])
    .finish(lamp)
    .goes_on(),
    &target("SECMARK", &[option("selctx", name::<255>)])
        .needs(&[&["selctx"]])
        .demands(&[demand().tables(SECURITY)])
        .goes_on(),
    &target("TRACE", &[]).demands(&[demand().tables(&[TableName::Raw])]).goes_on(),
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

fn lamp(mut all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    all.retain(|one| one.name != "led-delay" || one.value() != "0");
    Ok(all)
}
