//! A traffic sentence as one packet in each family that it admits.
//! Input: a sentence, with the scope of a policy. Output: packets, and what was assumed where the sentence leaves it open.

use std::net::IpAddr;

use super::codes::TrafficError;
use crate::diagnostic::{Diagnostics, Severity};
use crate::iptables::packet::{Packet, State, Transport, Way};
use crate::iptables::ruleset::{IcmpType, Negatable, TcpFlags};
use crate::language::values::ProtocolWord;
use crate::net::{Addresses, Both, Families, Family, Interface, PortRange, Protocol, bits_of};
use crate::policy::{Declarations, Packets, Traffic, Values};
use crate::resolve::scope::Scope;
use crate::resolve::traffic::packets::{Places, packets};
use crate::resolve::words::Words;
use crate::sentence;
use crate::simulate::{Assumptions, impossible};
use crate::source::Span;
use crate::syntax::Ast;

/// A packet that a sentence describes.
#[derive(Clone, Debug)]
pub struct Described {
    /// The packet.
    pub packet: Packet,
    /// The families that the sentence admits.
    pub families: Families,
    /// What the sentence left open, as clauses of traffic.
    pub assumed: Vec<String>,
    /// The same as traffic: what was taken for it.
    pub open: Traffic,
    /// `over limit` and `spoofed`, where the sentence says them; else both ways.
    pub assumptions: Assumptions,
    /// The place of the sentence.
    pub span: Span,
}

/// The port where none is given.
pub const PORT: u16 = 40_000;

/// The interfaces where none are given and none are declared.
const INTERFACES: [&str; 2] = ["eth0", "eth1"];

/// The addresses where none are given: source and destination, of the networks for documentation.
const ADDRESSES: Both<[&str; 2]> =
    Both { v4: ["198.51.100.99", "203.0.113.97"], v6: ["2001:db8:99::1", "2001:db8:99::2"] };

/// Reads all sentences of a text as packets, in the terms of a policy.
pub fn all_described(ast: &Ast, declarations: &Declarations, diagnostics: &mut Diagnostics) -> Vec<Described> {
    let mut scope = Scope::new(declarations);
    let sentences = 0..ast.sentences.len() as u32;
    sentences.flat_map(|sentence| described(ast, sentence, &mut scope, diagnostics)).collect()
}

/// Reads a sentence as packets: one, or one for each family, and for `ipsec` of forwarded packets one for each way.
pub fn described(ast: &Ast, sentence: u32, scope: &mut Scope, diagnostics: &mut Diagnostics) -> Vec<Described> {
    let words = Words::new(ast, sentence, scope.declarations);
    if ast.sentences[sentence as usize].broken {
        return Vec::new();
    }
    let span = ast.span(&ast.sentences[sentence as usize]);
    scope.any_interface = true;
    let Some((packets, places)) = packets(words, "trace", scope, diagnostics) else { return Vec::new() };
    let errors = diagnostics.count(Severity::Error);
    let mut found = Vec::new();
    let mut reader = Reader { packets: &packets, places: &places, span, scope, diagnostics };
    for family in packets.families.iter() {
        // The same mistake in both families is one.
        if reader.diagnostics.count(Severity::Error) == errors {
            found.extend(reader.packets(family));
        }
    }
    if diagnostics.count(Severity::Error) == errors { found } else { Vec::new() }
}

/// What a sentence leaves open, and what is taken for it.
#[derive(Default)]
struct Assumed {
    traffic: Traffic,
    /// The code of an ICMP type that is given without it.
    code: bool,
}

impl Assumed {
    /// As clauses, in the order of a sentence.
    fn clauses(&self) -> Vec<String> {
        let mut clauses = sentence::separate(&self.traffic);
        if self.code {
            // The protocol and the type are given, so that only interfaces come before it.
            let Traffic { on, in_on, out_on, .. } = &self.traffic;
            let interfaces = [on, in_on, out_on].into_iter().filter(|assumed| !assumed.is_any()).count();
            clauses.insert(interfaces, "code 0".into());
        }
        clauses
    }
}

/// Takes down an interface that is not given.
fn assume(given: &Values<Interface>, assumed: &mut Values<Interface>, name: Interface) {
    if given.is_any() {
        *assumed = Values::one(name);
    }
}

