//! A hint that `trace` shows is a way out: written into the policy, it lets the packet pass, and not much else. Of a set
//! of changes none can be left out.
//!
//! `CGWFW_POLICIES` says how many generated policies are asked besides those of cases and examples; `CGWFW_SEED` where to
//! begin.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;

use crate::support;
use crate::support::generate::{self, Random};
use cgwfw::compile::{Compilation, compile};
use cgwfw::diagnostic::Diagnostics;
use cgwfw::diff::{Pair, Turn, diff};
use cgwfw::expand::CompileOptions;
use cgwfw::expect::check;
use cgwfw::iptables::packet::{Packet, Transport};
use cgwfw::net::{Both, Family};
use cgwfw::origin::Rules;
use cgwfw::sentence::packet as described;
use cgwfw::simulate::{Loaded, Verdict};
use cgwfw::snippet::library::Library;
use cgwfw::snippet::readme::examples;
use cgwfw::syntax;
use cgwfw::trace::hint::{Hint, Setting, hints};
use cgwfw::trace::{Reply, Trace, replies, trace};
use cgwfw::traffic::one::{Described, all_described};

const POLICY: &str = "policy.cgwfw";

/// How many packets are sent through each policy.
const PACKETS: usize = 24;

fn compiled(text: &str, library: &Library) -> Compilation {
    let alone = |_: &Path| Err(io::ErrorKind::NotFound.into());
    compile(Path::new(POLICY), text, &alone, library, CompileOptions::default())
}

/// A traffic sentence out of the words of a policy: where it speaks of something, packets are like that.
fn sentence(text: &str, interfaces: &[String], random: &mut Random) -> String {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || "{},\"".contains(c)).collect();
    let number = |word: &&&str| word.parse::<u16>().is_ok_and(|port| port > 0);
    let ports: Vec<&str> = words.iter().filter(number).copied().chain(["22", "443", "53"]).collect();
    let host = |word: &&str| word.split(['/', '-']).next().map(str::to_owned);
    let address = |word: &String| word.parse::<std::net::IpAddr>().is_ok();
    let own: Vec<String> = words.iter().filter_map(host).filter(address).collect();
    let v6 = random.chance(40);
    let usual: &[&str] = if v6 { &["2001:db8::9", "fd00::7"] } else { &["192.0.2.9", "10.2.0.5", "203.0.113.7"] };
    let of_family = own.iter().map(String::as_str).filter(|address| address.contains(':') == v6);
    let addresses: Vec<&str> = of_family.chain(usual.iter().copied()).collect();
    let mut words = match random.below(5) {
        0 | 1 => vec![format!("in on {}", random.pick(interfaces))],
        2 => vec![format!("out on {}", random.pick(interfaces))],
        _ => vec![format!("forward in on {} out on {}", random.pick(interfaces), random.pick(interfaces))],
    };
    let protocol = *random.pick(&["tcp", "tcp", "udp", "udp", "sctp", "icmp", "esp", "gre"]);
    words.push(protocol.into());
    if random.chance(70) {
        words.push(format!("from {}", random.pick(&addresses)));
    }
    if random.chance(60) {
        words.push(format!("to {}", random.pick(&addresses)));
    }
    if matches!(protocol, "tcp" | "udp" | "sctp") && random.chance(80) {
        words.push(format!(
            "{}port {}",
            if words.last().is_some_and(|word| word.starts_with("from")) { "to " } else { "" },
            random.pick(&ports)
        ));
    }
    if random.chance(15) {
        words.push(format!("state {}", random.pick(&["established", "related", "invalid"])));
    }
    if random.chance(15) {
        words.push(if v6 { "only ipv6" } else { "only ipv4" }.into());
    }
    words.join(" ")
}

