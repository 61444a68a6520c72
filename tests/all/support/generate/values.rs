//! Random values: marks, rates, ports, interfaces, addresses, strings, and lists of them.
//! Input: what the policy has declared. Output: words of a sentence.

use super::{NAMES, PIECES, Plan, Writer};

/// Ranges, some of which are networks.
const V4_RANGES: [&str; 4] =
    ["192.0.2.1-192.0.2.9", "198.18.0.0-198.18.0.255", "198.18.9.7-198.18.9.7", "10.0.0.255-10.1.2.3"];
const V6_RANGES: [&str; 3] = ["2001:db8::1-2001:db8::ff", "2001:db8::-2001:db8::ffff", "2001:db8::ffff-fd00::1"];

impl Writer<'_> {
    pub fn mark(&mut self) -> String {
        let all = ["7", "0x7", "0x10/0xff", "0", "0xffffffff", "0/0xf", "4294967295", "0x80000000/0x80000000", "1/1"];
        (*self.random.pick(&all)).to_owned()
    }

    pub fn rate(&mut self) -> String {
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

    pub fn ports(&mut self) -> String {
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

    pub fn port(&mut self) -> String {
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
    pub fn interface_list(&mut self, traffic: bool) -> String {
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
    pub fn names_tunnel(&self, list: &str) -> bool {
        let tunnel = |role: &str| role == "vti" || role == "xfrm";
        list.contains(['$', '+'])
            || self.interfaces.iter().any(|(name, role)| tunnel(role) && list.contains(name.as_str()))
    }

    /// Addresses of traffic: sometimes negated, sometimes `any`.
    pub fn address_list(&mut self, source: bool) -> String {
        if self.random.chance(5) {
            return "any".into();
        }
        let negate = self.plan.single() && self.random.chance(15);
        self.addresses(source, negate)
    }

    pub fn addresses(&mut self, unicast: bool, negate: bool) -> String {
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

    pub fn v4(&mut self, unicast: bool, negate: bool) -> String {
        match self.random.below(8) {
            0 => "10.0.0.0/8".into(),
            1 => format!("192.0.2.{}", self.random.below(256)),
            7 if self.random.chance(20) => "198.51.100.0/24".into(),
            2 if self.random.chance(50) => (*self.random.pick(&V4_RANGES)).to_owned(),
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

    pub fn v6(&mut self, unicast: bool, negate: bool) -> String {
        match self.random.below(8) {
            0 => "2001:db8::/32".into(),
            1 => format!("2001:db8::{:x}", self.random.below(65_536)),
            7 if self.random.chance(20) => "fd00::/8".into(),
            2 if self.random.chance(50) => (*self.random.pick(&V6_RANGES)).to_owned(),
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
    pub fn list(&mut self, mut words: Vec<String>) -> String {
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

    pub fn plain_list(&mut self, words: Vec<String>) -> String {
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
    pub fn string(&mut self, most: usize) -> String {
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
}

/// A list with braces around it, as it must come after `not`.
pub fn braced(list: &str) -> String {
    if list.starts_with(['{', '$']) || !list.contains(',') { list.to_owned() } else { format!("{{ {list} }}") }
}
