//! All rules of one sentence in one family.
//! Input: a block and its shape. Output: a `Group`: rules in order, and chains of their own.

use std::borrow::Cow;
use std::sync::Arc;

use smallvec::SmallVec;

use super::chain_name::invented_name;
use super::dimension::{Dimension, Key, dimensions};
use super::fill::{Filling, add_comment, is_above, is_hashlimit, is_tcp, name_hashlimits, rate_match};
use super::legs::{Leg, PeerSide, Side, legs};
use super::shape::{ChainName, OWN_CHAIN, Pattern, TrafficPart, endpoint};
use crate::iptables::parse::Slot;
use crate::iptables::print;
use crate::iptables::ruleset::{Chain, ChainId, Header, Log, Match, Nflog, Origins, PolicyDirection, Rule, Target};
use crate::net::{Both, Family, PortRange};
use crate::policy::{Argument, Block, Items, Traffic};
use crate::snippet::signature::Signature;

/// More rules than one sentence may yield; far above what a kernel loads in reasonable time.
pub const MAX_RULES: usize = 1_000_000;

/// The rules of one sentence; their chains are positions in `chains`.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// The chains that they are in; those of the table that have the same name, if there are any.
    pub chains: Vec<Chain>,
}

/// Why a sentence yields no rules.
#[derive(Debug)]
pub enum GroupFault {
    /// It has more combinations than any ruleset has rules.
    TooMany,
    /// A rule of the template has something itself that the traffic of the sentence has as well.
    Twice {
        /// The line of the template, from 1.
        line: u32,
        /// The option.
        option: &'static str,
    },
}

/// A pattern, and what a way of the sentence's traffic puts into it.
struct Line<'a> {
    pattern: &'a Pattern,
    leg: Option<&'a Leg>,
    /// The slots of the traffic's values: the slot, whether it is negated there, and the position of the list.
    uses: Vec<(Slot, bool, usize)>,
    /// The positions of lists that the rule takes without a slot: protocols and ICMP types.
    bare: Vec<usize>,
}

impl Line<'_> {
    /// All values with their slots, those of the pattern's own parameters first.
    fn uses(&self) -> impl Iterator<Item = &(Slot, bool, usize)> {
        self.pattern.uses.iter().chain(&self.uses)
    }

    /// The option that both the pattern and the traffic would fill: one of them would be lost.
    fn twice(&self, dimensions: &[Dimension]) -> Option<&'static str> {
        let header = &self.pattern.header;
        let protocol = self.bare.iter().any(|index| dimensions[*index].key == Key::Protocols);
        let own = |slot: Slot| self.pattern.uses.iter().any(|(used, ..)| *used == slot);
        let said = |slot: Slot| self.uses.iter().any(|(used, ..)| *used == slot);
        let slots = [
            (Slot::Source, header.source.is_some(), "-s"),
            (Slot::Destination, header.destination.is_some(), "-d"),
            (Slot::InInterface, header.in_interface.is_some(), "-i"),
            (Slot::OutInterface, header.out_interface.is_some(), "-o"),
        ];
        let twice = slots.into_iter().find(|(slot, fixed, _)| said(*slot) && (*fixed || own(*slot)));
        twice.map(|(.., option)| option).or((protocol && header.protocol.is_some()).then_some("-p"))
    }

    /// How many turns of a list the rule takes part in; 0 where it does not use it.
    fn turns(&self, index: usize, dimension: &Dimension) -> usize {
        let slots = self.uses().filter(|(_, _, used)| *used == index).map(|(_, negated, _)| *negated);
        let bare = self.bare.iter().filter(|used| **used == index).map(|_| false);
        slots.chain(bare).map(|negated| dimension.of(negated).len()).max().unwrap_or(0)
    }
}

