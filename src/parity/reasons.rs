//! Why the families differ, where the policy says so: `only`, an address, what one family alone has.
//! Input: who decides. Output: the reason, or none.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::compile::Compilation;
use crate::iptables::meaning::{Context, Field, conditions};
use crate::iptables::ruleset::{Origin, Rule, TableName};
use crate::net::{Families, Family};
use crate::policy::{Argument, Block, RawRules, Statement};
use crate::query::Responsible;

/// Why the families differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A sentence says `only`.
    Only,
    /// A sentence names addresses of one family.
    Address,
    /// A sentence is about something that one family alone has.
    Nature,
    /// Packets are sent on to another destination in one family alone.
    Translation,
}

impl Reason {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Reason::Only => "on purpose",
            Reason::Address => "by address",
            Reason::Nature => "what one family alone has",
            Reason::Translation => "translated in one family alone",
        }
    }
}

/// Why all that decide packets in a family do not do it in the other one as well; `None`, where one of them could.
pub fn reason(compilation: &Compilation, family: Family, deciders: &BTreeSet<Responsible>) -> Option<Reason> {
    let all: Option<BTreeSet<Reason>> = deciders.iter().map(|decider| of_one(compilation, family, *decider)).collect();
    all?.into_iter().next()
}

fn of_one(compilation: &Compilation, family: Family, decider: Responsible) -> Option<Reason> {
    let Responsible::Sentence(sentence, line) = decider else { return None };
    compilation.policy.statements.iter().find_map(|statement| match statement {
        Statement::Block(block) if block.sentence == sentence => Some(of_block(compilation, family, block)),
        Statement::Rules(rules) if rules.sentence == sentence => {
            Some(of_line(compilation, family, rules, Origin { sentence, line: line? }))
        }
        _ => None,
    })?
}

fn of_block(compilation: &Compilation, family: Family, block: &Block) -> Option<Reason> {
    let other = family.other();
    match (block.families.has(other), block.only) {
        (true, _) => {
            let mut rules = compilation.rulesets[other].tables.iter().flat_map(|table| &table.rules);
            (!rules.any(|rule| rule.origins.has(block.sentence))).then_some(Reason::Nature)
        }
        (false, true) => Some(Reason::Only),
        (false, false) if names_addresses(block) => Some(Reason::Address),
        (false, false) => Some(Reason::Nature),
    }
}

fn names_addresses(block: &Block) -> bool {
    let of_traffic = block.traffic.as_ref().is_some_and(|traffic| {
        let ends = [Some(&traffic.source), Some(&traffic.destination), traffic.peer.as_ref()];
        ends.into_iter().flatten().any(|values| !values.is_any())
    });
    of_traffic || block.arguments.iter().any(|(_, argument)| matches!(argument, Argument::Address(_)))
}

/// A line of a `rules` block must choose a family, so that alone says nothing.
fn of_line(compilation: &Compilation, family: Family, rules: &RawRules, origin: Origin) -> Option<Reason> {
    if rules.families == Families::BOTH {
        return None;
    }
    let context = Context::of(family);
    let names = |rule: &Rule| {
        let mut found = false;
        for (_, condition) in &conditions(rule, &context) {
            condition.tests(&mut |field, _, _| found |= matches!(field, Field::Source | Field::Destination));
        }
        found
    };
    let mut own = compilation.rulesets[family].tables.iter().flat_map(|table| &table.rules);
    own.any(|rule| rule.origins.first() == Some(origin) && names(rule)).then_some(Reason::Address)
}

/// Whether one family alone has rules in its nat table.
pub fn translates_alone(compilation: &Compilation, family: Family) -> bool {
    let has = |family: Family| {
        let mut tables = compilation.rulesets[family].tables.iter();
        tables.any(|table| table.name == TableName::Nat && !table.rules.is_empty())
    };
    has(family) && !has(family.other())
}
