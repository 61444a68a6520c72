//! A cursor over the tokens of a sentence, and the lists and variables in it.
//! Input: the tokens. Output: words one by one, and values as flat lists of atoms that know their places.

use std::sync::Arc;

use super::codes::ResolveError;
use super::suggest::did_you_mean;
use crate::diagnostic::{Diagnostics, Fix, Report};
use crate::language::clauses::RESERVED;
use crate::policy::{Declarations, Definition, Items};
use crate::source::{SourceId, Span};
use crate::syntax::{Ast, Token, TokenKind};

/// A position in the tokens of one sentence.
#[derive(Clone)]
pub struct Words<'a> {
    declarations: &'a Declarations,
    source: SourceId,
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
}

/// One value, with the place where a diagnostic about it points.
#[derive(Clone, Copy, Debug)]
pub struct Atom<'a> {
    /// The text as written.
    pub text: &'a str,
    /// Whether it is a string in quotes.
    pub string: bool,
    /// The place in the sentence: of the value, or of the variable that stands for it.
    pub span: Span,
    /// The place in the definition, where a variable is in the sentence.
    pub defined: Option<Span>,
}

/// A value as written: `VALUE`, `not VALUE`, `{ … }`, `A, B`, with variables replaced and lists flattened.
#[derive(Clone, Debug)]
pub struct List<'a> {
    /// Whether `not` comes before it.
    pub negated: bool,
    /// The values; never empty.
    pub atoms: Items<Atom<'a>>,
    /// The place of the whole.
    pub span: Span,
}

/// More values than any list needs; keeps definitions that double each other from filling the memory.
const MAX_ATOMS: usize = 65_536;

/// Definitions inside each other, far above what people write.
const MAX_DEPTH: usize = 64;

impl<'a> Words<'a> {
    /// At the first token of a sentence.
    pub fn new(ast: &'a Ast, sentence: u32, declarations: &'a Declarations) -> Words<'a> {
        let sentence = &ast.sentences[sentence as usize];
        let text = &ast.sources.get(sentence.source).text;
        Words { declarations, source: sentence.source, text, tokens: ast.tokens(sentence), at: 0 }
    }

    /// The value of a definition, whose sentence begins `define NAME =`.
    fn of_definition(definition: &'a Definition, declarations: &'a Declarations) -> Words<'a> {
        let tokens = &definition.tokens;
        Words { declarations, source: definition.source, text: &definition.text, tokens, at: tokens.len().min(3) }
    }

    /// The sentence as a definition of a name; its tokens are copied.
    pub fn definition(&self, name: String, span: Span, sentence: u32, broken: bool, text: Arc<str>) -> Definition {
        let (whole, tokens, source) = (self.whole(), self.tokens.into(), self.source);
        Definition { name, span, whole, sentence, tokens, source, text, broken }
    }

    /// The text of the token `ahead` places on, if that is a word.
    pub fn peek(&self, ahead: usize) -> Option<&'a str> {
        let token = self.tokens.get(self.at + ahead)?;
        (token.kind == TokenKind::Word).then(|| token.text(self.text))
    }

    /// The text of the next token, whatever it is.
    pub fn peek_text(&self) -> Option<&'a str> {
        Some(self.tokens.get(self.at)?.text(self.text))
    }

    /// Whether the next token is a string.
    pub fn at_string(&self) -> bool {
        self.tokens.get(self.at).is_some_and(|token| token.kind == TokenKind::String)
    }

    /// Whether the next token can begin a value: not the end, not a comma, not a clause's keyword.
    fn at_value(&self) -> bool {
        match self.tokens.get(self.at) {
            None => false,
            Some(token) => match token.kind {
                TokenKind::Comma | TokenKind::Close => false,
                TokenKind::Word => self.peek(0).is_none_or(|word| !RESERVED.contains(&word)),
                _ => true,
            },
        }
    }

    /// Whether all tokens are taken.
    pub fn is_done(&self) -> bool {
        self.at == self.tokens.len()
    }

    /// Whether the next tokens are these words.
    pub fn at_words(&self, words: &[impl AsRef<str>]) -> bool {
        words.iter().enumerate().all(|(ahead, word)| self.peek(ahead) == Some(word.as_ref()))
    }

    /// Takes these words, if they are next; gives their place.
    pub fn take(&mut self, words: &[impl AsRef<str>]) -> Option<Span> {
        self.at_words(words).then(|| {
            let start = self.span();
            self.at += words.len();
            start.to(self.last_span())
        })
    }

    /// Takes the next token, whatever it is.
    pub fn skip(&mut self) -> Span {
        let span = self.span();
        self.at = (self.at + 1).min(self.tokens.len());
        span
    }

    /// The place of the next token; at the end, the place right after the last one.
    pub fn span(&self) -> Span {
        match self.tokens.get(self.at) {
            Some(token) => token.span(self.source),
            None => self.end(),
        }
    }

    /// The place right after the last token.
    pub fn end(&self) -> Span {
        let last = self.tokens.last().map(|token| token.span(self.source));
        let end = last.map_or(0, |span| span.end);
        Span { source: self.source, start: end, end }
    }

    /// The place of the token before this position.
    pub fn last_span(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span(self.source)
    }

    /// The place of the sentence's tokens.
    pub fn whole(&self) -> Span {
        self.tokens.first().map_or(self.end(), |token| token.span(self.source).to(self.end()))
    }

    /// The place of the token before another one.
    pub fn before(&self, span: Span) -> Option<Span> {
        let before =
            self.tokens.iter().map(|token| token.span(self.source)).take_while(|token| token.start < span.start);
        before.last()
    }

    /// The text in a place of the sentence's file.
    pub fn text_of(&self, span: Span) -> &'a str {
        &self.text[span.start as usize..span.end as usize]
    }

    /// How many tokens are taken.
    pub fn taken(&self) -> usize {
        self.at
    }

    /// The whole sentence's words at the top level, outside of braces, from here on.
    pub fn rest(&self) -> impl Iterator<Item = &'a str> + '_ {
        let words = self.tokens[self.at..].iter().filter(|token| token.kind == TokenKind::Word);
        words.map(|token| token.text(self.text))
    }

    /// The names in the sentence, wherever it is: variables without their `$` (true), and words.
    pub fn names(&self) -> impl Iterator<Item = (bool, &'a str)> + '_ {
        self.tokens.iter().filter_map(|token| {
            let text = token.text(self.text);
            match token.kind {
                TokenKind::Variable => Some((true, &text[1..])),
                TokenKind::Word => Some((false, text)),
                _ => None,
            }
        })
    }

    /// Takes a string token.
    pub fn string(&mut self) -> Option<(String, Span)> {
        if !self.at_string() {
            return None;
        }
        let span = self.skip();
        Some((crate::syntax::string_value(self.text_of(span)), span))
    }
}

