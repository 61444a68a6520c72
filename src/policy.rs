//! The policy as meant: typed sentences, before they become rules. Data only.
//! Input: filled by `resolve`. Output: read by `expand` and by all that ask about sentences.

mod declarations;

use smallvec::SmallVec;

pub use self::declarations::{Declarations, Definition, InterfaceDeclaration, Uses};
use crate::diagnostic::Severity;
use crate::iptables::packet::Fragment;
use crate::iptables::ruleset::{ChainPolicy, MaskedMark, Negatable, RateUnit, States, TableName, TcpFlags};
use crate::language::values::{ExpectedVerdict, IcmpWord, ProtocolWord};
use crate::net::{Addresses, Both, Families, Interface, PortRange, Prefix};
use crate::source::Span;

/// What a policy says.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The chain policies of INPUT, FORWARD and OUTPUT, in this order.
    pub defaults: [Option<ChainPolicy>; 3],
    /// The places of these three, where they are said.
    pub default_places: [Option<Span>; 3],
    /// Whether a `default` sentence was refused.
    pub default_refused: bool,
    /// The first `default drop`.
    pub default_drop: Option<Span>,
    /// Everything that yields rules, in order.
    pub statements: Vec<Statement>,
    /// The `expect` sentences.
    pub expectations: Vec<Expectation>,
    /// The `lint` sentences.
    pub lints: Vec<LintLevel>,
    /// What the sentences use of the declarations.
    pub uses: Uses,
}

/// A sentence that yields rules.
#[derive(Clone, Debug)]
pub enum Statement {
    /// A building block.
    Block(Block),
    /// A `rules` block.
    Rules(RawRules),
}

/// A sentence of a building block, with its values.
#[derive(Clone, Debug)]
pub struct Block {
    /// The sentence, a position in `Ast::sentences`.
    pub sentence: u32,
    /// The snippet, a position in `Library::snippets`.
    pub snippet: u16,
    /// The form, a position in `Snippet::forms`.
    pub form: u8,
    /// The families that it is for.
    pub families: Families,
    /// Whether the sentence says `only`: it is of one family on purpose.
    pub only: bool,
    /// The values, by position in `Snippet::parameters`; absent ones are left out.
    pub arguments: Vec<(u8, Argument)>,
    /// The flags that are set, one bit per position in `Snippet::flags`.
    pub flags: u32,
    /// The traffic, where the form has any.
    pub traffic: Option<Box<Traffic>>,
    /// `comment "…"`
    pub comment: Option<Box<str>>,
    /// `log …`
    pub log: Option<Box<LogClause>>,
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// Addresses.
    Address(Values<Addresses>),
    /// Interfaces.
    Interface(Values<Interface>),
    /// Ports.
    Ports(Values<PortRange>),
    /// A rate.
    Rate(RateClause),
    /// Anything else, as the template prints it in each family.
    Text(Both<Box<str>>),
}

/// The values of one list: mostly one, which is kept in place.
pub type Items<T> = SmallVec<[T; 1]>;

/// Some values, or everything but them; no values at all is *any*.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Values<T> {
    /// Whether `not` comes before them.
    pub negated: bool,
    /// The values as written, lists flattened.
    pub items: Items<T>,
}

impl<T> Default for Values<T> {
    fn default() -> Values<T> {
        Values::any()
    }
}

impl<T> Values<T> {
    /// Everything.
    pub fn any() -> Values<T> {
        Values { negated: false, items: Items::new() }
    }

    /// One value.
    pub fn one(item: T) -> Values<T> {
        Values { negated: false, items: Items::from_buf([item]) }
    }

    /// Whether everything is meant.
    pub fn is_any(&self) -> bool {
        self.items.is_empty()
    }
}

