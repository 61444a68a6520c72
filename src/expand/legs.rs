//! The ways of a sentence's traffic through the chains.
//! Input: the directions and interfaces of a `Traffic`. Output: legs, one for each rule that a direction needs.

use std::sync::Arc;

use crate::iptables::ruleset::PolicyDirection;
use crate::policy::Traffic;
use crate::snippet::signature::{OpenDirection, TrafficRules};

/// One way of a packet: a chain, and on which side of it each interface and the peer are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The chain; `None`: the one that the template names.
    pub chain: Option<Arc<str>>,
    /// What `-i` gets.
    pub in_interface: Side,
    /// What `-o` gets.
    pub out_interface: Side,
    /// Where the peer is.
    pub peer: PeerSide,
    /// The directions of `-m policy` that it can have.
    pub policies: Vec<PolicyDirection>,
}

/// Which interfaces a side of a leg gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// None.
    Any,
    /// Those of `on`.
    On,
    /// Those of `forward in on`.
    InOn,
    /// Those of `forward out on`.
    OutOn,
}

/// Where the peer is in a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerSide {
    /// The packet comes from the peer.
    Source,
    /// The packet goes to the peer.
    Destination,
}

/// The legs of a sentence's traffic.
pub fn legs(traffic: &Traffic, rules: &TrafficRules) -> Vec<Leg> {
    let [input, output, forward] = &rules.chains;
    let leg = |chain: &Arc<str>, in_interface, out_interface, peer, policies: &[PolicyDirection]| Leg {
        chain: Some(chain.clone()),
        in_interface,
        out_interface,
        peer,
        policies: policies.to_vec(),
    };
    let (to, from) = (&[PolicyDirection::In][..], &[PolicyDirection::Out][..]);
    let both = &[PolicyDirection::In, PolicyDirection::Out][..];
    let mut legs = Vec::new();
    if rules.open == OpenDirection::None {
        let leg = Leg {
            chain: None,
            in_interface: Side::Any,
            out_interface: Side::Any,
            peer: PeerSide::Source,
            policies: both.to_vec(),
        };
        return vec![leg];
    }
    if traffic.directions.input {
        legs.push(leg(input, Side::On, Side::Any, PeerSide::Source, to));
    }
    if traffic.directions.output {
        legs.push(leg(output, Side::Any, Side::On, PeerSide::Destination, from));
    }
    if traffic.directions.forward {
        let way = |in_side, out_side| leg(forward, in_side, out_side, PeerSide::Source, both);
        if traffic.on.is_any() {
            legs.push(way(Side::InOn, Side::OutOn));
        } else if traffic.on.negated {
            // Neither in nor out: one rule with both.
            legs.push(way(Side::On, Side::On));
        } else {
            legs.push(way(Side::On, Side::Any));
            legs.push(way(Side::Any, Side::On));
        }
    }
    legs
}
