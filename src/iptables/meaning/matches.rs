//! What headers and matches ask of a packet.
//! Input: a rule's header and matches. Output: conditions, the same at every hook.
//!
//! *Negated or not, it does not match* is a conjunct of its own: the ports of a piece that has none, the mark of no connection.

use super::super::ruleset::{
    Address, Header, HopLimit, IcmpType, IpRange, MaskedMark, Match, Multiport, Negatable, Original, Part,
    PolicyDirection, PortSide, Ports, Rule, States, Tcp,
};
use super::condition::{
    Backend, Condition, Context, Doubt, FRAGMENT_FIRST, FRAGMENT_LATER, FRAGMENT_NO, Field, Unknown, name_number,
    state_number,
};
use super::surroundings;
use crate::iptables::packet::State;
use crate::net::{Family, Interface, PortRange, Prefix, Protocol, bits_of};

/// DCCP (RFC 4340), whose ports `-m udp` stands for as well.
const DCCP: Protocol = Protocol(33);

/// Everything that a rule asks, part by part; all of it must hold.
pub fn conditions(rule: &Rule, context: &Context) -> Vec<(Part, Condition)> {
    let mut all = Vec::new();
    rule.header.each(context, &mut |part, condition| all.push((part, condition)));
    all.extend(rule.matches.iter().enumerate().map(|(index, one)| (Part::Match(index), one.condition(context))));
    all
}

/// Whether the two backends take a match for something else.
pub fn backends_differ(one: &Match, family: Family) -> bool {
    let with = |backend| one.condition(&Context { family, backend: Some(backend) });
    with(Backend::Legacy) != with(Backend::Nft)
}

impl Header {
    /// What the header asks, part by part.
    pub fn each(&self, context: &Context, emit: &mut impl FnMut(Part, Condition)) {
        if let Some(source) = &self.source {
            emit(Part::Source, address(Field::Source, source));
        }
        if let Some(destination) = &self.destination {
            emit(Part::Destination, address(Field::Destination, destination));
        }
        if let Some(name) = self.in_interface {
            emit(Part::InInterface, interface(Field::InInterface, name));
        }
        if let Some(name) = self.out_interface {
            emit(Part::OutInterface, interface(Field::OutInterface, name));
        }
        if let Some(wanted) = self.protocol {
            emit(Part::Protocol, protocol(wanted, context));
        }
        if let Some(wanted) = self.fragment {
            emit(Part::Fragment, is_later().negated(wanted.negated));
        }
    }
}

/// The value and the mask of a prefix, as numbers of its family.
fn masked(prefix: &Prefix) -> (u128, u128) {
    let host = u32::from(prefix.family().bits() - prefix.length());
    let all = if prefix.family() == Family::V4 { u128::from(u32::MAX) } else { u128::MAX };
    let mask = all & u128::MAX.checked_shl(host).unwrap_or(0);
    (bits_of(prefix.address()) & mask, mask)
}

/// An address is in a prefix of its family.
pub fn prefix_is(field: Field, prefix: &Prefix) -> Condition {
    let (value, mask) = masked(prefix);
    Condition::masked(field, value, mask)
}

/// An interface has the name, or one that the pattern stands for: a plain name is compared with the zeros after it, a
/// pattern up to its `+`.
pub fn interface_is(field: Field, name: Interface) -> Condition {
    let mask = match name.pattern() {
        Some(prefix) => u128::MAX.checked_shl(128 - 8 * prefix.len() as u32).unwrap_or(0),
        None => u128::MAX,
    };
    Condition::masked(field, name_number(name) & mask, mask)
}

fn address(field: Field, wanted: &Negatable<Address>) -> Condition {
    let is = match &wanted.value {
        Address::Prefix(prefix) => prefix_is(field, prefix),
        Address::Masked(pair) => Condition::masked(field, bits_of(pair.0) & bits_of(pair.1), bits_of(pair.1)),
    };
    is.negated(wanted.negated)
}

fn interface(field: Field, wanted: Negatable<Interface>) -> Condition {
    interface_is(field, wanted.value).negated(wanted.negated)
}

fn is_protocol(protocol: Protocol) -> Condition {
    Condition::equal(Field::Protocol, protocol.0)
}

