//! The traffic vocabulary (section 3 of the language reference).
//! Input: words of a sentence. Output: a `Traffic`, and what its addresses say about families.

pub mod draft;
mod ends;
pub mod finish;
pub mod packets;

use self::draft::{Allowed, Draft, not_allowed};
use self::ends::{original, port_clause, side};
use super::codes::ResolveError;
use super::families::{FamilyChoice, OneFamily};
use super::icmp;
use super::lists::{
    addresses, interfaces, items, not_any, ports, positive, push, rate, single, typed, warn_duplicates,
};
use super::scope::Scope;
use super::value::{self, BadValue};
use super::words::{Words, value};
use crate::diagnostic::{Diagnostics, Fix, Report};
use crate::iptables::ruleset::{IcmpType, Negatable, States, TcpFlags};
use crate::language::clauses::{Direction, TrafficClause};
use crate::language::values::{ProtocolWord, icmp_families, protocol, protocol_words};
use crate::net::Families;
use crate::policy::{Items, Values};
use crate::snippet::signature::OpenDirection;
use crate::source::Span;

/// Takes one clause of traffic. `Some(true)`: taken; `Some(false)`: the next word begins no such clause; `None`: reported.
pub fn clause<'a>(
    words: &mut Words<'a>,
    allowed: &Allowed,
    draft: &mut Draft<'a>,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<bool> {
    let start = words.span();
    // A list or a variable can only be one of protocols here.
    let word = words.peek(0).unwrap_or_default();
    let permit = |clause: TrafficClause, name: &str, diagnostics: &mut Diagnostics| {
        if !allowed.clauses.contains(&clause) {
            diagnostics.push(not_allowed(start, allowed.name, name));
        }
    };
    match word {
        "in" | "out" | "forward" => {
            let direction = match word {
                "in" => Direction::In,
                "out" => Direction::Out,
                _ => Direction::Forward,
            };
            words.skip();
            return self::direction(words, direction, start, allowed, draft, scope, diagnostics);
        }
        "on" => {
            words.skip();
            draft.mark("on", start, diagnostics);
            if !draft.traffic.in_on.is_any() || !draft.traffic.out_on.is_any() {
                diagnostics.push(two_ways(start, "on"));
                return None;
            }
            no_direction_here(start, allowed, "on", diagnostics);
            draft.traffic.on = interfaces(words, scope, diagnostics)?;
        }
        "no" if words.at_words(&["no", "syn"]) => {
            words.take(&["no", "syn"]);
            draft.mark("no syn", start, diagnostics);
            same_flags(draft, start, "flags", diagnostics);
            permit(TrafficClause::NoSyn, "no syn", diagnostics);
            draft.traffic.flags = Some(Negatable::not(TcpFlags::SYN));
        }
        "no" | "ipsec" if word == "ipsec" || words.at_words(&["no", "ipsec"]) => {
            let ipsec = words.take(&["no"]).is_none();
            words.skip();
            permit(TrafficClause::Ipsec, "ipsec", diagnostics);
            self::ipsec(words, ipsec, start, allowed, draft, diagnostics);
        }
        "from" | "to" => {
            words.skip();
            side(words, word == "from", start, allowed, draft, scope, diagnostics)?;
        }
        "source" => {
            words.skip();
            if words.take(&["port"]).is_none() {
                let (message, help) = ("`source` has no meaning without `port`", "write `from` and the address");
                let report = ResolveError::UnknownWord.at(start, message, "not a word of traffic", help);
                diagnostics.push(report.fix(Fix::Replace(start, "from".into())));
                return None;
            }
            draft.mark("source port", start.to(words.last_span()), diagnostics);
            permit(TrafficClause::SourcePort, "source port", diagnostics);
            draft.traffic.source_ports = ports(words, scope, diagnostics)?;
        }
        "port" => {
            words.skip();
            draft.mark("port", start, diagnostics);
            port_clause(start, allowed, diagnostics);
            draft.traffic.destination_ports = ports(words, scope, diagnostics)?;
        }
        "peer" => {
            words.skip();
            draft.mark("peer", start, diagnostics);
            permit(TrafficClause::Peer, "peer", diagnostics);
            if words.at_words(&["set"]) || words.at_words(&["not", "set"]) {
                diagnostics.push(ResolveError::ClauseNotAllowed.at(
                    words.span(),
                    "`set` is not for `peer`",
                    "is looked up on one side",
                    "write two sentences: `in … from set NAME`, and `out … to set NAME`",
                ));
                return None;
            }
            draft.traffic.peer = Some(addresses(words, true, true, &mut draft.choices, scope, diagnostics)?);
        }
        "type" => {
            words.skip();
            draft.mark("type", start, diagnostics);
            permit(TrafficClause::Type, "type", diagnostics);
            icmp_types(words, draft, scope, diagnostics)?;
        }
        "flags" => {
            words.skip();
            draft.mark("flags", start, diagnostics);
            same_flags(draft, start, "no syn", diagnostics);
            permit(TrafficClause::Flags, "flags", diagnostics);
            let negated = words.take(&["not"]).is_some();
            let list = value(words, "MASK/SET", &mut scope.used, diagnostics)?;
            let text = list.atoms.iter().map(|atom| atom.text).collect::<Vec<_>>().join(",");
            let flags = value::flags(&text).map_err(|problem| push(&list.whole(), problem, diagnostics)).ok()?;
            draft.traffic.flags = Some(Negatable { negated: negated || list.negated, value: flags });
        }
        "ttl" => {
            words.skip();
            draft.mark("ttl", start, diagnostics);
            permit(TrafficClause::Ttl, "ttl", diagnostics);
            let ttl = single(words, "a number from 0 to 255", scope, diagnostics, |text| value::number(text, 0, 255))?;
            draft.traffic.ttl = Some(Negatable { negated: ttl.negated, value: ttl.value as u8 });
        }
        "state" => {
            words.skip();
            draft.mark("state", start, diagnostics);
            permit(TrafficClause::State, "state", diagnostics);
            let states = items(words, "a connection state", scope, diagnostics, value::state)?;
            let bits = states.items.iter().fold(0, |bits, state| bits | state.0);
            draft.traffic.states = Some(Negatable { negated: states.negated, value: States(bits) });
        }
        "mark" => {
            words.skip();
            draft.mark("mark", start, diagnostics);
            permit(TrafficClause::Mark, "mark", diagnostics);
            draft.traffic.mark = Some(single(words, "a mark", scope, diagnostics, value::mark)?);
        }
        "connection" if words.at_words(&["connection", "mark"]) => {
            words.take(&["connection", "mark"]);
            draft.mark("connection mark", start, diagnostics);
            permit(TrafficClause::ConnectionMark, "connection mark", diagnostics);
            draft.traffic.connection_mark = Some(single(words, "a mark", scope, diagnostics, value::mark)?);
        }
        "original" if words.at_words(&["original", "to"]) => {
            words.take(&["original", "to"]);
            draft.mark("original to", start.to(words.last_span()), diagnostics);
            permit(TrafficClause::Original, "original to", diagnostics);
            draft.traffic.original = Some(original(words, draft, scope, diagnostics)?);
        }
        "limit" | "over" if word == "limit" || words.at_words(&["over", "limit"]) => {
            let above = words.take(&["over"]).is_some();
            words.skip();
            let (name, other, clause) = match above {
                true => ("over limit", "limit", TrafficClause::OverLimit),
                false => ("limit", "over limit", TrafficClause::Limit),
            };
            draft.mark(name, start, diagnostics);
            if above && !allowed.clauses.contains(&clause) && allowed.clauses.contains(&TrafficClause::Limit) {
                diagnostics.push(ResolveError::ClauseNotAllowed.at(
                    start.to(words.last_span()),
                    format!("`over limit` is not for `{}`", allowed.name),
                    "lets the flood pass, and not what comes slowly",
                    "write `limit`, or `drop … over limit` before the sentence",
                ));
            } else {
                permit(clause, name, diagnostics);
            }
            if let Some(earlier) = draft.seen(other) {
                let help = "write one of them: `limit` is up to the rate, `over limit` above it";
                let report = ResolveError::DuplicateClause.at(
                    start,
                    "`limit` and `over limit` exclude each other",
                    "again here",
                    help,
                );
                diagnostics.push(report.also(earlier, "first here"));
            }
            draft.traffic.limit = Some(rate(words, above, scope, diagnostics)?);
        }
        _ => return protocols(words, allowed, draft, scope, diagnostics),
    }
    Some(true)
}

