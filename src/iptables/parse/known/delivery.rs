//! Targets that send packets elsewhere: to programs, to other addresses, to connection tracking in another way.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use super::{Known, Said, Spelling, flag, known, option};
use crate::iptables::parse::rule::Extension;
use crate::iptables::parse::saved::{
    U16, U32, address, bits, decimal, hardware, host, length, mark, name, names, no, numbers, one_of, one_port,
};
use crate::iptables::parse::untyped::said;
use crate::iptables::parse::values::{host_address, number_in};
use crate::iptables::parse::{Fault, Word};
use crate::net::{Family, Prefix, write_address};

/// The targets of this file.
pub const TARGETS: &[Known] = &[
    known(
        "CLUSTERIP",
        &[
            flag("new"),
            option("hashmode", hash_mode),
            option("clustermac", multicast_hardware),
            option("total-nodes", decimal::<1, 16>),
            option("local-node", decimal::<1, 16>),
            option("hash-init", decimal::<0, U32>),
        ],
    )
    .only(Family::V4)
    .together(&[
        ("hashmode", "new"),
        ("clustermac", "new"),
        ("total-nodes", "new"),
        ("local-node", "new"),
        ("hash-init", "new"),
        ("new", "hashmode"),
        ("new", "clustermac"),
        ("new", "total-nodes"),
        ("new", "local-node"),
    ])
    .finish(cluster_address),
    known(
        "CT",
        &[
            flag("notrack"),
            option("helper", name::<15>),
            option("timeout", name::<31>),
            option("ctevents", events),
            option("expevents", |word, _| one_of(word, "event", &[("new", "new")], false)),
            option("zone-orig", zone),
            option("zone-reply", zone),
            option("zone", zone),
        ],
    )
    .excludes(&[&["zone", "zone-orig", "zone-reply"]])
    .finish(tracking),
    known("DNPT", &NPT).only(Family::V6).needs(&[&["src-pfx"], &["dst-pfx"]]),
    known("NETMAP", &[option("to", network)]).needs(&[&["to"]]),
    known(
        "NFQUEUE",
        &[
            option("queue-num", decimal::<0, U16>),
            option("queue-balance", queues),
            flag("queue-bypass"),
            flag("queue-cpu-fanout"),
        ],
    )
    .excludes(&[&["queue-num", "queue-balance"]])
    .together(&[("queue-cpu-fanout", "queue-balance")])
    .finish(queue),
    known("SNPT", &NPT).only(Family::V6).needs(&[&["src-pfx"], &["dst-pfx"]]),
    known(
        "SYNPROXY",
        &[
            flag("sack-perm"),
            flag("timestamp"),
            option("wscale", decimal::<0, 255>),
            option("mss", decimal::<0, U16>),
            flag("ecn"),
        ],
    ),
    known("TEE", &[option("gateway", gateway), option("oif", name::<15>)]).needs(&[&["gateway"]]),
    known("TPROXY", &[option("on-port", one_port), option("on-ip", address), option("tproxy-mark", mark)])
        .needs(&[&["on-port"]])
        .finish(proxy),
];

const NPT: [Spelling; 2] = [option("src-pfx", npt_prefix), option("dst-pfx", npt_prefix)];

/// An address to send copies to, never that of no host.
fn gateway(word: &Word, family: Family) -> Result<String, Fault> {
    match address(word, family)? {
        any if matches!(any.as_str(), "0.0.0.0" | "::") => Err(no(word, "gateway", "write the address of a neighbour")),
        address => Ok(address),
    }
}

fn hash_mode(word: &Word, _: Family) -> Result<String, Fault> {
    const MODES: [(&str, &str); 3] = [
        ("sourceip", "sourceip"),
        ("sourceip-sourceport", "sourceip-sourceport"),
        ("sourceip-sourceport-destport", "sourceip-sourceport-destport"),
    ];
    one_of(word, "hash mode", &MODES, false)
}

