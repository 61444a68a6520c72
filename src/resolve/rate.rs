//! Whether the kernel can hold a rate.
//! Input: a `limit` clause. Output: reports about rates that are refused, or kept as another one.

use super::ResolveError;
use crate::diagnostic::{Diagnostics, Fix};
use crate::iptables::rate::{MAX_BUCKET_SECONDS, as_saved_hashlimit, as_saved_limit, bucket_fits, seconds};
use crate::iptables::ruleset::{Rate, RateUnit};
use crate::policy::RateClause;
use crate::source::Span;

fn name(unit: RateUnit) -> &'static str {
    match unit {
        RateUnit::Second => "second",
        RateUnit::Minute => "minute",
        RateUnit::Hour => "hour",
        RateUnit::Day => "day",
    }
}

/// The clause as it is written behind `limit`.
fn text(clause: RateClause) -> String {
    let burst = clause.burst.map_or_else(String::new, |burst| format!(" burst {burst}"));
    let per_source = if clause.per_source { " per source" } else { "" };
    format!("{}/{}{burst}{per_source}", clause.count, name(clause.unit))
}

/// Whether the rate can be used; says what the kernel would make of it.
pub fn check(clause: RateClause, span: Span, diagnostics: &mut Diagnostics) -> bool {
    let burst = clause.burst.unwrap_or(Rate::DEFAULT_BURST);
    if !bucket_fits(clause.count, clause.unit, burst) {
        let (seconds, count) = (seconds(clause.unit), u64::from(clause.count));
        let (bucket, most) = (u64::from(burst) * seconds / count, MAX_BUCKET_SECONDS * count / seconds);
        let report = ResolveError::RateTooSlow.at(
            span,
            format!("the kernel cannot count a burst of {burst} at this rate"),
            format!("a full bucket would last {bucket} seconds"),
            format!("add `burst {most}`: burst times the seconds of one packet may be {MAX_BUCKET_SECONDS} at most"),
        );
        let slower = RateClause { burst: u32::try_from(most).ok(), ..clause };
        diagnostics.push(if most > 0 { report.fix(Fix::Replace(span, text(slower))) } else { report });
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
    let exact = u64::from(clause.count) * seconds(unit) == u64::from(count) * seconds(clause.unit);
    if !exact {
        let report = ResolveError::RateRounded.at(
            span,
            format!("the kernel keeps {}/{} as {count}/{}", clause.count, name(clause.unit), name(unit)),
            "not exactly this rate",
            format!("write `limit {count}/{}` to say what happens", name(unit)),
        );
        diagnostics.push(report.fix(Fix::Replace(span, text(RateClause { count, unit, ..clause }))));
    }
    true
}