struct Reader<'a> {
    packets: &'a Packets,
    places: &'a Places,
    span: Span,
    scope: &'a Scope<'a>,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    /// The place of the first of some clauses, else of the sentence.
    fn place(&self, clauses: &[&str]) -> Span {
        let place = clauses.iter().find_map(|clause| self.places.iter().find(|(name, _)| name == clause));
        place.map_or(self.span, |(_, span)| *span)
    }

    fn not_one(&mut self, clauses: &[&str], message: impl Into<String>, help: impl Into<String>) {
        let label = "leaves more than one packet";
        self.diagnostics.push(TrafficError::NotOnePacket.at(self.place(clauses), message, label, help));
    }

    fn packets(&mut self, family: Family) -> Vec<Described> {
        let mut assumed = Assumed::default();
        let Some(way) = self.way(&mut assumed) else { return Vec::new() };
        let Some(state) = self.state() else { return Vec::new() };
        let Some(transport) = self.transport(family, state, &mut assumed) else { return Vec::new() };
        let traffic = &self.packets.traffic;
        let Some((source, destination)) = self.addresses(family, way, transport, &mut assumed) else {
            return Vec::new();
        };
        let hop_limit = match traffic.ttl {
            Some(Negatable { negated: false, value }) => value,
            Some(_) => {
                self.not_one(&["ttl"], "a packet has one TTL", "write the number: `ttl 64`");
                return Vec::new();
            }
            None => {
                let hops = default_hops(family, transport);
                assumed.traffic.ttl = Some(Negatable::is(hops));
                hops
            }
        };
        let mark = match traffic.mark {
            Some(Negatable { negated: false, value }) => value.value,
            Some(_) => {
                self.not_one(&["mark"], "a packet has one mark", "write the number: `mark 7`");
                return Vec::new();
            }
            None => 0,
        };
        let (came, goes) = (traffic.ipsec.came == Some(true), traffic.ipsec.goes == Some(true));
        let (ipsec_in, ipsec_out) = match way {
            Way::In(_) => (came, false),
            Way::Out(_) => (false, goes),
            Way::Forward(..) => (came, goes),
        };
        let fragment = self.packets.fragment;
        let packet =
            Packet { way, source, destination, hop_limit, transport, fragment, mark, state, ipsec_in, ipsec_out };
        let packets = vec![packet];
        if let Some(discard) = packets.first().and_then(impossible) {
            let message = format!("there is no such packet: {}", discard.reason());
            let label = "never reaches a filter";
            let help = "write an address that packets on this interface have";
            let place = self.place(&["from", "to", "peer", "in", "out", "forward in"]);
            self.diagnostics.push(TrafficError::ImpossiblePacket.at(place, message, label, help));
            return Vec::new();
        }
        let assumptions = Assumptions {
            within_limit: self.packets.over_limit.then_some(false),
            spoofed: self.packets.spoofed.then_some(true),
            ..Assumptions::default()
        };
        let clauses = assumed.clauses();
        let (families, open, span) = (self.packets.families, assumed.traffic, self.span);
        let describe = |packet| {
            let (assumed, open) = (clauses.clone(), open.clone());
            Described { packet, families, assumed, open, assumptions, span }
        };
        packets.into_iter().map(describe).collect()
    }

    fn way(&mut self, assumed: &mut Assumed) -> Option<Way> {
        let Traffic { directions, on, in_on, out_on, .. } = &self.packets.traffic;
        let help = "write `in on IF`, `out on IF`, or `forward in on IF out on IF`";
        match (directions.input, directions.output, directions.forward) {
            (true, false, false) => {
                let name = self.interface(on, &["on", "in"], None)?;
                assume(on, &mut assumed.traffic.on, name);
                Some(Way::In(name))
            }
            (false, true, false) => {
                let name = self.interface(on, &["on", "out"], None)?;
                assume(on, &mut assumed.traffic.on, name);
                Some(Way::Out(name))
            }
            (false, false, true) if !on.is_any() => {
                self.not_one(
                    &["on", "forward"],
                    "a forwarded packet comes in by one interface and leaves by another",
                    help,
                );
                None
            }
            (false, false, true) => {
                let given = in_on.items.first().or(out_on.items.first()).copied();
                let from = self.interface(in_on, &["forward in"], given)?;
                let to = self.interface(out_on, &["forward out"], Some(from))?;
                assume(in_on, &mut assumed.traffic.in_on, from);
                assume(out_on, &mut assumed.traffic.out_on, to);
                Some(Way::Forward(from, to))
            }
            _ => {
                self.not_one(&["on", "peer"], "a packet goes one way", help);
                None
            }
        }
    }

    /// The one interface, or one that is declared, other than `not`.
    fn interface(&mut self, given: &Values<Interface>, clauses: &[&str], not: Option<Interface>) -> Option<Interface> {
        match &given.items[..] {
            [] => {
                let declared = self.scope.declarations.interfaces.iter().map(|declared| declared.name);
                let usable = declared.filter(|name| name.pattern().is_none() && name.name() != "lo");
                let known = usable.chain(INTERFACES.into_iter().filter_map(Interface::new));
                known.into_iter().find(|name| Some(*name) != not)
            }
            [name] if !given.negated && name.pattern().is_none() => Some(*name),
            _ => {
                self.not_one(clauses, "a packet passes one interface", "write the name of one interface");
                None
            }
        }
    }

    /// The one value of a clause, the first of a choice that is open; `None` after a report.
    fn port(&mut self, given: &Values<PortRange>, clauses: &[&str], assumed: &mut Values<PortRange>) -> Option<u16> {
        match &given.items[..] {
            [] => {
                *assumed = Values::one(PortRange::single(PORT));
                Some(PORT)
            }
            [port] if !given.negated && port.is_single() => Some(port.start),
            _ => {
                self.not_one(
                    clauses,
                    "a packet has one source port and one destination port",
                    "write one number: `port 443`",
                );
                None
            }
        }
    }

    fn transport(&mut self, family: Family, state: Option<State>, assumed: &mut Assumed) -> Option<Transport> {
        let traffic = &self.packets.traffic;
        let word = match &traffic.protocols.items[..] {
            [] => {
                let word = ProtocolWord::Number(Protocol::TCP);
                assumed.traffic.protocols = Values::one(word);
                word
            }
            [word] if !traffic.protocols.negated => *word,
            _ => {
                self.not_one(&["protocol"], "a packet has one protocol", "write one: `tcp`, `udp`, `icmp`, …");
                return None;
            }
        };
        let protocol = match word {
            ProtocolWord::Icmp => return self.icmp(family, assumed),
            ProtocolWord::Ah => return Some(Transport::Ah),
            word => word.number(family)?,
        };
        let with_ports = matches!(protocol, Protocol::TCP | Protocol::UDP | Protocol::SCTP | Protocol::UDPLITE);
        if !with_ports {
            return Some(Transport::Other(protocol));
        }
        let source = self.port(&traffic.source_ports, &["source port"], &mut assumed.traffic.source_ports)?;
        let destination = self.port(&traffic.destination_ports, &["port"], &mut assumed.traffic.destination_ports)?;
        Some(match protocol {
            Protocol::TCP => Transport::Tcp(source, destination, self.flags(state, assumed)?),
            Protocol::UDP => Transport::Udp(source, destination),
            Protocol::SCTP => Transport::Sctp(source, destination),
            _ => Transport::UdpLite(source, destination),
        })
    }

    fn icmp(&mut self, family: Family, assumed: &mut Assumed) -> Option<Transport> {
        let types = &self.packets.traffic.icmp_types;
        let echo = IcmpType { kind: if family == Family::V4 { 8 } else { 128 }, code: None };
        let kind = match &types.items[..] {
            [] => {
                assumed.traffic.icmp_types = Values::one(sentence::icmp_word(family, echo));
                echo
            }
            [word] if !types.negated => word.types[family]?,
            _ => {
                self.not_one(&["type"], "a packet has one ICMP type", "write one: `icmp type echo-request`");
                return None;
            }
        };
        if kind.code.is_none() && !types.is_any() {
            assumed.code = true;
        }
        Some(Transport::Icmp(IcmpType { code: kind.code.or(Some(0)), ..kind }))
    }

    /// The flags of the first packet of a connection, or of a later one: the first set that the clauses admit.
    fn flags(&self, state: Option<State>, assumed: &mut Assumed) -> Option<u8> {
        const USUAL: [u8; 6] = [0x02, 0x10, 0x18, 0x12, 0x11, 0x04];
        let usual = match state {
            Some(State::Established) => [0x10, 0x18, 0x12, 0x11, 0x04, 0x02],
            Some(State::Invalid) => [0x04, 0x11, 0x12, 0x10, 0x02, 0x18],
            _ => USUAL,
        };
        let wanted = self.packets.traffic.flags;
        let fits =
            |flags: u8| wanted.is_none_or(|wanted| (flags & wanted.value.mask == wanted.value.set) != wanted.negated);
        let flags = usual.into_iter().chain(0..0x40).find(|flags| fits(*flags))?;
        if wanted.is_none_or(|wanted| wanted.negated || wanted.value.mask != 0x3f) {
            assumed.traffic.flags = Some(Negatable::is(TcpFlags { mask: 0x3f, set: flags }));
        }
        Some(flags)
    }

    fn state(&mut self) -> Option<Option<State>> {
        let Some(states) = self.packets.traffic.states else { return Some(None) };
        let one = State::ALL.into_iter().find(|state| state.bit() == states.value).filter(|_| !states.negated);
        if one.is_none() {
            self.not_one(&["state"], "a packet is in one state", "write one: `state established`");
        }
        one.map(Some)
    }

    fn addresses(
        &mut self,
        family: Family,
        way: Way,
        transport: Transport,
        assumed: &mut Assumed,
    ) -> Option<(IpAddr, IpAddr)> {
        let traffic = &self.packets.traffic;
        let any = Values::any();
        let peer = traffic.peer.as_ref();
        let (source, destination) = match (peer, way) {
            (Some(peer), Way::In(_)) => (peer, &any),
            (Some(peer), Way::Out(_)) => (&any, peer),
            _ => (&traffic.source, &traffic.destination),
        };
        let (own, other) = default_addresses(family, way, transport);
        let source = self.address(source, family, &["from", "peer"], "from", own, &mut assumed.traffic.source)?;
        let destination =
            self.address(destination, family, &["to", "peer"], "to", other, &mut assumed.traffic.destination)?;
        Some((source, destination))
    }

    fn address(
        &mut self,
        given: &Values<Addresses>,
        family: Family,
        clauses: &[&str],
        what: &str,
        default: IpAddr,
        assumed: &mut Values<Addresses>,
    ) -> Option<IpAddr> {
        let mut own = given.items.iter().filter(|addresses| addresses.family() == family);
        match (own.next(), own.next()) {
            (None, _) if given.is_any() => {
                *assumed = Values::one(Addresses::host(default));
                Some(default)
            }
            (Some(one), None) if !given.negated && one.single().is_some() => one.single(),
            (Some(one), _) => {
                let help = format!("write one address: `{what} {}`", example(one));
                self.not_one(clauses, "a packet has one source and one destination", help);
                None
            }
            (None, _) => None,
        }
    }
}

