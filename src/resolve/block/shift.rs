//! Ranges of ports that packets are translated to: each port keeps its distance from the first of the sentence.
//! Input: a sentence that was read whole. Output: the first of its ports after the new ones, or a report.

use super::draft::{BlockDraft, is_with_ports};
use crate::diagnostic::{Diagnostics, Fix, Report};
use crate::net::{Both, PortRange};
use crate::policy::{Argument, Values};
use crate::resolve::codes::ResolveError;
use crate::resolve::value;
use crate::snippet::signature::ParameterKind;
use crate::source::Span;

/// Completes the ranges of new ports: the kernel sends all packets to the first one unless it knows where to count from.
pub(super) fn shift(reading: &mut BlockDraft, diagnostics: &mut Diagnostics) {
    let old = reading.draft.traffic.destination_ports.clone();
    let place = reading.draft.seen("port");
    for (at, (index, argument)) in reading.arguments.iter_mut().enumerate() {
        let parameter = &reading.snippet.signature.parameters[usize::from(*index)];
        let Argument::Text(Both { v4: text, .. }) = &*argument else { continue };
        let ports = match parameter.kind {
            ParameterKind::Endpoint { .. } if is_with_ports(text) => {
                text.rsplit_once(':').map_or("", |(_, ports)| ports)
            }
            ParameterKind::Number { .. } => text,
            _ => continue,
        };
        if !parameter.shifts || !ports.contains('-') {
            continue;
        }
        let (Ok(new), Some(span)) = (value::ports(ports), reading.places.get(at)) else { continue };
        match first(new, &old, *span) {
            Ok(base) => *argument = Argument::Text(Both::same(format!("{text}/{base}").into())),
            Err(wrong) => {
                let (report, fitting) = *wrong;
                let address = &text[..text.len() - ports.len()];
                let fix = fitting.map(|range| Fix::Replace(*span, format!("{address}{range}")));
                let report = fix.into_iter().fold(report, Report::fix);
                diagnostics.push(match place.filter(|_| !old.is_any()) {
                    Some(place) => report.also(place, "the ports that are translated"),
                    None => report,
                });
            }
        }
    }
}

/// The port to count from: the first of a range that is as long as the new one. Else a report, and perhaps the new ports
/// that would do.
fn first(new: PortRange, old: &Values<PortRange>, span: Span) -> Result<u16, Box<(Report, Option<String>)>> {
    let count = |range: PortRange| u32::from(range.end - range.start) + 1;
    let range = |range: PortRange| format!("{}-{}", range.start, range.end);
    let (written, negated) = (range(new), old.negated);
    match old.items[..] {
        [old] if count(old) == count(new) && !negated => Ok(old.start),
        [old] if !negated => {
            let fitting = new.start.checked_add(old.end - old.start).map(|end| PortRange { start: new.start, end });
            let text = fitting.map(|fitting| if fitting.is_single() { new.start.to_string() } else { range(fitting) });
            let help = match &text {
                Some(text) => format!("write `{text}`: each port has one of its own, in order"),
                None => "choose a range as long as that of the sentence: each port has one of its own".into(),
            };
            let message = format!("`{written}` has {} ports, the sentence {}", count(new), count(old));
            Err(Box::new((ResolveError::PortShift.at(span, message, "not as many as before", help), text)))
        }
        [] => {
            let message = format!("`{written}` needs the ports of the sentence to count from");
            let help = "name one port, or add `port` with a range of the same length";
            Err(Box::new((
                ResolveError::PortShift.at(span, message, "all would arrive at the first of them", help),
                None,
            )))
        }
        _ => {
            let message = format!("`{written}` needs one range of ports to count from");
            let help = "write a sentence for each range of ports";
            Err(Box::new((ResolveError::PortShift.at(span, message, "the sentence has several", help), None)))
        }
    }
}
