//! `cgwfw build`: the rule files.
//! Input: a policy. Output: one family on standard output, or both as files in a folder: both or none.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::report::{self, Format};
use super::{Outcome, PolicyArguments, input, print};
use crate::diagnostic::Style;
use crate::net::Family;

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true)))]
pub struct Arguments {
    #[command(flatten)]
    policy: PolicyArguments,
    /// Print the IPv4 file, for iptables-restore
    #[arg(short = '4', long, group = "what")]
    ipv4: bool,
    /// Print the IPv6 file, for ip6tables-restore
    #[arg(short = '6', long, group = "what")]
    ipv6: bool,
    /// Write iptables.rules and ip6tables.rules into this folder: both, or none
    #[arg(short, long, value_name = "DIR", group = "what")]
    output: Option<PathBuf>,
    /// How to write diagnostics
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// The names of the files, those of the keys in the chart's ConfigMap.
const FILES: [&str; 2] = ["iptables.rules", "ip6tables.rules"];

pub fn run(arguments: Arguments, style: Style) -> Outcome {
    let compilation = match input::compiled(&arguments.policy) {
        Ok(compilation) => compilation,
        Err(message) => return Outcome::Unusable(message),
    };
    let refused = matches!(report::usable(&compilation, &arguments.policy), Outcome::Refused);
    let written = report::write_beside_output(&compilation, arguments.format, refused, style);
    if refused || !matches!(written, Outcome::Fine) {
        return if matches!(written, Outcome::Fine) { Outcome::Refused } else { written };
    }
    match &arguments.output {
        Some(folder) => {
            let texts = Family::BOTH.map(|family| compilation.rules(family));
            match write_both(folder, &texts) {
                Ok(()) => Outcome::Fine,
                Err(error) => Outcome::Unusable(format!("{}: nothing was written: {error}", folder.display())),
            }
        }
        None => print(&compilation.rules(if arguments.ipv4 { Family::V4 } else { Family::V6 })),
    }
}

/// Writes both files beside their old versions and puts them in place when both are complete.
fn write_both(folder: &Path, texts: &[String; 2]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let paths = FILES.map(|name| folder.join(name));
    if let Some(path) = paths.iter().find(|path| path.is_dir()) {
        return Err(io::Error::other(format!("{} is a folder", path.display())));
    }
    let first = temporary(folder, &texts[0])?;
    let second = temporary(folder, &texts[1])?;
    let before = match fs::read(&paths[0]) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    first.persist(&paths[0])?;
    if let Err(error) = second.persist(&paths[1]) {
        // Both or none: the first file becomes again what it was.
        match before {
            Some(bytes) => fs::write(&paths[0], bytes)?,
            None => fs::remove_file(&paths[0])?,
        }
        return Err(error.error);
    }
    Ok(())
}

fn temporary(folder: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(".cgwfw-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}
