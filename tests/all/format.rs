//! The formatter: what it writes, that it changes no meaning, and `cgwfw fmt` as users run it.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::LazyLock;

use crate::support::{self, policies, text};
use cgwfw::compile::{Compilation, compile};
use cgwfw::diagnostic::Diagnostics;
use cgwfw::expand::CompileOptions;
use cgwfw::format::format;
use cgwfw::net::Family;
use cgwfw::rule_file;
use cgwfw::snippet::library::Library;
use cgwfw::snippet::readme::{Example, examples};
use cgwfw::source::Sources;
use cgwfw::syntax::{self, Token, TokenKind};
use proptest::prelude::*;

/// Whether a sentence of the built-in library can begin with a word.
fn is_verb(word: &str) -> bool {
    static LIBRARY: LazyLock<Library> = LazyLock::new(Library::built_in);
    LIBRARY.is_verb(word)
}

fn formatted(text: &str) -> Option<String> {
    format(Path::new("policy.cgwfw"), text, &is_verb).text
}

/// What a file says whatever its layout: the tokens of each sentence with the lines of a `rules` block, and the
/// comments. A comma that ends a list says nothing.
fn content(text: &str) -> (Vec<Vec<String>>, Vec<String>) {
    let mut diagnostics = Diagnostics::default();
    let nothing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    let ast = syntax::parse(Path::new("policy.cgwfw"), text, Sources::default(), &nothing, &is_verb, &mut diagnostics);
    let words = |sentence: &syntax::Sentence| {
        let tokens = ast.tokens(sentence);
        let kind = |index: usize| tokens.get(index).map(|token| token.kind);
        let is_value = |index: usize| !matches!(kind(index), Some(TokenKind::Open | TokenKind::Comma));
        let ends_list = |index: usize| {
            index > 0
                && kind(index) == Some(TokenKind::Comma)
                && kind(index + 1) == Some(TokenKind::Close)
                && is_value(index - 1)
        };
        let word = |token: &Token| ast.sources.text(token.span(sentence.source)).to_owned();
        let mut words: Vec<String> =
            tokens.iter().enumerate().filter(|(index, _)| !ends_list(*index)).map(|(_, token)| word(token)).collect();
        if let Some(body) = sentence.body {
            let lines = ast.sources.text(body).split('\n');
            let lines = lines.map(|line| line.trim_start_matches([' ', '\t']).trim_end_matches([' ', '\t', '\r']));
            words.extend(lines.filter(|line| !line.is_empty()).map(|line| format!("rule {line}")));
        }
        words
    };
    let comments = ast.comments.iter().map(|comment| ast.sources.text(*comment).trim_end().to_owned());
    (ast.sentences.iter().map(words).collect(), comments.collect())
}

/// Formatting keeps what the text says, and does nothing to what is formatted; whether the text can be formatted.
fn keeps_content(text: &str) -> Result<bool, String> {
    let Some(once) = formatted(text) else { return Ok(false) };
    let (before, after) = (content(text), content(&once));
    if before != after {
        return Err(format!("formatting {text:?} to {once:?} makes\n{after:?}\nof\n{before:?}"));
    }
    match formatted(&once) {
        Some(twice) if twice == once => Ok(true),
        twice => Err(format!("formatting {text:?} to {once:?} and again gives {twice:?}")),
    }
}

#[test]
fn files_are_laid_out_as_expected() {
    let bless = std::env::var_os("CGWFW_BLESS").is_some();
    assert!(policies("tests/format").len() >= 8);
    for path in policies("tests/format") {
        let text = fs::read_to_string(&path).expect("a policy");
        let now = formatted(&text).expect("its tokens are without errors");
        let expected = path.with_extension("expected");
        if bless {
            fs::write(&expected, &now).expect("the expected file is written");
        }
        assert_eq!(fs::read_to_string(&expected).unwrap_or_default(), now, "{}", expected.display());
        assert_eq!(keeps_content(&text), Ok(true), "{}", path.display());
    }
}

