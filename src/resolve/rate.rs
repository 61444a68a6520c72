//! Whether the kernel can hold a rate.
//! Input: a `limit` clause. Output: reports about rates that are refused, or kept as another one.

use super::codes::ResolveError;
use crate::diagnostic::{Diagnostics, Fix};
use crate::iptables::rate::{MAX_BUCKET_SECONDS, as_saved_hashlimit, as_saved_limit, bucket_fits, seconds};
use crate::iptables::ruleset::Rate;
use crate::policy::RateClause;
use crate::sentence;
use crate::source::Span;

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
        diagnostics.push(if most > 0 { report.fix(Fix::Replace(span, sentence::rate(slower))) } else { report });
        return false;
    }
    let saved = if clause.per_source || clause.above {
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
            format!(
                "the kernel keeps {}/{} as {count}/{}",
                clause.count,
                sentence::rate_unit(clause.unit),
                sentence::rate_unit(unit)
            ),
            "not exactly this rate",
            format!("write `{count}/{}` to say what happens", sentence::rate_unit(unit)),
        );
        diagnostics.push(report.fix(Fix::Replace(span, sentence::rate(RateClause { count, unit, ..clause }))));
    }
    true
}
