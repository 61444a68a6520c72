//! `textDocument/documentSymbol` and `foldingRange`: the outline of a file.
//! Input: a view. Output: its definitions, interfaces, expectations and building blocks; what can be folded.

use super::meaning::Meaning;
use super::protocol::{DocumentSymbol, FoldingRange, FoldingRangeKind, SymbolKind};
use super::view::View;
use crate::format;
use crate::source::Span;

/// The sentences of the file, each with its kind.
pub fn symbols(view: &View) -> Vec<DocumentSymbol> {
    let ast = &view.compilation.ast;
    view.sentences()
        .filter_map(|(_, sentence)| {
            let reading = view.reading(sentence);
            let words = view.words(sentence, usize::MAX);
            let verb = words.first()?.0;
            let first_of = |wanted: Meaning| reading.meanings.iter().position(|meaning| *meaning == wanted);
            let (kind, named) = match verb {
                "define" => (SymbolKind::CONSTANT, first_of(Meaning::Defined)),
                "interface" => (SymbolKind::INTERFACE, first_of(Meaning::Declared)),
                "expect" => (SymbolKind::BOOLEAN, None),
                "include" => (SymbolKind::FILE, None),
                "rules" => (SymbolKind::ARRAY, None),
                "default" | "lint" => (SymbolKind::PROPERTY, None),
                _ => (SymbolKind::FUNCTION, None),
            };
            let whole = view.span(sentence);
            let tokens = view.tokens(sentence);
            let selected = named
                .map_or(tokens[0].span(view.file).to(tokens.last()?.span(view.file)), |at| tokens[at].span(view.file));
            let name = match named {
                Some(_) => view.text(selected).to_owned(),
                None => format::cut(format::sentence(ast, sentence).lines().next().unwrap_or_default(), 100),
            };
            #[expect(deprecated, reason = "the protocol's type has a field that is deprecated")]
            Some(DocumentSymbol {
                name,
                detail: named.map(|_| verb.to_owned()),
                kind,
                tags: None,
                deprecated: None,
                range: view.range(whole),
                selection_range: view.range(selected),
                children: None,
            })
        })
        .collect()
}

/// Sentences and comments of several lines.
pub fn folding(view: &View) -> Vec<FoldingRange> {
    let lines = |span: Span| {
        let range = view.range(span);
        (range.start.line, range.end.line)
    };
    let fold = |(start_line, end_line): (u32, u32), kind| FoldingRange {
        start_line,
        end_line,
        kind,
        ..FoldingRange::default()
    };
    let mut folds: Vec<FoldingRange> = view
        .sentences()
        .map(|(_, sentence)| lines(view.span(sentence)))
        .filter(|(start, end)| start < end)
        .map(|lines| fold(lines, None))
        .collect();
    let mut run: Option<(u32, u32)> = None;
    for comment in view.compilation.ast.comments.iter().filter(|comment| comment.source == view.file) {
        let (line, _) = lines(*comment);
        let source = view.source();
        let alone =
            source.text[source.lines().start(line as usize, &source.text)..comment.start as usize].trim().is_empty();
        match &mut run {
            Some((_, end)) if alone && *end + 1 == line => *end = line,
            _ => {
                folds.extend(
                    run.take()
                        .filter(|(start, end)| start < end)
                        .map(|lines| fold(lines, Some(FoldingRangeKind::Comment))),
                );
                run = alone.then_some((line, line));
            }
        }
    }
    folds.extend(run.filter(|(start, end)| start < end).map(|lines| fold(lines, Some(FoldingRangeKind::Comment))));
    folds
}
