//! What happens to all packets of some traffic: `cgwfw query`.
//! Input: rules and packets. Output: for each fate who decides, and the packets in the words of the language.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::analyze::{About, Analysis, Cube, Detail, Kinds, Phrase, Sets, Subject, depends};
use crate::iptables::ruleset::{Hook, Origins, TableName};
use crate::net::{Family, Interface};
use crate::origin::{Rules, SentencePlace};
use crate::policy::Packets;
use crate::sentence;
use crate::simulate::{Assumptions, By, Verdict};
use crate::traffic::set::assumptions;

/// What becomes of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outlook {
    /// They pass.
    Accepted,
    /// They are discarded in silence.
    Dropped,
    /// They are discarded with an answer.
    Rejected,
    /// That depends on what the packet does not tell.
    Depending,
}

impl Outlook {
    /// As a word.
    pub fn word(self) -> &'static str {
        match self {
            Outlook::Accepted => "accepted",
            Outlook::Dropped => "dropped",
            Outlook::Rejected => "rejected",
            Outlook::Depending => "depending",
        }
    }

    fn of(verdict: Verdict) -> Outlook {
        match verdict {
            Verdict::Accept => Outlook::Accepted,
            Verdict::Drop => Outlook::Dropped,
            Verdict::Reject(_) => Outlook::Rejected,
        }
    }
}

/// Packets with one fate, by the sentences that decide them.
#[derive(Clone, Debug, Serialize)]
pub struct Fated {
    /// The fate.
    pub fate: Outlook,
    /// What may become of them where that depends on something, and on what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depends: Option<Dependence>,
    /// Who decides: sentences, lines, chains without a policy of their own.
    pub by: Vec<Decider>,
    /// The packets, the largest sets first.
    pub packets: Vec<Told>,
}

/// What a fate depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Dependence {
    /// The fates that are possible.
    pub fates: Vec<Outlook>,
    /// What decides between them.
    pub on: Vec<String>,
}

/// Who decides packets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Decider {
    /// A sentence, or a line of a rule file.
    Place(SentencePlace),
    /// The policy of a chain that nothing sets, by the chain's name.
    Chain(String),
}

/// Packets in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// A traffic sentence, as `expect` takes it.
    pub packets: String,
    /// What no sentence says: they are only those for which this holds as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
}

impl Told {
    /// In the words of the language.
    pub fn of(said: Phrase) -> Told {
        Told { packets: sentence::packets(&said.packets), also: said.also }
    }
}

/// The answer of a family.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The family.
    pub family: Family,
    /// Its packets by fate; `None`, where it was not decided.
    pub fates: Option<Vec<Fated>>,
    /// Whether there are so many packets of one fate that not all are told.
    pub cut: bool,
}

/// What becomes of packets under the rules of a family.
pub fn query(rules: Rules, family: Family, packets: &Packets, declared: impl Iterator<Item = Interface>) -> Answered {
    let ruleset = rules.of(family);
    let mut analysis = Analysis::new(ruleset, [packets].into_iter(), declared);
    // A limit is asked about, not assumed: `over limit` alone says how it is.
    let within_limit = packets.over_limit.then_some(false);
    let assumptions = Assumptions { within_limit, ..assumptions(packets) };
    let about = About { packets, assumptions, detail: Detail::Decider, first: false, hides: &[] };
    let mut depending: Vec<Dependence> = Vec::new();
    let mut kinds = Kinds {
        class: &|_, ended| Outlook::of(ended.verdict) as u32,
        outcome: &mut |classes| classes.first().copied().flatten().unwrap_or_default(),
        kind: &mut |leaves, subjects| kind(leaves, subjects, &mut depending),
    };
    let Some(sets) = analysis.sets(&about, &mut kinds) else { return Answered { family, fates: None, cut: false } };
    let mut cut = false;
    let mut fates: Vec<Fated> = Vec::new();
    for set in &sets {
        for (kind, paths) in &set.kinds {
            cut |= !paths.complete;
            let (fate, depends) = match kind.checked_sub(FIRST_DEPENDING) {
                Some(at) => (Outlook::Depending, Some(depending[at as usize].clone())),
                None => (OUTLOOKS[*kind as usize - 1], None),
            };
            for cube in &paths.cubes {
                let told: Vec<Told> = analysis.words(set, cube).into_iter().map(Told::of).collect();
                if told.is_empty() {
                    continue;
                }
                let Some(by) = deciders(&analysis, set, cube, rules, family) else {
                    return Answered { family, fates: None, cut: false };
                };
                let places: Vec<Decider> = by.into_iter().map(|by| by.decider(rules, family)).collect();
                let same = |known: &&mut Fated| known.fate == fate && known.depends == depends && known.by == places;
                match fates.iter_mut().find(same) {
                    Some(known) => known.packets.extend(told),
                    None => fates.push(Fated { fate, depends: depends.clone(), by: places, packets: told }),
                }
            }
        }
    }
    fates.sort_by(|one, other| (one.fate, &one.depends).cmp(&(other.fate, &other.depends)));
    Answered { family, fates: Some(fates), cut }
}

