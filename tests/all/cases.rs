//! The cases in `tests/cases/` and the examples in the READMEs of the building blocks: a new case is a new file.
//!
//! `CGWFW_CASE=errors/unknown cargo test cases` runs those alone whose path holds that text.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{lsp, support};

/// Runs the cases of all files, several at once. Each failure names its file.
fn run(files: &[PathBuf], run_one: impl Fn(&Path) -> Result<(), String> + Sync) {
    let wanted = std::env::var("CGWFW_CASE").unwrap_or_default();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let name = |path: &Path| path.strip_prefix(root).expect("a file of the checkout").display().to_string();
    let files: Vec<_> = files.iter().filter(|path| name(path).contains(&wanted)).collect();
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let failure = match catch_unwind(AssertUnwindSafe(|| run_one(path))) {
                Ok(Ok(())) => continue,
                Ok(Err(failure)) => failure,
                Err(panic) => format!("panicked: {}", support::panic_message(&*panic)),
            };
            failures.lock().expect("no thread fails with it").push(format!("{}: {failure}", name(path)));
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    let mut failures = failures.into_inner().expect("no thread fails with it");
    failures.sort();
    let (failed, all) = (failures.len(), files.len());
    assert!(failures.is_empty(), "{failed} of {all} files:\n\n{}", failures.join("\n\n"));
}

/// The files of the server's cases.
fn server_files() -> Vec<PathBuf> {
    support::markdown_files(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/lsp")])
}

#[test]
fn of_the_compiler() {
    run(&support::case_files(), support::run_cases);
}

#[test]
fn of_the_server() {
    run(&server_files(), lsp::run_cases);
}

#[test]
fn those_that_are_wanted_are_there() {
    let wanted = std::env::var("CGWFW_CASE").unwrap_or_default();
    let all = [support::case_files(), server_files()].concat();
    assert!(all.iter().any(|path| path.to_string_lossy().contains(&wanted)), "no case has {wanted} in its path");
    let folders = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")).expect("the cases");
    for folder in folders.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()) {
        assert!(all.iter().any(|path| path.starts_with(&folder)), "{}: no case in it", folder.display());
    }
}
