//! Matches and targets with a type of their own, whose values `matches` and `targets` read.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use super::hashlimit::HASH_LIMIT;
use super::rateest;
use super::{Known, Spelling, Value, flag, known, option, spelling};
use crate::iptables::parse::saved::no;
use crate::iptables::parse::{Fault, Word, targets, values};
use crate::net::Family;

const fn typed(name: &'static str) -> Spelling {
    spelling(name, Value::Typed(1)).negatable()
}

const PORTS: [Spelling; 4] = [
    typed("sport"),
    typed("source-port").saved_as("sport"),
    typed("dport"),
    typed("destination-port").saved_as("dport"),
];

/// The matches of this file.
pub const MATCHES: &[Known] = &[
    known(
        "tcp",
        &[
            PORTS[0],
            PORTS[1],
            PORTS[2],
            PORTS[3],
            flag("syn").negatable(),
            spelling("tcp-flags", Value::Typed(2)).negatable(),
            typed("tcp-option"),
        ],
    ),
    known("udp", &PORTS),
    known(
        "sctp",
        &[
            option("sport", port_range).negatable(),
            option("source-port", port_range).negatable().saved_as("sport"),
            option("dport", port_range).negatable(),
            option("destination-port", port_range).negatable().saved_as("dport"),
            spelling("chunk-types", Value::Two(chunk_mode, chunks)).negatable(),
        ],
    ),
    known("icmp", &[typed("icmp-type")]).only(Family::V4),
    known("icmp6", &[typed("icmpv6-type")]).only(Family::V6),
    known(
        "multiport",
        &[
            typed("source-ports").saved_as("sports"),
            typed("sports"),
            typed("destination-ports").saved_as("dports"),
            typed("dports"),
            typed("ports"),
        ],
    ),
    known("ttl", &[typed("ttl").saved_as("ttl-eq"), typed("ttl-eq"), typed("ttl-lt"), typed("ttl-gt")])
        .only(Family::V4),
    known("hl", &[typed("hl-eq"), typed("hl-lt"), typed("hl-gt")]).only(Family::V6),
    known(
        "policy",
        &[
            typed("dir"),
            typed("pol"),
            flag("strict"),
            typed("reqid"),
            typed("spi"),
            typed("proto"),
            typed("mode"),
            typed("tunnel-dst"),
            typed("tunnel-src"),
            flag("next"),
        ],
    ),
    known("mark", &[typed("mark")]),
    known("connmark", &[typed("mark")]),
    known("state", &[typed("state")]),
    known("limit", &[typed("limit"), typed("limit-burst")]),
    HASH_LIMIT,
    known("rpfilter", &[flag("loose"), flag("validmark"), flag("accept-local"), flag("invert")]),
    known("comment", &[typed("comment")]),
    known("iprange", &[typed("src-range"), typed("dst-range")]),
    rateest::MATCH,
];

const NAT: [Spelling; 3] = [flag("random"), flag("random-fully"), flag("persistent")];

/// The targets of this file.
pub const TARGETS: &[Known] = &[
    known("ACCEPT", &[]),
    known("DROP", &[]),
    known("RETURN", &[]),
    known("QUEUE", &[]),
    known("REJECT", &[typed("reject-with")]),
    known(
        "LOG",
        &[
            typed("log-prefix"),
            typed("log-level"),
            flag("log-tcp-sequence"),
            flag("log-tcp-options"),
            flag("log-ip-options"),
            flag("log-uid"),
            flag("log-macdecode"),
        ],
    ),
    known(
        "NFLOG",
        &[
            typed("nflog-prefix"),
            typed("nflog-group"),
            typed("nflog-range"),
            typed("nflog-size"),
            typed("nflog-threshold"),
        ],
    ),
    known("TCPMSS", &[typed("set-mss"), flag("clamp-mss-to-pmtu")]),
    known("MASQUERADE", &[typed("to-ports"), NAT[0], NAT[1]]),
    known("SNAT", &[typed("to-source"), NAT[0], NAT[1], NAT[2]]),
    known("DNAT", &[option("to-destination", targets::shifted), NAT[0], NAT[2]]),
    known("REDIRECT", &[typed("to-ports"), NAT[0]]),
    known("MARK", &[typed("set-xmark"), typed("set-mark"), typed("and-mark"), typed("or-mark"), typed("xor-mark")]),
    known("NOTRACK", &[]),
    rateest::TARGET,
];

