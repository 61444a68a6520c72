//! Source texts and places in them.
//! Input: the text of a file. Output: `Span`s that know their file, and the line and column of an offset.

use std::sync::{Arc, OnceLock};

/// The number of a source among the `Sources` of one compilation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// A range of bytes in one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Which source.
    pub source: SourceId,
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes from `start` to `end` of a source.
    pub fn new(source: SourceId, start: usize, end: usize) -> Span {
        Span { source, start: start as u32, end: end as u32 }
    }

    /// From the start of `self` to the end of `other`, which lies after it in the same source.
    pub fn to(self, other: Span) -> Span {
        Span { end: other.end.max(self.start), ..self }
    }
}

/// The starts of all lines of a text: turns offsets into lines and columns.
#[derive(Clone, Debug)]
pub struct LineIndex {
    starts: Vec<u32>,
}

impl LineIndex {
    /// Finds the lines of `text`.
    pub fn new(text: &str) -> LineIndex {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        LineIndex { starts: std::iter::once(0).chain(ends.map(|(at, _)| at as u32 + 1)).collect() }
    }

    /// The line of an offset, from 0.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start as usize <= offset) - 1
    }

    /// The first byte of a line, counted from 0; the end of the text for a line after the last.
    pub fn start(&self, line: usize, text: &str) -> usize {
        self.starts.get(line).map_or(text.len(), |start| *start as usize)
    }

    /// How many lines there are; at least one.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// Line and column of an offset, both from 1, the column in characters.
    pub fn position(&self, text: &str, offset: usize) -> (usize, usize) {
        let offset = floor_char_boundary(text, offset);
        let line = self.line(offset);
        let start = self.start(line, text);
        (line + 1, text[start..offset].chars().count() + 1)
    }
}

impl LineIndex {
    /// Line and column of an offset, both from 0, the column in UTF-16 units, as editors count (LSP 3.17, "Position").
    pub fn utf16(&self, text: &str, offset: usize) -> (u32, u32) {
        let offset = floor_char_boundary(text, offset);
        let line = self.line(offset);
        let column = text[self.start(line, text)..offset].chars().map(char::len_utf16).sum::<usize>();
        (line as u32, column as u32)
    }

    /// The offset of a line and a column in UTF-16 units; the end of the line or of the text where they lie after it.
    pub fn offset_of_utf16(&self, text: &str, line: u32, column: u32) -> usize {
        let start = self.start(line as usize, text);
        let rest = &text[start..];
        let line = rest.split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let mut units = 0;
        let inside = line.char_indices().find(|(_, c)| {
            let here = units;
            units += c.len_utf16();
            // Inside of a pair of surrogates: its start.
            here >= column as usize || units > column as usize
        });
        start + inside.map_or(line.len(), |(at, _)| at)
    }
}

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// One text that diagnostics point into: a policy, an included file, a snippet's own file.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name that people see: the path as it was given.
    pub name: String,
    /// The name of the file without its folders, which differ from machine to machine.
    pub file: String,
    /// The text.
    pub text: Arc<str>,
    lines: OnceLock<LineIndex>,
    /// The `include` sentence that brought it in.
    pub included_at: Option<Span>,
}

impl Source {
    /// Its lines, found when they are first asked for.
    pub fn lines(&self) -> &LineIndex {
        self.lines.get_or_init(|| LineIndex::new(&self.text))
    }
}

/// All sources of one compilation, the policy first.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    list: Vec<Source>,
}

impl Sources {
    /// Adds a source.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>, included_at: Option<Span>) -> SourceId {
        let name = name.into();
        let file = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        self.list.push(Source { name, file, text: text.into(), lines: OnceLock::new(), included_at });
        SourceId((self.list.len() - 1) as u32)
    }

    /// Gives other names to the sources from a position on; their files are the same ones.
    pub fn rename(&mut self, from: usize, name: impl Fn(&str) -> String) {
        self.list.iter_mut().skip(from).for_each(|source| source.name = name(&source.name));
    }

    /// The source of that number.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.list[id.0 as usize]
    }

    /// The text of a span.
    pub fn text(&self, span: Span) -> &str {
        &self.get(span.source).text[span.start as usize..span.end as usize]
    }

    /// Line and column of a span's start, from 1, the column in characters.
    pub fn position(&self, span: Span) -> (usize, usize) {
        let source = self.get(span.source);
        source.lines().position(&source.text, span.start as usize)
    }

    /// Line and column of a span's end, from 1, the column in characters.
    pub fn end_position(&self, span: Span) -> (usize, usize) {
        let source = self.get(span.source);
        source.lines().position(&source.text, span.end as usize)
    }

    /// The `include` sentences that lead to a source, the innermost first.
    pub fn includes(&self, id: SourceId) -> impl Iterator<Item = Span> {
        std::iter::successors(self.get(id).included_at, |span| self.get(span.source).included_at)
    }

    /// All sources, in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.list.iter().enumerate().map(|(index, source)| (SourceId(index as u32), source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "a\nüx\r\n";
        let lines = LineIndex::new(text);
        assert_eq!(lines.position(text, 0), (1, 1));
        assert_eq!(lines.position(text, 4), (2, 2));
        assert_eq!(lines.position(text, 3), (2, 1), "inside a character: its start");
        assert_eq!(lines.position(text, 99), (3, 1));
        assert_eq!(LineIndex::new("").count(), 1);
    }

    #[test]
    fn editors_count_utf16_units() {
        let text = "ä𝄞x\r\ny";
        let lines = LineIndex::new(text);
        for (offset, place) in [(0, (0, 0)), (2, (0, 1)), (6, (0, 3)), (7, (0, 4)), (9, (1, 0)), (10, (1, 1))] {
            assert_eq!(lines.utf16(text, offset), place, "{offset}");
            assert_eq!(lines.offset_of_utf16(text, place.0, place.1), offset, "{place:?}");
        }
        assert_eq!(lines.offset_of_utf16(text, 0, 2), 2, "inside of a pair of surrogates");
        assert_eq!(lines.offset_of_utf16(text, 0, 99), 7, "the end of the line");
        assert_eq!(lines.offset_of_utf16(text, 99, 0), 10, "the end of the text");
    }
}
