//! One combination of values into one pattern.
//! Input: a pattern's fixed parts and the values for its holes. Output: a rule, and what its own chain must let return.

use std::borrow::Cow;

use super::chain_name::invented_name;
use crate::iptables::ruleset::{
    Address, AddressSet, Chain, HashLimit, Header, HopLimit, IcmpType, IpRange, IpsecPolicy, MaskedMark, Match,
    Multiport, Negatable, Original, PolicyDirection, PortSide, Ports, Rate, Rule, States, Tcp,
};
use crate::iptables::{parse::Slot, print, rate};
use crate::language::values::{IcmpWord, ProtocolWord};
use crate::net::{Addresses, Family, Interface, PortRange, Protocol};
use crate::policy::{OriginalDestination, RateClause};

/// A rule that is being filled.
#[derive(Clone, Debug)]
pub struct Filling<'a> {
    /// The family.
    pub family: Family,
    /// Addresses, interfaces, protocol.
    pub header: Header,
    /// The matches, in canonical order; borrowed while they are those of the pattern.
    pub matches: Cow<'a, [Match]>,
    /// Packets that the rule must not see: each is a rule of a chain of its own that returns.
    pub exceptions: Vec<(Header, Vec<Match>)>,
    /// The rate of the verdict, which comes after all other matches.
    pub limit: Option<Match>,
}