#[test]
fn examples_are_formatted() {
    for path in policies("examples") {
        let text = fs::read_to_string(&path).expect("an example");
        assert_eq!(formatted(&text).as_deref(), Some(&*text), "{}: `cgwfw fmt` writes it so", path.display());
    }
}

/// Everything that a compilation says, save places.
fn results(compilation: &Compilation) -> (Vec<String>, Vec<(&str, &str)>) {
    let mut reports: Vec<_> = compilation.diagnostics.iter().map(|report| (report.code, &*report.message)).collect();
    reports.sort_unstable();
    let rules = if compilation.diagnostics.has_errors() {
        Vec::new()
    } else {
        Family::BOTH.map(|family| rule_file::text(&compilation.ast, &compilation.rulesets[family])).to_vec()
    };
    (rules, reports)
}

fn cases() -> impl Iterator<Item = (String, Example)> {
    support::case_files().into_iter().flat_map(|file| {
        let text = fs::read_to_string(&file).expect("a case file");
        let place = move |case: Example| (format!("{}:{}", file.display(), case.line), case);
        examples(&text).into_iter().map(place)
    })
}

#[test]
fn every_policy_of_the_checkout_means_the_same_when_it_is_formatted() {
    let mut count = 0;
    for (place, case) in cases() {
        match keeps_content(&case.policy) {
            Ok(true) => {}
            // What is wrong with the tokens is the point of these cases.
            Ok(false) => continue,
            Err(difference) => panic!("{place}: {difference}"),
        }
        let policy = formatted(&case.policy).expect("it was just formatted");
        if policy != case.policy {
            let after = Example { policy, ..case.clone() };
            assert_eq!(results(&support::compiled(&after)), results(&support::compiled(&case)), "{place}");
        }
        count += 1;
    }
    assert!(count > 100);
}

/// The text in another layout, chosen by `choices`.
fn laid_out_anew(text: &str, choices: &[u8]) -> String {
    let mut diagnostics = Diagnostics::default();
    let nothing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    let ast = syntax::parse(Path::new("policy.cgwfw"), text, Sources::default(), &nothing, &is_verb, &mut diagnostics);
    let mut choices = choices.iter().copied().map(usize::from).cycle();
    let mut pick = |all: &[&'static str]| all[choices.next().unwrap_or_default() % all.len()];
    let mut out = String::from(pick(&["", "\u{feff}", "# first\n", "\n \n"]));
    for sentence in &ast.sentences {
        let (tokens, mut depth) = (ast.tokens(sentence), 0_usize);
        let ends = |token: &Token| matches!(token.kind, TokenKind::Comma | TokenKind::Close);
        let is_value = |index: usize| tokens.get(index + 1).is_some_and(ends);
        let mut kind_before = None;
        for (index, token) in tokens.iter().enumerate() {
            let word = ast.sources.text(token.span(sentence.source));
            let punctuation = |kind| matches!(kind, TokenKind::Comma | TokenKind::Open | TokenKind::Close);
            let may_touch = punctuation(token.kind) || kind_before.is_none_or(punctuation);
            let mut gap = match (kind_before, depth) {
                (None, _) => pick(&["", "  ", "\t", "\\\n"]),
                (_, 0) => pick(&[" ", "  ", "\t ", " \\\n    ", "\\ \r\n", ""]),
                _ => pick(&[
                    " ",
                    "",
                    "\n",
                    "\n\n\n  ",
                    " # behind\n",
                    "\n\t# alone  \n",
                    "\r\n",
                    "\\\n",
                    "\n\n# far\n\n",
                ]),
            };
            let begins_sentence = gap.ends_with(['\n', ' ']) && gap.contains('\n') && is_verb(word) && !is_value(index);
            if (gap.is_empty() && !may_touch) || begins_sentence {
                gap = " ";
            }
            out.push_str(gap);
            out.push_str(word);
            match token.kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            kind_before = Some(token.kind);
        }
        if let Some(body) = sentence.body {
            out.push_str(pick(&["{", " {", "  \\\n{"]));
            let body = ast.sources.text(body);
            let long = body.contains('\n');
            for (index, line) in body.split('\n').enumerate() {
                let line_end = if index == 0 { "" } else { pick(&["\n", "\r\n", " \t\n", "\n\n\n"]) };
                out.push_str(line_end);
                out.push_str(if long { pick(&["", " ", "\t\t"]) } else { " " });
                out.push_str(line.trim());
            }
            out.push_str(if long { pick(&["\n", "\n   "]) } else { pick(&["", " "]) });
            out.push('}');
        }
        out.push_str(pick(&["", "", "  ", " # remark\t", "#"]));
        out.push_str(pick(&["\n", "\r\n", "\n\n", "\n\n\n# between \n", "\n# below\n\n"]));
    }
    out
}

const FRAGMENTS: [&str; 34] = [
    " ",
    " ",
    "\n",
    "\n",
    "\r\n",
    "\\\n",
    "\n\n",
    "\t",
    "{",
    "}",
    "{ ",
    " }",
    ",",
    ", ",
    "a",
    "bc",
    "accept",
    "log ",
    "rules",
    "rules both filter {",
    "-A INPUT",
    "interface ",
    "define x =",
    "expect deny ",
    "$x",
    "\"s {\"",
    "\"",
    "#",
    "# c \n",
    "\u{feff}",
    "é",
    "\r",
    "include \"x\"",
    "\\",
];

fn fragments() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&FRAGMENTS[..]), 0..24).prop_map(|fragments| fragments.concat())
}

