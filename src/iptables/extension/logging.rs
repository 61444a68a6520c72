//! Targets that log.
//! Input: their options, or their values. Output: the value as a save has it, its text, what is wrong with it.

use crate::iptables::extension::row::{Row, flag, option, target, typed};
use crate::iptables::extension::untyped::saved_options;
use crate::iptables::extension::written::{Written, WrittenOption};
use crate::iptables::fault::Fault;
use crate::iptables::problem::text;
use crate::iptables::ruleset::{Log, Nflog, Target, Ulog};
use crate::iptables::text::saved::{decimal, short};
use crate::iptables::text::values;
use crate::iptables::text::write::{self, Quotes};
use crate::net::Family;

/// The longest `--log-prefix`, in bytes; iptables cuts longer ones without a word.
pub const MAX_LOG_PREFIX_BYTES: usize = 29;

/// The longest `--nflog-prefix`, in bytes; iptables-legacy cuts longer ones without a word.
pub const MAX_NFLOG_PREFIX_BYTES: usize = 63;

/// `-j LOG`
pub static LOG: Row<Target> = target(
    "LOG",
    &[
        typed("log-prefix"),
        typed("log-level"),
        flag("log-tcp-sequence"),
        flag("log-tcp-options"),
        flag("log-ip-options"),
        flag("log-uid"),
        flag("log-macdecode"),
    ],
)
.typed(
    |written, _| read_log(written).map(|log| Target::Log(Box::new(log))),
    |one, _, out| {
        if let Target::Log(log) = one {
            print_log(log, out);
        }
    },
)
.checked(|one, part, _, problems| {
    if let Target::Log(log) = one {
        text(&log.prefix, MAX_LOG_PREFIX_BYTES, "log prefix", part, problems);
    }
});

/// `-j NFLOG`
pub static NFLOG: Row<Target> = target(
    "NFLOG",
    &[typed("nflog-prefix"), typed("nflog-group"), typed("nflog-range"), typed("nflog-size"), typed("nflog-threshold")],
)
.typed(
    |written, _| read_nflog(written).map(|nflog| Target::Nflog(Box::new(nflog))),
    |one, _, out| {
        if let Target::Nflog(nflog) = one {
            print_nflog(nflog, out);
        }
    },
)
.checked(|one, part, _, problems| {
    if let Target::Nflog(nflog) = one {
        text(&nflog.prefix, MAX_NFLOG_PREFIX_BYTES, "NFLOG prefix", part, problems);
    }
});

/// `-j ULOG`
pub static ULOG: Row<Target> = target(
    "ULOG",
    &[
        option("ulog-prefix", short::<31>),
        option("ulog-nlgroup", decimal::<1, 32>),
        option("ulog-cprange", decimal::<0, { u64::MAX }>),
        option("ulog-qthreshold", decimal::<1, 50>),
    ],
)
.only(Family::V4, "`-j NFLOG`")
.typed(
    |written, reading| {
        let mut ulog = Ulog::default();
        for one in saved_options(written, reading.family)? {
            match one.name {
                "ulog-prefix" => ulog.prefix = Some(one.value().into()),
                name => ulog.tuning.push((name.into(), one.number())),
            }
        }
        Ok(Target::Ulog(Box::new(ulog)))
    },
    |one, _, out| {
        if let Target::Ulog(ulog) = one {
            if let Some(prefix) = &ulog.prefix {
                out.push_str(" --ulog-prefix ");
                write::word(prefix, Quotes::Needed, out);
            }
            for (name, value) in &ulog.tuning {
                out.push_str(" --");
                out.push_str(name);
                out.push(' ');
                write::number(*value, out);
            }
        }
    },
);

/// The targets of this file.
pub static TARGETS: &[&Row<Target>] = &[&LOG, &NFLOG, &ULOG];

fn read_log(written: &Written) -> Result<Log, Fault> {
    let mut log = Log::default();
    for choice in &written.options {
        match choice.name.as_str() {
            "log-prefix" => log.prefix = prefix(choice)?,
            "log-level" => {
                let word = choice.argument()?;
                let named = Log::LEVELS.iter().find(|(name, _)| *name == word.text);
                let level = match named {
                    Some((_, level)) => *level,
                    None => values::small(word, 0, 7)?,
                };
                log.level = (level != Log::DEFAULT_LEVEL).then_some(level);
            }
            _ => {}
        }
    }
    for flag in Log::FLAGS {
        if written.options.iter().any(|choice| choice.name == *flag) {
            log.flags.push((*flag).into());
        }
    }
    Ok(log)
}

fn prefix(choice: &WrittenOption) -> Result<Box<str>, Fault> {
    let word = choice.argument()?;
    if word.text.is_empty() {
        return Err(Fault::new(
            word.span.clone(),
            "the prefix is empty",
            "iptables refuses it",
            "write some text, or leave the option out",
        ));
    }
    Ok(word.text.as_str().into())
}

fn read_nflog(written: &Written) -> Result<Nflog, Fault> {
    let mut nflog = Nflog::default();
    let mut tuning = [None; 3];
    for choice in &written.options {
        let word = choice.argument()?;
        match choice.name.as_str() {
            "nflog-prefix" => nflog.prefix = prefix(choice)?,
            "nflog-group" => nflog.group = values::small(word, 0, 65_535)?,
            "nflog-range" => tuning[0] = Some(values::small(word, 0, u64::from(u32::MAX))?),
            "nflog-size" => tuning[1] = Some(values::small(word, 0, u64::from(u32::MAX))?),
            _ => tuning[2] = Some(values::small(word, 0, 65_535)?),
        }
    }
    // The kernel ignores a range, and iptables-nft does not even store it.
    tuning[2] = tuning[2].filter(|threshold| *threshold > 0);
    if let (Some(_), Some(_)) = (tuning[0], tuning[1]) {
        return Err(Fault::new(
            written.span.clone(),
            "`--nflog-range` and `--nflog-size` exclude each other",
            "both are here",
            "leave `--nflog-range` out: the kernel ignores it",
        ));
    }
    let names = ["nflog-range", "nflog-size", "nflog-threshold"];
    nflog.tuning =
        names.into_iter().zip(tuning).filter_map(|(name, value)| value.map(|value| (name.into(), value))).collect();
    Ok(nflog)
}

fn print_log(log: &Log, out: &mut String) {
    if !log.prefix.is_empty() {
        out.push_str(" --log-prefix ");
        write::string(&log.prefix, out);
    }
    if let Some(level) = log.level.filter(|level| *level != Log::DEFAULT_LEVEL) {
        out.push_str(" --log-level ");
        write::number(level.into(), out);
    }
    for flag in &log.flags {
        out.push_str(" --");
        out.push_str(flag);
    }
}

fn print_nflog(nflog: &Nflog, out: &mut String) {
    if !nflog.prefix.is_empty() {
        out.push_str(" --nflog-prefix ");
        write::string(&nflog.prefix, out);
    }
    if nflog.group != 0 {
        out.push_str(" --nflog-group ");
        write::number(nflog.group.into(), out);
    }
    write::tuning(&nflog.tuning, out);
}
