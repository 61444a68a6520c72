//! The TTL of IPv4 and the hop limit of IPv6, compared and changed.
//! Input: options, or a value. Output: the value as a save has it, its text.

use crate::iptables::extension::row::{Row, demand, matching, option, target, typed};
use crate::iptables::extension::untyped::saved_options;
use crate::iptables::extension::written::{Said, Written, negatable, only, positive};
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::{HopChange, HopLimit, Match, TableName, Target};
use crate::iptables::text::saved::{U8, decimal};
use crate::iptables::text::values;
use crate::iptables::text::write;
use crate::net::Family;

/// `-m ttl`
pub static TTL: Row<Match> =
    matching("ttl", &[typed("ttl").saved_as("ttl-eq"), typed("ttl-eq"), typed("ttl-lt"), typed("ttl-gt")])
        .only(Family::V4, "`-m hl`")
        .typed(
            |written, _| read(written).map(Match::Ttl),
            |one, _, out| {
                if let Match::Ttl(limit) = one {
                    print(" --ttl-", limit, out);
                }
            },
        );

/// `-m hl`
pub static HL: Row<Match> =
    matching("hl", &[typed("hl-eq"), typed("hl-lt"), typed("hl-gt")]).only(Family::V6, "`-m ttl`").typed(
        |written, _| read(written).map(Match::Hl),
        |one, _, out| {
            if let Match::Hl(limit) = one {
                print(" --hl-", limit, out);
            }
        },
    );

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&TTL, &HL];

/// `-j TTL`
pub static SET_TTL: Row<Target> = target(
    "TTL",
    &[option("ttl-set", decimal::<0, U8>), option("ttl-dec", decimal::<1, U8>), option("ttl-inc", decimal::<1, U8>)],
)
.only(Family::V4, "`-j HL`")
.needs(&[&["ttl-set", "ttl-dec", "ttl-inc"]])
.excludes(&[&["ttl-set", "ttl-dec", "ttl-inc"]])
.typed(
    |written, reading| Ok(Target::Ttl(change(&saved_options(written, reading.family)?))),
    |one, _, out| {
        if let Target::Ttl(change) = one {
            print_change(" --ttl-", change, out);
        }
    },
)
.demands(&[demand().tables(&[TableName::Mangle])]);

/// `-j HL`
pub static SET_HL: Row<Target> = target(
    "HL",
    &[option("hl-set", decimal::<0, U8>), option("hl-dec", decimal::<1, U8>), option("hl-inc", decimal::<1, U8>)],
)
.only(Family::V6, "`-j TTL`")
.needs(&[&["hl-set", "hl-dec", "hl-inc"]])
.excludes(&[&["hl-set", "hl-dec", "hl-inc"]])
.typed(
    |written, reading| Ok(Target::Hl(change(&saved_options(written, reading.family)?))),
    |one, _, out| {
        if let Target::Hl(change) = one {
            print_change(" --hl-", change, out);
        }
    },
)
.demands(&[demand().tables(&[TableName::Mangle])]);

/// The targets of this file.
pub static TARGETS: &[&Row<Target>] = &[&SET_TTL, &SET_HL];

fn change(all: &[Said]) -> HopChange {
    let (name, value) = all.first().map_or(("", 0), |one| (one.name, one.number() as u8));
    match name.rsplit('-').next() {
        Some("dec") => HopChange::Decrement(value),
        Some("inc") => HopChange::Increment(value),
        _ => HopChange::Set(value),
    }
}

fn print_change(option: &str, change: &HopChange, out: &mut String) {
    let (verb, value) = match *change {
        HopChange::Set(value) => ("set ", value),
        HopChange::Decrement(value) => ("dec ", value),
        HopChange::Increment(value) => ("inc ", value),
    };
    out.push_str(option);
    out.push_str(verb);
    write::number(value.into(), out);
}

fn read(written: &Written) -> Result<HopLimit, Fault> {
    let help = if written.name == "ttl" { "write `--ttl-eq 255`" } else { "write `--hl-eq 255`" };
    let choice = only(written, "a value", help)?;
    let value = values::small(choice.argument()?, 0, 255)?;
    if choice.name.ends_with("-eq") {
        return Ok(HopLimit::Equal(negatable(choice, value)));
    }
    positive(choice)?;
    Ok(if choice.name.ends_with("-lt") { HopLimit::Less(value) } else { HopLimit::Greater(value) })
}

fn print(option: &str, limit: &HopLimit, out: &mut String) {
    let (verb, value) = match limit {
        HopLimit::Equal(value) => {
            write::bang(value.negated, out);
            ("eq ", value.value)
        }
        HopLimit::Less(value) => ("lt ", *value),
        HopLimit::Greater(value) => ("gt ", *value),
    };
    out.push_str(option);
    out.push_str(verb);
    write::number(value.into(), out);
}
