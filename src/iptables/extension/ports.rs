//! Matches of ports: `-m tcp`, `-m udp`, `-m multiport`.
//! Input: their options, or their values. Output: the value as a save has it, its text, what is wrong with it.

use crate::iptables::extension::row::{OptionContext, Row, demand, flag, matching, typed, words};
use crate::iptables::extension::written::{Spelling, Written, WrittenOption, negatable, only, put, twice};
use crate::iptables::fault::Fault;
use crate::iptables::problem::{Kind, Problem, RulePlace, problem, vain};
use crate::iptables::ruleset::{Match, Multiport, Negatable, Part, PortSide, Ports, Tcp, TcpFlags};
use crate::iptables::text::holes::{Slot, hole};
use crate::iptables::text::values;
use crate::iptables::text::words::Word;
use crate::iptables::text::write;
use crate::net::{PortRange, Protocol};
use crate::services::debian::Listed;

const PORTS: [Spelling; 4] = [
    typed("sport"),
    typed("source-port").saved_as("sport"),
    typed("dport"),
    typed("destination-port").saved_as("dport"),
];

/// `-m tcp`
pub static TCP: Row<Match> = matching(
    "tcp",
    &[PORTS[0], PORTS[1], PORTS[2], PORTS[3], flag("syn").negatable(), words("tcp-flags", 2), typed("tcp-option")],
)
.of(Protocol::TCP)
.typed(read_tcp, |one, _, out| {
    if let Match::Tcp(tcp) = one {
        print_tcp(tcp, out);
    }
})
.demands(&[demand().of(6, "-p tcp")])
.checked(|one, part, _, problems| {
    if let Match::Tcp(tcp) = one {
        check_ports(&tcp.ports, true, part, problems);
        neither_port(&tcp.ports, part, problems);
        if let Some(flags) = &tcp.flags {
            check_flags(flags, part, problems);
        }
    }
})
.takes_holes()
.once();

/// `-m udp`
pub static UDP: Row<Match> = matching("udp", &PORTS)
    .of(Protocol::UDP)
    .typed(
        |written, reading| ports(written, Listed::WithPorts, reading).map(Match::Udp),
        |one, _, out| {
            if let Match::Udp(both) = one {
                native_ports(both, out);
            }
        },
    )
    .demands(&[demand().of(17, "-p udp")])
    .checked(|one, part, _, problems| {
        if let Match::Udp(both) = one {
            check_ports(both, false, part, problems);
            neither_port(both, part, problems);
        }
    })
    .takes_holes()
    .once();

/// `-m multiport`
pub static MULTIPORT: Row<Match> = matching(
    "multiport",
    &[
        typed("source-ports").saved_as("sports"),
        typed("sports"),
        typed("destination-ports").saved_as("dports"),
        typed("dports"),
        typed("ports"),
    ],
)
.typed(read_multiport, |one, _, out| {
    if let Match::Multiport(multiport) = one {
        print_multiport(multiport, out);
    }
})
.checked(|one, part, place, problems| {
    if let Match::Multiport(multiport) = one {
        check_multiport(multiport, part, place, problems);
    }
});

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&TCP, &UDP, &MULTIPORT];

/// One of `--sport` and `--dport`: the ports, a parameter, or nothing where every port is meant.
fn port_option(
    choice: &WrittenOption,
    names: Listed,
    reading: &mut OptionContext,
    ports: &mut Ports,
    seen: &mut [bool; 2],
) -> Result<(), Fault> {
    let source = choice.name == "sport";
    if std::mem::replace(&mut seen[usize::from(source)], true) {
        return Err(twice(choice));
    }
    let word = choice.argument()?;
    let slot = if source { Slot::SourcePorts } else { Slot::DestinationPorts };
    if let Some(parameter) = hole(&word.text).filter(|_| reading.template) {
        reading.holes.push((slot, parameter, choice.negated));
        return Ok(());
    }
    let range = values::port_range(word, names)?;
    let place = if source { &mut ports.source } else { &mut ports.destination };
    if range != PortRange::ANY || choice.negated {
        *place = Some(negatable(choice, range));
    }
    Ok(())
}

