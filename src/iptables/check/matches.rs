//! What matches need: a protocol, a family, a chain, values that can be met.
//! Input: one match and its rule. Output: problems.

use super::demands::check_match;
use super::{Hooks, Kind, MOST_COMMENT_BYTES, Place, Problem, problem, vain};
use crate::iptables::parse::{Part, match_names};
use crate::iptables::rate;
use crate::iptables::ruleset::{
    IpRange, MaskedMark, Match, Multiport, Negatable, PolicyDirection, Ports, Rate, States, TableName, TcpFlags,
};
use crate::net::{Family, PortRange, Protocol};

/// Reports what is wrong with one match.
pub fn check(one: &Match, part: Part, place: &Place, problems: &mut Vec<Problem>) {
    match one {
        Match::Tcp(tcp) => {
            needs(Protocol::TCP, "-m tcp", "-p tcp", part, place, problems);
            ports(&tcp.ports, part, problems);
            neither_port(&tcp.ports, part, problems);
            if let Some(flags) = &tcp.flags {
                tcp_flags(flags, part, problems);
            }
        }
        Match::Udp(both) => {
            needs(Protocol::UDP, "-m udp", "-p udp", part, place, problems);
            ports(both, part, problems);
            neither_port(both, part, problems);
        }
        Match::Sctp(both) => {
            needs(Protocol::SCTP, "-m sctp", "-p sctp", part, place, problems);
            ports(both, part, problems);
        }
        Match::Icmp(_) => {
            if family(Family::V4, "-m icmp", "write `-p ipv6-icmp -m icmp6 --icmpv6-type`", part, place, problems) {
                needs(Protocol::ICMP, "-m icmp", "-p icmp", part, place, problems);
            }
        }
        Match::Icmp6(_) => {
            if family(Family::V6, "-m icmp6", "write `-p icmp -m icmp --icmp-type`", part, place, problems) {
                needs(Protocol::ICMPV6, "-m icmp6", "-p ipv6-icmp", part, place, problems);
            }
        }
        Match::Multiport(multiport) => check_multiport(&multiport.value, part, place, problems),
        Match::Ah if place.family == Family::V4 => needs(Protocol::AH, "-m ah", "-p ah", part, place, problems),
        Match::Ah => {}
        Match::Frag => {
            family(Family::V6, "-m frag", "write `-f`", part, place, problems);
        }
        Match::Ttl(_) => {
            family(Family::V4, "-m ttl", "write `-m hl`", part, place, problems);
        }
        Match::Hl(_) => {
            family(Family::V6, "-m hl", "write `-m ttl`", part, place, problems);
        }
        Match::Policy(policy) => direction(policy.direction, part, place, problems),
        Match::Mark(mark) | Match::ConnMark(mark) => check_mark(mark, part, problems),
        Match::ConnState(states) => check_states(states, true, part, problems),
        Match::State(states) => check_states(states, false, part, problems),
        Match::Limit(limit) => {
            check_rate(
                limit,
                rate::as_saved_limit(limit.count, limit.unit).is_some(),
                rate::LIMIT_BURST_MAX,
                part,
                problems,
            );
        }
        Match::HashLimit(limit) => {
            let counted = rate::as_saved_hashlimit(limit.rate.count, limit.rate.unit).is_some();
            check_rate(&limit.rate, counted, rate::HASHLIMIT_BURST_MAX, part, problems);
            if limit.name.is_empty() || limit.name.len() > 255 || limit.name.contains([' ', '/', '"']) {
                let help = "write a name of 1 to 255 letters, digits, `-` and `_`";
                problems.push(problem(part, Kind::Text, "the name of the hashlimit table is no name", "here", help));
            }
        }
        Match::RpFilter(_) => {
            tables(&[TableName::Raw, TableName::Mangle], "-m rpfilter", part, Kind::Match, place, problems);
            place.hooks_within(Hooks::PREROUTING, part, Kind::Match, "`-m rpfilter`", problems);
        }
        Match::IpRange(range) => ip_range(range, part, place, problems),
        Match::Comment(comment) => {
            text(comment, MOST_COMMENT_BYTES, "comment", part, problems);
        }
        Match::Unknown(unknown) => {
            known_name(&unknown.name, "match", &mut match_names(), part, Kind::Match, problems);
            check_match(unknown, part, place, problems);
        }
    }
}

/// Reports text that is cut, or that a rule file cannot hold.
pub fn text(text: &str, most: usize, what: &str, part: Part, problems: &mut Vec<Problem>) {
    if text.chars().any(char::is_control) {
        let message = format!("the {what} holds a control character");
        problems.push(problem(part, Kind::Text, message, "a rule file cannot hold it", "delete the control character"));
    }
    if text.len() > most {
        let message = format!("the {what} has {} bytes", text.len());
        let label = format!("iptables keeps {most} bytes, and cuts the rest without a word");
        problems.push(vain(problem(part, Kind::Text, message, label, format!("shorten it to {most} bytes"))));
    }
}

