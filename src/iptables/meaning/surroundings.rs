//! What matches ask besides the headers of a packet: its link, its socket, the routing table, sets, chance.
//! Input: such a match. Output: its condition; most of what it looks at is not part of a packet here, and so is not known.

use super::super::extension::index::match_named;
use super::super::extension::ranges::exclude_all;
use super::super::ruleset::{
    AddrType, AddressSet, AddressTypes, ConnLimit, LinkType, Negatable, Owner, RpFilter, Statistic, Untyped,
};
use super::condition::{Condition, Doubt, Ends, Field, HARDWARE, Test, Unknown, name_number};
use crate::net::{Family, Interface};

/// `-m mac`: negated or not, it does not match what came without a hardware address.
pub fn mac(wanted: Negatable<[u8; 6]>) -> Condition {
    let number = wanted.value.into_iter().fold(0, |number, byte| number << 8 | u128::from(byte));
    let is = Condition::equal(Field::HardwareSource, HARDWARE | number);
    if !wanted.negated {
        return is;
    }
    let there = Condition::Is(Field::HardwareSource, Test::Masked { value: HARDWARE, mask: HARDWARE });
    Condition::all([there, is.negated(true)])
}

/// `-m pkttype`
pub fn packet_type(wanted: Negatable<LinkType>) -> Condition {
    Condition::equal(Field::LinkType, wanted.value as u128).negated(wanted.negated)
}

/// `-m length`
pub fn length(wanted: Negatable<(u16, u16)>) -> Condition {
    Condition::within(Field::Length, wanted.value.0, wanted.value.1).negated(wanted.negated)
}

/// `-m dscp`
pub fn dscp(wanted: Negatable<u8>) -> Condition {
    Condition::equal(Field::Dscp, wanted.value).negated(wanted.negated)
}

/// `-m owner`: without a socket only what is negated throughout matches (`owner_mt`).
pub fn owner(wanted: &Owner) -> Condition {
    let numbers = |field, numbers: Option<Negatable<(u32, u32)>>| {
        numbers.map_or(Condition::ALWAYS, |numbers| {
            Condition::within(field, numbers.value.0, numbers.value.1).negated(numbers.negated)
        })
    };
    let group = match wanted.group {
        // Which groups a user is in besides, no packet tells.
        Some(group) if wanted.supplementary => {
            let (first, last) = group.value;
            let words = Unknown::Words(format!("supplementary group {first}-{last}").into());
            let other = Condition::Unclear(Doubt::Hidden, words);
            Condition::any([Condition::within(Field::Group, first, last), other]).negated(group.negated)
        }
        group => numbers(Field::Group, group),
    };
    let negated = |negated: Option<bool>| negated.unwrap_or(true);
    let all_negated = negated(wanted.socket.map(|socket| socket.negated))
        && negated(wanted.user.map(|user| user.negated))
        && negated(wanted.group.map(|group| group.negated));
    let socket = Condition::equal(Field::Socket, 1_u8);
    let with = match wanted.socket {
        Some(asked) if asked.negated => Condition::NEVER,
        _ => Condition::all([socket.clone(), numbers(Field::User, wanted.user), group]),
    };
    if all_negated { Condition::any([socket.negated(true), with]) } else { with }
}

/// `-m addrtype`: the routing table knows the types; for one interface alone they may be others.
pub fn addr_type(wanted: &AddrType, family: Family) -> Condition {
    let of = |kind, address, types: Option<Negatable<AddressTypes>>| {
        types.map_or(Condition::ALWAYS, |types| {
            let is = match family {
                Family::V4 => one_type(kind, types.value),
                Family::V6 => types_of_v6(kind, address, types.value),
            };
            is.negated(types.negated)
        })
    };
    match wanted.limit {
        None => Condition::all([
            of(Field::SourceType, Field::Source, wanted.source),
            of(Field::DestinationType, Field::Destination, wanted.destination),
        ]),
        Some(_) => Condition::Unclear(Doubt::Hidden, Unknown::Rule),
    }
}

