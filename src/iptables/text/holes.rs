//! The places of a template's line that a parameter fills.
//! Input: a word. Output: the parameter that it stands for.

use crate::iptables::fault::Fault;
use crate::iptables::text::words::Word;

/// A place in a template's rule that a parameter fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Which place.
    pub slot: Slot,
    /// Which parameter: the character after U+0001.
    pub parameter: char,
    /// Whether a `!` comes before the option.
    pub negated: bool,
    /// How many of the rule's matches come before it; for ports, the number of the match that they belong to.
    pub before: usize,
}

/// What a parameter stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// The address of `-s`.
    Source,
    /// The address of `-d`.
    Destination,
    /// The interface of `-i`.
    InInterface,
    /// The interface of `-o`.
    OutInterface,
    /// The ports of `--sport`.
    SourcePorts,
    /// The ports of `--dport`.
    DestinationPorts,
    /// Further matches.
    Matches,
}

/// The parameter that a word stands for: U+0001 and one character.
pub fn hole(text: &str) -> Option<char> {
    let mut letters = text.strip_prefix('\u{1}')?.chars();
    letters.next().filter(|_| letters.next().is_none())
}

/// The fault of a parameter in a place that cannot hold one.
pub fn misplaced(word: &Word) -> Fault {
    Fault::new(
        word.span.clone(),
        "a parameter cannot be here",
        "this place takes no parameter",
        "parameters are after -s, -d, -i, -o, --sport and --dport, or alone where a match may be",
    )
}
