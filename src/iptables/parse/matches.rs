//! The options of a match, as a typed match.
//! Input: a match's name and options. Output: the match in the form of `iptables-save`, with the parameters it holds.

use super::rule::{Choice, Extension, misplaced};
use super::untyped::untyped;
use super::values::{self, small};
use super::{Fault, Slot, Word, hole, icmp, policy};
use crate::iptables::rate;
use crate::iptables::ruleset::{
    HashLimit, HopLimit, IpRange, Match, Multiport, Negatable, PortSide, Ports, Rate, RateUnit, RpFilter, States, Tcp,
    TcpFlags,
};
use crate::net::{Family, PortRange};

/// A parameter in a match: where, which, negated or not.
pub type PortHole = (Slot, char, bool);

/// The match, with the parameters of its ports.
pub fn read(extension: &Extension, family: Family, template: bool) -> Result<(Match, Vec<PortHole>), Fault> {
    let mut holes = Vec::new();
    let port_match = matches!(extension.name.as_str(), "tcp" | "udp" | "sctp");
    for choice in &extension.options {
        for argument in &choice.arguments {
            let ports = port_match && matches!(choice.name.as_str(), "sport" | "dport");
            if template && hole(&argument.text).is_some() && !ports {
                return Err(misplaced(argument));
            }
        }
    }
    let read = match extension.name.as_str() {
        "tcp" => tcp(extension, template, &mut holes)?,
        "udp" => Match::Udp(ports(extension, template, &mut holes)?),
        "sctp" if extension.options.iter().any(|choice| choice.name == "chunk-types") => kept(extension, family)?,
        "sctp" => Match::Sctp(ports(extension, template, &mut holes)?),
        "icmp" => Match::Icmp(icmp_type(extension, Family::V4)?),
        "icmp6" => Match::Icmp6(icmp_type(extension, Family::V6)?),
        "multiport" => multiport(extension)?,
        "ah" if extension.options.is_empty() => Match::Ah,
        "frag" if extension.options.is_empty() => Match::Frag,
        "ttl" => Match::Ttl(hop_limit(extension)?),
        "hl" => Match::Hl(hop_limit(extension)?),
        "policy" => policy::read(extension, family)?,
        "mark" => Match::Mark(masked(extension)?),
        "connmark" => Match::ConnMark(masked(extension)?),
        "conntrack" => match &extension.options[..] {
            [choice] if choice.name == "ctstate" => Match::ConnState(states(choice, true)?),
            [] => return Err(lacks(extension, "`--ctstate`", "write `--ctstate RELATED,ESTABLISHED`")),
            _ => kept(extension, family)?,
        },
        "state" => Match::State(states(only(extension, "`--state`", "write `--state RELATED,ESTABLISHED`")?, false)?),
        "limit" => Match::Limit(limit(extension)?),
        "hashlimit" => hash_limit(extension, family)?,
        "rpfilter" => rp_filter(extension)?,
        "comment" => {
            let choice = only(extension, "`--comment`", "write `--comment \"text\"`")?;
            positive(choice)?;
            Match::Comment(choice.argument()?.text.as_str().into())
        }
        "iprange" => ip_range(extension, family)?,
        _ => kept(extension, family)?,
    };
    Ok((read, holes))
}

/// A match without a type of its own.
fn kept(extension: &Extension, family: Family) -> Result<Match, Fault> {
    untyped(extension, family).map(Match::Unknown)
}

/// The fault of a match without an option that it must have.
pub fn lacks(extension: &Extension, what: &str, help: &str) -> Fault {
    let message = format!("`-m {}` needs {what}", extension.name);
    Fault::new(extension.span.clone(), message, "the option is missing", help)
}

/// The one option that the match must have, once.
fn only<'a>(extension: &'a Extension, what: &str, help: &str) -> Result<&'a Choice, Fault> {
    match &extension.options[..] {
        [choice] => Ok(choice),
        [] => Err(lacks(extension, what, help)),
        [_, second, ..] => Err(twice(second)),
    }
}

