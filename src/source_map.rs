//! Where each line of the rule files comes from, as `build --source-map` writes it.
//! Input: a compilation. Output: for every rule line its place in the policy, its building block and its template line.

use std::sync::Arc;

use serde::Serialize;

use crate::compile::Compilation;
use crate::format;
use crate::iptables::ruleset::Ruleset;
use crate::origin::Rules;
use crate::policy::Statement;
use crate::rule_file;
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
    chain: &'a str,
    /// The sentence.
    sentence: Arc<str>,
    file: &'a str,
    source_line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    /// The building block, and the line of its template; none for a line of a `rules` block.
    snippet: Option<&'a str>,
    template_line: Option<u32>,
}

/// The source map of a compilation. A rule of several sentences has an entry for each of them.
pub fn source_map<'a>(compilation: &'a Compilation, library: &'a Library) -> SourceMap<'a> {
    let mut blocks: Vec<Option<u16>> = vec![None; compilation.ast.sentences.len()];
    for statement in &compilation.policy.statements {
        if let Statement::Block(block) = statement {
            blocks[block.sentence as usize] = Some(block.snippet);
        }
    }
    let maps = compilation.rulesets.each_ref().map(|ruleset| lines(compilation, library, &blocks, ruleset));
    SourceMap { ipv4: maps.v4, ipv6: maps.v6 }
}

fn lines<'a>(
    compilation: &'a Compilation,
    library: &'a Library,
    blocks: &[Option<u16>],
    ruleset: &'a Ruleset,
) -> Vec<Line<'a>> {
    let text = rule_file::text(&compilation.ast, ruleset);
    let mut tables: Vec<_> = ruleset.tables.iter().collect();
    tables.sort_by_key(|table| table.name);
    // The writer prints the rules of a table in their order, each on one line.
    let rules = tables.iter().flat_map(|table| table.rules.iter().map(|rule| (*table, rule)));
    let numbers = text.lines().enumerate().filter(|(_, line)| line.starts_with("-A ")).map(|(index, _)| index + 1);
    let origins = rules.zip(numbers).flat_map(|((table, rule), line)| {
        let chain = table.chain_name(rule.chain);
        rule.origins.iter().map(move |origin| (table.name, chain, line, origin))
    });
    let sources = &compilation.ast.sources;
    // The rules of a sentence follow one another: its text, which may be long, is made once for them.
    let mut last: Option<(u32, Arc<str>)> = None;
    origins
        .filter_map(|(table, chain, line, origin)| {
            let span = Rules::Policy(compilation).span(origin)?;
            let known = last.take().filter(|(sentence, _)| *sentence == origin.sentence);
            let (_, sentence) =
                last.insert(known.unwrap_or_else(|| {
                    (origin.sentence, format::comment_text(&compilation.ast, origin.sentence).into())
                }));
            let ((source_line, column), (end_line, end_column)) = (sources.position(span), sources.end_position(span));
            let snippet = blocks[origin.sentence as usize];
            let snippet = snippet.map(|snippet| library.snippets[usize::from(snippet)].folder.as_str());
            Some(Line {
                line,
                table: table.name(),
                chain,
                sentence: sentence.clone(),
                file: &sources.get(span.source).name,
                source_line,
                column,
                end_line,
                end_column,
                snippet,
                template_line: snippet.map(|_| origin.line),
            })
        })
        .collect()
}
