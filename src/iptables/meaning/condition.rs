//! Conditions on a packet: the fields that rules look at, tests of their values, and how tests are joined.
//! Input: built by the meaning of matches, of a packet's way and of traffic. Output: read by evaluators of one packet and of all.

use std::ops::Not;

use super::super::packet::{Fragment, State};
use crate::net::{Family, Interface};

/// A field of a packet at one point of its way, as a number.
///
/// A field that a packet does not have is 0: whoever asks for one asks for the protocol as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The interface that it came in by, at the hooks that know one: `name_number`, 0 for none.
    InInterface,
    /// The interface that it leaves by, likewise.
    OutInterface,
    /// Whether it would leave by the interface that it came in by: 0 or 1.
    SameInterface,
    /// The source address, as `bits_of`.
    Source,
    /// The destination address, likewise.
    Destination,
    /// The protocol; in IPv6 the one after the extension headers, but for AH, which is 51 in both families.
    Protocol,
    /// The source port. In a later fragment it is what iptables-nft takes for it: the first bytes of the piece.
    SourcePort,
    /// The destination port, likewise.
    DestinationPort,
    /// The flags of TCP, FIN = 1; in a later fragment likewise.
    TcpFlags,
    /// The type of ICMP.
    IcmpType,
    /// The code of ICMP.
    IcmpCode,
    /// TTL or hop limit.
    HopLimit,
    /// The mark of the packet.
    Mark,
    /// The mark of its connection.
    ConnectionMark,
    /// The state that connection tracking has found, as `state_number`: invalid before it looks.
    State,
    /// Whether a rule has taken the packet out of connection tracking: 0 or 1.
    NoTrack,
    /// Whether the source of its connection is translated: 0 or 1.
    SourceTranslated,
    /// Whether the destination of its connection is translated: 0 or 1.
    DestinationTranslated,
    /// What the first packet of its connection was sent to, before translation; 0 without a connection.
    OriginalDestination,
    /// The port of that, likewise; of ICMP its type and its code.
    OriginalDestinationPort,
    /// Whether it came out of an IPsec policy: 0 or 1.
    IpsecIn,
    /// Whether it will go into an IPsec policy: 0 or 1.
    IpsecOut,
    /// Whether it is a piece of a larger packet: `FRAGMENT_NO`, `FRAGMENT_FIRST` or `FRAGMENT_LATER`.
    Fragment,
    /// Bytes of the packet, its IP header included.
    Length,
    /// The upper six bits of the type of service, or of the traffic class (RFC 2474).
    Dscp,
    /// The hardware address that it came from, with `HARDWARE`; 0 where there is none.
    HardwareSource,
    /// How it was addressed on its link: the number of a `LinkType`.
    LinkType,
    /// Whether a socket of the gateway sends it: 0 or 1.
    Socket,
    /// The user of that socket.
    User,
    /// The group of that socket.
    Group,
    /// What the routing table says of the source: the number of a bit of `AddressTypes`.
    SourceType,
    /// What the routing table says of the destination, likewise.
    DestinationType,
    /// Whether `CT` or `NOTRACK` has said how the packet is tracked: 0 or 1. The first one holds.
    TrackingChosen,
    /// Whether a comparison with ports or flags can be met: 0 or 1. In a later fragment it is with iptables-nft alone, so
    /// that it is the number of the backend then.
    PortsRead,
    /// The backend that has loaded the rules: no property of the packet, and the same for all rules.
    Backend,
}

impl Field {
    /// How many bits it has.
    pub fn bits(self, family: Family) -> u32 {
        match self {
            Field::Source | Field::Destination | Field::OriginalDestination => family.bits().into(),
            Field::InInterface | Field::OutInterface => 128,
            Field::HardwareSource => 49,
            Field::Mark | Field::ConnectionMark | Field::Length | Field::User | Field::Group => 32,
            Field::SourcePort | Field::DestinationPort | Field::OriginalDestinationPort => 16,
            _ => 8,
        }
    }
}

/// The bit of `Field::HardwareSource` that says that there is one.
pub const HARDWARE: u128 = 1 << 48;