/// The fault of an option that stands twice, or beside one that excludes it.
pub fn twice(choice: &Choice) -> Fault {
    let message = format!("`--{}` cannot stand beside the options before it", choice.name);
    Fault::new(choice.span.clone(), message, "one too many", "leave it out, or write a second `-m`")
}

/// Refuses a `!` where the option cannot be negated.
pub fn positive(choice: &Choice) -> Result<(), Fault> {
    if choice.negated {
        let message = format!("`--{}` cannot be negated", choice.name);
        return Err(Fault::new(choice.span.clone(), message, "the `!` cannot stand here", "leave the `!` out"));
    }
    Ok(())
}

/// Puts an option's value in its place, once.
pub fn put<T>(place: &mut Option<T>, value: T, choice: &Choice) -> Result<(), Fault> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(twice(choice)),
    }
}

fn negatable<T>(choice: &Choice, value: T) -> Negatable<T> {
    Negatable { negated: choice.negated, value }
}

/// One of `--sport` and `--dport`: the ports, a parameter, or nothing where every port is meant.
fn port_option(
    choice: &Choice,
    template: bool,
    ports: &mut Ports,
    seen: &mut [bool; 2],
    holes: &mut Vec<PortHole>,
) -> Result<(), Fault> {
    let source = choice.name == "sport";
    if std::mem::replace(&mut seen[usize::from(source)], true) {
        return Err(twice(choice));
    }
    let word = choice.argument()?;
    let slot = if source { Slot::SourcePorts } else { Slot::DestinationPorts };
    if let Some(parameter) = hole(&word.text).filter(|_| template) {
        holes.push((slot, parameter, choice.negated));
        return Ok(());
    }
    let range = values::port_range(word)?;
    let place = if source { &mut ports.source } else { &mut ports.destination };
    if range != PortRange::ANY || choice.negated {
        *place = Some(negatable(choice, range));
    }
    Ok(())
}

fn ports(extension: &Extension, template: bool, holes: &mut Vec<PortHole>) -> Result<Ports, Fault> {
    let mut ports = Ports { source: None, destination: None };
    let mut seen = [false; 2];
    for choice in &extension.options {
        port_option(choice, template, &mut ports, &mut seen, holes)?;
    }
    Ok(ports)
}

fn tcp(extension: &Extension, template: bool, holes: &mut Vec<PortHole>) -> Result<Match, Fault> {
    let mut tcp = Tcp { ports: Ports { source: None, destination: None }, flags: None, option: None };
    let mut seen = [false; 2];
    let mut flags = false;
    for choice in &extension.options {
        match choice.name.as_str() {
            "sport" | "dport" => port_option(choice, template, &mut tcp.ports, &mut seen, holes)?,
            "tcp-option" => put(&mut tcp.option, negatable(choice, small(choice.argument()?, 1, 255)?), choice)?,
            name => {
                if std::mem::replace(&mut flags, true) {
                    return Err(twice(choice));
                }
                let value = if name == "syn" { TcpFlags::SYN } else { tcp_flags(choice)? };
                if value.mask == 0 && value.set != 0 {
                    return Err(Fault::new(
                        choice.span.clone(),
                        "these flags are never on: none of them is looked at",
                        "this matches nothing, and is saved as a match of everything",
                        "name the flags to look at first, then those that must be on: `--tcp-flags SYN,ACK SYN`",
                    ));
                }
                tcp.flags = (value.mask != 0 || choice.negated).then(|| negatable(choice, value));
            }
        }
    }
    Ok(Match::Tcp(Box::new(tcp)))
}

fn tcp_flags(choice: &Choice) -> Result<TcpFlags, Fault> {
    let flags = |word: &Word| {
        let mut bits = 0;
        for name in word.text.split(',').filter(|name| !name.is_empty()) {
            bits |= match TcpFlags::NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)) {
                Some(bit) => 1 << bit,
                None if name.eq_ignore_ascii_case("ALL") => 0x3f,
                None if name.eq_ignore_ascii_case("NONE") => 0,
                None => {
                    return Err(Fault::new(
                        word.span.clone(),
                        format!("`{name}` is no TCP flag"),
                        "flags belong here",
                        "the flags are FIN, SYN, RST, PSH, ACK, URG, ALL and NONE, with commas between them",
                    ));
                }
            };
        }
        Ok(bits)
    };
    match &choice.arguments[..] {
        [mask, set] if !set.text.starts_with(['-', '!']) => Ok(TcpFlags { mask: flags(mask)?, set: flags(set)? }),
        _ => Err(Fault::new(
            choice.span.clone(),
            "`--tcp-flags` needs two words",
            "one is missing",
            "write the flags to look at, then those that must be on: `--tcp-flags SYN,ACK SYN`",
        )),
    }
}

