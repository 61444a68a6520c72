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
use crate::net::Family;
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
    pub rulesets: [Ruleset; 2],
    /// What was found, in the order of places.
    pub diagnostics: Diagnostics,
}

/// Compiles the policy `text`, which stands in the file `root`; `read` gives the text of what it includes.
pub fn compile(root: &Path, text: &str, read: Read, library: &Library, options: Options) -> Compilation {
    let mut diagnostics = Diagnostics::default();
    library.reports.iter().for_each(|report| diagnostics.push(report.clone()));
    let ast = syntax::parse(root, text, library.sources.clone(), read, &mut diagnostics);
    let (policy, scope) = resolve(&ast, library, &mut diagnostics);
    let rulesets = expand(&policy, &ast, library, options, &mut diagnostics);
    checks::check(&policy, &scope, &ast, library, &mut diagnostics);
    checks::check_rules(&policy, &ast, &rulesets, options.notes, &mut diagnostics);
    diagnostics.sort();
    Compilation { ast, policy, rulesets, diagnostics }
}

impl Compilation {
    /// The rule file of a family, as `iptables-restore` reads it.
    pub fn rules(&self, family: Family) -> String {
        print::print(&self.rulesets[family.index()], Some(&|sentence, out| self.comment(sentence, out)))
    }

    /// Writes the rule file of a family, piece by piece.
    pub fn write_rules(&self, family: Family, file: &mut dyn io::Write) -> io::Result<()> {
        print::write(&self.rulesets[family.index()], Some(&|sentence, out| self.comment(sentence, out)), file)
    }

    fn comment(&self, sentence: u32, out: &mut String) {
        format::comment(&self.ast, &self.ast.sentences[sentence as usize], out);
    }

    /// Both rule files, a thread each.
    pub fn both_rules(&self) -> [String; 2] {
        std::thread::scope(|scope| {
            let v6 = scope.spawn(|| self.rules(Family::V6));
            let v4 = self.rules(Family::V4);
            // A panic of the other thread goes on in this one.
            [v4, v6.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))]
        })
    }
}
