//! `Policy` to rules: fills each snippet's shape with a sentence's values, stamps origins, merges chains.
//! Input: a policy and the library. Output: one ruleset per family; what a rule cannot be is reported at its sentence.

pub mod fill;
pub mod group;
pub mod legs;
pub mod raw;
pub mod shape;

use crate::codes;
use crate::diagnostic::Diagnostics;
use crate::iptables::check;
use crate::iptables::ruleset::{Match, Ruleset, TableName, Target};
use crate::net::Family;
use crate::policy::{Block, Policy, Statement};
use crate::snippet::library::Library;
use crate::source::Span;
use crate::syntax::Ast;

codes! {
    /// What can be wrong with the rules that a sentence yields.
    ExpandError:
    /// Text of a template or a `rules` block that is no rule.
    BadRule = Error "cgwfw::expand::bad_rule",
    /// A rule that the kernel refuses, or that can never match.
    IllegalRule = Error "cgwfw::expand::illegal_rule",
    /// A template that fails.
    BadTemplate = Error "cgwfw::expand::bad_template",
    /// A sentence that yields no rule in any family.
    NothingLeft = Error "cgwfw::expand::nothing_left",
    /// A sentence that yields more rules than any kernel loads.
    TooManyRules = Error "cgwfw::expand::too_many_rules",
    /// An address set, which must exist before the rules are loaded.
    SetMatch = Warning "cgwfw::expand::set_match",
    /// A rate that holds for each of several rules.
    LimitMultiplied = Note "cgwfw::expand::limit_multiplied",
    /// A remark of the building block.
    Remark = Note "cgwfw::expand::remark",
    /// A sentence of one family.
    OneFamily = Note "cgwfw::policy::one_family",
    /// Ports cannot be seen in fragments.
    Fragments = Note "cgwfw::policy::fragments",
    /// LOG prints nothing from inside a pod.
    LogInPod = Note "cgwfw::policy::log_in_pod",
}

/// Choices that change the rules of a whole policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Puts each sentence into `-m comment` of its rules.
    pub rule_comments: bool,
}

/// More rules than one sentence may yield; far above what a kernel loads in reasonable time.
pub const MOST_RULES: usize = 1_000_000;

/// Makes the rules of both families. `texts` holds each sentence as the formatter writes it.
pub fn expand(
    policy: &Policy,
    ast: &Ast,
    library: &Library,
    texts: &[Box<str>],
    options: Options,
    diagnostics: &mut Diagnostics,
) -> [Ruleset; 2] {
    let mut shapes = shape::Shapes::default();
    let mut rulesets = Family::BOTH.map(Ruleset::new);
    for ruleset in &mut rulesets {
        defaults(policy, ruleset);
    }
    for statement in &policy.statements {
        match statement {
            Statement::Rules(rules) => raw::expand(rules, ast, &mut rulesets, diagnostics),
            Statement::Block(block) => {
                let span = ast.span(&ast.sentences[block.sentence as usize]);
                let comment = comment(block, texts, options);
                let mut groups = [None, None];
                let mut notes: Vec<&str> = Vec::new();
                for family in block.families.iter() {
                    let shape = match shapes.get(block, library, family) {
                        Ok(shape) => shape,
                        Err(fault) => {
                            let snippet = &library.snippets[usize::from(block.snippet)].folder;
                            diagnostics.push(ExpandError::BadTemplate.at(
                                span,
                                format!("the template of the building block `{snippet}` fails: {}", fault.message),
                                "used here",
                                fault.help.clone(),
                            ));
                            continue;
                        }
                    };
                    let snippet = &library.snippets[usize::from(block.snippet)];
                    let group = group::group(block, &snippet.signature, &shape.patterns, family, comment.as_deref());
                    notes.extend(&shape.notes);
                    match group {
                        Ok(group) => groups[family.index()] = Some(group),
                        Err(group::TooMany) => {
                            diagnostics.push(ExpandError::TooManyRules.at(
                                span,
                                format!("the sentence yields more than {MOST_RULES} rules"),
                                "every combination of its lists is one",
                                "use prefixes and ranges, or an address set in a `rules` block",
                            ));
                            break;
                        }
                    }
                }
                notes.dedup();
                remarks(block, library, &notes, span, &groups, diagnostics);
                let table = library.snippets[usize::from(block.snippet)].signature.table;
                for (ruleset, group) in rulesets.iter_mut().zip(groups) {
                    if let Some(group) = group {
                        group::merge(group, ruleset.table_or_new(table));
                    }
                }
            }
        }
    }
    for ruleset in &rulesets {
        verify(ruleset, ast, diagnostics);
    }
    rulesets
}

