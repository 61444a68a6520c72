//! The sink of reports.
//! Input: what the stages push. Output: reports in the order of their places.

use std::collections::HashMap;

use super::report::{Report, Severity};
use crate::source::Span;

/// What the stages found.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    reports: Vec<Report>,
    /// By the last part of the code, with the place that says so; `None` is not reported.
    levels: HashMap<&'static str, (Option<Severity>, Span)>,
    errors: usize,
    warnings: usize,
}

impl Diagnostics {
    /// Sets how bad the warnings and notes of some names are, those that are there and those that come, and where that
    /// is said: `None` is not reported. A name is the last part of a code.
    pub fn set_levels(&mut self, levels: impl IntoIterator<Item = (&'static str, Option<Severity>, Span)>) {
        let known = std::mem::take(self);
        self.levels = levels.into_iter().map(|(name, level, span)| (name, (level, span))).collect();
        known.reports.into_iter().for_each(|report| self.push(report));
    }

    /// Whether a name has a level above that of a note: then it must be looked for, even where nobody reads notes.
    pub fn raises_notes(&self) -> bool {
        self.levels.values().any(|(level, _)| *level > Some(Severity::Note))
    }

    /// A report as bad as this policy has it; `None` where it is not to be reported.
    pub fn leveled(&self, mut report: Report) -> Option<Report> {
        if let Some((level, span)) = self.levels.get(report.code.rsplit("::").next().unwrap_or_default()) {
            report.severity = (*level)?;
            if report.severity == Severity::Error {
                report = report.also(*span, "an error in this policy");
            }
        }
        Some(report)
    }

    /// Takes a report in.
    pub fn push(&mut self, report: Report) {
        let Some(report) = self.leveled(report) else { return };
        match report.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Note => {}
        }
        self.reports.push(report);
    }

    /// Whether anything forbids output.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many reports are of that severity.
    pub fn count(&self, severity: Severity) -> usize {
        match severity {
            Severity::Error => self.errors,
            Severity::Warning => self.warnings,
            Severity::Note => self.reports.len() - self.errors - self.warnings,
        }
    }

    /// The reports, in the order of their places once `sort` was called.
    pub fn iter(&self) -> impl Iterator<Item = &Report> {
        self.reports.iter()
    }

    /// Puts the reports into the order of their places: file by file, line by line; the same finding twice counts once.
    pub fn sort(&mut self) {
        self.reports.sort_by(|a, b| (a.label.span, b.severity, a.code).cmp(&(b.label.span, a.severity, b.code)));
        self.reports.dedup();
        self.errors = self.reports.iter().filter(|report| report.severity == Severity::Error).count();
        self.warnings = self.reports.iter().filter(|report| report.severity == Severity::Warning).count();
    }
}