/// Reports a name that iptables does not have, with the nearest that it has.
pub fn known_name(
    name: &str,
    what: &str,
    names: &mut dyn Iterator<Item = &'static str>,
    part: Part,
    kind: Kind,
    problems: &mut Vec<Problem>,
) {
    let mut nearest: Option<(usize, &str)> = None;
    for known in names {
        if known == name {
            return;
        }
        let distance = strsim::damerau_levenshtein(name, known);
        if nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, known));
        }
    }
    let help = match nearest {
        Some((distance, known)) if distance <= 2 => format!("did you mean `{known}`?"),
        _ => format!("write the name of a {what} as iptables-extensions(8) lists them"),
    };
    problems.push(problem(part, kind, format!("iptables has no {what} `{name}`"), "cannot be loaded", help));
}

/// Reports a match that stands twice: iptables-nft saves only one of the two, or no loader takes it.
pub fn twice(place: &Place, problems: &mut Vec<Problem>) {
    for (index, one) in place.matches.iter().enumerate() {
        let native = matches!(one, Match::Tcp(_) | Match::Udp(_));
        let same = |before: &&Match| std::mem::discriminant(*before) == std::mem::discriminant(one);
        if native && place.matches[..index].iter().any(|before| same(&before)) {
            let name = if matches!(one, Match::Tcp(_)) { "tcp" } else { "udp" };
            let message = format!("`-m {name}` stands twice");
            let label = "iptables-nft saves only one of the two";
            let help = "put all its options behind one `-m`, or write two rules";
            problems.push(vain(problem(Part::Match(index), Kind::Match, message, label, help)));
        }
        // `-m mark` and `-m connmark` both have `--mark`: the loader gives it to the one that it met last for the first time.
        let other = |before: &Match| match one {
            Match::Mark(_) => matches!(before, Match::ConnMark(_)),
            Match::ConnMark(_) => matches!(before, Match::Mark(_)),
            _ => false,
        };
        let first = place.matches[..index].iter().position(|before| same(&before));
        let between = first.map(|first| place.matches[..index].iter().position(other).filter(|at| *at > first));
        if between.flatten().is_some() {
            let message = "the loader takes this `--mark` for one of the other match";
            let help = "write the matches of one kind directly behind one another";
            problems.push(problem(Part::Match(index), Kind::Match, message, "between two of its kind", help));
        }
    }
}

/// Reports a match or target outside its tables.
pub fn tables(
    allowed: &[TableName],
    what: &str,
    part: Part,
    kind: Kind,
    place: &Place,
    problems: &mut Vec<Problem>,
) -> bool {
    if allowed.contains(&place.table) {
        return true;
    }
    let names: Vec<_> = allowed.iter().map(|table| format!("`{}`", table.name())).collect();
    let message = format!("`{what}` cannot stand in table `{}`", place.table.name());
    let help = format!("put the rule into table {}", names.join(" or "));
    problems.push(problem(part, kind, message, "the wrong table", help));
    false
}

/// Reports a protocol that is missing.
pub fn needs(protocol: Protocol, what: &str, option: &str, part: Part, place: &Place, problems: &mut Vec<Problem>) {
    if place.protocol() != Some(protocol) {
        let message = format!("`{what}` needs `{option}`");
        let label = match place.header.protocol {
            None => "the rule names no protocol",
            Some(protocol) if protocol.negated => "the rule only excludes a protocol",
            Some(_) => "the rule names another protocol",
        };
        problems.push(problem(part, Kind::Protocol, message, label, format!("write `{option}` before it")));
    }
}

fn family(wanted: Family, what: &str, help: &str, part: Part, place: &Place, problems: &mut Vec<Problem>) -> bool {
    if place.family == wanted {
        return true;
    }
    let message = format!("`{what}` exists for {} only", wanted.name());
    let help = format!("in {} rules {help}", place.family.name());
    problems.push(problem(part, Kind::Match, message, "the wrong family", help));
    false
}

fn ports(ports: &Ports, part: Part, problems: &mut Vec<Problem>) {
    for side in [&ports.source, &ports.destination].into_iter().flatten() {
        if side.value.start > side.value.end {
            let message = format!("the range of ports {} ends before it starts", side.value);
            problems.push(problem(part, Kind::Match, message, "matches nothing", "swap its ends"));
        } else if side.negated && side.value == PortRange::ANY {
            // iptables-save prints nothing for it: loaded again, it would match everything.
            let help = "leave it out to match every port";
            problems.push(vain(problem(part, Kind::Match, "every port is excluded", "matches nothing", help)));
        }
    }
}

/// iptables-nft 1.8.9 compares two negated single ports as one number: a packet with one of them would match.
fn neither_port(ports: &Ports, part: Part, problems: &mut Vec<Problem>) {
    let single = |port: Option<Negatable<PortRange>>| port.filter(|port| port.negated && port.value.is_single());
    if let (Some(_), Some(to)) = (single(ports.source), single(ports.destination)) {
        let help = format!("write `-m multiport ! --dports {}` instead of `! --dport {}`", to.value, to.value);
        let message = "iptables-nft compares two negated ports at once, and matches a packet that has only one of them";
        problems.push(vain(problem(part, Kind::Match, message, "weaker than it says", help)));
    }
}

