//! What is wrong with the matches and the target of a rule, by their rows.
//! Input: a rule in its place. Output: problems.

use crate::iptables::extension::index::{is_target_name, match_names, of_match, of_target, target_names};
use crate::iptables::extension::row::{Demand, Row};
use crate::iptables::hooks::Hooks;
use crate::iptables::problem::{Kind, Problem, RulePlace, needs, problem, tables, vain, wrong_family};
use crate::iptables::ruleset::Part;
use crate::iptables::ruleset::{Match, Target, Untyped};

/// Reports what is wrong with one match.
pub fn check_match(one: &Match, part: Part, place: &RulePlace, problems: &mut Vec<Problem>) {
    let kept = one.kept();
    match (of_match(one), kept) {
        (Some(row), _) => check(row, one, kept, part, place, problems),
        (None, Some(kept)) => known_name(&kept.name, "match", &mut match_names(), part, Kind::Match, problems),
        (None, None) => {}
    }
}

/// Reports what is wrong with the target.
pub fn check_target(place: &RulePlace, problems: &mut Vec<Problem>) {
    let part = Part::Target;
    match place.target {
        Target::Jump(chain) | Target::Goto(chain) => {
            let name = place.table.built_in_chains().get(chain.0 as usize);
            name.into_iter().for_each(|name| jump(name, matches!(place.target, Target::Goto(_)), problems));
        }
        Target::Unresolved { chain, goto } => jump(chain, *goto, problems),
        target => {
            let kept = target.kept();
            match (of_target(target), kept) {
                (Some(row), _) => check(row, target, kept, part, place, problems),
                (None, Some(kept)) => {
                    known_name(&kept.name, "target", &mut target_names(), part, Kind::Target, problems)
                }
                (None, None) => {}
            }
        }
    }
}

/// What the row demands, then what it checks itself.
fn check<T>(row: &Row<T>, one: &T, kept: Option<&Untyped>, part: Part, place: &RulePlace, problems: &mut Vec<Problem>) {
    let known = &row.known;
    let letter = if known.is_target { "-j" } else { "-m" };
    if let Some(family) = known.family.filter(|family| *family != place.family) {
        let kind = if known.is_target { Kind::Target } else { Kind::Match };
        wrong_family(family, &format_args!("{letter} {}", known.name), known.instead, part, kind, place, problems);
        return;
    }
    for demand in row.demands.iter().filter(|demand| applies(demand, kept, place)) {
        let (before, option) = match demand.option {
            "" => ("", ""),
            option if option.starts_with('-') => (" ", option),
            direction => (" --dir ", direction),
        };
        let what = format_args!("{letter} {}{before}{option}", known.name);
        let kind = if known.is_target { Kind::Target } else { Kind::Match };
        if let Some((protocol, option)) = demand.protocol {
            needs(protocol, &what, option, part, place, problems);
        }
        if demand.tables.is_empty() || tables(demand.tables, &what, part, kind, place, problems) {
            place.hooks_within(demand.hooks, part, kind, &format_args!("`{what}`"), problems);
        }
    }
    (row.check)(one, part, place, problems);
}

fn applies(demand: &Demand, kept: Option<&Untyped>, place: &RulePlace) -> bool {
    let said = || kept.is_some_and(|kept| kept.words.iter().any(|word| **word == *demand.option));
    demand.family.is_none_or(|family| family == place.family) && (demand.option.is_empty() || said())
}

/// Reports a match that is given twice: iptables-nft saves only one of the two, or no loader takes it.
pub fn check_several(place: &RulePlace, problems: &mut Vec<Problem>) {
    if place.matches.len() < 2 {
        return;
    }
    let rows: Vec<_> = place.matches.iter().map(of_match).collect();
    for (index, row) in rows.iter().enumerate() {
        let Some(row) = row else { continue };
        let is = |other: &Option<&Row<Match>>, name: &str| other.is_some_and(|other| other.known.name == name);
        let first = rows[..index].iter().position(|before| is(before, row.known.name));
        if row.once && first.is_some() {
            let message = format!("`-m {}` is given twice", row.known.name);
            let label = "iptables-nft saves only one of the two";
            let help = "put all its options after one `-m`, or write two rules";
            problems.push(vain(problem(Part::Match(index), Kind::Match, message, label, help)));
        }
        if let Some(first) = first
            && rows[first..index].iter().any(|between| is(between, row.rival))
        {
            let message = "the loader takes this `--mark` for one of the other match";
            let help = "write the matches of one kind directly after one another";
            problems.push(problem(Part::Match(index), Kind::Match, message, "between two of its kind", help));
        }
    }
}

/// Reports a name that iptables does not have, with the nearest that it has.
fn known_name(
    name: &str,
    what: &str,
    names: &mut dyn Iterator<Item = &'static str>,
    part: Part,
    kind: Kind,
    problems: &mut Vec<Problem>,
) {
    let mut nearest: Option<(usize, &str)> = None;
    for known in names {
        if known == name {
            return;
        }
        let distance = strsim::damerau_levenshtein(name, known);
        if nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, known));
        }
    }
    let help = match nearest {
        Some((distance, known)) if distance <= 2 => format!("did you mean `{known}`?"),
        _ => format!("write the name of a {what} as iptables-extensions(8) lists them"),
    };
    problems.push(problem(part, kind, format!("iptables has no {what} `{name}`"), "cannot be loaded", help));
}

fn jump(chain: &str, goto: bool, problems: &mut Vec<Problem>) {
    let (message, help) = if Hooks::of_chain(chain) != Hooks::NONE {
        (
            format!("`{chain}` is a built-in chain and cannot be called"),
            "put the rules into a chain of your own, and call that",
        )
    } else if goto && is_target_name(chain) {
        (format!("`-g` takes a chain, and `{chain}` is a target"), "write `-j` before a target")
    } else {
        return;
    };
    problems.push(problem(Part::Target, Kind::Target, message, "the kernel refuses it", help));
}
