//! How a command ends, and its standard output.
//! Input: an outcome, a text. Output: an exit code; the text, written.

use std::io::{self, Write};
use std::process::ExitCode;

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
            // Nothing is left to do where even standard error is closed.
            let _ = writeln!(io::stderr(), "cgwfw: {message}");
            ExitCode::from(2)
        }
    }
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
