//! Interfaces on which nothing is allowed, and nothing is refused on purpose.
//! Input: a compilation. Output: reports.

use super::kind::Lint;
use super::own_rules::own_rules;
use crate::compile::Compilation;
use crate::diagnostic::{Report, Severity};
use crate::iptables::ruleset::{ChainId, ChainPolicy, Negatable, Rule, Table, TableName, Target};
use crate::net::Interface;

/// The lint.
pub const LINT: Lint = Lint { code: "cgwfw::policy::never_permitted", level: Severity::Warning, check };

fn check(compilation: &Compilation, found: &mut Vec<Report>) {
    let Compilation { policy, declarations, .. } = compilation;
    if declarations.interfaces.is_empty() || !policy.defaults.contains(&Some(ChainPolicy::Drop)) {
        return;
    }
    let mut decided = policy.uses.refused.clone();
    for (table, rule, _) in own_rules(compilation) {
        let named = [&rule.header.in_interface, &rule.header.out_interface].into_iter().flatten();
        for named in named.filter(|_| decides(table, rule)) {
            match declarations.interface(&named.value).filter(|_| !named.negated && named.value.pattern().is_none()) {
                Some(index) => decided[index] = true,
                None => {
                    let all = decided.iter_mut().zip(&declarations.interfaces);
                    all.for_each(|(decided, declared)| *decided |= matches(named, &declared.name));
                }
            }
        }
    }
    let carries = |name: &Interface| {
        declarations.interfaces.iter().any(|declared| declared.over.is_some_and(|(over, _)| over == *name))
    };
    for (index, declared) in declarations.interfaces.iter().enumerate() {
        let name = &declared.name;
        // What no sentence names is said by another lint.
        if policy.uses.interfaces[index] && !decided[index] && !carries(name) {
            found.push(LINT.at(
                declared.span,
                format!("nothing is allowed on the interface `{name}`"),
                "no `allow` sentence names it",
                format!("write `allow … on {name}`, or remove the declaration if nothing may pass there"),
            ));
        }
    }
}

/// Whether packets of an interface match, or of some that a pattern stands for.
fn matches(named: &Negatable<Interface>, declared: &Interface) -> bool {
    (named.value.covers(declared) || declared.covers(&named.value)) != named.negated
}

/// Whether a rule lets packets pass, or refuses them on purpose. A refusal in FORWARD decides nothing: what the gateway
/// itself receives and sends there is still open.
fn decides(table: &Table, rule: &Rule) -> bool {
    let forward = table.chain_name(rule.chain) == "FORWARD";
    leads_to(table, &rule.target, &mut Vec::new(), &|target| match target {
        Target::Accept => table.name == TableName::Filter,
        Target::Drop | Target::Reject(_) => !forward,
        _ => false,
    })
}

/// Whether a target is of a kind, or one in the chains that it leads to.
fn leads_to(table: &Table, target: &Target, seen: &mut Vec<ChainId>, is: &dyn Fn(&Target) -> bool) -> bool {
    match target {
        Target::Jump(chain) | Target::Goto(chain) => {
            let again = seen.contains(chain);
            seen.push(*chain);
            !again && table.rules.iter().any(|rule| rule.chain == *chain && leads_to(table, &rule.target, seen, is))
        }
        target => is(target),
    }
}
