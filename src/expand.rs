//! `Policy` to rules: fills each snippet's shape with a sentence's values, stamps origins, merges chains.
//! Input: a policy and the library. Output: one ruleset per family; what a rule cannot be is reported at its sentence.

pub mod chain_name;
pub mod codes;
pub mod dimension;
pub mod fill;
pub mod group;
pub mod legs;
pub mod line;
pub mod merge;
pub mod names;
pub mod raw;
pub mod shape;
pub mod template;

use std::collections::{HashMap, HashSet};

use smallvec::SmallVec;

use self::codes::ExpandError;
use self::fill::is_rate;
use self::group::{Group, GroupFault};
use self::template::TemplateFault;
use crate::diagnostic::{Diagnostics, Fix, Report};
use crate::iptables::check;
use crate::iptables::ruleset::{Rule, Ruleset, Table, TableName, Target};
use crate::net::{Both, Family};
use crate::parallel;
use crate::policy::{Block, InterfaceDeclaration, Policy, Statement, Traffic};
use crate::snippet::library::{Library, Snippet, SnippetError};
use crate::source::Span;
use crate::syntax::Ast;

/// Choices that change the rules of a whole policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompileOptions {
    /// Puts each sentence into `-m comment` of its rules.
    pub rule_comments: bool,
    /// Makes notes as well: they cost a tenth of the time, and nobody reads them when rules are built.
    pub notes: bool,
}

/// Makes the rules of both families, each in a thread of its own where there are many.
pub fn expand(
    policy: &Policy,
    declared: &[InterfaceDeclaration],
    ast: &Ast,
    library: &Library,
    options: CompileOptions,
    diagnostics: &mut Diagnostics,
) -> Both<Ruleset> {
    let source = Source { policy, declared, ast, library, options };
    let apart = ast.sentences.len() >= parallel::WORTH_A_THREAD;
    let (v4, v6) = parallel::join(apart, || expand_family(&source, Family::V4), || expand_family(&source, Family::V6));
    let blocks = policy.statements.iter().filter_map(|statement| match statement {
        Statement::Block(block) => Some(block),
        Statement::Rules(_) => None,
    });
    for ((block, v4), v6) in blocks.zip(&v4.yields).zip(&v6.yields) {
        remarks(block, library, ast, Both { v4, v6 }, options.notes, diagnostics);
    }
    refusals(&v4.refused, &v6.refused, diagnostics);
    Both { v4, v6 }.map(|expansion| {
        expansion.reports.into_iter().for_each(|report| diagnostics.push(report));
        expansion.ruleset
    })
}

/// What all rules are made from.
struct Source<'a> {
    policy: &'a Policy,
    declared: &'a [InterfaceDeclaration],
    ast: &'a Ast,
    library: &'a Library,
    options: CompileOptions,
}

/// The rules of one family, and what is to be said of them.
struct Expansion<'a> {
    ruleset: Ruleset,
    /// For each block, in order.
    yields: Vec<Yield<'a>>,
    reports: Vec<Report>,
    /// Rules that the kernel refuses.
    refused: Vec<Refusal>,
    /// The chains of each table.
    chains: HashMap<TableName, merge::ChainIndex>,
    /// What was said of building blocks: once is enough for all their sentences.
    said: HashSet<String>,
}

/// What a sentence yields in one family.
#[derive(Default)]
struct Yield<'a> {
    /// Whether it failed, and was reported.
    failed: bool,
    rules: usize,
    /// The rules that decide, and have a rate.
    limited: usize,
    /// Whether a rule has the target LOG.
    logs: bool,
    notes: Vec<&'a str>,
}

fn expand_family<'a>(source: &Source<'a>, family: Family) -> Expansion<'a> {
    let mut shapes = shape::Shapes::default();
    let mut expansion = Expansion {
        ruleset: Ruleset::new(family),
        yields: Vec::with_capacity(source.policy.statements.len()),
        reports: Vec::new(),
        refused: Vec::new(),
        chains: HashMap::new(),
        said: HashSet::new(),
    };
    defaults(source.policy, &mut expansion.ruleset);
    for statement in &source.policy.statements {
        match statement {
            Statement::Rules(rules) => {
                raw::expand(rules, source.declared, source.ast, &mut expansion.ruleset, &mut expansion.reports);
                // The block may have chains of its own.
                expansion.chains.remove(&rules.table);
            }
            Statement::Block(block) => {
                let yields = expand_block(block, source, &mut shapes, &mut expansion);
                expansion.yields.push(yields);
            }
        }
    }
    expansion.ruleset.tables.iter_mut().for_each(Table::resolve_calls);
    verify(source, &mut expansion);
    expansion
}

