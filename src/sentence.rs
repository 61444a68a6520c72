//! The one writer of policy text: traffic clauses, packets, and their values.
//! Input: typed values. Output: text that `resolve` reads as the same values.

use std::net::IpAddr;

use crate::iptables::packet::{Packet, State, Transport, Way};
use crate::iptables::ruleset::{IcmpType, MaskedMark, Negatable, RateUnit, States, TcpFlags};
use crate::language::values::{
    FRAGMENTS, ICMP_TYPES, IcmpWord, PROTOCOLS, ProtocolWord, RATE_UNITS, STATES, icmp_families,
};
use crate::net::{Addresses, Both, Families, Family, PortRange, Protocol};
use crate::policy::{Directions, IpsecSides, OriginalDestination, Packets, RateClause, Traffic, Values};

/// Packets as `expect` and `trace` take them: their traffic, and what it does not say by itself.
pub fn packets(packets: &Packets) -> String {
    let mut clauses = clauses(&packets.traffic);
    if packets.over_limit {
        clauses.push("over limit".into());
    }
    if packets.spoofed {
        clauses.push("spoofed".into());
    }
    if let Some((word, _)) = FRAGMENTS.iter().find(|(_, piece)| *piece == packets.fragment) {
        clauses.push(format!("fragment {word}"));
    }
    clauses.extend(family_of(packets).map(only));
    sentence(clauses)
}

/// Traffic as its clauses.
pub fn traffic(traffic: &Traffic) -> String {
    sentence(clauses(traffic))
}

/// One packet as `trace` takes it back; nothing in it is left open.
pub fn packet(packet: &Packet) -> String {
    packets(&packets_of(packet))
}

/// The clauses of traffic, each as it is said where no other is beside it.
pub fn separate(all: &Traffic) -> Vec<String> {
    let none = Traffic::default;
    let alone = [
        Traffic { directions: all.directions, ..none() },
        Traffic { on: all.on.clone(), ..none() },
        Traffic { in_on: all.in_on.clone(), ..none() },
        Traffic { out_on: all.out_on.clone(), ..none() },
        Traffic { protocols: all.protocols.clone(), ..none() },
        Traffic { icmp_types: all.icmp_types.clone(), ..none() },
        Traffic { peer: all.peer.clone(), ..none() },
        Traffic { source: all.source.clone(), ..none() },
        Traffic { source_ports: all.source_ports.clone(), ..none() },
        Traffic { source_set: all.source_set.clone(), ..none() },
        Traffic { destination: all.destination.clone(), ..none() },
        Traffic { destination_set: all.destination_set.clone(), ..none() },
        Traffic { destination_ports: all.destination_ports.clone(), ..none() },
        Traffic { flags: all.flags, ..none() },
        Traffic { ttl: all.ttl, ..none() },
        Traffic { mark: all.mark, ..none() },
        Traffic { connection_mark: all.connection_mark, ..none() },
        Traffic { original: all.original, ..none() },
        Traffic { states: all.states, ..none() },
        Traffic { limit: all.limit, ..none() },
    ];
    alone.iter().flat_map(clauses).chain(ipsec(all)).collect()
}

/// Clauses in a row; `all` where there are none.
fn sentence(clauses: Vec<String>) -> String {
    if clauses.is_empty() { "all".into() } else { clauses.join(" ") }
}

/// The packets that are described as a packet is: itself alone, where its ports can be said.
pub fn packets_of(packet: &Packet) -> Packets {
    let family = packet.family();
    let (protocol, icmp) = match packet.transport {
        Transport::Tcp(..) => (ProtocolWord::Number(Protocol::TCP), None),
        Transport::Udp(..) => (ProtocolWord::Number(Protocol::UDP), None),
        Transport::UdpLite(..) => (ProtocolWord::Number(Protocol::UDPLITE), None),
        Transport::Sctp(..) => (ProtocolWord::Number(Protocol::SCTP), None),
        Transport::Icmp(icmp) => (ProtocolWord::Icmp, Some(icmp_word(family, icmp))),
        Transport::Ah => (ProtocolWord::Ah, None),
        Transport::Other(protocol) => (ProtocolWord::of(family, protocol), None),
    };
    // UDPLITE has ports too, and the language does not know them.
    let (source_port, destination_port) = match packet.transport {
        Transport::Tcp(source, destination, _)
        | Transport::Udp(source, destination)
        | Transport::Sctp(source, destination) => (port(source), port(destination)),
        _ => (Values::any(), Values::any()),
    };
    let flags = match packet.transport {
        Transport::Tcp(_, _, set) => Some(Negatable::is(TcpFlags { mask: ALL_FLAGS, set })),
        _ => None,
    };
    let mut traffic = Traffic {
        protocols: Values::one(protocol),
        icmp_types: icmp.map_or_else(Values::any, Values::one),
        source: Values::one(Addresses::host(packet.source)),
        destination: Values::one(Addresses::host(packet.destination)),
        source_ports: source_port,
        destination_ports: destination_port,
        flags,
        ttl: Some(Negatable::is(packet.hop_limit)),
        mark: (packet.mark != 0).then_some(Negatable::is(MaskedMark { value: packet.mark, mask: u32::MAX })),
        states: packet.state.map(|state| Negatable::is(state.bit())),
        ipsec: IpsecSides { came: packet.ipsec_in.then_some(true), goes: packet.ipsec_out.then_some(true) },
        ..Traffic::default()
    };
    match packet.way {
        Way::In(name) => {
            (traffic.directions.input, traffic.on) = (true, Values::one(name));
            traffic.ipsec.goes = traffic.ipsec.came;
        }
        Way::Out(name) => {
            (traffic.directions.output, traffic.on) = (true, Values::one(name));
            traffic.ipsec.came = traffic.ipsec.goes;
        }
        Way::Forward(from, to) => {
            traffic.directions.forward = true;
            (traffic.in_on, traffic.out_on) = (Values::one(from), Values::one(to));
        }
    }
    Packets { families: family.into(), traffic, over_limit: false, spoofed: false, fragment: packet.fragment }
}

