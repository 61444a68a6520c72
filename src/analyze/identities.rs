//! Which rules of two rulesets are the same, so that what they leave open is the same as well.
//! Input: two rulesets of a family. Output: for each a name of each rule, and of each part of it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::iptables::meaning::Context;
use crate::iptables::print::rule_line;
use crate::iptables::ruleset::{Match, Part, Rate, Rule, Ruleset};
use crate::simulate::Place;

/// The names of rules and of their parts; a rule without one is named by its place.
#[derive(Debug, Default)]
pub struct Identities {
    places: HashMap<Place, Place>,
    parts: HashMap<(Place, usize), String>,
    /// The limits, by the rules that they stand in and the time that such a rule comes up.
    limits: HashMap<(String, usize), (String, Rate)>,
}

impl Identities {
    /// Those of two rulesets: what stands in both has the same name in both. Of rules that are alike, and of matches that
    /// are alike in rules of one chain, the first is the same as the first of the other ruleset, and so on.
    pub fn of_both(old: &Ruleset, new: &Ruleset) -> [Identities; 2] {
        let mut known: HashMap<(String, usize), Place> = HashMap::new();
        let context = Context::of(old.family);
        [old, new].map(|ruleset| {
            let mut identities = Identities::default();
            let mut times: HashMap<String, usize> = HashMap::new();
            let mut time = |text: &str| {
                let time = times.entry(text.to_owned()).or_default();
                *time += 1;
                *time
            };
            for table in &ruleset.tables {
                let before = old.table(table.name).map_or(0, |table| table.rules.len() as u32);
                for (rule, number) in table.rules.iter().zip(0..) {
                    let place = Place { table: table.name, rule: number };
                    let own =
                        Place { rule: if std::ptr::eq(ruleset, old) { number } else { before + number }, ..place };
                    // Only what a rule writes, or what its target leaves open, asks for its name.
                    let name = match rule.target.then() {
                        Some(_) => own,
                        None => {
                            let line = format!("{} {}", table.name.name(), rule_line(table, rule, ruleset.family));
                            let time = time(&line);
                            *known.entry((line, time)).or_insert(own)
                        }
                    };
                    identities.places.insert(place, name);
                    for (index, one) in rule.matches.iter().enumerate() {
                        if !one.condition(&context).is_of_rule() {
                            continue;
                        }
                        let mut text = format!("{} {} {one:?}", table.name.name(), table.chain_name(rule.chain));
                        let _ = write!(text, " {}", time(&text));
                        if let Some(rate) = one.rate() {
                            let others = rule.matches.iter().enumerate().filter(|(other, _)| *other != index);
                            let others: Arc<[Match]> = others.map(|(_, other)| other.clone()).collect();
                            let rest = Rule { matches: others, ..rule.clone() };
                            let rest = format!("{} {}", table.name.name(), rule_line(table, &rest, ruleset.family));
                            let time = time(&format!("without its limit {rest}"));
                            identities.limits.insert((rest, time), (text.clone(), rate));
                        }
                        identities.parts.insert((place, index), text);
                    }
                }
            }
            identities
        })
    }

    /// Limits of one rule that is in both but for its rate: what is within the first is within the second.
    pub fn implied(old: &Identities, new: &Identities) -> Vec<[String; 2]> {
        let mut implied = Vec::new();
        for (rule, (name, rate)) in &old.limits {
            let Some((other, other_rate)) = new.limits.get(rule).filter(|(other, _)| other != name) else { continue };
            if other_rate.is_above(rate) {
                implied.push([name.clone(), other.clone()]);
            }
            if rate.is_above(other_rate) {
                implied.push([other.clone(), name.clone()]);
            }
        }
        implied.sort_unstable();
        implied
    }

    /// The name of a rule.
    pub fn place(&self, place: Place) -> Place {
        self.places.get(&place).copied().unwrap_or(place)
    }

    /// The name of a part of a rule.
    pub fn part(&self, place: Place, part: Part) -> String {
        match part {
            Part::Match(index) if self.parts.contains_key(&(place, index)) => self.parts[&(place, index)].clone(),
            part => format!("{} {} {part:?}", place.table.name(), self.place(place).rule),
        }
    }
}