fn protocol(wanted: Negatable<Protocol>, context: &Context) -> Condition {
    let is = match (wanted.value, context.family) {
        // In IPv6 legacy iptables looks past AH, where nothing is (59), and iptables-nft at it.
        (Protocol::AH, Family::V6) => context.either(Condition::NEVER, is_protocol(Protocol::AH)),
        (Protocol(59), Family::V6) => {
            let either = [is_protocol(Protocol(59)), is_protocol(Protocol::AH)];
            context.either(Condition::any(either), is_protocol(Protocol(59)))
        }
        (protocol, _) => is_protocol(protocol),
    };
    is.negated(wanted.negated)
}

fn is_later() -> Condition {
    Condition::equal(Field::Fragment, FRAGMENT_LATER)
}

fn is_not_later() -> Condition {
    Condition::within(Field::Fragment, FRAGMENT_NO, FRAGMENT_FIRST)
}

impl Match {
    /// What the match asks of a packet.
    pub fn condition(&self, context: &Context) -> Condition {
        let mut all = Vec::new();
        self.each(context, None, &mut |condition| all.push(condition));
        Condition::all(all)
    }

    /// The same condition by condition, all of which must hold; `protocol`: the one that the header asks for, which then
    /// need not be asked for again.
    pub fn each(&self, context: &Context, protocol: Option<Protocol>, emit: &mut impl FnMut(Condition)) {
        match self {
            Match::Tcp(wanted) => tcp(wanted, context, protocol, emit),
            Match::Udp(wanted) => udp(wanted, context, protocol, emit),
            Match::Sctp(wanted) => {
                carried_by(&[Protocol::SCTP], protocol, emit);
                emit(is_not_later());
                ports(wanted, None, emit);
            }
            Match::Icmp(wanted) | Match::Icmp6(wanted) => icmp(*wanted, context.family, protocol, emit),
            Match::Multiport(wanted) => multiport(wanted, protocol, emit),
            Match::Ah => {
                carried_by(&[Protocol::AH], protocol, emit);
                emit(is_not_later());
            }
            Match::Frag { first: true } => emit(Condition::equal(Field::Fragment, FRAGMENT_FIRST)),
            Match::Frag { first: false } => emit(Condition::within(Field::Fragment, FRAGMENT_FIRST, FRAGMENT_LATER)),
            Match::Ttl(wanted) | Match::Hl(wanted) => emit(match *wanted {
                HopLimit::Equal(wanted) => Condition::equal(Field::HopLimit, wanted.value).negated(wanted.negated),
                HopLimit::Less(0) | HopLimit::Greater(u8::MAX) => Condition::NEVER,
                HopLimit::Less(bound) => Condition::within(Field::HopLimit, 0_u8, bound - 1),
                HopLimit::Greater(bound) => Condition::within(Field::HopLimit, bound + 1, u8::MAX),
            }),
            Match::Policy(wanted) => {
                let field = match wanted.direction {
                    PolicyDirection::In => Field::IpsecIn,
                    PolicyDirection::Out => Field::IpsecOut,
                };
                emit(Condition::equal(field, u128::from(wanted.ipsec)));
            }
            Match::Mark(wanted) => emit(mark(Field::Mark, *wanted)),
            Match::ConnMark(wanted) => {
                // Without a connection there is no mark to compare, negated or not.
                emit(has_connection());
                emit(mark(Field::ConnectionMark, *wanted));
            }
            Match::ConnState(wanted) | Match::State(wanted) => emit(states(*wanted)),
            Match::Limit(_) => emit(Condition::Unclear(Doubt::Limit, Unknown::Rule)),
            Match::HashLimit(wanted) => {
                emit(Condition::Unclear(Doubt::Limit, Unknown::Rule).negated(wanted.above));
            }
            Match::RpFilter(wanted) => emit(surroundings::rp_filter(*wanted)),
            Match::Original(wanted) => original(wanted, emit),
            Match::IpRange(wanted) => ip_range(wanted, emit),
            Match::Set(wanted) => emit(surroundings::in_set(&wanted.value).negated(wanted.negated)),
            Match::Mac(wanted) => emit(surroundings::mac(*wanted)),
            Match::PacketType(wanted) => emit(surroundings::packet_type(*wanted)),
            Match::Length(wanted) => emit(surroundings::length(*wanted)),
            Match::Dscp(wanted) => emit(surroundings::dscp(*wanted)),
            Match::Owner(wanted) => emit(surroundings::owner(wanted)),
            Match::AddrType(wanted) => emit(surroundings::addr_type(wanted, context.family)),
            Match::Statistic(wanted) => emit(surroundings::statistic(*wanted)),
            Match::ConnLimit(wanted) => emit(surroundings::connection_limit(*wanted)),
            Match::Comment(_) => {}
            Match::Unknown(unknown) => emit(surroundings::extension(unknown)),
        }
    }
}

