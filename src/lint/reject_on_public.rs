//! `reject` on the public side: the answers can be turned against others.
//! Input: a compilation. Output: reports.

use super::kind::Lint;
use super::own_rules::own_rules;
use crate::compile::Compilation;
use crate::diagnostic::{Report, Severity};
use crate::iptables::ruleset::Target;
use crate::language::values::Role;

/// The lint.
pub const LINT: Lint = Lint { code: "cgwfw::policy::reject_on_public", level: Severity::Warning, check };

// Reject inside, drop at the edge: every rejected packet from the Internet is answered with another.
fn check(compilation: &Compilation, found: &mut Vec<Report>) {
    let Compilation { ast, declarations, .. } = compilation;
    for (table, rule, sentence) in
        own_rules(compilation).filter(|(_, rule, _)| matches!(rule.target, Target::Reject(_)))
    {
        let named = rule.header.in_interface.as_ref().filter(|named| !named.negated).map(|named| &named.value);
        let public = named.filter(|name| declarations.role(name) == Some(Role::Public));
        let span = ast.span(sentence);
        // A sentence's rules are together: its first interface says enough.
        let said = found.last().is_some_and(|report| report.label.span == span && report.code == LINT.code);
        if let Some(name) = public.filter(|_| table.chain_name(rule.chain) == "INPUT" && !said) {
            found.push(LINT.at(
                span,
                format!("`reject` answers every packet that comes in on the public interface `{name}`"),
                "the answers can be turned against others",
                "write `drop` here, and `reject` on the inner interfaces",
            ));
        }
    }
}
