//! One file's text to tokens and sentences, without what it includes.
//! Input: a text. Output: a `ParsedText`; what is not a token is reported and costs only its sentence.

use pest::Parser;
use pest::iterators::{Pair, Pairs};

use self::grammar::{Grammar, Rule};
use super::ast::{Sentence, Token, TokenKind};
use super::codes::SyntaxError;
use crate::diagnostic::{Diagnostics, Fix, Report, is_deceptive};
use crate::source::{SourceId, Span};

mod grammar {
    #[derive(pest_derive::Parser)]
    #[grammar = "../grammar/cgwfw.pest"]
    pub struct Grammar;
}

/// The sentences of a text; their tokens are positions in `tokens`.
#[derive(Default)]
pub struct ParsedText {
    /// The tokens of all sentences.
    pub tokens: Vec<Token>,
    /// The sentences.
    pub sentences: Vec<Sentence>,
    /// The comments.
    pub comments: Vec<Span>,
}

/// A sentence that is being read.
struct Open {
    first: u32,
    broken: bool,
    /// The braces that are open.
    braces: Vec<Span>,
}

/// The sentences of a text; `is_verb` says which words can begin one.
pub fn sentences(
    source: SourceId,
    text: &str,
    is_verb: &dyn Fn(&str) -> bool,
    diagnostics: &mut Diagnostics,
) -> ParsedText {
    // A word and its blank have about six bytes.
    let mut part = ParsedText { tokens: Vec::with_capacity(text.len() / 6), ..ParsedText::default() };
    let mut pairs = match Grammar::parse(Rule::policy, text) {
        Ok(pairs) => pairs,
        // The grammar takes every text; a limit of the parser would show here.
        Err(error) => {
            let at = match error.location {
                pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _)) => at,
            };
            diagnostics.push(SyntaxError::BadCharacter.at(
                Span::new(source, at, at),
                "the text cannot be read from here",
                "here",
                "remove what is here",
            ));
            return part;
        }
    };
    let mut state = Open { first: 0, broken: false, braces: Vec::new() };
    let mut stray: Option<Span> = None;
    let mut at_line_start = true;
    let policy = pairs.next().expect("the grammar's top rule gives one pair");
    let mut pairs = policy.into_inner();
    while let Some(pair) = pairs.next() {
        let span = span_of(source, &pair);
        let rule = pair.as_rule();
        if let Some(run) = stray.take_if(|run| rule != Rule::stray || run.end != span.start) {
            report_stray(run, text, diagnostics);
            state.broken = true;
        }
        let kind = match rule {
            Rule::newline => {
                at_line_start = true;
                if state.braces.is_empty() {
                    finish(&mut part, source, &mut state);
                }
                continue;
            }
            Rule::EOI => break,
            Rule::comment => {
                let text = pair.as_str().trim_end_matches('\r');
                check_comment(span, text, diagnostics);
                part.comments.push(Span { end: span.start + text.len() as u32, ..span });
                continue;
            }
            Rule::rules => {
                abandon_braces(&mut state, diagnostics);
                finish(&mut part, source, &mut state);
                push_rules(&mut part, source, pair);
                state.first = part.tokens.len() as u32;
                at_line_start = false;
                continue;
            }
            Rule::stray => {
                stray = Some(stray.map_or(span, |run| run.to(span)));
                continue;
            }
            Rule::open_string => {
                report_string(span, pair.as_str(), diagnostics);
                state.broken = true;
                TokenKind::String
            }
            Rule::string => TokenKind::String,
            Rule::variable => TokenKind::Variable,
            Rule::comma => TokenKind::Comma,
            Rule::open => {
                state.braces.push(span);
                TokenKind::Open
            }
            Rule::close => {
                if state.braces.pop().is_none() {
                    let report = SyntaxError::UnexpectedBrace.at(
                        span,
                        "`}` closes nothing",
                        "no `{` is open here",
                        "remove it, or write the `{` that it belongs to",
                    );
                    diagnostics.push(report.fix(Fix::Remove(span)));
                    state.broken = true;
                    continue;
                }
                TokenKind::Close
            }
            _ => {
                let run = pair.as_str();
                if at_line_start && !state.braces.is_empty() && begins_sentence(run, &pairs, is_verb) {
                    abandon_braces(&mut state, diagnostics);
                    finish(&mut part, source, &mut state);
                }
                // Control characters of Unicode are ASCII, or begin with this byte.
                if run.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f || byte == 0xc2) {
                    state.broken |= push_pieces(&mut part.tokens, span, run, text, diagnostics);
                } else {
                    push_words(&mut part.tokens, span, run);
                }
                at_line_start = false;
                continue;
            }
        };
        at_line_start = false;
        part.tokens.push(Token { kind, start: span.start, end: span.end });
    }
    if let Some(run) = stray {
        report_stray(run, text, diagnostics);
        state.broken = true;
    }
    abandon_braces(&mut state, diagnostics);
    finish(&mut part, source, &mut state);
    part
}

