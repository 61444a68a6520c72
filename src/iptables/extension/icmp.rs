//! Matches of ICMP types, with the names of types and codes that iptables knows (`libxt_icmp.h` of 1.8.9).
//! Input: their options, or their values. Output: type and code, their text.

use crate::iptables::extension::row::{Row, demand, matching, typed};
use crate::iptables::extension::written::{Written, negatable, only};
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::{IcmpType, Match, Negatable};
use crate::iptables::text::values::number;
use crate::iptables::text::words::Word;
use crate::iptables::text::write;
use crate::net::{Family, Protocol};

/// `-m icmp`
pub static ICMP: Row<Match> = matching("icmp", &[typed("icmp-type")])
    .only(Family::V4, "`-p ipv6-icmp -m icmp6`")
    .of(Protocol::ICMP)
    .typed(
        |written, _| read(written, Family::V4).map(Match::Icmp),
        |one, _, out| {
            if let Match::Icmp(kind) = one {
                print(" --icmp-type ", kind, Family::V4, out);
            }
        },
    )
    .demands(&[demand().of(1, "-p icmp")]);

/// `-m icmp6`
pub static ICMP6: Row<Match> = matching("icmp6", &[typed("icmpv6-type")])
    .only(Family::V6, "`-p icmp -m icmp`")
    .of(Protocol::ICMPV6)
    .typed(
        |written, _| read(written, Family::V6).map(Match::Icmp6),
        |one, _, out| {
            if let Match::Icmp6(kind) = one {
                print(" --icmpv6-type ", kind, Family::V6, out);
            }
        },
    )
    .demands(&[demand().of(58, "-p ipv6-icmp")]);

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&ICMP, &ICMP6];

fn read(written: &Written, family: Family) -> Result<Negatable<IcmpType>, Fault> {
    let choice = match family {
        Family::V4 => only(written, "`--icmp-type`", "write `--icmp-type echo-request`")?,
        Family::V6 => only(written, "`--icmpv6-type`", "write `--icmpv6-type echo-request`")?,
    };
    Ok(negatable(choice, icmp_type(choice.argument()?, family)?))
}

fn print(option: &str, kind: &Negatable<IcmpType>, family: Family, out: &mut String) {
    write::bang(kind.negated, out);
    out.push_str(option);
    if kind.value.kind == 255 && family == Family::V4 {
        out.push_str("any");
        return;
    }
    write::number(kind.value.kind.into(), out);
    if let Some(code) = kind.value.code {
        out.push('/');
        write::number(code.into(), out);
    }
}

type Name = (&'static str, u8, Option<u8>);

/// A type by name (an unambiguous beginning is enough), by number, or by number and code: `3/4`.
fn icmp_type(word: &Word, family: Family) -> Result<IcmpType, Fault> {
    let names: &[Name] = match family {
        Family::V4 => &V4,
        Family::V6 => &V6,
    };
    let text = &word.text;
    let begins = |name: &&Name| name.0.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
    let mut found = names.iter().filter(begins);
    match (found.next(), found.next()) {
        (Some(first), Some(second)) if !text.is_empty() => {
            return Err(Fault::new(
                word.span.clone(),
                format!("`{text}` may stand for several types"),
                "too short an abbreviation",
                format!("write `{}` or `{}`", first.0, second.0),
            ));
        }
        (Some((_, kind, code)), None) => return Ok(IcmpType { kind: *kind, code: *code }),
        _ => {}
    }
    let byte = |text: &str| number(text).filter(|_| !text.is_empty()).and_then(|value| u8::try_from(value).ok());
    let parsed = match text.split_once('/') {
        None => byte(text).map(|kind| IcmpType { kind, code: None }),
        Some((kind, "0:255")) => byte(kind).map(|kind| IcmpType { kind, code: None }),
        Some((kind, code)) => byte(kind).zip(byte(code)).map(|(kind, code)| IcmpType { kind, code: Some(code) }),
    };
    parsed.ok_or_else(|| {
        Fault::new(
            word.span.clone(),
            format!("`{text}` is no ICMP type of {}", family.name()),
            "a type belongs here",
            "write a number, a number and a code such as `3/4`, or a name such as `echo-request`",
        )
    })
}

const V4: [Name; 40] = [
    ("any", 255, None),
    ("echo-reply", 0, None),
    ("pong", 0, None),
    ("destination-unreachable", 3, None),
    ("network-unreachable", 3, Some(0)),
    ("host-unreachable", 3, Some(1)),
    ("protocol-unreachable", 3, Some(2)),
    ("port-unreachable", 3, Some(3)),
    ("fragmentation-needed", 3, Some(4)),
    ("source-route-failed", 3, Some(5)),
    ("network-unknown", 3, Some(6)),
    ("host-unknown", 3, Some(7)),
    ("network-prohibited", 3, Some(9)),
    ("host-prohibited", 3, Some(10)),
    ("TOS-network-unreachable", 3, Some(11)),
    ("TOS-host-unreachable", 3, Some(12)),
    ("communication-prohibited", 3, Some(13)),
    ("host-precedence-violation", 3, Some(14)),
    ("precedence-cutoff", 3, Some(15)),
    ("source-quench", 4, None),
    ("redirect", 5, None),
    ("network-redirect", 5, Some(0)),
    ("host-redirect", 5, Some(1)),
    ("TOS-network-redirect", 5, Some(2)),
    ("TOS-host-redirect", 5, Some(3)),
    ("echo-request", 8, None),
    ("ping", 8, None),
    ("router-advertisement", 9, None),
    ("router-solicitation", 10, None),
    ("time-exceeded", 11, None),
    ("ttl-exceeded", 11, None),
    ("ttl-zero-during-transit", 11, Some(0)),
    ("ttl-zero-during-reassembly", 11, Some(1)),
    ("parameter-problem", 12, None),
    ("ip-header-bad", 12, Some(0)),
    ("required-option-missing", 12, Some(1)),
    ("timestamp-request", 13, None),
    ("timestamp-reply", 14, None),
    ("address-mask-request", 17, None),
    ("address-mask-reply", 18, None),
];

const V6: [Name; 28] = [
    ("destination-unreachable", 1, None),
    ("no-route", 1, Some(0)),
    ("communication-prohibited", 1, Some(1)),
    ("beyond-scope", 1, Some(2)),
    ("address-unreachable", 1, Some(3)),
    ("port-unreachable", 1, Some(4)),
    ("failed-policy", 1, Some(5)),
    ("reject-route", 1, Some(6)),
    ("packet-too-big", 2, None),
    ("time-exceeded", 3, None),
    ("ttl-exceeded", 3, None),
    ("ttl-zero-during-transit", 3, Some(0)),
    ("ttl-zero-during-reassembly", 3, Some(1)),
    ("parameter-problem", 4, None),
    ("bad-header", 4, Some(0)),
    ("unknown-header-type", 4, Some(1)),
    ("unknown-option", 4, Some(2)),
    ("echo-request", 128, None),
    ("ping", 128, None),
    ("echo-reply", 129, None),
    ("pong", 129, None),
    ("router-solicitation", 133, None),
    ("router-advertisement", 134, None),
    ("neighbour-solicitation", 135, None),
    ("neighbor-solicitation", 135, None),
    ("neighbour-advertisement", 136, None),
    ("neighbor-advertisement", 136, None),
    ("redirect", 137, None),
];
