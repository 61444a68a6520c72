//! All hints for a packet that does not pass.
//! Input: a trace. Output: hints, the best first.

use super::kinds::{Hint, Setting};
use super::{near, remedy};
use crate::simulate::{By, Verdict};
use crate::trace::follow::Trace;

/// Hints for a packet that does not pass, the best first.
pub fn hints(trace: &Trace, setting: &Setting) -> Vec<Hint> {
    // Where it may pass as it is, what it depends on is said already.
    if trace.branches.iter().any(|branch| branch.decision.verdict == Verdict::Accept) {
        return Vec::new();
    }
    let Some(branch) = trace.branches.first() else { return Vec::new() };
    if matches!(branch.decision.by, By::Kernel(_)) {
        return Vec::new();
    }
    let mut hints = near::near(branch, trace.described.packet.family(), setting.rules);
    hints.extend(remedy::remedy(trace, setting));
    hints
}
