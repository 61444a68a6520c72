//! The names of chains and of tables.
//! Input: a name. Output: what is wrong with it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::iptables::extension::index::is_target_name;
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::{Chain, ChainId};

/// The chains of a table by name.
pub type ChainNames = HashMap<Arc<str>, ChainId>;

/// What is wrong with a chain's name, if anything: 1 to 28 bytes, no dash or `!` in front, no name of a verdict.
pub fn chain_name_fault(name: &str, span: &Range<usize>) -> Option<Fault> {
    let reason = if name.is_empty() {
        "is empty"
    } else if name.len() > Chain::MAX_NAME_BYTES {
        "is longer than 28 bytes"
    } else if name.starts_with(['-', '!']) {
        "begins with `-` or `!`"
    } else if name.contains([' ', '\t', '"']) {
        "holds a blank or a quote"
    } else if is_target_name(name) {
        "is the name of a target"
    } else {
        return None;
    };
    let help = "choose a name of 1 to 28 bytes that is no target and begins with a letter";
    Some(Fault::new(span.clone(), format!("the chain name `{name}` {reason}"), "this name", help))
}

/// Whether a declaration with that name is loaded all the same: names of targets are, but for the verdicts. What is said
/// after `-j` is the chain from there on.
pub fn is_declarable(name: &str) -> bool {
    is_target_name(name) && !matches!(name, "ACCEPT" | "DROP" | "RETURN" | "QUEUE")
}

/// The fault of a table that is not there.
pub fn unknown_table(name: &str, span: Range<usize>) -> Fault {
    let help = "the tables are raw, mangle, nat, filter and security";
    Fault::new(span, format!("there is no table `{name}`"), "this table", help)
}
