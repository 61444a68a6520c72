//! A table while its lines are read: rules come at the end, or before others, and go away again.
//! Input: rules with what becomes of those before. Output: the table in its ruleset.

use std::collections::VecDeque;
use std::sync::Arc;

use super::chain_name::ChainNames;
use super::rule_text::Edit;
use crate::iptables::ruleset::{Chain, ChainId, Rule, Ruleset, Table, TableName};

/// A table between `*` and `COMMIT`.
pub struct OpenTable {
    /// Its chains; the rules are beside it.
    pub table: Table,
    /// Its chains by name.
    pub chains: ChainNames,
    /// Its rules so far.
    pub rules: OpenRules,
    /// The line that opens it.
    pub start: usize,
}

impl OpenTable {
    /// A table with its built-in chains and no rules.
    pub fn new(name: TableName, start: usize) -> OpenTable {
        let table = Table::new(name);
        let chains = table.chains.iter().zip(0..).map(|(chain, index)| (chain.name.clone(), ChainId(index))).collect();
        OpenTable { table, chains, rules: OpenRules::default(), start }
    }

    /// The chain of that name, added where it is missing.
    pub fn chain(&mut self, name: &str) -> ChainId {
        if let Some(chain) = self.chains.get(name) {
            return *chain;
        }
        let (name, chain): (Arc<str>, _) = (name.into(), ChainId(self.table.chains.len() as u32));
        self.table.chains.push(Chain { name: name.clone(), policy: None });
        self.chains.insert(name, chain);
        chain
    }

    /// Puts the table into its ruleset, instead of one of the same name.
    pub fn close(self, ruleset: &mut Ruleset) {
        let table = ruleset.table_or_new(self.table.name);
        *table = self.table;
        table.rules = self.rules.into_rules();
    }
}

/// The rules of a table, in the order of their lines until one of them is not the last of its chain.
#[derive(Default)]
pub struct OpenRules {
    /// What the lines so far have appended.
    as_written: Vec<Rule>,
    /// All rules chain by chain, once a line has done something else.
    by_chain: Option<Vec<VecDeque<Rule>>>,
}

impl OpenRules {
    /// Applies a line; false where the chain has no such rule, or no such place.
    pub fn apply(&mut self, edit: Edit, rule: Rule) -> bool {
        if edit == Edit::Append && self.by_chain.is_none() {
            self.as_written.push(rule);
            return true;
        }
        let rules = self.of_chain(rule.chain);
        let same = |other: &Rule| {
            (&other.header, &other.matches, &other.target) == (&rule.header, &rule.matches, &rule.target)
        };
        match edit {
            Edit::Append => rules.push_back(rule),
            Edit::Insert(at) if at as usize <= rules.len() + 1 => rules.insert(at as usize - 1, rule),
            Edit::Replace(at) if at as usize <= rules.len() => rules[at as usize - 1] = rule,
            Edit::DeleteAt(at) => return rules.remove(at as usize - 1).is_some(),
            Edit::Delete => return rules.iter().position(same).and_then(|at| rules.remove(at)).is_some(),
            Edit::Check => return rules.iter().any(same),
            Edit::Insert(_) | Edit::Replace(_) => return false,
        }
        true
    }

    /// Takes all rules away.
    pub fn clear(&mut self) {
        *self = OpenRules::default();
    }

    /// Takes the rules of a chain away.
    pub fn flush(&mut self, chain: ChainId) {
        self.of_chain(chain).clear();
    }

    /// Whether there are rules in the first chains alone.
    pub fn all_within(&self, chains: usize) -> bool {
        let lists = self.by_chain.iter().flatten().skip(chains);
        self.as_written.iter().all(|rule| (rule.chain.0 as usize) < chains) && lists.into_iter().all(VecDeque::is_empty)
    }

    fn of_chain(&mut self, chain: ChainId) -> &mut VecDeque<Rule> {
        let as_written = &mut self.as_written;
        let lists = self.by_chain.get_or_insert_with(|| {
            let mut lists = Vec::new();
            as_written.drain(..).for_each(|rule| list(&mut lists, rule.chain).push_back(rule));
            lists
        });
        list(lists, chain)
    }

    fn into_rules(self) -> Vec<Rule> {
        match self.by_chain {
            None => self.as_written,
            Some(lists) => lists.into_iter().flatten().collect(),
        }
    }
}

fn list(lists: &mut Vec<VecDeque<Rule>>, chain: ChainId) -> &mut VecDeque<Rule> {
    let index = chain.0 as usize;
    if lists.len() <= index {
        lists.resize_with(index + 1, VecDeque::new);
    }
    &mut lists[index]
}
