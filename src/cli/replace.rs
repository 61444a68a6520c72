//! New texts in the place of files: of all of them, or of none.
//! Input: paths, and what writes the texts. Output: files that keep their permissions; nothing else is left behind.
//!
//! Each text is written beside its file and put in its place by renaming. Every signal that a process can hold back waits
//! meanwhile. What cannot be held back (SIGKILL, a loss of power) may leave one file new and another old, or files under
//! a name of their own: the next run removes those.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::{Builder, NamedTempFile, TempPath};

/// The names of files that are there for a moment only: these, with letters and digits between them.
const TEMPORARY: (&str, &str) = (".cgwfw-", ".tmp");
/// How many letters and digits.
const LETTERS: usize = 8;
/// How long another run of the program may write into the same folder.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes all the files, or none of them: `fill` gets an empty file for each path.
///
/// A link is followed: the file that it leads to is replaced. A folder, a pipe or a device is refused. Runs that write
/// into the same folder wait for each other.
pub fn replace(paths: &[&Path], fill: impl FnOnce(&[&File]) -> io::Result<()>) -> io::Result<()> {
    let targets = paths.iter().map(|path| target(path)).collect::<io::Result<Vec<_>>>()?;
    let folders: BTreeSet<&Path> = targets.iter().map(|(path, _)| folder_of(path)).collect();
    // In the order of their names: no two runs wait for each other.
    let locks = folders.iter().map(|folder| lock(folder)).collect::<io::Result<Vec<_>>>()?;
    let held = hold_signals();
    let replaced = replace_held(&targets, &folders, fill);
    drop(held);
    drop(locks);
    replaced
}

/// Writes the text of one file. A pipe or a device is written to as it is.
pub fn write_one(path: &Path, text: &[u8]) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return OpenOptions::new().write(true).open(path)?.write_all(text);
    }
    replace(&[path], |files| files.iter().copied().try_for_each(|mut file| file.write_all(text)))
}

/// A file that is to be replaced: where it really is, and what is there now.
type Replaced = (PathBuf, Option<Metadata>);

fn target(path: &Path) -> io::Result<Replaced> {
    let refused = |why: &str| Err(io::Error::other(format!("{} {why}", path.display())));
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => refused("is a folder"),
        Ok(there) if !there.is_file() => refused("is a pipe or a device, and no file that could be replaced"),
        Ok(there) => Ok((fs::canonicalize(path)?, Some(there))),
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
            refused("is a link that leads to nothing")
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((path.to_owned(), None)),
        Err(error) => Err(error),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Keeps other runs out of a folder, until the lock is dropped; `None` where folders cannot be locked.
fn lock(folder: &Path) -> io::Result<Option<File>> {
    let Ok(file) = File::open(folder) else { return Ok(None) };
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(fs::TryLockError::Error(_)) => return Ok(None),
            Err(fs::TryLockError::WouldBlock) if start.elapsed() > PATIENCE => {
                let message = format!("another program has had the folder locked for {} s", PATIENCE.as_secs());
                return Err(io::Error::other(message));
            }
            Err(fs::TryLockError::WouldBlock) => sleep(Duration::from_millis(2)),
        }
    }
}

fn replace_held(
    targets: &[Replaced],
    folders: &BTreeSet<&Path>,
    fill: impl FnOnce(&[&File]) -> io::Result<()>,
) -> io::Result<()> {
    folders.iter().for_each(|folder| remove_leftovers(folder));
    let texts = targets.iter().map(|(path, _)| temporary(folder_of(path))).collect::<io::Result<Vec<_>>>()?;
    fill(&texts.iter().map(NamedTempFile::as_file).collect::<Vec<_>>())?;
    for (text, (_, there)) in texts.iter().zip(targets) {
        if let Some(there) = there {
            keep_owner(text.as_file(), there);
            text.as_file().set_permissions(there.permissions())?;
        }
        text.as_file().sync_all()?;
    }
    // Of one file alone the renaming itself is all or nothing.
    let before =
        if targets.len() > 1 { targets.iter().map(second_name).collect::<io::Result<_>>()? } else { Vec::new() };
    for (index, (text, (path, _))) in texts.into_iter().zip(targets).enumerate() {
        if let Err(error) = text.persist(path) {
            put_back(&targets[..index], before)?;
            return Err(error.error);
        }
    }
    // The names are written as well, where the system can do that.
    folders.iter().for_each(|folder| drop(File::open(folder).and_then(|folder| folder.sync_all())));
    Ok(())
}

/// An empty file under a name of its own.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = named();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

fn named() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1).rand_bytes(LETTERS);
    builder
}

/// A second name for the file that is there; a copy of it where files cannot have two names.
fn second_name((path, there): &Replaced) -> io::Result<Option<TempPath>> {
    let keep = |name: &Path| fs::hard_link(path, name).or_else(|_| fs::copy(path, name).map(|_| ()));
    let named = there.as_ref().map(|_| named().make_in(folder_of(path), keep)).transpose()?;
    Ok(named.map(NamedTempFile::into_temp_path))
}

/// Makes files again what they were.
fn put_back(targets: &[Replaced], before: Vec<Option<TempPath>>) -> io::Result<()> {
    targets.iter().zip(before).try_for_each(|((path, _), before)| match before {
        Some(before) => before.persist(path).map_err(|error| error.error),
        None => fs::remove_file(path),
    })
}

/// Removes what an earlier run has left that was killed. Nobody else writes in the folder: it is locked.
fn remove_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let inside = name.to_str().and_then(|name| name.strip_prefix(TEMPORARY.0)?.strip_suffix(TEMPORARY.1));
        let is_ours = inside
            .is_some_and(|letters| letters.len() == LETTERS && letters.bytes().all(|b| b.is_ascii_alphanumeric()));
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            // What cannot be removed does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(unix)]
fn keep_owner(file: &File, before: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    // Only root can give files away, and only root writes those of others.
    let _ = fchown(file, Some(before.uid()), Some(before.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) {}

/// Lets every signal of this thread, and of those that it starts, wait until what is returned is dropped.
#[cfg(unix)]
fn hold_signals() -> Option<Held> {
    use nix::sys::signal::{SigSet, SigmaskHow};
    SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK).ok().map(Held)
}

/// The signals that were held back before.
#[cfg(unix)]
struct Held(nix::sys::signal::SigSet);

#[cfg(unix)]
impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.thread_set_mask();
    }
}

#[cfg(not(unix))]
fn hold_signals() {}
