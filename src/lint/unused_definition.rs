//! Definitions that no sentence uses.
//! Input: a compilation. Output: reports.

use super::kind::Lint;
use crate::compile::Compilation;
use crate::diagnostic::{Fix, Report, Severity};

/// The lint.
pub const LINT: Lint = Lint { code: "cgwfw::policy::unused_definition", level: Severity::Warning, check };

fn check(compilation: &Compilation, found: &mut Vec<Report>) {
    let definitions = compilation.declarations.definitions.iter().zip(&compilation.policy.uses.definitions);
    for (definition, _) in definitions.filter(|(_, used)| !**used) {
        let report = LINT.at(
            definition.span,
            format!("`{}` is defined and never used", definition.name),
            "no sentence uses it",
            format!("write `${}` where it is meant, or remove the definition", definition.name),
        );
        found.push(report.fix(Fix::Remove(definition.whole)));
    }
}
