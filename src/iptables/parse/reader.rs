//! The state of reading one `-A` line: the words, and what was made of those before.
//! Input: words. Output: filled by `header`, `resolve` and `rule`.

use std::ops::Range;

use super::chain_name::ChainNames;
use super::rule_text::RuleText;
use crate::iptables::extension::row::Row;
use crate::iptables::extension::written::{Known, Spelling, Written, WrittenOption};
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::{Address, Match, Target};
use crate::iptables::text::holes::{Hole, Slot};
use crate::iptables::text::words::Word;
use crate::net::Family;

/// The row of a match or target, `None` where iptables does not know it.
#[derive(Clone, Copy)]
pub enum LoadedRow {
    /// After `-m`.
    Match(Option<&'static Row<Match>>),
    /// After `-j`.
    Target(Option<&'static Row<Target>>),
}

impl LoadedRow {
    fn known(self) -> Option<&'static Known> {
        match self {
            LoadedRow::Match(row) => row.map(|row| &row.known),
            LoadedRow::Target(row) => row.map(|row| &row.known),
        }
    }
}

/// A match or a target of the line.
pub struct Extension {
    /// Its row.
    pub row: LoadedRow,
    /// Its options so far.
    pub written: Written,
}

impl Extension {
    /// What is known about its options.
    pub fn known(&self) -> Option<&'static Known> {
        self.written.known
    }

    /// Whether it is after `-j`.
    pub fn is_target(&self) -> bool {
        self.written.is_target
    }
}

/// A line that is being read.
pub struct Reader<'a> {
    /// The words of the line.
    pub words: &'a [Word],
    /// The place of the next word.
    pub next: usize,
    /// The family of the rule.
    pub family: Family,
    /// Whether the line is a template's.
    pub template: bool,
    /// The chains above, where the line is one of a file.
    pub chains: Option<&'a ChainNames>,
    /// A `!` that waits for its option.
    pub negation: Option<Range<usize>>,
    /// What was read.
    pub rule: RuleText,
    /// The addresses of `-s`.
    pub sources: Vec<Option<Address>>,
    /// The addresses of `-d`.
    pub destinations: Vec<Option<Address>>,
    /// The matches and the target, in order.
    pub extensions: Vec<Extension>,
    /// The word after `-p`.
    pub protocol: String,
    /// The words up to the number of `-D`, this included.
    pub edit_words: usize,
    /// The chain of `-g`.
    pub goto: Option<String>,
    /// The letters of the options that a rule takes once.
    pub seen: Vec<char>,
    /// Whether the line is for the other family.
    pub other_family: bool,
    /// What cannot be read.
    pub faults: Vec<Fault>,
}

impl Reader<'_> {
    /// Adds a parameter before the matches that are still to come.
    pub fn add_hole(&mut self, slot: Slot, parameter: char, negated: bool) {
        let before = self.extensions.iter().filter(|extension| !extension.is_target()).count();
        self.rule.holes.push(Hole { slot, parameter, negated, before });
    }

    /// Begins a match or a target.
    pub fn push_extension(&mut self, name: &str, span: Range<usize>, row: LoadedRow) {
        let known = row.known();
        let written = Written {
            name: name.to_string(),
            span,
            known,
            is_target: matches!(row, LoadedRow::Target(_)),
            options: Vec::new(),
            broken: false,
        };
        self.extensions.push(Extension { row, written });
    }

    /// Adds an option to its match or target.
    pub fn add_choice(
        &mut self,
        extension: usize,
        name: &str,
        spelling: Option<&'static Spelling>,
        word: &Word,
        arguments: Vec<Word>,
    ) {
        let negation = self.negation.take();
        let start = negation.as_ref().map_or(word.span.start, |span| span.start);
        let end = arguments.last().map_or(word.span.end, |last| last.span.end);
        let choice = WrittenOption {
            name: name.to_string(),
            spelling,
            negated: negation.is_some(),
            span: start..end,
            arguments,
        };
        let written = &mut self.extensions[extension].written;
        written.span = written.span.start.min(start)..written.span.end.max(end);
        written.options.push(choice);
    }

    /// The word after an option.
    pub fn argument(&mut self, option: &Word) -> Result<Word, Fault> {
        match self.words.get(self.next) {
            Some(argument) => {
                self.next += 1;
                Ok(argument.clone())
            }
            None => Err(Fault::new(
                option.span.clone(),
                format!("`{}` needs a value", option.text),
                "nothing follows",
                "write its value after a blank",
            )),
        }
    }
}
