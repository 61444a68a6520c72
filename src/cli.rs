//! The command line: arguments, files, standard output, exit codes. With the server the only place that does I/O.
//! Input: the arguments. Output: text, files, and an exit code: 0 fine, 1 the policy has errors, 2 usage or an unreadable file.

mod build;
mod check;
mod completions;
mod diff;
mod explain;
mod fmt;
mod helm;
#[cfg(feature = "lsp")]
mod lsp;
mod new;
mod operand;
mod options;
mod outcome;
mod parity;
mod query;
mod replace;
mod report;
mod rule_files;
mod snippets;
mod test;
mod trace;
mod watch;
mod without;

use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory, Parser, Subcommand};

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
    /// Tell what happens to all packets of some traffic, and which sentences decide that
    Query(query::Arguments),
    /// Tell what two rulesets do differently, packet by packet
    Diff(diff::Arguments),
    /// Tell what would change if a sentence of a policy were not there
    Without(without::Arguments),
    /// Tell what IPv4 and IPv6 treat differently, once ICMP and addresses are accounted for
    Parity(parity::Arguments),
    /// Search for packets that break the `expect` sentences of policies
    Test(test::Arguments),
    /// Write policies in the canonical layout
    Fmt(fmt::Arguments),
    /// Show the building blocks: their sentences, parameters, and the rules of their examples
    Snippets(snippets::Arguments),
    /// Explain a code: what it means, an example, the way out; without a code, list all
    Explain(explain::Arguments),
    /// Serve an editor: the language server, on standard input and output
    #[cfg(feature = "lsp")]
    Lsp,
    /// Print the completion script of a shell
    Completions(completions::Arguments),
    /// Print the manual page (roff)
    Man,
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
        Command::Query(words) => query::run(words, style),
        Command::Diff(arguments) => diff::run(arguments, style),
        Command::Without(words) => without::run(words, style),
        Command::Parity(arguments) => parity::run(arguments, style),
        Command::Test(words) => test::run(words, style),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Completions(arguments) => completions::run(arguments, &mut Arguments::command()),
        #[cfg(feature = "lsp")]
        Command::Lsp => lsp::run(),
        Command::Man => completions::man(Arguments::command()),
        Command::Snippets(arguments) => snippets::run(arguments, style),
    };
    outcome::exit_code(outcome)
}
