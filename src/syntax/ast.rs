//! A policy as written: its files, its sentences, their tokens. Data only.
//! Input: made by `parse`. Output: read by all that ask how something was written.

use crate::source::{SourceId, Sources, Span};

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
    pub(super) first: u32,
    pub(super) last: u32,
    /// The text between the braces of a `rules` block.
    pub body: Option<Span>,
    /// Whether something in it is not a token: that was reported, and its meaning cannot be known.
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
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Sentence {
    /// The same sentence, where its tokens are `offset` places further on.
    pub(super) fn moved(self, offset: u32) -> Sentence {
        Sentence { first: self.first + offset, last: self.last + offset, ..self }
    }
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
