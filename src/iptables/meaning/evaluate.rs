//! Whether a condition holds of one packet, in three values. This is the reference: whoever is faster must agree with it.
//! Input: a condition, and a reader of fields. Output: yes, no, or maybe, where the packet alone does not tell.

use super::condition::{Condition, Doubt, Field, Test, Unknown};

/// Whether something holds; of several conditions together the least answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// It does not.
    No,
    /// The packet alone does not tell.
    Maybe,
    /// It does.
    Yes,
}

impl From<bool> for Answer {
    fn from(holds: bool) -> Answer {
        if holds { Answer::Yes } else { Answer::No }
    }
}

impl Answer {
    /// The opposite, if `negated`.
    #[inline]
    pub fn negated(self, negated: bool) -> Answer {
        match self {
            Answer::No if negated => Answer::Yes,
            Answer::Yes if negated => Answer::No,
            _ => self,
        }
    }

    /// Whether `known`; maybe, if it is not.
    pub fn of(known: Option<bool>) -> Answer {
        known.map_or(Answer::Maybe, Answer::from)
    }
}

/// What is known of the value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// It is this one.
    Known(u128),
    /// It is from the first to the last.
    Between(u128, u128),
    /// It may be any.
    Anything,
}

impl Value {
    /// Whether the value passes a test; `bits`: how many the field has.
    pub fn passes(self, test: &Test, bits: u32) -> Answer {
        match self {
            Value::Known(value) => test.holds(value).into(),
            Value::Anything => match test {
                Test::Masked { mask: 0, .. } => Answer::Yes,
                _ => Answer::Maybe,
            },
            Value::Between(first, last) => match test.range(bits) {
                Some((from, to)) if from <= first && last <= to => Answer::Yes,
                Some((from, to)) if last < from || to < first => Answer::No,
                _ => Answer::Maybe,
            },
        }
    }
}

/// Somebody who knows the fields of one packet, and what is assumed of the rest.
pub trait FieldReader {
    /// Whether a field passes a test.
    fn is(&self, field: Field, test: &Test) -> Answer;
    /// Whether something holds that the packet alone does not tell.
    fn unclear(&self, doubt: Doubt, unknown: &Unknown) -> Answer;
}

/// Whether a condition holds.
pub fn evaluate(condition: &Condition, packet: &impl FieldReader) -> Answer {
    match condition {
        Condition::Is(field, test) => packet.is(*field, test),
        Condition::Not(inner) => evaluate(inner, packet).negated(true),
        Condition::All(all) => {
            let mut answer = Answer::Yes;
            for one in all {
                answer = answer.min(evaluate(one, packet));
                if answer == Answer::No {
                    break;
                }
            }
            answer
        }
        Condition::Any(all) => {
            let mut answer = Answer::No;
            for one in all {
                answer = answer.max(evaluate(one, packet));
                if answer == Answer::Yes {
                    break;
                }
            }
            answer
        }
        Condition::Unclear(doubt, unknown) => packet.unclear(*doubt, unknown),
    }
}