fn defaults(policy: &Policy, ruleset: &mut Ruleset) {
    if policy.defaults.iter().any(Option::is_some) {
        let table = ruleset.table_or_new(TableName::Filter);
        for (chain, default) in table.chains.iter_mut().zip(policy.defaults) {
            chain.policy = default;
        }
    }
}

/// The text of `-m comment` for a block's rules.
fn comment(block: &Block, texts: &[Box<str>], options: Options) -> Option<Box<str>> {
    if block.comment.is_some() || !options.rule_comments {
        return block.comment.clone();
    }
    let text = &texts[block.sentence as usize];
    Some(crate::format::cut(text, crate::iptables::check::MOST_COMMENT_BYTES).into())
}

/// What `check` says of a sentence beyond errors: one family, rates that multiply, the block's own notes.
fn remarks(
    block: &Block,
    library: &Library,
    notes: &[&str],
    span: Span,
    groups: &[Option<group::Group>; 2],
    diagnostics: &mut Diagnostics,
) {
    let rules = || groups.iter().flatten().flat_map(|group| &group.rules);
    let snippet = &library.snippets[usize::from(block.snippet)];
    if rules().next().is_none() && !diagnostics.has_errors() {
        diagnostics.push(ExpandError::NothingLeft.at(
            span,
            "the sentence yields no rule",
            "nothing is left of it in either family",
            "change the clause that excludes the rest, or remove the sentence",
        ));
    }
    let mut single = block.families.single();
    if single.is_none() {
        let empty = |family: Family| groups[family.index()].as_ref().is_none_or(|group| group.rules.is_empty());
        single = Family::BOTH.into_iter().find(|family| empty(family.other()));
    }
    let meant = block.only || snippet.signature.families.single().is_some();
    if let Some(family) = single.filter(|_| !meant) {
        let (family, other) = (family.name(), family.other().name());
        diagnostics.push(ExpandError::OneFamily.at(
            span,
            format!("{family} only: the {other} file gets no rule from this sentence"),
            format!("{family} only"),
            format!("if that is not meant, write a sentence for {other} as well"),
        ));
    }
    let limited = rules().filter(|rule| {
        rule.matches.iter().any(|m| matches!(m, Match::Limit(_) | Match::HashLimit(_)))
            && !matches!(rule.target, Target::Log(_) | Target::Nflog(_))
    });
    let count = limited.count();
    if count > 1 {
        diagnostics.push(ExpandError::LimitMultiplied.at(
            span,
            format!("the limit stands in {count} rules, each of which counts for itself"),
            format!("up to {count} times the rate in all"),
            "divide the rate, or write fewer rules: one direction, one family, one address",
        ));
    }
    if rules().any(|rule| matches!(rule.target, Target::Log(_))) {
        diagnostics.push(ExpandError::LogInPod.at(
            span,
            "LOG prints nothing from inside a pod: the kernel logs for the host's network namespace only",
            "logs nothing in a pod",
            "write `log \"…\" to group 1` and read it with `tcpdump -i nflog:1` or ulogd",
        ));
    }
    for note in notes {
        diagnostics.push(ExpandError::Remark.at(
            span,
            *note,
            "concerns this sentence",
            format!("see `cgwfw snippets {}`", snippet.folder),
        ));
    }
}

/// The rules of a whole ruleset, as the kernel would see them: what it refuses is reported at the sentence.
fn verify(ruleset: &Ruleset, ast: &Ast, diagnostics: &mut Diagnostics) {
    for (table, index, problem) in check::check_ruleset(ruleset) {
        let origin = ruleset.tables[table].rules[index].origin;
        let sentence = &ast.sentences[origin.sentence as usize];
        // Lines of `rules` blocks are checked where they stand.
        if sentence.body.is_some() && !matches!(problem.kind, check::Kind::Chain) {
            continue;
        }
        let span = raw::line_span(ast, sentence, origin.line).unwrap_or_else(|| ast.span(sentence));
        diagnostics.push(ExpandError::IllegalRule.at(
            span,
            format!("in {}: {}", ruleset.family.name(), problem.message),
            problem.label,
            problem.help,
        ));
    }
}
