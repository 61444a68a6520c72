//! Segments that no tunnel carries.
//! Input: a compilation. Output: reports.

use super::kind::Lint;
use super::own_rules::own_rules;
use crate::compile::Compilation;
use crate::diagnostic::{Report, Severity};
use crate::iptables::ruleset::Target;

/// The lint.
pub const LINT: Lint = Lint { code: "cgwfw::policy::large_mss", level: Severity::Warning, check };

/// The largest MSS of TCP over IPv6 on Ethernet (1500 - 40 - 20), and a clamp above it does nothing for a tunnel.
const MAX_MSS: u16 = 1440;

fn check(compilation: &Compilation, found: &mut Vec<Report>) {
    let ast = &compilation.ast;
    for (_, rule, sentence) in own_rules(compilation) {
        // The same of two rules of a sentence is said once: equal reports are one.
        if let Target::TcpMss(Some(size)) = rule.target
            && size > MAX_MSS
        {
            found.push(LINT.at(
                ast.span(sentence),
                format!("an MSS of {size} is more than any tunnel over Ethernet carries"),
                "clamps nothing",
                format!("write the size that arrives, at most {MAX_MSS}: 1250 is a safe one"),
            ));
        }
    }
}