/// The value of `Field::Fragment` of a whole packet.
pub const FRAGMENT_NO: u128 = Fragment::No as u128;
/// The value of the first piece.
pub const FRAGMENT_FIRST: u128 = Fragment::First as u128;
/// The value of a further piece.
pub const FRAGMENT_LATER: u128 = Fragment::Later as u128;

/// The name of an interface as a number: its first byte is the highest, so that a pattern is a range of numbers.
pub fn name_number(interface: Interface) -> u128 {
    u128::from_be_bytes(interface.bytes())
}

/// A state as a number: its bit in `States`.
pub fn state_number(state: State) -> u128 {
    state as u128
}

/// What the value of a field must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// The bits of the mask are those of the value, which has no others.
    Masked {
        /// The value.
        value: u128,
        /// The bits that count.
        mask: u128,
    },
    /// From the first to the last, both included.
    Within(u128, u128),
}

impl Test {
    /// Whether a value passes.
    #[inline]
    pub fn holds(&self, value: u128) -> bool {
        match *self {
            Test::Masked { value: wanted, mask } => (value ^ wanted) & mask == 0,
            Test::Within(first, last) => first <= value && value <= last,
        }
    }

    /// The first and the last value that pass, where all between them pass as well; `bits`: how many the field has.
    pub fn range(&self, bits: u32) -> Option<(u128, u128)> {
        match *self {
            Test::Within(first, last) => Some((first, last)),
            Test::Masked { value, mask } => {
                let all = u128::MAX.checked_shr(128 - bits).unwrap_or(0);
                let host = all & !mask;
                (host & host.wrapping_add(1) == 0).then_some((value, value | host))
            }
        }
    }
}

/// Why the packet alone does not tell whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Doubt {
    /// The packet is within the rate of a limit.
    Limit,
    /// The way back to the source is another one than the packet came by.
    Spoofed,
    /// An address is in a set that another program has made; which ends are looked up.
    Set(Ends),
    /// An extension that the model does not know holds.
    Extension,
    /// Something holds that a packet here does not show: an option of TCP.
    Hidden,
    /// A target that the model does not know lets the packet go on to the next rule.
    GoesOn,
    /// A target that the model does not know lets the packet pass the table.
    LetsPass,
}

/// Ends of a packet: its source and its destination, each with its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ends {
    /// The source.
    Source,
    /// The destination.
    Destination,
    /// Both.
    Both,
}

impl Ends {
    /// Whether a field is of them.
    pub fn have(self, field: Field) -> bool {
        match field {
            Field::Source | Field::SourcePort => self != Ends::Destination,
            Field::Destination | Field::DestinationPort => self != Ends::Source,
            _ => false,
        }
    }
}

/// Which unknown it is: one that is the same has the same answer for one packet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// A function of the packet, by its words: the same for every rule that says them.
    Words(Box<str>),
    /// One of the rule's own, as a bucket of tokens is.
    Rule,
}

/// What a packet must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// A field passes a test.
    Is(Field, Test),
    /// It does not hold.
    Not(Box<Condition>),
    /// All of them hold; of none that is so.
    All(Vec<Condition>),
    /// One of them holds; of none that is never so.
    Any(Vec<Condition>),
    /// The packet alone does not tell.
    Unclear(Doubt, Unknown),
}

impl Condition {
    /// What always holds.
    pub const ALWAYS: Condition = Condition::All(Vec::new());
    /// What never holds.
    pub const NEVER: Condition = Condition::Any(Vec::new());

    /// A field has this value.
    pub fn equal(field: Field, value: impl Into<u128>) -> Condition {
        let value = value.into();
        Condition::Is(field, Test::Within(value, value))
    }

    /// A field is from the first to the last; never, where the first is the greater.
    pub fn within(field: Field, first: impl Into<u128>, last: impl Into<u128>) -> Condition {
        let (first, last) = (first.into(), last.into());
        if first <= last { Condition::Is(field, Test::Within(first, last)) } else { Condition::NEVER }
    }

