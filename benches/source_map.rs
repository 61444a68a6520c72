//! How long `build --source-map` takes to say where each rule comes from, its JSON included; and rules blocks on their way.
//! Input: policies of growing size. Output: times, which grow as the sizes do; `cargo bench --bench source_map`.

mod policies;

use std::fmt::Write;
use std::io;
use std::path::Path;

use cgwfw::compile::{Compilation, compile};
use cgwfw::expand::CompileOptions;
use cgwfw::snippet::library::Library;
use cgwfw::source_map::source_map;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

const SIZES: [u32; 3] = [1_000, 10_000, 50_000];

fn main() {
    divan::main();
}

/// Sentences with six rules each.
#[divan::bench(args = SIZES, sample_count = 10)]
fn sentences(bencher: Bencher, count: u32) {
    mapped(bencher, count, &policies::ipsec(count));
}

/// A gateway's policy of so many lines.
#[divan::bench(args = SIZES, sample_count = 10)]
fn gateway_of_lines(bencher: Bencher, lines: u32) {
    mapped(bencher, lines, &policies::gateway(lines as usize));
}

/// One `rules` block of so many lines.
#[divan::bench(args = SIZES, sample_count = 10)]
fn lines_of_a_block(bencher: Bencher, count: u32) {
    mapped(bencher, count, &block(count));
}

/// The same block from its text to rules.
#[divan::bench(args = SIZES, sample_count = 10)]
fn block_compiled(bencher: Bencher, count: u32) {
    let (library, text) = (Library::built_in(), block(count));
    bencher.counter(ItemsCount::new(count)).bench(|| compiled(black_box(&text), &library));
}

/// A block with a chain of its own for every line.
#[divan::bench(args = SIZES, sample_count = 10)]
fn chains_compiled(bencher: Bencher, count: u32) {
    let library = Library::built_in();
    let mut text = "default drop\nrules both filter {\n".to_owned();
    for number in 0..count {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "-A own-{number} -p tcp -m tcp --dport {} -j ACCEPT", 1 + number % 65_535);
        let _ = writeln!(text, ":own-{number} - [0:0]");
    }
    text.push_str("}\n");
    bencher.counter(ItemsCount::new(count)).bench(|| compiled(black_box(&text), &library));
}

fn block(lines: u32) -> String {
    let mut text = "default drop\nrules both filter {\n".to_owned();
    for line in 0..lines {
        let _ = writeln!(text, "  -A INPUT -p udp -m udp --dport {} -j ACCEPT", 1 + line % 65_535);
    }
    text + "}\n"
}

fn mapped(bencher: Bencher, count: u32, text: &str) {
    let library = Library::built_in();
    let compilation = compiled(text, &library);
    assert!(!compilation.diagnostics.has_errors(), "the load of the benchmark");
    bencher
        .counter(ItemsCount::new(count))
        .bench(|| serde_json::to_vec(&source_map(black_box(&compilation), &library)));
}

fn compiled(text: &str, library: &Library) -> Compilation {
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    compile(Path::new("policy.cgwfw"), text, &read, library, CompileOptions::default())
}
