//! A compilation as one of its files sees it: what every request is answered from.
//! Input: a compilation and a file. Output: sentences, tokens and places of the file.

use super::meaning::{self, Reading, TokenText};
use super::protocol::{self, Location, Position, Range};
use crate::compile::Compilation;
use crate::expect::Checked;
use crate::host::Compiled;
use crate::snippet::library::Library;
use crate::source::{Source, SourceId, Span};
use crate::syntax::{Sentence, Token, TokenKind};

/// A file of a compiled policy.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The policy.
    pub compilation: &'a Compilation,
    /// The building blocks that were there for it.
    pub library: &'a Library,
    /// The file.
    pub file: SourceId,
    /// What became of the expectations, once that is known.
    pub checked: Option<&'a [Checked]>,
}

/// A token, with its sentence.
#[derive(Clone, Copy)]
pub struct At {
    /// The position of the sentence in `Ast::sentences`.
    pub sentence: u32,
    /// The position of the token in the sentence.
    pub token: usize,
    /// The place of the token.
    pub span: Span,
}

impl<'a> View<'a> {
    /// A view of a policy's file.
    pub fn new(compiled: &'a Compiled, file: SourceId, checked: Option<&'a [Checked]>) -> View<'a> {
        View { compilation: &compiled.compilation, library: &compiled.library, file, checked }
    }

    /// The file's source.
    pub fn source(&self) -> &'a Source {
        self.compilation.ast.sources.get(self.file)
    }

    /// The offset of a position in the file.
    pub fn offset(&self, position: Position) -> usize {
        protocol::offset(self.source(), position)
    }

    /// The range of a span.
    pub fn range(&self, span: Span) -> Range {
        protocol::range(&self.compilation.ast.sources, span)
    }

    /// The place of a span, in whichever file.
    pub fn location(&self, span: Span) -> Option<Location> {
        protocol::location(&self.compilation.ast.sources, span)
    }

    /// The text of a span.
    pub fn text(&self, span: Span) -> &'a str {
        self.compilation.ast.sources.text(span)
    }

    /// The sentences of the file, in order, with their positions.
    pub fn sentences(&self) -> impl Iterator<Item = (u32, &'a Sentence)> {
        let file = self.file;
        (0..).zip(&self.compilation.ast.sentences).filter(move |(_, sentence)| sentence.source == file)
    }

    /// The place of a sentence.
    pub fn span(&self, sentence: &Sentence) -> Span {
        self.compilation.ast.span(sentence)
    }

    /// The tokens of a sentence.
    pub fn tokens(&self, sentence: &Sentence) -> &'a [Token] {
        self.compilation.ast.tokens(sentence)
    }

    /// The tokens of a sentence before an offset, as `meaning` reads them.
    pub fn words(&self, sentence: &Sentence, before: usize) -> Vec<TokenText<'a>> {
        let text = &*self.compilation.ast.sources.get(sentence.source).text;
        let tokens = self.tokens(sentence).iter();
        tokens
            .filter(|token| token.span(sentence.source).end as usize <= before)
            .map(|token| (token.text(text), token.kind))
            .collect()
    }

    /// What the tokens of a sentence mean.
    pub fn reading(&self, sentence: &Sentence) -> Reading<'a> {
        meaning::read(&self.words(sentence, usize::MAX), self.library)
    }

    /// The token at an offset, its end included.
    pub fn at(&self, offset: usize) -> Option<At> {
        self.sentences().find_map(|(index, sentence)| {
            let tokens = self.tokens(sentence).iter().enumerate();
            // Of two tokens that touch, the one that begins here.
            let mut touching = tokens.filter(|(_, token)| {
                let span = token.span(self.file);
                (span.start as usize..=span.end as usize).contains(&offset)
            });
            let (token, found) = touching.next_back()?;
            Some(At { sentence: index, token, span: found.span(self.file) })
        })
    }

    /// The token of an `At`.
    pub fn token(&self, at: At) -> Token {
        self.tokens(&self.compilation.ast.sentences[at.sentence as usize])[at.token]
    }

    /// All tokens of the policy, in every file, with their sentences.
    pub fn all_tokens(&self) -> impl Iterator<Item = (u32, usize, TokenKind, Span)> {
        let ast = &self.compilation.ast;
        (0..).zip(&ast.sentences).flat_map(move |(index, sentence)| {
            let tokens = ast.tokens(sentence).iter().enumerate();
            tokens.map(move |(at, token)| (index, at, token.kind, token.span(sentence.source)))
        })
    }
}