/// Fills every combination of a sentence's values into its shape.
pub fn group(
    block: &Block,
    signature: &Signature,
    patterns: &[Pattern],
    family: Family,
    comment: Option<&str>,
) -> Result<Group, GroupFault> {
    let new_ports = new_ports(block, signature);
    let dimensions = dimensions(block, family, patterns, &new_ports);
    let traffic = block.traffic.as_deref();
    let legs = traffic.map(|traffic| legs(traffic, &signature.traffic)).unwrap_or_default();
    let mut lines: SmallVec<[Line; 8]> = SmallVec::new();
    for pattern in patterns {
        match pattern.traffic {
            Some(part) if part.ends => lines.extend(legs.iter().map(|leg| line(pattern, part, leg, &dimensions))),
            // What packets carry is the same whichever way they go.
            Some(part) => lines.extend(legs.first().map(|leg| line(pattern, part, leg, &dimensions))),
            None => lines.push(Line { pattern, leg: None, uses: Vec::new(), bare: Vec::new() }),
        }
    }
    if let Some((line, option)) = lines.iter().find_map(|line| Some((line.pattern.line, line.twice(&dimensions)?))) {
        return Err(GroupFault::Twice { line, option });
    }
    // A list without a value of this family leaves no combination, except where no rule needs it.
    let turns = |(index, dimension): (usize, &Dimension)| match dimension.is_list() {
        true => lines.iter().map(|line| line.turns(index, dimension)).max().unwrap_or(0).max(1),
        false => 1,
    };
    let sizes: SmallVec<[usize; 16]> = dimensions.iter().enumerate().map(turns).collect();
    let combinations = sizes.iter().try_fold(lines.len().max(1), |all, size| all.checked_mul(*size));
    let combinations = combinations.filter(|all| *all <= MAX_RULES).ok_or(GroupFault::TooMany)?;
    let rules = Vec::with_capacity(combinations.min(16));
    let mut builder = Builder {
        family,
        comment,
        block,
        group: Group { rules, ..Group::default() },
        own: Vec::new(),
        caller: String::new(),
    };
    let mut at: SmallVec<[usize; 16]> = SmallVec::from_elem(0, dimensions.len());
    loop {
        for line in &lines {
            builder.rule(line, &dimensions, &at, traffic);
        }
        // The last list varies fastest.
        let Some(turn) = (0..at.len()).rev().find(|index| at[*index] + 1 < sizes[*index]) else { break };
        at[turn] += 1;
        at[turn + 1..].fill(0);
    }
    Ok(builder.finish().0)
}

/// The ports that packets are translated to, where the sentence says so.
fn new_ports(block: &Block, signature: &Signature) -> Items<PortRange> {
    let endpoints = block.arguments.iter().filter_map(|(index, argument)| match argument {
        Argument::Text(Both { v4: text, .. }) if signature.new_ports() == Some(usize::from(*index)) => endpoint(text).1,
        _ => None,
    });
    let range = |text: &str| {
        // After the slash is the port to count from.
        let (start, end) = text.split('/').next()?.split_once('-').unwrap_or((text, text));
        Some(PortRange { start: start.parse().ok()?, end: end.parse().ok()? })
    };
    endpoints.filter_map(range).collect()
}

/// A pattern for one way of the traffic.
fn line<'a>(pattern: &'a Pattern, part: TrafficPart, leg: &'a Leg, dimensions: &[Dimension]) -> Line<'a> {
    let find = |key: Key| dimensions.iter().position(|dimension| dimension.key == key);
    let mut uses = Vec::with_capacity(4);
    let mut place = |slot: Slot, key: Key| uses.extend(find(key).map(|index| (slot, false, index)));
    let peer = if leg.peer == PeerSide::Source { Slot::Source } else { Slot::Destination };
    if part.ends {
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
    }
    // Behind the protocol, whose match may have to be made for them.
    place(Slot::SourcePorts, Key::SourcePorts);
    let ports = if part.translated && find(Key::NewPorts).is_some() { Key::NewPorts } else { Key::DestinationPorts };
    place(Slot::DestinationPorts, ports);
    let bare = [Key::Protocols, Key::IcmpTypes].into_iter().filter_map(find).collect();
    Line { pattern, leg: Some(leg), uses, bare }
}