fn port_range(word: &Word, _: Family) -> Result<String, Fault> {
    let range = values::port_range(word)?;
    Ok(if range.is_single() { range.start.to_string() } else { format!("{}:{}", range.start, range.end) })
}

fn chunk_mode(word: &Word, _: Family) -> Result<String, Fault> {
    let lower = word.text.to_ascii_lowercase();
    match lower.as_str() {
        "any" | "all" | "only" => Ok(lower),
        _ => Err(no(word, "way to match chunks", "write `any`, `all` or `only`, then the types")),
    }
}

/// Chunk types by number, with the flags that each may have in the order of their bits.
const CHUNKS: [(&str, u8, &str); 22] = [
    ("DATA", 0, "IUBE"),
    ("INIT", 1, ""),
    ("INIT_ACK", 2, ""),
    ("SACK", 3, ""),
    ("HEARTBEAT", 4, ""),
    ("HEARTBEAT_ACK", 5, ""),
    ("ABORT", 6, "T"),
    ("SHUTDOWN", 7, ""),
    ("SHUTDOWN_ACK", 8, ""),
    ("ERROR", 9, ""),
    ("COOKIE_ECHO", 10, ""),
    ("COOKIE_ACK", 11, ""),
    ("ECN_ECNE", 12, ""),
    ("ECN_CWR", 13, ""),
    ("SHUTDOWN_COMPLETE", 14, "T"),
    // iptables loses the flags of the types from here on.
    ("I_DATA", 64, ""),
    ("ASCONF_ACK", 128, ""),
    ("RE_CONFIG", 130, ""),
    ("PAD", 132, ""),
    ("FORWARD_TSN", 192, ""),
    ("ASCONF", 193, ""),
    ("I_FORWARD_TSN", 194, ""),
];

/// `TYPE[:FLAGS]`, a flag in upper case must be set, one in lower case must not.
fn chunks(word: &Word, _: Family) -> Result<String, Fault> {
    if let Some(all) = ["ALL", "NONE"].into_iter().find(|all| all.eq_ignore_ascii_case(&word.text)) {
        return Ok(all.into());
    }
    let mut said: [Option<String>; CHUNKS.len()] = [const { None }; CHUNKS.len()];
    for text in word.text.split(',') {
        let (name, flags) = text.split_once(':').unwrap_or((text, ""));
        let Some(place) = CHUNKS.iter().position(|(known, ..)| known.eq_ignore_ascii_case(name)) else {
            let help = "write types such as `DATA`, `INIT`, `ABORT` with commas between them, or `ALL` or `NONE`";
            return Err(no(word, "list of chunk types", help));
        };
        let known = CHUNKS[place].2;
        if let Some(flag) = flags.chars().find(|flag| !known.contains(flag.to_ascii_uppercase())) {
            let message = format!("chunks of type {} have no flag `{flag}`", CHUNKS[place].0);
            let help = "the flags are I, U, B and E of DATA, and T of ABORT and SHUTDOWN_COMPLETE";
            return Err(Fault::new(word.span.clone(), message, "here", help));
        }
        said[place].get_or_insert_default().push_str(flags);
    }
    let one = |(place, flags): (usize, &Option<String>)| {
        let (name, _, known) = CHUNKS[place];
        let flags = flags.as_ref()?;
        let flag = |known: char| {
            let lower = known.to_ascii_lowercase();
            [known, lower].into_iter().find(|letter| flags.contains(*letter))
        };
        let flags: String = known.chars().filter_map(flag).collect();
        Some(if flags.is_empty() { name.to_owned() } else { format!("{name}:{flags}") })
    };
    Ok(said.iter().enumerate().filter_map(one).collect::<Vec<_>>().join(","))
}
