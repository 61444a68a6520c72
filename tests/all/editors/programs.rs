//! The editors themselves. Input: a command. Output: what it prints.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support;

/// Whether to go on with a test that needs a program. Where there is none, says so loudly; under `CI=true` that is a failure.
pub fn require(program: &str) -> bool {
    require_of(program, Command::new(program).arg("--version"))
}

/// The same for Emacs with eglot, which is a package of its own before Emacs 29.
pub fn require_eglot() -> bool {
    let arguments = ["--batch", "-q", "-f", "package-activate-all", "--eval", "(require 'eglot)"];
    require_of("emacs with eglot", Command::new("emacs").args(arguments))
}

fn require_of(what: &str, command: &mut Command) -> bool {
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => true,
        _ => {
            support::skip(&format!("there is no {what} here"));
            false
        }
    }
}

/// Runs a program without anybody at its keyboard, for a minute at most; what it prints.
pub fn run(command: &mut Command) -> String {
    const MAX_TIME: Duration = Duration::from_secs(60);
    let log = tempfile::NamedTempFile::new().expect("a file");
    let output = || log.as_file().try_clone().expect("the file");
    let mut process = command
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let start = Instant::now();
    let status = loop {
        match process.try_wait().expect("a process of ours") {
            Some(status) => break Some(status),
            None if start.elapsed() > MAX_TIME => {
                process.kill().expect("a process of ours");
                process.wait().expect("a process of ours");
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let printed = std::fs::read(log.path()).expect("the file");
    let printed = String::from_utf8_lossy(&printed).into_owned();
    assert!(status.is_some_and(|status| status.success()), "{command:?} ended with {status:?}:\n{printed}");
    printed
}
