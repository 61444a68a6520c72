//! A sentence of a building block: which block, which form, which values.
//! Input: the words after the verb. Output: a `Block`.

pub mod argument;
mod draft;
mod shift;

use smallvec::SmallVec;

use self::argument::{argument, defaults, wanted};
use self::draft::{BlockDraft, is_with_ports};
use super::codes::ResolveError;
use super::common::{Common, common};
use super::families;
use super::scope::Scope;
use super::suggest::did_you_mean;
use super::traffic;
use super::traffic::draft::{Allowed, Draft, not_allowed};
use super::words::Words;
use crate::diagnostic::{Diagnostics, Fix, Report};
use crate::language::clauses::{COMMON, traffic_pairs, traffic_words};
use crate::language::values::{HELPERS, Helper, ProtocolWord, protocol, protocol_words};
use crate::net::{Both, Families, Family, Protocol};
use crate::policy::{Argument, Block};
use crate::sentence;
use crate::snippet::library::{Library, Name, Snippet};
use crate::snippet::signature::{Clause, ClausePart, Form, OpenDirection, ParameterKind};
use crate::source::Span;

/// The name of the block whose sentence this is: the longest one that the words begin with.
pub fn find<'a>(words: &Words, library: &'a Library) -> Option<&'a Name> {
    let (verb, second) = (words.peek(0)?, words.peek(1));
    let possible = |name: &&Name| name.words.get(1).is_none_or(|word| Some(word.as_str()) == second);
    library.names(verb).iter().filter(possible).find(|name| words.at_words(&name.words))
}

/// Reads a sentence of the block `name`.
pub fn block(
    sentence: u32,
    mut words: Words,
    name: &Name,
    library: &Library,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<Block> {
    let errors = diagnostics.count(crate::diagnostic::Severity::Error);
    let snippet = &library.snippets[usize::from(name.snippet)];
    let start = words.span();
    words.take(&name.words);
    let (form_index, form) = choose_form(&words, name, snippet);
    let title = name.title.as_str();
    let signature = &snippet.signature;
    let allowed = Allowed {
        name: title,
        directions: &signature.traffic.directions,
        open: signature.traffic.open,
        needs_interface: signature.traffic.needs_interface,
        protocols: &signature.traffic.protocols,
        own_ports: signature.traffic.own_ports,
        clauses: form.traffic_clauses.as_deref().unwrap_or(&signature.traffic.clauses),
    };
    let mut reading = BlockDraft {
        snippet,
        form,
        name: title,
        allowed,
        given: SmallVec::from_elem(None, form.clauses.len()),
        arguments: Vec::with_capacity(signature.parameters.len()),
        places: SmallVec::new(),
        flags: 0,
        draft: Draft::default(),
        common: Common::default(),
        last: None,
        lacking: Vec::new(),
        unknown: false,
    };
    let complete = clauses(&mut words, &mut reading, library, scope, diagnostics).is_some();
    if complete && !reading.unknown {
        defaults(&mut reading);
        let complete = missing(&words, &reading, scope, diagnostics);
        if has_traffic(form) && complete {
            let only_ipv4 = reading.common.only.is_some_and(|(family, _)| family == Family::V4);
            traffic::finish::finish(&words, &reading.allowed, &mut reading.draft, only_ipv4, scope, diagnostics);
            needs_protocol(&reading, diagnostics);
            drops_within_limit(&reading, diagnostics);
            shift::shift(&mut reading, diagnostics);
        }
        lengths(&reading, diagnostics);
    }
    if diagnostics.count(crate::diagnostic::Severity::Error) > errors {
        return None;
    }
    let whole = start.to(words.last_span());
    let families = families(whole, &reading, diagnostics)?;
    Some(Block {
        sentence,
        snippet: name.snippet,
        form: form_index,
        families,
        only: reading.common.only.is_some(),
        arguments: reading.arguments,
        flags: reading.flags,
        traffic: has_traffic(form).then(|| Box::new(reading.draft.traffic)),
        comment: reading.common.comment.map(|(text, _)| text.into()),
        log: reading.common.log.map(|(log, _)| Box::new(log)),
    })
}

fn has_traffic(form: &Form) -> bool {
    form.clauses.iter().any(|clause| clause.part == ClausePart::Traffic)
}

/// The form whose required keywords are there; of several, the one with most of them.
fn choose_form<'a>(words: &Words, name: &Name, snippet: &'a Snippet) -> (u8, &'a Form) {
    let forms = &snippet.signature.forms;
    if let [only] = name.forms[..] {
        return (only, &forms[usize::from(only)]);
    }
    let rest: Vec<&str> = words.rest().collect();
    let there = |clause: &&Clause| {
        let keyword: Vec<&str> = clause.keyword.iter().map(String::as_str).collect();
        rest.windows(keyword.len()).any(|window| window == keyword)
    };
    let rate = |index: u8| {
        let required =
            || forms[usize::from(index)].clauses.iter().filter(|clause| clause.required && !clause.keyword.is_empty());
        let found = required().filter(there).count();
        (found == required().count(), found, std::cmp::Reverse(index))
    };
    let best = name.forms.iter().copied().max_by_key(|index| rate(*index)).unwrap_or_default();
    (best, &forms[usize::from(best)])
}

