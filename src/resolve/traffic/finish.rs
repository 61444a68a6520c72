//! What the clauses of traffic need of each other, once all are read.
//! Input: a `Draft`. Output: its directions, completed; reports about what is missing or contradicts.

use std::net::IpAddr;

use super::draft::{Allowed, Draft};
use crate::diagnostic::{Diagnostics, Fix, Report};
use crate::language::clauses::{Direction, TrafficClause};
use crate::language::values::{ProtocolWord, Role, protocol};
use crate::net::{Addresses, Family, Protocol};
use crate::policy::{Directions, Items, Traffic};
use crate::resolve::codes::ResolveError;
use crate::resolve::scope::Scope;
use crate::resolve::words::Words;
use crate::sentence;
use crate::snippet::signature::OpenDirection;
use crate::source::Span;

/// Completes traffic that was read whole: the directions, and what clauses need of each other. `only_ipv4`: the
/// sentence says so.
pub fn finish(
    words: &Words,
    allowed: &Allowed,
    draft: &mut Draft,
    only_ipv4: bool,
    scope: &Scope,
    diagnostics: &mut Diagnostics,
) {
    directions(words, allowed, draft, scope, diagnostics);
    protocol_needs(words, allowed, draft, diagnostics);
    let traffic = &draft.traffic;
    if let (Some(peer), Some(_)) = (draft.seen("peer"), &traffic.peer) {
        for (clause, there) in named(traffic) {
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
        let report = ResolveError::NegatedFamily.at(
            span,
            "ip6tables cannot say `not ah`",
            "AH is an extension header in IPv6",
            "add `only ipv4`, or list the protocols that are meant instead",
        );
        diagnostics.push(report.fix(Fix::Add(sentence::only(Family::V4))));
    }
    original(draft, diagnostics);
    ipsec_sides(allowed, draft, diagnostics);
    if let Some(span) = ["ipsec", "ipsec in", "ipsec out"].into_iter().find_map(|clause| draft.seen(clause)) {
        let through = [&traffic.on, &traffic.in_on, &traffic.out_on];
        let tunnel = through
            .iter()
            .flat_map(|values| &values.items)
            .find(|name| scope.declarations.role(name) == Some(Role::Vti));
        if let Some(name) = tunnel {
            diagnostics.push(
                ResolveError::IpsecOnTunnel
                    .at(
                        span,
                        format!("packets on `{name}` have no IPsec policy any more"),
                        "never matches there",
                        "remove it: everything on a VTI went through IPsec",
                    )
                    .or_rather(Some("")),
            );
        }
    }
    link_local(draft, scope, diagnostics);
    if !port_after_source(words, allowed, draft, diagnostics) {
        source_port_only(words, allowed, draft, diagnostics);
    }
}

/// The clauses that name one end, and whether they do.
fn named(traffic: &Traffic) -> [(&'static str, bool); 2] {
    [
        ("from", !traffic.source.is_any() || traffic.source_set.is_some()),
        ("to", !traffic.destination.is_any() || traffic.destination_set.is_some()),
    ]
}

/// What the gateway itself sends has no destination that was translated before.
fn original(draft: &Draft, diagnostics: &mut Diagnostics) {
    let Some(span) = draft.seen("original to").filter(|_| draft.traffic.directions.output) else { return };
    diagnostics.push(ResolveError::DirectionConflict.at(
        span,
        "`original to` has no meaning for what the gateway itself sends",
        "what comes in, or is forwarded, may have been translated",
        "add `in` or `forward`",
    ));
}

/// A bare `ipsec` that reaches FORWARD: either side would let packets in the clear into a tunnel.
fn ipsec_sides(allowed: &Allowed, draft: &Draft, diagnostics: &mut Diagnostics) {
    let traffic = &draft.traffic;
    let only_forward = allowed.open == OpenDirection::None || draft.seen("forward").is_some();
    let reaches = only_forward || traffic.directions.forward;
    let Some(span) = draft.seen("ipsec").filter(|_| reaches && traffic.ipsec.came == Some(true)) else { return };
    let help = if only_forward {
        "write `ipsec in` for what came out of a tunnel, `ipsec out` for what will go into one, or both"
    } else {
        "add `in` or `out`, or write `forward` with `ipsec in` for what came out of a tunnel, `ipsec out` for what will go \
         into one"
    };
    let message = "`ipsec` does not say which side of a forwarded packet is meant";
    let report = ResolveError::IpsecSide.at(span, message, "came out of a tunnel, or will go into one?", help);
    let fixes = ["ipsec in", "ipsec out", "ipsec in ipsec out"].map(|text| Fix::Replace(span, text.into()));
    diagnostics.push(fixes.into_iter().filter(|_| only_forward).fold(report, Report::fix));
}

/// The longest clause that a help shows in full, in bytes.
const MAX_SHOWN: usize = 60;

/// `from A port P` without a destination port: every reader takes it for one. Whether that was reported.
fn port_after_source(words: &Words, allowed: &Allowed, draft: &Draft, diagnostics: &mut Diagnostics) -> bool {
    let Some((port, whole)) = draft.port_after_source.filter(|_| draft.seen("port").is_none()) else { return false };
    if !allowed.clauses.contains(&TrafficClause::SourcePort) {
        return false;
    }
    let text = words.text_of(whole);
    let (before, after) = text.split_at((port.start - whole.start) as usize);
    let (address, source) = (before.trim_end(), format!("{before}source {after}"));
    let shown = |text: &str| {
        if text.len() > MAX_SHOWN {
            format!("{}…", text[..text.floor_char_boundary(MAX_SHOWN)].trim_end())
        } else {
            text.to_owned()
        }
    };
    let (other, fix) = match allowed.own_ports || !allowed.clauses.contains(&TrafficClause::Port) {
        true => (format!("`{}`, since `{}` has its port already", shown(address), allowed.name), address.to_owned()),
        false => (format!("`{}`", shown(&format!("{before}to {after}"))), format!("{before}to {after}")),
    };
    let report = ResolveError::PortAfterSource.at(
        port,
        "`port` directly after a source is the port that packets come from",
        "or the port that they go to?",
        format!("write {other}, or `{}` if the sender's port is meant", shown(&source)),
    );
    diagnostics.push(report.fix(Fix::Replace(whole, fix)).fix(Fix::Replace(whole, source)));
    true
}

fn directions(words: &Words, allowed: &Allowed, draft: &mut Draft, scope: &Scope, diagnostics: &mut Diagnostics) {
    if allowed.open == OpenDirection::None {
        return;
    }
    let traffic = &mut draft.traffic;
    let has_interface = !traffic.on.is_any();
    if allowed.needs_interface && !has_interface && traffic.in_on.is_any() && traffic.out_on.is_any() {
        let report = ResolveError::MissingClause.at(
            words.end(),
            format!("`{}` needs an interface", allowed.name),
            "`on IF` is missing",
            "add `on` and the interface",
        );
        diagnostics.push(scope.offers("on").fold(report, Report::fix));
    }
    if draft.direction_said {
        return;
    }
    for (clause, there) in named(traffic) {
        if there && let Some(span) = draft.seen.iter().find(|(name, _)| *name == clause).map(|(_, span)| *span) {
            let report = ResolveError::DirectionRequired.at(
                span,
                format!("`{clause}` with an address needs a direction"),
                "whose source, whose destination?",
                "add `in`, `out` or `forward`, or write `peer` for the remote end of both directions",
            );
            let before = |direction: &Direction| {
                Fix::Replace(Span { end: span.start, ..span }, format!("{} ", direction.word()))
            };
            diagnostics.push(allowed.directions.iter().map(before).fold(report, Report::fix));
            return;
        }
    }
    let has = |direction| allowed.directions.contains(&direction);
    if allowed.open == OpenDirection::Required {
        let possible: Vec<_> = allowed.directions.iter().map(|direction| format!("`{}`", direction.word())).collect();
        let report = ResolveError::DirectionRequired.at(
            words.end(),
            format!("`{}` needs a direction", allowed.name),
            "which way is missing",
            format!("add {}", possible.join(" or ")),
        );
        let fixes = allowed.directions.iter().map(|direction| Fix::Add(direction.word().into()));
        diagnostics.push(fixes.fold(report, Report::fix));
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
        let report =
            ResolveError::DirectionRequired.at(words.end(), message, "a direction or an interface is missing", help);
        diagnostics.push(scope.offers("on").fold(report, Report::fix));
    }
}

fn protocol_needs(words: &Words, allowed: &Allowed, draft: &Draft, diagnostics: &mut Diagnostics) {
    let traffic = &draft.traffic;
    let known: Items<ProtocolWord> = if allowed.protocols.is_empty() {
        traffic.protocols.items.clone()
    } else {
        allowed.protocols.iter().filter_map(|word| protocol(word).flatten()).collect()
    };
    let negated = traffic.protocols.negated;
    let all = |fits: fn(ProtocolWord) -> bool| !known.is_empty() && !negated && known.iter().all(|word| fits(*word));
    let with_ports = "add `tcp`, `udp` or `sctp`, or a list of these";
    let mut need = |clause: &str, fine: bool, what: &str, help: &str| {
        if let Some(span) = draft.seen(clause).filter(|_| !fine) {
            let message = format!("`{clause}` needs {what}");
            let report = ResolveError::NeedsProtocol.at(span, message, "the protocol does not have it", help);
            let protocols: &[&str] = if help == with_ports { &["tcp", "udp"] } else { &["tcp"] };
            // Only a sentence without any protocol gets one; another one that is there would stay.
            let none = known.is_empty() && draft.seen("protocol").is_none() && clause != "type";
            let protocols = if none { protocols } else { &[] };
            // `from port P`, `from A port P`: after the side, `port` would be that of the destination.
            let side = words.before(span).filter(|before| ["from", "to"].contains(&words.text_of(*before)));
            let start = side.or(draft.seen("from").filter(|_| clause == "source port")).unwrap_or(span).start;
            let place = Span { start, end: start, ..span };
            let before = |protocol: &&str| Fix::Replace(place, format!("{protocol} "));
            diagnostics.push(protocols.iter().map(before).fold(report, Report::fix));
        }
    };
    let ports = all(|word| matches!(word, ProtocolWord::Number(Protocol::TCP | Protocol::UDP | Protocol::SCTP)));
    let tcp = all(|word| word == ProtocolWord::Number(Protocol::TCP));
    let icmp = all(|word| word == ProtocolWord::Icmp);
    need("port", ports, "a protocol with ports", with_ports);
    need("source port", ports, "a protocol with ports", with_ports);
    need("original to … port", ports, "a protocol with ports", with_ports);
    need("no syn", tcp, "`tcp`", "add `tcp`");
    need("flags", tcp, "`tcp`", "add `tcp`");
    need("type", icmp, "`icmp`", "write `icmp type …`");
}

fn link_local(draft: &Draft, scope: &Scope, diagnostics: &mut Diagnostics) {
    let traffic = &draft.traffic;
    if ![&traffic.on, &traffic.in_on, &traffic.out_on].iter().all(|values| values.is_any()) {
        return;
    }
    let lists = [Some(&traffic.source), Some(&traffic.destination), traffic.peer.as_ref()];
    let is_local = |addresses: &Addresses| matches!(addresses.ends(), (IpAddr::V6(first), IpAddr::V6(last)) if first.is_unicast_link_local() || last.is_unicast_link_local());
    if lists.into_iter().flatten().any(|values| values.items.iter().any(is_local))
        && let Some(span) = ["from", "to", "peer"].iter().find_map(|clause| draft.seen(clause))
    {
        let report = ResolveError::LinkLocal.at(
            span,
            "a link-local address without an interface",
            "the same address exists on every link",
            "add `on` and the interface of the link",
        );
        diagnostics.push(scope.offers("on").fold(report, Report::fix));
    }
}

/// `allow in tcp from A source port ssh`: who sends chooses the source port, and reaches every port with it.
fn source_port_only(words: &Words, allowed: &Allowed, draft: &Draft, diagnostics: &mut Diagnostics) {
    let traffic = &draft.traffic;
    let comes_in = traffic.directions.input || traffic.directions.forward;
    let lets_in = allowed.name == "allow" && comes_in || allowed.name == "allow routing";
    let lets_in = lets_in && allowed.clauses.contains(&TrafficClause::SourcePort);
    let new = traffic.flags.is_none() && traffic.states.is_none();
    let tcp = traffic.protocols.items.contains(&ProtocolWord::Number(Protocol::TCP)) && !traffic.protocols.negated;
    let Some(span) = draft.seen("source port").filter(|_| lets_in && new && tcp && traffic.destination_ports.is_any())
    else {
        return;
    };
    let report = ResolveError::SourcePortOnly.at(
        span,
        "a source port alone lets new connections to every port in",
        "the port that packets come from, which the sender chooses",
        "write `to port …` for the port that they go to, or add `no syn` for replies",
    );
    // `from port P` and `source port P` become `to port P`.
    let from = words.before(span).filter(|before| words.text_of(*before) == "from");
    let meant = match from {
        Some(from) => Fix::Replace(from, "to".into()),
        None => Fix::Replace(span, "to port".into()),
    };
    diagnostics.push(report.fix(meant).fix(Fix::Add("no syn".into())));
}
