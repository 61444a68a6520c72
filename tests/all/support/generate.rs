//! Random policies that mean something, from the metadata of the building blocks.
//! Input: a seed. Output: sentences; the same seed gives the same sentences.

mod random;
mod rules;
mod traffic;
mod values;

use cgwfw::language::values::REASONS;
use cgwfw::snippet::library::Library;
use cgwfw::snippet::signature::{Clause, ClausePart, ParameterKind, Signature};

pub use self::random::Random;

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
    /// Whether sentences may name sets, which no kernel has of its own.
    sets: bool,
}

impl Writer<'_> {
    fn new(seed: u64, library: &Library) -> Writer<'_> {
        Writer {
            random: Random::new(seed),
            library,
            interfaces: Vec::new(),
            defines: Vec::new(),
            named: 0,
            plan: Plan::Neutral,
            needs_only: false,
            chose: false,
            needs_ports: false,
            sets: false,
        }
    }
}

/// A policy with one sentence that makes rules: what comes before it, its name, and its clauses.
pub struct Clauses {
    pub before: Vec<String>,
    pub head: String,
    pub clauses: Vec<String>,
}

/// A sentence in its clauses.
pub fn clauses(seed: u64, library: &Library) -> Clauses {
    let mut writer = Writer { sets: true, ..Writer::new(seed, library) };
    let mut before = writer.interfaces();
    before.extend(writer.defaults());
    let (head, clauses) = writer.parts();
    before.append(&mut writer.defines);
    Clauses { before, head, clauses }
}

