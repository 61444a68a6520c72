//! `cgwfw check`: what is wrong with a policy, and what each sentence yields.
//! Input: a policy. Output: diagnostics; with `-v` the rules by sentence and family.

use std::fmt::Write;

use super::report::{self, Format};
use super::{Outcome, PolicyArguments, input, print};
use crate::compile::Compilation;
use crate::diagnostic::{Severity, Style};
use crate::helm;
use crate::iptables::print::rule_line;
use crate::net::Family;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    policy: PolicyArguments,
    /// Show the notes, and the rules that each sentence yields in each family
    #[arg(short, long)]
    verbose: bool,
    /// How to write diagnostics
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

pub fn run(arguments: Arguments, style: Style) -> Outcome {
    let mut compilation = match input::compiled(&arguments.policy) {
        Ok(compilation) => compilation,
        Err(message) => return Outcome::Unusable(message),
    };
    helm::check(&mut compilation);
    let written = report::write(&compilation, arguments.format, arguments.verbose, style);
    if !matches!(written, Outcome::Fine) {
        return written;
    }
    if arguments.format == Format::Human {
        let mut text = String::new();
        if arguments.verbose && !compilation.diagnostics.has_errors() {
            text = by_sentence(&compilation);
        }
        text.push_str(&summary(&compilation, arguments.verbose));
        let printed = print(&text);
        if !matches!(printed, Outcome::Fine) {
            return printed;
        }
    }
    report::usable(&compilation, &arguments.policy)
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
        for (family, ruleset) in Family::BOTH.into_iter().zip(&compilation.rulesets) {
            let rules = ruleset.tables.iter().map(|table| table.rules.len()).sum();
            parts.push(count(rules, &format!("{} rule", family.name())));
        }
    }
    parts.join(", ") + "\n"
}

/// Each sentence with its rules: once where both families have the same.
fn by_sentence(compilation: &Compilation) -> String {
    let mut lines: [Vec<Vec<String>>; 2] = Family::BOTH.map(|_| vec![Vec::new(); compilation.ast.sentences.len()]);
    for (family, ruleset) in Family::BOTH.into_iter().zip(&compilation.rulesets) {
        for table in &ruleset.tables {
            for rule in &table.rules {
                let chain = &table.chains[usize::from(rule.chain.0)].name;
                let line = format!("{:<7} {}", table.name.name(), rule_line(chain, rule, family));
                lines[family.index()][rule.origin.sentence as usize].push(line);
            }
        }
    }
    let mut out = String::new();
    for (index, sentence) in compilation.ast.sentences.iter().enumerate() {
        let [v4, v6] = [&lines[0][index], &lines[1][index]];
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
