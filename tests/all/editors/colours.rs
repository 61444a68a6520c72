//! The colours of the editors: every word of the language has one, and it fits what the language server says.
//! Input: the grammars of TextMate, Vim and Emacs. Output: what is not coloured as it should be.

use std::fs;
use std::ops::Range;
use std::process::Command;

use cgwfw::lsp::colors::LEGEND;
use cgwfw::lsp::offered::clauses;
use cgwfw::snippet::library::Library;
use serde_json::json;

use crate::editors::textmate::Grammar;
use crate::editors::words::{self, Words, words};
use crate::editors::{file, programs, root};
use crate::support::client::Client;

const TEXTMATE: &str = "editors/vscode/syntaxes/cgwfw.tmLanguage.json";
const VIM: &str = "editors/vim/syntax/cgwfw.vim";
const EMACS: &str = "editors/emacs/cgwfw-mode.el";

/// What a word is for whoever colours it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Verb,
    Name,
    Clause,
    Value,
    Variable,
    String,
    Comment,
    Other,
}

/// A line of a policy, and what a part of it is.
struct Sample {
    line: String,
    part: Range<usize>,
    kind: Kind,
}

/// The words of a phrase, in a line.
fn sample(before: &str, phrase: &str, kind: Kind) -> Vec<Sample> {
    let mut end = before.len();
    let parts = phrase.split(' ').map(|word| {
        let start = end;
        end = start + word.len() + 1;
        Sample { line: format!("{before}{phrase}"), part: start..end - 1, kind }
    });
    parts.collect()
}

/// A sample of every word of the language.
fn samples(words: &Words) -> Vec<Sample> {
    let mut samples: Vec<Sample> = words.core.iter().flat_map(|verb| sample("", verb, Kind::Verb)).collect();
    for (verb, names) in &words.names {
        samples.extend(sample("", verb, Kind::Verb));
        samples.extend(names.iter().flat_map(|name| sample(&format!("{verb}  "), name, Kind::Name)));
    }
    samples.extend(words.clauses.iter().flat_map(|clause| sample("allow ssh ", clause, Kind::Clause)));
    let values = words.values.iter().filter(|value| !words.clauses.contains(value));
    samples.extend(values.flat_map(|value| sample("allow ssh { a, ", value, Kind::Value)));
    let library = Library::built_in();
    for name in words.verbs().iter().flat_map(|verb| library.names(verb)) {
        for clause in clauses(name, &library).iter().filter(|clause| !clause.words.is_empty()) {
            samples.extend(sample(&format!("{} on eth0 ", name.title), &clause.words.join(" "), Kind::Clause));
        }
    }
    samples
}

/// A token of the language server.
struct Token {
    line: usize,
    columns: Range<usize>,
    /// Its name in the protocol.
    kind: String,
}

/// The policies that the project ships, with what the language server says of their parts.
fn shipped() -> Vec<(String, Vec<Token>)> {
    let mut texts = Vec::new();
    for folder in ["examples", "tests/format"] {
        let entries = fs::read_dir(root().join(folder)).expect("a folder").map(|entry| entry.expect("an entry").path());
        let policies = entries.filter(|path| path.extension().is_some_and(|extension| extension == "cgwfw"));
        texts.extend(policies.map(|path| fs::read_to_string(path).expect("a policy")));
    }
    for snippet in &Library::built_in().snippets {
        texts.extend(cgwfw::snippet::readme::examples(&snippet.readme).into_iter().map(|example| example.policy));
    }
    let mut client = Client::start(json!({}), true);
    let mut answers = Vec::new();
    for (number, text) in texts.into_iter().enumerate() {
        let uri = format!("file:///policies/{number}.cgwfw");
        client.open(&uri, &text);
        let answer = client.request("textDocument/semanticTokens/full", json!({ "textDocument": { "uri": uri } }));
        client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
        let numbers: Vec<usize> =
            answer["data"].as_array().expect("tokens").iter().map(|n| n.as_u64().expect("a number") as usize).collect();
        let (mut line, mut column, mut tokens) = (0, 0, Vec::new());
        for token in numbers.chunks(5) {
            column = if token[0] == 0 { column + token[1] } else { token[1] };
            line += token[0];
            let kind = LEGEND[token[3]].as_str().to_owned();
            tokens.push(Token { line, columns: column..column + token[2], kind });
        }
        answers.push((text, tokens));
    }
    client.stop();
    answers
}

/// What each byte of each line of some texts is, to an editor.
type Colours = Vec<Vec<Vec<Kind>>>;

/// The kind of the first prefix that fits.
fn kind_of(name: &str, kinds: &[(&str, Kind)]) -> Kind {
    kinds.iter().find(|(prefix, _)| name.starts_with(prefix)).map_or(Kind::Other, |(_, kind)| *kind)
}

fn textmate(texts: &[String]) -> Colours {
    const KINDS: [(&str, Kind); 9] = [
        ("keyword.control", Kind::Verb),
        ("entity.name.function", Kind::Name),
        ("keyword.other", Kind::Clause),
        ("keyword.operator", Kind::Clause),
        ("constant.language", Kind::Value),
        ("variable.other", Kind::Variable),
        ("string", Kind::String),
        ("constant.character", Kind::String),
        ("comment", Kind::Comment),
    ];
    let grammar = Grammar::new(&file(TEXTMATE));
    let line = |scopes: Vec<&str>| scopes.into_iter().map(|scope| kind_of(scope, &KINDS)).collect();
    texts.iter().map(|text| grammar.scopes(text).into_iter().map(line).collect()).collect()
}

