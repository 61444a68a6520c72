//! What only a whole ruleset can tell: chains that are missing, loops, and from where a chain is called.
//! Input: a ruleset. Output: problems with the positions of table and rule.

use std::sync::Arc;

use super::rule::{Recent, check_place};
use crate::iptables::hooks::Hooks;
use crate::iptables::parse::chain_name_fault;
use crate::iptables::problem::{Kind, Problem, RulePlace, problem};
use crate::iptables::ruleset::Part;
use crate::iptables::ruleset::{Address, Negatable, Rule, Ruleset, Table, Target};
use crate::net::Family;

/// How deep chains may call one another: iptables-nft refuses more (`NFT_JUMP_STACK_SIZE`).
pub const MAX_CALLS: usize = 16;

/// What is wrong with the rules of a family, each with the positions of its table and its rule.
pub fn check_ruleset(ruleset: &Ruleset) -> Vec<(usize, usize, Problem)> {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for (table_index, table) in ruleset.tables.iter().enumerate() {
        let calls = Calls::of(table);
        let hooks = calls.hooks(table);
        let (mut fine, mut recent) = (Fine::default(), Recent::default());
        for (index, rule) in table.rules.iter().enumerate() {
            if fine.has(rule) {
                continue;
            }
            let chain = rule.chain.0 as usize;
            let place = RulePlace {
                chain: table.chains.get(chain).map_or("", |chain| &chain.name),
                table: table.name,
                family: ruleset.family,
                hooks: hooks.get(chain).copied().unwrap_or_default(),
                header: &rule.header,
                matches: &rule.matches,
                target: &rule.target,
            };
            check_place(&place, &mut recent, &mut problems);
            if problems.is_empty() {
                fine.add(rule);
            }
            found.extend(problems.drain(..).map(|problem| (table_index, index, problem)));
        }
        found.extend(calls.problems(table).into_iter().map(|(index, problem)| (table_index, index, problem)));
    }
    found.sort_by_key(|(table, rule, _)| (*table, *rule));
    found
}

/// Some rules in which nothing was wrong. The rules of one building block differ in their addresses and interfaces only,
/// about which there is little to say.
#[derive(Default)]
struct Fine<'a> {
    rules: [Option<&'a Rule>; 8],
    next: usize,
}

impl<'a> Fine<'a> {
    /// Whether the rule is like one of them in all that is checked.
    fn has(&self, rule: &Rule) -> bool {
        let side = |address: &Option<Negatable<Address>>| {
            address.as_ref().map(|address| match &address.value {
                Address::Prefix(prefix) => (address.negated, prefix.family(), prefix.is_any()),
                Address::Masked(masked) => (address.negated, Family::of(masked.0), false),
            })
        };
        self.rules.iter().flatten().any(|fine| {
            let (ours, theirs) = (&rule.header, &fine.header);
            Arc::ptr_eq(&rule.matches, &fine.matches)
                && rule.chain == fine.chain
                && ours.in_interface == theirs.in_interface
                && ours.out_interface == theirs.out_interface
                && ours.protocol == theirs.protocol
                && ours.fragment == theirs.fragment
                && side(&ours.source) == side(&theirs.source)
                && side(&ours.destination) == side(&theirs.destination)
                && rule.target == fine.target
        })
    }

    /// Adds a rule in the place of the oldest.
    fn add(&mut self, rule: &'a Rule) {
        self.rules[self.next] = Some(rule);
        self.next = (self.next + 1) % self.rules.len();
    }
}

/// Which chain calls which: rule and called chain, by calling chain.
struct Calls<'a> {
    from: Vec<Vec<(usize, usize)>>,
    missing: Vec<(usize, &'a str)>,
}

