//! Where an operand is: on the disk, or in a revision of git.
//! Input: the operand as it was written. Output: its files and its path there, or why there is none, and what to write.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::host::{self, Disk, FileTree, Revision, RevisionFault};

/// Where the files of an operand are.
pub enum Home {
    /// The disk.
    Disk,
    /// A revision of git.
    Git(Box<Revision>),
}

/// Where an operand is.
pub struct Location {
    /// Where its files are.
    pub home: Home,
    /// Its path there.
    pub path: PathBuf,
    /// Whether it is a folder.
    pub is_folder: bool,
}

impl Location {
    /// Finds an operand: the file or folder of that name, else what `REV:PATH` names.
    pub fn find(written: &str) -> Result<Location, String> {
        let path = PathBuf::from(written);
        match path.metadata() {
            Ok(found) => return Ok(Location { home: Home::Disk, path, is_folder: found.is_dir() }),
            Err(error) if error.kind() != io::ErrorKind::NotFound && !written.contains(':') => {
                return Err(host::unreadable(written, &error));
            }
            Err(_) => {}
        }
        match split(written) {
            Some(("", path)) => Err(format!(
                "`{written}`: there is no such file, and no revision before the colon: write `HEAD:{path}` for the last commit"
            )),
            Some((revision, path)) => in_revision(written, revision, path),
            None => Err(format!(
                "`{written}`: there is no such file or folder; what a revision of git has is written as REV:PATH, such as \
                 `HEAD:policy.cgwfw`"
            )),
        }
    }

    /// Its files.
    pub fn files(&self) -> &dyn FileTree {
        match &self.home {
            Home::Disk => &Disk,
            Home::Git(revision) => &**revision,
        }
    }

    /// The name that a file there has for people.
    pub fn name(&self, path: &Path) -> String {
        self.files().name(path)
    }

    /// All bytes of a file there; on the disk it may be a pipe.
    pub fn bytes(&self, path: &Path) -> Result<Vec<u8>, String> {
        match &self.home {
            Home::Disk => host::bytes(path).map(|(_, bytes)| bytes),
            Home::Git(revision) => revision.bytes(path).map_err(|error| host::unreadable(&self.name(path), &error)),
        }
    }
}

/// The revision and the path of `REV:PATH`: the colon is the first one outside of braces, as in `HEAD^{/fix: all}:PATH`.
/// The drive of a path of Windows is no revision.
fn split(written: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    let colon = written.bytes().position(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        byte == b':' && depth <= 0
    })?;
    let (revision, path) = (&written[..colon], &written[colon + 1..]);
    let is_drive =
        matches!(revision.as_bytes(), [letter] if letter.is_ascii_alphabetic()) && path.starts_with(['/', '\\']);
    (!is_drive).then_some((revision, path))
}

fn in_revision(written: &str, name: &str, path: &str) -> Result<Location, String> {
    let revision = Revision::open(name)
        .map_err(|fault| format!("`{written}`: there is no file of this name, and {}", why(name, fault)))?;
    let is_relative = path.split('/').next().is_some_and(|first| first == "." || first == "..");
    let whole = if is_relative { revision.prefix().join(path) } else { PathBuf::from(path) };
    let Some(whole) = inside(&whole) else {
        return Err(format!(
            "`{written}`: the path leads out of the repository: in a revision it begins at the root of the repository, or with `./`"
        ));
    };
    match revision.is_folder(&whole) {
        Ok(is_folder) => Ok(Location { home: Home::Git(Box::new(revision)), path: whole, is_folder }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("`{written}`: {}", absent(&revision, name, path, is_relative)))
        }
        Err(error) => Err(host::unreadable(&revision.name(&whole), &error)),
    }
}

/// Why a revision cannot be had, and what to do.
fn why(name: &str, fault: RevisionFault) -> String {
    match fault {
        RevisionFault::NoGit => {
            format!("without the program `git` the revision `{name}` cannot be read: install it, or name a file")
        }
        RevisionFault::NoRepository => {
            format!(
                "the current folder is in no git repository that could have a revision `{name}`: go into one, or name a file"
            )
        }
        RevisionFault::Unknown => {
            format!(
                "the repository has no revision `{name}`: `git log --oneline --all` lists commits, `git fetch` brings those of others"
            )
        }
        RevisionFault::Other(said) => format!("git cannot read the revision `{name}`: {said}"),
    }
}

/// What is said of a path that a revision does not have.
fn absent(revision: &Revision, name: &str, path: &str, is_relative: bool) -> String {
    let has = |path: &Path| inside(path).is_some_and(|path| revision.is_folder(&path).is_ok());
    let here = revision.prefix().join(path);
    if !is_relative && has(&here) {
        return format!(
            "the path begins at the root of the repository; in the current folder there is `{name}:./{path}`"
        );
    }
    let plain = path.trim_start_matches("./");
    if is_relative && has(Path::new(plain)) {
        return format!(
            "the revision has no such file in the current folder; at the root of the repository there is `{name}:{plain}`"
        );
    }
    let list = format!("`git ls-tree -r --full-tree --name-only {name}` lists what it has");
    let on_disk = Path::new(path).exists();
    if on_disk {
        format!("`{path}` is on the disk, but not in the revision: {list}")
    } else {
        format!("the revision has no such file or folder: {list}")
    }
}

/// A path from the root of a repository without `.` and `..`; `None` where it leads out of it.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut inside = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => inside.push(name),
            Component::CurDir => {}
            Component::ParentDir if inside.pop() => {}
            _ => return None,
        }
    }
    Some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_colon_outside_of_braces_ends_the_revision() {
        assert_eq!(split("HEAD~1:a:b"), Some(("HEAD~1", "a:b")));
        assert_eq!(split("HEAD^{/fix: all}:a"), Some(("HEAD^{/fix: all}", "a")));
        assert_eq!(split(":a"), Some(("", "a")));
        assert_eq!(split("HEAD:"), Some(("HEAD", "")));
        assert_eq!(split("c:a"), Some(("c", "a")), "a branch");
        for path in ["a/b", r"C:\a", "c:/a"] {
            assert_eq!(split(path), None, "{path}");
        }
    }

    #[test]
    fn paths_stay_inside_of_a_repository() {
        assert_eq!(inside(Path::new("a/./b/../c")), Some(PathBuf::from("a/c")));
        assert_eq!(inside(Path::new("")), Some(PathBuf::new()));
        assert_eq!(inside(Path::new("a/../../c")), None);
        assert_eq!(inside(Path::new("/a")), None);
    }
}
