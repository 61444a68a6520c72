//! `-m sctp`: its ports, or the types of its chunks.
//! Input: its options, or its value. Output: the value as a save has it, its text, what is wrong with it.

use crate::iptables::extension::ports::{check_ports, ports, print_ports};
use crate::iptables::extension::row::{OptionContext, Row, demand, matching, option, pair};
use crate::iptables::extension::untyped::kept_match;
use crate::iptables::extension::written::Written;
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::Match;
use crate::iptables::text::saved::no;
use crate::iptables::text::values;
use crate::iptables::text::words::Word;
use crate::net::{Family, Protocol};
use crate::services::debian::Listed;

/// `-m sctp`, typed where it has nothing but ports.
pub static SCTP: Row<Match> = matching(
    "sctp",
    &[
        option("sport", port_range).negatable(),
        option("source-port", port_range).negatable().saved_as("sport"),
        option("dport", port_range).negatable(),
        option("destination-port", port_range).negatable().saved_as("dport"),
        pair("chunk-types", chunk_mode, chunks).negatable(),
    ],
)
.of(Protocol::SCTP)
.typed(read, |one, _, out| {
    if let Match::Sctp(both) = one {
        print_ports(both, out);
    }
})
.demands(&[demand().of(132, "-p sctp")])
.takes_holes()
.checked(|one, part, _, problems| {
    if let Match::Sctp(both) = one {
        check_ports(both, true, part, problems);
    }
});

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&SCTP];

/// Debian lists no service of SCTP but those of signalling.
const NAMES: Listed = Listed::For(Some(Protocol::SCTP));

fn read(written: &Written, reading: &mut OptionContext) -> Result<Match, Fault> {
    if written.options.iter().any(|choice| choice.name == "chunk-types") {
        return kept_match(written, reading.family);
    }
    ports(written, NAMES, reading).map(Match::Sctp)
}

fn port_range(word: &Word, _: Family) -> Result<String, Fault> {
    let range = values::port_range(word, NAMES)?;
    Ok(if range.is_single() { range.start.to_string() } else { format!("{}:{}", range.start, range.end) })
}

fn chunk_mode(word: &Word, _: Family) -> Result<String, Fault> {
    let lower = word.text.to_ascii_lowercase();
    match lower.as_str() {
        "any" | "all" | "only" => Ok(lower),
        _ => Err(no(word, "way to match chunks", "write `any`, `all` or `only`, then the types")),
    }
}

/// Chunk types by number, with the flags that each may have in the order of their bits.
const CHUNKS: [(&str, u8, &str); 22] = [
    ("DATA", 0, "IUBE"),
    ("INIT", 1, ""),
    ("INIT_ACK", 2, ""),
    ("SACK", 3, ""),
    ("HEARTBEAT", 4, ""),
    ("HEARTBEAT_ACK", 5, ""),
    ("ABORT", 6, "T"),
    ("SHUTDOWN", 7, ""),
    ("SHUTDOWN_ACK", 8, ""),
    ("ERROR", 9, ""),
    ("COOKIE_ECHO", 10, ""),
    ("COOKIE_ACK", 11, ""),
    ("ECN_ECNE", 12, ""),
    ("ECN_CWR", 13, ""),
    ("SHUTDOWN_COMPLETE", 14, "T"),
    // iptables loses the flags of the types from here on.
    ("I_DATA", 64, ""),
    ("ASCONF_ACK", 128, ""),
    ("RE_CONFIG", 130, ""),
    ("PAD", 132, ""),
    ("FORWARD_TSN", 192, ""),
    ("ASCONF", 193, ""),
    ("I_FORWARD_TSN", 194, ""),
];

/// `TYPE[:FLAGS]`, a flag in upper case must be set, one in lower case must not.
fn chunks(word: &Word, _: Family) -> Result<String, Fault> {
    if let Some(all) = ["ALL", "NONE"].into_iter().find(|all| all.eq_ignore_ascii_case(&word.text)) {
        return Ok(all.into());
    }
    let mut said: [Option<String>; CHUNKS.len()] = [const { None }; CHUNKS.len()];
    for text in word.text.split(',') {
        let (name, flags) = text.split_once(':').unwrap_or((text, ""));
        let Some(place) = CHUNKS.iter().position(|(known, ..)| known.eq_ignore_ascii_case(name)) else {
            let help = "write types such as `DATA`, `INIT`, `ABORT` with commas between them, or `ALL` or `NONE`";
            return Err(no(word, "list of chunk types", help));
        };
        let known = CHUNKS[place].2;
        if let Some(flag) = flags.chars().find(|flag| !known.contains(flag.to_ascii_uppercase())) {
            let message = format!("chunks of type {} have no flag `{flag}`", CHUNKS[place].0);
            let help = "the flags are I, U, B and E of DATA, and T of ABORT and SHUTDOWN_COMPLETE";
            return Err(Fault::new(word.span.clone(), message, "here", help));
        }
        said[place].get_or_insert_default().push_str(flags);
    }
    let one = |(place, flags): (usize, &Option<String>)| {
        let (name, _, known) = CHUNKS[place];
        let flags = flags.as_ref()?;
        let flag = |known: char| {
            let lower = known.to_ascii_lowercase();
            [known, lower].into_iter().find(|letter| flags.contains(*letter))
        };
        let flags: String = known.chars().filter_map(flag).collect();
        Some(if flags.is_empty() { name.to_owned() } else { format!("{name}:{flags}") })
    };
    Ok(said.iter().enumerate().filter_map(one).collect::<Vec<_>>().join(","))
}