/// The packet carries one of these protocols.
fn carried_by(protocols: &[Protocol], known: Option<Protocol>, emit: &mut impl FnMut(Condition)) {
    match known {
        Some(known) if protocols.contains(&known) => {}
        Some(_) => emit(Condition::NEVER),
        None => emit(Condition::any(protocols.iter().map(|protocol| is_protocol(*protocol)))),
    }
}

/// The packet belongs to a connection: what is invalid or untracked has none.
pub fn has_connection() -> Condition {
    Condition::within(Field::State, state_number(State::New), state_number(State::Established))
}

/// One side of `-m tcp` and the like; a range that is the other way round is met by no port.
fn port(field: Field, wanted: Option<Negatable<PortRange>>) -> Condition {
    wanted.map_or(Condition::ALWAYS, |wanted| {
        Condition::within(field, wanted.value.start, wanted.value.end).negated(wanted.negated)
    })
}

/// Both sides; `context`, where iptables-nft compares them in its own way.
fn ports(wanted: &Ports, context: Option<&Context>, emit: &mut impl FnMut(Condition)) {
    match context {
        Some(context) if wanted.is_one_number() => {
            let (from, to) = (port(Field::SourcePort, wanted.source), port(Field::DestinationPort, wanted.destination));
            // For iptables-nft 1.8.9 only this very pair does not match.
            emit(context.either(Condition::all([from.clone(), to.clone()]), Condition::any([from, to])));
        }
        _ => {
            for (field, wanted) in [(Field::SourcePort, wanted.source), (Field::DestinationPort, wanted.destination)] {
                let Some(wanted) = wanted else { continue };
                let is = port(field, Some(wanted));
                let excluded = wanted.negated && wanted.value == PortRange::ANY;
                // iptables-nft leaves a comparison with all ports out, negated or not.
                emit(match context.filter(|_| excluded) {
                    Some(context) => context.either(is, Condition::ALWAYS),
                    None => is,
                });
            }
        }
    }
}

/// Ports and flags can be read. In a later fragment legacy iptables finds none, and nothing matches; with iptables-nft
/// kernels up to 6.18 at least take the first bytes of the piece for them.
fn read(asks: bool, context: &Context, emit: &mut impl FnMut(Condition)) {
    match context.backend {
        Some(Backend::Nft) if asks => {}
        None if asks => emit(Condition::equal(Field::PortsRead, 1_u8)),
        _ => emit(is_not_later()),
    }
}

fn asks(wanted: &Ports) -> bool {
    wanted.source.is_some() || wanted.destination.is_some()
}

fn tcp(wanted: &Tcp, context: &Context, protocol: Option<Protocol>, emit: &mut impl FnMut(Condition)) {
    carried_by(&[Protocol::TCP], protocol, emit);
    ports(&wanted.ports, Some(context), emit);
    if let Some(flags) = wanted.flags {
        let is = Condition::masked(Field::TcpFlags, flags.value.set, flags.value.mask).negated(flags.negated);
        // Where no flag is looked at, iptables-nft leaves the comparison out, negated or not.
        emit(if flags.value.mask == 0 { context.either(is, Condition::ALWAYS) } else { is });
    }
    read(asks(&wanted.ports) || wanted.flags.is_some(), context, emit);
    if let Some(option) = wanted.option {
        // A packet here does not show its TCP options.
        let words = Unknown::Words(format!("tcp option {}", option.value).into());
        emit(Condition::Unclear(Doubt::Hidden, words).negated(option.negated));
    }
}

