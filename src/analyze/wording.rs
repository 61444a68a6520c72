//! A cube in the words of the language.
//! Input: what packets are. Output: traffic that means them, and what no sentence can say.

use std::net::{IpAddr, Ipv4Addr};

use super::cubes::Cube;
use super::ranges::Ranges;
use super::store::{Route, Terms, scattered};
use super::variables::Subject;
use crate::iptables::meaning::{Doubt, Field, Unknown, state_number};
use crate::iptables::packet::{Fragment, Packet, State, Transport, Way};
use crate::iptables::ruleset::{IcmpType, MaskedMark, Negatable, States, TcpFlags};
use crate::language::values::{ICMP_TYPES, IcmpWord, ProtocolWord, icmp_number};
use crate::net::{Addresses, Both, Family, Interface, PortRange, Protocol};
use crate::policy::{IpsecSides, Items, Packets, Traffic, Values};
use crate::way::first_state;

/// Packets as a sentence describes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Phrase {
    /// What a sentence can say.
    pub packets: Packets,
    /// What none can: the packets are only those for which this holds as well.
    pub also: Vec<String>,
}

/// The protocols whose ports a sentence can name.
const WITH_PORTS: [Protocol; 3] = [Protocol::TCP, Protocol::UDP, Protocol::SCTP];

/// The most sentences that one cube becomes: each says one ICMP code.
const MAX_CODES: u128 = 8;

/// What is said of TCP packets that can be the first of a connection.
pub const OPENING: &str = "flags that can begin a connection";

/// The order of the fields in a diagram: those first whose values are few. Fields that no sentence names come last, with
/// what a packet does not tell.
pub fn rank(subject: &Subject) -> u32 {
    match subject {
        Subject::Field(field) => match field {
            Field::InInterface => 0,
            Field::OutInterface => 1,
            Field::SameInterface => 2,
            Field::State => 3,
            Field::IpsecIn => 4,
            Field::IpsecOut => 5,
            Field::Protocol => 6,
            Field::Source => 7,
            Field::Destination => 8,
            Field::DestinationPort => 9,
            Field::IcmpType => 10,
            Field::IcmpCode => 11,
            Field::SourcePort => 12,
            Field::TcpFlags => 13,
            Field::HopLimit => 14,
            _ => HIDDEN,
        },
        Subject::Bits(Field::Mark, _) => 15,
        _ => HIDDEN,
    }
}

/// The rank of what is no field that a sentence can name.
pub const HIDDEN: u32 = 16;

/// What something depends on that a sentence does not say, in words.
pub fn depends(subject: &Subject) -> String {
    match subject {
        Subject::Unclear(doubt, unknown, _) => match (doubt, unknown) {
            (Doubt::Limit, _) => "a limit".into(),
            (Doubt::Spoofed, _) => "whether the source is spoofed".into(),
            (Doubt::Set(_), Unknown::Words(words)) => match words.split(' ').collect::<Vec<_>>()[..] {
                [_, name, "src"] => format!("whether the source is in the set `{name}`"),
                [_, name, "dst"] => format!("whether the destination is in the set `{name}`"),
                [_, name, ..] => format!("the set `{name}`"),
                _ => "a set".into(),
            },
            (Doubt::Extension, Unknown::Words(words)) if !words.contains('{') => format!("`{words}`"),
            (Doubt::GoesOn | Doubt::LetsPass, _) => "a target that is not known".into(),
            _ => "a match that is not known".into(),
        },
        Subject::Field(field) | Subject::Bits(field, _) => format!("the {}", name(*field)),
        Subject::After(_, Field::OutInterface, _) => "where it is routed after translation or marking".into(),
        Subject::After(None, field, _) => format!("the {} as rules see it", name(*field)),
        Subject::After(Some(_), field, _) => format!("what translation and marks make of the {}", name(*field)),
        Subject::OtherType => "whether the destination is a broadcast or anycast address".into(),
    }
}

