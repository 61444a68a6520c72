//! The rule files of a policy, as `iptables-restore` and `ip6tables-restore` read them.
//! Input: the sentences and the rules that they yield. Output: text, each sentence's rules below it as a comment.

use std::io;

use crate::format;
use crate::iptables::print;
use crate::iptables::ruleset::Ruleset;
use crate::net::Both;
use crate::parallel;
use crate::syntax::Ast;

/// The rule file of a family.
pub fn text(ast: &Ast, ruleset: &Ruleset) -> String {
    print::print(ruleset, Some(&|sentence, out| comment(ast, sentence, out)))
}

/// The rule files of both families.
pub fn both(ast: &Ast, rulesets: &Both<Ruleset>) -> Both<String> {
    parallel::both(ast.sentences.len(), |family| text(ast, &rulesets[family]))
}

/// Writes the rule file of a family, piece by piece.
pub fn write(ast: &Ast, ruleset: &Ruleset, file: &mut dyn io::Write) -> io::Result<()> {
    print::write(ruleset, Some(&|sentence, out| comment(ast, sentence, out)), file)
}

fn comment(ast: &Ast, sentence: u32, out: &mut String) {
    format::comment(ast, &ast.sentences[sentence as usize], out);
}
