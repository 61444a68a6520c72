//! Reports as text for terminals, one line or with the source.
//! Input: a report and the sources it points into. Output: text.

use std::fmt;

use miette::{GraphicalReportHandler, LabeledSpan, SourceCode};

use super::report::{INCLUDED, Label, Report, Severity};
use super::text::visible;
use super::view::Excerpt;
use crate::source::{Sources, Span};

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

/// A report with the sources it points into, as miette wants it.
struct Rendering<'a> {
    message: &'a str,
    code: Option<&'a str>,
    severity: Severity,
    help: Option<&'a str>,
    source: Excerpt,
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
        let (source, spans) = Excerpt::new(sources, file, &places);
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
        let (source, spans) = Excerpt::new(sources, span.source, &[span]);
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
