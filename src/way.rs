//! The steps of a packet's way through the kernel, in order, as data: what the kernel does of its own is said here alone.
//! Input: the rules of a family. Output: lists of steps. The simulator reads them forwards, packet sets backwards.

mod discard;
mod tracking;
mod wire;

pub use self::discard::{Discard, Discards};
pub use self::tracking::{FirstStates, first_state, first_states};
pub use self::wire::{Wire, impossible};

use crate::iptables::meaning::{Condition, Field, Term, name_number, reassembles, state_number, tracks, translates};
use crate::iptables::packet::State;
use crate::iptables::ruleset::{Hook, Ruleset, Table, TableName};
use crate::net::{Family, Interface, Protocol};

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    /// The kernel discards what meets a condition, the first that holds.
    Discard(&'static Discards),
    /// The pieces of a packet are put together.
    Reassemble,
    /// The state is the one that was found when the packet was sent.
    Recall(&'static FirstStates),
    /// Connection tracking finds a state, unless a rule has taken the packet out of it: the one that is known of the
    /// packet, else that of the first of a flow.
    Track {
        /// The states of first packets.
        first: &'static FirstStates,
    },
    /// Fields that are those of its connection from here on, of which packets: the packet alone does not tell them.
    Inherit(Vec<(Condition, Field)>),
    /// A table's chain at a hook.
    Table(TableName, Hook),
    /// A step of some packets.
    Only(Condition, Box<Step>),
    /// Rules see the interface that the packet leaves by, as the routing decision before has it.
    Leave,
    /// What has another mark, or another destination, than it was routed with is routed a second time: rules see the
    /// interface from here on.
    RouteAgain {
        /// Whether rules may give what the gateway sends another destination, later packets of a connection as well.
        translates: bool,
    },
    /// A field becomes another.
    Assign(Field, Term),
}

/// The ways of a family's packets, in parts.
#[derive(Clone, Debug)]
pub struct Ways {
    /// What comes in, up to the routing decision.
    pub arriving: Vec<Step>,
    /// What is for the gateway itself, from there on.
    pub local: Vec<Step>,
    /// What is routed on, from there on.
    pub forwarded: Vec<Step>,
    /// What the gateway itself sends.
    pub sent: Vec<Step>,
}

/// The ways of the packets that meet these rules.
pub fn ways(ruleset: &Ruleset) -> Ways {
    let family = ruleset.family;
    let tracked = tracks(ruleset);
    let reassembled = reassembles(ruleset).then_some(Step::Reassemble);

    let mut arriving = Vec::new();
    if family == Family::V6 {
        arriving.push(Step::Discard(Discards::on_arrival(family)));
    }
    arriving.extend(reassembled.clone());
    if tracked {
        // It was tracked when it was sent: raw sees the state, and cannot undo it.
        arriving.push(Step::Only(on_lo(), Box::new(Step::Recall(first_states(family, false)))));
    }
    arriving.push(Step::Table(TableName::Raw, Hook::Prerouting));
    if tracked {
        arriving.extend(track(family, false));
    }
    arriving.push(Step::Table(TableName::Mangle, Hook::Prerouting));
    arriving.extend(inherit_translation(ruleset));
    arriving.push(nat(family, Hook::Prerouting));
    arriving.push(Step::Discard(Discards::by_routing(family)));

    let mut local = Vec::new();
    if family == Family::V4 {
        // `ip_local_deliver`; IPv6 does it after INPUT.
        local.push(Step::Reassemble);
    }
    let tables = [TableName::Mangle, TableName::Filter, TableName::Security];
    local.extend(tables.map(|table| Step::Table(table, Hook::Input)));
    local.push(nat(family, Hook::Input));

    let mut forwarded = vec![
        Step::Discard(Discards::of_forwarded(family)),
        Step::Leave,
        Step::Assign(Field::HopLimit, Term::Shift(-1)),
    ];
    forwarded.extend(tables.map(|table| Step::Table(table, Hook::Forward)));
    forwarded.push(Step::Table(TableName::Mangle, Hook::Postrouting));
    forwarded.push(nat(family, Hook::Postrouting));

    let mut sent = vec![Step::Leave];
    sent.extend(reassembled);
    sent.push(Step::Table(TableName::Raw, Hook::Output));
    if tracked {
        sent.extend(track(family, true));
    }
    sent.push(Step::Table(TableName::Mangle, Hook::Output));
    sent.extend(inherit_translation(ruleset));
    sent.push(nat(family, Hook::Output));
    sent.push(Step::Table(TableName::Filter, Hook::Output));
    sent.push(Step::Table(TableName::Security, Hook::Output));
    // After mangle and nat (`ip_route_me_harder`); the filter's OUTPUT still sees the interface of the first time.
    let of_output = |table: &Table| table.rules.iter().any(|rule| table.chain_name(rule.chain) == Hook::Output.chain());
    sent.push(Step::RouteAgain { translates: ruleset.table(TableName::Nat).is_some_and(of_output) });
    sent.push(Step::Table(TableName::Mangle, Hook::Postrouting));
    sent.push(nat(family, Hook::Postrouting));
    Ways { arriving, local, forwarded, sent }
}

/// The packet comes in by `lo`, that is from OUTPUT and POSTROUTING.
fn on_lo() -> Condition {
    let lo = Interface::new("lo").expect("a short name");
    Condition::equal(Field::InInterface, name_number(lo))
}

fn is_icmp(family: Family) -> Condition {
    Condition::equal(Field::Protocol, Protocol::icmp(family).0)
}

fn is_state(state: State) -> Condition {
    Condition::equal(Field::State, state_number(state))
}

/// The nat table: only what may begin a connection meets it, and on `lo` only when it is sent.
fn nat(family: Family, hook: Hook) -> Step {
    let begins = Condition::any([is_state(State::New), Condition::all([is_state(State::Related), !is_icmp(family)])]);
    Step::Only(Condition::all([begins, !on_lo()]), Box::new(Step::Table(TableName::Nat, hook)))
}

/// Connection tracking, and the mark of a connection that it knows.
fn track(family: Family, sent: bool) -> [Step; 2] {
    let known = Condition::any([is_state(State::Established), is_state(State::Related)]);
    [Step::Track { first: first_states(family, sent) }, Step::Inherit(vec![(known, Field::ConnectionMark)])]
}

/// Where the nat table is: what is known already is translated as the first packet of its connection was.
fn inherit_translation(ruleset: &Ruleset) -> Option<Step> {
    let later = Condition::any([
        is_state(State::Established),
        Condition::all([is_state(State::Related), is_icmp(ruleset.family)]),
    ]);
    let later = Condition::all([later, !on_lo()]);
    let fields = [Field::Destination, Field::DestinationPort, Field::DestinationType];
    translates(ruleset).then(|| Step::Inherit(fields.map(|field| (later.clone(), field)).to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hooks(steps: &[Step]) -> Vec<(TableName, Hook)> {
        let table = |step: &Step| match step {
            Step::Table(table, hook) => Some((*table, *hook)),
            Step::Only(_, inner) => match **inner {
                Step::Table(table, hook) => Some((table, hook)),
                _ => None,
            },
            _ => None,
        };
        steps.iter().filter_map(table).collect()
    }

    #[test]
    fn every_chain_of_the_kernel_is_on_some_way() {
        let ways = ways(&Ruleset::new(Family::V4));
        let all: Vec<_> = [&ways.arriving, &ways.local, &ways.forwarded, &ways.sent].map(|steps| hooks(steps)).concat();
        for table in TableName::ALL {
            for hook in Hook::ALL {
                let there = table.built_in_chains().contains(&hook.chain());
                assert_eq!(all.contains(&(table, hook)), there, "{table:?} {hook:?}");
            }
        }
    }
}
