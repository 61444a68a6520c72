//! The names of ICMP types, one table for both families.
//! Input: a name or a number. Output: the type in each family that has it.

use super::ResolveError;
use super::value::{Problem, number, unknown};
use crate::iptables::ruleset::IcmpType;
use crate::net::{Both, Families};
use crate::policy::IcmpWord;

/// Names with their types in IPv4 (IANA ICMP parameters) and IPv6 (RFC 4443, 4861, 2710, 3810).
pub const NAMES: [(&str, Both<Option<IcmpType>>); 15] = [
    ("echo-request", both(8, 128)),
    ("echo-reply", both(0, 129)),
    ("destination-unreachable", both(3, 1)),
    (
        "packet-too-big",
        Both { v4: Some(IcmpType { kind: 3, code: Some(4) }), v6: Some(IcmpType { kind: 2, code: None }) },
    ),
    ("time-exceeded", both(11, 3)),
    ("parameter-problem", both(12, 4)),
    ("redirect", both(5, 137)),
    ("router-solicitation", both(10, 133)),
    ("router-advertisement", both(9, 134)),
    ("neighbor-solicitation", v6(135)),
    ("neighbor-advertisement", v6(136)),
    ("mld-query", v6(130)),
    ("mld-report", v6(131)),
    ("mld-done", v6(132)),
    ("mld2-report", v6(143)),
];

const fn both(v4: u8, v6: u8) -> Both<Option<IcmpType>> {
    Both { v4: Some(IcmpType { kind: v4, code: None }), v6: Some(IcmpType { kind: v6, code: None }) }
}

const fn v6(kind: u8) -> Both<Option<IcmpType>> {
    Both { v4: None, v6: Some(IcmpType { kind, code: None }) }
}

/// An ICMP type by name or number; a number is for whichever family the sentence has.
pub fn icmp_type(text: &str) -> Result<IcmpWord, Problem> {
    if let Some((_, types)) = NAMES.iter().find(|(name, _)| *name == text) {
        return Ok(IcmpWord { types: *types });
    }
    if text == "255" {
        let (message, label) = ("255 means any type to iptables", "matches every ICMP packet");
        return Err(Problem::new(ResolveError::BadIcmpType, message, label, "leave `type` out to mean every type"));
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let kind = number(text, 0, 254)? as u8;
        return Ok(IcmpWord { types: both(kind, kind) });
    }
    Err(unknown(ResolveError::BadIcmpType, text, "ICMP type", &NAMES.map(|(name, _)| name)))
}

/// The families that have the type.
pub fn families(word: IcmpWord) -> Families {
    let having = word.types.pairs().filter(|(_, kind)| kind.is_some());
    having.fold(Families::NONE, |families, (family, _)| families.or(family.into()))
}
