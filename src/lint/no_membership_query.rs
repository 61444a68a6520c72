//! Interfaces on which groups are joined and no query for members comes in.
//! Input: a compilation. Output: reports.

use super::kind::Lint;
use super::own_rules::own_rules;
use crate::compile::Compilation;
use crate::diagnostic::{Report, Severity};
use crate::iptables::ruleset::{IcmpType, Rule, Table, TableName, Target};
use crate::net::{Family, Interface, Protocol};
use crate::source::Span;

/// The lint.
pub const LINT: Lint = Lint { code: "cgwfw::policy::no_membership_query", level: Severity::Note, check };

/// The ICMPv6 types of MLD (RFC 2710, RFC 3810): the query, and both reports.
const QUERY: u8 = 130;
const REPORTS: [u8; 2] = [131, 143];

fn check(compilation: &Compilation, found: &mut Vec<Report>) {
    let rules = || {
        own_rules(compilation)
            .filter(|(table, rule, _)| table.name == TableName::Filter && rule.target == Target::Accept)
    };
    let mut noted: Vec<(Interface, Span)> = Vec::new();
    for (table, rule, sentence) in rules() {
        let out = rule.header.out_interface.filter(|name| !name.negated && is_in(table, rule, "OUTPUT"));
        let Some(out) = out.filter(|_| carries(rule, &REPORTS)) else { continue };
        let queried = rules().any(|(table, rule, _)| {
            let there = rule.header.in_interface.is_none_or(|name| name.value.covers(&out.value) != name.negated);
            is_in(table, rule, "INPUT") && there && (carries(rule, &[QUERY]) || lets_all(rule))
        });
        let span = compilation.ast.span(sentence);
        if queried || noted.contains(&(out.value, span)) {
            continue;
        }
        noted.push((out.value, span));
        found.push(LINT.at(
            span,
            format!("no query for members comes in on `{}`", out.value),
            "joins groups there",
            format!(
                "where switches or routers ask for members, write `allow igmp on {}`, or the groups are lost",
                out.value
            ),
        ));
    }
}

fn is_in(table: &Table, rule: &Rule, chain: &str) -> bool {
    table.chain_name(rule.chain) == chain
}

/// Whether a rule is about IGMP, or about one of these types of MLD.
fn carries(rule: &Rule, types: &[u8]) -> bool {
    let protocol = rule.header.protocol.filter(|protocol| !protocol.negated).map(|protocol| protocol.value);
    let kind = rule.matches.iter().find_map(|one| one.icmp_type());
    match (protocol, kind) {
        (Some(Protocol::IGMP), _) => true,
        (Some(protocol), Some(IcmpType { kind, .. })) => {
            protocol == Protocol::icmp(Family::V6) && types.contains(&kind)
        }
        _ => false,
    }
}

/// Whether a rule lets everything in, but for its interface.
fn lets_all(rule: &Rule) -> bool {
    let header = &rule.header;
    rule.matches.is_empty() && header.protocol.is_none() && header.source.is_none() && header.destination.is_none()
}
