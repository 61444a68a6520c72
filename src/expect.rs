//! The `expect` sentences of a policy, decided for all packets that they describe.
//! Input: a compilation. Output: for each sentence that it is proved, a packet that breaks it, or that it was not decided.
//!
//! What is found is tried: no packet breaks an expectation unless the simulator says so as well.

mod codes;
mod fate;
mod shrink;

pub use self::codes::ExpectError;
use self::fate::{Expected, Fate, decision, is_met};
use self::shrink::shrink;
use crate::analyze::{self, Analysis};
use crate::compile::Compilation;
use crate::diagnostic::{Fix, Report};
use crate::format;
use crate::iptables::packet::{Packet, State};
use crate::iptables::print::rule_line;
use crate::iptables::ruleset::{AddressSet, Negatable};
use crate::net::{Both, Family};
use crate::origin::{Rules, SentencePlace};
use crate::policy::{Expectation, Packets};
use crate::sentence;
use crate::simulate::{By, Decision, Loaded, Verdict};
use crate::source::Span;
use crate::traffic::set::assumptions;

/// One expectation, and what became of it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The sentence in its canonical form, and where it is.
    pub statement: SentencePlace,
    /// Whether every packet that it describes meets the fate that is expected. Where that is not so and nothing is
    /// reported, it was not decided.
    pub proved: bool,
    /// Why it fails, if it does.
    pub report: Option<Report>,
    /// The packet that breaks it, if one does.
    pub counter_example: Option<CounterExample>,
}

impl Checked {
    /// `proved`, `failed`, `not decided`
    pub fn result(&self) -> &'static str {
        match (&self.report, self.proved) {
            (Some(_), _) => "failed",
            (None, true) => "proved",
            (None, false) => "not decided",
        }
    }
}

/// A packet that breaks an expectation.
#[derive(Clone, Debug)]
pub struct CounterExample {
    /// The packet as a traffic sentence, which `trace` takes.
    pub sentence: String,
    /// What becomes of it.
    pub decision: Decision,
    /// The rule that decides, as `iptables-save` prints it; none for a chain policy.
    pub rule: Option<String>,
    /// Where that comes from.
    pub statement: Option<SentencePlace>,
}

/// Decides the expectations of a policy, each of them by itself, when the next one is asked for.
pub fn check(compilation: &Compilation) -> impl Iterator<Item = Checked> {
    let expectations = &compilation.policy.expectations;
    let mut rules = Both::of(|family| {
        let ruleset = &compilation.rulesets[family];
        let packets = expectations.iter().map(|expectation| &expectation.packets);
        let declared = compilation.declarations.interfaces.iter().map(|declared| declared.name);
        (Loaded::new(ruleset), Analysis::new(ruleset, packets, declared))
    });
    expectations.iter().map(move |expectation| one(compilation, &mut rules, expectation))
}

/// How many packets are tried that turn out not to break an expectation, before it is not decided.
const MAX_TRIED: usize = 100;

fn one(compilation: &Compilation, rules: &mut Both<(Loaded, Analysis)>, expectation: &Expectation) -> Checked {
    let span = compilation.ast.span(&compilation.ast.sentences[expectation.sentence as usize]);
    let sources = &compilation.ast.sources;
    let text = format::comment_text(&compilation.ast, expectation.sentence);
    let statement = SentencePlace {
        file: sources.get(span.source).name.clone(),
        line: sources.position(span).0,
        text: text.clone(),
    };
    let question = Expected::new(expectation);
    let mut decided = true;
    for family in expectation.packets.families.iter() {
        match broken(&mut rules[family], &question) {
            Answer::Broken(found) => {
                let (packet, decision) = shrink(&rules[family].0, &question, found.0, found.1);
                let counter_example = counter_example(compilation, expectation, &packet, decision);
                let report = fails(compilation, span, family, &counter_example);
                let report = match holds_where(compilation, rules, expectation) {
                    Some((help, Some(clause))) => {
                        Report { help: format!("{help}: add `{clause}`"), ..report }.fix(Fix::Add(clause.into()))
                    }
                    Some((help, None)) => Report { help, ..report },
                    None => report,
                };
                return Checked {
                    statement,
                    proved: false,
                    report: Some(report),
                    counter_example: Some(counter_example),
                };
            }
            Answer::Proved => {}
            Answer::NotDecided => decided = false,
        }
    }
    let report = (decided && is_about_nothing(rules, &question)).then(|| {
        ExpectError::NoPacket.at(
            span,
            "the expectation is over no packet",
            "no packet that reaches the filter is like this",
            "name interfaces and addresses that packets have; what the kernel discards before the filter does not count",
        )
    });
    Checked { statement, proved: decided && report.is_none(), report, counter_example: None }
}

/// What is known of an expectation in a family.
enum Answer {
    /// Every packet meets the fate that is expected.
    Proved,
    /// This one does not.
    Broken(Box<(Packet, Decision)>),
    /// Neither was found.
    NotDecided,
}

fn broken((loaded, analysis): &mut (Loaded, Analysis), question: &Expected) -> Answer {
    let expectation = question.expectation;
    let asked = analyze::Question {
        packets: &expectation.packets,
        assumptions: assumptions(&expectation.packets),
        is_goal: &|verdict| !is_met(expectation.verdict, verdict),
    };
    let (mut broken, mut tried) = (None, 0);
    let end = analysis.ask(&asked, &mut |packet| {
        match decision(loaded, question, &packet) {
            Fate::Other(decision) => broken = Some(Box::new((packet, decision))),
            _ => tried += 1,
        }
        broken.is_some() || tried >= MAX_TRIED
    });
    match broken {
        Some(found) => Answer::Broken(found),
        // What does not break it when it is tried was found by a part that is not exact.
        None if end == analyze::End::Complete && tried == 0 => Answer::Proved,
        None => Answer::NotDecided,
    }
}

