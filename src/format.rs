//! Sentences in their canonical layout.
//! Input: the tokens of a sentence. Output: its text on one line.

use crate::source::SourceId;
use crate::syntax::{Ast, Sentence, TokenKind};

/// A sentence on one line: single blanks, `{ a, b }`.
pub fn sentence(ast: &Ast, sentence: &Sentence) -> String {
    let mut text = String::with_capacity(64);
    let mut before = None;
    for token in ast.tokens(sentence) {
        let glued = before.is_none() || token.kind == TokenKind::Comma;
        if !glued {
            text.push(' ');
        }
        text.push_str(ast.sources.text(token.span(sentence.source)));
        before = Some(token.kind);
    }
    if sentence.body.is_some() {
        text.push_str(" { … }");
    }
    text
}

/// The longest comment line in a rule file, in bytes: a longer line would be read as a rule by `iptables-restore`.
pub const MOST_COMMENT_LINE: usize = 200;

/// The comment lines of all sentences: an included one is preceded by the name of its file.
pub fn comments(ast: &Ast) -> Vec<Box<str>> {
    let mut prefixes: Vec<Option<String>> = Vec::new();
    let line = |of: &Sentence| {
        let text = sentence(ast, of);
        let SourceId(source) = of.source;
        let index = source as usize;
        if prefixes.len() <= index {
            prefixes.resize(index + 1, None);
        }
        let prefix = prefixes[index].get_or_insert_with(|| prefix(ast, of.source));
        let room = MOST_COMMENT_LINE - "# ".len();
        if prefix.is_empty() { cut(&text, room).into() } else { cut(&format!("{prefix}{text}"), room).into() }
    };
    ast.sentences.iter().map(line).collect()
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