const WORDS: [&str; 13] =
    ["a", "bc", "drop", "rules", "interface", "$x", "\"s t\"", "=", "1-2", "\"\\\"\"", "é", "define", "expect"];

const BLOCKS: [&str; 3] =
    ["rules both filter { -A INPUT -j ACCEPT }", "rules ipv4 nat {\n# } c\n\n-A \"}\"\n}", "rules ipv6 raw { }"];

/// Sentences of words, strings, lists inside lists, and blocks; with any luck without meaning.
fn sentences() -> impl Strategy<Value = String> {
    let word = prop::sample::select(&WORDS[..]);
    let value = word.prop_map(str::to_owned).prop_recursive(3, 16, 4, |inner| {
        (
            prop::collection::vec(inner, 0..4),
            prop::sample::select(&[", ", " "][..]),
            prop::sample::select(&["", ","][..]),
        )
            .prop_map(|(values, between, last)| format!("{{ {}{last} }}", values.join(between)))
    });
    let sentence = prop::collection::vec(value, 1..6).prop_map(|values| values.join(" "));
    let block = prop::sample::select(&BLOCKS[..]);
    let one = prop_oneof![4 => sentence, 1 => block.prop_map(str::to_owned)];
    prop::collection::vec(one, 0..6).prop_map(|sentences| sentences.join("\n"))
}

