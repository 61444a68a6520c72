//! Addresses: prefixes, and hosts with ports for translation.
//! Input: a word. Output: the value, or a `BadValue` that says why the word is none and what to write.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{BadValue, ports};
use crate::net::{AddressText, Addresses, Family, Prefix, mask_length};
use crate::resolve::codes::ResolveError;

/// An address with an optional prefix length; `None` for `any`.
pub fn prefix(text: &str) -> Result<Option<Prefix>, BadValue> {
    if text == "any" {
        return Ok(None);
    }
    let (address_text, length_text) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address = address(address_text).map_err(|problem| match (&problem.meant, length_text) {
        (Some(meant), Some(length)) => BadValue { meant: Some(format!("{meant}/{length}")), ..problem },
        _ => problem,
    })?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let length = match length_text {
        None => bits,
        Some(length) => prefix_length(text, address, length)?,
    };
    if let IpAddr::V6(v6) = address {
        let tail = v6.to_ipv4_mapped().filter(|_| length >= 96);
        if let Some(v4) = tail {
            let v4 = if length == 128 { v4.to_string() } else { format!("{v4}/{}", length - 96) };
            return Err(BadValue::new(
                ResolveError::MappedAddress,
                format!("`{text}` is an IPv4 address in IPv6 clothes"),
                "no packet on the wire has such an address",
                format!("write `{v4}`"),
            )
            .meant(Some(v4)));
        }
    }
    let network = Prefix::containing(address, length);
    match network {
        Some(network) if network.address() == address => Ok(Some(network)),
        Some(network) => Err(BadValue::new(
            ResolveError::HostBits,
            format!("`{text}` has bits below its prefix length"),
            format!("a /{length} network starts elsewhere"),
            format!("write `{network}` for the network, or `{}` for the one address", AddressText(address)),
        )
        .meant(Some(network.to_string()))),
        None => Err(BadValue::new(
            ResolveError::BadAddress,
            format!("`{text}` has a prefix length over {bits}"),
            "too long",
            format!("write a length from 0 to {bits}"),
        )),
    }
}

/// Addresses of a list: one, a network, or a range `A-B`; `None` for `any`.
pub fn addresses(text: &str) -> Result<Option<Addresses>, BadValue> {
    let Some((first, last)) = range(text) else { return Ok(prefix(text)?.map(Addresses::Prefix)) };
    let (first, last) = ends(text, first, last)?;
    between(text, first, last).map(Some)
}

/// The two ends of a range; `None` where the text is not meant as one.
fn range(text: &str) -> Option<(&str, &str)> {
    let (first, last) = text.split_once('-').filter(|(first, _)| !first.ends_with('/'))?;
    let numeric =
        |text: &str| text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('.') || text.contains(':');
    (numeric(first) || numeric(last)).then_some((first, last))
}

/// Both ends of a range. Where one is not an address, what was meant has both.
fn ends(text: &str, first: &str, last: &str) -> Result<(IpAddr, IpAddr), BadValue> {
    let said = |written: &str, read: &Result<IpAddr, BadValue>| match read {
        Ok(_) => Some(written.to_owned()),
        Err(problem) => problem.meant.clone(),
    };
    let both = (end(text, first), end(text, last));
    let meant = said(first, &both.0).zip(said(last, &both.1)).map(|(first, last)| format!("{first}-{last}"));
    match both {
        (Ok(first), Ok(last)) => Ok((first, last)),
        (Err(problem), _) | (_, Err(problem)) => Err(problem.meant(meant)),
    }
}

/// One end of a range: an address without a length, which packets have.
fn end(text: &str, end: &str) -> Result<IpAddr, BadValue> {
    let fault = |label: &str| {
        let message = format!("`{text}` is not a range of addresses");
        let help = "write the first and the last address in full, without a prefix length: `192.0.2.1-192.0.2.9`";
        BadValue::new(ResolveError::BadRange, message, label, help)
    };
    if end.is_empty() {
        return Err(fault("one of its ends is missing"));
    }
    if end.contains('/') || !end.contains(['.', ':']) {
        return Err(fault("its ends are addresses"));
    }
    match prefix(end)? {
        Some(prefix) => Ok(prefix.address()),
        None => Err(fault("its ends are addresses")),
    }
}

