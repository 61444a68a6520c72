//! Sets of numbers, as ranges in order.
//! Input: ranges. Output: what is in both, and what is in none.

/// The most bits between those of a mask: each doubles the ranges.
const MAX_HOLES: u32 = 10;

/// Ranges from a first to a last number, in order, with gaps between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ranges(Vec<(u128, u128)>);

impl Ranges {
    /// From the first to the last; none, where the first is the greater.
    pub fn within(first: u128, last: u128) -> Ranges {
        Ranges(if first <= last { vec![(first, last)] } else { Vec::new() })
    }

    /// The numbers that fit, up to a last one.
    pub fn of(last: u128, fits: impl Fn(u128) -> bool) -> Ranges {
        let mut ranges: Vec<(u128, u128)> = Vec::new();
        for number in (0..=last).filter(|number| fits(*number)) {
            match ranges.last_mut() {
                Some((_, end)) if *end + 1 == number => *end = number,
                _ => ranges.push((number, number)),
            }
        }
        Ranges(ranges)
    }

    /// The numbers that have a value in the bits of a mask, up to a last one, which is all ones; `None`, where they
    /// are too many ranges.
    pub fn masked(value: u128, mask: u128, last: u128) -> Option<Ranges> {
        let free = last & !mask;
        let low = 1_u128.checked_shl(free.trailing_ones()).map_or(free, |above| above - 1);
        let holes = free & !low;
        if holes.count_ones() > MAX_HOLES {
            return None;
        }
        let mut ranges = Vec::new();
        let mut in_holes = 0_u128;
        loop {
            ranges.push((value | in_holes, value | in_holes | low));
            // The next number with no bits but these.
            in_holes = in_holes.wrapping_sub(holes) & holes;
            if in_holes == 0 {
                return Some(Ranges(ranges));
            }
        }
    }