/// Takes a value: what is expected is named in `wanted` (`an address`). Notes in `used`, by position, which definitions are
/// used; reports what is wrong with its form.
pub fn value<'a>(
    words: &mut Words<'a>,
    wanted: &str,
    used: &mut [bool],
    diagnostics: &mut Diagnostics,
) -> Option<List<'a>> {
    let start = words.span();
    let negated = words.take(&["not"]).is_some();
    // `default drop forward`: what is a clause elsewhere is a value here.
    let chain = wanted == "a chain" && words.peek(0) == Some("forward");
    if !words.at_value() && !chain {
        let before = words.last_span();
        let after = words.text_of(before);
        let here = if words.is_done() { words.end() } else { words.span() };
        diagnostics.push(ResolveError::MissingValue.at(
            here,
            format!("`{after}` lacks its value"),
            format!("{wanted} is expected here"),
            format!("write {wanted} after `{after}`"),
        ));
        return None;
    }
    let mut reader = Reader { atoms: Items::new(), open: Vec::new(), expanded: 0, used, diagnostics };
    let complete = reader.list(words, None, 0)?;
    let atoms = reader.atoms;
    let span = start.to(words.last_span());
    if !complete || atoms.is_empty() {
        if atoms.is_empty() && complete {
            diagnostics.push(ResolveError::EmptyList.at(
                span,
                "the list is empty",
                format!("{wanted} is expected in it"),
                "write at least one value into the list, or remove the clause",
            ));
        }
        return None;
    }
    Some(List { negated, atoms, span })
}

/// Reads one value with all its lists and variables.
struct Reader<'a, 'b> {
    atoms: Items<Atom<'a>>,
    /// The definitions that are being read, innermost last.
    open: Vec<usize>,
    /// How many were read in all.
    expanded: usize,
    /// Which definitions are used.
    used: &'b mut [bool],
    diagnostics: &'b mut Diagnostics,
}

