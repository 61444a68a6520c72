//! Random rule files built from the whole rule model: every table, jumps and gotos into chains of their own, every match
//! that one packet decides, every target that lets the kernel go on or stop.
//! Input: random numbers. Output: the rules of both families.

use std::fmt::Write as _;

use cgwfw::iptables::ruleset::{Ruleset, TableName};
use cgwfw::iptables::{check, parse};
use cgwfw::net::{Both, Family};

use crate::support::generate::Random;

const NAMES: [&str; 6] = ["eth0", "eth1", "inet0", "vti42", "vti+", "lo"];
const OWN: [&str; 4] = ["own-a", "own-b", "own-c", "own-d"];
const MARKS: [&str; 3] =
    [" -j MARK --set-xmark 0x7/0xffffffff", " -j MARK --set-xmark 0x10/0x10", " -j MARK --set-xmark 0x1/0x0"];
const CONNECTION_MARKS: [&str; 7] = [
    " -j CONNMARK --set-xmark 0x5/0xffffffff",
    " -j CONNMARK --set-xmark 0x1/0x3",
    " -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff",
    " -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff",
    " -j CONNMARK --set-xmark 0x5/0xff --left-shift-mark 1",
    " -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xf0 --left-shift-mark 4",
    " -j CONNMARK --restore-mark --nfmask 0xf --ctmask 0xff --right-shift-mark 1",
];

/// Changes of the hop limit and of the class of service, without the name of the target for the first.
const HOPS: [&str; 4] = ["set 1", "set 64", "dec 1", "inc 200"];

/// A pair of rule files, and what nobody can load made anew.
pub fn rule_files(random: &mut Random) -> Both<Ruleset> {
    Both::of(|family| {
        loop {
            let text = Writer { random, family, out: String::new() }.file();
            let (ruleset, faults) = parse::file(&text, family);
            assert_eq!(faults, [], "{text}");
            if check::check_ruleset(&ruleset).iter().all(|(_, _, problem)| !problem.refused) {
                return ruleset;
            }
        }
    })
}

struct Writer<'a> {
    random: &'a mut Random,
    family: Family,
    out: String,
}

