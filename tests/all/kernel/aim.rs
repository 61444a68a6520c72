//! Random packets aimed at the edges of rules: most would meet one rule, but for one field that lies just beside it.
//! Input: the rules of a family, interfaces, random numbers. Output: packets.

use std::collections::BTreeMap;
use std::net::IpAddr;

use cgwfw::iptables::packet::{Fragment, Packet, State, Transport, Way};
use cgwfw::iptables::ruleset::{
    Address, ChainId, HopLimit, IcmpType, Match, Multiport, Negatable, PortSide, Rule, Ruleset, Target,
};
use cgwfw::net::{Family, Interface, PortRange, Prefix, Protocol};
use cgwfw::simulate::Loaded;

use crate::kernel::connections;
use crate::support::generate::Random;

/// What a rule asks of one field: values from the first to the last, or any but those.
#[derive(Clone, Copy, Debug)]
struct Wanted<T> {
    first: T,
    last: T,
    negated: bool,
}

/// What the rules that a packet meets on its way to a rule ask for.
#[derive(Clone, Debug, Default)]
struct Path {
    hooks: Vec<&'static str>,
    from: Option<(Interface, bool)>,
    to: Option<(Interface, bool)>,
    sources: Vec<Wanted<u128>>,
    destinations: Vec<Wanted<u128>>,
    protocol: Option<(u8, bool)>,
    source_ports: Vec<Wanted<u16>>,
    destination_ports: Vec<Wanted<u16>>,
    flags: Option<(u8, u8, bool)>,
    icmp: Option<IcmpType>,
    hops: Option<u8>,
    /// Whether the hop limit is to be above or below, and not that itself.
    compared: bool,
    mark: Option<u32>,
    states: u8,
    fragment: bool,
}

/// Where to aim in a family's rules.
pub struct Aim {
    family: Family,
    paths: Vec<Path>,
    interfaces: Vec<Interface>,
    /// Ends of all ranges, and what lies beside them.
    addresses: Vec<u128>,
    ports: Vec<u16>,
    /// Whether connections are tracked, so that a packet may belong to one.
    tracks: bool,
}

const BUILT_IN: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/// How many packets are for each rule before chance has its way.
const STRAIGHT: usize = 12;

/// How many jumps back a path is followed.
const MAX_JUMPS: usize = 6;

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4((number as u32).into()),
        Family::V6 => IpAddr::V6(number.into()),
    }
}

fn highest(family: Family) -> u128 {
    if family == Family::V4 { u32::MAX.into() } else { u128::MAX }
}

fn range(wanted: &Address) -> (u128, u128) {
    match wanted {
        Address::Prefix(prefix) => ends(prefix),
        // A mask with holes: its value is inside, and what lies beside it seldom.
        Address::Masked(pair) => (number(pair.0), number(pair.0)),
    }
}

fn ends(prefix: &Prefix) -> (u128, u128) {
    let host = u32::from(prefix.family().bits() - prefix.length());
    let rest = 1_u128.checked_shl(host).map_or(u128::MAX, |size| size - 1);
    let first = number(prefix.address()) & !rest;
    (first, first | rest)
}

impl Aim {
    /// Looks at every rule once; `interfaces` are those that there are besides `lo`.
    pub fn new(ruleset: &Ruleset, interfaces: &[Interface]) -> Aim {
        let mut aim = Aim {
            family: ruleset.family,
            paths: Vec::new(),
            interfaces: interfaces.to_vec(),
            addresses: vec![number(match ruleset.family {
                Family::V4 => "198.51.100.99".parse().expect("an address"),
                Family::V6 => "2001:db8:99::1".parse().expect("an address"),
            })],
            ports: vec![0, 1, 443, 40_000, 65_535],
            tracks: Loaded::new(ruleset).tracks,
        };
        for table in &ruleset.tables {
            // One rule that leads to each chain.
            let mut callers: BTreeMap<ChainId, Vec<&Rule>> = BTreeMap::new();
            for rule in &table.rules {
                if let Target::Jump(chain) | Target::Goto(chain) = &rule.target {
                    callers.entry(*chain).or_default().push(rule);
                }
            }
            for (index, rule) in table.rules.iter().enumerate() {
                let mut path = Path::default();
                let mut at = rule;
                for jump in 0..MAX_JUMPS {
                    aim.follow(at, &mut path);
                    let name: &str = &table.chains[at.chain.0 as usize].name;
                    if let Some(hook) = BUILT_IN.iter().find(|hook| **hook == name) {
                        path.hooks.push(hook);
                        break;
                    }
                    let Some(found) = callers.get(&at.chain) else { break };
                    at = found[(index + jump) % found.len()];
                }
                aim.paths.push(path);
            }
        }
        aim
    }

