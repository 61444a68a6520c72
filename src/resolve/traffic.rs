//! The traffic vocabulary (section 3 of the language reference).
//! Input: words of a sentence. Output: a `Traffic`, and what its addresses say about families.

use super::families::Choice;
use super::value::{self, PROTOCOL_WORDS, Problem};
use super::words::{Atom, List, Words, value};
use super::{ResolveError, Scope, icmp};
use crate::diagnostic::Diagnostics;
use crate::iptables::ruleset::{IcmpType, Negatable, States, TcpFlags};
use crate::net::{Interface, PortRange, Prefix, Protocol};
use crate::policy::{Directions, ProtocolWord, RateClause, Role, Traffic, Values};
use crate::snippet::signature::{Direction, OpenDirection, TrafficClause};
use crate::source::Span;

/// Words with which a traffic clause begins, for "did you mean".
pub const KEYWORDS: [&str; 16] = [
    "in", "out", "forward", "on", "from", "to", "port", "peer", "protocol", "type", "flags", "ttl", "state", "ipsec",
    "mark", "limit",
];

/// What the block allows of the vocabulary.
#[derive(Clone, Debug)]
pub struct Allowed<'a> {
    /// The block's sentence as users call it, for messages.
    pub name: &'a str,
    /// The directions that make sense.
    pub directions: &'a [Direction],
    /// What no direction means.
    pub open: OpenDirection,
    /// Whether `on IF` must be there.
    pub needs_interface: bool,
    /// The protocols that the rules have already.
    pub protocols: &'a [String],
    /// Whether the rules have their destination port already.
    pub own_ports: bool,
    /// The clauses that may be there.
    pub clauses: &'a [TrafficClause],
}

/// Traffic that is being read.
#[derive(Default)]
pub struct Draft<'a> {
    /// What is known so far.
    pub traffic: Traffic,
    /// The families that the values choose.
    pub choices: Vec<Choice<'a>>,
    seen: Vec<(&'static str, Span)>,
    /// Whether `in`, `out` or `forward` was said.
    direction_said: bool,
    negated_ah: Option<Span>,
}

impl Draft<'_> {
    /// The place of a clause that was given.
    pub fn seen(&self, clause: &str) -> Option<Span> {
        self.seen.iter().find(|(name, _)| *name == clause).map(|(_, span)| *span)
    }

    /// Whether no clause was given at all.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    fn mark(&mut self, clause: &'static str, span: Span, diagnostics: &mut Diagnostics) {
        match self.seen(clause) {
            Some(earlier) => diagnostics.push(
                ResolveError::DuplicateClause
                    .at(
                        span,
                        format!("`{clause}` is given twice"),
                        "again here",
                        "write it once; several values go into a list",
                    )
                    .also(earlier, "first here"),
            ),
            None => self.seen.push((clause, span)),
        }
    }
}

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
            draft.mark("ipsec", start, diagnostics);
            permit(TrafficClause::Ipsec, "ipsec", diagnostics);
            draft.traffic.ipsec = Some(ipsec);
        }
        "from" | "to" => {
            words.skip();
            side(words, word == "from", start, allowed, draft, scope, diagnostics)?;
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
            let list = value(words, "MASK/SET", &mut scope.definitions, diagnostics)?;
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
        "limit" => {
            words.skip();
            draft.mark("limit", start, diagnostics);
            permit(TrafficClause::Limit, "limit", diagnostics);
            draft.traffic.limit = Some(rate(words, scope, diagnostics)?);
        }
        _ => return protocols(words, allowed, draft, scope, diagnostics),
    }
    Some(true)
}

