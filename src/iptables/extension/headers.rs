//! Matches of the IPv4 header, of transport headers, and of the link below.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use crate::iptables::extension::row::{Row, demand, flag, matching, option};
use crate::iptables::extension::untyped::saved_options;
use crate::iptables::extension::written::{Said, Written, lacks, said};
use crate::iptables::fault::Fault;
use crate::iptables::hooks::Hooks;
use crate::iptables::problem::{Kind, Problem, RulePlace};
use crate::iptables::ruleset::{Match, Part, Untyped};
use crate::iptables::text::saved::{U32, bits, decimal, interface, masked, names, no, one_of, ports, range, rising};
use crate::iptables::text::values;
use crate::iptables::text::words::Word;
use crate::iptables::text::write;
use crate::net::{Family, Protocol};

/// `-m length`
pub static LENGTH: Row<Match> =
    matching("length", &[option("length", range::<65_535>).negatable()]).needs(&[&["length"]]).typed(
        |written, reading| {
            let all = saved_options(written, reading.family)?;
            let length = all.first().ok_or_else(|| lacks(written, "`--length`", "write `--length 0:1500`"))?;
            let (first, last) = length.ends();
            Ok(Match::Length(length.negatable((first as u16, last as u16))))
        },
        |one, _, out| {
            if let Match::Length(wanted) = one {
                write::bang(wanted.negated, out);
                out.push_str(" --length ");
                write::ends(wanted.value.0.into(), wanted.value.1.into(), ':', out);
            }
        },
    );

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[
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
    &LENGTH,
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
    &matching("realm", &[option("realm", masked).negatable()])
        .only(Family::V4, "")
        .needs(&[&["realm"]])
        .demands(&[demand().hooks(Hooks::WITH_OUT_INTERFACE.and(Hooks::INPUT))]),
    &matching("tcpmss", &[option("mss", rising::<65_535>).negatable()])
        .needs(&[&["mss"]])
        .demands(&[demand().of(6, "-p tcp")]),
    &matching("tos", &[option("tos", type_of_service).negatable()]).needs(&[&["tos"]]),
];

fn dccp_types(word: &Word, _: Family) -> Result<String, Fault> {
    const TYPES: [&str; 11] =
        ["REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC", "SYNCACK", "INVALID"];
    bits(word, "type of DCCP packet", &TYPES, false).map(|bits| names(bits, &TYPES))
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

/// A range of all numbers is saved as nothing. Negated it matches nothing, though it is saved as nothing, too: it is kept.
pub fn without_full_ranges(mut all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    all.retain(|one| one.negated || one.value() != "0:4294967295");
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
fn bridge_port(unknown: &Untyped, part: Part, place: &RulePlace, problems: &mut Vec<Problem>) {
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
            &"`-m physdev --physdev-out`",
            problems,
        );
    }
}