fn udp(wanted: &Ports, context: &Context, protocol: Option<Protocol>, emit: &mut impl FnMut(Condition)) {
    let native = [Protocol::UDP, Protocol::UDPLITE];
    match protocol {
        Some(known) if native.contains(&known) => {}
        Some(DCCP) | None => {
            // iptables-nft has no comparison of its own for DCCP.
            let dccp = Condition::all([is_protocol(DCCP), is_not_later()]);
            emit(Condition::any(native.map(is_protocol).into_iter().chain([dccp])));
        }
        Some(_) => emit(Condition::NEVER),
    }
    ports(wanted, Some(context), emit);
    read(asks(wanted), context, emit);
}

fn icmp(wanted: Negatable<IcmpType>, family: Family, protocol: Option<Protocol>, emit: &mut impl FnMut(Condition)) {
    carried_by(&[Protocol::icmp(family)], protocol, emit);
    emit(is_not_later());
    // 255 is any type to the kernel in IPv4 (`icmp_type_code_match`), and a type like others in IPv6: tried with Linux
    // 6.18 and both backends.
    if wanted.value.kind == u8::MAX && family == Family::V4 {
        emit(Condition::ALWAYS.negated(wanted.negated));
        return;
    }
    let kind = Condition::equal(Field::IcmpType, wanted.value.kind);
    match (wanted.value.code, wanted.negated) {
        (None, negated) => emit(kind.negated(negated)),
        (Some(code), false) => {
            emit(kind);
            emit(Condition::equal(Field::IcmpCode, code));
        }
        (Some(code), true) => emit(!Condition::all([kind, Condition::equal(Field::IcmpCode, code)])),
    }
}

fn multiport(wanted: &Negatable<Box<Multiport>>, protocol: Option<Protocol>, emit: &mut impl FnMut(Condition)) {
    let Multiport { side, ports } = &*wanted.value;
    let any = |field| Condition::any(ports.iter().map(|range| Condition::within(field, range.start, range.end)));
    let is = match side {
        PortSide::Source => any(Field::SourcePort),
        PortSide::Destination => any(Field::DestinationPort),
        PortSide::Either => Condition::any([any(Field::SourcePort), any(Field::DestinationPort)]),
    };
    carried_by(&[Protocol::TCP, Protocol::UDP, DCCP, Protocol::SCTP, Protocol::UDPLITE], protocol, emit);
    emit(is_not_later());
    emit(is.negated(wanted.negated));
}

fn mark(field: Field, wanted: Negatable<MaskedMark>) -> Condition {
    Condition::masked(field, wanted.value.value, wanted.value.mask).negated(wanted.negated)
}

fn states(wanted: Negatable<States>) -> Condition {
    const OWN: u8 = 0b1_1111;
    let own = wanted.value.0 & OWN;
    let (first, last) = (own.trailing_zeros(), 7_u32.saturating_sub(own.leading_zeros()));
    let run = own != 0 && u32::from(own) >> first == (1 << (last - first + 1)) - 1;
    if run && wanted.value.0 & !OWN == 0 {
        return Condition::within(Field::State, first, last).negated(wanted.negated);
    }
    let has = |bit: u128| wanted.value.0 & (1 << bit) != 0;
    let own = (0..5_u128).filter(|bit| has(*bit)).map(|bit| Condition::equal(Field::State, bit));
    let translated = [(5, Field::SourceTranslated), (6, Field::DestinationTranslated)];
    let translated =
        translated.into_iter().filter(|(bit, _)| has(*bit)).map(|(_, field)| Condition::equal(field, 1_u8));
    Condition::any(own.chain(translated)).negated(wanted.negated)
}

/// Without a connection the kernel looks at the state alone, and without that finds nothing (`conntrack_mt`).
fn original(wanted: &Original, emit: &mut impl FnMut(Condition)) {
    let destination = wanted
        .destination
        .map(|destination| prefix_is(Field::OriginalDestination, &destination.value).negated(destination.negated));
    let sent_to =
        Condition::all([destination.unwrap_or(Condition::ALWAYS), port(Field::OriginalDestinationPort, wanted.port)]);
    match wanted.states {
        Some(states) => {
            emit(self::states(states));
            emit(Condition::any([!has_connection(), sent_to]));
        }
        None => {
            emit(has_connection());
            emit(sent_to);
        }
    }
}

