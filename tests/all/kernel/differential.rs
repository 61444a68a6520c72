//! The simulator against the kernel: the same rules, the same packets, two answers.
//! Input: rule files of both families, random numbers. Output: a tally, and every disagreement in words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use cgwfw::analyze::{Analysis, Question};
use cgwfw::iptables::packet::{Fragment, Packet, State, Transport, Way};
use cgwfw::iptables::print;
use cgwfw::iptables::ruleset::{Match, Ruleset, Table, TableName};
use cgwfw::net::{Both, Family, Interface, Prefix};
use cgwfw::policy::{Directions, Packets, Traffic};
use cgwfw::sentence::packet as sentence;
use cgwfw::simulate::{Assumptions, Verdict, impossible};

use crate::kernel::aim::Aim;
use crate::kernel::connections;
use crate::kernel::devices::{Devices, Routes, is_own};
use crate::kernel::elsewhere;
use crate::kernel::namespace::Namespace;
use crate::kernel::predict::{LeftOut, Oracle, Prediction};
use crate::kernel::probe::{self, Counter, Counts, Observation};
use crate::kernel::shrink;
use crate::kernel::wire;
use crate::support::generate::Random;
use crate::support::kernel::program;
use cgwfw::iptables::meaning::Backend;

/// How many disagreements are shrunk and shown of one pair of rule files.
const MAX_SHOWN: usize = 2;

/// A packet with its number, its bytes and what is expected of it.
#[derive(Clone)]
pub struct Shot {
    /// The packet.
    pub packet: Packet,
    number: u32,
    bytes: Vec<u8>,
    prediction: Prediction,
}

/// What came of it all.
#[derive(Debug, Default)]
pub struct Tally {
    /// Packets that were sent and compared.
    pub packets: usize,
    /// Those of them whose fate is said to change with a rule.
    pub turned: usize,
    /// Packets that were not, by reason.
    pub left_out: BTreeMap<LeftOut, usize>,
    /// Every disagreement, as rules, a packet and both answers.
    pub disagreements: Vec<String>,
    /// The rules that the kernel counted packets in, of each pair of files by its name.
    pub hit: BTreeMap<String, BTreeSet<Counter>>,
}

impl Tally {
    /// Adds what another has counted.
    pub fn add(&mut self, other: Tally) {
        self.packets += other.packets;
        self.turned += other.turned;
        for (reason, count) in other.left_out {
            *self.left_out.entry(reason).or_default() += count;
        }
        self.disagreements.extend(other.disagreements);
        for (name, counters) in other.hit {
            self.hit.entry(name).or_default().extend(counters);
        }
    }
}

/// A namespace with devices and a probe, in which one backend loads rules.
pub struct Lab {
    /// The namespace.
    pub namespace: Namespace,
    /// The devices.
    pub devices: Devices,
    /// The programs that load.
    pub backend: Backend,
    /// Whether what is translated to another address goes to another host, where it can; else it is the gateway's own.
    pub leads_elsewhere: bool,
    /// The networks that this is done for.
    pub elsewhere: Vec<Prefix>,
    rulesets: Both<Ruleset>,
    before: Counts,
    /// Whether there are known connections: entered by the lab, or made by what came back by `lo`; nothing else gets so far.
    connections: bool,
}

impl Lab {
    /// An empty lab, in a namespace that this thread enters for good.
    pub fn new(backend: Backend) -> Result<Lab, String> {
        let namespace = Namespace::enter()?;
        let devices = Devices::new(&namespace)?;
        probe::set_up(&namespace, backend == Backend::Nft)?;
        let rulesets = Both::of(Ruleset::new);
        Ok(Lab {
            namespace,
            devices,
            backend,
            leads_elsewhere: false,
            elsewhere: Vec::new(),
            rulesets,
            before: Counts::new(),
            connections: false,
        })
    }

    /// Loads the rules of both families into tables that hold nothing else.
    pub fn load(&mut self, rulesets: &Both<Ruleset>) -> Result<(), String> {
        if self.backend == Backend::Nft {
            probe::set_up(&self.namespace, true)?;
        }
        for ruleset in rulesets.iter() {
            let mut text = print::print(ruleset, None);
            if self.backend == Backend::Legacy {
                // Tables that a file does not name keep what was in them.
                text.push_str(&empty(|name| ruleset.table(name).is_none()));
            }
            self.namespace.run(&program(self.backend, ruleset.family, "restore"), &[], &text)?;
        }
        self.elsewhere = if self.leads_elsewhere { elsewhere::networks(rulesets) } else { Vec::new() };
        self.devices.lead_elsewhere(&self.namespace, &self.elsewhere, elsewhere::device())?;
        self.rulesets = rulesets.clone();
        self.before = probe::counts(&self.namespace, self.backend, rulesets)?;
        Ok(())
    }

