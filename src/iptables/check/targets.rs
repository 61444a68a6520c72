//! What targets need: a table, a chain, a protocol, options of the family.
//! Input: a rule. Output: problems of its target.

use super::demands::check_target;
use super::matches::{known_name, tables, text};
use super::{Hooks, Kind, MOST_LOG_PREFIX_BYTES, MOST_NFLOG_PREFIX_BYTES, Place, Problem, problem, vain};
use crate::iptables::parse::{Part, is_target_name, target_names};
use crate::iptables::ruleset::{Match, Nat, NatOptions, RejectWith, TableName, Target};
use crate::net::{Family, Protocol};

const INBOUND_NAT: Hooks = Hooks(Hooks::PREROUTING.0 | Hooks::OUTPUT.0);
const OUTBOUND_NAT: Hooks = Hooks(Hooks::INPUT.0 | Hooks::POSTROUTING.0);

/// Reports what is wrong with the target of a rule.
pub fn check(place: &Place, problems: &mut Vec<Problem>) {
    let part = Part::Target;
    match place.target {
        Target::None | Target::Accept | Target::Return | Target::Mark(_) => {}
        Target::Drop => {
            if place.table == TableName::Nat {
                let help = "drop in table `filter`: the nat table sees only the first packet of a connection";
                problems.push(problem(part, Kind::Target, "DROP cannot stand in table `nat`", "here", help));
            }
        }
        Target::Jump(chain) | Target::Goto(chain) => {
            let name = place.table.built_in_chains().get(chain.0 as usize);
            name.into_iter().for_each(|name| jump(name, matches!(place.target, Target::Goto(_)), problems));
        }
        Target::Unresolved { chain, goto } => jump(chain, *goto, problems),
        Target::Reject(with) => reject(*with, place, problems),
        Target::Log(log) => text(&log.prefix, MOST_LOG_PREFIX_BYTES, "log prefix", part, problems),
        Target::Nflog(nflog) => text(&nflog.prefix, MOST_NFLOG_PREFIX_BYTES, "NFLOG prefix", part, problems),
        Target::TcpMss(size) => tcp_mss(*size, place, problems),
        Target::Masquerade(options) => {
            if nat_table("MASQUERADE", Hooks::POSTROUTING, place, problems) {
                ports(options, "--to-ports", place, problems);
            }
        }
        Target::Redirect(options) => {
            if nat_table("REDIRECT", INBOUND_NAT, place, problems) {
                ports(options, "--to-ports", place, problems);
            }
        }
        Target::Snat(nat) => {
            if nat_table("SNAT", OUTBOUND_NAT, place, problems) {
                translation(nat, "--to-source", place, problems);
            }
        }
        Target::Dnat(nat) => {
            if nat_table("DNAT", INBOUND_NAT, place, problems) {
                translation(nat, "--to-destination", place, problems);
            }
        }
        Target::NoTrack => {
            tables(&[TableName::Raw], "-j CT", part, Kind::Target, place, problems);
        }
        Target::Unknown(unknown) => {
            known_name(&unknown.name, "target", &mut target_names(), part, Kind::Target, problems);
            check_target(unknown, place, problems);
            check_unknown(&unknown.name, place, problems);
        }
    }
}

fn jump(chain: &str, goto: bool, problems: &mut Vec<Problem>) {
    let (message, help) = if Hooks::of_chain(chain) != Hooks::NONE {
        (
            format!("`{chain}` is a built-in chain and cannot be called"),
            "put the rules into a chain of your own, and call that",
        )
    } else if goto && is_target_name(chain) {
        (format!("`-g` takes a chain, and `{chain}` is a target"), "write `-j` before a target")
    } else {
        return;
    };
    problems.push(problem(Part::Target, Kind::Target, message, "the kernel refuses it", help));
}

fn reject(with: RejectWith, place: &Place, problems: &mut Vec<Problem>) {
    tables(&[TableName::Filter], "-j REJECT", Part::Target, Kind::Target, place, problems);
    if with.name(place.family).is_none() {
        let names: Vec<_> = RejectWith::ALL.iter().filter_map(|with| with.name(place.family)).collect();
        let message = format!("{} has no such answer", place.family.name());
        let help = format!("the answers are {}", names.join(", "));
        problems.push(problem(Part::Target, Kind::Target, message, "an answer of the other family", help));
    }
    if with == RejectWith::TcpReset && place.protocol() != Some(Protocol::TCP) {
        let message = "`--reject-with tcp-reset` needs `-p tcp`";
        let help = "write `-p tcp`, or another answer";
        problems.push(problem(Part::Target, Kind::Protocol, message, "only TCP has resets", help));
    }
}

