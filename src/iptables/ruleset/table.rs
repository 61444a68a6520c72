//! Tables, and the ruleset that they make.
//! Input: built by `parse` and by `expand`. Output: the rules of a family, in the order in which they were written.

use std::collections::HashMap;

use super::chain::{Chain, ChainId, TableName};
use super::rule::Rule;
use super::targets::Target;
use crate::net::Family;

/// The rules of one family.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruleset {
    /// Which family: which restore program loads it.
    pub family: Family,
    /// The tables that are mentioned, in any order; `print` writes them in the order of `TableName`.
    pub tables: Vec<Table>,
}

/// One table: its chains and its rules, rules in the order in which they were written.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Which one.
    pub name: TableName,
    /// The chains, built-in ones first and in kernel order, whether mentioned or not; then its own.
    pub chains: Vec<Chain>,
    /// All rules; those of one chain keep their order.
    pub rules: Vec<Rule>,
}

impl Table {
    /// A table with its built-in chains and no rules.
    pub fn new(name: TableName) -> Table {
        let chains = name.built_in_chains().iter().map(|name| Chain { name: (*name).into(), policy: None }).collect();
        Table { name, chains, rules: Vec::new() }
    }

    /// The chain of that name.
    pub fn chain(&self, name: &str) -> Option<ChainId> {
        self.chains.iter().position(|chain| &*chain.name == name).map(|index| ChainId(index as u32))
    }

    /// The chain of that name, added where it is missing.
    pub fn chain_or_new(&mut self, name: &str) -> ChainId {
        self.chain(name).unwrap_or_else(|| {
            self.chains.push(Chain { name: name.into(), policy: None });
            ChainId((self.chains.len() - 1) as u32)
        })
    }

    /// Whether the chain is one of the kernel's own.
    pub fn is_built_in(&self, chain: ChainId) -> bool {
        self.name.is_built_in(chain)
    }

    /// The name of a chain; empty where the table does not have it.
    pub fn chain_name(&self, chain: ChainId) -> &str {
        self.chains.get(chain.0 as usize).map_or("", |chain| &chain.name)
    }

    /// The rules of each chain.
    pub fn by_chain(&self) -> ByChain<'_> {
        let mut ends = vec![0; self.chains.len() + 1];
        let slot = |rule: &Rule| (rule.chain.0 as usize).min(self.chains.len());
        self.rules.iter().for_each(|rule| ends[slot(rule)] += 1);
        let mut start = 0;
        for end in &mut ends {
            let count = std::mem::replace(end, start);
            start += count;
        }
        // Each is the start of its chain now, and its end when all rules of the chain have their place.
        let mut positions = vec![0; self.rules.len()];
        for (index, rule) in self.rules.iter().enumerate() {
            let place = &mut ends[slot(rule)];
            positions[*place as usize] = index as u32;
            *place += 1;
        }
        ByChain { table: self, positions, ends }
    }

    /// Turns the names of called chains into chains of the table, declared before their callers or after them. What is
    /// left is a fault: no kernel takes it.
    pub fn resolve_calls(&mut self) {
        let is_call = |rule: &Rule| matches!(rule.target, Target::Unresolved { .. });
        if !self.rules.iter().any(is_call) {
            return;
        }
        let ids: HashMap<&str, ChainId> =
            self.chains.iter().zip(0..).map(|(chain, index)| (&*chain.name, ChainId(index))).collect();
        for rule in &mut self.rules {
            if let Target::Unresolved { chain, goto } = &rule.target
                && let Some(id) = ids.get(&**chain)
            {
                rule.target = if *goto { Target::Goto(*id) } else { Target::Jump(*id) };
            }
        }
    }
}

impl Ruleset {
    /// No tables, no rules.
    pub fn new(family: Family) -> Ruleset {
        Ruleset { family, tables: Vec::new() }
    }

    /// The table of that name.
    pub fn table(&self, name: TableName) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The table of that name, added where it is missing.
    pub fn table_or_new(&mut self, name: TableName) -> &mut Table {
        let index = self.tables.iter().position(|table| table.name == name).unwrap_or_else(|| {
            self.tables.push(Table::new(name));
            self.tables.len() - 1
        });
        &mut self.tables[index]
    }
}

/// The rules of a table, chain by chain.
#[derive(Clone, Debug)]
pub struct ByChain<'a> {
    table: &'a Table,
    /// The positions of the rules, those of a chain together, in order.
    positions: Vec<u32>,
    /// Where each chain ends in `positions`.
    ends: Vec<u32>,
}

impl<'a> ByChain<'a> {
    /// The rules of a chain in order, each with its position among the rules of the table.
    pub fn of(&self, chain: ChainId) -> impl Iterator<Item = (usize, &'a Rule)> {
        let end = |chain: usize| self.ends.get(chain).map_or(0, |end| *end as usize);
        let chain = chain.0 as usize;
        let start = chain.checked_sub(1).map_or(0, end);
        let positions = self.positions.get(start..end(chain)).unwrap_or_default();
        positions.iter().map(|position| (*position as usize, &self.table.rules[*position as usize]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::Header;
    use super::super::origin::Origins;
    use super::*;

    #[test]
    fn the_rules_of_a_chain_keep_their_order() {
        let mut table = Table::new(TableName::Filter);
        let own = table.chain_or_new("own");
        for (line, chain) in [(1, ChainId(2)), (2, own), (3, ChainId(0)), (4, ChainId(2)), (5, own)] {
            table.rules.push(Rule {
                chain,
                header: Header::default(),
                matches: [].into(),
                target: Target::None,
                origins: Origins::Line(line),
            });
        }
        let by_chain = table.by_chain();
        let lines = |chain| by_chain.of(chain).map(|(at, rule)| (at, rule.origins.file_line())).collect::<Vec<_>>();
        assert_eq!(lines(ChainId(0)), [(2, Some(3))]);
        assert_eq!(lines(ChainId(1)), []);
        assert_eq!(lines(ChainId(2)), [(0, Some(1)), (3, Some(4))]);
        assert_eq!(lines(own), [(1, Some(2)), (4, Some(5))]);
        assert_eq!(lines(ChainId(9)), []);
    }
}
