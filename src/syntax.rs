//! Policy text to sentences of tokens, includes in place.
//! Input: the text of a policy, and a way to read what it includes. Output: an `Ast`; a broken line costs only itself.

pub mod include;

use std::io;
use std::path::Path;

use grammar::{Grammar, Rule};
use pest::Parser;
use pest::iterators::Pair;

use crate::codes;
use crate::diagnostic::{Diagnostics, is_deceptive};
use crate::source::{SourceId, Sources, Span};

mod grammar {
    #[derive(pest_derive::Parser)]
    #[grammar = "../grammar/cgwfw.pest"]
    pub struct Grammar;
}

codes! {
    /// What can be wrong with the tokens of a policy.
    SyntaxError:
    /// A character that no token has.
    BadCharacter = Error "cgwfw::syntax::bad_character",
    /// A string without its closing quote.
    UnclosedString = Error "cgwfw::syntax::unclosed_string",
    /// A backslash in a string before something else than `"` or `\`.
    BadEscape = Error "cgwfw::syntax::bad_escape",
    /// A `{` without its `}`.
    UnclosedBrace = Error "cgwfw::syntax::unclosed_brace",
    /// A `}` without its `{`.
    UnexpectedBrace = Error "cgwfw::syntax::unexpected_brace",
    /// An `include` that does not name one file in quotes.
    IncludeForm = Error "cgwfw::syntax::include_form",
    /// An included file that cannot be read.
    IncludeUnreadable = Error "cgwfw::syntax::include_unreadable",
    /// A file that includes itself, directly or through others.
    IncludeCycle = Error "cgwfw::syntax::include_cycle",
    /// More includes than any policy needs.
    TooManyIncludes = Error "cgwfw::syntax::too_many_includes",
}

/// The policy as written: its files, and their sentences in reading order.
#[derive(Clone, Debug, Default)]
pub struct Ast {
    /// Every file: those of users' own building blocks, the policy, what it includes.
    pub sources: Sources,
    /// The policy itself.
    pub root: SourceId,
    /// The tokens of all sentences.
    pub tokens: Vec<Token>,
    /// The sentences, those of an included file in the place of its `include`.
    pub sentences: Vec<Sentence>,
    /// The comments of all files, `#` included.
    pub comments: Vec<Span>,
}

/// One sentence: a run of tokens in one file.
#[derive(Clone, Debug)]
pub struct Sentence {
    /// Its file.
    pub source: SourceId,
    first: u32,
    last: u32,
    /// The text between the braces of a `rules` block.
    pub body: Option<Span>,
    /// Whether something in it is no token: that was reported, and its meaning cannot be known.
    pub broken: bool,
}

/// What a token is, before anyone knows its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword, an address, a number, …
    Word,
    /// `"…"`, quotes included.
    String,
    /// `$name`
    Variable,
    /// `,`
    Comma,
    /// `{`
    Open,
    /// `}`
    Close,
}

/// The smallest part of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    start: u32,
    end: u32,
}

impl Ast {
    /// The tokens of a sentence.
    pub fn tokens(&self, sentence: &Sentence) -> &[Token] {
        &self.tokens[sentence.first as usize..sentence.last as usize]
    }

    /// The place of a sentence, from its first token to its last.
    pub fn span(&self, sentence: &Sentence) -> Span {
        let tokens = self.tokens(sentence);
        let end = sentence.body.map(|body| body.end + 1).or(tokens.last().map(|token| token.end));
        Span { source: sentence.source, start: tokens.first().map_or(0, |token| token.start), end: end.unwrap_or(0) }
    }
}

impl Token {
    /// The text of a token, out of that of its file.
    pub fn text<'a>(&self, file: &'a str) -> &'a str {
        &file[self.start as usize..self.end as usize]
    }

    /// The place of a token in its file.
    pub fn span(&self, source: SourceId) -> Span {
        Span { source, start: self.start, end: self.end }
    }
}

/// The meaning of a string token: without its quotes, escapes resolved.
pub fn string_value(token: &str) -> String {
    let inner = token.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(token);
    let mut value = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        value.push(if c == '\\' { characters.next().unwrap_or(c) } else { c });
    }
    value
}

/// Reads the text of an included file.
pub type Read<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// Parses `text`, which stands in the file `root`, and everything that it includes. `sources` are those that are known
/// already: the files of users' own building blocks.
pub fn parse(root: &Path, text: &str, sources: Sources, read: Read, diagnostics: &mut Diagnostics) -> Ast {
    let mut ast = Ast { sources, ..Ast::default() };
    let source = ast.sources.add(root.display().to_string(), text, None);
    let mut includes = include::Includes::new(root);
    parse_source(&mut ast, source, root, read, &mut includes, diagnostics);
    ast.root = source;
    ast
}