fn port(port: u16) -> Values<PortRange> {
    Values::one(PortRange::single(port))
}

/// The type as a sentence says it: by a name, if it has one in its family; with its code, if that is not 0.
pub fn icmp_word(family: Family, icmp: IcmpType) -> IcmpWord {
    let code = icmp.code.filter(|code| *code != 0);
    let named = ICMP_TYPES.iter().find(|(_, types)| types[family] == Some(IcmpType { kind: icmp.kind, code: None }));
    let types = named.map_or(Both::same(Some(IcmpType { kind: icmp.kind, code: None })), |(_, types)| *types);
    IcmpWord { types: types.map(|kind| kind.map(|kind| IcmpType { code: code.or(kind.code), ..kind })) }
}

/// The family that a sentence must choose with `only`, since its values do not.
fn family_of(packets: &Packets) -> Option<Family> {
    let traffic = &packets.traffic;
    let addresses = [Some(&traffic.source), Some(&traffic.destination), traffic.peer.as_ref()];
    let of_addresses =
        addresses.into_iter().flatten().filter(|values| !values.is_any() && !values.negated).map(|values| {
            values.items.iter().fold(Families::NONE, |families, addresses| families.or(addresses.family().into()))
        });
    let types = &traffic.icmp_types;
    let of_types = (!types.is_any() && !types.negated)
        .then(|| types.items.iter().fold(Families::NONE, |families, word| families.or(icmp_families(*word))));
    let chosen = of_addresses.chain(of_types).fold(Families::BOTH, Families::and);
    // `not ah` is of IPv4 alone, and must say so.
    let not_ah = traffic.protocols.negated && traffic.protocols.items.contains(&ProtocolWord::Ah);
    packets.families.single().filter(|_| chosen != packets.families || not_ah)
}

/// Traffic clause by clause, in the order in which people write them.
fn clauses(traffic: &Traffic) -> Vec<String> {
    let mut clauses = Vec::new();
    way(traffic, &mut clauses);
    if !traffic.protocols.is_any() {
        clauses.push(protocols(&traffic.protocols));
    }
    if !traffic.icmp_types.is_any() {
        clauses.push(icmp_types(&traffic.icmp_types));
    }
    // `peer any` says that there are two ways.
    clauses.extend(traffic.peer.as_ref().map(|peer| format!("peer {}", list(peer, Addresses::to_string))));
    sides(traffic, &mut clauses);
    clauses.extend(traffic.flags.map(flags));
    clauses.extend(traffic.ttl.map(|hops| format!("ttl {}", negatable(hops, |hops| hops.to_string()))));
    clauses.extend(traffic.mark.map(|value| format!("mark {}", negatable(value, mark))));
    clauses.extend(traffic.connection_mark.map(|value| format!("connection mark {}", negatable(value, mark))));
    clauses.extend(traffic.original.map(original));
    clauses.extend(traffic.states.map(|value| format!("state {}", states(value))));
    clauses.extend(ipsec(traffic));
    let limit = |limit: RateClause| format!("{} {}", if limit.above { "over limit" } else { "limit" }, rate(limit));
    clauses.extend(traffic.limit.map(limit));
    clauses
}

