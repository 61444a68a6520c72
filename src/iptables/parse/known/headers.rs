//! Matches of the IPv4 header, of transport headers, and of the link below.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use super::{Known, Said, flag, known, option};
use crate::iptables::parse::rule::Extension;
use crate::iptables::parse::saved::{
    U32, bits, decimal, hardware, hexadecimal, interface, masked, names, no, one_of, ports, range,
};
use crate::iptables::parse::untyped::said;
use crate::iptables::parse::{Fault, Word, values};
use crate::net::Family;

/// The matches of this file.
pub const MATCHES: &[Known] = &[
    known(
        "addrtype",
        &[
            option("src-type", address_types).negatable(),
            option("dst-type", address_types).negatable(),
            flag("limit-iface-in"),
            flag("limit-iface-out"),
        ],
    )
    .needs(&[&["src-type", "dst-type"]])
    .excludes(&[&["limit-iface-in", "limit-iface-out"]]),
    known(
        "dccp",
        &[
            option("sport", ports).negatable(),
            option("source-port", ports).negatable().saved_as("sport"),
            option("dport", ports).negatable(),
            option("destination-port", ports).negatable().saved_as("dport"),
            option("dccp-types", dccp_types).negatable(),
            option("dccp-option", decimal::<1, 255>).negatable(),
        ],
    ),
    known("devgroup", &[option("src-group", masked).negatable(), option("dst-group", masked).negatable()])
        .needs(&[&["src-group", "dst-group"]]),
    known(
        "dscp",
        &[
            option("dscp", hexadecimal::<63, 2>).negatable(),
            option("dscp-class", dscp_class).negatable().saved_as("dscp"),
        ],
    )
    .needs(&[&["dscp"]]),
    known(
        "ecn",
        &[
            flag("ecn-tcp-ece").negatable(),
            flag("ecn-tcp-cwr").negatable(),
            option("ecn-ip-ect", decimal::<0, 3>).negatable(),
        ],
    )
    .needs(&[&["ecn-tcp-ece", "ecn-tcp-cwr", "ecn-ip-ect"]]),
    known("esp", &[option("espspi", range::<U32>).negatable()]).finish(without_full_ranges),
    known("ipcomp", &[option("ipcompspi", range::<U32>).negatable(), flag("compres")]).finish(ipcomp),
    known("length", &[option("length", range::<65_535>).negatable()]).needs(&[&["length"]]),
    known("mac", &[option("mac-source", hardware).negatable()]).needs(&[&["mac-source"]]),
    known(
        "physdev",
        &[
            flag("physdev-is-in").negatable(),
            option("physdev-in", interface).negatable(),
            flag("physdev-is-out").negatable(),
            option("physdev-out", interface).negatable(),
            flag("physdev-is-bridged").negatable(),
        ],
    )
    .needs(&[&["physdev-in", "physdev-out", "physdev-is-in", "physdev-is-out", "physdev-is-bridged"]]),
    known("pkttype", &[option("pkt-type", packet_type).negatable()]).needs(&[&["pkt-type"]]),
    known("realm", &[option("realm", masked).negatable()]).only(Family::V4).needs(&[&["realm"]]),
    known("tcpmss", &[option("mss", range::<65_535>).negatable()]).needs(&[&["mss"]]),
    known("tos", &[option("tos", type_of_service).negatable()]).needs(&[&["tos"]]),
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
pub fn without_full_ranges(mut all: Vec<Said>, _: &Extension, _: Family) -> Result<Vec<Said>, Fault> {
    let full = |one: &Said| one.value() == "0:4294967295";
    if let Some(none) = all.iter().find(|one| one.negated && full(one)) {
        return Err(none.vain("every number is excluded: this matches nothing", "leave it out to match every number"));
    }
    all.retain(|one| !full(one));
    Ok(all)
}

/// Without a range, iptables takes 0 alone.
fn ipcomp(mut all: Vec<Said>, extension: &Extension, family: Family) -> Result<Vec<Said>, Fault> {
    if said(&all, "ipcompspi").is_none() {
        all.insert(0, Said::added("ipcompspi", Some("0".into())));
    }
    without_full_ranges(all, extension, family)
}
