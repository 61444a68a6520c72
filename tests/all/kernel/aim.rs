//! Random packets aimed at the edges of rules: most would meet one rule, but for one field that lies just beside it.
//! Input: the rules of a family, interfaces, random numbers. Output: packets.

use std::collections::BTreeMap;
use std::net::IpAddr;

use cgwfw::iptables::meaning::{Context, FRAGMENT_NO, Field, Test, conditions, reassembles, tracks};
use cgwfw::iptables::packet::{Fragment, Packet, State, Transport, Way};
use cgwfw::iptables::ruleset::{ChainId, IcmpType, Rule, Ruleset, Target};
use cgwfw::net::{Family, Interface, Protocol};

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
    /// Whether the pieces of packets are put together: one alone then waits for the others.
    reassembles: bool,
    /// Whether connections have zones: the lab makes them known in none.
    zones: bool,
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

/// The values that a test lets through; of a mask with holes its value, and what lies beside it is seldom.
fn ends(test: &Test, bits: u32) -> (u128, u128) {
    let value = match *test {
        Test::Masked { value, .. } => value,
        Test::Within(first, _) => first,
    };
    test.range(bits).unwrap_or((value, value))
}

fn has_zone(rule: &Rule) -> bool {
    matches!(&rule.target, Target::Ct(ct) if ct.zone.is_some())
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
            tracks: tracks(ruleset),
            reassembles: reassembles(ruleset),
            zones: ruleset.tables.iter().flat_map(|table| &table.rules).any(has_zone),
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
        path.from = path.from.or(header.in_interface.map(|name| (name.value, name.negated)));
        path.to = path.to.or(header.out_interface.map(|name| (name.value, name.negated)));
        for (_, condition) in conditions(rule, &Context::of(self.family)) {
            let (mut kind, mut code, mut marks) = (None, None, false);
            condition.tests(&mut |field, _, _| marks |= field == Field::ConnectionMark);
            condition.tests(&mut |field, test, negated| match field {
                Field::IcmpType => kind = kind.or(Some(ends(&test, 8).0 as u8)),
                Field::IcmpCode => code = code.or(Some(ends(&test, 8).0 as u8)),
                // That there must be a connection: a new one has a mark that is known.
                Field::State if marks => {}
                field => self.one(field, test, negated, path),
            });
            path.icmp = path.icmp.or(kind.map(|kind| IcmpType { kind, code }));
        }
    }

    fn one(&mut self, field: Field, test: Test, negated: bool, path: &mut Path) {
        let (first, last) = ends(&test, field.bits(self.family));
        match field {
            Field::Source | Field::Destination => {
                let wanted = if field == Field::Source { &mut path.sources } else { &mut path.destinations };
                wanted.push(Wanted { first, last, negated });
                self.addresses.extend([first, last]);
                self.addresses.extend(first.checked_sub(1));
                self.addresses.extend(last.checked_add(1).filter(|next| *next <= highest(self.family)));
            }
            Field::SourcePort | Field::DestinationPort => {
                let wanted =
                    if field == Field::SourcePort { &mut path.source_ports } else { &mut path.destination_ports };
                let (first, last) = (first as u16, last as u16);
                wanted.push(Wanted { first, last, negated });
                self.ports.extend([first, last]);
                self.ports.extend(first.checked_sub(1));
                self.ports.extend(last.checked_add(1));
            }
            Field::Protocol if first == last => path.protocol = path.protocol.or(Some((first as u8, negated))),
            Field::TcpFlags => {
                if let Test::Masked { value, mask } = test {
                    path.flags = path.flags.or(Some((mask as u8, value as u8, negated)));
                }
            }
            Field::HopLimit => {
                // An open end is a comparison with the other one.
                let hops = if first == 0 && last != 0 { last } else { first };
                path.hops = path.hops.or(Some(hops as u8));
                path.compared |= first != last;
            }
            Field::State if !negated => {
                path.states |= (first..=last).fold(0, |states, state| states | 1 << state);
            }
            Field::Fragment if !negated => path.fragment |= first != FRAGMENT_NO,
            Field::Mark => path.mark = path.mark.or(Some(first as u32)),
            _ => {}
        }
    }

    /// The packet of a turn. The first ones meet what each rule asks for, rule by rule; after them half do, and the
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
            if !self.zones {
                self.connect(&mut packet, path, random);
            }
        } else if !self.reassembles && (path.fragment || random.chance(4)) {
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
