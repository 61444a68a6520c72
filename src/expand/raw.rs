//! `rules` blocks: iptables-save lines, parsed and checked like every other rule.
//! Input: the text between the braces. Output: rules in their table, or reports at the words that are wrong.

use super::ExpandError;
use crate::diagnostic::Diagnostics;
use crate::iptables::check;
use crate::iptables::parse::{self, Line};
use crate::iptables::ruleset::{Match, Origin, Rule, Ruleset, Target};
use crate::policy::RawRules;
use crate::source::Span;
use crate::syntax::{Ast, Sentence};

/// The lines of a block's body with the offset of each in the body.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line.trim_end_matches(['\n', '\r'])))
    })
}

/// The place of a line, counted from 1, of a `rules` block.
pub fn line_span(ast: &Ast, sentence: &Sentence, line: u32) -> Option<Span> {
    let body = sentence.body?;
    let (start, text) = lines(ast.sources.text(body)).nth(line.checked_sub(1)? as usize)?;
    let indent = text.len() - text.trim_start().len();
    let start = body.start + (start + indent) as u32;
    Some(Span { start, end: start + text.trim().len() as u32, ..body })
}

/// Reads a block into both rulesets.
pub fn expand(rules: &RawRules, ast: &Ast, rulesets: &mut [Ruleset; 2], diagnostics: &mut Diagnostics) {
    let body = ast.sources.text(rules.body);
    for family in rules.families.iter() {
        let table = rulesets[family.index()].table_or_new(rules.table);
        for (index, (start, text)) in lines(body).enumerate() {
            let base = rules.body.start + start as u32;
            let place = |range: std::ops::Range<usize>| Span {
                start: base + range.start as u32,
                end: base + range.end.max(range.start) as u32,
                ..rules.body
            };
            let whole = || {
                let indent = text.len() - text.trim_start().len();
                place(indent..text.trim_end().len().max(indent))
            };
            let parsed = match parse::line(text, family, false) {
                Ok(parsed) => parsed,
                Err(faults) => {
                    for fault in faults {
                        diagnostics.push(ExpandError::BadRule.at(
                            place(fault.span),
                            fault.message,
                            fault.label,
                            fault.help,
                        ));
                    }
                    continue;
                }
            };
            match parsed {
                Line::Blank | Line::Comment => {}
                Line::Chain { name, policy: None, .. } => {
                    table.chain_or_new(&name);
                }
                Line::Chain { .. } | Line::Policy { .. } => diagnostics.push(ExpandError::BadRule.at(
                    whole(),
                    "a chain policy cannot be set in a `rules` block",
                    "sets the default of a chain",
                    "write a `default` sentence: it holds in both families",
                )),
                Line::Rules(list) => {
                    for rule in list {
                        for problem in check::check(&rule, rules.table, family) {
                            let part = rule.parts.iter().find(|(part, _)| *part == problem.part);
                            let span = part.map_or_else(whole, |(_, range)| place(range.clone()));
                            diagnostics.push(ExpandError::IllegalRule.at(
                                span,
                                problem.message,
                                problem.label,
                                problem.help,
                            ));
                        }
                        warn_sets(&rule, whole(), diagnostics);
                        let chain = table.chain(&rule.chain);
                        let Some(chain) = chain
                            .or_else(|| declared_later(body, &rule.chain).then(|| table.chain_or_new(&rule.chain)))
                        else {
                            diagnostics.push(ExpandError::IllegalRule.at(
                                whole(),
                                format!("the chain `{}` is not declared", rule.chain),
                                "stands in no chain of the table",
                                format!("add `:{} - [0:0]` before it, or name a built-in chain", rule.chain),
                            ));
                            continue;
                        };
                        let origin = Origin { sentence: rules.sentence, line: index as u32 + 1 };
                        let (header, matches, target) = (rule.header, rule.matches, rule.target);
                        table.rules.push(Rule { chain, header, matches, target, origin });
                    }
                }
                _ => diagnostics.push(ExpandError::BadRule.at(
                    whole(),
                    "a `rules` block holds rule lines and chain lines only",
                    "neither `-A …` nor `:CHAIN - [0:0]`",
                    "remove the line: the block names its table, and the file is completed by the compiler",
                )),
            }
        }
    }
}

/// Whether a chain line for the name stands anywhere in the block: the loader takes declarations before rules, we in any order.
fn declared_later(body: &str, name: &str) -> bool {
    lines(body)
        .any(|(_, line)| line.trim().strip_prefix(':').and_then(|rest| rest.split_whitespace().next()) == Some(name))
}

fn warn_sets(rule: &parse::RuleText, span: Span, diagnostics: &mut Diagnostics) {
    let in_match = rule.matches.iter().any(|m| matches!(m, Match::Unknown(unknown) if &*unknown.name == "set"));
    let in_target = matches!(&rule.target, Target::Unknown(unknown) if &*unknown.name == "SET");
    if in_match || in_target {
        diagnostics.push(ExpandError::SetMatch.at(
            span,
            "the rule uses an address set",
            "refused where the set does not exist",
            "create the set before the rules are loaded (`ipset create …`): otherwise the whole file is refused",
        ));
    }
}