    /// Sends packets, and says whether everything is as predicted; else what was seen.
    pub fn agrees(&mut self, shots: &[Shot]) -> Result<Result<Observation, Observation>, String> {
        probe::clear(&self.namespace)?;
        let entries: BTreeSet<String> = shots.iter().filter_map(|shot| connections::entry(&shot.packet)).collect();
        let known = !entries.is_empty() || shots.iter().any(|shot| is_looped(&shot.packet));
        if std::mem::replace(&mut self.connections, known) {
            self.namespace.run("conntrack", &["-F"], "")?;
        }
        if !entries.is_empty() {
            let entries: String = entries.into_iter().collect();
            self.namespace.run("conntrack", &["-R", "-"], &entries)?;
        }
        for shot in shots {
            self.devices.lead(&self.namespace, Routes::of(&shot.packet))?;
            self.devices.send(&shot.packet, &shot.bytes)?;
        }
        let (mut seen, mut last) = (Observation::default(), Counts::new());
        // What goes through `lo` may still be on its way.
        let waits: &[u64] = if shots.iter().any(|shot| is_looped(&shot.packet)) { &[0, 20, 200] } else { &[0, 20] };
        for wait in waits {
            std::thread::sleep(Duration::from_millis(*wait));
            let now = probe::counts(&self.namespace, self.backend, &self.rulesets)?;
            seen.counts = probe::since(&self.before, &now);
            seen.passed = probe::passed(&self.namespace)?;
            last = now;
            if is_predicted(shots, &seen) {
                self.before = last;
                return Ok(Ok(seen));
            }
        }
        self.before = last;
        Ok(Err(seen))
    }
}

/// Tables without rules, as a rule file.
fn empty(which: impl Fn(TableName) -> bool) -> String {
    let mut text = String::new();
    for table in TableName::ALL.into_iter().filter(|table| which(*table)) {
        let chains = table.built_in_chains().iter().map(|chain| format!(":{chain} ACCEPT [0:0]\n"));
        let _ = write!(text, "*{}\n{}COMMIT\n", table.name(), chains.collect::<String>());
    }
    text
}

/// The counters that are expected of packets together.
fn sum(shots: &[Shot]) -> Counts {
    let mut counts = Counts::new();
    for shot in shots {
        for counter in &shot.prediction.hits {
            let count = counts.entry(*counter).or_default();
            *count = (count.0 + 1, count.1 + shot.bytes.len() as u64);
        }
    }
    counts
}

fn is_predicted(shots: &[Shot], seen: &Observation) -> bool {
    let passes = |shot: &&Shot| shot.prediction.end.is_some();
    sum(shots) == seen.counts
        && shots.iter().filter(passes).count() == seen.passed.len()
        && shots.iter().filter(passes).all(|shot| {
            let found = seen.passed.get(&(shot.packet.family(), shot.number));
            shot.prediction.end.as_ref().zip(found).is_some_and(|(end, found)| end.is(found))
        })
}

fn is_looped(packet: &Packet) -> bool {
    matches!(packet.way, Way::In(name) | Way::Out(name) if name.name() == "lo")
}