/// The fates that are kinds by themselves.
const OUTLOOKS: [Outlook; 3] = [Outlook::Accepted, Outlook::Dropped, Outlook::Rejected];

/// The first kind of packets whose fate depends on something.
const FIRST_DEPENDING: u32 = 4;

fn kind(leaves: &BTreeSet<u32>, subjects: &[&Subject], depending: &mut Vec<Dependence>) -> u32 {
    let fates: Vec<Outlook> = OUTLOOKS.into_iter().filter(|outlook| leaves.contains(&(*outlook as u32))).collect();
    match fates[..] {
        [] => 0,
        [only] => only as u32 + 1,
        _ => {
            let on: BTreeSet<String> = subjects.iter().map(|subject| depends(subject)).collect();
            let dependence = Dependence { fates, on: on.into_iter().collect() };
            let at = depending.iter().position(|known| *known == dependence).unwrap_or_else(|| {
                depending.push(dependence);
                depending.len() - 1
            });
            FIRST_DEPENDING + at as u32
        }
    }
}

/// Who decides the packets of a cube, each once.
fn deciders(analysis: &Analysis, set: &Sets, cube: &Cube, rules: Rules, family: Family) -> Option<Vec<Responsible>> {
    let found = analysis.deciders(set, 0, cube)?;
    let all: BTreeSet<Responsible> =
        found.into_iter().filter_map(|(ended, _)| Some(Responsible::of(rules, family, ended.by?))).collect();
    Some(all.into_iter().collect())
}

/// What a decision comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Responsible {
    /// A sentence of the policy; the line, where it is one of a `rules` block.
    Sentence(u32, Option<u32>),
    /// A line of a rule file.
    Line(u32),
    /// The policy of a chain.
    Policy(TableName, Hook),
    /// Nothing that anybody wrote.
    Nobody,
}

impl Responsible {
    /// What a decision comes from.
    pub fn of(rules: Rules, family: Family, by: By) -> Responsible {
        match by {
            By::Rule(place) => {
                let Some((_, rule)) = place.look_up(rules.of(family)) else { return Responsible::Nobody };
                match (rule.origins.first(), rule.origins.file_line()) {
                    (Some(origin), _) => {
                        Responsible::Sentence(origin.sentence, rules.has_lines(origin).then_some(origin.line))
                    }
                    (None, Some(line)) => Responsible::Line(line),
                    (None, None) => Responsible::Nobody,
                }
            }
            By::Policy(table, hook) => Responsible::Policy(table, hook),
            By::Kernel(_) => Responsible::Nobody,
        }
    }

    /// The sentence or the line itself.
    pub fn decider(self, rules: Rules, family: Family) -> Decider {
        let origins = match self {
            Responsible::Sentence(sentence, line) => Origins::of(sentence, line.unwrap_or(1)),
            Responsible::Line(line) => Origins::Line(line),
            Responsible::Policy(table, hook) => {
                let place = rules.chain_policy(family, table, hook);
                return place.map_or_else(|| Decider::Chain(hook.chain().to_owned()), Decider::Place);
            }
            Responsible::Nobody => return Decider::Chain("the kernel".into()),
        };
        Decider::Place(rules.statement(family, &origins))
    }
}
