//! `textDocument/completion`: what can be written next.
//! Input: a view and an offset. Output: sentences at the start of a line, then the clauses that are missing and values of the right kind.

use super::meaning::{self, Reading};
use super::offered::{OfferedClause, clauses};
use super::protocol::{
    CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, InsertTextFormat, MarkupContent, MarkupKind,
    Range, TextEdit,
};
use super::view::View;
use crate::diagnostic::Severity;
use crate::explain;
use crate::language::clauses::ValueKind;
use crate::language::values::{ICMP_TYPES, REASONS, reason_name};
use crate::language::{CORE, CoreSentence};
use crate::net::Family;
use crate::policy::Definition;
use crate::resolve::value::{address, ports};
use crate::services;
use crate::snippet::library::{Library, Name};
use crate::syntax::{Sentence, TokenKind};

/// What can be written at an offset; `placeholders`: whether the client fills them in.
pub fn completion(view: &View, offset: usize, placeholders: bool) -> Vec<CompletionItem> {
    let text = &view.source().text;
    let start = text[..offset].rfind(|c: char| !is_word(c)).map_or(0, |at| at + char_len(text, at));
    if in_comment_or_string(text, offset) || in_rules(view, offset) {
        return Vec::new();
    }
    let range = Range {
        start: super::protocol::position(view.source(), start),
        end: super::protocol::position(view.source(), offset),
    };
    let sentence = sentence_before(view, start);
    let items = match sentence {
        Some(sentence) => {
            let reading = meaning::read(&view.words(sentence, start), view.library);
            inside(view, &reading, sentence, start)
        }
        None => starts(view),
    };
    let items = items.into_iter().map(|item| if placeholders { item } else { plain(item) });
    // Clients would sort by the alphabet.
    let sorted =
        items.enumerate().map(|(index, item)| CompletionItem { sort_text: Some(format!("{index:04}")), ..item });
    sorted.map(|item| edit(item, range)).collect()
}

/// An item without placeholders: the words before the first one.
fn plain(item: CompletionItem) -> CompletionItem {
    let insert_text = item.insert_text.map(|text| match text.split_once('$') {
        Some((words, _)) => words.trim_end_matches('"').to_owned(),
        None => text,
    });
    CompletionItem { insert_text, insert_text_format: None, ..item }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || "-_.$/:+".contains(c)
}

fn char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

/// Whether nothing can be completed: after a `#`, or between quotes.
fn in_comment_or_string(text: &str, offset: usize) -> bool {
    let line = &text[text[..offset].rfind('\n').map_or(0, |at| at + 1)..offset];
    let mut string = false;
    for c in line.chars() {
        match c {
            '"' => string = !string,
            '#' if !string => return true,
            _ => {}
        }
    }
    string
}

/// Whether the lines of a `rules` block are at an offset: they are in another language.
fn in_rules(view: &View, offset: usize) -> bool {
    let bodies = view.sentences().filter_map(|(_, sentence)| sentence.body);
    bodies.into_iter().any(|body| (body.start as usize..=body.end as usize).contains(&offset))
}

/// The sentence that goes on at an offset: one that begins before it and is not ended by a line's end.
fn sentence_before<'a>(view: &View<'a>, offset: usize) -> Option<&'a Sentence> {
    let text = &view.source().text;
    let (_, sentence) =
        view.sentences().filter(|(_, sentence)| (view.span(sentence).start as usize) < offset).last()?;
    let words = view.words(sentence, offset);
    let end = view.tokens(sentence).get(words.len().checked_sub(1)?)?.span(view.file).end as usize;
    let open = words.iter().fold(0_i32, |open, (_, kind)| match kind {
        TokenKind::Open => open + 1,
        TokenKind::Close => open - 1,
        _ => open,
    });
    let between = &text[end.min(offset)..offset];
    let goes_on = open > 0 || !between.contains('\n') || between.trim_start_matches([' ', '\t']).starts_with('\\');
    goes_on.then_some(sentence)
}