/// The ports of a match that has nothing else.
pub fn ports(written: &Written, names: Listed, reading: &mut OptionContext) -> Result<Ports, Fault> {
    let mut ports = Ports { source: None, destination: None };
    let mut seen = [false; 2];
    for choice in &written.options {
        port_option(choice, names, reading, &mut ports, &mut seen)?;
    }
    Ok(ports)
}

fn read_tcp(written: &Written, reading: &mut OptionContext) -> Result<Match, Fault> {
    let names = Listed::For(Some(Protocol::TCP));
    let mut tcp = Tcp { ports: Ports { source: None, destination: None }, flags: None, option: None };
    let mut seen = [false; 2];
    let mut flags = false;
    for choice in &written.options {
        match choice.name.as_str() {
            "sport" | "dport" => port_option(choice, names, reading, &mut tcp.ports, &mut seen)?,
            "tcp-option" => {
                put(&mut tcp.option, negatable(choice, values::small(choice.argument()?, 1, 255)?), choice)?
            }
            name => {
                if std::mem::replace(&mut flags, true) {
                    return Err(twice(choice));
                }
                let value = if name == "syn" { TcpFlags::SYN } else { read_flags(choice)? };
                let asks = value.mask != 0 || value.set != 0 || choice.negated;
                tcp.flags = asks.then(|| negatable(choice, value));
            }
        }
    }
    Ok(Match::Tcp(Box::new(tcp)))
}

