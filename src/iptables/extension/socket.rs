//! Matches of the socket that a packet belongs to.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use crate::iptables::extension::row::{OptionContext, Row, demand, flag, matching, option};
use crate::iptables::extension::untyped::saved_options;
use crate::iptables::extension::written::{Said, Written, said};
use crate::iptables::fault::Fault;
use crate::iptables::hooks::Hooks;
use crate::iptables::ruleset::{Match, Owner};
use crate::iptables::text::saved::{U32, decimal, no, short};
use crate::iptables::text::values::number;
use crate::iptables::text::words::Word;
use crate::iptables::text::write::{self, Quotes};
use crate::net::Family;

/// `-m owner`
pub static OWNER: Row<Match> = matching(
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
.demands(&[demand().hooks(Hooks::OUTPUT.and(Hooks::POSTROUTING))])
.typed(read_owner, |one, _, out| {
    if let Match::Owner(wanted) = one {
        print_owner(wanted, out);
    }
});

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
    &OWNER,
    &matching("socket", &[flag("transparent"), flag("nowildcard"), flag("restore-skmark")])
        .demands(&[demand().hooks(Hooks::PREROUTING.and(Hooks::INPUT))])
        .reassembles(),
];

/// A number or a range of numbers; names are looked up where the rules are loaded, and `root` is 0 everywhere.
fn owners(word: &Word, _: Family) -> Result<String, Fault> {
    let (start, end) = word.text.split_once(['-', ':']).unwrap_or((&word.text, &word.text));
    if word.text == "root" {
        return Ok("0".into());
    }
    let read = |text: &str| number(text).filter(|value| *value < U32 && !text.is_empty());
    match read(start).zip(read(end)) {
        Some((start, end)) if start == end => Ok(start.to_string()),
        Some((start, end)) if start < end => Ok(format!("{start}-{end}")),
        _ => {
            let help = "write the number: names are looked up where the rules are loaded";
            let fault = no(word, "number of a user or group", help);
            let name = word.text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
            Err(if name && !word.text.contains(['-', ':']) { fault.that_loads() } else { fault })
        }
    }
}

/// The loader wants the group before the flag about it.
fn owner(all: Vec<Said>, extension: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    let place = |name: &str| extension.options.iter().position(|choice| choice.name == name);
    match said(&all, "suppl-groups") {
        Some(one) if place("suppl-groups") < place("gid-owner") => {
            Err(one.vain("`--suppl-groups` is before its group", "write `--gid-owner` before it"))
        }
        _ => Ok(all),
    }
}

fn read_owner(written: &Written, reading: &mut OptionContext) -> Result<Match, Fault> {
    let all = saved_options(written, reading.family)?;
    let numbers = |name: &str| said(&all, name).map(|one| one.negatable(one.ends()));
    Ok(Match::Owner(Box::new(Owner {
        socket: said(&all, "socket-exists").map(|one| one.negatable(())),
        user: numbers("uid-owner"),
        group: numbers("gid-owner"),
        supplementary: said(&all, "suppl-groups").is_some(),
    })))
}

fn print_owner(wanted: &Owner, out: &mut String) {
    if let Some(socket) = wanted.socket {
        write::bang(socket.negated, out);
        out.push_str(" --socket-exists");
    }
    for (option, numbers) in [(" --uid-owner ", wanted.user), (" --gid-owner ", wanted.group)] {
        if let Some(numbers) = numbers {
            write::bang(numbers.negated, out);
            out.push_str(option);
            write::ends(numbers.value.0.into(), numbers.value.1.into(), '-', out);
        }
    }
    if wanted.supplementary {
        out.push_str(" --suppl-groups");
    }
}
