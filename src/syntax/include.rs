//! `include "PATH"`: reads another file in place.
//! Input: the include sentence. Output: the sentences of the included file, or a report.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::ast::{Ast, Sentence, TokenKind, string_value};
use super::codes::SyntaxError;
use crate::diagnostic::{Diagnostics, Fix, Report};
use crate::source::SourceId;

/// The files that are open, outermost first, and how many were read in all.
pub struct Includes {
    open: Vec<PathBuf>,
    read: usize,
    texts: BTreeMap<PathBuf, std::sync::Arc<str>>,
}

/// Far above any policy that a person keeps; below what fills the memory.
const MAX_FILES: usize = 2_000;
const MAX_DEPTH: usize = 64;

impl Includes {
    /// Only the policy itself is open.
    pub fn new(root: &Path) -> Includes {
        Includes { open: vec![normal(root)], read: 0, texts: BTreeMap::new() }
    }

    /// Closes the file that was opened last.
    pub fn close(&mut self) {
        self.open.pop();
    }
}

/// Reads the file that an `include` sentence names, relative to the file `path` in which it is. Gives it, open: its
/// sentences are parsed next.
pub fn open(
    ast: &mut Ast,
    sentence: &Sentence,
    path: &Path,
    read: &dyn Fn(&Path) -> io::Result<String>,
    includes: &mut Includes,
    diagnostics: &mut Diagnostics,
) -> Option<(SourceId, PathBuf)> {
    let span = ast.span(sentence);
    let &[_, name] = ast.tokens(sentence) else {
        diagnostics.push(form(span));
        return None;
    };
    let name_span = name.span(sentence.source);
    let value = string_value(ast.sources.text(name_span));
    if name.kind != TokenKind::String || value.is_empty() {
        let written = ast.sources.text(name_span);
        let quoted = (name.kind == TokenKind::Word).then(|| Fix::Replace(name_span, format!("\"{written}\"")));
        diagnostics.push(quoted.into_iter().fold(form(span), Report::fix));
        return None;
    }
    let target = normal(&path.parent().unwrap_or(Path::new("")).join(&value));
    if includes.open.contains(&target) {
        diagnostics.push(SyntaxError::IncludeCycle.at(
            name_span,
            format!("`{value}` includes itself"),
            "this file is already being read",
            "remove one of the includes; what both files need goes into a third",
        ));
        return None;
    }
    if includes.read >= MAX_FILES || includes.open.len() >= MAX_DEPTH {
        // Said once: a file that includes a hundred others a hundred deep is one mistake.
        if includes.read != usize::MAX {
            diagnostics.push(SyntaxError::TooManyIncludes.at(
                name_span,
                format!("more than {MAX_FILES} includes, or more than {MAX_DEPTH} inside each other"),
                "this one is not read, nor is any after it",
                "put the sentences of the small files together",
            ));
        }
        includes.read = usize::MAX;
        return None;
    }
    includes.read += 1;
    let text = match includes.texts.get(&target) {
        Some(text) => text.clone(),
        None => match read(&target) {
            Ok(text) => {
                let text: std::sync::Arc<str> = text.into();
                includes.texts.insert(target.clone(), text.clone());
                text
            }
            Err(error) => {
                diagnostics.push(SyntaxError::IncludeUnreadable.at(
                    name_span,
                    format!("`{value}` cannot be read: {}", reason(&error)),
                    "named here",
                    "the path is relative to the file that this sentence is in",
                ));
                return None;
            }
        },
    };
    let source: SourceId = ast.sources.add(target.display().to_string(), text, Some(span));
    includes.open.push(target.clone());
    Some((source, target))
}

fn form(span: crate::source::Span) -> Report {
    SyntaxError::IncludeForm.at(
        span,
        "`include` takes one file name",
        "no single name in quotes",
        "write `include \"sites/berlin.cgwfw\"`",
    )
}

/// The error in words that are the same on every machine.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::InvalidData => "it is not UTF-8".into(),
        io::ErrorKind::IsADirectory => "it is a directory".into(),
        io::ErrorKind::Other => error.to_string(),
        kind => kind.to_string(),
    }
}

/// The path without `.` and, where a name comes before it, without `..`: as far as its text says.
pub fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