/// The name of a field.
pub fn name(field: Field) -> &'static str {
    match field {
        Field::InInterface => "in-interface",
        Field::OutInterface => "out-interface",
        Field::Source => "source",
        Field::Destination => "destination",
        Field::SourcePort => "source port",
        Field::DestinationPort => "destination port",
        Field::TcpFlags => "TCP flags",
        Field::HopLimit => "TTL",
        Field::Mark => "mark",
        Field::ConnectionMark => "connection mark",
        Field::SourceTranslated | Field::DestinationTranslated => "translation of the connection",
        Field::OriginalDestination | Field::OriginalDestinationPort => "original destination",
        Field::Length => "length",
        Field::Dscp => "DSCP",
        Field::HardwareSource => "hardware address",
        Field::LinkType => "packet type of the link",
        Field::Socket => "socket",
        Field::User => "user",
        Field::Group => "group",
        Field::SourceType => "address type of the source",
        Field::DestinationType => "address type of the destination",
        Field::Backend => "iptables that loads the rules",
        _ => "packet",
    }
}

/// Whether no sentence names a protocol: the next headers of IPv6, and what the other family alone has.
pub fn is_nameless(family: Family, number: u128) -> bool {
    match family {
        Family::V4 => matches!(number, 0 | 43 | 44 | 58 | 59 | 60),
        Family::V6 => matches!(number, 0 | 1 | 2 | 43 | 44 | 59 | 60),
    }
}

/// Cubes in words.
pub struct Wording<'a> {
    /// What the variables are.
    pub terms: &'a Terms,
    /// The way of the packets.
    pub route: Route,
    /// Whether they are pieces.
    pub fragment: Fragment,
}

