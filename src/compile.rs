//! From source text to rules, in the order one would tell it.
//! Input: a policy, a way to read its includes, the library. Output: a `Compilation`, which all commands start from.

pub mod checks;

use std::io;
use std::path::Path;

use crate::diagnostic::Diagnostics;
use crate::expand::{Options, expand};
use crate::format;
use crate::iptables::print;
use crate::iptables::ruleset::Ruleset;
use crate::net::{Both, Family};
use crate::parallel;
use crate::policy::Policy;
use crate::resolve::resolve;
use crate::snippet::library::Library;
use crate::syntax::{self, Ast, Read};

/// A policy in all its representations, and what was found on the way.
pub struct Compilation {
    /// As written.
    pub ast: Ast,
    /// As meant.
    pub policy: Policy,
    /// As the kernel sees it: IPv4, IPv6.
    pub rulesets: Both<Ruleset>,
    /// What was found, in the order of places.
    pub diagnostics: Diagnostics,
}

/// Compiles the policy `text`, which stands in the file `root`; `read` gives the text of what it includes.
pub fn compile(root: &Path, text: &str, read: Read, library: &Library, options: Options) -> Compilation {
    let mut diagnostics = Diagnostics::default();
    library.reports.iter().for_each(|report| diagnostics.push(report.clone()));
    let ast = syntax::parse(root, text, library.sources.clone(), read, &mut diagnostics);
    let (policy, scope) = resolve(&ast, library, &mut diagnostics);
    diagnostics.set_levels(policy.lints.iter().map(|lint| (lint.name, lint.level, lint.span)));
    let options = Options { notes: options.notes || diagnostics.raises_notes(), ..options };
    let rulesets = expand(&policy, &ast, library, options, &mut diagnostics);
    checks::check(&policy, &scope, &ast, library, &mut diagnostics);
    checks::check_rules(&policy, &ast, &rulesets, options.notes, &mut diagnostics);
    diagnostics.sort();
    Compilation { ast, policy, rulesets, diagnostics }
}

impl Compilation {
    /// The rule file of a family, as `iptables-restore` reads it.
    pub fn rules(&self, family: Family) -> String {
        print::print(&self.rulesets[family], Some(&|sentence, out| self.comment(sentence, out)))
    }

    /// Writes the rule file of a family, piece by piece.
    pub fn write_rules(&self, family: Family, file: &mut dyn io::Write) -> io::Result<()> {
        print::write(&self.rulesets[family], Some(&|sentence, out| self.comment(sentence, out)), file)
    }

    /// A sentence as the comment in the rule files has it.
    pub fn text(&self, sentence: u32) -> String {
        let mut text = String::new();
        self.comment(sentence, &mut text);
        text
    }

    fn comment(&self, sentence: u32, out: &mut String) {
        format::comment(&self.ast, &self.ast.sentences[sentence as usize], out);
    }

    /// Both rule files.
    pub fn both_rules(&self) -> Both<String> {
        self.for_both(|family| self.rules(family))
    }

    /// Calls `each` for IPv4 and IPv6, each in a thread of its own where there are many sentences.
    pub fn for_both<T: Send>(&self, each: impl Fn(Family) -> T + Sync) -> Both<T> {
        let (v4, v6) = self.beside(|| each(Family::V4), || each(Family::V6));
        Both { v4, v6 }
    }

    /// Calls both, each in a thread of its own where there are many sentences.
    pub fn beside<A, B: Send>(&self, first: impl FnOnce() -> A, second: impl FnOnce() -> B + Send) -> (A, B) {
        parallel::join(self.ast.sentences.len() >= parallel::WORTH_A_THREAD, first, second)
    }
}