fn ip_range(wanted: &IpRange, emit: &mut impl FnMut(Condition)) {
    let sides = [(Field::Source, wanted.source), (Field::Destination, wanted.destination)];
    for (field, wanted) in sides.into_iter().filter_map(|(field, wanted)| Some((field, wanted?))) {
        let (first, last) = wanted.value;
        emit(Condition::within(field, bits_of(first), bits_of(last)).negated(wanted.negated));
    }
}

#[cfg(test)]
mod tests {
    use super::super::evaluate::{Answer, FieldReader, Value, evaluate};
    use super::*;
    use crate::iptables::meaning::Test;
    use crate::iptables::parse;
    use crate::iptables::ruleset::Rule;

    /// A packet by its fields; those that are not named are 0.
    struct Fields(Vec<(Field, Value)>);

    impl FieldReader for Fields {
        fn is(&self, field: Field, test: &Test) -> Answer {
            let value = self.0.iter().find(|(name, _)| *name == field).map_or(Value::Known(0), |(_, value)| *value);
            value.passes(test, 128)
        }

        fn unclear(&self, _: Doubt, _: &Unknown) -> Answer {
            Answer::Maybe
        }
    }

    fn rule(text: &str, family: Family) -> Rule {
        let (ruleset, faults) = parse::file(&format!("*filter\n-A INPUT {text} -j ACCEPT\nCOMMIT\n"), family);
        assert_eq!(faults, [], "{text}");
        ruleset.tables[0].rules[0].clone()
    }

    /// The answers of both families, then of both backends: legacy iptables, iptables-nft.
    fn answer(text: &str, family: Family, fields: &[(Field, u128)]) -> [Answer; 2] {
        let known = fields.iter().map(|(field, value)| (*field, Value::Known(*value)));
        let packet = Fields(known.collect());
        [Backend::Legacy, Backend::Nft].map(|backend| {
            let all = conditions(&rule(text, family), &Context { family, backend: Some(backend) });
            evaluate(&Condition::all(all.into_iter().map(|(_, condition)| condition)), &packet)
        })
    }

    const YES: [Answer; 2] = [Answer::Yes; 2];
    const NO: [Answer; 2] = [Answer::No; 2];

    #[test]
    fn icmp_type_255_is_any_in_ipv4_alone() {
        let echo = |family| [(Field::Protocol, Protocol::icmp(family).0.into()), (Field::IcmpType, 8)];
        assert_eq!(answer("-p icmp -m icmp --icmp-type 255", Family::V4, &echo(Family::V4)), YES);
        assert_eq!(answer("-p icmp -m icmp ! --icmp-type 255", Family::V4, &echo(Family::V4)), NO);
        assert_eq!(answer("-p ipv6-icmp -m icmp6 --icmpv6-type 255", Family::V6, &echo(Family::V6)), NO);
        assert_eq!(answer("-p ipv6-icmp -m icmp6 ! --icmpv6-type 255", Family::V6, &echo(Family::V6)), YES);
    }

    #[test]
    fn what_is_not_there_does_not_match_negated_or_not() {
        let untracked = [(Field::State, state_number(State::Untracked))];
        let known = [(Field::State, state_number(State::New)), (Field::ConnectionMark, 7)];
        for (text, of_known) in [("-m connmark --mark 0x7", YES), ("-m connmark ! --mark 0x7", NO)] {
            assert_eq!(answer(text, Family::V4, &untracked), NO, "{text}");
            assert_eq!(answer(text, Family::V4, &known), of_known, "{text}");
        }
        let later = [(Field::Protocol, 17), (Field::Fragment, FRAGMENT_LATER)];
        assert_eq!(answer("-p udp -m multiport ! --dports 53", Family::V4, &later), NO);
        assert_eq!(answer("-p udp -m udp ! --dport 53", Family::V4, &later), [Answer::No, Answer::Yes]);
    }

