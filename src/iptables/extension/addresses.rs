//! Matches of addresses: ranges of them, and the way back to the source.
//! Input: options, or a value. Output: the value as a save has it, its text, what is wrong with it.

use crate::iptables::extension::row::{OptionContext, Row, demand, flag, matching, option, typed};
use crate::iptables::extension::untyped::saved_options;
use crate::iptables::extension::written::{Written, lacks, negatable, positive, put, said, twice};
use crate::iptables::fault::Fault;
use crate::iptables::hooks::Hooks;
use crate::iptables::problem::{Kind, Problem, RulePlace, problem, vain};
use crate::iptables::ruleset::{AddrType, AddressTypes, InterfaceLimit, IpRange, Match, Part, RpFilter, TableName};
use crate::iptables::text::saved::{bits, names};
use crate::iptables::text::values;
use crate::iptables::text::words::Word;
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

/// `-m addrtype`
pub static ADDRTYPE: Row<Match> = matching(
    "addrtype",
    &[
        option("src-type", address_types).negatable(),
        option("dst-type", address_types).negatable(),
        flag("limit-iface-in"),
        flag("limit-iface-out"),
    ],
)
.needs(&[&["src-type", "dst-type"]])
.excludes(&[&["limit-iface-in", "limit-iface-out"]])
.typed(read_types, |one, _, out| {
    if let Match::AddrType(wanted) = one {
        print_types(wanted, out);
    }
})
.checked(|one, part, place, problems| {
    if let Match::AddrType(wanted) = one {
        let (allowed, what) = match wanted.limit {
            Some(InterfaceLimit::In) => (Hooks::WITH_IN_INTERFACE, "`-m addrtype --limit-iface-in`"),
            Some(InterfaceLimit::Out) => (Hooks::WITH_OUT_INTERFACE, "`-m addrtype --limit-iface-out`"),
            None => return,
        };
        place.hooks_within(allowed, part, Kind::Match, &what, problems);
    }
});

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&IP_RANGE, &RP_FILTER, &ADDRTYPE];

fn address_types(word: &Word, _: Family) -> Result<String, Fault> {
    bits(word, "type of address", &AddressTypes::NAMES, true).map(|bits| names(bits, &AddressTypes::NAMES))
}

fn read_types(written: &Written, reading: &mut OptionContext) -> Result<Match, Fault> {
    let all = saved_options(written, reading.family)?;
    let bit = |name: &str| AddressTypes::NAMES.iter().position(|known| *known == name).map_or(0, |bit| 1 << bit);
    let types = |name: &str| {
        let one = said(&all, name)?;
        Some(one.negatable(AddressTypes(one.value().split(',').map(bit).sum())))
    };
    let limit = match (said(&all, "limit-iface-in"), said(&all, "limit-iface-out")) {
        (Some(_), _) => Some(InterfaceLimit::In),
        (None, Some(_)) => Some(InterfaceLimit::Out),
        (None, None) => None,
    };
    Ok(Match::AddrType(AddrType { source: types("src-type"), destination: types("dst-type"), limit }))
}

fn print_types(wanted: &AddrType, out: &mut String) {
    for (option, types) in [(" --src-type ", wanted.source), (" --dst-type ", wanted.destination)] {
        if let Some(types) = types {
            write::bang(types.negated, out);
            out.push_str(option);
            out.push_str(&names(types.value.0.into(), &AddressTypes::NAMES));
        }
    }
    match wanted.limit {
        Some(InterfaceLimit::In) => out.push_str(" --limit-iface-in"),
        Some(InterfaceLimit::Out) => out.push_str(" --limit-iface-out"),
        None => {}
    }
}

fn read_range(written: &Written, reading: &mut OptionContext) -> Result<Match, Fault> {
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

fn check_range(range: &IpRange, part: Part, place: &RulePlace, problems: &mut Vec<Problem>) {
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
