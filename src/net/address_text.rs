//! Addresses and numbers as text.
//! Input: a value. Output: the text that `iptables-save` prints, which is that of glibc.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// An address in the text form of glibc's `inet_ntop(3)`, which `iptables-save` prints.
///
/// It differs from Rust's in one case: `::1:2` is `::0.1.0.2`.
#[derive(Clone, Copy, Debug)]
pub struct AddressText(pub IpAddr);

impl fmt::Display for AddressText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        write_address(self.0, &mut text);
        f.write_str(&text)
    }
}

/// Appends an address in the form of `AddressText`: a rule file has one or two in each line, and the formatting machinery
/// would cost more than the rest of the line.
pub fn write_address(address: IpAddr, out: &mut String) {
    let address = match address {
        IpAddr::V4(address) => return write_dotted(address, out),
        IpAddr::V6(address) => address,
    };
    let words = address.segments();
    // The longest run of zeros, the first of several; one zero alone stays.
    let (mut longest, mut start) = (0..0, 0);
    for (at, word) in words.iter().enumerate() {
        if *word != 0 {
            start = at + 1;
        } else if at - start >= longest.len() {
            longest = start..at + 1;
        }
    }
    if longest.len() < 2 {
        longest = 0..0;
    }
    let mapped = longest == (0..5) && words[5] == 0xffff;
    let dotted = longest == (0..6) || mapped;
    let mut at = 0;
    while at < words.len() {
        if !longest.is_empty() && at == longest.start {
            out.push_str("::");
            at = longest.end;
            continue;
        }
        if at > 0 && at != longest.end {
            out.push(':');
        }
        if dotted && at == 6 {
            let [.., a, b, c, d] = address.octets();
            return write_dotted(Ipv4Addr::new(a, b, c, d), out);
        }
        write_number::<16>(words[at].into(), out);
        at += 1;
    }
}

fn write_dotted(address: Ipv4Addr, out: &mut String) {
    let [first, rest @ ..] = address.octets();
    write_number::<10>(first.into(), out);
    for byte in rest {
        out.push('.');
        write_number::<10>(byte.into(), out);
    }
}

/// Appends a number in base 10 or 16; the base is not an argument, so that dividing by it is not a division.
pub fn write_number<const BASE: u64>(value: u64, out: &mut String) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = value;
    while {
        at -= 1;
        let digit = (left % BASE) as u8;
        digits[at] = if digit < 10 { b'0' + digit } else { b'a' - 10 + digit };
        left /= BASE;
        left > 0
    } {}
    for digit in &digits[at..] {
        // The mask says that it is ASCII, which takes one byte.
        out.push(char::from(digit & 0x7f));
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn addresses_are_written_as_glibc_writes_them() {
        for (given, printed) in [
            ("::1", "::1"),
            ("::", "::"),
            ("::1:2", "::0.1.0.2"),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
            ("::ffff:0:1", "::ffff:0.0.0.1"),
            ("::ffff:0:0:1", "::ffff:0:0:1"),
            ("1::", "1::"),
            ("1:0:0:2::", "1:0:0:2::"),
            ("1:0:0:2:0:0:3:4", "1::2:0:0:3:4"),
            ("0:1::2:0", "0:1::2:0"),
            ("fe80:0:0:0:0abc:0:12:f0", "fe80::abc:0:12:f0"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ] {
            let address: IpAddr = given.parse().expect("a literal address");
            assert_eq!(AddressText(address).to_string(), printed);
        }
    }

    #[test]
    fn addresses_are_those_of_rust_but_for_one_form() {
        // Every pattern of zeros, and words of one to four digits.
        for zeros in 0..256_u128 {
            let words =
                (0..8).filter(|bit| zeros & (1 << bit) == 0).map(|bit| (0x1a2b_u128 >> (4 * (bit % 4))) << (16 * bit));
            let address = Ipv6Addr::from_bits(words.sum());
            let here = AddressText(address.into()).to_string();
            let dotted = address.segments()[..6] == [0; 6] && address.segments()[6] != 0;
            assert!(here == address.to_string() || dotted && here.contains('.'), "{here} for {address}");
        }
    }
}
