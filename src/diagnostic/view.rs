//! The lines of a source that a report shows: those that it points at, long ones cut around the places.
//! Input: a source and places in it. Output: text as miette reads it, and the same places in that text.

use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::text::{is_deceptive, visible};
use crate::source::{SourceId, Sources, Span};

/// The longest line that is shown whole, in bytes.
const WHOLE: usize = 400;
/// The characters that are shown before a place in a longer line.
const BEFORE: usize = 60;
/// The characters that are shown of a place and after it.
const BEHIND: usize = 120;
/// The most lines that one place is shown in; of a longer one the first line is shown.
const LINES: usize = 20;

/// Some lines of a source.
pub struct Excerpt {
    name: String,
    text: String,
    /// Of each line that is shown: where it begins in `text`, and its number in the source, from 0.
    lines: Vec<(usize, usize)>,
    /// Where the places begin in `text`, with their columns in the source, from 0.
    columns: Vec<(usize, usize)>,
}

impl Excerpt {
    /// The lines around some places of one source, and these places in them.
    pub fn new(sources: &Sources, id: SourceId, places: &[Span]) -> (Excerpt, Vec<SourceSpan>) {
        let source = sources.get(id);
        let (whole, index) = (&*source.text, source.lines());
        let line_range = |line: usize| index.start(line, whole)..index.start(line + 1, whole);
        let places: Vec<Range<usize>> = places
            .iter()
            .map(|span| {
                let (start, end) = (span.start as usize, (span.end as usize).max(span.start as usize));
                let (first, last) = (index.line(start), index.line(end.saturating_sub(1).max(start)));
                let long = (first..=last).take(LINES + 1).any(|line| line_range(line).len() > WHOLE);
                if first < last && (long || last - first >= LINES) {
                    return start..whole[line_range(first)].trim_end().len() + index.start(first, whole);
                }
                let room =
                    whole.get(start..end).and_then(|text| text.char_indices().nth(BEHIND)).map(|(at, _)| start + at);
                start..room.filter(|_| long).unwrap_or(end)
            })
            .collect();
        let mut numbers: Vec<usize> = places
            .iter()
            .flat_map(|place| index.line(place.start)..=index.line(place.end.saturating_sub(1).max(place.start)))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut view =
            Excerpt { name: visible(&source.name), text: String::new(), lines: Vec::new(), columns: Vec::new() };
        // Of each piece of the source that is shown: where it is there, and where it begins in the text.
        let mut pieces: Vec<(Range<usize>, usize)> = Vec::new();
        for line in numbers {
            view.lines.push((view.text.len(), line));
            let range = line_range(line);
            let windows = windows(whole, &range, &places);
            for window in &windows {
                let before = pieces.last().map_or(range.start, |(piece, _)| piece.end.max(range.start));
                if window.start > before {
                    view.text.push('…');
                }
                pieces.push((window.clone(), view.text.len()));
                view.push_safely(&whole[window.clone()]);
            }
            if windows.last().is_some_and(|window| window.end < range.end) {
                view.text.push_str("…\n");
            }
        }
        let moved = |offset: usize| {
            let piece = pieces.iter().find(|(piece, _)| (piece.start..=piece.end).contains(&offset));
            piece.map_or(view.text.len(), |(piece, start)| start + offset - piece.start)
        };
        let spans: Vec<SourceSpan> = places
            .iter()
            .map(|place| {
                let start = moved(place.start);
                (start, moved(place.end).saturating_sub(start)).into()
            })
            .collect();
        let column = |place: &Range<usize>| index.position(whole, place.start).1 - 1;
        view.columns = spans.iter().map(SourceSpan::offset).zip(places.iter().map(column)).collect();
        (view, spans)
    }

    /// Deceptive characters are replaced, byte for byte.
    fn push_safely(&mut self, text: &str) {
        let deceptive = |c: char| is_deceptive(c) && !matches!(c, '\n' | '\r' | '\t');
        if !text.contains(deceptive) {
            return self.text.push_str(text);
        }
        for c in text.chars() {
            match deceptive(c) {
                true => self.text.extend(std::iter::repeat_n('?', c.len_utf8())),
                false => self.text.push(c),
            }
        }
    }
}

/// What is shown of a line: all of it, or what lies around the places.
fn windows(whole: &str, line: &Range<usize>, places: &[Range<usize>]) -> Vec<Range<usize>> {
    if line.len() <= WHOLE {
        return vec![line.clone()];
    }
    let back = |at: usize| {
        let letters = whole[line.start..at].char_indices().rev();
        letters.take(BEFORE).last().map_or(at, |(before, _)| line.start + before)
    };
    let ahead = |at: usize| whole[at..line.end].char_indices().nth(BEHIND).map_or(line.end, |(behind, _)| at + behind);
    let inside = places.iter().filter(|place| line.contains(&place.start) || line.contains(&place.end));
    let mut windows: Vec<Range<usize>> = inside
        .map(|place| {
            let (start, end) = (place.start.max(line.start), place.end.clamp(line.start, line.end));
            back(start)..ahead(start).max(end)
        })
        .collect();
    windows.sort_by_key(|window| window.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for window in windows {
        match joined.last_mut() {
            Some(last) if window.start <= last.end => last.end = last.end.max(window.end),
            _ => joined.push(window),
        }
    }
    joined
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        if span.offset() > self.text.len() || self.lines.is_empty() {
            return Err(MietteError::OutOfBounds);
        }
        // Whole lines, and no others around them: the places of a report say enough.
        let line = |offset: usize| self.lines.partition_point(|(start, _)| *start <= offset).max(1) - 1;
        let first = line(span.offset());
        let last = line((span.offset() + span.len().max(1) - 1).min(self.text.len()));
        // The handler asks without context where the report begins: the answer is the column in the heading.
        let column = self.columns.iter().find(|(start, _)| before == 0 && *start == span.offset());
        let column = column.map_or(0, |(_, column)| *column);
        let start = self.lines[first].0;
        let end = self.lines.get(last + 1).map_or(self.text.len(), |(start, _)| *start);
        let contents = MietteSpanContents::new_named(
            self.name.clone(),
            &self.text.as_bytes()[start..end],
            (start, end - start).into(),
            self.lines[first].1,
            column,
            last + 1 - first,
        );
        Ok(Box::new(contents))
    }
}
