//! How many instructions the compiler takes, which repeats where times do not: a check for CI.
//! Input: `instructions.txt`, valgrind. Output: each count beside the stored one; failure when one grew by more than 5 %.
//!
//! `cargo bench --bench instructions` compares, `cargo bench --bench instructions -- --renew` stores the counts anew.

mod expected;
mod packets;
mod policies;

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;

use cgwfw::compile::{Compilation, compile};
use cgwfw::diagnostic::{Diagnostics, Style};
use cgwfw::diff::{Pair, diff};
use cgwfw::expand::CompileOptions;
use cgwfw::expect::check;
use cgwfw::lsp::serve;
use cgwfw::net::Family;
use cgwfw::origin::Rules;
use cgwfw::simulate::{Assumptions, Loaded, decide};
use cgwfw::snippet::library::Library;
use cgwfw::trace::hint::Setting;
use cgwfw::trace::human::{self, human};
use cgwfw::traffic::one::all_described;
use cgwfw::{rule_file, syntax, trace};
use lsp_server::{Connection, Message, Notification, Request};
use serde_json::{Value, json};

/// The stored counts: the toolchain that they are of, then `NAME COUNT` lines.
const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");

const HEAD: &str = "# Instructions of each step. Written by `cargo bench --bench instructions -- --renew`.";

const RENEW: &str = "cargo bench --bench instructions -- --renew";

/// More than this is a failure, in percent.
const TOLERANCE: f64 = 5.0;

