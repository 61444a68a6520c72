//! Matches of what connection tracking knows, and of the cluster that shares connections.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use super::{Known, Said, flag, known, option};
use crate::iptables::parse::matches::state_bits;
use crate::iptables::parse::rule::Extension;
use crate::iptables::parse::saved::{
    U32, bits, decimal, hexadecimal, names, no, one_of, one_port, ports, prefix, prefix_length, protocol, range, short,
};
use crate::iptables::parse::untyped::said;
use crate::iptables::parse::values::{number, number_in};
use crate::iptables::parse::{Fault, Word};
use crate::iptables::ruleset::States;
use crate::net::Family;

/// The matches of this file.
pub const MATCHES: &[Known] = &[
    known(
        "cluster",
        &[
            option("cluster-local-nodemask", node_mask).negatable(),
            option("cluster-local-node", node).negatable().saved_as("cluster-local-nodemask"),
            option("cluster-total-nodes", decimal::<1, 32>),
            option("cluster-hash-seed", hexadecimal::<U32, 8>),
        ],
    )
    .needs(&[&["cluster-total-nodes"], &["cluster-local-nodemask"], &["cluster-hash-seed"]])
    .finish(cluster),
    known(
        "connbytes",
        &[
            option("connbytes", amounts).negatable(),
            option("connbytes-mode", |word, _| one_of(word, "mode", &same(&["packets", "bytes", "avgpkt"]), false)),
            option("connbytes-dir", |word, _| one_of(word, "direction", &same(&["original", "reply", "both"]), false)),
        ],
    )
    .needs(&[&["connbytes"], &["connbytes-mode"], &["connbytes-dir"]])
    .finish(connbytes),
    known("connlabel", &[option("label", label).negatable(), flag("set")]).needs(&[&["label"]]),
    known(
        "connlimit",
        &[
            option("connlimit-upto", decimal::<0, U32>).negatable(),
            option("connlimit-above", decimal::<0, U32>).negatable(),
            option("connlimit-mask", prefix_length),
            flag("connlimit-saddr"),
            flag("connlimit-daddr"),
        ],
    )
    .needs(&[&["connlimit-upto", "connlimit-above"]])
    .excludes(&[&["connlimit-upto", "connlimit-above"], &["connlimit-saddr", "connlimit-daddr"]])
    .finish(connlimit),
    known(
        "conntrack",
        &[
            option("ctstate", states).negatable(),
            option("ctproto", protocol).negatable(),
            option("ctorigsrc", prefix).negatable(),
            option("ctorigdst", prefix).negatable(),
            option("ctreplsrc", prefix).negatable(),
            option("ctrepldst", prefix).negatable(),
            option("ctorigsrcport", ports).negatable(),
            option("ctorigdstport", ports).negatable(),
            option("ctreplsrcport", ports).negatable(),
            option("ctrepldstport", ports).negatable(),
            option("ctstatus", statuses).negatable(),
            option("ctexpire", range::<U32>).negatable(),
            option("ctdir", |word, _| one_of(word, "direction", &same(&["ORIGINAL", "REPLY"]), true)),
        ],
    ),
    known("helper", &[option("helper", short::<29>).negatable()]).needs(&[&["helper"]]),
    known(
        "ipvs",
        &[
            flag("ipvs").negatable(),
            option("vproto", protocol).negatable(),
            option("vaddr", prefix).negatable(),
            option("vport", one_port).negatable(),
            option("vdir", |word, _| one_of(word, "direction", &same(&["ORIGINAL", "REPLY"]), true)),
            option("vmethod", |word, _| one_of(word, "method", &same(&["GATE", "IPIP", "MASQ"]), true)).negatable(),
            option("vportctl", one_port).negatable(),
        ],
    )
    .needs(&[&["ipvs", "vproto", "vaddr", "vport", "vdir", "vmethod", "vportctl"]])
    .finish(virtual_server),
];

