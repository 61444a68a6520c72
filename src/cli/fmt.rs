//! `cgwfw fmt`: policies in their canonical layout.
//! Input: policies. Output: the same files, each written whole or not at all; with `--check` the names of those that
//! would change.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::outcome::{Outcome, print};
use super::replace::write_one;
use crate::diagnostic::{self, Style};
use crate::format::format;
use crate::host;
use crate::snippet::library::Library;

#[derive(clap::Args)]
pub struct Arguments {
    /// The policies; `-` formats standard input to standard output
    #[arg(value_name = "POLICY", required = true)]
    policies: Vec<PathBuf>,
    /// Write nothing; print the names of the files that would change, and end with 1 if there are any
    #[arg(long)]
    check: bool,
}

pub fn run(arguments: Arguments, style: Style) -> Outcome {
    let library = Library::built_in();
    let mut refused = false;
    let mut unusable = Vec::new();
    for policy in &arguments.policies {
        match one(policy, arguments.check, &library, style) {
            Outcome::Fine => {}
            Outcome::Refused => refused = true,
            Outcome::Unusable(message) => unusable.push(message),
        }
    }
    match (unusable.is_empty(), refused) {
        (false, _) => Outcome::Unusable(unusable.join("\ncgwfw: ")),
        (true, true) => Outcome::Refused,
        (true, false) => Outcome::Fine,
    }
}

fn one(policy: &Path, check: bool, library: &Library, style: Style) -> Outcome {
    let (name, before) = match host::read(policy) {
        Ok(read) => read,
        Err(message) => return Outcome::Unusable(message),
    };
    let formatted = format(name, &before, &|word| library.is_verb(word));
    let Some(text) = formatted.text else {
        let reports = formatted.diagnostics.iter();
        let reports = reports.map(|report| diagnostic::human(report, &formatted.sources, style) + "\n");
        return match io::stderr().write_all(reports.collect::<String>().as_bytes()) {
            // Nobody reads on: the exit code says the rest.
            Ok(()) | Err(_) => Outcome::Refused,
        };
    };
    let changes = text != before;
    if check {
        return match changes.then(|| print(&(diagnostic::visible(&name.display().to_string()) + "\n"))) {
            None => Outcome::Fine,
            Some(Outcome::Fine) => Outcome::Refused,
            Some(outcome) => outcome,
        };
    }
    if policy == Path::new("-") {
        return print(&text);
    }
    match if changes { replace(policy, &text) } else { Ok(()) } {
        Ok(()) => Outcome::Fine,
        Err(error) => Outcome::Unusable(format!("{}: the file stays as it was: {error}", policy.display())),
    }
}

/// Puts `text` into the place of a file, which keeps its permissions; where it is a link, the file that this leads to.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let metadata = fs::metadata(&path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file; `-` formats standard input"));
    }
    if metadata.permissions().readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    write_one(&path, text.as_bytes())
}
