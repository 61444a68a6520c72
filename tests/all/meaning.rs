//! What the compiler takes the language server understands, and what the language server offers the compiler takes.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use crate::support;
use crate::support::generate::{self, Random};
use cgwfw::compile::{Compilation, compile};
use cgwfw::expand::CompileOptions;
use cgwfw::host::Compiled;
use cgwfw::lsp::completion;
use cgwfw::lsp::meaning::{self, Meaning, TokenText};
use cgwfw::lsp::protocol::{CompletionTextEdit, InsertTextFormat};
use cgwfw::lsp::view::View;
use cgwfw::snippet::library::Library;
use cgwfw::snippet::readme::examples;

fn compiled(text: &str, library: &Library) -> Compilation {
    let alone = |_: &Path| Err(io::ErrorKind::NotFound.into());
    compile(Path::new("policy.cgwfw"), text, &alone, library, CompileOptions::default())
}

/// Every sentence of a policy without errors, as the server reads it.
fn is_understood(text: &str, library: &Library) -> Result<(), String> {
    let compilation = compiled(text, library);
    if compilation.diagnostics.has_errors() {
        return Ok(());
    }
    for sentence in &compilation.ast.sentences {
        let source = compilation.ast.sources.get(sentence.source);
        let tokens = compilation.ast.tokens(sentence).iter();
        let words: Vec<TokenText> = tokens.map(|token| (token.text(&source.text), token.kind)).collect();
        let reading = meaning::read(&words, library);
        let unknown = reading.meanings.iter().position(|meaning| *meaning == Meaning::Unknown);
        if let Some(at) = unknown {
            return Err(format!(
                "`{}` in `{}`",
                words[at].0,
                compilation.ast.sources.text(compilation.ast.span(sentence))
            ));
        }
        if let Some(expected) = reading.expected {
            let text = compilation.ast.sources.text(compilation.ast.span(sentence));
            return Err(format!("{expected:?} is expected after `{text}`"));
        }
    }
    Ok(())
}

#[test]
fn every_word_of_a_good_policy_has_a_meaning() {
    let library = Library::built_in();
    let mut wrong = BTreeSet::new();
    for file in support::case_files() {
        let text = std::fs::read_to_string(&file).expect("a case file");
        for case in examples(&text) {
            wrong.extend(is_understood(&case.policy, &library).err());
        }
    }
    for seed in 0..1_000 {
        wrong.extend(is_understood(&generate::text(&generate::policy(seed, &library)), &library).err());
    }
    assert!(
        wrong.is_empty(),
        "{} sentences\n{}",
        wrong.len(),
        wrong.into_iter().take(30).collect::<Vec<_>>().join("\n")
    );
}

/// The values that stand for placeholders.
fn value(placeholder: &str, before: &str) -> String {
    if let Some(choices) = placeholder.split_once('|') {
        return choices.1.split([',', '|']).next().unwrap_or_default().to_owned();
    }
    let last = before.rsplit(' ').next().unwrap_or_default();
    match placeholder.split_once(':').map_or("", |(_, name)| name) {
        "interface" if last == "over" || last == "and" || last == "to" => "eth0".into(),
        "interface" => "inet0".into(),
        "address" if last == "to" && before.contains("tunnel") => "10.1.0.0/16".into(),
        "address" => "192.0.2.1".into(),
        "port" => "443".into(),
        "type" => "echo-request".into(),
        "reason" => "port-unreachable".into(),
        "lint" => "one_family".into(),
        "path" => "none.cgwfw".into(),
        _ => match last {
            "limit" => "10/second".into(),
            "comment" | "log" | "prefix" => "\"text\"".into(),
            "flags" => "syn,ack/syn".into(),
            "state" => "new".into(),
            "mark" => "0x1".into(),
            "as" if before.starts_with("mark") => "0x1".into(),
            "as" => "192.0.2.7".into(),
            "mss" | "ipv6" => "1250".into(),
            "group" | "burst" => "5".into(),
            "protocol" => "99".into(),
            _ => "1".into(),
        },
    }
}

/// Text with values in the place of its placeholders, `before` it.
fn filled(text: &str, before: &str) -> String {
    let (mut out, mut rest) = (before.to_owned(), text);
    while let Some((head, tail)) = rest.split_once("${") {
        out.push_str(head);
        let (placeholder, tail) = tail.split_once('}').expect("the end of a placeholder");
        let value = value(placeholder, out.trim_end());
        out.push_str(&value);
        rest = tail;
    }
    out.push_str(rest);
    out.replace("$0", "")
}

/// What is offered at the end of a policy.
fn offered(text: &str) -> Vec<String> {
    let library = Library::built_in();
    let compiled = Compiled { compilation: compiled(text, &library), library };
    let (file, _) = compiled.compilation.ast.sources.iter().next().expect("the policy");
    let view = View::new(&compiled, file, None);
    let items = completion::completion(&view, text.len(), true);
    let text = |item: cgwfw::lsp::protocol::CompletionItem| match item.text_edit {
        Some(CompletionTextEdit::Edit(edit)) if item.insert_text_format == Some(InsertTextFormat::SNIPPET) => {
            edit.new_text
        }
        Some(CompletionTextEdit::Edit(edit)) => edit.new_text.replace('$', "\\$"),
        _ => panic!("an edit"),
    };
    items.into_iter().map(text).collect()
}

const POLICY: &str = "interface inet0\ninterface eth0\ndefine d = 192.0.2.9\ndefault drop\n";

/// Codes that say that a word has no place where it stands.
const MISPLACED: [&str; 7] = [
    "cgwfw::resolve::duplicate_clause",
    "cgwfw::resolve::direction_conflict",
    "cgwfw::resolve::unknown_word",
    "cgwfw::resolve::unknown_verb",
    "cgwfw::resolve::unknown_block",
    "cgwfw::resolve::clause_not_allowed",
    "cgwfw::resolve::bad_form",
];

#[test]
fn what_is_offered_has_a_place() {
    let library = Library::built_in();
    let mut wrong = Vec::new();
    let mut tried = 0;
    let mut random = Random::new(support::number("CGWFW_SEED", 1));
    let mut check = |sentence: &str| {
        tried += 1;
        let compilation = compiled(&format!("{POLICY}{sentence}\n"), &library);
        let bad = compilation.diagnostics.iter().find(|report| MISPLACED.contains(&report.code));
        wrong.extend(bad.map(|report| format!("{sentence}: {}", report.message)));
        bad.is_none()
    };
    for start in offered(POLICY) {
        let sentence = filled(&start, "");
        if sentence.starts_with("include") || sentence.starts_with("rules") {
            continue;
        }
        // Each clause that is offered, and some way on from there.
        for clause in offered(&format!("{POLICY}{sentence} ")) {
            let mut sentence = filled(&clause, &format!("{} ", sentence.trim_end()));
            while check(sentence.trim_end()) && sentence.len() < 120 {
                let clauses = offered(&format!("{POLICY}{sentence} "));
                if clauses.is_empty() {
                    break;
                }
                sentence = filled(random.pick::<String>(&clauses), &format!("{} ", sentence.trim_end()));
            }
        }
    }
    assert!(tried > 500, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried}\n{}", wrong.len(), wrong.join("\n"));
}