fn clauses<'w>(
    words: &mut Words<'w>,
    reading: &mut BlockDraft<'_, 'w>,
    library: &Library,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    positional(words, reading, scope, diagnostics)?;
    while !words.is_done() {
        if let Some(index) = own_clause(words, reading) {
            let clause = &reading.form.clauses[index];
            let span = words.take(&clause.keyword).unwrap_or_else(|| words.span());
            reading.given[index] = Some(span);
            reading.last = Some(index);
            match clause.part {
                ClausePart::Flag(flag) => reading.flags |= 1 << flag,
                ClausePart::Parameter(parameter) => argument(words, parameter, reading, scope, diagnostics)?,
                ClausePart::Traffic => {}
            }
            continue;
        }
        reading.last = None;
        if common(words, &mut reading.common, scope, diagnostics)? {
            continue;
        }
        if has_traffic(reading.form) && words.peek_text().is_some_and(|text| text != "," && !text.starts_with('"')) {
            let (allowed, draft) = (&reading.allowed, &mut reading.draft);
            if traffic::clause(words, allowed, draft, scope, diagnostics)? {
                continue;
            }
        }
        unknown_word(words, reading, library, diagnostics);
        reading.unknown = true;
        break;
    }
    Some(())
}

/// The values that come right after the name.
fn positional<'w>(
    words: &mut Words<'w>,
    reading: &mut BlockDraft<'_, 'w>,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    for (index, clause) in reading.form.clauses.iter().enumerate() {
        let ClausePart::Parameter(parameter) = clause.part else { continue };
        if !clause.keyword.is_empty() {
            continue;
        }
        let string =
            matches!(reading.snippet.signature.parameters[usize::from(parameter)].kind, ParameterKind::String { .. });
        if !clause.required && string != words.at_string() {
            continue;
        }
        reading.given[index] = Some(words.span());
        argument(words, parameter, reading, scope, diagnostics)?;
    }
    Some(())
}

/// The clause of the form that begins here and is not there yet; the one with most words.
fn own_clause(words: &Words, reading: &BlockDraft) -> Option<usize> {
    let clauses = reading.form.clauses.iter().enumerate();
    let first = words.peek(0)?;
    // `to port` is the port of the traffic, whatever `to` alone would be.
    let is_port = |clause: &Clause| words.peek(clause.keyword.len()) == Some("port");
    let open = clauses.filter(|(index, clause)| {
        clause.keyword.first().is_some_and(|word| word == first)
            && reading.given[*index].is_none()
            && words.at_words(&clause.keyword)
            && !(clause.follows && reading.last != index.checked_sub(1))
            && !(matches!(clause.part, ClausePart::Parameter(_)) && is_port(clause))
    });
    open.max_by_key(|(_, clause)| clause.keyword.len()).map(|(index, _)| index)
}

