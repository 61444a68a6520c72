//! `Ast` and `Library` to `Policy`: what each sentence means.
//! Input: sentences of tokens. Output: typed sentences; what is wrong is reported, sentence by sentence.

pub mod block;
pub mod codes;
pub mod common;
pub mod core;
pub mod families;
pub mod icmp;
pub mod lists;
pub mod rate;
pub mod scope;
pub mod suggest;
pub mod traffic;
pub mod value;
pub mod words;

use self::codes::ResolveError;
use self::scope::Scope;
use self::suggest::did_you_mean;
use self::words::Words;
use crate::diagnostic::{Diagnostics, Severity};
use crate::language::CORE;
use crate::policy::{Declarations, Policy, Statement, Uses};
use crate::snippet::library::Library;
use crate::source::Span;
use crate::syntax::Ast;

/// The definitions and the interfaces of a policy, wherever they are in it.
pub fn declarations(ast: &Ast, diagnostics: &mut Diagnostics) -> Declarations {
    let mut declarations = Declarations::default();
    let none = Declarations::default();
    for (index, sentence) in ast.sentences.iter().enumerate() {
        let words = Words::new(ast, index as u32, &none);
        match words.peek(0) {
            // What is left of a sentence that was reported must not be reported again.
            Some("define") if sentence.broken && words.peek(2) != Some("=") => {}
            Some("interface") if sentence.broken => {}
            Some("define") => core::define(index as u32, words, ast, &mut declarations, diagnostics),
            Some("interface") => core::interface(words, &mut declarations, diagnostics),
            _ => {}
        }
    }
    declarations
}

/// Gives every sentence its meaning.
pub fn resolve(ast: &Ast, declarations: &Declarations, library: &Library, diagnostics: &mut Diagnostics) -> Policy {
    block::argument::check_defaults(library, diagnostics);
    let mut policy = Policy::default();
    let mut scope = Scope::new(declarations);
    core::underlays(&mut scope, diagnostics);
    defaults(ast, &mut policy, &mut scope, diagnostics);
    policy.statements.reserve(ast.sentences.len());
    sentences(ast, library, &mut policy, &mut scope, diagnostics);
    core::lints_set_twice(&policy.lints, diagnostics);
    policy.uses = Uses { definitions: scope.used, interfaces: scope.named, refused: scope.refused };
    policy
}

/// The `default` sentences, which speak of one another.
fn defaults(ast: &Ast, policy: &mut Policy, scope: &mut Scope, diagnostics: &mut Diagnostics) {
    let mut defaults = core::Defaults::default();
    for (index, sentence) in ast.sentences.iter().enumerate() {
        let words = Words::new(ast, index as u32, scope.declarations);
        if words.peek(0) != Some("default") {
            continue;
        }
        let errors = diagnostics.count(Severity::Error);
        let all = words.clone();
        if !sentence.broken {
            core::default(words, &mut defaults, scope, diagnostics);
        }
        if sentence.broken || diagnostics.count(Severity::Error) > errors {
            defaults.refused = true;
            scope.name_all(&all);
        }
    }
    policy.default_refused = defaults.refused;
    policy.defaults = defaults.policies();
    policy.default_places = defaults.places();
    policy.default_drop = defaults.first_drop();
}

/// What each sentence means.
fn sentences(ast: &Ast, library: &Library, policy: &mut Policy, scope: &mut Scope, diagnostics: &mut Diagnostics) {
    for (sentence, broken) in (0..).zip(ast.sentences.iter().map(|sentence| sentence.broken)) {
        let words = Words::new(ast, sentence, scope.declarations);
        if broken {
            // Its tokens were reported; what it names is used all the same.
            scope.name_all(&words);
            continue;
        }
        let verb = words.peek(0).unwrap_or_default();
        let errors = diagnostics.count(Severity::Error);
        let all = words.clone();
        match verb {
            "define" | "interface" | "include" | "default" => {}
            "rules" => {
                let block = core::rules(sentence, words, ast, diagnostics);
                policy.statements.extend(block.map(Statement::Rules));
            }
            "expect" => policy.expectations.extend(core::expect(sentence, words, scope, diagnostics)),
            "lint" => policy.lints.extend(core::lint(words, diagnostics)),
            _ => match block::find(&words, library) {
                Some(name) => {
                    let block = block::block(sentence, words, name, library, scope, diagnostics);
                    policy.statements.extend(block.map(Statement::Block));
                }
                None => unknown(&words, library, diagnostics),
            },
        }
        if diagnostics.count(Severity::Error) > errors {
            scope.name_all(&all);
        }
    }
}

/// A sentence of no block: reports the verb, or the words after it.
fn unknown(words: &Words, library: &Library, diagnostics: &mut Diagnostics) {
    let Some(verb) = words.peek(0) else {
        diagnostics.push(ResolveError::UnknownVerb.at(
            words.span(),
            "a sentence begins with a verb",
            "not a word",
            "begin with `allow`, `drop`, `reject`, `default`, … ; `cgwfw snippets` lists all sentences",
        ));
        return;
    };
    let names = library.names(verb);
    if names.is_empty() {
        let near = did_you_mean(verb, library.verbs().chain(CORE.iter().map(|core| core.verb)));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`cgwfw snippets` lists all sentences".into(),
        };
        let message = format!("no sentence begins with `{verb}`");
        let report = ResolveError::UnknownVerb.at(words.span(), message, "not a verb of the language", help);
        diagnostics.push(report.or_rather(near));
        return;
    }
    let next = words.peek(1);
    let mut second = words.clone();
    second.skip();
    let candidates = || names.iter().filter_map(|name| name.words.get(1)).map(String::as_str);
    let near = next.and_then(|next| did_you_mean(next, candidates()));
    let help = match near {
        Some(near) => format!("did you mean `{verb} {near}`?"),
        None => {
            let mut all: Vec<String> = names.iter().map(|name| format!("`{}`", name.words.join(" "))).collect();
            all.sort();
            format!("the sentences are {}", all.join(", "))
        }
    };
    let span: Span = if next.is_some() { second.span() } else { words.span() };
    let message = match next {
        Some(next) => format!("there is no building block `{verb} {next}`"),
        None => format!("`{verb}` says what of nothing"),
    };
    let report = ResolveError::UnknownBlock.at(span, message, "not the name of a block", help);
    diagnostics.push(report.or_rather(near));
}
