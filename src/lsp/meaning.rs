//! What each token of a sentence means, whether or not the sentence is complete.
//! Input: the tokens of a sentence. Output: their meanings, and what may come next: for hover, completion and colours.

use std::borrow::Cow;
use std::cmp::Reverse;

use crate::language::clauses::{COMMON, FOLLOWERS, Keyword, Position, TRAFFIC, TrafficClause, ValueKind};
use crate::language::core_sentence;
use crate::language::values::{
    CHAIN_POLICIES, DEFAULT_CHAINS, HELPERS, LEVELS, ROLES, RULES_FAMILIES, RULES_TABLES, VERDICTS, value_of, words_of,
};
use crate::snippet::library::{Library, Name};
use crate::snippet::signature::{ClausePart, OpenDirection, ParameterKind, Signature};
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

/// A clause that a sentence can have.
#[derive(Clone, Debug)]
pub struct OfferedClause {
    /// Its words; none for a value that is by itself.
    pub words: Vec<String>,
    /// What it means.
    pub text: Cow<'static, str>,
    /// What comes after the words.
    pub value: ValueKind,
    /// Whether the sentence must have it.
    pub required: bool,
    /// The clauses of the block that must come directly after it.
    then: Vec<OfferedClause>,
    /// The words whose followers may come directly after it, if there are any.
    followed_as: Option<&'static str>,
    /// Whether `port` may be among them.
    has_port: bool,
    /// The forms of the sentence that have it, a bit for each.
    forms: u32,
    /// Whether it is only for sentences whose rules are all in FORWARD.
    forwarded: bool,
    /// The clauses with which it contradicts itself.
    not_with: &'static [&'static str],
}

