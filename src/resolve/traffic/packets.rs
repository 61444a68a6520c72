//! Packets on the wire: the traffic of `expect`, `query` and `trace`.
//! Input: the words of a sentence, after its verb. Output: `Packets`, or reports.

use super::clause;
use super::draft::{Allowed, Draft};
use super::finish::finish;
use crate::diagnostic::{Diagnostics, Severity};
use crate::iptables::packet::Fragment;
use crate::iptables::ruleset::{Negatable, States};
use crate::language::clauses::packet_words;
use crate::language::clauses::{Direction, TrafficClause};
use crate::language::values::protocol_words;
use crate::net::{Families, Family};
use crate::policy::Packets;
use crate::resolve::codes::ResolveError;
use crate::resolve::common::{Common, common};
use crate::resolve::families;
use crate::resolve::lists::positive;
use crate::resolve::scope::Scope;
use crate::resolve::suggest::did_you_mean;
use crate::resolve::value;
use crate::resolve::words::Words;
use crate::snippet::signature::OpenDirection;
use crate::source::Span;

/// The place of each clause, by its name.
pub type Places = Vec<(&'static str, Span)>;

/// Reads the rest of a sentence as packets, with the places of its clauses; `name` is the sentence as users call it.
pub fn packets(
    mut words: Words,
    name: &str,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<(Packets, Places)> {
    let errors = diagnostics.count(Severity::Error);
    let expects = name == "expect";
    let one = name == "trace";
    let mut clauses = TrafficClause::OF_PACKETS.to_vec();
    if !one {
        clauses.push(TrafficClause::Set);
    }
    let allowed = Allowed {
        name,
        directions: &Direction::ALL,
        open: OpenDirection::Any,
        needs_interface: false,
        protocols: &[],
        own_ports: false,
        clauses: &clauses,
    };
    let (mut draft, mut shared) = (Draft::default(), Common::default());
    let (mut over_limit, mut spoofed, mut fragment) = (false, false, Fragment::No);
    while !words.is_done() {
        let start = words.span();
        if words.take(&["over", "limit"]).is_some() {
            draft.mark("over limit", start.to(words.last_span()), diagnostics);
            over_limit = true;
            if words.peek(0).is_some_and(|text| value::rate(text).is_ok()) {
                let rate = words.skip();
                let message = format!("`over limit` has no rate in `{name}`");
                let help = "remove it: the packets are over every limit that they meet";
                let report = ResolveError::ClauseNotAllowed.at(rate, message, "a rate of its own", help);
                diagnostics.push(report);
            }
        } else if !one && words.take(&["state", "any"]).is_some() {
            // Of what is left open, the state alone is not any.
            draft.mark("state", start.to(words.last_span()), diagnostics);
            draft.traffic.states = Some(Negatable::is(States::ALL));
        } else if words.take(&["spoofed"]).is_some() {
            draft.mark("spoofed", start, diagnostics);
            spoofed = true;
        } else if words.take(&["fragment"]).is_some() {
            draft.mark("fragment", start, diagnostics);
            fragment = positive(&mut words, "`first` or `later`", scope, diagnostics, value::fragment)?;
        } else if words.at_words(&["only"]) {
            common(&mut words, &mut shared, scope, diagnostics)?;
        } else if words.peek_text().is_some_and(|text| text == "," || text.starts_with('"'))
            || !clause(&mut words, &allowed, &mut draft, scope, diagnostics)?
        {
            let text = words.peek_text().unwrap_or_default().to_owned();
            let candidates = packet_words().into_iter().chain(protocol_words());
            let near = did_you_mean(&text, candidates);
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if expects => "describe the packets: `expect drop in on inet0 tcp port 22`".into(),
                None if !one => "describe the packets: `in on inet0 tcp port 22`".into(),
                None => "describe the packet: `in on inet0 tcp from 192.0.2.1 port 40000 to 192.0.2.2 port 22`".into(),
            };
            let what = match name {
                "expect" => "an expectation",
                "trace" => "the description of a packet",
                _ => "the description of packets",
            };
            let message = format!("`{text}` has no meaning in {what}");
            let report = ResolveError::UnknownWord.at(words.span(), message, "not a word of traffic", help);
            diagnostics.push(report.or_rather(near));
            return None;
        }
    }
    let only_ipv4 = shared.only.is_some_and(|(family, _)| family == Family::V4);
    finish(&words, &allowed, &mut draft, only_ipv4, scope, diagnostics);
    let families = families::resolve(Families::BOTH, shared.only, &draft.choices, diagnostics)?;
    let places = draft.places().to_vec();
    let packets = Packets { families, traffic: draft.traffic, over_limit, spoofed, fragment };
    (diagnostics.count(Severity::Error) == errors).then_some((packets, places))
}
