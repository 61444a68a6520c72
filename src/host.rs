//! Policies and building blocks from the disk, from standard input, from an editor, and from revisions of git.
//! Input: a path, or `-`. Output: a `Compilation`, or the reason why there is nothing to compile.

mod files;
mod folder;
mod revision;

use std::io;
use std::path::{Path, PathBuf};

pub use self::files::{Disk, FileTree, FolderEntry};
pub use self::folder::whole_policies;
pub use self::revision::{Revision, RevisionFault};
use crate::compile::{Compilation, compile};
use crate::expand::CompileOptions;
use crate::lint;
use crate::snippet::library::{Folder, Library};

/// The name that standard input has in diagnostics.
const STDIN: &str = "<stdin>";

/// A policy that was compiled, and the building blocks that were there for it.
pub struct Compiled {
    /// What became of it.
    pub compilation: Compilation,
    /// The building blocks.
    pub library: Library,
}

/// Folders of building blocks that a user names, and where they are.
#[derive(Clone, Copy)]
pub struct SnippetFolders<'a> {
    /// Their paths.
    pub folders: &'a [PathBuf],
    /// Where these paths lead.
    pub files: &'a dyn FileTree,
}

/// Compiles the policy `text`, which is in the file `path`, with the building blocks of some folders and of `snippets/`
/// beside it; `files` has all that is near the policy.
pub fn compiled_text(
    path: &Path,
    text: &str,
    snippets: SnippetFolders,
    options: CompileOptions,
    files: &dyn FileTree,
) -> Result<Compiled, String> {
    let mut library = library(snippets)?;
    let beside = path.parent().unwrap_or(Path::new("")).join("snippets");
    if !snippets.folders.contains(&beside) {
        match files.entries(&beside) {
            Ok(_) => add(&mut library, &beside, files)?,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(unreadable(&files.name(&beside), &error)),
        }
    }
    let own = library.sources.iter().count();
    let mut compilation = compile(path, text, &|path| files.text(path), &library, options);
    compilation.ast.sources.rename(own, |name| files.name(Path::new(name)));
    lint::check(&mut compilation, options.notes);
    Ok(Compiled { compilation, library })
}

/// The program's library, and the blocks in users' own folders; a folder that the library itself was made from adds none.
pub fn library(snippets: SnippetFolders) -> Result<Library, String> {
    let mut library = Library::built_in();
    for folder in snippets.folders {
        add(&mut library, folder, snippets.files)?;
    }
    Ok(library)
}

/// Adds the blocks in a folder, in the order of their names.
fn add(library: &mut Library, folder: &Path, files: &dyn FileTree) -> Result<(), String> {
    let entries = files.entries(folder).map_err(|error| unreadable(&files.name(folder), &error))?;
    for entry in entries.into_iter().filter(|entry| entry.is_folder) {
        if let Some(own) = block(&entry.path, files)?
            && !library.is_own(&own)
        {
            library.add_own(own);
        }
    }
    Ok(())
}

/// The block in a folder, if it is one.
pub fn block(path: &Path, files: &dyn FileTree) -> Result<Option<Folder>, String> {
    let file = |name: &str| match files.text(&path.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&files.name(&path.join(name)), &error)),
    };
    let (metadata, template) = (file("snippet.toml")?, file("rules.j2")?);
    if metadata.is_none() && template.is_none() {
        return Ok(None);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let readme = file("README.md")?.unwrap_or_default();
    Ok(Some(Folder { path: files.name(path), name, metadata, template, readme }))
}

/// Why a file cannot be used.
pub fn unreadable(name: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::InvalidData => format!("{name}: the file is not UTF-8"),
        _ => format!("{name}: {error}"),
    }
}

/// All bytes of a file that a person names, `-` for standard input, and the name that it has in diagnostics.
pub fn bytes(path: &Path) -> Result<(&Path, Vec<u8>), String> {
    let (path, bytes) =
        if path == Path::new("-") { (Path::new(STDIN), files::stdin()) } else { (path, files::opened(path)) };
    match bytes {
        Ok(bytes) => Ok((path, bytes)),
        Err(error) => Err(unreadable(&path.display().to_string(), &error)),
    }
}

/// The text of a policy, and the name that it has in diagnostics.
pub fn read(path: &Path) -> Result<(&Path, String), String> {
    let (path, bytes) = bytes(path)?;
    let text = files::text(bytes).map_err(|error| unreadable(&path.display().to_string(), &error))?;
    Ok((path, text))
}
