//! What each code means: the cases that are also its tests.
//! Input: the name of a code. Output: how bad it is, and a text in Markdown.

use crate::diagnostic::Severity;

/// A code, explained.
pub struct Explanation {
    /// The last part of the code: `host_bits`.
    pub name: &'static str,
    /// How bad it is where no `lint` sentence says otherwise.
    pub severity: Severity,
    /// A title, prose, and cases.
    pub text: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/explanations.rs"));
include!(concat!(env!("OUT_DIR"), "/codes.rs"));

impl Explanation {
    /// What it is called.
    pub fn title(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches('#').trim()
    }

    /// The prose between the title and the first case.
    pub fn prose(&self) -> String {
        let lines = self.text.lines().skip(1).take_while(|line| !line.starts_with("##"));
        lines.map(|line| format!("{line}\n")).collect::<String>().trim().to_owned()
    }
}

/// All codes, by name.
pub fn all() -> &'static [Explanation] {
    EXPLANATIONS
}

/// The code of that name, with or without its stage: `cgwfw::resolve::host_bits`, `host_bits`.
pub fn find(code: &str) -> Option<&'static Explanation> {
    let name = name(code);
    EXPLANATIONS.iter().find(|explanation| explanation.name == name)
}

/// The last part of a code.
pub fn name(code: &str) -> &str {
    code.rsplit("::").next().unwrap_or_default()
}
