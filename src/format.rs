//! Policies and sentences in their canonical layout.
//! Input: the text of a policy, or the tokens of a sentence. Output: the text as people agree to write it.

mod layout;

use std::io;
use std::path::Path;

use crate::diagnostic::Diagnostics;
use crate::source::{SourceId, Sources};
use crate::syntax::{self, Ast, Sentence, SyntaxError, Token, TokenKind};

/// A policy after formatting.
pub struct Formatted {
    /// The canonical text; none where the tokens have errors, since what is no token would be lost.
    pub text: Option<String>,
    /// What is wrong with the tokens.
    pub diagnostics: Diagnostics,
    /// The policy as it was, for the diagnostics.
    pub sources: Sources,
}

/// Formats the policy `text`, which stands in the file `name`. What it includes is neither read nor formatted.
///
/// Sentences, comments and rules stay what they are; only the comma that may end a list comes and goes with its line.
pub fn format(name: &Path, text: &str) -> Formatted {
    let mut found = Diagnostics::default();
    let nothing = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let ast = syntax::parse(name, text, Sources::default(), &nothing, &mut found);
    let mut diagnostics = Diagnostics::default();
    let of_tokens = found.iter().filter(|report| INCLUDES.iter().all(|code| code.code() != report.code));
    of_tokens.for_each(|report| diagnostics.push(report.clone()));
    diagnostics.sort();
    let text = (!diagnostics.has_errors()).then(|| layout::file(&ast));
    Formatted { text, diagnostics, sources: ast.sources }
}

/// Errors about included files, which leave the tokens as they are.
const INCLUDES: [SyntaxError; 4] =
    [SyntaxError::IncludeForm, SyntaxError::IncludeUnreadable, SyntaxError::IncludeCycle, SyntaxError::TooManyIncludes];

/// A sentence on one line: single blanks, `{ a, b }`.
pub fn sentence(ast: &Ast, sentence: &Sentence) -> String {
    let mut text = String::with_capacity(64);
    write_sentence(ast, sentence, &mut text);
    text
}

fn write_sentence(ast: &Ast, sentence: &Sentence, out: &mut String) {
    let tokens = ast.tokens(sentence);
    let file = &ast.sources.get(sentence.source).text;
    let mut before = None;
    for (index, token) in tokens.iter().enumerate() {
        if token.kind == TokenKind::Comma && ends_list(before, tokens.get(index + 1)) {
            continue;
        }
        let glued = before.is_none() || token.kind == TokenKind::Comma;
        if !glued {
            out.push(' ');
        }
        out.push_str(token.text(file));
        before = Some(token.kind);
    }
    if sentence.body.is_some() {
        out.push_str(" { … }");
    }
}

/// Whether a comma between these tokens may be left out: it ends a list that has values.
fn ends_list(before: Option<TokenKind>, next: Option<&Token>) -> bool {
    let is_value = !matches!(before, None | Some(TokenKind::Open | TokenKind::Comma));
    is_value && next.is_some_and(|token| token.kind == TokenKind::Close)
}

/// The longest comment line in a rule file, in bytes: a longer line would be read as a rule by `iptables-restore`.
pub const MOST_COMMENT_LINE: usize = 200;

/// Appends the comment that stands before a sentence's rules: an included one is preceded by the name of its file.
pub fn comment(ast: &Ast, sentence: &Sentence, out: &mut String) {
    let start = out.len();
    out.push_str(&prefix(ast, sentence.source));
    write_sentence(ast, sentence, out);
    let room = MOST_COMMENT_LINE - "# ".len();
    if out.len() - start > room {
        let cut = cut(&out[start..], room);
        out.truncate(start);
        out.push_str(&cut);
    }
}

/// What `comment` appends, for a sentence by its position.
pub fn comment_text(ast: &Ast, sentence: u32) -> String {
    let mut text = String::new();
    comment(ast, &ast.sentences[sentence as usize], &mut text);
    text
}

/// `name.cgwfw: ` for an included file: the name without its folders, which differ from machine to machine.
fn prefix(ast: &Ast, source: SourceId) -> String {
    let source = ast.sources.get(source);
    if source.included_at.is_none() {
        return String::new();
    }
    let name = source.name.rsplit(['/', '\\']).next().unwrap_or_default();
    format!("{}: ", crate::diagnostic::visible(name))
}

/// The text, or as much of it as fits into `most` bytes with `…` behind it.
pub fn cut(text: &str, most: usize) -> String {
    const MORE: &str = "…";
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most - MORE.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{MORE}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abc…");
        assert_eq!(cut("aéééé", 7), "aé…");
    }
}
