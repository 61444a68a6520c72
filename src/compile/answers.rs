//! The warning that answers to what a sentence lets in are dropped.
//! Input: a policy and its rules. Output: a report at each sentence whose answers no rule lets pass.

use crate::diagnostic::{Diagnostics, Fix};
use crate::expand::codes::ExpandError;
use crate::iptables::packet::State;
use crate::iptables::ruleset::{ChainPolicy, Hook, Rule, Ruleset, States, TableName, Target};
use crate::net::{Both, Interface};
use crate::policy::{Policy, Statement};
use crate::snippet::library::Library;
use crate::syntax::Ast;

/// Reports sentences whose answers must pass a chain that drops them.
///
/// A rule that may let an answer pass is enough for silence: one that asks for no state, or for established connections.
pub fn check(policy: &Policy, ast: &Ast, rulesets: &Both<Ruleset>, library: &Library, diagnostics: &mut Diagnostics) {
    for statement in &policy.statements {
        let Statement::Block(block) = statement else { continue };
        let Some(hook) = library.snippets[usize::from(block.snippet)].signature.answers else { continue };
        // What comes in by these interfaces is no answer.
        let inward: &[Interface] = block.traffic.as_ref().map_or(&[], |traffic| &traffic.on.items);
        let drops = |ruleset: &Ruleset| {
            let Some(filter) = ruleset.table(TableName::Filter) else { return false };
            let is_own = |rule: &Rule| rule.origins.iter().any(|origin| origin.sentence == block.sentence);
            let of_chain =
                |rule: &Rule| filter.chain_name(rule.chain) == hook.chain() || !filter.is_built_in(rule.chain);
            let chain = filter.chains.iter().find(|chain| *chain.name == *hook.chain());
            chain.is_some_and(|chain| chain.policy == Some(ChainPolicy::Drop))
                && !filter.rules.iter().any(|rule| of_chain(rule) && !is_own(rule) && may_answer(rule, hook, inward))
        };
        if !rulesets.iter().any(|ruleset| block.families.has(ruleset.family) && drops(ruleset)) {
            continue;
        }
        let span = ast.span(&ast.sentences[block.sentence as usize]);
        let chain = hook.chain();
        let report = ExpandError::AnswersDropped.at(
            span,
            format!("{chain} drops the answers: no rule lets established connections pass there"),
            "its connections never come about",
            "add `allow established`",
        );
        diagnostics.push(report.fix(Fix::Sentence("allow established".into())));
    }
}

/// Whether a rule may let an answer pass.
fn may_answer(rule: &Rule, hook: Hook, inward: &[Interface]) -> bool {
    let established = |states: States| states.0 & State::Established.bit().0 != 0;
    let mut states = rule.matches.iter().filter_map(|one| one.states());
    let admits = states.all(|states| established(states.value) != states.negated);
    // OUTPUT knows the interface of the first routing only.
    let elsewhere = match hook {
        Hook::Output => rule.header.out_interface.is_some(),
        _ => rule.header.in_interface.is_some_and(|name| !name.negated && inward.contains(&name.value)),
    };
    rule.target == Target::Accept && admits && !elsewhere
}
