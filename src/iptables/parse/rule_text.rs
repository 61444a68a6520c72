//! One rule as a line says it.
//! Input: made by the reader of rules. Output: read by the reader of files, by `check` and by templates.

use std::ops::Range;

use crate::iptables::fault::Fault;
use crate::iptables::ruleset::Part;
use crate::iptables::ruleset::{Header, Match, TableName, Target};
use crate::iptables::text::holes::Hole;

/// What a line does with the rules of its chain; positions count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// `-A`: after the last.
    Append,
    /// `-I`: at a position, the first where none is named.
    Insert(u32),
    /// `-D` and a rule: the first that is the same goes away.
    Delete,
    /// `-D` and a position.
    DeleteAt(u32),
    /// `-R`: instead of the rule at a position.
    Replace(u32),
    /// `-C`: the same rule must be there.
    Check,
}

/// One rule as a line says it, its chain still a name.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleText {
    /// A `-t` on the line; `iptables-restore` refuses it, templates may use it.
    pub table: Option<TableName>,
    /// The chain after `-A`.
    pub chain: String,
    /// What becomes of the rules that the chain has; in blocks and templates rules are appended.
    pub edit: Edit,
    /// Addresses, interfaces and protocol.
    pub header: Header,
    /// The matches, in order.
    pub matches: Vec<Match>,
    /// The target.
    pub target: Target,
    /// What of a line in a file is loaded and not what it says; its match or target is kept word for word.
    pub cautions: Vec<Fault>,
    /// The parameters of a template, in the order of the line for those of one kind.
    pub holes: Vec<Hole>,
    /// Where each part is, in bytes of the line, in order.
    pub parts: Vec<(Part, Range<usize>)>,
}

impl RuleText {
    /// A rule without anything.
    pub fn empty() -> RuleText {
        RuleText {
            table: None,
            chain: String::new(),
            edit: Edit::Append,
            header: Header::default(),
            matches: Vec::new(),
            target: Target::None,
            cautions: Vec::new(),
            holes: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// The place of a part, if the line has it.
    pub fn place(&self, part: Part) -> Option<Range<usize>> {
        self.parts.iter().find(|(known, _)| *known == part).map(|(_, span)| span.clone())
    }
}