/// The shots of packets; those that the simulator does not decide are counted.
pub fn shots(oracle: &Oracle, devices: &Devices, packets: &[(Packet, usize)], tally: &mut Tally) -> Vec<Shot> {
    let mut shots = Vec::new();
    // Connections that will be known: no other packet may belong to them.
    let makes_known = |packet: &Packet| is_looped(packet) || packet.state == Some(State::Established);
    let known: BTreeSet<String> =
        packets.iter().map(|(packet, _)| packet).filter(|packet| makes_known(packet)).map(flow).collect();
    let mut used = BTreeSet::new();
    for (packet, filler) in packets {
        let flow = flow(packet);
        if known.contains(&flow) && (!makes_known(packet) || !used.insert(flow)) {
            *tally.left_out.entry(LeftOut::SameFlow).or_default() += 1;
            continue;
        }
        let predicted = oracle.predict(packet, devices);
        let translated = predicted.as_ref().ok().and_then(|prediction| Some(prediction.end.as_ref()?.of(packet)));
        // Where a known connection has the ports that are to be, nat takes others.
        if translated
            .is_some_and(|after| after != *packet && known.contains(&self::flow(&after)) && !makes_known(packet))
        {
            *tally.left_out.entry(LeftOut::SameFlow).or_default() += 1;
            continue;
        }
        match predicted {
            Ok(prediction) => {
                let number = shots.len() as u32 + 1;
                assert!(number <= wire::LAST_NUMBER, "more packets than numbers");
                let bytes = wire::bytes(packet, number, *filler);
                shots.push(Shot { packet: packet.clone(), number, bytes, prediction });
            }
            Err(reason) => *tally.left_out.entry(reason).or_default() += 1,
        }
    }
    // As few changes of the routes as possible; what makes connections known comes last.
    shots.sort_by_key(|shot| (is_looped(&shot.packet), Routes::of(&shot.packet)));
    shots
}

/// What connection tracking tells flows apart by, in either direction.
fn flow(packet: &Packet) -> String {
    let (from, to) = match packet.transport {
        Transport::Tcp(from, to, _) | Transport::Udp(from, to) | Transport::UdpLite(from, to) => (from, to),
        Transport::Sctp(from, to) => (from, to),
        _ => (0, 0),
    };
    let (a, b) = ((packet.source, from), (packet.destination, to));
    let protocol = match packet.transport {
        Transport::Tcp(..) => "tcp".to_owned(),
        Transport::Udp(..) => "udp".to_owned(),
        Transport::Sctp(..) => "sctp".to_owned(),
        Transport::UdpLite(..) => "udplite".to_owned(),
        Transport::Icmp(_) => "icmp".to_owned(),
        other => format!("{other:?}"),
    };
    format!("{protocol} {:?} {:?}", a.min(b), a.max(b))
}

/// Whether a packet can be sent as it is meant to go.
pub fn can_be_sent(packet: &Packet) -> bool {
    let (source, destination) = (packet.source, packet.destination);
    // The lab has no policies of IPsec, and what comes in over the wire has no mark.
    let marked = packet.mark != 0 && !matches!(packet.way, Way::Out(_));
    if is_own(source) || is_own(destination) || packet.ipsec_in || packet.ipsec_out || marked {
        return false;
    }
    if packet.fragment != Fragment::No {
        // What is for the gateway itself waits for the other pieces in IPv4, and everything on `lo` is whole.
        let pieces = packet.family() == Family::V6 || matches!(packet.way, Way::Forward(..));
        if !pieces || is_looped(packet) {
            return false;
        }
    }
    if destination.is_unspecified() {
        // Both are unspecified: the kernel takes it for a broadcast, the language reference for no packet. What is sent to
        // none goes to the gateway itself. A known connection to it can only be one that was translated elsewhere.
        let comes_in = !matches!(packet.way, Way::Out(_)) && !is_looped(packet);
        return comes_in && destination.is_ipv4() && !source.is_unspecified() && packet.state.is_none();
    }
    let broadcast = destination == std::net::IpAddr::V4(std::net::Ipv4Addr::BROADCAST);
    let link_local = matches!(destination, std::net::IpAddr::V6(to) if to.is_unicast_link_local());
    if packet.state.is_some() && (is_looped(packet) || impossible(packet).is_some()) {
        return false;
    }
    match packet.way {
        // Groups are routed on by a multicast router, which the gateway is none, and link-local addresses by nobody.
        Way::Forward(..) => !destination.is_multicast() && !broadcast && !link_local,
        // Where the gateway itself is in a group, what has no hops left stays at home; elsewhere it goes out.
        Way::Out(_) if destination.is_multicast() && packet.hop_limit == 0 => false,
        // A broadcast meets POSTROUTING twice, its copy for the gateway itself as well.
        Way::Out(_) if broadcast || source.is_unspecified() => false,
        _ if is_looped(packet) => !destination.is_multicast() && !broadcast && impossible(packet).is_none(),
        Way::Out(_) => impossible(packet).is_none(),
        Way::In(_) => true,
    }
}