impl Calls<'_> {
    fn of(table: &Table) -> Calls<'_> {
        let mut calls = Calls { from: vec![Vec::new(); table.chains.len()], missing: Vec::new() };
        for (index, rule) in table.rules.iter().enumerate() {
            match &rule.target {
                Target::Jump(chain) | Target::Goto(chain) => {
                    calls.from[rule.chain.0 as usize].push((index, chain.0 as usize));
                }
                Target::Unresolved { chain, .. } => calls.missing.push((index, chain)),
                _ => {}
            }
        }
        calls
    }

    /// From which hooks each chain is reached.
    fn hooks(&self, table: &Table) -> Vec<Hooks> {
        let mut hooks = vec![Hooks::NONE; table.chains.len()];
        for (index, chain) in table.chains.iter().enumerate().take(table.name.built_in_chains().len()) {
            let hook = Hooks::of_chain(&chain.name);
            let mut open = vec![index];
            while let Some(chain) = open.pop() {
                if hooks[chain].without(hook) != hooks[chain] {
                    continue;
                }
                hooks[chain] = hooks[chain] | hook;
                open.extend(self.from[chain].iter().map(|(_, called)| *called));
            }
        }
        hooks
    }

    fn problems(&self, table: &Table) -> Vec<(usize, Problem)> {
        let mut problems = Vec::new();
        for (rule, name) in &self.missing {
            let message = format!("table `{}` has no chain `{name}`", table.name.name());
            let help = format!("declare it with `:{name} - [0:0]`, or write a target such as `-j ACCEPT`");
            problems
                .push((*rule, problem(Part::Target, Kind::Chain, message, "neither a chain nor a known target", help)));
        }
        let mut named = vec![false; table.chains.len()];
        for (index, rule) in table.rules.iter().enumerate() {
            let chain = rule.chain.0 as usize;
            let first = named.get_mut(chain).is_some_and(|seen| !std::mem::replace(seen, true));
            if !first || table.is_built_in(rule.chain) {
                continue;
            }
            if let Some(fault) = chain_name_fault(&table.chains[chain].name, &(0..0)) {
                problems.push((index, problem(Part::Chain, Kind::Chain, fault.message, fault.label, fault.help)));
            }
        }
        self.loops(table, &mut problems);
        problems
    }

    /// Loops, and calls that are too deep. Depth-first, without recursion: a chain for each rule is possible.
    fn loops(&self, table: &Table, problems: &mut Vec<(usize, Problem)>) {
        // The longest way down from each chain, once it is known.
        let mut depth: Vec<Option<usize>> = vec![None; table.chains.len()];
        let mut open = vec![false; table.chains.len()];
        for start in 0..table.chains.len() {
            let mut path: Vec<(usize, usize)> = Vec::new();
            if depth[start].is_none() {
                path.push((start, 0));
                open[start] = true;
            }
            while let Some((chain, next)) = path.last_mut() {
                let (chain, calls) = (*chain, &self.from[*chain]);
                let Some(&(rule, called)) = calls.get(*next) else {
                    let below = calls.iter().filter_map(|(_, called)| depth[*called]).map(|below| below + 1).max();
                    depth[chain] = Some(below.unwrap_or(0));
                    open[chain] = false;
                    path.pop();
                    continue;
                };
                *next += 1;
                if open[called] {
                    let name = &table.chains[called].name;
                    let message = format!("chain `{name}` calls itself by way of this rule");
                    let help = "end the loop: call a chain that does not lead back here";
                    problems.push((rule, problem(Part::Target, Kind::Chain, message, "closes a loop", help)));
                } else if depth[called].is_none() {
                    open[called] = true;
                    path.push((called, 0));
                }
            }
        }
        for chain in 0..table.name.built_in_chains().len().min(table.chains.len()) {
            if depth[chain].is_none_or(|depth| depth < MAX_CALLS) {
                continue;
            }
            let deepest = self.from[chain].iter().max_by_key(|(_, called)| depth[*called]);
            if let Some((rule, _)) = deepest {
                let message = format!("chains call one another more than {} deep", MAX_CALLS - 1);
                let help = "put the rules of some chains into those that call them";
                problems.push((*rule, problem(Part::Target, Kind::Chain, message, "the first call", help)));
            }
        }
    }
}
