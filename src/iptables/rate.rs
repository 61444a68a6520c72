//! Rates as the kernel holds them: a whole number of ticks a packet, which `iptables-save` turns back into a rate.
//! Input: a rate as written. Output: the rate that a save gives back, `None` where the loader refuses it.

use super::ruleset::RateUnit;

/// Ticks a second of `-m limit` (`XT_LIMIT_SCALE`).
const LIMIT_SCALE: u64 = 10_000;

/// Ticks a second of `-m hashlimit` (`XT_HASHLIMIT_SCALE_v2`).
const HASHLIMIT_SCALE: u64 = 1_000_000;

/// The largest `--limit-burst`.
pub const MAX_LIMIT_BURST: u32 = 10_000;

/// The largest `--hashlimit-burst`.
pub const MAX_HASHLIMIT_BURST: u32 = 1_000_000;

/// The seconds that a full bucket may stand for with every kernel timer frequency (`CONFIG_HZ`): both matches count credit
/// in units of about 2^-32 of 134,000 seconds, and wrap around beyond that.
pub const MAX_BUCKET_SECONDS: u64 = 110_000;

/// The seconds of a unit.
pub fn seconds(unit: RateUnit) -> u64 {
    match unit {
        RateUnit::Second => 1,
        RateUnit::Minute => 60,
        RateUnit::Hour => 3_600,
        RateUnit::Day => 86_400,
    }
}

/// What `-m limit --limit COUNT/UNIT` is saved as; `None` where it is zero or too fast to be held.
pub fn as_saved_limit(count: u32, unit: RateUnit) -> Option<(u32, RateUnit)> {
    as_saved(count, unit, LIMIT_SCALE)
}

/// What `-m hashlimit --hashlimit-upto COUNT/UNIT` is saved as; `None` where it is zero or too fast to be held.
pub fn as_saved_hashlimit(count: u32, unit: RateUnit) -> Option<(u32, RateUnit)> {
    as_saved(count, unit, HASHLIMIT_SCALE)
}

/// Whether the kernel can hold a bucket of `burst` packets at that rate without wrapping around.
///
/// Beyond it some values are refused (`1/day` with the default burst), and others are taken and work as a smaller bucket.
pub fn bucket_fits(count: u32, unit: RateUnit, burst: u32) -> bool {
    burst > 0 && count > 0 && u64::from(burst) * seconds(unit) <= MAX_BUCKET_SECONDS * u64::from(count)
}

/// How long `-m hashlimit` must keep an idle bucket, in milliseconds; `None` where its default, a unit of the rate, is
/// enough. A bucket that is forgotten sooner than it fills up again grants its full burst anew.
pub fn expiry(count: u32, unit: RateUnit, burst: u32) -> Option<u32> {
    let full = (u64::from(burst) * 1_000 * seconds(unit)).div_ceil(u64::from(count.max(1)));
    (burst > count).then_some(u32::try_from(full).unwrap_or(u32::MAX))
}

fn period(count: u32, unit: RateUnit, scale: u64) -> Option<u64> {
    (scale * seconds(unit)).checked_div(u64::from(count)).filter(|period| *period > 0)
}

/// The arithmetic of `print_rate` in iptables' `libxt_limit.c`: the largest unit that loses little, then a whole number of it.
fn as_saved(count: u32, unit: RateUnit, scale: u64) -> Option<(u32, RateUnit)> {
    let period = period(count, unit, scale)?;
    let mut best = RateUnit::Day;
    for unit in [RateUnit::Hour, RateUnit::Minute, RateUnit::Second] {
        let ticks = scale * seconds(unit);
        if period > ticks || ticks / period < ticks % period {
            break;
        }
        best = unit;
    }
    Some(((scale * seconds(best) / period) as u32, best))
}

#[cfg(test)]
mod tests {
    use super::RateUnit::{Day, Hour, Minute, Second};
    use super::*;

    // Each line was loaded into a kernel and saved, with both backends.
    #[test]
    fn limit_is_saved_as_the_kernel_counts() {
        for (count, unit, saved) in [
            (5, Minute, Some((5, Minute))),
            (60, Minute, Some((1, Second))),
            (61, Minute, Some((61, Minute))),
            (3, Second, Some((3, Second))),
            (7, Hour, Some((7, Hour))),
            (24, Hour, Some((24, Hour))),
            (25, Hour, Some((25, Hour))),
            (1, Day, Some((1, Day))),
            (48, Day, Some((2, Hour))),
            (13, Day, Some((13, Day))),
            (86_400, Day, Some((1, Second))),
            (3601, Hour, Some((3601, Hour))),
            (1000, Minute, Some((1000, Minute))),
            (3000, Second, Some((3333, Second))),
            (6667, Second, Some((10_000, Second))),
            (10_000, Second, Some((10_000, Second))),
            (600_000, Minute, Some((10_000, Second))),
            (600_001, Minute, None),
            (10_001, Second, None),
            (0, Second, None),
        ] {
            assert_eq!(as_saved_limit(count, unit), saved, "{count} {unit:?}");
        }
    }

    #[test]
    fn hashlimit_counts_more_finely() {
        for (count, unit, saved) in [
            (60, Minute, Some((1, Second))),
            (3000, Second, Some((3003, Second))),
            (6667, Second, Some((6711, Second))),
            (10_001, Second, Some((10_101, Second))),
            (999_999, Second, Some((1_000_000, Second))),
            (60_000_000, Minute, Some((1_000_000, Second))),
            (1_000_001, Second, None),
            (0, Day, None),
        ] {
            assert_eq!(as_saved_hashlimit(count, unit), saved, "{count} {unit:?}");
        }
    }

    // `1/second burst 10`: after a second of silence the kernel granted ten more without it (real packets).
    #[test]
    fn buckets_are_kept_until_they_are_full_again() {
        for (count, unit, burst, kept) in [
            (1, Second, 10, Some(10_000)),
            (3, Minute, 5, Some(100_000)),
            (3, Second, 5, Some(1_667)),
            (10, Second, 10, None),
            (10, Second, 5, None),
            (1, Day, 1, None),
        ] {
            assert_eq!(expiry(count, unit, burst), kept, "{count} {unit:?} burst {burst}");
        }
    }

    #[test]
    fn buckets_of_days_do_not_fit() {
        assert!(bucket_fits(1, Day, 1));
        assert!(!bucket_fits(1, Day, 5));
        assert!(bucket_fits(1, Hour, 30));
        assert!(!bucket_fits(1, Hour, 38));
        assert!(!bucket_fits(5, Second, 0));
    }
}
