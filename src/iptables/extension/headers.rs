//! Matches of the IPv4 header, of transport headers, and of the link below.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use crate::iptables::extension::row::{Row, demand, flag, matching, option};
use crate::iptables::extension::written::{Said, Written, said};
use crate::iptables::fault::Fault;
use crate::iptables::hooks::Hooks;
use crate::iptables::problem::{Kind, Place, Problem};
use crate::iptables::ruleset::Part;
use crate::iptables::ruleset::{Match, Unknown};
use crate::iptables::text::saved::{
    U32, bits, decimal, hardware, hexadecimal, interface, masked, names, no, one_of, ports, range,
};
use crate::iptables::text::values;
use crate::iptables::text::words::Word;
use crate::net::{Family, Protocol};

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[
    &matching(
        "addrtype",
        &[
            option("src-type", address_types).negatable(),
            option("dst-type", address_types).negatable(),
            flag("limit-iface-in"),
            flag("limit-iface-out"),
        ],
    )
    .needs(&[&["src-type", "dst-type"]])
    .excludes(&[&["limit-iface-in", "limit-iface-out"]])
    .demands(&[
        demand().option("--limit-iface-in").hooks(Hooks::WITH_IN_INTERFACE),
        demand().option("--limit-iface-out").hooks(Hooks::WITH_OUT_INTERFACE),
    ]),
    &matching(
        "dccp",
        &[
            option("sport", ports).negatable(),
            option("source-port", ports).negatable().saved_as("sport"),
            option("dport", ports).negatable(),
            option("destination-port", ports).negatable().saved_as("dport"),
            option("dccp-types", dccp_types).negatable(),
            option("dccp-option", decimal::<1, 255>).negatable(),
        ],
    )
    .demands(&[demand().of(33, "-p 33")])
    .of(Protocol(33)),
    &matching("devgroup", &[option("src-group", masked).negatable(), option("dst-group", masked).negatable()])
        .needs(&[&["src-group", "dst-group"]])
        .demands(&[
            demand().option("--src-group").hooks(Hooks::WITH_IN_INTERFACE),
            demand().option("--dst-group").hooks(Hooks::WITH_OUT_INTERFACE),
        ]),
    &matching(
        "dscp",
        &[
            option("dscp", hexadecimal::<63, 2>).negatable(),
            option("dscp-class", dscp_class).negatable().saved_as("dscp"),
        ],
    )
    .needs(&[&["dscp"]]),
    &matching(
        "ecn",
        &[
            flag("ecn-tcp-ece").negatable(),
            flag("ecn-tcp-cwr").negatable(),
            option("ecn-ip-ect", decimal::<0, 3>).negatable(),
        ],
    )
    .needs(&[&["ecn-tcp-ece", "ecn-tcp-cwr", "ecn-ip-ect"]])
    .demands(&[demand().option("--ecn-tcp-cwr").of(6, "-p tcp"), demand().option("--ecn-tcp-ece").of(6, "-p tcp")]),
    &matching("esp", &[option("espspi", range::<U32>).negatable()])
        .finish(without_full_ranges)
        .demands(&[demand().of(50, "-p esp")])
        .of(Protocol::ESP),
    &matching("ipcomp", &[option("ipcompspi", range::<U32>).negatable(), flag("compres")])
        .finish(ipcomp)
        .demands(&[demand().of(108, "-p 108")]),
    &matching("length", &[option("length", range::<65_535>).negatable()]).needs(&[&["length"]]),
    &matching("mac", &[option("mac-source", hardware).negatable()])
        .needs(&[&["mac-source"]])
        .demands(&[demand().hooks(Hooks::WITH_IN_INTERFACE)]),
    &matching(
        "physdev",
        &[
            flag("physdev-is-in").negatable(),
            option("physdev-in", interface).negatable(),
            flag("physdev-is-out").negatable(),
            option("physdev-out", interface).negatable(),
            flag("physdev-is-bridged").negatable(),
        ],
    )
    .needs(&[&["physdev-in", "physdev-out", "physdev-is-in", "physdev-is-out", "physdev-is-bridged"]])
    .checked(|one, part, place, problems| {
        if let Match::Unknown(unknown) = one {
            bridge_port(unknown, part, place, problems);
        }
    }),
    &matching("pkttype", &[option("pkt-type", packet_type).negatable()]).needs(&[&["pkt-type"]]),
    &matching("realm", &[option("realm", masked).negatable()])
        .only(Family::V4, "")
        .needs(&[&["realm"]])
        .demands(&[demand().hooks(Hooks::WITH_OUT_INTERFACE.and(Hooks::INPUT))]),
    &matching("tcpmss", &[option("mss", range::<65_535>).negatable()])
        .needs(&[&["mss"]])
        .demands(&[demand().of(6, "-p tcp")]),
    &matching("tos", &[option("tos", type_of_service).negatable()]).needs(&[&["tos"]]),
];