/// One of the types.
fn one_type(kind: Field, types: AddressTypes) -> Condition {
    let set = (0..12_u8).filter(|bit| types.0 & (1 << bit) != 0);
    Condition::any(set.map(|bit| Condition::equal(kind, bit)))
}

/// The IPv6 of the kernel reads some types off the address, and wants all of these (`match_type6`): what is local is
/// unicast as well.
fn types_of_v6(kind: Field, address: Field, types: AddressTypes) -> Condition {
    let has = |bit: u8| types.0 & (1 << bit) != 0;
    let multicast = Condition::masked(address, 0xff_u128 << 120, 0xff_u128 << 120);
    let none = Condition::equal(address, 0_u8);
    let mapped = Condition::masked(address, 0xffff_u128 << 32, u128::MAX << 32);
    let mut all = Vec::new();
    all.extend(has(AddressTypes::MULTICAST).then(|| multicast.clone()));
    all.extend(has(AddressTypes::UNICAST).then(|| !Condition::any([multicast, none.clone(), mapped])));
    all.extend(has(AddressTypes::UNSPEC).then_some(none));
    let looked_up = AddressTypes(types.0 & AddressTypes::LOOKED_UP_V6);
    all.extend((looked_up.0 != 0).then(|| one_type(kind, looked_up)));
    Condition::all(all)
}

/// `-m statistic`: dice or a counter of the rule's own, but for what is certain.
pub fn statistic(wanted: Statistic) -> Condition {
    let chance = Condition::Unclear(Doubt::Extension, Unknown::Rule);
    match wanted {
        Statistic::Random(wanted) => match wanted.value {
            0 => Condition::NEVER.negated(wanted.negated),
            Statistic::CERTAIN.. => Condition::ALWAYS.negated(wanted.negated),
            _ => chance,
        },
        Statistic::Nth { every, .. } if every.value == 1 => Condition::ALWAYS.negated(every.negated),
        Statistic::Nth { .. } => chance,
    }
}

/// `-m connlimit`: it counts the connections of a network.
pub fn connection_limit(_: ConnLimit) -> Condition {
    Condition::Unclear(Doubt::Extension, Unknown::Rule)
}

/// What the words of a reverse path filter say where any interface will do.
pub const LOOSE: &str = " loose";

/// Whether the way back to the source is another one than the packet came by.
pub fn rp_filter(wanted: RpFilter) -> Condition {
    let lo = Interface::new("lo").expect("a short name");
    // What has no way back at all has none by this interface either, but not the other way round.
    let options = [(wanted.loose, LOOSE), (wanted.validmark, " validmark"), (wanted.accept_local, " accept-local")];
    let options = options.into_iter().filter_map(|(said, words)| said.then_some(words));
    let words = Unknown::Words(format!("rpfilter{}", options.collect::<String>()).into());
    let spoofed = Condition::all([
        !Condition::equal(Field::InInterface, name_number(lo)),
        !Condition::equal(Field::InInterface, 0_u8),
        Condition::Unclear(Doubt::Spoofed, words),
    ]);
    spoofed.negated(!wanted.invert)
}

/// Whether ends of a packet are in a set.
pub fn in_set(wanted: &AddressSet) -> Condition {
    let (source, destination) = (wanted.sides.contains("src"), wanted.sides.contains("dst"));
    let ends = match (source, destination) {
        (true, false) => Ends::Source,
        (false, true) => Ends::Destination,
        _ => Ends::Both,
    };
    let words = format!("set {} {}", wanted.name, wanted.sides);
    Condition::Unclear(Doubt::Set(ends), Unknown::Words(words.into()))
}

/// An extension without a type: the same words have the same answer where that is a function of the packet.
pub fn extension(unknown: &Untyped) -> Condition {
    if exclude_all(unknown) {
        return Condition::NEVER;
    }
    let which = if match_named(&unknown.name).is_some_and(|row| row.counts) {
        Unknown::Rule
    } else {
        let mut words = unknown.name.to_string();
        for word in &unknown.words {
            words.push(' ');
            words.push_str(word);
        }
        Unknown::Words(words.into())
    };
    Condition::Unclear(Doubt::Extension, which)
}
