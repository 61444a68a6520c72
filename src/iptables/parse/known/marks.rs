//! Targets that change a packet or its marks.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use super::headers::{dscp_class, type_of_service};
use super::{Known, Said, Spelling, flag, known, option};
use crate::iptables::parse::rule::Extension;
use crate::iptables::parse::saved::{U8, U16, U32, bits, decimal, hexadecimal, mark, no, prefix_length};
use crate::iptables::parse::untyped::said;
use crate::iptables::parse::values::{self, number, number_in};
use crate::iptables::parse::{Fault, Word};
use crate::net::Family;

const OPERATIONS: [Spelling; 5] = [
    option("set-xmark", mark),
    option("set-mark", set_mark).saved_as("set-xmark"),
    option("and-mark", |word, _| of_32(word).map(|value| format!("0x0/0x{:x}", !value))).saved_as("set-xmark"),
    option("or-mark", |word, _| of_32(word).map(|value| format!("0x{value:x}/0x{value:x}"))).saved_as("set-xmark"),
    option("xor-mark", |word, _| of_32(word).map(|value| format!("0x{value:x}/0x0"))).saved_as("set-xmark"),
];

/// The targets of this file.
pub const TARGETS: &[Known] = &[
    known("CHECKSUM", &[flag("checksum-fill")]).needs(&[&["checksum-fill"]]),
    known("CLASSIFY", &[option("set-class", class)]).needs(&[&["set-class"]]),
    known(
        "CONNMARK",
        &[
            OPERATIONS[0],
            OPERATIONS[1],
            OPERATIONS[2],
            OPERATIONS[3],
            OPERATIONS[4],
            flag("save-mark"),
            flag("restore-mark"),
            option("nfmask", hexadecimal::<U32, 1>),
            option("ctmask", hexadecimal::<U32, 1>),
            option("mask", hexadecimal::<U32, 1>),
            option("left-shift-mark", decimal::<0, 31>),
            option("right-shift-mark", decimal::<0, 31>),
        ],
    )
    .needs(&[&["set-xmark", "save-mark", "restore-mark"]])
    .excludes(&[
        &["set-xmark", "save-mark", "restore-mark"],
        &["mask", "nfmask"],
        &["mask", "ctmask"],
        &["set-xmark", "mask"],
        &["set-xmark", "nfmask"],
        &["set-xmark", "ctmask"],
        &["left-shift-mark", "right-shift-mark"],
    ])
    .finish(connection_mark),
    known(
        "DSCP",
        &[option("set-dscp", hexadecimal::<63, 2>), option("set-dscp-class", dscp_class).saved_as("set-dscp")],
    )
    .needs(&[&["set-dscp"]]),
    known(
        "ECN",
        &[
            flag("ecn-tcp-remove"),
            option("ecn-tcp-ece", decimal::<0, 1>),
            option("ecn-tcp-cwr", decimal::<0, 1>),
            option("ecn-ip-ect", decimal::<0, 3>),
        ],
    )
    .only(Family::V4)
    .needs(&[&["ecn-tcp-remove", "ecn-tcp-ece", "ecn-tcp-cwr", "ecn-ip-ect"]])
    .excludes(&[
        &["ecn-tcp-remove", "ecn-tcp-ece"],
        &["ecn-tcp-remove", "ecn-tcp-cwr"],
        // In one order iptables takes both, in the other it forgets one.
        &["ecn-tcp-remove", "ecn-ip-ect"],
    ])
    .finish(congestion),
    known(
        "HL",
        &[option("hl-set", decimal::<0, U8>), option("hl-dec", decimal::<1, U8>), option("hl-inc", decimal::<1, U8>)],
    )
    .only(Family::V6)
    .needs(&[&["hl-set", "hl-dec", "hl-inc"]])
    .excludes(&[&["hl-set", "hl-dec", "hl-inc"]]),
    known(
        "HMARK",
        &[
            option("hmark-src-prefix", prefix_length),
            option("hmark-dst-prefix", prefix_length),
            option("hmark-sport-mask", hexadecimal::<U16, 4>),
            option("hmark-dport-mask", hexadecimal::<U16, 4>),
            option("hmark-spi-mask", hexadecimal::<U32, 8>),
            option("hmark-sport", hexadecimal::<U16, 4>),
            option("hmark-dport", hexadecimal::<U16, 4>),
            option("hmark-spi", hexadecimal::<U32, 8>),
            option("hmark-proto-mask", hexadecimal::<U16, 2>),
            option("hmark-rnd", hexadecimal::<U32, 8>),
            option("hmark-mod", decimal::<1, U32>),
            option("hmark-offset", decimal::<0, U32>),
            option("hmark-tuple", tuple),
        ],
    )
    .needs(&[&["hmark-mod"], &["hmark-rnd"]])
    .finish(hash_mark),
    known("TCPOPTSTRIP", &[option("strip-options", tcp_options)]),
    known(
        "TOS",
        &[
            option("set-tos", type_of_service),
            option("and-tos", |word, _| of_8(word).map(|value| format!("0x00/0x{:02x}", !value))).saved_as("set-tos"),
            option("or-tos", |word, _| of_8(word).map(|value| format!("0x{value:02x}/0x{value:02x}")))
                .saved_as("set-tos"),
            option("xor-tos", |word, _| of_8(word).map(|value| format!("0x{value:02x}/0x00"))).saved_as("set-tos"),
        ],
    )
    .needs(&[&["set-tos"]]),
    known(
        "TTL",
        &[
            option("ttl-set", decimal::<0, U8>),
            option("ttl-dec", decimal::<1, U8>),
            option("ttl-inc", decimal::<1, U8>),
        ],
    )
    .only(Family::V4)
    .needs(&[&["ttl-set", "ttl-dec", "ttl-inc"]])
    .excludes(&[&["ttl-set", "ttl-dec", "ttl-inc"]]),
];

