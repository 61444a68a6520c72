//! What becomes of a packet, and who decides that.
//! Input: none. Output: the values of a decision, and what is assumed for one.

use crate::iptables::meaning::Backend;
use crate::iptables::ruleset::{ChainPolicy, Hook, RejectWith, Rule, Ruleset, Table, TableName};
use crate::way::Discard;

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It passes.
    Accept,
    /// It is discarded in silence.
    Drop,
    /// It is discarded, and its sender is told so.
    Reject(RejectWith),
}

impl Verdict {
    /// `accept`, `drop` or `reject`.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Accept => "accept",
            Verdict::Drop => "drop",
            Verdict::Reject(_) => "reject",
        }
    }
}

impl From<ChainPolicy> for Verdict {
    fn from(policy: ChainPolicy) -> Verdict {
        match policy {
            ChainPolicy::Accept => Verdict::Accept,
            ChainPolicy::Drop => Verdict::Drop,
        }
    }
}

/// A rule: its table, and its position in `Table::rules`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The table.
    pub table: TableName,
    /// The position among all rules of the table.
    pub rule: u32,
}

impl Place {
    /// The rule itself, and its table.
    pub fn look_up(self, ruleset: &Ruleset) -> Option<(&Table, &Rule)> {
        let table = ruleset.table(self.table)?;
        Some((table, table.rules.get(self.rule as usize)?))
    }
}

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// A rule.
    Rule(Place),
    /// The policy of a built-in chain, ACCEPT where none is set.
    Policy(TableName, Hook),
    /// The kernel itself, whatever the rules say.
    Kernel(Discard),
}

/// A verdict, and who gave it: of a packet that passes, the rule or policy of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decision {
    /// What becomes of the packet.
    pub verdict: Verdict,
    /// Who decided.
    pub by: By,
}

/// How matches are taken that depend on more than the packet; `None`: both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Assumptions {
    /// Whether the packet is within the rate of `limit` and `hashlimit`.
    pub within_limit: Option<bool>,
    /// Whether the way back to its source is another one than it came (`rpfilter`).
    pub spoofed: Option<bool>,
    /// Whether addresses that a rule translates to are the gateway's own. The rules do not tell: unless it is said, only
    /// that is to which the packet came; else it is routed on, to an interface that is not known.
    pub translated_to_own: Option<bool>,
    /// Which iptables has loaded the rules; `None`: either, and where they differ both are answered.
    pub backend: Option<Backend>,
}

impl Assumptions {
    /// What an expectation assumes unless it says otherwise: within every limit, and not spoofed.
    pub const ORDINARY: Assumptions =
        Assumptions { within_limit: Some(true), spoofed: Some(false), translated_to_own: None, backend: None };
}
