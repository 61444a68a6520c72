//! What happens to all packets of some traffic: `cgwfw query`.
//! Input: rules and packets. Output: for each fate who decides, and the packets in the words of the language.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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
    // What is accepted is told by the sentence: which one opens what.
    let accepting: RefCell<HashMap<Responsible, u32>> = RefCell::default();
    let mut found = Treatments::default();
    let mut kinds = Kinds {
        class: &|_, ended| match (Outlook::of(ended.verdict), ended.by) {
            (Outlook::Accepted, Some(by)) => {
                let mut accepting = accepting.borrow_mut();
                let next = FIRST_ACCEPTED + accepting.len() as u32;
                *accepting.entry(Responsible::of(rules, family, by)).or_insert(next)
            }
            (outlook, _) => outlook as u32,
        },
        outcome: &mut |classes| classes.first().copied().flatten().unwrap_or_default(),
        kind: &mut |leaves, subjects| kind(leaves, subjects, &mut found),
    };
    let Some(sets) = analysis.sets(&about, &mut kinds) else { return Answered { family, fates: None, cut: false } };
    let mut cut = false;
    let mut fates: Vec<Fated> = Vec::new();
    let mut groups: HashMap<(Outlook, Option<Dependence>, Vec<Responsible>), usize> = HashMap::new();
    for set in &sets {
        for (kind, paths) in &set.kinds {
            cut |= !paths.complete;
            let Treatment { fate, depends, .. } = &found.list[*kind as usize - 1];
            for cube in &paths.cubes {
                let told: Vec<Told> = analysis.words(set, cube).into_iter().map(Told::of).collect();
                if told.is_empty() {
                    continue;
                }
                let Some(by) = deciders(&analysis, set, cube, rules, family) else {
                    return Answered { family, fates: None, cut: false };
                };
                let place = *groups.entry((*fate, depends.clone(), by.clone())).or_insert_with(|| {
                    let by = by.into_iter().map(|by| by.decider(rules, family)).collect();
                    fates.push(Fated { fate: *fate, depends: depends.clone(), by, packets: Vec::new() });
                    fates.len() - 1
                });
                fates[place].packets.extend(told);
            }
        }
    }
    fates.sort_by(|one, other| (one.fate, &one.depends).cmp(&(other.fate, &other.depends)));
    Answered { family, fates: Some(fates), cut }
}

/// The fates that packets have by themselves.
const OUTLOOKS: [Outlook; 3] = [Outlook::Accepted, Outlook::Dropped, Outlook::Rejected];

/// The first class of packets that are accepted, one for each who accepts.
const FIRST_ACCEPTED: u32 = 10;

/// Packets of one kind: their fate, and the classes that they may be of.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Treatment {
    fate: Outlook,
    depends: Option<Dependence>,
    classes: BTreeSet<u32>,
}

/// Kinds of packets, with a number each, from 1.
#[derive(Default)]
struct Treatments {
    list: Vec<Treatment>,
    numbers: HashMap<Treatment, u32>,
}

impl Treatments {
    fn number(&mut self, treatment: Treatment) -> u32 {
        let Treatments { list, numbers } = self;
        *numbers.entry(treatment.clone()).or_insert_with(|| {
            list.push(treatment);
            list.len() as u32
        })
    }
}

fn kind(classes: &BTreeSet<u32>, subjects: &[&Subject], found: &mut Treatments) -> u32 {
    let of = |class: u32| OUTLOOKS.into_iter().find(|outlook| *outlook as u32 == class).unwrap_or(Outlook::Accepted);
    let fates: BTreeSet<Outlook> = classes.iter().map(|class| of(*class)).collect();
    let treatment = match fates.len() {
        0 => return 0,
        1 => Treatment {
            fate: fates.first().copied().unwrap_or(Outlook::Dropped),
            depends: None,
            classes: classes.clone(),
        },
        _ => {
            let on: BTreeSet<String> = subjects.iter().map(|subject| depends(subject)).collect();
            let dependence = Dependence { fates: fates.into_iter().collect(), on: on.into_iter().collect() };
            // By what they depend on, not by who decides.
            Treatment { fate: Outlook::Depending, depends: Some(dependence), classes: BTreeSet::new() }
        }
    };
    found.number(treatment)
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
