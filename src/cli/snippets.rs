//! `cgwfw snippets`: the building blocks.
//! Input: the name of a block, or none. Output: every sentence; for one block its parameters and the rules of its examples.

use std::fmt::Write;
use std::path::Path;

use super::{Outcome, print};
use crate::compile::compile;
use crate::diagnostic::Severity;
use crate::expand::Options;
use crate::iptables::print::rule_line;
use crate::net::Family;
use crate::resolve::block::wanted;
use crate::resolve::suggest::did_you_mean;
use crate::snippet::library::{Library, Snippet};
use crate::snippet::readme;

#[derive(clap::Args)]
pub struct Arguments {
    /// The block: the name of its folder, or a sentence's words such as `allow ipsec`
    #[arg(value_name = "NAME")]
    name: Vec<String>,
    /// Print the table of all sentences as Markdown
    #[arg(long, conflicts_with = "name")]
    markdown: bool,
}

pub fn run(arguments: Arguments) -> Outcome {
    let library = Library::built_in();
    if arguments.markdown {
        return print(&markdown(&library));
    }
    if arguments.name.is_empty() {
        return print(&overview(&library));
    }
    let name = arguments.name.join(" ");
    let has_name = |snippet: &&Snippet| {
        snippet.folder == name || snippet.signature.forms.iter().any(|form| form.words.join(" ") == name)
    };
    match library.snippets.iter().find(has_name) {
        Some(snippet) => print(&details(snippet, &library)),
        None => {
            let sentences: Vec<String> =
                library.snippets.iter().flat_map(|s| &s.signature.forms).map(|form| form.words.join(" ")).collect();
            let folders = library.snippets.iter().map(|snippet| snippet.folder.as_str());
            let near = did_you_mean(&name, folders.chain(sentences.iter().map(String::as_str)));
            let help =
                near.map_or_else(|| "`cgwfw snippets` lists them".to_owned(), |near| format!("did you mean `{near}`?"));
            Outcome::Unusable(format!("there is no building block `{}`: {help}", crate::diagnostic::visible(&name)))
        }
    }
}

/// The sentences of a block, each with its clauses.
fn sentences(snippet: &Snippet) -> impl Iterator<Item = String> {
    snippet.signature.forms.iter().map(|form| format!("{} {}", form.words.join(" "), form.text).trim_end().to_owned())
}

fn overview(library: &Library) -> String {
    let mut out = String::new();
    for snippet in &library.snippets {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}: {}", snippet.folder, snippet.signature.summary);
        for sentence in sentences(snippet) {
            let _ = writeln!(out, "    {sentence}");
        }
    }
    out
}

fn markdown(library: &Library) -> String {
    let mut out = String::from("| sentence | what it does |\n|---|---|\n");
    for snippet in &library.snippets {
        let sentences: Vec<String> = sentences(snippet).map(|text| format!("`{}`", text.replace('|', "\\|"))).collect();
        let summary = &snippet.signature.summary;
        let _ = writeln!(out, "| {} | [{summary}](snippets/{}/README.md) |", sentences.join("<br>"), snippet.folder);
    }
    out
}

fn details(snippet: &Snippet, library: &Library) -> String {
    let signature = &snippet.signature;
    let mut out = format!("{}\n\n", signature.summary);
    for sentence in sentences(snippet) {
        let _ = writeln!(out, "    {sentence}");
    }
    out.push('\n');
    for parameter in &signature.parameters {
        let _ = write!(out, "  <{}>  {}; {}", parameter.name, wanted(&parameter.kind), parameter.text);
        if let Some(default) = &parameter.default {
            let _ = write!(out, " (default {default})");
        }
        out.push('\n');
    }
    for flag in &signature.flags {
        let _ = writeln!(out, "  {}  {}", flag.words.join(" "), flag.text);
    }
    for example in readme::examples(&snippet.readme) {
        let _ = write!(out, "\n{}\n\n", example.title);
        for line in example.policy.lines() {
            let _ = writeln!(out, "    {line}");
        }
        let _ = write!(out, "\n{}", yields(&example.policy, library));
    }
    out
}

/// The rules of an example, compiled now.
fn yields(policy: &str, library: &Library) -> String {
    let text = format!("default drop\n{policy}");
    let nothing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    let compilation = compile(Path::new("example"), &text, &nothing, library, Options::default());
    let mut out = String::new();
    for report in compilation.diagnostics.iter().filter(|report| report.severity == Severity::Error) {
        let _ = writeln!(out, "  error: {}", report.message);
    }
    for (family, ruleset) in Family::BOTH.into_iter().zip(&compilation.rulesets) {
        let mut none = true;
        for table in &ruleset.tables {
            for rule in &table.rules {
                let chain = &table.chains[usize::from(rule.chain.0)].name;
                let _ =
                    writeln!(out, "  {}  {:<7} {}", family.name(), table.name.name(), rule_line(chain, rule, family));
                none = false;
            }
        }
        if none && !compilation.diagnostics.has_errors() {
            let _ = writeln!(out, "  {}  no rule", family.name());
        }
    }
    out
}
