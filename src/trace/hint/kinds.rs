//! The kinds of hints, and what they are looked for in.
//! Input: built by those who look. Output: lines for people, and sentences to write.

use std::fmt;

use crate::origin::{Rules, SentencePlace};
use crate::policy::Packets;
use crate::sentence;
use crate::simulate::{Loaded, Verdict};
use crate::snippet::library::Library;
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
}

impl Hint {
    /// The sentence to write, if it is one.
    pub fn sentence(&self) -> Option<String> {
        match self {
            Hint::Near { .. } => None,
            Hint::Allow { packets, .. } => Some(format!("allow {}", sentence::packets(packets))),
            Hint::Established { .. } => Some("allow established".into()),
            Hint::Except { text, .. } => Some(text.clone()),
        }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hint::Near { place: SentencePlace { file, line, text }, condition } => {
                write!(f, "would be {} by {file}:{line} `{text}` {condition}", participle(Verdict::Accept))
            }
            Hint::Allow { before, .. } | Hint::Established { before } => {
                let before = before
                    .as_ref()
                    .map_or_else(String::new, |SentencePlace { file, line, .. }| format!(", before {file}:{line}"));
                write!(f, "a sentence that lets it pass{before}: {}", self.sentence().unwrap_or_default())
            }
            Hint::Except { place: SentencePlace { file, line, .. }, text } => {
                write!(f, "an exception that lets it pass, in {file}:{line}: {text}")
            }
        }
    }
}