fn of_32(word: &Word) -> Result<u32, Fault> {
    number_in(word, 0, U32).map(|value| value as u32)
}

fn of_8(word: &Word) -> Result<u8, Fault> {
    number_in(word, 0, U8).map(|value| value as u8)
}

fn set_mark(word: &Word, _: Family) -> Result<String, Fault> {
    let (value, mask) = values::mark(word)?;
    Ok(format!("0x{value:x}/0x{:x}", mask.map_or(u32::MAX, |mask| value | mask)))
}

/// A class of traffic control: two hexadecimal numbers.
fn class(word: &Word, _: Family) -> Result<String, Fault> {
    let read = |text: &str| u16::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok();
    let plain = !word.text.contains(['+', '-']);
    let parts = word.text.split_once(':').filter(|_| plain).and_then(|(major, minor)| read(major).zip(read(minor)));
    match parts {
        Some((major, minor)) => Ok(format!("{major:04x}:{minor:04x}")),
        None => Err(no(word, "class", "write two hexadecimal numbers: `1:10`")),
    }
}

/// Copies between the marks of packet and connection are saved with both masks.
fn connection_mark(mut all: Vec<Said>, _: &Extension, _: Family) -> Result<Vec<Said>, Fault> {
    all.retain(|one| !one.name.ends_with("shift-mark") || one.value() != "0");
    if said(&all, "set-xmark").is_some() {
        return Ok(all);
    }
    let value = |name: &str| said(&all, name).or_else(|| said(&all, "mask")).map(|one| one.value().to_owned());
    let [packet, connection] = ["nfmask", "ctmask"].map(|name| value(name).unwrap_or("0xffffffff".into()));
    all.retain(|one| !matches!(one.name, "nfmask" | "ctmask" | "mask"));
    all.splice(1..1, [Said::added("nfmask", Some(packet)), Said::added("ctmask", Some(connection))]);
    Ok(all)
}

