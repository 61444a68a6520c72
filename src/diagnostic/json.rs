//! Reports as JSON.
//! Input: a report and the sources it points into. Output: what serde writes.

use serde::Serialize;

use super::report::{INCLUDED, Label, Report, Severity};
use crate::source::{Sources, Span};

/// A report as JSON shows it: lines and columns from 1, columns in characters.
#[derive(Debug, Serialize)]
pub struct JsonReport<'a> {
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
pub fn json<'a>(report: &'a Report, sources: &'a Sources) -> JsonReport<'a> {
    let span = report.label.span;
    let ((line, column), (end_line, end_column)) = (sources.position(span), sources.end_position(span));
    let label = |label: &'a Label| json_label(sources, label.span, &label.text);
    JsonReport {
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

fn json_label<'a>(sources: &'a Sources, span: Span, text: &'a str) -> JsonLabel<'a> {
    let (line, column) = sources.position(span);
    JsonLabel { file: &sources.get(span.source).name, line, column, text }
}
