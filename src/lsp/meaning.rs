//! What each token of a sentence means, whether or not the sentence is complete.
//! Input: the tokens of a sentence. Output: their meanings, and what may come next: for hover, completion and colours.

use std::borrow::Cow;
use std::cmp::Reverse;

use super::offered::{OfferedClause, clauses, is_excluded, of_keyword};
use crate::language::clauses::{COMMON, TRAFFIC, ValueKind};
use crate::language::core_sentence;
use crate::language::values::{
    CHAIN_POLICIES, DEFAULT_CHAINS, LEVELS, ROLES, RULES_FAMILIES, RULES_TABLES, VERDICTS, value_of, words_of,
};
use crate::snippet::library::{Library, Name};
use crate::snippet::signature::OpenDirection;
use crate::syntax::TokenKind;

/// What a token means where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The verb, and the words of the building block.
    Name,
    /// A word of the sentence, with its documentation.
    Keyword(String),
    /// A value, or a part of a list of values.
    Value(ValueKind),
    /// `$name`
    Variable,
    /// A comma or a brace.
    Punctuation,
    /// The name that `define` defines.
    Defined,
    /// The interface that `interface` declares.
    Declared,
    /// Nothing that the sentence knows.
    Unknown,
}

/// A sentence, read as far as it goes.
pub struct Reading<'a> {
    /// The meaning of each token.
    pub meanings: Vec<Meaning>,
    /// The building block, if it is known.
    pub name: Option<&'a Name>,
    /// The clauses that may still come.
    pub left: Vec<OfferedClause>,
    /// The value that must come next: `None` where a clause begins.
    pub expected: Option<ValueKind>,
}

/// A token's text and kind.
pub type TokenText<'a> = (&'a str, TokenKind);

/// Reads the tokens of a sentence.
pub fn read<'a>(words: &[TokenText], library: &'a Library) -> Reading<'a> {
    let forwarded = words.contains(&("forward", TokenKind::Word));
    let mut reader =
        Reader { words, meanings: Vec::new(), expected: None, seen: Vec::new(), forwarded, forms: u32::MAX };
    let Some((first, TokenKind::Word)) = words.first().copied() else {
        return Reading { meanings: vec![Meaning::Unknown; words.len()], name: None, left: Vec::new(), expected: None };
    };
    let (mut name, mut left) = (None, Vec::new());
    match core_sentence(first) {
        Some(core) => {
            reader.push(Meaning::Keyword(format!("`{}`: {}", core.verb, core.text)));
            left = reader.core(core.verb);
        }
        None => match library.names(first).iter().find(|name| reader.at_words(&name.words)) {
            Some(found) => {
                found.words.iter().for_each(|_| reader.push(Meaning::Name));
                name = Some(found);
                let signature = &library.snippets[usize::from(found.snippet)].signature;
                reader.forwarded |= signature.traffic.open == OpenDirection::None;
                reader.forms = (1 << found.forms.len()) - 1;
                left = reader.clauses(clauses(found, library));
            }
            None => reader.push(Meaning::Name),
        },
    }
    while !reader.is_done() {
        reader.push(Meaning::Unknown);
    }
    Reading { meanings: reader.meanings, name, left, expected: reader.expected }
}

/// What `not` means.
const NOT: &str = "`not`: everything but the value, or none of the list";

struct Reader<'w> {
    words: &'w [TokenText<'w>],
    meanings: Vec<Meaning>,
    expected: Option<ValueKind>,
    /// The clauses that were taken.
    seen: Vec<String>,
    /// Whether all rules of the sentence are in FORWARD.
    forwarded: bool,
    /// The forms of the block, a bit for each.
    forms: u32,
}

