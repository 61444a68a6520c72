//! Where files are: on the disk, in what an editor has open, in a revision of git.
//! Input: a path, or standard input. Output: bytes or text, what is in a folder, the name that people see.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The largest text that is read, in bytes: some hundred times a policy of 10,000 sentences.
pub const MAX_TEXT_BYTES: u64 = 64 << 20;

/// Files by their paths.
pub trait FileTree {
    /// All bytes of a file.
    fn bytes(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// What is in a folder, in the order of paths.
    fn entries(&self, folder: &Path) -> io::Result<Vec<FolderEntry>>;

    /// The name that a file has for people.
    fn name(&self, path: &Path) -> String {
        path.display().to_string()
    }

    /// The text of a file.
    fn text(&self, path: &Path) -> io::Result<String> {
        text(self.bytes(path)?)
    }
}

/// What is in a folder.
pub struct FolderEntry {
    /// Its path, that of the folder before its name.
    pub path: PathBuf,
    /// Whether it is a folder, or a link to one.
    pub is_folder: bool,
}

/// The files on the disk, but no devices or pipes, which may have no end.
pub struct Disk;

impl FileTree for Disk {
    fn bytes(&self, path: &Path) -> io::Result<Vec<u8>> {
        // Looked at before it is opened: the opening of a pipe waits until somebody writes into it.
        let kind = fs::metadata(path)?.file_type();
        if !kind.is_file() && !kind.is_dir() {
            return Err(io::Error::other("it is a device or a pipe"));
        }
        opened(path)
    }

    fn entries(&self, folder: &Path) -> io::Result<Vec<FolderEntry>> {
        let paths: io::Result<Vec<PathBuf>> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
        let mut paths = paths?;
        paths.sort();
        Ok(paths.into_iter().map(|path| FolderEntry { is_folder: path.is_dir(), path }).collect())
    }
}

/// All bytes of a file that a person names: it may be a pipe, such as `<(iptables-save)`.
pub fn opened(path: &Path) -> io::Result<Vec<u8>> {
    bounded(fs::File::open(path)?)
}

/// All bytes of standard input.
pub fn stdin() -> io::Result<Vec<u8>> {
    bounded(io::stdin())
}

/// Bytes as text, which must be UTF-8.
pub fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Up to the largest text that is read.
fn bounded(source: impl io::Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_TEXT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_TEXT_BYTES { Err(too_large()) } else { Ok(bytes) }
}

/// What is said of a file of more bytes.
pub fn too_large() -> io::Error {
    io::Error::other("it is larger than 64 MiB")
}