    fn follow(&mut self, rule: &Rule, path: &mut Path) {
        let header = &rule.header;
        let mut add = |wanted: &mut Vec<Wanted<u128>>, (first, last): (u128, u128), negated: bool| {
            wanted.push(Wanted { first, last, negated });
            self.addresses.extend([first, last]);
            self.addresses.extend(first.checked_sub(1));
            self.addresses.extend(last.checked_add(1).filter(|next| *next <= highest(self.family)));
        };
        if let Some(source) = &header.source {
            add(&mut path.sources, range(&source.value), source.negated);
        }
        if let Some(destination) = &header.destination {
            add(&mut path.destinations, range(&destination.value), destination.negated);
        }
        for one in rule.matches.iter() {
            let Match::IpRange(ranges) = one else { continue };
            for (wanted, of) in [(&mut path.sources, ranges.source), (&mut path.destinations, ranges.destination)] {
                if let Some(of) = of {
                    add(wanted, (number(of.value.0), number(of.value.1)), of.negated);
                }
            }
        }
        path.from = path.from.or(header.in_interface.map(|name| (name.value, name.negated)));
        path.to = path.to.or(header.out_interface.map(|name| (name.value, name.negated)));
        path.protocol = path.protocol.or(header.protocol.map(|protocol| (protocol.value.0, protocol.negated)));
        rule.matches.iter().for_each(|one| self.one(one, path));
    }

    fn one(&mut self, one: &Match, path: &mut Path) {
        let mut add = |wanted: &mut Vec<Wanted<u16>>, range: PortRange, negated: bool| {
            wanted.push(Wanted { first: range.start, last: range.end, negated });
            self.ports.extend([range.start, range.end]);
            self.ports.extend(range.start.checked_sub(1));
            self.ports.extend(range.end.checked_add(1));
        };
        let ports = match one {
            Match::Tcp(tcp) => Some(tcp.ports),
            Match::Udp(ports) | Match::Sctp(ports) => Some(*ports),
            _ => None,
        };
        if let Some(ports) = ports {
            for (wanted, of) in
                [(&mut path.source_ports, ports.source), (&mut path.destination_ports, ports.destination)]
            {
                if let Some(of) = of {
                    add(wanted, of.value, of.negated);
                }
            }
        }
        match one {
            Match::Tcp(tcp) => {
                path.flags = path.flags.or(tcp.flags.map(|flags| (flags.value.mask, flags.value.set, flags.negated)));
            }
            Match::Multiport(wanted) => {
                let Multiport { side, ports } = &*wanted.value;
                let into = if *side == PortSide::Source { &mut path.source_ports } else { &mut path.destination_ports };
                ports.iter().for_each(|range| add(into, *range, wanted.negated));
            }
            Match::Icmp(icmp) | Match::Icmp6(icmp) => path.icmp = path.icmp.or(Some(icmp.value)),
            Match::Ttl(limit) | Match::Hl(limit) => {
                let (HopLimit::Equal(Negatable { value: hops, .. }) | HopLimit::Less(hops) | HopLimit::Greater(hops)) =
                    *limit;
                path.hops = path.hops.or(Some(hops));
                path.compared |= !matches!(limit, HopLimit::Equal(_));
            }
            Match::ConnState(states) | Match::State(states) if !states.negated => path.states |= states.value.0,
            Match::Frag => path.fragment = true,
            Match::Mark(mark) => path.mark = path.mark.or(Some(mark.value.value)),
            Match::Ah => path.protocol = path.protocol.or(Some((51, false))),
            _ => {}
        }
    }

    /// The packet of a turn. The first ones meet what each rule asks for, rule by rule; behind them half do, and the
    /// others fail it by one field or by two.
    pub fn packet(&self, turn: usize, random: &mut Random) -> Packet {
        let anywhere = Path::default();
        let straight = turn < STRAIGHT * self.paths.len();
        let path = match self.paths.get(turn % self.paths.len().max(1)) {
            Some(path) if straight => path,
            None => &anywhere,
            Some(_) if random.chance(8) => &anywhere,
            Some(_) => random.pick(&self.paths),
        };
        let mut packet = self.fitting(path, random);
        let wrong = if straight || random.chance(50) { 0 } else { random.between(1, 2) };
        for _ in 0..wrong {
            self.mistake(&mut packet, random);
        }
        if self.tracks {
            self.connect(&mut packet, path, random);
        } else if path.fragment || random.chance(4) {
            packet.fragment = if random.chance(50) { Fragment::First } else { Fragment::Later };
            if let (Transport::Udp(from, _), true) = (packet.transport, path.fragment && random.chance(50)) {
                // Port 0 lies beside `1:65535`, by which rules tell first pieces from later ones.
                packet.transport = Transport::Udp(from, 0);
            }
        }
        packet
    }

