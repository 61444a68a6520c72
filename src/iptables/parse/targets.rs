//! The options of a target, as a typed target.
//! Input: a target's name and options. Output: the target in the form of `iptables-save`.

use super::Fault;
use super::matches::{positive, twice};
use super::rule::{Choice, Extension};
use super::untyped::{dscp_class, raw, tos_name};
use super::values::{self, host_address, mark, number, number_in, small};
use crate::iptables::ruleset::{Log, MaskedMark, Nat, NatOptions, Nflog, RejectWith, Target, Unknown};
use crate::net::{Family, PortRange, Prefix};

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
    Ok(match extension.name.as_str() {
        "ACCEPT" => Target::Accept,
        "DROP" => Target::Drop,
        "RETURN" => Target::Return,
        "REJECT" => Target::Reject(reject(extension, family)?),
        "LOG" => Target::Log(Box::new(log(extension)?)),
        "NFLOG" => Target::Nflog(Box::new(nflog(extension)?)),
        "TCPMSS" => match &extension.options[..] {
            [choice] if choice.name == "set-mss" => Target::TcpMss(Some(small(choice.argument()?, 0, 65_535)?)),
            [_] => Target::TcpMss(None),
            [] => return Err(needs(extension, "write `--set-mss 1250` or `--clamp-mss-to-pmtu`")),
            [_, second, ..] => return Err(twice(second)),
        },
        "MASQUERADE" => Target::Masquerade(nat(extension, family)?.options),
        "REDIRECT" => Target::Redirect(nat(extension, family)?.options),
        "SNAT" => Target::Snat(Box::new(addressed(extension, family, "write `--to-source 192.0.2.1`")?)),
        // A range of ports that keeps the distance from a base port.
        "DNAT"
            if extension.options.iter().any(|choice| choice.arguments.iter().any(|word| word.text.contains('/'))) =>
        {
            ordered(extension)
        }
        "DNAT" => Target::Dnat(Box::new(addressed(extension, family, "write `--to-destination 192.0.2.1:80`")?)),
        "MARK" => Target::Mark(set_mark(extension)?),
        "NOTRACK" => Target::NoTrack,
        "CT" => match &extension.options[..] {
            [choice] if choice.name == "notrack" => Target::NoTrack,
            _ => ordered(extension),
        },
        _ if extension.known.is_none() && extension.options.is_empty() => Target::Jump(extension.name.as_str().into()),
        "CONNMARK" => conn_mark(extension)?,
        "TTL" | "HL" => {
            let choice = single(extension)?;
            let least = u64::from(!choice.name.ends_with("-set"));
            words(extension, vec![dashed(choice), number_in(choice.argument()?, least, 255)?.to_string()])
        }
        "DSCP" => {
            let choice = single(extension)?;
            let word = choice.argument()?;
            let value = match choice.name.as_str() {
                "set-dscp" => small(word, 0, 63)?,
                _ => dscp_class(&word.text).ok_or_else(|| {
                    let message = format!("`{}` is no class", word.text);
                    Fault::new(word.span.clone(), message, "here", "write `EF`, `BE`, `CS1` or `AF11`")
                })?,
            };
            words(extension, vec!["--set-dscp".into(), format!("0x{value:02x}")])
        }
        "TOS" => tos(extension)?,
        "NETMAP" => netmap(extension, family)?,
        "CLASSIFY" => {
            let word = single(extension)?.argument()?;
            let parts = word.text.split_once(':');
            let hexadecimal = |text: &str| u16::from_str_radix(text, 16).ok();
            let (major, minor) = parts.and_then(|(a, b)| hexadecimal(a).zip(hexadecimal(b))).ok_or_else(|| {
                let message = format!("`{}` is no class", word.text);
                Fault::new(word.span.clone(), message, "here", "write two hexadecimal numbers: `1:10`")
            })?;
            words(extension, vec!["--set-class".into(), format!("{major:04x}:{minor:04x}")])
        }
        "NFQUEUE" => nfqueue(extension)?,
        _ => ordered(extension),
    })
}

fn needs(extension: &Extension, help: &str) -> Fault {
    let message = format!("`-j {}` needs an option", extension.name);
    Fault::new(extension.span.clone(), message, "the option is missing", help)
}

fn single(extension: &Extension) -> Result<&Choice, Fault> {
    match &extension.options[..] {
        [choice] => Ok(choice),
        [_, second, ..] => Err(twice(second)),
        [] => {
            let first = extension.known.and_then(|known| known.options.first()).map_or("", |option| option.0);
            Err(needs(extension, &format!("write `--{first}` and its value")))
        }
    }
}

