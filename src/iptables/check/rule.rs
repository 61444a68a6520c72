//! What is wrong with one rule: its header, its matches and its target, each alone and in this chain and table.
//! Input: a rule as a line says it, or in its place. Output: problems.

use super::extension;
use crate::iptables::hooks::Hooks;
use crate::iptables::meaning::Context;
use crate::iptables::parse::RuleText;
use crate::iptables::problem::{Kind, Problem, RulePlace, problem, vain};
use crate::iptables::ruleset::Part;
use crate::iptables::ruleset::{Address, Match, TableName};
use crate::net::{Family, Protocol};

/// What is wrong with one rule, as far as the rule alone can tell: chains of one's own may be called from anywhere.
pub fn check(rule: &RuleText, table: TableName, family: Family) -> Vec<Problem> {
    let place = RulePlace {
        chain: &rule.chain,
        table,
        family,
        hooks: Hooks::of_chain(&rule.chain),
        header: &rule.header,
        matches: &rule.matches,
        target: &rule.target,
    };
    let mut problems = Vec::new();
    check_place(&place, &mut Recent::default(), &mut problems);
    problems
}

/// Matches of the last rules that some packets meet: the rules of one building block share theirs.
#[derive(Default)]
pub struct Recent<'a> {
    matches: [(&'a [Match], Option<Protocol>); 8],
    next: usize,
}

impl<'a> Recent<'a> {
    fn has(&self, place: &RulePlace<'a>) -> bool {
        let same = |(matches, protocol): &(&[Match], Option<Protocol>)| {
            std::ptr::eq(*matches, place.matches) && *protocol == place.protocol()
        };
        place.matches.is_empty() || self.matches.iter().any(same)
    }

    /// Adds the matches of a rule in the place of the oldest.
    fn add(&mut self, place: &RulePlace<'a>) {
        self.matches[self.next] = (place.matches, place.protocol());
        self.next = (self.next + 1) % self.matches.len();
    }
}

/// Reports what is wrong with a rule in its place.
pub fn check_place<'a>(place: &RulePlace<'a>, recent: &mut Recent<'a>, problems: &mut Vec<Problem>) {
    check_header(place, problems);
    let context = Context::of(place.family);
    let is_met = recent.has(place);
    let mut all_are_met = true;
    for (index, one) in place.matches.iter().enumerate() {
        let part = Part::Match(index);
        let before = problems.len();
        extension::check_match(one, part, place, problems);
        let mut never = false;
        if !is_met {
            one.each(&context, place.protocol(), &mut |condition| never |= condition.is_never());
            all_are_met &= !never;
        }
        if never && problems.len() == before {
            let help = "correct its values, or delete the rule";
            problems.push(vain(problem(part, Kind::Match, "no packet can be like this", "matches nothing", help)));
        }
    }
    if !is_met && all_are_met {
        recent.add(place);
    }
    extension::check_several(place, problems);
    extension::check_target(place, problems);
}

fn check_header(place: &RulePlace, problems: &mut Vec<Problem>) {
    let header = place.header;
    let mut never = Vec::new();
    // What nothing is excluded from has something in it.
    if header.excludes() {
        header.each(&Context::of(place.family), &mut |part, condition| {
            if condition.is_never() {
                never.push(part);
            }
        });
    }
    for (part, address) in [(Part::Source, &header.source), (Part::Destination, &header.destination)] {
        let Some(address) = address else { continue };
        let family = match &address.value {
            Address::Prefix(prefix) => prefix.family(),
            Address::Masked(masked) => Family::of(masked.0),
        };
        if family != place.family {
            let message = format!("an {} address cannot be in {} rules", family.name(), place.family.name());
            let help = format!("write an {} address", place.family.name());
            problems.push(problem(part, Kind::Address, message, "the other family", help));
        } else if never.contains(&part) {
            let help = "leave it out to match every address";
            problems.push(problem(part, Kind::Address, "every address is excluded", "matches nothing", help));
        }
    }
    let (inbound, outbound) = (Hooks::WITH_IN_INTERFACE, Hooks::WITH_OUT_INTERFACE);
    for (part, interface, allowed, option) in [
        (Part::InInterface, &header.in_interface, inbound, "-i"),
        (Part::OutInterface, &header.out_interface, outbound, "-o"),
    ] {
        if interface.is_none() {
            continue;
        }
        if never.contains(&part) {
            let help = "leave it out to match every interface";
            problems.push(problem(part, Kind::Interface, "every interface is excluded", "matches nothing", help));
        }
        let own = Hooks::of_chain(place.chain) == Hooks::NONE;
        // A chain of one's own may be called from several places: only where none of them fits does it match nothing.
        if place.hooks == Hooks::NONE || place.hooks.without(allowed) != place.hooks {
            continue;
        }
        let (instead, side) = if option == "-i" { ("-o", "came in through") } else { ("-i", "goes out through") };
        let message = format!("`{option}` cannot be in {}", place.hooks.names());
        let label = format!("the packet has no interface that it {side} here");
        let help = format!("write `{instead}`, or move the rule to {}", allowed.names());
        let kind = if own { Kind::Chain } else { Kind::Interface };
        problems.push(Problem { refused: !own, ..problem(part, kind, message, label, help) });
    }
    if header.fragment.is_some() && place.family == Family::V6 {
        let help = "write `-m frag` to match packets with a fragment header";
        problems.push(problem(Part::Fragment, Kind::Match, "IPv6 rules have no `-f`", "IPv4 only", help));
    }
    check_protocol(place, problems);
}

