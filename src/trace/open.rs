//! What an open answer depends on: of all that a walk could not decide, what changes the verdict.
//! Input: the walks of a trace. Output: the rules at which they part, and the verdicts with their conditions in words.

use super::follow::{Branch, Trace};
use super::record::{TraceStep, What};
use super::unmet::header_part;
use super::words::participle;
use crate::diagnostic::visible;
use crate::iptables::meaning::{Allowance, Answer, Context, Doubt, Field, FieldReader, Test, Unknown, evaluate};
use crate::iptables::print::{part_text, target_name};
use crate::iptables::ruleset::{Part, Rule};
use crate::net::Family;
use crate::origin::{Rules, SentencePlace};
use crate::policy::RateClause;
use crate::sentence;
use crate::simulate::{Effect, OpenPart, Place, Verdict};

/// The most conditions that the first line holds.
const MAX_CONDITIONS: usize = 4;

/// How the verdict comes about.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending<'a> {
    /// It is this one, whatever is open.
    Certain(Verdict),
    /// It depends on a rule, or on the interface that it leaves by.
    Open {
        /// The rule.
        place: Option<Place>,
        /// What it may do, and what comes of it.
        ways: Vec<(&'a TraceStep, Ending<'a>)>,
    },
}

/// How the verdict of a trace comes about.
pub fn outcome(trace: &Trace) -> Ending<'_> {
    of_branches(&trace.branches.iter().collect::<Vec<_>>(), 0)
}

fn of_branches<'a>(branches: &[&'a Branch], from: usize) -> Ending<'a> {
    let first = branches[0];
    let verdict = first.decision.verdict;
    if branches.iter().all(|branch| branch.decision.verdict == verdict) {
        return Ending::Certain(verdict);
    }
    let same = |at: &usize| branches.iter().all(|branch| branch.steps.get(*at) == first.steps.get(*at));
    let Some(at) = (from..first.steps.len()).find(|at| !same(at)) else { return Ending::Certain(verdict) };
    let mut groups: Vec<(&TraceStep, Vec<&Branch>)> = Vec::new();
    for branch in branches {
        let Some(step) = branch.steps.get(at) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == step) {
            Some((_, group)) => group.push(branch),
            None => groups.push((step, vec![branch])),
        }
    }
    let mut ways: Vec<(&TraceStep, Ending)> =
        groups.into_iter().map(|(step, group)| (step, of_branches(&group, at + 1))).collect();
    let place = ways[0].0.place;
    if ways.iter().any(|(_, outcome)| *outcome != ways[0].1) {
        Ending::Open { place, ways }
    } else {
        ways.swap_remove(0).1
    }
}

impl Ending<'_> {
    /// The rules that it depends on, each once, in the order in which they are met.
    pub fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        self.collect(&mut places);
        places
    }

    fn collect(&self, places: &mut Vec<Place>) {
        let Ending::Open { place, ways } = self else { return };
        if let Some(place) = place.filter(|place| !places.contains(place)) {
            places.push(place);
        }
        ways.iter().for_each(|(_, outcome)| outcome.collect(places));
    }

    /// The verdicts that are possible, each once.
    pub fn verdicts(&self) -> Vec<Verdict> {
        match self {
            Ending::Certain(verdict) => vec![*verdict],
            Ending::Open { ways, .. } => {
                let mut all: Vec<Verdict> = Vec::new();
                for verdict in ways.iter().flat_map(|(_, outcome)| outcome.verdicts()) {
                    if !all.contains(&verdict) {
                        all.push(verdict);
                    }
                }
                all
            }
        }
    }

    /// The verdicts in capitals, with their conditions: `ACCEPTED up to 3/minute, else DROPPED`.
    pub fn words(&self, rules: Rules, family: Family) -> String {
        let capitals = |verdict: Verdict| participle(verdict).to_uppercase();
        let said = self.all_of(rules, family).or_else(|| self.one_of(rules, family));
        if let Some((parts, last)) = said.filter(|(parts, _)| parts.len() <= MAX_CONDITIONS) {
            let parts = parts.into_iter().map(|(verdict, condition)| format!("{} {condition}", capitals(verdict)));
            return format!("{}, else {}", parts.collect::<Vec<_>>().join(", "), capitals(last));
        }
        let verdicts: Vec<String> = self.verdicts().into_iter().map(capitals).collect();
        let count = self.places().len();
        let rules = match count {
            0 => return format!("{}, as it leaves by one interface or another", verdicts.join(" or ")),
            1 => "a rule".to_owned(),
            _ => format!("{count} rules"),
        };
        format!("{}, as {rules} below may or may not match", verdicts.join(" or "))
    }

    /// The one verdict where all of some conditions hold, and the one where any does not.
    fn all_of(&self, rules: Rules, family: Family) -> Option<(Vec<(Verdict, String)>, Verdict)> {
        let mut conditions = Vec::new();
        let mut last = None;
        let mut outcome = self;
        loop {
            match outcome {
                Ending::Certain(verdict) => return Some((vec![(*verdict, conditions.join(" and "))], last?)),
                Ending::Open { ways, .. } => {
                    let (step, taken, Ending::Certain(other)) = taken_or_not(ways)? else { return None };
                    if *last.get_or_insert(*other) != *other {
                        return None;
                    }
                    conditions.push(condition(step, rules, family));
                    outcome = taken;
                }
            }
        }
    }

    /// A verdict for each of some conditions in turn, and the one where none holds.
    fn one_of(&self, rules: Rules, family: Family) -> Option<(Vec<(Verdict, String)>, Verdict)> {
        let mut parts: Vec<(Verdict, String)> = Vec::new();
        let mut outcome = self;
        loop {
            let ways = match outcome {
                Ending::Certain(verdict) => return Some((parts, *verdict)),
                Ending::Open { ways, .. } => ways,
            };
            if let Some((step, Ending::Certain(verdict), other)) = taken_or_not(ways) {
                parts.push((*verdict, condition(step, rules, family)));
                outcome = other;
                continue;
            }
            // What a target decides: all its ways but the last, which are the others.
            let mut verdicts = Vec::new();
            for (step, outcome) in ways {
                let Ending::Certain(verdict) = outcome else { return None };
                verdicts.push((*verdict, step));
            }
            let (last, _) = verdicts.pop()?;
            for (verdict, step) in verdicts.into_iter().filter(|(verdict, _)| *verdict != last) {
                parts.push((verdict, condition(step, rules, family)));
            }
            return Some((parts, last));
        }
    }
}

