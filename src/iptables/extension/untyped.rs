//! Matches and targets without a type of their own: read by the table of their options, kept as `iptables-save` prints them.
//! Input: a name and options. Output: `Untyped`, the words of the match or target.

use crate::iptables::extension::written::{
    Known, OptionValue, Said, Spelling, Written, WrittenOption, positive, said, twice,
};
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::{Match, Target, Untyped};
use crate::iptables::text::words::Word;
use crate::net::Family;

/// A match without a type of its own.
pub fn kept_match(written: &Written, family: Family) -> Result<Match, Fault> {
    untyped(written, family).map(Match::Unknown)
}

/// A target without a type of its own.
pub fn kept_target(written: &Written, family: Family) -> Result<Target, Fault> {
    untyped(written, family).map(Target::Unknown)
}

/// A match in the words that the line has.
pub fn match_as_written(written: &Written) -> Match {
    Match::Unknown(as_they_stand(written))
}

/// A target in the words that the line has.
pub fn target_as_written(written: &Written) -> Target {
    Target::Unknown(as_they_stand(written))
}

fn as_they_stand(written: &Written) -> Box<Untyped> {
    let words = written.options.iter().flat_map(as_written).collect();
    Box::new(Untyped { name: written.name.as_str().into(), words })
}

/// The options as they are saved; for rows whose value follows from these.
pub fn saved_options(written: &Written, family: Family) -> Result<Vec<Said>, Fault> {
    let Some(known) = written.known else { return Ok(Vec::new()) };
    let all = options(written, known, family)?;
    (known.finish)(all, written, family)
}

/// The match or target in the words of `iptables-save`; word for word where iptables does not know it.
fn untyped(written: &Written, family: Family) -> Result<Box<Untyped>, Fault> {
    if written.known.is_none() {
        return Ok(as_they_stand(written));
    }
    let words = saved_options(written, family)?.iter().flat_map(as_saved).collect();
    Ok(Box::new(Untyped { name: written.name.as_str().into(), words }))
}

fn as_written(choice: &WrittenOption) -> Vec<Box<str>> {
    let name = format!("--{}", choice.name);
    let arguments = choice.arguments.iter().map(|argument| argument.text.as_str().into());
    negation(choice.negated).chain(std::iter::once(name.into())).chain(arguments).collect()
}

fn as_saved(said: &Said) -> Vec<Box<str>> {
    let name = format!("--{}", said.name);
    let values = said.values.iter().map(|value| value.as_str().into());
    negation(said.negated).chain(std::iter::once(name.into())).chain(values).collect()
}

fn negation(negated: bool) -> impl Iterator<Item = Box<str>> {
    negated.then(|| "!".into()).into_iter()
}

/// The options in the order of the table, with their values read, and checked against each other.
fn options(written: &Written, known: &'static Known, family: Family) -> Result<Vec<Said>, Fault> {
    let mut all: Vec<(usize, Said)> = Vec::new();
    for choice in &written.options {
        // Options of a known match or target are always found in its table.
        let Some(spelling) = choice.spelling else { continue };
        if !spelling.negatable {
            positive(choice)?;
        }
        let in_one = |groups: &[&[&str]], before: &Said| {
            groups.iter().any(|group| group.contains(&spelling.saved) && group.contains(&before.name))
        };
        if all.iter().any(|(_, before)| before.name == spelling.saved || in_one(known.excludes, before)) {
            return Err(twice(choice));
        }
        if all.iter().any(|(_, before)| in_one(known.confuses, before)) {
            return Err(twice(choice).that_loads());
        }
        let place = known.options.iter().position(|option| option.saved == spelling.saved).unwrap_or(usize::MAX);
        let values = values(choice, spelling, family)?;
        let said = Said { negated: choice.negated, name: spelling.saved, values, span: choice.span.clone() };
        all.push((place, said));
    }
    all.sort_by_key(|(place, _)| *place);
    let all: Vec<Said> = all.into_iter().map(|(_, said)| said).collect();
    for group in known.needs {
        if !group.iter().any(|name| said(&all, name).is_some()) {
            return Err(needs(written, known, group));
        }
    }
    for (name, other) in known.together {
        if let (Some(one), None) = (said(&all, name), said(&all, other)) {
            return Err(one.vain(format!("`--{name}` stands alone"), format!("write `--{other}` as well")));
        }
    }
    Ok(all)
}

fn values(choice: &WrittenOption, spelling: &Spelling, family: Family) -> Result<Vec<String>, Fault> {
    let word = |index: usize| -> Result<&Word, Fault> {
        choice.arguments.get(index).ok_or_else(|| {
            let message = format!("`--{}` needs {} words", spelling.name, spelling.value.words());
            Fault::new(choice.span.clone(), message, "one is missing", "write it after the others, after a blank")
        })
    };
    Ok(match spelling.value {
        OptionValue::Nothing | OptionValue::Typed(_) => Vec::new(),
        OptionValue::One(reads) => vec![reads(word(0)?, family)?],
        OptionValue::Two(first, second) => {
            let other = word(1)?;
            if other.text.starts_with(['-', '!']) {
                let message = format!("`--{}` needs two words", spelling.name);
                return Err(Fault::new(choice.span.clone(), message, "the second is missing", "write it as well"));
            }
            vec![first(word(0)?, family)?, second(other, family)?]
        }
        OptionValue::Perhaps(reads) => match choice.arguments.first() {
            Some(word) => vec![reads(word, family)?],
            None => Vec::new(),
        },
    })
}

/// The fault of a match or target without an option that it must have.
fn needs(written: &Written, known: &Known, group: &[&str]) -> Fault {
    let letter = if written.is_target { 'j' } else { 'm' };
    let names: Vec<String> = group.iter().map(|name| format!("`--{name}`")).collect();
    let message = format!("`-{letter} {}` needs {}", written.name, names.join(" or "));
    let first = known.options.iter().find(|option| group.contains(&option.saved));
    let valued = first.is_some_and(|option| option.value.words() > 0);
    let help = format!("write {}{}", names[0], if valued { " and its value" } else { "" });
    Fault::new(written.span.clone(), message, "the option is missing", help)
}
