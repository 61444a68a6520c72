//! `cgwfw query`: what happens to all packets of some traffic.
//! Input: a policy, and traffic. Output: for each family and fate who decides, and which packets.

use std::fmt::Write as _;
use std::io::Write as _;

use clap::ValueEnum;
use serde::Serialize;

use super::operand::{Operand, OperandOptions};
use super::outcome::{Outcome, json_text, print};
use crate::diagnostic::{self, Diagnostics, Severity, Style};
use crate::net::{Families, Family};
use crate::origin::SentencePlace;
use crate::policy::{Declarations, Packets};
use crate::query::{Answered, Decider, Fated, Outlook, Told, query};
use crate::sentence::only;
use crate::source::Sources;
use crate::syntax;
use crate::traffic::set;

#[derive(clap::Args)]
#[command(
    after_help = "TRAFFIC is written as in `expect` sentences, in quotes; what it leaves open is asked for all values:\n  \
    cgwfw query gateway.cgwfw 'in on inet0 to port 179'\n\
    Without `state` it means first packets, with `state any` all; nothing is spoofed unless it says `spoofed`."
)]
pub struct Arguments {
    /// The policy (`-` reads standard input), rule files, a folder, or REV:PATH of git
    #[arg(value_name = "POLICY")]
    policy: String,
    /// The packets that are asked about
    #[arg(value_name = "TRAFFIC", required = true)]
    traffic: Vec<String>,
    /// Only packets of this fate
    #[arg(long, value_name = "VERDICT")]
    verdict: Option<Asks>,
    #[command(flatten)]
    options: OperandOptions,
    /// Write one JSON array, an object a fate and who decides it
    #[arg(long)]
    json: bool,
}

/// The fate that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Asks {
    /// What passes
    Accept,
    /// What is discarded in silence
    Drop,
    /// What is discarded with an answer
    Reject,
    /// What depends on a limit, a set or the like
    Depends,
}

impl Asks {
    fn outlook(self) -> Outlook {
        match self {
            Asks::Accept => Outlook::Accepted,
            Asks::Drop => Outlook::Dropped,
            Asks::Reject => Outlook::Rejected,
            Asks::Depends => Outlook::Depending,
        }
    }
}

/// How many sets of packets are shown of one fate that the same sentences decide.
const MAX_SHOWN: usize = 10;

pub fn run(arguments: Arguments, style: Style) -> Outcome {
    answer(&arguments, style).unwrap_or_else(|outcome| outcome)
}

fn answer(arguments: &Arguments, style: Style) -> Result<Outcome, Outcome> {
    let asked = Operand::read(&arguments.policy, &arguments.options, style)?;
    let (sources, none) = (Sources::default(), Declarations::default());
    let declarations = asked.declarations().unwrap_or(&none);
    // Who forgets the quotes means the same.
    let text = arguments.traffic.join(" ");
    let mut diagnostics = Diagnostics::default();
    let ast = syntax::beside(asked.sources().unwrap_or(&sources), "traffic", &text, &mut diagnostics);
    let read = |diagnostics: &mut Diagnostics| match ast.sentences.len() {
        1 => set::read(&ast, 0, declarations, diagnostics),
        _ => None,
    };
    let packets = read(&mut diagnostics);
    for report in diagnostics.iter().filter(|report| report.severity != Severity::Note) {
        // Nobody reads on: the exit code says the rest.
        let _ = std::io::stderr().write_all((diagnostic::human(report, &ast.sources, style) + "\n").as_bytes());
    }
    let Some(packets) = packets else {
        return Err(Outcome::Unusable("one description of packets is asked for, such as 'in on inet0 tcp'".into()));
    };
    let declared = || declarations.interfaces.iter().map(|declared| declared.name);
    let families = packets.families.and(asked.families());
    if families == Families::NONE {
        return Err(Outcome::Unusable("no packet is of the family of the rule file".into()));
    }
    let mut answers: Vec<Answered> =
        families.iter().map(|family| query(asked.rules(), family, &packets, declared())).collect();
    if let Some(asks) = arguments.verdict {
        for fates in answers.iter_mut().filter_map(|answer| answer.fates.as_mut()) {
            fates.retain(|fated| fated.fate == asks.outlook());
        }
    }
    let undecided: Vec<&str> =
        answers.iter().filter(|answer| answer.fates.is_none()).map(|answer| answer.family.name()).collect();
    let outcome = match &undecided[..] {
        [] => Outcome::Fine,
        families => Outcome::Unusable(format!("{}: not decided: it would take too long", families.join(" and "))),
    };
    let text = if arguments.json { json(&answers)? } else { human(&answers, &packets) };
    Ok(print(&text).and(outcome))
}