/// Lets a program write the names of colours for texts in files.
fn painted(program: &mut Command, texts: &[String], kinds: &[(&str, Kind)]) -> Colours {
    let folder = tempfile::tempdir().expect("a folder");
    for (number, text) in texts.iter().enumerate() {
        fs::write(folder.path().join(format!("{number}.cgwfw")), text).expect("a file");
    }
    program.env("EDITORS", root().join("editors")).env("TEXTS", texts.len().to_string());
    programs::run(program.current_dir(folder.path()));
    let line = |line: &str| line.split_whitespace().map(|name| kind_of(name, kinds)).collect();
    let read = |number| fs::read_to_string(folder.path().join(format!("{number}.colours"))).expect("the colours");
    (0..texts.len()).map(|number| read(number).lines().map(line).collect()).collect()
}

fn vim(texts: &[String]) -> Colours {
    const KINDS: [(&str, Kind); 15] = [
        ("cgwfwVerb", Kind::Verb),
        ("cgwfwNewVerb", Kind::Name),
        ("cgwfwName", Kind::Name),
        ("cgwfwOwnName", Kind::Name),
        ("cgwfwClause", Kind::Clause),
        ("cgwfwOnly", Kind::Clause),
        ("cgwfwNot", Kind::Clause),
        ("cgwfwEquals", Kind::Clause),
        ("cgwfwValue", Kind::Value),
        ("cgwfwFamily", Kind::Value),
        ("cgwfwDefined", Kind::Variable),
        ("cgwfwVariable", Kind::Variable),
        ("cgwfwString", Kind::String),
        ("cgwfwEscape", Kind::String),
        ("cgwfwComment", Kind::Comment),
    ];
    let script = root().join("tests/all/editors/colours.vim");
    painted(Command::new("vim").args(["-u", "NONE", "-i", "NONE", "-n", "-es", "-S"]).arg(script), texts, &KINDS)
}

fn emacs(texts: &[String]) -> Colours {
    const KINDS: [(&str, Kind); 7] = [
        ("font-lock-keyword-face", Kind::Verb),
        ("font-lock-function-name-face", Kind::Name),
        ("font-lock-builtin-face", Kind::Clause),
        ("font-lock-constant-face", Kind::Value),
        ("font-lock-variable-name-face", Kind::Variable),
        ("font-lock-string-face", Kind::String),
        ("font-lock-comment", Kind::Comment),
    ];
    let script = root().join("tests/all/editors/colours.el");
    painted(Command::new("emacs").args(["--batch", "-Q", "-l"]).arg(script), texts, &KINDS)
}

/// Each word of the language has its colour, and what the project ships has those that the language server gives it.
fn assert_colours(colours: impl Fn(&[String]) -> Colours) {
    let samples = samples(&words());
    let lines: Vec<String> = samples.iter().map(|sample| format!("{}\n", sample.line)).collect();
    let mut wrong = Vec::new();
    for (sample, colours) in samples.iter().zip(colours(&[lines.concat()]).concat()) {
        let kinds = &colours[sample.part.clone()];
        if kinds.iter().any(|kind| *kind != sample.kind) {
            let word = &sample.line[sample.part.clone()];
            wrong.push(format!("`{word}` in `{}` is {kinds:?}, not {:?}", sample.line, sample.kind));
        }
    }
    assert!(wrong.is_empty(), "{} of {} words:\n{}", wrong.len(), samples.len(), wrong.join("\n"));
    assert!(samples.len() > 500, "{} words", samples.len());

    let (texts, tokens): (Vec<String>, Vec<Vec<Token>>) = shipped().into_iter().unzip();
    for ((text, tokens), colours) in texts.iter().zip(tokens).zip(colours(&texts)) {
        for Token { line, columns, kind } in tokens {
            let text = text.lines().nth(line).unwrap_or_default();
            // The columns are those of bytes only then. Sentences after a block on its line are seldom.
            if !text.is_ascii() || text.contains("} ") && text.contains("rules") {
                continue;
            }
            let kinds = &colours[line][columns.clone()];
            let fits = |found: &Kind| match kind.as_str() {
                "keyword" => [Kind::Verb, Kind::Clause, Kind::Value].contains(found),
                "function" => [Kind::Verb, Kind::Name].contains(found),
                "variable" => *found == Kind::Variable,
                "string" => *found == Kind::String,
                "comment" => *found == Kind::Comment,
                _ => ![Kind::Verb, Kind::Name, Kind::Comment, Kind::Clause].contains(found),
            };
            if !kinds.iter().all(fits) {
                wrong.push(format!("`{}` in `{text}` is a {kind}, not {kinds:?}", &text[columns]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_textmate_grammar_colours_what_the_compiler_knows() {
    assert_colours(textmate);
}

#[test]
fn vim_colours_what_the_compiler_knows() {
    if programs::require("vim") {
        assert_colours(vim);
    }
}

#[test]
fn emacs_colours_what_the_compiler_knows() {
    if programs::require("emacs") {
        assert_colours(emacs);
    }
}

#[test]
fn the_words_of_the_grammars_are_generated() {
    let words = words();
    type Lines = fn(&Words, &str) -> Vec<String>;
    let grammars: [(&str, bool, Lines); 3] =
        [(TEXTMATE, true, words::textmate), (VIM, false, words::vim), (EMACS, false, words::emacs)];
    for (path, one_line, lines) in grammars {
        let text = file(path);
        let generated = words::generated(&text, one_line, |class| lines(&words, class));
        if std::env::var_os("CGWFW_BLESS").is_some() {
            fs::write(root().join(path), generated).expect("the grammar is written");
        } else {
            assert!(text == generated, "{path} is stale: run the tests with CGWFW_BLESS=1 to write its words anew");
        }
    }
}
