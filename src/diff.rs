//! What two rulesets do differently, packet by packet: `cgwfw diff`.
//! Input: the rules of both, of one family. Output: one of four words, and all packets whose fate changes, by the sentence
//! that does it.
//!
//! Packets are all that there may be: of every state, with every mark. What the packet does not tell (a limit, a set) is
//! the same for both where the same match stands in both.

mod effects;
mod kinds;
mod rewriting;
mod without;

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

pub use self::kinds::Pair;
use self::kinds::{Alike, Numbered, OPEN, kind};
pub use self::rewriting::Rewriting;
pub use self::without::{Without, without};
use crate::analyze::{About, Analysis, Cube, Detail, Kinds, Paths, Sets};
use crate::iptables::meaning::reassembles;
use crate::iptables::packet::Fragment;
use crate::iptables::ruleset::{Negatable, States};
use crate::language::values::reason_name;
use crate::net::{Family, Interface};
use crate::policy::{Directions, Packets, Traffic, Values};
use crate::query::{Decider, Responsible, Told};
use crate::simulate::Verdict;

/// How two rulesets compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The same packets pass.
    Same,
    /// More packets pass, and none fewer.
    MorePermissive,
    /// Fewer packets pass, and none more.
    LessPermissive,
    /// Some pass that did not, and some do not that did.
    Incomparable,
}

impl Relation {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Relation::Same => "the same",
            Relation::MorePermissive => "more permissive",
            Relation::LessPermissive => "less permissive",
            Relation::Incomparable => "incomparable",
        }
    }

    fn of(opens: bool, closes: bool) -> Relation {
        match (opens, closes) {
            (false, false) => Relation::Same,
            (true, false) => Relation::MorePermissive,
            (false, true) => Relation::LessPermissive,
            (true, true) => Relation::Incomparable,
        }
    }
}

/// What changes for packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// They pass, and did not.
    NewlyAccepted,
    /// They do not pass, and did.
    NewlyDropped,
    /// They do not pass, as before, and their sender is told otherwise, or no more.
    RefusedOtherwise,
}

impl Turn {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Turn::NewlyAccepted => "newly accepted",
            Turn::NewlyDropped => "newly dropped",
            Turn::RefusedOtherwise => "refused otherwise",
        }
    }
}

/// Packets whose fate changes, by the sentence that does it.
#[derive(Clone, Debug, Serialize)]
pub struct Turned {
    /// What changes.
    pub change: Turn,
    /// The fates before and after, in words.
    pub before: String,
    /// See `before`.
    pub after: String,
    /// Who decides them now.
    pub by: Decider,
    /// Who decided those that are told first.
    pub was: Vec<Decider>,
    /// On what it depends whether it changes, beside the packet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends: Vec<String>,
    /// The packets, the largest sets first.
    pub packets: Vec<Told>,
}

/// What changes in a family.
#[derive(Clone, Debug, Serialize)]
pub struct FamilyDifference {
    /// The family.
    #[serde(skip)]
    pub family: Family,
    /// Over all packets.
    pub all: Relation,
    /// Over the first packets of connections.
    pub first: Relation,
    /// The packets whose fate changes.
    pub packets: Vec<Turned>,
    /// Packets that pass in both, and are not made the same.
    pub rewritten: Vec<Rewriting>,
    /// Rules that change what no rule looks at, where they are not in both: `-` those of the old, `+` those of the new.
    pub other: Vec<String>,
    /// Whether there are more packets than are told.
    pub cut: bool,
}

impl FamilyDifference {
    /// Whether the same packets pass, made the same, and the others are refused alike.
    pub fn is_none(&self) -> bool {
        self.packets.is_empty() && self.rewritten.is_empty() && self.other.is_empty() && self.all == Relation::Same
    }
}

/// How many sets of packets are looked up to say who decided them before.
const LOOKED_UP: usize = 10;

/// For how many changes that is done.
const MAX_LOOKED_UP: usize = 200;

/// The pieces of packets that are asked about, whole ones first: none where both put pieces together before any rule.
fn pieces(pair: Pair) -> &'static [Fragment] {
    let together = [pair.old, pair.new].iter().all(|rules| reassembles(rules.of(pair.family)));
    if together { &[Fragment::No] } else { &[Fragment::No, Fragment::First, Fragment::Later] }
}