fn tcp_flags(flags: &Negatable<TcpFlags>, part: Part, problems: &mut Vec<Problem>) {
    let TcpFlags { mask, set } = flags.value;
    if set & !mask != 0 && !flags.negated {
        let help = "name every flag that must be on in the first word as well: `--tcp-flags SYN,ACK SYN`";
        let message = "a flag must be on that is not looked at";
        problems.push(vain(problem(part, Kind::Match, message, "matches nothing", help)));
    } else if mask == 0 {
        let help = "leave it out, or name the flags to look at";
        problems.push(vain(problem(part, Kind::Match, "no flag is looked at", "saved as no match at all", help)));
    }
}

fn check_multiport(multiport: &Multiport, part: Part, place: &Place, problems: &mut Vec<Problem>) {
    if !place.protocol().is_some_and(Protocol::has_ports) {
        let message = "`-m multiport` needs `-p tcp`, `-p udp` or `-p sctp`";
        problems.push(problem(part, Kind::Protocol, message, "no protocol with ports", "write `-p tcp` before it"));
    }
    let slots: usize = multiport.ports.iter().map(|range| Multiport::slots(*range)).sum();
    if slots == 0 || slots > Multiport::SLOTS {
        let message = format!("`-m multiport` holds 1 to 15 ports, not {slots}");
        problems.push(problem(part, Kind::Match, message, "a range counts twice", "split the list over several rules"));
    }
    if let Some(range) = multiport.ports.iter().find(|range| range.start > range.end) {
        let message = format!("the range of ports {range} ends before it starts");
        problems.push(problem(part, Kind::Match, message, "matches nothing", "swap its ends"));
    }
}

fn direction(direction: PolicyDirection, part: Part, place: &Place, problems: &mut Vec<Problem>) {
    let (allowed, what) = match direction {
        PolicyDirection::In => (Hooks::PREROUTING | Hooks::INPUT | Hooks::FORWARD, "`-m policy --dir in`"),
        PolicyDirection::Out => (Hooks::FORWARD | Hooks::OUTPUT | Hooks::POSTROUTING, "`-m policy --dir out`"),
    };
    place.hooks_within(allowed, part, Kind::Match, what, problems);
}

fn check_mark(mark: &Negatable<MaskedMark>, part: Part, problems: &mut Vec<Problem>) {
    let MaskedMark { value, mask } = mark.value;
    if value & !mask != 0 && !mark.negated {
        let message = format!("the mark 0x{value:x} has bits outside its mask 0x{mask:x}");
        let help = format!("write `0x{:x}/0x{mask:x}`", value & mask);
        problems.push(vain(problem(part, Kind::Match, message, "matches nothing", help)));
    }
}

fn check_states(states: &Negatable<States>, translated: bool, part: Part, problems: &mut Vec<Problem>) {
    let known = if translated { 0x7f } else { 0x1f };
    if states.value.0 == 0 || states.value.0 & !known != 0 {
        let help = "name states that `--state` or `--ctstate` knows: NEW, RELATED, ESTABLISHED, INVALID, UNTRACKED";
        problems.push(problem(part, Kind::Match, "the set of states cannot be written", "here", help));
    }
}

fn check_rate(limit: &Rate, counted: bool, most: u32, part: Part, problems: &mut Vec<Problem>) {
    if !counted {
        let help = "write a slower rate";
        problems.push(problem(part, Kind::Rate, "the rate cannot be counted", "too fast, or zero", help));
    } else if limit.burst == 0 || limit.burst > most {
        let message = format!("the burst {} cannot be held", limit.burst);
        problems.push(problem(part, Kind::Rate, message, "out of range", format!("write a burst from 1 to {most}")));
    } else if !rate::bucket_fits(limit.count, limit.unit, limit.burst) {
        let seconds = rate::seconds(limit.unit) * u64::from(limit.burst) / u64::from(limit.count.max(1));
        let fits = (rate::BUCKET_SECONDS_MAX * u64::from(limit.count) / rate::seconds(limit.unit)).max(1);
        let message = format!("a bucket of {seconds} seconds overflows the kernel's counter");
        problems.push(problem(
            part,
            Kind::Rate,
            message,
            "too slow for its burst",
            format!("write a burst of {fits} or less"),
        ));
    }
}

fn ip_range(range: &IpRange, part: Part, place: &Place, problems: &mut Vec<Problem>) {
    for side in [&range.source, &range.destination].into_iter().flatten() {
        let (first, last) = side.value;
        if first.is_ipv4() != (place.family == Family::V4) || last.is_ipv4() != first.is_ipv4() {
            let message = format!("`-m iprange` needs {} addresses here", place.family.name());
            problems.push(problem(part, Kind::Address, message, "the other family", "write addresses of this family"));
        } else if first > last {
            let help = format!("write `{last}-{first}`");
            let message = "the range of addresses ends before it starts";
            problems.push(vain(problem(part, Kind::Match, message, "matches nothing", help)));
        }
    }
}
