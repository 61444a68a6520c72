//! One side of a comparison: a policy, or rule files, from the disk, from standard input or from a revision of git.
//! Input: a path, `-` or `REV:PATH`. Output: the rules of each family, or why there is nothing to compare.

mod folder;
mod location;
mod signs;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};

use self::folder::{Chosen, NamedBytes, choose};
use self::location::Location;
use self::signs::{NamedFamily, is_policy_name, is_policy_text, is_rule_text, named_family};
use super::options::PolicyOptions;
use super::outcome::{Outcome, complain};
use super::report::{self, Format};
use super::rule_files::rules_of_both;
use crate::diagnostic::Style;
use crate::host::{self, Compiled, Disk, FileTree};
use crate::iptables::ruleset::Ruleset;
use crate::net::{Both, Families, Family};
use crate::origin::{RuleFile, Rules};
use crate::policy::Declarations;
use crate::rule_file;
use crate::source::Sources;

/// How people write operands: for the help of the commands that take them.
pub const HELP: &str = "A file that ends in `.cgwfw` is a policy, and so is standard input (`-`); any other file is a rule \
    file.\n\
    A folder stands for the rule files in it, or for the policy in it that no other one there includes.\n\
    REV:PATH is what git has there, as in `git show REV:PATH`: HEAD:gateway.cgwfw begins at the root of the repository, \
    HEAD:./gateway.cgwfw in the current folder. What such a policy includes and its snippets/ are those of the revision; \
    folders of --snippets are those of the disk.\n\
    The name of a rule file says its family: with `ip6tables`, `ipv6` or `v6` in it IPv6, with `ipv4` or `v4` IPv4, else \
    with `iptables` IPv4, else with `-4` or `-6` before its extension. --family says it of any other, and where it is \
    `iptables` or a number alone that the name has.";

/// How the operands are to be read.
#[derive(clap::Args)]
pub struct OperandOptions {
    /// A folder of building blocks of your own, besides `snippets/` beside the policy; may be given several times
    #[arg(long, value_name = "DIR")]
    pub snippets: Vec<PathBuf>,
    /// With the rules that `build --rule-comments` writes
    #[arg(long)]
    pub rule_comments: bool,
    /// The family of rule files whose names do not say it
    #[arg(long, value_name = "FAMILY", value_parser = family_parser())]
    pub family: Option<Family>,
}

fn family_parser() -> impl TypedValueParser<Value = Family> {
    let family = |word: String| if word == Family::V6.keyword() { Family::V6 } else { Family::V4 };
    PossibleValuesParser::new(Family::BOTH.map(Family::keyword)).map(family)
}

/// One side of a comparison: a policy, or rule files.
pub struct Operand {
    name: String,
    content: Content,
}

/// What an operand holds.
enum Content {
    /// A policy without errors.
    Policy(Box<Compiled>),
    /// Rule files.
    Files(Box<LoadableFiles>),
}

/// Rule files that a loader takes, of one family or of both.
struct LoadableFiles {
    /// Their rules; none of a family without a file.
    rulesets: Both<Ruleset>,
    /// Where these come from.
    files: Both<RuleFile>,
    /// Their bytes; `None` of a family without a file.
    bytes: Both<Option<Vec<u8>>>,
}

impl OperandOptions {
    fn policy(&self) -> PolicyOptions {
        PolicyOptions { snippets: self.snippets.clone(), rule_comments: self.rule_comments, deny: None }
    }
}

impl Operand {
    /// Reads both sides. What is wrong with the one is said before what is wrong with the other, all of both.
    pub fn both(written: [&str; 2], options: &OperandOptions, style: Style) -> Result<[Operand; 2], Outcome> {
        if written == ["-", "-"] {
            return Err(Outcome::Unusable("standard input is one policy: only one of the two can be `-`".into()));
        }
        match written.map(|one| Operand::read(one, options, style)) {
            [Ok(old), Ok(new)] => Ok([old, new]),
            [Err(Outcome::Unusable(message)), Err(outcome)] => {
                complain(&message);
                Err(outcome)
            }
            [Err(outcome), _] | [_, Err(outcome)] => Err(outcome),
        }
    }

    /// Reads one side, as it is written on the command line.
    pub fn read(written: &str, options: &OperandOptions, style: Style) -> Result<Operand, Outcome> {
        if written == "-" {
            let (path, bytes) = host::bytes(Path::new("-")).map_err(Outcome::Unusable)?;
            let content = policy(path, bytes, &Disk, options, style)?;
            return Ok(Operand { name: path.display().to_string(), content });
        }
        let location = Location::find(written).map_err(Outcome::Unusable)?;
        let content = if location.is_folder {
            match choose(written, &location).map_err(Outcome::Unusable)? {
                Chosen::Policy(path) => file(&path, &location, options, style)?,
                Chosen::Rules(files) => rules(files)?,
            }
        } else {
            file(&location.path, &location, options, style)?
        };
        Ok(Operand { name: written.to_owned(), content })
    }

    /// The texts of a policy.
    pub fn sources(&self) -> Option<&Sources> {
        match &self.content {
            Content::Policy(compiled) => Some(&compiled.compilation.ast.sources),
            Content::Files(_) => None,
        }
    }

