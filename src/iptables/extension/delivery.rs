//! Targets that send packets elsewhere: to programs, to other addresses, to connection tracking in another way.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use crate::iptables::extension::row::{Row, demand, flag, option, target};
use crate::iptables::extension::untyped::saved_options;
use crate::iptables::extension::written::{Said, Spelling, Written, needs, said};
use crate::iptables::fault::Fault;
use crate::iptables::hooks::Hooks;
use crate::iptables::problem::{Kind, problem};
use crate::iptables::ruleset::{TableName, Target, Tee};
use crate::iptables::text::saved::{
    U16, U32, address, decimal, hardware, host, kept_bits, length, mark, name, no, numbers, one_of, one_port,
};
use crate::iptables::text::values::host_address;
use crate::iptables::text::words::Word;
use crate::iptables::text::write::{Quotes, word};
use crate::net::{Family, Prefix, Protocol, write_address};

/// The targets of this file.
pub static TARGETS: &[&Row<Target>] = &[
    &target(
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
    .only(Family::V4, "")
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
    .finish(cluster_address)
    .demands(&[demand().hooks(Hooks::INPUT)])
    .tracks(),
    &target("DNPT", &NPT)
        .only(Family::V6, "")
        .needs(&[&["src-pfx"], &["dst-pfx"]])
        .demands(&[demand().tables(&[TableName::Mangle]).hooks(Hooks::PREROUTING.and(Hooks::OUTPUT))]),
    &target(
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
    &target("SNPT", &NPT)
        .only(Family::V6, "")
        .needs(&[&["src-pfx"], &["dst-pfx"]])
        .demands(&[demand().tables(&[TableName::Mangle]).hooks(Hooks::INPUT.and(Hooks::POSTROUTING))]),
    &target(
        "SYNPROXY",
        &[
            flag("sack-perm"),
            flag("timestamp"),
            option("wscale", kept_bits::<255>),
            option("mss", kept_bits::<U16>),
            flag("ecn"),
        ],
    )
    .demands(&[demand().of(6, "-p tcp").hooks(Hooks::INPUT.and(Hooks::FORWARD))])
    .tracks(),
    &TEE,
    &target("TPROXY", &[option("on-port", one_port), option("on-ip", address), option("tproxy-mark", mark)])
        .reassembles()
        .needs(&[&["on-port"]])
        .finish(proxy)
        .checked(|_, part, place, problems| {
            if !matches!(place.protocol(), Some(Protocol::TCP | Protocol::UDP)) {
                let (message, help) = ("`-j TPROXY` needs `-p tcp` or `-p udp`", "write `-p tcp` before it");
                problems.push(problem(part, Kind::Protocol, message, "another protocol", help));
            }
        })
        .demands(&[demand().tables(&[TableName::Mangle]).hooks(Hooks::PREROUTING)]),
];

/// `-j TEE`
pub static TEE: Row<Target> =
    target("TEE", &[option("gateway", gateway), option("oif", name::<15>)]).needs(&[&["gateway"]]).typed(
        |written, reading| {
            let all = saved_options(written, reading.family)?;
            let (gateway, interface) = (said(&all, "gateway"), said(&all, "oif"));
            let address = gateway.and_then(|one| host_address(one.value(), reading.family));
            let gateway = address.ok_or_else(|| needs(written, "write `--gateway` and an address"))?;
            Ok(Target::Tee(Box::new(Tee { gateway, interface: interface.map(|one| one.value().into()) })))
        },
        |one, _, out| {
            if let Target::Tee(tee) = one {
                out.push_str(" --gateway ");
                write_address(tee.gateway, out);
                if let Some(interface) = &tee.interface {
                    out.push_str(" --oif ");
                    word(interface, Quotes::Needed, out);
                }
            }
        },
    );

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

fn cluster_address(mut all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    if !all.is_empty() && said(&all, "hash-init").is_none() {
        all.push(Said::added("hash-init", Some("0".into())));
    }
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

/// Two queues or more: their first and last number.
fn queues(word: &Word, _: Family) -> Result<String, Fault> {
    match numbers(word, U16) {
        Ok((start, end)) if start < end && (start, end) != (0, U16) => Ok(format!("{start}:{end}")),
        _ => Err(no(word, "range of queues", "write the first and the last with a colon: `0:3`")),
    }
}

fn queue(mut all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    if said(&all, "queue-num").is_none() && said(&all, "queue-balance").is_none() {
        all.insert(0, Said::added("queue-num", Some("0".into())));
    }
    Ok(all)
}

fn proxy(mut all: Vec<Said>, _: &Written, family: Family) -> Result<Vec<Said>, Fault> {
    let any = if family == Family::V4 { "0.0.0.0" } else { "::" };
    if said(&all, "on-ip").is_none() {
        all.insert(1, Said::added("on-ip", Some(any.into())));
    }
    if said(&all, "tproxy-mark").is_none() {
        all.push(Said::added("tproxy-mark", Some("0x0/0x0".into())));
    }
    Ok(all)
}
