//! `textDocument/hover`: what is under the pointer.
//! Input: a view and an offset. Output: Markdown: the rules of a sentence, the documentation of a word, the meaning of a value.

use std::fmt::Write;
use std::net::IpAddr;

use super::meaning::Meaning;
use super::protocol::{Hover, HoverContents, MarkupContent, MarkupKind};
use super::view::{At, View};
use crate::explain;
use crate::format;
use crate::language::clauses::ValueKind;
use crate::language::values::reason_name;
use crate::language::{CoreSentence, core_sentence};
use crate::net::{Both, Family, bits_of};
use crate::origin::sentence_rules;
use crate::resolve::icmp::icmp_type;
use crate::resolve::value::{self, address, ports};
use crate::services;
use crate::source::Span;
use crate::syntax::TokenKind;

/// More rules than a reader wants to see at once.
const MAX_RULES: usize = 40;

/// What is at an offset.
pub fn hover(view: &View, offset: usize) -> Option<Hover> {
    let Some(at) = view.at(offset) else { return in_rules(view, offset) };
    let sentence = &view.compilation.ast.sentences[at.sentence as usize];
    let reading = view.reading(sentence);
    let text = view.text(at.span);
    let value = match &reading.meanings[at.token] {
        Meaning::Keyword(doc) if at.token > 0 && !doc.is_empty() => doc.clone(),
        Meaning::Variable | Meaning::Defined => variable(view, text.trim_start_matches('$'))?,
        Meaning::Declared => interface(view, text)?,
        Meaning::Value(expect) if *expect != ValueKind::Other("a value") => match expect {
            ValueKind::Interface => interface(view, text)?,
            expect => meaning(expect, text).unwrap_or_else(|| whole(view, at)),
        },
        Meaning::Value(_) => guess(text).unwrap_or_else(|| whole(view, at)),
        _ => whole(view, at),
    };
    let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
    Some(Hover { contents, range: Some(view.range(at.span)) })
}

/// What a line of a `rules` block belongs to.
fn in_rules(view: &View, offset: usize) -> Option<Hover> {
    let holds = |span: &Span| (span.start as usize..=span.end as usize).contains(&offset);
    let (index, sentence) = view.sentences().find(|(_, sentence)| sentence.body.as_ref().is_some_and(holds))?;
    let span = view.span(sentence);
    let value = whole(view, At { sentence: index, token: 0, span });
    let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
    Some(Hover { contents, range: Some(view.range(span)) })
}

/// The summary of a sentence, and its rules in both families.
fn whole(view: &View, at: At) -> String {
    let sentence = &view.compilation.ast.sentences[at.sentence as usize];
    let reading = view.reading(sentence);
    let verb = view.words(sentence, usize::MAX).first().map_or("", |(text, _)| *text);
    let mut out = String::new();
    if let Some(CoreSentence { form, text, .. }) = core_sentence(verb) {
        // Writing to a String cannot fail.
        let _ = write!(out, "**{verb}**: {text}\n\n`{form}`\n");
    }
    if let Some(name) = reading.name {
        let signature = &view.library.snippets[usize::from(name.snippet)].signature;
        let _ = writeln!(out, "**{}**: {}", name.title, signature.summary);
        for form in name.forms.iter().map(|form| &signature.forms[usize::from(*form)]) {
            let _ = write!(out, "\n`{}`\n", format!("{} {}", name.title, form.text).trim_end());
        }
    }
    if let Some(rules) = rules(view, at.sentence) {
        let _ = write!(out, "\n{rules}");
    }
    out
}

/// The rules of a sentence, as a text with both families; `None` where it yields none.
pub fn rules(view: &View, sentence: u32) -> Option<String> {
    let Both { v4, v6 } = sentence_rules(view.compilation, sentence);
    if v4.is_empty() && v6.is_empty() {
        return None;
    }
    let mut out = String::new();
    let groups = if v4 == v6 { vec![("IPv4 and IPv6", &v4)] } else { vec![("IPv4", &v4), ("IPv6", &v6)] };
    for (families, rules) in groups {
        let _ = writeln!(out, "{families}:");
        if rules.is_empty() {
            out.push_str("no rule\n\n");
            continue;
        }
        out.push_str("```iptables\n");
        for rule in rules.iter().take(MAX_RULES) {
            let _ = writeln!(out, "{rule}");
        }
        if rules.len() > MAX_RULES {
            let _ = writeln!(out, "# and {} more", rules.len() - MAX_RULES);
        }
        out.push_str("```\n");
    }
    Some(out)
}

/// The sentence that something is in, on one line.
fn line(view: &View, span: Span) -> String {
    let ast = &view.compilation.ast;
    let inside = ast.sentences.iter().find(|sentence| {
        let whole = ast.span(sentence);
        whole.source == span.source && whole.start <= span.start && span.end <= whole.end
    });
    let text = inside.map_or_else(|| view.text(span).to_owned(), |sentence| format::sentence(ast, sentence));
    format!("```cgwfw\n{text}\n```\n")
}

