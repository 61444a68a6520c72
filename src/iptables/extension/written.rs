//! A match or a target as a line has it: its options, and what is known about them.
//! Input: made by `parse` from words. Output: read by the rows; the faults that all of them share.

use std::ops::Range;

use crate::iptables::fault::Fault;
use crate::iptables::ruleset::Negatable;
use crate::iptables::text::holes::Slot;
use crate::iptables::text::words::Word;
use crate::iptables::text::write::Quotes;
use crate::net::{Family, Protocol};

/// Reads a word after an option as `iptables-save` would print it.
pub type Reads = fn(&Word, Family) -> Result<String, Fault>;

/// Changes the options of a match or target to what `iptables-save` prints for all of them, or refuses them.
pub type Finish = fn(Vec<Said>, &Written, Family) -> Result<Vec<Said>, Fault>;

/// What follows an option.
#[derive(Clone, Copy, Debug)]
pub enum OptionValue {
    /// Nothing.
    Nothing,
    /// One word.
    One(Reads),
    /// Two words.
    Two(Reads, Reads),
    /// One word, or none.
    Perhaps(Reads),
    /// So many words, which a match or target with a type of its own reads.
    Typed(usize),
}

impl OptionValue {
    /// How many words must follow.
    pub fn words(self) -> usize {
        match self {
            OptionValue::Nothing | OptionValue::Perhaps(_) => 0,
            OptionValue::One(_) => 1,
            OptionValue::Two(..) => 2,
            OptionValue::Typed(count) => count,
        }
    }
}

/// An option of a match or a target.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// The name after the dashes.
    pub name: &'static str,
    /// The name that `iptables-save` prints.
    pub saved: &'static str,
    /// What follows.
    pub value: OptionValue,
    /// Whether a `!` may be before it.
    pub negatable: bool,
    /// How its value is quoted where it is kept as words.
    pub quotes: Quotes,
}

impl Spelling {
    /// The option may be negated.
    pub const fn negatable(self) -> Spelling {
        Spelling { negatable: true, ..self }
    }

    /// The option is saved under another name.
    pub const fn saved_as(self, saved: &'static str) -> Spelling {
        Spelling { saved, ..self }
    }

    /// Its value is quoted in another way than where it must be.
    pub const fn quoted(self, quotes: Quotes) -> Spelling {
        Spelling { quotes, ..self }
    }
}