/// `in on A`, `forward in on A out on B`, `on A`. Both ways to and from the gateway, and all three, are said by no word.
fn way(traffic: &Traffic, clauses: &mut Vec<String>) {
    let Traffic { directions, on, in_on, out_on, .. } = traffic;
    clauses.extend(match directions {
        Directions { input: true, output: false, forward: false } => Some("in".into()),
        Directions { input: false, output: true, forward: false } => Some("out".into()),
        Directions { input: false, output: false, forward: true } => Some("forward".into()),
        _ => None::<String>,
    });
    for (word, interfaces) in [("on", on), ("in on", in_on), ("out on", out_on)] {
        if !interfaces.is_any() {
            clauses.push(format!("{word} {}", list(interfaces, |name| name.to_string())));
        }
    }
}

/// `ipsec`, `no ipsec`; of what is forwarded with the side, but for `no ipsec` of both.
fn ipsec(traffic: &Traffic) -> Vec<String> {
    let word = |ipsec: bool| if ipsec { "ipsec" } else { "no ipsec" };
    match traffic.ipsec {
        IpsecSides { came: Some(came), goes: Some(goes) } if came == goes && !(came && traffic.directions.forward) => {
            vec![word(came).into()]
        }
        IpsecSides { came, goes } => {
            let sides = [(came, "in"), (goes, "out")].into_iter();
            sides.filter_map(|(ipsec, side)| Some(format!("{} {side}", word(ipsec?)))).collect()
        }
    }
}

/// `original to 198.51.100.1 port 443`
fn original(original: OriginalDestination) -> String {
    let address = negatable(original.address, |prefix| Addresses::Prefix(prefix).to_string());
    let port = original.port.map(|port| format!(" port {}", negatable(port, ports)));
    format!("original to {address}{}", port.unwrap_or_default())
}

/// The addresses and ports of both ends.
fn sides(traffic: &Traffic, clauses: &mut Vec<String>) {
    if !traffic.source.is_any() {
        clauses.push(format!("from {}", list(&traffic.source, Addresses::to_string)));
    }
    let set = |word: &str, set: &Negatable<Box<str>>| format!("{word} {}set {}", not(set.negated), set.value);
    clauses.extend(traffic.source_set.as_ref().map(|name| set("from", name)));
    if !traffic.source_ports.is_any() {
        clauses.push(format!("{} {}", before_source_ports(traffic), port_list(&traffic.source_ports)));
    }
    if !traffic.destination.is_any() {
        clauses.push(format!("to {}", list(&traffic.destination, Addresses::to_string)));
    }
    clauses.extend(traffic.destination_set.as_ref().map(|name| set("to", name)));
    if !traffic.destination_ports.is_any() {
        clauses.push(format!("{} {}", before_destination_ports(traffic), port_list(&traffic.destination_ports)));
    }
}

/// The words that make the next ports those of the source: the one place that decides how that is said.
fn before_source_ports(traffic: &Traffic) -> &'static str {
    let anyone = traffic.source.is_any() && traffic.source_set.is_none();
    match (anyone, traffic.destination_ports.is_any()) {
        (true, _) => "from port",
        (false, true) => "source port",
        (false, false) => "port",
    }
}

/// The words that make the next ports those of the destination: `port` after a source is that of the source.
fn before_destination_ports(traffic: &Traffic) -> &'static str {
    let behind_source = !traffic.source.is_any() || traffic.source_set.is_some() || !traffic.source_ports.is_any();
    let anywhere = traffic.destination.is_any() && traffic.destination_set.is_none();
    if anywhere && behind_source { "to port" } else { "port" }
}

/// `22`, `{ 22, 80-90 }`, `not 22`, `any`
fn list<T>(values: &Values<T>, word: impl Fn(&T) -> String) -> String {
    let not = not(values.negated);
    match &values.items[..] {
        [] => "any".into(),
        [one] => format!("{not}{}", word(one)),
        items => format!("{not}{{ {} }}", items.iter().map(word).collect::<Vec<_>>().join(", ")),
    }
}

fn negatable<T>(value: Negatable<T>, word: impl Fn(T) -> String) -> String {
    format!("{}{}", not(value.negated), word(value.value))
}

fn not(negated: bool) -> &'static str {
    if negated { "not " } else { "" }
}

/// `22`, `1024-65535`
pub fn ports(ports: PortRange) -> String {
    if ports.is_single() { ports.start.to_string() } else { format!("{}-{}", ports.start, ports.end) }
}

fn port_list(values: &Values<PortRange>) -> String {
    list(values, |range| ports(*range))
}

/// The word of a protocol, if it has one.
fn protocol_name(protocol: ProtocolWord) -> Option<&'static str> {
    PROTOCOLS.iter().find(|row| row.protocol == Some(protocol)).map(|row| row.word)
}

/// `tcp`, `protocol 136`
pub fn protocol(protocol: ProtocolWord) -> String {
    protocols(&Values::one(protocol))
}