fn edit(item: CompletionItem, range: Range) -> CompletionItem {
    let new_text = item.insert_text.clone().unwrap_or_else(|| item.label.clone());
    CompletionItem {
        insert_text: None,
        text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text })),
        ..item
    }
}

fn item(label: &str, kind: CompletionItemKind, text: &str) -> CompletionItem {
    let documentation = (!text.is_empty())
        .then(|| Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value: text.to_owned() }));
    CompletionItem { label: label.to_owned(), kind: Some(kind), documentation, ..CompletionItem::default() }
}

fn snippet(label: &str, insert: String, text: &str) -> CompletionItem {
    CompletionItem {
        insert_text: Some(insert),
        insert_text_format: Some(InsertTextFormat::SNIPPET),
        ..item(label, CompletionItemKind::SNIPPET, text)
    }
}

/// The sentences that can begin here, with placeholders for what they need.
fn starts(view: &View) -> Vec<CompletionItem> {
    let core = CORE.iter().map(|CoreSentence { verb, form, text, insert }| {
        snippet(verb, (*insert).to_owned(), &format!("`{form}`\n\n{text}"))
    });
    let names = view.library.verbs().flat_map(|verb| view.library.names(verb));
    let blocks = names.map(|name| {
        let signature = &view.library.snippets[usize::from(name.snippet)].signature;
        let insert = with_placeholders(name.title.clone(), name, view.library);
        let form = &signature.forms[usize::from(name.forms[0])];
        let form = format!("{} {}", name.title, form.text);
        snippet(&name.title, insert, &format!("`{}`\n\n{}", form.trim_end(), signature.summary))
    });
    core.chain(blocks).collect()
}

/// The words of a sentence, with placeholders for the clauses that it must have.
fn with_placeholders(mut words: String, name: &Name, library: &Library) -> String {
    let needed = clauses(name, library).into_iter().filter(|clause| clause.required);
    for (index, clause) in needed.enumerate() {
        clause.words.iter().for_each(|word| words.push_str(&format!(" {word}")));
        words.push_str(&placeholder(index + 1, &clause.value));
    }
    words
}

fn placeholder(index: usize, value: &ValueKind) -> String {
    match value {
        ValueKind::Nothing => String::new(),
        ValueKind::Words(words) => format!(" ${{{index}|{}|}}", words.join(",")),
        ValueKind::Interface => format!(" ${{{index}:interface}}"),
        ValueKind::Address => format!(" ${{{index}:address}}"),
        ValueKind::Ports => format!(" ${{{index}:port}}"),
        ValueKind::IcmpType => format!(" ${{{index}:type}}"),
        ValueKind::Reason => format!(" ${{{index}:reason}}"),
        ValueKind::Lint => format!(" ${{{index}:lint}}"),
        ValueKind::Other(_) => format!(" ${{{index}:value}}"),
    }
}

/// What can come next inside of a sentence.
fn inside(view: &View, reading: &Reading, sentence: &Sentence, offset: usize) -> Vec<CompletionItem> {
    if let Some(expected) = &reading.expected {
        return values(view, expected);
    }
    let words = view.words(sentence, offset);
    let verb = words.first().map_or("", |(text, _)| *text);
    let mut items = Vec::new();
    // More words of the block's name.
    for name in view.library.names(verb) {
        let longer = name.words.len() > words.len();
        if longer && words.iter().zip(&name.words).all(|((text, _), word)| text == word) {
            let signature = &view.library.snippets[usize::from(name.snippet)].signature;
            let rest = name.words[words.len()..].join(" ");
            let insert = with_placeholders(rest.clone(), name, view.library);
            items.push(CompletionItem {
                kind: Some(CompletionItemKind::FUNCTION),
                ..snippet(&rest, insert, &signature.summary)
            });
        }
    }
    // What the sentence must have comes first, then what it may have, as its block lists it.
    let mut left: Vec<&OfferedClause> = reading.left.iter().filter(|clause| !clause.words.is_empty()).collect();
    left.sort_by_key(|clause| !clause.required);
    items.extend(left.into_iter().map(clause));
    items
}

