//! The text of matches and of targets' options, as `iptables-save` prints them.
//! Input: a match or a target. Output: text appended to the rule's line, with a blank in front.

use super::{bang, hexadecimal, number, string};
use crate::iptables::ruleset::{
    HashLimit, HopLimit, IcmpType, Log, MaskedMark, Match, Multiport, Nat, NatOptions, Negatable, Nflog, Policy,
    PolicyDirection, PortSide, Ports, Rate, RateUnit, RpFilter, States, Target, Tcp, TcpFlags, Unknown,
};
use crate::net::{Family, PortRange, write_address};

/// Appends ` -m …`.
pub fn one_match(one: &Match, out: &mut String) {
    out.push_str(" -m ");
    match one {
        Match::Tcp(tcp) => print_tcp(tcp, out),
        Match::Udp(both) => {
            out.push_str("udp");
            native_ports(both, out);
        }
        Match::Sctp(both) => {
            out.push_str("sctp");
            ports(both, out);
        }
        Match::Icmp(kind) => {
            out.push_str("icmp");
            icmp_type(" --icmp-type ", kind, Family::V4, out);
        }
        Match::Icmp6(kind) => {
            out.push_str("icmp6");
            icmp_type(" --icmpv6-type ", kind, Family::V6, out);
        }
        Match::Multiport(multiport) => print_multiport(multiport, out),
        Match::Ah => out.push_str("ah"),
        Match::Frag => out.push_str("frag"),
        Match::Ttl(limit) => {
            out.push_str("ttl");
            hop_limit(" --ttl-", limit, out);
        }
        Match::Hl(limit) => {
            out.push_str("hl");
            hop_limit(" --hl-", limit, out);
        }
        Match::Policy(policy) => print_policy(policy, out),
        Match::Mark(mark) => {
            out.push_str("mark");
            print_mark(mark, out);
        }
        Match::ConnMark(mark) => {
            out.push_str("connmark");
            print_mark(mark, out);
        }
        Match::ConnState(set) => {
            out.push_str("conntrack");
            states(" --ctstate ", set, out);
        }
        Match::State(set) => {
            out.push_str("state");
            states(" --state ", set, out);
        }
        Match::Limit(rate) => {
            out.push_str("limit --limit ");
            print_rate(rate, out);
            if rate.burst != Rate::DEFAULT_BURST {
                out.push_str(" --limit-burst ");
                number(rate.burst.into(), out);
            }
        }
        Match::HashLimit(limit) => hash_limit(limit, out),
        Match::RpFilter(filter) => rp_filter(filter, out),
        Match::IpRange(range) => {
            out.push_str("iprange");
            for (option, addresses) in [(" --src-range ", &range.source), (" --dst-range ", &range.destination)] {
                if let Some(addresses) = addresses {
                    bang(addresses.negated, out);
                    out.push_str(option);
                    write_address(addresses.value.0, out);
                    out.push('-');
                    write_address(addresses.value.1, out);
                }
            }
        }
        Match::Comment(text) => {
            out.push_str("comment --comment ");
            string(text, out);
        }
        Match::Unknown(unknown) => {
            out.push_str(&unknown.name);
            words(unknown, out);
        }
    }
}

/// Appends the options of a target, where it has any.
pub fn target_options(target: &Target, family: Family, out: &mut String) {
    match target {
        Target::None | Target::Accept | Target::Drop | Target::Return => {}
        Target::Jump(_) | Target::Goto(_) | Target::Unresolved { .. } => {}
        Target::Reject(with) => {
            if let Some(name) = with.name(family) {
                out.push_str(" --reject-with ");
                out.push_str(name);
            }
        }
        Target::Log(log) => print_log(log, out),
        Target::Nflog(nflog) => print_nflog(nflog, out),
        Target::TcpMss(Some(size)) => {
            out.push_str(" --set-mss ");
            number((*size).into(), out);
        }
        Target::TcpMss(None) => out.push_str(" --clamp-mss-to-pmtu"),
        Target::Masquerade(options) | Target::Redirect(options) => {
            if let Some(range) = options.ports {
                out.push_str(" --to-ports ");
                nat_ports(range, out);
            }
            nat_flags(options, out);
        }
        Target::Snat(nat) => print_nat(" --to-source ", nat, out),
        Target::Dnat(nat) => print_nat(" --to-destination ", nat, out),
        Target::Mark(MaskedMark { value, mask }) => {
            out.push_str(" --set-xmark ");
            hexadecimal(*value, out);
            out.push('/');
            hexadecimal(*mask, out);
        }
        Target::NoTrack => out.push_str(" --notrack"),
        Target::Unknown(unknown) => words(unknown, out),
    }
}

