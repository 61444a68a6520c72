//! What a lint is.
//! Input: made by each lint. Output: read by whoever runs them.

use crate::compile::Compilation;
use crate::diagnostic::{Report, Severity};
use crate::source::Span;

/// Something that a policy as a whole probably does not mean.
pub struct Lint {
    /// The code of its reports; the last part is its name in `lint NAME LEVEL`.
    pub code: &'static str,
    /// How bad it is where no `lint` sentence says otherwise.
    pub level: Severity,
    /// Finds all places.
    pub check: fn(&Compilation, &mut Vec<Report>),
}

impl Lint {
    /// A report of this lint at `span`; `help` must say what to type.
    pub fn at(
        &self,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Report {
        Report::new(self.level, self.code, span, message, label, help)
    }
}
