//! Rule files as the loaders take them, and the options of `cgwfw trace` that name them.
//! Input: the paths, or bytes. Output: the rules of both families, or all that keeps a file from being loaded.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::outcome::Outcome;
use crate::host;
use crate::iptables::check::check_ruleset;
use crate::iptables::parse::{self, Fault, WholeFile};
use crate::iptables::ruleset::Ruleset;
use crate::net::{Both, Family};
use crate::origin::RuleFile;

#[derive(clap::Args)]
pub struct RuleFiles {
    /// Trace through rule files instead of a policy, those of iptables-restore and of ip6tables-restore
    #[arg(long, num_args = 2, value_names = ["V4", "V6"], conflicts_with_all = ["v4", "v6"])]
    rules: Vec<PathBuf>,
    /// The rule file of iptables-restore alone
    #[arg(short = '4', long = "rules-v4", value_name = "FILE")]
    v4: Option<PathBuf>,
    /// The rule file of ip6tables-restore alone
    #[arg(short = '6', long = "rules-v6", value_name = "FILE")]
    v6: Option<PathBuf>,
}

impl RuleFiles {
    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.of(Family::V4).is_none() && self.of(Family::V6).is_none()
    }

    /// The file of a family.
    pub fn of(&self, family: Family) -> Option<&Path> {
        let (index, alone) = match family {
            Family::V4 => (0, &self.v4),
            Family::V6 => (1, &self.v6),
        };
        self.rules.get(index).or(alone.as_ref()).map(PathBuf::as_path)
    }

    /// The rules of both families; of one without a file there are none.
    pub fn read(&self) -> Result<(Both<Ruleset>, Both<RuleFile>), Outcome> {
        rules_of_both(|family| {
            let read = self.of(family).map(host::bytes).transpose()?;
            Ok(read.map(|(name, bytes)| (name.display().to_string(), bytes)))
        })
    }
}

/// The rules of the file of each family, which has a name and bytes; of a family without a file there are none.
pub fn rules_of_both<B: AsRef<[u8]>>(
    file: impl Fn(Family) -> Result<Option<(String, B)>, String>,
) -> Result<(Both<Ruleset>, Both<RuleFile>), Outcome> {
    let read = |family| match file(family).map_err(Outcome::Unusable)? {
        Some((name, bytes)) => rules_of(name, bytes.as_ref(), family),
        None => Ok((Ruleset::new(family), RuleFile::new(String::new(), String::new()))),
    };
    // What is wrong with the one is said before what is wrong with the other, all of both.
    let (v4, v6) = (read(Family::V4), read(Family::V6));
    let ((v4, v4_file), (v6, v6_file)) = (v4?, v6?);
    Ok((Both { v4, v6 }, Both { v4: v4_file, v6: v6_file }))
}

/// The rules in the bytes of a file. What no loader takes is an error, what one of them refuses or no packet meets is a
/// warning.
fn rules_of(name: String, bytes: &[u8], family: Family) -> Result<(Ruleset, RuleFile), Outcome> {
    let text = decoded(bytes);
    let WholeFile { ruleset, faults, cautions } = parse::whole_file(&text, family);
    let mut said = String::new();
    let mut say = |line: usize, severity: &str, fault: &Fault| {
        said.push_str(&format!("{name}:{line}: {severity}: {}: {}\n", fault.message, fault.help));
    };
    faults.iter().for_each(|(line, fault)| say(*line, "error", fault));
    cautions.iter().for_each(|(line, fault)| say(*line, "warning", fault));
    if faults.is_empty() {
        for (table, rule, problem) in check_ruleset(&ruleset) {
            let line = ruleset.tables[table].rules.get(rule).and_then(|rule| rule.origins.file_line()).unwrap_or(0);
            said.push_str(&format!("{name}:{line}: warning: {}: {}\n", problem.message, problem.help));
        }
    }
    // Nobody reads on: the answer is on standard output, or the exit code says the rest.
    let _ = std::io::stderr().write_all(said.as_bytes());
    match faults.len() {
        0 => Ok((ruleset, RuleFile::new(name, text))),
        1 => Err(Outcome::Unusable(format!("{name}: no loader takes the file"))),
        count => Err(Outcome::Unusable(format!("{name}: no loader takes the file, for {count} reasons"))),
    }
}

/// The text of a file. The loaders do not ask for an encoding: a line that is not UTF-8 is read as Latin-1. Control
/// characters, which they take as well, are no text.
fn decoded(bytes: &[u8]) -> String {
    let plain = |letter: char| !letter.is_control() || matches!(letter, '\t' | '\n' | '\r');
    let line = |line: &[u8]| match str::from_utf8(line) {
        Ok(text) => text.to_owned(),
        Err(_) => line.iter().map(|byte| char::from(*byte)).collect(),
    };
    let mut text: String = bytes.split_inclusive(|byte| *byte == b'\n').map(line).collect();
    if !text.chars().all(plain) {
        text = text.chars().map(|letter| if plain(letter) { letter } else { char::REPLACEMENT_CHARACTER }).collect();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_text() {
        assert_eq!(decoded(b"# caf\xe9\n# \xc3\xa9\n"), "# caf\u{e9}\n# \u{e9}\n");
        assert_eq!(decoded(b"a\x1b[31m\x9b\tb\r\n"), "a\u{fffd}[31m\u{fffd}\tb\r\n");
    }
}
