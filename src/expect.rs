//! The `expect` sentences of a policy, searched for packets that break them.
//! Input: a compilation. Output: for each sentence the packets that were tried, and a report where one breaks it.
//!
//! A search proves nothing: what it does not find is *no counter-example in N packets*.

mod codes;
mod corners;
mod fate;
mod fields;
mod random;
mod search;
mod shrink;

pub use self::codes::ExpectError;
use self::fate::Question;
pub use self::search::MAX_UNDECIDED;
use crate::compile::Compilation;
use crate::diagnostic::Report;
use crate::format;
use crate::iptables::packet::Packet;
use crate::iptables::print::rule_line;
use crate::net::{Both, Family};
use crate::origin::{Rules, SentencePlace};
use crate::policy::{Expectation, Packets};
use crate::sentence;
use crate::simulate::{By, Decision, Loaded, MAX_WALKS, Verdict};
use crate::source::Span;

/// One expectation, and what became of it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The sentence in its canonical form, and where it is.
    pub statement: SentencePlace,
    /// How many packets were decided.
    pub packets: usize,
    /// How many were not decided: their ways part more often than `simulate::MAX_WALKS` times. A search ends at
    /// `MAX_UNDECIDED` of them.
    pub undecided: usize,
    /// Why it fails, if it does.
    pub report: Option<Report>,
    /// The packet that breaks it, if one does.
    pub counter_example: Option<CounterExample>,
}

impl Checked {
    /// What was looked at where nothing was found: `132 packets`, and how many of them were not decided.
    pub fn looked_at(&self) -> String {
        looked_at(self.packets, self.undecided)
    }
}

/// `132 packets`, and how many more were not decided, where the search of a family has its end.
pub fn looked_at(packets: usize, undecided: usize) -> String {
    let packets = format!("{} packets", grouped(packets));
    match undecided {
        0 => packets,
        _ => {
            let (more, walks) = (grouped(undecided), grouped(MAX_WALKS));
            format!(
                "{packets}; {more} more were not decided within {walks} branches (a search ends at {MAX_UNDECIDED})"
            )
        }
    }
}

/// A number in groups of three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
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

/// Searches for packets that break the expectations of a policy, each of them by itself, when the next one is asked for.
pub fn check(compilation: &Compilation) -> impl Iterator<Item = Checked> {
    let loaded = Both::of(|family| Loaded::new(&compilation.rulesets[family]));
    compilation.policy.expectations.iter().map(move |expectation| one(compilation, &loaded, expectation))
}

fn one(compilation: &Compilation, loaded: &Both<Loaded>, expectation: &Expectation) -> Checked {
    let span = compilation.ast.span(&compilation.ast.sentences[expectation.sentence as usize]);
    let sources = &compilation.ast.sources;
    let text = format::comment_text(&compilation.ast, expectation.sentence);
    let statement = SentencePlace {
        file: sources.get(span.source).name.clone(),
        line: sources.position(span).0,
        text: text.clone(),
    };
    let question = Question::new(expectation);
    let (mut tried, mut undecided) = (0, 0);
    for family in expectation.packets.families.iter() {
        let declared = compilation.declarations.interfaces.iter().map(|declared| declared.name);
        let loaded = &loaded[family];
        let found = search::search(loaded, &question, &declared.collect::<Vec<_>>());
        tried += found.tried;
        undecided += found.undecided;
        if let Some((packet, decision)) = found.broken {
            let (packet, decision) = shrink::shrink(loaded, &question, packet, decision);
            let counter_example = counter_example(compilation, expectation, &packet, decision);
            let report = Some(fails(compilation, span, family, &counter_example));
            return Checked { statement, packets: tried, undecided, report, counter_example: Some(counter_example) };
        }
    }
    let report = (tried + undecided == 0).then(|| {
        ExpectError::NoPacket.at(
            span,
            "the expectation is over no packet",
            "no packet that reaches the filter is like this",
            "name interfaces and addresses that packets have; what the kernel discards before the filter does not count",
        )
    });
    Checked { statement, packets: tried, undecided, report, counter_example: None }
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