fn icmp_type(extension: &Extension, family: Family) -> Result<Negatable<crate::iptables::ruleset::IcmpType>, Fault> {
    let choice = match family {
        Family::V4 => only(extension, "`--icmp-type`", "write `--icmp-type echo-request`")?,
        Family::V6 => only(extension, "`--icmpv6-type`", "write `--icmpv6-type echo-request`")?,
    };
    Ok(negatable(choice, icmp::icmp_type(choice.argument()?, family)?))
}

fn multiport(extension: &Extension) -> Result<Match, Fault> {
    let choice = only(extension, "its ports", "write `--dports 80,443`")?;
    let word = choice.argument()?;
    let mut ports = Vec::new();
    for text in word.text.split(',') {
        let (start, end) = text.split_once(':').unwrap_or((text, text));
        let (Some(start_port), Some(end_port)) = (values::port(start), values::port(end)) else {
            return Err(values::bad_port(word, text));
        };
        if start_port > end_port || (start_port == end_port && text.contains(':')) {
            return Err(Fault::new(
                word.span.clone(),
                format!("`{text}` is no range of ports"),
                "its end must be above its start",
                "write one port as a single number, a range as `1000:2000`",
            ));
        }
        ports.push(PortRange { start: start_port, end: end_port });
    }
    if ports.iter().map(|range| Multiport::slots(*range)).sum::<usize>() > Multiport::SLOTS {
        return Err(Fault::new(
            word.span.clone(),
            "`-m multiport` holds 15 ports",
            "too many, a range counts twice",
            "split the list over two rules",
        ));
    }
    let side = match choice.name.as_str() {
        "sports" => PortSide::Source,
        "dports" => PortSide::Destination,
        _ => PortSide::Either,
    };
    Ok(Match::Multiport(negatable(choice, Box::new(Multiport { side, ports }))))
}

fn hop_limit(extension: &Extension) -> Result<HopLimit, Fault> {
    let help = if extension.name == "ttl" { "write `--ttl-eq 255`" } else { "write `--hl-eq 255`" };
    let choice = only(extension, "a value", help)?;
    let value = small(choice.argument()?, 0, 255)?;
    if choice.name.ends_with("-eq") {
        return Ok(HopLimit::Equal(negatable(choice, value)));
    }
    positive(choice)?;
    Ok(if choice.name.ends_with("-lt") { HopLimit::Less(value) } else { HopLimit::Greater(value) })
}

fn masked(extension: &Extension) -> Result<Negatable<crate::iptables::ruleset::MaskedMark>, Fault> {
    let choice = only(extension, "`--mark`", "write `--mark 0x1/0xff`")?;
    Ok(negatable(choice, values::masked_mark(choice.argument()?)?))
}

fn states(choice: &Choice, conntrack: bool) -> Result<Negatable<States>, Fault> {
    let known = if conntrack { &States::NAMES[..] } else { &States::NAMES[..5] };
    Ok(negatable(choice, States(state_bits(choice.argument()?, known)?)))
}

/// The bits of states by name, or by the beginning of one.
pub fn state_bits(word: &Word, known: &[&str]) -> Result<u8, Fault> {
    let mut bits = 0;
    for name in word.text.split(',') {
        // The loader takes beginnings of names as well.
        let begins = |known: &&str| known.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        let Some(bit) = known.iter().position(|known| !name.is_empty() && begins(known)) else {
            return Err(Fault::new(
                word.span.clone(),
                format!("`{name}` is no connection state"),
                "states belong here",
                format!("the states are {}", known.join(", ")),
            ));
        };
        bits |= 1 << bit;
    }
    Ok(bits)
}

