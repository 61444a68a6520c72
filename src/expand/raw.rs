//! `rules` blocks: iptables-save lines, parsed and checked like every other rule.
//! Input: the text between the braces. Output: rules in their table, or reports at the words that are wrong.

use std::ops::Range;

use super::chain_name::INVENTED;
use super::codes::ExpandError;
use super::names;
use crate::diagnostic::{Report, is_deceptive};
use crate::iptables::check;
use crate::iptables::parse::{self, Line, RuleText};
use crate::iptables::ruleset::{Match, Origins, Rule, Ruleset, Table, Target};
use crate::net::Family;
use crate::policy::{InterfaceDeclaration, RawRules};
use crate::source::Span;
use crate::syntax::Ast;

/// The lines of a block's body with the offset of each in the body.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line.trim_end_matches(['\n', '\r'])))
    })
}

/// A line of a block, with its place.
struct Place<'a> {
    text: &'a str,
    /// The offset of the line in its file.
    base: u32,
    body: Span,
}

impl Place<'_> {
    fn part(&self, range: Range<usize>) -> Span {
        let (start, end) = (self.base + range.start as u32, self.base + range.end.max(range.start) as u32);
        Span { start, end, ..self.body }
    }

    fn whole(&self) -> Span {
        let indent = self.text.len() - self.text.trim_start().len();
        self.part(indent..self.text.trim_end().len().max(indent))
    }
}

/// Reads a block into the ruleset of a family, if it is for that family.
pub fn expand(
    rules: &RawRules,
    declared: &[InterfaceDeclaration],
    ast: &Ast,
    ruleset: &mut Ruleset,
    reports: &mut Vec<Report>,
) {
    let family = ruleset.family;
    if !rules.families.has(family) {
        return;
    }
    let body = ast.sources.text(rules.body);
    let table = ruleset.table_or_new(rules.table);
    for (index, (start, text)) in lines(body).enumerate() {
        let place = Place { text, base: rules.body.start + start as u32, body: rules.body };
        if let Some((at, c)) = text.char_indices().find(|(_, c)| is_deceptive(*c) && !c.is_control()) {
            reports.push(ExpandError::BadRule.at(
                place.part(at..at + c.len_utf8()),
                format!("the line holds the invisible character U+{:04X}", u32::from(c)),
                "readers would see another text",
                "remove the character",
            ));
            continue;
        }
        match parse::line(text, family, false) {
            Err(faults) => {
                reports.extend(faults.into_iter().map(|fault| {
                    ExpandError::BadRule.at(place.part(fault.span), fault.message, fault.label, fault.help)
                }))
            }
            Ok(Line::Blank | Line::Comment) => {}
            Ok(Line::Chain { name, policy: None, span }) => {
                let fault = parse::chain_name_fault(&name, &span)
                    .map(|fault| (fault.span, fault.message, fault.label, fault.help));
                let fault = fault.or_else(|| {
                    let message = format!("chain names that begin with `{INVENTED}` are the compiler's own");
                    name.starts_with(INVENTED)
                        .then(|| (span, message, "taken".to_owned(), "choose another name".to_owned()))
                });
                match fault {
                    Some((span, message, label, help)) => {
                        reports.push(ExpandError::BadRule.at(place.part(span), message, label, help));
                    }
                    None => {
                        table.chain_or_new(&name);
                    }
                }
            }
            Ok(Line::Chain { .. } | Line::Policy { .. }) => reports.push(ExpandError::BadRule.at(
                place.whole(),
                "a chain policy cannot be set in a `rules` block",
                "sets the default of a chain",
                "write a `default` sentence: it holds in both families",
            )),
            Ok(Line::Rules(list)) => {
                for rule in list {
                    let part = |part| {
                        let place_of = |(_, range): &(_, Range<usize>)| place.part(range.clone());
                        let known = rule.parts.iter().find(|(other, _)| *other == part);
                        known.map_or_else(|| place.whole(), place_of)
                    };
                    names::check_interfaces(&rule, declared, part, reports);
                    names::check_helper(&rule, part, reports);
                    check_rule(&rule, rules, family, &place, reports);
                    let origins = Origins::of(rules.sentence, index as u32 + 1);
                    push(rule, origins, body, table, &place, reports);
                }
            }
            Ok(_) => reports.push(ExpandError::BadRule.at(
                place.whole(),
                "a `rules` block holds rule lines and chain lines only",
                "neither `-A …` nor `:CHAIN - [0:0]`",
                "remove the line: the block names its table, and the file is completed by the compiler",
            )),
        }
    }
}

fn check_rule(rule: &RuleText, rules: &RawRules, family: Family, place: &Place, reports: &mut Vec<Report>) {
    for problem in check::check(rule, rules.table, family) {
        let part = rule.parts.iter().find(|(part, _)| *part == problem.part);
        let span = part.map_or_else(|| place.whole(), |(_, range)| place.part(range.clone()));
        reports.push(ExpandError::IllegalRule.at(span, problem.message, problem.label, problem.help));
    }
    let is_set = |one: &Match| one.set().is_some() || one.untyped().is_some_and(|one| &*one.name == "set");
    let in_match = rule.matches.iter().any(is_set);
    let in_target = matches!(&rule.target, Target::Unknown(unknown) if &*unknown.name == "SET");
    if in_match || in_target {
        reports.push(set_match(place.whole()));
    }
}

/// The warning that a set must be there before the rules.
pub fn set_match(span: Span) -> Report {
    ExpandError::SetMatch.at(
        span,
        "the rule uses an address set",
        "refused where the set does not exist",
        "create the set before the rules are loaded (`ipset create …`): otherwise the whole file is refused",
    )
}

/// Puts a rule into its chain, which must be built in or declared in the block.
fn push(rule: RuleText, origins: Origins, body: &str, table: &mut Table, place: &Place, reports: &mut Vec<Report>) {
    let known = table.chain(&rule.chain);
    let chain = known.or_else(|| declared_later(body, &rule.chain).then(|| table.chain_or_new(&rule.chain)));
    match chain {
        Some(chain) => {
            let RuleText { header, matches, target, .. } = rule;
            table.rules.push(Rule { chain, header, matches: matches.into(), target, origins });
        }
        None => reports.push(ExpandError::IllegalRule.at(
            place.whole(),
            format!("the chain `{}` is not declared", rule.chain),
            "is in no chain of the table",
            format!("add `:{} - [0:0]` before it, or name a built-in chain", rule.chain),
        )),
    }
}

/// Whether a chain line for the name is anywhere in the block: the loader takes declarations before rules, we in any order.
fn declared_later(body: &str, name: &str) -> bool {
    lines(body)
        .any(|(_, line)| line.trim().strip_prefix(':').and_then(|rest| rest.split_whitespace().next()) == Some(name))
}