fn expand_block<'a>(
    block: &Block,
    source: &Source<'a>,
    shapes: &mut shape::Shapes<'a>,
    expansion: &mut Expansion,
) -> Yield<'a> {
    let family = expansion.ruleset.family;
    if !block.families.has(family) {
        return Yield::default();
    }
    let failed = Yield { failed: true, ..Yield::default() };
    let span = || source.ast.span(&source.ast.sentences[block.sentence as usize]);
    let snippet = &source.library.snippets[usize::from(block.snippet)];
    let shape = match shapes.get(block, source.library, family) {
        Ok(shape) => shape,
        Err(fault) => {
            template_fails(source, expansion, (snippet, span()), fault);
            return failed;
        }
    };
    if let Some(Traffic { source_set: Some(_), .. } | Traffic { destination_set: Some(_), .. }) =
        block.traffic.as_deref()
    {
        expansion.reports.push(raw::set_match(span()));
    }
    let comment = comment(block, source.ast, source.options);
    let groups = shape.tables.iter().map(|(table, patterns)| {
        Ok((*table, group::group(block, &snippet.signature, patterns, family, comment.as_deref())?))
    });
    let groups = match groups.collect::<Result<SmallVec<[(TableName, Group); 1]>, GroupFault>>() {
        Ok(groups) => groups,
        Err(GroupFault::TooMany) => {
            expansion.reports.push(ExpandError::TooManyRules.at(
                span(),
                format!("the sentence yields more than {} rules", group::MAX_RULES),
                "every combination of its lists is one",
                "use prefixes and ranges, or an address set in a `rules` block",
            ));
            return failed;
        }
        Err(GroupFault::Twice { line, option }) => {
            let fault = TemplateFault {
                line,
                message: format!("a rule has a `{option}` of its own, and the traffic of the sentence another"),
                help: "leave one of them out: `{{ carried }}` has neither addresses nor interfaces, and `clauses` of \
                       [traffic] say what sentences may have"
                    .into(),
            };
            template_fails(source, expansion, (snippet, span()), &fault);
            return failed;
        }
    };
    let is_log = |rule: &&Rule| matches!(rule.target, Target::Log(_) | Target::Nflog(_));
    // A twin is beside what decides: there is none where nothing does, and where the sentence itself logs.
    let rules = || groups.iter().flat_map(|(_, group)| &group.rules);
    let (count, twins) = (rules().count(), rules().filter(is_log).count());
    if block.log.is_some() && count > 0 && (twins == 0 || twins == count) {
        expansion.reports.push(ExpandError::NothingLeft.at(
            span(),
            "`log` has nothing to log",
            "no rule of this sentence decides about a packet",
            "remove the `log`",
        ));
        return failed;
    }
    let limited = rules().filter(|rule| !is_log(rule) && rule.matches.iter().any(is_rate)).count();
    let yields = Yield {
        failed: false,
        rules: count,
        limited,
        logs: rules().any(|rule| matches!(rule.target, Target::Log(_))),
        notes: shape.notes.clone(),
    };
    for (name, group) in groups {
        let table = expansion.ruleset.table_or_new(name);
        if table.rules.is_empty() {
            // Most policies have fewer; what is not used costs nothing, and growing would copy them again and again.
            table.rules.reserve(4 * source.policy.statements.len());
        }
        merge::merge(group, table, expansion.chains.entry(name).or_default());
    }
    yields
}

