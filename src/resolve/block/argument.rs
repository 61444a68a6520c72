//! The values of a block's parameters.
//! Input: words, or the text of a default. Output: an `Argument`, or a report.

use super::draft::BlockDraft;
use crate::diagnostic::Diagnostics;
use crate::iptables::ruleset::RejectWith;
use crate::language::values::{HELPERS, reason_name};
use crate::net::{Both, Families, Family, PortRange};
use crate::policy::{Argument, Items, RateClause, Values};
use crate::resolve::codes::ResolveError;
use crate::resolve::common::{string, too_long};
use crate::resolve::families::FamilyChoice;
use crate::resolve::lists::{self, push};
use crate::resolve::scope::Scope;
use crate::resolve::value::{self, BadValue};
use crate::resolve::words::{Words, value as take_value};
use crate::snippet::library::{Library, SnippetError};
use crate::snippet::signature::{ClausePart, Parameter, ParameterKind};
use crate::source::Span;

/// Reads the value of a parameter of the block.
pub(super) fn argument<'w>(
    words: &mut Words<'w>,
    index: u8,
    reading: &mut BlockDraft<'_, 'w>,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let parameter = &reading.snippet.signature.parameters[usize::from(index)];
    let start = words.span();
    let value = match &parameter.kind {
        ParameterKind::Address { unicast, chooses_family } => Argument::Address(lists::addresses(
            words,
            *unicast,
            *chooses_family,
            &mut reading.draft.choices,
            scope,
            diagnostics,
        )?),
        ParameterKind::Interface { single } => {
            let interfaces = lists::interfaces(words, scope, diagnostics)?;
            let is_one = matches!(interfaces.items[..], [name] if !interfaces.negated && name.pattern().is_none());
            if *single && !is_one {
                diagnostics.push(ResolveError::OneValue.at(
                    start.to(words.last_span()),
                    "one interface is expected: no list, no pattern, no `not`",
                    "more than one interface",
                    "write a sentence for each interface",
                ));
                return None;
            }
            Argument::Interface(interfaces)
        }
        ParameterKind::Ports => Argument::Ports(lists::ports(words, scope, diagnostics)?),
        ParameterKind::Rate => Argument::Rate(lists::rate(words, false, scope, diagnostics)?),
        ParameterKind::String { max_bytes, what } => {
            let (text, span) = string(words, reading.name, usize::MAX, diagnostics)?;
            if text.len() > *max_bytes {
                diagnostics.push(too_long(span, text.len(), *max_bytes, what));
                return None;
            }
            // An empty text is none: iptables prints nothing for it.
            if text.is_empty() {
                return Some(());
            }
            let quoted: Box<str> = crate::iptables::print::quoted(&text).into();
            Argument::Text(Both::same(quoted))
        }
        _ => text_argument(words, parameter, reading, scope, diagnostics)?,
    };
    reading.arguments.push((index, value));
    reading.places.push(start.to(words.last_span()));
    Some(())
}

/// A value that the template prints as text.
fn text_argument<'w>(
    words: &mut Words<'w>,
    parameter: &Parameter,
    reading: &mut BlockDraft<'_, 'w>,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<Argument> {
    let wanted = wanted(&parameter.kind);
    let list = take_value(words, &wanted, &mut scope.used, diagnostics)?;
    if list.negated || list.atoms.len() > 1 {
        diagnostics.push(ResolveError::OneValue.at(
            list.span,
            "one value is expected, neither a list nor `not`",
            "more than one value",
            "write a sentence for each value",
        ));
        return None;
    }
    let atom = list.atoms[0];
    let range = |text: &str| value::ports(text).ok().filter(|range| !range.is_single() && range.start > 0);
    let typed = match parameter.kind {
        ParameterKind::Number { .. }
            if parameter.shifts
                && let Some(PortRange { start, end }) = range(atom.text) =>
        {
            Ok(both(format!("{start}-{end}")))
        }
        _ => text_value(atom.text, &parameter.kind),
    };
    match typed {
        Ok(Text { by_family, families }) => {
            if let ParameterKind::Endpoint { .. } | ParameterKind::Network { .. } = parameter.kind {
                reading.draft.choices.push(FamilyChoice {
                    elements: Items::from_buf([(families, atom)]),
                    span: atom.span,
                    negated: false,
                    chooses: true,
                    negation_chooses: true,
                    open: None,
                });
            } else {
                let lacking = Family::BOTH.into_iter().filter(|family| !families.has(*family));
                reading.lacking.extend(lacking.map(|family| (family, atom.span, atom.text.to_owned())));
            }
            Some(Argument::Text(by_family))
        }
        Err(problem) => {
            push(&atom, problem, diagnostics);
            None
        }
    }
}

struct Text {
    by_family: Both<Box<str>>,
    families: Families,
}

/// The same text in both families.
fn both(text: String) -> Text {
    Text { by_family: Both::same(text.into()), families: Families::BOTH }
}