fn check_protocol(place: &RulePlace, problems: &mut Vec<Problem>) {
    let Some(protocol) = place.header.protocol else { return };
    let foreign = match (place.family, protocol.value) {
        (Family::V4, Protocol::ICMPV6) => Some("write `-p icmp`"),
        (Family::V6, Protocol::ICMP) => Some("write `-p ipv6-icmp`"),
        // ip6tables-legacy skips these headers on its way to the protocol; ip6tables-nft does not skip AH.
        (Family::V6, Protocol(43)) => Some("write `-m rt`"),
        (Family::V6, Protocol(44)) => Some("write `-m frag`"),
        (Family::V6, Protocol(60)) => Some("write `-m dst`"),
        (Family::V6, Protocol::AH) => Some("write `-m ah`"),
        _ => None,
    };
    let Some(help) = foreign else { return };
    let message = match protocol.value {
        Protocol::ICMP | Protocol::ICMPV6 => format!("{} packets never have this protocol", place.family.name()),
        _ => "`-p` does not see extension headers of IPv6".to_string(),
    };
    problems.push(vain(problem(Part::Protocol, Kind::Protocol, message, "matches nothing, or not what it says", help)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iptables::check::check_ruleset;
    use crate::iptables::parse::{self, Line};

    fn kinds(file: &str, family: Family) -> Vec<(Kind, bool)> {
        let (ruleset, faults) = parse::file(file, family);
        assert_eq!(faults, [], "{file}");
        check_ruleset(&ruleset).into_iter().map(|(_, _, problem)| (problem.kind, problem.refused)).collect()
    }

    #[test]
    fn one_line_is_checked_in_its_chain() {
        let Ok(Line::Rules(rules)) = parse::line("-A OUTPUT -i eth0 -m udp -j REJECT", Family::V4, false) else {
            panic!("a rule")
        };
        let problems = check(&rules[0], TableName::Mangle, Family::V4);
        let found: Vec<_> = problems.iter().map(|problem| (problem.part, problem.kind)).collect();
        assert_eq!(
            found,
            [(Part::InInterface, Kind::Interface), (Part::Match(0), Kind::Protocol), (Part::Target, Kind::Target)]
        );
    }

    #[test]
    fn own_chains_are_checked_where_they_are_called_from() {
        let called = "*nat\n:own - [0:0]\n-A PREROUTING -j own\n-A own -j MASQUERADE\nCOMMIT\n";
        assert_eq!(kinds(called, Family::V4), [(Kind::Chain, true)]);
        let fitting = "*nat\n:own - [0:0]\n-A POSTROUTING -j own\n-A own -j MASQUERADE\nCOMMIT\n";
        assert_eq!(kinds(fitting, Family::V4), []);
        let vain = "*filter\n:own - [0:0]\n-A OUTPUT -j own\n-A own -i eth0 -j DROP\nCOMMIT\n";
        assert_eq!(kinds(vain, Family::V4), [(Kind::Chain, false)]);
    }

    #[test]
    fn loops_and_missing_chains_are_found() {
        let looped = "*filter\n:a - [0:0]\n:b - [0:0]\n-A INPUT -j a\n-A a -j b\n-A b -g a\n-A b -j nowhere\nCOMMIT\n";
        assert_eq!(kinds(looped, Family::V6), [(Kind::Chain, true), (Kind::Chain, true)]);
    }

    #[test]
    fn deep_calls_are_refused_as_iptables_nft_refuses_them() {
        let deep = |count: usize| {
            let mut file = String::from("*filter\n-A INPUT -j c0\n");
            for index in 0..count {
                file.insert_str(8, &format!(":c{index} - [0:0]\n"));
                if index > 0 {
                    file.push_str(&format!("-A c{} -j c{index}\n", index - 1));
                }
            }
            file + "COMMIT\n"
        };
        assert_eq!(kinds(&deep(15), Family::V4), []);
        assert_eq!(kinds(&deep(16), Family::V4), [(Kind::Chain, true)]);
    }

    #[test]
    fn what_no_packet_can_be_matches_nothing() {
        for (rule, kind, refused) in [
            ("! -i +", Kind::Interface, true),
            ("! -s 0.0.0.0/0", Kind::Address, true),
            ("-m ttl --ttl-lt 0", Kind::Match, false),
            ("-m ttl --ttl-gt 255", Kind::Match, false),
            ("-p icmp -m icmp ! --icmp-type any", Kind::Match, false),
        ] {
            let file = format!("*filter\n-A INPUT {rule} -j DROP\nCOMMIT\n");
            assert_eq!(kinds(&file, Family::V4), [(kind, refused)], "{rule}");
        }
        assert_eq!(kinds("*filter\n-A INPUT -m ttl --ttl-lt 1 -j DROP\nCOMMIT\n", Family::V4), []);
    }

    #[test]
    fn what_is_cut_without_a_word_is_a_problem() {
        let comment = "x".repeat(256);
        let file = format!(
            "*filter\n-A INPUT -m comment --comment {comment} -j LOG --log-prefix {}\nCOMMIT\n",
            &comment[..30]
        );
        assert_eq!(kinds(&file, Family::V4), [(Kind::Text, false), (Kind::Text, false)]);
    }
}