impl Reader<'_> {
    fn push(&mut self, meaning: Meaning) {
        if !self.is_done() {
            self.meanings.push(meaning);
        }
    }

    fn is_done(&self) -> bool {
        self.meanings.len() >= self.words.len()
    }

    fn peek(&self, ahead: usize) -> Option<&str> {
        self.words.get(self.meanings.len() + ahead).filter(|(_, kind)| *kind == TokenKind::Word).map(|(text, _)| *text)
    }

    fn at_words(&self, words: &[String]) -> bool {
        !words.is_empty() && words.iter().enumerate().all(|(ahead, word)| self.peek(ahead) == Some(word))
    }

    /// Whether a clause is next. `in` and `out` after `ipsec` are its sides, but `in on IF` is a direction.
    fn at_clause(&self, clause: &OfferedClause) -> bool {
        let next = self.peek(clause.words.len());
        let is_side = || self.forwarded && next != Some("on");
        // `to port` is the port of the traffic, whatever `to` is to the block.
        let is_port = || clause.followed_as.is_none() && clause.value != ValueKind::Nothing && next == Some("port");
        self.at_words(&clause.words) && (!clause.forwarded || is_side()) && !is_port()
    }

    /// Whether `to` is next only for the `port` after it, which may come.
    fn at_to_port(&self, left: &[OfferedClause]) -> bool {
        self.peek(0) == Some("to") && self.peek(1) == Some("port") && left.iter().any(|clause| clause.words == ["port"])
    }

    /// Takes a value, with its `not`, its braces and its commas. At the end of the words it is what is expected.
    fn value(&mut self, expect: &ValueKind) {
        if self.peek(0) == Some("not") {
            self.push(Meaning::Keyword(NOT.into()));
        }
        let mut depth = 0_usize;
        loop {
            let Some((_, kind)) = self.words.get(self.meanings.len()) else {
                self.expected = Some(expect.clone());
                return;
            };
            self.push(match kind {
                TokenKind::Variable => Meaning::Variable,
                TokenKind::Word | TokenKind::String => Meaning::Value(expect.clone()),
                TokenKind::Comma | TokenKind::Open | TokenKind::Close => Meaning::Punctuation,
            });
            match kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            let comma = self.words.get(self.meanings.len()).is_some_and(|(_, kind)| *kind == TokenKind::Comma);
            let open = matches!(kind, TokenKind::Open | TokenKind::Comma);
            if depth == 0 && !comma && !open {
                return;
            }
        }
    }

    /// Takes clauses in any order; gives those that may still come.
    fn clauses(&mut self, mut left: Vec<OfferedClause>) -> Vec<OfferedClause> {
        let (mut next, mut forms) = (Vec::new(), u32::MAX);
        while !self.is_done() {
            // The longest words first: `no syn` is not `no`; then those of the form that is being written.
            let here = (0..left.len()).filter(|index| self.at_clause(&left[*index]));
            let order = |index: &usize| (Reverse(left[*index].words.len()), left[*index].forms & forms == 0);
            if let Some(index) = here.min_by_key(order) {
                let clause = left.remove(index);
                forms &= clause.forms;
                next = self.clause(&clause);
            } else if self.at_to_port(&left) {
                self.push(Meaning::Keyword("`to port`: the port that the packets go to".into()));
            } else if let Some(index) = left.iter().position(|clause| clause.words.is_empty()) {
                let clause = left.remove(index);
                self.value(&clause.value);
            } else if self.peek(0) == Some("not") {
                self.push(Meaning::Keyword(NOT.into()));
            } else {
                self.push(match self.words[self.meanings.len()].1 {
                    TokenKind::Word => Meaning::Unknown,
                    TokenKind::String => Meaning::Value(ValueKind::Other("a text in quotes")),
                    TokenKind::Variable => Meaning::Variable,
                    _ => Meaning::Punctuation,
                });
            }
        }
        if self.expected.is_none()
            && let Some(clause) = left.iter().find(|clause| clause.words.is_empty() && clause.required)
        {
            self.expected = Some(clause.value.clone());
        }
        // `forward on A` is said once, `forward in on A out on B` twice.
        let has_on = self.seen.iter().any(|seen| seen == "on");
        left.retain(|clause| clause.forms & forms != 0 && !(has_on && clause.words == ["on"]));
        // Where one form cannot have it, it is not offered before the form is known.
        left.retain(|clause| clause.words != ["source", "port"] || self.forms & forms & !clause.forms == 0);
        // What is forwarded needs the side of `ipsec`.
        let forwarded = self.forwarded;
        left.retain(|clause| if forwarded { clause.words != ["ipsec"] } else { !clause.forwarded });
        // What the gateway sends has no other destination to tell of.
        let comes = self.forwarded || self.seen.iter().any(|seen| seen == "in");
        left.retain(|clause| comes || clause.words != ["original", "to"]);
        left.retain(|clause| next.iter().all(|known| known.words != clause.words));
        left.extend(next);
        left.retain(|clause| !is_excluded(clause, &self.seen));
        // Directly after a side of `ipsec`, `on` would make that a direction.
        if self.seen.last().is_some_and(|last| last.contains("ipsec ")) {
            left.retain(|clause| clause.words != ["on"]);
        }
        // Directly after `from ADDR` it would be the source port, which is said already.
        let after_source = self.seen.last().is_some_and(|last| last == "from");
        if after_source && self.seen.iter().any(|seen| seen == "source port") {
            left.retain(|clause| clause.words != ["port"]);
        }
        left
    }

    /// Takes a clause, with what comes directly after it. At the end of the words it gives what could still come there.
    fn clause(&mut self, clause: &OfferedClause) -> Vec<OfferedClause> {
        let words = clause.words.join(" ");
        let doc = format!("`{words}`: {}", clause.text);
        clause.words.iter().for_each(|_| self.push(Meaning::Keyword(doc.clone())));
        let mut next = clause.followers();
        // `from port P` has no address, `from set NAME` another one.
        let side = ["from", "to"].contains(&words.as_str());
        if side && self.peek(0) == Some("not") && self.peek(1) == Some("set") {
            self.push(Meaning::Keyword(NOT.into()));
        }
        let without = side && self.peek(0).is_some_and(|word| ["port", "set"].contains(&word));
        if clause.value != ValueKind::Nothing && !without {
            self.value(&clause.value);
            // After an address there is no set.
            next.retain(|clause| self.expected.is_some() || clause.words != ["set"]);
        }
        self.seen.push(words.clone());
        loop {
            if words == "log" && self.words.get(self.meanings.len()).is_some_and(|(_, kind)| *kind == TokenKind::String)
            {
                self.push(Meaning::Value(ValueKind::Other("a text in quotes")));
                continue;
            }
            let Some(index) = next.iter().position(|clause| self.at_words(&clause.words)) else { break };
            // A source port is not the port of the packets' destination.
            let seen = self.seen.len();
            let taken = next.remove(index);
            let further = self.clause(&taken);
            if matches!(words.as_str(), "from" | "original to") && taken.words == ["port"] {
                self.seen.truncate(seen);
                self.seen.extend((words == "from").then(|| "source port".to_owned()));
            }
            if matches!(words.as_str(), "limit" | "over limit") {
                next.drain(..index);
            }
            next.extend(further);
        }
        if self.is_done() { next } else { Vec::new() }
    }

    /// One of some words, if it is next.
    fn one_of(&mut self, words: &[&str]) {
        let known = self.peek(0).is_some_and(|word| words.contains(&word));
        if self.is_done() {
            self.expected = Some(ValueKind::Words(words.iter().map(|word| (*word).to_owned()).collect()));
        } else if known {
            self.push(Meaning::Keyword(String::new()));
        }
    }

    /// A sentence of the core after its verb; gives the clauses that may still come.
    fn core(&mut self, verb: &str) -> Vec<OfferedClause> {
        match verb {
            "default" => {
                self.one_of(&words_of(&CHAIN_POLICIES));
                if !self.is_done() {
                    self.value(&ValueKind::Words(DEFAULT_CHAINS.map(str::to_owned).to_vec()));
                }
            }
            "define" => {
                self.push(Meaning::Defined);
                self.push(Meaning::Keyword(String::new()));
                while !self.is_done() {
                    self.value(&ValueKind::Other("a value"));
                }
            }
            "interface" => {
                self.push(Meaning::Declared);
                let role = self.peek(0).is_some_and(|word| value_of(&ROLES, word).is_some());
                if role {
                    self.push(Meaning::Keyword(String::new()));
                }
                let clause = |word: &str, text: &str, value| OfferedClause {
                    words: vec![word.into()],
                    text: Cow::Owned(text.to_owned()),
                    value,
                    required: false,
                    then: Vec::new(),
                    followed_as: None,
                    has_port: true,
                    has_set: false,
                    forms: u32::MAX,
                    forwarded: false,
                    not_with: &[],
                };
                let mut left = vec![clause("over", "the interface that carries it", ValueKind::Interface)];
                if !role {
                    let text = "what the interface is for";
                    left.extend(words_of(&ROLES).map(|word| clause(word, text, ValueKind::Nothing)));
                }
                return self.clauses(left);
            }
            "include" => self.value(&ValueKind::Other("a path in quotes")),
            "rules" => {
                self.one_of(&words_of(&RULES_FAMILIES));
                self.one_of(&words_of(&RULES_TABLES));
            }
            "expect" => {
                let verdict = self.peek(0).and_then(|word| value_of(&VERDICTS, word));
                match verdict {
                    Some(verdict) => {
                        let doc = format!("`{}`: {}", self.peek(0).unwrap_or_default(), verdict.text());
                        self.push(Meaning::Keyword(doc));
                    }
                    None => self.one_of(&words_of(&VERDICTS)),
                }
                if verdict.is_some() {
                    let only = COMMON.iter().filter(|keyword| keyword.words == "only");
                    let packets = TRAFFIC.iter().filter(|keyword| keyword.is_of_packets() && keyword.begins());
                    let clauses = packets.chain(only).map(of_keyword);
                    return self.clauses(clauses.map(|clause| OfferedClause { has_set: true, ..clause }).collect());
                }
            }
            _ => {
                self.value(&ValueKind::Lint);
                if self.expected.is_none() {
                    self.one_of(&words_of(&LEVELS));
                }
            }
        }
        Vec::new()
    }
}
