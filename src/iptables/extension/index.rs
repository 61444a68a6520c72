//! Finds the row of a match or a target: by its name, or by its value.
//! Input: a name or a value. Output: the row.

use crate::iptables::extension::row::Row;
use crate::iptables::extension::{
    addresses, changes, comment, connections, content, counting, delivery, dscp, hashlimit, headers, headers6,
    hop_limit, icmp, limit, link, logging, mark, policy, ports, rateest, sctp, security, sets, socket, time, tracking,
    translation, verdicts,
};
use crate::iptables::ruleset::{Match, Target};
use crate::net::Protocol;

/// Every match, by subject; those that rules name most come first.
const MATCHES: [&[&Row<Match>]; 21] = [
    ports::MATCHES,
    comment::MATCHES,
    connections::MATCHES,
    icmp::MATCHES,
    policy::MATCHES,
    mark::MATCHES,
    limit::MATCHES,
    hashlimit::MATCHES,
    hop_limit::MATCHES,
    addresses::MATCHES,
    link::MATCHES,
    dscp::MATCHES,
    headers::MATCHES,
    headers6::MATCHES,
    sctp::MATCHES,
    counting::MATCHES,
    content::MATCHES,
    socket::MATCHES,
    sets::MATCHES,
    time::MATCHES,
    rateest::MATCHES,
];

/// Every target, by subject.
const TARGETS: [&[&Row<Target>]; 12] = [
    verdicts::TARGETS,
    logging::TARGETS,
    translation::TARGETS,
    mark::TARGETS,
    tracking::TARGETS,
    changes::TARGETS,
    dscp::TARGETS,
    hop_limit::TARGETS,
    delivery::TARGETS,
    security::TARGETS,
    sets::TARGETS,
    rateest::TARGETS,
];

/// The match of that name, with the aliases of `icmp6`.
pub fn match_named(name: &str) -> Option<&'static Row<Match>> {
    let name = if matches!(name, "icmpv6" | "ipv6-icmp") { "icmp6" } else { name };
    MATCHES.into_iter().flatten().copied().find(|row| row.known.name == name)
}

/// The target of that name.
pub fn target_named(name: &str) -> Option<&'static Row<Target>> {
    TARGETS.into_iter().flatten().copied().find(|row| row.known.name == name)
}

/// The match that `-p` and a protocol load.
pub fn match_of_protocol(protocol: Protocol) -> Option<&'static Row<Match>> {
    MATCHES.into_iter().flatten().copied().find(|row| row.known.protocol == Some(protocol))
}

/// The row of a match; none where iptables does not know it.
pub fn of_match(one: &Match) -> Option<&'static Row<Match>> {
    Some(match one {
        Match::Tcp(_) => &ports::TCP,
        Match::Udp(_) => &ports::UDP,
        Match::Sctp(_) => &sctp::SCTP,
        Match::Icmp(_) => &icmp::ICMP,
        Match::Icmp6(_) => &icmp::ICMP6,
        Match::Multiport(_) => &ports::MULTIPORT,
        Match::Ah => &headers6::AH,
        Match::Frag { .. } => &headers6::FRAG,
        Match::Ttl(_) => &hop_limit::TTL,
        Match::Hl(_) => &hop_limit::HL,
        Match::Policy(_) => &policy::POLICY,
        Match::Mark(_) => &mark::MARK,
        Match::ConnMark(_) => &mark::CONNMARK,
        Match::ConnState(_) | Match::Original(_) => &connections::CONNTRACK,
        Match::State(_) => &connections::STATE,
        Match::Limit(_) => &limit::LIMIT,
        Match::HashLimit(_) => &hashlimit::HASH_LIMIT,
        Match::RpFilter(_) => &addresses::RP_FILTER,
        Match::IpRange(_) => &addresses::IP_RANGE,
        Match::Set(_) => &sets::SET,
        Match::Mac(_) => &link::MAC,
        Match::PacketType(_) => &link::PKTTYPE,
        Match::Length(_) => &headers::LENGTH,
        Match::Dscp(_) => &dscp::DSCP,
        Match::Owner(_) => &socket::OWNER,
        Match::AddrType(_) => &addresses::ADDRTYPE,
        Match::Statistic(_) => &counting::STATISTIC,
        Match::ConnLimit(_) => &connections::CONNLIMIT,
        Match::Comment(_) => &comment::COMMENT,
        Match::Unknown(unknown) => return match_named(&unknown.name),
    })
}

/// The row of a target; none where there is none, where it is a chain, and where iptables does not know it.
pub fn of_target(one: &Target) -> Option<&'static Row<Target>> {
    Some(match one {
        Target::None | Target::Jump(_) | Target::Goto(_) | Target::Unresolved { .. } => return None,
        Target::Accept => &verdicts::ACCEPT,
        Target::Drop => &verdicts::DROP,
        Target::Return => &verdicts::RETURN,
        Target::Reject(_) => &verdicts::REJECT,
        Target::Log(_) => &logging::LOG,
        Target::Nflog(_) => &logging::NFLOG,
        Target::TcpMss(_) => &changes::TCPMSS,
        Target::Masquerade(_) => &translation::MASQUERADE,
        Target::Snat(_) => &translation::SNAT,
        Target::Dnat(_) => &translation::DNAT,
        Target::Redirect(_) => &translation::REDIRECT,
        Target::Mark(_) => &mark::SET_MARK,
        Target::ConnMark(_) => &mark::SET_CONNMARK,
        Target::Ttl(_) => &hop_limit::SET_TTL,
        Target::Hl(_) => &hop_limit::SET_HL,
        Target::Dscp(_) => &dscp::SET_DSCP,
        Target::Netmap(_) => &translation::NETMAP,
        Target::NoTrack => &tracking::NOTRACK,
        Target::Ct(_) => &tracking::CT,
        Target::Tee(_) => &delivery::TEE,
        Target::Ulog(_) => &logging::ULOG,
        Target::Unknown(unknown) => return target_named(&unknown.name),
    })
}

/// Whether the name is a target of the kernel or of iptables, so that no chain can have it.
pub fn is_target_name(name: &str) -> bool {
    target_named(name).is_some()
}

/// Every name that iptables 1.8.9 has a match for.
pub fn match_names() -> impl Iterator<Item = &'static str> {
    MATCHES.into_iter().flatten().map(|row| row.known.name)
}

/// Every name that iptables 1.8.9 has a target for.
pub fn target_names() -> impl Iterator<Item = &'static str> {
    TARGETS.into_iter().flatten().map(|row| row.known.name)
}
