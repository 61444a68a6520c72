//! From source text to rules, in the order one would tell it.
//! Input: a policy, a way to read its includes, the library. Output: a `Compilation`, which all commands start from.

mod answers;
mod connection_marks;
mod missing_default;

use std::path::Path;

use crate::diagnostic::Diagnostics;
use crate::expand::{CompileOptions, expand};
use crate::iptables::ruleset::Ruleset;
use crate::net::Both;
use crate::policy::{Declarations, Policy};
use crate::resolve::{declarations, resolve};
use crate::snippet::library::Library;
use crate::syntax::{self, Ast, ReadFile};

/// A policy in all its representations, and what was found on the way.
pub struct Compilation {
    /// As written.
    pub ast: Ast,
    /// As meant.
    pub policy: Policy,
    /// What its sentences may name.
    pub declarations: Declarations,
    /// As the kernel sees it.
    pub rulesets: Both<Ruleset>,
    /// What was found, in the order of places.
    pub diagnostics: Diagnostics,
}

/// Compiles the policy `text`, which is in the file `root`; `read` gives the text of what it includes.
pub fn compile(root: &Path, text: &str, read: ReadFile, library: &Library, options: CompileOptions) -> Compilation {
    let mut diagnostics = Diagnostics::default();
    library.reports.iter().for_each(|report| diagnostics.push(report.clone()));
    let is_verb = |word: &str| library.is_verb(word);
    let ast = syntax::parse(root, text, library.sources.clone(), read, &is_verb, &mut diagnostics);
    let declarations = declarations(&ast, &mut diagnostics);
    let policy = resolve(&ast, &declarations, library, &mut diagnostics);
    diagnostics.set_levels(policy.lints.iter().map(|lint| (lint.name, lint.level, lint.span)));
    let options = CompileOptions { notes: options.notes || diagnostics.raises_notes(), ..options };
    let rulesets = expand(&policy, &declarations.interfaces, &ast, library, options, &mut diagnostics);
    missing_default::check(&policy, &ast, &rulesets, &mut diagnostics);
    connection_marks::check(&policy, &ast, library, &mut diagnostics);
    answers::check(&policy, &ast, &rulesets, library, &mut diagnostics);
    diagnostics.sort();
    Compilation { ast, policy, declarations, rulesets, diagnostics }
}
