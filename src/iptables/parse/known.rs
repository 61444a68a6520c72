//! The matches and targets of iptables 1.8.9: their options, what follows each, and what must or must not stand together.
//! Input: a name. Output: an entry of the tables below this module, by which `rule` and `untyped` read the options.

mod connections;
mod content;
mod counting;
mod delivery;
mod hashlimit;
mod headers;
mod headers6;
mod marks;
mod rateest;
mod security;
mod sets;
mod socket;
mod time;
mod typed;

use super::rule::Extension;
use super::untyped::Said;
use super::{Fault, Word};
use crate::net::Family;

/// Reads a word after an option as `iptables-save` would print it.
pub type Reads = fn(&Word, Family) -> Result<String, Fault>;

/// Changes the options of a match or target to what `iptables-save` prints for all of them, or refuses them.
pub type Finish = fn(Vec<Said>, &Extension, Family) -> Result<Vec<Said>, Fault>;

/// What follows an option.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// Nothing.
    Nothing,
    /// One word.
    One(Reads),
    /// Two words.
    Two(Reads, Reads),
    /// One word, or none.
    Perhaps(Reads),
    /// So many words, which a match or target with a type of its own reads.
    Typed(usize),
}

impl Value {
    /// How many words must follow.
    pub fn words(self) -> usize {
        match self {
            Value::Nothing | Value::Perhaps(_) => 0,
            Value::One(_) => 1,
            Value::Two(..) => 2,
            Value::Typed(count) => count,
        }
    }
}

/// An option of a match or a target.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// The name after the dashes.
    pub name: &'static str,
    /// The name that `iptables-save` prints.
    pub saved: &'static str,
    /// What follows.
    pub value: Value,
    /// Whether a `!` may stand before it.
    pub negatable: bool,
}

impl Spelling {
    /// The option may be negated.
    const fn negatable(self) -> Spelling {
        Spelling { negatable: true, ..self }
    }

    /// The option is saved under another name.
    const fn saved_as(self, saved: &'static str) -> Spelling {
        Spelling { saved, ..self }
    }
}

const fn spelling(name: &'static str, value: Value) -> Spelling {
    Spelling { name, saved: name, value, negatable: false }
}

/// An option without a value.
const fn flag(name: &'static str) -> Spelling {
    spelling(name, Value::Nothing)
}

/// An option with one value.
const fn option(name: &'static str, reads: Reads) -> Spelling {
    spelling(name, Value::One(reads))
}

/// A match or a target whose options are known.
#[derive(Debug)]
pub struct Known {
    /// The name after `-m` or `-j`.
    pub name: &'static str,
    /// The family, where it exists in one only.
    pub family: Option<Family>,
    /// Its options, in the order of `iptables-save`.
    pub options: &'static [Spelling],
    /// Of each of these groups one option must be there.
    pub needs: &'static [&'static [&'static str]],
    /// Of each of these groups one option may be there.
    pub excludes: &'static [&'static [&'static str]],
    /// The first option only together with the second.
    pub together: &'static [(&'static str, &'static str)],
    /// What is left to do for all options together.
    pub finish: Finish,
}

impl Known {
    const fn only(self, family: Family) -> Known {
        Known { family: Some(family), ..self }
    }

    const fn needs(self, needs: &'static [&'static [&'static str]]) -> Known {
        Known { needs, ..self }
    }

    const fn excludes(self, excludes: &'static [&'static [&'static str]]) -> Known {
        Known { excludes, ..self }
    }

    const fn together(self, together: &'static [(&'static str, &'static str)]) -> Known {
        Known { together, ..self }
    }

    const fn finish(self, finish: Finish) -> Known {
        Known { finish, ..self }
    }
}

const fn known(name: &'static str, options: &'static [Spelling]) -> Known {
    Known { name, family: None, options, needs: &[], excludes: &[], together: &[], finish: |all, _, _| Ok(all) }
}

/// Every match, by subject.
const MATCHES: [&[Known]; 9] = [
    typed::MATCHES,
    headers::MATCHES,
    headers6::MATCHES,
    connections::MATCHES,
    counting::MATCHES,
    content::MATCHES,
    socket::MATCHES,
    sets::MATCHES,
    time::MATCHES,
];

/// Every target, by subject.
const TARGETS: [&[Known]; 5] = [typed::TARGETS, marks::TARGETS, delivery::TARGETS, security::TARGETS, sets::TARGETS];

/// The match of that name, with the aliases of `icmp6`.
pub fn known_match(name: &str) -> Option<&'static Known> {
    let name = if matches!(name, "icmpv6" | "ipv6-icmp") { "icmp6" } else { name };
    MATCHES.into_iter().flatten().find(|known| known.name == name)
}

/// The target of that name.
pub fn known_target(name: &str) -> Option<&'static Known> {
    TARGETS.into_iter().flatten().find(|known| known.name == name)
}

/// Whether the name is a target of the kernel or of iptables, so that no chain can have it.
pub fn is_target_name(name: &str) -> bool {
    known_target(name).is_some()
}

/// Every name that iptables 1.8.9 has a match for.
pub fn match_names() -> impl Iterator<Item = &'static str> {
    MATCHES.into_iter().flatten().map(|known| known.name)
}

/// Every name that iptables 1.8.9 has a target for.
pub fn target_names() -> impl Iterator<Item = &'static str> {
    TARGETS.into_iter().flatten().map(|known| known.name)
}

