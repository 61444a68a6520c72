//! A file in its canonical layout.
//! Input: the sentences and comments of one file, without errors in its tokens. Output: its text.

use super::sentence::{ends_list, sentence as one_line};
use crate::source::Span;
use crate::syntax::{Ast, IsVerb, Sentence, TokenKind};

/// The text of the policy itself; what it includes counts for nothing.
pub fn file(ast: &Ast, is_verb: IsVerb) -> String {
    let mut entries = entries(ast, is_verb);
    entries.chunk_by_mut(stand_below).for_each(align);
    let mut out = String::with_capacity(ast.sources.get(ast.root).text.len());
    for (index, entry) in entries.iter().enumerate() {
        match entry.before {
            _ if index == 0 => {}
            Before::Blank => out.push(' '),
            Before::Line => out.push('\n'),
            Before::EmptyLine => out.push_str("\n\n"),
        }
        out.push_str(&entry.text);
        if let Some(remark) = entry.remark {
            out.push_str("  ");
            out.push_str(remark);
        }
    }
    if !entries.is_empty() {
        out.push('\n');
    }
    // At the start of a file one byte order mark means nothing; a second one is a part of the first word.
    if out.starts_with(MARK) {
        out.insert(0, MARK);
    }
    out
}

const MARK: char = '\u{feff}';

/// A sentence, or a comment on a line of its own.
struct Entry<'a> {
    before: Before,
    text: String,
    /// The comment after a sentence.
    remark: Option<&'a str>,
    column: Option<Column<'a>>,
}

/// What separates an entry from the one before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Blank,
    Line,
    EmptyLine,
}

impl Before {
    fn new(breaks: usize) -> Before {
        if breaks > 1 { Before::EmptyLine } else { Before::Line }
    }
}

/// Where the second word of a sentence ends, in sentences that are below each other like a table.
#[derive(Clone, Copy)]
struct Column<'a> {
    verb: &'a str,
    /// In bytes.
    end: usize,
}

fn entries<'a>(ast: &'a Ast, is_verb: IsVerb) -> Vec<Entry<'a>> {
    let source = &ast.sources.get(ast.root).text;
    let mut comments = ast.comments.iter().filter(|comment| comment.source == ast.root).peekable();
    let mut entries: Vec<Entry> = Vec::new();
    let mut end = 0;
    for sentence in ast.sentences.iter().filter(|sentence| sentence.source == ast.root) {
        let span = ast.span(sentence);
        while let Some(comment) = comments.next_if(|comment| comment.start < span.start) {
            push_comment(&mut entries, ast, end, *comment);
            end = comment.end as usize;
        }
        let inside: Vec<Span> =
            std::iter::from_fn(|| comments.next_if(|comment| comment.start < span.end)).copied().collect();
        let is_rules = word(ast, sentence, 0) == Some(RULES);
        let text = match sentence.body {
            Some(body) => rules_block(ast, sentence, body),
            // Something is wrong before the brace: what is after it is meant to be rules, not a list.
            None if is_rules => trimmed_lines(ast.sources.text(span)),
            None if ast.sources.text(span).contains('\n') => over_lines(ast, sentence, &inside, is_verb),
            None => one_line(ast, sentence),
        };
        let breaks = breaks(&source[end..span.start as usize]);
        // Behind a block on its line `rules` begins no block, which it would on a line of its own.
        let before = if breaks == 0 && is_rules { Before::Blank } else { Before::new(breaks) };
        let column = column(ast, sentence).filter(|_| !text.contains('\n'));
        entries.push(Entry { before, text, remark: None, column });
        end = span.end as usize;
    }
    for comment in comments {
        push_comment(&mut entries, ast, end, *comment);
        end = comment.end as usize;
    }
    entries
}

/// The first word of a `rules` block.
const RULES: &str = "rules";

