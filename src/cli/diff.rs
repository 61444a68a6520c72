//! `cgwfw diff`: what two rulesets do differently, packet by packet.
//! Input: policies. Output: for each family one of four words, and the packets whose fate changes.

mod human;

use std::path::PathBuf;

use super::options::PolicyOptions;
use super::outcome::{Outcome, print};
use crate::diagnostic::Style;
use crate::diff::{Pair, diff};
use crate::net::Family;
use crate::origin::Rules;

#[derive(clap::Args)]
pub struct Arguments {
    old: PathBuf,
    new: PathBuf,
    #[command(flatten)]
    options: PolicyOptions,
    #[arg(long)]
    markdown: bool,
}

pub fn run(arguments: Arguments, _style: Style) -> Outcome {
    let old = arguments.options.compiled(&arguments.old, false).expect("old").compilation;
    let new = arguments.options.compiled(&arguments.new, false).expect("new").compilation;
    let declared: Vec<_> = [&old, &new].iter().flat_map(|c| c.declarations.interfaces.iter().map(|d| d.name)).collect();
    let mut out = String::new();
    for family in [Family::V4, Family::V6] {
        let pair = Pair { old: Rules::Policy(&old), new: Rules::Policy(&new), family };
        match diff(pair, &declared) {
            Some(difference) => {
                out.push_str(&format!("{}: {}\n", family.name(), human::word(&difference)));
                let text = if arguments.markdown {
                    human::difference(&difference, &human::Markdown)
                } else {
                    human::difference(&difference, &human::Plain)
                };
                out.push_str(&text);
            }
            None => out.push_str("not decided\n"),
        }
    }
    print(&out)
}
