//! `cgwfw parity`: what the two families treat differently.
//! Input: a policy. Output: services that one family accepts and the other does not; those that the policy says to be of
//! one family apart.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::options::PolicyOptions;
use super::outcome::{Outcome, json_text, print};
use super::query::decider;
use super::report::{self, Format};
use crate::diagnostic::Style;
use crate::net::Family;
use crate::parity::{Compares, Disparity, Extent, InBoth, Parity, Reason, parity};
use crate::query::Decider;
use crate::sentence::only;

#[derive(clap::Args)]
#[command(after_help = "Addresses are left out: a service is accepted for all of them, for some, or for none.\n\
    ICMP types and the ports of DHCP are compared by what they mean. Neighbor discovery, MLD,\n\
    IGMP and ICMP timestamps are not compared.\n\n\
    Exit code 1: one family accepts what the other does not, and nothing in the policy says why:\n\
    no `only`, no address, nothing that one family alone has.")]
pub struct Arguments {
    /// The policy; `-` reads standard input
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    /// Also what one family accepts for all addresses and the other for some
    #[arg(short, long)]
    verbose: bool,
    /// Packets of all states, not the first of connections alone
    #[arg(long)]
    all_states: bool,
    #[command(flatten)]
    options: PolicyOptions,
    /// Write one JSON array, an object for each difference
    #[arg(long)]
    json: bool,
}

/// How many sets of packets are shown of one difference.
const MAX_SHOWN: usize = 10;

pub fn run(arguments: Arguments, style: Style) -> Outcome {
    answer(&arguments, style).unwrap_or_else(|outcome| outcome)
}

fn answer(arguments: &Arguments, style: Style) -> Result<Outcome, Outcome> {
    let compiled = arguments.options.compiled(&arguments.policy, false).map_err(Outcome::Unusable)?;
    let compilation = &compiled.compilation;
    if report::usable(compilation, &arguments.options) == Outcome::Refused {
        report::write(std::slice::from_ref(compilation), Format::Human, false, style);
        return Err(Outcome::Unusable("the policy has errors: there is no answer".into()));
    }
    let compares = Compares { partly: arguments.verbose, all_states: arguments.all_states };
    let found =
        parity(compilation, compares).ok_or_else(|| Outcome::Unusable("not decided: it would take too long".into()))?;
    let outcome = match found.all.iter().any(Disparity::is_finding) {
        _ if found.cut => Outcome::Unusable("not all was compared: it would take too long".into()),
        true => Outcome::Refused,
        false => Outcome::Fine,
    };
    let text = if arguments.json { json_text(serde_json::to_string(&found.all))? } else { human(&found, compares) };
    Ok(print(&text).and(outcome))
}

fn human(found: &Parity, compares: Compares) -> String {
    let packets = if compares.all_states { "Packets of all states" } else { "First packets of connections" };
    let mut out = format!("{packets}, whatever their addresses are.\n");
    let (findings, others): (Vec<_>, Vec<_>) = found.all.iter().partition(|one| one.is_finding());
    if findings.is_empty() && !found.cut {
        out.push_str("Both families accept the same services");
        out.push_str(if others.is_empty() { ".\n" } else { ", but for what is listed below.\n" });
    }
    for family in Family::BOTH {
        let own: Vec<_> = findings.iter().filter(|one| one.accepts == family).collect();
        if !own.is_empty() {
            let _ = writeln!(out, "\nAccepted in {} alone", family.name());
            own.iter().for_each(|one| difference(&mut out, one, ""));
        }
    }
    for reason in
        [Reason::Only, Reason::Address, Reason::Nature, Reason::Translation].map(Some).into_iter().chain([None])
    {
        let own: Vec<_> = others.iter().filter(|one| one.reason == reason).collect();
        if own.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{}", title(reason));
        own.iter().for_each(|one| difference(&mut out, one, &format!("{}: ", one.accepts.name())));
    }
    out
}

fn title(reason: Option<Reason>) -> &'static str {
    match reason {
        Some(Reason::Only) => "On purpose: a sentence says `only`",
        Some(Reason::Address) => "By address: a sentence names addresses of one family",
        Some(Reason::Nature) => "By nature: one family alone has it",
        Some(Reason::Translation) => "By translation: one family alone sends it on to another destination",
        None => "For all addresses in one family, for some in the other",
    }
}

/// Who decides, and the packets.
fn difference(out: &mut String, one: &Disparity, family: &str) {
    let extent = |extent: Extent| match extent {
        Extent::All => "accepted",
        Extent::Some => "partly accepted",
        Extent::None => "not accepted",
    };
    let _ = writeln!(out, "  {family}{}{}", extent(one.extent), by(&one.by));
    let other = one.accepts.other().name();
    let _ = match one.other {
        Extent::None => writeln!(out, "  {other}: not accepted{}", by(&one.refused_by)),
        some => writeln!(out, "  {other}: {}; the rest not{}", extent(some), by(&one.refused_by)),
    };
    for packets in one.packets.iter().take(MAX_SHOWN) {
        let _ = writeln!(out, "    {}", sentence(packets, one.accepts));
    }
    if one.packets.len() > MAX_SHOWN {
        let _ = writeln!(out, "    and {} more (--json has all)", one.packets.len() - MAX_SHOWN);
    }
}

/// ` by gateway.cgwfw:12: allow ssh in on inet0, …`
fn by(deciders: &[Decider]) -> String {
    let all: Vec<String> = deciders.iter().map(decider).collect();
    if all.is_empty() { String::new() } else { format!(" by {}", all.join(", ")) }
}

/// The packets as the family that accepts them says it, and as the other does where that is a matter of numbers.
fn sentence(packets: &InBoth, accepts: Family) -> String {
    // The family is said above.
    let of = |family: Family| packets.of(family).replace(&format!(" {}", only(family)), "");
    let (own, other) = (of(accepts), of(accepts.other()));
    let mut text = own.clone();
    if !packets.also.is_empty() {
        let _ = write!(text, " ({})", packets.also.join(", "));
    }
    if packets.other_number {
        let _ = write!(text, " ({}: {other})", accepts.other().name());
    }
    text
}