/// A report that a clause is not for this block.
pub fn not_allowed(span: Span, name: &str, clause: &str) -> crate::diagnostic::Report {
    ResolveError::ClauseNotAllowed.at(
        span,
        format!("`{clause}` is not for `{name}`"),
        "cannot be said here",
        "remove it, or write the traffic out with a plain `allow`, `drop` or `reject`",
    )
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

/// `port` in any of its places: not where the block has one, or takes none.
fn port_clause(span: Span, allowed: &Allowed, diagnostics: &mut Diagnostics) {
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
        // `in on A` behind `forward`: where the packet comes in.
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
        diagnostics.push(ResolveError::DirectionConflict.at(
            start,
            format!("`{}` contradicts the direction before it", direction.word()),
            "a second direction",
            help,
        ));
        return None;
    }
    draft.direction_said = true;
    if !allowed.directions.contains(&direction) && allowed.open != OpenDirection::None {
        let possible: Vec<_> = allowed.directions.iter().map(|direction| format!("`{}`", direction.word())).collect();
        diagnostics.push(ResolveError::DirectionNotAllowed.at(
            start,
            format!("`{}` does not go with `{}`", direction.word(), allowed.name),
            "not this way",
            format!("write {}", possible.join(" or ")),
        ));
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

/// `from [ADDR] [port PORTS]`, the first word taken.
fn side<'a>(
    words: &mut Words<'a>,
    source: bool,
    start: Span,
    allowed: &Allowed,
    draft: &mut Draft<'a>,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let (word, clause) = if source { ("from", TrafficClause::From) } else { ("to", TrafficClause::To) };
    if !words.at_words(&["port"]) {
        draft.mark(word, start, diagnostics);
        if !allowed.clauses.contains(&clause) {
            diagnostics.push(not_allowed(start, allowed.name, word));
        }
        let addresses = addresses(words, source, true, &mut draft.choices, scope, diagnostics)?;
        if source {
            draft.traffic.source = addresses;
        } else {
            draft.traffic.destination = addresses;
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
            draft.traffic.source_ports = ports;
        } else {
            draft.traffic.destination_ports = ports;
        }
    }
    Some(())
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
    if !numbered && words.peek(ahead).is_some_and(|word| !PROTOCOL_WORDS.contains(&word)) {
        return Some(false);
    }
    if numbered {
        words.skip();
    }
    let list = value(words, "a protocol", &mut scope.definitions, diagnostics)?;
    let parse = |text: &str| match value::protocol_word(text) {
        Some(word) if !numbered => Ok(word),
        _ if numbered => value::protocol_number(text).map(Some),
        _ => Err(value::unknown(ResolveError::BadProtocol, text, "protocol", &PROTOCOL_WORDS)),
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
    let any = parsed.iter().any(Option::is_none);
    if any && list.negated {
        diagnostics.push(not_any(list.span));
        return None;
    }
    let items: Vec<ProtocolWord> = if any { Vec::new() } else { parsed.into_iter().flatten().collect() };
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
    let list = value(words, "an ICMP type", &mut scope.definitions, diagnostics)?;
    let mut types = typed(&list, diagnostics, icmp::icmp_type)?;
    if words.take(&["code"]).is_some() {
        let code = positive(words, "a code", scope, diagnostics, |text| value::number(text, 0, 255))?;
        for word in &mut types {
            word.types = word.types.map(|kind| kind.map(|kind| IcmpType { code: Some(code as u8), ..kind }));
        }
    }
    let numeric = list.atoms.iter().find(|atom| atom.text.bytes().all(|b| b.is_ascii_digit()));
    draft.choices.push(Choice {
        elements: list.atoms.iter().zip(&types).map(|(atom, word)| (icmp::families(*word), *atom)).collect(),
        span: list.span,
        negated: list.negated,
        chooses: true,
        negation_chooses: false,
        numeric: numeric.map(|atom| atom.span),
    });
    draft.traffic.icmp_types = Values { negated: list.negated, items: warn_duplicates(types, &list, diagnostics) };
    Some(())
}

/// `N/unit [burst B] [per source]`
pub fn rate(words: &mut Words, scope: &mut Scope, diagnostics: &mut Diagnostics) -> Option<RateClause> {
    let start = words.span();
    let (count, unit) = positive(words, "a rate", scope, diagnostics, value::rate)?;
    let burst = match words.take(&["burst"]) {
        Some(_) => Some(positive(words, "a burst", scope, diagnostics, |text| value::number(text, 1, 10_000))?),
        None => None,
    };
    let per_source = words.take(&["per", "source"]).is_some();
    let clause = RateClause { count, unit, burst, per_source };
    super::rate::check(clause, start.to(words.last_span()), diagnostics).then_some(clause)
}

/// Interfaces, each of them declared if any is.
pub fn interfaces(words: &mut Words, scope: &mut Scope, diagnostics: &mut Diagnostics) -> Option<Values<Interface>> {
    let list = value(words, "an interface", &mut scope.definitions, diagnostics)?;
    if let [Atom { text: "any", span, .. }] = list.atoms[..] {
        diagnostics.push(ResolveError::BadInterface.at(
            span,
            "`any` is not an interface",
            "every interface is meant",
            "leave `on` out to mean every interface",
        ));
        return None;
    }
    let items = typed(&list, diagnostics, value::interface)?;
    let known: Vec<bool> =
        items.iter().zip(&list.atoms).map(|(name, atom)| scope.interface(name, atom, diagnostics)).collect();
    let values = Values { negated: list.negated, items: warn_duplicates(items, &list, diagnostics) };
    known.iter().all(|known| *known).then_some(values)
}

/// Addresses; `unicast`: neither multicast nor broadcast.
pub fn addresses<'a>(
    words: &mut Words<'a>,
    unicast: bool,
    chooses: bool,
    choices: &mut Vec<Choice<'a>>,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<Values<Prefix>> {
    let list = value(words, "an address", &mut scope.definitions, diagnostics)?;
    let parsed = typed(&list, diagnostics, value::prefix)?;
    let mut fine = true;
    for (prefix, atom) in parsed.iter().zip(&list.atoms) {
        if let Some(reason) = prefix.as_ref().filter(|_| unicast).and_then(value::not_unicast) {
            let report = ResolveError::NotUnicast.at(
                atom.span,
                format!("`{}` is {reason}", atom.text),
                "packets come from one host",
                "write the host's own address; protocols that answer by multicast have building blocks",
            );
            diagnostics.push(atom.explain(report));
            fine = false;
        }
    }
    if !fine {
        return None;
    }
    if parsed.iter().any(Option::is_none) {
        if list.negated {
            diagnostics.push(not_any(list.span));
            return None;
        }
        return Some(Values::any());
    }
    let items: Vec<Prefix> = parsed.into_iter().flatten().collect();
    if list.negated && items.iter().any(Prefix::is_any) {
        diagnostics.push(not_any(list.span));
        return None;
    }
    choices.push(Choice {
        elements: items.iter().zip(&list.atoms).map(|(prefix, atom)| (prefix.family().into(), *atom)).collect(),
        span: list.span,
        negated: list.negated,
        chooses,
        negation_chooses: chooses,
        numeric: None,
    });
    Some(Values { negated: list.negated, items: warn_duplicates(items, &list, diagnostics) })
}

/// Ports and ranges.
pub fn ports(words: &mut Words, scope: &mut Scope, diagnostics: &mut Diagnostics) -> Option<Values<PortRange>> {
    let list = value(words, "a port", &mut scope.definitions, diagnostics)?;
    if let [Atom { text: "any", .. }] = list.atoms[..] {
        return if list.negated {
            diagnostics.push(not_any(list.span));
            None
        } else {
            Some(Values::any())
        };
    }
    let items = typed(&list, diagnostics, value::ports)?;
    if items.contains(&PortRange::ANY) {
        if list.negated {
            diagnostics.push(not_any(list.span));
            return None;
        }
        return Some(Values::any());
    }
    Some(Values { negated: list.negated, items: warn_duplicates(items, &list, diagnostics) })
}

fn not_any(span: Span) -> crate::diagnostic::Report {
    ResolveError::NotAny.at(span, "`not any` is nothing", "no packet matches", "remove the sentence, or the `not`")
}

/// All atoms of a list as typed values; each one that is none is reported.
pub fn typed<T>(
    list: &List,
    diagnostics: &mut Diagnostics,
    parse: impl Fn(&str) -> Result<T, Problem>,
) -> Option<Vec<T>> {
    let mut items = Vec::with_capacity(list.atoms.len());
    for atom in &list.atoms {
        if atom.string {
            diagnostics.push(atom.explain(ResolveError::UnexpectedString.at(
                atom.span,
                format!("{} is in quotes", atom.text),
                "a string",
                "write it without quotes",
            )));
            continue;
        }
        match parse(atom.text) {
            Ok(item) => items.push(item),
            Err(problem) => push(atom, problem, diagnostics),
        }
    }
    (items.len() == list.atoms.len()).then_some(items)
}

fn items<T: PartialEq>(
    words: &mut Words,
    wanted: &str,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
    parse: impl Fn(&str) -> Result<T, Problem>,
) -> Option<Values<T>> {
    let list = value(words, wanted, &mut scope.definitions, diagnostics)?;
    let items = typed(&list, diagnostics, parse)?;
    Some(Values { negated: list.negated, items: warn_duplicates(items, &list, diagnostics) })
}

/// One value, no list.
pub fn single<T>(
    words: &mut Words,
    wanted: &str,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
    parse: impl Fn(&str) -> Result<T, Problem>,
) -> Option<Negatable<T>> {
    let list = value(words, wanted, &mut scope.definitions, diagnostics)?;
    let mut items = typed(&list, diagnostics, parse)?;
    if items.len() > 1 {
        diagnostics.push(ResolveError::OneValue.at(
            list.span,
            "one value is expected, not a list",
            format!("{} values", items.len()),
            "write a sentence for each value",
        ));
        return None;
    }
    items.pop().map(|value| Negatable { negated: list.negated, value })
}

/// One value, neither a list nor negated; `wanted` names it (`a rate`).
pub fn positive<T>(
    words: &mut Words,
    wanted: &str,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
    parse: impl Fn(&str) -> Result<T, Problem>,
) -> Option<T> {
    let start = words.span();
    let value = single(words, wanted, scope, diagnostics, parse)?;
    if value.negated {
        diagnostics.push(ResolveError::NotHere.at(
            start,
            format!("{wanted} cannot be negated"),
            "no meaning here",
            "remove the `not`",
        ));
        return None;
    }
    Some(value.value)
}

/// Drops the second of two equal values, with a warning.
fn warn_duplicates<T: PartialEq>(items: Vec<T>, list: &List, diagnostics: &mut Diagnostics) -> Vec<T> {
    if items.len() < 2 {
        return items;
    }
    let mut unique: Vec<T> = Vec::with_capacity(items.len());
    for (item, atom) in items.into_iter().zip(&list.atoms) {
        // Lists that people write are short; in long ones only neighbours are compared.
        let recent = &unique[unique.len().saturating_sub(1_000)..];
        if recent.contains(&item) {
            let report = ResolveError::DuplicateEntry.at(
                atom.span,
                format!("`{}` stands in the list twice", atom.text),
                "again here",
                "remove one of the two",
            );
            diagnostics.push(atom.explain(report));
        } else {
            unique.push(item);
        }
    }
    unique
}

/// Reports a problem at an atom.
pub fn push(atom: &Atom, problem: Problem, diagnostics: &mut Diagnostics) {
    let report = problem.code.at(atom.span, problem.message, problem.label, problem.help);
    diagnostics.push(atom.explain(report));
}

impl<'a> Atom<'a> {
    /// Adds the place of the definition that the value comes from.
    pub fn explain(&self, report: crate::diagnostic::Report) -> crate::diagnostic::Report {
        match self.defined {
            Some(span) => report.also(span, "defined here"),
            None => report,
        }
    }
}

impl<'a> List<'a> {
    /// The list as one atom, for a report about all of it.
    fn whole(&self) -> Atom<'a> {
        Atom { span: self.span, ..self.atoms[0] }
    }
}

