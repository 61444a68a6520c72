//! Fragments that rules with ports do not see: without connection tracking nobody puts them together.
//! Input: a compilation. Output: reports.

use super::kind::Lint;
use crate::compile::Compilation;
use crate::diagnostic::{Report, Severity};
use crate::iptables::meaning::{Context, Field, tracks};
use crate::iptables::ruleset::{Match, TableName, Target};
use crate::net::Family;

/// The lint.
pub const LINT: Lint = Lint { code: "cgwfw::policy::fragments", level: Severity::Note, check };

fn check(compilation: &Compilation, found: &mut Vec<Report>) {
    let Some(span) = compilation.policy.default_drop else { return };
    let mut families = Vec::new();
    for ruleset in compilation.rulesets.iter() {
        let context = Context::of(ruleset.family);
        let has_ports = |one: &Match| {
            let mut found = false;
            one.condition(&context).tests(&mut |field, _, _| {
                found |= matches!(field, Field::SourcePort | Field::DestinationPort | Field::TcpFlags);
            });
            found
        };
        let relevant = |chain: &str| ruleset.family == Family::V6 || chain == "FORWARD";
        let filter = ruleset.table(TableName::Filter);
        let ports = filter.is_some_and(|table| {
            table.rules.iter().any(|rule| {
                let chain = &table.chains[rule.chain.0 as usize].name;
                relevant(chain) && rule.target == Target::Accept && rule.matches.iter().any(has_ports)
            })
        });
        if !tracks(ruleset) && ports {
            families.push(ruleset.family.name());
        }
    }
    if !families.is_empty() {
        let families = families.join(" and ");
        found.push(LINT.at(
            span,
            format!("in {families}, fragments of TCP and UDP packets do not pass the rules that name ports"),
            "drops fragments, which have no ports",
            "keep packets small (clamp the MSS, IKE fragmentation), or use `with fragments` on `allow ipsec`, or a sentence with `state`",
        ));
    }
}
