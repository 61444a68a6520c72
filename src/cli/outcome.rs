//! How a command ends, and its standard output.
//! Input: an outcome, a text. Output: an exit code; the text, written.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::diagnostic::{is_deceptive, visible};

/// How a command ends.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Fine,
    /// The policy has errors, or warnings that are denied.
    Refused,
    /// The arguments or the files are unusable; said on standard error.
    Unusable(String),
}

impl Outcome {
    /// The worse of two.
    pub fn and(self, other: Outcome) -> Outcome {
        match (&self, &other) {
            (Outcome::Unusable(_), _) | (Outcome::Refused, Outcome::Fine | Outcome::Refused) => self,
            _ => other,
        }
    }
}

/// The exit code of an outcome; why files or arguments are unusable is said on standard error.
pub fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Outcome::Fine => ExitCode::SUCCESS,
        Outcome::Refused => ExitCode::from(1),
        Outcome::Unusable(message) => {
            complain(&message);
            ExitCode::from(2)
        }
    }
}

/// Says on standard error what is unusable; names in it may hold what deceives a reader.
pub fn complain(message: &str) {
    let lines: Vec<String> = message.split('\n').map(visible).collect();
    // Nothing is left to do where even standard error is closed.
    let _ = writeln!(io::stderr(), "cgwfw: {}", lines.join("\n"));
}

/// A line of JSON. What deceives a reader is written as `\uXXXX`, which any program reads as the same text.
pub fn json_text(written: serde_json::Result<String>) -> Result<String, Outcome> {
    let json = written.map_err(|error| Outcome::Unusable(format!("the answer cannot be written as JSON: {error}")))?;
    let mut out = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        // Line breaks are outside of the strings.
        if c != '\n' && is_deceptive(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    Ok(out)
}

/// Writes to standard output. A reader that has seen enough (`| head`) is not an error.
pub fn print(text: &str) -> Outcome {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Outcome::Fine,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Outcome::Fine,
        Err(error) => Outcome::Unusable(format!("standard output cannot be written: {error}")),
    }
}
