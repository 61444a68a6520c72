//! `cgwfw check`: what is wrong with a policy, and what each sentence yields.
//! Input: a policy. Output: diagnostics; with `-v` the rules by sentence and family.

use std::fmt::Write;
use std::path::PathBuf;

use super::options::PolicyOptions;
use super::outcome::{Outcome, print};
use super::report::{self, Format};
use super::watch;
use crate::compile::Compilation;
use crate::diagnostic::{Severity, Style};
use crate::expect;
use crate::helm;
use crate::iptables::print::rule_line;
use crate::net::Both;

#[derive(clap::Args)]
pub struct Arguments {
    /// The policies; `-` reads standard input
    #[arg(value_name = "POLICY", required = true)]
    policies: Vec<PathBuf>,
    #[command(flatten)]
    options: PolicyOptions,
    /// Show the notes, and the rules that each sentence yields in each family
    #[arg(short, long)]
    verbose: bool,
    /// How to write diagnostics
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Check again whenever a file changes
    #[arg(long)]
    watch: bool,
}

pub fn run(arguments: Arguments, style: Style) -> Outcome {
    if arguments.watch {
        return watch::watch(&arguments.policies, |seen| check(&arguments, style, seen));
    }
    check(&arguments, style, &mut Vec::new())
}

/// Checks every policy; notes in `seen` the files that were read.
fn check(arguments: &Arguments, style: Style, seen: &mut Vec<PathBuf>) -> Outcome {
    let mut outcome = Outcome::Fine;
    let mut compilations = Vec::new();
    for policy in &arguments.policies {
        match arguments.options.compiled(policy, true) {
            Ok(mut compiled) => {
                helm::check(&mut compiled.compilation);
                expectations(&mut compiled.compilation);
                watch::note_files(&compiled.compilation, seen);
                compilations.push(compiled.compilation);
            }
            Err(message) => outcome = outcome.and(Outcome::Unusable(message)),
        }
    }
    outcome = outcome.and(report::write(&compilations, arguments.format, arguments.verbose, style));
    for compilation in &compilations {
        outcome = outcome.and(report::usable(compilation, &arguments.options));
    }
    if arguments.format == Format::Human {
        let many = arguments.policies.len() > 1;
        let texts = compilations.iter().map(|compilation| {
            let rules = arguments.verbose && !compilation.diagnostics.has_errors();
            let rules = if rules { by_sentence(compilation) } else { String::new() };
            let name = &compilation.ast.sources.get(compilation.ast.root).name;
            let name = if many { format!("{name}: ") } else { String::new() };
            format!("{rules}{name}{}", summary(compilation, arguments.verbose))
        });
        outcome = outcome.and(print(&texts.collect::<String>()));
    }
    outcome
}

/// Decides the expectations of a policy that compiles.
fn expectations(compilation: &mut Compilation) {
    if compilation.diagnostics.has_errors() {
        return;
    }
    let broken: Vec<_> = expect::check(compilation).filter_map(|checked| checked.report).collect();
    broken.into_iter().for_each(|report| compilation.diagnostics.push(report));
    compilation.diagnostics.sort();
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn summary(compilation: &Compilation, verbose: bool) -> String {
    let diagnostics = &compilation.diagnostics;
    let mut parts = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let number = diagnostics.count(severity);
        let hidden = severity == Severity::Note && !verbose;
        if number > 0 {
            parts.push(count(number, severity.name()) + if hidden { " (shown with -v)" } else { "" });
        }
    }
    if !diagnostics.has_errors() {
        for (family, ruleset) in compilation.rulesets.pairs() {
            let rules = ruleset.tables.iter().map(|table| table.rules.len()).sum();
            parts.push(count(rules, &format!("{} rule", family.name())));
        }
    }
    parts.join(", ") + "\n"
}

/// Each sentence with its rules: once where both families have the same.
fn by_sentence(compilation: &Compilation) -> String {
    let mut lines = Both::same(vec![Vec::<String>::new(); compilation.ast.sentences.len()]);
    for (family, ruleset) in compilation.rulesets.pairs() {
        for table in &ruleset.tables {
            for rule in &table.rules {
                let line = format!("{:<7} {}", table.name.name(), rule_line(table, rule, family));
                rule.origins.iter().for_each(|origin| lines[family][origin.sentence as usize].push(line.clone()));
            }
        }
    }
    let mut out = String::new();
    for (index, sentence) in compilation.ast.sentences.iter().enumerate() {
        let (v4, v6) = (&lines.v4[index], &lines.v6[index]);
        if v4.is_empty() && v6.is_empty() {
            continue;
        }
        let span = compilation.ast.span(sentence);
        let (line, _) = compilation.ast.sources.position(span);
        let name = &compilation.ast.sources.get(span.source).name;
        let text = crate::format::sentence(&compilation.ast, sentence);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name}:{line}: {text}");
        let groups = if v4 == v6 { vec![("both", v4)] } else { vec![("IPv4", v4), ("IPv6", v6)] };
        for (family, rules) in groups {
            if rules.is_empty() {
                let _ = writeln!(out, "  {family}  no rule");
            }
            for rule in rules {
                let _ = writeln!(out, "  {family}  {rule}");
            }
        }
        out.push('\n');
    }
    out
}