fn settings(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(settings(1500))]

    #[test]
    fn any_text_keeps_its_content(text in fragments()) {
        keeps_content(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn any_layout_of_sentences_keeps_its_content(
        text in sentences(),
        choices in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        keeps_content(&laid_out_anew(&text, &choices)).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn any_layout_yields_the_same_rules() {
    let library = Library::built_in();
    let compiled = |text: &str| {
        let nothing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        compile(Path::new("policy.cgwfw"), text, &nothing, &library, CompileOptions::default())
    };
    let texts = policies("examples").into_iter().map(|path| fs::read_to_string(path).expect("an example"));
    let texts = texts.chain(cases().map(|(_, case)| format!("default drop\n{}", case.policy)));
    let texts: Vec<String> = texts.filter(|text| !compiled(text).diagnostics.has_errors()).collect();
    assert!(texts.len() > 100);
    let any = (prop::sample::select(texts), prop::collection::vec(any::<u8>(), 1..40));
    proptest::test_runner::TestRunner::new(settings(150))
        .run(&any, |(text, choices)| {
            let anew = laid_out_anew(&text, &choices);
            prop_assert!(keeps_content(&anew).map_err(TestCaseError::fail)?, "{anew}");
            let once = formatted(&anew).expect("it was just formatted");
            let (before, anew, once) = (compiled(&text), compiled(&anew), compiled(&once));
            prop_assert_eq!(results(&before), results(&anew));
            prop_assert_eq!(results(&anew), results(&once));
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

fn fmt(folder: &Path, arguments: &[&str], input: &str) -> Output {
    support::cgwfw(folder, &[&["fmt"], arguments].concat(), input)
}

const LOOSE: &str = "default  drop\n\n\nallow loopback";
const NEAT: &str = "default drop\n\nallow loopback\n";

/// A folder with `loose`, `neat`, and `broken`, whose string has no end.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("loose", LOOSE), ("neat", NEAT), ("broken", "allow  loopback comment \"x\n")] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

#[test]
fn files_are_written_in_place_and_standard_input_to_standard_output() {
    let folder = folder();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("a file");
    let neat_before = fs::metadata(folder.path().join("neat")).expect("a file").modified().expect("a time");
    let output = fmt(folder.path(), &["loose", "neat"], "");
    assert_eq!((output.status.code(), text(&output.stdout), text(&output.stderr)), (Some(0), "", ""));
    assert_eq!((read("loose"), read("neat")), (NEAT.into(), NEAT.into()));
    let neat = fs::metadata(folder.path().join("neat")).expect("a file");
    assert_eq!(neat.modified().expect("a time"), neat_before, "what does not change is not written");
    let output = fmt(folder.path(), &["-"], LOOSE);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), NEAT));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 3, "nothing is left behind");
}

#[test]
fn check_names_what_would_change_and_writes_nothing() {
    let folder = folder();
    let output = fmt(folder.path(), &["--check", "neat", "loose", "-"], LOOSE);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), "loose\n<stdin>\n"));
    assert_eq!(fs::read_to_string(folder.path().join("loose")).expect("a file"), LOOSE);
    let output = fmt(folder.path(), &["--check", "neat", "-"], NEAT);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), ""));
}

#[test]
fn broken_and_unreadable_files_keep_no_other_from_being_formatted() {
    let folder = folder();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("a file");
    let output = fmt(folder.path(), &["broken", "loose"], "");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    assert!(text(&output.stderr).contains("the string is not closed on its line"), "{}", text(&output.stderr));
    assert_eq!((read("broken"), read("loose")), ("allow  loopback comment \"x\n".into(), NEAT.into()));

    fs::write(folder.path().join("loose"), LOOSE).expect("a file");
    let output = fmt(folder.path(), &["absent", "broken", ".", "loose"], "");
    assert_eq!(output.status.code(), Some(2));
    for message in ["cgwfw: absent: ", "cgwfw: .: ", "the string is not closed"] {
        assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
    }
    assert_eq!(read("loose"), NEAT);
    assert_eq!(fmt(folder.path(), &["--check", "absent", "loose"], "").status.code(), Some(2));
    assert_eq!(fmt(folder.path(), &[], "").status.code(), Some(2), "no policy");
    assert_eq!(fmt(folder.path(), &["-"], "a \"b").stdout, b"", "nothing comes of broken input");
}

#[test]
fn includes_are_neither_read_nor_formatted() {
    let folder = folder();
    fs::write(folder.path().join("including"), "include   \"broken\"\ninclude \"absent\"\n").expect("a file");
    let output = fmt(folder.path(), &["including"], "");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let now = fs::read_to_string(folder.path().join("including")).expect("a file");
    assert_eq!(now, "include \"broken\"\ninclude \"absent\"\n");
}

#[cfg(unix)]
#[test]
fn links_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder();
    let path = folder.path().join("loose");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).expect("permissions");
    symlink("loose", folder.path().join("link")).expect("a link");
    assert_eq!(fmt(folder.path(), &["link"], "").status.code(), Some(0));
    assert!(folder.path().join("link").is_symlink());
    assert_eq!(fs::read_to_string(&path).expect("a file"), NEAT);
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o640);

    fs::write(&path, LOOSE).expect("a file");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o440)).expect("permissions");
    let output = fmt(folder.path(), &["loose"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("loose: the file stays as it was: it is read-only"));
    assert_eq!(fs::read_to_string(&path).expect("a file"), LOOSE);
}
