//! Random `rules` blocks of rules that the model knows, written as `iptables-save` does.
//! Input: a seed, through the writer. Output: the block.

use super::{NAMES, Plan, Writer};

impl Writer<'_> {
    /// A `rules` block of rules that the model knows, written as `iptables-save` does.
    pub fn rules(&mut self) -> String {
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

    pub fn rule(&mut self, chain: &str, family: &str, table: &str, own: Option<&str>) -> String {
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
                // Where interfaces are declared, only those.
                let declared: Vec<&str> = self.interfaces.iter().map(|(name, _)| name.as_str()).collect();
                let names = if declared.is_empty() { &NAMES[..] } else { &declared };
                rule.push_str(&format!(" {not}{option} {}", self.random.pick(names)));
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
        if self.random.chance(15) {
            let matched = *self.random.pick(&[
                " -m length --length 40:1500",
                " -m pkttype ! --pkt-type broadcast",
                " -m dscp ! --dscp 0x2e",
                // Not of the destination: what is local in the lab is so by a table that this match does not ask.
                " -m addrtype ! --src-type MULTICAST",
                " -m statistic --mode nth --every 3 --packet 1",
                " -m statistic --mode random --probability 0.25000000000",
            ]);
            rule.push_str(matched);
        }
        if inbound && !outbound && self.random.chance(10) {
            rule.push_str(" -m mac ! --mac-source 00:53:00:00:00:0a");
        }
        if chain == "OUTPUT" && self.random.chance(10) {
            rule.push_str(" -m owner --uid-owner 1000-1999");
        }
        if self.random.chance(20) {
            rule.push_str(" -m comment --comment \"it is \\\"so\\\" é } {\"");
        }
        let target = match table {
            "raw" => *self.random.pick(&["-j CT --notrack", "-j NOTRACK", "-j CT --zone 3", "-j DROP", "-j ACCEPT"]),
            "mangle" => *self.random.pick(&[
                "-j MARK --set-xmark 0x7/0xff",
                "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff --left-shift-mark 3",
                "-j DSCP --set-dscp 0x08",
                "-j ACCEPT",
                "",
            ]),
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
