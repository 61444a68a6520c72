//! `cgwfw snippets`: the building blocks.
//! Input: the name of a block, or none. Output: every sentence; for one block its parameters and the rules of its examples.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::outcome::{Outcome, print};
use crate::diagnostic::{self, Severity, Style};
use crate::example::{self, Difference};
use crate::host::{self, Disk, SnippetFolders};
use crate::resolve::block::argument::wanted;
use crate::resolve::suggest::did_you_mean;
use crate::snippet::library::{Library, Snippet};
use crate::snippet::readme::{self, Example};

#[derive(clap::Args)]
pub struct Arguments {
    /// The block: the name of its folder, or a sentence's words such as `allow ipsec`
    #[arg(value_name = "NAME")]
    name: Vec<String>,
    /// Print the table of all sentences as Markdown
    #[arg(long, conflicts_with = "name")]
    markdown: bool,
    /// A folder of building blocks of your own; may be given several times
    #[arg(long, value_name = "DIR")]
    snippets: Vec<PathBuf>,
    /// Run the examples in the READMEs of the blocks in a folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["name", "markdown"])]
    test: Option<PathBuf>,
}

pub fn run(arguments: Arguments, style: Style) -> Outcome {
    let folders: Vec<PathBuf> = arguments.snippets.iter().chain(&arguments.test).cloned().collect();
    let library = match host::library(SnippetFolders { folders: &folders, files: &Disk }) {
        Ok(library) => library,
        Err(message) => return Outcome::Unusable(message),
    };
    if !library.reports.is_empty() {
        return faults(&library, style);
    }
    if arguments.test.is_some() {
        return test(&library);
    }
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

/// What is wrong with the blocks of the user.
fn faults(library: &Library, style: Style) -> Outcome {
    let text: String =
        library.reports.iter().map(|report| diagnostic::human(report, &library.sources, style) + "\n").collect();
    match io::stderr().write_all(text.as_bytes()) {
        Ok(()) | Err(_) => Outcome::Refused,
    }
}

/// Runs the examples of the user's blocks; 1 where one fails, or where a block has none.
fn test(library: &Library) -> Outcome {
    let mut out = String::new();
    let (mut passed, mut failed) = (0, 0);
    for snippet in library.snippets.iter().filter(|snippet| snippet.files.is_some()) {
        let examples = readme::examples(&snippet.readme);
        if examples.is_empty() {
            failed += 1;
            let _ = writeln!(out, "{}: the README has no example: it is the block's test", snippet.folder);
        }
        for case in examples {
            let compilation = example::compiled(&case, library);
            let place = format!("{}/README.md:{}: {}", snippet.folder, case.line, case.title);
            match example::differences(&case, &compilation) {
                Some(differences) if differences.is_empty() => passed += 1,
                None => {
                    failed += 1;
                    let _ = writeln!(out, "{place}: no fence says what it yields");
                }
                Some(differences) => {
                    failed += 1;
                    for Difference { language, expected, actual } in differences {
                        let _ = write!(out, "{place}\n  {language} expected:\n{expected}  {language} now:\n{actual}");
                    }
                }
            }
        }
    }
    let _ = writeln!(out, "{passed} passed, {failed} failed");
    match print(&out) {
        Outcome::Fine if failed > 0 => Outcome::Refused,
        outcome => outcome,
    }
}

/// The sentences of a block in short: those of a service are one.
fn in_short(snippet: &Snippet) -> Vec<String> {
    match &snippet.signature.forms[..] {
        [first, ..] if snippet.signature.is_service => {
            vec![format!("allow|drop|reject|log {} {}", first.words[1..].join(" "), first.text)]
        }
        _ => sentences(snippet).collect(),
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
        for sentence in in_short(snippet) {
            let _ = writeln!(out, "    {sentence}");
        }
    }
    out
}

fn markdown(library: &Library) -> String {
    let mut out = String::from("| sentence | what it does |\n|---|---|\n");
    for snippet in &library.snippets {
        let sentences: Vec<String> =
            in_short(snippet).iter().map(|text| format!("`{}`", text.replace('|', "\\|"))).collect();
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
        let _ = write!(out, "\n{}", yields(&example, library));
    }
    out
}

/// The rules of an example, compiled now.
fn yields(case: &Example, library: &Library) -> String {
    let compilation = example::compiled(case, library);
    let mut out = String::new();
    for report in compilation.diagnostics.iter().filter(|report| report.severity == Severity::Error) {
        let _ = writeln!(out, "  error: {}", report.message);
    }
    if compilation.diagnostics.has_errors() {
        return out;
    }
    for (family, ruleset) in compilation.rulesets.pairs() {
        let rules = example::fence(ruleset);
        for line in if rules.is_empty() { "no rule" } else { &rules }.lines() {
            let _ = writeln!(out, "  {}  {line}", family.name());
        }
    }
    out
}
