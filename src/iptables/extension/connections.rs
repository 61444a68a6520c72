//! Matches of what connection tracking knows, and of the cluster that shares connections.
//! Input: options, or a value. Output: the value as a save has it, its text, what is wrong with it.

use std::net::IpAddr;

use crate::iptables::extension::row::{OptionContext, Row, flag, matching, option, typed};
use crate::iptables::extension::untyped::{kept_match, saved_options};
use crate::iptables::extension::written::{Said, Written, WrittenOption, lacks, negatable, only, said};
use crate::iptables::fault::Fault;
use crate::iptables::problem::{Kind, Problem, RulePlace, problem, vain};
use crate::iptables::ruleset::{ConnLimit, Match, Negatable, Original, Part, States};
use crate::iptables::text::saved::{
    U32, bits, cut, decimal, hexadecimal, names, no, one_of, one_port, ports, prefix, prefix_length, protocol, range,
    short,
};
use crate::iptables::text::values::{number, number_in};
use crate::iptables::text::words::Word;
use crate::iptables::text::write::{self, Quotes};
use crate::net::{Family, PortRange, Prefix, write_address};

/// `-m conntrack`, typed where it asks for the state and for what the first packet was sent to.
pub static CONNTRACK: Row<Match> = matching(
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
)
.typed(read_conntrack, |one, _, out| match one {
    Match::ConnState(set) => print_states(" --ctstate ", set, out),
    Match::Original(original) => print_original(original, out),
    _ => {}
})
.checked(|one, part, place, problems| {
    let states = match one {
        Match::ConnState(states) => Some(states),
        Match::Original(original) => {
            check_original(original, part, place, problems);
            original.states.as_ref()
        }
        _ => None,
    };
    if let Some(states) = states {
        check_states(states, true, part, problems);
    }
})
.tracks();

/// `-m state`
pub static STATE: Row<Match> = matching("state", &[typed("state")])
    .typed(
        |written, _| {
            let choice = only(written, "`--state`", "write `--state RELATED,ESTABLISHED`")?;
            read_states(choice, false).map(Match::State)
        },
        |one, _, out| {
            if let Match::State(set) = one {
                print_states(" --state ", set, out);
            }
        },
    )
    .checked(|one, part, _, problems| {
        if let Match::State(states) = one {
            check_states(states, false, part, problems);
        }
    })
    .tracks();

