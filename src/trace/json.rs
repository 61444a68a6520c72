//! A trace as JSON: one object a packet.
//! Input: a trace. Output: a value with the keys of the reference; what does not apply is null.

use serde::Serialize;

use super::follow::{Branch, Trace, statement};
use super::record::{self, What};
use super::reply::{Reply, replies};
use super::translated::translations;
use super::words::new_end;
use crate::iptables::print::rule_line;
use crate::origin::{Rules, SentencePlace};
use crate::sentence;
use crate::simulate::{By, Decision, Loaded, Translation, Verdict};

/// One answer.
#[derive(Debug, Serialize)]
pub struct JsonTrace {
    /// The lines of the log that the packet is from.
    lines: Vec<u32>,
    family: &'static str,
    packet: String,
    assumed: Vec<String>,
    /// `accept`, `drop`, `reject`; null where it cannot be decided: then see `possible`.
    verdict: Option<&'static str>,
    /// How a REJECT answers.
    with: Option<&'static str>,
    table: Option<&'static str>,
    chain: Option<String>,
    /// The rule, as `iptables-save` prints it.
    rule: Option<String>,
    /// Where the rule comes from.
    statement: Option<SentencePlace>,
    /// The chain whose default decided.
    policy: Option<String>,
    /// Why the kernel discards it, whatever the rules say.
    kernel: Option<&'static str>,
    /// Every decision that is possible, where there are several.
    possible: Vec<JsonOutcome>,
    steps: Vec<JsonStep>,
    rewritten: Option<Rewritten>,
    /// What becomes of it where the address that it is translated to is the gateway's own, and the verdict is not that.
    if_own: Vec<JsonOutcome>,
    /// The answers to it, if they are followed: one for each way in which it may pass.
    replies: Vec<JsonTrace>,
    /// Why one is not followed.
    no_reply: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct JsonOutcome {
    verdict: &'static str,
    with: Option<&'static str>,
    table: Option<&'static str>,
    chain: Option<String>,
    rule: Option<String>,
    statement: Option<SentencePlace>,
    policy: Option<String>,
}

#[derive(Debug, Serialize)]
struct JsonStep {
    table: Option<&'static str>,
    hook: Option<&'static str>,
    chain: Option<String>,
    rule: Option<String>,
    statement: Option<SentencePlace>,
    what: String,
}

#[derive(Debug, Serialize)]
struct Rewritten {
    source: Option<String>,
    destination: Option<String>,
    /// What the source may become, where that is open; null: it stays.
    source_open: Vec<Option<String>>,
    /// Likewise the destination.
    destination_open: Vec<Option<String>>,
}

impl JsonTrace {
    /// The same of a packet of a log.
    pub fn of_lines(self, lines: Vec<u32>) -> JsonTrace {
        JsonTrace { lines, ..self }
    }
}

/// The JSON form of a trace; with the rules as loaded also that of the answers to the packet.
pub fn json(trace: &Trace, rules: Rules, follow: Option<&Loaded>) -> JsonTrace {
    let (mut followed, mut no_reply) = (Vec::new(), None);
    for reply in follow.map_or_else(Vec::new, |loaded| replies(loaded, trace)) {
        match reply {
            Reply::Traced(reply) => followed.push(json(&reply, rules, None)),
            Reply::Unknown(why) => no_reply = Some(why),
        }
    }
    let packet = &trace.described.packet;
    let decisions = trace.decisions();
    // One verdict by several rules has no one rule to name.
    let decision = if let [one] = decisions[..] { Some(one) } else { None };
    let outcome = decision.map(|decision| outcome(trace, rules, decision));
    let verdict = trace.verdict();
    let branch = trace.branches.first();
    let possible = if decision.is_some() { &[][..] } else { &decisions[..] };
    let kernel = match decision.map(|decision| decision.by) {
        Some(By::Kernel(discard)) => Some(discard.reason()),
        _ => None,
    };
    let outcome = outcome.as_ref();
    JsonTrace {
        lines: Vec::new(),
        family: packet.family().keyword(),
        packet: sentence::packet(packet),
        assumed: trace.described.assumed.clone(),
        verdict: verdict.map(Verdict::name),
        with: outcome.and_then(|outcome| outcome.with),
        table: outcome.and_then(|outcome| outcome.table),
        chain: outcome.and_then(|outcome| outcome.chain.clone()),
        rule: outcome.and_then(|outcome| outcome.rule.clone()),
        statement: outcome.and_then(|outcome| outcome.statement.clone()),
        policy: outcome.and_then(|outcome| outcome.policy.clone()),
        kernel,
        possible: possible.iter().map(|decision| self::outcome(trace, rules, *decision)).collect(),
        steps: branch.map_or_else(Vec::new, |branch| steps(trace, branch, rules)),
        rewritten: rewritten(trace),
        if_own: trace.if_own.iter().map(|decision| self::outcome(trace, rules, *decision)).collect(),
        replies: followed,
        no_reply,
    }
}

fn outcome(trace: &Trace, rules: Rules, decision: Decision) -> JsonOutcome {
    let family = trace.described.packet.family();
    let with = match decision.verdict {
        Verdict::Reject(with) => with.name(family),
        _ => None,
    };
    let mut outcome = JsonOutcome {
        verdict: decision.verdict.name(),
        with,
        table: None,
        chain: None,
        rule: None,
        statement: None,
        policy: None,
    };
    match decision.by {
        By::Rule(place) => {
            outcome.table = Some(place.table.name());
            outcome.statement = statement(rules, family, decision);
            if let Some((table, rule)) = place.look_up(rules.of(family)) {
                outcome.chain = Some(table.chain_name(rule.chain).to_owned());
                outcome.rule = Some(rule_line(table, rule, family));
            }
        }
        By::Policy(table, hook) => {
            outcome.table = Some(table.name());
            outcome.chain = Some(hook.chain().to_owned());
            outcome.policy = Some(hook.chain().to_owned());
        }
        By::Kernel(_) => {}
    }
    outcome
}

fn steps(trace: &Trace, branch: &Branch, rules: Rules) -> Vec<JsonStep> {
    let family = trace.described.packet.family();
    let step = |step: &record::TraceStep| {
        let rule = step.place.and_then(|place| place.look_up(rules.of(family)));
        let what = match &step.what {
            What::Enters => "enters".to_owned(),
            What::Rule { text, assumed: false, .. } => text.clone(),
            What::Rule { text, assumed: true, .. } => format!("{text}, if it matches"),
            What::NotTaken => "taken not to match".into(),
            What::Policy(verdict) => format!("policy {}", verdict.name()),
            What::Tracked(state) => format!("tracked as {}", sentence::state(*state)),
            What::Inherited(None) => "translated as its connection is, if that is".into(),
            What::Inherited(Some(to)) => format!("translated back: its destination becomes {to}"),
            What::Rerouted => "routed on to another host".into(),
            What::RoutedAgain => "routed a second time".into(),
            What::Reassembled => "put together".into(),
            What::Discarded(discard) => format!("discarded: {}", discard.reason()),
        };
        JsonStep {
            table: step.table.map(|(table, _)| table.name()),
            hook: step.table.map(|(_, hook)| hook.chain()),
            chain: rule.map(|(table, rule)| table.chain_name(rule.chain).to_owned()),
            rule: rule.map(|(table, rule)| rule_line(table, rule, family)),
            statement: rule.map(|(_, rule)| rules.statement(family, &rule.origins)),
            what,
        }
    };
    branch.steps.iter().map(step).collect()
}

/// The new ends, where they are certain; what each may become, where it is open.
fn rewritten(trace: &Trace) -> Option<Rewritten> {
    let ways = translations(trace);
    let certain = |ways: &[Option<Translation>]| if let [Some(one)] = ways { Some(new_end(*one)) } else { None };
    let open = |ways: &[Option<Translation>]| {
        let all = if ways.len() > 1 { ways } else { &[] };
        all.iter().map(|new| new.map(new_end)).collect::<Vec<_>>()
    };
    let rewritten = Rewritten {
        source: certain(&ways.source),
        destination: certain(&ways.destination),
        source_open: open(&ways.source),
        destination_open: open(&ways.destination),
    };
    let nothing = ways.source.iter().chain(&ways.destination).all(Option::is_none);
    (!nothing).then_some(rewritten)
}
