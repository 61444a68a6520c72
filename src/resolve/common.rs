//! The clauses that go with every sentence: `only`, `comment`, `log`; and strings.
//! Input: the words at a clause. Output: what it says, or a report.

use super::codes::ResolveError;
use super::lists::{positive, rate};
use super::scope::Scope;
use super::suggest::did_you_mean;
use super::value;
use super::words::Words;
use crate::diagnostic::{Diagnostics, Fix, is_deceptive};
use crate::net::Family;
use crate::policy::LogClause;
use crate::source::Span;

/// The clauses that go with every sentence.
#[derive(Default)]
pub struct Common {
    /// `only FAMILY`
    pub only: Option<(Family, Span)>,
    /// `comment "…"`
    pub comment: Option<(String, Span)>,
    /// `log …`
    pub log: Option<(LogClause, Span)>,
}

/// `only`, `comment`, `log`: taken (`Some(true)`), not here (`Some(false)`), or reported (`None`).
pub fn common(
    words: &mut Words,
    common: &mut Common,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<bool> {
    let start = words.span();
    let twice = |earlier: Option<Span>, word: &str, diagnostics: &mut Diagnostics| {
        if let Some(earlier) = earlier {
            diagnostics.push(
                ResolveError::DuplicateClause
                    .at(start, format!("`{word}` is given twice"), "again here", "write it once")
                    .also(earlier, "first here"),
            );
        }
    };
    if words.take(&["only"]).is_some() {
        twice(common.only.map(|(_, span)| span), "only", diagnostics);
        let word = words.peek(0).unwrap_or_default();
        let Some(family) = Family::BOTH.into_iter().find(|family| family.keyword() == word) else {
            let near = did_you_mean(word, ["ipv4", "ipv6"]);
            let help = match near {
                Some(near) => format!("did you mean `only {near}`?"),
                None => "write `only ipv4` or `only ipv6`".into(),
            };
            let (message, label) = ("`only` lacks its family", "`ipv4` or `ipv6` is expected here");
            diagnostics.push(ResolveError::BadFamily.at(words.span(), message, label, help).or_rather(near));
            return None;
        };
        words.skip();
        common.only = Some((family, start.to(words.last_span())));
        return Some(true);
    }
    if words.take(&["comment"]).is_some() {
        twice(common.comment.as_ref().map(|(_, span)| *span), "comment", diagnostics);
        let (text, span) = string(words, "comment", 255, diagnostics)?;
        common.comment = Some((text, span));
        return Some(true);
    }
    if words.take(&["log"]).is_some() {
        twice(common.log.as_ref().map(|(_, span)| *span), "log", diagnostics);
        let mut log = LogClause::default();
        let mut prefix_span = None;
        // The parts in any order; `limit` directly after one of them is the log's, not the verdict's.
        loop {
            if prefix_span.is_none() && words.at_string() {
                let (text, span) = string(words, "log", 63, diagnostics)?;
                log.prefix = text;
                prefix_span = Some(span);
            } else if log.group.is_none() && words.take(&["to", "group"]).is_some() {
                let number = |text: &str| value::number(text, 0, 65_535);
                log.group = Some(positive(words, "a group", scope, diagnostics, number)? as u16);
            } else if log.limit.is_none() && words.take(&["limit"]).is_some() {
                log.limit = Some(rate(words, false, scope, diagnostics)?);
            } else {
                break;
            }
        }
        if let Some(span) = prefix_span.filter(|_| log.group.is_none() && log.prefix.len() > 29) {
            diagnostics.push(too_long(span, log.prefix.len(), 29, "LOG prefix"));
            return None;
        }
        common.log = Some((log, start));
        return Some(true);
    }
    Some(false)
}

/// A string after `word`, at most `max` bytes.
pub fn string(words: &mut Words, word: &str, max: usize, diagnostics: &mut Diagnostics) -> Option<(String, Span)> {
    let Some((text, span)) = words.string() else {
        diagnostics.push(ResolveError::MissingValue.at(
            words.span(),
            format!("`{word}` lacks its text"),
            "a string is expected here",
            format!("write `{word} \"…\"`"),
        ));
        return None;
    };
    if text.len() > max {
        diagnostics.push(too_long(span, text.len(), max, "string"));
        return None;
    }
    if let Some(c) = text.chars().find(|c| is_deceptive(*c)) {
        let report = ResolveError::DeceptiveText.at(
            span,
            format!("the string holds the invisible character U+{:04X}", u32::from(c)),
            "readers would see another text",
            "remove the character",
        );
        let seen: String = words.text_of(span).chars().filter(|c| !is_deceptive(*c)).collect();
        diagnostics.push(report.fix(Fix::Replace(span, seen)));
        return None;
    }
    Some((text, span))
}

/// A report that iptables would cut a string without a word.
pub fn too_long(span: Span, bytes: usize, max: usize, what: &str) -> crate::diagnostic::Report {
    ResolveError::StringTooLong.at(
        span,
        format!("the {what} is {bytes} bytes long, iptables keeps {max}"),
        match bytes - max {
            1 => "the last byte would be lost".into(),
            lost => format!("the last {lost} bytes would be lost"),
        },
        format!("shorten it to {max} bytes"),
    )
}
