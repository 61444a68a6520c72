//! One concrete packet, as netfilter meets it: the subject of the simulator and of the kernel lab.
//! Input: built from a traffic sentence, or at random. Output: read by the matches of a rule.

use std::net::IpAddr;

use super::ruleset::{IcmpType, States};
use crate::net::{Family, Interface, Protocol};

/// A packet at the moment in which it enters the gateway, or leaves one of its sockets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Packet {
    /// Which way it takes through the hooks.
    pub way: Way,
    /// The source address, of the same family as the destination.
    pub source: IpAddr,
    /// The destination address.
    pub destination: IpAddr,
    /// TTL (RFC 791) or hop limit (RFC 8200).
    pub hop_limit: u8,
    /// What it carries.
    pub transport: Transport,
    /// Whether it is a piece of a larger one.
    pub fragment: Fragment,
    /// The mark that it has when it comes in: a socket's `SO_MARK`, else 0.
    pub mark: u32,
    /// The state that connection tracking finds; `None`: that of the first packet of a flow.
    pub state: Option<State>,
    /// Whether it came out of an IPsec policy.
    pub ipsec_in: bool,
    /// Whether it will go into an IPsec policy.
    pub ipsec_out: bool,
}

impl Packet {
    /// The family of its addresses.
    pub fn family(&self) -> Family {
        match self.destination {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }
}

/// The way through the hooks, with the interfaces that it names. Interfaces are names, never patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// To the gateway itself: PREROUTING, INPUT.
    In(Interface),
    /// From the gateway itself: OUTPUT, POSTROUTING.
    Out(Interface),
    /// From the first interface to the second: PREROUTING, FORWARD, POSTROUTING.
    Forward(Interface, Interface),
}

/// What comes after the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP (RFC 9293): source port, destination port, flags as in the header (FIN = 1, …, URG = 0x20).
    Tcp(u16, u16, u8),
    /// UDP (RFC 768): source and destination port.
    Udp(u16, u16),
    /// UDP-Lite (RFC 3828): source and destination port.
    UdpLite(u16, u16),
    /// SCTP (RFC 9260), an INIT chunk: source and destination port.
    Sctp(u16, u16),
    /// ICMP of the packet's family; type and code are both given.
    Icmp(IcmpType),
    /// AH (RFC 4302) and nothing after it: a protocol in IPv4, an extension header in IPv6.
    Ah,
    /// Any other protocol, whose content no rule looks at.
    Other(Protocol),
}

/// Whether a packet is a piece of a larger one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fragment {
    /// It is whole.
    #[default]
    No,
    /// The first piece, which has the ports.
    First,
    /// A further piece, without ports.
    Later,
}

/// A state of connection tracking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Of no known connection, and not able to begin one.
    Invalid,
    /// The first of a connection.
    New,
    /// The first of a connection that a known one announced, or an error about one.
    Related,
    /// Of a connection that both sides have spoken in.
    Established,
    /// Not looked at: `notrack`, neighbour discovery.
    Untracked,
}

impl State {
    /// Every state, in the order of the bits of `States`.
    pub const ALL: [State; 5] = [State::Invalid, State::New, State::Related, State::Established, State::Untracked];

    /// The set of this state alone.
    pub fn bit(self) -> States {
        States(1 << self as u8)
    }
}
