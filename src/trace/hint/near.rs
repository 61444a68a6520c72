//! The rules that come nearest to accepting a packet.
//! Input: a walk that ends in a drop. Output: hints with what would have to be different.

use super::kinds::Hint;
use crate::iptables::print::part_text;
use crate::iptables::ruleset::{Origins, Part, Rule, TableName, Target};
use crate::net::Family;
use crate::origin::{Rules, SentencePlace};
use crate::trace::follow::Branch;
use crate::trace::record::Missed;
use crate::trace::unmet::unmet;

/// The most rules that are named: who reads this wants the nearest.
const MAX_HINTS: usize = 3;

/// The rules that would accept it if one thing about it were different; those of which most holds come first.
pub(super) fn near(branch: &Branch, family: Family, rules: Rules) -> Vec<Hint> {
    let accepting = |missed: &Missed| {
        let (_, rule) = missed.place.look_up(rules.of(family))?;
        let holds = parts(rule) - 1;
        (missed.place.table == TableName::Filter && rule.target == Target::Accept && holds > 0).then_some((
            holds,
            rule,
            missed.part,
        ))
    };
    let mut near: Vec<(usize, &Rule, Part)> = branch.missed.iter().filter_map(accepting).collect();
    near.sort_by_key(|(holds, _, _)| std::cmp::Reverse(*holds));
    // Those that are shown are few: what a rule is compared with, and what is put into words, does not grow with the
    // policy.
    let mut found: Vec<(&Origins, SentencePlace, String)> = Vec::new();
    for (_, rule, part) in near {
        let condition = unmet(rule, part, family, &branch.fields);
        if found.iter().any(|(origins, _, text)| **origins == rule.origins && *text == condition) {
            continue;
        }
        let statement = rules.statement(family, &rule.origins);
        if !found.iter().any(|(_, known, text)| *known == statement && *text == condition) {
            found.push((&rule.origins, statement, condition));
        }
        if found.len() == MAX_HINTS {
            break;
        }
    }
    found.into_iter().map(|(_, place, condition)| Hint::Near { place, condition }).collect()
}

/// How many parts a rule has that a packet must fit.
fn parts(rule: &Rule) -> usize {
    let header = &rule.header;
    let given = [
        header.source.is_some(),
        header.destination.is_some(),
        header.in_interface.is_some(),
        header.out_interface.is_some(),
        header.protocol.is_some(),
        header.fragment.is_some(),
    ];
    let matches = rule.matches.iter().filter(|one| !one.is_remark());
    given.into_iter().filter(|given| *given).count() + matches.count()
}

/// What keeps the rule of a near miss from matching, as iptables writes it.
pub fn missing(missed: &Missed, rules: Rules, family: Family) -> String {
    missed.place.look_up(rules.of(family)).map_or(String::new(), |(_, rule)| part_text(rule, missed.part, family))
}