/// Reports the clauses that must be there; whether the traffic can be judged all the same.
fn missing(words: &Words, reading: &BlockDraft, scope: &Scope, diagnostics: &mut Diagnostics) -> bool {
    let mut complete = true;
    for (index, clause) in reading.form.clauses.iter().enumerate() {
        let needed =
            clause.required || clause.follows && reading.given[index - 1].is_some() || is_needed(clause, reading);
        if !needed || reading.given[index].is_some() {
            continue;
        }
        if clause.part == ClausePart::Traffic {
            // Where a direction is required, its report says enough.
            if reading.draft.is_empty() && reading.allowed.open != OpenDirection::Required {
                complete = false;
                diagnostics.push(ResolveError::MissingClause.at(
                    words.end(),
                    format!("`{}` does not say what", reading.name),
                    "packets are expected here",
                    format!("write `{} all` for every packet, or say which: `{0} in on IF tcp port 22`", reading.name),
                ));
            }
            continue;
        }
        let keyword = clause.keyword.join(" ");
        let wants = match clause.part {
            ClausePart::Parameter(index) => wanted(&reading.snippet.signature.parameters[usize::from(index)].kind),
            _ => String::new(),
        };
        let (what, label) = match (keyword.is_empty(), wants.is_empty()) {
            (false, false) => (format!("`{keyword}` and {wants}"), format!("`{keyword} …` is missing")),
            (false, true) => (format!("`{keyword}`"), format!("`{keyword}` is missing")),
            _ => (wants.clone(), format!("{wants} is missing")),
        };
        let report = ResolveError::MissingClause.at(
            words.end(),
            format!("`{}` needs {what}", reading.name),
            label,
            format!("write `{} {}`", reading.name, reading.form.text),
        );
        // Where the possible values are known and few, an editor can offer them.
        let kind = match clause.part {
            ClausePart::Parameter(index) => Some(&reading.snippet.signature.parameters[usize::from(index)].kind),
            _ => None,
        };
        let fixes: Vec<Fix> = match kind {
            Some(ParameterKind::Interface { .. }) => scope.offers(&keyword).collect(),
            Some(ParameterKind::Word(words)) => {
                words.iter().map(|word| Fix::Add(format!("{keyword} {word}"))).collect()
            }
            Some(_) => Vec::new(),
            None => vec![Fix::Add(keyword.clone())],
        };
        diagnostics.push(fixes.into_iter().fold(report, Report::fix));
    }
    complete
}

/// Whether a clause that was given needs another one beside it.
fn is_needed(clause: &Clause, reading: &BlockDraft) -> bool {
    let parameters = &reading.snippet.signature.parameters;
    let ClausePart::Parameter(index) = clause.part else { return false };
    let name = &parameters[usize::from(index)].name;
    let needs = |(index, _): &(u8, Argument)| parameters[usize::from(*index)].needs.as_ref() == Some(name);
    reading.arguments.iter().any(needs)
}

/// Values that need a protocol: a reset needs TCP, translation to ports needs ports.
fn needs_protocol(reading: &BlockDraft, diagnostics: &mut Diagnostics) {
    let is = |word: &ProtocolWord, protocols: &[Protocol]| matches!(word, ProtocolWord::Number(protocol) if protocols.contains(protocol));
    let protocols = &reading.draft.traffic.protocols;
    // Those of the sentence, or of the block.
    let own = reading.allowed.protocols.iter().filter_map(|word| protocol(word).flatten());
    let items: Vec<ProtocolWord> = protocols.items.iter().copied().chain(own).collect();
    let all =
        |wanted: &[Protocol]| !items.is_empty() && !protocols.negated && items.iter().all(|word| is(word, wanted));
    for (index, clause) in reading.form.clauses.iter().enumerate() {
        let (ClausePart::Parameter(parameter), Some(span)) = (clause.part, reading.given[index]) else { continue };
        let given = reading.arguments.iter().position(|(given, _)| *given == parameter);
        let Some((place, (_, Argument::Text(Both { v4: text, .. })))) =
            given.and_then(|at| Some((*reading.places.get(at)?, &reading.arguments[at])))
        else {
            continue;
        };
        let kind = &reading.snippet.signature.parameters[usize::from(parameter)];
        let keyword = clause.keyword.first().map_or("", String::as_str);
        if kind.kind == ParameterKind::Reason && &**text == "tcp-reset" && !all(&[Protocol::TCP]) {
            let message = format!("`{keyword} tcp-reset` needs `tcp`");
            diagnostics.push(ResolveError::NeedsProtocol.at(span, message, "only TCP knows a reset", "add `tcp`"));
        }
        if let Some(helper) = HELPERS.iter().find(|helper| kind.kind == ParameterKind::Helper && *helper.name == **text)
        {
            helps(helper, all(helper.protocols), place, diagnostics);
        }
        let has_ports = kind.needs_ports || matches!(kind.kind, ParameterKind::Endpoint { .. }) && is_with_ports(text);
        if has_ports && !all(&[Protocol::TCP, Protocol::UDP, Protocol::SCTP]) {
            let message = format!("a port in `{keyword}` needs a protocol with ports");
            let help = "add `tcp`, `udp` or `sctp`, or a list of these";
            diagnostics.push(ResolveError::NeedsProtocol.at(place, message, "the protocol does not have it", help));
        }
    }
}

