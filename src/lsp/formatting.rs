//! `textDocument/formatting`: the canonical layout.
//! Input: a view. Output: one edit of the whole text, or none where nothing changes or nothing can be laid out.

use std::path::Path;

use super::protocol::{Range, TextEdit, position};
use super::view::View;
use crate::format::format;

/// The edit that lays out the file as `cgwfw fmt` does.
pub fn formatting(view: &View) -> Vec<TextEdit> {
    let source = view.source();
    let formatted = format(Path::new(&source.name), &source.text, &|word| view.library.is_verb(word));
    let Some(new_text) = formatted.text.filter(|text| **text != *source.text) else { return Vec::new() };
    let (start, end) = (position(source, 0), position(source, source.text.len()));
    vec![TextEdit { range: Range { start, end }, new_text }]
}
