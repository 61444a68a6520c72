//! Random policies that mean something, from the metadata of the building blocks.
//! Input: a seed. Output: sentences; the same seed gives the same sentences.

use cgwfw::resolve::icmp;
use cgwfw::resolve::value::REASONS;
use cgwfw::snippet::library::Library;
use cgwfw::snippet::signature::{Clause, Direction, Form, Kind, OpenDirection, Part, Signature, TrafficClause};

/// Numbers that look random and are not (xorshift64*).
pub struct Random(u64);

impl Random {
    /// Any seed will do.
    pub fn new(seed: u64) -> Random {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d);
        random.0 = random.0.max(1);
        for _ in 0..4 {
            random.next();
        }
        random
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 to `end` - 1.
    pub fn below(&mut self, end: usize) -> usize {
        ((self.next() >> 33) as usize) % end.max(1)
    }

    /// From `low` to `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + (self.next() >> 16) % (high - low + 1)
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// All of them in another order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for end in (1..all.len()).rev() {
            let other = self.below(end + 1);
            all.swap(end, other);
        }
    }
}

/// The families that a sentence is to be for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Both, without an address.
    Neutral,
    /// Both: every list of addresses has both families in it.
    Mixed,
    V4,
    V6,
}

impl Plan {
    fn single(self) -> bool {
        matches!(self, Plan::V4 | Plan::V6)
    }
}

/// A policy that is being written.
struct Writer<'a> {
    random: Random,
    library: &'a Library,
    /// Declared interfaces; empty: none is declared, every name may be used.
    interfaces: Vec<(String, &'static str)>,
    defines: Vec<String>,
    named: usize,
    /// Of the sentence that is being written.
    plan: Plan,
    /// Whether a negated value needs `only`.
    needs_only: bool,
    /// Whether an address of the sentence has chosen a family.
    chose: bool,
    /// Whether a port of the sentence needs a protocol with ports.
    needs_ports: bool,
}

/// The sentences of a policy; each is one line, or a block of several.
pub fn policy(seed: u64, library: &Library) -> Vec<String> {
    let mut writer = Writer {
        random: Random::new(seed),
        library,
        interfaces: Vec::new(),
        defines: Vec::new(),
        named: 0,
        plan: Plan::Neutral,
        needs_only: false,
        chose: false,
        needs_ports: false,
    };
    let mut sentences = writer.interfaces();
    sentences.extend(writer.defaults());
    for _ in 0..writer.random.between(1, 12) {
        let sentence = match writer.random.below(100) {
            0..=7 => writer.rules(),
            8..=9 => writer.expect(),
            _ => writer.block(),
        };
        sentences.push(sentence);
    }
    for define in std::mem::take(&mut writer.defines) {
        let at = writer.random.below(sentences.len() + 1);
        sentences.insert(at, define);
    }
    if writer.random.chance(20) {
        let at = writer.random.below(sentences.len() + 1);
        sentences.insert(at, format!("# {}", writer.random.pick(&REMARKS)));
    }
    sentences
}

/// The sentences as one text.
pub fn text(sentences: &[String]) -> String {
    sentences.iter().map(|sentence| format!("{sentence}\n")).collect()
}

const ROLES: [&str; 10] = ["calico", "public", "service", "vti", "xfrm", "gre", "gretap", "vxlan", "bridge", "vlan"];
const NAMES: [&str; 14] = [
    "eth0",
    "eth1",
    "inet0",
    "vti42",
    "gre1",
    "sgi2",
    "vxlan100",
    "br-lan",
    "eth0.100",
    "xfrm_1",
    "net1",
    "tun-a",
    "a",
    "abcdefghijklmno",
];
const REMARKS: [&str; 6] = ["", "a remark", "allow all", "{", "\"", "é ü 漢 {{ x }} $y \\"];
/// What strings are made of.
const PIECES: [&str; 32] = [
    "in", "drop: ", "peer-1", " ", "_", "é", "ü", "漢", "{{ x }}", "{% if %}", "#x", "$(id)", "--", "COMMIT", "\\\"",
    "\\\\", "'", "`", "%", "!", "-A INPUT", "*filter", ":", "a=b", "~", "|", "&", "\\\\n", "0", "[0:0]", "😀", "/",
];

