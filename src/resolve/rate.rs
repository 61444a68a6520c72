//! Whether the kernel can hold a rate.
//! Input: a `limit` clause. Output: reports about rates that are refused, or kept as another one.

use super::ResolveError;
use crate::diagnostic::Diagnostics;
use crate::iptables::rate::{as_saved_hashlimit, as_saved_limit};
use crate::iptables::ruleset::{Rate, RateUnit};
use crate::policy::RateClause;
use crate::source::Span;

/// Seconds that a full bucket may stand for: beyond it the kernel's 32-bit counter overflows.
const MOST_SECONDS: u32 = 110_000;

/// Seconds of a unit.
pub fn seconds(unit: RateUnit) -> u32 {
    match unit {
        RateUnit::Second => 1,
        RateUnit::Minute => 60,
        RateUnit::Hour => 3_600,
        RateUnit::Day => 86_400,
    }
}

fn name(unit: RateUnit) -> &'static str {
    match unit {
        RateUnit::Second => "second",
        RateUnit::Minute => "minute",
        RateUnit::Hour => "hour",
        RateUnit::Day => "day",
    }
}

/// Whether the rate can be used; says what the kernel would make of it.
pub fn check(clause: RateClause, span: Span, diagnostics: &mut Diagnostics) -> bool {
    let burst = clause.burst.unwrap_or(Rate::DEFAULT_BURST);
    let per_token = f64::from(seconds(clause.unit)) / f64::from(clause.count);
    if per_token * f64::from(burst) > f64::from(MOST_SECONDS) {
        let most = (f64::from(MOST_SECONDS) / per_token) as u32;
        diagnostics.push(ResolveError::RateTooSlow.at(
            span,
            format!("the kernel cannot count a burst of {burst} at this rate"),
            format!("a full bucket would last {:.0} seconds", per_token * f64::from(burst)),
            format!("add `burst {most}`: burst times the seconds of one packet may be {MOST_SECONDS} at most"),
        ));
        return false;
    }
    let saved = if clause.per_source {
        as_saved_hashlimit(clause.count, clause.unit)
    } else {
        as_saved_limit(clause.count, clause.unit)
    };
    let Some((count, unit)) = saved else {
        diagnostics.push(ResolveError::OutOfRange.at(
            span,
            "the kernel cannot count this rate",
            "too fast",
            "write a slower rate: 10000/second is the fastest",
        ));
        return false;
    };
    let exact =
        u64::from(clause.count) * u64::from(seconds(unit)) == u64::from(count) * u64::from(seconds(clause.unit));
    if !exact {
        diagnostics.push(ResolveError::RateRounded.at(
            span,
            format!("the kernel keeps {}/{} as {count}/{}", clause.count, name(clause.unit), name(unit)),
            "not exactly this rate",
            format!("write `limit {count}/{}` to say what happens", name(unit)),
        ));
    }
    true
}
