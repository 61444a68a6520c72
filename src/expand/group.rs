//! All rules of one sentence in one family.
//! Input: a block and its shape. Output: a `Group`: rules in order, and chains of their own.

use std::sync::Arc;

use super::MOST_RULES;
use super::fill::{Choice, Filling, chunks, rate_match};
use super::legs::{Leg, PeerSide, Side, legs};
use super::shape::{ChainName, OWN_CHAIN, Pattern, parameter};
use crate::iptables::parse::Slot;
use crate::iptables::print;
use crate::iptables::ruleset::{ChainId, Header, Log, Match, Nflog, Origin, Policy, PolicyDirection, Rule, Target};
use crate::net::{Family, PortRange, Prefix};
use crate::policy::{Argument, Block, Traffic, Values};
use crate::snippet::signature::Signature;

/// The rules of one sentence; their chains are positions in `chains`.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// The names of their chains.
    pub chains: Vec<Arc<str>>,
}

/// A sentence with more combinations than any ruleset has rules.
#[derive(Debug)]
pub struct TooMany;

/// A list of a sentence, and where its values go.
struct Dimension<'a> {
    key: Key,
    choices: Vec<Choice<'a>>,
}

/// Which list it is: of the block itself, or of its traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Parameter(u8),
    Source,
    Destination,
    Peer,
    On,
    InOn,
    OutOn,
    Protocols,
    IcmpTypes,
    SourcePorts,
    DestinationPorts,
}

/// A pattern with the slots of all its values, those of the traffic's leg included.
struct Line<'a> {
    pattern: &'a Pattern,
    leg: Option<&'a Leg>,
    /// The slot, whether the template negates it, and the position of the list.
    uses: Vec<(Slot, bool, usize)>,
    /// The positions of lists that the rule takes without a slot: protocols and ICMP types.
    bare: Vec<usize>,
}

/// Fills every combination of a sentence's values into its shape.
pub fn group(
    block: &Block,
    signature: &Signature,
    patterns: &[Pattern],
    family: Family,
    comment: Option<&str>,
) -> Result<Group, TooMany> {
    let dimensions = dimensions(block, family);
    let traffic = block.traffic.as_deref();
    let legs = traffic.map(|traffic| legs(traffic, &signature.traffic)).unwrap_or_default();
    let mut lines: Vec<Line> = Vec::with_capacity(patterns.len());
    for pattern in patterns {
        if pattern.traffic {
            lines.extend(legs.iter().map(|leg| line(pattern, Some(leg), &dimensions)));
        } else {
            lines.push(line(pattern, None, &dimensions));
        }
    }
    // A list without a value of this family leaves no combination, except where no rule needs it.
    let sizes: Vec<usize> = dimensions.iter().map(|dimension| dimension.choices.len().max(1)).collect();
    let combinations = sizes.iter().try_fold(lines.len().max(1), |all, size| all.checked_mul(*size));
    if combinations.is_none_or(|all| all > MOST_RULES) {
        return Err(TooMany);
    }
    let mut builder = Builder { family, comment, block, group: Group::default(), own: Vec::new() };
    let mut at = vec![0; dimensions.len()];
    loop {
        for line in &lines {
            builder.rule(line, &dimensions, &at, traffic);
        }
        // The last list varies fastest.
        let Some(turn) = (0..at.len()).rev().find(|index| at[*index] + 1 < sizes[*index]) else { break };
        at[turn] += 1;
        at[turn + 1..].fill(0);
    }
    Ok(builder.finish())
}

