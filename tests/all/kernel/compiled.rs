//! Rules as the simulator compiles them, and the conditions that they are compiled from: they must say the same.
//! Input: random rule files, and packets aimed at their rules. Output: the rules that are not what they were compiled from.

use cgwfw::iptables::ruleset::{Ruleset, TableName};
use cgwfw::simulate::{Assumptions, Event, Flight, Loaded, Observer, Place, disagreement, walks};

use super::aim::Aim;
use super::differential::interfaces;
use super::rule_files::rule_files;
use crate::support::generate::Random;

/// How many rulesets, and how many packets of each.
const RULESETS: u64 = 60;
const PACKETS: usize = 250;

/// Asks both about every rule of a table that the packet comes to.
#[derive(Clone)]
struct Both<'a> {
    loaded: &'a Loaded<'a>,
    /// How many answers were compared, and those that differ.
    compared: usize,
    wrong: Vec<String>,
}

impl Both<'_> {
    fn table(&mut self, flight: &Flight, name: TableName) {
        let rules = self.loaded.ruleset.table(name).map_or(0, |table| table.rules.len());
        for rule in 0..rules as u32 {
            let place = Place { table: name, rule };
            self.compared += 1;
            if let Some(answers) = disagreement(self.loaded, place, flight) {
                let rule = place.look_up(self.loaded.ruleset).map(|(_, rule)| rule);
                self.wrong.push(format!("{answers:?} of {rule:?} and {flight:?}"));
            }
        }
    }
}

impl Observer for Both<'_> {
    fn see(&mut self, flight: &Flight, event: Event) {
        if let Event::Enters(table, _) = event {
            self.table(flight, table);
        }
    }
}

fn differences(ruleset: &Ruleset, aim: &Aim, random: &mut Random) -> (usize, Vec<String>) {
    let loaded = Loaded::new(ruleset);
    let (mut compared, mut wrong) = (0, Vec::new());
    for turn in 0..PACKETS {
        let packet = aim.packet(turn, random);
        let both = Both { loaded: &loaded, compared: 0, wrong: Vec::new() };
        walks(&loaded, &packet, Assumptions::default(), both, |_, _, seen| {
            compared += seen.compared;
            wrong.extend(seen.wrong);
        });
    }
    (compared, wrong)
}

#[test]
fn compiled_rules_are_what_their_conditions_say() {
    let mut compared = 0;
    for seed in 0..RULESETS {
        let random = &mut Random::new(seed);
        let rulesets = rule_files(random);
        let names = interfaces(&rulesets);
        for ruleset in rulesets.iter() {
            let (count, wrong) = differences(ruleset, &Aim::new(ruleset, &names), random);
            compared += count;
            assert_eq!(wrong.first(), None, "rule files {seed}");
        }
    }
    assert!(compared > 100_000, "only {compared} answers were compared");
}