fn text_value(text: &str, kind: &ParameterKind) -> Result<Text, BadValue> {
    Ok(match kind {
        ParameterKind::Number { min, max } => both(value::number(text, *min, *max)?.to_string()),
        ParameterKind::Word(words) => {
            if !words.iter().any(|word| word == text) {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                return Err(value::unknown(ResolveError::UnknownWord, text, "word of this clause", &words));
            }
            both(text.to_owned())
        }
        ParameterKind::Mark { nonzero } => {
            let mark = value::mark(text)?;
            if *nonzero && mark.value == 0 {
                let help = "write another number: a packet without a mark has 0";
                return Err(BadValue::new(
                    ResolveError::BadMark,
                    format!("`{text}` is no mark"),
                    "marks nothing",
                    help,
                ));
            }
            both(format!("{:#x}/{:#x}", mark.value, mark.mask))
        }
        ParameterKind::Reason => {
            let reason: RejectWith = value::reason(text)?;
            let name = |family| reason_name(reason, family);
            let families = Family::BOTH.into_iter().filter(|family| name(*family).is_some());
            Text {
                by_family: Both::of(|family| name(family).unwrap_or_default().into()),
                families: families.fold(Families::NONE, |all, family| all.or(family.into())),
            }
        }
        ParameterKind::Endpoint { ranges } => {
            let (family, text) = value::address::endpoint(text, *ranges)?;
            let text: Box<str> = text.into();
            Text { by_family: Both::same(text), families: family.into() }
        }
        ParameterKind::Helper => {
            let known = HELPERS.iter().find(|helper| helper.name == text);
            let helper = known.ok_or_else(|| {
                value::unknown(
                    ResolveError::BadHelper,
                    text,
                    "helper of the kernel",
                    &HELPERS.map(|helper| helper.name),
                )
            })?;
            Text { by_family: Both::same(text.into()), families: helper.families }
        }
        ParameterKind::Network { .. } => {
            let (family, text) = value::address::network(text)?;
            Text { by_family: Both::same(text.into()), families: family.into() }
        }
        // The kinds that are holes in the template never come here.
        _ => both(text.to_owned()),
    })
}

/// What a parameter wants, with its article.
pub fn wanted(kind: &ParameterKind) -> String {
    match kind {
        ParameterKind::Address { .. } => "an address".into(),
        ParameterKind::Interface { .. } => "an interface".into(),
        ParameterKind::Ports => "a port".into(),
        ParameterKind::Rate => "a rate such as `5/minute`".into(),
        ParameterKind::Number { min, max } => format!("a number from {min} to {max}"),
        ParameterKind::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or "),
        ParameterKind::Reason => "a reason".into(),
        ParameterKind::Mark { .. } => "a mark".into(),
        ParameterKind::String { .. } => "a string".into(),
        ParameterKind::Endpoint { ranges: false } => "an address, with a port or without".into(),
        ParameterKind::Endpoint { ranges: true } => "an address or a range, with ports or without".into(),
        ParameterKind::Helper => "the name of a helper".into(),
        ParameterKind::Network { .. } => "a network".into(),
    }
}

/// Fills in what the sentence does not say.
pub(super) fn defaults(reading: &mut BlockDraft) {
    for clause in &reading.form.clauses {
        let ClausePart::Parameter(index) = clause.part else { continue };
        let parameter = &reading.snippet.signature.parameters[usize::from(index)];
        let given = reading.arguments.iter().any(|(given, _)| *given == index);
        let value = parameter.default.as_ref().filter(|_| !given).map(|text| default(&parameter.kind, text));
        // A default that is not a value was reported when the block was read.
        reading.arguments.extend(value.and_then(Result::ok).map(|value| (index, value)));
    }
}

/// The value of a default.
fn default(kind: &ParameterKind, text: &str) -> Result<Argument, BadValue> {
    Ok(match (kind, text) {
        (ParameterKind::Address { .. }, text) => {
            Argument::Address(value::address::addresses(text)?.map_or_else(Values::any, Values::one))
        }
        (ParameterKind::Interface { .. }, "any") => Argument::Interface(Values::any()),
        (ParameterKind::Ports, "any") => Argument::Ports(Values::any()),
        (ParameterKind::Interface { .. }, text) => Argument::Interface(Values::one(value::interface(text)?)),
        (ParameterKind::Ports, text) => Argument::Ports(Values::one(value::ports(text)?)),
        (ParameterKind::Rate, text) => {
            let (count, unit) = value::rate(text)?;
            Argument::Rate(RateClause { count, unit, burst: None, per_source: false, above: false })
        }
        (ParameterKind::String { .. }, text) => {
            let quoted: Box<str> = crate::iptables::print::quoted(text).into();
            Argument::Text(Both::same(quoted))
        }
        (kind, text) => Argument::Text(text_value(text, kind)?.by_family),
    })
}

/// Reports the defaults of users' own blocks that are not values of their types.
pub fn check_defaults(library: &Library, diagnostics: &mut Diagnostics) {
    for snippet in &library.snippets {
        let Some(files) = snippet.files else { continue };
        for parameter in &snippet.signature.parameters {
            let Some(text) = &parameter.default else { continue };
            if let Err(problem) = default(&parameter.kind, text) {
                let metadata = &library.sources.get(files.metadata).text;
                let from = metadata.find(&format!("[parameters.{}]", parameter.name)).unwrap_or(0);
                let at = from + metadata[from..].find(text.as_str()).unwrap_or(0);
                let span = Span::new(files.metadata, at, at + text.len());
                let message = format!("the default of `{}`: {}", parameter.name, problem.message);
                diagnostics.push(SnippetError::BadMetadata.at(span, message, problem.label, problem.help));
            }
        }
    }
}