#[cfg(test)]
mod tests {
    use super::super::super::ruleset::{Origin, Rule, Ruleset, TableName};
    use super::super::{Line, line};
    use super::*;
    use crate::iptables::print;

    /// The rule as it is printed, or the fault.
    fn printed(text: &str) -> Result<String, String> {
        let Line::Rules(mut rules) = line(&format!("-A INPUT {text}"), Family::V4, false)
            .map_err(|faults| faults.into_iter().map(|fault| fault.message).next().unwrap_or_default())?
        else {
            return Err("no rule".into());
        };
        let rule = rules.remove(0);
        let mut ruleset = Ruleset::new(Family::V4);
        let table = ruleset.table_or_new(TableName::Filter);
        let chain = table.chain_or_new("INPUT");
        let origin = Origin { sentence: 0, line: 1 };
        let rule = Rule { chain, header: rule.header, matches: rule.matches.into(), target: rule.target, origin };
        Ok(print::rule_line(table, &rule, Family::V4).replace("-A INPUT ", ""))
    }

    // Those that the kernel of the tests lacks, or that need something besides the rules; the others are in `tests/rules`.
    #[test]
    fn extensions_are_saved_as_by_iptables() {
        for (text, saved) in [
            ("-m ipvs ! --ipvs", "-m ipvs ! --ipvs"),
            (
                "-m ipvs --vdir reply --vaddr 192.0.2.0/24 --ipvs ! --vmethod masq --vport http",
                "-m ipvs --vaddr 192.0.2.0/24 --vport 80 --vdir REPLY ! --vmethod MASQ",
            ),
            ("-m set ! --set good src,dst", "-m set ! --match-set good src,dst"),
            (
                "-m set --update-counters --bytes-lt 0x10 ! --update-subcounters --match-set a dstx --return-nomatch",
                "-m set --match-set a dst --return-nomatch ! --update-subcounters --bytes-lt 16",
            ),
            ("-m nfacct --nfacct-name web", "-m nfacct --nfacct-name web"),
            ("-m cgroup ! --path a/b", "-m cgroup ! --path \"a/b\""),
            ("-m bpf --object-pinned /sys/fs/bpf/x", "-m bpf --object-pinned /sys/fs/bpf/x"),
            (
                "-j SET --del-set a src --exist --add-set b dst --timeout 5",
                "-j SET --add-set b dst --exist --timeout 5 --del-set a src",
            ),
            ("-j SET --map-set a src --map-mark", "-j SET --map-set a src --map-mark"),
            ("-j LED --led-trigger-id a\\b --led-delay INFinite", "-j LED --led-trigger-id \"a\\\\b\" --led-delay inf"),
            (
                "-j LED --led-delay 0 --led-always-blink --led-trigger-id x",
                "-j LED --led-trigger-id \"x\" --led-always-blink",
            ),
            (
                "-j CLUSTERIP --new --hashmode sourceip --clustermac 1:0:5e:0:0:a --total-nodes 2 --local-node 1",
                "-j CLUSTERIP --new --hashmode sourceip --clustermac 01:00:5E:00:00:0A --total-nodes 2 --local-node 1 --hash-init 0",
            ),
            ("-j SECMARK --selctx system_u:object_r:x_t:s0", "-j SECMARK --selctx system_u:object_r:x_t:s0"),
            ("-j CT --timeout long --helper ftp", "-j CT --helper ftp --timeout long"),
        ] {
            assert_eq!(printed(text).as_deref(), Ok(saved), "{text}");
            assert_eq!(printed(saved).as_deref(), Ok(saved), "{saved}");
        }
    }

    #[test]
    fn what_iptables_refuses_is_refused_with_a_reason() {
        for (text, message) in [
            ("-m ipvs ! --ipvs --vport 80", "no virtual server has these properties"),
            ("-m set --match-set a", "`--match-set` needs a value"),
            ("-m set --match-set a -j DROP", "`--match-set` needs two words"),
            ("-m set --match-set a up", "`up` is no list of sides"),
            ("-m set --return-nomatch", "`-m set` needs `--match-set`"),
            ("-j SET --exist", "`-j SET` needs `--add-set` or `--del-set` or `--map-set`"),
            ("-j SET --del-set a src --exist", "`--exist` stands alone"),
            ("-j SET --map-set a src", "nothing is mapped"),
            ("-j CLUSTERIP --new", "`--new` stands alone"),
            ("-j CLUSTERIP --new --clustermac 0:0:5e:0:0:a", "`0:0:5e:0:0:a` is no multicast hardware address"),
            ("-j LED --led-trigger-id x --led-delay soon", "`soon` is no delay"),
            ("-m cgroup --path a --cgroup 1", "`--cgroup` cannot stand beside the options before it"),
            ("-m quota ! --quota 5k", "`5k` is not a number from 0 to 18446744073709551615"),
            ("-m recent --name x", "`-m recent` needs `--set` or `--rcheck` or `--update` or `--remove`"),
        ] {
            assert_eq!(printed(text), Err(message.to_owned()), "{text}");
        }
    }
}
