//! Policies and building blocks from the disk, from standard input, and from texts that an editor has open.
//! Input: a path, or `-`. Output: a `Compilation`, or the reason why there is nothing to compile.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::compile::{Compilation, compile};
use crate::expand::CompileOptions;
use crate::lint;
use crate::snippet::library::{Folder, Library};
use crate::syntax::ReadFile;

/// The name that standard input has in diagnostics.
const STDIN: &str = "<stdin>";

/// A policy that was compiled, and the building blocks that were there for it.
pub struct Compiled {
    /// What became of it.
    pub compilation: Compilation,
    /// The building blocks.
    pub library: Library,
}

/// The largest text that is read, in bytes: some hundred times a policy of 10,000 sentences.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// The text of a file on the disk, but not of a device or a pipe, which may have no end.
pub fn on_disk(path: &Path) -> io::Result<String> {
    // Looked at before it is opened: the opening of a pipe waits until somebody writes into it.
    let kind = fs::metadata(path)?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        return Err(io::Error::other("it is a device or a pipe"));
    }
    bounded(fs::File::open(path)?)
}

/// All of a text, up to the largest that is read.
fn bounded(source: impl io::Read) -> io::Result<String> {
    let mut text = String::new();
    source.take(MAX_TEXT_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_TEXT_BYTES {
        return Err(io::Error::other("it is larger than 64 MiB"));
    }
    Ok(text)
}

/// Reads and compiles a policy, with the building blocks of some folders and of `snippets/` beside it.
pub fn compiled(policy: &Path, snippets: &[PathBuf], options: CompileOptions) -> Result<Compiled, String> {
    let (path, text) = read(policy)?;
    compiled_text(path, &text, snippets, options, &on_disk)
}

/// Compiles the policy `text`, which is in the file `path`; `read` gives the texts of all other files.
pub fn compiled_text(
    path: &Path,
    text: &str,
    snippets: &[PathBuf],
    options: CompileOptions,
    read: ReadFile,
) -> Result<Compiled, String> {
    let mut folders = snippets.to_vec();
    let beside = path.parent().unwrap_or(Path::new("")).join("snippets");
    if beside.is_dir() && !folders.contains(&beside) {
        folders.push(beside);
    }
    let library = library(&folders, read)?;
    let mut compilation = compile(path, text, read, &library, options);
    lint::check(&mut compilation, options.notes);
    Ok(Compiled { compilation, library })
}

/// The program's library, and the blocks in users' own folders; a folder that the library itself was made from adds none.
pub fn library(folders: &[PathBuf], read: ReadFile) -> Result<Library, String> {
    let mut library = Library::built_in();
    for folder in folders {
        for own in blocks(folder, read)? {
            if !library.is_own(&own) {
                library.add_own(own);
            }
        }
    }
    Ok(library)
}

/// The blocks in a folder, in the order of their names.
fn blocks(folder: &Path, read: ReadFile) -> Result<Vec<Folder>, String> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut paths: Vec<PathBuf> =
        entries.map_err(|error| unreadable(folder, error))?.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.is_dir());
    paths.sort();
    let mut folders = Vec::new();
    for path in paths {
        folders.extend(block(&path, read)?);
    }
    Ok(folders)
}

/// The block in a folder, if it is one.
pub fn block(path: &Path, read: ReadFile) -> Result<Option<Folder>, String> {
    let file = |name: &str| match read(&path.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&path.join(name), error)),
    };
    let (metadata, template) = (file("snippet.toml")?, file("rules.j2")?);
    if metadata.is_none() && template.is_none() {
        return Ok(None);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let readme = file("README.md")?.unwrap_or_default();
    Ok(Some(Folder { path: path.display().to_string(), name, metadata, template, readme }))
}

fn unreadable(path: &Path, error: io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// The text of a policy, and the name that it has in diagnostics.
pub fn read(path: &Path) -> Result<(&Path, String), String> {
    let unreadable = |name: &str, error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData => format!("{name}: the file is not UTF-8"),
        _ => format!("{name}: {error}"),
    };
    if path == Path::new("-") {
        let text = bounded(io::stdin()).map_err(|error| unreadable(STDIN, error))?;
        return Ok((Path::new(STDIN), text));
    }
    let text = fs::File::open(path).and_then(bounded);
    Ok((path, text.map_err(|error| unreadable(&path.display().to_string(), error))?))
}