impl OfferedClause {
    /// The clauses that may come directly after it.
    fn followers(&self) -> Vec<OfferedClause> {
        let own = self.then.iter().cloned();
        let all = self.followed_as.and_then(|words| FOLLOWERS.get(words)).into_iter().flatten();
        all.filter(|keyword| self.has_port || keyword.words != "port").copied().map(of_keyword).chain(own).collect()
    }
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

/// The clauses of the sentences of a name: those of its forms, of traffic where they take it, and of every sentence.
pub fn clauses(name: &Name, library: &Library) -> Vec<OfferedClause> {
    let signature = &*library.snippets[usize::from(name.snippet)].signature;
    let mut all: Vec<OfferedClause> = Vec::new();
    for (bit, form) in name.forms.iter().map(|form| &signature.forms[usize::from(*form)]).enumerate() {
        let bit = 1 << bit;
        for clause in &form.clauses {
            if clause.part == ClausePart::Traffic {
                let admitted = form.traffic_clauses.as_ref().unwrap_or(&signature.traffic.clauses);
                for new in traffic(signature, admitted, bit) {
                    match all.iter_mut().find(|known| known.text == new.text) {
                        Some(known) => known.forms |= bit,
                        None => all.push(new),
                    }
                }
            } else if let Some(before) = all.last_mut().filter(|_| clause.follows) {
                before.then.push(own_clause(signature, clause.keyword.clone(), clause.part, true, bit));
            } else if let Some(known) = all.iter_mut().find(|known| known.words == clause.keyword) {
                known.forms |= bit;
            } else {
                let required = clause.required && name.forms.len() == 1;
                all.push(own_clause(signature, clause.keyword.clone(), clause.part, required, bit));
            }
        }
    }
    all.extend(COMMON.iter().filter(|keyword| keyword.begins()).map(of_keyword));
    all
}

/// The clauses of traffic that a form admits.
fn traffic(signature: &Signature, admitted: &[TrafficClause], forms: u32) -> impl Iterator<Item = OfferedClause> {
    let (directions, open) = (&signature.traffic.directions, signature.traffic.open);
    let is_admitted = move |keyword: &&Keyword| match keyword.words {
        _ if keyword.place == Position::Packets => false,
        "on" => open != OpenDirection::None,
        words @ ("in" | "out" | "forward") => {
            open != OpenDirection::None && directions.iter().any(|direction| direction.word() == words)
        }
        _ => keyword.clause.is_none_or(|clause| admitted.contains(&clause)),
    };
    TRAFFIC.iter().filter(|keyword| keyword.begins()).filter(is_admitted).map(move |keyword| {
        let port = match keyword.words {
            "from" => TrafficClause::SourcePort,
            "original to" => TrafficClause::Original,
            _ => TrafficClause::Port,
        };
        OfferedClause { forms, has_port: admitted.contains(&port), ..of_keyword(keyword) }
    })
}

fn own_clause(
    signature: &Signature,
    words: Vec<String>,
    part: ClausePart,
    required: bool,
    forms: u32,
) -> OfferedClause {
    let clause = |text: &str, value| OfferedClause {
        words,
        text: Cow::Owned(text.to_owned()),
        value,
        required,
        then: Vec::new(),
        followed_as: None,
        has_port: true,
        forms,
        forwarded: false,
        not_with: &[],
    };
    match part {
        ClausePart::Parameter(index) => {
            let parameter = &signature.parameters[usize::from(index)];
            let clause = clause(&parameter.text, expect(&parameter.kind));
            OfferedClause { followed_as: (parameter.kind == ParameterKind::Rate).then_some("limit"), ..clause }
        }
        ClausePart::Flag(index) => clause(&signature.flags[usize::from(index)].text, ValueKind::Nothing),
        ClausePart::Traffic => clause("", ValueKind::Nothing),
    }
}

fn of_keyword(keyword: &Keyword) -> OfferedClause {
    OfferedClause {
        words: keyword.words.split(' ').map(str::to_owned).collect(),
        text: keyword.text.into(),
        value: (keyword.value)(),
        required: false,
        then: Vec::new(),
        followed_as: (keyword.place != Position::Packets).then_some(keyword.words),
        has_port: true,
        forms: u32::MAX,
        forwarded: keyword.place == Position::Forwarded,
        not_with: keyword.not_with,
    }
}

fn expect(kind: &ParameterKind) -> ValueKind {
    match kind {
        ParameterKind::Address { .. } => ValueKind::Address,
        ParameterKind::Interface { .. } => ValueKind::Interface,
        ParameterKind::Ports => ValueKind::Ports,
        ParameterKind::Rate => ValueKind::Other("a rate, such as `10/second`"),
        ParameterKind::Number { .. } => ValueKind::Other("a number"),
        ParameterKind::Word(words) => ValueKind::Words(words.clone()),
        ParameterKind::Reason => ValueKind::Reason,
        ParameterKind::Mark { .. } => ValueKind::Other("a mark, such as `0x1` or `0x1/0xff`"),
        ParameterKind::String { .. } => ValueKind::Other("a text in quotes"),
        ParameterKind::Helper => ValueKind::Words(HELPERS.iter().map(|helper| helper.name.to_owned()).collect()),
        ParameterKind::Network { .. } => ValueKind::Other("a network: `10.1.0.0/16`"),
        ParameterKind::Endpoint { .. } => ValueKind::Other("an address, perhaps with ports: `10.0.0.1:80`"),
    }
}

/// Whether a clause contradicts those that were said.
fn is_excluded(clause: &OfferedClause, seen: &[String]) -> bool {
    let has = |words: &[&str]| seen.iter().any(|seen| words.contains(&seen.as_str()));
    let is_word = |word: &str| clause.words == [word];
    match has(&["forward"]) {
        true if is_word("in") || is_word("out") => {
            has(&[clause.words[0].as_str()]) || has(&["on"]) && !has(&["in", "out"])
        }
        true if is_word("on") => false,
        _ => has(clause.not_with),
    }
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
        let is_side = || self.forwarded && self.peek(clause.words.len()) != Some("on");
        self.at_words(&clause.words) && (!clause.forwarded || is_side())
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
                    return self.clauses(packets.chain(only).map(of_keyword).collect());
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
