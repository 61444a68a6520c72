//! What becomes of one packet: the walk through the tables, as netfilter does it.
//! Input: the rules of a family, as `Loaded`, and a `Packet`. Output: every decision that is possible, or a `Trace` of each.
//!
//! There is one walk. Deciding and tracing differ only in the observer that looks on, so they cannot disagree.

mod discard;
mod flight;
mod loaded;
mod matches;
mod observe;
mod targets;
mod tracking;
mod walk;

use crate::iptables::packet::Packet;
pub use crate::iptables::ruleset::Hook;
use crate::iptables::ruleset::{ChainPolicy, RejectWith, Rule, Ruleset, Table, TableName};

pub use self::discard::{Discard, impossible};
pub use self::flight::{Bounds, Flight, Translation};
pub use self::loaded::Loaded;
pub use self::matches::{Answer, Part, failing};
pub use self::observe::{Effect, Event, Observer, Silent};
pub use self::tracking::first_state;
pub use self::walk::{MAX_WALKS, walks};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// Whether the packet is within the rate of `limit` and `hashlimit`.
    pub within_limit: Option<bool>,
    /// Whether the way back to its source is another one than it came (`rpfilter`).
    pub spoofed: Option<bool>,
}

impl Assumptions {
    /// What an expectation assumes unless it says otherwise: within every limit, and not spoofed.
    pub const ORDINARY: Assumptions = Assumptions { within_limit: Some(true), spoofed: Some(false) };
}

/// Every decision that is possible, each once: one, unless something cannot be decided.
pub fn decide(loaded: &Loaded, packet: &Packet, assumptions: Assumptions) -> Vec<Decision> {
    let mut decisions = Vec::with_capacity(1);
    walks(
        loaded,
        packet,
        assumptions,
        || Silent,
        |decision, _, _| {
            if !decisions.contains(&decision) {
                decisions.push(decision);
            }
        },
    );
    decisions
}

/// What becomes of a packet under a ruleset; for many packets, load it once and `decide`.
pub fn verdict(ruleset: &Ruleset, packet: &Packet) -> Vec<Decision> {
    decide(&Loaded::new(ruleset), packet, Assumptions::default())
}
