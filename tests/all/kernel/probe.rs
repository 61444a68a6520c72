//! What the kernel did with packets: who passed and how they looked then, and how often each rule matched.
//! Input: the probe's nft table and `iptables-save -c`. Output: an `Observation`, of the shape that a prediction has.

use std::collections::BTreeMap;
use std::net::IpAddr;

use cgwfw::iptables::ruleset::{Ruleset, TableName};
use cgwfw::net::{Both, Family};

use crate::kernel::devices::PRIORITY;
use crate::kernel::namespace::Namespace;
use crate::support::kernel::program;
use cgwfw::iptables::meaning::Backend;

/// Something that counts: a rule, by its chain and its position there, or a chain's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counter {
    /// The family.
    pub family: Family,
    /// The table.
    pub table: TableName,
    /// The position of the chain in `Table::chains`.
    pub chain: u32,
    /// The position of the rule in its chain; `None`: the policy.
    pub rule: Option<u32>,
}

/// How often, and how many bytes together: packets of different lengths cannot stand for one another.
pub type Counts = BTreeMap<Counter, (u64, u64)>;

/// A packet as it is after the last rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The source address.
    pub source: IpAddr,
    /// The destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// The packet's mark.
    pub mark: u32,
    /// Source and destination ports.
    pub ports: Option<(u16, u16)>,
}

/// What was seen since the last time.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// What counted.
    pub counts: Counts,
    /// Who passed, by family and number.
    pub passed: BTreeMap<(Family, u32), Passed>,
}

/// Behind all tables every packet is noted and goes no further, but to come back by `lo`. Before all tables, what the
/// lab has not sent is dropped: answers of REJECT, reports of the kernel.
const TABLE: &str = "
table inet probe {
  set a4 { typeof ip id . ip saddr . ip daddr . ip ttl; size 65535; flags dynamic; }
  set a6 { typeof ip6 flowlabel . ip6 saddr . ip6 daddr . ip6 hoplimit; size 65535; flags dynamic; }
  set m4 { typeof ip id . meta mark; size 65535; flags dynamic; }
  set m6 { typeof ip6 flowlabel . meta mark; size 65535; flags dynamic; }
  set p4 { typeof ip id . th sport . th dport; size 65535; flags dynamic; }
  set p6 { typeof ip6 flowlabel . th sport . th dport; size 65535; flags dynamic; }
  chain guard { type filter hook output priority -450; meta priority != PRIORITY drop; }
  chain seen {
    add @a4 { ip id . ip saddr . ip daddr . ip ttl }
    add @a6 { ip6 flowlabel . ip6 saddr . ip6 daddr . ip6 hoplimit }
    meta nfproto ipv4 add @m4 { ip id . meta mark }
    meta nfproto ipv6 add @m6 { ip6 flowlabel . meta mark }
    meta l4proto != { tcp, udp, sctp, udplite } drop
    meta nfproto ipv4 add @p4 { ip id . th sport . th dport }
    meta nfproto ipv6 add @p6 { ip6 flowlabel . th sport . th dport }
    drop
  }
  chain input { type filter hook input priority 400; goto seen; }
  chain postrouting { type filter hook postrouting priority 400; oifname \"lo\" accept; goto seen; }
}
";

/// Sets the probe up anew; with `flush`, everything else that nft holds goes.
pub fn set_up(namespace: &Namespace, flush: bool) -> Result<(), String> {
    let first = if flush { "flush ruleset" } else { "table inet probe\ndelete table inet probe" };
    let table = TABLE.replace("PRIORITY", &PRIORITY.to_string());
    namespace.run("nft", &["-f", "-"], &format!("{first}\n{table}")).map(|_| ())
}

/// Forgets who passed.
pub fn clear(namespace: &Namespace) -> Result<(), String> {
    let flush: String =
        ["a4", "a6", "m4", "m6", "p4", "p6"].map(|set| format!("flush set inet probe {set}\n")).concat();
    namespace.run("nft", &["-f", "-"], &flush).map(|_| ())
}

/// The counters of both families.
pub fn counts(namespace: &Namespace, backend: Backend, rulesets: &Both<Ruleset>) -> Result<Counts, String> {
    let mut counts = Counts::new();
    for ruleset in rulesets.iter() {
        let text = namespace.run(&program(backend, ruleset.family, "save"), &["-c"], "")?;
        read_counts(&text, ruleset, &mut counts)?;
    }
    Ok(counts)
}

fn read_counts(text: &str, ruleset: &Ruleset, counts: &mut Counts) -> Result<(), String> {
    let numbers = |text: &str| -> Option<(u64, u64)> {
        let (packets, bytes) = text.strip_prefix('[')?.strip_suffix(']')?.split_once(':')?;
        Some((packets.parse().ok()?, bytes.parse().ok()?))
    };
    let mut table = None;
    let mut positions: BTreeMap<u32, u32> = BTreeMap::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = TableName::from_name(name).and_then(|name| ruleset.table(name));
            positions.clear();
        }
        // A table that is not the ruleset's is empty.
        let Some(table) = table else { continue };
        let mut words = line.split(' ');
        let (chain, rule, count) = match (words.next().unwrap_or_default(), words.next(), words.next()) {
            (name, Some(_), Some(count)) if name.starts_with(':') => (&name[1..], false, count),
            (count, Some("-A"), Some(name)) => (name, true, count),
            _ => continue,
        };
        let id = table.chain(chain).ok_or_else(|| format!("a chain that nobody loaded: {line}"))?;
        let count = numbers(count).ok_or_else(|| format!("no counters: {line}"))?;
        let rule = rule.then(|| {
            let position = positions.entry(id.0).or_default();
            *position += 1;
            *position - 1
        });
        if count.0 > 0 {
            counts.insert(Counter { family: ruleset.family, table: table.name, chain: id.0, rule }, count);
        }
    }
    Ok(())
}

