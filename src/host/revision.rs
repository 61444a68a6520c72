//! The files of a revision of git.
//! Input: the name of a revision, paths from the root of the repository. Output: bytes, what is in a folder; read through `git`.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};

use super::files::{FileTree, FolderEntry, MAX_TEXT_BYTES, too_large};

/// A revision of the repository that the current directory is in.
pub struct Revision {
    name: String,
    /// The object that holds its files: it stays the same where a branch moves on meanwhile.
    tree: String,
    prefix: PathBuf,
}

/// Why there is no such revision.
pub enum RevisionFault {
    /// There is no program `git`.
    NoGit,
    /// The current directory is not in a repository.
    NoRepository,
    /// The repository has no revision of that name.
    Unknown,
    /// Something else, in the words of git.
    Other(String),
}

/// What `git cat-file` says.
#[derive(Default)]
struct Answer {
    line: String,
    /// What comes after the line.
    content: Vec<u8>,
    /// What is on standard error.
    errors: String,
}

/// An object in the answer of `git cat-file`.
struct Object {
    id: String,
    kind: String,
    size: u64,
}

impl Revision {
    /// Finds a revision, named in any way that git knows.
    pub fn open(name: &str) -> Result<Revision, RevisionFault> {
        let prefix = prefix()?;
        let answer = ask("--batch-check", &format!("{name}^{{tree}}")).map_err(fault)?;
        match object(&answer.line) {
            Some(object) => {
                Ok(Revision { name: name.to_owned(), tree: object.id, prefix: PathBuf::from(prefix.trim_end()) })
            }
            None if answer.errors.is_empty() => Err(RevisionFault::Unknown),
            // The beginning of several revisions, for one; git lists them.
            None => Err(RevisionFault::Other(answer.errors)),
        }
    }

    /// The path of the current directory from the root of the repository.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// Whether a path is that of a folder; an error where nothing has that path.
    pub fn is_folder(&self, path: &Path) -> io::Result<bool> {
        Ok(self.look("--batch-check", path)?.0.kind == "tree")
    }

    /// Asks for the object of a path; follows links, as the disk does.
    fn look(&self, form: &str, path: &Path) -> io::Result<(Object, Vec<u8>)> {
        let Answer { line, content, .. } = ask(form, &format!("{}:{}", self.tree, inside(path)?))?;
        match object(&line) {
            Some(object) => Ok((object, content)),
            None if line.starts_with("symlink ") => {
                let target = String::from_utf8_lossy(&content);
                Err(io::Error::other(format!("it is a link to {}, outside of the repository", target.trim_end())))
            }
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl FileTree for Revision {
    fn bytes(&self, path: &Path) -> io::Result<Vec<u8>> {
        let (object, content) = self.look("--batch", path)?;
        if object.kind == "blob" { Ok(content) } else { Err(io::ErrorKind::IsADirectory.into()) }
    }

    fn entries(&self, folder: &Path) -> io::Result<Vec<FolderEntry>> {
        let (object, _) = self.look("--batch-check", folder)?;
        if object.kind != "tree" {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let output = git(&["ls-tree", "-z", "--full-tree", &object.id]).stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return Err(io::Error::other(said(&output.stderr)));
        }
        let mut entries = Vec::new();
        for line in output.stdout.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            // `100644 blob ID<TAB>NAME`
            let line = str::from_utf8(line).map_err(|_| io::Error::other("a name in it is not UTF-8"))?;
            let Some((kind, name)) = line.split_once('\t') else { continue };
            let path = folder.join(name);
            let is_link = kind.starts_with("120000 ");
            let is_folder = kind.starts_with("040000 ") || is_link && self.is_folder(&path).unwrap_or(false);
            entries.push(FolderEntry { path, is_folder });
        }
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(entries)
    }

    fn name(&self, path: &Path) -> String {
        let path = inside(path).unwrap_or_else(|_| path.display().to_string());
        format!("{}:{path}", self.name)
    }
}

/// A path from the root of the repository, as git writes it.
fn inside(path: &Path) -> io::Result<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy()),
            Component::CurDir => {}
            _ => return Err(io::Error::other("it is outside of the repository")),
        }
    }
    Ok(parts.join("/"))
}

/// The path of the current directory from the root of its repository.
fn prefix() -> Result<String, RevisionFault> {
    let output = git(&["rev-parse", "--show-prefix"]).stdin(Stdio::null()).output().map_err(fault)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = said(&output.stderr);
    Err(if said.contains("not a git repository") { RevisionFault::NoRepository } else { RevisionFault::Other(said) })
}

fn fault(error: io::Error) -> RevisionFault {
    match error.kind() {
        io::ErrorKind::NotFound => RevisionFault::NoGit,
        _ => RevisionFault::Other(error.to_string()),
    }
}

/// Git, with answers that do not depend on the language of the user.
fn git(arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(arguments).env("LC_ALL", "C");
    command
}

/// Asks for one object. Its name goes through standard input, where it cannot be taken for an option.
fn ask(form: &str, name: &str) -> io::Result<Answer> {
    if name.contains('\n') {
        return Ok(Answer::default());
    }
    let mut child = git(&["cat-file", form, "--follow-symlinks"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // Where git ends before it reads, its exit code says so.
        let _ = input.write_all(format!("{name}\n").as_bytes());
    }
    let read = child.stdout.take().map_or_else(|| Ok(Default::default()), read);
    // Whatever is wrong with the answer: git ends where nobody reads on.
    let output = child.wait_with_output()?;
    let (line, content) = read?;
    let errors = said(&output.stderr);
    match (line.is_empty(), errors.is_empty()) {
        (true, true) => Err(io::Error::other(format!("git ended with {}", output.status))),
        (true, false) => Err(io::Error::other(errors)),
        (false, _) => Ok(Answer { line, content, errors }),
    }
}

/// The first line, and what comes after it.
fn read(output: ChildStdout) -> io::Result<(String, Vec<u8>)> {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    output.read_until(b'\n', &mut line)?;
    let line = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
    let mut content = Vec::new();
    match object(&line) {
        Some(object) if object.size > MAX_TEXT_BYTES => return Err(too_large()),
        Some(object) => output.take(object.size).read_to_end(&mut content)?,
        None => output.read_to_end(&mut content)?,
    };
    Ok((line, content))
}

/// `ID KIND SIZE`; anything else says that there is no such object.
fn object(line: &str) -> Option<Object> {
    let mut words = line.split(' ');
    let (id, kind, size) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
    let is_id = id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_id && words.next().is_none()).then(|| Object { id: id.to_owned(), kind: kind.to_owned(), size })
}

/// What git says on standard error.
fn said(errors: &[u8]) -> String {
    let text = String::from_utf8_lossy(errors);
    let text = text.trim();
    ["fatal: ", "error: "].iter().find_map(|word| text.strip_prefix(word)).unwrap_or(text).to_owned()
}
