//! `cgwfw trace`: what becomes of a packet, and why.
//! Input: a policy or two rule files, and packets as traffic sentences. Output: an answer for each packet.

use std::path::{Path, PathBuf};

use super::options::PolicyOptions;
use super::outcome::{Outcome, json_text, print};
use super::report::{self, Format};
use super::rule_files::RuleFiles;
use crate::diagnostic::{self, Diagnostics, Severity, Style};
use crate::host;
use crate::net::Both;
use crate::origin::Rules;
use crate::policy::Declarations;
use crate::simulate::Loaded;
use crate::snippet::library::Library;
use crate::source::Sources;
use crate::syntax::{self, Ast};
use crate::trace::diagram::diagram;
use crate::trace::hint::Setting;
use crate::trace::human::{TraceStyle, human};
use crate::trace::json::json;
use crate::trace::{Trace, trace};
use crate::traffic::one::{Described, all_described};

#[derive(clap::Args)]
#[command(after_help = "TRAFFIC is written as in `expect` sentences, in quotes, and describes one packet:\n  \
    cgwfw trace gateway.cgwfw 'in on inet0 udp from 192.0.2.1 port 500 to 192.0.2.2 port 500'\n\
    What is left open takes a default, which the answer shows.")]
pub struct Arguments {
    /// The policy (`-` reads standard input; none with --rules), and the packet
    #[arg(value_names = ["POLICY", "TRAFFIC"], num_args = 0..)]
    words: Vec<String>,
    #[command(flatten)]
    options: PolicyOptions,
    #[command(flatten)]
    rules: RuleFiles,
    /// Read packets from a file, one traffic sentence a line
    #[arg(long, value_name = "FILE")]
    packets: Option<PathBuf>,
    /// Write one JSON object a packet
    #[arg(long, conflicts_with_all = ["verbose", "diagram"])]
    json: bool,
    /// Show the rules that almost matched, with the match that failed
    #[arg(short, long)]
    verbose: bool,
    /// Draw the tables with the packet's path in them
    #[arg(long)]
    diagram: bool,
}

pub fn run(arguments: Arguments, style: Style, output: Style) -> Outcome {
    answer(&arguments, style, output).unwrap_or_else(|outcome| outcome)
}

fn answer(arguments: &Arguments, style: Style, output: Style) -> Result<Outcome, Outcome> {
    let (policy, rest) = match (&arguments.words[..], arguments.rules.is_empty()) {
        ([policy, rest @ ..], true) => (Some(policy), rest),
        ([], true) => return Err(usage("`cgwfw trace` takes a policy and a packet: POLICY 'TRAFFIC'")),
        (rest, false) => (None, rest),
    };
    // Who forgets the quotes means the same.
    let traffic = (!rest.is_empty()).then(|| rest.join(" "));
    match (&traffic, &arguments.packets) {
        (Some(_), None) | (None, Some(_)) => {}
        (None, None) => {
            return Err(usage("no packet: write it in quotes, `'in on inet0 tcp port 22'`, or give --packets FILE"));
        }
        (Some(_), Some(_)) => return Err(usage("either one packet or --packets FILE, not both")),
    }
    let (name, text) = match (traffic, &arguments.packets) {
        (Some(traffic), _) => ("packet".to_owned(), traffic),
        (None, path) => {
            let path = path.as_deref().unwrap_or(Path::new("-"));
            let (path, text) = host::read(path).map_err(Outcome::Unusable)?;
            (path.display().to_string(), text)
        }
    };
    let mut diagnostics = Diagnostics::default();
    if let Some(policy) = policy {
        let compiled = arguments.options.compiled(Path::new(policy), false).map_err(Outcome::Unusable)?;
        let compilation = &compiled.compilation;
        if report::usable(compilation, &arguments.options) == Outcome::Refused {
            report::write(std::slice::from_ref(compilation), Format::Human, false, style);
            return Err(Outcome::Unusable("the policy has errors: there is no verdict".into()));
        }
        let ast = syntax::beside(&compilation.ast.sources, &name, &text, &mut diagnostics);
        let packets = all_described(&ast, &compilation.declarations, &mut diagnostics);
        let packets = refuse(packets, &ast, diagnostics, style)?;
        return Ok(write(packets, Rules::Policy(compilation), Some(&compiled.library), arguments, output));
    }
    let (rulesets, files) = arguments.rules.read()?;
    let ast = syntax::beside(&Sources::default(), &name, &text, &mut diagnostics);
    let packets = all_described(&ast, &Declarations::default(), &mut diagnostics);
    let mut packets = refuse(packets, &ast, diagnostics, style)?;
    packets.retain(|packet| arguments.rules.of(packet.packet.family()).is_some());
    if packets.is_empty() {
        return Err(usage("no packet is of the family of the rule file: name the other file with -4 or -6"));
    }
    Ok(write(packets, Rules::Files(&rulesets, &files), None, arguments, output))
}

fn usage(message: &str) -> Outcome {
    Outcome::Unusable(message.to_owned())
}

/// Writes what is wrong with the packets; where something is, or there is none, there is no answer.
fn refuse(
    packets: Vec<Described>,
    ast: &Ast,
    mut diagnostics: Diagnostics,
    style: Style,
) -> Result<Vec<Described>, Outcome> {
    diagnostics.sort();
    for report in diagnostics.iter().filter(|report| report.severity != Severity::Note) {
        // Nobody reads on: the exit code says the rest.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            (diagnostic::human(report, &ast.sources, style) + "\n").as_bytes(),
        );
    }
    if diagnostics.has_errors() {
        return Err(Outcome::Unusable("there is no verdict".into()));
    }
    if packets.is_empty() {
        return Err(Outcome::Unusable("no packet is described".into()));
    }
    Ok(packets)
}

fn write(
    packets: Vec<Described>,
    rules: Rules,
    library: Option<&Library>,
    arguments: &Arguments,
    style: Style,
) -> Outcome {
    let loaded = Both::of(|family| Loaded::new(rules.of(family)));
    let mut outcome = Outcome::Fine;
    let many = packets.len() > 1;
    for (index, packet) in packets.into_iter().enumerate() {
        let family = packet.packet.family();
        let trace = trace(&loaded[family], packet);
        let text = if arguments.json {
            match json_text(serde_json::to_string(&json(&trace, rules))) {
                Ok(text) => text,
                Err(outcome) => return outcome,
            }
        } else {
            let setting = Setting { rules, loaded: &loaded[family], library };
            people(&trace, &setting, arguments, style, many, index)
        };
        outcome = outcome.and(print(&text));
        if outcome != Outcome::Fine {
            break;
        }
    }
    outcome
}

/// The answer for people; several are set apart.
fn people(trace: &Trace, setting: &Setting, arguments: &Arguments, style: Style, many: bool, index: usize) -> String {
    let mut text = String::new();
    if many {
        let family = trace.described.packet.family().name();
        text.push_str(if index > 0 { "\n\n" } else { "" });
        text.push_str(&format!("{family}: "));
    }
    text.push_str(&human(trace, setting, TraceStyle { style, verbose: arguments.verbose }));
    if arguments.diagram {
        text.push('\n');
        text.push_str(&diagram(trace, setting.rules, style));
    }
    text
}