/// From one address to another of the same family.
fn between(text: &str, first: IpAddr, last: IpAddr) -> Result<Addresses, BadValue> {
    let fault =
        |message: String, label: &str, help: String| BadValue::new(ResolveError::BadRange, message, label, help);
    Addresses::range(first, last).ok_or_else(|| {
        if Family::of(first) != Family::of(last) {
            let message = format!("`{text}` goes from one family to the other");
            return fault(message, "no address is between them", "write both ends in IPv4, or both in IPv6".into());
        }
        let meant = format!("{last}-{first}");
        let message = format!("the range `{text}` ends before it starts");
        fault(message, "no address is in it", format!("write `{meant}`")).meant(Some(meant))
    })
}

fn address(text: &str) -> Result<IpAddr, BadValue> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address);
    }
    if let Some((address, zone)) = text.split_once('%').filter(|(address, _)| address.parse::<Ipv6Addr>().is_ok()) {
        return Err(BadValue::new(
            ResolveError::ScopedAddress,
            format!("`{text}` names an interface inside the address"),
            "a zone is not part of an address",
            format!("write `{address}`, and `on {zone}` in the sentence"),
        )
        .meant(Some(address)));
    }
    let parts: Vec<&str> = text.split('.').collect();
    let numeric =
        !text.is_empty() && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if numeric && parts.len() == 4 {
        let trimmed: Vec<&str> = parts.iter().map(|part| part.trim_start_matches('0')).collect();
        let plain = trimmed.iter().map(|part| if part.is_empty() { "0" } else { part }).collect::<Vec<_>>().join(".");
        if plain.parse::<Ipv4Addr>().is_ok() {
            return Err(BadValue::new(
                ResolveError::LeadingZeros,
                format!("`{text}` has leading zeros"),
                "some programs read them as octal numbers",
                format!("write `{plain}`"),
            )
            .meant(Some(plain)));
        }
    }
    let letters = text.bytes().any(|b| b.is_ascii_alphabetic());
    let name_like =
        letters && !text.contains(':') && text.trim_end_matches('.').split('.').all(|part| !part.is_empty());
    if name_like && text.contains('.') {
        return Err(BadValue::new(
            ResolveError::DnsName,
            format!("`{text}` is a name, not an address"),
            "a name would be resolved once, somewhere else, when the rules are loaded",
            "write the address, or give it a name here: `define server = 192.0.2.10`",
        ));
    }
    let label = if numeric { "not four numbers from 0 to 255" } else { "neither IPv4 nor IPv6" };
    Err(BadValue::new(
        ResolveError::BadAddress,
        format!("`{text}` is not an address"),
        label,
        "write an address such as `192.0.2.1`, `10.0.0.0/8` or `2001:db8::/32`, or `any`",
    ))
}

fn prefix_length(text: &str, address: IpAddr, length: &str) -> Result<u8, BadValue> {
    if let Ok(mask) = length.parse::<IpAddr>() {
        let bits = mask_length(mask).filter(|_| mask.is_ipv4() == address.is_ipv4());
        let network = bits.and_then(|bits| Prefix::containing(address, bits)).map(|network| network.to_string());
        let help = match &network {
            Some(network) => format!("write `{network}`"),
            None => "only masks that are prefixes can be written: `10.0.0.0/8`".into(),
        };
        return Err(BadValue::new(
            ResolveError::Netmask,
            format!("`{text}` has a netmask"),
            "a prefix length is wanted",
            help,
        )
        .meant(network));
    }
    let digits = !length.is_empty() && length.len() <= 3 && length.bytes().all(|b| b.is_ascii_digit());
    match length.parse::<u8>() {
        Ok(bits) if digits && (length == "0" || !length.starts_with('0')) => Ok(bits),
        _ => Err(BadValue::new(
            ResolveError::BadAddress,
            format!("`{length}` is not a prefix length"),
            "after the slash",
            format!("write a number from 0 to {}", if address.is_ipv4() { 32 } else { 128 }),
        )),
    }
}