fn clause(clause: &OfferedClause) -> CompletionItem {
    let label = clause.words.join(" ");
    if clause.value == ValueKind::Nothing {
        return item(&label, CompletionItemKind::KEYWORD, &clause.text);
    }
    let insert = format!("{label}{}", placeholder(1, &clause.value));
    CompletionItem {
        insert_text: Some(insert),
        insert_text_format: Some(InsertTextFormat::SNIPPET),
        ..item(&label, CompletionItemKind::KEYWORD, &clause.text)
    }
}

/// Values of a kind.
fn values(view: &View, expect: &ValueKind) -> Vec<CompletionItem> {
    let declarations = &view.compilation.declarations;
    let fits: fn(&str) -> bool = match expect {
        ValueKind::Address => |text| text == "any" || address::addresses(text).is_ok_and(|some| some.is_some()),
        ValueKind::Ports => |text| ports(text).is_ok(),
        ValueKind::Interface => {
            |text| text.starts_with(|c: char| c.is_ascii_alphabetic()) && !text.contains([':', '/'])
        }
        ValueKind::Other("a value") | ValueKind::Other("a number") => |_| true,
        _ => |_| false,
    };
    let variables = declarations.definitions.iter().filter(|definition| atoms_fit(view, definition, fits, 0));
    let mut items: Vec<CompletionItem> = variables
        .map(|definition| {
            let text = view.text(view.span(&view.compilation.ast.sentences[definition.sentence as usize]));
            item(&format!("${}", definition.name), CompletionItemKind::VARIABLE, &format!("```cgwfw\n{text}\n```"))
        })
        .collect();
    match expect {
        ValueKind::Interface => {
            items.extend(declarations.interfaces.iter().map(|declared| {
                let text = declared.note.clone().unwrap_or_default();
                item(declared.name.name(), CompletionItemKind::FIELD, &text)
            }));
            items.push(item("lo", CompletionItemKind::FIELD, "the loopback interface"));
        }
        ValueKind::Address => items.push(item("any", CompletionItemKind::KEYWORD, "every address")),
        ValueKind::Ports => items.extend(services::names().map(|name| {
            let port = services::service(name).map_or_else(String::new, |port| port.to_string());
            CompletionItem { detail: Some(port), ..item(name, CompletionItemKind::CONSTANT, "") }
        })),
        ValueKind::IcmpType => {
            items.extend(ICMP_TYPES.iter().map(|(name, _)| item(name, CompletionItemKind::ENUM_MEMBER, "")))
        }
        ValueKind::Words(words) => {
            items.extend(words.iter().map(|word| item(word, CompletionItemKind::ENUM_MEMBER, "")));
        }
        ValueKind::Reason => items.extend(REASONS.iter().map(|(word, reason)| {
            let names = Family::BOTH.map(|family| reason_name(*reason, family).unwrap_or("none"));
            item(word, CompletionItemKind::ENUM_MEMBER, &format!("{} in IPv4, {} in IPv6", names[0], names[1]))
        })),
        ValueKind::Lint => {
            let lints = explain::all().iter().filter(|known| known.severity != Severity::Error);
            items.extend(lints.map(|known| item(known.name, CompletionItemKind::ENUM_MEMBER, known.title())));
        }
        ValueKind::Nothing | ValueKind::Other(_) => {}
    }
    items
}

/// Whether the values of a definition are of the kind that is wanted, those of the definitions in it included.
fn atoms_fit(view: &View, definition: &Definition, fits: fn(&str) -> bool, depth: usize) -> bool {
    let sentence = &view.compilation.ast.sentences[definition.sentence as usize];
    let words = view.words(sentence, usize::MAX);
    let mut atoms = words.iter().skip(3).filter(|(_, kind)| matches!(kind, TokenKind::Word | TokenKind::Variable));
    depth < 8
        && words.len() > 3
        && atoms.all(|(text, kind)| match kind {
            TokenKind::Variable => {
                let others = &view.compilation.declarations.definitions;
                others
                    .iter()
                    .find(|other| other.name == text[1..])
                    .is_some_and(|other| atoms_fit(view, other, fits, depth + 1))
            }
            _ => fits(text),
        })
}