/// The sentences of a policy; each is one line, or a block of several.
pub fn policy(seed: u64, library: &Library) -> Vec<String> {
    let mut writer = Writer::new(seed, library);
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

    /// A sentence of a block.
    fn block(&mut self) -> String {
        let (mut text, clauses) = self.parts();
        for piece in clauses {
            let joint = if self.random.chance(2) { " \\\n    " } else { " " };
            text.push_str(joint);
            text.push_str(&piece);
        }
        if self.random.chance(5) {
            text.push_str("   # a remark");
        }
        text
    }

    /// The name of a block, with what must follow it, and the clauses of a sentence.
    fn parts(&mut self) -> (String, Vec<String>) {
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
        let traffic = form.clauses.iter().find(|clause| clause.part == ClausePart::Traffic);
        // Keywords of the traffic vocabulary are the block's own only before those of the traffic.
        let ordered = traffic.is_some();
        let mut reason = String::new();
        let mut given: Vec<&Clause> = Vec::new();
        for (index, clause) in form.clauses.iter().enumerate() {
            let lacks = |clause: &Clause| {
                let parameter = |clause: &Clause| match clause.part {
                    ClausePart::Parameter(index) => Some(&snippet.signature.parameters[usize::from(index)]),
                    _ => None,
                };
                let needs = parameter(clause).and_then(|parameter| parameter.needs.as_ref());
                let has = |name: &String| given.iter().any(|one| parameter(one).is_some_and(|one| one.name == *name));
                needs.is_some_and(|name| !has(name))
            };
            if clause.part == ClausePart::Traffic || lacks(clause) {
                continue;
            }
            if clause.follows {
                if given.last() == Some(&&form.clauses[index - 1]) {
                    let (words, _) = self.clause(clause, &snippet.signature, &mut reason);
                    let before = if ordered { first.last_mut() } else { pieces.last_mut() };
                    before.expect("the clause that it follows").push_str(&format!(" {words}"));
                    given.push(clause);
                }
                continue;
            }
            if !clause.required && !self.random.chance(45) {
                continue;
            }
            given.push(clause);
            let (words, string) = self.clause(clause, &snippet.signature, &mut reason);
            if clause.keyword.is_empty() || string {
                text.push_str(&format!(" {words}"));
            } else if ordered {
                first.push(words);
            } else {
                pieces.push(words);
            }
        }
        if !form.clauses.iter().any(|clause| clause.part == ClausePart::Traffic && clause.required)
            && !self.random.chance(60)
        {
            // The optional traffic is left out.
        } else if traffic.is_some() {
            let mut parts = self.traffic(form, &snippet.signature, &reason);
            self.random.shuffle(&mut parts);
            pieces.extend(parts);
        }
        let log = self.common(&mut first, form.words[0] == "log" || snippet.folder == "reassemble");
        self.random.shuffle(&mut pieces);
        // What begins with `port` after an address would be the port of that address.
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
        // The name of a block right after the verb would make the sentence one of that block.
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
        (text, ordered)
    }

    /// `comment` into `pieces`; `log` comes back, for the end: a `limit` after it would be its own.
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

    /// A clause of the block itself, and whether it must be first.
    fn clause(&mut self, clause: &Clause, signature: &Signature, reason: &mut String) -> (String, bool) {
        let keyword = clause.keyword.join(" ");
        let ClausePart::Parameter(index) = clause.part else { return (keyword, false) };
        let parameter = &signature.parameters[usize::from(index)];
        let mut string = false;
        let value = match &parameter.kind {
            ParameterKind::Address { unicast, chooses_family } => {
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
            ParameterKind::Interface { single: true } if self.interfaces.is_empty() => "eth0".into(),
            ParameterKind::Interface { single: true } => {
                let index = self.random.below(self.interfaces.len());
                self.interfaces[index].0.clone()
            }
            ParameterKind::Interface { single: false } => self.interface_list(false),
            ParameterKind::Ports => self.ports(),
            ParameterKind::Rate => self.rate().trim_start_matches("limit ").to_owned(),
            ParameterKind::Number { min, max } => {
                self.needs_ports |= keyword == "as port";
                self.number(*min, *max)
            }
            ParameterKind::Word(words) => self.random.pick(words).clone(),
            ParameterKind::Reason => {
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
            // One mask for all of them.
            ParameterKind::Mark { nonzero: true } => format!("{:#x}/0xff", self.random.between(1, 255)),
            ParameterKind::Mark { nonzero: false } => self.mark(),
            ParameterKind::String { max_bytes, .. } => {
                string = true;
                let text = self.string((*max_bytes).min(29));
                if text == "\"\"" { "\"a\"".into() } else { text }
            }
            // Those over TCP, which the sentence gets as it does for a reset.
            ParameterKind::Helper => {
                *reason = "tcp-reset".into();
                (*self.random.pick(&["ftp", "sip", "sane", "Q.931"])).to_owned()
            }
            ParameterKind::Network { .. } => {
                self.choose_family();
                let number = self.number(1, 99);
                if self.plan == Plan::V6 { format!("2001:db8:{number}::/48") } else { format!("10.{number}.0.0/16") }
            }
            ParameterKind::Endpoint { ranges } => {
                self.choose_family();
                self.endpoint(parameter.shifts, *ranges)
            }
        };
        (format!("{keyword}{}{value}", if keyword.is_empty() { "" } else { " " }), string)
    }

    /// Values that follow are of one family.
    fn choose_family(&mut self) {
        if !self.plan.single() {
            self.plan = if self.random.chance(50) { Plan::V4 } else { Plan::V6 };
        }
        self.chose = true;
    }

    fn number(&mut self, min: u32, max: u32) -> String {
        match self.random.below(4) {
            0 => min.to_string(),
            1 => max.to_string(),
            _ => self.random.between(min.into(), max.into()).to_string(),
        }
    }

    fn endpoint(&mut self, shifts: bool, ranges: bool) -> String {
        let (v4, ports) = (self.plan == Plan::V4, self.random.chance(40));
        if ranges && self.random.chance(30) {
            self.needs_ports |= ports;
            let hosts = if v4 { "10.1.2.3-10.1.2.9" } else { "2001:db8::7-2001:db8::9" };
            return match (v4, ports) {
                (_, false) => hosts.into(),
                (true, true) => format!("{hosts}:1024-2000"),
                (false, true) => format!("[{hosts}]:1024-2000"),
            };
        }
        self.needs_ports |= ports;
        let port = *self.random.pick(&["80", "https", if shifts { "81" } else { "1024-65535" }, "1-1"]);
        match (v4, ports) {
            (true, false) => "10.1.2.3".into(),
            (true, true) => format!("10.1.2.3:{port}"),
            (false, false) => (*self.random.pick(&["2001:db8::7:1", "[2001:db8::7]"])).to_owned(),
            (false, true) => format!("[2001:db8::7]:{port}"),
        }
    }

    /// The clauses of traffic that the form takes.
    fn expect(&mut self) -> String {
        let verdict = *self.random.pick(&["accept", "drop", "reject", "deny"]);
        let port = self.port();
        let interface = self.interface_list(false);
        format!("expect {verdict} in on {interface} udp port {port}")
    }
}
