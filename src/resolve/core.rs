//! The sentences of the core: `default`, `interface`, `define`, `rules`, `expect`, `lint`.
//! Input: the words of one sentence. Output: its meaning in the policy.

use super::codes::ResolveError;
use super::common::string;
use super::lists::typed;
use super::scope::Scope;
use super::suggest::did_you_mean;
use super::traffic;
use super::value;
use super::words::{Words, value as take_value};
use crate::diagnostic::{Diagnostics, Fix, Severity};
use crate::explain;
use crate::iptables::ruleset::ChainPolicy;
use crate::language::values::{
    CHAIN_POLICIES, DEFAULT_CHAINS, LEVELS, ROLES, RULES_FAMILIES, RULES_TABLES, VERDICTS, value_of, words_of,
};
use crate::policy::{Declarations, Expectation, InterfaceDeclaration, LintLevel, RawRules};
use crate::source::Span;
use crate::syntax::{Ast, Sentence};

/// The chain policies that were said, for INPUT, FORWARD and OUTPUT.
#[derive(Default)]
pub struct Defaults {
    /// By a sentence that names the chain.
    named: [Option<(ChainPolicy, Span)>; 3],
    /// Whether a `default` sentence was refused: then none is missing as well.
    pub refused: bool,
    /// By a sentence that names none.
    general: Option<(ChainPolicy, Span)>,
}

impl Defaults {
    /// The policy of each chain.
    pub fn policies(&self) -> [Option<ChainPolicy>; 3] {
        self.named.map(|named| named.or(self.general).map(|(policy, _)| policy))
    }

    /// Where the policy of each chain is said.
    pub fn places(&self) -> [Option<Span>; 3] {
        self.named.map(|named| named.or(self.general).map(|(_, span)| span))
    }

    /// The place of the first sentence that closes a chain.
    pub fn first_drop(&self) -> Option<Span> {
        let all = self.named.iter().flatten().chain(&self.general);
        all.filter(|(policy, _)| *policy == ChainPolicy::Drop).map(|(_, span)| *span).min()
    }
}

fn bad_form(span: Span, message: impl Into<String>, label: &str, help: impl Into<String>) -> crate::diagnostic::Report {
    ResolveError::BadForm.at(span, message, label, help)
}

/// Reports what comes after a sentence that is complete.
fn end(words: &Words, sentence: &str, diagnostics: &mut Diagnostics) -> bool {
    if !words.is_done() {
        let text = words.peek_text().unwrap_or_default();
        diagnostics.push(bad_form(
            words.span(),
            format!("`{text}` has no meaning after the sentence"),
            "too much",
            format!("the sentence is `{sentence}`"),
        ));
    }
    words.is_done()
}

/// `default (accept|drop) [input|forward|output, …]`
pub fn default(mut words: Words, defaults: &mut Defaults, scope: &mut Scope, diagnostics: &mut Diagnostics) {
    const FORM: &str = "default (accept|drop) [input, forward, output]";
    let start = words.skip();
    let policy = match words.peek(0).map(|word| (word, value_of(&CHAIN_POLICIES, word))) {
        Some((_, Some(policy))) => policy,
        unknown => {
            let word = unknown.map(|(word, _)| word);
            let near = word.and_then(|word| did_you_mean(word, words_of(&CHAIN_POLICIES)));
            let help = match near {
                Some(near) => format!("did you mean `default {near}`?"),
                None if word == Some("reject") => {
                    "a chain policy cannot reject: write `default drop`, and a `reject` sentence as the last one".into()
                }
                None => format!("the sentence is `{FORM}`"),
            };
            let label = if word.is_some() { "neither `accept` nor `drop`" } else { "`accept` or `drop` is missing" };
            let report = bad_form(words.span(), "a default is `accept` or `drop`", label, help);
            diagnostics.push(report.or_rather(near));
            return;
        }
    };
    words.skip();
    let whole = words.whole();
    let twice = |earlier: Span, span: Span, what: &str| {
        ResolveError::DefaultTwice
            .at(span, format!("{what} has a default already"), "again here", "keep one of the two")
            .also(earlier, "first here")
            .fix(Fix::Remove(whole))
    };
    if words.is_done() {
        let span = start.to(words.last_span());
        match defaults.general {
            Some((_, earlier)) => diagnostics.push(twice(earlier, span, "every chain")),
            None => defaults.general = Some((policy, span)),
        }
        return;
    }
    let Some(list) = take_value(&mut words, "a chain", &mut scope.used, diagnostics) else { return };
    if list.negated {
        diagnostics.push(bad_form(
            list.span,
            "chains cannot be negated",
            "`not` here",
            "name the chains that are meant",
        ));
        return;
    }
    let chain = |text: &str| match DEFAULT_CHAINS.iter().position(|chain| *chain == text) {
        Some(index) => Ok(index),
        None => Err(value::unknown(ResolveError::BadForm, text, "chain with a default", &DEFAULT_CHAINS)),
    };
    let Some(chains) = typed(&list, diagnostics, chain) else { return };
    for (chain, atom) in chains.into_iter().zip(&list.atoms) {
        match defaults.named[chain] {
            Some((_, earlier)) => diagnostics.push(twice(earlier, atom.span, &format!("`{}`", DEFAULT_CHAINS[chain]))),
            None => defaults.named[chain] = Some((policy, atom.span)),
        }
    }
    end(&words, FORM, diagnostics);
}