/// `-m connlimit`
pub static CONNLIMIT: Row<Match> = matching(
    "connlimit",
    &[
        option("connlimit-upto", decimal::<0, U32>).negatable(),
        option("connlimit-above", decimal::<0, U32>).negatable(),
        option("connlimit-mask", connlimit_mask),
        flag("connlimit-saddr"),
        flag("connlimit-daddr"),
    ],
)
.needs(&[&["connlimit-upto", "connlimit-above"]])
.excludes(&[&["connlimit-upto", "connlimit-above"], &["connlimit-saddr", "connlimit-daddr"]])
.finish(connlimit)
.typed(
    |written, reading| Ok(Match::ConnLimit(connection_limit(&saved_options(written, reading.family)?))),
    |one, _, out| {
        if let Match::ConnLimit(limit) = one {
            print_limit(limit, out);
        }
    },
)
.tracks();

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[
    &matching(
        "cluster",
        &[
            option("cluster-local-nodemask", node_mask).negatable(),
            option("cluster-local-node", node).negatable().saved_as("cluster-local-nodemask"),
            option("cluster-total-nodes", decimal::<1, 32>),
            option("cluster-hash-seed", hexadecimal::<U32, 8>),
        ],
    )
    .needs(&[&["cluster-total-nodes"], &["cluster-local-nodemask"], &["cluster-hash-seed"]])
    .finish(cluster)
    .tracks(),
    &matching(
        "connbytes",
        &[
            option("connbytes", amounts).negatable(),
            option("connbytes-mode", |word, _| one_of(word, "mode", &same(&["packets", "bytes", "avgpkt"]), false)),
            option("connbytes-dir", |word, _| one_of(word, "direction", &same(&["original", "reply", "both"]), false)),
        ],
    )
    .needs(&[&["connbytes"], &["connbytes-mode"], &["connbytes-dir"]])
    .finish(connbytes)
    .tracks(),
    &matching("connlabel", &[option("label", label).negatable().quoted(Quotes::Always), flag("set")])
        .needs(&[&["label"]])
        .tracks(),
    &CONNLIMIT,
    &CONNTRACK,
    &STATE,
    &matching("helper", &[option("helper", short::<29>).negatable().quoted(Quotes::Usual)])
        .needs(&[&["helper"]])
        .tracks(),
    &matching(
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

fn read_conntrack(written: &Written, reading: &mut OptionContext) -> Result<Match, Fault> {
    match &written.options[..] {
        [choice] if choice.name == "ctstate" => Ok(Match::ConnState(read_states(choice, true)?)),
        [] => Err(lacks(written, "`--ctstate`", "write `--ctstate RELATED,ESTABLISHED`")),
        _ => {
            let original = original(&saved_options(written, reading.family)?);
            original.map_or_else(|| kept_match(written, reading.family), |known| Ok(Match::Original(Box::new(known))))
        }
    }
}

/// What all options together ask for, where that has a type.
fn original(all: &[Said]) -> Option<Original> {
    let mut original = Original { states: None, destination: None, port: None };
    for one in all {
        match one.name {
            "ctstate" => original.states = Some(one.negatable(saved_states(one.value())?)),
            "ctorigdst" => original.destination = Some(one.negatable(saved_prefix(one.value())?)),
            "ctorigdstport" => {
                let (first, last) = one.ends();
                let (start, end) = (u16::try_from(first).ok()?, u16::try_from(last).ok()?);
                // Without a colon it is one port.
                let end = if one.value().contains(':') { end } else { start };
                original.port = Some(one.negatable(PortRange { start, end })).filter(|_| start <= end);
                original.port?;
            }
            _ => return None,
        }
    }
    (original.destination.is_some() || original.port.is_some()).then_some(original)
}

/// The bits of states as they are saved.
fn saved_states(text: &str) -> Option<States> {
    let bit = |name: &str| States::NAMES.iter().position(|known| *known == name).map(|bit| 1 << bit);
    text.split(',').try_fold(0, |bits, name| Some(bits | bit(name)?)).map(States)
}

/// A prefix as it is saved, unless bits are set below its length.
fn saved_prefix(text: &str) -> Option<Prefix> {
    let (host, length) = text.split_once('/').map_or((text, None), |(host, length)| (host, Some(length)));
    let host: IpAddr = host.parse().ok()?;
    let length = length.map_or(Some(Family::of(host).bits()), |length| length.parse().ok())?;
    Prefix::containing(host, length).filter(|prefix| prefix.address() == host)
}

fn print_original(original: &Original, out: &mut String) {
    if let Some(states) = &original.states {
        print_states(" --ctstate ", states, out);
    }
    if let Some(destination) = &original.destination {
        write::bang(destination.negated, out);
        out.push_str(" --ctorigdst ");
        write_address(destination.value.address(), out);
        if destination.value.length() != destination.value.family().bits() {
            out.push('/');
            write::number(destination.value.length().into(), out);
        }
    }
    if let Some(port) = original.port {
        write::bang(port.negated, out);
        out.push_str(" --ctorigdstport ");
        out.push_str(&port.value.to_string());
    }
}

fn check_original(original: &Original, part: Part, place: &RulePlace, problems: &mut Vec<Problem>) {
    if original.destination.is_some_and(|destination| destination.value.family() != place.family) {
        let message = format!("`--ctorigdst` needs an address of {} here", place.family.name());
        problems.push(problem(part, Kind::Address, message, "the other family", "write an address of this family"));
    }
}

fn read_states(choice: &WrittenOption, conntrack: bool) -> Result<Negatable<States>, Fault> {
    let known = if conntrack { &States::NAMES[..] } else { &States::NAMES[..5] };
    Ok(negatable(choice, States(state_bits(choice.argument()?, known)?)))
}

/// The bits of states by name, or by the beginning of one.
fn state_bits(word: &Word, known: &[&str]) -> Result<u8, Fault> {
    let mut bits = 0;
    for name in word.text.split(',') {
        // The loader takes beginnings of names as well.
        let begins = |known: &&str| known.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        let Some(bit) = known.iter().position(|known| !name.is_empty() && begins(known)) else {
            return Err(Fault::new(
                word.span.clone(),
                format!("`{name}` is no connection state"),
                "states belong here",
                format!("the states are {}", known.join(", ")),
            ));
        };
        bits |= 1 << bit;
    }
    Ok(bits)
}

fn print_states(option: &str, set: &Negatable<States>, out: &mut String) {
    write::bang(set.negated, out);
    out.push_str(option);
    write::names(set.value.0, &States::NAMES, "", out);
}

fn check_states(states: &Negatable<States>, translated: bool, part: Part, problems: &mut Vec<Problem>) {
    let known = if translated { 0x7f } else { 0x1f };
    if states.value.0 == 0 || states.value.0 & !known != 0 {
        let help = "name states that `--state` or `--ctstate` knows: NEW, RELATED, ESTABLISHED, INVALID, UNTRACKED";
        problems.push(problem(part, Kind::Match, "the set of states cannot be written", "here", help));
    } else if states.negated && states.value.0 & 0x1f == 0x1f {
        let help = "leave it out to match every state";
        problems.push(vain(problem(part, Kind::Match, "every state is excluded", "matches nothing", help)));
    }
}

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
fn cluster(mut all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
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
        read => {
            let fault = no(word, "range of amounts", "write a number, or two with a colon: `0:1500`");
            Err(if read == Some((0, 0)) { fault.that_loads() } else { fault })
        }
    }
}

/// The kernel holds a negated range with its ends swapped, so that one with equal ends cannot be negated.
fn connbytes(all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    let same_ends = |one: &&Said| one.value().split_once(':').is_some_and(|(start, end)| start == end);
    match said(&all, "connbytes").filter(|one| one.negated).filter(same_ends) {
        Some(one) => {
            let help = "write `! --connbytes` and a true range";
            Err(one.vain("the `!` has no effect on a range of one amount", help).that_loads())
        }
        None => Ok(all),
    }
}

/// The names of labels are in a file of the machine that loads the rules.
fn label(word: &Word, _: Family) -> Result<String, Fault> {
    number_in(word, 0, 127).map(|label| label.to_string())
}

/// The loaders take a mask of IPv4 that is too large for the largest.
fn connlimit_mask(word: &Word, family: Family) -> Result<String, Fault> {
    prefix_length(word, family).map_err(|fault| if family == Family::V4 { cut(word, fault) } else { fault })
}

fn connlimit(mut all: Vec<Said>, _: &Written, family: Family) -> Result<Vec<Said>, Fault> {
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
fn virtual_server(mut all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
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

fn connection_limit(all: &[Said]) -> ConnLimit {
    let number = |name: &str| said(all, name).map(Said::number);
    let (above, upto) = (number("connlimit-above"), number("connlimit-upto"));
    ConnLimit {
        above: above.is_some(),
        count: above.or(upto).unwrap_or(0) as u32,
        mask: number("connlimit-mask").unwrap_or(0) as u8,
        destination: said(all, "connlimit-daddr").is_some(),
    }
}

fn print_limit(limit: &ConnLimit, out: &mut String) {
    out.push_str(if limit.above { " --connlimit-above " } else { " --connlimit-upto " });
    write::number(limit.count.into(), out);
    out.push_str(" --connlimit-mask ");
    write::number(limit.mask.into(), out);
    out.push_str(if limit.destination { " --connlimit-daddr" } else { " --connlimit-saddr" });
}
