//! How long the compiler takes, from the text of a policy to both rule files.
//! Input: the policies of `policies.rs`. Output: times; `cargo bench --bench compile [-- NAME]`.

mod policies;

use std::io;
use std::path::Path;

use cgwfw::compile::{Compilation, compile};
use cgwfw::diagnostic::{Diagnostics, Severity};
use cgwfw::expand::CompileOptions;
use cgwfw::iptables::parse;
use cgwfw::net::{Both, Family};
use cgwfw::snippet::library::Library;
use cgwfw::{rule_file, syntax};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

/// The rules of `policies::ipsec(10_000)`, both families together.
const RULES: usize = 60_000;

fn main() {
    divan::main();
}

/// The library of building blocks, which every command loads first.
#[divan::bench]
fn library() -> Library {
    Library::built_in()
}

#[divan::bench]
fn site_to_site(bencher: Bencher) {
    both_files(bencher, include_str!("../examples/site-to-site.cgwfw"));
}

#[divan::bench]
fn gateway_of_200_lines(bencher: Bencher) {
    both_files(bencher, &policies::gateway(200));
}

#[divan::bench(args = [10_000, 100_000], sample_count = 20)]
fn ipsec_sentences(bencher: Bencher, sentences: u32) {
    both_files(bencher, &policies::ipsec(sentences));
}

/// Policy text to sentences, nothing resolved yet.
#[divan::bench(sample_count = 20)]
fn parse_10_000_sentences(bencher: Bencher) {
    let policy = policies::ipsec(10_000);
    let library = Library::built_in();
    bencher.bench(|| {
        let mut diagnostics = Diagnostics::default();
        let sources = library.sources.clone();
        syntax::parse(
            Path::new("policy.cgwfw"),
            black_box(&policy),
            sources,
            &no_includes,
            &|word| library.is_verb(word),
            &mut diagnostics,
        )
    });
}

/// The texts of both families back to rules.
#[divan::bench(sample_count = 20)]
fn read_60_000_rules(bencher: Bencher) {
    let Both { v4, v6 } = rule_files(&compiled(&policies::ipsec(10_000), &Library::built_in()));
    let rules = [&v4, &v6].iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("-A ")).count();
    assert_eq!(rules, RULES, "the load of the benchmark");
    bencher
        .counter(ItemsCount::new(RULES))
        .bench(|| [parse::file(black_box(&v4), Family::V4), parse::file(black_box(&v6), Family::V6)]);
}

/// Measures `policy` from its text to the texts of both rule files.
fn both_files(bencher: Bencher, policy: &str) {
    let library = Library::built_in();
    bencher.bench(|| rule_files(&compiled(black_box(policy), &library)));
}

fn rule_files(compilation: &Compilation) -> Both<String> {
    rule_file::both(&compilation.ast, &compilation.rulesets)
}

/// Compiles a policy, which must not have errors: what is refused is not worth measuring.
fn compiled(policy: &str, library: &Library) -> Compilation {
    let compilation = compile(Path::new("policy.cgwfw"), policy, &no_includes, library, CompileOptions::default());
    let error = compilation.diagnostics.iter().find(|report| report.severity == Severity::Error);
    assert!(error.is_none(), "{error:?}");
    compilation
}

fn no_includes(_: &Path) -> io::Result<String> {
    Err(io::ErrorKind::NotFound.into())
}
