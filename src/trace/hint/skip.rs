//! What keeps the rules of a sentence from deciding: an exception in it, or that it goes.
//! Input: the place of a rule that stops a packet. Output: a candidate that is yet to be tried.

use super::kinds::{Candidate, Hint, Setting};
use crate::format;
use crate::iptables::packet::Packet;
use crate::iptables::ruleset::{Origin, Origins, Rule};
use crate::net::Addresses;
use crate::origin::Rules;
use crate::policy::{Argument, Block, Statement, Values};
use crate::snippet::signature::{ClausePart, ParameterKind};
use crate::syntax::{Ast, Token, TokenKind};
use crate::trace::change::Change;

/// The keyword of exceptions.
const EXCEPT: &str = "except";

/// An exception for the packet's source in a sentence that a rule comes from; where it takes none, the policy without
/// it: of a `rules` block without the line.
pub(super) fn skip(rule: &Rule, origin: Origin, packet: &Packet, setting: &Setting) -> Option<Candidate> {
    let Rules::Policy(compilation) = setting.rules else { return None };
    if let Some(hint) = exception(rule, origin.sentence, packet, setting) {
        return Some(Candidate { change: Change::Skip(origin.sentence, None), hint });
    }
    let ast = &compilation.ast;
    let line = ast.sentences.get(origin.sentence as usize)?.body.is_some().then_some(origin.line);
    let place = setting.rules.statement(packet.family(), &Origins::of(origin.sentence, origin.line));
    Some(Candidate { change: Change::Skip(origin.sentence, line), hint: Hint::Without { place } })
}

/// The exception for the packet's source in a sentence, if it takes exceptions.
fn exception(rule: &Rule, sentence: u32, packet: &Packet, setting: &Setting) -> Option<Hint> {
    let Rules::Policy(compilation) = setting.rules else { return None };
    // The exception is one of sources.
    rule.header.source.as_ref().filter(|source| !source.negated)?;
    let block = compilation.policy.statements.iter().find_map(|statement| match statement {
        Statement::Block(block) if block.sentence == sentence => Some(block),
        _ => None,
    })?;
    let given = excepted(block, setting)?;
    if given.as_ref().is_some_and(|given| given.negated) {
        return None;
    }
    let ast = &compilation.ast;
    let mut all: Vec<String> = given.iter().flat_map(|given| given.items.iter().map(Addresses::to_string)).collect();
    all.push(packet.source.to_string());
    let list = if let [one] = &all[..] { one.clone() } else { format!("{{ {} }}", all.join(", ")) };
    let text = match given {
        Some(_) => with_exception(ast, sentence, &list)?,
        None => format!("{} {EXCEPT} {list}", format::sentence(ast, &ast.sentences[sentence as usize])),
    };
    Some(Hint::Except { place: setting.sentence_place(sentence), text })
}

/// The addresses that a sentence excepts; none, if it could except some; nothing, if its block knows no exceptions.
fn excepted(block: &Block, setting: &Setting) -> Option<Option<Values<Addresses>>> {
    let signature = &setting.library?.snippets.get(block.snippet as usize)?.signature;
    let form = signature.forms.get(block.form as usize)?;
    let parameter = form.clauses.iter().find_map(|clause| match clause.part {
        ClausePart::Parameter(index) if clause.keyword.last().is_some_and(|word| word == EXCEPT) => Some(index),
        _ => None,
    })?;
    matches!(signature.parameters.get(parameter as usize)?.kind, ParameterKind::Address { .. }).then_some(())?;
    Some(block.arguments.iter().find_map(|(index, argument)| match argument {
        Argument::Address(values) if *index == parameter => Some(values.clone()),
        _ => None,
    }))
}

/// The sentence with these exceptions instead of its own.
fn with_exception(ast: &Ast, sentence: u32, list: &str) -> Option<String> {
    let sentence = &ast.sentences[sentence as usize];
    let file = &ast.sources.get(sentence.source).text;
    let tokens = ast.tokens(sentence);
    let keyword = tokens.iter().position(|token| token.kind == TokenKind::Word && token.text(file) == EXCEPT)?;
    let (before, after) = (&tokens[..=keyword], &tokens[keyword + 1..]);
    // `A, B`, or `{ A, B }`
    let mut depth = 0_u32;
    let mut end = after.len();
    for (index, token) in after.iter().enumerate() {
        match token.kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        let goes_on = [Some(token), after.get(index + 1)];
        if depth == 0 && !goes_on.iter().flatten().any(|token| token.kind == TokenKind::Comma) {
            end = index + 1;
            break;
        }
    }
    let words = |tokens: &[Token]| {
        let mut text = String::new();
        for token in tokens {
            let glued = text.is_empty() || token.kind == TokenKind::Comma;
            text.push_str(if glued { "" } else { " " });
            text.push_str(token.text(file));
        }
        text
    };
    let parts = [words(before), list.to_owned(), words(&after[end..])];
    Some(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
}
