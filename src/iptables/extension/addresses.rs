//! Matches of addresses: ranges of them, and the way back to the source.
//! Input: options, or a value. Output: the value as a save has it, its text, what is wrong with it.

use crate::iptables::extension::row::{Reading, Row, demand, flag, matching, typed};
use crate::iptables::extension::written::{Written, lacks, negatable, positive, put, twice};
use crate::iptables::fault::Fault;
use crate::iptables::hooks::Hooks;
use crate::iptables::problem::{Kind, Place, Problem, problem, vain};
use crate::iptables::ruleset::Part;
use crate::iptables::ruleset::{IpRange, Match, RpFilter, TableName};
use crate::iptables::text::values;
use crate::iptables::text::write;
use crate::net::{Family, write_address};

/// `-m iprange`
pub static IP_RANGE: Row<Match> = matching("iprange", &[typed("src-range"), typed("dst-range")])
    .typed(read_range, |one, _, out| {
        if let Match::IpRange(range) = one {
            print_range(range, out);
        }
    })
    .checked(|one, part, place, problems| {
        if let Match::IpRange(range) = one {
            check_range(range, part, place, problems);
        }
    });

/// `-m rpfilter`
pub static RP_FILTER: Row<Match> =
    matching("rpfilter", &[flag("loose"), flag("validmark"), flag("accept-local"), flag("invert")])
        .typed(
            |written, _| read_rp_filter(written),
            |one, _, out| {
                if let Match::RpFilter(filter) = one {
                    print_rp_filter(filter, out);
                }
            },
        )
        .demands(&[demand().tables(&[TableName::Raw, TableName::Mangle]), demand().hooks(Hooks::PREROUTING)]);

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&IP_RANGE, &RP_FILTER];

fn read_range(written: &Written, reading: &mut Reading) -> Result<Match, Fault> {
    let family = reading.family;
    let mut range = IpRange { source: None, destination: None };
    for choice in &written.options {
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
        return Err(lacks(written, "a range", "write `--src-range 192.0.2.1-192.0.2.9`"));
    }
    Ok(Match::IpRange(Box::new(range)))
}

fn print_range(range: &IpRange, out: &mut String) {
    for (option, addresses) in [(" --src-range ", &range.source), (" --dst-range ", &range.destination)] {
        if let Some(addresses) = addresses {
            write::bang(addresses.negated, out);
            out.push_str(option);
            write_address(addresses.value.0, out);
            out.push('-');
            write_address(addresses.value.1, out);
        }
    }
}

fn check_range(range: &IpRange, part: Part, place: &Place, problems: &mut Vec<Problem>) {
    for side in [&range.source, &range.destination].into_iter().flatten() {
        let (first, last) = side.value;
        if first.is_ipv4() != (place.family == Family::V4) || last.is_ipv4() != first.is_ipv4() {
            let message = format!("`-m iprange` needs {} addresses here", place.family.name());
            problems.push(problem(part, Kind::Address, message, "the other family", "write addresses of this family"));
        } else if first > last {
            let help = format!("write `{last}-{first}`");
            let message = "the range of addresses ends before it starts";
            problems.push(vain(problem(part, Kind::Match, message, "matches nothing", help)));
        }
    }
}

fn read_rp_filter(written: &Written) -> Result<Match, Fault> {
    let mut filter = RpFilter::default();
    for choice in &written.options {
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

fn print_rp_filter(filter: &RpFilter, out: &mut String) {
    for (set, option) in [
        (filter.loose, " --loose"),
        (filter.validmark, " --validmark"),
        (filter.accept_local, " --accept-local"),
        (filter.invert, " --invert"),
    ] {
        if set {
            out.push_str(option);
        }
    }
}