/// `ipsec [in|out]`, `no ipsec [in|out]`, but for the side taken: where all rules are in FORWARD, `in` and `out` are sides
/// unless `on` follows.
fn ipsec(
    words: &mut Words,
    ipsec: bool,
    start: Span,
    allowed: &Allowed,
    draft: &mut Draft,
    diagnostics: &mut Diagnostics,
) {
    let forward = allowed.open == OpenDirection::None
        || draft.traffic.directions.forward
        || words.rest().any(|word| word == "forward");
    let side = words.peek(0).filter(|_| forward && words.peek(1) != Some("on"));
    let sides = &mut draft.traffic.ipsec;
    let (clause, set): (_, &mut [&mut Option<bool>]) = match side {
        Some("in") => ("ipsec in", &mut [&mut sides.came]),
        Some("out") => ("ipsec out", &mut [&mut sides.goes]),
        _ => ("ipsec", &mut [&mut sides.came, &mut sides.goes]),
    };
    set.iter_mut().for_each(|side| **side = Some(ipsec));
    if clause != "ipsec" {
        words.skip();
    }
    let span = start.to(words.last_span());
    draft.mark(clause, span, diagnostics);
    let others: &[&str] = if clause == "ipsec" { &["ipsec in", "ipsec out"] } else { &["ipsec"] };
    if let Some(earlier) = others.iter().find_map(|other| draft.seen(other)) {
        let (message, help) = ("`ipsec` without a side speaks of both", "write each side once");
        let report = ResolveError::DuplicateClause.at(span, message, "again here", help);
        diagnostics.push(report.also(earlier, "first here"));
    }
}