fn dimensions(block: &Block, family: Family) -> Vec<Dimension<'_>> {
    let mut dimensions = Vec::with_capacity(block.arguments.len());
    for (index, argument) in &block.arguments {
        let choices = match argument {
            Argument::Address(values) => each(values, |prefix| prefix.family() == family, Choice::Addresses),
            Argument::Interface(values) => each(values, |_| true, Choice::Interfaces),
            Argument::Ports(values) => ports(values),
            Argument::Rate(clause) => vec![Choice::Rate(*clause)],
            Argument::Text(_) => continue,
        };
        dimensions.push(Dimension { key: Key::Parameter(*index), choices });
    }
    if let Some(traffic) = &block.traffic {
        let of_family = |prefix: &Prefix| prefix.family() == family;
        let peer = traffic.peer.as_ref().map(|peer| each(peer, of_family, Choice::Addresses));
        let lists = [
            (Key::Source, each(&traffic.source, of_family, Choice::Addresses)),
            (Key::Peer, peer.unwrap_or_else(|| vec![Choice::Any])),
            (Key::Destination, each(&traffic.destination, of_family, Choice::Addresses)),
            (Key::On, each(&traffic.on, |_| true, Choice::Interfaces)),
            (Key::InOn, each(&traffic.in_on, |_| true, Choice::Interfaces)),
            (Key::OutOn, each(&traffic.out_on, |_| true, Choice::Interfaces)),
            (Key::Protocols, each(&traffic.protocols, |_| true, Choice::Protocols)),
            (Key::IcmpTypes, each(&traffic.icmp_types, |word| word.types[family.index()].is_some(), Choice::IcmpTypes)),
            (Key::SourcePorts, ports(&traffic.source_ports)),
            (Key::DestinationPorts, ports(&traffic.destination_ports)),
        ];
        let said = lists.into_iter().filter(|(_, choices)| !matches!(choices[..], [Choice::Any]));
        dimensions.extend(said.map(|(key, choices)| Dimension { key, choices }));
    }
    dimensions
}

/// One choice a value; all values together where they are excluded.
fn each<'a, T>(
    values: &'a Values<T>,
    fits: impl Fn(&T) -> bool,
    make: impl Fn(bool, &'a [T]) -> Choice<'a>,
) -> Vec<Choice<'a>> {
    if values.is_any() {
        return vec![Choice::Any];
    }
    if values.negated {
        return vec![make(true, &values.items)];
    }
    values.items.iter().filter(|item| fits(item)).map(|item| make(false, std::slice::from_ref(item))).collect()
}

fn ports(values: &Values<PortRange>) -> Vec<Choice<'_>> {
    if values.is_any() {
        return vec![Choice::Any];
    }
    if values.negated {
        return vec![Choice::Ports(true, &values.items)];
    }
    chunks(&values.items).map(|chunk| Choice::Ports(false, chunk)).collect()
}

fn line<'a>(pattern: &'a Pattern, leg: Option<&'a Leg>, dimensions: &[Dimension]) -> Line<'a> {
    let find = |key: Key| dimensions.iter().position(|dimension| dimension.key == key);
    let mut uses = Vec::with_capacity(pattern.holes.len() + 2);
    for hole in &pattern.holes {
        if let Some(index) = parameter(hole.parameter).and_then(|parameter| find(Key::Parameter(parameter))) {
            uses.push((hole.slot, hole.negated, index));
        }
    }
    let mut bare = Vec::new();
    if let Some(leg) = leg {
        let mut place = |slot: Slot, key: Key| uses.extend(find(key).map(|index| (slot, false, index)));
        let peer = if leg.peer == PeerSide::Source { Slot::Source } else { Slot::Destination };
        place(Slot::Source, Key::Source);
        place(Slot::Destination, Key::Destination);
        place(peer, Key::Peer);
        for (slot, side) in [(Slot::InInterface, leg.in_interface), (Slot::OutInterface, leg.out_interface)] {
            match side {
                Side::Any => {}
                Side::On => place(slot, Key::On),
                Side::InOn => place(slot, Key::InOn),
                Side::OutOn => place(slot, Key::OutOn),
            }
        }
        bare.extend([Key::Protocols, Key::IcmpTypes].into_iter().filter_map(find));
        // Behind the protocol, whose match may have to be made for them.
        let mut place = |slot: Slot, key: Key| uses.extend(find(key).map(|index| (slot, false, index)));
        place(Slot::SourcePorts, Key::SourcePorts);
        place(Slot::DestinationPorts, Key::DestinationPorts);
    }
    Line { pattern, leg, uses, bare }
}

/// The rules that are made so far.
struct Builder<'a> {
    family: Family,
    comment: Option<&'a str>,
    block: &'a Block,
    group: Group,
    /// The rules of the sentence's own chain, with the lines of the template that they come from.
    own: Vec<(u32, Rule)>,
}

