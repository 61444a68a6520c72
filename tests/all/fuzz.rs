//! The checks of the fuzz targets on texts that are at hand: examples, building blocks, rule files, packets.
//! Each text is also cut at several places.

#[path = "../../fuzz/checks.rs"]
mod checks;

use crate::support;
use std::fs;
use std::path::Path;

/// The files of a folder with that ending.
fn texts(folder: &str, ending: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files =
        fs::read_dir(folder).expect("the folder is part of the checkout").map(|entry| entry.expect("an entry").path());
    let files = files.filter(|path| path.to_string_lossy().ends_with(ending));
    let texts: Vec<_> = files.map(|path| fs::read_to_string(path).expect("a text file")).collect();
    assert!(!texts.is_empty(), "no {ending} in the folder");
    texts
}

/// Runs a check on the text and on some beginnings of it.
fn with_beginnings(text: &str, check: &dyn Fn(&str)) {
    check(text);
    for part in 1..8 {
        let end = text.floor_char_boundary(text.len() * part / 8);
        check(&text[..end]);
    }
}

#[test]
fn policies() {
    texts("examples", ".cgwfw").iter().for_each(|text| with_beginnings(text, &checks::policy));
}

#[test]
fn rule_files() {
    texts("examples", ".rules").iter().for_each(|text| with_beginnings(text, &checks::rules));
}

#[test]
fn building_blocks() {
    let snippets = Path::new(env!("CARGO_MANIFEST_DIR")).join("snippets");
    for folder in fs::read_dir(snippets).expect("the building blocks") {
        let read =
            |name: &str| fs::read_to_string(folder.as_ref().expect("a folder").path().join(name)).expect("a block");
        with_beginnings(&format!("{}\n---\n{}", read("snippet.toml"), read("rules.j2")), &checks::snippet);
    }
}

#[test]
fn packets() {
    let mut packets = 0;
    for file in support::case_files() {
        let text = fs::read_to_string(&file).expect("a case file");
        let lines = text.lines().filter_map(|line| line.split_once(" => ").map(|(packet, _)| packet));
        lines.for_each(|packet| {
            with_beginnings(packet, &checks::traffic);
            packets += 1;
        });
    }
    assert!(packets > 20, "{packets} packets");
}
