//! What the simulator says that the kernel will do with packets.
//! Input: rulesets and packets. Output: the counters and those who pass, or why a packet is left out of the comparison.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use cgwfw::iptables::packet::{Packet, Transport, Way};
use cgwfw::iptables::ruleset::{Ruleset, TableName};
use cgwfw::net::{Both, Family, Interface, PortRange, Prefix};
use cgwfw::simulate::{Assumptions, By, Decision, Event, Flight, Hook, Loaded, Observer, Place, Verdict, walks};

use crate::kernel::devices::Devices;
use crate::kernel::elsewhere;
use crate::kernel::probe::{Counter, Passed};
use cgwfw::iptables::meaning::Backend;

/// Why a packet is not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// The simulator says that it cannot be decided.
    Undecided,
    /// Sent to itself, the packet arrives translated, marked or numbered in ways that it does not show when it leaves.
    Loop,
    /// Of a connection that another packet has made known.
    SameFlow,
    /// Its address is one that translation leads to another host, and it would not go the way that it is said to.
    Elsewhere,
    /// What has no hops left and goes to a group leaves only where the gateway is not in that group.
    Group,
    /// The backends disagree: iptables-nft runs the security table behind nat in INPUT, legacy iptables before it.
    Backends,
}

/// How a packet that passes looks after the last rule.
#[derive(Clone, Debug)]
pub struct End {
    source: (IpAddr, IpAddr),
    destination: (IpAddr, IpAddr),
    hop_limit: Option<u8>,
    mark: Option<u32>,
    ports: Option<(PortRange, PortRange)>,
}

impl End {
    /// The packet as it is then, with the first of the addresses and ports that it may have.
    pub fn of(&self, packet: &Packet) -> Packet {
        let (from, to) = self.ports.map_or((0, 0), |(from, to)| (from.start, to.start));
        let transport = match packet.transport {
            Transport::Tcp(_, _, flags) => Transport::Tcp(from, to, flags),
            Transport::Udp(..) => Transport::Udp(from, to),
            other => other,
        };
        Packet { source: self.source.0, destination: self.destination.0, transport, ..packet.clone() }
    }

    /// Whether a packet looks so.
    pub fn is(&self, seen: &Passed) -> bool {
        let within = |range: (IpAddr, IpAddr), address: IpAddr| range.0 <= address && address <= range.1;
        within(self.source, seen.source)
            && within(self.destination, seen.destination)
            && self.hop_limit.is_none_or(|hops| hops == seen.hop_limit)
            && self.mark.is_none_or(|mark| mark == seen.mark)
            && match (self.ports, seen.ports) {
                (None, _) => true,
                (Some((from, to)), Some(seen)) => from.contains(seen.0) && to.contains(seen.1),
                (Some(_), None) => false,
            }
    }
}

/// What becomes of one packet.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Everything that counts it, in order.
    pub hits: Vec<Counter>,
    /// Who decides, the last time.
    pub decision: Decision,
    /// How it looks, if it passes.
    pub end: Option<End>,
}

/// The rules of both families, ready to be walked, with the position of each rule in its chain.
pub struct Oracle<'a> {
    loaded: Both<Loaded<'a>>,
    positions: Both<HashMap<Place, Counter>>,
    backend: Backend,
    /// The networks that are led to other hosts; where there are none, the namespace takes in every address.
    elsewhere: &'a [Prefix],
}

#[derive(Clone)]
struct Hits<'a> {
    oracle: &'a Oracle<'a>,
    family: Family,
    hits: Vec<Counter>,
    /// Whether something was taken for granted, even where that decides nothing.
    assumed: bool,
}

impl Observer for Hits<'_> {
    fn see(&mut self, _: &Flight, event: Event) {
        if let Event::Matches { assumed, .. } | Event::Passes { assumed, .. } = event {
            self.assumed |= assumed;
        }
        match event {
            Event::Matches { place, .. } => self.hits.push(self.oracle.positions[self.family][&place]),
            Event::Ends(table, hook, _) => self.hits.push(self.oracle.policy(self.family, table, hook)),
            _ => {}
        }
    }
}

