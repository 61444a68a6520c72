//! `textDocument/codeAction`: the ways out that reports know, one by one and all at once.
//! Input: a view and a range. Output: edits of the file.

use std::collections::HashMap;

use super::diagnostics::diagnostic;
use super::protocol::{CodeAction, CodeActionKind, Position, Range, TextEdit, Uri, WorkspaceEdit, position};
use super::view::View;
use crate::diagnostic::{Fix, Report, Severity};
use crate::format;
use crate::source::Span;

/// `source.fixAll` of this language.
pub const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.cgwfw");

/// The ways out of the reports in a range; and all together that need no choice. `only`: the kinds that are wanted.
pub fn actions(
    view: &View,
    uri: &Uri,
    range: Range,
    extra: &[Report],
    only: Option<&[CodeActionKind]>,
) -> Vec<CodeAction> {
    // A kind stands for those below it: `source` for `source.fixAll.cgwfw`.
    let wanted = |kind: &CodeActionKind| {
        let is_below = |above: &CodeActionKind| {
            kind.as_str().strip_prefix(above.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        only.is_none_or(|only| only.iter().any(is_below))
    };
    let all =
        || view.compilation.diagnostics.iter().chain(extra).filter(|report| report.label.span.source == view.file);
    let touches = |report: &&Report| {
        let own = view.range(report.label.span);
        own.start <= range.end && range.start <= own.end
    };
    let mut actions = Vec::new();
    for report in all().filter(touches).filter(|_| wanted(&CodeActionKind::QUICKFIX)) {
        for fix in &report.fixes {
            let Some((title, edit)) = change(view, report, fix) else { continue };
            actions.push(CodeAction {
                title,
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(vec![diagnostic(&view.compilation.ast.sources, report, None)]),
                edit: Some(edits(uri, vec![edit])),
                is_preferred: Some(certain(report).is_some()),
                ..CodeAction::default()
            });
        }
    }
    let mut together: Vec<TextEdit> =
        all().filter_map(|report| Some(change(view, report, certain(report)?)?.1)).collect();
    together.sort_by_key(|edit| (edit.range.start, edit.range.end));
    together.dedup();
    // Two changes of one place cannot both be made.
    let mut end = Position::default();
    together.retain(|edit| {
        let free = edit.range.start >= end;
        end = if free { edit.range.end } else { end };
        free
    });
    if !together.is_empty() && wanted(&FIX_ALL) {
        actions.push(CodeAction {
            title: format!("Fix all that has one way out ({})", together.len()),
            kind: Some(FIX_ALL),
            edit: Some(edits(uri, together)),
            ..CodeAction::default()
        });
    }
    actions
}

/// The way out that needs no choice: the only one of an error or a warning. What a note is about may be meant.
fn certain(report: &Report) -> Option<&Fix> {
    match &report.fixes[..] {
        [Fix::Remove(_)] => None,
        [fix] if report.severity != Severity::Note => Some(fix),
        _ => None,
    }
}

fn edits(uri: &Uri, edits: Vec<TextEdit>) -> WorkspaceEdit {
    // The protocol's type has addresses as keys.
    #[expect(clippy::mutable_key_type, reason = "the address is never changed")]
    let changes = HashMap::from([(uri.clone(), edits)]);
    WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }
}

/// A fix as people read it, and as an edit; `None` where it belongs into another file.
fn change(view: &View, report: &Report, fix: &Fix) -> Option<(String, TextEdit)> {
    match fix {
        Fix::Replace(span, text) => {
            if span.source != view.file {
                return None;
            }
            let title = match (view.text(*span), text.as_str()) {
                ("", text) => format!("Insert `{}`", text.trim()),
                (old, "") => format!("Remove `{old}`"),
                (old, text) => format!("Replace `{old}` with `{text}`"),
            };
            Some((title, TextEdit { range: view.range(*span), new_text: text.clone() }))
        }
        Fix::Remove(span) => {
            if span.source != view.file {
                return None;
            }
            let text = format::cut(view.text(*span), MAX_SHOWN);
            Some((
                format!("Remove `{text}`"),
                TextEdit { range: view.range(emptied(view, *span)), new_text: String::new() },
            ))
        }
        Fix::Add(words) => {
            let start = report.label.span.start;
            let (_, sentence) = view.sentences().filter(|(_, sentence)| view.span(sentence).start <= start).last()?;
            let end = position(view.source(), view.span(sentence).end as usize);
            let edit = TextEdit { range: Range { start: end, end }, new_text: format!(" {words}") };
            Some((format!("Add `{words}`"), edit))
        }
        Fix::Sentence(sentence) => {
            let line = view.range(report.label.span).start.line;
            // Declarations are together: after the last one of the same kind, where there is one before.
            let verb = sentence.split(' ').next().unwrap_or_default();
            let alike = view
                .sentences()
                .filter(|(_, known)| view.words(known, usize::MAX).first().is_some_and(|(word, _)| *word == verb));
            let last =
                alike.map(|(_, known)| view.range(view.span(known)).end.line + 1).filter(|at| *at <= line).last();
            let start = Position { line: last.unwrap_or(line), character: 0 };
            let edit = TextEdit { range: Range { start, end: start }, new_text: format!("{sentence}\n") };
            Some((format!("Add the sentence `{sentence}`"), edit))
        }
    }
}

/// More of a text than the title of an action shows.
const MAX_SHOWN: usize = 60;

/// What goes with a text that is removed: its line, where nothing else is on it; a comma beside it; the blanks before it.
fn emptied(view: &View, span: Span) -> Span {
    let text = &view.source().text;
    let (start, end) = (span.start as usize, span.end as usize);
    let before = &text[text[..start].rfind('\n').map_or(0, |at| at + 1)..start];
    let blanks = before.len() - before.trim_end_matches([' ', '\t']).len();
    let rest = &text[end..];
    let line = rest.find('\n').map_or(rest.len(), |at| at + 1);
    if before.trim().is_empty() && rest[..line].trim().is_empty() {
        return Span::new(view.file, start - before.len(), end + line);
    }
    let comma = |text: &str| text.trim_start().starts_with(',').then(|| text.find(',').map_or(0, |at| at + 1));
    match (comma(rest), before.trim_end().strip_suffix(',')) {
        (Some(after), _) => Span::new(view.file, start - blanks, end + after),
        (None, Some(head)) => Span::new(view.file, start - before.len() + head.len(), end),
        (None, None) => Span::new(view.file, start - blanks, end),
    }
}