impl Wording<'_> {
    fn values(&self, subject: &Subject, cube: &Cube) -> Option<Ranges> {
        let variable = self.terms.variables.find(subject)?;
        let at = cube.0.binary_search_by_key(&variable, |(known, _)| *known).ok()?;
        (cube.0[at].1 != *self.terms.variables.domain(variable)).then(|| cube.0[at].1.clone())
    }

    fn field(&self, field: Field, cube: &Cube) -> Option<Ranges> {
        self.values(&Subject::Field(field), cube)
    }

    /// The packets of a cube; none, where its interfaces cannot be.
    pub fn describe(&self, cube: &Cube) -> Vec<Phrase> {
        let has_ports =
            [Field::SourcePort, Field::DestinationPort].iter().any(|field| self.field(*field, cube).is_some());
        if !has_ports {
            return self.alike(cube, true);
        }
        // A sentence names the ports of some protocols only.
        let named = Ranges::of(0xff, |number| WITH_PORTS.iter().any(|protocol| u128::from(protocol.0) == number));
        let protocol = self.terms.variables.find(&Subject::Field(Field::Protocol));
        let of = |values: Ranges| protocol.and_then(|variable| cube.and(&Cube::of(variable, values)));
        let sides = [(of(named.clone()), true), (of(named.not(0xff)), false)];
        sides
            .into_iter()
            .flat_map(|(cube, named)| cube.map_or_else(Vec::new, |cube| self.alike(&cube, named)))
            .collect()
    }

    /// The same of packets whose ports can all be named, or none of them.
    fn alike(&self, cube: &Cube, names_ports: bool) -> Vec<Phrase> {
        let family = self.terms.family;
        let mut also = Vec::new();
        let mut traffic = Traffic::default();
        match self.route {
            Route::In => traffic.directions.input = true,
            Route::Out => traffic.directions.output = true,
            Route::Forward => traffic.directions.forward = true,
        }
        let sides = [(Field::InInterface, Route::Out), (Field::OutInterface, Route::In)];
        for (field, without) in sides {
            if self.route == without {
                continue;
            }
            let Some(values) = self.field(field, cube) else { continue };
            let place = match (self.route, field) {
                (Route::Forward, Field::InInterface) => &mut traffic.in_on,
                (Route::Forward, _) => &mut traffic.out_on,
                _ => &mut traffic.on,
            };
            match self.interfaces(&values) {
                Ok(values) => *place = values,
                Err(words) => also.push(format!("{} {words}", name(field))),
            }
        }
        if let Some(same) = self.field(Field::SameInterface, cube) {
            let [from, to] = [Field::InInterface, Field::OutInterface].map(|field| self.field(field, cube));
            let alone = |values: &Ranges| matches!(values.list(), [(first, last)] if first == last);
            let apart = from.as_ref().zip(to.as_ref()).is_some_and(|(from, to)| !from.meets(to));
            let one = from.as_ref().zip(to.as_ref()).is_some_and(|(from, to)| from == to && alone(from));
            match (same.contains(1), apart, one) {
                (true, true, _) | (false, _, true) => return Vec::new(),
                (true, _, false) => also.push("back out of the interface by which they came in".into()),
                (false, false, _) => also.push("out of another interface than they came in by".into()),
                _ => {}
            }
        }
        if let Some(values) = self.field(Field::State, cube) {
            let holds = |state: &State| values.contains(state_number(*state));
            let bits = |fits: &dyn Fn(&State) -> bool| {
                States(State::ALL.iter().filter(|state| fits(state)).fold(0, |all, state| all | state.bit().0))
            };
            let (own, others) = (bits(&holds), bits(&|state| !holds(state)));
            let negated = others.0 != 0 && others.0.count_ones() < own.0.count_ones();
            traffic.states = Some(Negatable { negated, value: if negated { others } else { own } });
        }
        for (field, place) in [(Field::IpsecIn, &mut traffic.ipsec.came), (Field::IpsecOut, &mut traffic.ipsec.goes)] {
            *place = self.field(field, cube).map(|values| values.contains(1));
        }
        // Of what does not go through there is one side, and `in` and `out` are directions.
        let IpsecSides { came, goes } = traffic.ipsec;
        if self.route != Route::Forward {
            traffic.ipsec = IpsecSides { came: came.or(goes), goes: goes.or(came) };
        }
        if let Some(values) = self.field(Field::Protocol, cube) {
            traffic.protocols = self.protocols(&values);
        }
        let address = |field| {
            self.field(field, cube).map_or_else(Values::any, |values| {
                fewest(&values, family.last(), |(first, last)| {
                    Addresses::range(family.address(first), family.address(last))
                })
            })
        };
        traffic.source = address(Field::Source);
        traffic.destination = address(Field::Destination);
        let ports =
            [(Field::SourcePort, &mut traffic.source_ports), (Field::DestinationPort, &mut traffic.destination_ports)];
        for (field, place) in ports {
            match self.field(field, cube) {
                Some(values) if names_ports => {
                    let range = |(first, last)| Some(PortRange { start: first as u16, end: last as u16 });
                    *place = fewest(&values, 0xffff, range);
                }
                values => also.extend(values.map(|values| format!("{} {}", name(field), numbers(&values)))),
            }
        }
        if let Some(values) = self.field(Field::TcpFlags, cube) {
            match flags(&values) {
                Some(flags) => traffic.flags = Some(flags),
                None if values == opening() => also.push(OPENING.into()),
                None if values == opening().not(0x3f) => also.push("flags that cannot begin a connection".into()),
                None => also.push(format!("TCP flags {}", numbers(&values))),
            }
        }
        if let Some(values) = self.field(Field::HopLimit, cube) {
            let single = |values: &Ranges| match values.list() {
                [(first, last)] if first == last => Some(*first as u8),
                _ => None,
            };
            match (single(&values), single(&values.not(0xff))) {
                (Some(hops), _) => traffic.ttl = Some(Negatable::is(hops)),
                (None, Some(hops)) => traffic.ttl = Some(Negatable::not(hops)),
                (None, None) => also.push(format!("TTL {}", numbers(&values))),
            }
        }
        self.mark(cube, &mut traffic, &mut also);
        let (kinds, codes) = (self.field(Field::IcmpType, cube), self.field(Field::IcmpCode, cube));
        let each = self.icmp(kinds, codes, &mut also);
        let described = |icmp_types: Values<IcmpWord>| {
            let traffic = Traffic { icmp_types, ..traffic.clone() };
            let packets = Packets {
                families: family.into(),
                traffic,
                over_limit: false,
                spoofed: false,
                fragment: self.fragment,
            };
            Phrase { packets, also: also.clone() }
        };
        each.into_iter().map(described).collect()
    }

    /// Interfaces by names and patterns; else in words.
    fn interfaces(&self, values: &Ranges) -> Result<Values<Interface>, String> {
        let all: Vec<usize> = (0..self.terms.names.len()).collect();
        let from = usize::from(self.route == Route::Forward);
        let (own, others): (Vec<usize>, Vec<usize>) = all[from..].iter().partition(|at| values.contains(**at as u128));
        if others.is_empty() {
            return Ok(Values::any());
        }
        let one = |negated: bool, set: &[usize]| {
            self.patterns(set, from).map(|items| Values { negated, items: items.into_iter().collect() })
        };
        let (is, is_not) = (one(false, &own), one(true, &others));
        match (is, is_not) {
            (Some(is), Some(not)) => Ok(if not.items.len() < is.items.len() { not } else { is }),
            (Some(values), None) | (None, Some(values)) => Ok(values),
            (None, None) => {
                let named: Vec<&str> = own.iter().map(|at| self.terms.names[*at].name()).collect();
                Err(format!("like {}", named.join(", ")))
            }
        }
    }

    /// The names and patterns that stand for these positions and no others.
    fn patterns(&self, set: &[usize], from: usize) -> Option<Vec<Interface>> {
        let mut left = set.to_vec();
        let mut items = Vec::new();
        let mut patterns: Vec<_> = self.terms.patterns.iter().filter(|pattern| !pattern.prefix.is_empty()).collect();
        patterns.sort_by_key(|pattern| pattern.prefix.len());
        for pattern in patterns {
            let has = |at: usize| self.terms.names[at].name().starts_with(&pattern.prefix);
            let members: Vec<usize> = (from..self.terms.names.len()).filter(|at| has(*at)).collect();
            let stands = members.iter().any(|at| (pattern.others.0..pattern.others.1).contains(at));
            if stands && members.iter().all(|at| set.contains(at)) && members.iter().any(|at| left.contains(at)) {
                left.retain(|at| !members.contains(at));
                items.push(Interface::new(&format!("{}+", pattern.prefix))?);
            }
        }
        let exact = self.terms.patterns.first().map_or(self.terms.names.len(), |all| all.others.0);
        for at in left {
            if at >= exact {
                return None;
            }
            items.push(self.terms.names[at]);
        }
        Some(items)
    }

    fn protocols(&self, values: &Ranges) -> Values<ProtocolWord> {
        let family = self.terms.family;
        let words = |values: &Ranges| -> Items<ProtocolWord> {
            let numbers = values.list().iter().flat_map(|(first, last)| *first..=*last);
            numbers.map(|number| ProtocolWord::of(family, Protocol(number as u8))).collect()
        };
        // What cannot be named is not among the packets.
        let named = Ranges::of(0xff, |number| !is_nameless(family, number));
        let (own, others) = (values.and(&named), values.not(0xff).and(&named));
        match (words(&own), words(&others)) {
            (_, others) if others.is_empty() => Values::any(),
            (own, others) if others.len() < own.len() => Values { negated: true, items: others },
            (own, _) => Values { negated: false, items: own },
        }
    }

    fn mark(&self, cube: &Cube, traffic: &mut Traffic, also: &mut Vec<String>) {
        let parts: Vec<(u32, Ranges)> = self
            .terms
            .parts
            .iter()
            .filter_map(|part| Some((*part, self.values(&Subject::Bits(Field::Mark, *part), cube)?)))
            .collect();
        let single = |values: &Ranges| match values.list() {
            [(first, last)] if first == last => Some(*first),
            _ => None,
        };
        let all: Option<Vec<(u32, u128)>> = parts.iter().map(|(part, values)| Some((*part, single(values)?))).collect();
        match (&parts[..], all) {
            ([], _) => {}
            (_, Some(all)) => {
                let mask = all.iter().fold(0, |mask, (part, _)| mask | part);
                let value = all.iter().fold(0, |bits, (part, value)| bits | scattered(*value, *part));
                traffic.mark = Some(Negatable::is(MaskedMark { value, mask }));
            }
            ([(part, values)], None) => {
                let last = (1_u128 << part.count_ones()) - 1;
                match single(&values.not(last)) {
                    Some(value) => {
                        let value = scattered(value, *part);
                        traffic.mark = Some(Negatable::not(MaskedMark { value, mask: *part }));
                    }
                    None => also.push(format!("mark, in the bits {part:#x}, {}", numbers(values))),
                }
            }
            (parts, None) => {
                also.extend(
                    parts.iter().map(|(part, values)| format!("mark, in the bits {part:#x}, {}", numbers(values))),
                );
            }
        }
    }

    /// ICMP types with their codes: one sentence for each code that is said.
    fn icmp(&self, kinds: Option<Ranges>, codes: Option<Ranges>, also: &mut Vec<String>) -> Vec<Values<IcmpWord>> {
        let Some(kinds) = kinds else {
            also.extend(codes.map(|codes| format!("ICMP code {}", numbers(&codes))));
            return vec![Values::any()];
        };
        let each = |values: &Ranges| -> Vec<u8> {
            values.list().iter().flat_map(|(first, last)| *first..=*last).map(|number| number as u8).collect()
        };
        let Some(codes) = codes else {
            // 255 cannot be named, and is not among the packets.
            let (own, others) = (each(&kinds), each(&kinds.not(0xfe)));
            if others.is_empty() {
                return vec![Values::any()];
            }
            let negated = others.len() < own.len();
            let items = if negated { others } else { own };
            let items = items.into_iter().map(|kind| self.icmp_word(kind, None)).collect();
            return vec![Values { negated, items }];
        };
        let count: u128 = codes.list().iter().map(|(first, last)| last - first + 1).sum();
        let types = each(&kinds);
        if count > MAX_CODES {
            also.push(format!("ICMP code {}", numbers(&codes)));
            let items = types.into_iter().map(|kind| self.icmp_word(kind, None)).collect();
            return vec![Values { negated: false, items }];
        }
        let of_code = |code: u8| {
            let items = types.iter().map(|kind| self.icmp_word(*kind, Some(code))).collect();
            Values { negated: false, items }
        };
        each(&codes).into_iter().map(of_code).collect()
    }

    fn icmp_word(&self, kind: u8, code: Option<u8>) -> IcmpWord {
        let family = self.terms.family;
        let row = ICMP_TYPES.iter().find(|(_, types)| types[family] == Some(IcmpType { kind, code }));
        match row {
            Some((_, types)) => IcmpWord { types: *types },
            None => {
                let types: Both<Option<IcmpType>> = icmp_number(kind).types;
                IcmpWord { types: types.map(|one| one.map(|one| IcmpType { code, ..one })) }
            }
        }
    }
}

