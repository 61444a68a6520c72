//! What targets do to a packet.
//! Input: a rule that matches, and the packet. Output: the packet as the target leaves it, and where it goes on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::flight::{Flight, Translation};
use super::loaded::Entry;
use super::walk::Choices;
use super::{Effect, Hook};
use crate::iptables::packet::{State, Way};
use crate::iptables::ruleset::{MaskedMark, NatOptions, TableName, Target, Unknown};
use crate::net::{Family, Interface};

/// Targets that the model has no type for, and that let the packet go on whatever they do with it.
const GO_ON: [&str; 20] = [
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CONNSECMARK",
    "CT",
    "DSCP",
    "ECN",
    "HL",
    "HMARK",
    "IDLETIMER",
    "LED",
    "NFLOG",
    "RATEEST",
    "SECMARK",
    "SET",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TRACE",
    "TTL",
];

/// Whether a packet that meets the target goes on as it was: nobody needs to know whether it did.
pub(super) fn is_without_effect(target: &Target) -> bool {
    match target {
        Target::None | Target::Log(_) | Target::Nflog(_) | Target::TcpMss(_) => true,
        Target::Unknown(unknown) => GO_ON.contains(&&*unknown.name) && !matches!(&*unknown.name, "TTL" | "HL"),
        _ => false,
    }
}

/// Applies the target of a rule.
pub(super) fn apply(entry: &Entry, flight: &mut Flight, table: TableName, hook: Hook, choices: &mut Choices) -> Effect {
    match &entry.rule.target {
        Target::None | Target::Log(_) | Target::Nflog(_) | Target::Unresolved { .. } => Effect::GoesOn,
        Target::Accept => Effect::Accepts,
        Target::Drop => Effect::Drops,
        Target::Return => Effect::Returns,
        Target::Jump(chain) => Effect::Jumps(*chain),
        Target::Goto(chain) => Effect::Goes(*chain),
        Target::Reject(with) => Effect::Rejects(*with),
        Target::TcpMss(_) => Effect::Changes,
        Target::Mark(mark) => {
            flight.mark = flight.mark.map(|old| marked(old, *mark));
            Effect::Changes
        }
        Target::NoTrack => {
            // What is tracked already stays so.
            flight.notrack |= !flight.tracked;
            Effect::Changes
        }
        Target::Masquerade(options) => {
            let of_interface = match flight.way {
                Way::Out(name) | Way::Forward(_, name) => Some(name),
                Way::In(_) => None,
            };
            flight.new_source = Some(Translation { addresses: None, of_interface, ports: options.ports });
            Effect::Translates
        }
        Target::Snat(nat) => {
            let ports = nat.options.ports;
            flight.new_source = Some(Translation { addresses: nat.addresses, of_interface: None, ports });
            Effect::Translates
        }
        Target::Dnat(nat) => {
            let translation = Translation { addresses: nat.addresses, of_interface: None, ports: nat.options.ports };
            flight.translate_destination(translation, nat.options);
            Effect::Translates
        }
        Target::Redirect(options) => redirect(flight, hook, *options),
        Target::Unknown(unknown) => self::unknown(unknown, flight, table, hook, choices),
    }
}

fn marked(old: u32, mark: MaskedMark) -> u32 {
    (old & !mark.mask) ^ mark.value
}

/// To the gateway itself: an address of the interface, or of `lo` for its own packets.
fn redirect(flight: &mut Flight, hook: Hook, options: NatOptions) -> Effect {
    let translation = match (hook, flight.way) {
        (Hook::Output, _) => {
            let loopback = match flight.family {
                Family::V4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
                Family::V6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
            };
            // The filter's OUTPUT still sees the interface that was meant.
            flight.way = Way::Out(Interface::new("lo").expect("a short name"));
            Translation { addresses: Some((loopback, loopback)), of_interface: None, ports: options.ports }
        }
        (_, Way::In(name) | Way::Forward(name, _) | Way::Out(name)) => {
            if flight.destination.known(flight.family).is_some_and(has_no_address) {
                return Effect::Drops;
            }
            flight.way = Way::In(name);
            Translation { addresses: None, of_interface: Some(name), ports: options.ports }
        }
    };
    flight.translate_destination(translation, options);
    Effect::Translates
}

/// Whether REDIRECT finds no address of an interface for a destination, and drops: in IPv6 it wants one of the same scope,
/// and knows, besides global and link-local, site-local ones and those of the form `::192.0.2.1`, which nobody has.
fn has_no_address(destination: IpAddr) -> bool {
    let IpAddr::V6(to) = destination else { return false };
    let bits = to.to_bits();
    match to.octets() {
        [0xff, scope, ..] => matches!(scope & 0x0f, 1 | 5),
        [0xfe, second, ..] => second & 0xc0 == 0xc0,
        _ => bits > 1 && bits <= u128::from(u32::MAX),
    }
}

/// A target without a type: some are understood, the others may do anything.
fn unknown(target: &Unknown, flight: &mut Flight, table: TableName, hook: Hook, choices: &mut Choices) -> Effect {
    match &*target.name {
        "CONNMARK" => {
            connection_mark(target, flight);
            return Effect::Changes;
        }
        "TTL" | "HL" => {
            flight.hop_limit = None;
            return Effect::Changes;
        }
        name if GO_ON.contains(&name) => return Effect::GoesOn,
        _ => {}
    }
    match choices.choose(3) {
        0 => Effect::GoesOn,
        1 => {
            if table == TableName::Nat && matches!(hook, Hook::Prerouting | Hook::Output) {
                flight.lose_destination();
                return Effect::Translates;
            }
            Effect::Accepts
        }
        _ => Effect::Drops,
    }
}

/// `CONNMARK`, in the words of `iptables-save`.
fn connection_mark(target: &Unknown, flight: &mut Flight) {
    if matches!(flight.state, State::Invalid | State::Untracked) {
        return;
    }
    let hex = |text: &str| u32::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    let after = |option: &str| {
        let at = target.words.iter().position(|word| &**word == option)?;
        target.words.get(at + 1).map(|word| &**word)
    };
    let mask = |option| after(option).and_then(hex).unwrap_or(u32::MAX);
    let (packet, connection) = (mask("--nfmask"), mask("--ctmask"));
    let has = |option: &str| target.words.iter().any(|word| &**word == option);
    if let Some((value, mask)) = after("--set-xmark").and_then(|text| text.split_once('/')) {
        if let (Some(value), Some(mask)) = (hex(value), hex(mask)) {
            flight.connection_mark = flight.connection_mark.map(|old| marked(old, MaskedMark { value, mask }));
        }
    } else if has("--save-mark") {
        let both = flight.connection_mark.zip(flight.mark);
        flight.connection_mark = both.map(|(old, mark)| (old & !connection) ^ (mark & packet));
    } else if has("--restore-mark") {
        let both = flight.mark.zip(flight.connection_mark);
        flight.mark = both.map(|(old, mark)| (old & !packet) ^ (mark & connection));
    }
}
