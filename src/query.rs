//! What happens to all packets of some traffic: `cgwfw query`.
//! Input: rules and packets. Output: for each fate who decides, and the packets in the words of the language.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::analyze::{About, Analysis, Cube, Detail, Kinds, Phrase, Sets, Subject, depends};
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
    let about = About { packets, assumptions, detail: Detail::Decider };
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
                let Some(by) = deciders(&analysis, set, cube) else {
                    return Answered { family, fates: None, cut: false };
                };
                let mut places: Vec<Decider> = Vec::new();
                for decider in by.into_iter().map(|by| decider(rules, family, by)) {
                    if !places.contains(&decider) {
                        places.push(decider);
                    }
                }
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

/// Who decides the packets of a cube, each once, in the order of the rules.
fn deciders(analysis: &Analysis, set: &Sets, cube: &Cube) -> Option<Vec<By>> {
    let mut all: Vec<By> = analysis.deciders(set, 0, cube)?.into_iter().filter_map(|(ended, _)| ended.by).collect();
    all.sort_by_key(|by| match by {
        By::Rule(place) => (0, place.table as u32, place.rule),
        By::Policy(table, hook) => (1, *table as u32, *hook as u32),
        By::Kernel(_) => (2, 0, 0),
    });
    Some(all)
}

/// The sentence or the line that a decision comes from.
pub fn decider(rules: Rules, family: Family, by: By) -> Decider {
    let chain = |name: &str| Decider::Chain(name.to_owned());
    match by {
        By::Rule(place) => match place.look_up(rules.of(family)) {
            Some((_, rule)) => Decider::Place(rules.statement(family, &rule.origins)),
            None => chain("?"),
        },
        By::Policy(table, hook) => match rules.chain_policy(family, table, hook) {
            Some(place) => Decider::Place(place),
            None => chain(hook.chain()),
        },
        By::Kernel(_) => chain("the kernel"),
    }
}
