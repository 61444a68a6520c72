//! The part of a rule that every rule has: addresses, interfaces, protocol.
//! Input: built by `parse` and by `expand`. Output: the header of a `Rule`.

use std::net::IpAddr;

use super::negatable::Negatable;
use crate::net::{Interface, Prefix, Protocol};

/// The part of a rule that is not an extension (`struct ipt_ip`). `None` matches everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// `-s`
    pub source: Option<Negatable<Address>>,
    /// `-d`
    pub destination: Option<Negatable<Address>>,
    /// `-i`
    pub in_interface: Option<Negatable<Interface>>,
    /// `-o`
    pub out_interface: Option<Negatable<Interface>>,
    /// `-p`
    pub protocol: Option<Negatable<Protocol>>,
    /// `-f`, IPv4 only: the second and further fragments.
    pub fragment: Option<Negatable<()>>,
}

impl Header {
    /// Whether it has a `!` somewhere.
    pub fn excludes(&self) -> bool {
        fn negated<T>(part: &Option<Negatable<T>>) -> bool {
            part.as_ref().is_some_and(|part| part.negated)
        }
        negated(&self.source)
            || negated(&self.destination)
            || negated(&self.in_interface)
            || negated(&self.out_interface)
            || negated(&self.protocol)
            || negated(&self.fragment)
    }
}

/// An address of `-s` or `-d`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A prefix without host bits.
    Prefix(Prefix),
    /// An address under a mask that is not a prefix (`10.0.0.1/255.0.0.255`), host bits cut off.
    Masked(Box<(IpAddr, IpAddr)>),
}

impl From<Prefix> for Address {
    fn from(prefix: Prefix) -> Address {
        Address::Prefix(prefix)
    }
}