impl<'a> Oracle<'a> {
    /// Puts the rules in order.
    pub fn new(rulesets: &'a Both<Ruleset>, backend: Backend, elsewhere: &'a [Prefix]) -> Oracle<'a> {
        let positions = rulesets.each_ref().map(positions);
        Oracle { loaded: rulesets.each_ref().map(Loaded::new), positions, backend, elsewhere }
    }

    fn policy(&self, family: Family, table: TableName, hook: Hook) -> Counter {
        let ruleset = self.loaded[family].ruleset;
        let chain = ruleset.table(table).and_then(|table| table.chain(hook.chain())).map_or(0, |chain| chain.0);
        Counter { family, table, chain, rule: None }
    }

    /// What becomes of a packet; with `devices`, of the addresses that only they know.
    pub fn predict(&self, packet: &Packet, devices: &Devices) -> Result<Prediction, LeftOut> {
        let lo = Interface::new("lo").expect("a short name");
        let led = |address| elsewhere::holds(self.elsewhere, address);
        let is_local = matches!(packet.way, Way::In(name) if name != lo);
        if (is_local || is_through(packet)) && led(packet.destination) {
            return Err(LeftOut::Elsewhere);
        }
        let sent = match packet.way {
            // What comes in by `lo` was sent there: the whole of its way is looked at.
            Way::In(name) if name == lo => Packet { way: Way::Out(lo), ..packet.clone() },
            _ => packet.clone(),
        };
        let (mut prediction, arrives) = self.walk(&sent, devices)?;
        if let Some(arrives) = arrives {
            let (second, _) = self.walk(&arrives?, devices)?;
            prediction.hits.extend(second.hits);
            (prediction.decision, prediction.end) = (second.decision, second.end);
        }
        let without_hops = prediction.end.as_ref().is_some_and(|end| end.hop_limit == Some(0));
        if without_hops && matches!(packet.way, Way::Out(_)) && packet.destination.is_multicast() {
            return Err(LeftOut::Group);
        }
        Ok(prediction)
    }

    /// One walk, and the packet that comes in by `lo` from it, if one does.
    fn walk(
        &self,
        packet: &Packet,
        devices: &Devices,
    ) -> Result<(Prediction, Option<Result<Packet, LeftOut>>), LeftOut> {
        let family = packet.family();
        let loaded = &self.loaded[family];
        let (mut found, mut decided, mut disputed, mut astray) = (None, true, false, false);
        walks(
            loaded,
            packet,
            Assumptions {
                translated_to_own: Some(self.elsewhere.is_empty()),
                backend: Some(self.backend),
                ..Assumptions::default()
            },
            Hits { oracle: self, family, hits: Vec::new(), assumed: false },
            |decision, flight, seen| {
                decided &= found.is_none() && !seen.assumed;
                disputed |= is_disputed(loaded.ruleset, decision, flight);
                // It leaves by another device than it is said to.
                let to = flight.new_destination.and_then(|to| to.addresses);
                astray |= is_through(packet) && to.is_some_and(|(to, _)| elsewhere::holds(self.elsewhere, to));
                let passes = decision.verdict == Verdict::Accept;
                let arrives = (passes && is_lo(flight.way)).then(|| arriving(packet, flight, loaded.tracks));
                let end = passes.then(|| end(flight, devices));
                found = Some((Prediction { hits: seen.hits, decision, end }, arrives));
            },
        );
        if disputed && self.backend == Backend::Nft {
            return Err(LeftOut::Backends);
        }
        if astray {
            return Err(LeftOut::Elsewhere);
        }
        found.filter(|_| decided).ok_or(LeftOut::Undecided)
    }
}

/// Whether it matters in INPUT which of nat and the security table a packet meets first: nat translates it, or the
/// security table drops it.
fn is_disputed(ruleset: &Ruleset, decision: Decision, flight: &Flight) -> bool {
    let tables = [TableName::Nat, TableName::Security].map(|table| ruleset.table(table).is_some());
    if tables != [true, true] || !matches!(flight.way, Way::In(_)) {
        return false;
    }
    let table = match decision.by {
        By::Rule(place) => place.table,
        By::Policy(table, _) => table,
        By::Kernel(_) => return false,
    };
    flight.new_source.is_some() || decision.verdict != Verdict::Accept && table == TableName::Security
}

/// Whether a packet is said to leave by another device than the one that leads to other hosts.
fn is_through(packet: &Packet) -> bool {
    matches!(packet.way, Way::Forward(_, to) if to != elsewhere::device())
}

fn is_lo(way: Way) -> bool {
    matches!(way, Way::Out(name) if name.name() == "lo")
}

/// The packet that comes in by `lo` after it was sent there.
fn arriving(packet: &Packet, flight: &Flight, tracks: bool) -> Result<Packet, LeftOut> {
    let lo = Interface::new("lo").expect("a short name");
    let mark = flight.mark().ok_or(LeftOut::Loop)?;
    if flight.new_source.is_some() || flight.new_destination.is_some() || flight.connection_mark() != Some(0) {
        return Err(LeftOut::Loop);
    }
    let hop_limit = flight.hop_limit.ok_or(LeftOut::Loop)?;
    Ok(Packet { way: Way::In(lo), mark, hop_limit, state: tracks.then_some(flight.state), ..packet.clone() })
}

fn end(flight: &Flight, devices: &Devices) -> End {
    let family = flight.family;
    let own = |name: Option<Interface>, to: Option<IpAddr>| {
        let own = devices.address(name?, to.unwrap_or(flight.packet.destination))?;
        Some((own, own))
    };
    let bounds = |bounds: cgwfw::simulate::Bounds| -> (IpAddr, IpAddr) {
        let address = |number: u128| match family {
            Family::V4 => IpAddr::V4((number as u32).into()),
            Family::V6 => IpAddr::V6(number.into()),
        };
        (address(bounds.first), address(bounds.last))
    };
    let (from, to) = (flight.new_source, flight.new_destination);
    let source = from.and_then(|new| new.addresses.or_else(|| own(new.of_interface, flight.destination.known(family))));
    let destination = to.and_then(|new| new.addresses.or_else(|| own(new.of_interface, None)));
    let ports = flight.ports.map(|(port, to)| (from.and_then(|new| new.ports).unwrap_or(port), to));
    End {
        source: source.unwrap_or_else(|| bounds(flight.source)),
        destination: destination.unwrap_or_else(|| bounds(flight.destination)),
        hop_limit: flight.hop_limit,
        mark: flight.mark(),
        ports,
    }
}

/// The counter of each rule: its position among those of its chain.
fn positions(ruleset: &Ruleset) -> HashMap<Place, Counter> {
    let mut positions = HashMap::new();
    for table in &ruleset.tables {
        let mut next: BTreeMap<u32, u32> = BTreeMap::new();
        for (index, rule) in table.rules.iter().enumerate() {
            let position = next.entry(rule.chain.0).or_default();
            let counter =
                Counter { family: ruleset.family, table: table.name, chain: rule.chain.0, rule: Some(*position) };
            positions.insert(Place { table: table.name, rule: index as u32 }, counter);
            *position += 1;
        }
    }
    positions
}