/// The part of the policy that a change takes the place of, and what is then there; nothing, where it is none.
fn edit(text: &str, hint: &Hint, compilation: &Compilation) -> Option<(Range<usize>, String)> {
    let at = match hint {
        Hint::Allow { before: None, .. } | Hint::Established { before: None } => {
            return Some((text.len()..text.len(), format!("\n{}\n", hint.sentence()?)));
        }
        Hint::Allow { before: Some(place), .. }
        | Hint::Established { before: Some(place) }
        | Hint::Except { place, .. }
        | Hint::Without { place } => place,
        _ => return None,
    };
    assert_eq!(at.file, POLICY);
    let ast = &compilation.ast;
    let mut sentences = ast.sentences.iter().map(|sentence| (ast.span(sentence), sentence.body.is_some()));
    let there = sentences.find(|(span, _)| ast.sources.position(*span).0 == at.line);
    let whole = there.map(|(span, _)| span.start as usize..span.end as usize);
    Some(match hint {
        Hint::Except { text, .. } => (whole.expect("a sentence there"), text.clone()),
        Hint::Without { .. } if there.is_some_and(|(_, is_block)| !is_block) => {
            (whole.expect("a sentence there"), String::new())
        }
        // A line of a `rules` block.
        Hint::Without { .. } => {
            let line: usize = text.split_inclusive('\n').take(at.line - 1).map(str::len).sum();
            let start = line + text[line..].find(&at.text).expect("the text of the line");
            (start..start + at.text.len(), String::new())
        }
        _ => {
            let start = whole.expect("a sentence there").start;
            (start..start, format!("{}\n", hint.sentence()?))
        }
    })
}

/// The policy with all of these changes; nothing, where one is none.
fn applied<'a>(text: &str, hints: impl IntoIterator<Item = &'a Hint>, compilation: &Compilation) -> Option<String> {
    let edits: Option<Vec<_>> = hints.into_iter().map(|hint| edit(text, hint, compilation)).collect();
    let mut edits = edits?;
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut changed = text.to_owned();
    for (range, new) in edits.into_iter().rev() {
        changed.replace_range(range, &new);
    }
    Some(changed)
}

/// The changes of a hint; what it says of the packet is then true of it: that it is in the ordinary.
fn changes<'a>(hint: &'a Hint, packet: &mut Described) -> Vec<&'a Hint> {
    if let Hint::Unless { hint, spoofed, over_limit } = hint {
        let assumptions = &mut packet.assumptions;
        assumptions.spoofed = assumptions.spoofed.or(spoofed.then_some(false));
        assumptions.within_limit = assumptions.within_limit.or(over_limit.then_some(true));
        return changes(hint, packet);
    }
    if hint.parts().is_empty() { vec![hint] } else { hint.parts().iter().collect() }
}

/// How many hints of each kind were tried.
#[derive(Debug, Default)]
struct Tried {
    near: usize,
    allow: usize,
    except: usize,
    /// Those for the answer to a packet that passes: with a sentence for all of them, with one of its own.
    established: usize,
    answers: usize,
    without: usize,
    /// Sets of several changes, by their size.
    sets: BTreeMap<usize, usize>,
    /// Those that do in the ordinary.
    unless: usize,
    /// Those that were held against all packets, and the sets of packets that they newly accept.
    proved: usize,
    sets_within: usize,
}

impl Tried {
    fn count(&mut self, hint: &Hint, is_answer: bool) {
        match hint {
            Hint::Near { .. } if is_answer => {}
            Hint::Near { .. } => self.near += 1,
            Hint::Established { .. } => self.established += 1,
            Hint::Allow { .. } | Hint::Except { .. } if is_answer => self.answers += 1,
            Hint::Allow { .. } => self.allow += 1,
            Hint::Except { .. } => self.except += 1,
            Hint::Without { .. } => self.without += 1,
            Hint::Together { hints, .. } => *self.sets.entry(hints.len()).or_default() += 1,
            Hint::Unless { hint, .. } => {
                self.unless += 1;
                self.count(hint, is_answer);
            }
            Hint::TooMany { .. } => {}
        }
    }
}

fn names_what_it_must(hint: &Hint, packet: &Described, context: &str) {
    let Hint::Allow { packets, .. } = hint else { return };
    let traffic = &packets.traffic;
    assert!(!traffic.protocols.is_any(), "the protocol: {context}");
    assert!(!traffic.on.is_any() || !traffic.in_on.is_any(), "the interface: {context}");
    assert_eq!(traffic.source.is_any(), !packet.open.source.is_any(), "the source: {context}");
    let ports = matches!(packet.packet.transport, Transport::Tcp(..));
    assert!(!ports || !traffic.destination_ports.is_any(), "the port: {context}");
}

fn answer_names_what_it_must(hint: &Hint, packet: &Packet, context: &str) {
    let Hint::Allow { packets, .. } = hint else { return };
    let traffic = &packets.traffic;
    assert!(!traffic.protocols.is_any(), "the protocol: {context}");
    assert!(!traffic.on.is_any() || !traffic.in_on.is_any(), "the interface: {context}");
    let tcp = matches!(packet.transport, Transport::Tcp(..));
    assert!(
        !tcp || !traffic.source_ports.is_any() && traffic.flags.is_some(),
        "the service, no first packet: {context}"
    );
}

