//! The command line: arguments, files, standard output, exit codes. With the server the only place that does I/O.
//! Input: the arguments. Output: text, files, and an exit code: 0 fine, 1 the policy has errors, 2 usage or an unreadable file.

mod build;
mod check;
mod completions;
mod explain;
mod fmt;
mod helm;
mod lsp;
mod new;
mod replace;
mod report;
mod snippets;
mod test;
mod trace;
mod watch;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};

use crate::expand::Options;
use crate::files::{self, Compiled};

/// One firewall policy in, both iptables rule files and the Helm values out.
#[derive(Parser)]
#[command(name = "cgwfw", version, propagate_version = true, max_term_width = 100)]
struct Arguments {
    /// When to write in colour; `NO_COLOR` is obeyed.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a commented starter policy; without a name, list the scenarios
    New(new::Arguments),
    /// Report what is wrong with a policy; with -v, show the rules that each sentence yields
    Check(check::Arguments),
    /// Write the rule files for iptables-restore and ip6tables-restore
    Build(build::Arguments),
    /// Print the values of the gateway chart with both rule files in them
    Helm(helm::Arguments),
    /// Answer why a packet is accepted, dropped or rejected: its walk through the tables
    Trace(trace::Arguments),
    /// Search for packets that break the `expect` sentences of policies
    Test(test::Arguments),
    /// Write policies in the canonical layout
    Fmt(fmt::Arguments),
    /// Show the building blocks: their sentences, parameters, and the rules of their examples
    Snippets(snippets::Arguments),
    /// Explain a code: what it means, an example, the way out; without a code, list all
    Explain(explain::Arguments),
    /// Serve an editor: the language server, on standard input and output
    Lsp,
    /// Print the completion script of a shell
    Completions(completions::Arguments),
    /// Print the manual page (roff)
    Man,
}

/// The options of all commands that compile.
#[derive(Args)]
struct PolicyOptions {
    /// A folder of building blocks of your own, besides `snippets/` beside the policy; may be given several times
    #[arg(long, value_name = "DIR")]
    snippets: Vec<PathBuf>,
    /// Put each sentence into `-m comment` of its rules, so that `iptables -L` shows it
    #[arg(long)]
    rule_comments: bool,
    /// Make warnings errors
    #[arg(long, value_name = "WHAT")]
    deny: Option<Deny>,
}

impl PolicyOptions {
    /// Reads and compiles a policy. `notes`: whether anybody will read them.
    fn compiled(&self, policy: &Path, notes: bool) -> Result<Compiled, String> {
        files::compiled(policy, &self.snippets, Options { rule_comments: self.rule_comments, notes })
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Deny {
    Warnings,
}

/// How a command ends.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Fine,
    /// The policy has errors, or warnings that are denied.
    Refused,
    /// The arguments or the files are unusable; said on standard error.
    Unusable(String),
}

impl Outcome {
    /// The worse of two.
    fn and(self, other: Outcome) -> Outcome {
        match (&self, &other) {
            (Outcome::Unusable(_), _) | (Outcome::Refused, Outcome::Fine | Outcome::Refused) => self,
            _ => other,
        }
    }
}

/// Runs the program on its arguments.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let style = report::style(arguments.color);
    let outcome = match arguments.command {
        Command::New(arguments) => new::run(arguments),
        Command::Check(arguments) => check::run(arguments, style),
        Command::Build(arguments) => build::run(arguments, style),
        Command::Helm(arguments) => helm::run(arguments, style),
        Command::Fmt(arguments) => fmt::run(arguments, style),
        Command::Trace(words) => trace::run(words, style, report::output_style(arguments.color)),
        Command::Test(words) => test::run(words, style),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Completions(arguments) => completions::run(arguments),
        Command::Lsp => lsp::run(),
        Command::Man => completions::man(),
        Command::Snippets(arguments) => snippets::run(arguments, style),
    };
    exit_code(outcome)
}

/// The exit code of an outcome; why files or arguments are unusable is said on standard error.
fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Outcome::Fine => ExitCode::SUCCESS,
        Outcome::Refused => ExitCode::from(1),
        Outcome::Unusable(message) => {
            // Nothing is left to do where even standard error is closed.
            let _ = writeln!(io::stderr(), "cgwfw: {message}");
            ExitCode::from(2)
        }
    }
}

/// Writes to standard output. A reader that has seen enough (`| head`) is no error.
fn print(text: &str) -> Outcome {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Outcome::Fine,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Outcome::Fine,
        Err(error) => Outcome::Unusable(format!("standard output cannot be written: {error}")),
    }
}
