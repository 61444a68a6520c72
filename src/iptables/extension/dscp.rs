//! The class of service of RFC 2474, compared and changed.
//! Input: options, or a value. Output: the value as a save has it, its text.

use crate::iptables::extension::row::{Row, demand, matching, option, target};
use crate::iptables::extension::untyped::saved_options;
use crate::iptables::extension::written::lacks;
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::{Match, TableName, Target};
use crate::iptables::text::saved::{hexadecimal, no};
use crate::iptables::text::words::Word;
use crate::iptables::text::write::bang;
use crate::net::{Family, write_number};

/// `-m dscp`
pub static DSCP: Row<Match> = matching(
    "dscp",
    &[option("dscp", hexadecimal::<63, 2>).negatable(), option("dscp-class", dscp_class).negatable().saved_as("dscp")],
)
.needs(&[&["dscp"]])
.typed(
    |written, reading| {
        let all = saved_options(written, reading.family)?;
        let one = all.first().ok_or_else(|| lacks(written, "`--dscp`", "write `--dscp 0x2e`"))?;
        Ok(Match::Dscp(one.negatable(one.hexadecimals().0 as u8)))
    },
    |one, _, out| {
        if let Match::Dscp(wanted) = one {
            bang(wanted.negated, out);
            out.push_str(" --dscp ");
            two_digits(wanted.value, out);
        }
    },
);

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&DSCP];

/// `-j DSCP`
pub static SET_DSCP: Row<Target> = target(
    "DSCP",
    &[option("set-dscp", hexadecimal::<63, 2>), option("set-dscp-class", dscp_class).saved_as("set-dscp")],
)
.needs(&[&["set-dscp"]])
.typed(
    |written, reading| {
        let all = saved_options(written, reading.family)?;
        Ok(Target::Dscp(all.first().map_or(0, |one| one.hexadecimals().0 as u8)))
    },
    |one, _, out| {
        if let Target::Dscp(value) = one {
            out.push_str(" --set-dscp ");
            two_digits(*value, out);
        }
    },
)
.demands(&[demand().tables(&[TableName::Mangle])]);

/// The targets of this file.
pub static TARGETS: &[&Row<Target>] = &[&SET_DSCP];

fn two_digits(value: u8, out: &mut String) {
    out.push_str(if value < 0x10 { "0x0" } else { "0x" });
    write_number::<16>(value.into(), out);
}

/// A class of the DSCP, as its number.
fn dscp_class(word: &Word, _: Family) -> Result<String, Fault> {
    let lower = word.text.to_ascii_lowercase();
    let value = match lower.as_bytes() {
        b"ef" => 0x2e,
        b"be" => 0,
        [b'c', b's', class @ b'0'..=b'7'] => (class - b'0') << 3,
        [b'a', b'f', class @ b'1'..=b'4', drop @ b'1'..=b'3'] => ((class - b'0') << 3) | ((drop - b'0') << 1),
        _ => return Err(no(word, "class", "write `EF`, `BE`, `CS0` to `CS7`, or `AF11` to `AF43`")),
    };
    Ok(format!("0x{value:02x}"))
}
