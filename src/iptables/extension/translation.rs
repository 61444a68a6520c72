//! Targets that translate addresses and ports.
//! Input: their options, or their values. Output: the value as a save has it, its text, what is wrong with it.

use crate::iptables::extension::row::{Row, demand, flag, target, typed};
use crate::iptables::extension::written::{Spelling, Written, WrittenOption, needs};
use crate::iptables::fault::Fault;
use crate::iptables::hooks::Hooks;
use crate::iptables::problem::{Kind, Problem, RulePlace, problem, vain};
use crate::iptables::ruleset::{Nat, NatOptions, Part, TableName, Target};
use crate::iptables::text::saved::{length, no};
use crate::iptables::text::values::{self, host_address, number};
use crate::iptables::text::words::Word;
use crate::iptables::text::write;
use crate::net::{Family, PortRange, Prefix, write_address};
use crate::services::debian::Listed;

const INBOUND: Hooks = Hooks::PREROUTING.and(Hooks::OUTPUT);
const OUTBOUND: Hooks = Hooks::INPUT.and(Hooks::POSTROUTING);
const NAT: &[TableName] = &[TableName::Nat];

const RANDOM: Spelling = flag("random");
const FULLY: Spelling = flag("random-fully");
const PERSISTENT: Spelling = flag("persistent");

/// `-j MASQUERADE`
pub static MASQUERADE: Row<Target> = target("MASQUERADE", &[typed("to-ports"), RANDOM, FULLY])
    .typed(
        |written, reading| Ok(Target::Masquerade(read_nat(written, reading.family)?.options)),
        |one, _, out| {
            if let Target::Masquerade(options) = one {
                print_options(options, out);
            }
        },
    )
    .demands(&[demand().tables(NAT).hooks(Hooks::POSTROUTING)])
    .checked(|one, _, place, problems| {
        if let Target::Masquerade(options) = one
            && place.table == TableName::Nat
        {
            check_ports(options, "--to-ports", place, problems);
        }
    })
    .tracks();

/// `-j REDIRECT`
pub static REDIRECT: Row<Target> = target("REDIRECT", &[typed("to-ports"), RANDOM])
    .typed(
        |written, reading| Ok(Target::Redirect(read_nat(written, reading.family)?.options)),
        |one, _, out| {
            if let Target::Redirect(options) = one {
                print_options(options, out);
            }
        },
    )
    .demands(&[demand().tables(NAT).hooks(INBOUND)])
    .checked(|one, _, place, problems| {
        if let Target::Redirect(options) = one
            && place.table == TableName::Nat
        {
            check_ports(options, "--to-ports", place, problems);
        }
    })
    .tracks();

/// `-j SNAT`
pub static SNAT: Row<Target> = target("SNAT", &[typed("to-source"), RANDOM, FULLY, PERSISTENT])
    .typed(
        |written, reading| {
            let nat = addressed(written, reading.family, "write `--to-source 192.0.2.1`")?;
            Ok(Target::Snat(Box::new(nat)))
        },
        |one, _, out| {
            if let Target::Snat(nat) = one {
                print_nat(" --to-source ", nat, out);
            }
        },
    )
    .demands(&[demand().tables(NAT).hooks(OUTBOUND)])
    .checked(|one, _, place, problems| {
        if let Target::Snat(nat) = one
            && place.table == TableName::Nat
        {
            check_translation(nat, "--to-source", place, problems);
        }
    })
    .tracks();

/// `-j DNAT`
pub static DNAT: Row<Target> = target("DNAT", &[typed("to-destination"), RANDOM, PERSISTENT])
    .typed(
        |written, reading| {
            let nat = addressed(written, reading.family, "write `--to-destination 192.0.2.1:80`")?;
            Ok(Target::Dnat(Box::new(nat)))
        },
        |one, _, out| {
            if let Target::Dnat(nat) = one {
                print_nat(" --to-destination ", nat, out);
            }
        },
    )
    .demands(&[demand().tables(NAT).hooks(INBOUND)])
    .checked(|one, _, place, problems| {
        if let Target::Dnat(nat) = one
            && place.table == TableName::Nat
        {
            check_translation(nat, "--to-destination", place, problems);
        }
    })
    .tracks();

