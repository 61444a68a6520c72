//! `cgwfw diff`: what two rulesets do differently, packet by packet.
//! Input: policies, rule files, folders, revisions of git. Output: for each family one of four words, and the packets whose
//! fate changes.

pub mod shown;

use std::fmt::Write as _;

use clap::ValueEnum;
use serde::Serialize;

use self::shown::{Markdown, Marks, Plain, difference, word};
use super::operand::{self, Operand, OperandOptions};
use super::outcome::{Outcome, complain, json_text, print};
use crate::diagnostic::Style;
use crate::diff::{FamilyDifference, Pair, diff, opens};
use crate::language::values::Role;
use crate::net::{Families, Family, Interface};

#[derive(clap::Args)]
#[command(after_help = operand::HELP)]
pub struct Arguments {
    /// What there was: a policy, rule files, a folder, or REV:PATH of git
    #[arg(value_name = "OLD")]
    old: String,
    /// What there will be
    #[arg(value_name = "NEW")]
    new: String,
    #[command(flatten)]
    options: OperandOptions,
    /// How to write the answer
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: DiffFormat,
    /// Fail for this alone, not for every difference
    #[arg(long, value_name = "WHAT")]
    deny: Option<Denied>,
}

/// How differences are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For a terminal
    Human,
    /// For a comment on a merge request
    Markdown,
    /// One object, with all packets
    Json,
}

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Denied {
    /// Packets pass that did not
    #[value(name = "newly-accepted")]
    Any,
    /// First packets of connections pass that did not
    #[value(name = "newly-accepted:new")]
    New,
    /// Packets pass that did not, and that come in by an interface that is or was `public`
    #[value(name = "newly-accepted:public")]
    Public,
}

pub fn run(arguments: Arguments, style: Style) -> Outcome {
    match Operand::both([&arguments.old, &arguments.new], &arguments.options, style) {
        Ok([old, new]) => answer(&old, &new, &arguments),
        Err(outcome) => outcome,
    }
}

fn answer(old: &Operand, new: &Operand, arguments: &Arguments) -> Outcome {
    let compared = Compared::new(old, new);
    let text = match compared.text(arguments.format) {
        Ok(text) => text,
        Err(outcome) => return outcome,
    };
    let denied = match arguments.deny {
        None => compared.differ(),
        Some(denied) => match compared.opens(old, new, denied) {
            Some(opens) => opens,
            None => return print(&text).and(undecided()),
        },
    };
    let outcome = if denied { Outcome::Refused } else { Outcome::Fine };
    print(&text).and(outcome).and(compared.decided())
}

fn undecided() -> Outcome {
    Outcome::Unusable("not decided: it would take too long".into())
}