/// `interface NAME [ROLE] [over NAME] ["note"]`
pub fn interface(mut words: Words, declarations: &mut Declarations, diagnostics: &mut Diagnostics) {
    const FORM: &str = "interface NAME [ROLE] [over NAME] [\"note\"]";
    words.skip();
    let Some(text) = words.peek(0) else {
        diagnostics.push(bad_form(
            words.span(),
            "`interface` lacks a name",
            "a name is expected here",
            format!("the sentence is `{FORM}`"),
        ));
        return;
    };
    let span = words.skip();
    let name = match value::interface(text) {
        Ok(name) => name,
        Err(problem) => {
            diagnostics.push(problem.code.at(span, problem.message, problem.label, problem.help));
            return;
        }
    };
    let whole = words.whole();
    let mut declaration = InterfaceDeclaration { name, role: None, over: None, note: None, span, whole };
    while !words.is_done() {
        if words.take(&["over"]).is_some() {
            let over = words.peek(0).map(value::interface);
            let at = words.skip();
            match over {
                Some(Ok(over)) if over != name => declaration.over = Some((over, at)),
                Some(Ok(_)) => {
                    diagnostics.push(bad_form(
                        at,
                        format!("`{name}` cannot be carried by itself"),
                        "the same interface",
                        "name the interface that carries it",
                    ));
                    return;
                }
                Some(Err(problem)) => {
                    diagnostics.push(problem.code.at(at, problem.message, problem.label, problem.help));
                    return;
                }
                None => {
                    diagnostics.push(bad_form(
                        at,
                        "`over` lacks its interface",
                        "an interface is expected here",
                        "name the interface that carries this one",
                    ));
                    return;
                }
            }
        } else if words.at_string() {
            let Some((note, _)) = string(&mut words, "interface", 255, diagnostics) else { return };
            declaration.note = Some(note);
        } else {
            let word = words.peek_text().unwrap_or_default();
            let role = value_of(&ROLES, word);
            match role {
                Some(role) if declaration.role.is_none() => declaration.role = Some(role),
                _ => {
                    let problem = value::unknown(ResolveError::BadForm, word, "role", &words_of(&ROLES));
                    let message = if role.is_some() { "an interface has one role".into() } else { problem.message };
                    diagnostics.push(bad_form(words.span(), message, "not a role here", problem.help));
                    return;
                }
            }
            words.skip();
        }
    }
    if let Some(earlier) = declarations.declare(declaration) {
        let earlier = earlier.span;
        diagnostics.push(
            ResolveError::Redefined
                .at(span, format!("the interface `{name}` is declared twice"), "again here", "remove one of the two")
                .also(earlier, "first here")
                .fix(Fix::Remove(whole)),
        );
    }
}

/// Every `over` must name a declared interface; naming it is a use.
pub fn underlays(scope: &mut Scope, diagnostics: &mut Diagnostics) {
    let overs: Vec<_> = scope.declarations.interfaces.iter().filter_map(|declared| declared.over).collect();
    for (over, span) in overs {
        let atom = super::words::Atom { text: "", string: false, span, defined: None };
        scope.interface(&over, &atom, diagnostics);
    }
}

/// `define NAME = VALUE`
pub fn define(
    sentence: u32,
    mut words: Words,
    ast: &Ast,
    declarations: &mut Declarations,
    diagnostics: &mut Diagnostics,
) {
    words.skip();
    let name = words.peek(0).unwrap_or_default().to_owned();
    let span = words.span();
    let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let complete = !name.is_empty() && name.chars().all(usable);
    words.skip();
    if !complete || words.take(&["="]).is_none() || words.is_done() {
        diagnostics.push(bad_form(
            if complete { words.span() } else { span },
            "a definition has a name, `=` and a value",
            if complete { "`=` and a value are expected here" } else { "a name is expected here" },
            "write `define peer = 192.0.2.1`, with blanks around the `=`",
        ));
        return;
    }
    let Sentence { source, broken, .. } = ast.sentences[sentence as usize];
    let text = ast.sources.get(source).text.clone();
    if let Some(earlier) = declarations.define(words.definition(name.clone(), span, sentence, broken, text)) {
        let earlier = earlier.span;
        diagnostics.push(
            ResolveError::Redefined
                .at(
                    span,
                    format!("`{name}` is defined twice"),
                    "again here",
                    "choose another name, or remove one of the two",
                )
                .also(earlier, "first here")
                .fix(Fix::Remove(words.whole())),
        );
    }
}

