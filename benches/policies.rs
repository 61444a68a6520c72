//! The policies that are measured.
//! Input: a size. Output: their text; the same size gives the same text.
//!
//! Peers are of 198.18.0.0/15 and 2001:2::/48, the networks for benchmarks (RFC 2544, RFC 5180).

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// IPsec peers on one interface, a sentence each, IPv4 and IPv6 in turn; each yields six rules in its family.
pub fn ipsec(sentences: u32) -> String {
    let mut text = String::from("interface inet0 public\ndefault drop\n");
    for index in 0..sentences {
        let written = match index % 2 {
            0 => writeln!(text, "allow ipsec peer {} on inet0", v4(index / 2)),
            _ => writeln!(text, "allow ipsec peer {} on inet0", v6(index / 2)),
        };
        written.expect("a String takes all");
    }
    text
}

/// A gateway of about `lines` lines: sites with a tunnel each, and what goes with them.
pub fn gateway(lines: usize) -> String {
    let mut text = String::from(
        "# A gateway with a tunnel to each site
interface eth0   calico
interface inet0  public
define admins = { 198.19.0.0/24, 2001:2:0:ffff::/64 }
default drop
allow loopback
allow established
drop invalid in
allow calico on eth0
allow icmp limit 100/second
allow neighbor-discovery on inet0
allow ssh in on inet0 from $admins limit 5/minute per source
drop bogons on inet0 except { 198.18.0.0/15, 2001:2::/48 }
drop forward on inet0
",
    );
    let mut site = 0;
    while text.lines().count() + 9 <= lines {
        let (peer4, peer6) = (v4(site), v6(site));
        let (high, low) = (site / 250, site % 250);
        write!(
            text,
            "# Site {site}
define site{site} = {{ {peer4}, {peer6} }}
interface vti{site} vti over inet0
allow ipsec peer $site{site} on inet0
allow vti vti{site} without routing
allow bgp peer 10.{high}.{low}.1 on vti{site}
allow forward in on eth0 out on vti{site} tcp to {{ 10.{low}.{high}.0/24, fd00:{site}::/32 }} port {{ https, 8000-8010 }}
clamp mss 1250 through vti{site}
reject in on vti{site} with admin-prohibited log \"site {site}: \" to group 1
"
        )
        .expect("a String takes all");
        site += 1;
    }
    text
}

fn v4(index: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 1).to_bits() + index)
}

fn v6(index: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 1).to_bits() + u128::from(index))
}