/// The traces of the answers to a packet.
fn answers(loaded: &Loaded, followed: &Trace) -> Vec<Trace> {
    let traced = replies(loaded, followed).into_iter().filter_map(|reply| match reply {
        Reply::Traced(trace) => Some(*trace),
        Reply::Unknown(_) => None,
    });
    traced.collect()
}

fn policy_with_hints(text: &str, library: &Library, random: &mut Random, tried: &mut Tried) {
    let compilation = compiled(text, library);
    if compilation.diagnostics.has_errors() {
        return;
    }
    let declared = compilation.declarations.interfaces.iter();
    let declared =
        declared.filter(|declared| declared.name.pattern().is_none()).map(|declared| declared.name.to_string());
    let interfaces: Vec<String> = declared.chain(["eth0".into(), "other0".into()]).collect();
    let loaded = Both::of(|family| Loaded::new(&compilation.rulesets[family]));
    for _ in 0..PACKETS {
        let words = sentence(text, &interfaces, random);
        let mut diagnostics = Diagnostics::default();
        let ast = syntax::beside(&compilation.ast.sources, "packet", &words, &mut diagnostics);
        for packet in all_described(&ast, &compilation.declarations, &mut diagnostics) {
            let family = packet.packet.family();
            let rules = Rules::Policy(&compilation);
            let setting = Setting { rules, loaded: &loaded[family], library: Some(library) };
            let followed = trace(&loaded[family], packet.clone());
            for (index, answer) in answers(&loaded[family], &followed).iter().enumerate() {
                for hint in hints(answer, &setting) {
                    tried.count(&hint, true);
                    // What is assumed of the answer is what is assumed of the packet.
                    let mut asked = packet.clone();
                    let changes = changes(&hint, &mut asked);
                    let context = format!("{hint}\n{}", described(&answer.described.packet));
                    lets_pass(text, &changes, &compilation, (library, family), &context, |loaded| {
                        let fates = answers(loaded, &trace(loaded, asked.clone()));
                        fates.get(index).and_then(Trace::verdict)
                    });
                    changes.iter().for_each(|hint| answer_names_what_it_must(hint, &answer.described.packet, &context));
                }
            }
            for hint in hints(&followed, &setting) {
                assert!(!matches!(hint, Hint::Established { .. }), "{} answers nothing", described(&packet.packet));
                tried.count(&hint, false);
                let mut asked = packet.clone();
                let changes = changes(&hint, &mut asked);
                let context = format!("{hint}\n{}", described(&packet.packet));
                lets_pass(text, &changes, &compilation, (library, family), &context, |loaded| {
                    trace(loaded, asked.clone()).verdict()
                });
                changes.iter().for_each(|hint| names_what_it_must(hint, &packet, &context));
                opens_nothing_else(text, &hint, &compilation, library, tried);
            }
        }
    }
}

/// How many hints are held against all packets.
const MAX_PROVED: usize = 120;

/// What a sentence newly accepts lies within what it says, over all packets. Where packets are translated or marked, the
/// sentence speaks of them as they are then, and not as they come.
fn opens_nothing_else(text: &str, hint: &Hint, compilation: &Compilation, library: &Library, tried: &mut Tried) {
    let Hint::Allow { packets, .. } = hint else { return };
    let tables = compilation.rulesets.iter().flat_map(|ruleset| &ruleset.tables);
    let writes = tables.flat_map(|table| &table.rules).any(|rule| rule.target.then().is_none());
    let Some(changed) = applied(text, [hint], compilation).filter(|_| !writes && tried.proved < MAX_PROVED) else {
        return;
    };
    tried.proved += 1;
    let again = compiled(&changed, library);
    let declared: Vec<_> = compilation.declarations.interfaces.iter().map(|declared| declared.name).collect();
    for family in Family::BOTH {
        let pair = Pair { old: Rules::Policy(compilation), new: Rules::Policy(&again), family };
        let difference = diff(pair, &declared).expect("it is decided");
        let told = difference.packets.iter().filter(|turned| turned.change != Turn::RefusedOtherwise);
        for (turned, told) in told.flat_map(|turned| turned.packets.iter().map(move |told| (turned, told))) {
            assert_eq!(turned.change, Turn::NewlyAccepted, "{hint}: {}", told.packets);
            // Of a later piece iptables-nft takes the first bytes for the ports: no sentence says these.
            if !told.also.is_empty() || !turned.depends.is_empty() {
                continue;
            }
            let of_all = if told.packets.contains(" state ") { "" } else { " state any" };
            let allow = format!("allow {}", cgwfw::sentence::packets(packets));
            let asked = compiled(&format!("default drop\n{allow}\nexpect accept {}{of_all}\n", told.packets), library);
            assert!(!asked.diagnostics.has_errors(), "{}: {:?}", told.packets, asked.diagnostics);
            let results: Vec<&str> = check(&asked).map(|checked| checked.result()).collect();
            assert_eq!(results, ["proved"], "{allow}\nopens {}\nin\n{text}", told.packets);
            tried.sets_within += 1;
        }
    }
}

