//! The kinds of hints, and what they are looked for in.
//! Input: built by those who look. Output: lines for people, and sentences to write.

use std::fmt;

use crate::format;
use crate::origin::{Rules, SentencePlace};
use crate::policy::Packets;
use crate::sentence;
use crate::simulate::{Loaded, Verdict};
use crate::snippet::library::Library;
use crate::trace::change::Change;
use crate::trace::words::participle;

/// What hints are looked for in.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The rules, and where they come from.
    pub rules: Rules<'a>,
    /// Those of the packet's family.
    pub loaded: &'a Loaded<'a>,
    /// The building blocks, where there is a policy.
    pub library: Option<&'a Library>,
}

impl Setting<'_> {
    /// The place of a sentence of the policy.
    pub(super) fn sentence_place(&self, sentence: u32) -> SentencePlace {
        let Rules::Policy(compilation) = self.rules else {
            return SentencePlace { file: String::new(), line: 0, text: String::new() };
        };
        let ast = &compilation.ast;
        let span = ast.span(&ast.sentences[sentence as usize]);
        SentencePlace {
            file: ast.sources.get(span.source).name.clone(),
            line: ast.sources.position(span).0,
            text: format::comment_text(ast, sentence),
        }
    }
}

/// A change that may help, with its words.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The change.
    pub change: Change,
    /// The hint that says it.
    pub hint: Hint,
}

/// What to do about a packet that does not pass.
#[derive(Clone, Debug)]
pub enum Hint {
    /// A rule would accept it, if one thing about the packet were different.
    Near {
        /// The rule's place.
        place: SentencePlace,
        /// `if it came from 192.0.2.1`
        condition: String,
    },
    /// A sentence lets it pass: that was tried.
    Allow {
        /// The packets of the sentence.
        packets: Box<Packets>,
        /// What must come after it, since it would decide first; none: it may be anywhere.
        before: Option<SentencePlace>,
    },
    /// The sentence for later packets lets it pass, which is the answer to another: that was tried.
    Established {
        /// What must come after it, since it would decide first; none: it may be anywhere.
        before: Option<SentencePlace>,
    },
    /// An exception in the sentence that decides lets it pass: that was tried.
    Except {
        /// The place of the sentence.
        place: SentencePlace,
        /// The sentence with the exception.
        text: String,
    },
    /// It passes without a sentence, or a line of a `rules` block: that was tried.
    Without {
        /// The place of the sentence, or of the line.
        place: SentencePlace,
    },
    /// It passes with several changes, none of which can be left out: that was tried.
    Together {
        /// The changes, each of another kind than this one.
        hints: Vec<Hint>,
        /// How many sets were tried, where these were not all; else no smaller one does.
        tried: Option<usize>,
    },
    /// A hint that does unless something is out of the ordinary, which would take more: that was tried.
    Unless {
        /// The hint.
        hint: Box<Hint>,
        /// Whether it does not where the packet is spoofed.
        spoofed: bool,
        /// Whether it does not where the packet is over a limit.
        over_limit: bool,
    },
    /// So many sentences stop it, one after another, that what lets it pass was not looked for.
    TooMany {
        /// The number of changes with which it is still stopped.
        changes: usize,
    },
}

impl Hint {
    /// The sentence to write, if it is one.
    pub fn sentence(&self) -> Option<String> {
        match self {
            Hint::Near { .. } | Hint::Without { .. } | Hint::Together { .. } | Hint::TooMany { .. } => None,
            Hint::Unless { hint, .. } => hint.sentence(),
            Hint::Allow { packets, .. } => Some(format!("allow {}", sentence::packets(packets))),
            Hint::Established { .. } => Some("allow established".into()),
            Hint::Except { text, .. } => Some(text.clone()),
        }
    }

    /// The changes, if these are several.
    pub fn parts(&self) -> &[Hint] {
        match self {
            Hint::Together { hints, .. } => hints,
            Hint::Unless { hint, .. } => hint.parts(),
            _ => &[],
        }
    }

    /// The change as one of several: ` that lets it pass` of one alone is said of all of them.
    pub fn part(&self) -> String {
        self.worded("")
    }

    fn worded(&self, that: &str) -> String {
        match self {
            Hint::Near { place: SentencePlace { file, line, text }, condition } => {
                format!("would be {} by {file}:{line} `{text}` {condition}", participle(Verdict::Accept))
            }
            Hint::Allow { before, .. } | Hint::Established { before } => {
                let before = before
                    .as_ref()
                    .map_or_else(String::new, |SentencePlace { file, line, .. }| format!(", before {file}:{line}"));
                format!("a sentence{that}{before}: {}", self.sentence().unwrap_or_default())
            }
            Hint::Except { place: SentencePlace { file, line, .. }, text } => {
                format!("an exception{that}, in {file}:{line}: {text}")
            }
            Hint::Without { place: SentencePlace { file, line, text } } => {
                let would = if that.is_empty() { "" } else { "would pass " };
                format!("{would}without {file}:{line} `{text}`")
            }
            Hint::Together { hints, tried: None } => {
                let all = if hints.len() == 2 { "both" } else { "all of them" };
                format!("{} changes are needed, {all}:", hints.len())
            }
            Hint::Together { hints, tried: Some(tried) } => format!(
                "{} changes let it pass, and none of them can be left out; whether fewer others would do is not decided \
                 within {tried} sets:",
                hints.len()
            ),
            Hint::Unless { hint, spoofed, over_limit } => {
                let unless = match (spoofed, over_limit) {
                    (true, true) => "spoofed, or over a limit",
                    (true, false) => "spoofed",
                    _ => "over a limit",
                };
                format!("unless it is {unless}: {}", hint.worded(that))
            }
            Hint::TooMany { changes } => format!("with {changes} changes it still does not pass: no more were tried"),
        }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.worded(" that lets it pass"))
    }
}