fn read_flags(choice: &WrittenOption) -> Result<TcpFlags, Fault> {
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

fn read_multiport(written: &Written, reading: &mut OptionContext) -> Result<Match, Fault> {
    let choice = only(written, "its ports", "write `--dports 80,443`")?;
    let word = choice.argument()?;
    let names = Listed::For(reading.protocol);
    let mut ports = Vec::new();
    for text in word.text.split(',') {
        let (start, end) = text.split_once(':').unwrap_or((text, text));
        let (Some(start_port), Some(end_port)) = (values::port(start, names), values::port(end, names)) else {
            return Err(values::bad_port(word, text, names));
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

/// Appends the ports as they are.
pub fn print_ports(ports: &Ports, out: &mut String) {
    for (option, side) in [(" --sport ", &ports.source), (" --dport ", &ports.destination)] {
        if let Some(side) = side {
            write::bang(side.negated, out);
            out.push_str(option);
            write::port_range(side.value, out);
        }
    }
}

/// The ports of `-m tcp` and `-m udp`: iptables-nft saves `! --dport 0:99` as `--dport 100:65535`.
fn native_ports(both: &Ports, out: &mut String) {
    let saved = |side: Option<Negatable<PortRange>>| {
        side.map(|side| match side.value {
            PortRange { start: 0, end } if side.negated && (1..u16::MAX).contains(&end) => {
                Negatable::is(PortRange { start: end + 1, end: u16::MAX })
            }
            _ => side,
        })
    };
    print_ports(&Ports { source: saved(both.source), destination: saved(both.destination) }, out);
}

fn print_tcp(tcp: &Tcp, out: &mut String) {
    native_ports(&tcp.ports, out);
    if let Some(option) = tcp.option {
        write::bang(option.negated, out);
        out.push_str(" --tcp-option ");
        write::number(option.value.into(), out);
    }
    if let Some(flags) = tcp.flags {
        write::bang(flags.negated, out);
        out.push_str(" --tcp-flags ");
        write::names(flags.value.mask, &TcpFlags::NAMES, "NONE", out);
        out.push(' ');
        write::names(flags.value.set, &TcpFlags::NAMES, "NONE", out);
    }
}

fn print_multiport(multiport: &Negatable<Box<Multiport>>, out: &mut String) {
    write::bang(multiport.negated, out);
    out.push_str(match multiport.value.side {
        PortSide::Source => " --sports ",
        PortSide::Destination => " --dports ",
        PortSide::Either => " --ports ",
    });
    for (index, one) in multiport.value.ports.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write::port_range(*one, out);
    }
}

/// Reports ports that match nothing; `refused`: the loaders compare the ends of a range.
pub fn check_ports(ports: &Ports, refused: bool, part: Part, problems: &mut Vec<Problem>) {
    for side in [&ports.source, &ports.destination].into_iter().flatten() {
        if side.value.start > side.value.end {
            let message = format!("the range of ports {} ends before it starts", side.value);
            let label = if side.negated { "excludes nothing" } else { "matches nothing" };
            problems.push(Problem { refused, ..problem(part, Kind::Match, message, label, "swap its ends") });
        } else if side.negated && side.value == PortRange::ANY {
            // iptables-save prints nothing for it: loaded again, it would match everything.
            let help = "leave it out to match every port";
            let label = "matches nothing; of TCP and UDP iptables-nft lets it match everything";
            problems.push(vain(problem(part, Kind::Match, "every port is excluded", label, help)));
        }
    }
}

/// iptables-nft 1.8.9 compares two negated single ports as one number: a packet with one of them would match.
fn neither_port(ports: &Ports, part: Part, problems: &mut Vec<Problem>) {
    if let Some(to) = ports.destination.filter(|_| ports.is_one_number()) {
        let help = format!("write `-m multiport ! --dports {}` instead of `! --dport {}`", to.value, to.value);
        let message = "iptables-nft compares two negated ports at once, and matches a packet that has only one of them";
        problems.push(vain(problem(part, Kind::Match, message, "weaker than it says", help)));
    }
}

fn check_flags(flags: &Negatable<TcpFlags>, part: Part, problems: &mut Vec<Problem>) {
    let TcpFlags { mask, set } = flags.value;
    if set & !mask != 0 && mask != 0 && !flags.negated {
        let help = "name every flag that must be on in the first word as well: `--tcp-flags SYN,ACK SYN`";
        let message = "a flag must be on that is not looked at";
        problems.push(vain(problem(part, Kind::Match, message, "matches nothing", help)));
    } else if mask == 0 {
        let help = "leave it out, or name the flags to look at";
        let label = "iptables-nft leaves it out, legacy iptables does not";
        problems.push(vain(problem(part, Kind::Match, "no flag is looked at", label, help)));
    }
}

fn check_multiport(multiport: &Negatable<Box<Multiport>>, part: Part, place: &RulePlace, problems: &mut Vec<Problem>) {
    if !place.protocol().is_some_and(Protocol::has_ports) {
        let message = "`-m multiport` needs `-p tcp`, `-p udp` or `-p sctp`";
        problems.push(problem(part, Kind::Protocol, message, "no protocol with ports", "write `-p tcp` before it"));
    }
    let slots: usize = multiport.value.ports.iter().map(|range| Multiport::slots(*range)).sum();
    if slots == 0 || slots > Multiport::SLOTS {
        let message = format!("`-m multiport` holds 1 to 15 ports, not {slots}");
        problems.push(problem(part, Kind::Match, message, "a range counts twice", "split the list over several rules"));
    }
    if let Some(range) = multiport.value.ports.iter().find(|range| range.start > range.end) {
        let message = format!("the range of ports {range} ends before it starts");
        problems.push(problem(part, Kind::Match, message, "matches nothing", "swap its ends"));
    }
    if multiport.negated && holds_every_port(&multiport.value.ports) {
        let help = "leave it out to match every port";
        problems.push(vain(problem(part, Kind::Match, "every port is excluded", "matches nothing", help)));
    }
}

/// Whether each port is in one of the ranges.
fn holds_every_port(ranges: &[PortRange]) -> bool {
    let mut ranges = ranges.to_vec();
    ranges.sort_by_key(|range| range.start);
    let mut next = 0;
    for range in ranges {
        if u32::from(range.start) > next {
            return false;
        }
        next = next.max(u32::from(range.end) + 1);
    }
    next > u32::from(u16::MAX)
}
