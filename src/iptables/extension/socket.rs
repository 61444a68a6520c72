//! Matches of the socket that a packet belongs to.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use crate::iptables::extension::row::{Row, demand, flag, matching, option};
use crate::iptables::extension::written::{Said, Written, said};
use crate::iptables::fault::Fault;
use crate::iptables::hooks::Hooks;
use crate::iptables::ruleset::Match;
use crate::iptables::text::saved::{U32, decimal, no, short};
use crate::iptables::text::values::number;
use crate::iptables::text::words::Word;
use crate::iptables::text::write::Quotes;
use crate::net::Family;

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[
    &matching(
        "cgroup",
        &[
            option("path", short::<511>).negatable().quoted(Quotes::Usual),
            option("cgroup", decimal::<0, U32>).negatable(),
        ],
    )
    .needs(&[&["path", "cgroup"]])
    .excludes(&[&["path", "cgroup"]]),
    &matching(
        "owner",
        &[
            flag("socket-exists").negatable(),
            option("uid-owner", owners).negatable(),
            option("gid-owner", owners).negatable(),
            flag("suppl-groups"),
        ],
    )
    .needs(&[&["socket-exists", "uid-owner", "gid-owner", "suppl-groups"]])
    .together(&[("suppl-groups", "gid-owner")])
    .finish(owner)
    .demands(&[demand().hooks(Hooks::OUTPUT.and(Hooks::POSTROUTING))]),
    &matching("socket", &[flag("transparent"), flag("nowildcard"), flag("restore-skmark")])
        .demands(&[demand().hooks(Hooks::PREROUTING.and(Hooks::INPUT))]),
];

/// A number or a range of numbers; names are looked up where the rules are loaded.
fn owners(word: &Word, _: Family) -> Result<String, Fault> {
    let (start, end) = word.text.split_once(['-', ':']).unwrap_or((&word.text, &word.text));
    let read = |text: &str| number(text).filter(|value| *value < U32 && !text.is_empty());
    match read(start).zip(read(end)) {
        Some((start, end)) if start == end => Ok(start.to_string()),
        Some((start, end)) if start < end => Ok(format!("{start}-{end}")),
        _ => Err(no(
            word,
            "number of a user or group",
            "write the number: names are looked up where the rules are loaded",
        )),
    }
}

/// The loader wants the group before the flag about it.
fn owner(all: Vec<Said>, extension: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    let place = |name: &str| extension.options.iter().position(|choice| choice.name == name);
    match said(&all, "suppl-groups") {
        Some(one) if place("suppl-groups") < place("gid-owner") => {
            Err(one.vain("`--suppl-groups` stands before its group", "write `--gid-owner` before it"))
        }
        _ => Ok(all),
    }
}
