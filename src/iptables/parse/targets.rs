//! The options of a target, as a typed target.
//! Input: a target's name and options. Output: the target in the form of `iptables-save`.

use super::matches::{positive, twice};
use super::rule::{Choice, Extension};
use super::saved::no;
use super::untyped::untyped;
use super::values::{self, host_address, mark, small};
use super::{Fault, Word};
use crate::iptables::ruleset::{Log, MaskedMark, Nat, NatOptions, Nflog, RejectWith, Target};
use crate::net::{Family, PortRange, write_address};

/// The target of a rule: a verdict, an extension, or the name of a chain.
pub fn target(extension: &Extension, family: Family) -> Result<Target, Fault> {
    if extension.known.is_some() {
        for (index, choice) in extension.options.iter().enumerate() {
            positive(choice)?;
            if extension.options[..index].iter().any(|before| before.name == choice.name) {
                return Err(twice(choice));
            }
        }
    }
    // A range of ports that keeps the distance from a base port.
    let shifts = || extension.options.iter().flat_map(|choice| &choice.arguments).any(|word| word.text.contains('/'));
    Ok(match extension.name.as_str() {
        "ACCEPT" => Target::Accept,
        "DROP" => Target::Drop,
        "RETURN" => Target::Return,
        "REJECT" => Target::Reject(reject(extension, family)?),
        "LOG" => Target::Log(Box::new(log(extension)?)),
        "NFLOG" => Target::Nflog(Box::new(nflog(extension)?)),
        "TCPMSS" => match &extension.options[..] {
            [choice] if choice.name == "set-mss" => {
                // A packet has room for its IP header as well.
                let most = if family == Family::V4 { 65_515 } else { 65_495 };
                Target::TcpMss(Some(small(choice.argument()?, 0, most)?))
            }
            [_] => Target::TcpMss(None),
            [] => return Err(needs(extension, "write `--set-mss 1250` or `--clamp-mss-to-pmtu`")),
            [_, second, ..] => return Err(twice(second)),
        },
        "MASQUERADE" => Target::Masquerade(nat(extension, family)?.options),
        "REDIRECT" => Target::Redirect(nat(extension, family)?.options),
        "SNAT" => Target::Snat(Box::new(addressed(extension, family, "write `--to-source 192.0.2.1`")?)),
        "DNAT" if !shifts() => {
            Target::Dnat(Box::new(addressed(extension, family, "write `--to-destination 192.0.2.1:80`")?))
        }
        "MARK" => Target::Mark(set_mark(extension)?),
        "NOTRACK" => Target::NoTrack,
        "CT" if matches!(&extension.options[..], [choice] if choice.name == "notrack") => Target::NoTrack,
        _ if extension.known.is_none() && extension.options.is_empty() => {
            Target::Unresolved { chain: extension.name.as_str().into(), goto: false }
        }
        _ => Target::Unknown(untyped(extension, family)?),
    })
}

fn needs(extension: &Extension, help: &str) -> Fault {
    let message = format!("`-j {}` needs an option", extension.name);
    Fault::new(extension.span.clone(), message, "the option is missing", help)
}

fn reject(extension: &Extension, family: Family) -> Result<RejectWith, Fault> {
    let Some(choice) = extension.options.first() else { return Ok(RejectWith::PortUnreachable) };
    let word = choice.argument()?;
    RejectWith::from_name(&word.text, family).ok_or_else(|| {
        let other = RejectWith::from_name(&word.text, family.other());
        let help = match other.and_then(|with| with.name(family)) {
            Some(name) => format!("in {} rules write `{name}`", family.name()),
            None => {
                let names: Vec<_> = RejectWith::ALL.iter().filter_map(|with| with.name(family)).collect();
                format!("the answers are {}", names.join(", "))
            }
        };
        let label = if other.is_some() { "an answer of the other family" } else { "an answer belongs here" };
        Fault::new(word.span.clone(), format!("REJECT has no `{}` in {}", word.text, family.name()), label, help)
    })
}

fn log(extension: &Extension) -> Result<Log, Fault> {
    let mut log = Log::default();
    for choice in &extension.options {
        match choice.name.as_str() {
            "log-prefix" => log.prefix = prefix(choice)?,
            "log-level" => {
                let word = choice.argument()?;
                let named = Log::LEVELS.iter().find(|(name, _)| *name == word.text);
                let level = match named {
                    Some((_, level)) => *level,
                    None => small(word, 0, 7)?,
                };
                log.level = (level != Log::DEFAULT_LEVEL).then_some(level);
            }
            _ => {}
        }
    }
    for flag in Log::FLAGS {
        if extension.options.iter().any(|choice| choice.name == *flag) {
            log.flags.push((*flag).into());
        }
    }
    Ok(log)
}

fn prefix(choice: &Choice) -> Result<Box<str>, Fault> {
    let word = choice.argument()?;
    if word.text.is_empty() {
        return Err(Fault::new(
            word.span.clone(),
            "the prefix is empty",
            "iptables refuses it",
            "write some text, or leave the option out",
        ));
    }
    Ok(word.text.as_str().into())
}

