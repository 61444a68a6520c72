//! A trace for people: the verdict in one line, then the packet, the walk, and what to do.
//! Input: a trace. Output: text of some lines.

use std::fmt::Write;

use super::follow::{Branch, Trace, statement};
use super::hint::{self, Setting};
use super::open::{Ending, outcome, turned_out};
use super::record::{Missed, TraceStep, What};
use super::reply::{Reply, replies};
use super::translated::translations;
use super::words::{between, new_end, participle};
use crate::diagnostic::{Style, visible};
use crate::iptables::print::rule_line;
use crate::origin::{Rules, SentencePlace};
use crate::policy::Packets;
use crate::sentence;
use crate::simulate::{By, Decision, Effect, Hook, MAX_WALKS, Place, Translation, Verdict};

/// How a trace is written.
#[derive(Clone, Copy, Debug)]
pub struct TraceStyle {
    /// Colour, and the width of the terminal.
    pub style: Style,
    /// Whether rules that almost matched are shown.
    pub verbose: bool,
    /// Whether the answer to the packet is followed as well.
    pub reply: bool,
}

/// The most walks that are shown in full.
const MAX_SHOWN: usize = 4;

const ROUTED_AGAIN: &str = "  routed a second time: no rule tells by which interface it then leaves";

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "1;31";
const GREEN: &str = "1;32";
const YELLOW: &str = "1;33";