/// The rules as they are tried: without the matches that depend on more than one packet.
pub fn prepared(rulesets: &Both<Ruleset>) -> Both<Ruleset> {
    let mut rulesets = rulesets.clone();
    for ruleset in rulesets.iter_mut() {
        for table in &mut ruleset.tables {
            for rule in &mut table.rules {
                let stays = |one: &&Match| !matches!(one, Match::Limit(_) | Match::HashLimit(_));
                rule.matches = rule.matches.iter().filter(stays).cloned().collect();
            }
            // What comes in is made local by a table that these two do not ask.
            let asks_routes = |one: &Match| matches!(one, Match::RpFilter(_) | Match::AddrType(_));
            table.rules.retain(|rule| !rule.matches.iter().any(asks_routes));
        }
        drop_empty(ruleset);
    }
    rulesets
}

/// Drops the tables that are not printed: the kernel never hears of them.
pub fn drop_empty(ruleset: &mut Ruleset) {
    let says = |table: &Table| !table.rules.is_empty() || table.chains.iter().any(|chain| chain.policy.is_some());
    ruleset.tables.retain(says);
}

/// The interfaces that rules name, a name for each pattern, and one that none names.
pub fn interfaces(rulesets: &Both<Ruleset>) -> Vec<Interface> {
    let mut names = BTreeSet::from(["eth0", "other0"].map(|name| Interface::new(name).expect("a short name")));
    for rule in rulesets.iter().flat_map(|ruleset| &ruleset.tables).flat_map(|table| &table.rules) {
        for name in [rule.header.in_interface, rule.header.out_interface].into_iter().flatten() {
            names.extend(match name.value.pattern() {
                Some(prefix) => Interface::new(&format!("{prefix}0")).or_else(|| Interface::new(prefix)),
                None => Some(name.value),
            });
        }
    }
    names.into_iter().filter(|name| name.name() != "lo").collect()
}

/// How many packets show that there are any with a verdict, in each direction of a family.
const WITNESSES: usize = 2;

/// Whether the interfaces of a packet's way are there.
pub fn is_there(packet: &Packet, interfaces: &[Interface]) -> bool {
    let there = |name: Interface| name.name() == "lo" || interfaces.contains(&name);
    match packet.way {
        Way::In(name) | Way::Out(name) => there(name),
        Way::Forward(from, to) => there(from) && there(to),
    }
}

/// Packets that show that there are any with a verdict, in each direction.
fn witnesses(ruleset: &Ruleset, interfaces: &[Interface]) -> Vec<Packet> {
    let mut analysis = Analysis::new(ruleset, std::iter::empty(), interfaces.iter().copied());
    let mut all = Vec::new();
    for direction in 0..3 {
        let directions = Directions { input: direction == 0, output: direction == 1, forward: direction == 2 };
        let traffic = Traffic { directions, ..Traffic::default() };
        let packets = Packets { families: ruleset.family.into(), traffic, ..Packets::default() };
        for name in ["accept", "drop", "reject"] {
            let is_goal = |verdict: Verdict| verdict.name() == name;
            let question = Question { packets: &packets, assumptions: Assumptions::ORDINARY, is_goal: &is_goal };
            let mut found = Vec::new();
            analysis.ask(&question, &mut |packet| {
                found.extend((is_there(&packet, interfaces) && can_be_sent(&packet)).then_some(packet));
                found.len() >= WITNESSES
            });
            all.append(&mut found);
        }
    }
    all
}

/// Packets aimed at the rules, with how much is in them; the first are those that answers about all packets rest on.
pub fn aimed(rulesets: &Both<Ruleset>, count: usize, random: &mut Random) -> Vec<(Packet, usize)> {
    let interfaces = interfaces(rulesets);
    let aims = rulesets.each_ref().map(|ruleset| Aim::new(ruleset, &interfaces));
    let witnesses = rulesets.iter().flat_map(|ruleset| witnesses(ruleset, &interfaces));
    let mut packets: Vec<(Packet, usize)> = witnesses.take(count).map(|packet| (packet, 0)).collect();
    for turn in 0.. {
        if packets.len() == count {
            break;
        }
        let packet = aims[Family::BOTH[turn % 2]].packet(turn / 2, random);
        if can_be_sent(&packet) {
            packets.push((packet, random.below(900)));
        }
    }
    packets
}

