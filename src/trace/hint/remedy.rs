//! What would let a packet pass: a sentence before the one that decides, or an exception in it.
//! Input: a trace, and the rules. Output: hints, each of which was tried on the packet before.

use super::kinds::{Hint, Setting};
use super::undeclared::undeclared;
use crate::format;
use crate::iptables::packet::{Fragment, Packet, Way};
use crate::iptables::ruleset::{Negatable, TableName, TcpFlags};
use crate::net::{Addresses, Family};
use crate::origin::{Rules, SentencePlace};
use crate::policy::{Argument, Block, Directions, Packets, Statement, Traffic, Values};
use crate::sentence;
use crate::simulate::{By, Effect, Event, Flight, Hook, Instead, Observer, Place, Verdict};
use crate::snippet::signature::{ClausePart, ParameterKind};
use crate::syntax::{Ast, Token, TokenKind};
use crate::trace::follow::{Branch, Trace, walk};
use crate::trace::record::{TraceStep, What};

/// The keyword of exceptions.
const EXCEPT: &str = "except";

/// What is tried on the packet.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// It is accepted before a rule of the filter, or before its policy.
    Accept(By),
    /// The rules of a sentence do not match it.
    Except(u32),
}

/// Walks as if the change were made.
#[derive(Clone)]
struct Probe<'a> {
    setting: &'a Setting<'a>,
    family: Family,
    change: Change,
}

impl Observer for Probe<'_> {
    fn see(&mut self, _: &Flight, _: Event) {}

    fn instead(&self, at: By) -> Option<Instead> {
        match (self.change, at) {
            (Change::Accept(before), at) => (before == at).then_some(Instead::Accepts),
            (Change::Except(sentence), By::Rule(place)) => {
                let (_, rule) = place.look_up(self.setting.rules.of(self.family))?;
                let own =
                    rule.origins.first().is_some() && rule.origins.iter().all(|origin| origin.sentence == sentence);
                own.then_some(Instead::Skips)
            }
            _ => None,
        }
    }
}

/// Whether the packet passes, however things turn out, where a change is made.
fn passes(trace: &Trace, setting: &Setting, change: Change) -> bool {
    let packet = &trace.described.packet;
    let probe = Probe { setting, family: packet.family(), change };
    let mut all = true;
    let complete = walk(setting.loaded, &trace.described, trace.connection.as_ref(), probe, |decision, _, _| {
        all &= decision.verdict == Verdict::Accept;
    });
    all && complete
}

/// The sentence that lets the packet pass, if one does.
pub(super) fn remedy(trace: &Trace, setting: &Setting) -> Option<Hint> {
    // No sentence may name an interface that is not declared: that is said elsewhere.
    if !matches!(setting.rules, Rules::Policy(_)) || !undeclared(&trace.described.packet, setting.rules).is_empty() {
        return None;
    }
    exception(trace, setting).or_else(|| allow(trace, setting))
}

/// An `allow` of the packet, before what decides in the filter.
fn allow(trace: &Trace, setting: &Setting) -> Option<Hint> {
    let packet = &trace.described.packet;
    let mut places = trace.branches.iter().map(|branch| decides(branch, packet, setting));
    let mut earliest = places.next()??;
    for place in places {
        let place = place?;
        if place.hook != earliest.hook {
            return None;
        }
        if place.position() < earliest.position() {
            earliest = place;
        }
    }
    let packets = allowed(trace)?;
    if !passes(trace, setting, Change::Accept(earliest.by)) {
        return None;
    }
    let before = earliest.sentence.map(|sentence| place_of(setting, sentence));
    // An answer that is not tracked belongs to no connection.
    let is_tracked = trace.branches.iter().all(|branch| branch.connection.is_some());
    Some(match trace.connection {
        Some(_) if is_tracked => Hint::Established { before },
        _ => Hint::Allow { packets: Box::new(packets), before },
    })
}

/// Where a sentence has to be to decide before what does now.
struct Before {
    hook: Hook,
    by: By,
    sentence: Option<u32>,
}

