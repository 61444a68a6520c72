//! `cgwfw explain`: what a code means, an example that causes it, and the way out.
//! Input: a code. Output: text, made from the file that is also the test of the code.

use super::outcome::{Outcome, print};
use crate::example;
use crate::explain;
use crate::resolve::suggest::did_you_mean;
use crate::snippet::library::Library;
use crate::snippet::readme;

#[derive(clap::Args)]
pub struct Arguments {
    /// The code, with or without its stage: `cgwfw::resolve::host_bits`, `host_bits`; none: all codes
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub fn run(arguments: Arguments) -> Outcome {
    let Some(code) = arguments.code else {
        let lines = explain::all().iter().map(|known| format!("{:<24} {}\n", known.name, known.title()));
        return print(&lines.collect::<String>());
    };
    let Some(explanation) = explain::find(&code) else {
        let near = did_you_mean(explain::name(&code), explain::all().iter().map(|known| known.name));
        let help =
            near.map_or_else(|| "`cgwfw explain` lists all codes".to_owned(), |near| format!("did you mean `{near}`?"));
        return Outcome::Unusable(format!("there is no code `{}`: {help}", crate::diagnostic::visible(&code)));
    };
    let mut out = format!("{}\n\n", explanation.title());
    let prose = explanation.prose();
    if !prose.is_empty() {
        out.push_str(&format!("{prose}\n\n"));
    }
    // The first case that shows its report.
    let cases = readme::examples(explanation.text);
    let case = cases.iter().find(|case| case.expected("rendered").is_some()).or(cases.first());
    if let Some(case) = case {
        let policy: String = case.policy.lines().map(|line| format!("    {line}\n")).collect();
        let fences = case.expected.iter().filter(|(language, _)| {
            language.starts_with("file ") || language.starts_with("snippet ") || language == "packets"
        });
        let files: String = fences.map(|(language, text)| format!("  {language}:\n\n{text}\n")).collect();
        let rendered = case
            .expected("rendered")
            .map_or_else(|| example::rendered(&example::compiled(case, &Library::built_in())), str::to_owned);
        out.push_str(&format!("For example:\n\n{policy}\n{files}{rendered}"));
    }
    print(&out)
}
