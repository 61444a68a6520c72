//! The rules that sentences yielded, without those of `rules` blocks.
//! Input: a compilation. Output: each rule with its table and the sentence that it comes from, IPv4 first.

use crate::compile::Compilation;
use crate::iptables::ruleset::{Rule, Table};
use crate::syntax::Sentence;

/// The rules of the policy's sentences, once for each sentence that a rule comes from. Whoever writes a `rules` block has
/// said what is meant, rule by rule.
pub fn own_rules(compilation: &Compilation) -> impl Iterator<Item = (&Table, &Rule, &Sentence)> {
    let tables = compilation.rulesets.iter().flat_map(|ruleset| &ruleset.tables);
    let rules = tables.flat_map(|table| table.rules.iter().map(move |rule| (table, rule)));
    rules
        .flat_map(|(table, rule)| {
            let sentences = rule.origins.iter().map(|origin| &compilation.ast.sentences[origin.sentence as usize]);
            sentences.map(move |sentence| (table, rule, sentence))
        })
        .filter(|(_, _, sentence)| sentence.body.is_none())
}
