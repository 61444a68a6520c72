//! What a whole ruleset makes the kernel do: track connections, translate addresses.
//! Input: a ruleset. Output: yes or no.

use super::super::ruleset::{Match, Rule, Ruleset, TableName, Target};

/// Targets that the model has no type for, and that let the packet go on whatever they do with it.
const GO_ON: [&str; 21] = [
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CONNMARK",
    "CONNSECMARK",
    "CT",
    "DSCP",
    "ECN",
    "HL",
    "HMARK",
    "IDLETIMER",
    "LED",
    "NFLOG",
    "RATEEST",
    "SECMARK",
    "SET",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TRACE",
    "TTL",
];

/// Whether a target without a type lets the packet go on to the next rule.
pub fn goes_on(name: &str) -> bool {
    GO_ON.contains(&name)
}

/// Whether the rules have the kernel track connections; it then also puts fragments together.
///
/// The nat table alone does not: without a rule that translates nothing is tracked, and no packet meets the table.
pub fn tracks(ruleset: &Ruleset) -> bool {
    ruleset
        .tables
        .iter()
        .flat_map(|table| &table.rules)
        .any(|rule| rule.matches.iter().any(asks_for_tracking) || translates_or_tracks(&rule.target))
}

/// Whether the nat table translates anything: later packets of connections are then translated as the first one was.
pub fn translates(ruleset: &Ruleset) -> bool {
    let stays = |rule: &Rule| match &rule.target {
        Target::None | Target::Log(_) | Target::Nflog(_) | Target::TcpMss(_) | Target::Accept | Target::Return => true,
        Target::Unknown(unknown) => goes_on(&unknown.name) && !matches!(&*unknown.name, "TTL" | "HL" | "CONNMARK"),
        _ => false,
    };
    ruleset.table(TableName::Nat).is_some_and(|nat| !nat.rules.iter().all(stays))
}

fn translates_or_tracks(target: &Target) -> bool {
    match target {
        Target::Masquerade(_) | Target::Snat(_) | Target::Dnat(_) | Target::Redirect(_) => true,
        Target::Unknown(target) => {
            matches!(&*target.name, "CONNMARK" | "CONNSECMARK" | "CT" | "NETMAP" | "SYNPROXY" | "CLUSTERIP")
        }
        _ => false,
    }
}

fn asks_for_tracking(one: &Match) -> bool {
    match one {
        Match::ConnState(_) | Match::State(_) | Match::ConnMark(_) => true,
        Match::Unknown(unknown) => {
            matches!(&*unknown.name, "conntrack" | "connbytes" | "connlimit" | "connlabel" | "helper" | "cluster")
        }
        _ => false,
    }
}
