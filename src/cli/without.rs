//! `cgwfw without`: what would change if a sentence were not there.
//! Input: a policy, and the number of a line. Output: the packets whose fate would change, as `cgwfw diff` tells them.

use std::path::{Path, PathBuf};

use super::diff::{Compared, DiffFormat};
use super::operand::Operand;
use super::options::PolicyOptions;
use super::outcome::{Outcome, print};
use super::report::{self, Format};
use crate::diagnostic::{Style, visible};
use crate::diff::{Without, without};
use crate::host::{self, Compiled, Disk};

#[derive(clap::Args)]
#[command(
    after_help = "Without an `include` the policy is without all sentences of that file; without a line of a `rules` \
    block it is without that rule, and without the block's first line without the block. A `default` becomes the other one.\n\
    Exit code: 0 nothing would change, 1 something would, 2 errors."
)]
pub struct Arguments {
    /// The policy; `-` reads standard input
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    /// The line of the sentence, from 1
    #[arg(value_name = "LINE")]
    line: usize,
    #[command(flatten)]
    options: PolicyOptions,
    /// How to write the answer
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: DiffFormat,
}

pub fn run(arguments: Arguments, style: Style) -> Outcome {
    answer(&arguments, style).unwrap_or_else(|outcome| outcome)
}

fn answer(arguments: &Arguments, style: Style) -> Result<Outcome, Outcome> {
    let Arguments { policy, line, options, format } = arguments;
    let (path, text) = host::read(policy).map_err(Outcome::Unusable)?;
    let name = path.display().to_string();
    let old = compiled((path, &text), options, style, "the policy has errors: there is no answer")?;
    let (text, gone, replaced) = match without(&old.compilation.ast, *line) {
        Without::Text { text, gone, replaced } => (text, gone, replaced),
        Without::NoRules(gone) => {
            let gone = visible(&gone);
            return Ok(print(&format!("line {line} yields no rule: {gone}\nwithout it nothing would change\n")));
        }
        Without::Nothing => {
            return Err(Outcome::Unusable(format!(
                "{name}: no sentence stands on line {line}: name the line of one, as `cgwfw trace` and `cgwfw check -v` show it"
            )));
        }
    };
    let new = compiled((path, &text), options, style, "without that sentence the policy has errors")?;
    let compared = Compared::new(&Operand::of(name.clone(), old), &Operand::of(name, new));
    let title = match replaced {
        Some(word) => format!("line {line} with `{word}` instead: {}\n", visible(&gone)),
        None => format!("without line {line}: {}\n", visible(&gone)),
    };
    let text = compared.text(*format)?;
    let title = match format {
        DiffFormat::Human => title,
        DiffFormat::Markdown => format!("{title}\n"),
        DiffFormat::Json => String::new(),
    };
    let outcome = if compared.differ() { Outcome::Refused } else { Outcome::Fine };
    Ok(print(&(title + &text)).and(outcome).and(compared.decided()))
}

/// A policy without errors. Its warnings are not said: they are those of `check`, or come from what is gone.
fn compiled(
    (path, text): (&Path, &str),
    options: &PolicyOptions,
    style: Style,
    refused: &str,
) -> Result<Compiled, Outcome> {
    let compiled = options.compiled_text(path, text, false, &Disk).map_err(Outcome::Unusable)?;
    if compiled.compilation.diagnostics.has_errors() {
        report::write(std::slice::from_ref(&compiled.compilation), Format::Human, false, style);
        return Err(Outcome::Unusable(refused.into()));
    }
    Ok(compiled)
}
