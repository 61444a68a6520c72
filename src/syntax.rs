//! Policy text to sentences of tokens, includes in place.
//! Input: the text of a policy, and a way to read what it includes. Output: an `Ast`; a broken line costs only itself.

pub mod include;
pub mod sentences;

use std::io;
use std::path::Path;

use crate::codes;
use crate::diagnostic::Diagnostics;
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

impl Sentence {
    /// The same sentence, where its tokens stand `offset` places further on.
    fn moved(self, offset: u32) -> Sentence {
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

/// Parses sentences that are no part of a policy and speak in its terms: packets to trace. With the policy's `sources`,
/// reports can point into both.
pub fn beside(sources: &Sources, name: &str, text: &str, diagnostics: &mut Diagnostics) -> Ast {
    let none = |_: &Path| Err(io::ErrorKind::NotFound.into());
    parse(Path::new(name), text, sources.clone(), &none, diagnostics)
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

/// Reads a source, and what it includes in the places of its `include` sentences.
fn parse_source(
    ast: &mut Ast,
    source: SourceId,
    path: &Path,
    read: Read,
    includes: &mut include::Includes,
    diagnostics: &mut Diagnostics,
) {
    let text = ast.sources.get(source).text.clone();
    let part = sentences::sentences(source, &text, diagnostics);
    let offset = ast.tokens.len() as u32;
    if offset == 0 {
        // Moved, not copied: they are many.
        ast.tokens = part.tokens;
    } else {
        ast.tokens.extend(part.tokens);
    }
    ast.comments.extend(part.comments);
    ast.sentences.reserve(part.sentences.len());
    for sentence in part.sentences {
        let sentence = sentence.moved(offset);
        let first = ast.tokens[sentence.first as usize].text(&text);
        if first == "include" && !sentence.broken && sentence.body.is_none() {
            include::follow(ast, &sentence, path, read, includes, diagnostics);
        }
        ast.sentences.push(sentence);
    }
}
