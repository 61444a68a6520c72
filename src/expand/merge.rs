//! A sentence's rules into their table.
//! Input: a `Group` and the table so far. Output: its rules after those that are there; chains of the same rules are shared.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::chain_name::{invented_name, is_invented};
use super::group::Group;
use crate::iptables::ruleset::{Chain, ChainId, Rule, Table, Target};

/// The chains of a table by name, and the rules of those that are not built in.
#[derive(Debug, Default)]
pub struct ChainIndex {
    ids: HashMap<Arc<str>, ChainId>,
    rules: HashMap<ChainId, Vec<usize>>,
}

/// Whether two rules say the same; `same_chain` compares the chains that they call.
fn same_rule(one: &Rule, other: &Rule, same_chain: impl Fn(ChainId, ChainId) -> bool) -> bool {
    let same_target = match (&one.target, &other.target) {
        (Target::Jump(one), Target::Jump(other)) | (Target::Goto(one), Target::Goto(other)) => same_chain(*one, *other),
        (one, other) => one == other,
    };
    same_target && one.header == other.header && one.matches == other.matches
}

/// Gives the group's invented chains other names where the table has these for other rules.
fn avoid_taken_names(group: &mut Group, table: &Table, index: &ChainIndex) {
    for at in 0..group.chains.len() {
        let old = group.chains[at].name.clone();
        if !is_invented(&old) {
            continue;
        }
        let own = || group.rules.iter().filter(|rule| rule.chain.0 as usize == at);
        let same_chain =
            |ours: ChainId, theirs: ChainId| &*group.chains[ours.0 as usize].name == table.chain_name(theirs);
        let is_other = |id: &ChainId| {
            let there = index.rules.get(id).map_or(&[][..], Vec::as_slice);
            let same = |rule, other: &usize| same_rule(rule, &table.rules[*other], same_chain);
            own().count() != there.len() || own().zip(there).any(|(rule, other)| !same(rule, other))
        };
        let mut name = old.clone();
        while index.ids.get(&name).is_some_and(is_other) {
            name = invented_name(&format!("{name} is taken")).into();
        }
        group.chains[at].name = name;
    }
}

/// Puts a group's rules into the table. A chain of one's own that is there already with the same rules is shared.
pub fn merge(mut group: Group, table: &mut Table, index: &mut ChainIndex) {
    if index.ids.is_empty() {
        index.ids.extend((0..).map(ChainId).zip(&table.chains).map(|(id, chain)| (chain.name.clone(), id)));
    }
    avoid_taken_names(&mut group, table, index);
    let built_in = table.name.built_in_chains();
    let mut id = |Chain { name, .. }: &Chain| match built_in.iter().position(|known| **known == **name) {
        Some(at) => ChainId(at as u32),
        None => *index.ids.entry(name.clone()).or_insert_with(|| {
            table.chains.push(Chain { name: name.clone(), policy: None });
            ChainId(table.chains.len() as u32 - 1)
        }),
    };
    let ids: SmallVec<[ChainId; 4]> = group.chains.iter().map(&mut id).collect();
    for rule in &mut group.rules {
        rule.chain = ids[rule.chain.0 as usize];
        if let Target::Jump(chain) | Target::Goto(chain) = &mut rule.target {
            *chain = ids[chain.0 as usize];
        }
    }
    if ids.iter().all(|id| table.is_built_in(*id)) {
        table.rules.append(&mut group.rules);
        return;
    }
    let known = table.rules.len();
    for rule in group.rules {
        let chain = rule.chain;
        if !table.is_built_in(chain) {
            let there = index.rules.entry(chain).or_default();
            if there
                .iter()
                .take_while(|at| **at < known)
                .any(|at| same_rule(&rule, &table.rules[*at], |one, other| one == other))
            {
                continue;
            }
            there.push(table.rules.len());
        }
        table.rules.push(rule);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iptables::ruleset::{Header, Origins, TableName};

    /// A jump from INPUT to a chain whose only rule has `target`.
    fn group(target: Target) -> Group {
        let chain = |name: &str| Chain { name: name.into(), policy: None };
        let rule = |chain, target| Rule {
            chain: ChainId(chain),
            header: Header::default(),
            matches: [].into(),
            target,
            origins: Origins::of(0, 1),
        };
        let chains = vec![chain("INPUT"), chain("cgwfw-00000000")];
        Group { rules: vec![rule(0, Target::Jump(ChainId(1))), rule(1, target)], chains }
    }

    #[test]
    fn chains_of_one_name_are_shared_only_with_the_same_rules() {
        let (mut table, mut index) = (Table::new(TableName::Filter), ChainIndex::default());
        for target in [Target::Drop, Target::Drop, Target::Accept, Target::Accept] {
            merge(group(target), &mut table, &mut index);
        }
        assert_eq!(table.chains.len(), 5, "{:?}", table.chains);
        let jumps = |at| table.rules.iter().filter(|rule| rule.target == Target::Jump(ChainId(at))).count();
        assert_eq!([3, 4].map(jumps), [2, 2]);
        let by_chain = table.by_chain();
        let inside = |at| by_chain.of(ChainId(at)).map(|(_, rule)| rule.target.clone());
        assert_eq!(inside(3).collect::<Vec<_>>(), [Target::Drop]);
        assert_eq!(inside(4).collect::<Vec<_>>(), [Target::Accept]);
    }
}
