//! Targets that decide.
//! Input: their options, or their values. Output: the value as a save has it, its text, what is wrong with it.

use crate::iptables::extension::row::{Row, demand, target, typed};
use crate::iptables::extension::written::Written;
use crate::iptables::fault::Fault;
use crate::iptables::problem::{Kind, Problem, RulePlace, problem};
use crate::iptables::ruleset::{Part, RejectWith, TableName, Target};
use crate::net::{Family, Protocol};

/// `-j ACCEPT`
pub static ACCEPT: Row<Target> = target("ACCEPT", &[]).typed(|_, _| Ok(Target::Accept), |_, _, _| {});

/// `-j DROP`
pub static DROP: Row<Target> =
    target("DROP", &[]).typed(|_, _| Ok(Target::Drop), |_, _, _| {}).checked(|_, part, place, problems| {
        if place.table == TableName::Nat {
            let help = "drop in table `filter`: the nat table sees only the first packet of a connection";
            problems.push(problem(part, Kind::Target, "DROP cannot be in table `nat`", "here", help));
        }
    });

/// `-j RETURN`
pub static RETURN: Row<Target> = target("RETURN", &[]).typed(|_, _| Ok(Target::Return), |_, _, _| {});

/// `-j REJECT`
pub static REJECT: Row<Target> = target("REJECT", &[typed("reject-with")])
    .typed(
        |written, reading| read_reject(written, reading.family).map(Target::Reject),
        |one, family, out| {
            if let Target::Reject(with) = one
                && let Some(name) = with.name(family)
            {
                out.push_str(" --reject-with ");
                out.push_str(name);
            }
        },
    )
    .demands(&[demand().tables(&[TableName::Filter])])
    .checked(|one, _, place, problems| {
        if let Target::Reject(with) = one {
            check_reject(*with, place, problems);
        }
    });

/// The targets of this file.
pub static TARGETS: &[&Row<Target>] = &[
    &ACCEPT,
    &DROP,
    &RETURN,
    &REJECT,
    &target("QUEUE", &[]).checked(|_, part, _, problems| {
        let help = "write `-j NFQUEUE --queue-num 0`";
        problems.push(problem(part, Kind::Target, "QUEUE is no longer there", "iptables-nft refuses it", help));
    }),
];

fn read_reject(written: &Written, family: Family) -> Result<RejectWith, Fault> {
    let Some(choice) = written.options.first() else { return Ok(RejectWith::PortUnreachable) };
    let word = choice.argument()?;
    RejectWith::from_name(&word.text, family).ok_or_else(|| {
        let other = RejectWith::from_name(&word.text, family.other());
        let help = match other.and_then(|with| with.name(family)) {
            Some(name) => format!("in {} rules write `{name}`", family.name()),
            None => {
                let names: Vec<_> = RejectWith::ALL.iter().filter_map(|with| with.name(family)).collect();
                format!("the answers are {}", names.join(", "))
            }
        };
        let label = if other.is_some() { "an answer of the other family" } else { "an answer belongs here" };
        Fault::new(word.span.clone(), format!("REJECT has no `{}` in {}", word.text, family.name()), label, help)
    })
}

fn check_reject(with: RejectWith, place: &RulePlace, problems: &mut Vec<Problem>) {
    if with.name(place.family).is_none() {
        let names: Vec<_> = RejectWith::ALL.iter().filter_map(|with| with.name(place.family)).collect();
        let message = format!("{} has no such answer", place.family.name());
        let help = format!("the answers are {}", names.join(", "));
        problems.push(problem(Part::Target, Kind::Target, message, "an answer of the other family", help));
    }
    if with == RejectWith::TcpReset && place.protocol() != Some(Protocol::TCP) {
        let message = "`--reject-with tcp-reset` needs `-p tcp`";
        let help = "write `-p tcp`, or another answer";
        problems.push(problem(Part::Target, Kind::Protocol, message, "only TCP has resets", help));
    }
}