/// What changes; `None`, where it would take too long to say.
pub fn diff(pair: Pair, declared: &[Interface]) -> Option<FamilyDifference> {
    let Pair { old, new, family } = pair;
    let packets = everything(family);
    let mut analysis =
        Analysis::of_both(old.of(family), new.of(family), [&packets].into_iter(), declared.iter().copied());
    let mut found = Found::default();
    for fragment in pieces(pair) {
        compare(pair, &mut analysis, (&Packets { fragment: *fragment, ..packets.clone() }, false), &mut found)?;
    }
    let mut first = Found::default();
    for fragment in pieces(pair).iter().filter(|_| !found.turned.is_empty()) {
        compare(pair, &mut analysis, (&Packets { fragment: *fragment, ..packets.clone() }, true), &mut first)?;
    }
    let (rewritten, cut) = rewriting::rewritten(pair, declared, &packets)?;
    let mut turned = found.turned;
    // Pieces that are told as whole packets.
    turned.retain(|turned| !turned.packets.is_empty());
    turned.sort_by_key(|turned| turned.change);
    Some(FamilyDifference {
        family,
        all: Relation::of(found.opens, found.closes),
        first: Relation::of(first.opens, first.closes),
        packets: turned,
        rewritten,
        other: effects::changed(old.of(family), new.of(family)),
        cut: found.cut || cut,
    })
}

/// Whether packets are newly accepted that come in by one of some interfaces, of every state or first packets.
pub fn opens(pair: Pair, declared: &[Interface], from: Option<&[Interface]>, first: bool) -> Option<bool> {
    let mut packets = everything(pair.family);
    let mut all = Vec::new();
    match from {
        None => all.push(packets),
        Some([]) => {}
        Some(names) => {
            let on = || Values { negated: false, items: names.iter().copied().collect() };
            let mut input = packets.clone();
            input.traffic.directions = Directions { input: true, ..Directions::default() };
            input.traffic.on = on();
            packets.traffic.directions = Directions { forward: true, ..Directions::default() };
            packets.traffic.in_on = on();
            all.extend([input, packets]);
        }
    }
    let Pair { old, new, family } = pair;
    let mut analysis = Analysis::of_both(old.of(family), new.of(family), all.iter(), declared.iter().copied());
    let mut found = Found::default();
    for packets in &all {
        for fragment in pieces(pair) {
            compare(pair, &mut analysis, (&Packets { fragment: *fragment, ..packets.clone() }, first), &mut found)?;
        }
    }
    Some(found.opens)
}

/// All packets of a family that there may be.
pub fn everything(family: Family) -> Packets {
    let directions = Directions { input: true, output: true, forward: true };
    let traffic = Traffic { directions, states: Some(Negatable::is(States::ALL)), ..Traffic::default() };
    Packets { families: family.into(), traffic, ..Packets::default() }
}

/// What was found so far.
#[derive(Default)]
struct Found {
    opens: bool,
    closes: bool,
    cut: bool,
    looked_up: usize,
    places: HashMap<(Change, Vec<String>), usize>,
    turned: Vec<Turned>,
}

/// How the fate of packets changes. Of who gives the new one it counts which sentence that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Change {
    before: Option<Verdict>,
    after: Option<Verdict>,
    by: Responsible,
}

impl Change {
    fn turn(&self) -> Turn {
        match (self.before, self.after) {
            (Some(Verdict::Accept), _) => Turn::NewlyDropped,
            (_, Some(Verdict::Accept)) => Turn::NewlyAccepted,
            _ => Turn::RefusedOtherwise,
        }
    }
}