impl Builder<'_> {
    fn rule(&mut self, line: &Line, dimensions: &[Dimension], at: &[usize], traffic: Option<&Traffic>) {
        // A rule that does not use a list is made for its first value only.
        let used = |index: usize| line.bare.contains(&index) || line.uses.iter().any(|(_, _, used)| *used == index);
        if at.iter().enumerate().any(|(index, choice)| *choice > 0 && !used(index)) {
            return;
        }
        let pattern = line.pattern;
        let mut filling = Filling {
            family: self.family,
            header: pattern.header.clone(),
            matches: pattern.matches.clone(),
            exceptions: Vec::new(),
            limit: None,
        };
        for index in &line.bare {
            let Some(choice) = dimensions[*index].choices.get(at[*index]) else { return };
            filling.put(Slot::Matches, false, *choice);
        }
        let mut ports = false;
        for (slot, negated, index) in &line.uses {
            let Some(choice) = dimensions[*index].choices.get(at[*index]) else { return };
            ports |= matches!(slot, Slot::SourcePorts | Slot::DestinationPorts);
            filling.put(*slot, *negated, *choice);
        }
        if ports {
            filling.drop_empty_ports();
        }
        if let (Some(leg), Some(traffic)) = (line.leg, traffic) {
            further_matches(&mut filling, leg, traffic);
        }
        if self.block.families.has(self.family) {
            self.emit(line, filling);
        }
    }

    /// The rule itself, its log twin, and the chain that its exceptions need.
    fn emit(&mut self, line: &Line, filling: Filling) {
        let chain = match (&line.pattern.chain, line.leg.and_then(|leg| leg.chain.as_ref())) {
            (ChainName::Named(name), _) | (ChainName::Traffic, Some(name)) => Some(name),
            (ChainName::Own, _) => None,
            (ChainName::Traffic, None) => return,
        };
        let target = line.pattern.target.clone();
        let number = line.pattern.line;
        if filling.exceptions.is_empty() {
            self.verdict(chain, filling.header, filling.matches, filling.limit, target, number);
            return;
        }
        // A chain of its own: the exceptions return, what is left meets the verdict.
        let mut inner =
            Builder { family: self.family, comment: None, block: self.block, group: Group::default(), own: Vec::new() };
        for (header, matches) in filling.exceptions {
            inner.push(None, header, matches, Target::Return, number);
        }
        let header =
            Header { protocol: filling.header.protocol.filter(|_| needs_protocol(&target)), ..Header::default() };
        // The kernel wants the match of the SYN flag beside TCPMSS.
        let keeps = |m: &&Match| matches!((*m, &target), (Match::Tcp(_), Target::TcpMss(_)));
        let kept = filling.matches.iter().filter(keeps).cloned().collect();
        inner.verdict(None, header, kept, filling.limit, target, number);
        let inner = inner.finish();
        // The chain is named by its content, which is complete now.
        let name = inner.chains[inner.rules[0].chain.0 as usize].clone();
        let shared = self.group.chains.contains(&name);
        self.push(chain, filling.header, filling.matches, Target::Jump(name), number);
        for rule in inner.rules.into_iter().filter(|_| !shared) {
            let chain = self.chain(&inner.chains[rule.chain.0 as usize]);
            self.group.rules.push(Rule { chain, ..rule });
        }
    }

    /// A rule that decides, with its log twin before it.
    fn verdict(
        &mut self,
        chain: Option<&Arc<str>>,
        header: Header,
        matches: Vec<Match>,
        limit: Option<Match>,
        target: Target,
        line: u32,
    ) {
        let decides = !matches!(target, Target::Jump(_) | Target::Goto(_) | Target::Return | Target::None);
        let is_log = matches!(target, Target::Log(_) | Target::Nflog(_));
        if let Some(log) = self.block.log.as_deref().filter(|_| decides && !is_log) {
            let twin = match log.group {
                Some(group) => {
                    Target::Nflog(Box::new(Nflog { prefix: log.prefix.as_str().into(), group, ..Nflog::default() }))
                }
                None => Target::Log(Box::new(Log { prefix: log.prefix.as_str().into(), ..Log::default() })),
            };
            let mut twin_matches = matches.clone();
            twin_matches.extend(log.limit.map(rate_match));
            self.push(chain, header.clone(), twin_matches, twin, line);
        }
        let mut matches = matches;
        matches.extend(limit);
        self.push(chain, header, matches, target, line);
    }

    /// Adds a rule to a chain; `None` is the sentence's own.
    fn push(&mut self, chain: Option<&Arc<str>>, header: Header, mut matches: Vec<Match>, target: Target, line: u32) {
        if let Some(comment) = self.comment.filter(|_| !matches.iter().any(|m| matches!(m, Match::Comment(_)))) {
            matches.push(Match::Comment(comment.into()));
        }
        let origin = Origin { sentence: self.block.sentence, line };
        let id = chain.map(|chain| self.chain(chain));
        let mut rule = Rule { chain: id.unwrap_or(ChainId(0)), header, matches, target, origin };
        name_hashlimits(&mut rule, chain.map_or(OWN_CHAIN, |chain| chain), self.family);
        match id {
            Some(_) => self.group.rules.push(rule),
            None => self.own.push((line, rule)),
        }
    }

    fn chain(&mut self, name: &Arc<str>) -> ChainId {
        let index = self.group.chains.iter().position(|chain| chain == name).unwrap_or_else(|| {
            self.group.chains.push(name.clone());
            self.group.chains.len() - 1
        });
        ChainId(index as u32)
    }

    /// Names the sentence's own chain and puts its rules behind those that jump to it.
    fn finish(mut self) -> Group {
        if self.own.is_empty() {
            return self.group;
        }
        let mut own = std::mem::take(&mut self.own);
        // By the lines of the template: exceptions of every value before the verdict.
        own.sort_by_key(|(line, _)| *line);
        let mut content = String::new();
        for (_, rule) in &own {
            content.push_str(&print::rule_line(OWN_CHAIN, rule, self.family));
            content.push('\n');
        }
        let name: Arc<str> = invented_name(&content).into();
        for rule in &mut self.group.rules {
            if matches!(&rule.target, Target::Jump(to) | Target::Goto(to) if &**to == OWN_CHAIN) {
                rule.target = Target::Jump(name.clone());
            }
        }
        let chain = self.chain(&name);
        self.group.rules.extend(own.into_iter().map(|(_, rule)| Rule { chain, ..rule }));
        self.group
    }
}

