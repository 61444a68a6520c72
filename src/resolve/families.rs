//! Which families a sentence is for: by its addresses, by its ICMP types, by `only`, by nature.
//! Input: the choices that its values make. Output: the families, or a report about what fits nowhere.

use super::codes::ResolveError;
use super::words::Atom;
use crate::diagnostic::{Diagnostics, Fix, Report};
use crate::net::{Families, Family};
use crate::policy::Items;
use crate::sentence;
use crate::source::Span;

/// A value that is of one family, and does not show of which.
#[derive(Clone, Copy, Debug)]
pub enum OneFamily {
    /// An ICMP type by number.
    IcmpNumber,
    /// A set of addresses.
    Set,
}

/// What one list of values says about families.
#[derive(Clone, Debug)]
pub struct FamilyChoice<'a> {
    /// The families of each element, with its place.
    pub elements: Items<(Families, Atom<'a>)>,
    /// The place of the whole list.
    pub span: Span,
    /// Whether it is negated: then it chooses no family, and one must be chosen elsewhere.
    pub negated: bool,
    /// Whether it chooses at all.
    pub chooses: bool,
    /// Whether a family must be chosen elsewhere where it is negated: not for ICMP types, which each family has.
    pub negation_chooses: bool,
    /// A value in it that is of one family, and does not show of which.
    pub open: Option<(Span, OneFamily)>,
}

/// The families of a sentence, from those of its block, its `only`, and its values.
pub fn resolve(
    by_nature: Families,
    only: Option<(Family, Span)>,
    choices: &[FamilyChoice<'_>],
    diagnostics: &mut Diagnostics,
) -> Option<Families> {
    let mut families = by_nature;
    if let Some((family, span)) = only {
        families = families.and(family.into());
        if families == Families::NONE {
            diagnostics.push(
                ResolveError::FamilyConflict
                    .at(
                        span,
                        format!("the sentence is not for {} by nature", family.name()),
                        "nothing is left",
                        "remove the `only`",
                    )
                    .or_rather(Some("")),
            );
            return None;
        }
    }
    let after_only = families;
    for choice in choices.iter().filter(|choice| choice.chooses && !choice.negated) {
        let of_list = choice.elements.iter().fold(Families::NONE, |all, (families, _)| all.or(*families));
        let left = families.and(of_list);
        if left == Families::NONE {
            let (have, here) = (names(families), names(of_list));
            let mut report = ResolveError::FamilyConflict.at(
                choice.span,
                format!("the rest of the sentence is for {have}, this is {here}"),
                format!("only {here}"),
                "nothing is left of the sentence: give addresses of the same family, or write two sentences",
            );
            if let Some((family, span)) = only.filter(|_| families == after_only) {
                report.help = format!("remove `{}`, or give addresses of {}", sentence::only(family), family.name());
                report = report.also(span, "chosen here").fix(Fix::Replace(span, String::new()));
            } else if let Some(other) =
                choices.iter().find(|other| other.span != choice.span && other.chooses && !other.negated)
            {
                report = report.also(other.span, format!("{have} here"));
            }
            diagnostics.push(report);
            return None;
        }
        families = left;
    }
    let mut fine = true;
    for choice in choices {
        let unused = choice.elements.iter().filter(|(of_element, _)| of_element.and(families) == Families::NONE);
        for (of_element, atom) in unused {
            let report = ResolveError::ElementUnused.at(
                atom.span,
                format!("this {} value takes part in no rule", names(*of_element)),
                format!("the sentence is for {} only", names(families)),
                "remove it from the list, or write a second sentence for its family",
            );
            let here = atom.defined.is_none().then_some(Fix::Remove(atom.span));
            diagnostics.push(atom.explain(here.into_iter().fold(report, Report::fix)));
            fine = false;
        }
        let of_list = choice.elements.iter().fold(Families::NONE, |all, (families, _)| all.or(*families));
        // Of a list with values of both families each file gets its half.
        let chooses = choice.negated && choice.negation_chooses && families.single().is_none();
        if let Some(family) = of_list.single().filter(|_| chooses) {
            let only = sentence::only(family);
            let label = format!("every {} packet would match as well", family.other().name());
            let report = ResolveError::NegatedFamily.at(
                choice.span,
                "a negated value chooses no family",
                label,
                format!("add `{only}`"),
            );
            diagnostics.push(report.fix(Fix::Add(only)));
            fine = false;
        }
        if let Some((span, kind)) = choice.open.filter(|_| families.single().is_none()) {
            let (message, help) = match kind {
                OneFamily::IcmpNumber => (
                    "an ICMP type by number means another thing in each family",
                    "add `only ipv4` or `only ipv6`, or write the name of the type",
                ),
                OneFamily::Set => (
                    "a set holds addresses of one family",
                    "add `only ipv4` or `only ipv6`, as the set was made: `family inet` or `family inet6`",
                ),
            };
            diagnostics.push(either(ResolveError::FamilyRequired.at(span, message, "in IPv4 or in IPv6?", help)));
            fine = false;
        }
    }
    fine.then_some(families)
}

/// A report with both ways out: one family or the other.
pub fn either(report: Report) -> Report {
    Family::BOTH.into_iter().fold(report, |report, family| report.fix(Fix::Add(sentence::only(family))))
}

/// `IPv4`, `IPv6`, or both by name.
fn names(families: Families) -> &'static str {
    families.single().map_or("IPv4 and IPv6", Family::name)
}