/// Adds sentences that are no part of the policy, and speak in its terms: packets to trace. Gives their positions.
pub fn append(ast: &mut Ast, name: &str, text: &str, diagnostics: &mut Diagnostics) -> std::ops::Range<u32> {
    let first = ast.sentences.len() as u32;
    let source = ast.sources.add(name, text, None);
    let mut includes = include::Includes::new(Path::new(name));
    let none = |_: &Path| Err(io::ErrorKind::NotFound.into());
    parse_source(ast, source, Path::new(name), &none, &mut includes, diagnostics);
    first..ast.sentences.len() as u32
}

/// Words that begin a sentence: where one begins a line inside an open brace, the brace was forgotten.
pub const SENTENCE_STARTS: [&str; 18] = [
    "accept",
    "allow",
    "clamp",
    "default",
    "define",
    "dnat",
    "drop",
    "expect",
    "include",
    "interface",
    "lint",
    "log",
    "mark",
    "masquerade",
    "notrack",
    "reject",
    "rules",
    "snat",
];

/// A sentence that is being read.
struct Open {
    first: u32,
    broken: bool,
    /// The braces that are open.
    braces: Vec<Span>,
}

fn parse_source(
    ast: &mut Ast,
    source: SourceId,
    path: &Path,
    read: Read,
    includes: &mut include::Includes,
    diagnostics: &mut Diagnostics,
) {
    let text = ast.sources.get(source).text.clone();
    let mut pairs = match Grammar::parse(Rule::policy, &text) {
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
                "remove what stands here",
            ));
            return;
        }
    };
    let mut state = Open { first: ast.tokens.len() as u32, broken: false, braces: Vec::new() };
    let mut stray: Option<Span> = None;
    let mut at_line_start = true;
    let policy = pairs.next().expect("the grammar's top rule gives one pair");
    for pair in policy.into_inner() {
        let span = span_of(source, &pair);
        let rule = pair.as_rule();
        if let Some(run) = stray.take_if(|run| rule != Rule::stray || run.end != span.start) {
            report_stray(run, &text, diagnostics);
            state.broken = true;
        }
        let kind = match rule {
            Rule::newline => {
                at_line_start = true;
                if state.braces.is_empty() {
                    finish(ast, source, path, read, includes, &mut state, diagnostics);
                }
                continue;
            }
            Rule::EOI => break,
            Rule::comment => {
                let text = pair.as_str().trim_end_matches('\r');
                check_comment(span, text, diagnostics);
                ast.comments.push(Span { end: span.start + text.len() as u32, ..span });
                continue;
            }
            Rule::rules => {
                abandon_braces(&mut state, diagnostics);
                finish(ast, source, path, read, includes, &mut state, diagnostics);
                push_rules(ast, source, pair);
                state.first = ast.tokens.len() as u32;
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
                    diagnostics.push(SyntaxError::UnexpectedBrace.at(
                        span,
                        "`}` closes nothing",
                        "no `{` is open here",
                        "remove it, or write the `{` that it belongs to",
                    ));
                    state.broken = true;
                    continue;
                }
                TokenKind::Close
            }
            _ => {
                let run = pair.as_str();
                let first = run.split(is_blank).next().unwrap_or_default();
                if at_line_start && !state.braces.is_empty() && SENTENCE_STARTS.contains(&first) {
                    abandon_braces(&mut state, diagnostics);
                    finish(ast, source, path, read, includes, &mut state, diagnostics);
                }
                // Control characters of Unicode are ASCII, or begin with this byte.
                if run.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f || byte == 0xc2) {
                    state.broken |= push_pieces(ast, span, run, &text, diagnostics);
                } else {
                    push_words(ast, span, run);
                }
                at_line_start = false;
                continue;
            }
        };
        at_line_start = false;
        ast.tokens.push(Token { kind, start: span.start, end: span.end });
    }
    if let Some(run) = stray {
        report_stray(run, &text, diagnostics);
        state.broken = true;
    }
    abandon_braces(&mut state, diagnostics);
    finish(ast, source, path, read, includes, &mut state, diagnostics);
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// Takes a run of words apart.
fn push_words(ast: &mut Ast, span: Span, run: &str) {
    let mut start = None;
    for (at, byte) in run.bytes().chain(std::iter::once(b' ')).enumerate() {
        let blank = byte == b' ' || byte == b'\t';
        match start {
            None if !blank => start = Some(at),
            Some(from) if blank => {
                let (start_of_word, end) = (span.start + from as u32, span.start + at as u32);
                ast.tokens.push(Token { kind: TokenKind::Word, start: start_of_word, end });
                start = None;
            }
            _ => {}
        }
    }
}

