//! `cgwfw helm`: the values of the gateway chart.
//! Input: a policy. Output: YAML on standard output; refused where it cannot fit into the chart's ConfigMap.

use super::report::{self, Format};
use super::{Outcome, PolicyArguments, input, print};
use crate::diagnostic::Style;
use crate::helm::{SMALLER, too_large, values};
use crate::net::Family;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    policy: PolicyArguments,
}

pub fn run(arguments: Arguments, style: Style) -> Outcome {
    let compilation = match input::compiled(&arguments.policy) {
        Ok(compilation) => compilation,
        Err(message) => return Outcome::Unusable(message),
    };
    let usable = report::usable(&compilation, &arguments.policy);
    let written = report::write(&compilation, Format::Human, false, style);
    if !matches!((&usable, &written), (Outcome::Fine, Outcome::Fine)) {
        return if matches!(written, Outcome::Fine) { usable } else { written };
    }
    let [v4, v6] = Family::BOTH.map(|family| compilation.rules(family));
    if let Some(message) = too_large(&v4, &v6) {
        return Outcome::Unusable(format!("{message}; {SMALLER}"));
    }
    print(&values(&v4, &v6))
}