/// Reports a template that fails, once for each reason: in the template of a user's own block, else at the sentence.
fn template_fails(
    source: &Source,
    expansion: &mut Expansion,
    (snippet, span): (&Snippet, Span),
    fault: &TemplateFault,
) {
    let message = format!("the template of the building block `{}` fails: {}", snippet.folder, fault.message);
    if expansion.said.insert(message.clone()) {
        let at = template_line(snippet, source.library, fault.line).unwrap_or(span);
        let report = SnippetError::BadTemplate.at(at, message, "here", fault.help.clone());
        expansion.reports.push(if at == span { report } else { report.also(span, "used here") });
    }
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
fn comment(block: &Block, ast: &Ast, options: CompileOptions) -> Option<Box<str>> {
    if block.comment.is_some() || !options.rule_comments {
        return block.comment.clone();
    }
    let mut text = String::new();
    crate::format::comment(ast, &ast.sentences[block.sentence as usize], &mut text);
    Some(text.into())
}

/// What `check` says of a sentence beyond errors: one family, rates that multiply, the block's own notes.
fn remarks(
    block: &Block,
    library: &Library,
    ast: &Ast,
    yields: Both<&Yield>,
    notes: bool,
    diagnostics: &mut Diagnostics,
) {
    if yields.iter().any(|yields| yields.failed) {
        return;
    }
    let span = || ast.span(&ast.sentences[block.sentence as usize]);
    let snippet = &library.snippets[usize::from(block.snippet)];
    if yields.iter().all(|yields| yields.rules == 0) {
        diagnostics.push(ExpandError::NothingLeft.at(
            span(),
            "the sentence yields no rule",
            "nothing is left of it in either family",
            "change the clause that excludes the rest, or remove the sentence",
        ));
        return;
    }
    if !notes {
        return;
    }
    let meant = block.only || snippet.signature.families.single().is_some();
    let single = Family::BOTH.into_iter().find(|family| yields[family.other()].rules == 0);
    if let Some(family) = single.filter(|_| !meant) {
        let (single, family, other) = (family, family.name(), family.other().name());
        let report = ExpandError::OneFamily.at(
            span(),
            format!("{family} only: the {other} file gets no rule from this sentence"),
            format!("{family} only"),
            format!("if that is not meant, write a sentence for {other} as well"),
        );
        diagnostics.push(report.fix(Fix::Add(format!("only {}", single.keyword()))));
    }
    let limited: usize = yields.iter().map(|yields| yields.limited).sum();
    if limited > 1 {
        diagnostics.push(ExpandError::LimitMultiplied.at(
            span(),
            format!("the limit is in {limited} rules, each of which counts for itself"),
            format!("up to {limited} times the rate in all"),
            "divide the rate, or write fewer rules: one direction, one family, one address",
        ));
    }
    if yields.iter().any(|yields| yields.logs) {
        diagnostics.push(ExpandError::LogInPod.at(
            span(),
            "LOG prints nothing from inside a pod: the kernel logs for the host's network namespace only",
            "logs nothing in a pod",
            "write `log \"…\" to group 1` and read it with `tcpdump -i nflog:1` or ulogd",
        ));
    }
    let Both { v4, v6 } = yields.map(|yields| &yields.notes);
    for note in v4.iter().chain(v6.iter().filter(|note| !v4.contains(note))) {
        let help = format!("see `cgwfw snippets {}`", snippet.folder);
        diagnostics.push(ExpandError::Remark.at(span(), *note, "concerns this sentence", help));
    }
}

/// The place of a line, counted from 1, in the template of a user's own block.
fn template_line(snippet: &Snippet, library: &Library, line: u32) -> Option<Span> {
    let source = snippet.files?.template;
    let (text, lines) = (&library.sources.get(source).text, library.sources.get(source).lines());
    let index = line.max(1) as usize - 1;
    let (start, end) = (lines.start(index, text), lines.start(index + 1, text));
    let shown = text[start..end].trim();
    let start = start + (text[start..end].len() - text[start..end].trim_start().len());
    Some(Span::new(source, start, start + shown.len()))
}

/// The rules of a whole ruleset, as the kernel would see them: what it refuses is reported at the sentence, or in the
/// template of a user's own block.
fn verify(source: &Source, expansion: &mut Expansion) {
    let ruleset = &expansion.ruleset;
    for (table, index, problem) in check::check_ruleset(ruleset) {
        let Some(origin) = ruleset.tables[table].rules[index].origins.first() else { continue };
        let sentence = &source.ast.sentences[origin.sentence as usize];
        // Lines of `rules` blocks are checked where they are.
        if sentence.body.is_some() && !matches!(problem.kind, check::Kind::Chain) {
            continue;
        }
        let span = line::line_span(source.ast, sentence, origin.line).unwrap_or_else(|| source.ast.span(sentence));
        let block = source.policy.statements.iter().find_map(|statement| match statement {
            Statement::Block(block) if block.sentence == origin.sentence => Some(block),
            _ => None,
        });
        let snippet = block.map(|block| &source.library.snippets[usize::from(block.snippet)]);
        let template = snippet.and_then(|snippet| template_line(snippet, source.library, origin.line));
        let at = template.unwrap_or(span);
        // A template is refused once, whatever number of sentences use it.
        let again =
            template.is_some() && expansion.refused.iter().any(|other| other.at == at && other.problem == problem);
        if !again {
            expansion.refused.push(Refusal { at, used: template.map(|_| span), problem });
        }
    }
}

/// A rule that the kernel refuses.
struct Refusal {
    /// The sentence, the line of its `rules` block, or the line of the template of a user's own block.
    at: Span,
    /// The sentence, where a template is at fault.
    used: Option<Span>,
    problem: check::Problem,
}

/// Reports what the kernel refuses: once where it is the same in both families.
fn refusals(v4: &[Refusal], v6: &[Refusal], diagnostics: &mut Diagnostics) {
    let same = |one: &Refusal, other: &Refusal| one.at == other.at && one.problem.message == other.problem.message;
    let mut push = |refusal: &Refusal, families: &str| {
        let Refusal { at, used, problem } = refusal;
        let message = format!("in {families}: {}", problem.message);
        let report = match used {
            Some(used) => {
                SnippetError::RefusedRule.at(*at, message, &problem.label, &problem.help).also(*used, "used here")
            }
            None => ExpandError::IllegalRule.at(*at, message, &problem.label, &problem.help),
        };
        diagnostics.push(report);
    };
    for refusal in v4 {
        let both = v6.iter().any(|other| same(refusal, other));
        push(refusal, if both { "IPv4 and IPv6" } else { "IPv4" });
    }
    v6.iter().filter(|refusal| !v4.iter().any(|other| same(refusal, other))).for_each(|refusal| push(refusal, "IPv6"));
}
