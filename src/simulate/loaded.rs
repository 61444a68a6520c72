//! A ruleset as the kernel holds it: the rules of each chain in a row, what they ask compiled from its conditions.
//! Input: a `Ruleset`. Output: what the walk reads.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use super::verdict::{Place, Verdict};
use crate::iptables::meaning::{
    Condition, Context, Doubt, FRAGMENT_FIRST, FRAGMENT_NO, Field, Test, Then, Unknown, conditions, tracks, translates,
};
use crate::iptables::ruleset::{ByChain, ChainId, ChainPolicy, Hook, Part, Rule, Ruleset, Table, TableName, Target};
use crate::net::{Family, PortRange, Protocol};
use crate::way::{Step, Ways, ways};

/// The rules of a family, ready to be walked by any number of packets.
#[derive(Debug)]
pub struct Loaded<'a> {
    /// The rules as they were given.
    pub ruleset: &'a Ruleset,
    pub(super) tables: [Option<LoadedTable<'a>>; TableName::ALL.len()],
    pub(super) ways: Ways,
    pub(super) context: Context,
    /// What may be asked more than once of one packet, and is not told by it: a branch remembers what it decided.
    again: OnceLock<HashSet<(Doubt, Unknown)>>,
    /// Whether anything has the kernel track connections; it then also puts fragments together.
    pub tracks: bool,
    /// Whether the nat table translates anything: later packets of connections are then translated as the first one was.
    pub translates: bool,
}

/// One table.
#[derive(Debug)]
pub(super) struct LoadedTable<'a> {
    table: &'a Table,
    context: Context,
    by_chain: ByChain<'a>,
    /// The rules of each chain, compiled when the first packet comes to it: by `ChainId`.
    chains: Vec<OnceLock<Box<[Entry]>>>,
    /// The chain at each hook with its policy, by `Hook`.
    pub bases: [Option<(ChainId, Verdict)>; Hook::ALL.len()],
}

/// One rule. All of what follows must hold; what most rules differ in is kept apart, ready to compare.
#[derive(Debug)]
pub(super) struct Entry {
    pub source: Bits,
    pub destination: Bits,
    pub in_interface: Bits,
    pub out_interface: Bits,
    /// The protocol, and whether it must be another.
    pub protocol: Option<(u8, bool)>,
    /// Destination ports: looked at first, since most rules of a long chain differ in nothing else.
    pub destination_ports: PortRange,
    /// What it makes of later fragments.
    pub later: LaterFragments,
    /// Everything else.
    pub rest: Box<[Condition]>,
    /// Where it leads, if that is all that it does.
    pub then: Option<Then>,
    /// The position in `Table::rules`.
    pub index: u32,
}

/// What a rule makes of later fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LaterFragments {
    /// They are as others.
    AsOthers,
    /// They match with iptables-nft alone.
    WithNft,
    /// They never match.
    Never,
}

/// A value under a mask; the mask 0 matches everything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bits {
    pub value: u128,
    pub mask: u128,
    pub negated: bool,
}

impl Bits {
    /// Whether one value fits.
    #[inline]
    pub fn fits(&self, value: u128) -> bool {
        ((value ^ self.value) & self.mask == 0) != self.negated
    }

    /// The test, where something is not known.
    pub fn test(&self) -> Test {
        Test::Masked { value: self.value, mask: self.mask }
    }
}