/// Sends packets, and compares. An error is the lab's own.
pub fn compare(
    lab: &mut Lab,
    name: &str,
    rulesets: &Both<Ruleset>,
    packets: &[(Packet, usize)],
) -> Result<Tally, String> {
    let mut tally = Tally::default();
    lab.devices.add(&lab.namespace, interfaces(rulesets))?;
    lab.load(rulesets).map_err(|error| format!("{name}: {error}"))?;
    let networks = lab.elsewhere.clone();
    let oracle = Oracle::new(rulesets, lab.backend, &networks);
    let shots = shots(&oracle, &lab.devices, packets, &mut tally);
    tally.packets += shots.len();
    let whole = lab.agrees(&shots)?;
    let (Ok(seen) | Err(seen)) = &whole;
    tally.hit.insert(name.to_owned(), seen.counts.keys().copied().collect());
    if whole.is_err() {
        let mut found = Vec::new();
        bisect(lab, &shots, &mut found)?;
        if found.is_empty() {
            tally
                .disagreements
                .push(format!("{name}: packets together, none of them alone\n{}", difference(rulesets, &shots, seen)));
        }
        for shot in found.iter().take(MAX_SHOWN) {
            tally.disagreements.push(shrink::report(lab, name, rulesets, shot)?);
        }
        let rest = found.iter().skip(MAX_SHOWN);
        tally.disagreements.extend(rest.map(|shot| format!("{name}: also {}", sentence(&shot.packet))));
    }
    Ok(tally)
}

/// What was expected of packets together, and what was seen, where these differ.
fn difference(rulesets: &Both<Ruleset>, shots: &[Shot], seen: &Observation) -> String {
    let mut text = String::new();
    let expected = sum(shots);
    for counter in expected.keys().chain(seen.counts.keys()).collect::<BTreeSet<_>>() {
        let (expected, seen) = (expected.get(counter), seen.counts.get(counter));
        if expected != seen {
            let _ = writeln!(text, "  {}: expected {expected:?}, seen {seen:?}", words(rulesets, counter));
        }
    }
    for shot in shots {
        let found = seen.passed.get(&(shot.packet.family(), shot.number));
        let same = match (&shot.prediction.end, found) {
            (None, None) => true,
            (Some(end), Some(found)) => end.is(found),
            _ => false,
        };
        if !same {
            let _ = writeln!(text, "  {}: expected {:?}, seen {found:?}", sentence(&shot.packet), shot.prediction.end);
        }
    }
    text
}

/// Finds single packets that disagree.
fn bisect(lab: &mut Lab, shots: &[Shot], found: &mut Vec<Shot>) -> Result<(), String> {
    if found.len() > 2 * MAX_SHOWN || lab.agrees(shots)?.is_ok() {
        return Ok(());
    }
    if let [shot] = shots {
        found.push(shot.clone());
        return Ok(());
    }
    let (first, second) = shots.split_at(shots.len() / 2);
    bisect(lab, first, found)?;
    bisect(lab, second, found)
}

/// Both answers about one packet, in words.
pub fn answers(rulesets: &Both<Ruleset>, shot: &Shot, seen: &Observation) -> String {
    let mut text = String::new();
    let words = |counter: &Counter| words(rulesets, counter);
    let decision = shot.prediction.decision;
    let _ = writeln!(text, "simulator: {} by {:?}", decision.verdict.name(), decision.by);
    shot.prediction.hits.iter().for_each(|counter| writeln!(text, "    {}", words(counter)).unwrap_or_default());
    let _ = writeln!(text, "    {:?}", shot.prediction.end);
    let passed = seen.passed.get(&(shot.packet.family(), shot.number));
    let _ = writeln!(text, "kernel: {}", if passed.is_some() { "accept" } else { "drop or reject" });
    for (counter, (packets, _)) in &seen.counts {
        let _ = writeln!(text, "    {} ({packets})", words(counter));
    }
    let _ = writeln!(text, "    {passed:?}");
    text
}

/// A counter as the rule that it belongs to.
pub fn words(rulesets: &Both<Ruleset>, counter: &Counter) -> String {
    let ruleset = &rulesets[counter.family];
    let Some(table) = ruleset.table(counter.table) else { return format!("{counter:?}") };
    let chain = &table.chains[counter.chain as usize].name;
    let rules = table.rules.iter().filter(|rule| rule.chain.0 == counter.chain);
    let rule = counter.rule.and_then(|position| rules.clone().nth(position as usize));
    match rule {
        Some(rule) => format!("{}: {}", counter.table.name(), print::rule_line(table, rule, counter.family)),
        None => format!("{}: the policy of {chain}", counter.table.name()),
    }
}
