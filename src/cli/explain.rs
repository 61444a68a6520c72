//! `cgwfw explain`: what a code means, an example that causes it, and the way out.
//! Input: a code. Output: text, made from the file that is also the test of the code.

use super::{Outcome, print};
use crate::example;
use crate::resolve::suggest::did_you_mean;
use crate::snippet::library::Library;
use crate::snippet::readme;

include!(concat!(env!("OUT_DIR"), "/errors.rs"));

#[derive(clap::Args)]
pub struct Arguments {
    /// The code, with or without its stage: `cgwfw::resolve::host_bits`, `host_bits`; none: all codes
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub fn run(arguments: Arguments) -> Outcome {
    let title = |text: &str| text.lines().next().unwrap_or_default().trim_start_matches('#').trim().to_owned();
    let Some(code) = arguments.code else {
        let lines = ERRORS.iter().map(|(name, text)| format!("{name:<24} {}\n", title(text)));
        return print(&lines.collect::<String>());
    };
    let name = code.rsplit("::").next().unwrap_or_default();
    let Some((_, text)) = ERRORS.iter().find(|(known, _)| *known == name) else {
        let near = did_you_mean(name, ERRORS.iter().map(|(name, _)| *name));
        let help =
            near.map_or_else(|| "`cgwfw explain` lists all codes".to_owned(), |near| format!("did you mean `{near}`?"));
        return Outcome::Unusable(format!("there is no code `{}`: {help}", crate::diagnostic::visible(&code)));
    };
    let prose: String =
        text.lines().skip(1).take_while(|line| !line.starts_with("##")).map(|line| format!("{line}\n")).collect();
    let mut out = format!("{}\n\n", title(text));
    if !prose.trim().is_empty() {
        out.push_str(&format!("{}\n\n", prose.trim()));
    }
    // The first case that shows its report.
    let cases = readme::examples(text);
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