/// Words that are saved as they are.
const fn same<const N: usize>(words: &[&'static str; N]) -> [(&'static str, &'static str); N] {
    let mut pairs = [("", ""); N];
    let mut index = 0;
    while index < N {
        pairs[index] = (words[index], words[index]);
        index += 1;
    }
    pairs
}

fn node(word: &Word, _: Family) -> Result<String, Fault> {
    number_in(word, 1, 32).map(|node| format!("0x{:08x}", 1_u64 << (node - 1)))
}

fn node_mask(word: &Word, _: Family) -> Result<String, Fault> {
    number_in(word, 1, 32).map(|mask| format!("0x{mask:08x}"))
}

/// A mask is read up to 32 only: what is above is saved as a mask that cannot be loaded again, and so is said as a node.
fn cluster(mut all: Vec<Said>, _: &Extension, _: Family) -> Result<Vec<Said>, Fault> {
    let total = said(&all, "cluster-total-nodes").map_or(0, Said::number);
    let Some(local) = all.iter_mut().find(|one| one.name == "cluster-local-nodemask") else { return Ok(all) };
    let mask = number(local.value()).unwrap_or(0);
    if mask >= 1 << total {
        return Err(
            local.vain(format!("there are {total} nodes only"), "name a node of the cluster, or raise the total")
        );
    }
    if mask > 32 {
        *local =
            Said { name: "cluster-local-node", values: vec![(mask.trailing_zeros() + 1).to_string()], ..local.clone() };
    }
    Ok(all)
}

/// `A`, `A:B`: the end of all numbers is not saved.
fn amounts(word: &Word, _: Family) -> Result<String, Fault> {
    let (start, end) = word.text.split_once(':').unwrap_or((&word.text, ""));
    let read = |text: &str, open| if text.is_empty() { Some(open) } else { number(text) };
    match read(start, 0).zip(read(end, u64::MAX)).filter(|_| !word.text.is_empty()) {
        Some((start, u64::MAX)) => Ok(start.to_string()),
        Some((start, end)) if start <= end && end > 0 => Ok(format!("{start}:{end}")),
        _ => Err(no(word, "range of amounts", "write a number, or two with a colon: `0:1500`")),
    }
}

/// The kernel holds a negated range with its ends swapped, so that one with equal ends cannot be negated.
fn connbytes(all: Vec<Said>, _: &Extension, _: Family) -> Result<Vec<Said>, Fault> {
    let same_ends = |one: &&Said| one.value().split_once(':').is_some_and(|(start, end)| start == end);
    match said(&all, "connbytes").filter(|one| one.negated).filter(same_ends) {
        Some(one) => {
            Err(one.vain("the `!` has no effect on a range of one amount", "write `! --connbytes` and a true range"))
        }
        None => Ok(all),
    }
}

/// The names of labels stand in a file of the machine that loads the rules.
fn label(word: &Word, _: Family) -> Result<String, Fault> {
    number_in(word, 0, 127).map(|label| label.to_string())
}

fn connlimit(mut all: Vec<Said>, _: &Extension, family: Family) -> Result<Vec<Said>, Fault> {
    for limit in all.iter_mut().filter(|one| one.negated) {
        limit.negated = false;
        limit.name = if limit.name == "connlimit-upto" { "connlimit-above" } else { "connlimit-upto" };
    }
    if said(&all, "connlimit-mask").is_none() {
        all.insert(1, Said::added("connlimit-mask", Some(family.bits().to_string())));
    }
    if all.len() < 3 {
        all.push(Said::added("connlimit-saddr", None));
    }
    Ok(all)
}

/// `--ipvs` goes without saying beside the other options, which none of them may contradict.
fn virtual_server(mut all: Vec<Said>, _: &Extension, _: Family) -> Result<Vec<Said>, Fault> {
    if all.len() > 1 {
        if let Some(none) = said(&all, "ipvs").filter(|one| one.negated) {
            return Err(none.vain("no virtual server has these properties", "leave `! --ipvs` or the others out"));
        }
        all.retain(|one| one.name != "ipvs");
    }
    Ok(all)
}

fn states(word: &Word, _: Family) -> Result<String, Fault> {
    Ok(names(state_bits(word, &States::NAMES)?.into(), &States::NAMES))
}

fn statuses(word: &Word, _: Family) -> Result<String, Fault> {
    const STATUSES: [&str; 5] = ["EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED", "NONE"];
    let set = bits(word, "status", &STATUSES, true)?;
    Ok(if set & 0x0f == 0 { "NONE".into() } else { names(set & 0x0f, &STATUSES) })
}
