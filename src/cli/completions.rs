//! `cgwfw completions` and `cgwfw man`: made from the arguments themselves.
//! Input: the arguments, a shell. Output: its completion script; the manual page.

use clap::Command;
use clap_complete::Shell;

use super::outcome::{Outcome, print};

#[derive(clap::Args)]
pub struct Arguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub fn run(arguments: Arguments, command: &mut Command) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, command, "cgwfw", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// The manual page, in roff: `cgwfw man | man -l -`.
pub fn man(command: Command) -> Outcome {
    let mut page = Vec::new();
    let mut render = |command: Command| clap_mangen::Man::new(command).date("").render(&mut page);
    let written = render(command.clone())
        .and_then(|()| command.get_subcommands().try_for_each(|command| render(command.clone())));
    match written {
        Ok(()) => print(&String::from_utf8_lossy(&page)),
        Err(error) => Outcome::Unusable(format!("the manual page cannot be made: {error}")),
    }
}