    #[test]
    fn backends_that_differ_are_told_apart() {
        let one = [(Field::Protocol, 6), (Field::SourcePort, 1), (Field::DestinationPort, 9)];
        let text = "-p tcp -m tcp ! --sport 1 ! --dport 2";
        assert_eq!(answer(text, Family::V4, &one), [Answer::No, Answer::Yes]);
        let ah = [(Field::Protocol, 51)];
        assert_eq!(answer("-p ah", Family::V6, &ah), [Answer::No, Answer::Yes]);
        assert_eq!(answer("-p 59", Family::V6, &ah), [Answer::Yes, Answer::No]);
        assert_eq!(answer("-p ah -m ah", Family::V4, &ah), YES);
        assert!(backends_differ(&rule(text, Family::V4).matches[0], Family::V4));
        assert!(!backends_differ(&rule("-m mark --mark 0x1", Family::V4).matches[0], Family::V4));
    }

    // Loaded with both backends, and met with packets.
    #[test]
    fn what_iptables_nft_leaves_out_matches_everything() {
        let tcp = [(Field::Protocol, 6)];
        for text in ["! --dport 0:65535", "! --sport :", "! --tcp-flags NONE NONE", "--tcp-flags NONE SYN"] {
            assert_eq!(answer(&format!("-p tcp {text}"), Family::V4, &tcp), [Answer::No, Answer::Yes], "{text}");
        }
        assert_eq!(answer("-p udp ! --dport 0:65535", Family::V6, &[(Field::Protocol, 17)]), [Answer::No, Answer::Yes]);
        assert_eq!(answer("-p tcp -m multiport ! --dports 0:65535", Family::V4, &tcp), NO);
        assert_eq!(answer("-p sctp ! --dport 0:65535", Family::V4, &[(Field::Protocol, 132)]), NO);
    }

    #[test]
    fn a_range_without_a_number_matches_nothing() {
        let udp = [(Field::Protocol, 17)];
        assert_eq!(answer("-p udp --dport 200:100", Family::V4, &udp), NO);
        assert_eq!(answer("-p udp ! --dport 200:100", Family::V4, &udp), YES);
        for (text, protocol, family) in [
            ("-m conntrack --ctorigdstport 200:100", 17, Family::V4),
            ("-m conntrack --ctexpire 9:1 --ctstate NEW", 17, Family::V4),
            ("-p esp -m esp --espspi 9:1", 50, Family::V4),
            ("-p esp -m esp ! --espspi :", 50, Family::V6),
            ("-p ah -m ah ! --ahspi :", 51, Family::V4),
            ("-m length --length 9:1", 17, Family::V6),
            ("-m frag --fragid 9:1", 17, Family::V6),
            ("-m frag ! --fragid :", 17, Family::V6),
            ("-m rt --rt-segsleft 9:1", 17, Family::V6),
            ("-p mh -m mh ! --mh-type :", 135, Family::V6),
            ("-p dccp --dport 9:1", 33, Family::V4),
        ] {
            assert_eq!(answer(text, family, &[(Field::Protocol, protocol)]), NO, "{text}");
        }
    }

    #[test]
    fn what_no_packet_can_be_is_never() {
        for text in ["-m mark --mark 0x3/0x1", "-i +", "-p tcp -m tcp --tcp-flags SYN SYN,ACK"] {
            let all = conditions(&rule(text, Family::V4), &Context::of(Family::V4));
            let whole = Condition::all(all.into_iter().map(|(_, condition)| condition));
            assert_eq!(whole.is_never(), text != "-i +", "{text}");
        }
        let all = conditions(&rule("! -i +", Family::V4), &Context::of(Family::V4));
        assert!(all.iter().any(|(_, condition)| condition.is_never()));
    }

    #[test]
    fn the_same_words_are_the_same_unknown_but_for_what_counts() {
        let of = |text: &str| rule(text, Family::V4).matches[0].condition(&Context::of(Family::V4));
        assert_eq!(of("-m u32 --u32 0x0=0x1"), of("-m u32 --u32 0x0=0x1"));
        assert_eq!(of("-m limit --limit 1/sec"), Condition::Unclear(Doubt::Limit, Unknown::Rule));
        assert_eq!(
            of("-m statistic --mode random --probability 0.5"),
            Condition::Unclear(Doubt::Extension, Unknown::Rule)
        );
    }
}
