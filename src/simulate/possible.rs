//! Whether a field has a value with which all that is known of it is so.
//! Input: bounds, and tests with how they turn out. Output: whether there is such a value.

use crate::iptables::meaning::Test;

/// The most values that are tried: no rules that people write ask one field so often.
const MAX_TRIED: usize = 1_000;

/// Whether a value from the first to the last passes each test that holds and no other; `bits`: how many the field has.
/// True as well where `MAX_TRIED` were not enough to find one.
pub(super) fn is_possible<'t>(
    (mut first, mut last): (u128, u128),
    bits: u32,
    tests: impl Iterator<Item = (&'t Test, bool)> + Clone,
) -> bool {
    // Masks with holes that hold, as one.
    let (mut value, mut mask) = (0, 0);
    for (test, _) in tests.clone().filter(|(_, holds)| *holds) {
        match (test.range(bits), *test) {
            (Some((from, to)), _) => (first, last) = (first.max(from), last.min(to)),
            (None, Test::Masked { value: wanted, mask: asked }) => {
                if (value ^ wanted) & mask & asked != 0 {
                    return false;
                }
                (value, mask) = (value | wanted, mask | asked);
            }
            (None, Test::Within(..)) => {}
        }
    }
    let mut at = first;
    for _ in 0..MAX_TRIED {
        match with_bits(at, value, mask) {
            Some(next) if next <= last => at = next,
            _ => return false,
        }
        let Some((test, _)) = tests.clone().find(|(test, holds)| !holds && test.holds(at)) else { return true };
        match beyond(test, bits, at, mask) {
            Some(next) => at = next,
            None => return false,
        }
    }
    true
}

/// The first value from `at` on that has these bits under the mask.
fn with_bits(at: u128, value: u128, mask: u128) -> Option<u128> {
    let wrong = (at ^ value) & mask;
    if wrong == 0 {
        return Some(at);
    }
    // The highest bit that is wrong, and those below it.
    let below = u128::MAX >> wrong.leading_zeros();
    let top = below & !(below >> 1);
    if value & top != 0 {
        return Some(at & !below | value & below);
    }
    // It must be 0: a free bit above it becomes 1 instead.
    let free = !at & !mask & !below;
    let next = free & free.wrapping_neg();
    (next != 0).then(|| at & !(next - 1) | next | value & (next - 1))
}

/// The first value after `at`, which passes a test, that may not; the bits of `fixed` are the same in all values.
fn beyond(test: &Test, bits: u32, at: u128, fixed: u128) -> Option<u128> {
    let last = match (test.range(bits), *test) {
        (None, Test::Masked { mask, .. }) => {
            let free = mask & !fixed;
            at | (free & free.wrapping_neg()).checked_sub(1)?
        }
        (Some((_, last)), _) | (None, Test::Within(_, last)) => last,
    };
    last.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_possible_is_what_some_value_shows() {
        let bits = 6;
        let mut tests = Vec::new();
        for mask in [0b11_0000, 0b10_0101, 0b01_1010, 0b00_0011, 0b11_1111, 0b00_1100] {
            for value in [0b00_0000, 0b10_0101, 0b01_1010, 0b11_1111, 0b10_0110] {
                tests.push(Test::Masked { value: value & mask, mask });
            }
        }
        tests.extend(
            [(0, 31), (32, 63), (7, 40), (41, 41), (0, 0), (63, 63), (12, 13)].map(|(a, b)| Test::Within(a, b)),
        );
        let mut seen = [0, 0];
        for (index, one) in tests.iter().enumerate() {
            for other in &tests[index..] {
                for third in &tests {
                    for (bounds, how) in [(0, 63), (9, 50), (33, 34)].into_iter().flat_map(|bounds| {
                        (0..8).map(move |how: u32| (bounds, [how & 1 != 0, how & 2 != 0, how & 4 != 0]))
                    }) {
                        let all = [one, other, third].into_iter().zip(how);
                        let shown = (bounds.0..=bounds.1)
                            .any(|value| all.clone().all(|(test, holds)| test.holds(value) == holds));
                        seen[usize::from(shown)] += 1;
                        assert_eq!(
                            is_possible(bounds, bits, all),
                            shown,
                            "{bounds:?} {one:?} {other:?} {third:?} {how:?}"
                        );
                    }
                }
            }
        }
        assert!(seen.iter().all(|count| *count > 1_000), "{seen:?}");
    }

    #[test]
    fn the_highest_values_are_values() {
        let all = [(&Test::Within(0, u128::MAX - 1), false)];
        assert!(is_possible((0, u128::MAX), 128, all.into_iter()));
        assert!(!is_possible((0, u128::MAX - 1), 128, all.into_iter()));
        let ends = Test::Masked { value: 1 << 127 | 1, mask: 1 << 127 | 1 };
        assert!(is_possible((0, u128::MAX), 128, [(&ends, true)].into_iter()));
        assert!(!is_possible((0, u128::MAX >> 1), 128, [(&ends, true)].into_iter()));
    }

    #[test]
    fn as_many_values_as_there_are_decide_nothing() {
        let odd = Test::Masked { value: 1, mask: 1 };
        let third = Test::Masked { value: 3, mask: 3 };
        assert!(!is_possible((0, u128::MAX), 128, [(&odd, false), (&third, true)].into_iter()));
        assert!(is_possible((0, u128::MAX), 128, [(&odd, true), (&third, false)].into_iter()));
    }
}