impl<'a> Loaded<'a> {
    /// Puts the rules of a family in order.
    pub fn new(ruleset: &'a Ruleset) -> Loaded<'a> {
        let context = Context::of(ruleset.family);
        let tables = TableName::ALL.map(|name| ruleset.table(name).map(|table| LoadedTable::new(table, context)));
        let (tracks, translates) = (tracks(ruleset), translates(ruleset));
        let mut ways = ways(ruleset);
        for steps in [&mut ways.arriving, &mut ways.local, &mut ways.forwarded, &mut ways.sent] {
            // Of a table that is not there nothing comes, but for the filter, which decides.
            steps.retain(|step| match step {
                Step::Table(TableName::Filter, _) => true,
                Step::Table(name, _) => tables[*name as usize].is_some(),
                Step::Only(_, inner) => !matches!(**inner, Step::Table(name, _) if tables[name as usize].is_none()),
                _ => true,
            });
        }
        Loaded { ruleset, tables, ways, context, again: OnceLock::new(), tracks, translates }
    }

    /// Whether a packet may be asked for it more than once.
    pub(super) fn is_asked_again(&self, doubt: Doubt, unknown: &Unknown) -> bool {
        self.again.get_or_init(|| again(self.ruleset, &self.context)).contains(&(doubt, unknown.clone()))
    }
}

/// The conditions of a rule as a branch knows them: what is the rule's own has its name.
pub(super) fn named_conditions(rule: &Rule, place: Place, context: &Context) -> Vec<(Part, Condition)> {
    let all = conditions(rule, context);
    all.into_iter().map(|(part, condition)| (part, named(condition, place, part))).collect()
}

/// A condition, with a name for what is a part's own.
fn named(condition: Condition, place: Place, part: Part) -> Condition {
    let mut own = false;
    condition.unknowns(&mut |_, unknown| own |= *unknown == Unknown::Rule);
    if own { condition.named(&format!("{} {} {part:?}", place.table.name(), place.rule)) } else { condition }
}

/// The name of what only the target of a rule knows.
pub(super) fn target_name(place: Place) -> String {
    format!("{} {} target", place.table.name(), place.rule)
}

/// The unknowns that one walk may meet more than once: in several rules, or in a chain that is called several times.
fn again(ruleset: &Ruleset, context: &Context) -> HashSet<(Doubt, Unknown)> {
    let mut met: HashMap<(Doubt, Unknown), bool> = HashMap::new();
    for table in &ruleset.tables {
        let often = called_often(table);
        for (rule, index) in table.rules.iter().zip(0..) {
            let place = Place { table: table.name, rule: index };
            let mut see = |doubt: Doubt, unknown: &Unknown| {
                let again = often.get(rule.chain.0 as usize).copied().unwrap_or(true);
                met.entry((doubt, unknown.clone())).and_modify(|again| *again = true).or_insert(again);
            };
            for (_, condition) in named_conditions(rule, place, context) {
                condition.unknowns(&mut see);
            }
            if let Target::Unknown(_) = &rule.target
                && rule.target.then().is_none()
            {
                let name = Unknown::Words(target_name(place).into());
                see(Doubt::GoesOn, &name);
                see(Doubt::LetsPass, &name);
            }
        }
    }
    met.into_iter().filter(|(_, again)| *again).map(|(unknown, _)| unknown).collect()
}

/// Of each chain whether one walk may come to it more than once.
fn called_often(table: &Table) -> Vec<bool> {
    let calls = |rule: &Rule| match rule.target {
        Target::Jump(to) | Target::Goto(to) => Some((rule.chain.0 as usize, to.0 as usize)),
        _ => None,
    };
    let calls: Vec<(usize, usize)> = table.rules.iter().filter_map(calls).collect();
    let mut count = vec![0_u32; table.chains.len()];
    calls.iter().for_each(|(_, to)| count[*to] += 1);
    let mut often: Vec<bool> = count.iter().map(|count| *count > 1).collect();
    loop {
        let more: Vec<usize> =
            calls.iter().filter(|(from, to)| often[*from] && !often[*to]).map(|(_, to)| *to).collect();
        if more.is_empty() {
            return often;
        }
        more.into_iter().for_each(|to| often[to] = true);
    }
}

impl<'a> LoadedTable<'a> {
    fn new(table: &'a Table, context: Context) -> LoadedTable<'a> {
        let bases = Hook::ALL.map(|hook| {
            let id = table.chain(hook.chain()).filter(|id| table.is_built_in(*id))?;
            let policy = table.chains[id.0 as usize].policy.unwrap_or(ChainPolicy::Accept);
            Some((id, policy.into()))
        });
        let chains = table.chains.iter().map(|_| OnceLock::new()).collect();
        LoadedTable { table, context, by_chain: table.by_chain(), chains, bases }
    }

    /// The rules of a chain; none, where the table does not have it.
    pub fn chain(&self, chain: ChainId) -> &[Entry] {
        let Some(entries) = self.chains.get(chain.0 as usize) else { return &[] };
        entries.get_or_init(|| {
            let place = |index: usize| Place { table: self.table.name, rule: index as u32 };
            let rules = self.by_chain.of(chain);
            rules.map(|(index, rule)| Entry::new(rule, place(index), &self.context)).collect()
        })
    }

    /// The rule at a position of `Table::rules`: the entries of its chain are in that order.
    pub fn entry(&self, rule: u32) -> Option<&Entry> {
        let entries = self.chain(self.table.rules.get(rule as usize)?.chain);
        entries.binary_search_by_key(&rule, |entry| entry.index).ok().map(|at| &entries[at])
    }
}

impl Entry {
    fn new(rule: &Rule, place: Place, context: &Context) -> Entry {
        let mut entry = Entry {
            source: Bits::default(),
            destination: Bits::default(),
            in_interface: Bits::default(),
            out_interface: Bits::default(),
            protocol: None,
            destination_ports: PortRange::ANY,
            later: LaterFragments::AsOthers,
            rest: Box::default(),
            then: rule.target.then(),
            index: place.rule,
        };
        let mut rest = Vec::new();
        let family = context.family;
        rule.header.each(context, &mut |_, condition| entry.ask(condition, family, &mut rest));
        let protocol = entry.protocol.and_then(|(protocol, negated)| (!negated).then_some(Protocol(protocol)));
        for (index, one) in rule.matches.iter().enumerate() {
            one.each(context, protocol, &mut |condition| {
                let condition = named(condition, place, Part::Match(index));
                entry.ask(condition, family, &mut rest);
            });
        }
        entry.rest = rest.into();
        entry
    }

