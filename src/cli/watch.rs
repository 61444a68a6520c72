//! `--watch`: a command again and again, whenever one of the files that it read changes.
//! Input: the files, by their times of change. Output: that of the command, until it is interrupted.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use super::outcome::{Outcome, complain};
use crate::compile::Compilation;

/// How often the files are looked at: a person does not see the difference, a machine does not feel it.
const INTERVAL: Duration = Duration::from_millis(200);

/// Runs `command` now and after every change; it notes the files that it read. Ends only where nothing can be watched.
pub fn watch(policies: &[PathBuf], mut command: impl FnMut(&mut Vec<PathBuf>) -> Outcome) -> Outcome {
    if policies.iter().any(|policy| policy == Path::new("-")) {
        return Outcome::Unusable("standard input cannot be watched".into());
    }
    loop {
        let mut files = policies.to_vec();
        if let Outcome::Unusable(message) = command(&mut files) {
            // A file that is being saved may be away for a moment: say so and go on.
            complain(&message);
        }
        let before = times(&files);
        while times(&files) == before {
            sleep(INTERVAL);
        }
        let _ = writeln!(io::stderr(), "\ncgwfw: changed, once more");
    }
}

/// Notes the files of a compilation.
pub fn note_files(compilation: &Compilation, files: &mut Vec<PathBuf>) {
    files.extend(compilation.ast.sources.iter().map(|(_, source)| PathBuf::from(&source.name)));
}

fn times(files: &[PathBuf]) -> Vec<Option<SystemTime>> {
    files.iter().map(|file| file.metadata().and_then(|metadata| metadata.modified()).ok()).collect()
}
