//! The packets that `cgwfw trace` is asked about: of the command line, of a file of sentences, or of a log.
//! Input: words, or the name of a file. Output: packets with the lines of the log that they are from.

use std::io::Write as _;
use std::path::Path;

use crate::cli::outcome::{Outcome, complain};
use crate::diagnostic::{self, Diagnostics, Severity, Style};
use crate::host;
use crate::log::{self, Contents, Logged};
use crate::policy::Declarations;
use crate::resolve::scope::Scope;
use crate::source::Sources;
use crate::syntax::{self, Ast};
use crate::traffic::one::{Described, described};

/// How much of what is wrong with a log is shown.
const MAX_SHOWN: usize = 5;

/// Packets as they were asked for.
pub struct Asked {
    /// The name of the file, or `packet`.
    name: String,
    /// Traffic sentences, each on its line.
    text: String,
    /// The packets of a log.
    logged: Option<Vec<Logged>>,
}

/// A packet, and the lines of the log that it is from.
pub type One = (Described, Vec<u32>);

impl Asked {
    /// Packets as sentences: of the command line, or of a file.
    pub fn sentences(traffic: Option<String>, file: Option<&Path>) -> Result<Asked, Outcome> {
        let (name, text) = match (traffic, file) {
            (Some(traffic), None) => ("packet".to_owned(), traffic),
            (None, Some(path)) => {
                let (path, text) = host::read(path).map_err(Outcome::Unusable)?;
                (path.display().to_string(), text)
            }
            (None, None) => {
                let help = "no packet: write it in quotes, `'in on inet0 tcp port 22'`, or give --packets FILE";
                return Err(Outcome::Unusable(help.into()));
            }
            (Some(_), Some(_)) => {
                return Err(Outcome::Unusable("either one packet or --packets FILE, not both".into()));
            }
        };
        Ok(Asked { name, text, logged: None })
    }

    /// Packets of a log, to all of which `words` apply.
    pub fn log(file: &Path, words: &str) -> Result<Asked, Outcome> {
        let (path, text) = host::read(file).map_err(Outcome::Unusable)?;
        let name = path.display().to_string();
        let Contents { packets, passed } = log::read(&text, words);
        for passed in passed.iter().take(MAX_SHOWN) {
            complain(&format!("{name}:{}: passed over: {}", passed.line, passed.why));
        }
        if passed.len() > MAX_SHOWN {
            complain(&format!("{name}: {} more lines are passed over", passed.len() - MAX_SHOWN));
        }
        if packets.is_empty() {
            let formats: Vec<&str> = log::formats().collect();
            return Err(Outcome::Unusable(format!(
                "{name}: no packet in it; lines of {} are read",
                formats.join(", ")
            )));
        }
        // Each sentence is on the line of its packet, for reports.
        let mut text = String::new();
        let mut line = 1;
        for packet in &packets {
            while line < packet.lines[0] {
                text.push('\n');
                line += 1;
            }
            text.push_str(&packet.sentence);
        }
        Ok(Asked { name, text, logged: Some(packets) })
    }

    /// The packets themselves, in the terms of a policy; those of a log that there cannot be are reported, and left out.
    pub fn packets(&self, sources: &Sources, declarations: &Declarations, style: Style) -> Result<Vec<One>, Outcome> {
        let mut diagnostics = Diagnostics::default();
        let ast = syntax::beside(sources, &self.name, &self.text, &mut diagnostics);
        let mut scope = Scope::new(declarations);
        let (mut all, mut refused) = (Vec::new(), 0);
        for sentence in 0..ast.sentences.len() as u32 {
            let mut own = if self.logged.is_some() { Diagnostics::default() } else { std::mem::take(&mut diagnostics) };
            let packets = described(&ast, sentence, &mut scope, &mut own);
            let lines = self.lines(&ast, sentence);
            all.extend(packets.into_iter().map(|packet| (packet, lines.clone())));
            if self.logged.is_none() {
                diagnostics = own;
            } else if own.has_errors() {
                refused += 1;
                if refused <= MAX_SHOWN {
                    report(&own, &ast, style);
                }
            }
        }
        if refused > MAX_SHOWN {
            complain(&format!("{}: {} more packets are not followed", self.name, refused - MAX_SHOWN));
        }
        diagnostics.sort();
        report(&diagnostics, &ast, style);
        if diagnostics.has_errors() {
            return Err(Outcome::Unusable("there is no verdict".into()));
        }
        if all.is_empty() {
            let none = if refused > 0 { "there is no verdict" } else { "no packet is described" };
            return Err(Outcome::Unusable(none.into()));
        }
        Ok(all)
    }

    /// The lines of the log that a sentence is from.
    fn lines(&self, ast: &Ast, sentence: u32) -> Vec<u32> {
        let Some(logged) = &self.logged else { return Vec::new() };
        let (line, _) = ast.sources.position(ast.span(&ast.sentences[sentence as usize]));
        let first = |packet: &Logged| packet.lines[0];
        let found = logged.binary_search_by(|packet| (first(packet) as usize).cmp(&line));
        found.map_or_else(|_| Vec::new(), |index| logged[index].lines.clone())
    }
}

fn report(diagnostics: &Diagnostics, ast: &Ast, style: Style) {
    for report in diagnostics.iter().filter(|report| report.severity != Severity::Note) {
        // Nobody reads on: the exit code says the rest.
        let text = diagnostic::human(report, &ast.sources, style) + "\n";
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}