fn push_comment<'a>(entries: &mut Vec<Entry<'a>>, ast: &'a Ast, end: usize, comment: Span) {
    let gap = &ast.sources.get(comment.source).text[end..comment.start as usize];
    let text = ast.sources.text(comment).trim_end();
    let breaks = breaks(gap);
    match entries.last_mut() {
        Some(sentence) if breaks == 0 => sentence.remark = Some(text),
        _ => entries.push(Entry { before: Before::new(breaks), text: text.to_owned(), remark: None, column: None }),
    }
}

/// How many lines end in what is between two tokens; those that a backslash joins with the next don't.
fn breaks(gap: &str) -> usize {
    let ends = |line: &str| line.ends_with('\n') && !line.trim_end_matches(WHITE).ends_with('\\');
    gap.split_inclusive('\n').filter(|line| ends(line)).count()
}

/// White space at the end of a line.
const WHITE: [char; 4] = [' ', '\t', '\r', '\n'];

fn word<'a>(ast: &'a Ast, sentence: &Sentence, index: usize) -> Option<&'a str> {
    let token = ast.tokens(sentence).get(index).filter(|token| token.kind == TokenKind::Word)?;
    Some(ast.sources.text(token.span(sentence.source)))
}

/// The verbs of sentences that read like a table.
const TABLES: [&str; 3] = [INTERFACE, "define", "expect"];
const INTERFACE: &str = "interface";

fn column<'a>(ast: &'a Ast, sentence: &Sentence) -> Option<Column<'a>> {
    let verb = word(ast, sentence, 0).filter(|verb| TABLES.contains(verb))?;
    let end = verb.len() + 1 + word(ast, sentence, 1)?.len();
    let glued = ast.tokens(sentence).get(2).is_some_and(|token| token.kind == TokenKind::Comma);
    (!glued).then_some(Column { verb, end })
}

/// Whether an entry goes on with the table of the one before it.
fn stand_below(above: &Entry, below: &Entry) -> bool {
    let same = |(above, below): (Column, Column)| above.verb == below.verb;
    below.before == Before::Line && above.column.zip(below.column).is_some_and(same)
}

/// Makes the second column of a table as wide as its longest word.
fn align(table: &mut [Entry]) {
    if table.len() < 2 {
        return;
    }
    let width = |entry: &Entry| entry.column.map_or(0, |column| entry.text[..column.end].chars().count());
    let widest = table.iter().map(width).max().unwrap_or_default();
    for entry in table {
        if let Some(Column { verb, end }) = entry.column.filter(|column| column.end < entry.text.len()) {
            let more = if verb == INTERFACE { 1 } else { 0 };
            entry.text.insert_str(end, &" ".repeat(widest - width(entry) + more));
        }
    }
}

fn trimmed_lines(text: &str) -> String {
    text.split('\n').map(|line| line.trim_end_matches(WHITE)).collect::<Vec<_>>().join("\n")
}

/// A `rules` block: on one line if it was, else each of its lines indented.
fn rules_block(ast: &Ast, sentence: &Sentence, body: Span) -> String {
    let tokens = ast.tokens(sentence).iter();
    let mut out: String = tokens.map(|token| format!("{} ", ast.sources.text(token.span(sentence.source)))).collect();
    out.push('{');
    let body = ast.sources.text(body);
    // A carriage return is white space at the end of a line only: one before a `#` keeps this from being a comment.
    let mut lines = body.split('\n').map(|line| line.trim_start_matches([' ', '\t']).trim_end_matches(WHITE));
    if !body.contains('\n') || lines.clone().all(str::is_empty) {
        if let Some(line) = lines.find(|line| !line.is_empty()) {
            out.push(' ');
            out.push_str(line);
        }
        out.push_str(" }");
        return out;
    }
    let (mut first, mut gap) = (true, false);
    for line in lines {
        if line.is_empty() {
            gap = true;
            continue;
        }
        new_line(&mut out, 1, gap && !first);
        out.push_str(line);
        (first, gap) = (false, false);
    }
    out.push_str("\n}");
    out
}

fn new_line(out: &mut String, depth: usize, empty: bool) {
    out.push_str(if empty { "\n\n" } else { "\n" });
    out.push_str(&"  ".repeat(depth.min(MAX_DEPTH)));
}

