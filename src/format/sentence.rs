//! Sentences on one line, as comments and in lists.
//! Input: the tokens of a sentence. Output: its words with single blanks.

use crate::source::SourceId;
use crate::syntax::{Ast, Sentence, Token, TokenKind};

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
pub fn ends_list(before: Option<TokenKind>, next: Option<&Token>) -> bool {
    let is_value = !matches!(before, None | Some(TokenKind::Open | TokenKind::Comma));
    is_value && next.is_some_and(|token| token.kind == TokenKind::Close)
}

/// The longest comment line in a rule file, in bytes: a longer line would be read as a rule by `iptables-restore`.
pub const MAX_COMMENT_LINE: usize = 200;

/// Appends the comment that comes before a sentence's rules: an included one is preceded by the name of its file.
pub fn comment(ast: &Ast, sentence: &Sentence, out: &mut String) {
    let start = out.len();
    out.push_str(&prefix(ast, sentence.source));
    write_sentence(ast, sentence, out);
    let room = MAX_COMMENT_LINE - "# ".len();
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

/// `name.cgwfw: ` for an included file.
fn prefix(ast: &Ast, source: SourceId) -> String {
    let source = ast.sources.get(source);
    if source.included_at.is_none() {
        return String::new();
    }
    format!("{}: ", crate::diagnostic::visible(&source.file))
}

/// The text, or as much of it as fits into `most` bytes with `…` after it.
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
