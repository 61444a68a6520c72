//! Diagnostics on standard error, or as JSON on standard output.
//! Input: a `Compilation`. Output: text; whether the policy may be used.

use std::io::{self, IsTerminal, Write};

use clap::{ColorChoice, ValueEnum};

use super::options::PolicyOptions;
use super::outcome::{Outcome, json_text, print};
use crate::compile::Compilation;
use crate::diagnostic::{self, Report, Severity, Style};
use crate::iptables::ruleset::Ruleset;
use crate::source::Sources;

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// With the source, for people
    Human,
    /// A line each: FILE:LINE:COL: SEVERITY[CODE]: MESSAGE
    Short,
    /// One array on standard output
    Json,
}

/// What the terminal on standard error can show.
pub fn style(color: ColorChoice) -> Style {
    style_of(color, io::stderr().is_terminal())
}

/// What the terminal on standard output can show.
pub fn output_style(color: ColorChoice) -> Style {
    style_of(color, io::stdout().is_terminal())
}

fn style_of(color: ColorChoice, terminal: bool) -> Style {
    let color = match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            terminal && !dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    };
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let utf8 = locale.is_some_and(|locale| locale.to_ascii_lowercase().replace('-', "").contains("utf8"));
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    Style { color, unicode: terminal && utf8, width: columns.unwrap_or(100).clamp(40, 200) }
}

/// Whether the policy may be used: no errors, and no warnings where these are denied.
pub fn usable(compilation: &Compilation, options: &PolicyOptions) -> Outcome {
    let denied = options.deny.is_some() && compilation.diagnostics.count(Severity::Warning) > 0;
    if compilation.diagnostics.has_errors() || denied { Outcome::Refused } else { Outcome::Fine }
}

/// Why rule files of a policy would be an open gateway that nobody asked for; `None` where it has a rule or a default.
pub fn yields_nothing(compilation: &Compilation) -> Option<String> {
    let rules = |ruleset: &Ruleset| ruleset.tables.iter().any(|table| !table.rules.is_empty());
    let empty = compilation.policy.defaults.iter().all(Option::is_none) && !compilation.rulesets.iter().any(rules);
    empty.then(|| {
        "no sentence of the policy yields a rule or a default, so every packet would pass; \
         write `default drop` and what is allowed, or `default accept` if that is meant"
            .to_owned()
    })
}

/// Writes the diagnostics of some policies in a format; notes only on request, except as JSON.
pub fn write(compilations: &[Compilation], format: Format, notes: bool, style: Style) -> Outcome {
    let all = || compilations.iter().flat_map(|c| c.diagnostics.iter().map(|report| (report, &c.ast.sources)));
    if format == Format::Json {
        let all: Vec<_> = all().map(|(report, sources)| diagnostic::json(report, sources)).collect();
        return match json_text(serde_json::to_string_pretty(&all)) {
            Ok(text) => print(&text),
            Err(outcome) => outcome,
        };
    }
    let render = |report: &Report, sources: &Sources| match format {
        Format::Short => diagnostic::short(report, sources) + "\n",
        _ => diagnostic::human(report, sources, style) + "\n",
    };
    let mut out = io::stderr().lock();
    for (report, sources) in all().filter(|(report, _)| notes || report.severity != Severity::Note) {
        // Nobody reads on: the exit code says the rest.
        if out.write_all(render(report, sources).as_bytes()).is_err() {
            break;
        }
    }
    Outcome::Fine
}

/// Writes the diagnostics of a command whose standard output is for something else: JSON appears there only where
/// nothing else will, because the policy is refused.
pub fn write_beside_output(compilation: &Compilation, format: Format, refused: bool, style: Style) -> Outcome {
    if format == Format::Json && !refused {
        return Outcome::Fine;
    }
    write(std::slice::from_ref(compilation), format, false, style)
}
