//! Lints: what is declared and not used, what is probably not meant.
//! Input: a compilation. Output: its diagnostics, with warnings and notes. Each file of `lint/` that has a `LINT` is one.

mod kind;
mod own_rules;

use crate::compile::Compilation;
use crate::diagnostic::Severity;

pub use self::kind::Lint;

include!(concat!(env!("OUT_DIR"), "/lints.rs"));

/// Runs all lints; those that only note something where `notes` are asked for, or a `lint` sentence makes more of them.
pub fn check(compilation: &mut Compilation, notes: bool) {
    let notes = (notes || compilation.diagnostics.raises_notes()) && !compilation.diagnostics.has_errors();
    let mut found = Vec::new();
    for lint in LINTS.iter().filter(|lint| notes || lint.level != Severity::Note) {
        (lint.check)(compilation, &mut found);
    }
    found.into_iter().for_each(|report| compilation.diagnostics.push(report));
    compilation.diagnostics.sort();
}