impl Writer<'_> {
    fn interfaces(&mut self) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.random.chance(30) {
            return sentences;
        }
        let mut names: Vec<&str> = NAMES.to_vec();
        self.random.shuffle(&mut names);
        let count = self.random.between(1, 6) as usize;
        for (index, name) in names.iter().enumerate().take(count) {
            let role = if self.random.chance(80) { *self.random.pick(&ROLES) } else { "" };
            let mut sentence = format!("interface {name}");
            if !role.is_empty() {
                sentence.push_str(&format!(" {role}"));
            }
            if index > 0 && self.random.chance(25) {
                sentence.push_str(&format!(" over {}", self.interfaces[self.random.below(index)].0));
            }
            if self.random.chance(15) {
                sentence.push_str(&format!(" {}", self.string(200)));
            }
            sentences.push(sentence);
            self.interfaces.push((names[index].to_owned(), role));
        }
        if self.random.chance(20) {
            self.random.shuffle(&mut sentences);
        }
        sentences
    }

    fn defaults(&mut self) -> Vec<String> {
        let mut verdict = || if self.random.chance(70) { "drop" } else { "accept" };
        let (general, named) = (verdict(), verdict());
        match self.random.below(20) {
            0 => vec![format!("default {general}"), format!("default {named} forward")],
            2..=4 => vec![format!("default {general}"), format!("default {named} input, forward")],
            1 => vec![format!("default {general} input, output"), format!("default {named} {{ forward }}")],
            _ => vec![format!("default {general}")],
        }
    }

    fn block(&mut self) -> String {
        let snippet = &self.library.snippets[self.random.below(self.library.snippets.len())];
        let form = &snippet.signature.forms[self.random.below(snippet.signature.forms.len())];
        self.plan = match (snippet.signature.families.single(), self.random.below(5)) {
            (Some(cgwfw::net::Family::V4), _) => Plan::V4,
            (Some(cgwfw::net::Family::V6), _) => Plan::V6,
            (None, 0 | 1) => Plan::V4,
            (None, 2) => Plan::V6,
            (None, 3) => Plan::Mixed,
            (None, _) => Plan::Neutral,
        };
        (self.needs_only, self.chose, self.needs_ports) = (false, false, false);
        let mut text = form.words.join(" ");
        let mut pieces: Vec<String> = Vec::new();
        let mut first: Vec<String> = Vec::new();
        let traffic = form.clauses.iter().find(|clause| clause.part == Part::Traffic);
        // Keywords of the traffic vocabulary are the block's own only before those of the traffic.
        let ordered = traffic.is_some();
        let mut reason = String::new();
        for clause in form.clauses.iter().filter(|clause| clause.part != Part::Traffic) {
            if !clause.required && !self.random.chance(45) {
                continue;
            }
            let (words, string) = self.clause(clause, &snippet.signature, &mut reason);
            if clause.keyword.is_empty() || string {
                text.push_str(&format!(" {words}"));
            } else if ordered {
                first.push(words);
            } else {
                pieces.push(words);
            }
        }
        if !form.clauses.iter().any(|clause| clause.part == Part::Traffic && clause.required) && !self.random.chance(60)
        {
            // The optional traffic is left out.
        } else if traffic.is_some() {
            let mut parts = self.traffic(form, &snippet.signature, &reason);
            self.random.shuffle(&mut parts);
            pieces.extend(parts);
        }
        let log = self.common(&mut first, snippet.folder == "log");
        self.random.shuffle(&mut pieces);
        // What begins with `port` behind an address would be the port of that address.
        let bare = |piece: &String| piece.starts_with("port ");
        let mut ordered: Vec<String> = first;
        ordered.extend(pieces.iter().filter(|piece| bare(piece)).cloned());
        ordered.extend(pieces.into_iter().filter(|piece| !bare(piece)));
        let needs_family = snippet.signature.needs_family && !self.chose;
        if needs_family && !self.plan.single() {
            // No list of addresses is in the sentence: one family is as good as the other.
            self.plan = if self.random.chance(50) { Plan::V4 } else { Plan::V6 };
        }
        let single = self.plan.single() && snippet.signature.families.single().is_none();
        if self.plan.single() && (self.needs_only || needs_family || single && self.random.chance(30)) {
            let only = if self.plan == Plan::V4 { "only ipv4" } else { "only ipv6" };
            let at = self.random.below(ordered.len() + 1);
            ordered.insert(at, only.to_owned());
        }
        // The name of a block right behind the verb would make the sentence one of that block.
        let names = self.library.names(&form.words[0]);
        let is_name = |piece: &String| {
            let word = piece.split(' ').next().unwrap_or_default();
            form.words.len() == 1 && names.iter().any(|name| name.words.get(1).is_some_and(|second| second == word))
        };
        if ordered.first().is_some_and(is_name)
            && let Some(other) = ordered.iter().position(|piece| !is_name(piece))
        {
            ordered.swap(0, other);
        }
        ordered.extend(log);
        for piece in ordered {
            let joint = if self.random.chance(2) { " \\\n    " } else { " " };
            text.push_str(joint);
            text.push_str(&piece);
        }
        if self.random.chance(5) {
            text.push_str("   # a remark");
        }
        text
    }

    /// `comment` into `pieces`; `log` comes back, for the end: a `limit` behind it would be its own.
    fn common(&mut self, pieces: &mut Vec<String>, is_log: bool) -> Option<String> {
        if self.random.chance(15) {
            let text = self.string(255);
            pieces.push(format!("comment {text}"));
        }
        if is_log || !self.random.chance(15) {
            return None;
        }
        let group = self.random.chance(60);
        let mut parts = vec![String::new()];
        if self.random.chance(70) {
            parts.push(self.string(if group { 63 } else { 29 }));
        }
        if group {
            let number = *self.random.pick(&[0, 1, 5, 65_535]);
            parts.push(format!("to group {number}"));
        }
        if self.random.chance(40) {
            parts.push(self.rate());
        }
        self.random.shuffle(&mut parts[1..]);
        Some(format!("log{}", parts.join(" ")))
    }

    /// A clause of the block itself, and whether it must stand first.
    fn clause(&mut self, clause: &Clause, signature: &Signature, reason: &mut String) -> (String, bool) {
        let keyword = clause.keyword.join(" ");
        let Part::Parameter(index) = clause.part else { return (keyword, false) };
        let parameter = &signature.parameters[usize::from(index)];
        let mut string = false;
        let value = match &parameter.kind {
            Kind::Address { unicast, chooses_family } => {
                let optional = parameter.default.as_deref() == Some("any") || *unicast;
                if !chooses_family {
                    let all = match self.plan {
                        Plan::V4 => "{ 100.64.0.0/10, 10.0.0.0/8 }",
                        Plan::V6 => "fc00::/7",
                        _ => "100.64.0.0/10, 2001:db8::/32",
                    };
                    all.to_owned()
                } else if optional && self.random.chance(15) || self.plan == Plan::Neutral {
                    if self.random.chance(80) { "any".into() } else { "{ any }".into() }
                } else {
                    // A negated destination or source is for traffic; blocks name their peers.
                    let negate = !unicast && self.plan.single() && self.random.chance(8);
                    self.addresses(*unicast || parameter.name == "source" || parameter.name == "remote", negate)
                }
            }
            Kind::Interface => self.interface_list(false),
            Kind::Ports => self.ports(),
            Kind::Rate => self.rate().trim_start_matches("limit ").to_owned(),
            Kind::Number { min, max } => {
                self.needs_ports |= keyword == "as port";
                self.number(*min, *max)
            }
            Kind::Word(words) => self.random.pick(words).clone(),
            Kind::Reason => {
                let fits = |name: &str| match self.plan {
                    Plan::V4 => !matches!(name, "policy-fail" | "reject-route"),
                    Plan::V6 => name != "proto-unreachable",
                    _ => !matches!(name, "policy-fail" | "reject-route" | "proto-unreachable"),
                };
                let all: Vec<&str> = REASONS.iter().map(|(name, _)| *name).filter(|name| fits(name)).collect();
                *reason = (*self.random.pick(&all)).to_owned();
                self.needs_only |= matches!(reason.as_str(), "policy-fail" | "reject-route" | "proto-unreachable");
                reason.clone()
            }
            Kind::Mark => self.mark(),
            Kind::String { max_bytes, .. } => {
                string = true;
                let text = self.string((*max_bytes).min(29));
                if text == "\"\"" { "\"a\"".into() } else { text }
            }
            Kind::Endpoint => {
                if !self.plan.single() {
                    self.plan = if self.random.chance(50) { Plan::V4 } else { Plan::V6 };
                }
                self.chose = true;
                self.endpoint()
            }
        };
        (format!("{keyword}{}{value}", if keyword.is_empty() { "" } else { " " }), string)
    }

    fn number(&mut self, min: u32, max: u32) -> String {
        match self.random.below(4) {
            0 => min.to_string(),
            1 => max.to_string(),
            _ => self.random.between(min.into(), max.into()).to_string(),
        }
    }

    fn endpoint(&mut self) -> String {
        let (v4, ports) = (self.plan == Plan::V4, self.random.chance(40));
        self.needs_ports |= ports;
        let port = *self.random.pick(&["80", "https", "1024-65535", "1-1"]);
        match (v4, ports) {
            (true, false) => "10.1.2.3".into(),
            (true, true) => format!("10.1.2.3:{port}"),
            (false, false) => (*self.random.pick(&["2001:db8::7:1", "[2001:db8::7]"])).to_owned(),
            (false, true) => format!("[2001:db8::7]:{port}"),
        }
    }

    /// The clauses of traffic that the form takes.
    fn traffic(&mut self, form: &Form, signature: &Signature, reason: &str) -> Vec<String> {
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
        if !open {
            let must =
                rules.needs_interface || direction.is_none() && rules.open == OpenDirection::Interface && !with_peer;
            let on = must || self.random.chance(60);
            tunnel = false;
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
            if address {
                part = format!("{word} {}", self.address_list(source));
            }
            if port {
                if part.is_empty() {
                    part = word.to_owned();
                }
                part.push_str(&format!(" port {}", self.ports()));
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
        let others: [(TrafficClause, usize); 5] = [
            (TrafficClause::Ttl, 15),
            (TrafficClause::State, 20),
            (TrafficClause::Ipsec, if tunnel && !open { 0 } else { 15 }),
            (TrafficClause::Mark, 15),
            (TrafficClause::Limit, 20),
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
                TrafficClause::Ipsec => if self.random.chance(50) { "ipsec" } else { "no ipsec" }.into(),
                TrafficClause::Mark => format!("mark {not}{}", self.mark()),
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

    /// The protocol clause, and whether it has ports, is TCP, is ICMP.
    fn protocol(&mut self, clauses: &[TrafficClause], own: &[String], reason: &str) -> (String, bool, bool, bool) {
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
                let all = ["tcp", "esp", "gre", "vrrp", "ospf", "icmp", "udp"];
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
                let number = *self.random.pick(&[2, 4, 5, 41, 94, 103, 115, 136, 253, 255]);
                (format!("protocol {number}"), false, false, false)
            }
            10 => (if self.random.chance(50) { "ah" } else { "all" }.into(), false, false, false),
            _ => (String::new(), false, false, false),
        }
    }

    fn icmp_type(&mut self) -> String {
        let fits = |types: &[Option<cgwfw::iptables::ruleset::IcmpType>; 2]| match self.plan {
            Plan::V4 => types[0].is_some(),
            Plan::V6 => types[1].is_some(),
            _ => types.iter().all(Option::is_some),
        };
        let mut all: Vec<&str> = icmp::NAMES.iter().filter(|(_, types)| fits(types)).map(|(name, _)| *name).collect();
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

    fn mark(&mut self) -> String {
        let all = ["7", "0x7", "0x10/0xff", "0", "0xffffffff", "0/0xf", "4294967295", "0x80000000/0x80000000", "1/1"];
        (*self.random.pick(&all)).to_owned()
    }

    fn rate(&mut self) -> String {
        let unit = *self.random.pick(&["second", "second", "minute", "minute", "hour", "day"]);
        let count = match self.random.below(4) {
            0 => *self.random.pick(&[1, 7, 60, 100, 3000, 9999, 10_000]),
            _ => self.random.between(1, 200),
        };
        let seconds = match unit {
            "second" => 1,
            "minute" => 60,
            "hour" => 3_600,
            _ => 86_400,
        };
        let most = (110_000 * count / seconds).min(10_000);
        let mut text = format!("limit {count}/{unit}");
        if most < 5 || self.random.chance(40) {
            let burst = if self.random.chance(30) { most } else { self.random.between(1, most.max(1)) };
            text.push_str(&format!(" burst {}", burst.max(1)));
        }
        if self.random.chance(35) {
            text.push_str(" per source");
        }
        text
    }

    fn ports(&mut self) -> String {
        let count = match self.random.below(10) {
            0..=4 => 1,
            5..=7 => self.random.between(2, 6) as usize,
            _ => self.random.between(10, 40) as usize,
        };
        let words: Vec<String> = (0..count).map(|_| self.port()).collect();
        let negate = self.random.chance(12) && words.iter().all(|word| word != "0-65535");
        let list = self.list(words);
        if negate { format!("not {}", braced(&list)) } else { list }
    }

    fn port(&mut self) -> String {
        match self.random.below(6) {
            0 => (*self.random.pick(&["ssh", "https", "bgp", "domain", "http", "ntp"])).to_owned(),
            1 => {
                let low = self.random.between(0, 65_000);
                let high = self.random.between(low, 65_535);
                format!("{low}-{high}")
            }
            2 => (*self.random.pick(&["0", "1", "65535", "1024-65535", "0-1", "80-80"])).to_owned(),
            _ => self.random.between(1, 65_535).to_string(),
        }
    }

    /// Interfaces of the policy; some negated, some patterns, where that is asked for.
    fn interface_list(&mut self, traffic: bool) -> String {
        let count = if self.random.chance(70) { 1 } else { self.random.between(2, 3) as usize };
        let mut words = Vec::new();
        for _ in 0..count {
            let word = if self.interfaces.is_empty() {
                (*self.random.pick(&NAMES)).to_owned()
            } else {
                let index = self.random.below(self.interfaces.len());
                self.interfaces[index].0.clone()
            };
            let word = if self.random.chance(8) {
                let length = self.random.between(1, word.len().min(14) as u64) as usize;
                format!("{}+", &word[..length])
            } else {
                word
            };
            if !words.contains(&word) {
                words.push(word);
            }
        }
        if traffic && self.random.chance(5) {
            words = vec!["lo".into()];
        }
        let negate = traffic && self.random.chance(15);
        let list = self.list(words);
        if negate { format!("not {}", braced(&list)) } else { list }
    }

    /// Whether a list may name an interface on which `ipsec` has no meaning.
    fn names_tunnel(&self, list: &str) -> bool {
        let tunnel = |role: &str| role == "vti" || role == "xfrm";
        list.contains(['$', '+'])
            || self.interfaces.iter().any(|(name, role)| tunnel(role) && list.contains(name.as_str()))
    }

    /// Addresses of traffic: sometimes negated, sometimes `any`.
    fn address_list(&mut self, source: bool) -> String {
        if self.random.chance(5) {
            return "any".into();
        }
        let negate = self.plan.single() && self.random.chance(15);
        self.addresses(source, negate)
    }

    fn addresses(&mut self, unicast: bool, negate: bool) -> String {
        let count = match self.random.below(10) {
            0..=5 => 1,
            6..=8 => self.random.between(2, 4),
            _ => self.random.between(5, 20),
        };
        let mut words = Vec::new();
        for index in 0..count {
            if self.plan != Plan::V6 {
                words.push(self.v4(unicast, negate));
            }
            if self.plan == Plan::V6 || self.plan == Plan::Mixed && index == 0 {
                words.push(self.v6(unicast, negate));
            }
        }
        self.needs_only |= negate;
        self.chose |= !negate;
        let list = self.list(words);
        if negate { format!("not {}", braced(&list)) } else { list }
    }

    fn v4(&mut self, unicast: bool, negate: bool) -> String {
        match self.random.below(8) {
            0 => "10.0.0.0/8".into(),
            1 => format!("192.0.2.{}", self.random.below(256)),
            2 => "198.51.100.0/24".into(),
            3 if !unicast => (*self.random.pick(&["224.0.0.5", "255.255.255.255", "239.0.0.0/8"])).to_owned(),
            4 if !negate && self.random.chance(30) => "0.0.0.0/0".into(),
            5 => {
                let length = self.random.between(1, 32) as u32;
                let bits = (self.random.next() as u32) & 0x7fff_ffff | 0x0100_0000;
                let network = bits & (u32::MAX << (32 - length));
                format!("{}/{length}", std::net::Ipv4Addr::from(network))
            }
            _ => format!("203.0.113.{}", self.random.below(256)),
        }
    }

    fn v6(&mut self, unicast: bool, negate: bool) -> String {
        match self.random.below(8) {
            0 => "2001:db8::/32".into(),
            1 => format!("2001:db8::{:x}", self.random.below(65_536)),
            2 => "fd00::/8".into(),
            3 if !unicast => (*self.random.pick(&["ff02::1", "ff02::/16", "ff05::1:3"])).to_owned(),
            4 if !negate && self.random.chance(30) => "::/0".into(),
            5 => {
                let length = self.random.between(1, 128) as u32;
                let high = u128::from(self.random.next() & 0x1fff_ffff_ffff_ffff | 0x0400_0000_0000_0000);
                let bits = high << 64 | u128::from(self.random.next());
                let network = bits & (u128::MAX << (128 - length));
                format!("{}/{length}", std::net::Ipv6Addr::from(network))
            }
            6 => (*self.random.pick(&["::1:2", "64:ff9b::/96", "fe80::/10", "::192.0.2.1", "2001:db8:0:0:1::"])).into(),
            _ => format!("2001:db8:{:x}::{:x}", self.random.below(65_536), self.random.below(65_536)),
        }
    }

    /// Values as a list, in one of the ways in which a list can be written.
    fn list(&mut self, mut words: Vec<String>) -> String {
        if self.random.chance(12) {
            self.named += 1;
            let (name, value) = (format!("d{}", self.named), self.plain_list(words));
            self.defines.push(format!("define {name} = {value}"));
            return format!("${name}");
        }
        if words.len() > 1 && self.random.chance(10) {
            let rest = words.split_off(1);
            let inner = self.list(rest);
            return format!("{{ {}, {} }}", words[0], braced(&inner));
        }
        self.plain_list(words)
    }

    fn plain_list(&mut self, words: Vec<String>) -> String {
        if words.len() == 1 {
            return if self.random.chance(8) { format!("{{ {} }}", words[0]) } else { words[0].clone() };
        }
        match self.random.below(6) {
            0 => words.join(", "),
            1 => words.join(","),
            2 => format!("{{\n    {},\n}}", words.join(",\n    ")),
            _ => format!("{{ {} }}", words.join(", ")),
        }
    }

    /// A string in quotes that is `most` bytes long at most.
    fn string(&mut self, most: usize) -> String {
        let mut text = String::new();
        let mut length = 0;
        for _ in 0..self.random.below(8) {
            let piece = *self.random.pick(&PIECES);
            let bytes = piece.replace("\\\"", "\"").replace("\\\\", "\\").len();
            if length + bytes > most {
                break;
            }
            length += bytes;
            text.push_str(piece);
        }
        format!("\"{text}\"")
    }

    fn expect(&mut self) -> String {
        let verdict = *self.random.pick(&["accept", "drop", "reject", "deny"]);
        let port = self.port();
        let interface = self.interface_list(false);
        format!("expect {verdict} in on {interface} udp port {port}")
    }

    /// A `rules` block of rules that the model knows, written as `iptables-save` does.
    fn rules(&mut self) -> String {
        let family = *self.random.pick(&["ipv4", "ipv6", "both"]);
        let table = *self.random.pick(&["filter", "filter", "filter", "mangle", "nat", "raw"]);
        let chains: &[&str] = match table {
            "raw" => &["PREROUTING", "OUTPUT"],
            "mangle" => &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
            "nat" => &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
            _ => &["INPUT", "FORWARD", "OUTPUT"],
        };
        let mut lines = Vec::new();
        // The number makes the chains of two blocks different ones.
        let own = (table == "filter" && self.random.chance(40)).then(|| {
            self.named += 1;
            format!("own-{}", self.named)
        });
        if let Some(own) = &own {
            lines.push(format!(":{own} - [0:0]"));
        }
        for _ in 0..self.random.between(1, 5) {
            let chain = *self.random.pick(chains);
            lines.push(self.rule(chain, family, table, own.as_deref()));
            if let Some(own) = &own
                && self.random.chance(50)
            {
                lines.push(self.rule(own, family, table, None));
            }
        }
        if self.random.chance(20) {
            lines.insert(0, "# a remark with } and \"".into());
        }
        format!("rules {family} {table} {{\n    {}\n}}", lines.join("\n    "))
    }

    fn rule(&mut self, chain: &str, family: &str, table: &str, own: Option<&str>) -> String {
        let mut rule = format!("-A {chain}");
        self.plan = match family {
            "ipv4" => Plan::V4,
            "ipv6" => Plan::V6,
            _ => Plan::Neutral,
        };
        for option in ["-s", "-d"] {
            if self.plan == Plan::Neutral || !self.random.chance(35) {
                continue;
            }
            let not = if self.random.chance(20) { "! " } else { "" };
            let address = if self.plan == Plan::V4 {
                let bits = (self.random.next() as u32) & 0x7fff_ffff | 0x0100_0000;
                let length = self.random.between(8, 32) as u32;
                format!("{}/{length}", std::net::Ipv4Addr::from(bits & (u32::MAX << (32 - length))))
            } else {
                format!("2001:db8:{:x}::/{}", self.random.between(1, 65_535), self.random.between(48, 128))
            };
            rule.push_str(&format!(" {not}{option} {address}"));
        }
        let (inbound, outbound) = match chain {
            "PREROUTING" | "INPUT" => (true, false),
            "OUTPUT" | "POSTROUTING" => (false, true),
            "FORWARD" => (true, true),
            _ => (false, false),
        };
        for (may, option) in [(inbound, "-i"), (outbound, "-o")] {
            if may && self.random.chance(50) {
                let not = if self.random.chance(20) { "! " } else { "" };
                rule.push_str(&format!(" {not}{option} {}", self.random.pick(&NAMES)));
            }
        }
        let mut tcp = false;
        match self.random.below(7) {
            0 => {
                tcp = true;
                rule.push_str(" -p tcp -m tcp --dport 22");
                if self.random.chance(40) {
                    rule.push_str(" --tcp-flags FIN,SYN,RST,ACK SYN");
                }
            }
            1 => rule.push_str(" -p udp -m udp --sport 500:600 ! --dport 4500"),
            2 => rule.push_str(" -p udp -m multiport --dports 1,2,3:4"),
            3 if self.plan == Plan::V4 => rule.push_str(" -p icmp -m icmp --icmp-type 8"),
            3 if self.plan == Plan::V6 => rule.push_str(" -p ipv6-icmp -m icmp6 --icmpv6-type 128"),
            4 => rule.push_str(" ! -p esp"),
            5 => rule.push_str(" -p 47"),
            _ => {}
        }
        if self.random.chance(15) {
            rule.push_str(" -m mark --mark 0x7/0xff");
        }
        if table != "raw" && self.random.chance(25) {
            rule.push_str(" -m conntrack --ctstate NEW,ESTABLISHED");
        }
        if self.random.chance(15) {
            rule.push_str(" -m limit --limit 10/sec");
        }
        if self.random.chance(20) {
            rule.push_str(" -m comment --comment \"it is \\\"so\\\" é } {\"");
        }
        let target = match table {
            "raw" => *self.random.pick(&["-j CT --notrack", "-j DROP", "-j ACCEPT"]),
            "mangle" => *self.random.pick(&["-j MARK --set-xmark 0x7/0xff", "-j ACCEPT", ""]),
            "nat" => *self.random.pick(&["-j ACCEPT", "-j RETURN"]),
            _ => match (self.random.below(6), own) {
                (0, Some(_)) => "-j own",
                (1, Some(_)) => "-g own",
                (2, _) => "-j DROP",
                (3, _) if tcp => "-j REJECT --reject-with tcp-reset",
                (4, _) => "-j NFLOG --nflog-prefix \"a b\" --nflog-group 3",
                (5, _) => "",
                _ => "-j ACCEPT",
            },
        };
        match (target, own) {
            ("-j own" | "-g own", Some(own)) => rule.push_str(&format!(" {} {own}", &target[..2])),
            ("", _) => {}
            _ => rule.push_str(&format!(" {target}")),
        }
        rule
    }
}

/// A list with braces around it, as it must stand behind `not`.
fn braced(list: &str) -> String {
    if list.starts_with(['{', '$']) || !list.contains(',') { list.to_owned() } else { format!("{{ {list} }}") }
}
