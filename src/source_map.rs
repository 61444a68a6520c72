//! Where each line of the rule files comes from.
//! Input: a compilation. Output: for every rule line its place in the policy, its building block and its template line.

use serde::Serialize;

use crate::compile::Compilation;
use crate::net::Family;
use crate::policy::Statement;
use crate::snippet::library::Library;

/// The places of both files' rules.
#[derive(Debug, Serialize)]
pub struct SourceMap<'a> {
    /// Of the IPv4 file.
    ipv4: Vec<Line<'a>>,
    /// Of the IPv6 file.
    ipv6: Vec<Line<'a>>,
}

/// The place of one rule; lines and columns from 1, columns in characters.
#[derive(Debug, Serialize)]
struct Line<'a> {
    /// The line of the rule file.
    line: usize,
    /// The chain, as in `filter INPUT`.
    table: &'static str,
    chain: String,
    /// The sentence.
    sentence: String,
    file: &'a str,
    source_line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    /// The building block, and the line of its template; none for a line of a `rules` block.
    snippet: Option<&'a str>,
    template_line: Option<u32>,
}

/// The source map of a compilation.
pub fn source_map<'a>(compilation: &'a Compilation, library: &'a Library) -> SourceMap<'a> {
    let mut blocks: Vec<Option<u16>> = vec![None; compilation.ast.sentences.len()];
    for statement in &compilation.policy.statements {
        if let Statement::Block(block) = statement {
            blocks[block.sentence as usize] = Some(block.snippet);
        }
    }
    let [ipv4, ipv6] = Family::BOTH.map(|family| lines(compilation, library, &blocks, family));
    SourceMap { ipv4, ipv6 }
}

fn lines<'a>(
    compilation: &'a Compilation,
    library: &'a Library,
    blocks: &[Option<u16>],
    family: Family,
) -> Vec<Line<'a>> {
    let text = compilation.rules(family);
    let mut tables: Vec<_> = compilation.rulesets[family.index()].tables.iter().collect();
    tables.sort_by_key(|table| table.name);
    // The writer prints the rules of a table in their order, each on one line.
    let rules = tables.iter().flat_map(|table| table.rules.iter().map(|rule| (*table, rule)));
    let numbers = text.lines().enumerate().filter(|(_, line)| line.starts_with("-A ")).map(|(index, _)| index + 1);
    let sources = &compilation.ast.sources;
    rules
        .zip(numbers)
        .map(|((table, rule), line)| {
            let index = rule.origin.sentence as usize;
            let sentence = &compilation.ast.sentences[index];
            let mut comment = String::new();
            crate::format::comment(&compilation.ast, sentence, &mut comment);
            let raw = crate::expand::raw::line_span(&compilation.ast, sentence, rule.origin.line);
            let span = raw.unwrap_or_else(|| compilation.ast.span(sentence));
            let ((source_line, column), (end_line, end_column)) = (sources.position(span), sources.end_position(span));
            let snippet = blocks[index].map(|snippet| library.snippets[usize::from(snippet)].folder.as_str());
            Line {
                line,
                table: table.name.name(),
                chain: table.chains[rule.chain.0 as usize].name.to_string(),
                sentence: comment,
                file: &sources.get(span.source).name,
                source_line,
                column,
                end_line,
                end_column,
                snippet,
                template_line: snippet.map(|_| rule.origin.line),
            }
        })
        .collect()
}
