//! Policies from files and from standard input.
//! Input: a path, or `-`. Output: a `Compilation`, or the reason why there is nothing to compile.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use super::PolicyArguments;
use crate::compile::{Compilation, compile};
use crate::expand::Options;
use crate::snippet::library::Library;

/// The name that standard input has in diagnostics.
const STDIN: &str = "<stdin>";

/// Reads and compiles a policy.
pub fn compiled(arguments: &PolicyArguments) -> Result<Compilation, String> {
    let options = Options { rule_comments: arguments.rule_comments };
    let (path, text) = read(&arguments.policy)?;
    Ok(compile(path, &text, &|path| fs::read_to_string(path), &Library::built_in(), options))
}

fn read(path: &Path) -> Result<(&Path, String), String> {
    let unreadable = |name: &str, error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData => format!("{name}: the file is not UTF-8"),
        _ => format!("{name}: {error}"),
    };
    let (path, text) = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(|error| unreadable(STDIN, error))?;
        (Path::new(STDIN), text)
    } else {
        let text = fs::read_to_string(path).map_err(|error| unreadable(&path.display().to_string(), error))?;
        (path, text)
    };
    if u32::try_from(text.len()).is_err() {
        return Err(format!("{}: larger than 4 GiB", path.display()));
    }
    Ok((path, text))
}