/// `tcp`, `{ tcp, udp }`, `protocol { 41, 136 }`: either words or numbers.
fn protocols(values: &Values<ProtocolWord>) -> String {
    let number = |protocol: &ProtocolWord| match (protocol_name(*protocol), protocol) {
        (None, ProtocolWord::Number(number)) => number.0.to_string(),
        (name, _) => name.unwrap_or_default().to_owned(),
    };
    let numbered = values.items.iter().any(|protocol| protocol_name(*protocol).is_none());
    format!("{}{}", if numbered { "protocol " } else { "" }, list(values, number))
}

/// `type echo-request`, `type 3 code 4`: the code goes with all types of a list.
fn icmp_types(values: &Values<IcmpWord>) -> String {
    if values.items.iter().all(|word| icmp_name(*word, None).is_some()) {
        return format!("type {}", list(values, |word| icmp_name(*word, None).unwrap_or_default()));
    }
    let types = values.items.first().map(|word| word.types);
    let code = types.and_then(|types| types.iter().flatten().find_map(|kind| kind.code)).unwrap_or(0);
    format!("type {} code {code}", list(values, |word| icmp_name(*word, Some(code)).unwrap_or_default()))
}

/// The name, or else the number, that together with a code means these types.
fn icmp_name(word: IcmpWord, code: Option<u8>) -> Option<String> {
    let with_code = |kind: IcmpType| IcmpType { code: code.or(kind.code), ..kind };
    let named = ICMP_TYPES.iter().find(|(_, types)| types.map(|kind| kind.map(with_code)) == word.types);
    let number = match (word.types.v4, word.types.v6) {
        (Some(v4), Some(v6)) if v4 == v6 && v4.code == code => Some(v4.kind.to_string()),
        _ => None,
    };
    named.map(|(name, _)| (*name).to_owned()).or(number)
}

/// `echo-request`, `3 code 4`: the name where it has one, the code where it is not 0.
pub fn icmp_type(family: Family, icmp: IcmpType) -> String {
    let text = icmp_types(&Values::one(icmp_word(family, icmp)));
    text.strip_prefix("type ").map_or(text.clone(), str::to_owned)
}

/// All flags of a TCP header.
const ALL_FLAGS: u8 = 0x3f;

/// `no syn`, `flags syn,rst/syn`
pub fn flags(flags: Negatable<TcpFlags>) -> String {
    if flags == Negatable::not(TcpFlags::SYN) {
        return "no syn".into();
    }
    let mask = |mask: u8| if mask == ALL_FLAGS { "all".to_owned() } else { flag_names(mask) };
    format!("flags {}", negatable(flags, |flags| format!("{}/{}", mask(flags.mask), flag_names(flags.set))))
}

/// The names of TCP flags, separated by commas; `none` where none is set.
fn flag_names(set: u8) -> String {
    let names = TcpFlags::NAMES.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0);
    let names: Vec<String> = names.map(|(_, name)| name.to_ascii_lowercase()).collect();
    if names.is_empty() { "none".into() } else { names.join(",") }
}

/// A mark, with its mask unless all bits count.
pub fn mark(mark: MaskedMark) -> String {
    if mark.mask == u32::MAX { format!("{:#x}", mark.value) } else { format!("{:#x}/{:#x}", mark.value, mark.mask) }
}

/// The word of a connection state.
pub fn state(state: State) -> &'static str {
    STATES.iter().find(|(_, known)| *known == state).map_or("", |(word, _)| word)
}

/// `new`, `not { new, invalid }`
fn states(states: Negatable<States>) -> String {
    if states == Negatable::is(States::ALL) {
        return "any".into();
    }
    let items = State::ALL.into_iter().filter(|state| states.value.0 & state.bit().0 != 0).collect();
    list(&Values { negated: states.negated, items }, |one| state(*one).to_owned())
}

/// `10/second burst 20 per source`: what follows `limit`.
pub fn rate(rate: RateClause) -> String {
    let unit = rate_unit(rate.unit);
    let burst = rate.burst.map_or_else(String::new, |burst| format!(" burst {burst}"));
    let per_source = if rate.per_source { " per source" } else { "" };
    format!("{}/{unit}{burst}{per_source}", rate.count)
}

/// The word of a unit, in the singular.
pub fn rate_unit(unit: RateUnit) -> &'static str {
    RATE_UNITS.iter().find(|(_, known)| *known == unit).map_or("", |(word, _)| word)
}

/// `only ipv4`
pub fn only(family: Family) -> String {
    format!("only {}", family.keyword())
}

/// An address and a port as people write them together.
pub fn endpoint(address: IpAddr, port: Option<u16>) -> String {
    match (address, port) {
        (address, None) => address.to_string(),
        (IpAddr::V4(address), Some(port)) => format!("{address}:{port}"),
        (IpAddr::V6(address), Some(port)) => format!("[{address}]:{port}"),
    }
}