fn variable(view: &View, name: &str) -> Option<String> {
    let definition = view.compilation.declarations.definitions.iter().find(|definition| definition.name == name)?;
    let uses = view
        .all_tokens()
        .filter(|(_, _, kind, span)| *kind == TokenKind::Variable && view.text(*span).get(1..) == Some(name))
        .count();
    Some(format!("{}used in {uses} place{}", line(view, definition.span), if uses == 1 { "" } else { "s" }))
}

fn interface(view: &View, name: &str) -> Option<String> {
    let declared = view.compilation.declarations.interfaces.iter().find(|declared| declared.name.name() == name);
    Some(match declared {
        Some(declared) => line(view, declared.span),
        None if name == "lo" => "`lo`: the loopback interface; it needs no declaration".into(),
        None if name.ends_with('+') => {
            let all = view.compilation.declarations.interfaces.iter();
            let prefix = name.trim_end_matches('+');
            let covered: Vec<_> = all.filter(|declared| declared.name.name().starts_with(prefix)).collect();
            let names: Vec<_> = covered.iter().map(|declared| format!("`{}`", declared.name)).collect();
            format!("every interface whose name begins with `{prefix}`: {}", names.join(", "))
        }
        None => format!("`{name}`: an interface that is not declared"),
    })
}

fn meaning(expect: &ValueKind, text: &str) -> Option<String> {
    match expect {
        ValueKind::Address => addresses(text),
        ValueKind::Ports => port(text),
        ValueKind::Reason => {
            let reason = value::reason(text).ok()?;
            let names = Family::BOTH.map(|family| reason_name(reason, family).unwrap_or("none"));
            Some(format!("`{text}`: {} in IPv4, {} in IPv6", names[0], names[1]))
        }
        ValueKind::IcmpType => {
            let types = icmp_type(text).ok()?.types;
            let shown: Vec<_> = Family::BOTH
                .into_iter()
                .zip(types)
                .filter_map(|(family, kind)| {
                    let kind = kind?;
                    let code = kind.code.map_or_else(String::new, |code| format!(" code {code}"));
                    Some(format!("{} type {}{code}", family.name(), kind.kind))
                })
                .collect();
            Some(format!("`{text}`: {}", shown.join(", ")))
        }
        ValueKind::Lint => explain::find(text).map(|known| format!("**{}**\n\n{}", known.title(), known.prose())),
        _ => None,
    }
}

/// What a value means whose kind the sentence does not say: one in a definition.
fn guess(text: &str) -> Option<String> {
    addresses(text).or_else(|| port(text).filter(|_| services::service(text).is_some() || text.contains('-')))
}

fn addresses(text: &str) -> Option<String> {
    let (first, last) = address::addresses(text).ok()??.ends();
    let kind = kind(first);
    let more = bits_of(last) - bits_of(first);
    let size = match more.checked_add(1) {
        Some(1) => return Some(format!("`{text}`: one address{kind}")),
        Some(size) if size <= 1 << 32 => format!("{size} addresses"),
        Some(size) if !size.is_power_of_two() => format!("about 2^{} addresses", size.ilog2()),
        size => format!("2^{} addresses", size.map_or(128, u128::ilog2)),
    };
    Some(format!("`{text}`: {size}: {first} to {last}{kind}"))
}

/// What a special address is for (RFC 6890 and the registries that it founded).
fn kind(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(v4) if v4.is_private() => "; private (RFC 1918)",
        IpAddr::V4(v4) if v4.is_documentation() => "; for documentation (RFC 5737)",
        IpAddr::V4(v4) if v4.is_link_local() => "; link-local (RFC 3927)",
        IpAddr::V6(v6) if v6.is_unique_local() => "; unique local (RFC 4193)",
        IpAddr::V6(v6) if v6.is_unicast_link_local() => "; link-local (RFC 4291)",
        IpAddr::V6(v6) if v6.segments()[..2] == [0x2001, 0xdb8] => "; for documentation (RFC 3849)",
        _ if address.is_loopback() => "; loopback",
        _ if address.is_multicast() => "; multicast",
        _ => "",
    }
}

fn port(text: &str) -> Option<String> {
    let range = ports(text).ok()?;
    if !range.is_single() {
        return Some(format!("`{text}`: {} ports", u32::from(range.end) - u32::from(range.start) + 1));
    }
    let names: Vec<_> = services::names()
        .filter(|name| services::service(name) == Some(range.start) && *name != text)
        .map(|name| format!("`{name}`"))
        .collect();
    let also = if names.is_empty() { String::new() } else { format!(", {}", names.join(", ")) };
    Some(format!("`{text}`: port {}{also}", range.start))
}