impl Writer<'_> {
    fn file(mut self) -> String {
        for table in TableName::ALL {
            let often = if table == TableName::Filter { 100 } else { 40 };
            if self.random.chance(often) {
                self.table(table);
            }
        }
        self.out
    }

    fn table(&mut self, table: TableName) {
        let _ = writeln!(self.out, "*{}", table.name());
        for chain in table.built_in_chains() {
            let drops = table != TableName::Nat && self.random.chance(if table == TableName::Filter { 50 } else { 5 });
            let _ = writeln!(self.out, ":{chain} {} [0:0]", if drops { "DROP" } else { "ACCEPT" });
        }
        let own = self.random.below(OWN.len() + 1);
        OWN[..own].iter().for_each(|name| writeln!(self.out, ":{name} - [0:0]").unwrap_or_default());
        for chain in table.built_in_chains() {
            for _ in 0..self.random.below(7) {
                self.rule(table, chain, &OWN[..own]);
            }
        }
        for (index, chain) in OWN[..own].iter().enumerate() {
            for _ in 0..self.random.between(1, 5) {
                // Only onwards, so that there is no loop.
                self.rule(table, chain, &OWN[index + 1..own]);
            }
        }
        self.out.push_str("COMMIT\n");
    }

    fn not(&mut self) -> &'static str {
        if self.random.chance(20) { "! " } else { "" }
    }

    fn rule(&mut self, table: TableName, chain: &str, callable: &[&str]) {
        let mut rule = format!("-A {chain}");
        let inbound = !matches!(chain, "OUTPUT" | "POSTROUTING");
        let outbound = !matches!(chain, "INPUT" | "PREROUTING");
        for option in ["-s", "-d"] {
            if self.random.chance(25) {
                let (not, address) = (self.not(), self.address());
                let _ = write!(rule, " {not}{option} {address}");
            }
        }
        for (may, option) in [(inbound, "-i"), (outbound, "-o")] {
            if may && self.random.chance(20) {
                let (not, name) = (self.not(), *self.random.pick(&NAMES));
                let _ = write!(rule, " {not}{option} {name}");
            }
        }
        let mut protocol = "";
        if self.random.chance(60) {
            let icmp = if self.family == Family::V4 { "icmp" } else { "ipv6-icmp" };
            protocol =
                *self.random.pick(&["tcp", "tcp", "udp", "udp", "sctp", "udplite", icmp, icmp, "esp", "47", "112"]);
            let negated = self.random.chance(12);
            let _ = write!(rule, " {}-p {protocol}", if negated { "! " } else { "" });
            if negated {
                protocol = "";
            }
        }
        rule.push_str(&self.protocol_match(protocol));
        while self.random.chance(25) {
            let one = self.other_match(table, chain);
            // The loaders take no `mark` after a `connmark` after a `mark`: each kind once.
            let kind: String = one.split_inclusive(' ').take(3).collect();
            if !rule.contains(&kind) {
                rule.push_str(&one);
            }
        }
        rule.push_str(&self.target(table, chain, protocol, callable));
        let _ = writeln!(self.out, "{rule}");
    }

    fn address(&mut self) -> String {
        let list: &[&str] = match self.family {
            Family::V4 => &[
                "192.0.2.1",
                "192.0.2.0/24",
                "192.0.2.128/25",
                "10.0.0.0/8",
                "10.1.0.0/16",
                "10.1.2.3",
                "198.51.100.96/27",
                "203.0.113.0/31",
                "0.0.0.0/1",
                "224.0.0.0/4",
                "10.0.0.1/255.0.0.255",
                "0.0.0.1/0.0.0.1",
                "255.255.255.255",
            ],
            Family::V6 => &[
                "2001:db8::1",
                "2001:db8::/32",
                "2001:db8:0:8000::/49",
                "2001:db8::/64",
                "2001:db8::8:0/109",
                "fd00::/8",
                "fe80::/10",
                "ff02::/16",
                "ff02::1",
                "::/1",
                "2001:db8::/127",
                "::1/::1",
                "2001:db8::5/ffff:ffff::ff",
            ],
        };
        (*self.random.pick(list)).to_owned()
    }

    fn port_range(&mut self) -> String {
        match self.random.below(5) {
            0 => "0".into(),
            1 => "65535".into(),
            2 => "1024:65535".into(),
            3 => (*self.random.pick(&["500", "4500", "179", "443", "1"])).into(),
            _ => {
                let low = self.random.below(65_535);
                format!("{low}:{}", self.random.between(low as u64 + 1, 65_535))
            }
        }
    }

    fn protocol_match(&mut self, protocol: &str) -> String {
        let mut text = String::new();
        match protocol {
            "tcp" | "udp" | "sctp" | "udplite" if self.random.chance(75) => {
                if protocol != "udplite" && self.random.chance(75) {
                    let _ = write!(text, " -m {protocol}");
                    for option in ["--sport", "--dport"] {
                        if self.random.chance(55) {
                            let (not, ports) = (self.not(), self.port_range());
                            let _ = write!(text, " {not}{option} {ports}");
                        }
                    }
                    if protocol == "tcp" && self.random.chance(45) {
                        let (not, flags) = (self.not(), self.flags());
                        let _ = write!(text, " {not}--tcp-flags {flags}");
                    }
                    if text.ends_with(protocol) && protocol != "udp" {
                        text.push_str(" --dport 1:65534");
                    }
                } else {
                    let (not, side) = (self.not(), *self.random.pick(&["--sports", "--dports", "--ports"]));
                    let ports: Vec<String> = (0..self.random.between(1, 5)).map(|_| self.port_range()).collect();
                    let _ = write!(text, " -m multiport {not}{side} {}", ports.join(","));
                }
            }
            "icmp" | "ipv6-icmp" if self.random.chance(85) => {
                let (name, option) = if protocol == "icmp" { ("icmp", "icmp") } else { ("icmp6", "icmpv6") };
                let kinds: &[u64] = if protocol == "icmp" {
                    &[0, 3, 5, 8, 11, 12, 13, 254, 255]
                } else {
                    &[1, 2, 3, 128, 129, 130, 133, 134, 135, 136, 143, 254, 255]
                };
                let (not, kind) = (self.not(), *self.random.pick(kinds));
                let code = if kind != 255 && self.random.chance(30) {
                    format!("/{}", self.random.pick(&[0, 1, 4, 13, 255]))
                } else {
                    String::new()
                };
                let kind = if kind == 255 && name == "icmp" { "any".to_owned() } else { kind.to_string() };
                let _ = write!(text, " -m {name} {not}--{option}-type {kind}{code}");
            }
            _ => {}
        }
        text
    }

    fn flags(&mut self) -> String {
        let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];
        if self.random.chance(40) {
            return "FIN,SYN,RST,ACK SYN".into();
        }
        let mask: Vec<&str> = names.into_iter().filter(|_| self.random.chance(50)).collect();
        if mask.is_empty() {
            return "SYN,RST SYN".into();
        }
        let set: Vec<&str> = mask.iter().copied().filter(|_| self.random.chance(40)).collect();
        format!("{} {}", mask.join(","), if set.is_empty() { "NONE".into() } else { set.join(",") })
    }

    fn other_match(&mut self, table: TableName, chain: &str) -> String {
        let not = self.not();
        match self.random.below(9) {
            8 => (*self
                .random
                .pick(&[" -m statistic --mode random --probability 1.00000000000", " -m dscp --dscp 0x2e"]))
            .to_owned(),
            0 => {
                let (name, option) = if self.family == Family::V4 { ("ttl", "ttl") } else { ("hl", "hl") };
                let hops = self.random.pick(&[1, 2, 63, 64, 254, 255]);
                match self.random.below(4) {
                    0 => format!(" -m {name} --{option}-lt {hops}"),
                    1 => format!(" -m {name} --{option}-gt {hops}"),
                    _ => format!(" -m {name} {not}--{option}-eq {hops}"),
                }
            }
            1 => {
                format!(" -m mark {not}--mark {}", self.random.pick(&["0x7", "0x7/0xff", "0", "0x10/0x10", "0x1/0x1"]))
            }
            2 if table != TableName::Raw => {
                format!(" -m connmark {not}--mark {}", self.random.pick(&["0x5", "0", "0x1/0x3"]))
            }
            3 | 4 => {
                // In raw every packet is of no state yet.
                let all = ["INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED"];
                let states: Vec<&str> = all.into_iter().filter(|_| self.random.chance(40)).collect();
                if states.is_empty() || table == TableName::Raw {
                    return String::new();
                }
                let extra = self.random.pick(&["", "", ",DNAT", ",SNAT"]);
                let original = if self.random.chance(25) { self.original() } else { String::new() };
                format!(" -m conntrack {not}--ctstate {}{extra}{original}", states.join(","))
            }
            5 => {
                let side = *self.random.pick(&["src", "dst"]);
                let range = match self.family {
                    Family::V4 => {
                        self.random.pick(&["192.0.2.1-192.0.2.99", "10.0.0.255-10.1.2.3", "0.0.0.0-9.255.255.255"])
                    }
                    Family::V6 => self.random.pick(&["2001:db8::1-2001:db8::ff", "2001:db8::-fd00::1", "::-::ffff"]),
                };
                format!(" -m iprange {not}--{side}-range {range}")
            }
            6 if self.random.chance(40) => format!(" -m conntrack{}", self.original()),
            6 => match chain {
                "INPUT" | "PREROUTING" => " -m policy --dir in --pol none".into(),
                "OUTPUT" | "POSTROUTING" => " -m policy --dir out --pol none".into(),
                _ => String::new(),
            },
            _ => " -m comment --comment \"a \\\"remark\\\"\"".into(),
        }
    }

    /// What the first packet of a connection was sent to.
    fn original(&mut self) -> String {
        let mut text = String::new();
        if self.random.chance(70) {
            let (not, address) = (self.not(), self.address());
            let network = !address.split('/').nth(1).is_some_and(|mask| mask.contains(['.', ':']));
            let _ = write!(
                text,
                " {not}--ctorigdst {}",
                if network { &address } else { if self.family == Family::V4 { "10.1.2.3" } else { "2001:db8::1" } }
            );
        }
        if text.is_empty() || self.random.chance(50) {
            let (not, ports) = (self.not(), self.port_range());
            let _ = write!(text, " {not}--ctorigdstport {ports}");
        }
        text
    }

    fn target(&mut self, table: TableName, chain: &str, protocol: &str, callable: &[&str]) -> String {
        if !callable.is_empty() && self.random.chance(25) {
            let verb = if self.random.chance(75) { "-j" } else { "-g" };
            return format!(" {verb} {}", self.random.pick(callable));
        }
        let general = ["", " -j ACCEPT", " -j RETURN", " -j NFLOG --nflog-group 7", " -j LOG --log-prefix \"lab \""];
        if self.random.chance(25) {
            return (*self.random.pick(&general)).to_owned();
        }
        match table {
            TableName::Raw => *self.random.pick(&[
                " -j CT --notrack",
                " -j NOTRACK",
                " -j CT",
                " -j DROP",
                " -j ACCEPT",
                " -j ACCEPT",
            ]),
            TableName::Mangle if self.random.chance(15) => {
                let change = *self.random.pick(&HOPS);
                return match self.family {
                    Family::V4 => format!(" -j TTL --ttl-{change}"),
                    Family::V6 => format!(" -j HL --hl-{change}"),
                };
            }
            TableName::Mangle if self.random.chance(10) => " -j DSCP --set-dscp 0x2e",
            TableName::Mangle => self.mangle(protocol),
            TableName::Nat => return self.nat(chain, protocol),
            TableName::Filter if self.random.chance(25) => return self.reject(protocol),
            TableName::Filter => *self.random.pick(&[" -j ACCEPT", " -j ACCEPT", " -j DROP"]),
            TableName::Security => *self.random.pick(&[" -j ACCEPT", " -j ACCEPT", " -j DROP", ""]),
        }
        .to_owned()
    }

    fn mangle(&mut self, protocol: &str) -> &'static str {
        match self.random.below(8) {
            0..=2 => MARKS[self.random.below(MARKS.len())],
            3 | 4 => CONNECTION_MARKS[self.random.below(CONNECTION_MARKS.len())],
            5 => " -j ACCEPT",
            6 if protocol == "tcp" => "",
            6 => " -j DROP",
            _ => " -j RETURN",
        }
    }

    fn reject(&mut self, protocol: &str) -> String {
        let reasons: &[&str] = match self.family {
            Family::V4 => &["icmp-port-unreachable", "icmp-host-prohibited", "icmp-proto-unreachable"],
            Family::V6 => &["icmp6-port-unreachable", "icmp6-adm-prohibited", "icmp6-policy-fail"],
        };
        let reset = protocol == "tcp" && self.random.chance(40);
        format!(" -j REJECT --reject-with {}", if reset { "tcp-reset" } else { self.random.pick(reasons) })
    }

    fn nat(&mut self, chain: &str, protocol: &str) -> String {
        let ports = matches!(protocol, "tcp" | "udp") && self.random.chance(50);
        let address = match (self.family, ports) {
            (Family::V4, false) => "10.9.9.9",
            (Family::V4, true) => "10.9.9.9:8080",
            (Family::V6, false) => "2001:db8:9::9",
            (Family::V6, true) => "[2001:db8:9::9]:8080",
        };
        if self.random.chance(20) {
            let network = if self.family == Family::V4 { "10.9.9.0/28" } else { "2001:db8:9::/64" };
            return format!(" -j NETMAP --to {network}");
        }
        match chain {
            "PREROUTING" | "OUTPUT" => match self.random.below(3) {
                0 => format!(" -j DNAT --to-destination {address}"),
                1 if ports => " -j REDIRECT --to-ports 8080".into(),
                1 => " -j REDIRECT".into(),
                _ => " -j ACCEPT".into(),
            },
            "POSTROUTING" if self.random.chance(50) => " -j MASQUERADE".into(),
            "POSTROUTING" => format!(" -j SNAT --to-source {address}"),
            _ => " -j ACCEPT".into(),
        }
    }
}