/// The packets that a sentence speaks of (section 3 of the language reference).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Where the packets pass: what is said, completed by what the block says of no direction.
    pub directions: Directions,
    /// `on IF`, and `in on IF` without `forward`, and `out on IF` without it.
    pub on: Values<Interface>,
    /// `forward in on IF`
    pub in_on: Values<Interface>,
    /// `forward out on IF`
    pub out_on: Values<Interface>,
    /// The protocols; none is all.
    pub protocols: Values<ProtocolWord>,
    /// `from ADDR`
    pub source: Values<Addresses>,
    /// `to ADDR`
    pub destination: Values<Addresses>,
    /// `from set NAME`
    pub source_set: Option<Negatable<Box<str>>>,
    /// `to set NAME`
    pub destination_set: Option<Negatable<Box<str>>>,
    /// `peer ADDR`
    pub peer: Option<Values<Addresses>>,
    /// `from … port PORTS`
    pub source_ports: Values<PortRange>,
    /// `to … port PORTS`, `port PORTS`
    pub destination_ports: Values<PortRange>,
    /// `type T [code N]`, for each family.
    pub icmp_types: Values<IcmpWord>,
    /// `no syn`, or `flags MASK/SET`
    pub flags: Option<Negatable<TcpFlags>>,
    /// `ttl N`
    pub ttl: Option<Negatable<u8>>,
    /// `ipsec [in|out]`, `no ipsec [in|out]`
    pub ipsec: IpsecSides,
    /// `mark M[/MASK]`
    pub mark: Option<Negatable<MaskedMark>>,
    /// `connection mark M[/MASK]`
    pub connection_mark: Option<Negatable<MaskedMark>>,
    /// `original to A [port P]`
    pub original: Option<OriginalDestination>,
    /// `state S, …`
    pub states: Option<Negatable<States>>,
    /// `limit …`, or `over limit …`
    pub limit: Option<RateClause>,
}

/// `original to A [port P]`: what the first packet of a connection was sent to, before any translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OriginalDestination {
    /// A host or a network.
    pub address: Negatable<Prefix>,
    /// Its ports.
    pub port: Option<Negatable<PortRange>>,
}

/// What a sentence says of IPsec: `ipsec` (true), `no ipsec` (false). What comes in has the first side, what goes out the
/// second, and what is forwarded both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct IpsecSides {
    /// Whether the packet came out of an IPsec policy.
    pub came: Option<bool>,
    /// Whether it will go into one.
    pub goes: Option<bool>,
}

/// The ways through the gateway, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Directions {
    /// To the gateway itself.
    pub input: bool,
    /// From the gateway itself.
    pub output: bool,
    /// Through it.
    pub forward: bool,
}

/// `limit N/unit [burst B] [per source]`, `over limit …`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RateClause {
    /// Packets per unit, as written.
    pub count: u32,
    /// The unit, as written.
    pub unit: RateUnit,
    /// `burst B`
    pub burst: Option<u32>,
    /// `per source`: a bucket for each source address.
    pub per_source: bool,
    /// `over limit`: what comes faster.
    pub above: bool,
}

/// `log ["prefix"] [to group N] [limit …]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogClause {
    /// The prefix of each line.
    pub prefix: String,
    /// The netlink group: NFLOG instead of LOG.
    pub group: Option<u16>,
    /// The rate of the log, not of the verdict.
    pub limit: Option<RateClause>,
}

/// `rules (ipv4|ipv6|both) TABLE { … }`
#[derive(Clone, Debug)]
pub struct RawRules {
    /// The sentence, a position in `Ast::sentences`.
    pub sentence: u32,
    /// The families that they are for.
    pub families: Families,
    /// The table.
    pub table: TableName,
    /// The lines.
    pub body: Span,
}

/// `expect VERDICT TRAFFIC`: kept here, decided by others.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// The sentence, a position in `Ast::sentences`.
    pub sentence: u32,
    /// What must become of every packet.
    pub verdict: ExpectedVerdict,
    /// The packets.
    pub packets: Packets,
}

/// Packets on the wire, as `expect` and `trace` describe them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packets {
    /// Their families.
    pub families: Families,
    /// What they look like, and where they pass.
    pub traffic: Traffic,
    /// `over limit`: packets beyond their rate.
    pub over_limit: bool,
    /// `spoofed`: packets that fail the reverse path filter.
    pub spoofed: bool,
    /// `fragment first`, `fragment later`: pieces; else whole packets.
    pub fragment: Fragment,
}

/// `lint NAME LEVEL`: how bad a warning or a note is in this policy.
#[derive(Clone, Debug)]
pub struct LintLevel {
    /// The last part of its code.
    pub name: &'static str,
    /// `None` is `off`: not reported.
    pub level: Option<Severity>,
    /// The place of the name.
    pub span: Span,
}