    /// Adds a condition: to those that are apart, where one of them can hold it.
    fn ask(&mut self, condition: Condition, family: Family, rest: &mut Vec<Condition>) {
        let (asked, negated) = match &condition {
            Condition::Not(inner) => (&**inner, true),
            other => (other, false),
        };
        match *asked {
            Condition::Is(field, test) => {
                let (bits, whole) = match field {
                    Field::Source => (Some(&mut self.source), u32::from(family.bits())),
                    Field::Destination => (Some(&mut self.destination), u32::from(family.bits())),
                    Field::InInterface => (Some(&mut self.in_interface), 128),
                    Field::OutInterface => (Some(&mut self.out_interface), 128),
                    _ => (None, 0),
                };
                let all = u128::MAX.checked_shr(128 - whole.max(1)).unwrap_or(0);
                match (bits, test) {
                    (Some(bits), Test::Masked { value, mask }) if bits.mask == 0 => {
                        *bits = Bits { value, mask, negated };
                        return;
                    }
                    (Some(bits), Test::Within(first, last)) if bits.mask == 0 && first == last => {
                        *bits = Bits { value: first, mask: all, negated };
                        return;
                    }
                    _ => {}
                }
                match (field, test) {
                    (Field::Protocol, Test::Within(first, last)) if first == last && self.protocol.is_none() => {
                        self.protocol = Some((first as u8, negated));
                        return;
                    }
                    (Field::DestinationPort, Test::Within(first, last))
                        if !negated && self.destination_ports == PortRange::ANY =>
                    {
                        self.destination_ports = PortRange { start: first as u16, end: last as u16 };
                        return;
                    }
                    (Field::Fragment, Test::Within(FRAGMENT_NO, FRAGMENT_FIRST)) if !negated => {
                        self.later = LaterFragments::Never;
                        return;
                    }
                    (Field::PortsRead, _) => {
                        self.later = self.later.max(LaterFragments::WithNft);
                        return;
                    }
                    _ => {}
                }
            }
            _ if condition.is_always() => return,
            _ => {}
        }
        rest.push(condition);
    }
}