fn tcp_mss(size: Option<u16>, place: &Place, problems: &mut Vec<Problem>) {
    // iptables-nft takes it without the flags, iptables-legacy does not.
    let syn = place.matches.iter().any(|one| match one {
        Match::Tcp(tcp) => tcp.flags.is_some_and(|flags| !flags.negated && flags.value.mask & flags.value.set & 2 != 0),
        _ => false,
    });
    if place.protocol() != Some(Protocol::TCP) || !syn {
        let message = "`-j TCPMSS` needs `-p tcp` and a match of the SYN flag";
        let help = "write `-p tcp --tcp-flags SYN,RST SYN` before it";
        problems.push(problem(Part::Target, Kind::Protocol, message, "only SYN packets have the option", help));
    }
    if size.is_none() {
        let allowed = Hooks::FORWARD | Hooks::OUTPUT | Hooks::POSTROUTING;
        place.hooks_within(allowed, Part::Target, Kind::Target, "`--clamp-mss-to-pmtu`", problems);
    }
}

fn nat_table(what: &str, allowed: Hooks, place: &Place, problems: &mut Vec<Problem>) -> bool {
    let option = format!("-j {what}");
    if !tables(&[TableName::Nat], &option, Part::Target, Kind::Target, place, problems) {
        return false;
    }
    place.hooks_within(allowed, Part::Target, Kind::Target, &format!("`{option}`"), problems);
    true
}

fn translation(nat: &Nat, option: &str, place: &Place, problems: &mut Vec<Problem>) {
    match nat.addresses {
        Some((first, last)) if first.is_ipv4() != (place.family == Family::V4) || first.is_ipv4() != last.is_ipv4() => {
            let message = format!("`{option}` needs an {} address here", place.family.name());
            let help = "write an address of the rule's own family";
            problems.push(problem(Part::Target, Kind::Address, message, "the other family", help));
        }
        Some((first, last)) if first > last => {
            let help = format!("write `{last}-{first}`");
            let message = "the range of addresses ends before it starts";
            problems.push(vain(problem(Part::Target, Kind::Target, message, "translates to nowhere", help)));
        }
        None if nat.options.ports.is_none() => {
            let help = format!("write `{option}` with an address, with ports, or with both");
            problems.push(problem(Part::Target, Kind::Target, "nothing to translate to", "here", help));
        }
        _ => {}
    }
    ports(&nat.options, option, place, problems);
}

fn ports(options: &NatOptions, option: &str, place: &Place, problems: &mut Vec<Problem>) {
    if options.ports.is_none() {
        return;
    }
    let message = format!("ports in `{option}` need `-p tcp`, `-p udp` or `-p sctp`");
    let help = "write `-p tcp` before it, or leave the ports out";
    match place.header.protocol {
        None => problems.push(problem(Part::Target, Kind::Protocol, message, "the rule names no protocol", help)),
        Some(protocol) if protocol.negated || !protocol.value.has_ports() => {
            problems.push(vain(problem(Part::Target, Kind::Protocol, message, "no protocol with ports", help)));
        }
        Some(_) => {}
    }
}

/// Targets without a type of their own, whose needs are no table, chain or protocol alone.
fn check_unknown(name: &str, place: &Place, problems: &mut Vec<Problem>) {
    let mut report = |kind, message, label, help| problems.push(problem(Part::Target, kind, message, label, help));
    match name {
        "TPROXY" if !matches!(place.protocol(), Some(Protocol::TCP | Protocol::UDP)) => {
            let message = "`-j TPROXY` needs `-p tcp` or `-p udp`";
            report(Kind::Protocol, message, "another protocol", "write `-p tcp` before it");
        }
        "DNAT" if !place.protocol().is_some_and(Protocol::has_ports) => {
            let message = "ports in `--to-destination` need `-p tcp`, `-p udp` or `-p sctp`";
            report(Kind::Protocol, message, "no protocol with ports", "write `-p tcp` before it");
        }
        "QUEUE" => {
            let help = "write `-j NFQUEUE --queue-num 0`";
            report(Kind::Target, "QUEUE is no longer there", "iptables-nft refuses it", help);
        }
        _ => {}
    }
}
