//! Values of sentences: lists of typed atoms, with what is wrong in them reported at the atom.
//! Input: the words at a value. Output: `Values`, or a report.

use super::codes::ResolveError;
use super::families::FamilyChoice;
use super::scope::Scope;
use super::value::{self, BadValue};
use super::words::{Atom, List, Words, value};
use crate::diagnostic::{Diagnostics, Fix, Report};
use crate::iptables::ruleset::Negatable;
use crate::net::{Addresses, Interface, PortRange};
use crate::policy::{Items, RateClause, Values};
use crate::source::Span;

/// `N/unit [burst B] [per source]`; `above`: what comes faster is meant.
pub fn rate(words: &mut Words, above: bool, scope: &mut Scope, diagnostics: &mut Diagnostics) -> Option<RateClause> {
    let start = words.span();
    let (count, unit) = positive(words, "a rate", scope, diagnostics, value::rate)?;
    let burst = match words.take(&["burst"]) {
        Some(_) => Some(positive(words, "a burst", scope, diagnostics, |text| value::number(text, 1, 10_000))?),
        None => None,
    };
    let per_source = words.take(&["per", "source"]).is_some();
    let clause = RateClause { count, unit, burst, per_source, above };
    super::rate::check(clause, start.to(words.last_span()), diagnostics).then_some(clause)
}

/// Interfaces, each of them declared if any is.
pub fn interfaces(words: &mut Words, scope: &mut Scope, diagnostics: &mut Diagnostics) -> Option<Values<Interface>> {
    let list = value(words, "an interface", &mut scope.used, diagnostics)?;
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
    let mut known = true;
    for (name, atom) in items.iter().zip(&list.atoms) {
        known &= scope.interface(name, atom, diagnostics);
    }
    let values = Values { negated: list.negated, items: warn_duplicates(items, &list, diagnostics) };
    known.then_some(values)
}

