//! Rules and expectations whose fields differ by one value at an edge, alone and with other fields at once.

use std::collections::BTreeMap;

use super::scene::{Path, Span, Verdicts, family, host, number_of, only, pool_text, ports, prefix, range, verdicts};
use super::{Attack, Kind};
use crate::support::generate::Random;
use cgwfw::iptables::packet::{Packet, State, Transport};
use cgwfw::net::Family;

pub const KINDS: &[Kind] = &[
    Kind { name: "destination port: one too many", make: |r| interval(Field::Port, Style::Grow, 0, r) },
    Kind { name: "destination port: one left out", make: |r| interval(Field::Port, Style::Shrink, 0, r) },
    Kind { name: "destination port: hole", make: |r| interval(Field::Port, Style::Hole, 0, r) },
    Kind { name: "destination port: not a range", make: |r| interval(Field::Port, Style::Not, 0, r) },
    Kind { name: "destination port: none of a list", make: |r| interval(Field::Port, Style::None, 0, r) },
    Kind { name: "source port: one too many", make: |r| interval(Field::SourcePort, Style::Grow, 1, r) },
    Kind { name: "source port: one left out", make: |r| interval(Field::SourcePort, Style::Shrink, 1, r) },
    Kind { name: "source port: hole", make: |r| interval(Field::SourcePort, Style::Hole, 1, r) },
    Kind { name: "source port: none of a list", make: |r| interval(Field::SourcePort, Style::None, 1, r) },
    Kind { name: "source: one too many", make: |r| interval(Field::Source, Style::Grow, 0, r) },
    Kind { name: "source: one left out", make: |r| interval(Field::Source, Style::Shrink, 0, r) },
    Kind { name: "source: hole", make: |r| interval(Field::Source, Style::Hole, 0, r) },
    Kind { name: "source: not a network", make: |r| interval(Field::Source, Style::Not, 0, r) },
    Kind { name: "source: none of a list", make: |r| interval(Field::Source, Style::None, 0, r) },
    Kind { name: "destination: one too many", make: |r| interval(Field::Destination, Style::Grow, 1, r) },
    Kind { name: "destination: one left out", make: |r| interval(Field::Destination, Style::Shrink, 1, r) },
    Kind { name: "destination: hole", make: |r| interval(Field::Destination, Style::Hole, 1, r) },
    Kind { name: "destination: none of a list", make: |r| interval(Field::Destination, Style::None, 1, r) },
    Kind { name: "three fields: port", make: |r| interval(Field::Port, Style::any(r), 3, r) },
    Kind { name: "three fields: source", make: |r| interval(Field::Source, Style::any(r), 3, r) },
    Kind { name: "five fields: port", make: |r| interval(Field::Port, Style::any(r), 5, r) },
    Kind { name: "five fields: source port", make: |r| interval(Field::SourcePort, Style::any(r), 5, r) },
    Kind { name: "five fields: destination", make: |r| interval(Field::Destination, Style::any(r), 5, r) },
    Kind { name: "six fields: port", make: |r| interval(Field::Port, Style::any(r), 6, r) },
    Kind { name: "six fields: source", make: |r| interval(Field::Source, Style::any(r), 6, r) },
    Kind { name: "eight fields: destination", make: |r| interval(Field::Destination, Style::any(r), 8, r) },
    Kind { name: "ttl: hole", make: |r| single(Field::Ttl, true, r) },
    Kind { name: "ttl: not one", make: |r| single(Field::Ttl, false, r) },
    Kind { name: "mark: hole", make: |r| single(Field::Mark, true, r) },
    Kind { name: "mark: not one", make: |r| single(Field::Mark, false, r) },
    Kind { name: "flags: hole", make: |r| single(Field::Flags, true, r) },
    Kind { name: "flags: not one set", make: |r| single(Field::Flags, false, r) },
    Kind { name: "flags: one open", make: flag },
    Kind { name: "state: hole", make: |r| state(true, r) },
    Kind { name: "state: one too many", make: |r| state(false, r) },
];

/// What sentences say, in the order in which they say it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Port,
    SourcePort,
    Source,
    Destination,
    Ttl,
    Mark,
    Flags,
    State,
    Ipsec,
}

/// How a rule and an expectation differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// The expectation goes one further than the rule.
    Grow,
    /// What lies beside the rule is expected to be left alone, and its first or last value as well.
    Shrink,
    /// A rule before takes one value out.
    Hole,
    /// The rule takes all but some.
    Not,
    /// The rule takes none of a list.
    None,
}

impl Style {
    fn any(random: &mut Random) -> Style {
        *random.pick(&[Style::Grow, Style::Shrink, Style::Hole, Style::Not, Style::None])
    }
}

/// The clauses of a sentence.
type Clauses = BTreeMap<Field, String>;