fn address_types(word: &Word, _: Family) -> Result<String, Fault> {
    const TYPES: [&str; 12] = [
        "UNSPEC",
        "UNICAST",
        "LOCAL",
        "BROADCAST",
        "ANYCAST",
        "MULTICAST",
        "BLACKHOLE",
        "UNREACHABLE",
        "PROHIBIT",
        "THROW",
        "NAT",
        "XRESOLVE",
    ];
    bits(word, "type of address", &TYPES, true).map(|bits| names(bits, &TYPES))
}

fn dccp_types(word: &Word, _: Family) -> Result<String, Fault> {
    const TYPES: [&str; 11] =
        ["REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC", "SYNCACK", "INVALID"];
    bits(word, "type of DCCP packet", &TYPES, false).map(|bits| names(bits, &TYPES))
}

/// A class of the DSCP, as its number.
pub fn dscp_class(word: &Word, _: Family) -> Result<String, Fault> {
    let lower = word.text.to_ascii_lowercase();
    let value = match lower.as_bytes() {
        b"ef" => 0x2e,
        b"be" => 0,
        [b'c', b's', class @ b'0'..=b'7'] => (class - b'0') << 3,
        [b'a', b'f', class @ b'1'..=b'4', drop @ b'1'..=b'3'] => ((class - b'0') << 3) | ((drop - b'0') << 1),
        _ => return Err(no(word, "class", "write `EF`, `BE`, `CS0` to `CS7`, or `AF11` to `AF43`")),
    };
    Ok(format!("0x{value:02x}"))
}

/// A TOS value with its mask; a name stands for six bits, a number for all eight.
pub fn type_of_service(word: &Word, _: Family) -> Result<String, Fault> {
    const NAMES: [(&str, &str); 5] = [
        ("Minimize-Delay", "0x10/0x3f"),
        ("Maximize-Throughput", "0x08/0x3f"),
        ("Maximize-Reliability", "0x04/0x3f"),
        ("Minimize-Cost", "0x02/0x3f"),
        ("Normal-Service", "0x00/0x3f"),
    ];
    if word.text.starts_with(|first: char| first.is_ascii_digit()) {
        return match values::mark(word) {
            Ok((value, mask)) if value <= 0xff && mask.is_none_or(|mask| mask <= 0xff) => {
                Ok(format!("0x{value:02x}/0x{:02x}", mask.unwrap_or(0xff)))
            }
            _ => {
                Err(no(word, "TOS value", "write a number up to 255, with a mask after a slash if needed: `0x10/0x3f`"))
            }
        };
    }
    one_of(word, "type of service", &NAMES, true)
}

fn packet_type(word: &Word, _: Family) -> Result<String, Fault> {
    const TYPES: [(&str, &str); 7] = [
        ("unicast", "unicast"),
        ("broadcast", "broadcast"),
        ("multicast", "multicast"),
        ("otherhost", "otherhost"),
        ("bcast", "broadcast"),
        ("mcast", "multicast"),
        ("host", "unicast"),
    ];
    one_of(word, "type of packet", &TYPES, true)
}

/// A range of all numbers is saved as nothing.
pub fn without_full_ranges(mut all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    let full = |one: &Said| one.value() == "0:4294967295";
    if let Some(none) = all.iter().find(|one| one.negated && full(one)) {
        return Err(none.vain("every number is excluded: this matches nothing", "leave it out to match every number"));
    }
    all.retain(|one| !full(one));
    Ok(all)
}

/// Without a range, iptables takes 0 alone.
fn ipcomp(mut all: Vec<Said>, extension: &Written, family: Family) -> Result<Vec<Said>, Fault> {
    if said(&all, "ipcompspi").is_none() {
        all.insert(0, Said::added("ipcompspi", Some("0".into())));
    }
    without_full_ranges(all, extension, family)
}

/// What leaves the machine itself has no port of a bridge yet.
fn bridge_port(unknown: &Unknown, part: Part, place: &Place, problems: &mut Vec<Problem>) {
    let has = |option: &str| unknown.words.iter().any(|word| &**word == option);
    let bridged = || {
        let at = unknown.words.iter().position(|word| &**word == "--physdev-is-bridged");
        at.is_some_and(|at| at == 0 || &*unknown.words[at - 1] != "!")
    };
    if (has("--physdev-out") || has("--physdev-is-out")) && !bridged() {
        place.hooks_within(
            Hooks::ALL.without(Hooks::OUTPUT),
            part,
            Kind::Match,
            "`-m physdev --physdev-out`",
            problems,
        );
    }
}