    /// All numbers of some ranges in any order.
    pub fn joined(mut all: Vec<(u128, u128)>) -> Ranges {
        all.sort_unstable();
        let mut ranges: Vec<(u128, u128)> = Vec::with_capacity(all.len());
        for (first, last) in all {
            match ranges.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => ranges.push((first, last)),
            }
        }
        Ranges(ranges)
    }

    /// The ranges.
    pub fn list(&self) -> &[(u128, u128)] {
        &self.0
    }

    /// Whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a number is one of them.
    pub fn contains(&self, number: u128) -> bool {
        let next = self.0.partition_point(|(first, _)| *first <= number);
        next.checked_sub(1).is_some_and(|at| number <= self.0[at].1)
    }

    /// Whether a number is in both.
    pub fn meets(&self, other: &Ranges) -> bool {
        match (&self.0[..], &other.0[..]) {
            ([(a, b)], [(c, d)]) => a.max(c) <= b.min(d),
            (one, two) => {
                let (mut one, mut two) = (one.iter().peekable(), two.iter().peekable());
                while let (Some((a, b)), Some((c, d))) = (one.peek(), two.peek()) {
                    if a.max(c) <= b.min(d) {
                        return true;
                    }
                    if b < d {
                        one.next()
                    } else {
                        two.next()
                    };
                }
                false
            }
        }
    }

    /// The numbers in both.
    pub fn and(&self, other: &Ranges) -> Ranges {
        let (mut one, mut two) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(&&(a, b)), Some(&&(c, d))) = (one.peek(), two.peek()) {
            if a.max(c) <= b.min(d) {
                both.push((a.max(c), b.min(d)));
            }
            if b < d {
                one.next()
            } else {
                two.next()
            };
        }
        Ranges(both)
    }

    /// The numbers up to a last one that are not in it.
    pub fn not(&self, last: u128) -> Ranges {
        let mut rest = Vec::new();
        let mut from = Some(0);
        for (first, end) in &self.0 {
            if let Some(start) = from.filter(|start| start < first) {
                rest.push((start, first - 1));
            }
            from = end.checked_add(1);
        }
        rest.extend(from.filter(|start| *start <= last).map(|start| (start, last)));
        Ranges(rest)
    }

    /// Those moved by an amount, as far as they are numbers up to a last one. Numbers of all 128 bits go round: no amount
    /// that is a difference of two of them leaves them.
    pub fn moved(&self, by: i128, last: u128) -> Ranges {
        if last == u128::MAX {
            return self.turned(by as u128);
        }
        let shift = |number: u128| number.checked_add_signed(by);
        let moved = self.0.iter().filter_map(|(first, end)| {
            let first = if by < 0 { shift(*first).unwrap_or(0) } else { shift(*first)? };
            let end = if by < 0 { shift(*end)? } else { shift(*end).unwrap_or(u128::MAX) };
            (first <= end.min(last)).then_some((first, end.min(last)))
        });
        Ranges(moved.collect())
    }

    fn turned(&self, by: u128) -> Ranges {
        let mut moved = Vec::with_capacity(self.0.len() + 1);
        for (first, end) in &self.0 {
            match (first.wrapping_add(by), end.wrapping_add(by)) {
                (first, end) if first <= end => moved.push((first, end)),
                (first, end) => moved.extend([(first, u128::MAX), (0, end)]),
            }
        }
        Ranges::joined(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_sets() {
        let even = Ranges::of(9, |number| number % 4 < 2);
        assert_eq!(even.list(), [(0, 1), (4, 5), (8, 9)]);
        assert_eq!(even.not(9).list(), [(2, 3), (6, 7)]);
        assert_eq!(even.not(11).list(), [(2, 3), (6, 7), (10, 11)]);
        assert_eq!(even.and(&Ranges::within(1, 4)).list(), [(1, 1), (4, 4)]);
        assert!(even.and(&even.not(9)).is_empty() && !even.meets(&even.not(9)));
        assert!(even.meets(&Ranges::within(2, 4)) && !even.meets(&Ranges::within(2, 3)));
        assert_eq!(Ranges::within(0, u128::MAX).not(u128::MAX).list(), []);
        assert_eq!(Ranges::within(5, 4).not(u128::MAX).list(), [(0, u128::MAX)]);
        assert_eq!(even.moved(-1, 9).list(), [(0, 0), (3, 4), (7, 8)]);
        let masked = |value, mask| Ranges::masked(value, mask, 0xff).map(|ranges| ranges.list().to_vec());
        assert_eq!(masked(0x10, 0xf0), Some(vec![(0x10, 0x1f)]));
        assert_eq!(
            masked(0x05, 0xcd),
            Some(vec![
                (0x05, 0x05),
                (0x07, 0x07),
                (0x15, 0x15),
                (0x17, 0x17),
                (0x25, 0x25),
                (0x27, 0x27),
                (0x35, 0x35),
                (0x37, 0x37)
            ])
        );
        assert_eq!(masked(0x04, 0xce), Some(vec![(0x04, 0x05), (0x14, 0x15), (0x24, 0x25), (0x34, 0x35)]));
        assert_eq!(masked(0, 0), Some(vec![(0, 0xff)]));
        assert_eq!(Ranges::masked(0, 0, u128::MAX).map(|ranges| ranges.list().to_vec()), Some(vec![(0, u128::MAX)]));
        assert_eq!(Ranges::masked(5, 0xffff, u128::from(u32::MAX)), None);
        assert_eq!(even.moved(2, 9).list(), [(2, 3), (6, 7)]);
        assert_eq!(Ranges::joined(vec![(7, 9), (0, 1), (2, 2), (8, u128::MAX)]).list(), [(0, 2), (7, u128::MAX)]);
        let all = u128::MAX;
        let ends = Ranges::within(4, all - 4).not(all);
        assert_eq!(ends.moved(10, all).list(), [(6, 13)], "the highest is beside the lowest");
        assert_eq!(ends.moved(-2, all).list(), [(0, 1), (all - 5, all)], "round the end");
        let (one, other) = (0xfd_u128 << 120, 0x20_u128 << 120);
        let moved = Ranges::within(one, one).moved(other.wrapping_sub(one) as i128, all);
        assert_eq!(moved.list(), [(other, other)], "by more than half of all");
        assert_eq!(ends.moved(i128::MIN, all).moved(i128::MIN, all), ends);
    }
}