    /// A policy that was compiled already.
    pub fn of(name: String, compiled: Compiled) -> Operand {
        Operand { name, content: Content::Policy(Box::new(compiled)) }
    }

    /// The name that people know it by: what they wrote.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its rules; of a family that it has no file of, none.
    pub fn rules(&self) -> Rules<'_> {
        match &self.content {
            Content::Policy(compiled) => Rules::Policy(&compiled.compilation),
            Content::Files(read) => Rules::Files(&read.rulesets, &read.files),
        }
    }

    /// The families that it has rules for: a policy has both, rule files those of which there is one.
    pub fn families(&self) -> Families {
        match &self.content {
            Content::Policy(_) => Families::BOTH,
            Content::Files(read) => {
                let has = read.bytes.pairs().filter(|(_, bytes)| bytes.is_some());
                has.fold(Families::NONE, |all, (family, _)| all.or(family.into()))
            }
        }
    }

    /// What the sentences of a policy may name.
    pub fn declarations(&self) -> Option<&Declarations> {
        match &self.content {
            Content::Policy(compiled) => Some(&compiled.compilation.declarations),
            Content::Files(_) => None,
        }
    }

    /// The bytes of the rule file of a family: those that were read, or that `cgwfw build` would write. `None` where it
    /// has no file of that family.
    pub fn bytes(&self, family: Family) -> Option<Cow<'_, [u8]>> {
        match &self.content {
            Content::Policy(compiled) => {
                let compilation = &compiled.compilation;
                let text = rule_file::text(&compilation.ast, &compilation.rulesets[family]);
                Some(Cow::Owned(text.into_bytes()))
            }
            Content::Files(read) => read.bytes[family].as_deref().map(Cow::Borrowed),
        }
    }
}

/// One file: a policy or a rule file.
fn file(path: &Path, location: &Location, options: &OperandOptions, style: Style) -> Result<Content, Outcome> {
    let bytes = location.bytes(path).map_err(Outcome::Unusable)?;
    if is_policy_name(path) {
        return policy(path, bytes, location.files(), options, style);
    }
    let name = location.name(path);
    let family = family(path, &name, &bytes, options.family).map_err(Outcome::Unusable)?;
    let mut files = Both::of(|_| None);
    files[family] = Some((name, bytes));
    rules(files)
}

/// The family of a rule file.
fn family(path: &Path, name: &str, bytes: &[u8], option: Option<Family>) -> Result<Family, String> {
    if !is_rule_text(bytes) && is_policy_text(bytes) {
        return Err(format!("{name}: it looks like a policy: its name must end in `.cgwfw`, or it comes through `-`"));
    }
    match (named_family(path), option) {
        (Some(NamedFamily::Plainly(said)), Some(option)) if said != option => Err(format!(
            "{name}: the name says {}, and `--family` says {}: leave `--family` out, or rename the file",
            said.name(),
            option.name()
        )),
        // The option is plain; the name may mean something else.
        (_, Some(option)) => Ok(option),
        (Some(said), None) => Ok(said.family()),
        (None, None) => Err(format!(
            "{name}: the name does not say whether the rules are for IPv4 or IPv6: add `--family ipv4` or `--family ipv6`"
        )),
    }
}

/// A policy, compiled. `files` has what it includes.
fn policy(
    path: &Path,
    bytes: Vec<u8>,
    files: &dyn FileTree,
    options: &OperandOptions,
    style: Style,
) -> Result<Content, Outcome> {
    let name = files.name(path);
    if is_rule_text(&bytes) {
        let instead = match is_policy_name(path) {
            true => "its name must not end in `.cgwfw`",
            false => "name it `/dev/stdin`, with `--family`",
        };
        return Err(Outcome::Unusable(format!(
            "{name}: it looks like a rule file, and is taken for a policy: {instead}"
        )));
    }
    let text = String::from_utf8(bytes).map_err(|_| Outcome::Unusable(format!("{name}: the file is not UTF-8")))?;
    let options = options.policy();
    let compiled = options.compiled_text(path, &text, false, files).map_err(Outcome::Unusable)?;
    let compilation = &compiled.compilation;
    if report::usable(compilation, &options) == Outcome::Refused {
        report::write(std::slice::from_ref(compilation), Format::Human, false, style);
        let what = if compilation.diagnostics.has_errors() { "errors" } else { "warnings, which are denied" };
        return Err(Outcome::Unusable(format!("{name}: the policy has {what}: there is nothing to compare")));
    }
    if let Some(message) = report::yields_nothing(compilation) {
        return Err(Outcome::Unusable(format!("{name}: {message}")));
    }
    Ok(Content::Policy(Box::new(compiled)))
}

/// Rule files, read.
fn rules(named: Both<Option<NamedBytes>>) -> Result<Content, Outcome> {
    let (rulesets, files) = rules_of_both(|family| {
        let file = named[family].as_ref();
        Ok(file.map(|(name, bytes)| (name.clone(), bytes)))
    })?;
    let bytes = named.map(|file| file.map(|(_, bytes)| bytes));
    Ok(Content::Files(Box::new(LoadableFiles { rulesets, files, bytes })))
}