/// A report that a clause says again, differently, which way the packets go.
fn two_ways(span: Span, word: &str) -> crate::diagnostic::Report {
    ResolveError::DirectionConflict.at(
        span,
        format!("`{word}` contradicts the direction before it"),
        "a second direction",
        "`forward on A` is both ways through A, `forward in on A out on B` one way: choose one of them",
    )
}

/// `no syn` and `flags` are one match.
fn same_flags(draft: &Draft, span: Span, other: &str, diagnostics: &mut Diagnostics) {
    if let Some(earlier) = draft.seen(other) {
        let help = "write one of them: `no syn` is `flags not fin,syn,rst,ack/syn`";
        let report =
            ResolveError::DuplicateClause.at(span, "`flags` and `no syn` speak of the same flags", "again here", help);
        diagnostics.push(report.also(earlier, "first here"));
    }
}

fn no_direction_here(span: Span, allowed: &Allowed, word: &str, diagnostics: &mut Diagnostics) {
    if allowed.open == OpenDirection::None {
        diagnostics.push(ResolveError::ClauseNotAllowed.at(
            span,
            format!("`{}` knows its interfaces already", allowed.name),
            format!("`{word}` has no meaning here"),
            "remove it: the sentence says where the packets go",
        ));
    }
}

/// `in [on IF]`, `out [on IF]`, `forward [on IF | in on IF | out on IF]`, the first word taken.
fn direction<'a>(
    words: &mut Words<'a>,
    direction: Direction,
    start: Span,
    allowed: &Allowed,
    draft: &mut Draft<'a>,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<bool> {
    let forward = draft.traffic.directions.forward;
    let inner = match direction {
        Direction::In if forward => "forward in",
        Direction::Out if forward => "forward out",
        _ => direction.word(),
    };
    let again = draft.seen(inner).is_some();
    draft.mark(inner, start, diagnostics);
    if again {
        return None;
    }
    no_direction_here(start, allowed, direction.word(), diagnostics);
    if forward && direction != Direction::Forward {
        // `in on A` after `forward`: where the packet comes in.
        if !draft.traffic.on.is_any() {
            diagnostics.push(two_ways(start, direction.word()));
            return None;
        }
        if words.take(&["on"]).is_none() {
            diagnostics.push(ResolveError::MissingValue.at(
                words.span(),
                format!("`forward {}` lacks its interface", direction.word()),
                "`on` is expected here",
                format!("write `forward {} on IF`", direction.word()),
            ));
            return None;
        }
        let interfaces = interfaces(words, scope, diagnostics)?;
        match direction {
            Direction::In => draft.traffic.in_on = interfaces,
            _ => draft.traffic.out_on = interfaces,
        }
        return Some(true);
    }
    let other = draft.direction_said;
    if other {
        let both = draft.traffic.directions.input || draft.traffic.directions.output;
        let help = if both && direction != Direction::Forward {
            "write `forward in on A out on B` for what passes through, or two sentences"
        } else {
            "a packet goes one way: write two sentences, or `forward` first"
        };
        let report = ResolveError::DirectionConflict.at(
            start,
            format!("`{}` contradicts the direction before it", direction.word()),
            "a second direction",
            help,
        );
        let two_interfaces = !draft.traffic.on.is_any() && words.at_words(&["on"]);
        let first =
            draft.seen("in").or(draft.seen("out")).filter(|_| two_interfaces && direction != Direction::Forward);
        let forward = first.map(|first| Fix::Replace(Span { end: first.start, ..first }, "forward ".into()));
        diagnostics.push(forward.into_iter().fold(report, Report::fix));
        return None;
    }
    draft.direction_said = true;
    if !allowed.directions.contains(&direction) && allowed.open != OpenDirection::None {
        let possible: Vec<_> = allowed.directions.iter().map(|direction| format!("`{}`", direction.word())).collect();
        let report = ResolveError::DirectionNotAllowed.at(
            start,
            format!("`{}` does not go with `{}`", direction.word(), allowed.name),
            "not this way",
            format!("write {}", possible.join(" or ")),
        );
        let fixes = allowed.directions.iter().map(|direction| Fix::Replace(start, direction.word().into()));
        diagnostics.push(fixes.fold(report, Report::fix));
    }
    match direction {
        Direction::In => draft.traffic.directions.input = true,
        Direction::Out => draft.traffic.directions.output = true,
        Direction::Forward => draft.traffic.directions.forward = true,
    }
    if direction != Direction::Forward && words.at_words(&["on"]) {
        let on = words.skip();
        draft.mark("on", on, diagnostics);
        draft.traffic.on = interfaces(words, scope, diagnostics)?;
    }
    Some(true)
}

