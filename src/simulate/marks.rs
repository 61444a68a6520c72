//! The marks of a packet and of its connection, bit by bit: each is known, or one of a number that is not.
//! Input: what rules write. Output: the marks after that, and what a test of one asks of the numbers that are not known.

use crate::iptables::meaning::{Answer, Field, Term, Test};

/// How many numbers that are not known are told apart.
const SOURCES: u32 = 4;

/// One mark: the bits of `from`, taken from numbers that are not known, and those of `value` xored in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct MarkBits {
    value: u32,
    /// For each number 32 bits, of which no two are the same bit of the mark.
    from: u128,
}

impl MarkBits {
    fn open(self) -> u32 {
        (0..SOURCES).fold(0, |bits, source| bits | (self.from >> (32 * source)) as u32)
    }

    fn under(self, mask: u32) -> MarkBits {
        MarkBits { value: self.value & mask, from: self.from & repeated(mask) }
    }
}

/// A mask for the bits of every number.
fn repeated(mask: u32) -> u128 {
    (0..SOURCES).fold(0, |bits, source| bits | u128::from(mask) << (32 * source))
}

/// Both marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Marks {
    packet: MarkBits,
    connection: MarkBits,
}

impl Marks {
    /// The mark of a packet whose connection is not known.
    pub fn of_packet(mark: u32) -> Marks {
        Marks { packet: MarkBits { value: mark, from: 0 }, connection: MarkBits::default() }
    }

    fn get(self, field: Field) -> MarkBits {
        if field == Field::Mark { self.packet } else { self.connection }
    }

    /// A mark, where all of it is known.
    pub fn number(self, field: Field) -> Option<u32> {
        let mark = self.get(field);
        (mark.from == 0).then_some(mark.value)
    }

    /// What the numbers that are not known must pass, side by side, for a mark to pass a test; the answer, where they do not
    /// matter, or where it asks for a range.
    pub fn asked(self, field: Field, test: &Test) -> Result<Test, Answer> {
        let (wanted, mask) = match *test {
            Test::Masked { value, mask } => (value as u32, mask as u32),
            Test::Within(first, last) if first == last => (first as u32, u32::MAX),
            Test::Within(..) => return Err(Answer::Maybe),
        };
        let mark = self.get(field);
        let wrong = mark.value ^ wanted;
        match mark.from & repeated(mask) {
            _ if wrong & mask & !mark.open() != 0 => Err(Answer::No),
            0 => Err(Answer::Yes),
            mask => Ok(Test::Masked { value: repeated(wrong) & mask, mask }),
        }
    }

    /// A mark becomes a number, or one that is not known. The bits that are new are given back.
    pub fn set(&mut self, field: Field, number: Option<u32>) -> u128 {
        self.put(field, MarkBits { value: number.unwrap_or(0), from: 0 }, if number.is_some() { 0 } else { u32::MAX })
    }

    /// A mark becomes what a rule makes of it, likewise.
    pub fn assign(&mut self, field: Field, term: Term) -> u128 {
        let old = self.get(field);
        let (kept, other, by) = match term {
            Term::Bits { keep, from, xor } => {
                let other = from.map_or(MarkBits::default(), |(other, mask)| self.get(other).under(mask as u32));
                (old.under(keep as u32), MarkBits { value: other.value ^ xor as u32, ..other }, 0)
            }
            Term::Moved { keep, from, mask, by } => (old.under(keep), self.get(from).under(mask), by),
            Term::Within(first, last) if first == last => return self.set(field, Some(first as u32)),
            _ => return self.set(field, None),
        };
        let moved = |bits: u32| {
            let distance = u32::from(by.unsigned_abs());
            if by < 0 { bits.checked_shr(distance) } else { bits.checked_shl(distance) }.unwrap_or(0)
        };
        let value = kept.value ^ moved(other.value);
        // A bit of such a number at another place, or of two of them, is one of a further number.
        let from = if by == 0 { kept.from ^ other.from } else { kept.from };
        let lost = if by == 0 { twice(from) } else { moved(other.open()) };
        self.put(field, MarkBits { value, from }, lost)
    }

    /// Takes over a mark of which these bits are those of a number that is not met elsewhere.
    fn put(&mut self, field: Field, mut new: MarkBits, lost: u32) -> u128 {
        let (own, other) = match field {
            Field::Mark => (&mut self.packet, &mut self.connection),
            _ => (&mut self.connection, &mut self.packet),
        };
        new = new.under(!lost);
        let of = |source: u32, bits: u32| u128::from(bits) << (32 * source);
        let mut fresh = 0;
        if lost != 0 {
            match (0..SOURCES).find(|source| (new.from | other.from) & of(*source, u32::MAX) == 0) {
                Some(source) => fresh = of(source, lost),
                None => {
                    // There are not enough of them: nothing is known any more.
                    (new, *other) = (MarkBits::default(), MarkBits { value: 0, from: of(1, u32::MAX) });
                    fresh = of(0, u32::MAX) | other.from;
                }
            }
            new.from |= fresh & !other.from;
        }
        *own = new;
        fresh
    }

