//! What each family makes of a service, and where one accepts it and the other does not.
//! Input: the rules of both families, a service. Output: packets without addresses, by who decides them in each family.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::disparity::Extent;
use super::services::{Service, without_dhcp};
use crate::analyze::{About, Analysis, Cube, Detail, Ended, Kinds, Phrase, Sets};
use crate::compile::Compilation;
use crate::net::{Both, Family};
use crate::origin::Rules;
use crate::policy::Packets;
use crate::query::Responsible;
use crate::simulate::Verdict;
use crate::traffic::set::assumptions;

/// The most pairs of sets of packets that are held against each other.
const MAX_PAIRS: usize = 20_000_000;

/// What becomes of packets at one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conclusion {
    accepts: bool,
    by: Responsible,
}

/// What a family makes of packets, whatever their addresses are.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Treatment {
    /// Who accepts some.
    pub accepts: BTreeSet<Responsible>,
    /// Who does not accept some.
    pub refuses: BTreeSet<Responsible>,
}

impl Treatment {
    fn of(conclusions: impl Iterator<Item = Conclusion> + Clone) -> Treatment {
        let by = |accepts: bool| conclusions.clone().filter(move |end| end.accepts == accepts);
        Treatment { accepts: by(true).map(|end| end.by).collect(), refuses: by(false).map(|end| end.by).collect() }
    }

    /// For which addresses packets are accepted.
    pub fn extent(&self) -> Extent {
        match (self.accepts.is_empty(), self.refuses.is_empty()) {
            (true, _) => Extent::None,
            (false, true) => Extent::All,
            (false, false) => Extent::Some,
        }
    }
}

/// Packets that the families treat in two ways.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// The family that accepts more of them.
    pub accepts: Family,
    /// What that family makes of them.
    pub own: Treatment,
    /// What the other does.
    pub other: Treatment,
    /// The packets.
    pub lines: Vec<ServiceLine>,
}

/// Packets of a service, in the words of both families.
#[derive(Clone, Debug)]
pub struct ServiceLine {
    /// The service.
    pub service: Service,
    /// In words.
    pub phrases: Both<Phrase>,
    /// The same in the terms of the family that accepts them.
    pub cube: Cube,
    /// Whether ports of DHCP were left out.
    pub without_dhcp: bool,
}

/// What was found so far.
pub struct Gathered<'a> {
    /// The policy.
    pub compilation: &'a Compilation,
    /// The differences.
    pub all: Vec<Mismatch>,
    /// Whether there are more.
    pub cut: bool,
    partly: bool,
    pairs: usize,
}

impl Gathered<'_> {
    /// Nothing yet.
    pub fn new(compilation: &Compilation, partly: bool) -> Gathered<'_> {
        Gathered { compilation, all: Vec::new(), cut: false, partly, pairs: 0 }
    }

    fn differs(&self, own: &Treatment, other: &Treatment) -> bool {
        match (own.extent(), other.extent()) {
            (Extent::All | Extent::Some, Extent::None) => true,
            (Extent::All, Extent::Some) => self.partly,
            _ => false,
        }
    }

    fn add(&mut self, accepts: Family, own: &Treatment, other: &Treatment, line: ServiceLine) {
        let same = |known: &&mut Mismatch| {
            let Mismatch { accepts: family, own: ours, other: theirs, .. } = &**known;
            *family == accepts && (&ours.accepts, ours.extent()) == (&own.accepts, own.extent()) && theirs == other
        };
        match self.all.iter_mut().find(same) {
            Some(known) => known.lines.push(line),
            None => {
                self.all.push(Mismatch { accepts, own: own.clone(), other: other.clone(), lines: vec![line] });
            }
        }
    }
}

/// Adds what the families make of a service, where it is not the same.
pub fn compare(
    analyses: &mut Both<Analysis>,
    service: Service,
    packets: &Both<Packets>,
    found: &mut Gathered,
) -> Option<()> {
    let hides = service.hides();
    let mut treated = Vec::new();
    for family in Family::BOTH {
        let about = About {
            packets: &packets[family],
            assumptions: assumptions(&packets[family]),
            detail: Detail::Decider,
            first: false,
            hides: &hides,
        };
        treated.push(treatments(&mut analyses[family], &about, found.compilation, family)?);
    }
    for (accepts, own, other) in [(Family::V4, &treated[0], &treated[1]), (Family::V6, &treated[1], &treated[0])] {
        for ours in &own.sets {
            for theirs in other.sets.iter().filter(|theirs| theirs.route == ours.route) {
                Sides { accepts, service, own: (own, ours), other: (other, theirs) }.compare(analyses, found);
            }
        }
    }
    Some(())
}

/// The packets of a family by what it makes of them.
struct Treated {
    sets: Vec<Sets>,
    treatments: Vec<Treatment>,
}

