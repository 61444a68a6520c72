//! What a branch of the walk has decided: it is kept, so that the branch never contradicts itself.
//! Input: conditions that could not be decided, and how they turn out. Output: facts, and what follows from them.

use super::possible::is_possible;
use crate::iptables::meaning::{Answer, Backend, Condition, Doubt, Field, FieldReader, Test, Unknown, Value, evaluate};

/// Something that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// Whether a field passes a test.
    Field(Field, Test, bool),
    /// Whether something holds that the packet does not tell.
    Unclear(Doubt, Unknown, bool),
}

impl Fact {
    /// Which iptables has loaded the rules.
    pub fn backend(backend: Backend) -> Fact {
        let number = backend as u128;
        Fact::Field(Field::Backend, Test::Within(number, number), true)
    }
}

/// Whether a field of `bits` bits, of which this much is known, passes a test: with what was decided about it, and with
/// what its value never is.
pub fn passes(value: Value, bits: u32, asked: &Test, field: Field, facts: &[Fact], never: &[Test]) -> Answer {
    let answer = value.passes(asked, bits);
    if answer != Answer::Maybe {
        return answer;
    }
    let known = known(field, facts, never);
    if let Some((_, holds)) = known.clone().find(|(test, _)| *test == asked) {
        return holds.into();
    }
    let may = |holds: bool| is_possible(bounds(value, bits), bits, known.clone().chain([(asked, holds)]));
    match (may(true), may(false)) {
        (true, true) => Answer::Maybe,
        (holds, _) => holds.into(),
    }
}

/// Whether what was decided about a field can be, of which this much is known.
pub fn agree(value: Value, bits: u32, field: Field, facts: &[Fact], never: &[Test]) -> bool {
    is_possible(bounds(value, bits), bits, known(field, facts, never))
}

/// The tests of a field whose outcome is known.
fn known<'f>(field: Field, facts: &'f [Fact], never: &'f [Test]) -> impl Iterator<Item = (&'f Test, bool)> + Clone {
    let decided = facts.iter().filter_map(move |fact| match fact {
        Fact::Field(known, test, holds) if *known == field => Some((test, *holds)),
        _ => None,
    });
    decided.chain(never.iter().map(|test| (test, false)))
}

/// The lowest and the highest value that a field may have.
fn bounds(value: Value, bits: u32) -> (u128, u128) {
    match value {
        Value::Known(value) => (value, value),
        Value::Between(first, last) => (first, last),
        Value::Anything => (0, u128::MAX.checked_shr(128 - bits).unwrap_or(0)),
    }
}

/// What follows where a condition that may hold does, or does not: nothing, where it could be for several reasons.
pub fn learn(condition: &Condition, holds: bool, packet: &impl FieldReader, facts: &mut Vec<Fact>) {
    match condition {
        Condition::Is(field, test) => facts.push(Fact::Field(*field, *test, holds)),
        Condition::Unclear(doubt, unknown) => facts.push(Fact::Unclear(*doubt, unknown.clone(), holds)),
        Condition::Not(inner) => learn(inner, !holds, packet, facts),
        Condition::All(all) | Condition::Any(all) => {
            let open = || all.iter().filter(|one| evaluate(one, packet) == Answer::Maybe);
            // All hold, or none does: of each that is open the same follows. Else it is one of them.
            let each = matches!(condition, Condition::All(_)) == holds;
            if each || open().count() == 1 {
                open().for_each(|one| learn(one, holds, packet, facts));
            }
        }
    }
}