/// The interfaces that the policies of both sides declare.
fn declared(old: &Operand, new: &Operand, role: Option<Role>) -> Vec<Interface> {
    let all = [old, new].into_iter().filter_map(Operand::declarations).flat_map(|all| &all.interfaces);
    let mut names: Vec<Interface> = all
        .filter(|declared| role.is_none_or(|role| declared.role == Some(role)))
        .map(|declared| declared.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Two sides, compared.
pub struct Compared {
    /// What changes in each family that both have; none where it was not decided.
    families: Vec<(Family, Option<FamilyDifference>)>,
    /// The families that one side alone has, and the name of the other.
    missing: Vec<(Family, String)>,
    /// The families whose rule files have other bytes.
    other_bytes: Families,
}

impl Compared {
    /// Compares both families.
    pub fn new(old: &Operand, new: &Operand) -> Compared {
        let names = declared(old, new, None);
        let mut compared = Compared { families: Vec::new(), missing: Vec::new(), other_bytes: Families::NONE };
        for family in old.families().or(new.families()).iter() {
            let without = [old, new].into_iter().find(|side| !side.families().has(family));
            if let Some(side) = without {
                compared.missing.push((family, side.name().to_owned()));
                continue;
            }
            let pair = Pair { old: old.rules(), new: new.rules(), family };
            compared.families.push((family, diff(pair, &names)));
            if old.bytes(family) != new.bytes(family) {
                compared.other_bytes = compared.other_bytes.or(family.into());
            }
        }
        compared
    }

    /// Whether anything is not the same.
    pub fn differ(&self) -> bool {
        let same = |(_, difference): &(Family, Option<FamilyDifference>)| {
            difference.as_ref().is_some_and(FamilyDifference::is_none)
        };
        !self.missing.is_empty() || !self.families.iter().all(same)
    }

    /// Whether all of it was decided.
    pub fn decided(&self) -> Outcome {
        if self.families.iter().all(|(_, difference)| difference.is_some()) { Outcome::Fine } else { undecided() }
    }

    /// Whether what is denied is there.
    fn opens(&self, old: &Operand, new: &Operand, denied: Denied) -> Option<bool> {
        let names = declared(old, new, None);
        let public = declared(old, new, Some(Role::Public));
        if denied == Denied::Public && public.is_empty() {
            complain("no interface is declared `public`: nothing is denied");
        }
        let mut all = false;
        for (family, _) in &self.families {
            let pair = Pair { old: old.rules(), new: new.rules(), family: *family };
            let from = (denied == Denied::Public).then_some(&public[..]);
            all |= opens(pair, &names, from, denied == Denied::New)?;
        }
        Some(all)
    }

    /// The answer in a format.
    pub fn text(&self, format: DiffFormat) -> Result<String, Outcome> {
        match format {
            DiffFormat::Human => Ok(self.people(&Plain)),
            DiffFormat::Markdown => Ok(self.people(&Markdown)),
            DiffFormat::Json => self.json(),
        }
    }

    fn people(&self, marks: &dyn Marks) -> String {
        let mut out = String::new();
        for (family, difference) in &self.families {
            let word = difference.as_ref().map_or_else(|| "not decided: it would take too long".into(), word);
            let _ = writeln!(out, "{}", marks.line(&format!("{}: {word}", family.name())));
        }
        for (family, side) in &self.missing {
            let _ = writeln!(out, "{}", marks.line(&format!("{}: {side} has no rule file of it", family.name())));
        }
        let names: Vec<&str> = self.other_bytes.iter().map(Family::name).collect();
        let bytes = match &names[..] {
            [] => "the rule files have the same bytes".into(),
            names => format!("the rule files have other bytes ({}): the pod restarts", names.join(" and ")),
        };
        let _ = writeln!(out, "{}", marks.line(&bytes));
        for (family, difference) in &self.families {
            let text = difference.as_ref().map_or_else(String::new, |all| self::difference(all, marks));
            if !text.is_empty() {
                let _ = write!(out, "\n{}{text}", marks.family(family.name()));
            }
        }
        out
    }

    fn json(&self) -> Result<String, Outcome> {
        let families = self.families.iter().map(|(family, difference)| JsonFamily {
            family: family.keyword(),
            decided: difference.is_some(),
            other_bytes: self.other_bytes.has(*family),
            difference: difference.as_ref(),
        });
        let missing = self.missing.iter().map(|(family, side)| JsonMissing { family: family.keyword(), side });
        let all = Json { families: families.collect(), missing: missing.collect() };
        json_text(serde_json::to_string(&all))
    }
}

#[derive(Serialize)]
struct Json<'a> {
    families: Vec<JsonFamily<'a>>,
    /// Families that one side has no rule file of.
    missing: Vec<JsonMissing<'a>>,
}

#[derive(Serialize)]
struct JsonFamily<'a> {
    family: &'static str,
    decided: bool,
    other_bytes: bool,
    #[serde(flatten)]
    difference: Option<&'a FamilyDifference>,
}

#[derive(Serialize)]
struct JsonMissing<'a> {
    family: &'static str,
    side: &'a str,
}