/// `rules (ipv4|ipv6|both) TABLE { … }`
pub fn rules(sentence: u32, mut words: Words, ast: &Ast, diagnostics: &mut Diagnostics) -> Option<RawRules> {
    const FORM: &str = "rules (ipv4|ipv6|both) TABLE { … }";
    words.skip();
    let families = match words.peek(0).map(|word| (word, value_of(&RULES_FAMILIES, word))) {
        Some((_, Some(families))) => families,
        unknown => {
            let near = unknown.and_then(|(word, _)| did_you_mean(word, words_of(&RULES_FAMILIES)));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the sentence is `{FORM}`"),
            };
            let (message, label) = ("`rules` lacks its family", "`ipv4`, `ipv6` or `both` is expected here");
            diagnostics.push(ResolveError::BadFamily.at(words.span(), message, label, help).or_rather(near));
            return None;
        }
    };
    words.skip();
    let table = words.peek(0).unwrap_or_default();
    if table == "security" {
        let help = "load its rules with a file of your own: the tables here are `raw`, `mangle`, `nat` and `filter`";
        let message = "table `security` belongs to SELinux, and is not part of the language";
        diagnostics.push(ResolveError::BadTable.at(words.span(), message, "this table", help));
        return None;
    }
    let Some(table) = value_of(&RULES_TABLES, table) else {
        let near = did_you_mean(table, words_of(&RULES_TABLES));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "the tables are `raw`, `mangle`, `nat` and `filter`".into(),
        };
        let report =
            ResolveError::BadTable.at(words.span(), "`rules` lacks its table", "a table is expected here", help);
        diagnostics.push(report.or_rather(near));
        return None;
    };
    words.skip();
    let Some(body) = ast.sentences[sentence as usize].body.filter(|_| words.is_done()) else {
        diagnostics.push(bad_form(
            words.span(),
            "a `rules` block holds its lines in braces",
            "`{` is expected here",
            format!("the sentence is `{FORM}`; the closing `}}` is outside of double quotes"),
        ));
        return None;
    };
    Some(RawRules { sentence, families, table, body })
}

/// `expect (accept|drop|reject|deny) TRAFFIC`
pub fn expect(
    sentence: u32,
    mut words: Words,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<Expectation> {
    let errors = diagnostics.count(Severity::Error);
    words.skip();
    let word = words.peek(0).unwrap_or_default();
    let Some(verdict) = value_of(&VERDICTS, word) else {
        let problem = value::unknown(ResolveError::BadForm, word, "verdict", &words_of(&VERDICTS));
        diagnostics.push(bad_form(
            words.span(),
            "an expectation begins with its verdict",
            "a verdict is expected here",
            problem.help,
        ));
        return None;
    };
    words.skip();
    let (packets, _) = traffic::packets::packets(words, "expect", scope, diagnostics)?;
    (diagnostics.count(Severity::Error) == errors).then_some(Expectation { sentence, verdict, packets })
}

/// `lint NAME (off|note|warn|error)`
pub fn lint(mut words: Words, diagnostics: &mut Diagnostics) -> Option<LintLevel> {
    const FORM: &str = "lint NAME (off|note|warn|error)";
    words.skip();
    let name = words.peek(0);
    let span = words.skip();
    let level = words.peek(0).and_then(|word| value_of(&LEVELS, word));
    let (Some(name), Some(level)) = (name, level) else {
        let near = words.peek(0).and_then(|word| did_you_mean(word, words_of(&LEVELS)));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the sentence is `{FORM}`"),
        };
        let (message, label) = ("a lint has a name and a level", "`off`, `note`, `warn` or `error` is expected here");
        diagnostics.push(bad_form(words.span(), message, label, help).or_rather(near));
        return None;
    };
    words.skip();
    if !end(&words, FORM, diagnostics) {
        return None;
    }
    match explain::find(name) {
        Some(known) if known.severity != Severity::Error => Some(LintLevel { name: known.name, level, span }),
        Some(known) => {
            diagnostics.push(ResolveError::UnknownLint.at(
                span,
                format!("`{}` is an error, and no lint", known.name),
                "no rules can be made where it is found",
                "remove the sentence: only warnings and notes have a level",
            ));
            None
        }
        None => {
            let lints = explain::all().iter().filter(|known| known.severity != Severity::Error).map(|known| known.name);
            let near = did_you_mean(explain::name(name), lints);
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write the last part of a warning's code; `cgwfw explain` lists all codes".into(),
            };
            let message = format!("there is no lint `{name}`");
            let report = ResolveError::UnknownLint.at(span, message, "not the name of a warning or a note", help);
            diagnostics.push(report.or_rather(near));
            None
        }
    }
}

/// A lint has one level in a policy.
pub fn lints_set_twice(lints: &[LintLevel], diagnostics: &mut Diagnostics) {
    for (index, lint) in lints.iter().enumerate() {
        if let Some(earlier) = lints[..index].iter().find(|earlier| earlier.name == lint.name) {
            let message = format!("the level of `{}` is set twice", lint.name);
            let report = ResolveError::Redefined.at(lint.span, message, "again here", "remove one of the two");
            diagnostics.push(report.also(earlier.span, "first here"));
        }
    }
}