fn multicast_hardware(word: &Word, family: Family) -> Result<String, Fault> {
    let text = hardware(word, family)?;
    match u8::from_str_radix(&text[..2], 16) {
        Ok(first) if first & 1 == 1 => Ok(text.to_ascii_uppercase()),
        _ => Err(no(word, "multicast hardware address", "its first number must be odd: `01:00:5e:00:00:01`")),
    }
}

fn cluster_address(mut all: Vec<Said>, _: &Extension, _: Family) -> Result<Vec<Said>, Fault> {
    if !all.is_empty() && said(&all, "hash-init").is_none() {
        all.push(Said::added("hash-init", Some("0".into())));
    }
    Ok(all)
}

fn events(word: &Word, _: Family) -> Result<String, Fault> {
    const EVENTS: [&str; 10] =
        ["new", "related", "destroy", "reply", "assured", "protoinfo", "helper", "mark", "natseqinfo", "secmark"];
    if word.text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(no(word, "list of events", "write them in lower case"));
    }
    bits(word, "event", &EVENTS, false).map(|bits| names(bits, &EVENTS))
}

fn zone(word: &Word, _: Family) -> Result<String, Fault> {
    if word.text.eq_ignore_ascii_case("mark") {
        return Ok("mark".into());
    }
    number_in(word, 0, U16).map(|zone| zone.to_string())
}

/// The zone 0 is saved as none.
fn tracking(mut all: Vec<Said>, _: &Extension, _: Family) -> Result<Vec<Said>, Fault> {
    all.retain(|one| !one.name.starts_with("zone") || one.value() != "0");
    Ok(all)
}

/// A prefix of 64 bits at most, whose length is always saved.
fn npt_prefix(word: &Word, family: Family) -> Result<String, Fault> {
    let wrong = || no(word, "IPv6 prefix", "write a network with its length, up to 64: `2001:db8::/48`");
    let (text, bits) = word.text.split_once('/').unwrap_or((&word.text, "128"));
    let host = host(text, family).ok_or_else(wrong)?;
    let length = length(word, bits, family)?;
    match Prefix::containing(host, length) {
        Some(network) if network.address() == host && length <= 64 => {
            let mut text = String::new();
            write_address(host, &mut text);
            Ok(format!("{text}/{length}"))
        }
        _ => Err(wrong()),
    }
}

/// A network to map to; host bits are cut off.
fn network(word: &Word, family: Family) -> Result<String, Fault> {
    let (text, bits) = match word.text.split_once('/') {
        Some((text, bits)) => (text, Some(bits)),
        None => (word.text.as_str(), None),
    };
    let length = bits.map_or(Ok(family.bits()), |bits| length(word, bits, family))?;
    let network = host_address(text, family).and_then(|host| Prefix::containing(host, length));
    let help = "write a network with its length: `192.0.2.0/24`, `2001:db8::/64`";
    network.map(|network| network.to_string()).ok_or_else(|| no(word, &format!("{} network", family.name()), help))
}

/// Two queues or more: their first and last number.
fn queues(word: &Word, _: Family) -> Result<String, Fault> {
    match numbers(word, U16) {
        Ok((start, end)) if start < end && (start, end) != (0, U16) => Ok(format!("{start}:{end}")),
        _ => Err(no(word, "range of queues", "write the first and the last with a colon: `0:3`")),
    }
}

fn queue(mut all: Vec<Said>, _: &Extension, _: Family) -> Result<Vec<Said>, Fault> {
    if said(&all, "queue-num").is_none() && said(&all, "queue-balance").is_none() {
        all.insert(0, Said::added("queue-num", Some("0".into())));
    }
    Ok(all)
}

fn proxy(mut all: Vec<Said>, _: &Extension, family: Family) -> Result<Vec<Said>, Fault> {
    let any = if family == Family::V4 { "0.0.0.0" } else { "::" };
    if said(&all, "on-ip").is_none() {
        all.insert(1, Said::added("on-ip", Some(any.into())));
    }
    if said(&all, "tproxy-mark").is_none() {
        all.push(Said::added("tproxy-mark", Some("0x0/0x0".into())));
    }
    Ok(all)
}
