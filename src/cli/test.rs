//! `cgwfw test`: the `expect` sentences of policies.
//! Input: policies. Output: what fails, with a packet that shows it, as text, JSON or JUnit.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;

use super::options::PolicyOptions;
use super::outcome::{Outcome, json_text, print};
use super::report::{self, Format};
use crate::compile::Compilation;
use crate::diagnostic::{self, Style};
use crate::expect::{Checked, check};
use crate::origin::SentencePlace;

#[derive(clap::Args)]
pub struct Arguments {
    /// The policies; `-` reads standard input
    #[arg(value_name = "POLICY", required = true)]
    policies: Vec<PathBuf>,
    #[command(flatten)]
    options: PolicyOptions,
    /// How to write the results
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Results,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Results {
    /// Failures with their source, for people
    Human,
    /// One array on standard output, an object an expectation
    Json,
    /// The XML that build servers read
    Junit,
}

/// The expectations of one policy, and what became of them.
struct Tested {
    compilation: Compilation,
    checked: Vec<Checked>,
}

pub fn run(arguments: Arguments, style: Style) -> Outcome {
    let mut outcome = Outcome::Fine;
    let mut tested = Vec::new();
    for policy in &arguments.policies {
        match arguments.options.compiled(policy, false) {
            Ok(compiled) if report::usable(&compiled.compilation, &arguments.options) == Outcome::Refused => {
                report::write(std::slice::from_ref(&compiled.compilation), Format::Human, false, style);
                let name = policy.display();
                outcome = outcome.and(Outcome::Unusable(format!("{name}: the policy has errors: nothing is tested")));
            }
            Ok(compiled) => {
                let checked = check(&compiled.compilation).collect();
                tested.push(Tested { compilation: compiled.compilation, checked });
            }
            Err(message) => outcome = outcome.and(Outcome::Unusable(message)),
        }
    }
    let written = match arguments.format {
        Results::Human => human(&tested, style),
        Results::Json => json(&tested),
        Results::Junit => print(&junit(&tested)),
    };
    let failed = tested.iter().flat_map(|tested| &tested.checked).any(|checked| checked.report.is_some());
    outcome.and(written).and(if failed { Outcome::Refused } else { Outcome::Fine })
}

fn name(tested: &Tested) -> &str {
    &tested.compilation.ast.sources.get(tested.compilation.ast.root).name
}

fn human(tested: &[Tested], style: Style) -> Outcome {
    let mut out = io::stderr().lock();
    let reports = tested.iter().flat_map(|tested| tested.checked.iter().map(move |checked| (tested, checked)));
    for (tested, report) in reports.filter_map(|(tested, checked)| Some((tested, checked.report.as_ref()?))) {
        let text = diagnostic::human(report, &tested.compilation.ast.sources, style) + "\n";
        // Nobody reads on: the exit code says the rest.
        if out.write_all(text.as_bytes()).is_err() {
            break;
        }
    }
    let lines = tested.iter().map(|tested| {
        let all = tested.checked.len();
        let failed = tested.checked.iter().filter(|checked| checked.report.is_some()).count();
        let undecided = tested.checked.iter().filter(|checked| checked.result() == "not decided").count();
        let name = diagnostic::visible(name(tested));
        let expectations =
            |count: usize| if count == 1 { "1 expectation".into() } else { format!("{count} expectations") };
        match (all, failed, undecided) {
            (0, ..) => format!("{name}: no `expect` sentences\n"),
            (_, 0, 0) => format!("{name}: {} proved\n", expectations(all)),
            (_, 0, _) => format!("{name}: {} of {} not decided, the others proved\n", undecided, expectations(all)),
            _ => format!("{name}: {failed} of {} failed\n", expectations(all)),
        }
    });
    print(&lines.collect::<String>())
}

/// One expectation as JSON.
#[derive(Serialize)]
struct JsonExpectation<'a> {
    policy: &'a str,
    expectation: &'a SentencePlace,
    /// `proved`, `failed` or `not decided`.
    result: &'static str,
    message: Option<&'a str>,
    counter_example: Option<JsonPacket<'a>>,
}

#[derive(Serialize)]
struct JsonPacket<'a> {
    packet: &'a str,
    verdict: &'static str,
    rule: Option<&'a str>,
    statement: Option<&'a SentencePlace>,
}

fn json(tested: &[Tested]) -> Outcome {
    let all: Vec<JsonExpectation> = tested
        .iter()
        .flat_map(|tested| {
            tested.checked.iter().map(move |checked| JsonExpectation {
                policy: name(tested),
                expectation: &checked.statement,
                result: checked.result(),
                message: checked.report.as_ref().map(|report| report.message.as_str()),
                counter_example: checked.counter_example.as_ref().map(|found| JsonPacket {
                    packet: &found.sentence,
                    verdict: found.decision.verdict.name(),
                    rule: found.rule.as_deref(),
                    statement: found.statement.as_ref(),
                }),
            })
        })
        .collect();
    match json_text(serde_json::to_string_pretty(&all)) {
        Ok(text) => print(&text),
        Err(outcome) => outcome,
    }
}

fn escaped(text: &str) -> String {
    let visible = diagnostic::visible(text);
    visible.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn junit(tested: &[Tested]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    // Writing to a String cannot fail.
    for tested in tested {
        let failed = tested.checked.iter().filter(|checked| checked.report.is_some()).count();
        let (name, all) = (escaped(name(tested)), tested.checked.len());
        let _ = writeln!(out, "  <testsuite name=\"{name}\" tests=\"{all}\" failures=\"{failed}\">");
        for checked in &tested.checked {
            let SentencePlace { file, line, text } = &checked.statement;
            let (file, text) = (escaped(file), escaped(text));
            let _ = write!(out, "    <testcase classname=\"{name}\" name=\"{text}\" file=\"{file}\" line=\"{line}\"");
            match &checked.report {
                None => out.push_str("/>\n"),
                Some(report) => {
                    let (message, label) = (escaped(&report.message), escaped(&report.label.text));
                    let _ = writeln!(out, ">\n      <failure message=\"{message}\">{label}</failure>\n    </testcase>");
                }
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}
