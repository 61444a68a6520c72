//! The policies of a folder that are none of another one's parts.
//! Input: the files of the folder. Output: the policies that no other one there includes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::FileTree;
use crate::diagnostic::Diagnostics;
use crate::language;
use crate::source::Sources;
use crate::syntax;

/// The policies that none of the others includes, at once or through further files, in their order.
pub fn whole_policies(policies: &[PathBuf], files: &dyn FileTree) -> Vec<PathBuf> {
    let included: BTreeSet<PathBuf> = policies.iter().flat_map(|policy| included(policy, files)).collect();
    policies.iter().filter(|policy| !included.contains(&syntax::normal(policy))).cloned().collect()
}

/// What a policy includes. One that cannot be read includes nothing: whoever compiles it says why.
fn included(policy: &Path, files: &dyn FileTree) -> Vec<PathBuf> {
    let Ok(text) = files.text(policy) else { return Vec::new() };
    let (read, mut ignored) = (|path: &Path| files.text(path), Diagnostics::default());
    let ast = syntax::parse(policy, &text, Sources::default(), &read, &language::is_core_verb, &mut ignored);
    let others = ast.sources.iter().filter(|(id, _)| *id != ast.root);
    others.map(|(_, source)| PathBuf::from(&source.name)).collect()
}
