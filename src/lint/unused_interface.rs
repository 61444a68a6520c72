//! Interfaces that no sentence names.
//! Input: a compilation. Output: reports.

use super::kind::Lint;
use crate::compile::Compilation;
use crate::diagnostic::{Fix, Report, Severity};
use crate::net::Interface;

/// The lint.
pub const LINT: Lint = Lint { code: "cgwfw::policy::unused_interface", level: Severity::Warning, check };

fn check(compilation: &Compilation, found: &mut Vec<Report>) {
    let interfaces = compilation.declarations.interfaces.iter().zip(&compilation.policy.uses.interfaces);
    for (declared, _) in interfaces.filter(|(_, named)| !**named) {
        let name = &declared.name;
        if is_in_rules(name, compilation) {
            continue;
        }
        let report = LINT.at(
            declared.span,
            format!("the interface `{name}` is declared and never used"),
            "no sentence names it",
            format!("write sentences `on {name}`, or remove the declaration"),
        );
        found.push(report.fix(Fix::Remove(declared.whole)));
    }
}

/// Whether a rule of a `rules` block names the interface, or a pattern that covers it.
fn is_in_rules(name: &Interface, compilation: &Compilation) -> bool {
    let tables = compilation.rulesets.iter().flat_map(|ruleset| &ruleset.tables);
    tables.flat_map(|table| &table.rules).any(|rule| {
        let mut sentences = rule.origins.iter().map(|origin| &compilation.ast.sentences[origin.sentence as usize]);
        let sides = [&rule.header.in_interface, &rule.header.out_interface].into_iter().flatten();
        sentences.any(|sentence| sentence.body.is_some())
            && sides.map(|side| &side.value).any(|other| other.covers(name) || name.covers(other))
    })
}