    /// Makes a packet one of a known connection, or an error about one, where the path asks for that, and now and then.
    fn connect(&self, packet: &mut Packet, path: &Path, random: &mut Random) {
        const RELATED_OR_ESTABLISHED: u8 = 0b1100;
        if !random.chance(if path.states & RELATED_OR_ESTABLISHED != 0 { 70 } else { 4 }) {
            return;
        }
        let free = path.protocol.is_none();
        packet.transport = match packet.transport {
            Transport::Icmp(_) => {
                let kinds: &[u8] = if self.family == Family::V4 { &[3, 11, 12] } else { &[1, 2, 3, 4] };
                let code = random.below(16) as u8;
                Transport::Icmp(IcmpType { kind: *random.pick(kinds), code: Some(code) })
            }
            Transport::Tcp(from, to, flags) => Transport::Tcp(from, to, flags & 0x28 | 0x10),
            _ if free => Transport::Udp(random.next() as u16, *random.pick(&self.ports)),
            other => other,
        };
        let state = if matches!(packet.transport, Transport::Icmp(_)) { State::Related } else { State::Established };
        packet.state = Some(state);
        if !connections::is_possible(packet) {
            packet.state = None;
        }
    }

    fn fitting(&self, path: &Path, random: &mut Random) -> Packet {
        let way = self.way(path, random);
        let beside = if path.compared { *random.pick(&[u8::MAX, 0, 1]) } else { 0 };
        let mut hop_limit = path.hops.map(|hops| hops.wrapping_add(beside)).unwrap_or(if random.chance(80) {
            64
        } else {
            random.next() as u8
        });
        if matches!(way, Way::Forward(..)) && path.hops.is_some() {
            // FORWARD sees one less.
            hop_limit = hop_limit.saturating_add(1);
        }
        Packet {
            way,
            source: self.address(&path.sources, random),
            destination: self.address(&path.destinations, random),
            hop_limit,
            transport: self.transport(path, random),
            fragment: Fragment::No,
            mark: if matches!(way, Way::Out(_)) { path.mark.unwrap_or(0) } else { 0 },
            state: None,
            ipsec_in: false,
            ipsec_out: false,
        }
    }

    fn interface(&self, wanted: Option<(Interface, bool)>, random: &mut Random) -> Interface {
        let fits: Vec<Interface> = match wanted {
            None => self.interfaces.clone(),
            Some((wanted, negated)) => {
                let all = self.interfaces.iter().copied();
                all.filter(|name| wanted.covers(name) != negated).collect()
            }
        };
        *random.pick(if fits.is_empty() { &self.interfaces } else { &fits })
    }

    fn way(&self, path: &Path, random: &mut Random) -> Way {
        let hooks = if path.hooks.is_empty() { &BUILT_IN[1..4] } else { &path.hooks };
        let lo = Interface::new("lo").expect("a short name");
        let is_lo = |wanted: Option<(Interface, bool)>| wanted.is_some_and(|(name, negated)| name == lo && !negated);
        let hook = match *random.pick(hooks) {
            "PREROUTING" => *random.pick(&["INPUT", "FORWARD"]),
            "POSTROUTING" => *random.pick(&["OUTPUT", "FORWARD"]),
            hook => hook,
        };
        match hook {
            "INPUT" if is_lo(path.from) || random.chance(3) => Way::In(lo),
            "INPUT" => Way::In(self.interface(path.from, random)),
            "OUTPUT" if is_lo(path.to) || random.chance(3) => Way::Out(lo),
            "OUTPUT" => Way::Out(self.interface(path.to, random)),
            _ => Way::Forward(self.interface(path.from, random), self.interface(path.to, random)),
        }
    }

    fn address(&self, wanted: &[Wanted<u128>], random: &mut Random) -> IpAddr {
        let bits = u128::from(random.next()) << 64 | u128::from(random.next());
        let number = match wanted.iter().find(|wanted| !wanted.negated) {
            Some(wanted) => match random.below(4) {
                0 => wanted.first,
                1 => wanted.last,
                _ => match (wanted.last - wanted.first).checked_add(1) {
                    Some(size) => wanted.first + bits % size,
                    None => bits,
                },
            },
            None if random.chance(10) => bits & highest(self.family),
            None => *random.pick(&self.addresses),
        };
        address(self.family, number)
    }

    fn port(&self, wanted: &[Wanted<u16>], random: &mut Random) -> u16 {
        let positive: Vec<&Wanted<u16>> = wanted.iter().filter(|wanted| !wanted.negated).collect();
        if positive.is_empty() {
            return if random.chance(30) { random.next() as u16 } else { *random.pick(&self.ports) };
        }
        let wanted = random.pick(&positive);
        match random.below(3) {
            0 => wanted.first,
            1 => wanted.last,
            _ => random.between(wanted.first.into(), wanted.last.into()) as u16,
        }
    }

