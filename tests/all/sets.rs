//! Sets of packets that `query` and `diff` tell, held against the simulator: packet by packet.
//!
//! `CGWFW_SETS` says how many rule files; `CGWFW_SEED` where to begin.

mod comparing;
mod mutate;
mod reached;
mod rewriting;
mod telling;

use std::time::{Duration, Instant};

use crate::kernel::aim::Aim;
use crate::proof::is_told;
use crate::support::generate::Random;
use cgwfw::analyze::{Analysis, End, Question};
use cgwfw::diagnostic::{Diagnostics, Severity};
use cgwfw::iptables::packet::{Fragment, Packet, State};
use cgwfw::iptables::ruleset::Ruleset;
use cgwfw::iptables::{check, parse};
use cgwfw::net::{Both, Family, Interface};
use cgwfw::origin::{RuleFile, Rules};
use cgwfw::policy::{Declarations, Packets};
use cgwfw::query::Told;
use cgwfw::sentence;
use cgwfw::simulate::{Assumptions, By, Loaded, Verdict, decide};
use cgwfw::syntax;
use cgwfw::traffic::set::{self, PacketSet};

/// The rule files of both families, as they were read.
struct Files {
    texts: Both<String>,
    rulesets: Both<Ruleset>,
    files: Both<RuleFile>,
}

impl Files {
    /// Reads them; `None`, where nobody can load them.
    fn read(texts: Both<String>) -> Option<Files> {
        let rulesets = Both::of(|family| parse::file(&texts[family], family));
        let refused = rulesets.iter().any(|(ruleset, faults)| {
            !faults.is_empty() || check::check_ruleset(ruleset).iter().any(|(_, _, problem)| problem.refused)
        });
        let files = Both::of(|family| RuleFile::new(format!("{}.rules", family.keyword()), texts[family].clone()));
        (!refused).then(|| Files { texts, rulesets: rulesets.map(|(ruleset, _)| ruleset), files })
    }

    fn rules(&self) -> Rules<'_> {
        Rules::Files(&self.rulesets, &self.files)
    }
}

/// A set that was told, read again.
struct ReadSet {
    packets: Packets,
    set: PacketSet,
    /// Whether there is more about it than the sentence says.
    also: bool,
    text: String,
}

impl ReadSet {
    fn of(told: &Told) -> ReadSet {
        let packets = read(&told.packets);
        let again = sentence::packets(&packets);
        assert_eq!(again, told.packets, "read again it is another sentence");
        let also = !told.also.is_empty();
        let text = format!("{} {:?}", told.packets, told.also);
        ReadSet { set: PacketSet::new(&packets), packets, also, text }
    }

    fn holds(&self, packet: &Packet) -> bool {
        self.set.holds(packet)
    }
}

/// A traffic sentence as packets.
fn read(text: &str) -> Packets {
    let mut diagnostics = Diagnostics::default();
    let ast = syntax::beside(&Default::default(), "told", text, &mut diagnostics);
    let packets = set::read(&ast, 0, &Declarations::default(), &mut diagnostics);
    let errors: Vec<_> = diagnostics.iter().filter(|report| report.severity == Severity::Error).collect();
    packets.filter(|_| errors.is_empty()).unwrap_or_else(|| panic!("`{text}` is no traffic: {errors:?}"))
}

/// What may become of a packet, `None` being discarded by the kernel; nothing, where the simulator has not looked at all.
fn fates(loaded: &Loaded, packet: &Packet, assumptions: Assumptions) -> Vec<Option<Verdict>> {
    let decisions = decide(loaded, packet, assumptions);
    if !decisions.complete {
        return Vec::new();
    }
    let mut all = Vec::new();
    for decision in decisions.found {
        let fate = (!matches!(decision.by, By::Kernel(_))).then_some(decision.verdict);
        if !all.contains(&fate) {
            all.push(fate);
        }
    }
    all
}

/// Packets at the edges of rules that a sentence can tell; `stated`: of any state, else the first of connections.
fn packets(aims: &[&Aim], count: usize, stated: bool, fragment: Fragment, random: &mut Random) -> Vec<Packet> {
    let mut all = Vec::new();
    for _ in 0..count {
        let aim = random.pick(aims);
        let turn = random.below(1_000);
        let mut packet = aim.packet(turn, random);
        packet.fragment = fragment;
        packet.state = stated.then(|| *random.pick(&State::ALL));
        if random.chance(15) {
            packet.ipsec_in = !matches!(packet.way, cgwfw::iptables::packet::Way::Out(_)) && random.chance(50);
            packet.ipsec_out = !matches!(packet.way, cgwfw::iptables::packet::Way::In(_)) && random.chance(50);
        }
        if random.chance(10) {
            packet.mark = *random.pick(&[0, 1, 5, 7, 0x10, 0x17, 0xff, u32::MAX]);
        }
        if is_told(&packet) {
            all.push(packet);
        }
    }
    all
}

/// Packets of a set that the search over rules finds, of every verdict.
fn witnesses(
    ruleset: &Ruleset,
    names: &[Interface],
    packets: &Packets,
    assumptions: Assumptions,
) -> (Vec<Packet>, End) {
    let mut analysis = Analysis::new(ruleset, [packets].into_iter(), names.iter().copied());
    let mut all = Vec::new();
    let is_goal = |_: Verdict| true;
    let question = Question { packets, assumptions, is_goal: &is_goal };
    let set = PacketSet::new(packets);
    let end = analysis.ask(&question, &mut |packet| {
        let what = || format!("{} is none of {}", sentence::packet(&packet), sentence::packets(packets));
        assert!(set.holds(&packet), "{}", what());
        all.push(packet);
        all.len() >= 12
    });
    (all, end)
}

/// How long an answer may take in a debug build.
const LONG: Duration = Duration::from_secs(8);

/// Answers, and says what took long.
fn timed<T>(what: &str, answer: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let answered = answer();
    if start.elapsed() > LONG {
        println!("{what} took {:?}", start.elapsed());
    }
    answered
}

/// Rule files that random ones become, with some matches that no packet decides.
fn files(random: &mut Random) -> Files {
    loop {
        let rulesets = crate::kernel::rule_files::rule_files(random);
        let doubts = random.chance(35);
        let texts = Both::of(|family: Family| {
            let text = cgwfw::iptables::print::print(&rulesets[family], None);
            if doubts { mutate::doubtful(&text, random) } else { text }
        });
        if let Some(files) = Files::read(texts) {
            return files;
        }
    }
}