/// What was counted between two readings.
pub fn since(before: &Counts, now: &Counts) -> Counts {
    let mut counts = now.clone();
    for (counter, (packets, bytes)) in before {
        let count = counts.entry(*counter).or_default();
        *count = (count.0.wrapping_sub(*packets), count.1.wrapping_sub(*bytes));
    }
    counts.retain(|_, count| *count != (0, 0));
    counts
}

/// Who passed since the last `clear`.
pub fn passed(namespace: &Namespace) -> Result<BTreeMap<(Family, u32), Passed>, String> {
    let text = namespace.run("nft", &["list", "table", "inet", "probe"], "")?;
    let mut passed = BTreeMap::new();
    let mut marks = BTreeMap::new();
    let mut ports = BTreeMap::new();
    let (mut set, mut family) = (' ', Family::V4);
    for line in text.lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("set ") {
            set = name.chars().next().unwrap_or(' ');
            family = if name[1..].starts_with('4') { Family::V4 } else { Family::V6 };
        }
        if line.starts_with("chain ") {
            break;
        }
        let elements = line.trim_start_matches("elements = { ").trim_end_matches(['}', ' ']);
        for element in elements.split(',').map(str::trim).filter(|element| element.contains(" . ")) {
            if element.starts_with("typeof") || element.starts_with("type ") {
                continue;
            }
            let parts: Vec<&str> = element.split(" . ").collect();
            let read = || -> Option<u32> { parts[0].parse().ok() };
            let Some(number) = read() else { return Err(format!("no number: `{element}`")) };
            let key = (family, number);
            let bad = || format!("not understood: `{element}`");
            match (set, &parts[1..]) {
                ('a', [source, destination, hops]) => {
                    let source = source.parse().map_err(|_| bad())?;
                    let destination = destination.parse().map_err(|_| bad())?;
                    let hop_limit = hops.parse().map_err(|_| bad())?;
                    passed.insert(key, Passed { source, destination, hop_limit, mark: 0, ports: None });
                }
                ('m', [mark]) => {
                    let mark = u32::from_str_radix(mark.trim_start_matches("0x"), 16).map_err(|_| bad())?;
                    marks.insert(key, mark);
                }
                ('p', [from, to]) => {
                    ports.insert(key, (from.parse().map_err(|_| bad())?, to.parse().map_err(|_| bad())?));
                }
                _ => return Err(bad()),
            }
        }
    }
    for (key, packet) in &mut passed {
        packet.mark = *marks.get(key).ok_or("a packet without a mark")?;
        packet.ports = ports.get(key).copied();
    }
    Ok(passed)
}