/// Completes traffic that was read whole: the directions, and what clauses need of each other. `only_ipv4`: the
/// sentence says so.
pub fn finish(
    words: &Words,
    allowed: &Allowed,
    draft: &mut Draft,
    only_ipv4: bool,
    scope: &Scope,
    diagnostics: &mut Diagnostics,
) -> bool {
    let before = diagnostics.count(crate::diagnostic::Severity::Error);
    directions(words, allowed, draft, diagnostics);
    protocol_needs(allowed, draft, diagnostics);
    let traffic = &draft.traffic;
    if let (Some(peer), Some(_)) = (draft.seen("peer"), &traffic.peer) {
        for (clause, there) in [("from", !traffic.source.is_any()), ("to", !traffic.destination.is_any())] {
            if there && let Some(span) = draft.seen(clause) {
                diagnostics.push(
                    ResolveError::DirectionConflict
                        .at(
                            span,
                            format!("`peer` and `{clause}` speak of the same addresses"),
                            "together with `peer`",
                            "keep one of the two",
                        )
                        .also(peer, "the peer is named here"),
                );
            }
        }
        if traffic.directions.forward {
            diagnostics.push(ResolveError::DirectionConflict.at(
                peer,
                "`peer` has no meaning for forwarded packets",
                "both ends are remote",
                "write `from` and `to`",
            ));
        }
    }
    if let Some(span) = draft.negated_ah.filter(|_| !only_ipv4) {
        diagnostics.push(ResolveError::NegatedFamily.at(
            span,
            "ip6tables cannot say `not ah`",
            "AH is an extension header in IPv6",
            "add `only ipv4`, or list the protocols that are meant instead",
        ));
    }
    if let (Some(span), Some(_)) = (draft.seen("ipsec"), traffic.ipsec) {
        let through = [&traffic.on, &traffic.in_on, &traffic.out_on];
        let tunnel = through.iter().flat_map(|values| &values.items).find(|name| scope.role(name) == Some(Role::Vti));
        if let Some(name) = tunnel {
            diagnostics.push(ResolveError::IpsecOnTunnel.at(
                span,
                format!("packets on `{name}` have no IPsec policy any more"),
                "never matches there",
                "remove it: everything on a VTI went through IPsec",
            ));
        }
    }
    link_local(draft, diagnostics);
    diagnostics.count(crate::diagnostic::Severity::Error) == before
}

