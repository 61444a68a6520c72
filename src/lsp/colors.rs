//! `textDocument/semanticTokens`: what each word is, for colours.
//! Input: a view. Output: the tokens of the file in the protocol's encoding: places relative to the one before.

use super::meaning::Meaning;
use super::protocol::{SemanticToken, SemanticTokenType, position};
use super::view::View;
use crate::language::clauses::ValueKind;
use crate::source::Span;
use crate::syntax::TokenKind;

/// The kinds of tokens, in the order of their numbers.
pub const LEGEND: [SemanticTokenType; 9] = [
    SemanticTokenType::KEYWORD,
    SemanticTokenType::FUNCTION,
    SemanticTokenType::VARIABLE,
    SemanticTokenType::PARAMETER,
    SemanticTokenType::NUMBER,
    SemanticTokenType::STRING,
    SemanticTokenType::COMMENT,
    SemanticTokenType::ENUM_MEMBER,
    SemanticTokenType::INTERFACE,
];

/// The tokens of the file.
pub fn tokens(view: &View) -> Vec<SemanticToken> {
    let number = |kind: &SemanticTokenType| LEGEND.iter().position(|known| known == kind).unwrap_or_default() as u32;
    let mut found: Vec<(Span, u32)> = view
        .compilation
        .ast
        .comments
        .iter()
        .filter(|comment| comment.source == view.file)
        .map(|comment| (*comment, number(&SemanticTokenType::COMMENT)))
        .collect();
    for (_, sentence) in view.sentences() {
        let reading = view.reading(sentence);
        for (token, meaning) in view.tokens(sentence).iter().zip(&reading.meanings) {
            let span = token.span(view.file);
            if let Some(kind) = kind(token.kind, meaning, view.text(span)) {
                found.push((span, number(&kind)));
            }
        }
    }
    found.sort();
    let mut before = (0, 0);
    found
        .into_iter()
        .map(|(span, token_type)| {
            let start = position(view.source(), span.start as usize);
            let length = view.text(span).chars().map(|c| c.len_utf16() as u32).sum();
            let delta_line = start.line - before.0;
            let delta_start = if delta_line == 0 { start.character - before.1 } else { start.character };
            before = (start.line, start.character);
            SemanticToken { delta_line, delta_start, length, token_type, token_modifiers_bitset: 0 }
        })
        .collect()
}

fn kind(token: TokenKind, meaning: &Meaning, text: &str) -> Option<SemanticTokenType> {
    Some(match (token, meaning) {
        (TokenKind::String, _) => SemanticTokenType::STRING,
        (TokenKind::Variable, _) | (_, Meaning::Variable | Meaning::Defined) => SemanticTokenType::VARIABLE,
        (_, Meaning::Name) => SemanticTokenType::FUNCTION,
        (_, Meaning::Keyword(_)) => SemanticTokenType::KEYWORD,
        (_, Meaning::Declared | Meaning::Value(ValueKind::Interface)) => SemanticTokenType::INTERFACE,
        (_, Meaning::Value(_)) if text.starts_with(|c: char| c.is_ascii_digit()) || text.contains(':') => {
            SemanticTokenType::NUMBER
        }
        (_, Meaning::Value(ValueKind::Other("a value"))) => SemanticTokenType::PARAMETER,
        (_, Meaning::Value(_)) => SemanticTokenType::ENUM_MEMBER,
        (_, Meaning::Punctuation | Meaning::Unknown) => return None,
    })
}