/// Addresses; `unicast`: neither multicast nor broadcast.
pub fn addresses<'a>(
    words: &mut Words<'a>,
    unicast: bool,
    chooses: bool,
    choices: &mut Vec<FamilyChoice<'a>>,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Option<Values<Addresses>> {
    let list = value(words, "an address", &mut scope.used, diagnostics)?;
    let parsed = typed(&list, diagnostics, value::address::addresses)?;
    let mut fine = true;
    for (addresses, atom) in parsed.iter().zip(&list.atoms) {
        if let Some(reason) = addresses.as_ref().filter(|_| unicast).and_then(value::address::not_unicast) {
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
    let items: Items<Addresses> = parsed.into_iter().flatten().collect();
    if list.negated && items.iter().any(Addresses::is_any) {
        diagnostics.push(not_any(list.span));
        return None;
    }
    choices.push(FamilyChoice {
        elements: items.iter().zip(&list.atoms).map(|(addresses, atom)| (addresses.family().into(), *atom)).collect(),
        span: list.span,
        negated: list.negated,
        chooses,
        negation_chooses: chooses,
        open: None,
    });
    Some(Values { negated: list.negated, items: warn_duplicates(items, &list, diagnostics) })
}

/// Ports and ranges.
pub fn ports(words: &mut Words, scope: &mut Scope, diagnostics: &mut Diagnostics) -> Option<Values<PortRange>> {
    let list = value(words, "a port", &mut scope.used, diagnostics)?;
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

/// A report that `not any` is nothing.
pub fn not_any(span: Span) -> Report {
    ResolveError::NotAny.at(span, "`not any` is nothing", "no packet matches", "remove the sentence, or the `not`")
}

/// All atoms of a list as typed values; each one that is none is reported.
pub fn typed<T>(
    list: &List,
    diagnostics: &mut Diagnostics,
    parse: impl Fn(&str) -> Result<T, BadValue>,
) -> Option<Items<T>> {
    let mut items = Items::with_capacity(list.atoms.len());
    for atom in &list.atoms {
        if atom.string {
            let report = ResolveError::UnexpectedString.at(
                atom.span,
                format!("{} is in quotes", atom.text),
                "a string",
                "write it without quotes",
            );
            let inner = crate::syntax::string_value(atom.text);
            let fix = parse(&inner).is_ok().then(|| Fix::Replace(atom.written(), inner));
            diagnostics.push(atom.explain(fix.into_iter().fold(report, Report::fix)));
            continue;
        }
        match parse(atom.text) {
            Ok(item) => items.push(item),
            Err(problem) => push(atom, problem, diagnostics),
        }
    }
    (items.len() == list.atoms.len()).then_some(items)
}

/// Values of one type; `wanted` names them.
pub fn items<T: PartialEq>(
    words: &mut Words,
    wanted: &str,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
    parse: impl Fn(&str) -> Result<T, BadValue>,
) -> Option<Values<T>> {
    let list = value(words, wanted, &mut scope.used, diagnostics)?;
    let items = typed(&list, diagnostics, parse)?;
    Some(Values { negated: list.negated, items: warn_duplicates(items, &list, diagnostics) })
}

/// One value, no list.
pub fn single<T>(
    words: &mut Words,
    wanted: &str,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
    parse: impl Fn(&str) -> Result<T, BadValue>,
) -> Option<Negatable<T>> {
    let list = value(words, wanted, &mut scope.used, diagnostics)?;
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
    parse: impl Fn(&str) -> Result<T, BadValue>,
) -> Option<T> {
    let start = words.span();
    let value = single(words, wanted, scope, diagnostics, parse)?;
    if value.negated {
        let report = ResolveError::NotHere.at(
            start,
            format!("{wanted} cannot be negated"),
            "no meaning here",
            "remove the `not`",
        );
        diagnostics.push(report.fix(Fix::Remove(start)));
        return None;
    }
    Some(value.value)
}

/// Drops the second of two equal values, with a warning.
pub fn warn_duplicates<T: PartialEq>(items: Items<T>, list: &List, diagnostics: &mut Diagnostics) -> Items<T> {
    if items.len() < 2 {
        return items;
    }
    let mut unique: Items<T> = Items::with_capacity(items.len());
    for (item, atom) in items.into_iter().zip(&list.atoms) {
        // Lists that people write are short; in long ones only neighbours are compared.
        let recent = &unique[unique.len().saturating_sub(1_000)..];
        if recent.contains(&item) {
            let report = ResolveError::DuplicateEntry.at(
                atom.span,
                format!("`{}` is in the list twice", atom.text),
                "again here",
                "remove one of the two",
            );
            // What is in a definition may be meant there.
            let here = atom.defined.is_none().then_some(Fix::Remove(atom.span));
            diagnostics.push(atom.explain(here.into_iter().fold(report, Report::fix)));
        } else {
            unique.push(item);
        }
    }
    unique
}

/// Reports a problem at an atom.
pub fn push(atom: &Atom, problem: BadValue, diagnostics: &mut Diagnostics) {
    let report = problem.code.at(atom.span, problem.message, problem.label, problem.help);
    let place = atom.written();
    let report = problem.meant.into_iter().fold(report, |report, meant| report.fix(Fix::Replace(place, meant)));
    diagnostics.push(atom.explain(report));
}

impl<'a> Atom<'a> {
    /// Where it is written: a value that comes from a definition is corrected there.
    pub fn written(&self) -> Span {
        self.defined.unwrap_or(self.span)
    }

    /// Adds the place of the definition that the value comes from.
    pub fn explain(&self, report: Report) -> Report {
        match self.defined {
            Some(span) => report.also(span, "defined here"),
            None => report,
        }
    }
}

impl<'a> List<'a> {
    /// The list as one atom, for a report about all of it.
    pub fn whole(&self) -> Atom<'a> {
        Atom { span: self.span, ..self.atoms[0] }
    }
}
