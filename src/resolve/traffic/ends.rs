//! The clauses that name an end of packets: addresses, sets of them, ports.
//! Input: the words after `from`, `to`, `original to`. Output: the ends in a draft, or reports.

use super::draft::{Allowed, Draft, not_allowed};
use crate::diagnostic::Diagnostics;
use crate::iptables::ruleset::Negatable;
use crate::language::clauses::TrafficClause;
use crate::net::Addresses;
use crate::policy::{Items, OriginalDestination};
use crate::resolve::codes::ResolveError;
use crate::resolve::families::{FamilyChoice, OneFamily};
use crate::resolve::lists::{addresses, ports, positive, single};
use crate::resolve::scope::Scope;
use crate::resolve::value;
use crate::resolve::words::Words;
use crate::source::Span;

/// `port` in any of its places: not where the block has one, or takes none.
pub(super) fn port_clause(span: Span, allowed: &Allowed, diagnostics: &mut Diagnostics) {
    if allowed.own_ports {
        diagnostics.push(ResolveError::ClauseNotAllowed.at(
            span,
            format!("`{}` has its port already", allowed.name),
            "a second port",
            "remove the port, or write plain traffic: `allow … tcp port N`",
        ));
    } else if !allowed.clauses.contains(&TrafficClause::Port) {
        diagnostics.push(not_allowed(span, allowed.name, "port"));
    }
}

/// `from [ADDR] [port PORTS]`, the first word taken.
pub(super) fn side<'a>(
    words: &mut Words<'a>,
    source: bool,
    start: Span,
    allowed: &Allowed,
    draft: &mut Draft<'a>,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let (word, clause) = if source { ("from", TrafficClause::From) } else { ("to", TrafficClause::To) };
    let has_address = !words.at_words(&["port"]);
    if !words.at_words(&["port"]) {
        draft.mark(word, start, diagnostics);
        if !allowed.clauses.contains(&clause) {
            diagnostics.push(not_allowed(start, allowed.name, word));
        }
        if words.at_words(&["set"]) || words.at_words(&["not", "set"]) {
            let set = Some(set(words, word, allowed, draft, scope, diagnostics)?);
            *(if source { &mut draft.traffic.source_set } else { &mut draft.traffic.destination_set }) = set;
        } else {
            let addresses = addresses(words, source, true, &mut draft.choices, scope, diagnostics)?;
            *(if source { &mut draft.traffic.source } else { &mut draft.traffic.destination }) = addresses;
        }
    }
    if words.at_words(&["port"]) {
        let port = words.skip();
        let name = if source { "source port" } else { "port" };
        draft.mark(name, port, diagnostics);
        if !source {
            port_clause(port, allowed, diagnostics);
        } else if !allowed.clauses.contains(&TrafficClause::SourcePort) {
            diagnostics.push(not_allowed(port, allowed.name, "from … port"));
        }
        let ports = ports(words, scope, diagnostics)?;
        if source {
            draft.port_after_source = has_address.then(|| (port, start.to(words.last_span())));
            draft.traffic.source_ports = ports;
        } else {
            draft.traffic.destination_ports = ports;
        }
    }
    Some(())
}

/// `[not] set NAME` after `from` or `to`.
fn set<'a>(
    words: &mut Words<'a>,
    side: &str,
    allowed: &Allowed,
    draft: &mut Draft<'a>,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<Negatable<Box<str>>> {
    let start = words.span();
    let negated = words.take(&["not"]).is_some();
    let keyword = words.skip();
    if !allowed.clauses.contains(&TrafficClause::Set) {
        diagnostics.push(not_allowed(keyword, allowed.name, &format!("{side} set")));
    }
    let name = positive(words, "the name of a set", scope, diagnostics, value::set)?;
    draft.choices.push(FamilyChoice {
        elements: Items::new(),
        span: start.to(words.last_span()),
        negated: false,
        chooses: false,
        negation_chooses: false,
        open: Some((words.last_span(), OneFamily::Set)),
    });
    Some(Negatable { negated, value: name })
}

/// `original to A [port P]`, its two words taken.
pub(super) fn original<'a>(
    words: &mut Words<'a>,
    draft: &mut Draft<'a>,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<OriginalDestination> {
    let start = words.span();
    let list = addresses(words, false, true, &mut draft.choices, scope, diagnostics)?;
    let [Addresses::Prefix(prefix)] = list.items[..] else {
        diagnostics.push(ResolveError::OneValue.at(
            start.to(words.last_span()),
            "one host or one network is expected",
            "the kernel compares with one",
            "write a sentence for each: `original to 198.51.100.1`",
        ));
        return None;
    };
    let mut port = None;
    if words.at_words(&["port"]) {
        let place = words.skip();
        draft.mark("original to … port", place, diagnostics);
        port = Some(single(words, "a port", scope, diagnostics, value::ports)?);
    }
    Some(OriginalDestination { address: Negatable { negated: list.negated, value: prefix }, port })
}