fn nflog(extension: &Extension) -> Result<Nflog, Fault> {
    let mut nflog = Nflog::default();
    let mut tuning = [None; 3];
    for choice in &extension.options {
        let word = choice.argument()?;
        match choice.name.as_str() {
            "nflog-prefix" => nflog.prefix = prefix(choice)?,
            "nflog-group" => nflog.group = small(word, 0, 65_535)?,
            "nflog-range" => tuning[0] = Some(small(word, 0, u64::from(u32::MAX))?),
            "nflog-size" => tuning[1] = Some(small(word, 0, u64::from(u32::MAX))?),
            _ => tuning[2] = Some(small(word, 0, 65_535)?),
        }
    }
    // The kernel ignores a range, and iptables-nft does not even store it.
    tuning[2] = tuning[2].filter(|threshold| *threshold > 0);
    if let (Some(_), Some(_)) = (tuning[0], tuning[1]) {
        return Err(Fault::new(
            extension.span.clone(),
            "`--nflog-range` and `--nflog-size` exclude each other",
            "both stand here",
            "leave `--nflog-range` out: the kernel ignores it",
        ));
    }
    let names = ["nflog-range", "nflog-size", "nflog-threshold"];
    nflog.tuning =
        names.into_iter().zip(tuning).filter_map(|(name, value)| value.map(|value| (name.into(), value))).collect();
    Ok(nflog)
}

/// A NAT target's options; the address only where its target has one.
fn nat(extension: &Extension, family: Family) -> Result<Nat, Fault> {
    let mut nat = Nat { addresses: None, options: NatOptions::default() };
    for choice in &extension.options {
        match choice.name.as_str() {
            "random" => nat.options.random = true,
            "random-fully" => nat.options.random_fully = true,
            "persistent" => nat.options.persistent = true,
            "to-ports" => nat.options.ports = Some(nat_ports(choice, &choice.argument()?.text)?),
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
                    nat.options.ports = Some(nat_ports(choice, ports)?);
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

fn addressed(extension: &Extension, family: Family, help: &str) -> Result<Nat, Fault> {
    if !extension.options.iter().any(|choice| choice.name.starts_with("to-")) {
        return Err(needs(extension, help));
    }
    nat(extension, family)
}

fn bad_nat(choice: &Choice, family: Family) -> Fault {
    let help = match family {
        Family::V4 => "write an address, a range `192.0.2.1-192.0.2.9`, or either with ports: `192.0.2.1:80`",
        Family::V6 => {
            "write an address, a range `2001:db8::1-2001:db8::9`, or either in brackets with ports: `[2001:db8::1]:80`"
        }
    };
    let text = choice.arguments.first().map_or("", |word| &word.text);
    Fault::new(choice.span.clone(), format!("`{text}` is no {} address to translate to", family.name()), "here", help)
}

fn nat_ports(choice: &Choice, text: &str) -> Result<PortRange, Fault> {
    let (start, end) = text.split_once('-').unwrap_or((text, text));
    match values::port(start).zip(values::port(end)) {
        Some((start, end)) if start <= end && start > 0 => Ok(PortRange { start, end }),
        _ => Err(Fault::new(
            choice.span.clone(),
            format!("`{text}` is no port to translate to"),
            "ports belong here",
            "write a number from 1 to 65535, or a range with a dash: `1024-65535`",
        )),
    }
}

/// The one `--set-xmark` that each of the options stands for.
fn xmark(choice: &Choice) -> Result<MaskedMark, Fault> {
    let (value, mask) = mark(choice.argument()?)?;
    if mask.is_some() && !choice.name.starts_with("set-") {
        return Err(Fault::new(choice.span.clone(), "this option takes no mask", "here", "write the number alone"));
    }
    Ok(match choice.name.as_str() {
        "set-mark" => MaskedMark { value, mask: mask.map_or(u32::MAX, |mask| value | mask) },
        "and-mark" => MaskedMark { value: 0, mask: !value },
        "or-mark" => MaskedMark { value, mask: value },
        "xor-mark" => MaskedMark { value, mask: 0 },
        _ => MaskedMark { value, mask: mask.unwrap_or(u32::MAX) },
    })
}

fn set_mark(extension: &Extension) -> Result<MaskedMark, Fault> {
    match &extension.options[..] {
        [choice] => xmark(choice),
        [] => Err(needs(extension, "write `--set-mark 0x1`")),
        [_, second, ..] => Err(twice(second)),
    }
}

/// `ADDRESS:PORTS/BASE` of DNAT: the ports keep their distance from a base port.
pub fn shifted(word: &Word, family: Family) -> Result<String, Fault> {
    let wrong = || {
        let help = match family {
            Family::V4 => "write addresses, a range of ports and the base port: `192.0.2.1:8080-8090/80`",
            Family::V6 => "write addresses, a range of ports and the base port: `[2001:db8::1]:8080-8090/80`",
        };
        no(word, "destination with a base port", help)
    };
    let (rest, base) = word.text.rsplit_once('/').ok_or_else(wrong)?;
    let (addresses, ports) = rest.rsplit_once(':').ok_or_else(wrong)?;
    let port = |text: &str| values::port(text).filter(|port| *port > 0);
    let (first, last) = ports.split_once('-').and_then(|(a, b)| port(a).zip(port(b))).ok_or_else(wrong)?;
    let base = port(base).filter(|_| first <= last).ok_or_else(wrong)?;
    let bare = match family {
        Family::V4 => Some(addresses),
        Family::V6 if addresses.is_empty() => Some(addresses),
        Family::V6 => addresses.strip_prefix('[').and_then(|addresses| addresses.strip_suffix(']')),
    };
    let mut text = String::new();
    for (index, address) in bare.ok_or_else(wrong)?.split('-').filter(|address| !address.is_empty()).enumerate() {
        text.push_str(if index > 0 { "-" } else { "" });
        write_address(host_address(address, family).filter(|_| index < 2).ok_or_else(wrong)?, &mut text);
    }
    if family == Family::V6 && !text.is_empty() {
        text = format!("[{text}]");
    }
    Ok(format!("{text}:{first}-{last}/{base}"))
}
