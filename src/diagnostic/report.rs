//! One finding, and the codes that a stage can report. Knows no particular error.
//! Input: places and texts. Output: a report.

use serde::Serialize;

use super::text::shown;
use crate::source::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Probably not what was meant; the rules are made all the same.
    Warning,
    /// No rules are made.
    Error,
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A place with a remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there.
    pub text: String,
}

/// A change of the policy that a report knows to be a way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Another text in a place; no text: the place is emptied.
    Replace(Span, String),
    /// Nothing in a place: a sentence or a value goes that may have been meant. Never done unasked.
    Remove(Span),
    /// More words at the end of the sentence.
    Add(String),
    /// A sentence of its own before the one that is meant.
    Sentence(String),
}

/// One finding: what, where, why, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How bad it is.
    pub severity: Severity,
    /// `cgwfw::<stage>::<snake_case>`
    pub code: &'static str,
    /// One lower-case sentence without a full stop.
    pub message: String,
    /// The primary place.
    pub label: Label,
    /// Related places.
    pub related: Vec<Label>,
    /// What to type; never empty.
    pub help: String,
    /// Changes that are ways out, each by itself; an editor offers them.
    pub fixes: Vec<Fix>,
}

impl Report {
    /// A report with its primary label.
    pub fn new(
        severity: Severity,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Report {
        let label = Label { span, text: shown(label.into()) };
        let (message, help) = (shown(message.into()), shown(help.into()));
        Report { severity, code, message, label, related: Vec::new(), help, fixes: Vec::new() }
    }

    /// Adds a way out.
    pub fn fix(mut self, fix: Fix) -> Report {
        self.fixes.push(fix);
        self
    }

    /// Adds a way out: another text in the primary place, if there is one.
    pub fn or_rather(self, text: Option<impl Into<String>>) -> Report {
        let span = self.label.span;
        match text {
            Some(text) => self.fix(Fix::Replace(span, text.into())),
            None => self,
        }
    }

    /// Adds a related place.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Report {
        self.related.push(Label { span, text: shown(text.into()) });
        self
    }
}

/// The text of the place where a file is included.
pub const INCLUDED: &str = "included here";

/// A family of codes that a stage can report: generates the enum's `code()`, its severity, and the list of all.
#[macro_export]
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident: $($(#[$doc:meta])* $variant:ident = $severity:ident $code:literal,)*) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every code of the stage.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The code as users see it.
            pub fn code(self) -> &'static str {
                match self { $($name::$variant => $code,)* }
            }

            /// A report of this kind at `span`; `help` must say what to type.
            pub fn at(
                self,
                span: $crate::source::Span,
                message: impl Into<String>,
                label: impl Into<String>,
                help: impl Into<String>,
            ) -> $crate::diagnostic::Report {
                let severity = match self { $($name::$variant => $crate::diagnostic::Severity::$severity,)* };
                $crate::diagnostic::Report::new(severity, self.code(), span, message, label, help)
            }
        }
    };
}