/// A run of words with control characters: they are reported, what stands between them are words. Whether there were any.
fn push_pieces(ast: &mut Ast, span: Span, run: &str, text: &str, diagnostics: &mut Diagnostics) -> bool {
    let is_bad = |c: char| c.is_control() && c != '\t';
    let (mut start, mut any) = (0, false);
    while start < run.len() {
        let rest = &run[start..];
        let bad = rest.starts_with(is_bad);
        let length = rest.find(|c: char| is_bad(c) != bad).unwrap_or(rest.len());
        let (from, to) = (span.start + start as u32, span.start + (start + length) as u32);
        let piece = Span { start: from, end: to, ..span };
        if bad {
            report_stray(piece, text, diagnostics);
            any = true;
        } else {
            push_words(ast, piece, &rest[..length]);
        }
        start += length;
    }
    any
}

fn span_of(source: SourceId, pair: &Pair<Rule>) -> Span {
    let span = pair.as_span();
    Span::new(source, span.start(), span.end())
}

/// Ends the sentence that is being read; follows it where it is an `include`.
fn finish(
    ast: &mut Ast,
    source: SourceId,
    path: &Path,
    read: Read,
    includes: &mut include::Includes,
    state: &mut Open,
    diagnostics: &mut Diagnostics,
) {
    let last = ast.tokens.len() as u32;
    if last > state.first {
        let sentence = Sentence { source, first: state.first, last, body: None, broken: state.broken };
        let first = ast.tokens[state.first as usize];
        if &ast.sources.get(source).text[first.start as usize..first.end as usize] == "include" && !sentence.broken {
            include::follow(ast, &sentence, path, read, includes, diagnostics);
        }
        ast.sentences.push(sentence);
    }
    state.broken = false;
    state.first = ast.tokens.len() as u32;
}

/// A `rules` block: the words before the brace are its tokens, the text between the braces its body.
fn push_rules(ast: &mut Ast, source: SourceId, pair: Pair<Rule>) {
    let first = ast.tokens.len() as u32;
    let start = pair.as_span().start() as u32;
    ast.tokens.push(Token { kind: TokenKind::Word, start, end: start + "rules".len() as u32 });
    let mut body = None;
    for part in pair.into_inner() {
        let span = span_of(source, &part);
        if part.as_rule() == Rule::body {
            body = Some(span);
        } else {
            ast.tokens.push(Token { kind: TokenKind::Word, start: span.start, end: span.end });
        }
    }
    ast.sentences.push(Sentence { source, first, last: ast.tokens.len() as u32, body, broken: false });
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
        "\\" => "a backslash joins lines: nothing may stand behind it on its line",
        "$" => "write the name of a definition directly after the `$`",
        _ => "remove it: outside of strings and comments only printable characters have a meaning",
    };
    let shown: String = shown
        .chars()
        .take(20)
        .map(|c| if c.is_control() { c.escape_unicode().to_string() } else { c.into() })
        .collect();
    diagnostics.push(SyntaxError::BadCharacter.at(
        span,
        format!("`{shown}` has no meaning here"),
        "not a part of any word",
        help,
    ));
}

fn report_string(span: Span, text: &str, diagnostics: &mut Diagnostics) {
    let inner = &text[1..];
    let escape = inner.char_indices().scan(false, |escaped, (at, c)| {
        let bad = *escaped && c != '"' && c != '\\';
        *escaped = !*escaped && c == '\\';
        Some(bad.then_some((at, c)))
    });
    let bad = escape.flatten().next();
    diagnostics.push(match bad {
        Some((at, c)) if text.len() > 1 && text.ends_with('"') => {
            let start = span.start + at as u32;
            SyntaxError::BadEscape.at(
                Span { start, end: start + 1 + c.len_utf8() as u32, ..span },
                "a backslash escapes only `\"` and `\\`",
                "no escape that strings know",
                "write `\\\\` for a backslash",
            )
        }
        _ => SyntaxError::UnclosedString.at(
            span,
            "the string is not closed on its line",
            "starts here",
            "write the closing `\"`; a string holds no line break and no control character",
        ),
    });
}

fn check_comment(span: Span, text: &str, diagnostics: &mut Diagnostics) {
    if let Some((at, c)) = text.char_indices().find(|(_, c)| is_deceptive(*c) && *c != '\t') {
        let start = span.start + at as u32;
        diagnostics.push(SyntaxError::BadCharacter.at(
            Span { start, end: start + c.len_utf8() as u32, ..span },
            format!("`{}` is a control character", c.escape_unicode()),
            "in this comment",
            "remove it: editors and terminals show such a line differently from what it is",
        ));
    }
}