/// Lists inside more others than this are not indented further: fifty thousand of them would fill the memory.
const MAX_DEPTH: usize = 16;

/// A token or a comment of a sentence that goes over lines.
struct Piece<'a> {
    /// `None` for a comment.
    kind: Option<TokenKind>,
    text: &'a str,
    /// The lines that end before it.
    breaks: usize,
    /// For a brace that opens: whether its list goes over lines.
    long: bool,
}

/// A sentence with its lists as they were: on one line, or a value a line.
fn over_lines(ast: &Ast, sentence: &Sentence, comments: &[Span], is_verb: IsVerb) -> String {
    let pieces = pieces(ast, sentence, comments);
    let tokens = ast.tokens(sentence);
    let mut out = String::new();
    // The open lists: whether each goes over lines.
    let mut open: Vec<bool> = Vec::new();
    let mut waiting: Vec<&Piece> = Vec::new();
    let mut before = None;
    let mut index = 0;
    for piece in &pieces {
        let Some(kind) = piece.kind else {
            waiting.push(piece);
            continue;
        };
        index += 1;
        let long = open.last() == Some(&true);
        if kind == TokenKind::Comma && !long && ends_list(before, tokens.get(index)) {
            continue;
        }
        // Where such a word begins a line and is not one value of a list, the reader takes the list for unfinished.
        let ends = matches!(tokens.get(index).map(|token| token.kind), Some(TokenKind::Comma | TokenKind::Close));
        let held = kind == TokenKind::Comma || (kind == TokenKind::Word && !ends && is_verb(piece.text));
        let opened = before == Some(TokenKind::Open);
        let closes = kind == TokenKind::Close;
        let due = piece.breaks > 0 || opened || closes || before == Some(TokenKind::Comma);
        if long && due && !held {
            if closes && !opened && before != Some(TokenKind::Comma) {
                out.push(',');
            }
            let mut first = opened;
            for (at, comment) in waiting.drain(..).enumerate() {
                if at == 0 && comment.breaks == 0 {
                    out.push_str("  ");
                } else {
                    new_line(&mut out, open.len(), comment.breaks > 1 && !first);
                }
                out.push_str(comment.text);
                first = false;
            }
            new_line(&mut out, open.len() - usize::from(closes), piece.breaks > 1 && !first && !closes);
        } else if before.is_some() && kind != TokenKind::Comma {
            out.push(' ');
        }
        out.push_str(piece.text);
        match kind {
            TokenKind::Open => open.push(piece.long),
            TokenKind::Close => {
                open.pop();
            }
            _ => {}
        }
        before = Some(kind);
    }
    out
}

/// The tokens and comments of a sentence in the order in which they are.
fn pieces<'a>(ast: &'a Ast, sentence: &Sentence, comments: &[Span]) -> Vec<Piece<'a>> {
    let source = &ast.sources.get(sentence.source).text;
    let tokens = ast.tokens(sentence).iter().map(|token| (Some(token.kind), token.span(sentence.source)));
    let mut parts: Vec<_> = tokens.chain(comments.iter().map(|comment| (None, *comment))).collect();
    parts.sort_by_key(|(_, span)| span.start);
    let mut pieces: Vec<Piece> = Vec::with_capacity(parts.len());
    // The open braces: which piece, and how many lines ended before it.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut lines = 0;
    let mut end = ast.span(sentence).start as usize;
    for (kind, span) in parts {
        let breaks = breaks(&source[end..span.start as usize]);
        end = span.end as usize;
        lines += breaks;
        if kind == Some(TokenKind::Open) {
            open.push((pieces.len(), lines));
        }
        if kind == Some(TokenKind::Close)
            && let Some((at, before)) = open.pop()
        {
            // An empty list stays together.
            pieces[at].long = lines > before && at + 1 < pieces.len();
        }
        let text = ast.sources.text(span);
        let text = if kind.is_none() { text.trim_end() } else { text };
        pieces.push(Piece { kind, text, breaks, long: false });
    }
    pieces
}
