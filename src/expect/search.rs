//! The search: the corners of every rule that the traffic touches, then random packets.
//! Input: loaded rules and an expectation. Output: how many packets were decided, and the first that breaks it.

use super::corners::Corners;
use super::fate::{Fate, Question, decision};
use super::fields::Candidates;
use super::random::Random;
use crate::iptables::meaning::{Condition, Context, Field, Test};
use crate::iptables::packet::Packet;
use crate::iptables::ruleset::Rule;
use crate::net::{Addresses, Family, Interface, bits_of};
use crate::policy::{Traffic, Values};
use crate::simulate::{Decision, Loaded};
use crate::traffic::set::among;

/// How many random packets are decided for an expectation in each family.
const RANDOM: usize = 10_000;

/// How many are made for that at most: of what comes up, traffic may hold little.
const MAX_MADE: usize = 5 * RANDOM;

/// How many rules are compared with packets in each of the two parts of a search, roughly. Rulesets of some thousand
/// rules are searched by fewer packets, but not by less than `FEWEST`.
const MAX_WORK: usize = 150_000_000;
const FEWEST: usize = 5_000;

/// How many packets may stay undecided before the search ends: each of them costs `MAX_WALKS` walks.
pub const MAX_UNDECIDED: usize = 16;

/// A search under way.
pub struct Search<'a> {
    loaded: &'a Loaded<'a>,
    question: &'a Question<'a>,
    /// How many packets were decided.
    pub tried: usize,
    /// How many were not, since their ways part too often.
    pub undecided: usize,
    /// The first packet that breaks the expectation, and its decision.
    pub broken: Option<(Packet, Decision)>,
}

impl Search<'_> {
    /// Tries a packet; whether the search is over.
    fn attempt(&mut self, packet: Packet) -> bool {
        match decision(self.loaded, self.question, &packet) {
            Fate::Outside => {}
            Fate::AsExpected => self.tried += 1,
            Fate::Undecided => self.undecided += 1,
            Fate::Other(decision) => {
                self.tried += 1;
                self.broken = Some((packet, decision));
            }
        }
        self.broken.is_some() || self.undecided >= MAX_UNDECIDED
    }
}

/// Tries packets until one breaks the expectation, or too many are not decided.
pub fn search<'a>(loaded: &'a Loaded, question: &'a Question<'a>, declared: &[Interface]) -> Search<'a> {
    let family = loaded.ruleset.family;
    let expectation = question.expectation;
    let traffic = &expectation.packets.traffic;
    let mut own = Corners::of_packets(&expectation.packets, family);
    own.interfaces.extend(declared.iter().filter(|name| name.pattern().is_none()));
    let usual = Corners::usual(family);
    let mut all = own.clone();
    let mut search = Search { loaded, question, tried: 0, undecided: 0, broken: None };
    let rules: usize = loaded.ruleset.tables.iter().map(|table| table.rules.len()).sum();
    let enough = (MAX_WORK / rules.max(1)).max(FEWEST);
    let translates = loaded.translates;
    for table in &loaded.ruleset.tables {
        for rule in &table.rules {
            all.rule(rule, family);
            if search.tried >= enough || !touches(rule, traffic, family, translates) {
                continue;
            }
            let mut corners = Corners::default();
            corners.rule(rule, family);
            corners.add(&own);
            corners.add(&usual);
            let chain = table.chains.get(rule.chain.0 as usize).map_or("", |chain| &chain.name);
            if Candidates::new(&corners, &expectation.packets, family, chain)
                .corners(&mut |packet| search.attempt(packet))
            {
                return search;
            }
        }
    }
    // What no rule names meets the chain policies.
    all.add(&usual);
    let fields = Candidates::new(&all, &expectation.packets, family, "");
    if fields.corners(&mut |packet| search.attempt(packet)) {
        return search;
    }
    let mut random = Random::new(u64::from(expectation.sentence));
    let enough = search.tried + RANDOM.min(enough);
    for _ in 0..MAX_MADE {
        let Some(packet) = fields.random(&mut random, traffic) else { break };
        if search.attempt(packet) || search.tried >= enough {
            break;
        }
    }
    search
}

/// Whether a packet of the traffic may fit the header of a rule; `translates`: its destination may be another one by then.
fn touches(rule: &Rule, traffic: &Traffic, family: Family, translates: bool) -> bool {
    let mut touches = true;
    rule.header.each(&Context::of(family), &mut |_, condition| {
        let Condition::Is(field, test) = condition else { return };
        touches &= match field {
            Field::Source => meets(&traffic.source, &test, family),
            Field::Destination => translates || meets(&traffic.destination, &test, family),
            Field::Protocol => {
                among(&traffic.protocols, |word| word.number(family).is_none_or(|number| test.holds(number.0.into())))
            }
            _ => true,
        };
    });
    touches
}

/// Whether some address is among the values, and in a range.
fn meets(values: &Values<Addresses>, test: &Test, family: Family) -> bool {
    let Some((first, last)) = test.range(family.bits().into()).filter(|_| !values.negated && !values.is_any()) else {
        return true;
    };
    values.items.iter().filter(|addresses| addresses.family() == family).any(|addresses| {
        let (start, end) = addresses.ends();
        bits_of(start) <= last && first <= bits_of(end)
    })
}