/// `-j NETMAP`
pub static NETMAP: Row<Target> = target("NETMAP", &[typed("to")])
    .typed(
        |written, reading| {
            let choice = written.options.first().ok_or_else(|| needs(written, "write `--to 192.0.2.0/24`"))?;
            Ok(Target::Netmap(Box::new(network(choice.argument()?, reading.family)?)))
        },
        |one, _, out| {
            if let Target::Netmap(network) = one {
                out.push_str(" --to ");
                out.push_str(&network.to_string());
            }
        },
    )
    .demands(&[demand().tables(NAT)])
    .tracks();

/// The targets of this file.
pub static TARGETS: &[&Row<Target>] = &[&MASQUERADE, &SNAT, &DNAT, &REDIRECT, &NETMAP];

/// A NAT target's options; the address only where its target has one.
fn read_nat(written: &Written, family: Family) -> Result<Nat, Fault> {
    let mut nat = Nat { addresses: None, options: NatOptions::default() };
    for choice in &written.options {
        match choice.name.as_str() {
            "random" => nat.options.random = true,
            "random-fully" => nat.options.random_fully = true,
            "persistent" => nat.options.persistent = true,
            "to-ports" => nat.options.ports = Some(read_ports(choice, &choice.argument()?.text)?),
            _ => {
                let text = choice.argument()?.text.as_str();
                let (addresses, ports) = match family {
                    Family::V4 => text.split_once(':').map_or((text, None), |(a, b)| (a, Some(b))),
                    Family::V6 => match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
                        Some((addresses, "")) => (addresses, None),
                        Some((addresses, rest)) => (addresses, Some(rest.strip_prefix(':').unwrap_or("?"))),
                        // One colon is a port's, more are the address's.
                        None if text.matches(':').count() == 1 => {
                            text.split_once(':').map_or((text, None), |(a, b)| (a, Some(b)))
                        }
                        None => (text, None),
                    },
                };
                if let Some(ports) = ports {
                    // `7000-7010/6000`: only DNAT has a base, and only a range may have one.
                    let shifted = ports.split_once('/').filter(|_| choice.name == "to-destination");
                    let (range, base) = shifted.map_or((ports, None), |(range, base)| (range, Some(base)));
                    nat.options.ports = Some(read_ports(choice, range)?);
                    nat.options.base = base.map(|base| base_port(choice, range, base)).transpose()?;
                }
                if !addresses.is_empty() {
                    let (first, last) = addresses.split_once('-').unwrap_or((addresses, addresses));
                    let range = host_address(first, family).zip(host_address(last, family));
                    nat.addresses = Some(range.ok_or_else(|| bad_nat(choice, family))?);
                } else if ports.is_none() {
                    return Err(bad_nat(choice, family));
                }
            }
        }
    }
    Ok(nat)
}

fn addressed(written: &Written, family: Family, help: &str) -> Result<Nat, Fault> {
    if !written.options.iter().any(|choice| choice.name.starts_with("to-")) {
        return Err(needs(written, help));
    }
    read_nat(written, family)
}

fn bad_nat(choice: &WrittenOption, family: Family) -> Fault {
    let help = match family {
        Family::V4 => "write an address, a range `192.0.2.1-192.0.2.9`, or either with ports: `192.0.2.1:80`",
        Family::V6 => {
            "write an address, a range `2001:db8::1-2001:db8::9`, or either in brackets with ports: `[2001:db8::1]:80`"
        }
    };
    let text = choice.arguments.first().map_or("", |word| &word.text);
    Fault::new(choice.span.clone(), format!("`{text}` is no {} address to translate to", family.name()), "here", help)
}

fn read_ports(choice: &WrittenOption, text: &str) -> Result<PortRange, Fault> {
    // A name may have a dash, and no name may be in a range.
    let plain = |text: &str| number(text).filter(|_| !text.is_empty()).and_then(|port| u16::try_from(port).ok());
    let read = match text.split_once('-').filter(|(start, _)| plain(start).is_some()) {
        Some((start, end)) => plain(start).zip(plain(end)),
        None => values::port(text, Listed::Any).map(|port| (port, port)),
    };
    match read {
        Some((start, end)) if start <= end => Ok(PortRange { start, end }),
        _ => Err(Fault::new(
            choice.span.clone(),
            format!("`{text}` is no port to translate to"),
            "ports belong here",
            "write a number up to 65535, the name of a service, or a range of numbers: `1024-65535`",
        )),
    }
}

