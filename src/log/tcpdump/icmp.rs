//! What tcpdump calls ICMP messages (RFC 792, RFC 4443, RFC 4861, RFC 2710, RFC 3810).
//! Input: the words after `ICMP` or `ICMP6,`. Output: type and code.

use crate::iptables::ruleset::IcmpType;
use crate::net::Family;

/// Words of a message: how it begins, what is in it besides, and its type and code. The first that fits counts.
type Row = (&'static str, &'static str, u8, u8);

const V4: [Row; 34] = [
    ("echo request", "", 8, 0),
    ("echo reply", "", 0, 0),
    ("", " port ", 3, 3),
    ("", " protocol ", 3, 2),
    ("", "unreachable - need to frag", 3, 4),
    ("", "unreachable - source route failed", 3, 5),
    ("net ", "unreachable - unknown", 3, 6),
    ("host ", "unreachable - unknown", 3, 7),
    ("", "unreachable - source host isolated", 3, 8),
    ("net ", "unreachable - admin prohibited", 3, 9),
    ("host ", "unreachable - admin prohibited filter", 3, 13),
    ("host ", "unreachable - admin prohibited", 3, 10),
    ("net ", "unreachable - tos prohibited", 3, 11),
    ("host ", "unreachable - tos prohibited", 3, 12),
    ("host ", "unreachable - host precedence violation", 3, 14),
    ("host ", "unreachable - precedence cutoff", 3, 15),
    ("net ", "unreachable", 3, 0),
    ("host ", "unreachable", 3, 1),
    ("source quench", "", 4, 0),
    ("redirect ", " to net ", 5, 0),
    ("redirect ", " to host ", 5, 1),
    ("redirect-tos ", " to net ", 5, 2),
    ("redirect-tos ", " to host ", 5, 3),
    ("router advertisement", "", 9, 0),
    ("router solicitation", "", 10, 0),
    ("time exceeded in-transit", "", 11, 0),
    ("ip reassembly time exceeded", "", 11, 1),
    ("parameter problem - octet", "", 12, 0),
    ("time stamp query", "", 13, 0),
    ("time stamp reply", "", 14, 0),
    ("information request", "", 15, 0),
    ("information reply", "", 16, 0),
    ("address mask request", "", 17, 0),
    ("address mask is ", "", 18, 0),
];

const V6: [Row; 27] = [
    ("destination unreachable, unreachable route", "", 1, 0),
    ("destination unreachable,", "unreachable prohibited", 1, 1),
    ("destination unreachable, beyond scope", "", 1, 2),
    ("destination unreachable, unreachable address", "", 1, 3),
    ("destination unreachable, unreachable port", "", 1, 4),
    ("packet too big", "", 2, 0),
    ("time exceeded in-transit for ", "", 3, 0),
    ("time exceeded in-transit (reassembly)", "", 3, 1),
    ("parameter problem, erroneous", "", 4, 0),
    ("parameter problem, next header", "", 4, 1),
    ("parameter problem, option", "", 4, 2),
    ("parameter problem, incomplete header chain", "", 4, 3),
    ("echo request", "", 128, 0),
    ("echo reply", "", 129, 0),
    ("multicast listener query", "", 130, 0),
    ("multicast listener report v2", "", 143, 0),
    ("multicast listener report", "", 131, 0),
    ("multicast listener done", "", 132, 0),
    ("router solicitation", "", 133, 0),
    ("router advertisement", "", 134, 0),
    ("neighbor solicitation", "", 135, 0),
    ("neighbor advertisement", "", 136, 0),
    ("redirect", "", 137, 0),
    ("router renumbering", "", 138, 0),
    ("node information query", "", 139, 0),
    ("node information reply", "", 140, 0),
    ("who-are-you request", "", 139, 0),
];

/// The type and the code of a message.
pub fn message(text: &str, family: Family) -> Option<IcmpType> {
    let rows: &[Row] = if family == Family::V4 { &V4 } else { &V6 };
    // What a list of options or a length says is not part of it.
    let row = rows.iter().find(|(start, within, ..)| text.starts_with(start) && text.contains(within));
    row.map(|(_, _, kind, code)| IcmpType { kind: *kind, code: Some(*code) })
}
