//! Marks of packets and of connections, compared and changed.
//! Input: options, or a value. Output: the value as a save has it, its text, what is wrong with it.

use crate::iptables::extension::row::{Row, flag, matching, option, target, typed};
use crate::iptables::extension::untyped::saved_options;
use crate::iptables::extension::written::{
    Said, Spelling, Written, WrittenOption, needs, negatable, only, said, twice,
};
use crate::iptables::fault::Fault;
use crate::iptables::problem::{Kind, Problem, problem, vain};
use crate::iptables::ruleset::{ConnMark, MarkMasks, MarkOperation, MaskedMark, Match, Negatable, Part, Target};
use crate::iptables::text::saved::{U32, decimal, hexadecimal, mark};
use crate::iptables::text::values::{self, masked_mark, number_in};
use crate::iptables::text::words::Word;
use crate::iptables::text::write;
use crate::net::Family;

/// `-m mark`
pub static MARK: Row<Match> = matching("mark", &[typed("mark")])
    .typed(
        |written, _| read(written).map(Match::Mark),
        |one, _, out| {
            if let Match::Mark(mark) = one {
                print_mark(mark, out);
            }
        },
    )
    .checked(|one, part, _, problems| {
        if let Match::Mark(mark) = one {
            check_mark(mark, part, problems);
        }
    })
    .rival("connmark");

/// `-m connmark`
pub static CONNMARK: Row<Match> = matching("connmark", &[typed("mark")])
    .typed(
        |written, _| read(written).map(Match::ConnMark),
        |one, _, out| {
            if let Match::ConnMark(mark) = one {
                print_mark(mark, out);
            }
        },
    )
    .checked(|one, part, _, problems| {
        if let Match::ConnMark(mark) = one {
            check_mark(mark, part, problems);
        }
    })
    .rival("mark")
    .tracks();

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&MARK, &CONNMARK];

/// `-j MARK`
pub static SET_MARK: Row<Target> =
    target("MARK", &[typed("set-xmark"), typed("set-mark"), typed("and-mark"), typed("or-mark"), typed("xor-mark")])
        .typed(
            |written, _| set_mark(written).map(Target::Mark),
            |one, _, out| {
                if let Target::Mark(MaskedMark { value, mask }) = one {
                    out.push_str(" --set-xmark ");
                    write::hexadecimal(*value, out);
                    out.push('/');
                    write::hexadecimal(*mask, out);
                }
            },
        );

/// `-j CONNMARK`
pub static SET_CONNMARK: Row<Target> = target(
    "CONNMARK",
    &[
        OPERATIONS[0],
        OPERATIONS[1],
        OPERATIONS[2],
        OPERATIONS[3],
        OPERATIONS[4],
        flag("save-mark"),
        flag("restore-mark"),
        option("nfmask", hexadecimal::<U32, 1>),
        option("ctmask", hexadecimal::<U32, 1>),
        option("mask", hexadecimal::<U32, 1>),
        option("left-shift-mark", decimal::<0, 31>),
        option("right-shift-mark", decimal::<0, 31>),
    ],
)
.needs(&[&["set-xmark", "save-mark", "restore-mark"]])
.excludes(&[
    &["set-xmark", "save-mark", "restore-mark"],
    &["mask", "nfmask"],
    &["mask", "ctmask"],
    &["left-shift-mark", "right-shift-mark"],
])
.confuses(&[&["set-xmark", "mask"], &["set-xmark", "nfmask"], &["set-xmark", "ctmask"]])
.finish(connection_mark)
.typed(
    |written, reading| Ok(Target::ConnMark(Box::new(connection_change(&saved_options(written, reading.family)?)))),
    |one, _, out| {
        if let Target::ConnMark(change) = one {
            print_change(change, out);
        }
    },
)
.tracks();

/// The targets of this file.
pub static TARGETS: &[&Row<Target>] = &[&SET_MARK, &SET_CONNMARK];

const OPERATIONS: [Spelling; 5] = [
    option("set-xmark", mark),
    option("set-mark", set_connection_mark).saved_as("set-xmark"),
    option("and-mark", |word, _| of_32(word).map(|value| format!("0x0/0x{:x}", !value))).saved_as("set-xmark"),
    option("or-mark", |word, _| of_32(word).map(|value| format!("0x{value:x}/0x{value:x}"))).saved_as("set-xmark"),
    option("xor-mark", |word, _| of_32(word).map(|value| format!("0x{value:x}/0x0"))).saved_as("set-xmark"),
];

fn read(written: &Written) -> Result<Negatable<MaskedMark>, Fault> {
    let choice = only(written, "`--mark`", "write `--mark 0x1/0xff`")?;
    Ok(negatable(choice, masked_mark(choice.argument()?)?))
}