    fn transport(&self, path: &Path, random: &mut Random) -> Transport {
        let icmp = Protocol::icmp(self.family).0;
        let protocol = match path.protocol {
            Some((protocol, false)) => protocol,
            _ => *random.pick(&[6, 6, 17, 17, icmp, icmp, 132, 136, 50, 47, 51, 112, 89, 253]),
        };
        let (from, to) = (self.port(&path.source_ports, random), self.port(&path.destination_ports, random));
        match protocol {
            6 => Transport::Tcp(from, to, self.flags(path, random)),
            17 => Transport::Udp(from, to),
            132 => Transport::Sctp(from, to),
            136 => Transport::UdpLite(from, to),
            51 if self.family == Family::V4 => Transport::Ah,
            protocol if protocol == icmp => {
                let wanted = path.icmp.unwrap_or(IcmpType { kind: random.next() as u8, code: None });
                let code = wanted.code.unwrap_or(if random.chance(50) { 0 } else { random.next() as u8 });
                Transport::Icmp(IcmpType { kind: wanted.kind, code: Some(code) })
            }
            other if is_plain(other, self.family) => Transport::Other(Protocol(other)),
            _ => Transport::Udp(from, to),
        }
    }

    fn flags(&self, path: &Path, random: &mut Random) -> u8 {
        let any = random.next() as u8 & 0x3f;
        match path.flags {
            Some((mask, set, false)) => any & !mask | set,
            Some((mask, set, true)) if any & mask == set => any ^ (mask & mask.wrapping_neg()),
            _ if random.chance(70) => *random.pick(&[0x02, 0x10, 0x18, 0x12, 0x04, 0x14, 0x01, 0x11]),
            _ => any,
        }
    }

    /// Changes one field into something that lies beside a rule, or into anything.
    fn mistake(&self, packet: &mut Packet, random: &mut Random) {
        let anywhere = Path::default();
        match random.below(6) {
            0 => packet.source = self.address(&[], random),
            1 => packet.destination = self.address(&[], random),
            2 => packet.way = self.way(&anywhere, random),
            3 => {
                packet.hop_limit =
                    if random.chance(50) { packet.hop_limit.wrapping_add(1) } else { random.next() as u8 }
            }
            4 => packet.transport = self.transport(&anywhere, random),
            _ => packet.transport = self.beside(packet.transport, random),
        }
        if !matches!(packet.way, Way::Out(_)) {
            // A packet has no mark when it comes in.
            packet.mark = 0;
        } else if random.chance(10) {
            packet.mark = random.next() as u32;
        }
    }

    /// The same protocol with another port, type or flag.
    fn beside(&self, transport: Transport, random: &mut Random) -> Transport {
        let near = |port: u16, random: &mut Random| match random.below(3) {
            0 => port.wrapping_add(1),
            1 => port.wrapping_sub(1),
            _ => self.port(&[], random),
        };
        let first = random.chance(50);
        let mut pair = |from: u16, to: u16| if first { (near(from, random), to) } else { (from, near(to, random)) };
        match transport {
            Transport::Tcp(from, to, flags) => {
                let (from, to) = pair(from, to);
                let flags = if random.chance(50) { flags ^ 1 << random.below(6) } else { flags };
                Transport::Tcp(from, to, flags)
            }
            Transport::Udp(from, to) => {
                let (from, to) = pair(from, to);
                Transport::Udp(from, to)
            }
            Transport::UdpLite(from, to) => {
                let (from, to) = pair(from, to);
                Transport::UdpLite(from, to)
            }
            Transport::Sctp(from, to) => {
                let (from, to) = pair(from, to);
                Transport::Sctp(from, to)
            }
            Transport::Icmp(icmp) => {
                let kind = if first { icmp.kind.wrapping_add(1) } else { icmp.kind };
                let code = icmp.code.map(|code| if first { code } else { code.wrapping_add(1) });
                Transport::Icmp(IcmpType { kind, code })
            }
            Transport::Ah => Transport::Other(Protocol::ESP),
            Transport::Other(protocol) if is_plain(protocol.0.wrapping_add(1), self.family) => {
                Transport::Other(Protocol(protocol.0.wrapping_add(1)))
            }
            Transport::Other(_) => Transport::Udp(self.port(&[], random), 0),
        }
    }
}

/// Whether a protocol has no kind of its own in the model, and no header that the kernel takes apart before the rules.
pub fn is_plain(protocol: u8, family: Family) -> bool {
    let extension = family == Family::V6 && matches!(protocol, 0 | 43 | 44 | 51 | 59 | 60);
    !extension && !matches!(protocol, 0 | 6 | 17 | 51 | 132 | 136) && protocol != Protocol::icmp(family).0
}
