//! Rules that change of packets what no rule looks at: the segment size of TCP, helpers, and the like.
//! Input: two rulesets. Output: the lines that are not in both.

use std::collections::BTreeMap;

use crate::iptables::meaning::{Context, Then};
use crate::iptables::print::rule_line;
use crate::iptables::ruleset::{Hook, Rule, Ruleset, Table, TableName};

/// The lines that stand in one of them alone, or more often: `- mangle -A FORWARD …`, then `+ …`.
pub fn changed(old: &Ruleset, new: &Ruleset) -> Vec<String> {
    let mut counts: BTreeMap<(TableName, String), [i64; 2]> = BTreeMap::new();
    for (side, ruleset) in [old, new].into_iter().enumerate() {
        for table in &ruleset.tables {
            for rule in table.rules.iter().filter(|rule| has_effect(ruleset, table, rule)) {
                let line = format!("{} {}", table.name.name(), rule_line(table, rule, ruleset.family));
                counts.entry((table.name, line)).or_default()[side] += 1;
            }
        }
    }
    let side = |sign: char, more: usize| {
        let only = counts.iter().filter(move |(_, count)| count[more] > count[1 - more]);
        only.map(move |((_, line), _)| format!("{sign} {line}")).collect::<Vec<_>>()
    };
    side('-', 0).into_iter().chain(side('+', 1)).collect()
}

/// Whether a rule changes only what no rule looks at.
fn has_effect(ruleset: &Ruleset, table: &Table, rule: &Rule) -> bool {
    match rule.target.then() {
        Some(then) => then == Then::Change,
        None => {
            let context = Context::of(ruleset.family);
            let mut actions = Hook::ALL.into_iter().flat_map(|hook| rule.target.actions(&context, table.name, hook));
            actions.any(|action| action.then == Then::Change && action.assigns.is_empty())
        }
    }
}
