//! The lines of `rules` blocks as places.
//! Input: a sentence, and the number of a line of its block. Output: the place of the line.

use crate::source::Span;
use crate::syntax::{Ast, Sentence};

/// The place of a line, counted from 1, of a `rules` block: from its first letter to its last.
pub fn line_span(ast: &Ast, sentence: &Sentence, line: u32) -> Option<Span> {
    let body = sentence.body?;
    let source = ast.sources.get(body.source);
    let (lines, text) = (source.lines(), &source.text);
    let index = lines.line(body.start as usize) + line.checked_sub(1)? as usize;
    let start = lines.start(index, text).max(body.start as usize);
    let end = lines.start(index + 1, text).min(body.end as usize);
    let line = text.get(start..end)?;
    let indent = line.len() - line.trim_start().len();
    Some(Span::new(body.source, start + indent, start + indent + line.trim().len()))
}