/// Ends the sentence that is being read.
fn finish(part: &mut ParsedText, source: SourceId, state: &mut Open) {
    let last = part.tokens.len() as u32;
    if last > state.first {
        part.sentences.push(Sentence { source, first: state.first, last, body: None, broken: state.broken });
    }
    state.broken = false;
    state.first = last;
}

/// Whether a run of words that begins a line inside braces begins a sentence: with a verb, and not as one value of a
/// list, which a comma or the end of the list follows. `after`: what follows the run.
fn begins_sentence(run: &str, after: &Pairs<Rule>, is_verb: &dyn Fn(&str) -> bool) -> bool {
    let mut words = run.split([' ', '\t']).filter(|word| !word.is_empty());
    if !words.next().is_some_and(is_verb) {
        return false;
    }
    let mut next = after.clone().map(|pair| pair.as_rule());
    words.next().is_some()
        || !matches!(next.find(|rule| !matches!(rule, Rule::newline | Rule::comment)), Some(Rule::comma | Rule::close))
}

/// Takes a run of words apart.
fn push_words(tokens: &mut Vec<Token>, span: Span, run: &str) {
    let mut start = None;
    for (at, byte) in run.bytes().chain(std::iter::once(b' ')).enumerate() {
        let blank = byte == b' ' || byte == b'\t';
        match start {
            None if !blank => start = Some(at),
            Some(from) if blank => {
                let (start_of_word, end) = (span.start + from as u32, span.start + at as u32);
                tokens.push(Token { kind: TokenKind::Word, start: start_of_word, end });
                start = None;
            }
            _ => {}
        }
    }
}

/// A run of words with control characters: the first is reported, what is between them are words. Whether there were any.
fn push_pieces(tokens: &mut Vec<Token>, span: Span, run: &str, text: &str, diagnostics: &mut Diagnostics) -> bool {
    let is_bad = |c: char| c.is_control() && c != '\t';
    let (mut start, mut any) = (0, false);
    while start < run.len() {
        let rest = &run[start..];
        let bad = rest.starts_with(is_bad);
        let length = rest.find(|c: char| is_bad(c) != bad).unwrap_or(rest.len());
        let (from, to) = (span.start + start as u32, span.start + (start + length) as u32);
        let piece = Span { start: from, end: to, ..span };
        if bad {
            // One report is enough: text with control characters between all letters has thousands.
            if !any {
                report_stray(piece, text, diagnostics);
            }
            any = true;
        } else {
            push_words(tokens, piece, &rest[..length]);
        }
        start += length;
    }
    any
}

fn span_of(source: SourceId, pair: &Pair<Rule>) -> Span {
    let span = pair.as_span();
    Span::new(source, span.start(), span.end())
}

/// A `rules` block: the words before the brace are its tokens, the text between the braces its body.
fn push_rules(part: &mut ParsedText, source: SourceId, pair: Pair<Rule>) {
    let first = part.tokens.len() as u32;
    let start = span_of(source, &pair).start;
    part.tokens.push(Token { kind: TokenKind::Word, start, end: start + "rules".len() as u32 });
    let mut body = None;
    for piece in pair.into_inner() {
        let span = span_of(source, &piece);
        if piece.as_rule() == Rule::body {
            body = Some(span);
        } else {
            part.tokens.push(Token { kind: TokenKind::Word, start: span.start, end: span.end });
        }
    }
    part.sentences.push(Sentence { source, first, last: part.tokens.len() as u32, body, broken: false });
}