impl<'a> Reader<'a, '_> {
    /// Reads values from `words`: in a sentence up to where the value ends, in a definition all of them.
    /// `outer` is the place of the variable in the sentence. `None` after a report.
    fn list(&mut self, words: &mut Words<'a>, outer: Option<Span>, from: usize) -> Option<bool> {
        let mut depth = 0_usize;
        let mut expect_value = true;
        let first = words.at;
        while let Some(token) = words.tokens.get(words.at).copied() {
            let span = token.span(words.source);
            match token.kind {
                TokenKind::Open if expect_value => {
                    depth += 1;
                    words.at += 1;
                    continue;
                }
                TokenKind::Close if depth > 0 => {
                    depth -= 1;
                    expect_value = false;
                }
                TokenKind::Comma if depth > 0 && expect_value && words.at > first => {
                    let fix = Fix::Replace(span, String::new());
                    let message = "two commas without a value between them";
                    return self.bad_list(span, message, "remove one of the commas", Some(fix));
                }
                TokenKind::Comma if !expect_value => {
                    expect_value = true;
                    words.at += 1;
                    // Behind a comma every word is a value: `default drop input, forward`.
                    let kind = words.tokens.get(words.at).map(|token| token.kind);
                    if depth == 0 && outer.is_none() && matches!(kind, None | Some(TokenKind::Comma | TokenKind::Close))
                    {
                        return self.bad_list(
                            span,
                            "a value is missing after the comma",
                            "write the value, or remove the comma",
                            Some(Fix::Remove(span)),
                        );
                    }
                    continue;
                }
                TokenKind::Word | TokenKind::String | TokenKind::Variable if expect_value => {
                    let text = token.text(words.text);
                    if text == "not" && token.kind == TokenKind::Word {
                        self.diagnostics.push(ResolveError::NotInList.at(
                            outer.unwrap_or(span),
                            "`not` cannot be inside a list",
                            "here",
                            "write it before the list: `not { a, b }` means none of them",
                        ));
                        return None;
                    }
                    if token.kind == TokenKind::Variable {
                        self.variable(words, &text[1..], outer.unwrap_or(span), span)?;
                    } else {
                        let defined = outer.map(|_| span);
                        let string = token.kind == TokenKind::String;
                        self.atoms.push(Atom { text, string, span: outer.unwrap_or(span), defined });
                    }
                    if self.atoms.len() > MAX_ATOMS {
                        let label = format!("more than {MAX_ATOMS} values");
                        let help = "split the list, or say it with a prefix or a range";
                        return self.bad_list_at(outer.unwrap_or(span), "the list is too long", &label, help);
                    }
                    expect_value = false;
                }
                TokenKind::Word | TokenKind::String | TokenKind::Variable | TokenKind::Open if depth > 0 => {
                    if self.atoms.last().is_some_and(|atom| atom.text == "set" && !atom.string) {
                        let message = "a set of addresses cannot be in a list";
                        let help = "write a sentence for the set: `from set NAME`";
                        self.diagnostics.push(ResolveError::NotInList.at(span, message, "here", help));
                        return None;
                    }
                    // Behind the value before it.
                    let end = words.last_span().end;
                    let fix = Fix::Replace(Span { start: end, end, ..span }, ",".into());
                    let message = "a comma is missing before this value";
                    return self.bad_list(span, message, "write `,` between the values", Some(fix));
                }
                _ => break,
            }
            words.at += 1;
            // In a sentence the value ends here, unless a list is open or a comma follows.
            let comma = words.tokens.get(words.at).is_some_and(|token| token.kind == TokenKind::Comma);
            if depth == 0 && !comma {
                break;
            }
        }
        if outer.is_some() && !words.is_done() {
            let span = words.span();
            let message = "the definition goes on after its value";
            return self.bad_list(span, message, "write several values as `{ a, b }`", None);
        }
        // A brace that is never closed was reported with the tokens.
        Some(depth == 0 || self.atoms.len() > from)
    }

    fn variable(&mut self, words: &Words<'a>, name: &str, outer: Span, here: Span) -> Option<()> {
        let declarations = words.declarations;
        let Some(index) = declarations.definition(name) else {
            let names = declarations.definitions.iter().map(|definition| definition.name.as_str());
            let near = did_you_mean(name, names).map(|near| format!("${near}"));
            let help = match &near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("add `define {name} = …`"),
            };
            let report = ResolveError::UnknownVariable.at(here, format!("`${name}` is not defined"), "used here", help);
            self.diagnostics.push(report.or_rather(near));
            return None;
        };
        if self.open.contains(&index) {
            self.diagnostics.push(ResolveError::DefinitionCycle.at(
                here,
                format!("`${name}` is defined by itself"),
                "leads back to itself",
                "write the values into one of the definitions",
            ));
            return None;
        }
        self.expanded += 1;
        if self.expanded > MAX_ATOMS {
            // Definitions of nothing that double each other: no value, and no end either.
            let label = format!("more than {MAX_ATOMS} definitions in one value");
            self.bad_list_at(outer, "the list is too long", &label, "write the values into fewer definitions");
            return None;
        }
        if self.open.len() >= MAX_DEPTH {
            let message = format!("definitions inside each other more than {MAX_DEPTH} deep");
            let help = "write the values into fewer definitions";
            self.diagnostics.push(ResolveError::BadList.at(outer, message, "leads too deep", help));
            return None;
        }
        self.used[index] = true;
        let definition = &declarations.definitions[index];
        if definition.broken {
            return None;
        }
        let mut inner = Words::of_definition(definition, declarations);
        self.open.push(index);
        let read = self.list(&mut inner, Some(outer), self.atoms.len());
        self.open.pop();
        read.map(|_| ())
    }

    fn bad_list(&mut self, span: Span, message: &str, help: &str, fix: Option<Fix>) -> Option<bool> {
        let report = ResolveError::BadList.at(span, message, "here", help);
        self.diagnostics.push(fix.into_iter().fold(report, Report::fix));
        None
    }

    fn bad_list_at(&mut self, span: Span, message: &str, label: &str, help: &str) -> Option<bool> {
        self.diagnostics.push(ResolveError::BadList.at(span, message, label, help));
        None
    }
}