impl Before {
    fn position(&self) -> u32 {
        if let By::Rule(place) = self.by { place.rule } else { u32::MAX }
    }
}

/// The first rule of the sentence in whose rules the built-in chain of the filter decides, or is left for good; else its
/// policy.
fn decides(branch: &Branch, packet: &Packet, setting: &Setting) -> Option<Before> {
    let table = setting.rules.of(packet.family()).table(TableName::Filter);
    let own = |step: &&TraceStep| match (step.place, step.table, table) {
        (Some(place), Some((TableName::Filter, hook)), Some(table)) => {
            let rule = table.rules.get(place.rule as usize);
            rule.is_some_and(|rule| table.chain(hook.chain()) == Some(rule.chain))
        }
        _ => false,
    };
    let step = match branch.decision.by {
        by @ By::Policy(TableName::Filter, hook) => {
            let leaves = |step: &&TraceStep| matches!(step.what, What::Rule { effect: Effect::Goes(_), .. });
            let Some(step) = branch.steps.iter().rev().find(|step| own(step) && leaves(step)) else {
                return Some(Before { hook, by, sentence: None });
            };
            step
        }
        By::Rule(place) if place.table == TableName::Filter => branch.steps.iter().rev().find(own)?,
        _ => return None,
    };
    let (table, hook) = (table?, step.table?.1);
    let rule = table.rules.get(step.place?.rule as usize)?;
    let sentence = rule.origins.first()?.sentence;
    let first = table.rules.iter().position(|other| other.chain == rule.chain && other.origins.has(sentence))?;
    let by = By::Rule(Place { table: TableName::Filter, rule: first as u32 });
    Some(Before { hook, by, sentence: Some(sentence) })
}

fn place_of(setting: &Setting, sentence: u32) -> SentencePlace {
    let Rules::Policy(compilation) = setting.rules else {
        return SentencePlace { file: String::new(), line: 0, text: String::new() };
    };
    let ast = &compilation.ast;
    let span = ast.span(&ast.sentences[sentence as usize]);
    SentencePlace {
        file: ast.sources.get(span.source).name.clone(),
        line: ast.sources.position(span).0,
        text: format::comment_text(ast, sentence),
    }
}

/// The packets of the kind of this one, as the filter sees them: of its addresses only what is said, or what a rule
/// translates it to.
fn allowed(trace: &Trace) -> Option<Packets> {
    let described = &trace.described;
    let packet = &described.packet;
    let first = trace.branches.first()?;
    // A rule that asks for ports is not met by all pieces of a packet.
    if packet.fragment != Fragment::No {
        return None;
    }
    let whole = sentence::packets_of(packet).traffic;
    let mut traffic = Traffic { protocols: whole.protocols, icmp_types: whole.icmp_types, ..Traffic::default() };
    if trace.answers {
        // Its source is the service, and it never begins a connection.
        traffic.source_ports = whole.source_ports;
        traffic.flags = whole.flags.map(|_| Negatable::not(TcpFlags::SYN));
    } else {
        traffic.destination_ports = whole.destination_ports;
    }
    match first.way {
        Way::In(name) if first.is_rerouted() => {
            traffic.directions = Directions { forward: true, ..Directions::default() };
            traffic.in_on = Values::one(name);
        }
        Way::In(name) => {
            traffic.directions = Directions { input: true, ..Directions::default() };
            traffic.on = Values::one(name);
        }
        Way::Out(name) => {
            traffic.directions = Directions { output: true, ..Directions::default() };
            traffic.on = Values::one(name);
        }
        Way::Forward(from, to) => {
            traffic.directions = Directions { forward: true, ..Directions::default() };
            (traffic.in_on, traffic.out_on) = (Values::one(from), Values::one(to));
        }
    }
    if described.open.source.is_any() {
        traffic.source = whole.source;
    }
    let same = |of: &dyn Fn(&Branch) -> bool| trace.branches.iter().all(of);
    if !same(&|branch| branch.way == first.way && branch.destination_port == first.destination_port) {
        return None;
    }
    if let Some(port) = first.destination_port.filter(|_| !traffic.destination_ports.is_any()) {
        traffic.destination_ports = Values::one(port);
    }
    let said = described.open.destination.is_any() || first.destination != Some(packet.destination);
    if let Some(to) = first.destination.filter(|_| said && same(&|branch| branch.destination == first.destination)) {
        traffic.destination = Values::one(Addresses::host(to));
    }
    Some(Packets { families: described.families, traffic, ..Packets::default() })
}