fn abandon_braces(state: &mut Open, diagnostics: &mut Diagnostics) {
    // The innermost says enough: fifty thousand of them are one mistake.
    if let Some(open) = state.braces.pop() {
        diagnostics.push(SyntaxError::UnclosedBrace.at(
            open,
            "`{` is never closed",
            "opened here",
            "write the `}` that ends the list or the block",
        ));
        state.broken = true;
    }
    state.braces.clear();
}

fn report_stray(span: Span, text: &str, diagnostics: &mut Diagnostics) {
    let shown = &text[span.start as usize..span.end as usize];
    let help = match shown {
        "\\" => "a backslash joins lines: nothing may come after it on its line",
        "$" => "write the name of a definition directly after the `$`",
        _ => "remove it: outside of strings and comments only printable characters have a meaning",
    };
    let shown: String = shown
        .chars()
        .take(20)
        .map(|c| if c.is_control() { c.escape_unicode().to_string() } else { c.into() })
        .collect();
    let report =
        SyntaxError::BadCharacter.at(span, format!("`{shown}` has no meaning here"), "not a part of any word", help);
    // A control character in a word may be one too many, or stand for a blank: that is the author's to say.
    let (before, written) = (&text[..span.start as usize], &text[span.start as usize..span.end as usize]);
    let inside = |c: char| c.is_alphanumeric();
    let in_word = before.ends_with(inside) && text[span.end as usize..].starts_with(inside);
    let without = written.starts_with(char::is_control) && !in_word;
    let fix = without.then(|| Fix::Replace(span, String::new()));
    diagnostics.push(fix.into_iter().fold(report, Report::fix));
}

fn report_string(span: Span, text: &str, diagnostics: &mut Diagnostics) {
    let inner = &text[1..];
    let escape = inner.char_indices().scan(false, |escaped, (at, c)| {
        let bad = *escaped && c != '"' && c != '\\';
        *escaped = !*escaped && c == '\\';
        Some(bad.then_some((at, c)))
    });
    let bad: Vec<(usize, char)> = escape.flatten().collect();
    diagnostics.push(match bad.first() {
        Some((at, c)) if text.len() > 1 && text.ends_with('"') => {
            let start = span.start + *at as u32;
            let report = SyntaxError::BadEscape.at(
                Span { start, end: start + 1 + c.len_utf8() as u32, ..span },
                "a backslash escapes only `\"` and `\\`",
                "no escape that strings know",
                "write `\\\\` for a backslash",
            );
            let mut corrected = text.to_owned();
            bad.iter().rev().for_each(|(at, _)| corrected.insert(*at, '\\'));
            report.fix(Fix::Replace(span, corrected))
        }
        _ => {
            let report = SyntaxError::UnclosedString.at(
                span,
                "the string is not closed on its line",
                "starts here",
                "write the closing `\"`; a string holds no line break and no control character",
            );
            let end = Span { start: span.end, ..span };
            if text.chars().any(is_deceptive) { report } else { report.fix(Fix::Replace(end, "\"".into())) }
        }
    });
}

fn check_comment(span: Span, text: &str, diagnostics: &mut Diagnostics) {
    if let Some((at, c)) = text.char_indices().find(|(_, c)| is_deceptive(*c) && *c != '\t') {
        let start = span.start + at as u32;
        let place = Span { start, end: start + c.len_utf8() as u32, ..span };
        let report = SyntaxError::BadCharacter.at(
            place,
            format!("`{}` is a control character", c.escape_unicode()),
            "in this comment",
            "remove it: editors and terminals show such a line differently from what it is",
        );
        diagnostics.push(report.fix(Fix::Replace(place, String::new())));
    }
}
