//! The sink of reports, and their rendering as text and JSON. Knows no particular error.
//! Input: what the stages push. Output: reports in the order of their places.

mod view;

use std::collections::HashMap;
use std::fmt;

use miette::{GraphicalReportHandler, LabeledSpan, SourceCode};
use serde::Serialize;

use self::view::View;
use crate::source::{Sources, Span};

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

/// How a report is written for a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub color: bool,
    /// With Unicode line drawing.
    pub unicode: bool,
    /// Columns of the terminal.
    pub width: usize,
}

/// The full rendering with the source, for people.
pub fn human(report: &Report, sources: &Sources, style: Style) -> String {
    let mut theme = match (style.color, style.unicode) {
        (true, true) => miette::GraphicalTheme::unicode(),
        (false, true) => miette::GraphicalTheme::unicode_nocolor(),
        (true, false) => {
            let mut theme = miette::GraphicalTheme::ascii();
            theme.styles = miette::ThemeStyles::ansi();
            theme
        }
        (false, false) => miette::GraphicalTheme::none(),
    };
    theme.characters.error = "error:".into();
    theme.characters.warning = "warning:".into();
    theme.characters.advice = "note:".into();
    let handler =
        GraphicalReportHandler::new_themed(theme).with_width(style.width).with_context_lines(1).with_links(false);
    let mut out = String::new();
    match handler.render_report(&mut out, &Rendering::of(report, sources)) {
        Ok(()) => out,
        Err(fmt::Error) => format!("{}\n", short(report, sources)),
    }
}

/// One line: `FILE:LINE:COL: error[CODE]: MESSAGE`.
pub fn short(report: &Report, sources: &Sources) -> String {
    let source = sources.get(report.label.span.source);
    let (line, column) = sources.position(report.label.span);
    let (name, severity) = (visible(&source.name), report.severity.name());
    format!("{name}:{line}:{column}: {severity}[{}]: {}", report.code, report.message)
}

/// A report as JSON shows it: lines and columns from 1, columns in characters.
#[derive(Debug, Serialize)]
pub struct Json<'a> {
    severity: Severity,
    code: &'a str,
    message: &'a str,
    help: &'a str,
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    labels: Vec<JsonLabel<'a>>,
    includes: Vec<JsonLabel<'a>>,
}

#[derive(Debug, Serialize)]
struct JsonLabel<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    text: &'a str,
}

/// The JSON form of a report.
pub fn json<'a>(report: &'a Report, sources: &'a Sources) -> Json<'a> {
    let span = report.label.span;
    let ((line, column), (end_line, end_column)) = (sources.position(span), sources.end_position(span));
    let label = |label: &'a Label| json_label(sources, label.span, &label.text);
    Json {
        severity: report.severity,
        code: report.code,
        message: &report.message,
        help: &report.help,
        file: &sources.get(span.source).name,
        line,
        column,
        end_line,
        end_column,
        labels: std::iter::once(&report.label).chain(&report.related).map(label).collect(),
        includes: sources.includes(span.source).map(|span| json_label(sources, span, INCLUDED)).collect(),
    }
}

const INCLUDED: &str = "included here";

fn json_label<'a>(sources: &'a Sources, span: Span, text: &'a str) -> JsonLabel<'a> {
    let (line, column) = sources.position(span);
    JsonLabel { file: &sources.get(span.source).name, line, column, text }
}

/// The longest text of a report, in bytes: a word of a megabyte is not repeated.
const MOST_TEXT: usize = 1_000;

/// Text for a report: not longer than a reader reads, and without what deceives.
fn shown(mut text: String) -> String {
    if text.len() > MOST_TEXT {
        text.truncate(text.floor_char_boundary(MOST_TEXT));
        text.push('…');
    }
    if text.chars().any(is_deceptive) { visible(&text) } else { text }
}

/// Text that a terminal cannot be fooled with: control and bidirectional characters are written as `\u{…}`.
pub fn visible(text: &str) -> String {
    if !text.chars().any(is_deceptive) {
        return text.to_owned();
    }
    text.chars().map(|c| if is_deceptive(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// Whether a character changes what a reader sees beyond itself: control characters, line separators, bidirectional
/// formatting (Unicode TR 36, "Trojan Source").
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A report with the sources it points into, as miette wants it.
struct Rendering<'a> {
    message: &'a str,
    code: Option<&'a str>,
    severity: Severity,
    help: Option<&'a str>,
    source: View,
    labels: Vec<LabeledSpan>,
    elsewhere: Vec<Rendering<'a>>,
}

impl<'a> Rendering<'a> {
    fn of(report: &'a Report, sources: &'a Sources) -> Rendering<'a> {
        let file = report.label.span.source;
        let (here, elsewhere): (Vec<&Label>, Vec<&Label>) =
            report.related.iter().partition(|label| label.span.source == file);
        let here: Vec<&Label> = std::iter::once(&report.label).chain(here).collect();
        let places: Vec<Span> = here.iter().map(|label| label.span).collect();
        let (source, spans) = View::new(sources, file, &places);
        let labels = here.iter().zip(spans).enumerate().map(|(index, (label, span))| match index {
            0 => LabeledSpan::new_primary_with_span(Some(label.text.clone()), span),
            _ => LabeledSpan::new_with_span(Some(label.text.clone()), span),
        });
        let labels = labels.collect();
        let mut related: Vec<Rendering> =
            elsewhere.into_iter().map(|label| Rendering::note(&label.text, label.span, sources)).collect();
        related.extend(sources.includes(file).map(|span| Rendering::note(INCLUDED, span, sources)));
        Rendering {
            message: &report.message,
            code: Some(report.code),
            severity: report.severity,
            help: Some(&report.help),
            source,
            labels,
            elsewhere: related,
        }
    }

    fn note(text: &'a str, span: Span, sources: &'a Sources) -> Rendering<'a> {
        let (source, spans) = View::new(sources, span.source, &[span]);
        Rendering {
            message: text,
            code: None,
            severity: Severity::Note,
            help: None,
            source,
            labels: spans.into_iter().map(|span| LabeledSpan::new_primary_with_span(None, span)).collect(),
            elsewhere: Vec::new(),
        }
    }
}

impl fmt::Debug for Rendering<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl fmt::Display for Rendering<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for Rendering<'_> {}

impl miette::Diagnostic for Rendering<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code.map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Note => miette::Severity::Advice,
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        if self.elsewhere.is_empty() {
            return None;
        }
        Some(Box::new(self.elsewhere.iter().map(|note| note as &dyn miette::Diagnostic)))
    }
}
