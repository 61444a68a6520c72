//! No clause is dropped in silence: without it, or with another value, a sentence makes other rules.
//!
//! `CGWFW_SENTENCES` says how many sentences; `CGWFW_SEED` where to begin.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support;
use crate::support::generate::{self, Clauses, Random};
use cgwfw::compile::compile;
use cgwfw::expand::CompileOptions;
use cgwfw::net::Family;
use cgwfw::rule_file;
use cgwfw::snippet::library::Library;

/// The rules of both families, without the comments that hold the sentence, and the notes; `None` where there are errors.
fn compiled(text: &str, library: &Library) -> Option<([String; 2], String)> {
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let compilation = compile(
        Path::new("policy.cgwfw"),
        text,
        &read,
        library,
        CompileOptions { notes: true, ..CompileOptions::default() },
    );
    if compilation.diagnostics.has_errors() {
        return None;
    }
    let plain =
        |text: String| text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    let rules = Family::BOTH.map(|family| plain(rule_file::text(&compilation.ast, &compilation.rulesets[family])));
    Some((rules, compilation.diagnostics.iter().map(|report| report.message.as_str()).collect()))
}

/// The words of a sentence; a string is one, and a comma ends one.
fn words(sentence: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut escaped) = (String::new(), false, false);
    for letter in sentence.chars() {
        if letter.is_whitespace() && !quoted {
            words.push(std::mem::take(&mut word));
            continue;
        }
        word.push(letter);
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        if letter == ',' && !quoted {
            words.push(std::mem::take(&mut word));
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// The same words with another number at their end, where they have one.
fn with_another_number(clause: &[String]) -> Option<Vec<String>> {
    let numbered = |word: &String| word.contains(|c: char| c.is_ascii_digit()) && !word.starts_with(['$', '"']);
    let at = clause.iter().rposition(numbered)?;
    let end = clause[at].rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = clause[at][..end].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |before| before + 1);
    let number: u64 = clause[at][start..end].parse().ok()?;
    let other = if number == 0 { 1 } else { number - 1 };
    let mut changed = clause.to_vec();
    changed[at].replace_range(start..end, &other.to_string());
    Some(changed)
}

/// Words that say no more than nothing.
const EVERY_ADDRESS: [&str; 8] = ["from", "to", "peer", "any", "0.0.0.0/0", "0.0.0.0/0,", "::/0", "::/0,"];

/// Why a sentence may mean the same without some words, or with others instead.
fn excuse(defines: &[(String, Vec<String>)], notes: &str, left: &[String], removed: &[String]) -> Option<&'static str> {
    let bare = |word: &String| word.trim_end_matches(',').to_owned();
    let stays = |word: &String| left.iter().any(|other| bare(other) == bare(word));
    let value = |word: &'_ String| defines.iter().find(|(name, _)| name == word).map(|(_, value)| value.clone());
    let removed: Vec<String> = removed.iter().flat_map(|word| value(word).unwrap_or(vec![word.clone()])).collect();
    let plain: Vec<&str> = removed.iter().map(String::as_str).filter(|word| !matches!(*word, "{" | "}")).collect();
    match plain[..] {
        _ if notes.contains(&format!("`{}`", removed.join(" "))) => Some("a note says so"),
        ["\"\""] => Some("a log without a prefix is one with an empty prefix"),
        ["all"] => Some("all protocols are meant where none is named"),
        [] => None,
        _ if plain.iter().all(|word| EVERY_ADDRESS.contains(word)) => {
            Some("every address is meant where none is named")
        }
        ["burst", "5"] => Some("that is the usual burst"),
        ["with", "port-unreachable"] => Some("that is the usual reason"),
        ["ipv6", _] if notes.contains("`ipv6 N` changes nothing") => Some("a note says so"),
        ["ipv6", size] if stays(&size.to_owned()) => Some("both families have the same size"),
        ["to"] => Some("`port` alone is the destination's"),
        ["source"] => Some("directly after an address, and with another port, `port` is the source's"),
        ["in"] if left.iter().any(|word| word == "invalid") => Some("invalid packets are dropped where they come in"),
        ["only", "ipv4" | "ipv6"] => Some("an address has chosen the family"),
        ["http" | "http," | "80-80" | "80-80,"] => Some("the two are the same port"),
        _ if removed.iter().all(stays) => Some("it is in the list twice"),
        // Two clauses, each with an excuse of its own.
        _ => (1..removed.len()).find_map(|at| {
            let (first, second) = removed.split_at(at);
            excuse(defines, notes, left, first).and_then(|_| excuse(defines, notes, left, second))
        }),
    }
}

#[test]
fn every_clause_changes_the_rules() {
    let (seed, sentences) = (support::number("CGWFW_SEED", 0), support::number("CGWFW_SENTENCES", 600));
    let library = Library::built_in();
    let (next, tried) = (AtomicU64::new(seed), AtomicU64::new(0));
    let dropped: Mutex<BTreeMap<String, String>> = Mutex::default();
    let work = || loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= seed + sentences {
            return;
        }
        let Clauses { before, head, clauses } = generate::clauses(number, &library);
        let define = |sentence: &String| {
            let (name, value) = sentence.strip_prefix("define ")?.split_once(" = ")?;
            Some((format!("${name}"), words(value)))
        };
        let defines: Vec<_> = before.iter().filter_map(define).collect();
        let (before, name) = (generate::text(&before), words(&head).len());
        let whole = format!("{head} {}", clauses.join(" "));
        let Some((expected, notes)) = compiled(&format!("{before}{whole}\n"), &library) else { continue };
        let look_at = |changed: String, removed: &[String]| {
            let Some((found, _)) = compiled(&format!("{before}{changed}\n"), &library) else { return };
            tried.fetch_add(1, Ordering::Relaxed);
            if found == expected && excuse(&defines, &notes, &words(&changed), removed).is_none() {
                let details = format!("{before}{whole}\n  the same as\n{changed}\n");
                dropped.lock().expect("no one panics").entry(removed.join(" ")).or_insert(details);
            }
        };
        for index in 0..clauses.len() {
            let mut fewer = clauses.clone();
            let removed = words(&fewer.remove(index));
            look_at(format!("{head} {}", fewer.join(" ")), &removed);
            // A rate is counted in ticks: two near ones may be the same.
            if let Some(changed) = with_another_number(&removed).filter(|_| !clauses[index].contains("limit ")) {
                let mut others = clauses.clone();
                others[index] = changed.join(" ");
                look_at(format!("{head} {}", others.join(" ")), &removed);
            }
        }
        let all = words(&whole);
        let mut random = Random::new(number);
        for _ in 0..10 {
            let start = name + random.below(all.len() - name + 1);
            let end = (start + 1 + random.below(4)).min(all.len());
            if start < end {
                let mut fewer = all.clone();
                let removed: Vec<String> = fewer.drain(start..end).collect();
                look_at(fewer.join(" "), &removed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            std::thread::Builder::new().stack_size(8 << 20).spawn_scoped(scope, work).expect("a thread");
        }
    });
    let dropped = dropped.into_inner().expect("no one panics");
    let list: String =
        dropped.iter().map(|(removed, details)| format!("=== `{removed}` changes nothing\n{details}\n")).collect();
    assert!(dropped.is_empty(), "{list}");
    let tried = tried.into_inner();
    assert!(tried > sentences * 2, "only {tried} changes of {sentences} sentences were tried");
}