/// Where a rule matches or does not: the step where it does, and what comes of either.
fn taken_or_not<'o, 'a>(
    ways: &'o [(&'a TraceStep, Ending<'a>)],
) -> Option<(&'a TraceStep, &'o Ending<'a>, &'o Ending<'a>)> {
    match ways {
        [(step, taken), (TraceStep { what: What::NotTaken, .. }, not)]
        | [(TraceStep { what: What::NotTaken, .. }, not), (step, taken)] => Some((step, taken, not)),
        _ => None,
    }
}

/// How a step turned out that might have turned out otherwise: `line 12 matches`, `NFQUEUE lets it pass`.
pub fn turned_out(step: &TraceStep, rules: Rules, family: Family) -> Option<String> {
    match step.what {
        What::Rule { .. } if step.open.is_empty() => {
            let words = condition(step, rules, family);
            Some(words.strip_prefix("if ").unwrap_or(&words).to_owned())
        }
        What::Rule { .. } | What::NotTaken => {
            let (_, rule) = step.place?.look_up(rules.of(family))?;
            let SentencePlace { file, line, .. } = rules.statement(family, &rule.origins);
            let matches = if step.what == What::NotTaken { "does not match" } else { "matches" };
            Some(format!("{}:{line} {matches}", visible(&file)))
        }
        _ => None,
    }
}

/// When a step is taken: `up to 3/minute`, `if NFQUEUE lets it pass`.
fn condition(step: &TraceStep, rules: Rules, family: Family) -> String {
    let Some((_, rule)) = step.place.and_then(|place| place.look_up(rules.of(family))) else {
        return "if it leaves by another interface than it came in by".into();
    };
    let parts: Vec<String> = step.open.iter().map(|part| of_part(rule, *part, family)).collect();
    if !parts.is_empty() {
        return parts.join(" and ");
    }
    let name = target_name(&rule.target);
    match &step.what {
        What::Rule { effect: Effect::Accepts | Effect::Translates, .. } => format!("if {name} lets it pass"),
        What::Rule { effect: Effect::Drops | Effect::Rejects(_), .. } => format!("if {name} drops it"),
        _ => format!("if {name} lets it go on"),
    }
}

/// A part of a rule that the packet does not decide.
fn of_part(rule: &Rule, open: OpenPart, family: Family) -> String {
    match open.only_with {
        Some((backend, true)) => return format!("if iptables-{} is used", backend.name()),
        // What it reads there is not a field of the packet.
        Some((backend, false)) => {
            let part = part_text(rule, open.part, family);
            return format!("if iptables-{} is used and `{part}` holds of the bytes that it reads", backend.name());
        }
        None => {}
    }
    let part = open.part;
    if let Part::Match(index) = part
        && let Some(one) = rule.matches.get(index)
    {
        if let Some(allowance) = one.allowance() {
            return rate(allowance);
        }
        if let Some(set) = one.set()
            && let Some(side) =
                [("src", "source"), ("dst", "destination")].iter().find(|(side, _)| *side == &*set.value.sides)
        {
            let is = if set.negated { "is not" } else { "is" };
            return format!("if its {} {is} in the set {}", side.1, visible(&set.value.name));
        }
        let condition = one.condition(&Context::of(family));
        let may = |spoofed: bool| evaluate(&condition, &Spoofed(spoofed)) != Answer::No;
        match (may(true), may(false)) {
            (true, false) => return "if it is spoofed".into(),
            (false, true) => return "if it is not spoofed".into(),
            _ => {}
        }
    }
    if let (Part::OutInterface, Some(name)) = (part, rule.header.out_interface) {
        return format!("if it {} {}", if name.negated { "does not leave by" } else { "leaves by" }, name.value);
    }
    let words = header_part(rule, part, family).map(|words| format!("if {words}"));
    words.unwrap_or_else(|| format!("if `{}` holds", part_text(rule, part, family)))
}

/// A packet of which nothing is known but whether it is spoofed.
struct Spoofed(bool);

impl FieldReader for Spoofed {
    fn is(&self, _: Field, _: &Test) -> Answer {
        Answer::Maybe
    }

    fn unclear(&self, doubt: Doubt, _: &Unknown) -> Answer {
        if doubt == Doubt::Spoofed { self.0.into() } else { Answer::Maybe }
    }
}

fn rate(Allowance { rate, above, per_source }: Allowance) -> String {
    let clause = RateClause { count: rate.count, unit: rate.unit, burst: None, per_source, above: false };
    format!("{} {}", if above { "over" } else { "up to" }, sentence::rate(clause))
}