/// `N`, `N/second`, `N/m`: the count and the unit.
pub fn rate_text(word: &Word) -> Result<(u32, RateUnit), Fault> {
    let (count, unit) = word.text.split_once('/').unwrap_or((&word.text, "second"));
    let units =
        [("second", RateUnit::Second), ("minute", RateUnit::Minute), ("hour", RateUnit::Hour), ("day", RateUnit::Day)];
    let unit = units.into_iter().find(|(name, _)| {
        !unit.is_empty() && name.get(..unit.len()).is_some_and(|name| name.eq_ignore_ascii_case(unit))
    });
    match (count.parse::<u32>(), unit) {
        (Ok(count), Some((_, unit))) if count > 0 && !word.text.starts_with('+') => Ok((count, unit)),
        _ => Err(Fault::new(
            word.span.clone(),
            format!("`{}` is no rate", word.text),
            "a rate belongs here",
            "write a count and a unit: `5/minute`; the units are second, minute, hour and day",
        )),
    }
}

fn too_fast(word: &Word, most: u32) -> Fault {
    let help = format!("{most}/second is the fastest");
    Fault::new(word.span.clone(), format!("the rate `{}` is too fast to be counted", word.text), "here", help)
}

fn limit(extension: &Extension) -> Result<Rate, Fault> {
    let mut saved = None;
    let mut burst = None;
    for choice in &extension.options {
        positive(choice)?;
        let word = choice.argument()?;
        if choice.name == "limit" {
            let (count, unit) = rate_text(word)?;
            put(&mut saved, rate::as_saved_limit(count, unit).ok_or_else(|| too_fast(word, 10_000))?, choice)?;
        } else {
            put(&mut burst, small(word, 1, u64::from(rate::LIMIT_BURST_MAX))?, choice)?;
        }
    }
    // Without --limit iptables takes 3/hour.
    let (count, unit) = saved.unwrap_or((3, RateUnit::Hour));
    Ok(Rate { count, unit, burst: burst.unwrap_or(Rate::DEFAULT_BURST) })
}

/// The expiry in milliseconds that `iptables-save` takes as understood for a unit.
fn default_expiry(unit: RateUnit) -> u32 {
    (rate::seconds(unit) * 1000) as u32
}

fn hash_limit(extension: &Extension, family: Family) -> Result<Match, Fault> {
    let in_bytes = |word: &Word| word.text.contains("b/s");
    let other = |choice: &Choice| choice.name.starts_with("hashlimit-rate-") || choice.arguments.iter().any(in_bytes);
    if extension.options.iter().any(other) {
        return kept(extension, family);
    }
    let mut written = None;
    let mut above = false;
    let mut burst = None;
    let mut mode = None;
    let mut name = None;
    let (mut source_mask, mut destination_mask) = (None, None);
    let mut tuning: [Option<u32>; 4] = [None; 4];
    for choice in &extension.options {
        let word = choice.argument()?;
        let is_rate = matches!(choice.name.as_str(), "hashlimit-upto" | "hashlimit-above");
        if !is_rate {
            positive(choice)?;
        }
        match choice.name.as_str() {
            _ if is_rate => {
                above = (choice.name == "hashlimit-above") != choice.negated;
                put(&mut written, (rate_text(word)?, word), choice)?;
            }
            "hashlimit-burst" => put(&mut burst, small(word, 1, u64::from(rate::HASHLIMIT_BURST_MAX))?, choice)?,
            "hashlimit-mode" => put(&mut mode, hash_mode(word)?, choice)?,
            "hashlimit-name" => put(&mut name, hash_name(word)?.into(), choice)?,
            "hashlimit-srcmask" => put(&mut source_mask, small(word, 0, u64::from(family.bits()))?, choice)?,
            "hashlimit-dstmask" => put(&mut destination_mask, small(word, 0, u64::from(family.bits()))?, choice)?,
            other => {
                let place = HashLimit::TUNING.iter().position(|known| *known == other).unwrap_or(0);
                put(&mut tuning[place], small(word, 0, u64::from(u32::MAX))?, choice)?;
            }
        }
    }
    let Some(((count, unit), word)) = written else {
        return Err(lacks(extension, "a rate", "write `--hashlimit-upto 5/second`"));
    };
    let Some(name) = name else {
        return Err(lacks(extension, "`--hashlimit-name`", "write `--hashlimit-name` and a name of its own"));
    };
    let (saved_count, saved_unit) = rate::as_saved_hashlimit(count, unit).ok_or_else(|| too_fast(word, 1_000_000))?;
    // The expiry follows the unit as written, and is printed where the saved unit is another one.
    let expiry = tuning[3].unwrap_or(default_expiry(unit));
    tuning[3] = Some(expiry).filter(|expiry| *expiry != default_expiry(saved_unit));
    tuning[0] = tuning[0].filter(|size| *size != 0);
    tuning[1] = tuning[1].filter(|most| *most != 0);
    tuning[2] = tuning[2].filter(|interval| *interval != 1000);
    let tuning =
        HashLimit::TUNING.iter().zip(tuning).filter_map(|(name, value)| value.map(|value| ((*name).into(), value)));
    Ok(Match::HashLimit(Box::new(HashLimit {
        above,
        rate: Rate { count: saved_count, unit: saved_unit, burst: burst.unwrap_or(Rate::DEFAULT_BURST) },
        mode: mode.unwrap_or(0),
        name,
        source_mask: source_mask.filter(|mask| *mask != family.bits()),
        destination_mask: destination_mask.filter(|mask| *mask != family.bits()),
        tuning: tuning.collect(),
    })))
}

