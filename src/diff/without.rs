//! A policy without one of its sentences.
//! Input: a policy, and a line of it. Output: the text of the policy without what stands there, and what that is.

use crate::source::Span;
use crate::syntax::{Ast, Sentence};

/// What a line of a policy is without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Without {
    /// Rules may be others: the text without what stands there, and what that is.
    Text {
        /// The text of the policy, whose lines are where they were.
        text: String,
        /// What is gone: a sentence, a line of a `rules` block.
        gone: String,
        /// Whether it is no longer there, or is another: of a default there is always one.
        replaced: Option<&'static str>,
    },
    /// The sentence yields no rule.
    NoRules(String),
    /// No sentence stands there.
    Nothing,
}

/// The sentences that yield no rules, by their first word.
const WITHOUT_RULES: [&str; 4] = ["interface", "define", "expect", "lint"];

/// The policy without the sentence on a line, counted from 1. Without an `include` it is without all sentences of the file;
/// without a line of a `rules` block without that rule, and without the first or last one without the whole block.
pub fn without(ast: &Ast, line: usize) -> Without {
    let source = ast.root;
    let text = &ast.sources.get(source).text;
    let lines = |span: Span| (ast.sources.position(span).0, ast.sources.end_position(span).0);
    let covers = |span: Span| span.source == source && (lines(span).0..=lines(span).1).contains(&line);
    let include = ast.sources.iter().filter_map(|(_, source)| source.included_at).find(|span| covers(*span));
    if let Some(span) = include {
        return Without::Text { text: blank(text, span), gone: ast.sources.text(span).to_owned(), replaced: None };
    }
    let Some(sentence) = ast.sentences.iter().find(|sentence| covers(ast.span(sentence))) else {
        return Without::Nothing;
    };
    let span = ast.span(sentence);
    if let Some(own) = sentence.body.and_then(|body| line_of_block(ast, body, (line, lines(span)))) {
        let gone = ast.sources.text(own).trim().to_owned();
        return if gone.is_empty() || gone.starts_with('#') {
            Without::Nothing
        } else {
            Without::Text { text: blank(text, own), gone, replaced: None }
        };
    }
    let words = |sentence: &Sentence| -> Vec<(String, Span)> {
        let tokens = ast.tokens(sentence).iter();
        tokens.map(|token| (token.text(text).to_owned(), token.span(source))).collect()
    };
    let gone = ast.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ");
    let words = words(sentence);
    match words.first().map(|(word, _)| word.as_str()) {
        Some(word) if WITHOUT_RULES.contains(&word) => Without::NoRules(gone),
        Some("default") => {
            let other = |word: &str| match word {
                "drop" => Some("accept"),
                "accept" => Some("drop"),
                _ => None,
            };
            match words.iter().find_map(|(word, span)| Some((other(word)?, *span))) {
                Some((word, span)) => {
                    let mut text = text.to_string();
                    text.replace_range(span.start as usize..span.end as usize, word);
                    Without::Text { text, gone, replaced: Some(word) }
                }
                None => Without::Nothing,
            }
        }
        _ => Without::Text { text: blank(text, span), gone, replaced: None },
    }
}

/// The line of a `rules` block that is a rule by itself: neither the first of the sentence nor its last.
fn line_of_block(ast: &Ast, body: Span, (line, (first, last)): (usize, (usize, usize))) -> Option<Span> {
    if line == first || line == last {
        return None;
    }
    let text = &ast.sources.get(body.source).text;
    let mut start = 0;
    for (number, one) in text.split_inclusive('\n').enumerate() {
        let end = start + one.trim_end_matches(['\n', '\r']).len();
        if number + 1 == line {
            return Some(Span { source: body.source, start: start as u32, end: end as u32 });
        }
        start += one.len();
    }
    None
}

/// The text with blanks in a place.
fn blank(text: &str, span: Span) -> String {
    let (start, end) = (span.start as usize, span.end as usize);
    let blanks = text[start..end].chars().map(|letter| if matches!(letter, '\n' | '\r') { letter } else { ' ' });
    [&text[..start], &blanks.collect::<String>(), &text[end..]].concat()
}
