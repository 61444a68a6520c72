//! `cgwfw trace`: what becomes of a packet, and why.
//! Input: a policy or rule files, and packets as traffic sentences or as logs have them. Output: an answer for each packet.

mod packets;

use std::path::{Path, PathBuf};

use self::packets::{Asked, One};
use super::options::PolicyOptions;
use super::outcome::{Outcome, json_text, print};
use super::report::{self, Format};
use super::rule_files::RuleFiles;
use crate::diagnostic::Style;
use crate::net::{Both, Family};
use crate::origin::Rules;
use crate::policy::Declarations;
use crate::simulate::Loaded;
use crate::snippet::library::Library;
use crate::source::Sources;
use crate::trace::diagram::diagram;
use crate::trace::hint::Setting;
use crate::trace::human::{TraceStyle, human};
use crate::trace::json::json;
use crate::trace::{Trace, trace};

/// The most lines of a log that an answer names.
const MAX_LINES: usize = 8;

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
    /// Read packets from a log (`-` reads standard input): lines of `tcpdump -nn`, of the kernel's LOG, of ulogd, or of
    /// `conntrack -L`
    ///
    /// Each answer names the lines that it is of. TRAFFIC, such as 'in on eth0', then applies to all of them: it is needed
    /// where the lines do not say which way a packet went, and takes the place of what they say. Only what a line says is
    /// known of its packet; marks are not taken from logs, since rules may have made them. A packet of `conntrack -L` is
    /// the first one of its connection.
    #[arg(long, value_name = "FILE", conflicts_with = "packets")]
    log: Option<PathBuf>,
    /// Write one JSON object a packet
    #[arg(long, conflicts_with_all = ["verbose", "diagram"])]
    json: bool,
    /// Show the rules that almost matched, with the match that failed
    #[arg(short, long)]
    verbose: bool,
    /// Follow the answer to the packet as well: back through the same interfaces, translated back
    #[arg(long)]
    reply: bool,
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
    let asked = match &arguments.log {
        Some(log) => Asked::log(log, traffic.as_deref().unwrap_or_default())?,
        None => Asked::sentences(traffic, arguments.packets.as_deref())?,
    };
    if let Some(policy) = policy {
        let compiled = arguments.options.compiled(Path::new(policy), false).map_err(Outcome::Unusable)?;
        let compilation = &compiled.compilation;
        if report::usable(compilation, &arguments.options) == Outcome::Refused {
            report::write(std::slice::from_ref(compilation), Format::Human, false, style);
            return Err(Outcome::Unusable("the policy has errors: there is no verdict".into()));
        }
        let packets = asked.packets(&compilation.ast.sources, &compilation.declarations, style)?;
        return Ok(write(packets, Rules::Policy(compilation), Some(&compiled.library), arguments, output));
    }
    let (rulesets, files) = arguments.rules.read()?;
    let mut packets = asked.packets(&Sources::default(), &Declarations::default(), style)?;
    packets.retain(|(packet, _)| arguments.rules.of(packet.packet.family()).is_some());
    if packets.is_empty() {
        return Err(usage("no packet is of the family of the rule file: name the other file with -4 or -6"));
    }
    Ok(write(packets, Rules::Files(&rulesets, &files), None, arguments, output))
}

fn usage(message: &str) -> Outcome {
    Outcome::Unusable(message.to_owned())
}

fn write(packets: Vec<One>, rules: Rules, library: Option<&Library>, arguments: &Arguments, style: Style) -> Outcome {
    let loaded = Both::of(|family| Loaded::new(rules.of(family)));
    let mut outcome = Outcome::Fine;
    let many = packets.len() > 1;
    for (index, (packet, lines)) in packets.into_iter().enumerate() {
        let family = packet.packet.family();
        let trace = trace(&loaded[family], packet);
        let text = if arguments.json {
            let json = json(&trace, rules, arguments.reply.then_some(&loaded[family])).of_lines(lines);
            match json_text(serde_json::to_string(&json)) {
                Ok(text) => text,
                Err(outcome) => return outcome,
            }
        } else {
            let setting = Setting { rules, loaded: &loaded[family], library };
            let title = title(&lines, many.then_some(family));
            let between = if index > 0 { "\n\n" } else { "" };
            format!("{between}{title}{}", people(&trace, &setting, arguments, style))
        };
        outcome = outcome.and(print(&text));
        if outcome != Outcome::Fine {
            break;
        }
    }
    outcome
}

/// The lines of the log, and the family where there are several packets: `lines 3, 7 and 12, IPv4: `.
fn title(lines: &[u32], family: Option<Family>) -> String {
    let (shown, rest) = lines.split_at(lines.len().min(MAX_LINES));
    let mut numbers: Vec<String> = shown.iter().map(u32::to_string).collect();
    if !rest.is_empty() {
        numbers.push(format!("{} more", rest.len()));
    }
    let lines = match &numbers[..] {
        [] => None,
        [one] => Some(format!("line {one}")),
        [first @ .., last] => Some(format!("lines {} and {last}", first.join(", "))),
    };
    let parts: Vec<String> = lines.into_iter().chain(family.map(|family| family.name().to_owned())).collect();
    if parts.is_empty() { String::new() } else { format!("{}: ", parts.join(", ")) }
}

/// The answer for people.
fn people(trace: &Trace, setting: &Setting, arguments: &Arguments, style: Style) -> String {
    let mut text = human(trace, setting, TraceStyle { style, verbose: arguments.verbose, reply: arguments.reply });
    if arguments.diagram {
        text.push('\n');
        text.push_str(&diagram(trace, setting.rules, style));
    }
    text
}