/// The exception for the packet's source in the sentence that decides, if it takes exceptions.
fn exception(trace: &Trace, setting: &Setting) -> Option<Hint> {
    let (Rules::Policy(compilation), [branch]) = (setting.rules, &trace.branches[..]) else { return None };
    let By::Rule(place) = branch.decision.by else { return None };
    let packet = &trace.described.packet;
    let (_, rule) = place.look_up(setting.rules.of(packet.family()))?;
    // The exception is one of sources.
    rule.header.source.as_ref().filter(|source| !source.negated)?;
    let sentence = rule.origins.first()?.sentence;
    let block = compilation.policy.statements.iter().find_map(|statement| match statement {
        Statement::Block(block) if block.sentence == sentence => Some(block),
        _ => None,
    })?;
    let given = excepted(block, setting)?;
    if given.as_ref().is_some_and(|given| given.negated) || !passes(trace, setting, Change::Except(sentence)) {
        return None;
    }
    let ast = &compilation.ast;
    let mut all: Vec<String> = given.iter().flat_map(|given| given.items.iter().map(Addresses::to_string)).collect();
    all.push(packet.source.to_string());
    let list = if let [one] = &all[..] { one.clone() } else { format!("{{ {} }}", all.join(", ")) };
    let text = match given {
        Some(_) => with_exception(ast, sentence, &list)?,
        None => format!("{} {EXCEPT} {list}", format::sentence(ast, &ast.sentences[sentence as usize])),
    };
    Some(Hint::Except { place: place_of(setting, sentence), text })
}

/// The addresses that a sentence excepts; none, if it could except some; nothing, if its block knows no exceptions.
fn excepted(block: &Block, setting: &Setting) -> Option<Option<Values<Addresses>>> {
    let signature = &setting.library?.snippets.get(block.snippet as usize)?.signature;
    let form = signature.forms.get(block.form as usize)?;
    let parameter = form.clauses.iter().find_map(|clause| match clause.part {
        ClausePart::Parameter(index) if clause.keyword.last().is_some_and(|word| word == EXCEPT) => Some(index),
        _ => None,
    })?;
    matches!(signature.parameters.get(parameter as usize)?.kind, ParameterKind::Address { .. }).then_some(())?;
    Some(block.arguments.iter().find_map(|(index, argument)| match argument {
        Argument::Address(values) if *index == parameter => Some(values.clone()),
        _ => None,
    }))
}

/// The sentence with these exceptions instead of its own.
fn with_exception(ast: &Ast, sentence: u32, list: &str) -> Option<String> {
    let sentence = &ast.sentences[sentence as usize];
    let file = &ast.sources.get(sentence.source).text;
    let tokens = ast.tokens(sentence);
    let keyword = tokens.iter().position(|token| token.kind == TokenKind::Word && token.text(file) == EXCEPT)?;
    let (before, after) = (&tokens[..=keyword], &tokens[keyword + 1..]);
    // `A, B`, or `{ A, B }`
    let mut depth = 0_u32;
    let mut end = after.len();
    for (index, token) in after.iter().enumerate() {
        match token.kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        let goes_on = [Some(token), after.get(index + 1)];
        if depth == 0 && !goes_on.iter().flatten().any(|token| token.kind == TokenKind::Comma) {
            end = index + 1;
            break;
        }
    }
    let words = |tokens: &[Token]| {
        let mut text = String::new();
        for token in tokens {
            let glued = text.is_empty() || token.kind == TokenKind::Comma;
            text.push_str(if glued { "" } else { " " });
            text.push_str(token.text(file));
        }
        text
    };
    let parts = [words(before), list.to_owned(), words(&after[end..])];
    Some(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
}