/// Values by their ranges, or by those that they are not, whichever are fewer.
fn fewest<T>(values: &Ranges, last: u128, item: impl Fn((u128, u128)) -> Option<T>) -> Values<T> {
    let others = values.not(last);
    let negated = others.list().len() < values.list().len();
    let list = if negated { &others } else { values };
    Values { negated, items: list.list().iter().copied().filter_map(item).collect() }
}

/// `1-3, 7`
fn numbers(values: &Ranges) -> String {
    let one = |(first, last): &(u128, u128)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    values.list().iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The combinations of TCP flags with which connection tracking takes a packet for the first of a connection.
fn opening() -> Ranges {
    let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let name = Interface::new("lo").expect("a short name");
    Ranges::of(0x3f, |flags| {
        let packet = Packet {
            way: Way::In(name),
            source: host,
            destination: host,
            hop_limit: 64,
            transport: Transport::Tcp(1, 1, flags as u8),
            fragment: Fragment::No,
            mark: 0,
            state: None,
            ipsec_in: false,
            ipsec_out: false,
        };
        first_state(&packet) == State::New
    })
}

/// The mask and the flags that mean these combinations, or all but these.
fn flags(values: &Ranges) -> Option<Negatable<TcpFlags>> {
    let holds = |negated: bool, flags: u128| values.contains(flags) != negated;
    for mask in 0..=0x3f_u8 {
        for negated in [false, true] {
            let Some(one) = (0..=0x3f).find(|flags| holds(negated, *flags)) else { continue };
            let set = one as u8 & mask;
            if (0..=0x3f).all(|flags| holds(negated, flags) == (flags as u8 & mask == set)) {
                return Some(Negatable { negated, value: TcpFlags { mask, set } });
            }
        }
    }
    None
}
