//! `textDocument/publishDiagnostics`: what `compile` found, as editors show it.
//! Input: reports. Output: diagnostics of the protocol, by file; the terminal's rendering in `data.rendered`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use super::protocol::{
    CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, NumberOrString, Uri, location,
    path_of, range,
};
use crate::diagnostic::{self, Report, Severity, Style};
use crate::explain;
use crate::source::{SourceId, Sources};

/// So many reports of a policy come with the terminal's rendering; nobody reads more, and each takes its time.
const MAX_RENDERED: usize = 100;

/// Where a code is explained.
const EXPLANATIONS: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/tests/cases/errors");

/// Reports by the path of their file.
pub fn by_file<'a>(sources: &Sources, reports: impl Iterator<Item = &'a Report>) -> BTreeMap<PathBuf, Vec<Diagnostic>> {
    let mut of_sources: BTreeMap<SourceId, Vec<Diagnostic>> = BTreeMap::new();
    for (index, report) in reports.enumerate() {
        let rendered = (index < MAX_RENDERED).then(|| rendered(sources, report));
        of_sources.entry(report.label.span.source).or_default().push(diagnostic(sources, report, rendered));
    }
    let mut files: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
    for (source, diagnostics) in of_sources {
        files.entry(path_of(sources.get(source))).or_default().extend(diagnostics);
    }
    files
}

fn rendered(sources: &Sources, report: &Report) -> String {
    let style = Style { color: false, unicode: true, width: 100 };
    diagnostic::human(report, sources, style)
}

/// A report as editors show it.
pub fn diagnostic(sources: &Sources, report: &Report, rendered: Option<String>) -> Diagnostic {
    let name = explain::name(report.code);
    let related = report.related.iter().map(|label| (label.span, label.text.as_str()));
    let includes = sources.includes(report.label.span.source).map(|span| (span, "included here"));
    let related: Vec<_> = related
        .chain(includes)
        .filter_map(|(span, text)| {
            Some(DiagnosticRelatedInformation { location: location(sources, span)?, message: text.to_owned() })
        })
        .collect();
    Diagnostic {
        range: range(sources, report.label.span),
        severity: Some(match report.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Note => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(report.code.to_owned())),
        code_description: Uri::from_str(&format!("{EXPLANATIONS}/{name}.md")).ok().map(|href| CodeDescription { href }),
        source: Some("cgwfw".into()),
        message: format!("{}: {}\nhelp: {}", report.message, report.label.text, report.help),
        related_information: (!related.is_empty()).then_some(related),
        tags: None,
        data: rendered.map(|rendered| serde_json::json!({ "rendered": rendered })),
    }
}
