//! Fragments that rules with ports do not see: without connection tracking nobody puts them together.
//! Input: a compilation. Output: reports.

use super::kind::Lint;
use crate::compile::Compilation;
use crate::diagnostic::{Fix, Report, Severity};
use crate::iptables::meaning::{Context, Field, reassembles};
use crate::iptables::ruleset::{Match, TableName, Target};
use crate::net::Family;
use crate::sentence;

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
        if !reassembles(ruleset) && ports {
            families.push(ruleset.family);
        }
    }
    if !families.is_empty() {
        let names: Vec<&str> = families.iter().map(|family| family.name()).collect();
        let only = match families[..] {
            [one] => format!(" {}", sentence::only(one)),
            _ => String::new(),
        };
        let report = LINT.at(
            span,
            format!(
                "in {}, rules that name ports do not see the fragments of TCP and UDP packets",
                names.join(" and ")
            ),
            "drops them with iptables-legacy; iptables-nft takes other bytes for their ports",
            format!(
                "add `reassemble fragments{only}`, or a sentence that tracks connections, such as `allow established`"
            ),
        );
        found.push(report.fix(Fix::Sentence(format!("reassemble fragments{only}"))));
    }
}
