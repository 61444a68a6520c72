//! What a whole ruleset makes the kernel do: track connections, translate addresses.
//! Input: a ruleset. Output: yes or no.

use super::super::extension::index::{of_match, of_target};
use super::super::ruleset::{Rule, Ruleset, TableName};
use super::targets::Then;

/// Whether the rules have the kernel track connections; it then also puts fragments together.
///
/// The nat table alone does not: without a rule that translates nothing is tracked, and no packet meets the table.
pub fn tracks(ruleset: &Ruleset) -> bool {
    let asks = |rule: &Rule| {
        rule.matches.iter().any(|one| of_match(one).is_some_and(|row| (row.tracks)(one)))
            || of_target(&rule.target).is_some_and(|row| (row.tracks)(&rule.target))
    };
    ruleset.tables.iter().flat_map(|table| &table.rules).any(asks)
}

/// Whether the rules have the kernel put fragments together before any rule sees them: to track connections, or to look
/// for sockets.
pub fn reassembles(ruleset: &Ruleset) -> bool {
    let asks = |rule: &Rule| {
        rule.matches.iter().any(|one| of_match(one).is_some_and(|row| row.reassembles))
            || of_target(&rule.target).is_some_and(|row| row.reassembles)
    };
    tracks(ruleset) || ruleset.tables.iter().flat_map(|table| &table.rules).any(asks)
}

/// Whether the nat table translates anything: later packets of connections are then translated as the first one was.
pub fn translates(ruleset: &Ruleset) -> bool {
    let stays =
        |rule: &Rule| matches!(rule.target.then(), Some(Then::GoOn | Then::Change | Then::Accept | Then::Return));
    ruleset.table(TableName::Nat).is_some_and(|nat| !nat.rules.iter().all(stays))
}
