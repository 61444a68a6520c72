//! The error that a policy filters without a default for every chain.
//! Input: a policy and its rules. Output: a report at the first sentence that filters.

use crate::diagnostic::{Diagnostics, Fix};
use crate::iptables::ruleset::{Ruleset, TableName};
use crate::language::values::DEFAULT_CHAINS;
use crate::net::Both;
use crate::policy::Policy;
use crate::resolve::codes::ResolveError;
use crate::syntax::Ast;

/// Reports a policy that filters and does not say what becomes of packets that no rule decides.
pub fn check(policy: &Policy, ast: &Ast, rulesets: &Both<Ruleset>, diagnostics: &mut Diagnostics) {
    let defaults = DEFAULT_CHAINS.iter().zip(policy.defaults);
    let missing: Vec<&str> = defaults.filter(|(_, default)| default.is_none()).map(|(chain, _)| *chain).collect();
    if missing.is_empty() || policy.default_refused {
        return;
    }
    let filter = rulesets.iter().filter_map(|ruleset| ruleset.table(TableName::Filter));
    let Some(sentence) =
        filter.flat_map(|table| &table.rules).flat_map(|rule| rule.origins.iter()).map(|origin| origin.sentence).min()
    else {
        return;
    };
    let (message, help, fix) = if missing.len() == DEFAULT_CHAINS.len() {
        let help = "add `default drop`, or `default accept` if that is meant".to_owned();
        ("the policy has no default".to_owned(), help, "default drop".to_owned())
    } else {
        let chains = missing.join(", ");
        (
            format!("the policy has no default for {chains}"),
            format!("add `default drop {chains}`, or `default drop` for all three"),
            format!("default drop {chains}"),
        )
    };
    let span = ast.span(&ast.sentences[sentence as usize]);
    let label = "filters packets; what no rule decides would pass in silence";
    diagnostics.push(ResolveError::DefaultMissing.at(span, message, label, help).fix(Fix::Sentence(fix)));
}