fn range(range: PortRange, out: &mut String) {
    number(range.start.into(), out);
    if !range.is_single() {
        out.push(':');
        number(range.end.into(), out);
    }
}

fn ports(ports: &Ports, out: &mut String) {
    for (option, side) in [(" --sport ", &ports.source), (" --dport ", &ports.destination)] {
        if let Some(side) = side {
            bang(side.negated, out);
            out.push_str(option);
            range(side.value, out);
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
    ports(&Ports { source: saved(both.source), destination: saved(both.destination) }, out);
}

fn print_tcp(tcp: &Tcp, out: &mut String) {
    out.push_str("tcp");
    native_ports(&tcp.ports, out);
    if let Some(option) = tcp.option {
        bang(option.negated, out);
        out.push_str(" --tcp-option ");
        number(option.value.into(), out);
    }
    if let Some(flags) = tcp.flags {
        bang(flags.negated, out);
        out.push_str(" --tcp-flags ");
        names(flags.value.mask, &TcpFlags::NAMES, "NONE", out);
        out.push(' ');
        names(flags.value.set, &TcpFlags::NAMES, "NONE", out);
    }
}

/// The names of the bits that are set, commas between them.
fn names(bits: u8, known: &[&str], none: &str, out: &mut String) {
    let mut first = true;
    for (bit, name) in known.iter().enumerate() {
        if bits & (1 << bit) != 0 {
            if !first {
                out.push(',');
            }
            out.push_str(name);
            first = false;
        }
    }
    if first {
        out.push_str(none);
    }
}

fn icmp_type(option: &str, kind: &Negatable<IcmpType>, family: Family, out: &mut String) {
    bang(kind.negated, out);
    out.push_str(option);
    if kind.value.kind == 255 && family == Family::V4 {
        out.push_str("any");
        return;
    }
    number(kind.value.kind.into(), out);
    if let Some(code) = kind.value.code {
        out.push('/');
        number(code.into(), out);
    }
}

fn print_multiport(multiport: &Negatable<Box<Multiport>>, out: &mut String) {
    out.push_str("multiport");
    bang(multiport.negated, out);
    out.push_str(match multiport.value.side {
        PortSide::Source => " --sports ",
        PortSide::Destination => " --dports ",
        PortSide::Either => " --ports ",
    });
    for (index, one) in multiport.value.ports.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        range(*one, out);
    }
}

fn hop_limit(option: &str, limit: &HopLimit, out: &mut String) {
    let (verb, value) = match limit {
        HopLimit::Equal(value) => {
            bang(value.negated, out);
            ("eq ", value.value)
        }
        HopLimit::Less(value) => ("lt ", *value),
        HopLimit::Greater(value) => ("gt ", *value),
    };
    out.push_str(option);
    out.push_str(verb);
    number(value.into(), out);
}

fn print_policy(policy: &Policy, out: &mut String) {
    out.push_str(match policy.direction {
        PolicyDirection::In => "policy --dir in --pol ",
        PolicyDirection::Out => "policy --dir out --pol ",
    });
    out.push_str(if policy.ipsec { "ipsec" } else { "none" });
}

fn print_mark(mark: &Negatable<MaskedMark>, out: &mut String) {
    bang(mark.negated, out);
    out.push_str(" --mark ");
    hexadecimal(mark.value.value, out);
    if mark.value.mask != u32::MAX {
        out.push('/');
        hexadecimal(mark.value.mask, out);
    }
}

fn states(option: &str, set: &Negatable<States>, out: &mut String) {
    bang(set.negated, out);
    out.push_str(option);
    names(set.value.0, &States::NAMES, "", out);
}

fn print_rate(rate: &Rate, out: &mut String) {
    number(rate.count.into(), out);
    out.push_str(match rate.unit {
        RateUnit::Second => "/sec",
        RateUnit::Minute => "/min",
        RateUnit::Hour => "/hour",
        RateUnit::Day => "/day",
    });
}

fn hash_limit(limit: &HashLimit, out: &mut String) {
    out.push_str(if limit.above { "hashlimit --hashlimit-above " } else { "hashlimit --hashlimit-upto " });
    print_rate(&limit.rate, out);
    out.push_str(" --hashlimit-burst ");
    number(limit.rate.burst.into(), out);
    if limit.mode != 0 {
        out.push_str(" --hashlimit-mode ");
        names(limit.mode, &HashLimit::MODES, "", out);
    }
    out.push_str(" --hashlimit-name ");
    out.push_str(&limit.name);
    tuning(&limit.tuning, out);
    for (option, mask) in
        [(" --hashlimit-srcmask ", limit.source_mask), (" --hashlimit-dstmask ", limit.destination_mask)]
    {
        if let Some(mask) = mask {
            out.push_str(option);
            number(mask.into(), out);
        }
    }
}

fn tuning(options: &[(Box<str>, u32)], out: &mut String) {
    for (name, value) in options {
        out.push_str(" --");
        out.push_str(name);
        out.push(' ');
        number((*value).into(), out);
    }
}

fn rp_filter(filter: &RpFilter, out: &mut String) {
    out.push_str("rpfilter");
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

fn print_log(log: &Log, out: &mut String) {
    if !log.prefix.is_empty() {
        out.push_str(" --log-prefix ");
        string(&log.prefix, out);
    }
    if let Some(level) = log.level.filter(|level| *level != Log::DEFAULT_LEVEL) {
        out.push_str(" --log-level ");
        number(level.into(), out);
    }
    for flag in &log.flags {
        out.push_str(" --");
        out.push_str(flag);
    }
}

fn print_nflog(nflog: &Nflog, out: &mut String) {
    if !nflog.prefix.is_empty() {
        out.push_str(" --nflog-prefix ");
        string(&nflog.prefix, out);
    }
    if nflog.group != 0 {
        out.push_str(" --nflog-group ");
        number(nflog.group.into(), out);
    }
    tuning(&nflog.tuning, out);
}

fn print_nat(option: &str, nat: &Nat, out: &mut String) {
    out.push_str(option);
    if let Some((first, last)) = nat.addresses {
        let brackets = first.is_ipv6() && nat.options.ports.is_some();
        if brackets {
            out.push('[');
        }
        write_address(first, out);
        if last != first {
            out.push('-');
            write_address(last, out);
        }
        if brackets {
            out.push(']');
        }
    }
    if let Some(range) = nat.options.ports {
        out.push(':');
        nat_ports(range, out);
    }
    nat_flags(&nat.options, out);
}

fn nat_ports(range: PortRange, out: &mut String) {
    number(range.start.into(), out);
    if !range.is_single() {
        out.push('-');
        number(range.end.into(), out);
    }
}

fn nat_flags(options: &NatOptions, out: &mut String) {
    for (set, option) in [
        (options.random, " --random"),
        (options.random_fully, " --random-fully"),
        (options.persistent, " --persistent"),
    ] {
        if set {
            out.push_str(option);
        }
    }
}

/// How `iptables-save` prints the value of an option that is kept as words.
#[derive(Clone, Copy, PartialEq)]
enum Quotes {
    /// Only where it could not be read otherwise.
    Needed,
    /// Unless it is made of letters, digits, `-` and `_`.
    Usual,
    /// Always.
    Always,
}

fn quotes(extension: &str, option: &str) -> Quotes {
    match (extension, option) {
        ("helper", "--helper") | ("cgroup", "--path") => Quotes::Usual,
        ("string", "--string" | "--hex-string") | ("u32", "--u32") | ("bpf", "--bytecode") => Quotes::Always,
        ("connlabel", "--label") | ("LED", "--led-trigger-id") => Quotes::Always,
        _ => Quotes::Needed,
    }
}

/// Words that were kept.
fn words(unknown: &Unknown, out: &mut String) {
    let mut style = Quotes::Needed;
    for word in &unknown.words {
        out.push(' ');
        match style {
            Quotes::Always => always_quoted(word, out),
            Quotes::Usual => string(word, out),
            Quotes::Needed => {
                let plain = |byte: u8| byte > b' ' && !matches!(byte, b'"' | b'\\' | b'\'');
                if !word.is_empty() && word.bytes().all(plain) {
                    out.push_str(word);
                } else {
                    string(word, out);
                }
            }
        }
        // A value may look like an option.
        style = if style == Quotes::Needed { quotes(&unknown.name, word) } else { Quotes::Needed };
    }
}

fn always_quoted(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('"');
}
