//! Sets of addresses that another program has made: `-m set`, `-j SET`.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use crate::iptables::extension::row::{Row, flag, matching, option, pair, target};
use crate::iptables::extension::untyped::{kept_match, saved_options};
use crate::iptables::extension::written::{Said, Spelling, Written, said};
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::{AddressSet, Match, Target};
use crate::iptables::text::saved::{U32, decimal, name, no};
use crate::iptables::text::words::Word;
use crate::iptables::text::write::{self, Quotes};
use crate::net::Family;

/// `-m set`, typed where it asks for one set and nothing else.
pub static SET: Row<Match> = matching(
    "set",
    &[
        two("match-set").negatable(),
        two("set").negatable().saved_as("match-set"),
        flag("return-nomatch"),
        flag("update-counters").negatable(),
        flag("update-subcounters").negatable(),
        option("packets-eq", decimal::<0, { u64::MAX }>).negatable(),
        option("packets-lt", decimal::<0, { u64::MAX }>),
        option("packets-gt", decimal::<0, { u64::MAX }>),
        option("bytes-eq", decimal::<0, { u64::MAX }>).negatable(),
        option("bytes-lt", decimal::<0, { u64::MAX }>),
        option("bytes-gt", decimal::<0, { u64::MAX }>),
    ],
)
.needs(&[&["match-set"]])
.excludes(&[&["packets-eq", "packets-lt", "packets-gt"], &["bytes-eq", "bytes-lt", "bytes-gt"]])
.finish(counters)
.typed(
    |written, reading| {
        let all = saved_options(written, reading.family)?;
        match &all[..] {
            [one] if let [name, sides] = &one.values[..] => {
                let set = AddressSet { name: name.as_str().into(), sides: sides.as_str().into() };
                Ok(Match::Set(Box::new(one.negatable(set))))
            }
            _ => kept_match(written, reading.family),
        }
    },
    |one, _, out| {
        if let Match::Set(set) = one {
            write::bang(set.negated, out);
            out.push_str(" --match-set ");
            write::word(&set.value.name, Quotes::Needed, out);
            out.push(' ');
            out.push_str(&set.value.sides);
        }
    },
);

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&SET];

/// The targets of this file.
pub static TARGETS: &[&Row<Target>] = &[&target(
    "SET",
    &[
        two("add-set"),
        flag("exist"),
        option("timeout", decimal::<0, { U32 - 1 }>),
        two("del-set"),
        two("map-set"),
        flag("map-mark"),
        flag("map-prio"),
        flag("map-queue"),
    ],
)
.needs(&[&["add-set", "del-set", "map-set"]])
.together(&[
    ("exist", "add-set"),
    ("timeout", "add-set"),
    ("map-mark", "map-set"),
    ("map-prio", "map-set"),
    ("map-queue", "map-set"),
])
.finish(mapped)
.goes_on()];

/// A set and the sides of the packet that are looked up in it.
const fn two(name: &'static str) -> Spelling {
    pair(name, self::name::<31>, sides)
}

/// `src` and `dst`, six at most; what follows these letters is ignored.
fn sides(word: &Word, _: Family) -> Result<String, Fault> {
    let side = |text: &str| ["src", "dst"].into_iter().find(|side| text.starts_with(side));
    let sides: Option<Vec<&str>> = word.text.split(',').map(side).collect();
    match sides.filter(|sides| sides.len() <= 6) {
        Some(sides) => Ok(sides.join(",")),
        None => Err(no(word, "list of sides", "write `src`, `dst`, or several with commas: `src,dst`")),
    }
}

/// Counters are updated where nothing else is said.
fn counters(mut all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    all.retain(|one| one.negated || !matches!(one.name, "update-counters" | "update-subcounters"));
    Ok(all)
}

fn mapped(all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    let mapped = ["map-mark", "map-prio", "map-queue"].iter().any(|name| said(&all, name).is_some());
    match said(&all, "map-set").filter(|_| !mapped) {
        Some(one) => Err(one.vain("nothing is mapped", "write `--map-mark`, `--map-prio` or `--map-queue` as well")),
        None => Ok(all),
    }
}
