//! `cgwfw build`: the rule files.
//! Input: a policy. Output: one family on standard output, or both as files in a folder: both or none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::options::PolicyOptions;
use super::outcome::{Outcome, print};
use super::replace::{replace, write_one};
use super::report::{self, Format};
use super::watch;
use crate::compile::Compilation;
use crate::diagnostic::Style;
use crate::host::Compiled;
use crate::net::{Both, Family};
use crate::parallel;
use crate::rule_file;
use crate::source_map::source_map;

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true)))]
pub struct Arguments {
    /// The policies; `-` reads standard input; several only with -o
    #[arg(value_name = "POLICY", required = true)]
    policies: Vec<PathBuf>,
    #[command(flatten)]
    options: PolicyOptions,
    /// Print the IPv4 file, for iptables-restore
    #[arg(short = '4', long, group = "what")]
    ipv4: bool,
    /// Print the IPv6 file, for ip6tables-restore
    #[arg(short = '6', long, group = "what")]
    ipv6: bool,
    /// Write iptables.rules and ip6tables.rules into this folder: both, or none; of several policies each into a
    /// folder of its own in it, with the name of the policy
    ///
    /// Files that are there keep their permissions, and links are followed; a pipe or a device is refused. Both files
    /// are complete on the disk before the first takes its place, and signals wait until the second has: only SIGKILL
    /// or a loss of power between the two can leave one file new and one old. Then build again, which also removes what
    /// such a run has left in the folder (.cgwfw-*.tmp).
    #[arg(short, long, value_name = "DIR", group = "what")]
    output: Option<PathBuf>,
    /// Write where each line of the rule files comes from, as JSON, into a file, a pipe or a device
    #[arg(long, value_name = "FILE")]
    source_map: Option<PathBuf>,
    /// How to write diagnostics
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Build again whenever a file changes
    #[arg(long, requires = "output")]
    watch: bool,
}

/// The names of the files, those of the keys in the chart's ConfigMap.
const FILES: [&str; 2] = ["iptables.rules", "ip6tables.rules"];

pub fn run(arguments: Arguments, style: Style) -> Outcome {
    let many = arguments.policies.len() > 1;
    if many && (arguments.output.is_none() || arguments.source_map.is_some()) {
        return Outcome::Unusable("several policies are built with -o DIR, and without a source map".into());
    }
    let mut stems: Vec<_> = arguments.policies.iter().filter_map(|policy| policy.file_stem()).collect();
    stems.sort();
    if many && let Some(twice) = stems.windows(2).find(|pair| pair[0] == pair[1]) {
        let name = twice[0].to_string_lossy();
        return Outcome::Unusable(format!(
            "two policies are called `{name}`: their files would go into the same folder"
        ));
    }
    if arguments.watch {
        return watch::watch(&arguments.policies, |seen| build(&arguments, style, seen));
    }
    build(&arguments, style, &mut Vec::new())
}

/// Builds every policy, each whatever becomes of the others; notes in `seen` the files that were read.
fn build(arguments: &Arguments, style: Style, seen: &mut Vec<PathBuf>) -> Outcome {
    let each = arguments.policies.iter().map(|policy| match arguments.options.compiled(policy, false) {
        Ok(compiled) => {
            watch::note_files(&compiled.compilation, seen);
            let outcome = write_policy(policy, &compiled, arguments, style);
            if !arguments.watch {
                // The process ends: taking apart every rule would be time for nothing.
                std::mem::forget(compiled);
            }
            outcome
        }
        Err(message) => Outcome::Unusable(message),
    });
    each.fold(Outcome::Fine, Outcome::and)
}

fn write_policy(policy: &Path, compiled: &Compiled, arguments: &Arguments, style: Style) -> Outcome {
    let compilation = &compiled.compilation;
    let usable = report::usable(compilation, &arguments.options);
    let refused = usable == Outcome::Refused;
    let written = report::write_beside_output(compilation, arguments.format, refused, style);
    if refused || written != Outcome::Fine {
        return usable.and(written);
    }
    if let Some(message) = report::yields_nothing(compilation) {
        return Outcome::Unusable(format!("{}: {message}", policy.display()));
    }
    if let Some(path) = &arguments.source_map {
        let map = source_map(compilation, &compiled.library);
        let written = serde_json::to_vec_pretty(&map).map_err(io::Error::other).and_then(|json| write_one(path, &json));
        if let Err(error) = written {
            return Outcome::Unusable(format!("{}: {error}", path.display()));
        }
    }
    let Some(folder) = &arguments.output else {
        let family = if arguments.ipv4 { Family::V4 } else { Family::V6 };
        return print(&rule_file::text(&compilation.ast, &compilation.rulesets[family]));
    };
    let own =
        if arguments.policies.len() > 1 { folder.join(policy.file_stem().unwrap_or_default()) } else { folder.clone() };
    match write_both(&own, compilation) {
        Ok(()) => Outcome::Fine,
        Err(error) => Outcome::Unusable(format!("{}: nothing was written: {error}", own.display())),
    }
}

/// Writes both files, or none.
fn write_both(folder: &Path, compilation: &Compilation) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let paths = FILES.map(|name| folder.join(name));
    replace(&paths.each_ref().map(PathBuf::as_path), |files| {
        let file_of = |family| if family == Family::V4 { files[0] } else { files[1] };
        let Both { v4, v6 } = parallel::both(compilation.ast.sentences.len(), |family| {
            rule_file::write(&compilation.ast, &compilation.rulesets[family], &mut file_of(family))
        });
        v4.and(v6)
    })
}