/// Both bits off is saved as their removal.
fn congestion(mut all: Vec<Said>, _: &Extension, _: Family) -> Result<Vec<Said>, Fault> {
    let off = |name: &str| said(&all, name).is_some_and(|one| one.value() == "0");
    if off("ecn-tcp-ece") && off("ecn-tcp-cwr") && all.len() == 2 {
        all = vec![Said::added("ecn-tcp-remove", None)];
    }
    Ok(all)
}

/// What the hash is made of; each part stands for a mask of all its bits.
const PARTS: [(&str, &str, &str); 6] = [
    ("src", "hmark-src-prefix", ""),
    ("dst", "hmark-dst-prefix", ""),
    ("sport", "hmark-sport-mask", "0xffff"),
    ("dport", "hmark-dport-mask", "0xffff"),
    ("proto", "hmark-proto-mask", "0xffff"),
    ("spi", "hmark-spi-mask", "0xffffffff"),
];

fn tuple(word: &Word, _: Family) -> Result<String, Fault> {
    let names = ["ct", "src", "dst", "sport", "dport", "proto", "spi"];
    bits(word, "part of a packet", &names, true).map(|bits| bits.to_string())
}

fn hash_mark(mut all: Vec<Said>, extension: &Extension, family: Family) -> Result<Vec<Said>, Fault> {
    if let Some(at) = all.iter().position(|one| one.name == "hmark-tuple") {
        let tuple = all.remove(at);
        let has = |bit: usize| tuple.number() & (1 << bit) != 0;
        for (bit, (name, option, mask)) in PARTS.into_iter().enumerate().filter(|(bit, _)| has(bit + 1)) {
            if said(&all, option).is_some() {
                return Err(
                    tuple.vain(format!("`{name}` and `--{option}` exclude each other"), "leave one of them out")
                );
            }
            let value = if mask.is_empty() { family.bits().to_string() } else { mask.to_owned() };
            all.push(Said::added(PARTS[bit].1, Some(value)));
        }
        if has(0) {
            all.push(Said::added("hmark-tuple", Some("ct".into())));
        }
    }
    let order = |one: &Said| extension.known.and_then(|known| known.options.iter().position(|o| o.saved == one.name));
    all.sort_by_key(order);
    let has = |name: &str| said(&all, name);
    if let Some(spi) = has("hmark-spi-mask").filter(|_| has("hmark-sport-mask").or(has("hmark-dport-mask")).is_some()) {
        return Err(spi.vain("a packet has either ports or an SPI", "leave out `spi`, or `sport` and `dport`"));
    }
    let masks = all.iter().any(|one| !matches!(one.name, "hmark-rnd" | "hmark-mod" | "hmark-offset"));
    if !masks {
        let message = "`-j HMARK` needs `--hmark-tuple`";
        let help = "write what the hash is made of: `--hmark-tuple src,dst`";
        return Err(Fault::new(extension.span.clone(), message, "the option is missing", help));
    }
    Ok(all)
}

/// TCP options by number or name, each once.
fn tcp_options(word: &Word, _: Family) -> Result<String, Fault> {
    const NAMES: [(&str, u64); 6] =
        [("wscale", 3), ("mss", 2), ("sack-permitted", 4), ("sack", 5), ("timestamp", 8), ("md5", 19)];
    let mut options = Vec::new();
    for text in word.text.split(',') {
        let named = NAMES.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
        let option = named.or_else(|| number(text).filter(|option| (2..=U8).contains(option)));
        match option.filter(|option| !text.is_empty() && !options.contains(option)) {
            Some(option) => options.push(option),
            None => {
                let help = "write numbers from 2 to 255, `wscale`, `mss`, `sack-permitted`, `sack`, `timestamp` or `md5`, each once";
                return Err(no(word, "list of TCP options", help));
            }
        }
    }
    options.sort_unstable();
    Ok(options.iter().map(u64::to_string).collect::<Vec<_>>().join(","))
}
