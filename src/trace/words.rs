//! The words of a trace: what a target did, what a verdict is called.
//! Input: effects and packets on their way. Output: short phrases.

use std::net::IpAddr;

use crate::iptables::ruleset::{Table, Target};
use crate::net::Family;
use crate::sentence::endpoint;
use crate::simulate::{Effect, Flight, Translation, Verdict};

/// `accepted`, `dropped`, `rejected`: in capitals the first word of an answer.
pub fn participle(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accepted",
        Verdict::Drop => "dropped",
        Verdict::Reject(_) => "rejected",
    }
}

/// What a rule did to a packet, with the values that result.
pub fn effect(table: &Table, target: &Target, effect: Effect, flight: &Flight, family: Family) -> String {
    match effect {
        Effect::Accepts => "accepted".into(),
        Effect::Drops => "dropped".into(),
        Effect::Rejects(with) => format!("rejected with {}", with.name(family).unwrap_or("an ICMP error")),
        Effect::Returns => "goes back to the chain that called".into(),
        Effect::Jumps(chain) => format!("goes on in the chain {}", table.chain_name(chain)),
        Effect::Goes(chain) => format!("goes on in the chain {}, and does not come back", table.chain_name(chain)),
        Effect::Translates => translated(target, flight),
        Effect::GoesOn | Effect::Changes => changed(target, flight),
    }
}

fn changed(target: &Target, flight: &Flight) -> String {
    let mark = |mark: Option<u32>| mark.map_or("one that the connection keeps".into(), |mark| format!("{mark:#x}"));
    match target {
        Target::Log(_) | Target::Nflog(_) => "logged, and goes on".into(),
        Target::None => "counted, and goes on".into(),
        Target::Mark(_) => format!("its mark becomes {}", mark(flight.mark())),
        Target::Ulog(_) => "logged, and goes on".into(),
        Target::Tee(tee) => format!("a copy goes to {}, and it goes on", tee.gateway),
        Target::Ttl(_) | Target::Hl(_) => match flight.hop_limit {
            Some(hops) => format!("its hop limit becomes {hops}"),
            None => "its hop limit changes".into(),
        },
        Target::Dscp(value) => format!("its DSCP becomes {value:#04x}"),
        Target::Ct(ct) if !ct.notrack => "tracked as it says, and goes on".into(),
        Target::NoTrack | Target::Ct(_) => "connection tracking leaves it alone".into(),
        Target::TcpMss(Some(size)) => format!("a larger MSS becomes {size}"),
        Target::TcpMss(None) => "a larger MSS becomes that of the path".into(),
        Target::ConnMark(_) => {
            format!("its mark is {}, that of its connection {}", mark(flight.mark()), mark(flight.connection_mark()))
        }
        Target::Unknown(unknown) => format!("{} lets it go on", unknown.name),
        _ => "goes on".into(),
    }
}

fn translated(target: &Target, flight: &Flight) -> String {
    match target {
        Target::Masquerade(_) | Target::Snat(_) => match flight.new_source {
            Some(translation) => format!("its source becomes {}", new_end(translation)),
            None => "its source stays".into(),
        },
        Target::Dnat(_) | Target::Redirect(_) => match flight.new_destination {
            Some(translation) => format!("its destination becomes {}", new_end(translation)),
            None => "its destination stays".into(),
        },
        Target::Netmap(network) => format!("its network becomes {network}"),
        Target::Unknown(unknown) => format!("{} translates it, nobody knows how", unknown.name),
        _ => "translated".into(),
    }
}

/// `10.0.0.1`, `one of 10.0.0.1 to 10.0.0.9`
pub fn between((first, last): (IpAddr, IpAddr)) -> String {
    if first == last { first.to_string() } else { format!("one of {first} to {last}") }
}

/// The new address and port of one end, as far as they are known.
pub fn new_end(translation: Translation) -> String {
    let port = translation.ports;
    let single = port.filter(|port| port.is_single()).map(|port| port.start);
    let address = match (translation.addresses, translation.of_interface) {
        (Some((first, last)), _) if first == last => endpoint(first, single),
        (Some(addresses), _) => between(addresses),
        (None, Some(name)) => format!("the address of {name}, which the rules do not tell"),
        (None, None) if translation.own => "the address of the interface that it leaves by".into(),
        (None, None) => "what it was".into(),
    };
    match port {
        Some(port) if single.is_none() => format!("{address}, a port of {}-{}", port.start, port.end),
        Some(port) if translation.addresses.is_none() => {
            format!("{address}, port {}", port.start)
        }
        _ => address,
    }
}