/// `tcp`, `{ tcp, udp }`, `not icmp`, `protocol N`, `icmp type T`.
fn protocols<'a>(
    words: &mut Words<'a>,
    allowed: &Allowed,
    draft: &mut Draft<'a>,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<bool> {
    let start = words.span();
    let numbered = words.at_words(&["protocol"]);
    let ahead = usize::from(words.at_words(&["not"]));
    if !numbered && words.peek(ahead).is_some_and(|word| protocol(word).is_none()) {
        return Some(false);
    }
    if numbered {
        words.skip();
    }
    let list = value(words, "a protocol", &mut scope.used, diagnostics)?;
    if let [atom] = list.atoms[..]
        && numbered
        && !list.negated
        && atom.defined.is_none()
        && let Err(BadValue { code, message, label, help, meant: Some(word) }) = value::protocol_number(atom.text)
    {
        // The word takes the place of `protocol` as well.
        let fix = Fix::Replace(start.to(atom.span), word);
        diagnostics.push(code.at(atom.span, message, label, help).fix(fix));
        return None;
    }
    let number = |text: &str| value::protocol_number(text).map_err(|problem| BadValue { meant: None, ..problem });
    let parse = |text: &str| match protocol(text) {
        Some(word) if !numbered => Ok(word),
        _ if numbered => number(text).map(Some),
        _ => Err(value::unknown(ResolveError::BadProtocol, text, "protocol", &protocol_words())),
    };
    let parsed = typed(&list, diagnostics, parse)?;
    draft.mark("protocol", start, diagnostics);
    if !allowed.clauses.contains(&TrafficClause::Protocol) || !allowed.protocols.is_empty() {
        diagnostics.push(ResolveError::ClauseNotAllowed.at(
            start,
            format!("`{}` has its protocol already", allowed.name),
            "a second protocol",
            "remove it, or write plain traffic: `allow … tcp port N`",
        ));
        return Some(true);
    }
    let families_of = |word: &Option<ProtocolWord>| word.map_or(Families::BOTH, ProtocolWord::families);
    let of_all = parsed.iter().fold(Families::NONE, |all, word| all.or(families_of(word)));
    if parsed.iter().any(|word| families_of(word).single().is_some()) {
        draft.choices.push(FamilyChoice {
            elements: list.atoms.iter().zip(&parsed).map(|(atom, word)| (families_of(word), *atom)).collect(),
            span: list.span,
            // As for ICMP types: a protocol that one family has speaks of that family, excluded or not.
            negated: list.negated && of_all.single().is_none(),
            chooses: true,
            negation_chooses: false,
            open: None,
        });
    }
    let any = parsed.iter().any(Option::is_none);
    if any && list.negated {
        diagnostics.push(not_any(list.span));
        return None;
    }
    let items: Items<ProtocolWord> = if any { Items::new() } else { parsed.into_iter().flatten().collect() };
    let items = warn_duplicates(items, &list, diagnostics);
    if list.negated && items.contains(&ProtocolWord::Ah) {
        draft.negated_ah = Some(list.span);
    }
    draft.traffic.protocols = Values { negated: list.negated, items };
    Some(true)
}

