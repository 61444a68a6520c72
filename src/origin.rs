//! From a rule, or the policy of a chain, to the place in a text that it comes from.
//! Input: a compilation, or rule files that were read. Output: sentences and lines, as people look for them.

use serde::Serialize;

use crate::compile::Compilation;
use crate::expand::line::line_span;
use crate::format;
use crate::iptables::print::rule_line;
use crate::iptables::ruleset::{Origin, Origins, Ruleset, TableName};
use crate::net::{Both, Family};
use crate::simulate::Hook;
use crate::source::{LineIndex, Span};

/// The rules of a sentence in each family, as lines with their table.
pub fn sentence_rules(compilation: &Compilation, sentence: u32) -> Both<Vec<String>> {
    Both::of(|family| {
        let tables = compilation.rulesets[family].tables.iter();
        let own = tables.flat_map(|table| {
            let rules = table.rules.iter().filter(|rule| rule.origins.has(sentence));
            rules.map(move |rule| format!("{:<7} {}", table.name.name(), rule_line(table, rule, family)))
        });
        own.collect()
    })
}

/// Where a rule comes from, as people look for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentencePlace {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is there: a sentence in its canonical form, a line of a `rules` block or of a rule file.
    pub text: String,
}

/// The rules of both families with their origins.
#[derive(Clone, Copy)]
pub enum Rules<'a> {
    /// Compiled from a policy.
    Policy(&'a Compilation),
    /// Read from rule files, those of each family.
    Files(&'a Both<Ruleset>, &'a Both<RuleFile>),
}

/// A rule file that was read.
pub struct RuleFile {
    name: String,
    text: String,
    lines: LineIndex,
}

impl RuleFile {
    /// The file of that name with its text.
    pub fn new(name: String, text: String) -> RuleFile {
        let lines = LineIndex::new(&text);
        RuleFile { name, text, lines }
    }

    /// A line, counted from 1, as a statement.
    fn statement(&self, line: usize) -> SentencePlace {
        let at = |line: usize| self.lines.start(line, &self.text);
        let text = line.checked_sub(1).map_or("", |index| self.text[at(index)..at(line)].trim());
        SentencePlace { file: self.name.clone(), line, text: text.to_owned() }
    }
}

impl<'a> Rules<'a> {
    /// The rules of a family.
    pub fn of(self, family: Family) -> &'a Ruleset {
        match self {
            Rules::Policy(compilation) => &compilation.rulesets[family],
            Rules::Files(rulesets, _) => &rulesets[family],
        }
    }

    /// The place in a policy that a rule comes from.
    pub fn span(self, origin: Origin) -> Option<Span> {
        let Rules::Policy(compilation) = self else { return None };
        let sentence = compilation.ast.sentences.get(origin.sentence as usize)?;
        let line = line_span(&compilation.ast, sentence, origin.line);
        Some(line.unwrap_or_else(|| compilation.ast.span(sentence)))
    }

    /// Whether the lines of a sentence are rules as they are written.
    pub fn has_lines(self, origin: Origin) -> bool {
        let Rules::Policy(compilation) = self else { return false };
        compilation.ast.sentences.get(origin.sentence as usize).is_some_and(|sentence| sentence.body.is_some())
    }

    /// Where a rule of a family comes from.
    pub fn statement(self, family: Family, origins: &Origins) -> SentencePlace {
        match self {
            Rules::Policy(compilation) => {
                let sources = &compilation.ast.sources;
                let Some((origin, span)) = origins.first().and_then(|origin| Some((origin, self.span(origin)?))) else {
                    return SentencePlace { file: String::new(), line: 0, text: String::new() };
                };
                let sentence = &compilation.ast.sentences[origin.sentence as usize];
                let text = match sentence.body {
                    Some(_) => sources.text(span).to_owned(),
                    None => format::comment_text(&compilation.ast, origin.sentence),
                };
                let file = sources.get(span.source).name.clone();
                SentencePlace { file, line: sources.position(span).0, text }
            }
            Rules::Files(_, files) => files[family].statement(origins.file_line().unwrap_or(0) as usize),
        }
    }

    /// The place in a policy where the default of a chain of the filter is said.
    pub fn policy_span(self, hook: Hook) -> Option<Span> {
        let Rules::Policy(compilation) = self else { return None };
        let index = [Hook::Input, Hook::Forward, Hook::Output].iter().position(|own| *own == hook)?;
        compilation.policy.default_places[index]
    }

    /// Where the policy of a built-in chain is set: a `default` sentence, a line of the rule file; none if nothing sets it.
    pub fn chain_policy(self, family: Family, table: TableName, hook: Hook) -> Option<SentencePlace> {
        match self {
            Rules::Policy(compilation) => {
                let span = self.policy_span(hook).filter(|_| table == TableName::Filter)?;
                let sources = &compilation.ast.sources;
                let line = sources.position(span).0;
                let text = sources.get(span.source).text.lines().nth(line - 1).unwrap_or_default();
                let text = text.split('#').next().unwrap_or_default().trim().to_owned();
                Some(SentencePlace { file: sources.get(span.source).name.clone(), line, text })
            }
            Rules::Files(_, files) => {
                let file = &files[family];
                let mut current = None;
                let mut found = None;
                for (index, line) in file.text.lines().enumerate() {
                    let mut words = line.split_ascii_whitespace();
                    let first = words.next().unwrap_or_default();
                    if let Some(name) = first.strip_prefix('*') {
                        current = TableName::from_name(name);
                    }
                    let named = match first {
                        "-P" | "--policy" => words.next(),
                        _ => first.strip_prefix(':'),
                    };
                    if current == Some(table) && named == Some(hook.chain()) {
                        found = Some(index + 1);
                    }
                }
                found.map(|line| file.statement(line))
            }
        }
    }
}