/// The name of a hashlimit table.
pub fn hash_name(word: &Word) -> Result<String, Fault> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'/');
    let length = 1..=255;
    if !length.contains(&word.text.len()) || !word.text.bytes().all(plain) || matches!(&*word.text, "." | "..") {
        let help = "write a name of 1 to 255 letters, digits, dots, `-` and `_`";
        return Err(Fault::new(word.span.clone(), "the name cannot be that of a file in /proc", "here", help));
    }
    Ok(word.text.clone())
}

/// The bits of `--hashlimit-mode`.
pub fn hash_mode(word: &Word) -> Result<u8, Fault> {
    let mut mode = 0;
    for name in word.text.split([',', '|']).filter(|name| !name.is_empty()) {
        let Some(bit) = HashLimit::MODES.iter().position(|known| *known == name) else {
            return Err(Fault::new(
                word.span.clone(),
                format!("`{name}` is no mode"),
                "a mode belongs here",
                format!("the modes are {}", HashLimit::MODES.join(", ")),
            ));
        };
        mode |= 1 << bit;
    }
    Ok(mode)
}

fn rp_filter(extension: &Extension) -> Result<Match, Fault> {
    let mut filter = RpFilter::default();
    for choice in &extension.options {
        positive(choice)?;
        let flag = match choice.name.as_str() {
            "loose" => &mut filter.loose,
            "validmark" => &mut filter.validmark,
            "accept-local" => &mut filter.accept_local,
            _ => &mut filter.invert,
        };
        if std::mem::replace(flag, true) {
            return Err(twice(choice));
        }
    }
    Ok(Match::RpFilter(filter))
}

fn ip_range(extension: &Extension, family: Family) -> Result<Match, Fault> {
    let mut range = IpRange { source: None, destination: None };
    for choice in &extension.options {
        let word = choice.argument()?;
        let addresses = values::address_range(&word.text, family).ok_or_else(|| {
            Fault::new(
                word.span.clone(),
                format!("`{}` is no range of {} addresses", word.text, family.name()),
                "a range belongs here",
                "write the first and the last address: `192.0.2.1-192.0.2.9`",
            )
        })?;
        let place = if choice.name == "src-range" { &mut range.source } else { &mut range.destination };
        put(place, negatable(choice, addresses), choice)?;
    }
    if range.source.is_none() && range.destination.is_none() {
        return Err(lacks(extension, "a range", "write `--src-range 192.0.2.1-192.0.2.9`"));
    }
    Ok(Match::IpRange(Box::new(range)))
}