fn directions(words: &Words, allowed: &Allowed, draft: &mut Draft, diagnostics: &mut Diagnostics) {
    if allowed.open == OpenDirection::None {
        return;
    }
    let traffic = &mut draft.traffic;
    let has_interface = !traffic.on.is_any();
    if allowed.needs_interface && !has_interface && traffic.in_on.is_any() && traffic.out_on.is_any() {
        diagnostics.push(ResolveError::MissingClause.at(
            words.end(),
            format!("`{}` needs an interface", allowed.name),
            "`on IF` is missing",
            "add `on` and the interface",
        ));
    }
    if draft.direction_said {
        return;
    }
    for (clause, there) in [("from", !traffic.source.is_any()), ("to", !traffic.destination.is_any())] {
        if there && let Some(span) = draft.seen.iter().find(|(name, _)| *name == clause).map(|(_, span)| *span) {
            diagnostics.push(ResolveError::DirectionRequired.at(
                span,
                format!("`{clause}` with an address needs a direction"),
                "whose source, whose destination?",
                "add `in`, `out` or `forward`, or write `peer` for the remote end of both directions",
            ));
            return;
        }
    }
    let has = |direction| allowed.directions.contains(&direction);
    if allowed.open == OpenDirection::Required {
        let possible: Vec<_> = allowed.directions.iter().map(|direction| format!("`{}`", direction.word())).collect();
        diagnostics.push(ResolveError::DirectionRequired.at(
            words.end(),
            format!("`{}` needs a direction", allowed.name),
            "which way is missing",
            format!("add {}", possible.join(" or ")),
        ));
    } else if has_interface || traffic.peer.is_some() {
        traffic.directions = Directions { input: has(Direction::In), output: has(Direction::Out), forward: false };
    } else if allowed.open == OpenDirection::Any {
        traffic.directions =
            Directions { input: has(Direction::In), output: has(Direction::Out), forward: has(Direction::Forward) };
    } else {
        let forward = has(Direction::Forward);
        let message = format!("`{}` says neither where nor which way", allowed.name);
        let help = if forward {
            "add `on IF`, or `in`, `out` or `forward`: without them it would open forwarding between all interfaces"
        } else {
            "add `in` or `out`, with `on IF` for one interface"
        };
        diagnostics.push(ResolveError::DirectionRequired.at(
            words.end(),
            message,
            "a direction or an interface is missing",
            help,
        ));
    }
}