    /// The bits of the numbers that some mark has.
    pub fn open(self) -> u128 {
        self.packet.from | self.connection.from
    }
}

/// The bits of a mark that are those of more than one number.
fn twice(from: u128) -> u32 {
    let lanes = (0..SOURCES).map(|source| (from >> (32 * source)) as u32);
    lanes.fold((0, 0), |(once, twice), lane| (once | lane, twice | once & lane)).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the marks are, given the numbers that are not known.
    fn shown(mark: MarkBits, numbers: u128) -> u32 {
        (0..SOURCES).fold(mark.value, |bits, source| bits ^ ((numbers & mark.from) >> (32 * source)) as u32)
    }

    #[test]
    fn marks_are_what_rules_make_of_them() {
        let terms = [
            Term::Bits { keep: !0x3, from: None, xor: 0x1 },
            Term::Bits { keep: !0xff, from: Some((Field::Mark, 0xff)), xor: 0 },
            Term::Bits { keep: 0xffff_0000, from: Some((Field::ConnectionMark, 0xf0f0)), xor: 0x80 },
            Term::Moved { keep: !0xf, from: Field::ConnectionMark, mask: 0xf, by: 0 },
            Term::Moved { keep: !0, from: Field::ConnectionMark, mask: 0xff, by: 0 },
            Term::value(7_u8),
        ];
        let numbers = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;
        for choice in 0..6_u32.pow(4) * 16 {
            let mut marks = Marks::of_packet(0x5);
            marks.set(Field::ConnectionMark, None);
            let (mut packet, mut connection) = (0x5, shown(marks.connection, numbers));
            for step in 0..4 {
                let term = terms[(choice / 16 / 6_u32.pow(step) % 6) as usize];
                let field = if choice >> step & 1 == 0 { Field::Mark } else { Field::ConnectionMark };
                let of = |field: Field| if field == Field::Mark { packet } else { connection };
                let new = match term {
                    Term::Bits { keep, from, xor } => {
                        (of(field) & keep as u32) ^ from.map_or(0, |(from, mask)| of(from) & mask as u32) ^ xor as u32
                    }
                    Term::Moved { keep, from, mask, .. } => (of(field) & keep) ^ (of(from) & mask),
                    _ => unreachable!("no other term is in the list"),
                };
                *(if field == Field::Mark { &mut packet } else { &mut connection }) = new;
                assert_eq!(marks.assign(field, term), 0, "nothing is lost where nothing moves");
            }
            assert_eq!((shown(marks.packet, numbers), shown(marks.connection, numbers)), (packet, connection));
            for test in
                [Test::Masked { value: 1, mask: 3 }, Test::Within(7, 7), Test::Masked { value: 0x50, mask: 0xf0 }]
            {
                for (field, mark) in [(Field::Mark, packet), (Field::ConnectionMark, connection)] {
                    let answer =
                        marks.asked(field, &test).map_or_else(|known| known, |test| test.holds(numbers).into());
                    assert_eq!(answer, test.holds(mark.into()).into(), "{marks:?} {field:?} {test:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_moved_is_a_number_of_its_own() {
        let mut marks = Marks::of_packet(0);
        marks.set(Field::ConnectionMark, None);
        let moved = Term::Moved { keep: !0xff, from: Field::ConnectionMark, mask: 0xf, by: 4 };
        assert_eq!(marks.assign(Field::Mark, moved), 0xf0 << 32);
        let is = |value: u128, mask: u128| marks.asked(Field::Mark, &Test::Masked { value, mask });
        assert_eq!(is(0, 0xf), Err(Answer::Yes));
        assert_eq!(is(1, 0xff), Err(Answer::No));
        assert_eq!(is(0x30, 0xff), Ok(Test::Masked { value: 0x30 << 32, mask: 0xf0 << 32 }));
        // Where there are not enough numbers, nothing is known.
        let mut fresh = 0;
        for bit in 0..8 {
            let moved = Term::Moved { keep: !(1 << bit), from: Field::ConnectionMark, mask: 1 << (bit + 1), by: -1 };
            fresh |= marks.assign(Field::Mark, moved);
        }
        assert_eq!(fresh & u128::from(u32::MAX), u128::from(u32::MAX));
        assert!(marks.number(Field::ConnectionMark).is_none());
    }
}
