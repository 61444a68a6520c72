//! Which items of a list hold at one place of a sweep.
//! Input: numbers that are put in and taken out. Output: those that are in, in order.

/// A set of small numbers.
pub struct ActiveSet(Vec<u64>);

impl ActiveSet {
    /// None of so many.
    pub fn new(count: usize) -> ActiveSet {
        ActiveSet(vec![0; count.div_ceil(64)])
    }

    /// Puts a number in, or takes it out.
    pub fn set(&mut self, number: usize, is_in: bool) {
        let bit = 1 << (number % 64);
        if is_in {
            self.0[number / 64] |= bit;
        } else {
            self.0[number / 64] &= !bit;
        }
    }

    /// The numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(word, bits)| {
            let next = |bits: &u64| Some(bits & (bits - 1)).filter(|bits| *bits != 0);
            let first = Some(*bits).filter(|bits| *bits != 0);
            std::iter::successors(first, next).map(move |bits| 64 * word + bits.trailing_zeros() as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_in_until_it_is_taken_out() {
        let mut set = ActiveSet::new(200);
        for number in [0, 63, 64, 127, 130, 199] {
            set.set(number, true);
        }
        set.set(64, false);
        set.set(5, false);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 127, 130, 199]);
        assert_eq!(ActiveSet::new(0).iter().count(), 0);
    }
}
