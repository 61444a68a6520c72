//! Folders of building blocks that are open in an editor.
//! Input: the folder of a `snippet.toml` or a `rules.j2`. Output: what is wrong in their files, by themselves and in their examples.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::diagnostics::by_file;
use super::protocol::{Diagnostic, path_of};
use crate::diagnostic::Report;
use crate::example;
use crate::host::{self, FileTree};
use crate::snippet::library::Library;
use crate::snippet::readme;
use crate::source::Sources;

/// The files of a building block that a policy depends on.
pub const FILES: [&str; 2] = ["snippet.toml", "rules.j2"];

/// Whether a file belongs to a building block.
pub fn is_block_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| FILES.iter().any(|file| name == *file))
}

/// What is wrong in the files of a building block.
pub fn check(folder: &Path, files: &dyn FileTree) -> BTreeMap<PathBuf, Vec<Diagnostic>> {
    let Ok(Some(block)) = host::block(folder, files) else { return BTreeMap::new() };
    let examples = readme::examples(&block.readme);
    let mut library = Library::built_in_but(&block);
    library.add_own(block);
    let mut found: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
    let mut add = |sources: &Sources, reports: &mut dyn Iterator<Item = &Report>| {
        let own = reports.filter(|report| path_of(sources.get(report.label.span.source)).starts_with(folder));
        for (file, diagnostics) in by_file(sources, own) {
            let known = found.entry(file).or_default();
            for diagnostic in diagnostics {
                if !known.iter().any(|other| other.range == diagnostic.range && other.message == diagnostic.message) {
                    known.push(diagnostic);
                }
            }
        }
    };
    add(&library.sources, &mut library.reports.iter());
    for example in &examples {
        let compilation = example::compiled(example, &library);
        add(&compilation.ast.sources, &mut compilation.diagnostics.iter());
    }
    found
}
