//! The vocabulary of the tables of extensions: what one row says of a match or a target.
//! Input: rows are written in the files beside this one, by subject. Output: read by `parse`, `print`, `check` and every analysis.

use crate::iptables::extension::written::{Finish, Known, OptionValue, PortHole, Reads, Spelling, Written};
use crate::iptables::fault::Fault;
use crate::iptables::hooks::Hooks;
use crate::iptables::problem::{Problem, RulePlace};
use crate::iptables::ruleset::Part;
use crate::iptables::ruleset::{Match, TableName, Target};
use crate::net::{Family, Protocol};

/// What an option of a row is read with.
pub struct OptionContext {
    /// The family of the rule.
    pub family: Family,
    /// The protocol that the rule names, by which some look up the names of services.
    pub protocol: Option<Protocol>,
    /// Whether the line is a template's, whose ports may be parameters.
    pub template: bool,
    /// The parameters that were read.
    pub holes: Vec<PortHole>,
}

/// What a match or target needs beside it.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// The word that needs it, among those that are kept; empty: every rule with the match or target.
    pub option: &'static str,
    /// The family for which that holds.
    pub family: Option<Family>,
    /// The protocol, and the option that says it.
    pub protocol: Option<(Protocol, &'static str)>,
    /// The tables; empty: all.
    pub tables: &'static [TableName],
    /// The hooks.
    pub hooks: Hooks,
}

/// A demand of every rule with the match or target.
pub const fn demand() -> Demand {
    Demand { option: "", family: None, protocol: None, tables: &[], hooks: Hooks::ALL }
}

impl Demand {
    /// Only of a protocol, by its number and the option that says it.
    pub const fn of(self, number: u8, option: &'static str) -> Demand {
        Demand { protocol: Some((Protocol(number), option)), ..self }
    }

    /// Only in these tables.
    pub const fn tables(self, tables: &'static [TableName]) -> Demand {
        Demand { tables, ..self }
    }

    /// Only where these hooks lead to.
    pub const fn hooks(self, hooks: Hooks) -> Demand {
        Demand { hooks, ..self }
    }

    /// Only where this word is among its own.
    pub const fn option(self, option: &'static str) -> Demand {
        Demand { option, ..self }
    }

    /// Only in this family.
    pub const fn only(self, family: Family) -> Demand {
        Demand { family: Some(family), ..self }
    }
}

/// Reads the options of a match or target as a value of the model.
pub type Read<T> = fn(&Written, &mut OptionContext) -> Result<T, Fault>;

/// Appends the options of such a value.
pub type Print<T> = fn(&T, Family, &mut String);

/// Reports what is wrong with such a value.
pub type Check<T> = fn(&T, Part, &RulePlace, &mut Vec<Problem>);

/// All that is known about one match or target: of rules `T` is the `Match`, or the `Target`.
pub struct Row<T> {
    /// Its name, its family and its options.
    pub known: Known,
    /// Reads the options as a value of the model; `None`: their words are kept.
    pub read: Option<Read<T>>,
    /// Appends the options of such a value.
    pub print: Print<T>,
    /// What it needs beside it.
    pub demands: &'static [Demand],
    /// Reports what else keeps it from being loaded, or from doing what it says.
    pub check: Check<T>,
    /// Whether it has the kernel track connections.
    pub tracks: fn(&T) -> bool,
    /// Whether it has the kernel put fragments together, and no more.
    pub reassembles: bool,
    /// Of a target whose words are kept: whether the packet always goes on to the next rule as it was.
    pub goes_on: bool,
    /// Of a match whose words are kept: whether it counts or rolls dice, so that its answer is not a function of the packet.
    pub counts: bool,
    /// Whether its ports may be parameters of a template.
    pub takes_holes: bool,
    /// Whether iptables-nft saves only one of two in a rule.
    pub once: bool,
    /// The match with an option of the same name: the loader gives it to the one that it met last for the first time.
    pub rival: &'static str,
}

const fn row<T>(name: &'static str, options: &'static [Spelling]) -> Row<T> {
    Row {
        known: Known {
            name,
            is_target: false,
            family: None,
            instead: "",
            protocol: None,
            options,
            needs: &[],
            excludes: &[],
            confuses: &[],
            together: &[],
            finish: |all, _, _| Ok(all),
        },
        read: None,
        print: |_, _, _| {},
        demands: &[],
        check: |_, _, _, _| {},
        tracks: |_| false,
        reassembles: false,
        goes_on: false,
        counts: false,
        takes_holes: false,
        once: false,
        rival: "",
    }
}

/// A match.
pub const fn matching(name: &'static str, options: &'static [Spelling]) -> Row<Match> {
    row(name, options)
}