/// Why an address cannot be a source, or a peer: multicast, broadcast.
pub fn not_unicast(addresses: &Addresses) -> Option<&'static str> {
    match addresses.ends() {
        (first, last) if first.is_multicast() && last.is_multicast() => Some("a multicast address"),
        (IpAddr::V4(first), _) if first.is_broadcast() => Some("the broadcast address"),
        _ => None,
    }
}

/// A network that others are mapped to, as iptables writes it: with its length.
pub fn network(text: &str) -> Result<(Family, String), BadValue> {
    let fault = |message: String, help: &str| {
        Err(BadValue::new(ResolveError::BadEndpoint, message, "as a network of hosts", help))
    };
    let Some(prefix) = prefix(text)?.filter(|prefix| !prefix.is_any()) else {
        return fault(format!("`{text}` is every address"), "write the network: `10.1.0.0/16`");
    };
    let address = prefix.address();
    if address.is_multicast() || address.is_loopback() || address.is_unspecified() {
        return fault(format!("`{text}` holds no hosts"), "write a network of hosts: `10.1.0.0/16`");
    }
    Ok((prefix.family(), format!("{address}/{}", prefix.length())))
}

/// An address with ports for translation: `10.0.0.1`, `10.0.0.1:80`, `[2001:db8::1]:80-90`, as iptables writes it; `ranges`:
/// or several, `10.0.0.1-10.0.0.9:1024-2000`.
pub fn endpoint(text: &str, ranges: bool) -> Result<(Family, String), BadValue> {
    let fault = |message: String, help: &str| {
        Err(BadValue::new(ResolveError::BadEndpoint, message, "as the new address", help))
    };
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (address_text, port_text) = match bracketed {
        Some((address, "")) => (address, None),
        Some((address, rest)) => match rest.strip_prefix(':') {
            Some(ports) => (address, Some(ports)),
            None => return fault(format!("`{text}` is not an address with ports"), "write `[2001:db8::1]:80`"),
        },
        None => match text.rsplit_once(':') {
            Some((address, ports)) if !address.contains(':') => (address, Some(ports)),
            _ => (text, None),
        },
    };
    let written = range(address_text).filter(|(_, last)| last.is_empty() || last.contains(['.', ':']));
    let (first, last) = match written {
        Some(_) if !ranges => {
            return fault(format!("`{text}` is a range of addresses"), "write the one address to translate to");
        }
        Some((first, last)) => {
            let ends = ends(address_text, first, last);
            let range = ends.and_then(|(first, last)| between(address_text, first, last));
            let range = range.map_err(|problem| {
                let meant = problem.meant.as_ref().map(|meant| text.replacen(address_text, meant, 1));
                problem.meant(meant)
            });
            range?.ends()
        }
        None => {
            let address = host(text, address_text)?;
            (address, address)
        }
    };
    let is_host = |address: IpAddr| not_unicast(&Addresses::host(address)).is_none() && !address.is_unspecified();
    if !is_host(first) || !is_host(last) {
        return fault(format!("`{text}` cannot be the address of a host"), "write the unicast address to translate to");
    }
    let ports = port_text.map(ports).transpose()?;
    let ports = match ports {
        Some(range) if range.start == 0 => {
            return fault(format!("`{text}` has port 0"), "translation needs a port from 1 to 65535");
        }
        Some(range) if range.is_single() => format!(":{}", range.start),
        Some(range) => format!(":{}-{}", range.start, range.end),
        None => String::new(),
    };
    let (family, mut hosts) = (Family::of(first), AddressText(first).to_string());
    if first != last {
        hosts = format!("{hosts}-{}", AddressText(last));
    }
    Ok(match family {
        Family::V6 if !ports.is_empty() => (family, format!("[{hosts}]{ports}")),
        _ => (family, format!("{hosts}{ports}")),
    })
}

