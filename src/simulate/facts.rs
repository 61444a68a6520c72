//! What a branch of the walk has decided: it is kept, so that the branch never contradicts itself.
//! Input: conditions that could not be decided, and how they turn out. Output: facts, and what follows from them.

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
    let of_field = || {
        facts.iter().filter_map(|fact| match fact {
            Fact::Field(known, test, holds) if *known == field => Some((test, *holds)),
            _ => None,
        })
    };
    if let Some((_, holds)) = of_field().find(|(test, _)| *test == asked) {
        return holds.into();
    }
    let excluded = || of_field().filter(|(_, holds)| !holds).map(|(test, _)| test).chain(never);
    let (mut first, mut last) = match value {
        Value::Between(first, last) => (first, last),
        _ => (0, u128::MAX.checked_shr(128 - bits).unwrap_or(0)),
    };
    for (from, to) in of_field().filter(|(_, holds)| *holds).filter_map(|(test, _)| test.range(bits)) {
        (first, last) = (first.max(from), last.min(to));
    }
    // What is excluded at either end makes the rest smaller, until nothing does.
    loop {
        let before = (first, last);
        for (from, to) in excluded().filter_map(|test| test.range(bits)) {
            if from <= first && first <= to && to < last {
                first = to + 1;
            }
            if from <= last && last <= to && first < from {
                last = from - 1;
            }
        }
        if (first, last) == before {
            break;
        }
    }
    let answer = Value::Between(first, last).passes(asked, bits);
    let Some((from, to)) = asked.range(bits).filter(|_| answer == Answer::Maybe) else { return answer };
    let (from, to) = (from.max(first), to.min(last));
    let inside = |test: &Test| test.range(bits).is_some_and(|(start, end)| start <= from && to <= end);
    if excluded().any(inside) { Answer::No } else { answer }
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