/// What is the same in a rule and in what is expected of it.
struct Scene {
    path: Path,
    protocol: &'static str,
    family: Family,
    /// Whether the family is said.
    only: bool,
    verdicts: Verdicts,
    /// What the rules say.
    rule: Clauses,
    /// What the expectations say: no more packets than that.
    said: Clauses,
}

impl Scene {
    /// With some more fields than the one that is attacked.
    fn new(attacked: Field, fields: usize, random: &mut Random) -> Scene {
        let family = family(random);
        let addressed = matches!(attacked, Field::Source | Field::Destination);
        let mut scene = Scene {
            path: Path::any(random),
            protocol: random.pick::<&str>(&["tcp", "udp", "sctp"]),
            family,
            only: addressed || random.chance(70),
            verdicts: verdicts(random),
            rule: Clauses::new(),
            said: Clauses::new(),
        };
        let mut others = [
            Field::Port,
            Field::SourcePort,
            Field::Source,
            Field::Destination,
            Field::Ttl,
            Field::Mark,
            Field::State,
            Field::Ipsec,
            Field::Flags,
        ];
        random.shuffle(&mut others);
        if attacked == Field::Flags || fields >= 8 {
            scene.protocol = "tcp";
        }
        let others =
            others.iter().filter(|field| **field != attacked && (**field != Field::Flags || scene.protocol == "tcp"));
        for field in others.take(fields) {
            let (rule, said) = scene.both(*field, random);
            scene.rule.insert(*field, rule);
            scene.said.insert(*field, said);
        }
        scene.only |= scene.rule.contains_key(&Field::Source) || scene.rule.contains_key(&Field::Destination);
        scene
    }

    /// A clause of the rules, and one of the expectations that says the same or less.
    fn both(&self, field: Field, random: &mut Random) -> (String, String) {
        let same = random.chance(50);
        match field {
            Field::Port | Field::SourcePort => {
                let word = if field == Field::Port { "port" } else { "source port" };
                let first = random.between(1, 60_000);
                let last = first + random.between(2, 5_000);
                let (a, b) = if same { (first, last) } else { (first + 1, last - 1) };
                (format!("{word} {first}-{last}"), format!("{word} {}", span(a.into(), b.into())))
            }
            Field::Source | Field::Destination => {
                let word = if field == Field::Source { "from" } else { "to" };
                let rule = if random.chance(50) { prefix(self.family, random) } else { range(self.family, random) };
                let said = if same { rule } else { Span { last: rule.first + (rule.last - rule.first) / 3, ..rule } };
                (format!("{word} {}", rule.text()), format!("{word} {}", said.text()))
            }
            Field::Ttl => {
                let ttl = random.between(2, 255);
                (format!("ttl {}", self.seen(ttl)), format!("ttl {ttl}"))
            }
            Field::Mark => {
                let value = random.between(0, 0xff);
                let rule = format!("mark {:#x}/0xf", value & 0xf);
                if same { (rule.clone(), rule) } else { (rule, format!("mark {value:#x}/0xff")) }
            }
            Field::Flags => ("flags syn,ack/syn".to_owned(), "flags syn,ack,rst/syn".to_owned()),
            Field::State => {
                let said = if same { "state new" } else { "state new, established" };
                ("state new, established".to_owned(), said.to_owned())
            }
            Field::Ipsec => {
                let side = match self.path {
                    Path::Forward => *random.pick(&["ipsec in", "no ipsec in ipsec out", "ipsec in ipsec out"]),
                    _ => *random.pick(&["ipsec", "no ipsec"]),
                };
                (side.to_owned(), side.to_owned())
            }
        }
    }

    /// The TTL that the filter sees of a packet that comes with this one: what is forwarded has lost one by then.
    fn seen(&self, ttl: u64) -> u64 {
        if self.path == Path::Forward { ttl - 1 } else { ttl }
    }