/// What a helper asks for: its protocol, and its module.
fn helps(helper: &Helper, has_protocol: bool, place: Span, diagnostics: &mut Diagnostics) {
    if !has_protocol {
        let words: Vec<String> = helper
            .protocols
            .iter()
            .map(|protocol| format!("`{}`", sentence::protocol(ProtocolWord::Number(*protocol))))
            .collect();
        let message = format!("the helper `{}` needs {}", helper.name, words.join(" or "));
        let port = helper.port.map_or_else(String::new, |port| format!(", and usually `port {port}`"));
        let help = format!("add {}{port}", words.join(" or "));
        diagnostics.push(ResolveError::NeedsProtocol.at(place, message, "the loader refuses the whole file", help));
        return;
    }
    diagnostics.push(ResolveError::NeedsModule.at(
        place,
        format!("the kernel of the node must have the helper `{}`", helper.name),
        "without it the loader refuses the whole file",
        "see that the node loads its module, then write `lint needs_module off`",
    ));
}

/// Networks that are mapped to one another, host by host: they have as many.
fn lengths(reading: &BlockDraft, diagnostics: &mut Diagnostics) {
    let parameters = &reading.snippet.signature.parameters;
    let given = |name: &str| {
        let at = reading.arguments.iter().position(|(index, _)| parameters[usize::from(*index)].name == name)?;
        match &reading.arguments[at].1 {
            Argument::Text(text) => Some((text.v4.rsplit_once('/')?.1, reading.places.get(at)?)),
            _ => None,
        }
    };
    for parameter in parameters {
        let ParameterKind::Network { length_of: Some(other) } = &parameter.kind else { continue };
        let (Some((length, place)), Some((wanted, first))) = (given(&parameter.name), given(other)) else { continue };
        if length != wanted {
            let report = ResolveError::UnequalLengths.at(
                *place,
                format!("a network of length {length} is not one of length {wanted}"),
                "mapped host by host",
                format!("write a network with the length /{wanted}, or shorten the other"),
            );
            diagnostics.push(report.also(*first, "the other network"));
        }
    }
}

/// `drop … limit 4/minute`: what comes slowly is dropped, and what is above the rate goes on to the next sentence.
fn drops_within_limit(reading: &BlockDraft, diagnostics: &mut Diagnostics) {
    let verb = reading.form.words[0].as_str();
    let limited = reading.draft.traffic.limit.is_some_and(|limit| !limit.above);
    let Some(span) = reading.draft.seen("limit").filter(|_| limited && matches!(verb, "drop" | "reject")) else {
        return;
    };
    let done = if verb == "drop" { "dropped" } else { "rejected" };
    let report = ResolveError::DropWithinLimit.at(
        span,
        format!("what comes slowly is {done}, and a flood goes on to the next sentence"),
        "up to this rate",
        "write `over limit` for what comes faster",
    );
    diagnostics.push(report.fix(Fix::Replace(span, "over limit".into())));
}

