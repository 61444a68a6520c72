//! What a line of a log says of a packet, and how its words are read.
//! Input: words. Output: values, or what is not understood.

use std::net::IpAddr;

use crate::iptables::packet::Fragment;
use crate::iptables::ruleset::{IcmpType, TcpFlags};
use crate::net::{Family, Interface, Protocol};

/// What a line says of a packet; what it does not say is left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The interface that it came in by.
    pub came: Option<Interface>,
    /// The interface that it leaves by.
    pub leaves: Option<Interface>,
    /// The source address.
    pub source: IpAddr,
    /// The destination address, of the same family.
    pub destination: IpAddr,
    /// The protocol: in IPv6 the one after the extension headers.
    pub protocol: Option<Protocol>,
    /// Source and destination.
    pub ports: Option<(u16, u16)>,
    /// As in the header: FIN = 1, …, URG = 0x20.
    pub flags: Option<u8>,
    /// Type and code.
    pub icmp: Option<IcmpType>,
    /// TTL or hop limit.
    pub hops: Option<u8>,
    /// Whether it is a piece.
    pub fragment: Fragment,
}

impl Seen {
    /// A packet of which no more is known.
    pub fn between(source: IpAddr, destination: IpAddr) -> Seen {
        Seen {
            came: None,
            leaves: None,
            source,
            destination,
            protocol: None,
            ports: None,
            flags: None,
            icmp: None,
            hops: None,
            fragment: Fragment::No,
        }
    }
}

/// Why a line is not a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not of this format.
    NotMine,
    /// It says nothing of a packet, and does not mean to.
    Nothing,
    /// It is of this format, and something in it is not understood.
    Fault(String),
}

/// The bits of TCP flags by their names, in any case.
pub fn flag(name: &str) -> Option<u8> {
    let bit = TcpFlags::NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
    Some(1 << bit)
}

/// The value after a key in one of some words: `SRC=192.0.2.1`.
pub fn value<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

/// A value that must be there and be understood.
pub fn wanted<T: std::str::FromStr>(text: Option<&str>, what: &str) -> Result<T, Refusal> {
    let text = text.ok_or_else(|| Refusal::Fault(format!("{what} is missing")))?;
    text.parse().map_err(|_| Refusal::Fault(format!("`{text}` is not {what}")))
}

/// A value that may be missing, and must be understood where it is not.
pub fn optional<T: std::str::FromStr>(text: Option<&str>, what: &str) -> Result<Option<T>, Refusal> {
    text.map(|text| wanted(Some(text), what)).transpose()
}

/// The addresses of a packet, of one family.
pub fn ends(source: Option<&str>, destination: Option<&str>) -> Result<Seen, Refusal> {
    let (source, destination) =
        (wanted(source, "the source address")?, wanted(destination, "the destination address")?);
    if Family::of(source) != Family::of(destination) {
        return Err(Refusal::Fault("its addresses are of two families".into()));
    }
    Ok(Seen::between(source, destination))
}

/// Both ports, or none.
pub fn both(from: Option<u16>, to: Option<u16>) -> Option<(u16, u16)> {
    from.zip(to)
}

/// The name of an interface; none where it is empty.
pub fn interface(name: Option<&str>) -> Result<Option<Interface>, Refusal> {
    match name {
        None | Some("") => Ok(None),
        Some(name) => {
            Interface::new(name).map(Some).ok_or_else(|| Refusal::Fault(format!("`{name}` is not an interface")))
        }
    }
}