    /// A sentence: the verb, the clauses of the scene, and one more.
    fn sentence(&self, verb: &str, scene: &Clauses, field: Field, clause: Option<String>) -> String {
        let mut clauses = scene.clone();
        clauses.extend(clause.map(|clause| (field, clause)));
        let only = if self.only { only(self.family) } else { "" };
        let clauses: Vec<String> = clauses.into_values().collect();
        let text = format!("{verb} {} {} {} {only}", self.path.text(), self.protocol, clauses.join(" "));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The default, and rules with a verb and a clause each.
    fn policy(&self, field: Field, rules: &[(&str, Option<String>)]) -> Vec<String> {
        let rules = rules.iter().map(|(verb, clause)| self.sentence(verb, &self.rule, field, clause.clone()));
        std::iter::once(self.verdicts.default.to_owned()).chain(rules).collect()
    }

    /// An expectation.
    fn expect(&self, verdict: &str, field: Field, clause: Option<String>) -> String {
        self.sentence(&format!("expect {verdict}"), &self.said, field, clause)
    }
}

/// A range of numbers.
fn span(first: u128, last: u128) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// The value of a field of a packet.
fn value_of(field: Field, packet: &Packet) -> Option<u128> {
    match field {
        Field::Port => ports(packet).map(|(_, to)| to.into()),
        Field::SourcePort => ports(packet).map(|(from, _)| from.into()),
        Field::Source => Some(number_of(packet.source)),
        Field::Destination => Some(number_of(packet.destination)),
        Field::Ttl => Some(packet.hop_limit.into()),
        Field::Mark => Some(packet.mark.into()),
        Field::Flags => match packet.transport {
            Transport::Tcp(_, _, flags) => Some(flags.into()),
            _ => None,
        },
        Field::State | Field::Ipsec => None,
    }
}

/// An attack on a field that has ranges.
fn interval(field: Field, style: Style, fields: usize, random: &mut Random) -> Attack {
    let scene = Scene::new(field, random.below(2).min(fields) + fields, random);
    let Verdicts { verb, back, taken, left, .. } = scene.verdicts;
    let family = scene.family;
    let is_address = matches!(field, Field::Source | Field::Destination);
    let text = move |first: u128, last: u128| {
        if is_address { Span { family, first, last }.text() } else { span(first, last) }
    };
    let word = match field {
        Field::Port => "port",
        Field::SourcePort => "source port",
        Field::Source => "from",
        _ => "to",
    };
    let say = |text: String| Some(format!("{word} {text}"));
    let some = |first: u128, last: u128| say(text(first, last));
    let all_but = |first: u128, last: u128| say(format!("not {}", text(first, last)));
    // At least two values, none of them the very first or last one.
    let (first, last) = if is_address {
        let span = range(family, random);
        (span.first, span.last)
    } else {
        let first = random.between(2, 50_000);
        (first.into(), (first + [1, random.between(1, 20), random.between(1, 5_000)][random.below(3)]).into())
    };
    let middle = first + (last - first) / 2;
    let low = random.chance(50);
    let edge = if low { first } else { last };
    let beyond = if low { first - 1 } else { last + 1 };
    // All but one edge.
    let rest = if low { (first + 1, last) } else { (first, last - 1) };
    let (policy, right, wrong, value) = match style {
        Style::Grow => {
            let wrong = if low { (beyond, middle) } else { (middle, beyond) };
            let right = if low { (first, middle) } else { (middle, last) };
            let wrong = scene.expect(taken, field, some(wrong.0, wrong.1));
            let right = scene.expect(taken, field, some(right.0, right.1));
            (scene.policy(field, &[(verb, some(first, last))]), right, wrong, beyond)
        }
        Style::Shrink => {
            let right = scene.expect(left, field, all_but(first, last));
            let wrong = scene.expect(left, field, all_but(rest.0, rest.1));
            (scene.policy(field, &[(verb, some(first, last))]), right, wrong, edge)
        }
        Style::Hole => {
            let rules = [(back, some(middle, middle)), (verb, None)];
            let right = scene.expect(taken, field, all_but(middle, middle));
            let wrong = if random.chance(50) { None } else { some(first - 1, last + 1) };
            (scene.policy(field, &rules), right, scene.expect(taken, field, wrong), middle)
        }
        Style::Not => {
            let right = if random.chance(50) {
                scene.expect(taken, field, all_but(first, last))
            } else {
                scene.expect(left, field, some(first, last))
            };
            let wrong = scene.expect(taken, field, all_but(rest.0, rest.1));
            (scene.policy(field, &[(verb, all_but(first, last))]), right, wrong, edge)
        }
        Style::None => {
            // The range, and single values that lie apart from it.
            let step = 2 + u128::from(random.between(0, 1_000));
            let singles = [last + step, last + 3 * step, last + 6 * step];
            let how_many = 1 + random.below(3);
            let mut list = vec![text(first, last)];
            list.extend(singles[..how_many].iter().map(|value| text(*value, *value)));
            let all = list.join(", ");
            let gone = random.below(how_many);
            let mut fewer = list.clone();
            fewer.remove(gone + 1);
            random.shuffle(&mut fewer);
            let fewer = if fewer.len() == 1 { fewer[0].clone() } else { format!("{{ {} }}", fewer.join(", ")) };
            let right = if random.chance(50) {
                scene.expect(taken, field, say(format!("not {{ {all} }}")))
            } else {
                scene.expect(left, field, say(format!("{{ {all} }}")))
            };
            let (wrong, value) = if random.chance(50) {
                (scene.expect(taken, field, say(format!("not {fewer}"))), singles[gone])
            } else {
                let further = singles[gone] + 1;
                (scene.expect(left, field, say(format!("{{ {all}, {} }}", text(further, further)))), further)
            };
            (scene.policy(field, &[(verb, say(format!("not {{ {all} }}")))]), right, wrong, value)
        }
    };
    let shows = move |found: &cgwfw::traffic::one::Described| value_of(field, &found.packet) == Some(value);
    Attack::new(policy, right, wrong, format!("{word} {}", text(value, value)), shows)
}

/// The names of TCP's flags, from the lowest bit on.
const FLAGS: [&str; 6] = ["fin", "syn", "rst", "psh", "ack", "urg"];

/// A set of flags.
fn flags(set: u64) -> String {
    let names: Vec<&str> =
        FLAGS.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, name)| *name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(",") }
}

