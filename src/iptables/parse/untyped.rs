//! Matches and targets without a type of their own: read by the table of their options, kept as `iptables-save` prints them.
//! Input: a name and options. Output: `Unknown`, the words of the match or target.

use std::ops::Range;

use super::known::{Known, Spelling, Value};
use super::matches::{positive, twice};
use super::rule::{Choice, Extension};
use super::{Fault, Word};
use crate::iptables::ruleset::Unknown;
use crate::net::Family;

/// An option with its values as they are saved.
#[derive(Clone, Debug)]
pub struct Said {
    /// Whether a `!` stands before it.
    pub negated: bool,
    /// Its name as it is saved.
    pub name: &'static str,
    /// Its values as they are saved.
    pub values: Vec<String>,
    /// Where it stands in the line.
    pub span: Range<usize>,
}

impl Said {
    /// An option that is saved though it was not written.
    pub fn added(name: &'static str, value: Option<String>) -> Said {
        Said { negated: false, name, values: value.into_iter().collect(), span: 0..0 }
    }

    /// The first value.
    pub fn value(&self) -> &str {
        self.values.first().map_or("", |value| value)
    }

    /// The first value as the number that it is saved as, in decimal.
    pub fn number(&self) -> u64 {
        self.value().parse().unwrap_or(0)
    }

    /// The fault that the option has no effect, or another one than it says.
    pub fn vain(&self, message: impl Into<String>, help: impl Into<String>) -> Fault {
        Fault::new(self.span.clone(), message, "this option", help)
    }
}

/// The option of that name, where it was said.
pub fn said<'a>(all: &'a [Said], name: &str) -> Option<&'a Said> {
    all.iter().find(|said| said.name == name)
}

/// The match or target in the words of `iptables-save`; word for word where iptables does not know it.
pub fn untyped(extension: &Extension, family: Family) -> Result<Box<Unknown>, Fault> {
    let words = match extension.known {
        None => extension.options.iter().flat_map(as_written).collect(),
        Some(known) => {
            let all = options(extension, known, family)?;
            (known.finish)(all, extension, family)?.iter().flat_map(as_saved).collect()
        }
    };
    Ok(Box::new(Unknown { name: extension.name.as_str().into(), words }))
}

fn as_written(choice: &Choice) -> Vec<Box<str>> {
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
fn options(extension: &Extension, known: &'static Known, family: Family) -> Result<Vec<Said>, Fault> {
    let mut all: Vec<(usize, Said)> = Vec::new();
    for choice in &extension.options {
        // Options of a known match or target are always found in its table.
        let Some(spelling) = choice.spelling else { continue };
        if !spelling.negatable {
            positive(choice)?;
        }
        let excluded = |group: &&&[&str]| group.contains(&spelling.saved);
        let clashes = |(_, before): &&(usize, Said)| {
            before.name == spelling.saved
                || known.excludes.iter().filter(excluded).any(|group| group.contains(&before.name))
        };
        if all.iter().any(|before| clashes(&before)) {
            return Err(twice(choice));
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
            return Err(needs(extension, known, group));
        }
    }
    for (name, other) in known.together {
        if let (Some(one), None) = (said(&all, name), said(&all, other)) {
            return Err(one.vain(format!("`--{name}` stands alone"), format!("write `--{other}` as well")));
        }
    }
    Ok(all)
}

fn values(choice: &Choice, spelling: &Spelling, family: Family) -> Result<Vec<String>, Fault> {
    let word = |index: usize| -> Result<&Word, Fault> {
        choice.arguments.get(index).ok_or_else(|| {
            let message = format!("`--{}` needs {} words", spelling.name, spelling.value.words());
            Fault::new(choice.span.clone(), message, "one is missing", "write it behind the others, after a blank")
        })
    };
    Ok(match spelling.value {
        Value::Nothing | Value::Typed(_) => Vec::new(),
        Value::One(reads) => vec![reads(word(0)?, family)?],
        Value::Two(first, second) => {
            let other = word(1)?;
            if other.text.starts_with(['-', '!']) {
                let message = format!("`--{}` needs two words", spelling.name);
                return Err(Fault::new(choice.span.clone(), message, "the second is missing", "write it as well"));
            }
            vec![first(word(0)?, family)?, second(other, family)?]
        }
        Value::Perhaps(reads) => match choice.arguments.first() {
            Some(word) => vec![reads(word, family)?],
            None => Vec::new(),
        },
    })
}

/// The fault of a match or target without an option that it must have.
fn needs(extension: &Extension, known: &Known, group: &[&str]) -> Fault {
    let letter = if extension.is_target { 'j' } else { 'm' };
    let names: Vec<String> = group.iter().map(|name| format!("`--{name}`")).collect();
    let message = format!("`-{letter} {}` needs {}", extension.name, names.join(" or "));
    let first = known.options.iter().find(|option| group.contains(&option.saved));
    let valued = first.is_some_and(|option| option.value.words() > 0);
    let help = format!("write {}{}", names[0], if valued { " and its value" } else { "" });
    Fault::new(extension.span.clone(), message, "the option is missing", help)
}
