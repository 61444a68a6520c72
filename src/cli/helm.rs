//! `cgwfw helm`: the values of the gateway chart.
//! Input: a policy. Output: YAML on standard output; refused where it cannot fit into the chart's ConfigMap.

use std::path::PathBuf;

use super::options::PolicyOptions;
use super::outcome::{Outcome, print};
use super::report::{self, Format};
use crate::diagnostic::Style;
use crate::helm::{SMALLER, too_large, values};
use crate::net::Both;
use crate::rule_file;

#[derive(clap::Args)]
pub struct Arguments {
    /// The policy; `-` reads standard input
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    #[command(flatten)]
    options: PolicyOptions,
}

pub fn run(arguments: Arguments, style: Style) -> Outcome {
    let compilation = match arguments.options.compiled(&arguments.policy, false) {
        Ok(compiled) => compiled.compilation,
        Err(message) => return Outcome::Unusable(message),
    };
    let usable = report::usable(&compilation, &arguments.options);
    let written = report::write(std::slice::from_ref(&compilation), Format::Human, false, style);
    if !matches!((&usable, &written), (Outcome::Fine, Outcome::Fine)) {
        return if matches!(written, Outcome::Fine) { usable } else { written };
    }
    if let Some(message) = report::yields_nothing(&compilation) {
        return Outcome::Unusable(message);
    }
    let Both { v4, v6 } = rule_file::both(&compilation.ast, &compilation.rulesets);
    if let Some(message) = too_large(&v4, &v6) {
        return Outcome::Unusable(format!("{message}; {SMALLER}"));
    }
    print(&values(&v4, &v6))
}