/// An attack on a field that has single values only: a rule before takes one out, or the rule takes all but one.
fn single(field: Field, hole: bool, random: &mut Random) -> Attack {
    let scene = Scene::new(field, random.below(4), random);
    let Verdicts { verb, back, taken, left, .. } = scene.verdicts;
    let (word, text, value) = match field {
        Field::Ttl => {
            let value = random.between(2, 255);
            ("ttl", value.to_string(), value)
        }
        Field::Mark => {
            let value = random.between(1, 0xffff_ffff) >> random.below(24);
            ("mark", format!("{:#x}", value.max(1)), value.max(1))
        }
        _ => {
            let value = random.between(0, 63);
            ("flags", format!("all/{}", flags(value)), value)
        }
    };
    // What the rules say of that value.
    let seen = if field == Field::Ttl { scene.seen(value).to_string() } else { text.clone() };
    let (rule, rule_not) = (Some(format!("{word} {seen}")), Some(format!("{word} not {seen}")));
    let is = Some(format!("{word} {text}"));
    let is_not = Some(format!("{word} not {text}"));
    let rules = if hole { vec![(back, rule), (verb, None)] } else { vec![(verb, rule_not)] };
    let right = if random.chance(50) { scene.expect(taken, field, is_not) } else { scene.expect(left, field, is) };
    let wrong = scene.expect(taken, field, None);
    let shows = move |found: &cgwfw::traffic::one::Described| value_of(field, &found.packet) == Some(value.into());
    Attack::new(scene.policy(field, &rules), right, wrong, format!("{word} {text}"), shows)
}

/// The rule names all flags, the expectation leaves one open.
fn flag(random: &mut Random) -> Attack {
    let field = Field::Flags;
    let scene = Scene::new(field, random.below(4), random);
    let Verdicts { verb, taken, .. } = scene.verdicts;
    let (set, open) = (random.between(0, 63), 1 << random.below(6));
    let rule = Some(format!("flags all/{}", flags(set)));
    let wrong = Some(format!("flags {}/{}", flags(63 & !open), flags(set & !open)));
    let value = set ^ open;
    let right = scene.expect(taken, field, rule.clone());
    let wrong = scene.expect(taken, field, wrong);
    let shows = move |found: &cgwfw::traffic::one::Described| value_of(field, &found.packet) == Some(value.into());
    Attack::new(scene.policy(field, &[(verb, rule)]), right, wrong, format!("flags all/{}", flags(value)), shows)
}

/// One state is taken out by a rule before, or is one too many.
fn state(hole: bool, random: &mut Random) -> Attack {
    let field = Field::State;
    let scene = Scene::new(field, random.below(4), random);
    let Verdicts { verb, back, taken, .. } = scene.verdicts;
    let names = ["invalid", "new", "related", "established", "untracked"];
    let mut order = [0, 1, 2, 3, 4];
    random.shuffle(&mut order);
    let list =
        |of: &[usize]| Some(format!("state {}", of.iter().map(|state| names[*state]).collect::<Vec<_>>().join(", ")));
    let how_many = 1 + random.below(4);
    let (some, next) = (&order[..how_many], order[how_many]);
    let rules = if hole { vec![(back, list(&[next])), (verb, None)] } else { vec![(verb, list(some))] };
    let right = scene.expect(taken, field, list(some));
    let wrong = scene.expect(taken, field, list(&order[..=how_many]));
    let state = State::ALL[next];
    let shows = move |found: &cgwfw::traffic::one::Described| {
        found.packet.state == Some(state)
            || (found.packet.state.is_none() && matches!(state, State::New | State::Invalid))
    };
    Attack::new(scene.policy(field, &rules), right, wrong, format!("state {}", names[next]), shows)
}

/// A network and an address of the pool, for attacks that need just some.
pub fn some_address(family: Family, random: &mut Random) -> String {
    if random.chance(50) {
        pool_text(family, true, random)
    } else {
        super::scene::text_of(family, host(family, random))
    }
}
