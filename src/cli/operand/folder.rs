//! What a folder stands for: the policy in it, or the rule files.
//! Input: a folder. Output: one policy, or at most one rule file of each family; else why it is not clear which.

use std::path::{Path, PathBuf};

use super::location::Location;
use super::signs::{NamedFamily, is_policy_name, is_rule_text, named_family};
use crate::host::{unreadable, whole_policies};
use crate::net::{Both, Family};

/// A file's name for people, and its bytes.
pub type NamedBytes = (String, Vec<u8>);

/// What a folder stands for.
pub enum Chosen {
    /// The policy at this path.
    Policy(PathBuf),
    /// Rule files, of one family or of both.
    Rules(Both<Option<NamedBytes>>),
}

/// Looks into the folder that was written as `written`.
pub fn choose(written: &str, folder: &Location) -> Result<Chosen, String> {
    let files = folder.files();
    let entries = files.entries(&folder.path).map_err(|error| unreadable(written, &error))?;
    let is_hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let paths = entries.into_iter().filter(|entry| !entry.is_folder && !is_hidden(&entry.path)).map(|entry| entry.path);
    let (policies, others): (Vec<PathBuf>, Vec<PathBuf>) = paths.partition(|path| is_policy_name(path));
    let mut rules = Both::of(|_| Vec::new());
    // Named as rule files, and none: of which families.
    let mut broken = Both::of(|_| None);
    for path in others {
        let Some(family) = named_family(&path).map(NamedFamily::family) else { continue };
        let (name, bytes) = (folder.name(&path), files.bytes(&path));
        let bytes = bytes.map_err(|error| unreadable(&name, &error))?;
        if is_rule_text(&bytes) {
            rules[family].push((name, bytes));
        } else {
            broken[family].get_or_insert(name);
        }
    }
    let first = rules.iter().flatten().next().map(|(name, _)| name.clone());
    match (&policies[..], first) {
        ([], None) => Err(nothing(written, &broken)),
        ([policy, ..], Some(rules)) => Err(format!(
            "{written}: there are policies and rule files in it, such as `{}` and `{rules}`: name the one that is meant",
            folder.name(policy)
        )),
        (_, None) => one_policy(written, folder, &policies).map(Chosen::Policy),
        ([], Some(_)) => one_of_each(written, rules, &broken).map(Chosen::Rules),
    }
}

/// The policy that no other one in the folder includes.
fn one_policy(written: &str, folder: &Location, policies: &[PathBuf]) -> Result<PathBuf, String> {
    let whole = whole_policies(policies, folder.files());
    match &whole[..] {
        [one] => Ok(one.clone()),
        [] => Err(format!("{written}: each policy in it is included by another one: name the one that is meant")),
        several => {
            let names = list(several.iter().map(|path| folder.name(path)));
            Err(format!("{written}: there are several policies in it, {names}: name the one that is meant"))
        }
    }
}

/// At most one rule file of each family.
fn one_of_each(
    written: &str,
    rules: Both<Vec<NamedBytes>>,
    broken: &Both<Option<String>>,
) -> Result<Both<Option<NamedBytes>>, String> {
    for (family, files) in rules.pairs() {
        if files.len() > 1 {
            let names = list(files.iter().map(|(name, _)| name.clone()));
            let family = family.name();
            return Err(format!(
                "{written}: there are several rule files for {family} in it, {names}: name the one that is meant"
            ));
        }
        if let ([], Some(name)) = (&files[..], &broken[family]) {
            return Err(not_rules(name, family));
        }
    }
    Ok(rules.map(|mut files| files.pop()))
}

/// A folder without a policy or a rule file.
fn nothing(written: &str, broken: &Both<Option<String>>) -> String {
    match broken.pairs().find_map(|(family, name)| Some((family, name.as_ref()?))) {
        Some((family, name)) => not_rules(name, family),
        None => format!(
            "{written}: there is no policy in it (a file that ends in `.cgwfw`), and no rule file whose name says its family \
             (such as `iptables.rules` and `ip6tables.rules`, `rules.v4` and `rules.v6`): name the file that is meant"
        ),
    }
}

fn not_rules(name: &str, family: Family) -> String {
    let family = family.name();
    format!(
        "{name}: by its name it is the rule file for {family}, and it does not begin with a table (`*filter`): name the files that are meant"
    )
}

/// Names in a sentence.
fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match &names[..] {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}