fn unknown_word(words: &mut Words, reading: &BlockDraft, library: &Library, diagnostics: &mut Diagnostics) {
    let span = words.span();
    let text = words.peek_text().unwrap_or_default().to_owned();
    let own = reading.form.clauses.iter().enumerate().find(|(index, clause)| {
        reading.given[*index].is_some() && !clause.keyword.is_empty() && words.at_words(&clause.keyword)
    });
    if let Some((index, clause)) = own {
        let keyword = clause.keyword.join(" ");
        let mut report = ResolveError::DuplicateClause.at(
            span,
            format!("`{keyword}` is given twice"),
            "again here",
            "write it once; several values go into a list",
        );
        if let Some(first) = reading.given[index] {
            report = report.also(first, "first here");
        }
        diagnostics.push(report);
        return;
    }
    let has_traffic = has_traffic(reading.form);
    let not_here = !has_traffic && (traffic_words().contains(&text.as_str()) || protocol(&text).is_some());
    if not_here {
        diagnostics.push(not_allowed(span, reading.name, &text));
        return;
    }
    let mut candidates: Vec<&str> =
        reading.form.clauses.iter().filter_map(|clause| clause.keyword.first()).map(String::as_str).collect();
    candidates
        .extend(COMMON.iter().filter(|keyword| keyword.begins()).map(|keyword| keyword.words).collect::<Vec<_>>());
    if has_traffic {
        candidates.extend(traffic_words());
        candidates.extend(protocol_words());
    }
    // Right after the verb of plain traffic the name of a block may be meant.
    if words.taken() == 1
        && let Some(verb) = reading.form.words.first()
    {
        candidates.extend(library.names(verb).iter().filter_map(|name| name.words.get(1)).map(String::as_str));
    }
    // The first of two words is not what is missing.
    candidates.retain(|candidate| *candidate != text);
    // Two words of one clause with a slip in the second: `no sny`.
    let pairs =
        reading.form.clauses.iter().filter(|clause| clause.keyword.len() == 2).map(|clause| clause.keyword.join(" "));
    let pairs: Vec<String> = pairs.chain(traffic_pairs().filter(|_| has_traffic).map(str::to_owned)).collect();
    let two = words.peek(1).map(|next| format!("{text} {next}"));
    let pair =
        two.and_then(|two| did_you_mean(&two, pairs.iter().filter(|pair| pair.starts_with(&text)).map(String::as_str)));
    let one = did_you_mean(&text, candidates.iter().copied());
    let help = match pair.or(one) {
        Some(near) => format!("did you mean `{near}`?"),
        None if reading.form.text.is_empty() => format!("`{}` takes only `only`, `comment` and `log`", reading.name),
        None => format!("the sentence is `{} {}`", reading.name, reading.form.text),
    };
    let message = format!("`{text}` has no meaning in `{}`", reading.name);
    let report = ResolveError::UnknownWord.at(span, message, "not a word of this sentence", help);
    // Of two words the second has the slip: both are replaced.
    let both = pair.map(|pair| {
        let mut second = words.clone();
        second.skip();
        Fix::Replace(span.to(second.span()), pair.to_owned())
    });
    let fix = both.or(one.map(|near| Fix::Replace(span, near.to_owned())));
    diagnostics.push(fix.into_iter().fold(report, Report::fix));
}

fn families(whole: Span, reading: &BlockDraft, diagnostics: &mut Diagnostics) -> Option<Families> {
    let signature = &reading.snippet.signature;
    let choices = &reading.draft.choices;
    let families = families::resolve(signature.families, reading.common.only, choices, diagnostics)?;
    let mut fine = true;
    for (family, span, text) in reading.lacking.iter().filter(|(family, ..)| families.has(*family)) {
        let (other, possible) = (family.other().keyword(), families.has(family.other()));
        let report = ResolveError::ReasonFamily.at(
            *span,
            format!("{} has no `{text}`", family.name()),
            "exists in one family",
            match possible {
                true => format!("add `only {other}`, or choose one that both families have"),
                false => format!("choose one that {} has", family.name()),
            },
        );
        let fix = possible.then(|| Fix::Add(format!("only {other}")));
        diagnostics.push(fix.into_iter().fold(report, Report::fix));
        fine = false;
    }
    let chosen = reading.common.only.is_some() || choices.iter().any(|choice| choice.chooses && !choice.negated);
    if signature.needs_family && !chosen {
        let report = ResolveError::FamilyRequired.at(
            whole,
            format!("`{}` needs a family", reading.name),
            "in IPv4, in IPv6?",
            "add `only ipv4` or `only ipv6`, or an address: translation of both is never assumed",
        );
        diagnostics.push(families::either(report));
        fine = false;
    }
    fine.then_some(families)
}
