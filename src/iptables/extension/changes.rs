//! Targets that change a packet, or what goes along with it.
//! Input: their options, or their values. Output: the value as a save has it, its text, what is wrong with it.

use crate::iptables::extension::headers::type_of_service;
use crate::iptables::extension::row::{OptionContext, Row, demand, flag, option, target, typed};
use crate::iptables::extension::written::{Said, Written, needs, said, twice};
use crate::iptables::fault::Fault;
use crate::iptables::hooks::Hooks;
use crate::iptables::problem::{Kind, Problem, RulePlace, problem};
use crate::iptables::ruleset::{Match, Part, TableName, Target};
use crate::iptables::text::saved::{U8, U16, U32, bits, decimal, hexadecimal, no, prefix_length};
use crate::iptables::text::values::{number, number_in, small};
use crate::iptables::text::words::Word;
use crate::iptables::text::write;
use crate::net::{Family, Protocol};

/// `-j TCPMSS`
pub static TCPMSS: Row<Target> = target("TCPMSS", &[typed("set-mss"), flag("clamp-mss-to-pmtu")])
    .typed(read_mss, |one, _, out| match one {
        Target::TcpMss(Some(size)) => {
            out.push_str(" --set-mss ");
            write::number((*size).into(), out);
        }
        _ => out.push_str(" --clamp-mss-to-pmtu"),
    })
    .checked(|one, _, place, problems| {
        if let Target::TcpMss(size) = one {
            check_mss(*size, place, problems);
        }
    });

/// The targets of this file.
pub static TARGETS: &[&Row<Target>] = &[
    &TCPMSS,
    &target("CHECKSUM", &[flag("checksum-fill")])
        .needs(&[&["checksum-fill"]])
        .demands(&[demand().tables(&[TableName::Mangle])])
        .goes_on(),
    &target("CLASSIFY", &[option("set-class", class)])
        .needs(&[&["set-class"]])
        .demands(&[demand().hooks(Hooks::WITH_OUT_INTERFACE)])
        .goes_on(),
    &target(
        "ECN",
        &[
            flag("ecn-tcp-remove"),
            option("ecn-tcp-ece", decimal::<0, 1>),
            option("ecn-tcp-cwr", decimal::<0, 1>),
            option("ecn-ip-ect", decimal::<0, 3>),
        ],
    )
    .only(Family::V4, "")
    .needs(&[&["ecn-tcp-remove", "ecn-tcp-ece", "ecn-tcp-cwr", "ecn-ip-ect"]])
    .excludes(&[&["ecn-tcp-remove", "ecn-tcp-ece"], &["ecn-tcp-remove", "ecn-tcp-cwr"]])
    // In one order iptables takes both, in the other it forgets one.
    .confuses(&[&["ecn-tcp-remove", "ecn-ip-ect"]])
    .finish(congestion)
    .demands(&[
        demand().tables(&[TableName::Mangle]),
        demand().option("--ecn-tcp-remove").of(6, "-p tcp"),
        demand().option("--ecn-tcp-ece").of(6, "-p tcp"),
        demand().option("--ecn-tcp-cwr").of(6, "-p tcp"),
    ])
    .goes_on(),
    &target(
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
    .finish(hash_mark)
    .goes_on(),
    &target("TCPOPTSTRIP", &[option("strip-options", tcp_options)])
        .demands(&[demand().tables(&[TableName::Mangle]), demand().of(6, "-p tcp")])
        .goes_on(),
    &target(
        "TOS",
        &[
            option("set-tos", type_of_service),
            option("and-tos", |word, _| of_8(word).map(|value| format!("0x00/0x{:02x}", !value))).saved_as("set-tos"),
            option("or-tos", |word, _| of_8(word).map(|value| format!("0x{value:02x}/0x{value:02x}")))
                .saved_as("set-tos"),
            option("xor-tos", |word, _| of_8(word).map(|value| format!("0x{value:02x}/0x00"))).saved_as("set-tos"),
        ],
    )
    .needs(&[&["set-tos"]])
    .demands(&[demand().tables(&[TableName::Mangle])]),
];

fn read_mss(written: &Written, reading: &mut OptionContext) -> Result<Target, Fault> {
    match &written.options[..] {
        [choice] if choice.name == "set-mss" => {
            // A packet has room for its IP header as well.
            let most = if reading.family == Family::V4 { 65_515 } else { 65_495 };
            Ok(Target::TcpMss(Some(small(choice.argument()?, 0, most)?)))
        }
        [_] => Ok(Target::TcpMss(None)),
        [] => Err(needs(written, "write `--set-mss 1250` or `--clamp-mss-to-pmtu`")),
        [_, second, ..] => Err(twice(second)),
    }
}

fn check_mss(size: Option<u16>, place: &RulePlace, problems: &mut Vec<Problem>) {
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
        let allowed = Hooks::WITH_OUT_INTERFACE;
        place.hooks_within(allowed, Part::Target, Kind::Target, &"`--clamp-mss-to-pmtu`", problems);
    }
}

fn of_8(word: &Word) -> Result<u8, Fault> {
    number_in(word, 0, U8).map(|value| value as u8)
}

/// A class of traffic control: two hexadecimal numbers.
fn class(word: &Word, _: Family) -> Result<String, Fault> {
    let read = |text: &str| u16::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok();
    let plain = !word.text.contains(['+', '-']);
    let parts = word.text.split_once(':').filter(|_| plain).and_then(|(major, minor)| read(major).zip(read(minor)));
    match parts {
        Some((major, minor)) => Ok(format!("{major:04x}:{minor:04x}")),
        None => {
            let fault = no(word, "class", "write two hexadecimal numbers: `1:10`");
            // Of larger numbers 16 bits are kept.
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let large = word.text.split_once(':').is_some_and(|(major, minor)| digits(major) && digits(minor));
            Err(if large { fault.that_loads() } else { fault })
        }
    }
}

/// Both bits off is saved as their removal.
fn congestion(mut all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
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

fn hash_mark(mut all: Vec<Said>, extension: &Written, family: Family) -> Result<Vec<Said>, Fault> {
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
