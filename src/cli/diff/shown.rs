//! Differences for people, in a terminal or in a merge request.
//! Input: what changes in each family. Output: text.

use std::fmt::Write as _;

use crate::cli::query::{decider, sentence};
use crate::diff::{FamilyDifference, Relation, Rewriting, Turn, Turned};
use crate::query::Told;
use crate::sentence::only;

/// How many sets of packets are shown of those that one sentence changes.
const MAX_SHOWN: usize = 10;

/// What is put around words: nothing, or what Markdown takes.
pub trait Marks {
    /// A line of the summary.
    fn line(&self, text: &str) -> String;
    /// A heading of the first level, of which there is one a family.
    fn family(&self, text: &str) -> String;
    /// A heading below it.
    fn heading(&self, text: &str) -> String;
    /// A line of a list.
    fn item(&self, text: &str) -> String;
    /// Code among words.
    fn code(&self, text: &str) -> String;
}

/// Plain text.
pub struct Plain;

impl Marks for Plain {
    fn line(&self, text: &str) -> String {
        text.to_owned()
    }

    fn family(&self, text: &str) -> String {
        format!("{text}\n")
    }

    fn heading(&self, text: &str) -> String {
        format!("  {text}\n")
    }

    fn item(&self, text: &str) -> String {
        format!("    {text}\n")
    }

    fn code(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// Markdown, as comments on merge requests take it.
pub struct Markdown;

impl Marks for Markdown {
    fn line(&self, text: &str) -> String {
        match text.split_once(": ") {
            Some((what, word)) => format!("- **{what}**: {word}"),
            None => format!("- {text}"),
        }
    }

    fn family(&self, text: &str) -> String {
        format!("### {text}\n")
    }

    fn heading(&self, text: &str) -> String {
        format!("\n{text}\n\n")
    }

    fn item(&self, text: &str) -> String {
        format!("- {text}\n")
    }

    fn code(&self, text: &str) -> String {
        // A text with back-ticks stands between two of them.
        if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
    }
}

/// The first line: `IPv4: more permissive (new connections: the same)`.
pub fn word(difference: &FamilyDifference) -> String {
    let FamilyDifference { all, first, packets, .. } = difference;
    let refused = packets.iter().filter(|turned| turned.change == Turn::RefusedOtherwise).count();
    let mut text = match (all, difference.is_none()) {
        (Relation::Same, false) => {
            let mut parts = Vec::new();
            if refused > 0 {
                parts.push("some are refused otherwise");
            }
            if !difference.rewritten.is_empty() {
                parts.push("some are made another");
            }
            if !difference.other.is_empty() {
                parts.push("other rules differ");
            }
            format!("the same packets pass; {}", parts.join(", "))
        }
        (relation, _) => relation.words().to_owned(),
    };
    if all != first {
        let _ = write!(text, " (new connections: {})", first.words());
    }
    text
}

/// What changes in a family.
pub fn difference(difference: &FamilyDifference, marks: &dyn Marks) -> String {
    let mut out = String::new();
    let family_said = format!(" {}", only(difference.family));
    let list = |out: &mut String, packets: &[Told]| {
        for told in packets.iter().take(MAX_SHOWN) {
            let text = sentence(told).replace(&family_said, "");
            out.push_str(&marks.item(&marks.code(&text)));
        }
        if packets.len() > MAX_SHOWN {
            out.push_str(&marks.item(&format!("and {} more (`--format json` has all)", packets.len() - MAX_SHOWN)));
        }
    };
    for turned in &difference.packets {
        out.push_str(&marks.heading(&heading(turned, marks)));
        list(&mut out, &turned.packets);
    }
    for Rewriting { changes, depends, packets } in &difference.rewritten {
        let changes: Vec<String> = changes
            .iter()
            .map(|becomes| format!("{}: {}, before {}", becomes.field, becomes.after, becomes.before))
            .collect();
        let on = depending(depends);
        out.push_str(&marks.heading(&format!("passes as before, but the {}{on}", changes.join("; "))));
        list(&mut out, packets);
    }
    if !difference.other.is_empty() {
        out.push_str(&marks.heading("rules that change what no rule looks at"));
        difference.other.iter().for_each(|line| out.push_str(&marks.item(&marks.code(line))));
    }
    if difference.cut {
        out.push_str(&marks.heading("there are more packets than are told"));
    }
    out
}

fn heading(turned: &Turned, marks: &dyn Marks) -> String {
    let Turned { change, before, after, by, was, depends, .. } = turned;
    let by = marks.code(&decider(by));
    let was: Vec<String> = was.iter().map(|was| marks.code(&decider(was))).collect();
    let was = if was.is_empty() { String::new() } else { format!(" by {}", was.join(", ")) };
    let on = depending(depends);
    match change {
        Turn::NewlyAccepted => format!("newly accepted by {by}{on}; {before} before{was}"),
        Turn::NewlyDropped => format!("newly {after} by {by}{on}; accepted before{was}"),
        Turn::RefusedOtherwise => format!("{after} by {by}{on}; {before} before{was}"),
    }
}

fn depending(on: &[String]) -> String {
    if on.is_empty() { String::new() } else { format!(" (depends on {})", on.join(", ")) }
}