/// The clauses of traffic that are matches of their own.
fn further_matches(filling: &mut Filling, leg: &Leg, traffic: &Traffic) {
    if let Some(flags) = traffic.flags
        && let Some(tcp) = filling.tcp()
    {
        tcp.flags = Some(flags);
    }
    if let Some(ttl) = traffic.ttl {
        filling.ttl(ttl);
    }
    if let Some(ipsec) = traffic.ipsec {
        for direction in &leg.policies {
            filling.add(Match::Policy(Policy { direction: *direction, ipsec }));
        }
        if leg.policies.is_empty() {
            filling.add(Match::Policy(Policy { direction: PolicyDirection::In, ipsec }));
        }
    }
    if let Some(mark) = traffic.mark {
        filling.add(Match::Mark(mark));
    }
    if let Some(states) = traffic.states {
        filling.add(Match::ConnState(states));
    }
    if let Some(limit) = traffic.limit {
        filling.limit = Some(rate_match(limit));
    }
}

/// Whether the kernel wants the protocol in the same rule as the target.
fn needs_protocol(target: &Target) -> bool {
    use crate::iptables::ruleset::RejectWith;
    match target {
        Target::Reject(RejectWith::TcpReset) | Target::TcpMss(_) => true,
        Target::Snat(nat) | Target::Dnat(nat) => nat.options.ports.is_some(),
        Target::Masquerade(options) | Target::Redirect(options) => options.ports.is_some(),
        _ => false,
    }
}

/// Gives each hashlimit of a rule its name, made from the rule's content.
fn name_hashlimits(rule: &mut Rule, chain: &str, family: Family) {
    if !rule.matches.iter().any(|m| matches!(m, Match::HashLimit(limit) if limit.name.is_empty())) {
        return;
    }
    if family == Family::V6 {
        for m in &mut rule.matches {
            if let Match::HashLimit(limit) = m {
                limit.source_mask = Some(64);
            }
        }
    }
    let name = invented_name(&format!("{} {}", family.keyword(), print::rule_line(chain, rule, family)));
    for m in &mut rule.matches {
        if let Match::HashLimit(limit) = m {
            limit.name = name.as_str().into();
        }
    }
}

/// A name made from content: `cgwfw-` and the FNV-1a hash (32 bit) of the text, the same on every machine.
pub(super) fn invented_name(content: &str) -> String {
    let hash = content.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{INVENTED}{hash:08x}")
}

/// What every name begins with that is not a user's.
pub const INVENTED: &str = "cgwfw-";
