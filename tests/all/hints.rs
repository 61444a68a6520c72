//! A hint that `trace` shows is a way out: written into the policy, it lets the packet pass, and not much else.
//!
//! `CGWFW_POLICIES` says how many generated policies are asked besides those of cases and examples; `CGWFW_SEED` where to
//! begin.

use std::io;
use std::path::Path;

use crate::support;
use crate::support::generate::{self, Random};
use cgwfw::compile::{Compilation, compile};
use cgwfw::diagnostic::Diagnostics;
use cgwfw::expand::CompileOptions;
use cgwfw::iptables::packet::{Packet, Transport};
use cgwfw::net::Both;
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

/// The policy with the hint in it; nothing, where it is not a text to write.
fn applied(text: &str, hint: &Hint, compilation: &Compilation) -> Option<String> {
    let sentence = hint.sentence()?;
    let at = match hint {
        Hint::Allow { before: None, .. } | Hint::Established { before: None } => {
            return Some(format!("{text}\n{sentence}\n"));
        }
        Hint::Allow { before: Some(place), .. }
        | Hint::Established { before: Some(place) }
        | Hint::Except { place, .. } => place,
        Hint::Near { .. } => return None,
    };
    assert_eq!(at.file, POLICY);
    let ast = &compilation.ast;
    let spans = ast.sentences.iter().map(|sentence| ast.span(sentence));
    let span = spans.into_iter().find(|span| ast.sources.position(*span).0 == at.line).expect("a sentence there");
    let (start, end) = (span.start as usize, span.end as usize);
    Some(match hint {
        Hint::Except { .. } => format!("{}{sentence}{}", &text[..start], &text[end..]),
        _ => format!("{}{sentence}\n{}", &text[..start], &text[start..]),
    })
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
                    match hint {
                        Hint::Near { .. } => {}
                        Hint::Established { .. } => tried.established += 1,
                        Hint::Allow { .. } | Hint::Except { .. } => tried.answers += 1,
                    }
                    let Some(changed) = applied(text, &hint, &compilation) else { continue };
                    let context = format!("{hint}\n{}\n{changed}", described(&answer.described.packet));
                    let again = compiled(&changed, library);
                    assert!(!again.diagnostics.has_errors(), "{context}\n{:?}", again.diagnostics);
                    let loaded = Loaded::new(&again.rulesets[family]);
                    let fates = answers(&loaded, &trace(&loaded, packet.clone()));
                    let verdict = fates.get(index).and_then(Trace::verdict);
                    assert_eq!(verdict, Some(Verdict::Accept), "{context}");
                    answer_names_what_it_must(&hint, &answer.described.packet, &context);
                }
            }
            for hint in hints(&followed, &setting) {
                match hint {
                    Hint::Near { .. } => tried.near += 1,
                    Hint::Allow { .. } => tried.allow += 1,
                    Hint::Except { .. } => tried.except += 1,
                    Hint::Established { .. } => panic!("{} answers nothing", described(&packet.packet)),
                }
                let Some(changed) = applied(text, &hint, &compilation) else { continue };
                let context = format!("{hint}\n{}\n{changed}", described(&packet.packet));
                let again = compiled(&changed, library);
                assert!(!again.diagnostics.has_errors(), "{context}\n{:?}", again.diagnostics);
                let fate = trace(&Loaded::new(&again.rulesets[family]), packet.clone());
                assert_eq!(fate.verdict(), Some(Verdict::Accept), "{context}\n{:?}", fate.decisions());
                names_what_it_must(&hint, &packet, &context);
            }
        }
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
    }
    for index in 0..support::number("CGWFW_POLICIES", 100) {
        let text = generate::text(&generate::policy(seed + index, &library));
        policy_with_hints(&text, &library, &mut random, &mut tried);
    }
    println!("{tried:?}");
    assert!(tried.near > 100 && tried.allow > 1_000 && tried.except > 20, "{tried:?}");
    assert!(tried.established > 20 && tried.answers > 100, "{tried:?}");
}