    /// The bits of the mask are the value; never, where the value has others.
    pub fn masked(field: Field, value: impl Into<u128>, mask: impl Into<u128>) -> Condition {
        let (value, mask) = (value.into(), mask.into());
        match mask {
            _ if value & !mask != 0 => Condition::NEVER,
            0 => Condition::ALWAYS,
            _ => Condition::Is(field, Test::Masked { value, mask }),
        }
    }

    /// The opposite, if `negated`.
    pub fn negated(self, negated: bool) -> Condition {
        if negated { self.not() } else { self }
    }

    /// All of them, those of one inside another taken out.
    pub fn all(conditions: impl IntoIterator<Item = Condition>) -> Condition {
        let mut list = Vec::new();
        for condition in conditions {
            match condition {
                Condition::All(inner) => list.extend(inner),
                Condition::Any(inner) if inner.is_empty() => return Condition::NEVER,
                other => list.push(other),
            }
        }
        if list.len() == 1 { list.remove(0) } else { Condition::All(list) }
    }

    /// One of them, likewise.
    pub fn any(conditions: impl IntoIterator<Item = Condition>) -> Condition {
        let mut list = Vec::new();
        for condition in conditions {
            match condition {
                Condition::Any(inner) => list.extend(inner),
                Condition::All(inner) if inner.is_empty() => return Condition::ALWAYS,
                other => list.push(other),
            }
        }
        if list.len() == 1 { list.remove(0) } else { Condition::Any(list) }
    }

    /// Whether nothing can meet it, as far as its own shape tells.
    pub fn is_never(&self) -> bool {
        match self {
            Condition::Is(_, Test::Within(first, last)) => first > last,
            Condition::Is(..) | Condition::Unclear(..) => false,
            Condition::Not(inner) => inner.is_always(),
            Condition::All(all) => all.iter().any(Condition::is_never),
            Condition::Any(all) => all.iter().all(Condition::is_never),
        }
    }

    /// Whether everything meets it, likewise.
    pub fn is_always(&self) -> bool {
        match self {
            Condition::Is(..) | Condition::Unclear(..) => false,
            Condition::Not(inner) => inner.is_never(),
            Condition::All(all) => all.iter().all(Condition::is_always),
            Condition::Any(all) => all.iter().any(Condition::is_always),
        }
    }

    /// What is left of the condition where the value of a field is known.
    pub fn given(self, field: Field, value: u128) -> Condition {
        match self {
            Condition::Is(asked, test) if asked == field => {
                if test.holds(value) {
                    Condition::ALWAYS
                } else {
                    Condition::NEVER
                }
            }
            Condition::Not(inner) => !inner.given(field, value),
            Condition::All(all) => Condition::all(all.into_iter().map(|one| one.given(field, value))),
            Condition::Any(all) => Condition::any(all.into_iter().map(|one| one.given(field, value))),
            other => other,
        }
    }

    /// Gives every unknown that is a rule's own a name.
    pub fn named(self, name: &str) -> Condition {
        match self {
            Condition::Unclear(doubt, Unknown::Rule) => Condition::Unclear(doubt, Unknown::Words(name.into())),
            Condition::Not(inner) => Condition::Not(Box::new(inner.named(name))),
            Condition::All(all) => Condition::All(all.into_iter().map(|one| one.named(name)).collect()),
            Condition::Any(all) => Condition::Any(all.into_iter().map(|one| one.named(name)).collect()),
            other => other,
        }
    }

    /// Whether something in it is one of the rule's own.
    pub fn is_of_rule(&self) -> bool {
        let mut is_own = false;
        self.unknowns(&mut |_, unknown| is_own |= *unknown == Unknown::Rule);
        is_own
    }

    /// Calls `see` with every unknown.
    pub fn unknowns(&self, see: &mut impl FnMut(Doubt, &Unknown)) {
        match self {
            Condition::Unclear(doubt, unknown) => see(*doubt, unknown),
            Condition::Is(..) => {}
            Condition::Not(inner) => inner.unknowns(see),
            Condition::All(all) | Condition::Any(all) => all.iter().for_each(|one| one.unknowns(see)),
        }
    }

