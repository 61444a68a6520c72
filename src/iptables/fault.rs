//! A fault in rule text: where in the line it is, what is wrong, and a way out.
//! Input: made by the readers of words and of options. Output: shown by whoever had the line read.

use std::ops::Range;

/// A fault in rule text: where in the line it is, what is wrong, and a way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The place in the line, in bytes.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What is there.
    pub label: String,
    /// What to write instead; never empty.
    pub help: String,
    /// Whether the loaders take it all the same, and make something else of it than it says.
    pub loads: bool,
}

impl Fault {
    /// A fault with all its texts.
    pub fn new(
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Fault {
        Fault { span, message: message.into(), label: label.into(), help: help.into(), loads: false }
    }

    /// The loaders take it all the same: a file with it is loaded, and the match or target is none that can be told.
    pub fn that_loads(self) -> Fault {
        Fault { loads: true, ..self }
    }
}
