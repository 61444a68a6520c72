//! Names in `rules` blocks that the kernel takes and that match nothing, or that it refuses with the whole file.
//! Input: a rule of a block. Output: reports about its interfaces and its connection tracking helper.

use super::codes::ExpandError;
use crate::diagnostic::{Fix, Report};
use crate::iptables::parse::RuleText;
use crate::iptables::ruleset::{Part, Target};
use crate::language::values::{H245, HELPERS, ProtocolWord};
use crate::net::Interface;
use crate::policy::InterfaceDeclaration;
use crate::resolve::codes::ResolveError;
use crate::resolve::suggest::did_you_mean;
use crate::resolve::value;
use crate::sentence;
use crate::source::Span;

/// Reports an interface that no device has, or that is not declared where others are; `place` gives the part's place.
pub fn check_interfaces(
    rule: &RuleText,
    declared: &[InterfaceDeclaration],
    place: impl Fn(Part) -> Span,
    reports: &mut Vec<Report>,
) {
    let sides = [(Part::InInterface, &rule.header.in_interface), (Part::OutInterface, &rule.header.out_interface)];
    for (part, interface) in sides {
        let Some(name) = interface.as_ref().map(|interface| interface.value) else { continue };
        let (text, span) = (name.name(), place(part));
        let option = if part == Part::InInterface { "-i" } else { "-o" };
        if let Some(device) = value::device(text) {
            let message = format!("`{text}` is not the name of a device");
            let label = if text.contains(':') { "a label of an address" } else { "as `ip link` shows a pair" };
            let help = format!("write `{option} {device}`: packets pass a device, whatever its addresses are called");
            reports.push(ResolveError::BadInterface.at(span, message, label, help));
            continue;
        }
        let covers = |other: &Interface| name.covers(other) || other.covers(&name);
        if declared.is_empty() || text == "lo" || declared.iter().any(|other| covers(&other.name)) {
            continue;
        }
        let near = did_you_mean(text, declared.iter().map(|declared| declared.name.name()));
        let help = match near {
            Some(near) => format!("did you mean `{near}`? Otherwise add `interface {text}`"),
            None => format!("add `interface {text}`"),
        };
        let message = format!("the interface `{text}` is not declared");
        let report = ResolveError::UnknownInterface.at(span, message, "others are declared, this one is not", help);
        reports.push(report.fix(Fix::Sentence(format!("interface {text}"))));
    }
}

/// Reports a helper that the kernel does not have: the loader refuses the whole file.
pub fn check_helper(rule: &RuleText, place: impl Fn(Part) -> Span, reports: &mut Vec<Report>) {
    let Target::Ct(target) = &rule.target else { return };
    let Some(name) = target.helper.as_deref().filter(|_| !target.notrack) else { return };
    // With a port of its own a helper's name has a number: `ftp-2121`.
    let plain = name.rsplit_once('-').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let plain = plain.map_or(name, |(plain, _)| plain);
    if let Some(helper) = HELPERS.iter().chain([&H245]).find(|helper| helper.name == plain) {
        let given = rule.header.protocol.filter(|protocol| !protocol.negated).map(|protocol| protocol.value);
        if !given.is_some_and(|protocol| helper.protocols.contains(&protocol)) {
            let words = helper.protocols.iter().map(|protocol| sentence::protocol(ProtocolWord::Number(*protocol)));
            let words = words.map(|word| format!("`-p {word}`")).collect::<Vec<_>>().join(" or ");
            let message = format!("the helper `{plain}` needs {words}");
            let (label, help) = ("the loader refuses the whole file", format!("add {words}"));
            reports.push(ExpandError::UnknownHelper.at(place(Part::Target), message, label, help));
        }
        return;
    }
    let names = HELPERS.map(|helper| helper.name);
    let help = match did_you_mean(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the helpers are {}", names.join(", ")),
    };
    reports.push(ExpandError::UnknownHelper.at(
        place(Part::Target),
        format!("the kernel has no connection tracking helper `{name}`"),
        "the loader refuses the whole file",
        help,
    ));
}
