//! Addresses: prefixes, and hosts with ports for translation.
//! Input: a word. Output: the value, or a `BadValue` that says why the word is none and what to write.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{BadValue, ports};
use crate::net::{AddressText, Family, Prefix, mask_length};
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
pub fn not_unicast(prefix: &Prefix) -> Option<&'static str> {
    match prefix {
        Prefix::V4(network) if network.ip().is_multicast() && network.prefix() >= 4 => Some("a multicast address"),
        Prefix::V4(network) if network.ip().is_broadcast() => Some("the broadcast address"),
        Prefix::V6(network) if network.ip().is_multicast() && network.prefix() >= 8 => Some("a multicast address"),
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

/// An address with ports for translation: `10.0.0.1`, `10.0.0.1:80`, `[2001:db8::1]:80-90`, as iptables writes it.
pub fn endpoint(text: &str) -> Result<(Family, String), BadValue> {
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
    let Ok(parsed) = address_text.parse::<IpAddr>() else {
        if text.starts_with('[') && bracketed.is_none() {
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
        return Err(match split {
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
        });
    };
    if not_unicast(&Prefix::host(parsed)).is_some() || parsed.is_unspecified() {
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
    Ok(match parsed {
        IpAddr::V4(address) => (Family::V4, format!("{address}{ports}")),
        IpAddr::V6(_) if ports.is_empty() => (Family::V6, AddressText(parsed).to_string()),
        IpAddr::V6(_) => (Family::V6, format!("[{}]{ports}", AddressText(parsed))),
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
        ] {
            assert_eq!(endpoint(text).expect(text), (family, printed.to_owned()));
        }
        for text in ["10.0.0.1:0", "[2001:db8::1]80", "10.0.0.0/8", "224.0.0.1:80"] {
            endpoint(text).expect_err(text);
        }
    }
}