/// One fate as JSON.
#[derive(Serialize)]
struct JsonFate<'a> {
    family: &'static str,
    #[serde(flatten)]
    fated: &'a Fated,
}

fn json(answers: &[Answered]) -> Result<String, Outcome> {
    let fates: Vec<JsonFate> = answers
        .iter()
        .flat_map(|answer| answer.fates.iter().flatten().map(|fated| (answer.family, fated)))
        .map(|(family, fated)| JsonFate { family: family.keyword(), fated })
        .collect();
    json_text(serde_json::to_string(&fates))
}

/// The answers for people: what both families say is said once.
fn human(answers: &[Answered], packets: &Packets) -> String {
    let mut out = String::new();
    let mut told: Vec<(Vec<Family>, String)> = Vec::new();
    for answer in answers {
        let text = one(answer);
        match told.iter_mut().find(|(_, known)| *known == text) {
            Some((families, _)) => families.push(answer.family),
            None => told.push((vec![answer.family], text)),
        }
    }
    if packets.traffic.states.is_none() {
        out.push_str("First packets of connections; `state any` asks about all.\n");
    }
    for (families, text) in told {
        let names: Vec<&str> = families.iter().map(|family| family.name()).collect();
        let _ = write!(out, "\n{}\n{text}", names.join(" and "));
    }
    out
}

fn one(answer: &Answered) -> String {
    let Some(fates) = &answer.fates else { return "  not decided: it would take too long\n".into() };
    let mut out = String::new();
    if fates.is_empty() {
        out.push_str("  no such packet\n");
    }
    for fated in fates {
        let _ = writeln!(out, "  {}", heading(fated));
        for told in fated.packets.iter().take(MAX_SHOWN) {
            // The family stands above.
            let text = sentence(told).replace(&format!(" {}", only(answer.family)), "");
            let _ = writeln!(out, "    {text}");
        }
        if fated.packets.len() > MAX_SHOWN {
            let _ = writeln!(out, "    and {} more (--json has all)", fated.packets.len() - MAX_SHOWN);
        }
    }
    if answer.cut {
        out.push_str("  there are more: narrow the traffic\n");
    }
    out
}

fn heading(fated: &Fated) -> String {
    let mut text = fated.fate.word().to_owned();
    if let Some(depends) = &fated.depends {
        let fates: Vec<&str> = depends.fates.iter().map(|fate| fate.word()).collect();
        let _ = write!(text, " on {}: {}", depends.on.join(", "), fates.join(" or "));
    }
    let by: Vec<String> = fated.by.iter().map(decider).collect();
    if !by.is_empty() {
        let _ = write!(text, " by {}", by.join(", "));
    }
    text
}

/// `gateway.cgwfw:12: allow ssh in on inet0`
pub fn decider(decider: &Decider) -> String {
    match decider {
        Decider::Place(SentencePlace { file, line, text }) => {
            // The text of an included sentence begins with its file.
            let text = text.strip_prefix(&format!("{file}: ")).unwrap_or(text);
            diagnostic::visible(&format!("{file}:{line}: {text}"))
        }
        Decider::Chain(chain) => format!("the policy of {chain}"),
    }
}

/// `in on inet0 tcp port 22 (TTL 2-254)`
pub fn sentence(told: &Told) -> String {
    if told.also.is_empty() { told.packets.clone() } else { format!("{} ({})", told.packets, told.also.join(", ")) }
}