/// One of several addresses; of a network the first one that a host has.
fn example(addresses: &Addresses) -> IpAddr {
    match addresses {
        Addresses::Prefix(prefix) if addresses.single().is_none() => {
            prefix.family().address(bits_of(prefix.address()) | 1)
        }
        _ => addresses.ends().0,
    }
}

/// The port of BFD over one hop (RFC 5881).
const BFD: u16 = 3784;

/// 64, or what the receivers of a protocol ask for: of neighbours (RFC 4861), VRRP (RFC 9568) and BFD (RFC 5881), and of
/// what never leaves the link: MLD (RFC 3810), IGMP (RFC 3376), OSPF (RFC 2328).
fn default_hops(family: Family, transport: Transport) -> u8 {
    match transport {
        Transport::Icmp(icmp) if family == Family::V6 && (133..=137).contains(&icmp.kind) => 255,
        Transport::Icmp(icmp) if family == Family::V6 && matches!(icmp.kind, 130..=132 | 143) => 1,
        Transport::Other(Protocol::VRRP) | Transport::Udp(_, BFD) => 255,
        Transport::Other(Protocol::IGMP | Protocol::OSPF) => 1,
        _ => 64,
    }
}

/// Addresses of the networks for documentation, of the loopback, or of one link where the packet stays on it.
fn default_addresses(family: Family, way: Way, transport: Transport) -> (IpAddr, IpAddr) {
    let parse = |text: &str| text.parse().expect("a literal address");
    let [source, destination] = ADDRESSES[family].map(parse);
    let on_lo = matches!(way, Way::In(name) | Way::Out(name) if name.name() == "lo");
    if on_lo {
        let loopback = parse(if family == Family::V4 { "127.0.0.1" } else { "::1" });
        return (loopback, loopback);
    }
    if let (Family::V6, Transport::Icmp(icmp), Way::In(_) | Way::Out(_)) = (family, transport, way) {
        let group = match icmp.kind {
            130 | 131 | 134 | 136 => "ff02::1",
            132 | 133 => "ff02::2",
            135 => "ff02::1:ff00:99",
            143 => "ff02::16",
            _ => return (source, destination),
        };
        return (parse("fe80::99"), parse(group));
    }
    (source, destination)
}
