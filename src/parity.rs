//! What the two families of a policy treat differently: `cgwfw parity`.
//! Input: a compilation. Output: services that one family accepts and the other does not, and who decides that in each.
//!
//! Addresses are left out: a family accepts a service from or to all addresses, some, or none. Services have other numbers
//! in each family, and some only one of them has: these are not compared. What the policy itself says to be of one family
//! (`only`, an address) is told apart from what it may not mean.

mod compared;
mod disparity;
mod lines;
mod reasons;
mod services;

use std::collections::HashSet;

use self::compared::{Gathered, compare};
pub use self::disparity::{Disparity, Extent, InBoth};
pub use self::reasons::Reason;
use self::services::Service;
use crate::analyze::Analysis;
use crate::compile::Compilation;
use crate::iptables::ruleset::{Negatable, States};
use crate::net::{Both, Family, Interface};

/// What the families treat differently.
#[derive(Clone, Debug)]
pub struct Parity {
    /// The differences, findings first.
    pub all: Vec<Disparity>,
    /// Whether there are more than are told.
    pub cut: bool,
}

/// All states of connection tracking.
const ALL_STATES: States = States(0x1f);

/// What is compared beside what one family accepts and the other does not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compares {
    /// What one family accepts for all addresses, and the other for some.
    pub partly: bool,
    /// Packets of all states, not the first of connections alone.
    pub all_states: bool,
}

/// Compares the families. `None`, where it would take too long.
pub fn parity(compilation: &Compilation, compares: Compares) -> Option<Parity> {
    let packets = |service: Service, family: Family| {
        let mut packets = service.packets(family);
        packets.traffic.states = compares.all_states.then_some(Negatable::is(ALL_STATES));
        packets
    };
    let asked: Vec<(Service, Both<_>)> =
        Service::all().map(|service| (service, Both::of(|family| packets(service, family)))).collect();
    // Both know the same interfaces, by the same numbers.
    let names = interfaces(compilation);
    let mut analyses = Both::of(|family| {
        let packets = asked.iter().map(|(_, packets)| &packets[family]);
        Analysis::new(&compilation.rulesets[family], packets, names.iter().copied())
    });
    let mut found = Gathered::new(compilation, compares.partly);
    for (service, packets) in &asked {
        compare(&mut analyses, *service, packets, &mut found)?;
    }
    let (mut all, cut) = lines::told(found, &mut analyses);
    all.sort_by_key(|one| (!one.is_finding(), one.other != Extent::None, one.reason, one.accepts));
    Some(Parity { all, cut })
}

/// The interfaces that the policy declares or its rules name.
fn interfaces(compilation: &Compilation) -> Vec<Interface> {
    let mut names: Vec<Interface> = compilation.declarations.interfaces.iter().map(|declared| declared.name).collect();
    for rule in compilation.rulesets.iter().flat_map(|ruleset| &ruleset.tables).flat_map(|table| &table.rules) {
        let header = [rule.header.in_interface, rule.header.out_interface];
        names.extend(header.into_iter().flatten().map(|name| name.value));
    }
    let mut known = HashSet::new();
    names.retain(|name| known.insert(*name));
    names
}
