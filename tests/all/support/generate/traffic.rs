//! Random traffic clauses: directions, protocols, addresses and ports that fit together.
//! Input: a sentence's form. Output: its clauses, in any order.

use cgwfw::language::clauses::{Direction, TrafficClause};
use cgwfw::language::values::ICMP_TYPES;
use cgwfw::net::Both;
use cgwfw::snippet::signature::{Form, OpenDirection, Signature};

use super::values::braced;
use super::{Plan, Writer};

impl Writer<'_> {
    pub fn traffic(&mut self, form: &Form, signature: &Signature, reason: &str) -> Vec<String> {
        let rules = &signature.traffic;
        let clauses = form.traffic_clauses.as_ref().unwrap_or(&rules.clauses).clone();
        let has = |clause: TrafficClause| clauses.contains(&clause);
        let mut parts = Vec::new();
        let open = rules.open == OpenDirection::None;
        let directions = if open { Vec::new() } else { rules.directions.clone() };
        let mut direction = None;
        let may_omit = matches!(rules.open, OpenDirection::Any | OpenDirection::Interface);
        let omitted = may_omit && self.random.chance(25);
        if !directions.is_empty() && !omitted {
            direction = Some(*self.random.pick(&directions));
        }
        let with_peer = has(TrafficClause::Peer)
            && direction != Some(Direction::Forward)
            && (direction.is_some() || rules.open == OpenDirection::Any || rules.open == OpenDirection::Interface)
            && self.plan != Plan::Neutral
            && self.random.chance(20);
        let mut tunnel = true;
        let mut forwarded = open || direction == Some(Direction::Forward);
        if !open {
            let must =
                rules.needs_interface || direction.is_none() && rules.open == OpenDirection::Interface && !with_peer;
            let on = must || self.random.chance(60);
            tunnel = false;
            forwarded |= direction.is_none() && !on && !with_peer && rules.open == OpenDirection::Any;
            let mut list = |writer: &mut Self| {
                let list = writer.interface_list(true);
                tunnel |= writer.names_tunnel(&list);
                list
            };
            parts.push(match direction {
                Some(Direction::Forward) => match self.random.below(5) {
                    0 => "forward".to_owned(),
                    1 => format!("forward on {}", list(self)),
                    2 => format!("forward in on {}", list(self)),
                    3 => format!("forward out on {}", list(self)),
                    _ => format!("forward in on {} out on {}", list(self), list(self)),
                },
                Some(direction) if on => format!("{} on {}", direction.word(), list(self)),
                Some(direction) => direction.word().to_owned(),
                None if on => format!("on {}", list(self)),
                None => String::new(),
            });
        }
        let (protocol, ported, tcp, icmp) = self.protocol(&clauses, &rules.protocols, reason);
        if !protocol.is_empty() {
            parts.push(protocol);
        }
        if with_peer {
            parts.push(format!("peer {}", self.address_list(true)));
        }
        let sided = !with_peer && (open || direction.is_some()) && self.plan != Plan::Neutral;
        let mut own_port = rules.own_ports;
        for (clause, word, source) in [(TrafficClause::From, "from", true), (TrafficClause::To, "to", false)] {
            let port_clause = if source { TrafficClause::SourcePort } else { TrafficClause::Port };
            let address = has(clause) && sided && self.random.chance(35);
            let port = has(port_clause) && ported && (source || !own_port) && self.random.chance(25);
            own_port |= port && !source;
            let mut part = String::new();
            if address && has(TrafficClause::Set) && self.sets && self.plan.single() && self.random.chance(20) {
                let not = if self.random.chance(25) { "not " } else { "" };
                part = format!("{word} {not}set {}", self.random.pick(&["blocked", "a-b_c.d", "x"]));
                self.needs_only = true;
            } else if address {
                part = format!("{word} {}", self.address_list(source));
            }
            if port {
                if part.is_empty() {
                    part = word.to_owned();
                }
                let word = if address && source { "source port" } else { "port" };
                part.push_str(&format!(" {word} {}", self.ports()));
            }
            if !part.is_empty() {
                parts.push(part);
            }
        }
        if has(TrafficClause::Port) && ported && !own_port && self.random.chance(45) {
            parts.push(format!("port {}", self.ports()));
        }
        if tcp && has(TrafficClause::NoSyn) && self.random.chance(15) {
            parts.push("no syn".into());
        } else if tcp && has(TrafficClause::Flags) && self.random.chance(25) {
            let not = if self.random.chance(30) { "not " } else { "" };
            let all =
                ["syn/syn", "syn,rst/syn", "all/none", "fin,syn,rst,ack/syn", "all/all", "urg/none", "psh,ack/ack"];
            parts.push(format!("flags {not}{}", self.random.pick(&all)));
        }
        if icmp && has(TrafficClause::Type) && self.random.chance(60) {
            parts.push(self.icmp_type());
        }
        let comes = forwarded || direction == Some(Direction::In);
        if has(TrafficClause::Original) && comes && self.plan.single() && self.random.chance(15) {
            parts.push(self.original(ported));
        }
        let above = has(TrafficClause::OverLimit) && self.random.chance(50);
        let others: [(TrafficClause, usize); 7] = [
            (TrafficClause::Ttl, 15),
            (TrafficClause::State, 20),
            (TrafficClause::Ipsec, if tunnel && !open { 0 } else { 15 }),
            (TrafficClause::Mark, 15),
            (TrafficClause::ConnectionMark, 15),
            (TrafficClause::Limit, if above { 0 } else { 20 }),
            (TrafficClause::OverLimit, if above { 40 } else { 0 }),
        ];
        for (clause, percent) in others {
            if !has(clause) || !self.random.chance(percent) {
                continue;
            }
            let not = if self.random.chance(25) { "not " } else { "" };
            parts.push(match clause {
                TrafficClause::Ttl => format!("ttl {not}{}", self.number(0, 255)),
                TrafficClause::State => {
                    let mut all = ["new", "established", "related", "invalid", "untracked"];
                    self.random.shuffle(&mut all);
                    let count = self.random.between(1, 3) as usize;
                    let list = self.list(all[..count].iter().map(|word| (*word).to_owned()).collect());
                    format!("state {not}{list}")
                }
                TrafficClause::Ipsec if !forwarded => (*self.random.pick(&["ipsec", "no ipsec"])).to_owned(),
                // Without a direction there are no sides.
                TrafficClause::Ipsec if !open && direction.is_none() => "no ipsec".into(),
                TrafficClause::Ipsec => {
                    let sides = ["ipsec in", "ipsec out", "no ipsec in", "no ipsec out", "no ipsec in ipsec out"];
                    if self.random.chance(20) { "no ipsec" } else { *self.random.pick(&sides) }.to_owned()
                }
                TrafficClause::Mark => format!("mark {not}{}", self.mark()),
                TrafficClause::ConnectionMark => format!("connection mark {not}{}", self.mark()),
                TrafficClause::OverLimit => format!("over {}", self.rate()),
                _ => self.rate(),
            });
        }
        parts.retain(|part| !part.is_empty());
        if parts.is_empty() {
            let plain = clauses.contains(&TrafficClause::Protocol) && rules.protocols.is_empty();
            parts.push(if plain { "all" } else { "on lo" }.to_owned());
        }
        parts
    }

    /// What the first packet of the connection was sent to.
    fn original(&mut self, ported: bool) -> String {
        let not = if self.random.chance(20) { "not " } else { "" };
        self.needs_only |= !not.is_empty();
        self.chose |= not.is_empty();
        let address = match self.plan {
            Plan::V6 => *self.random.pick(&["2001:db8::1", "2001:db8::/64"]),
            _ => *self.random.pick(&["198.51.100.1", "10.0.0.0/8"]),
        };
        let port = if ported && self.random.chance(50) { format!(" port {}", self.port()) } else { String::new() };
        format!("original to {not}{address}{port}")
    }

    /// The protocol clause, and whether it has ports, is TCP, is ICMP.
    pub fn protocol(&mut self, clauses: &[TrafficClause], own: &[String], reason: &str) -> (String, bool, bool, bool) {
        if !own.is_empty() {
            let all = |words: &[&str]| own.iter().all(|word| words.contains(&word.as_str()));
            return (String::new(), all(&["tcp", "udp", "sctp"]), all(&["tcp"]), all(&["icmp"]));
        }
        if !clauses.contains(&TrafficClause::Protocol) {
            return (String::new(), false, false, false);
        }
        if reason == "tcp-reset" {
            return ("tcp".into(), true, true, false);
        }
        let kind = if self.needs_ports { self.random.below(5) } else { self.random.below(12) };
        match kind {
            0 | 1 => ("tcp".into(), true, true, false),
            2 => ("udp".into(), true, false, false),
            3 => ("sctp".into(), true, false, false),
            4 => {
                let mut words = vec!["tcp".to_owned(), "udp".into(), "sctp".into()];
                self.random.shuffle(&mut words);
                words.truncate(2 + self.random.below(2));
                (self.list(words), true, false, false)
            }
            5 | 6 => ("icmp".into(), false, false, true),
            7 => {
                let not = if self.random.chance(30) { "not " } else { "" };
                let all = [
                    "tcp", "esp", "gre", "vrrp", "ospf", "icmp", "udp", "ipip", "eigrp", "pim", "l2tp", "dccp",
                    "udplite",
                ];
                (format!("{not}{}", self.random.pick(&all)), false, false, false)
            }
            8 => {
                let mut words: Vec<String> =
                    ["tcp", "udp", "esp", "ah", "gre", "icmp", "ospf"].map(str::to_owned).to_vec();
                self.random.shuffle(&mut words);
                words.truncate(2 + self.random.below(3));
                let negate = self.random.chance(35) && !words.contains(&"ah".to_owned());
                let list = self.list(words);
                (if negate { format!("not {}", braced(&list)) } else { list }, false, false, false)
            }
            9 => {
                // Those that one family has choose it.
                let own: &[&str] = match self.plan {
                    Plan::V4 => &["igmp", "sit", "not igmp"],
                    Plan::V6 => &["ip6ip6", "not ip6ip6"],
                    _ => &[],
                };
                if !own.is_empty() && self.random.chance(40) {
                    self.needs_only = true;
                    return ((*self.random.pick(own)).to_owned(), false, false, false);
                }
                let number = *self.random.pick(&[5, 7, 77, 94, 99, 253, 255]);
                (format!("protocol {number}"), false, false, false)
            }
            10 => (if self.random.chance(50) { "ah" } else { "all" }.into(), false, false, false),
            _ => (String::new(), false, false, false),
        }
    }

    pub fn icmp_type(&mut self) -> String {
        let fits = |types: &Both<Option<cgwfw::iptables::ruleset::IcmpType>>| match self.plan {
            Plan::V4 => types.v4.is_some(),
            Plan::V6 => types.v6.is_some(),
            _ => types.iter().all(Option::is_some),
        };
        let mut all: Vec<&str> = ICMP_TYPES.iter().filter(|(_, types)| fits(types)).map(|(name, _)| *name).collect();
        self.random.shuffle(&mut all);
        if self.plan.single() && self.random.chance(20) {
            self.needs_only = true;
            let code = if self.random.chance(40) { format!(" code {}", self.number(0, 255)) } else { String::new() };
            return format!("type {}{code}", self.number(0, 254));
        }
        let count = if self.random.chance(60) { 1 } else { self.random.between(2, 4) as usize };
        let negate = self.random.chance(15);
        self.needs_only |= self.plan.single();
        let list = self.list(all[..count].iter().map(|name| (*name).to_owned()).collect());
        format!("type {}", if negate { format!("not {}", braced(&list)) } else { list })
    }
}
