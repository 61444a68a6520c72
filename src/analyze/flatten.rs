//! A table's chain with the chains that it calls, rule by rule in the order in which packets may meet them.
//! Input: a table and a chain. Output: steps, each inside the calls that lead to it.

use std::sync::Arc;

use crate::iptables::meaning::Then;
use crate::iptables::ruleset::{ByChain, ChainId, Table};

/// More rules than any chain has with all that it calls.
const MAX_STEPS: usize = 200_000;

/// A rule, where it is called.
#[derive(Clone, Debug)]
pub struct Inlined {
    /// The steps that call the chains that it is in, the outermost first.
    pub calls: Arc<[u32]>,
    /// The position of the rule in its table; `None`: the end of a chain that was gone to, which goes back.
    pub rule: Option<u32>,
    /// The step to which a packet returns from its chain.
    pub back: u32,
}

/// The steps of a chain; `None`, where there are too many.
pub fn flatten(table: &Table, base: ChainId) -> Option<Vec<Inlined>> {
    let by_chain = table.by_chain();
    let mut steps = Vec::new();
    let mut returns = Vec::new();
    let end = inline(table, &by_chain, base, &[].into(), &mut steps, &mut returns, 0)?;
    let last = steps.len() as u32;
    resolve(&mut steps, &returns, end, last);
    Some(steps)
}

/// How many steps before one are of the same rule: calls from several places.
pub fn times_before(steps: &[Inlined], index: u32) -> u32 {
    let step = &steps[index as usize];
    let again = |other: &&Inlined| other.rule == step.rule;
    if step.calls.is_empty() { 0 } else { steps[..index as usize].iter().filter(again).count() as u32 }
}

/// A place to which packets go back, which is known once what is before it is there.
type Label = usize;

fn resolve(steps: &mut [Inlined], returns: &[Option<u32>], end: Label, last: u32) {
    for step in steps {
        let label = step.back as usize;
        step.back = if label == end { last } else { returns[label].unwrap_or(last) };
    }
}

/// Adds a chain; `back`: the label of where its end leads. Gives the label of the base chain's end.
fn inline(
    table: &Table,
    by_chain: &ByChain,
    chain: ChainId,
    calls: &Arc<[u32]>,
    steps: &mut Vec<Inlined>,
    returns: &mut Vec<Option<u32>>,
    back: Label,
) -> Option<Label> {
    if returns.is_empty() {
        returns.push(None);
    }
    // Deeper than there are chains: one calls itself.
    if calls.len() > table.chains.len() {
        return None;
    }
    for (index, rule) in by_chain.of(chain) {
        let here = steps.len() as u32;
        if steps.len() >= MAX_STEPS {
            return None;
        }
        steps.push(Inlined { calls: calls.clone(), rule: Some(index as u32), back: back as u32 });
        let (called, goes) = match rule.target.then() {
            Some(Then::Call(called)) => (called, false),
            Some(Then::Goto(called)) => (called, true),
            _ => continue,
        };
        let inner: Arc<[u32]> = calls.iter().copied().chain([here]).collect();
        if goes {
            inline(table, by_chain, called, &inner, steps, returns, back)?;
            steps.push(Inlined { calls: inner, rule: None, back: back as u32 });
        } else {
            let label = returns.len();
            returns.push(None);
            inline(table, by_chain, called, &inner, steps, returns, label)?;
            returns[label] = Some(steps.len() as u32);
        }
    }
    Some(0)
}
