//! Definitions, references, renaming and highlights of variables, interfaces, included files and building blocks.
//! Input: a view and an offset. Output: places, or edits of all files.

use std::collections::{BTreeSet, HashMap};

use super::meaning::Meaning;
use super::protocol::{DocumentHighlight, Location, Range, TextEdit, Uri, WorkspaceEdit, location, path_of, uri};
use super::view::{At, View};
use crate::language::clauses::ValueKind;
use crate::net::Interface;
use crate::source::Span;
use crate::syntax::TokenKind;

/// What has a name.
#[derive(Clone, PartialEq, Eq)]
enum Named {
    Variable(String),
    Interface(String),
    Include(Span),
    Block(u16),
}

fn named(view: &View, at: At) -> Option<Named> {
    let sentence = &view.compilation.ast.sentences[at.sentence as usize];
    let reading = view.reading(sentence);
    let text = view.text(at.span);
    let is_interface = |text: &str| {
        text == "lo" || view.compilation.declarations.interfaces.iter().any(|declared| declared.name.name() == text)
    };
    match &reading.meanings[at.token] {
        Meaning::Variable => Some(Named::Variable(text.get(1..)?.to_owned())),
        Meaning::Defined => Some(Named::Variable(text.to_owned())),
        Meaning::Declared | Meaning::Value(ValueKind::Interface) => Some(Named::Interface(text.to_owned())),
        Meaning::Value(ValueKind::Other("a value")) if is_interface(text) => Some(Named::Interface(text.to_owned())),
        Meaning::Value(_) if view.words(sentence, usize::MAX)[0].0 == "include" => Some(Named::Include(at.span)),
        Meaning::Name => Some(Named::Block(reading.name?.snippet)),
        _ => None,
    }
}

/// Every place of a name, with whether it is the one that gives it.
fn places(view: &View, wanted: &Named) -> Vec<(Span, bool)> {
    let ast = &view.compilation.ast;
    let mut found = Vec::new();
    let mut readings: Option<(u32, Vec<Meaning>)> = None;
    for (index, at, kind, span) in view.all_tokens() {
        let text = view.text(span);
        // Reading a sentence takes its time: only those that have the name.
        let possible = match wanted {
            Named::Variable(name) => text.trim_start_matches('$') == name,
            Named::Interface(name) => text == name,
            Named::Include(_) | Named::Block(_) => false,
        };
        if !possible || kind == TokenKind::String {
            continue;
        }
        if readings.as_ref().is_none_or(|(known, _)| *known != index) {
            readings = Some((index, view.reading(&ast.sentences[index as usize]).meanings));
        }
        let Some((_, meanings)) = &readings else { continue };
        let here = match (wanted, &meanings[at]) {
            (Named::Variable(_), Meaning::Variable) => Some((Span { start: span.start + 1, ..span }, false)),
            (Named::Variable(_), Meaning::Defined) => Some((span, true)),
            (Named::Interface(_), Meaning::Declared) => Some((span, true)),
            (Named::Interface(_), Meaning::Value(ValueKind::Interface)) => Some((span, false)),
            // In a definition a word is an interface's name where one is declared so.
            (Named::Interface(_), Meaning::Value(ValueKind::Other("a value"))) => Some((span, false)),
            _ => None,
        };
        found.extend(here);
    }
    found
}

/// Where what is at an offset comes from.
pub fn definition(view: &View, offset: usize) -> Option<Location> {
    let at = view.at(offset)?;
    let sources = &view.compilation.ast.sources;
    match named(view, at)? {
        Named::Include(span) => {
            let (included, _) = sources.iter().find(|(_, source)| {
                source
                    .included_at
                    .is_some_and(|at| at.source == span.source && at.start <= span.start && span.end <= at.end)
            })?;
            location(sources, Span::new(included, 0, 0))
        }
        Named::Block(snippet) => {
            let files = view.library.snippets[usize::from(snippet)].files?;
            location(sources, Span::new(files.metadata, 0, 0))
        }
        name => places(view, &name).into_iter().find(|(_, defines)| *defines).and_then(|(span, _)| view.location(span)),
    }
}

/// Every place of what is at an offset, with or without the one that gives the name.
pub fn references(view: &View, offset: usize, declaration: bool) -> Vec<Location> {
    let Some(name) = view.at(offset).and_then(|at| named(view, at)) else { return Vec::new() };
    let places = places(view, &name).into_iter().filter(|(_, defines)| declaration || !*defines);
    places.filter_map(|(span, _)| view.location(span)).collect()
}

/// The places in this file.
pub fn highlights(view: &View, offset: usize) -> Vec<DocumentHighlight> {
    let Some(name) = view.at(offset).and_then(|at| named(view, at)) else { return Vec::new() };
    let places = places(view, &name).into_iter().filter(|(span, _)| span.source == view.file);
    places.map(|(span, _)| DocumentHighlight { range: view.range(span), kind: None }).collect()
}

/// The place of the name at an offset, if it can be changed.
pub fn can_rename(view: &View, offset: usize) -> Option<Range> {
    let at = view.at(offset)?;
    let name = named(view, at)?;
    let dollar = matches!(name, Named::Variable(_)) && view.text(at.span).starts_with('$');
    let fine = match &name {
        Named::Variable(_) => true,
        Named::Interface(name) => name != "lo",
        Named::Include(_) | Named::Block(_) => false,
    };
    let span = Span { start: at.span.start + u32::from(dollar), ..at.span };
    fine.then(|| view.range(span))
}

/// Another name in all places; or why it cannot have it.
pub fn rename(view: &View, offset: usize, new: &str) -> Result<WorkspaceEdit, String> {
    let name = view.at(offset).and_then(|at| named(view, at)).filter(|_| can_rename(view, offset).is_some());
    let Some(name) = name else { return Err("only variables and interfaces can have other names".into()) };
    let declarations = &view.compilation.declarations;
    let new = match &name {
        Named::Variable(_) => {
            let new = new.trim_start_matches('$');
            let begins = new.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !begins || !new.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
                return Err(format!("`{new}` is not a name: letters, digits, `-` and `_`, a letter first"));
            }
            if declarations.definitions.iter().any(|definition| definition.name == new) {
                return Err(format!("`{new}` is defined already"));
            }
            new
        }
        _ => {
            if Interface::new(new).is_none() || crate::resolve::value::interface(new).is_err() {
                return Err(format!("`{new}` cannot be the name of an interface"));
            }
            if declarations.interfaces.iter().any(|declared| declared.name.name() == new) {
                return Err(format!("`{new}` is declared already"));
            }
            new
        }
    };
    let spans: BTreeSet<Span> = places(view, &name).into_iter().map(|(span, _)| span).collect();
    #[expect(clippy::mutable_key_type, reason = "the address is never changed")]
    let mut changes: HashMap<_, Vec<TextEdit>> = HashMap::new();
    for Location { uri, range } in spans.into_iter().filter_map(|span| view.location(span)) {
        changes.entry(uri).or_default().push(TextEdit { range, new_text: new.to_owned() });
    }
    Ok(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() })
}

/// The files that the file includes, as links.
pub fn links(view: &View) -> Vec<(Range, Uri)> {
    let sources = &view.compilation.ast.sources;
    let included = sources.iter().filter_map(|(_, source)| Some((source, source.included_at?)));
    included
        .filter(|(_, span)| span.source == view.file && span.end > span.start)
        .filter_map(|(source, span)| Some((view.range(span), uri(&path_of(source))?)))
        .collect()
}