/// What an expectation that fails would have to say as well to hold.
fn holds_where(
    compilation: &Compilation,
    rules: &mut Both<(Loaded, Analysis)>,
    expectation: &Expectation,
) -> Option<(String, Option<&'static str>)> {
    let mut holds = |narrowed: Expectation| {
        let question = Expected::new(&narrowed);
        let proved = |family| matches!(broken(&mut rules[family], &question), Answer::Proved);
        narrowed.packets.families.iter().all(proved) && !is_about_nothing(rules, &question)
    };
    let Packets { families, traffic, over_limit, .. } = &expectation.packets;
    if traffic.states.is_none() {
        let mut new = expectation.clone();
        new.packets.traffic.states = Some(Negatable::is(State::New.bit()));
        if holds(new) {
            let help = "it fails only by packets that connection tracking calls invalid";
            return Some((help.into(), Some("state new")));
        }
    }
    if !over_limit {
        let mut over = expectation.clone();
        over.packets.over_limit = true;
        if holds(over) {
            return Some(("it holds only for what comes faster than the limit".into(), Some("over limit")));
        }
    }
    let tables = families.iter().flat_map(|family| &compilation.rulesets[family].tables);
    let matches = tables.flat_map(|table| &table.rules).flat_map(|rule| rule.matches.iter());
    let mut tried: Vec<&AddressSet> = Vec::new();
    for set in matches.filter_map(|one| one.set()).map(|set| &set.value) {
        let (side, word) = match &*set.sides {
            "src" if traffic.source_set.is_none() => ("source", "from"),
            "dst" if traffic.destination_set.is_none() => ("destination", "to"),
            _ => continue,
        };
        if tried.contains(&set) {
            continue;
        }
        tried.push(set);
        for negated in [false, true] {
            let mut within = expectation.clone();
            let traffic = &mut within.packets.traffic;
            let said = if word == "from" { &mut traffic.source_set } else { &mut traffic.destination_set };
            *said = Some(Negatable { negated, value: set.name.clone() });
            if holds(within) {
                let not = if negated { "not " } else { "" };
                return Some((format!("it holds only where the {side} is {not}in the set `{}`", set.name), None));
            }
        }
    }
    None
}

/// Whether no packet that is described comes to the filter.
fn is_about_nothing(rules: &mut Both<(Loaded, Analysis)>, question: &Expected) -> bool {
    let packets = &question.expectation.packets;
    let assumptions = assumptions(packets);
    packets.families.iter().all(|family| {
        let (loaded, analysis) = &mut rules[family];
        let asked = analyze::Question { packets, assumptions, is_goal: &|_| true };
        let (mut found, mut tried) = (false, 0);
        let end = analysis.ask(&asked, &mut |packet| {
            found = matches!(decision(loaded, question, &packet), Fate::AsExpected | Fate::Other(_));
            tried += 1;
            found || tried >= MAX_TRIED
        });
        end == analyze::End::Complete && !found
    })
}

fn counter_example(
    compilation: &Compilation,
    expectation: &Expectation,
    packet: &Packet,
    decision: Decision,
) -> CounterExample {
    let family = packet.family();
    let rules = Rules::Policy(compilation);
    let Packets { over_limit, spoofed, .. } = expectation.packets;
    let sentence = sentence::packets(&Packets { over_limit, spoofed, ..sentence::packets_of(packet) });
    let (rule, statement) = match decision.by {
        By::Rule(place) => match place.look_up(rules.of(family)) {
            Some((table, rule)) => (Some(rule_line(table, rule, family)), Some(rules.statement(family, &rule.origins))),
            None => (None, None),
        },
        By::Policy(table, hook) => (None, rules.chain_policy(family, table, hook)),
        By::Kernel(_) => (None, None),
    };
    CounterExample { sentence, decision, rule, statement }
}

fn fails(compilation: &Compilation, span: Span, family: Family, found: &CounterExample) -> Report {
    let done = match found.decision.verdict {
        Verdict::Accept => "accepted",
        Verdict::Drop => "dropped",
        Verdict::Reject(_) => "rejected",
    };
    let report = ExpectError::CounterExample.at(
        span,
        format!("the expectation does not hold in {}: a packet is {done}", family.name()),
        format!("counter-example: {}", found.sentence),
        "`cgwfw trace POLICY 'COUNTER-EXAMPLE'` shows its walk; correct the rules, or what is expected",
    );
    let rules = Rules::Policy(compilation);
    let place = match found.decision.by {
        By::Rule(place) => {
            let rule = place.look_up(rules.of(family)).map(|(_, rule)| rule);
            rule.and_then(|rule| rules.span(rule.origins.first()?))
                .zip(found.rule.as_ref().map(|rule| format!("{done} by `{rule}`")))
        }
        By::Policy(_, hook) => {
            let place = rules.policy_span(hook);
            place.zip(Some(format!("{done} by the policy of {}: no rule decides it", hook.chain())))
        }
        By::Kernel(_) => None,
    };
    match place {
        Some((span, text)) => report.also(span, text),
        None => report,
    }
}