/// A step's name, and what it does: with `true` the work, with `false` only its preparation.
type Step = (&'static str, fn(bool));

/// What is measured. A step runs twice, whole and only prepared: the difference is its count.
const STEPS: [Step; 9] = [
    ("library", |whole| {
        whole.then(|| black_box(Library::built_in()));
    }),
    // The metadata of every block, which is read when a sentence asks for it.
    ("all_signatures", |whole| {
        let library = Library::built_in();
        if whole {
            library.snippets.iter().for_each(|snippet| {
                black_box(snippet.signature.forms.len());
            });
        }
    }),
    ("gateway_of_200_lines", |whole| both_files(&policies::gateway(200), whole)),
    ("ipsec_1000_sentences", |whole| both_files(&policies::ipsec(1_000), whole)),
    ("simulate_site_to_site", simulated),
    ("trace_gateway", traced),
    ("decide_200_expectations", decided),
    ("diff_1000_sentences", differing),
    ("server_session", served),
];

/// From the text of a policy to both rule files.
fn both_files(policy: &str, whole: bool) {
    let library = Library::built_in();
    if whole {
        let compilation = compiled(policy, &library);
        black_box(rule_file::both(&compilation.ast, &compilation.rulesets));
    }
}

/// As many expectations as there are rules.
fn decided(whole: bool) {
    let compilation = compiled(&expected::policy(200), &Library::built_in());
    if whole {
        assert!(check(black_box(&compilation)).all(|checked| checked.proved), "each of them holds");
    }
}

/// What a sentence does that is there in the one policy alone.
fn differing(whole: bool) {
    let library = Library::built_in();
    let text = policies::ipsec(1_000);
    let [old, new] =
        [text.clone(), text + "allow ssh in on inet0 from 192.0.2.0/24\n"].map(|text| compiled(&text, &library));
    if whole {
        for family in Family::BOTH {
            let pair = Pair { old: Rules::Policy(&old), new: Rules::Policy(&new), family };
            assert!(black_box(diff(pair, &[])).is_some(), "it is decided");
        }
    }
}

fn compiled(policy: &str, library: &Library) -> Compilation {
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let compilation = compile(Path::new("policy.cgwfw"), black_box(policy), &read, library, CompileOptions::default());
    assert!(!compilation.diagnostics.has_errors(), "what is refused is not worth measuring");
    compilation
}

/// Ten times the verdicts of packets of every kind on every way through the site-to-site example.
fn simulated(whole: bool) {
    let library = Library::built_in();
    let compilation = compiled(include_str!("../examples/site-to-site.cgwfw"), &library);
    let loaded = Loaded::new(&compilation.rulesets.v4);
    let packets = packets::all();
    for packet in packets.iter().cycle().take(if whole { 10 * packets.len() } else { 0 }) {
        black_box(decide(&loaded, black_box(packet), Assumptions::ORDINARY));
    }
}

/// The answer of `trace` about two packets, one in each family, that no rule of a gateway accepts.
fn traced(whole: bool) {
    let library = Library::built_in();
    let compilation = compiled(&policies::gateway(200), &library);
    if whole {
        let mut reports = Diagnostics::default();
        let ast = syntax::beside(&compilation.ast.sources, "packet", "in on inet0 tcp port 8080", &mut reports);
        let packets = all_described(&ast, &compilation.declarations, &mut reports);
        assert_eq!(packets.len(), 2, "one in each family");
        for packet in packets {
            let loaded = Loaded::new(&compilation.rulesets[packet.packet.family()]);
            let trace = trace::trace(&loaded, packet);
            let rules = Rules::Policy(&compilation);
            let setting = Setting { rules, loaded: &loaded, library: Some(&library) };
            let options = human::TraceStyle {
                style: Style { color: false, unicode: true, width: 100 },
                verbose: true,
                reply: true,
            };
            black_box(human(&trace, &setting, options));
        }
    }
}

/// A session with the language server: a policy is opened, changed ten times, and asked about after each change.
fn served(whole: bool) {
    let text = policies::gateway(200);
    let (server_side, client) = Connection::memory();
    let server = thread::spawn(move || serve(&server_side));
    let mut id = 0;
    request(&client, &mut id, "initialize", json!({ "capabilities": {} }));
    notify(&client, "initialized", json!({}));
    if whole {
        let document = json!({ "uri": ADDRESS, "languageId": "cgwfw", "version": 1, "text": text });
        notify(&client, "textDocument/didOpen", json!({ "textDocument": document }));
        for version in 2..12 {
            let word = if version % 2 == 0 { "loopbck" } else { "loopback" };
            let changes = json!([{ "text": text.replacen("loopback", word, 1) }]);
            let document = json!({ "uri": ADDRESS, "version": version });
            notify(&client, "textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
            let place = json!({ "textDocument": { "uri": ADDRESS }, "position": { "line": 7, "character": 8 } });
            for method in ["hover", "completion", "semanticTokens/full", "documentSymbol"] {
                request(&client, &mut id, &format!("textDocument/{method}"), place.clone());
            }
        }
    }
    drop(client);
    server.join().expect(RUNS).expect(RUNS);
}

const ADDRESS: &str = "file:///policy.cgwfw";

const RUNS: &str = "the server runs";

fn notify(client: &Connection, method: &str, parameters: Value) {
    client.sender.send(Notification::new(method.into(), parameters).into()).expect(RUNS);
}

/// Sends a request, and waits for its answer.
fn request(client: &Connection, id: &mut i32, method: &str, parameters: Value) {
    *id += 1;
    client.sender.send(Request::new((*id).into(), method.into(), parameters).into()).expect(RUNS);
    loop {
        if let Message::Response(response) = client.receiver.recv().expect(RUNS) {
            assert!(response.response_result.is_ok(), "{method}: {response:?}");
            return;
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["--step", name, part] => {
            STEPS.iter().filter(|(step, _)| *step == name).for_each(|(_, run)| run(part == "whole"));
            Ok(())
        }
        ["--renew"] => toolchain().and_then(|toolchain| Ok((toolchain, counts()?))).and_then(renew),
        [] => toolchain().and_then(|toolchain| compare(&toolchain, &counts()?)),
        _ => Err("usage: cargo bench --bench instructions [-- --renew]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn renew((toolchain, counts): (String, Vec<(&str, u64)>)) -> Result<(), String> {
    let lines: String = counts.iter().map(|(name, count)| format!("{name} {count}\n")).collect();
    print!("{lines}");
    fs::write(STORED, format!("{HEAD}\n{toolchain}\n{lines}")).map_err(|error| format!("{STORED}: {error}"))
}

fn compare(toolchain: &str, counts: &[(&str, u64)]) -> Result<(), String> {
    let text = fs::read_to_string(STORED).map_err(|error| format!("{STORED}: {error}; `{RENEW}` writes it"))?;
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let stored_toolchain = lines.next().unwrap_or_default();
    if stored_toolchain != toolchain {
        counts.iter().for_each(|(name, count)| println!("{name:24} {count:>14}"));
        println!("WARNING: instruction counts are NOT COMPARED: the stored ones are of another toolchain.");
        println!("  stored: {stored_toolchain}\n  here:   {toolchain}\n  to store those of here: {RENEW}");
        return Ok(());
    }
    let stored: BTreeMap<&str, u64> = lines
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, count)| Some((name, count.parse().ok()?)))
        .collect();
    let mut grown = Vec::new();
    for (name, count) in counts {
        let Some(before) = stored.get(name) else {
            println!("{name:24} {count:>14}  not stored");
            grown.push(*name);
            continue;
        };
        let percent = (*count as f64 / *before as f64 - 1.0) * 100.0;
        println!("{name:24} {count:>14}  stored {before:>14}  {percent:+.2} %");
        if percent > TOLERANCE {
            grown.push(name);
        } else if percent < -TOLERANCE {
            println!("  better: store it with `{RENEW}`, so that it stays so");
        }
    }
    if grown.is_empty() {
        return Ok(());
    }
    let grown = grown.join(", ");
    Err(format!(
        "more than {TOLERANCE} % more instructions than stored, or not stored: {grown}\nif that is meant: {RENEW}"
    ))
}

/// The count of each step.
fn counts() -> Result<Vec<(&'static str, u64)>, String> {
    STEPS.iter().map(|(name, _)| Ok((*name, instructions(name, "whole")? - instructions(name, "prepared")?))).collect()
}

/// The instructions of a run of this program under valgrind, all threads together.
fn instructions(name: &str, part: &str) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--step", name, part])
        .output()
        .map_err(|error| format!("valgrind: {error}; `apt-get install valgrind` brings it"))?;
    let report = String::from_utf8_lossy(&run.stderr);
    // ==1234== Collected : 5678
    let count = report.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    count.filter(|_| run.status.success()).ok_or_else(|| format!("valgrind gave no count of {name}:\n{report}"))
}

/// The compiler that the counts depend on, and its target.
fn toolchain() -> Result<String, String> {
    let run = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let text = String::from_utf8_lossy(&run.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    Ok(format!("{} {host}", text.lines().next().unwrap_or_default()))
}