/// The base port of `7000-7010/6000`: a range keeps the distance of each port from it.
fn base_port(choice: &WrittenOption, range: &str, base: &str) -> Result<u16, Fault> {
    values::port(base, Listed::Any).filter(|port| *port > 0 && range.contains('-')).ok_or_else(|| {
        Fault::new(
            choice.span.clone(),
            format!("`{range}/{base}` is not a range of ports with a base port"),
            "ports belong here",
            "write the new ports and the first of the old ones: `192.0.2.1:8080-8090/80`",
        )
    })
}

/// A network to map to; host bits are cut off.
fn network(word: &Word, family: Family) -> Result<Prefix, Fault> {
    let (text, bits) = match word.text.split_once('/') {
        Some((text, bits)) => (text, Some(bits)),
        None => (word.text.as_str(), None),
    };
    let length = bits.map_or(Ok(family.bits()), |bits| {
        // The loaders take a larger length for the largest.
        length(word, bits, family).map_err(|fault| if number(bits).is_some() { fault.that_loads() } else { fault })
    })?;
    let network = host_address(text, family).and_then(|host| Prefix::containing(host, length));
    let help = "write a network with its length: `192.0.2.0/24`, `2001:db8::/64`";
    network.ok_or_else(|| no(word, &format!("{} network", family.name()), help))
}

fn print_options(options: &NatOptions, out: &mut String) {
    if let Some(range) = options.ports {
        out.push_str(" --to-ports ");
        print_ports(range, out);
    }
    print_flags(options, out);
}

fn print_nat(option: &str, nat: &Nat, out: &mut String) {
    out.push_str(option);
    if let Some((first, last)) = nat.addresses {
        let brackets = first.is_ipv6() && nat.options.ports.is_some();
        if brackets {
            out.push('[');
        }
        write_address(first, out);
        if last != first {
            out.push('-');
            write_address(last, out);
        }
        if brackets {
            out.push(']');
        }
    }
    if let Some(range) = nat.options.ports {
        out.push(':');
        print_ports(range, out);
        if let Some(base) = nat.options.base {
            out.push('/');
            write::number(base.into(), out);
        }
    }
    print_flags(&nat.options, out);
}

fn print_ports(range: PortRange, out: &mut String) {
    write::number(range.start.into(), out);
    if !range.is_single() {
        out.push('-');
        write::number(range.end.into(), out);
    }
}

fn print_flags(options: &NatOptions, out: &mut String) {
    for (set, option) in [
        (options.random, " --random"),
        (options.random_fully, " --random-fully"),
        (options.persistent, " --persistent"),
    ] {
        if set {
            out.push_str(option);
        }
    }
}

fn check_translation(nat: &Nat, option: &str, place: &RulePlace, problems: &mut Vec<Problem>) {
    match nat.addresses {
        Some((first, last)) if first.is_ipv4() != (place.family == Family::V4) || first.is_ipv4() != last.is_ipv4() => {
            let message = format!("`{option}` needs an {} address here", place.family.name());
            let help = "write an address of the rule's own family";
            problems.push(problem(Part::Target, Kind::Address, message, "the other family", help));
        }
        Some((first, last)) if first > last => {
            let help = format!("write `{last}-{first}`");
            let message = "the range of addresses ends before it starts";
            problems.push(vain(problem(Part::Target, Kind::Target, message, "translates to nowhere", help)));
        }
        None if nat.options.ports.is_none() => {
            let help = format!("write `{option}` with an address, with ports, or with both");
            problems.push(problem(Part::Target, Kind::Target, "nothing to translate to", "here", help));
        }
        _ => {}
    }
    check_ports(&nat.options, option, place, problems);
}

fn check_ports(options: &NatOptions, option: &str, place: &RulePlace, problems: &mut Vec<Problem>) {
    if options.ports.is_none() {
        return;
    }
    let message = format!("ports in `{option}` need `-p tcp`, `-p udp` or `-p sctp`");
    let help = "write `-p tcp` before it, or leave the ports out";
    match place.header.protocol {
        None => problems.push(problem(Part::Target, Kind::Protocol, message, "the rule names no protocol", help)),
        Some(protocol) if protocol.negated || !protocol.value.has_ports() => {
            problems.push(vain(problem(Part::Target, Kind::Protocol, message, "no protocol with ports", help)));
        }
        Some(_) => {}
    }
}