fn dashed(choice: &Choice) -> String {
    format!("--{}", choice.name)
}

fn words(extension: &Extension, words: Vec<String>) -> Target {
    let words = words.into_iter().map(Into::into).collect();
    Target::Unknown(Box::new(Unknown { name: extension.name.as_str().into(), words }))
}

/// The target word for word, its options in the order of `iptables-save` where they are known.
fn ordered(extension: &Extension) -> Target {
    let mut options: Vec<&Choice> = extension.options.iter().collect();
    if let Some(known) = extension.known {
        options.sort_by_key(|choice| known.options.iter().position(|option| option.1 == choice.name));
    }
    let mut words: Vec<Box<str>> = options.into_iter().flat_map(|choice| raw(std::slice::from_ref(choice))).collect();
    for pair in 1..words.len() {
        if let (true, Some(zone)) = (words[pair - 1].starts_with("--zone"), number(&words[pair])) {
            words[pair] = zone.to_string().into();
        }
    }
    Target::Unknown(Box::new(Unknown { name: extension.name.as_str().into(), words }))
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
                let named = Log::LEVELS.iter().find(|(name, _)| *name == word.text.to_ascii_lowercase());
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

fn conn_mark(extension: &Extension) -> Result<Target, Fault> {
    let (masks, verbs): (Vec<_>, Vec<_>) = extension.options.iter().partition(|choice| choice.name.ends_with("mask"));
    let verb = match &verbs[..] {
        [verb] => *verb,
        [] => return Err(needs(extension, "write `--save-mark`, `--restore-mark` or `--set-mark 0x1`")),
        [_, second, ..] => return Err(twice(second)),
    };
    if !matches!(verb.name.as_str(), "save-mark" | "restore-mark") {
        if let Some(mask) = masks.first() {
            return Err(twice(mask));
        }
        let MaskedMark { value, mask } = xmark(verb)?;
        return Ok(words(extension, vec!["--set-xmark".into(), format!("0x{value:x}/0x{mask:x}")]));
    }
    let (mut packet, mut connection) = (u32::MAX, u32::MAX);
    for choice in masks {
        let mask = small(choice.argument()?, 0, u64::from(u32::MAX))?;
        if choice.name != "ctmask" {
            packet = mask;
        }
        if choice.name != "nfmask" {
            connection = mask;
        }
    }
    Ok(words(
        extension,
        vec![dashed(verb), "--nfmask".into(), format!("0x{packet:x}"), "--ctmask".into(), format!("0x{connection:x}")],
    ))
}

fn tos(extension: &Extension) -> Result<Target, Fault> {
    let choice = single(extension)?;
    let word = choice.argument()?;
    if let Some(value) = tos_name(&word.text).filter(|_| choice.name == "set-tos") {
        return Ok(words(extension, vec!["--set-tos".into(), format!("0x{value:02x}/0x3f")]));
    }
    let (value, mask) = mark(word)?;
    let (value, mask) = match choice.name.as_str() {
        "set-tos" => (value, mask.unwrap_or(0xff)),
        "and-tos" => (0, !value & 0xff),
        "or-tos" => (value, value),
        _ => (value, 0),
    };
    Ok(words(extension, vec!["--set-tos".into(), format!("0x{value:02x}/0x{mask:02x}")]))
}

fn netmap(extension: &Extension, family: Family) -> Result<Target, Fault> {
    let choice = single(extension)?;
    let word = choice.argument()?;
    let (address, length) = word.text.split_once('/').unwrap_or((&word.text, ""));
    let length = if length.is_empty() { Some(family.bits()) } else { length.parse().ok() };
    let prefix = host_address(address, family).zip(length).and_then(|(host, length)| Prefix::containing(host, length));
    match prefix {
        Some(prefix) => Ok(words(extension, vec!["--to".into(), prefix.to_string()])),
        None => Err(bad_nat(choice, family)),
    }
}

fn nfqueue(extension: &Extension) -> Result<Target, Fault> {
    let mut list = Vec::new();
    let find = |name: &str| extension.options.iter().find(|choice| choice.name == name);
    match (find("queue-num"), find("queue-balance")) {
        (Some(_), Some(second)) => return Err(twice(second)),
        (None, Some(balance)) => list.extend([dashed(balance), balance.argument()?.text.clone()]),
        (Some(number), None) => {
            list.extend([dashed(number), number_in(number.argument()?, 0, 65_535)?.to_string()]);
        }
        (None, None) => list.extend(["--queue-num".to_string(), "0".to_string()]),
    }
    list.extend(["queue-bypass", "queue-cpu-fanout"].into_iter().filter_map(find).map(dashed));
    Ok(words(extension, list))
}