/// A target.
pub const fn target(name: &'static str, options: &'static [Spelling]) -> Row<Target> {
    let row = row(name, options);
    Row { known: Known { is_target: true, ..row.known }, ..row }
}

impl<T> Row<T> {
    /// It exists in one family only; `instead` is what to write in the other, or empty.
    pub const fn only(self, family: Family, instead: &'static str) -> Row<T> {
        Row { known: Known { family: Some(family), instead, ..self.known }, ..self }
    }

    /// `-p` and this protocol load it where one of its options needs it.
    pub const fn of(self, protocol: Protocol) -> Row<T> {
        Row { known: Known { protocol: Some(protocol), ..self.known }, ..self }
    }

    /// Of each of these groups one option must be there.
    pub const fn needs(self, needs: &'static [&'static [&'static str]]) -> Row<T> {
        Row { known: Known { needs, ..self.known }, ..self }
    }

    /// Of each of these groups one option may be there.
    pub const fn excludes(self, excludes: &'static [&'static [&'static str]]) -> Row<T> {
        Row { known: Known { excludes, ..self.known }, ..self }
    }

    /// Of each of these groups one option should be there: more are loaded, and the last one changes those before.
    pub const fn confuses(self, confuses: &'static [&'static [&'static str]]) -> Row<T> {
        Row { known: Known { confuses, ..self.known }, ..self }
    }

    /// The first option only together with the second.
    pub const fn together(self, together: &'static [(&'static str, &'static str)]) -> Row<T> {
        Row { known: Known { together, ..self.known }, ..self }
    }

    /// What is left to do for all options together, where they are kept as words.
    pub const fn finish(self, finish: Finish) -> Row<T> {
        Row { known: Known { finish, ..self.known }, ..self }
    }

    /// How its value is read, and printed.
    pub const fn typed(self, read: Read<T>, print: Print<T>) -> Row<T> {
        Row { read: Some(read), print, ..self }
    }

    /// What it needs beside it.
    pub const fn demands(self, demands: &'static [Demand]) -> Row<T> {
        Row { demands, ..self }
    }

    /// What its value must not be.
    pub const fn checked(self, check: Check<T>) -> Row<T> {
        Row { check, ..self }
    }

    /// It has the kernel track connections.
    pub const fn tracks(self) -> Row<T> {
        Row { tracks: |_| true, ..self }
    }

    /// It has the kernel track connections, where its value says so.
    pub const fn tracks_where(self, tracks: fn(&T) -> bool) -> Row<T> {
        Row { tracks, ..self }
    }

    /// It has the kernel put fragments together, without tracking.
    pub const fn reassembles(self) -> Row<T> {
        Row { reassembles: true, ..self }
    }

    /// A packet always goes on after it as it was.
    pub const fn goes_on(self) -> Row<T> {
        Row { goes_on: true, ..self }
    }

    /// It counts or rolls dice: its answer is not a function of the packet.
    pub const fn counts(self) -> Row<T> {
        Row { counts: true, ..self }
    }

    /// Its ports may be parameters of a template.
    pub const fn takes_holes(self) -> Row<T> {
        Row { takes_holes: true, ..self }
    }

    /// iptables-nft saves only one of two in a rule.
    pub const fn once(self) -> Row<T> {
        Row { once: true, ..self }
    }

    /// The match that has an option of the same name.
    pub const fn rival(self, rival: &'static str) -> Row<T> {
        Row { rival, ..self }
    }
}

const fn spelling(name: &'static str, value: OptionValue) -> Spelling {
    Spelling { name, saved: name, value, negatable: false, quotes: crate::iptables::text::write::Quotes::Needed }
}

/// An option without a value.
pub const fn flag(name: &'static str) -> Spelling {
    spelling(name, OptionValue::Nothing)
}

/// An option with one value.
pub const fn option(name: &'static str, reads: Reads) -> Spelling {
    spelling(name, OptionValue::One(reads))
}

/// An option with two values.
pub const fn pair(name: &'static str, first: Reads, second: Reads) -> Spelling {
    spelling(name, OptionValue::Two(first, second))
}

/// An option with one value, or none.
pub const fn perhaps(name: &'static str, reads: Reads) -> Spelling {
    spelling(name, OptionValue::Perhaps(reads))
}

/// An option with so many words, which the row itself reads.
pub const fn words(name: &'static str, count: usize) -> Spelling {
    Spelling { negatable: true, ..spelling(name, OptionValue::Typed(count)) }
}

/// An option with one word, which the row itself reads.
pub const fn typed(name: &'static str) -> Spelling {
    words(name, 1)
}