    /// Calls `see` with every test, and whether it is under an odd number of negations.
    pub fn tests(&self, see: &mut impl FnMut(Field, Test, bool)) {
        self.walk(false, see);
    }

    fn walk(&self, negated: bool, see: &mut impl FnMut(Field, Test, bool)) {
        match self {
            Condition::Is(field, test) => see(*field, *test, negated),
            Condition::Not(inner) => inner.walk(!negated, see),
            Condition::All(all) | Condition::Any(all) => all.iter().for_each(|one| one.walk(negated, see)),
            Condition::Unclear(..) => {}
        }
    }
}

impl Not for Condition {
    type Output = Condition;

    fn not(self) -> Condition {
        match self {
            Condition::Not(inner) => *inner,
            Condition::All(all) if all.is_empty() => Condition::NEVER,
            Condition::Any(all) if all.is_empty() => Condition::ALWAYS,
            other => Condition::Not(Box::new(other)),
        }
    }
}

/// Which iptables has loaded the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// iptables-legacy.
    Legacy,
    /// iptables-nft.
    Nft,
}

impl Backend {
    /// Both.
    pub const BOTH: [Backend; 2] = [Backend::Nft, Backend::Legacy];

    /// The word in the names of the programs: `iptables-nft-restore`.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Legacy => "legacy",
            Backend::Nft => "nft",
        }
    }
}

/// What the meaning of a rule depends on besides its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The family of its ruleset.
    pub family: Family,
    /// The backend; `None`: either, and what differs is told by `Field::Backend`.
    pub backend: Option<Backend>,
}

impl Context {
    /// Rules of a family, whichever backend loads them.
    pub fn of(family: Family) -> Context {
        Context { family, backend: None }
    }

    /// What holds with one backend and what holds with the other.
    pub fn either(&self, legacy: Condition, nft: Condition) -> Condition {
        match self.backend {
            Some(Backend::Legacy) => legacy,
            Some(Backend::Nft) => nft,
            None if legacy == nft => nft,
            // What holds with both holds, whichever it is.
            None => Condition::any([
                Condition::all([legacy.clone(), nft.clone()]),
                Condition::all([Context::is(Backend::Legacy), legacy]),
                Condition::all([Context::is(Backend::Nft), nft]),
            ]),
        }
    }

    /// That this backend has loaded the rules.
    pub fn only(&self, backend: Backend) -> Condition {
        match self.backend {
            Some(known) if known == backend => Condition::ALWAYS,
            Some(_) => Condition::NEVER,
            None => Context::is(backend),
        }
    }

    fn is(backend: Backend) -> Condition {
        Condition::equal(Field::Backend, backend as u128)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_range_of_names() {
        let name = |name: &str| name_number(Interface::new(name).expect("a short name"));
        assert!(name("vti") < name("vti4") && name("vti4") < name("vti42") && name("vti42") < name("vtj"));
        let test = Test::Masked { value: name("vti") & !0xff, mask: !0 << 104 };
        let (first, last) = test.range(128).expect("a prefix");
        assert!(first <= name("vti") && name("vti999") <= last && last < name("vtj"));
    }

    #[test]
    fn masks_with_holes_are_no_range() {
        assert_eq!(Test::Masked { value: 0x0a00_0000, mask: 0xff00_0000 }.range(32), Some((0x0a00_0000, 0x0aff_ffff)));
        assert_eq!(Test::Masked { value: 0, mask: 0xff00_00ff }.range(32), None);
    }

    #[test]
    fn what_cannot_be_is_never() {
        assert_eq!(Condition::masked(Field::Mark, 3_u32, 1_u32), Condition::NEVER);
        assert_eq!(Condition::masked(Field::Mark, 3_u32, 1_u32).not(), Condition::ALWAYS);
        assert_eq!(Condition::within(Field::SourcePort, 2_u16, 1_u16), Condition::NEVER);
        assert!(Condition::Any(vec![Condition::NEVER]).is_never());
    }
}