fn paint(text: &str, color: &str, style: Style) -> String {
    if style.color { format!("\u{1b}[{color}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// The whole answer.
pub fn human(trace: &Trace, setting: &Setting, options: TraceStyle) -> String {
    let mut writer = Writer::new(trace, setting, options);
    writer.headline();
    writer.depends();
    let replies = replies(setting.loaded, trace);
    if !options.reply {
        writer.lost_replies(&replies);
    }
    writer.walks();
    if options.reply {
        writer.replies(&replies);
    }
    writer.out
}

impl<'a> Writer<'a> {
    fn new(trace: &'a Trace, setting: &'a Setting<'a>, options: TraceStyle) -> Writer<'a> {
        let outcome = outcome(trace);
        let places = outcome.places();
        Writer { trace, setting, rules: setting.rules, outcome, places, options, out: String::new() }
    }

    /// The packet, its walks, and what to do.
    fn walks(&mut self) {
        self.packet();
        let several = self.trace.decisions().len();
        for (index, branch) in self.shown().into_iter().enumerate() {
            let title = match (several, index) {
                (0 | 1, _) => "walk".to_owned(),
                (_, 0) => self.branch_title(branch),
                _ => format!("or {}", self.branch_title(branch)),
            };
            self.title(&title);
            self.walk(branch);
        }
        if several > MAX_SHOWN {
            self.title(&format!("and {} more ways to end", several - MAX_SHOWN));
        }
        self.hints();
    }

    /// Says where the answer to a packet that passes does not: who asks for one packet forgets the other.
    fn lost_replies(&mut self, replies: &[Reply]) {
        for reply in replies {
            let Reply::Traced(reply) = reply else { continue };
            if reply.verdict() == Some(Verdict::Accept) {
                continue;
            }
            let text = Writer::new(reply, self.setting, self.options).fate();
            self.line(&format!("  but the answer to it is {text}; --reply shows how"));
        }
    }

    fn replies(&mut self, replies: &[Reply]) {
        for reply in replies {
            self.line("");
            match reply {
                Reply::Traced(reply) => {
                    let mut writer = Writer::new(reply, self.setting, self.options);
                    writer.out = format!("the answer: {}\n", writer.fate());
                    writer.depends();
                    writer.walks();
                    self.out.push_str(&writer.out);
                }
                Reply::Unknown(why) => self.line(&format!("the answer is not followed: {why}")),
            }
        }
    }
}

/// ` to 10.0.0.80, by an interface that no rule tells`
fn going(branch: &Branch) -> String {
    let to = branch.new_destination.and_then(|to| to.addresses).map(between);
    to.map_or_else(String::new, |to| format!(" to {to}, by an interface that no rule tells"))
}

/// A statement without characters that fool a terminal.
fn readable(statement: SentencePlace) -> SentencePlace {
    SentencePlace { file: visible(&statement.file), text: visible(&statement.text), ..statement }
}

struct Writer<'a> {
    trace: &'a Trace,
    setting: &'a Setting<'a>,
    rules: Rules<'a>,
    outcome: Ending<'a>,
    /// The rules that the verdict depends on.
    places: Vec<Place>,
    options: TraceStyle,
    out: String,
}

impl<'a> Writer<'a> {
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn title(&mut self, title: &str) {
        let title = paint(title, BOLD, self.options.style);
        self.line("");
        self.line(&title);
    }

    fn family(&self) -> crate::net::Family {
        self.trace.described.packet.family()
    }

    /// A rule as `iptables-save` prints it, and where it comes from.
    fn statement(&self, place: Place) -> Option<(String, SentencePlace)> {
        let family = self.family();
        let (table, rule) = place.look_up(self.rules.of(family))?;
        let line = visible(&rule_line(table, rule, family));
        Some((line, readable(self.rules.statement(family, &rule.origins))))
    }

    /// One walk for each decision, in order.
    fn shown(&self) -> Vec<&'a Branch> {
        let decisions = self.trace.decisions();
        let first = |decision: &Decision| self.trace.branches.iter().find(|branch| branch.decision == *decision);
        decisions.iter().filter_map(first).take(MAX_SHOWN).collect()
    }

    /// The verdict and who gave it, or what it depends on.
    fn fate(&self) -> String {
        let style = self.options.style;
        let decisions = self.trace.decisions();
        match self.trace.verdict() {
            Some(verdict) => {
                let color = if verdict == Verdict::Accept { GREEN } else { RED };
                let word = paint(&participle(verdict).to_uppercase(), color, style);
                let cases = if decisions.len() > 1 { " in every case, as a rule" } else { "" };
                let by = decisions.first().map_or(String::new(), |decision| self.by(*decision));
                format!("{word}{cases} {by}")
            }
            None => paint(&self.outcome.words(self.rules, self.family()), YELLOW, style),
        }
    }

    fn headline(&mut self) {
        let fate = self.fate();
        self.line(&fate);
    }

    /// What the answer depends on.
    fn depends(&mut self) {
        if !self.trace.complete {
            self.line(&format!("More than {MAX_WALKS} ways to turn out: these are not all."));
        }
        self.if_own();
        for place in self.places.clone() {
            if let Some((line, statement)) = self.statement(place) {
                self.line(&format!("  depends on {}:{} {}", statement.file, statement.line, statement.text));
                if line != statement.text {
                    self.line(&format!("    {line}"));
                }
            }
        }
    }

    /// What becomes of it where its new destination is the gateway's own after all.
    fn if_own(&mut self) {
        let Some(first) = self.trace.branches.iter().find(|branch| branch.is_rerouted()) else { return };
        let to = first.new_destination.and_then(|to| to.addresses).map_or_else(String::new, between);
        let fates = self.trace.if_own.iter().take(MAX_SHOWN);
        let fates: Vec<String> =
            fates.map(|decision| format!("{} {}", participle(decision.verdict), self.by(*decision))).collect();
        self.line(&format!("  if {to} is the gateway's own: {}", fates.join(", or ")));
    }

    /// `by line 12: allow …`, or `by the policy of INPUT: …`.
    fn by(&self, decision: Decision) -> String {
        let statement = statement(self.rules, self.family(), decision).map(readable);
        match decision.by {
            By::Rule(_) => match statement {
                Some(SentencePlace { file, line, text }) => format!("by {file}:{line} {text}"),
                None => "by a rule".into(),
            },
            By::Policy(table, hook) => {
                let chain = hook.chain();
                let none = if decision.verdict == Verdict::Accept { "drops" } else { "accepts" };
                let set = match statement {
                    Some(SentencePlace { file, line, text }) => format!(" ({file}:{line} {text})"),
                    None => String::new(),
                };
                let of = if table.name() == "filter" { String::new() } else { format!(" in {}", table.name()) };
                format!("by the policy of {chain}{of}: no rule {none} it{set}")
            }
            By::Kernel(discard) => format!("by the kernel, whatever the rules say: {}", discard.reason()),
        }
    }

    fn packet(&mut self) {
        let described = &self.trace.described;
        let family = described.packet.family().name();
        let kind = match (described.packet.ipsec_in, described.packet.ipsec_out) {
            (true, _) => ", out of an IPsec policy",
            (_, true) => ", into an IPsec policy",
            _ => "",
        };
        let text = sentence::packets(&Packets {
            over_limit: described.assumptions.within_limit == Some(false),
            spoofed: described.assumptions.spoofed == Some(true),
            ..sentence::packets_of(&described.packet)
        });
        self.title("packet");
        self.line(&format!("  {text}   ({family}{kind})"));
        if !described.assumed.is_empty() {
            let assumed = paint(&format!("  assumed: {}", described.assumed.join(", ")), DIM, self.options.style);
            self.line(&assumed);
        }
        for note in hint::undeclared(&described.packet, self.rules) {
            self.line(&format!("  note: {note}"));
        }
        if let Some(connection) = self.trace.connection {
            // What was translated on the way there is translated back on the way here.
            for (end, new) in [("source", connection.destination), ("destination", connection.source)] {
                if let Some(new) = new {
                    self.line(&format!("  as it is sent, its {end} is {}", new_end(new)));
                }
            }
        }
        let translated = translations(self.trace);
        for (end, ways) in [("destination", translated.destination), ("source", translated.source)] {
            let becomes = |new: &Option<Translation>| {
                new.map_or_else(|| "stays".into(), |new| format!("becomes {}", new_end(new)))
            };
            if ways.iter().any(Option::is_some) {
                let ways: Vec<String> = ways.iter().map(becomes).collect();
                self.line(&format!("  translated: its {end} {}", ways.join(", or ")));
            }
        }
    }

    /// `dropped by …, if line 12 matches and line 14 does not`.
    fn branch_title(&self, branch: &Branch) -> String {
        let decides = |step: &&TraceStep| step.place.is_some_and(|place| self.places.contains(&place));
        let steps = branch.steps.iter().filter(decides);
        let conditions: Vec<String> = steps.filter_map(|step| turned_out(step, self.rules, self.family())).collect();
        let by = format!("{} {}", participle(branch.decision.verdict), self.by(branch.decision));
        if conditions.is_empty() { by } else { format!("{by}, if {}", conditions.join(" and ")) }
    }

    fn walk(&mut self, branch: &Branch) {
        let mut index = 0;
        while index < branch.steps.len() {
            let step = &branch.steps[index];
            let next = branch.steps.get(index + 1);
            let near = self.near_misses(branch, index + 1);
            match (&step.what, step.table) {
                (What::Enters, Some((table, hook))) => {
                    let name = format!("  {:<8} {:<12}", table.name(), hook.chain());
                    match next.map(|next| &next.what) {
                        Some(What::Policy(verdict)) => {
                            let text =
                                format!("{name} no rule matches: {}", self.policy(branch, table, hook, *verdict));
                            self.line(&text);
                            near.iter().for_each(|missed| self.near_miss(missed));
                            index += 1;
                        }
                        _ => {
                            self.line(&name);
                            near.iter().for_each(|missed| self.near_miss(missed));
                        }
                    }
                }
                _ => {
                    self.step(branch, step);
                    near.iter().for_each(|missed| self.near_miss(missed));
                }
            }
            index += 1;
        }
    }

    fn policy(
        &self,
        branch: &Branch,
        table: crate::iptables::ruleset::TableName,
        hook: Hook,
        verdict: Verdict,
    ) -> String {
        let decides = branch.decision.by == By::Policy(table, hook);
        let word = participle(verdict);
        let text = format!("{word} by the policy of {}", hook.chain());
        if !decides {
            return if verdict == Verdict::Accept { "passes".into() } else { text };
        }
        let color = if verdict == Verdict::Accept { GREEN } else { RED };
        paint(&text, color, self.options.style)
    }

    fn step(&mut self, branch: &Branch, step: &TraceStep) {
        let style = self.options.style;
        match &step.what {
            What::Enters => {}
            What::Rule { effect, text, assumed } => {
                let decides = step.place.is_some_and(|place| branch.decision.by == By::Rule(place));
                let ends = matches!(effect, Effect::Accepts | Effect::Drops | Effect::Rejects(_));
                let color = match effect {
                    Effect::Accepts => GREEN,
                    _ => RED,
                };
                let text = if decides && ends { paint(text, color, style) } else { text.clone() };
                let taken = if *assumed { " (taken to match: nobody can tell from the packet)" } else { "" };
                self.rule(step.place, &format!("{text}{taken}"));
                if decides && let Some(answer) = &branch.answer {
                    let mut text = format!("      {}", answer.text);
                    if let Some(fate) = answer.fate {
                        let _ = write!(text, "; OUTPUT: {} {}", participle(fate.verdict), self.by(fate));
                    }
                    self.line(&text);
                }
            }
            What::NotTaken => self.rule(step.place, "taken not to match: nobody can tell from the packet"),
            What::Policy(verdict) => {
                if let Some((table, hook)) = step.table {
                    let text = format!("    no other rule matches: {}", self.policy(branch, table, hook, *verdict));
                    self.line(&text);
                }
            }
            What::Tracked(state) => self.line(&format!("  connection tracking: {}", sentence::state(*state))),
            What::Inherited(None) => self.line("  its destination is translated if that of its connection is"),
            What::Inherited(Some(to)) => self.line(&format!("  translated back: its destination becomes {to}")),
            What::Rerouted => self.line(&format!("  routed on{}", going(branch))),
            What::RoutedAgain => self.line(ROUTED_AGAIN),
            What::Reassembled => self.line("  the pieces of the packet are put together"),
            What::Discarded(discard) => {
                let text = paint(&format!("  dropped by the kernel: {}", discard.reason()), RED, style);
                self.line(&text);
            }
        }
    }

    fn rule(&mut self, place: Option<Place>, text: &str) {
        let Some((line, statement)) = place.and_then(|place| self.statement(place)) else { return };
        let style = self.options.style;
        self.line(&format!("    {}:{} {}", statement.file, statement.line, paint(&statement.text, BOLD, style)));
        if line != statement.text {
            self.line(&format!("      {}", paint(&line, DIM, style)));
        }
        self.line(&format!("      {text}"));
    }

    fn near_misses(&self, branch: &Branch, step: usize) -> Vec<Missed> {
        if !self.options.verbose {
            return Vec::new();
        }
        // They were met in the order of the steps.
        let start = branch.missed.partition_point(|missed| missed.step < step);
        branch.missed[start..].iter().take_while(|missed| missed.step == step).cloned().collect()
    }

    fn near_miss(&mut self, missed: &Missed) {
        let Some((line, statement)) = self.statement(missed.place) else { return };
        let failed = visible(&hint::missing(missed, self.rules, self.family()));
        let text = format!("    almost {}:{} {line}", statement.file, statement.line);
        let text = paint(&text, DIM, self.options.style);
        self.line(&text);
        self.line(&format!("      {failed} does not hold"));
    }

    fn hints(&mut self) {
        let hints = hint::hints(self.trace, self.setting);
        if hints.is_empty() {
            return;
        }
        self.title("hint");
        for hint in hints {
            self.line(&format!("  {}", visible(&hint.to_string())));
            for part in hint.parts() {
                self.line(&format!("    {}", visible(&part.part())));
            }
        }
    }
}
