//! Interfaces that a policy does not declare.
//! Input: a packet. Output: remarks for people.

use crate::iptables::packet::{Packet, Way};
use crate::net::Interface;
use crate::origin::Rules;
use crate::resolve::suggest::did_you_mean;

/// Interfaces of a packet that its policy does not declare, though it declares others: most are slips of the pen.
pub fn undeclared(packet: &Packet, rules: Rules) -> Vec<String> {
    let Rules::Policy(compilation) = rules else { return Vec::new() };
    let declared: Vec<Interface> = compilation.declarations.interfaces.iter().map(|declared| declared.name).collect();
    let names = match packet.way {
        Way::In(name) | Way::Out(name) => vec![name],
        Way::Forward(from, to) => vec![from, to],
    };
    let known = |name: &Interface| name.name() == "lo" || declared.iter().any(|declared| declared.covers(name));
    let unknown = names.into_iter().filter(|name| !declared.is_empty() && !known(name));
    let note = |name: Interface| match did_you_mean(name.name(), declared.iter().map(Interface::name)) {
        Some(near) => format!("the policy declares no interface `{name}`; did you mean `{near}`?"),
        None => format!("the policy declares no interface `{name}`"),
    };
    unknown.map(note).collect()
}