/// A choice for one hole: one value, or several together.
#[derive(Clone, Copy, Debug)]
pub enum Choice<'a> {
    /// Everything: prints nothing.
    Any,
    /// Addresses: one, or all that are excluded.
    Addresses(bool, &'a [Addresses]),
    /// Interfaces: one, or all that are excluded.
    Interfaces(bool, &'a [Interface]),
    /// Ports: as many as one match holds, or all that are excluded.
    Ports(bool, &'a [PortRange]),
    /// Protocols: one, or all that are excluded.
    Protocols(bool, &'a [ProtocolWord]),
    /// ICMP types: one, or all that are excluded.
    IcmpTypes(bool, &'a [IcmpWord]),
    /// A rate.
    Rate(RateClause),
}

/// A header with one part.
fn part(set: impl FnOnce(&mut Header)) -> Header {
    let mut header = Header::default();
    set(&mut header);
    header
}

/// The header that asks for a network, or the match that asks for a range.
fn address(slot: Slot, negated: bool, addresses: Addresses) -> (Header, Option<IpRange>) {
    let mut header = Header::default();
    let range = match addresses {
        Addresses::Prefix(prefix) => {
            // What matches everything prints nothing.
            let value = (negated || !prefix.is_any()).then(|| Negatable { negated, value: Address::from(prefix) });
            *address_of(&mut header, slot) = value;
            None
        }
        Addresses::Range(first, last) => {
            let range = Some(Negatable { negated, value: (first, last) });
            Some(match slot {
                Slot::Source => IpRange { source: range, destination: None },
                _ => IpRange { source: None, destination: range },
            })
        }
    };
    (header, range)
}

fn address_of(header: &mut Header, slot: Slot) -> &mut Option<Negatable<Address>> {
    match slot {
        Slot::Source => &mut header.source,
        _ => &mut header.destination,
    }
}

fn set_interface(header: &mut Header, slot: Slot, negated: bool, name: &Interface) {
    let value = Some(Negatable { negated, value: *name });
    match slot {
        Slot::InInterface => header.in_interface = value,
        _ => header.out_interface = value,
    }
}

impl Filling<'_> {
    /// Puts a choice into a slot.
    pub fn put(&mut self, slot: Slot, choice: Choice) {
        match choice {
            Choice::Any => {}
            Choice::Addresses(negated, all) => {
                let of_family = || all.iter().filter(|addresses| addresses.family() == self.family);
                if let (Some(only), None) = (of_family().next(), of_family().nth(1)) {
                    return self.put_address(slot, negated, *only);
                }
                let parts = of_family().map(|addresses| {
                    let (header, range) = address(slot, false, *addresses);
                    (header, range.map(|range| Match::IpRange(Box::new(range))).into_iter().collect())
                });
                let parts: Vec<_> = parts.collect();
                self.exceptions.extend(parts);
            }
            Choice::Interfaces(negated, [name]) => set_interface(&mut self.header, slot, negated, name),
            Choice::Interfaces(_, names) => {
                let parts =
                    names.iter().map(|name| (part(|header| set_interface(header, slot, false, name)), Vec::new()));
                self.exceptions.extend(parts);
            }
            Choice::Ports(negated, ports) => {
                let side = if slot == Slot::SourcePorts { PortSide::Source } else { PortSide::Destination };
                self.put_ports(side, negated, ports);
            }
            Choice::Protocols(negated, words) => self.put_protocols(negated, words),
            Choice::IcmpTypes(negated, words) => self.put_icmp(negated, words),
            Choice::Rate(clause) => self.limit = Some(rate_match(clause)),
        }
    }

    /// Both ranges of a rule are one match.
    fn put_address(&mut self, slot: Slot, negated: bool, addresses: Addresses) {
        let (mut header, range) = address(slot, negated, addresses);
        let Some(range) = range else {
            *address_of(&mut self.header, slot) = address_of(&mut header, slot).take();
            return;
        };
        let there = self.matches.iter().position(|one| matches!(one, Match::IpRange(_)));
        let free = |one: &IpRange| match slot {
            Slot::Source => one.source.is_none(),
            _ => one.destination.is_none(),
        };
        if let Some(at) = there
            && let Match::IpRange(one) = &mut self.matches.to_mut()[at]
            && free(one)
        {
            one.source = one.source.or(range.source);
            one.destination = one.destination.or(range.destination);
            return;
        }
        self.add(Match::IpRange(Box::new(range)));
    }

    fn put_ports(&mut self, side: PortSide, negated: bool, ports: &[PortRange]) {
        if let [range] = ports {
            let value = Some(Negatable { negated, value: *range });
            let both = self.ports();
            let filled = match side {
                PortSide::Source => Ports { source: value, ..*both },
                _ => Ports { destination: value, ..*both },
            };
            if filled.is_one_number() {
                // iptables-nft would let pass what has one of them.
                self.add(Match::Multiport(Negatable {
                    negated,
                    value: Box::new(Multiport { side, ports: vec![*range] }),
                }));
                return;
            }
            *both = filled;
            return;
        }
        for ports in chunks(ports) {
            let value = Box::new(Multiport { side, ports: ports.to_vec() });
            self.add(Match::Multiport(Negatable { negated, value }));
        }
    }

    /// The ports of the protocol's own match, which is added where it is missing.
    fn ports(&mut self) -> &mut Ports {
        let here = self.matches.iter().position(|m| matches!(m, Match::Tcp(_) | Match::Udp(_) | Match::Sctp(_)));
        let index = here.unwrap_or_else(|| {
            let none = Ports { source: None, destination: None };
            let own = match self.header.protocol.map(|protocol| protocol.value) {
                Some(Protocol::TCP) => Match::Tcp(Box::new(Tcp { ports: none, flags: None, option: None })),
                Some(Protocol::SCTP) => Match::Sctp(none),
                _ => Match::Udp(none),
            };
            self.matches.to_mut().insert(0, own);
            0
        });
        match &mut self.matches.to_mut()[index] {
            Match::Tcp(tcp) => &mut tcp.ports,
            Match::Udp(ports) | Match::Sctp(ports) => ports,
            _ => unreachable!("the position is that of a match with ports"),
        }
    }

    /// The match of TCP, which is added where it is missing.
    pub fn tcp(&mut self) -> Option<&mut Tcp> {
        self.ports();
        self.matches.to_mut().iter_mut().find_map(|m| match m {
            Match::Tcp(tcp) => Some(&mut **tcp),
            _ => None,
        })
    }

    fn put_protocols(&mut self, negated: bool, words: &[ProtocolWord]) {
        let family = self.family;
        if let [word] = words {
            match word.number(family) {
                Some(protocol) => self.header.protocol = Some(Negatable { negated, value: protocol }),
                None => self.add(Match::Ah),
            }
            return;
        }
        for word in words.iter().filter(|word| word.families().has(family)) {
            self.exceptions.push(match word.number(family) {
                Some(protocol) => (part(|header| header.protocol = Some(Negatable::is(protocol))), Vec::new()),
                None => (Header::default(), vec![Match::Ah]),
            });
        }
    }

    fn put_icmp(&mut self, negated: bool, words: &[IcmpWord]) {
        let family = self.family;
        let make = |negated, value: IcmpType| match family {
            Family::V4 => Match::Icmp(Negatable { negated, value }),
            Family::V6 => Match::Icmp6(Negatable { negated, value }),
        };
        // Of excluded types only those that the family has.
        let types: Vec<IcmpType> = words.iter().filter_map(|word| word.types[family]).collect();
        if let [kind] = types[..] {
            self.add(make(negated, kind));
            return;
        }
        let protocol = part(|header| header.protocol = Some(Negatable::is(Protocol::icmp(family))));
        self.exceptions.extend(types.into_iter().map(|kind| (protocol.clone(), vec![make(false, kind)])));
    }

    /// Adds a match at its place in the canonical order.
    pub fn add(&mut self, new: Match) {
        let rank = rank(&new);
        let at = self.matches.iter().position(|m| self::rank(m) > rank).unwrap_or(self.matches.len());
        self.matches.to_mut().insert(at, new);
    }

    /// Adds a comparison with TTL or hop limit.
    pub fn ttl(&mut self, ttl: Negatable<u8>) {
        self.add(match self.family {
            Family::V4 => Match::Ttl(HopLimit::Equal(ttl)),
            Family::V6 => Match::Hl(HopLimit::Equal(ttl)),
        });
    }

    /// Removes the match of a protocol whose ports turned out to be any: it would match everything.
    pub fn drop_empty_ports(&mut self) {
        let none = |ports: &Ports| ports.source.is_none() && ports.destination.is_none();
        self.matches.to_mut().retain(|m| match m {
            Match::Tcp(tcp) => !none(&tcp.ports) || tcp.flags.is_some() || tcp.option.is_some(),
            Match::Udp(ports) | Match::Sctp(ports) => !none(ports),
            _ => true,
        });
    }
}

impl Filling<'_> {
    /// Adds that the packet came out of an IPsec policy or will go into one, or that it did not.
    pub fn policy(&mut self, direction: PolicyDirection, ipsec: bool) {
        self.add(Match::Policy(IpsecPolicy { direction, ipsec }));
    }

    /// Adds the mark of the packet.
    pub fn mark(&mut self, mark: Negatable<MaskedMark>) {
        self.add(Match::Mark(mark));
    }

    /// Adds the mark of its connection.
    pub fn connection_mark(&mut self, mark: Negatable<MaskedMark>) {
        self.add(Match::ConnMark(mark));
    }

    /// Adds what its connection was begun to, with its state: one match.
    pub fn original(&mut self, original: OriginalDestination, states: Option<Negatable<States>>) {
        let OriginalDestination { address, port } = original;
        self.add(Match::Original(Box::new(Original { states, destination: Some(address), port })));
    }

    /// Adds a set that one of its addresses is in.
    pub fn set(&mut self, set: &Negatable<Box<str>>, sides: &str) {
        let value = AddressSet { name: set.value.clone(), sides: sides.into() };
        self.add(Match::Set(Box::new(Negatable { negated: set.negated, value })));
    }

    /// Adds the state of its connection.
    pub fn states(&mut self, states: Negatable<States>) {
        self.add(Match::ConnState(states));
    }
}

/// Whether a match is that of TCP.
pub fn is_tcp(one: &Match) -> bool {
    matches!(one, Match::Tcp(_))
}

/// Whether a match counts packets against a rate in a table that has a name.
pub fn is_hashlimit(one: &Match) -> bool {
    matches!(one, Match::HashLimit(_))
}

/// Whether a match is met by what comes faster than a rate.
pub fn is_above(one: &Match) -> bool {
    matches!(one, Match::HashLimit(limit) if limit.above)
}

/// Whether a match counts packets against a rate.
pub fn is_rate(one: &Match) -> bool {
    matches!(one, Match::Limit(_) | Match::HashLimit(_))
}

/// Adds a remark to a rule, unless it has one.
pub fn add_comment(rule: &mut Rule, comment: &str) {
    if !rule.matches.iter().any(|one| matches!(one, Match::Comment(_))) {
        rule.matches = rule.matches.iter().cloned().chain([Match::Comment(comment.into())]).collect();
    }
}

/// Gives each hashlimit of a rule its name, made from the rule's content, and from that of the rule that calls its chain:
/// equal names are one bucket.
pub fn name_hashlimits(rule: &mut Rule, chain: &str, caller: &str, chains: &[Chain], family: Family) {
    if !rule.matches.iter().any(|m| matches!(m, Match::HashLimit(limit) if limit.name.is_empty())) {
        return;
    }
    let set = |rule: &mut Rule, set: &dyn Fn(&mut HashLimit)| {
        let mut matches = rule.matches.to_vec();
        for m in &mut matches {
            if let Match::HashLimit(limit) = m {
                set(limit);
            }
        }
        rule.matches = matches.into();
    };
    if family == Family::V6 {
        set(rule, &|limit| limit.source_mask = (limit.mode != 0).then_some(64));
    }
    let name = invented_name(&format!("{} {}{caller}", family.keyword(), print::line_in(chain, chains, rule, family)));
    set(rule, &|limit| limit.name = name.as_str().into());
}

/// The canonical order of matches: the protocol's own, multiport, TTL, policy, mark, connection mark, state, others, rate,
/// comment.
fn rank(m: &Match) -> u8 {
    match m {
        Match::Tcp(_) | Match::Udp(_) | Match::Sctp(_) | Match::Icmp(_) | Match::Icmp6(_) | Match::Ah => 0,
        Match::Multiport(_) => 1,
        Match::Ttl(_) | Match::Hl(_) => 2,
        Match::Policy(_) => 3,
        Match::Mark(_) => 4,
        Match::ConnMark(_) => 5,
        Match::ConnState(_) | Match::Original(_) => 6,
        Match::Limit(_) | Match::HashLimit(_) => 8,
        Match::Comment(_) => 9,
        _ => 7,
    }
}

/// As many ports at a time as one `multiport` holds.
pub fn chunks(ports: &[PortRange]) -> impl Iterator<Item = &[PortRange]> {
    let mut rest = ports;
    std::iter::from_fn(move || {
        let mut slots = 0;
        let fits = |range: &&PortRange| {
            slots += Multiport::slots(**range);
            slots <= Multiport::SLOTS
        };
        let count = rest.iter().take_while(fits).count();
        let (chunk, tail) = rest.split_at(count);
        rest = tail;
        (count > 0).then_some(chunk)
    })
}

/// The match of a rate.
pub fn rate_match(clause: RateClause) -> Match {
    let burst = clause.burst.unwrap_or(Rate::DEFAULT_BURST);
    let written = (clause.count, clause.unit);
    if !clause.per_source && !clause.above {
        let (count, unit) = rate::as_saved_limit(clause.count, clause.unit).unwrap_or(written);
        return Match::Limit(Rate { count, unit, burst });
    }
    let (count, unit) = rate::as_saved_hashlimit(clause.count, clause.unit).unwrap_or(written);
    Match::HashLimit(Box::new(HashLimit {
        above: clause.above,
        rate: Rate { count, unit, burst },
        mode: u8::from(clause.per_source),
        // Named when the rule is complete.
        name: "".into(),
        source_mask: None,
        destination_mask: None,
        tuning: rate::expiry(count, unit, burst).map(|expiry| (HashLimit::EXPIRY.into(), expiry)).into_iter().collect(),
    }))
}