/// A match or a target whose options are known.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The name after `-m` or `-j`.
    pub name: &'static str,
    /// Whether it is after `-j`.
    pub is_target: bool,
    /// The family, where it exists in one only.
    pub family: Option<Family>,
    /// What to write in the other family; empty: nothing.
    pub instead: &'static str,
    /// The protocol whose `-p` loads it where one of its options needs it.
    pub protocol: Option<Protocol>,
    /// Its options, in the order of `iptables-save`.
    pub options: &'static [Spelling],
    /// Of each of these groups one option must be there.
    pub needs: &'static [&'static [&'static str]],
    /// Of each of these groups one option may be there.
    pub excludes: &'static [&'static [&'static str]],
    /// Of each of these groups one option should be there: more are loaded, and the last one changes those before.
    pub confuses: &'static [&'static [&'static str]],
    /// The first option only together with the second.
    pub together: &'static [(&'static str, &'static str)],
    /// What is left to do for all options together, where they are kept as words.
    pub finish: Finish,
}

/// A match or target with the options that belong to it.
pub struct Written {
    /// The name after `-m` or `-j`.
    pub name: String,
    /// The place of the name, of all its words later on.
    pub span: Range<usize>,
    /// What is known about it.
    pub known: Option<&'static Known>,
    /// Whether it is after `-j`.
    pub is_target: bool,
    /// Its options in the order written.
    pub options: Vec<WrittenOption>,
    /// Whether an option of it was at fault: what the others lack is then no fault of its own.
    pub broken: bool,
}

/// An option of a match or a target, with its words.
pub struct WrittenOption {
    /// The name that `iptables-save` prints, where it is known.
    pub name: String,
    /// What is known about it.
    pub spelling: Option<&'static Spelling>,
    /// Whether a `!` is before it.
    pub negated: bool,
    /// Its place, `!` and words included.
    pub span: Range<usize>,
    /// The words after it.
    pub arguments: Vec<Word>,
}

impl WrittenOption {
    /// The first word after the option; those that take one always have it.
    pub fn argument(&self) -> Result<&Word, Fault> {
        self.arguments.first().ok_or_else(|| {
            let message = format!("`--{}` needs a value", self.name);
            Fault::new(self.span.clone(), message, "nothing follows", "write its value after a blank")
        })
    }
}

/// A parameter in a match: where, which, negated or not.
pub type PortHole = (Slot, char, bool);

/// An option with its values as they are saved.
#[derive(Clone, Debug)]
pub struct Said {
    /// Whether a `!` is before it.
    pub negated: bool,
    /// Its name as it is saved.
    pub name: &'static str,
    /// Its values as they are saved.
    pub values: Vec<String>,
    /// Where it is in the line.
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

    /// The value of an option with its `!`.
    pub fn negatable<T>(&self, value: T) -> Negatable<T> {
        Negatable { negated: self.negated, value }
    }

    /// Hexadecimal numbers, as they are saved: one, or two with a slash.
    pub fn hexadecimals(&self) -> (u32, Option<u32>) {
        let read = |text: &str| u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap_or(0);
        match self.value().split_once('/') {
            Some((value, mask)) => (read(value), Some(read(mask))),
            None => (read(self.value()), None),
        }
    }

    /// A decimal number or a range of them, as they are saved.
    pub fn ends(&self) -> (u32, u32) {
        let (first, last) = self.value().split_once([':', '-']).unwrap_or((self.value(), self.value()));
        (first.parse().unwrap_or(0), last.parse().unwrap_or(u32::MAX))
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

/// The fault of a match without an option that it must have.
pub fn lacks(written: &Written, what: &str, help: &str) -> Fault {
    let message = format!("`-m {}` needs {what}", written.name);
    Fault::new(written.span.clone(), message, "the option is missing", help)
}

/// The one option that the match must have, once.
pub fn only<'a>(written: &'a Written, what: &str, help: &str) -> Result<&'a WrittenOption, Fault> {
    match &written.options[..] {
        [choice] => Ok(choice),
        [] => Err(lacks(written, what, help)),
        [_, second, ..] => Err(twice(second)),
    }
}

/// The fault of an option that is given twice, or beside one that excludes it.
pub fn twice(choice: &WrittenOption) -> Fault {
    let message = format!("`--{}` cannot be beside the options before it", choice.name);
    Fault::new(choice.span.clone(), message, "one too many", "leave it out, or write a second `-m`")
}

/// Refuses a `!` where the option cannot be negated.
pub fn positive(choice: &WrittenOption) -> Result<(), Fault> {
    if choice.negated {
        let message = format!("`--{}` cannot be negated", choice.name);
        return Err(Fault::new(choice.span.clone(), message, "the `!` cannot be here", "leave the `!` out"));
    }
    Ok(())
}

/// Puts an option's value in its place, once.
pub fn put<T>(place: &mut Option<T>, value: T, choice: &WrittenOption) -> Result<(), Fault> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(twice(choice)),
    }
}

/// An option's value with its `!`.
pub fn negatable<T>(choice: &WrittenOption, value: T) -> Negatable<T> {
    Negatable { negated: choice.negated, value }
}

/// The fault of a target without an option that it must have.
pub fn needs(written: &Written, help: &str) -> Fault {
    let message = format!("`-j {}` needs an option", written.name);
    Fault::new(written.span.clone(), message, "the option is missing", help)
}