/// Adds what changes for some packets.
fn compare(pair: Pair, analysis: &mut Analysis, (packets, first): (&Packets, bool), found: &mut Found) -> Option<()> {
    let Pair { new, family, .. } = pair;
    let about = About { packets, assumptions: OPEN, detail: Detail::Decider, first, hides: &[] };
    // The fates of the old rules by verdict, those of the new ones by the sentence as well.
    let fates: Numbered<(Verdict, Responsible)> = Numbered::new();
    let changes: Numbered<Change> = Numbered::new();
    let alike: Numbered<Alike> = Numbered::new();
    let sets = {
        let mut kinds = Kinds {
            class: &|side, ended| {
                let by = ended.by.filter(|_| side == 1).map(|by| Responsible::of(new, family, by));
                fates.of((ended.verdict, by.unwrap_or(Responsible::Nobody)))
            },
            outcome: &mut |classes| {
                let fate = |class: Option<u32>| class.map(|class| fates.get(class));
                let (before, after) = (fate(classes[0]), fate(classes[1]));
                let by = after.map_or(Responsible::Nobody, |(_, by)| by);
                let (before, after) = (before.map(|(verdict, _)| verdict), after.map(|(verdict, _)| verdict));
                // Whether a rule drops it or the kernel does, nobody sees.
                let seen = |verdict: Option<Verdict>| verdict.unwrap_or(Verdict::Drop);
                if seen(before) == seen(after) { 0 } else { changes.of(Change { before, after, by }) + 1 }
            },
            kind: &mut |leaves, subjects| kind(leaves, subjects, &alike),
        };
        analysis.sets(&about, &mut kinds)?
    };
    for set in &sets {
        for (number, paths) in &set.kinds {
            let Alike { changes: numbers, on } = alike.get(number - 1);
            let told = told(analysis, set, paths);
            found.cut |= !paths.complete;
            // Where there are more than can be told, those of one kind may be among the others.
            if told.is_empty() && paths.complete {
                continue;
            }
            for change in numbers.iter().map(|number| changes.get(number - 1)) {
                found.opens |= change.turn() == Turn::NewlyAccepted;
                found.closes |= change.turn() == Turn::NewlyDropped;
                if told.is_empty() {
                    continue;
                }
                found.looked_up += 1;
                let paths = if found.looked_up <= MAX_LOOKED_UP { &paths.cubes[..] } else { &[] };
                let was = was(pair, analysis, (set, paths), change.before);
                add(pair, found, (change, &on), &told, was);
            }
        }
    }
    Some(())
}

fn told(analysis: &Analysis, set: &Sets, paths: &Paths) -> Vec<Told> {
    paths.cubes.iter().flat_map(|cube| analysis.words(set, cube)).map(Told::of).collect()
}

/// Who gave the first of some packets the fate that they had before.
fn was(pair: Pair, analysis: &Analysis, (set, cubes): (&Sets, &[Cube]), before: Option<Verdict>) -> Vec<Decider> {
    let one = |cube: &Cube| analysis.deciders(set, 0, cube).unwrap_or_default();
    let found = cubes.iter().take(LOOKED_UP).flat_map(one);
    let found = found.filter(|(ended, _)| Some(ended.verdict) == before).filter_map(|(ended, _)| ended.by);
    let all: BTreeSet<Responsible> = found.map(|by| Responsible::of(pair.old, pair.family, by)).collect();
    all.into_iter().map(|by| by.decider(pair.old, pair.family)).collect()
}

/// Adds packets to those that the same sentence changes in the same way. Pieces are told where whole packets are not.
fn add(pair: Pair, found: &mut Found, (change, on): (Change, &[String]), told: &[Told], was: Vec<Decider>) {
    let words = |verdict: Option<Verdict>| fate(verdict, pair.family);
    let Found { places, turned, .. } = found;
    let place = *places.entry((change, on.to_vec())).or_insert_with(|| {
        turned.push(Turned {
            change: change.turn(),
            before: words(change.before),
            after: words(change.after),
            by: change.by.decider(pair.new, pair.family),
            was: Vec::new(),
            depends: on.to_vec(),
            packets: Vec::new(),
        });
        turned.len() - 1
    });
    let at = &mut turned[place];
    for decider in was {
        if !at.was.contains(&decider) {
            at.was.push(decider);
        }
    }
    for told in told {
        let whole = |text: &str| text.replace(" fragment first", "").replace(" fragment later", "");
        let is_piece = told.packets.contains(" fragment ");
        if !is_piece || !at.packets.iter().any(|known| known.packets == whole(&told.packets)) {
            at.packets.push(told.clone());
        }
    }
}

/// `accepted`, `rejected with icmp-port-unreachable`
fn fate(verdict: Option<Verdict>, family: Family) -> String {
    match verdict {
        Some(Verdict::Accept) => "accepted".into(),
        Some(Verdict::Drop) => "dropped".into(),
        Some(Verdict::Reject(with)) => format!("rejected with {}", reason_name(with, family).unwrap_or("an answer")),
        None => "discarded by the kernel".into(),
    }
}