/// The rules that are made so far.
struct Builder<'a> {
    family: Family,
    comment: Option<&'a str>,
    block: &'a Block,
    group: Group,
    /// The rules of the sentence's own chain, with the lines of the template that they come from.
    own: Vec<(u32, Rule)>,
    /// What the rule that jumps to that chain asks of a packet, where a rate in it needs a name.
    caller: String,
}

impl Builder<'_> {
    fn rule(&mut self, line: &Line, dimensions: &[Dimension], at: &[usize], traffic: Option<&Traffic>) {
        // A rule that does not use a list is made for its first value only.
        let turns = |index: usize| line.turns(index, &dimensions[index]);
        if at.iter().enumerate().any(|(index, turn)| *turn > 0 && *turn >= turns(index)) {
            return;
        }
        let pattern = line.pattern;
        let mut filling = Filling {
            family: self.family,
            header: pattern.header.clone(),
            matches: Cow::Borrowed(&pattern.matches),
            exceptions: Vec::new(),
            limit: None,
        };
        for index in &line.bare {
            let Some(choice) = dimensions[*index].at(false, at[*index]) else { return };
            filling.put(Slot::Matches, choice);
        }
        let mut ports = false;
        for (slot, negated, index) in line.uses() {
            let Some(choice) = dimensions[*index].at(*negated, at[*index]) else { return };
            ports |= matches!(slot, Slot::SourcePorts | Slot::DestinationPorts);
            filling.put(*slot, choice);
        }
        if ports {
            filling.drop_empty_ports();
        }
        if let (Some(leg), Some(traffic), Some(part)) = (line.leg, traffic, pattern.traffic) {
            further_matches(&mut filling, leg, part, traffic);
        }
        if self.block.families.has(self.family) {
            self.emit(line, filling);
        }
    }

    /// The rule itself, its log twin, and the chain that its exceptions need.
    fn emit(&mut self, line: &Line, filling: Filling) {
        let pattern = line.pattern;
        let chain = match (&pattern.chain, line.leg.and_then(|leg| leg.chain.as_ref())) {
            (ChainName::Named(name), _) | (ChainName::Traffic, Some(name)) => Some(self.chain(name)),
            (ChainName::Own, _) => None,
            (ChainName::Traffic, None) => return,
        };
        let Filling { header, matches, exceptions, limit, .. } = filling;
        if exceptions.is_empty() {
            self.verdict(chain, pattern, header, matches, limit);
            return;
        }
        let caller = match &limit {
            Some(limit) if is_hashlimit(limit) => {
                let (header, matches) = (header.clone(), matches.clone().into_owned().into());
                let rule = Rule { chain: ChainId(0), header, matches, target: Target::None, origins: Origins::None };
                let name = chain.map_or(OWN_CHAIN, |chain| &self.group.chains[chain.0 as usize].name);
                print::line_in(name, &self.group.chains, &rule, self.family)
            }
            _ => String::new(),
        };
        // A chain of its own: the exceptions return, what is left meets the verdict.
        let inner = self.inner(pattern, &header, &matches, |inner, header, kept| {
            inner.caller = caller;
            for (header, matches) in exceptions {
                inner.push(None, header, matches.into(), Target::Return, pattern.line);
            }
            inner.verdict(None, pattern, header, kept, limit);
        });
        self.call(chain, pattern, header, matches, inner);
    }

    /// The rules of a chain of the sentence's own, which `fill` makes from what they must ask again.
    fn inner(
        &self,
        pattern: &Pattern,
        header: &Header,
        matches: &[Match],
        fill: impl FnOnce(&mut Builder, Header, Cow<[Match]>),
    ) -> (Group, ChainId) {
        let mut inner = Builder {
            family: self.family,
            comment: None,
            block: self.block,
            group: Group::default(),
            own: Vec::new(),
            caller: String::new(),
        };
        let protocol = header.protocol.filter(|_| needs_protocol(&pattern.target));
        // The kernel wants the match of the SYN flag beside TCPMSS.
        let clamps = matches!(pattern.target, Target::TcpMss(_));
        let kept: Vec<Match> = matches.iter().filter(|one| clamps && is_tcp(one)).cloned().collect();
        fill(&mut inner, Header { protocol, ..Header::default() }, kept.into());
        let (group, own) = inner.finish();
        (group, own.expect("a chain of its own has rules"))
    }

    /// A rule that calls a chain of the sentence's own, and the rules of that and of those that it calls.
    fn call(
        &mut self,
        chain: Option<ChainId>,
        pattern: &Pattern,
        header: Header,
        matches: Cow<[Match]>,
        (inner, own): (Group, ChainId),
    ) {
        // Chains are named by their content, which is complete now: those that are here already have the same rules.
        let known: Vec<bool> =
            inner.chains.iter().map(|new| self.group.chains.iter().any(|chain| chain.name == new.name)).collect();
        let ids: Vec<ChainId> = inner.chains.iter().map(|chain| self.chain(&chain.name)).collect();
        let matches = self.shared(matches, pattern);
        self.push(chain, header, matches, Target::Jump(ids[own.0 as usize]), pattern.line);
        for mut rule in inner.rules.into_iter().filter(|rule| !known[rule.chain.0 as usize]) {
            rule.chain = ids[rule.chain.0 as usize];
            if let Target::Jump(called) | Target::Goto(called) = &mut rule.target {
                *called = ids[called.0 as usize];
            }
            self.group.rules.push(rule);
        }
    }

    /// A rule that decides, with its log twin before it.
    fn verdict(
        &mut self,
        chain: Option<ChainId>,
        pattern: &Pattern,
        header: Header,
        mut matches: Cow<[Match]>,
        limit: Option<Match>,
    ) {
        if let Some(above) = limit.clone().filter(|limit| is_above(limit) && self.block.log.is_some()) {
            // A twin would count against the same bucket: what is above it is logged and decided in a chain of its own.
            matches.to_mut().push(above);
            let inner = self.inner(pattern, &header, &matches, |inner, header, kept| {
                inner.verdict(None, pattern, header, kept, None);
            });
            return self.call(chain, pattern, header, matches, inner);
        }
        let target = pattern.target.clone();
        let decides = !matches!(target, Target::Unresolved { .. } | Target::Return | Target::None)
            && pattern.traffic.is_none_or(|part| part.counted);
        let is_log = matches!(target, Target::Log(_) | Target::Nflog(_));
        if let Some(log) = self.block.log.as_deref().filter(|_| decides && !is_log) {
            let twin = match log.group {
                Some(group) => {
                    Target::Nflog(Box::new(Nflog { prefix: log.prefix.as_str().into(), group, ..Nflog::default() }))
                }
                None => Target::Log(Box::new(Log { prefix: log.prefix.as_str().into(), ..Log::default() })),
            };
            let twin_matches = matches.iter().cloned().chain(log.limit.map(rate_match)).collect();
            self.push(chain, header.clone(), twin_matches, twin, pattern.line);
        }
        if let Some(limit) = limit {
            matches.to_mut().push(limit);
        }
        let matches = self.shared(matches, pattern);
        self.push(chain, header, matches, target, pattern.line);
    }

    /// The matches of a rule: those of its pattern are shared, not copied.
    fn shared(&self, matches: Cow<[Match]>, pattern: &Pattern) -> Arc<[Match]> {
        match matches {
            Cow::Borrowed(_) => pattern.matches.clone(),
            Cow::Owned(matches) => matches.into(),
        }
    }

    /// Adds a rule to a chain; `None` is the sentence's own.
    fn push(&mut self, chain: Option<ChainId>, header: Header, matches: Arc<[Match]>, target: Target, line: u32) {
        let origins = Origins::of(self.block.sentence, line);
        let mut rule = Rule { chain: chain.unwrap_or(ChainId(0)), header, matches, target, origins };
        if let Some(comment) = self.comment {
            add_comment(&mut rule, comment);
        }
        let name = chain.map_or(OWN_CHAIN, |chain| &self.group.chains[chain.0 as usize].name);
        name_hashlimits(&mut rule, name, &self.caller, &self.group.chains, self.family);
        match chain {
            Some(_) => self.group.rules.push(rule),
            None => self.own.push((line, rule)),
        }
    }

    fn chain(&mut self, name: &Arc<str>) -> ChainId {
        let same = |chain: &Chain| Arc::ptr_eq(&chain.name, name) || chain.name == *name;
        let index = self.group.chains.iter().position(same).unwrap_or_else(|| {
            self.group.chains.push(Chain { name: name.clone(), policy: None });
            self.group.chains.len() - 1
        });
        ChainId(index as u32)
    }

    /// Names the sentence's own chain, if it has one, and puts its rules after those that jump to it.
    fn finish(mut self) -> (Group, Option<ChainId>) {
        if self.own.is_empty() {
            return (self.group, None);
        }
        let mut own = std::mem::take(&mut self.own);
        // By the lines of the template: exceptions of every value before the verdict.
        own.sort_by_key(|(line, _)| *line);
        let mut content = String::new();
        for (_, rule) in &own {
            content.push_str(&print::line_in(OWN_CHAIN, &self.group.chains, rule, self.family));
            content.push('\n');
        }
        let chain = self.chain(&invented_name(&content).into());
        for rule in &mut self.group.rules {
            if let Target::Unresolved { chain: name, goto } = &rule.target
                && &**name == OWN_CHAIN
            {
                rule.target = if *goto { Target::Goto(chain) } else { Target::Jump(chain) };
            }
        }
        self.group.rules.extend(own.into_iter().map(|(_, rule)| Rule { chain, ..rule }));
        (self.group, Some(chain))
    }
}