/// The address of an endpoint, whose whole text is for messages.
fn host(text: &str, address_text: &str) -> Result<IpAddr, BadValue> {
    if let Ok(address) = address_text.parse::<IpAddr>() {
        return Ok(address);
    }
    let fault = |message: String, help: &str| {
        Err(BadValue::new(ResolveError::BadEndpoint, message, "as the new address", help))
    };
    if text.starts_with('[') && !text.contains(']') {
        return fault(
            format!("`{text}` is not an address with ports"),
            "write the closing bracket: `[2001:db8::1]:80`",
        );
    }
    if text.contains('/') {
        return fault(
            format!("`{text}` cannot be the address of a host"),
            "write one address, without a prefix length",
        );
    }
    // Nine groups: the last one was meant as a port.
    let split = text.rsplit_once(':').filter(|(head, _)| head.parse::<Ipv6Addr>().is_ok());
    Err(match split {
        Some((head, port)) => BadValue::new(
            ResolveError::BadEndpoint,
            format!("`{text}` is not an address"),
            "IPv6 with a port needs brackets",
            format!("write `[{head}]:{port}`"),
        )
        .meant(Some(format!("[{head}]:{port}"))),
        None => match address(address_text) {
            Err(problem) if problem.code != ResolveError::BadAddress => problem,
            _ => BadValue::new(
                ResolveError::BadEndpoint,
                format!("`{text}` is not an address"),
                "as the new address",
                "write an address such as `10.0.0.1`, `10.0.0.1:80` or `[2001:db8::1]:80`",
            ),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_none_say_what_to_write() {
        for (text, code, help) in [
            ("10.1.0.0/8", ResolveError::HostBits, "`10.0.0.0/8`"),
            ("10.0.0.0/255.0.0.0", ResolveError::Netmask, "`10.0.0.0/8`"),
            ("010.0.0.1", ResolveError::LeadingZeros, "`10.0.0.1`"),
            ("fe80::1%eth0", ResolveError::ScopedAddress, "on eth0"),
            ("::ffff:10.0.0.1", ResolveError::MappedAddress, "`10.0.0.1`"),
            ("::ffff:10.0.0.0/104", ResolveError::MappedAddress, "`10.0.0.0/8`"),
            ("www.example.org", ResolveError::DnsName, "define"),
            ("10.0.0.0/33", ResolveError::BadAddress, "0 to 32"),
            ("10.0.0", ResolveError::BadAddress, "192.0.2.1"),
            ("10.0.0.0/08", ResolveError::BadAddress, "0 to 32"),
        ] {
            let problem = prefix(text).expect_err(text);
            assert_eq!(problem.code, code, "{text}");
            assert!(problem.help.contains(help), "{text}: {}", problem.help);
        }
    }

    #[test]
    fn endpoints_of_both_families_are_written_as_iptables_writes_them() {
        for (text, family, printed) in [
            ("10.0.0.1", Family::V4, "10.0.0.1"),
            ("10.0.0.1:80", Family::V4, "10.0.0.1:80"),
            ("10.0.0.1:80-90", Family::V4, "10.0.0.1:80-90"),
            ("2001:db8::1:80", Family::V6, "2001:db8::1:80"),
            ("[2001:db8::1]:https", Family::V6, "[2001:db8::1]:443"),
            ("[2001:db8::1]", Family::V6, "2001:db8::1"),
            ("10.0.0.1-10.0.0.9", Family::V4, "10.0.0.1-10.0.0.9"),
            ("10.0.0.1-10.0.0.1:80", Family::V4, "10.0.0.1:80"),
            ("10.0.0.1-10.0.0.9:1024-2000", Family::V4, "10.0.0.1-10.0.0.9:1024-2000"),
            ("2001:db8::1-2001:db8::9", Family::V6, "2001:db8::1-2001:db8::9"),
            ("[2001:db8::1-2001:db8::9]:1024-2000", Family::V6, "[2001:db8::1-2001:db8::9]:1024-2000"),
        ] {
            assert_eq!(endpoint(text, true).expect(text), (family, printed.to_owned()));
        }
        for text in [
            "10.0.0.1:0",
            "[2001:db8::1]80",
            "10.0.0.0/8",
            "224.0.0.1:80",
            "10.0.0.9-10.0.0.1",
            "10.0.0.1-",
            "10.0.0.1-::1",
        ] {
            endpoint(text, true).expect_err(text);
        }
    }
}
