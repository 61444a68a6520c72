//! The ways out that reports offer are ways out: what an editor changes takes the report away, and brings no other one.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use crate::support;
use cgwfw::diagnostic::Severity;
use cgwfw::expand::CompileOptions;
use cgwfw::explain;
use cgwfw::host::{Compiled, FileTree, FolderEntry, SnippetFolders, compiled_text};
use cgwfw::lsp::actions::{FIX_ALL, actions};
use cgwfw::lsp::protocol::{CodeAction, CodeActionKind, Position, Range, path, uri};
use cgwfw::lsp::view::View;
use cgwfw::snippet::readme::{Example, examples};

const POLICY: &str = "/policy.cgwfw";

/// No file is beside the policy.
struct Alone;

impl FileTree for Alone {
    fn bytes(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn entries(&self, _: &Path) -> io::Result<Vec<FolderEntry>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn compile(text: &str) -> Compiled {
    let snippets = SnippetFolders { folders: &[], files: &Alone };
    let options = CompileOptions { notes: true, ..CompileOptions::default() };
    compiled_text(Path::new(POLICY), text, snippets, options, &Alone).expect("a policy")
}

/// The policies of all cases that are files of their own, with what they leave out.
fn policies() -> Vec<(String, String)> {
    let alone = |case: &Example| !case.expected.iter().any(|(fence, _)| fence.contains(' '));
    let of_file = |file: std::path::PathBuf| {
        let text = std::fs::read_to_string(&file).expect("a case file");
        let name = file.display().to_string();
        let cases = examples(&text).into_iter().filter(alone);
        // A case may leave the default out; without one its absence is a mistake of its own.
        let whole = |policy: &str| match policy.lines().any(|line| line.starts_with("default")) {
            true => policy.to_owned(),
            false => format!("default drop\n{policy}"),
        };
        cases.map(|case| (format!("{name}:{}", case.line), whole(&case.policy))).collect::<Vec<_>>()
    };
    support::case_files().into_iter().flat_map(of_file).collect()
}

/// What reports there are, and how many of each.
fn reports(compiled: &Compiled) -> BTreeMap<(&'static str, String), usize> {
    let mut found = BTreeMap::new();
    for report in compiled.compilation.diagnostics.iter() {
        *found.entry((report.code, report.message.clone())).or_default() += 1;
    }
    found
}

/// How the prose of a code says why its way out is the author's choice. All others offer one somewhere in the cases.
const UNDECIDED: &str = "No way out is offered: ";

/// What may be said of the corrected text: that its file is not there, its lint unknown, its default a second one.
const FURTHER: [&str; 3] =
    ["cgwfw::syntax::include_unreadable", "cgwfw::resolve::unknown_lint", "cgwfw::resolve::default_twice"];

fn errors(compiled: &Compiled) -> usize {
    let reports = compiled.compilation.diagnostics.iter();
    reports.filter(|report| report.severity == Severity::Error && !FURTHER.contains(&report.code)).count()
}

/// All actions for a policy.
fn offered(compiled: &Compiled) -> Vec<CodeAction> {
    let (file, source) = compiled.compilation.ast.sources.iter().next().expect("the policy");
    assert_eq!(source.name, POLICY);
    let view = View::new(compiled, file, None);
    let whole = Range { start: Position::default(), end: Position { line: u32::MAX, character: 0 } };
    actions(&view, &uri(Path::new(POLICY)).expect("an address"), whole, &[], None)
}

/// The text as an action makes it.
fn changed(compiled: &Compiled, text: &str, action: &CodeAction) -> String {
    let (_, source) = compiled.compilation.ast.sources.iter().next().expect("the policy");
    #[expect(clippy::mutable_key_type, reason = "the address is never changed")]
    let changes = action.edit.as_ref().and_then(|edit| edit.changes.as_ref()).expect("changes");
    let (address, edits) = changes.iter().next().expect("one file");
    assert_eq!(path(address), Path::new(POLICY));
    let at = |place| cgwfw::lsp::protocol::offset(source, place);
    let mut edits: Vec<_> =
        edits.iter().map(|edit| (at(edit.range.start)..at(edit.range.end), &edit.new_text)).collect();
    edits.sort_by_key(|(range, _)| range.start);
    let mut text = text.to_owned();
    edits.into_iter().rev().for_each(|(range, new)| text.replace_range(range, new));
    text
}

#[test]
fn a_way_out_takes_its_report_away() {
    let mut wrong = Vec::new();
    let (mut with, mut all) = (BTreeSet::new(), BTreeSet::new());
    for (place, policy) in policies() {
        let before = compile(&policy);
        all.extend(before.compilation.diagnostics.iter().map(|report| report.code));
        for action in offered(&before).iter().filter(|action| action.kind == Some(CodeActionKind::QUICKFIX)) {
            let diagnostic = &action.diagnostics.as_ref().expect("its report")[0];
            let report = before
                .compilation
                .diagnostics
                .iter()
                .find(|report| diagnostic.message.starts_with(&format!("{}: {}", report.message, report.label.text)))
                .expect("a report of the policy");
            with.insert(report.code);
            let new = changed(&before, &policy, action);
            let after = compile(&new);
            let key = (report.code, report.message.clone());
            let count = |found: &Compiled| reports(found).get(&key).copied().unwrap_or_default();
            if count(&after) >= count(&before) {
                wrong.push(format!("{place}: `{}` leaves `{}`\n{new}", action.title, report.message));
            }
            if errors(&after)
                >= errors(&before) + usize::from(report.severity != Severity::Error || FURTHER.contains(&report.code))
            {
                let new_ones: Vec<_> =
                    reports(&after).into_keys().filter(|key| !reports(&before).contains_key(key)).collect();
                wrong.push(format!("{place}: `{}` brings {new_ones:?}\n{new}", action.title));
            }
        }
    }
    let is_said = |code: &&&str| explain::find(code).is_some_and(|known| known.prose().contains(UNDECIDED));
    let silent: Vec<_> = all.difference(&with).filter(|code| !is_said(code)).collect();
    assert!(silent.is_empty(), "no way out, and no word why in their cases (`{UNDECIDED}…`): {silent:?}");
    let needless: Vec<_> = with.iter().filter(|code| is_said(code)).collect();
    assert!(needless.is_empty(), "they offer a way out, and say that they do not: {needless:?}");
    assert!(wrong.is_empty(), "{} of them\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn all_ways_out_together_leave_fewer_reports() {
    for (place, policy) in policies() {
        let before = compile(&policy);
        let Some(action) = offered(&before).into_iter().find(|action| action.kind == Some(FIX_ALL)) else { continue };
        let after = compile(&changed(&before, &policy, &action));
        // An error that is gone may leave a warning; notes are about rules, which only a policy without errors has.
        let [warnings, warnings_after] =
            [&before, &after].map(|found| found.compilation.diagnostics.count(Severity::Warning));
        let was = (before.compilation.diagnostics.count(Severity::Error), warnings);
        assert!((errors(&after), warnings_after) < was, "{place}: {}", action.title);
    }
}
