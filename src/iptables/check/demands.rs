//! What matches and targets without a type of their own need: a protocol, a table, a chain.
//! Input: one of them and its rule. Output: problems.

use super::matches::{needs, tables};
use super::{Hooks, Kind, Place, Problem};
use crate::iptables::parse::Part;
use crate::iptables::ruleset::{TableName, Unknown};
use crate::net::{Family, Protocol};

/// What one match or target needs.
struct Demand {
    /// Its name.
    name: &'static str,
    /// The option that needs it; empty: every rule with that name.
    option: &'static str,
    /// The family for which that holds.
    family: Option<Family>,
    /// The protocol, and the option that says it.
    protocol: Option<(Protocol, &'static str)>,
    /// The tables; empty: all.
    tables: &'static [TableName],
    /// The chains.
    hooks: Hooks,
}

impl Demand {
    const fn of(self, number: u8, option: &'static str) -> Demand {
        Demand { protocol: Some((Protocol(number), option)), ..self }
    }

    const fn tables(self, tables: &'static [TableName]) -> Demand {
        Demand { tables, ..self }
    }

    const fn hooks(self, hooks: Hooks) -> Demand {
        Demand { hooks, ..self }
    }

    const fn option(self, option: &'static str) -> Demand {
        Demand { option, ..self }
    }

    const fn only(self, family: Family) -> Demand {
        Demand { family: Some(family), ..self }
    }
}

const fn demand(name: &'static str) -> Demand {
    Demand { name, option: "", family: None, protocol: None, tables: &[], hooks: ANYWHERE }
}

const ANYWHERE: Hooks = Hooks(31);
const IN: Hooks = Hooks(Hooks::PREROUTING.0 | Hooks::INPUT.0 | Hooks::FORWARD.0);
const OUT: Hooks = Hooks(Hooks::FORWARD.0 | Hooks::OUTPUT.0 | Hooks::POSTROUTING.0);
const MANGLE: &[TableName] = &[TableName::Mangle];
const RAW: &[TableName] = &[TableName::Raw];
const SECURITY: &[TableName] = &[TableName::Mangle, TableName::Security];

const MATCHES: [Demand; 21] = [
    demand("addrtype").option("--limit-iface-in").hooks(IN),
    demand("addrtype").option("--limit-iface-out").hooks(OUT),
    demand("ah").only(Family::V4).of(51, "-p ah"),
    demand("dccp").of(33, "-p 33"),
    demand("devgroup").option("--src-group").hooks(IN),
    demand("devgroup").option("--dst-group").hooks(OUT),
    demand("ecn").option("--ecn-tcp-cwr").of(6, "-p tcp"),
    demand("ecn").option("--ecn-tcp-ece").of(6, "-p tcp"),
    demand("esp").of(50, "-p esp"),
    demand("eui64").hooks(IN),
    demand("ipcomp").of(108, "-p 108"),
    demand("mac").hooks(IN),
    demand("mh").of(135, "-p 135"),
    demand("osf").of(6, "-p tcp").hooks(IN),
    demand("owner").hooks(Hooks(Hooks::OUTPUT.0 | Hooks::POSTROUTING.0)),
    demand("policy").option("in").hooks(IN),
    demand("policy").option("out").hooks(OUT),
    demand("realm").hooks(Hooks(OUT.0 | Hooks::INPUT.0)),
    demand("sctp").of(132, "-p sctp"),
    demand("socket").hooks(Hooks(Hooks::PREROUTING.0 | Hooks::INPUT.0)),
    demand("tcpmss").of(6, "-p tcp"),
];

const TARGETS: [Demand; 24] = [
    demand("CHECKSUM").tables(MANGLE),
    demand("CLASSIFY").hooks(OUT),
    demand("CLUSTERIP").hooks(Hooks::INPUT),
    demand("CONNSECMARK").tables(SECURITY),
    demand("CT").tables(RAW),
    demand("DNAT").tables(&[TableName::Nat]).hooks(Hooks(Hooks::PREROUTING.0 | Hooks::OUTPUT.0)),
    demand("DNPT").tables(MANGLE).hooks(Hooks(Hooks::PREROUTING.0 | Hooks::OUTPUT.0)),
    demand("DSCP").tables(MANGLE),
    demand("ECN").tables(MANGLE),
    demand("ECN").option("--ecn-tcp-remove").of(6, "-p tcp"),
    demand("ECN").option("--ecn-tcp-ece").of(6, "-p tcp"),
    demand("ECN").option("--ecn-tcp-cwr").of(6, "-p tcp"),
    demand("HL").tables(MANGLE),
    demand("NETMAP").tables(&[TableName::Nat]),
    demand("NOTRACK").tables(RAW),
    demand("SECMARK").tables(SECURITY),
    demand("SNPT").tables(MANGLE).hooks(Hooks(Hooks::INPUT.0 | Hooks::POSTROUTING.0)),
    demand("SYNPROXY").of(6, "-p tcp").hooks(Hooks(Hooks::INPUT.0 | Hooks::FORWARD.0)),
    demand("TCPOPTSTRIP").tables(MANGLE),
    demand("TCPOPTSTRIP").of(6, "-p tcp"),
    demand("TOS").tables(MANGLE),
    demand("TPROXY").tables(MANGLE).hooks(Hooks::PREROUTING),
    demand("TRACE").tables(RAW),
    demand("TTL").tables(MANGLE),
];

/// Reports what a match lacks.
pub fn check_match(unknown: &Unknown, part: Part, place: &Place, problems: &mut Vec<Problem>) {
    check(&MATCHES, unknown, "-m", part, Kind::Match, place, problems);
    let has = |option: &str| unknown.words.iter().any(|word| &**word == option);
    let bridged = || {
        let at = unknown.words.iter().position(|word| &**word == "--physdev-is-bridged");
        at.is_some_and(|at| at == 0 || &*unknown.words[at - 1] != "!")
    };
    // What leaves the machine itself has no port of a bridge yet.
    if &*unknown.name == "physdev" && (has("--physdev-out") || has("--physdev-is-out")) && !bridged() {
        place.hooks_within(Hooks(31 & !Hooks::OUTPUT.0), part, Kind::Match, "`-m physdev --physdev-out`", problems);
    }
}

/// Reports what a target lacks.
pub fn check_target(unknown: &Unknown, place: &Place, problems: &mut Vec<Problem>) {
    check(&TARGETS, unknown, "-j", Part::Target, Kind::Target, place, problems);
}

fn check(
    demands: &[Demand],
    unknown: &Unknown,
    letter: &str,
    part: Part,
    kind: Kind,
    place: &Place,
    problems: &mut Vec<Problem>,
) {
    let applies = |demand: &&Demand| {
        *demand.name == *unknown.name
            && demand.family.is_none_or(|family| family == place.family)
            && (demand.option.is_empty() || unknown.words.iter().any(|word| **word == *demand.option))
    };
    for demand in demands.iter().filter(applies) {
        let what = match demand.option {
            "" => format!("{letter} {}", demand.name),
            option if option.starts_with('-') => format!("{letter} {} {option}", demand.name),
            direction => format!("{letter} {} --dir {direction}", demand.name),
        };
        if let Some((protocol, option)) = demand.protocol {
            needs(protocol, &what, option, part, place, problems);
        }
        if demand.tables.is_empty() || tables(demand.tables, &what, part, kind, place, problems) {
            place.hooks_within(demand.hooks, part, kind, &format!("`{what}`"), problems);
        }
    }
}
