//! The options of all commands that compile a policy.
//! Input: arguments. Output: a compilation.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::expand::CompileOptions;
use crate::host::{self, Compiled, Disk, FileTree, SnippetFolders};

/// The options of all commands that compile.
#[derive(Args)]
pub struct PolicyOptions {
    /// A folder of building blocks of your own, besides `snippets/` beside the policy; may be given several times
    #[arg(long, value_name = "DIR")]
    pub snippets: Vec<PathBuf>,
    /// Put each sentence into `-m comment` of its rules, so that `iptables -L` shows it
    #[arg(long)]
    pub rule_comments: bool,
    /// Make warnings errors
    #[arg(long, value_name = "WHAT")]
    pub deny: Option<Deny>,
}

impl PolicyOptions {
    /// Reads and compiles a policy. `notes`: whether anybody will read them.
    pub fn compiled(&self, policy: &Path, notes: bool) -> Result<Compiled, String> {
        let (path, text) = host::read(policy)?;
        self.compiled_text(path, &text, notes, &Disk)
    }

    /// Compiles the text of a policy; `files` has what is near it, the disk the folders of `--snippets`.
    pub fn compiled_text(
        &self,
        path: &Path,
        text: &str,
        notes: bool,
        files: &dyn FileTree,
    ) -> Result<Compiled, String> {
        let snippets = SnippetFolders { folders: &self.snippets, files: &Disk };
        let options = CompileOptions { rule_comments: self.rule_comments, notes };
        host::compiled_text(path, text, snippets, options, files)
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Deny {
    Warnings,
}