/// The one `--set-xmark` that each of the options stands for.
fn xmark(choice: &WrittenOption) -> Result<MaskedMark, Fault> {
    let (value, mask) = values::mark(choice.argument()?)?;
    if mask.is_some() && !choice.name.starts_with("set-") {
        return Err(Fault::new(choice.span.clone(), "this option takes no mask", "here", "write the number alone"));
    }
    Ok(match choice.name.as_str() {
        "set-mark" => MaskedMark { value, mask: mask.map_or(u32::MAX, |mask| value | mask) },
        "and-mark" => MaskedMark { value: 0, mask: !value },
        "or-mark" => MaskedMark { value, mask: value },
        "xor-mark" => MaskedMark { value, mask: 0 },
        _ => MaskedMark { value, mask: mask.unwrap_or(u32::MAX) },
    })
}

fn set_mark(written: &Written) -> Result<MaskedMark, Fault> {
    match &written.options[..] {
        [choice] => xmark(choice),
        [] => Err(needs(written, "write `--set-mark 0x1`")),
        [_, second, ..] => Err(twice(second)),
    }
}

fn print_mark(mark: &Negatable<MaskedMark>, out: &mut String) {
    write::bang(mark.negated, out);
    out.push_str(" --mark ");
    write::hexadecimal(mark.value.value, out);
    if mark.value.mask != u32::MAX {
        out.push('/');
        write::hexadecimal(mark.value.mask, out);
    }
}

fn check_mark(mark: &Negatable<MaskedMark>, part: Part, problems: &mut Vec<Problem>) {
    let MaskedMark { value, mask } = mark.value;
    if value & !mask != 0 && !mark.negated {
        let message = format!("the mark 0x{value:x} has bits outside its mask 0x{mask:x}");
        let help = format!("write `0x{:x}/0x{mask:x}`", value & mask);
        problems.push(vain(problem(part, Kind::Match, message, "matches nothing", help)));
    }
}

fn of_32(word: &Word) -> Result<u32, Fault> {
    number_in(word, 0, U32).map(|value| value as u32)
}

fn set_connection_mark(word: &Word, _: Family) -> Result<String, Fault> {
    let (value, mask) = values::mark(word)?;
    Ok(format!("0x{value:x}/0x{:x}", mask.map_or(u32::MAX, |mask| value | mask)))
}

/// Copies between the marks of packet and connection are saved with both masks.
fn connection_mark(mut all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    all.retain(|one| !one.name.ends_with("shift-mark") || one.value() != "0");
    if said(&all, "set-xmark").is_some() {
        return Ok(all);
    }
    let value = |name: &str| said(&all, name).or_else(|| said(&all, "mask")).map(|one| one.value().to_owned());
    let [packet, connection] = ["nfmask", "ctmask"].map(|name| value(name).unwrap_or("0xffffffff".into()));
    all.retain(|one| !matches!(one.name, "nfmask" | "ctmask" | "mask"));
    all.splice(1..1, [Said::added("nfmask", Some(packet)), Said::added("ctmask", Some(connection))]);
    Ok(all)
}

fn connection_change(all: &[Said]) -> ConnMark {
    let mask = |name: &str| said(all, name).map_or(u32::MAX, |one| one.hexadecimals().0);
    let masks = MarkMasks { packet: mask("nfmask"), connection: mask("ctmask") };
    let operation = match said(all, "set-xmark").map(Said::hexadecimals) {
        Some((value, mask)) => MarkOperation::Set(MaskedMark { value, mask: mask.unwrap_or(u32::MAX) }),
        None if said(all, "save-mark").is_some() => MarkOperation::Save(masks),
        None => MarkOperation::Restore(masks),
    };
    let shift = |name: &str| said(all, name).map_or(0, |one| one.number() as i8);
    ConnMark { operation, shift: shift("left-shift-mark") - shift("right-shift-mark") }
}

fn print_change(change: &ConnMark, out: &mut String) {
    let masks = match change.operation {
        MarkOperation::Set(MaskedMark { value, mask }) => {
            out.push_str(" --set-xmark ");
            write::hexadecimal(value, out);
            out.push('/');
            write::hexadecimal(mask, out);
            None
        }
        MarkOperation::Save(masks) => Some((" --save-mark", masks)),
        MarkOperation::Restore(masks) => Some((" --restore-mark", masks)),
    };
    if let Some((option, masks)) = masks {
        out.push_str(option);
        out.push_str(" --nfmask ");
        write::hexadecimal(masks.packet, out);
        out.push_str(" --ctmask ");
        write::hexadecimal(masks.connection, out);
    }
    if change.shift != 0 {
        out.push_str(if change.shift > 0 { " --left-shift-mark " } else { " --right-shift-mark " });
        write::number(change.shift.unsigned_abs().into(), out);
    }
}