/// The clauses of traffic that are matches of their own.
fn further_matches(filling: &mut Filling, leg: &Leg, part: TrafficPart, traffic: &Traffic) {
    if let Some(flags) = traffic.flags
        && let Some(tcp) = filling.tcp()
    {
        tcp.flags = Some(flags);
    }
    if let Some(ttl) = traffic.ttl {
        filling.ttl(ttl);
    }
    for direction in leg.policies.iter().copied().filter(|_| part.ends) {
        let ipsec = match direction {
            PolicyDirection::In => traffic.ipsec.came,
            PolicyDirection::Out => traffic.ipsec.goes,
        };
        if let Some(ipsec) = ipsec {
            filling.policy(direction, ipsec);
        }
    }
    if let Some(mark) = traffic.mark {
        filling.mark(mark);
    }
    if let Some(mark) = traffic.connection_mark {
        filling.connection_mark(mark);
    }
    let states = traffic.states.filter(|_| part.counted);
    match traffic.original {
        Some(original) => filling.original(original, states),
        None => states.into_iter().for_each(|states| filling.states(states)),
    }
    for (set, sides) in [(&traffic.source_set, "src"), (&traffic.destination_set, "dst")] {
        set.iter().filter(|_| part.ends).for_each(|set| filling.set(set, sides));
    }
    if let Some(limit) = traffic.limit.filter(|_| part.counted) {
        filling.limit = Some(rate_match(limit));
    }
}

/// Whether the kernel wants the protocol in the same rule as the target.
fn needs_protocol(target: &Target) -> bool {
    use crate::iptables::ruleset::RejectWith;
    match target {
        Target::Reject(RejectWith::TcpReset) | Target::TcpMss(_) => true,
        Target::Ct(ct) => ct.helper.is_some(),
        Target::Snat(nat) | Target::Dnat(nat) => nat.options.ports.is_some(),
        Target::Masquerade(options) | Target::Redirect(options) => options.ports.is_some(),
        _ => false,
    }
}
