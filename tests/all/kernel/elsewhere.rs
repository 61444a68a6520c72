//! What is translated to another host goes there: the addresses of DNAT and NETMAP, led out of a device.
//! Input: rules. Output: networks to be led elsewhere, or none where one of them cannot be.

use std::net::IpAddr;

use cgwfw::iptables::ruleset::{Ruleset, Target};
use cgwfw::net::{Both, Family, Interface, Prefix};

use crate::kernel::devices::is_own;

/// The device that leads to the other hosts. No rule names it.
pub fn device() -> Interface {
    Interface::new("other0").expect("a short name")
}

/// The longest range of addresses that is led elsewhere one by one.
const MAX_RANGE: u128 = 16;

/// The networks that destinations are translated to; none at all where one of them is of no other host.
pub fn networks(rulesets: &Both<Ruleset>) -> Vec<Prefix> {
    let rules = rulesets.iter().flat_map(|ruleset| &ruleset.tables).flat_map(|table| &table.rules);
    let mut all = Vec::new();
    for rule in rules {
        let found = match &rule.target {
            Target::Dnat(nat) => match nat.addresses {
                Some((first, last)) => hosts(first, last),
                None => continue,
            },
            Target::Netmap(network) => Some(vec![**network]),
            _ => continue,
        };
        let Some(found) = found.filter(|found| found.iter().all(is_elsewhere)) else { return Vec::new() };
        all.extend(found);
    }
    all.sort_by_key(Prefix::address);
    all.dedup();
    all
}

fn hosts(first: IpAddr, last: IpAddr) -> Option<Vec<Prefix>> {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    let address = |number: u128| match Family::of(first) {
        Family::V4 => IpAddr::V4((number as u32).into()),
        Family::V6 => IpAddr::V6(number.into()),
    };
    let (first, last) = (number(first), number(last));
    (last - first < MAX_RANGE).then(|| (first..=last).map(|number| Prefix::host(address(number))).collect())
}

fn is_elsewhere(network: &Prefix) -> bool {
    let address = network.address();
    let special = match address {
        IpAddr::V4(address) => address.is_broadcast() || address.octets()[0] == 0 || address.octets()[0] >= 240,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let long = network.length() >= 8;
    long && !special
        && !address.is_loopback()
        && !address.is_multicast()
        && !address.is_unspecified()
        && !is_own(address)
}

/// Whether an address is in one of some networks.
pub fn holds(networks: &[Prefix], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&Prefix::host(address)))
}
