//! Interfaces that no sentence names.
//! Input: a compilation. Output: reports.

use super::kind::Lint;
use crate::compile::Compilation;
use crate::diagnostic::{Fix, Report, Severity};

/// The lint.
pub const LINT: Lint = Lint { code: "cgwfw::policy::unused_interface", level: Severity::Warning, check };

fn check(compilation: &Compilation, found: &mut Vec<Report>) {
    let interfaces = compilation.declarations.interfaces.iter().zip(&compilation.policy.uses.interfaces);
    for (declared, _) in interfaces.filter(|(_, named)| !**named) {
        let name = &declared.name;
        let report = LINT.at(
            declared.span,
            format!("the interface `{name}` is declared and never used"),
            "no sentence names it",
            format!("write sentences `on {name}`, or remove the declaration"),
        );
        found.push(report.fix(Fix::Remove(declared.whole)));
    }
}
