//! Matches of the link that a packet came by: hardware addresses, how it was addressed there.
//! Input: options, or a value. Output: the value as a save has it, its text.

use crate::iptables::extension::row::{Row, demand, matching, option};
use crate::iptables::extension::untyped::saved_options;
use crate::iptables::extension::written::lacks;
use crate::iptables::fault::Fault;
use crate::iptables::hooks::Hooks;
use crate::iptables::ruleset::{LinkType, Match};
use crate::iptables::text::saved::{hardware, one_of};
use crate::iptables::text::words::Word;
use crate::iptables::text::write::bang;
use crate::net::{Family, write_number};

/// `-m mac`
pub static MAC: Row<Match> = matching("mac", &[option("mac-source", hardware).negatable()])
    .needs(&[&["mac-source"]])
    .typed(
        |written, reading| {
            let all = saved_options(written, reading.family)?;
            let one =
                all.first().ok_or_else(|| lacks(written, "`--mac-source`", "write `--mac-source` and an address"))?;
            let mut bytes = [0; 6];
            for (byte, text) in bytes.iter_mut().zip(one.value().split(':')) {
                *byte = u8::from_str_radix(text, 16).unwrap_or(0);
            }
            Ok(Match::Mac(one.negatable(bytes)))
        },
        |one, _, out| {
            if let Match::Mac(wanted) = one {
                bang(wanted.negated, out);
                out.push_str(" --mac-source ");
                hardware_address(wanted.value, out);
            }
        },
    )
    .demands(&[demand().hooks(Hooks::WITH_IN_INTERFACE)]);

/// `-m pkttype`
pub static PKTTYPE: Row<Match> =
    matching("pkttype", &[option("pkt-type", packet_type).negatable()]).needs(&[&["pkt-type"]]).typed(
        |written, reading| {
            let all = saved_options(written, reading.family)?;
            let one = all.first().ok_or_else(|| lacks(written, "`--pkt-type`", "write `--pkt-type unicast`"))?;
            let kind = LinkType::ALL.into_iter().find(|kind| kind.name() == one.value());
            Ok(Match::PacketType(one.negatable(kind.unwrap_or(LinkType::Unicast))))
        },
        |one, _, out| {
            if let Match::PacketType(wanted) = one {
                bang(wanted.negated, out);
                out.push_str(" --pkt-type ");
                out.push_str(wanted.value.name());
            }
        },
    );

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&MAC, &PKTTYPE];

fn hardware_address(bytes: [u8; 6], out: &mut String) {
    for (index, byte) in bytes.into_iter().enumerate() {
        if index > 0 {
            out.push(':');
        }
        if byte < 0x10 {
            out.push('0');
        }
        write_number::<16>(byte.into(), out);
    }
}

fn packet_type(word: &Word, _: Family) -> Result<String, Fault> {
    const TYPES: [(&str, &str); 7] = [
        ("unicast", "unicast"),
        ("broadcast", "broadcast"),
        ("multicast", "multicast"),
        ("otherhost", "otherhost"),
        ("bcast", "broadcast"),
        ("mcast", "multicast"),
        ("host", "unicast"),
    ];
    one_of(word, "type of packet", &TYPES, true)
}