fn protocol_needs(allowed: &Allowed, draft: &Draft, diagnostics: &mut Diagnostics) {
    let traffic = &draft.traffic;
    let known: Vec<ProtocolWord> = if allowed.protocols.is_empty() {
        traffic.protocols.items.clone()
    } else {
        allowed.protocols.iter().filter_map(|word| value::protocol_word(word).flatten()).collect()
    };
    let negated = traffic.protocols.negated;
    let all = |fits: fn(ProtocolWord) -> bool| !known.is_empty() && !negated && known.iter().all(|word| fits(*word));
    let mut need = |clause: &str, fine: bool, what: &str, help: &str| {
        if let Some(span) = draft.seen(clause).filter(|_| !fine) {
            let message = format!("`{clause}` needs {what}");
            diagnostics.push(ResolveError::NeedsProtocol.at(span, message, "the protocol does not have it", help));
        }
    };
    let ports = all(|word| matches!(word, ProtocolWord::Number(Protocol::TCP | Protocol::UDP | Protocol::SCTP)));
    let tcp = all(|word| word == ProtocolWord::Number(Protocol::TCP));
    let icmp = all(|word| word == ProtocolWord::Icmp);
    let help = "add `tcp`, `udp` or `sctp`, or a list of these";
    need("port", ports, "a protocol with ports", help);
    need("source port", ports, "a protocol with ports", help);
    need("no syn", tcp, "`tcp`", "add `tcp`");
    need("flags", tcp, "`tcp`", "add `tcp`");
    need("type", icmp, "`icmp`", "write `icmp type …`");
}

fn link_local(draft: &Draft, diagnostics: &mut Diagnostics) {
    let traffic = &draft.traffic;
    if ![&traffic.on, &traffic.in_on, &traffic.out_on].iter().all(|values| values.is_any()) {
        return;
    }
    let lists = [Some(&traffic.source), Some(&traffic.destination), traffic.peer.as_ref()];
    let is_local = |prefix: &Prefix| matches!(prefix, Prefix::V6(network) if network.ip().is_unicast_link_local());
    if lists.into_iter().flatten().any(|values| values.items.iter().any(is_local))
        && let Some(span) = ["from", "to", "peer"].iter().find_map(|clause| draft.seen(clause))
    {
        diagnostics.push(ResolveError::LinkLocal.at(
            span,
            "a link-local address without an interface",
            "the same address exists on every link",
            "add `on` and the interface of the link",
        ));
    }
}