fn icmp_types<'a>(
    words: &mut Words<'a>,
    draft: &mut Draft<'a>,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let list = value(words, "an ICMP type", &mut scope.used, diagnostics)?;
    let mut types = typed(&list, diagnostics, icmp::icmp_type)?;
    if words.take(&["code"]).is_some() {
        let code = positive(words, "a code", scope, diagnostics, |text| value::number(text, 0, 255))?;
        for word in &mut types {
            word.types = word.types.map(|kind| kind.map(|kind| IcmpType { code: Some(code as u8), ..kind }));
        }
    }
    let numeric = list.atoms.iter().find(|atom| atom.text.bytes().all(|b| b.is_ascii_digit()));
    let of_all = types.iter().fold(Families::NONE, |all, word| all.or(icmp_families(*word)));
    draft.choices.push(FamilyChoice {
        elements: list.atoms.iter().zip(&types).map(|(atom, word)| (icmp_families(*word), *atom)).collect(),
        span: list.span,
        // A type that one family has speaks of that family, excluded or not: the other has nothing to exclude.
        negated: list.negated && of_all.single().is_none(),
        chooses: true,
        negation_chooses: false,
        open: numeric.map(|atom| (atom.span, OneFamily::IcmpNumber)),
    });
    draft.traffic.icmp_types = Values { negated: list.negated, items: warn_duplicates(types, &list, diagnostics) };
    Some(())
}
