//! `cgwfw new`: a starter policy, one for each example.
//! Input: the name of a scenario. Output: the example's text, or the list of names.

use super::outcome::{Outcome, print};
use crate::resolve::suggest::did_you_mean;

include!(concat!(env!("OUT_DIR"), "/examples.rs"));

#[derive(clap::Args)]
pub struct Arguments {
    /// The scenario
    #[arg(value_name = "SCENARIO")]
    scenario: Option<String>,
}

pub fn run(arguments: Arguments) -> Outcome {
    let Some(name) = arguments.scenario else {
        let first_line = |text: &str| text.lines().next().unwrap_or_default().trim_start_matches('#').trim().to_owned();
        let lines = EXAMPLES.iter().map(|(name, text)| format!("{name:<24} {}\n", first_line(text)));
        return print(&lines.collect::<String>());
    };
    match EXAMPLES.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => print(text),
        None => {
            let names = EXAMPLES.iter().map(|(name, _)| *name);
            let near = did_you_mean(&name, names.clone()).map(|near| format!("did you mean `{near}`? "));
            let all = names.collect::<Vec<_>>().join(", ");
            let name = crate::diagnostic::visible(&name);
            Outcome::Unusable(format!("there is no scenario `{name}`: {}they are {all}", near.unwrap_or_default()))
        }
    }
}