fn treatments(analysis: &mut Analysis, about: &About, compilation: &Compilation, family: Family) -> Option<Treated> {
    let rules = Rules::Policy(compilation);
    let ends: RefCell<Vec<Conclusion>> = RefCell::new(Vec::new());
    let mut treatments: Vec<Treatment> = Vec::new();
    let sets = {
        let mut kinds = Kinds {
            class: &|_, ended| number(&mut ends.borrow_mut(), &conclusion(ended, rules, family)),
            outcome: &mut |classes| classes.first().copied().flatten().unwrap_or_default(),
            kind: &mut |leaves, _| {
                let ends = ends.borrow();
                let all = leaves.iter().map(|leaf| ends[*leaf as usize]);
                number(&mut treatments, &Treatment::of(all)) + 1
            },
        };
        analysis.sets(about, &mut kinds)?
    };
    Some(Treated { sets, treatments })
}

fn conclusion(ended: &Ended, rules: Rules, family: Family) -> Conclusion {
    let by = ended.by.map_or(Responsible::Nobody, |by| Responsible::of(rules, family, by));
    Conclusion { accepts: ended.verdict == Verdict::Accept, by }
}

/// The position of a value in a list, where it is added if it is new.
fn number<T: Clone + PartialEq>(list: &mut Vec<T>, value: &T) -> u32 {
    let at = list.iter().position(|known| known == value).unwrap_or_else(|| {
        list.push(value.clone());
        list.len() - 1
    });
    at as u32
}

/// Packets of one way in both families.
#[derive(Clone, Copy)]
struct Sides<'a> {
    accepts: Family,
    service: Service,
    own: (&'a Treated, &'a Sets),
    other: (&'a Treated, &'a Sets),
}

/// The rules of a family, then those of the other one.
fn pair<'a, 'b>(analyses: &'a mut Both<Analysis<'b>>, first: Family) -> (&'a mut Analysis<'b>, &'a mut Analysis<'b>) {
    let Both { v4, v6 } = analyses;
    match first {
        Family::V4 => (v4, v6),
        Family::V6 => (v6, v4),
    }
}

impl Sides<'_> {
    fn compare(&self, analyses: &mut Both<Analysis>, found: &mut Gathered) {
        let ((own, ours), (other, theirs)) = (self.own, self.other);
        let numbers = self.service.numbers();
        let treatment = |treated: &Treated, kind: u32| treated.treatments[kind as usize - 1].clone();
        for (kind, paths) in &ours.kinds {
            let treated = treatment(own, *kind);
            if treated.extent() == Extent::None {
                continue;
            }
            found.cut |= !paths.complete;
            let (from, to) = pair(analyses, self.accepts);
            let carried: Vec<Cube> = paths.cubes.iter().map(|cube| to.carried(from, cube, numbers)).collect();
            for (other_kind, others) in &theirs.kinds {
                let answer = treatment(other, *other_kind);
                if !found.differs(&treated, &answer) {
                    continue;
                }
                found.cut |= !others.complete;
                found.pairs += carried.len() * others.cubes.len();
                if found.pairs > MAX_PAIRS {
                    found.cut = true;
                    return;
                }
                let both = carried.iter().flat_map(|one| others.cubes.iter().filter_map(|other| one.and(other)));
                let pieces = pair(analyses, self.accepts).1.joined(both.collect());
                for piece in &pieces {
                    for line in self.lines(analyses, piece) {
                        found.add(self.accepts, &treated, &answer, line);
                    }
                }
            }
        }
    }

    /// Packets in the terms of the other family, in words; none, where there are no such packets.
    fn lines(&self, analyses: &mut Both<Analysis>, piece: &Cube) -> Vec<ServiceLine> {
        let (service, accepts) = (self.service, self.accepts);
        let (from, to) = pair(analyses, accepts);
        let told = to.whatever(piece, service.numbers());
        let back = from.carried(to, piece, service.numbers());
        let (own, other) = (from.words(self.own.1, &back), to.words(self.other.1, &told));
        let cube = match service {
            Service::Protocols => back,
            // Their numbers are the same in all.
            _ => self
                .own
                .1
                .kinds
                .values()
                .flat_map(|paths| &paths.cubes)
                .find_map(|cube| cube.and(&back))
                .unwrap_or(back),
        };
        let mut lines = Vec::new();
        for (own, other) in own.into_iter().zip(other) {
            let mut phrases = match accepts {
                Family::V4 => Both { v4: own, v6: other },
                Family::V6 => Both { v4: other, v6: own },
            };
            let mut fewer = false;
            let mut nothing = false;
            for family in Family::BOTH {
                let traffic = &mut phrases[family].packets.traffic;
                service.named(family, traffic);
                // Of every state: no sentence says that.
                traffic.states = traffic.states.filter(|states| states.value.0 != 0);
                if service == Service::Protocols {
                    match without_dhcp(traffic) {
                        Some((left, changed)) => (*traffic, fewer) = (left, fewer || changed),
                        None => nothing = true,
                    }
                }
            }
            if !nothing {
                lines.push(ServiceLine { service, phrases, cube: cube.clone(), without_dhcp: fewer });
            }
        }
        lines
    }
}