/// With all changes the packet passes, and without any of them it does not.
fn lets_pass(
    text: &str,
    changes: &[&Hint],
    compilation: &Compilation,
    (library, family): (&Library, Family),
    context: &str,
    fate: impl Fn(&Loaded) -> Option<Verdict>,
) {
    let verdict = |hints: Vec<&Hint>| {
        let changed = applied(text, hints, compilation)?;
        let again = compiled(&changed, library);
        assert!(!again.diagnostics.has_errors(), "{context}\n{changed}\n{:?}", again.diagnostics);
        Some((fate(&Loaded::new(&again.rulesets[family])), changed))
    };
    let Some((all, changed)) = verdict(changes.to_vec()) else { return };
    assert_eq!(all, Some(Verdict::Accept), "{context}\n{changed}");
    for index in 0..changes.len() {
        let mut fewer = changes.to_vec();
        let out = fewer.remove(index);
        let (rest, changed) = verdict(fewer).expect("changes");
        assert_ne!(rest, Some(Verdict::Accept), "{context}\nwithout its {}\n{changed}", out.part());
    }
}

#[test]
fn every_hint_lets_its_packet_pass() {
    let library = Library::built_in();
    let seed = support::number("CGWFW_SEED", 1);
    let mut random = Random::new(seed);
    let mut tried = Tried::default();
    let whole = |policy: &str| match policy.lines().any(|line| line.starts_with("default")) {
        true => policy.to_owned(),
        false => format!("default drop\n{policy}"),
    };
    for file in support::case_files() {
        let text = std::fs::read_to_string(&file).expect("a case file");
        for case in examples(&text) {
            policy_with_hints(&whole(&case.policy), &library, &mut random, &mut tried);
        }
    }
    for file in support::policies("examples") {
        let text = std::fs::read_to_string(&file).expect("an example");
        policy_with_hints(&text, &library, &mut random, &mut tried);
    }
    // What drops before it is allowed: the way out is an exception.
    for _ in 0..40 {
        let text = "default drop\ndrop bogons on eth0\nallow in on eth0 tcp\nallow in on eth0 udp\n";
        policy_with_hints(text, &library, &mut random, &mut tried);
        // What drops it before the filter, and takes no exception: the way out is without it.
        let text = "default drop\nrules both mangle { -A PREROUTING -i eth0 -p udp -j DROP }\nallow in on eth0 udp\n";
        policy_with_hints(text, &library, &mut random, &mut tried);
        // What drops it more than once: the way out is a set.
        let text = "default drop\ndrop bogons on eth0\ndrop spoofed on eth0\nrules both mangle {\n\
            -A PREROUTING -i eth0 -p udp -j DROP\n-A INPUT -p tcp -m tcp --dport 22 -j DROP\n\
            -A POSTROUTING -p esp -j DROP }\nallow in on eth0 tcp\ndrop in on eth0 udp port 53\n";
        policy_with_hints(text, &library, &mut random, &mut tried);
    }
    for index in 0..support::number("CGWFW_POLICIES", 100) {
        let text = generate::text(&generate::policy(seed + index, &library));
        policy_with_hints(&text, &library, &mut random, &mut tried);
    }
    println!("{tried:?}");
    assert!(tried.near > 100 && tried.allow > 1_000 && tried.except > 20, "{tried:?}");
    assert!(tried.proved > 100 && tried.sets_within > 100, "{tried:?}");
    assert!(tried.established > 20 && tried.answers > 100, "{tried:?}");
    let sets = |size: usize| tried.sets.get(&size).copied().unwrap_or_default();
    assert!(tried.without > 20 && tried.unless > 20 && sets(2) > 50 && sets(3) > 20, "{tried:?}");
}
