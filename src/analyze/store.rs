//! A packet at one point of its way, as far as the rules before have made it: what each field is, in variables.
//! Input: what rules write. Output: what a condition asks of the variables.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::cubes::{Cube, Cubes, always, product};
use super::ranges::Ranges;
use super::variables::{Subject, Variable, Variables};
use crate::iptables::meaning::{Condition, Doubt, Ends, Field, Test, Unknown, name_number, state_number};
use crate::iptables::packet::{Fragment, State};
use crate::iptables::ruleset::AddressTypes;
use crate::net::{Family, Interface, Protocol};
use crate::simulate::{Assumptions, By};

/// The most cubes of one condition.
pub const MAX_CUBES: usize = 4_096;

/// What a field is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Symbolic {
    /// This number.
    Known(u128),
    /// A variable, and so much more.
    Plus(Variable, i128),
    /// A variable, with bits turned over.
    Xor(Variable, u128),
    /// A number for each value of a variable.
    Table(Variable, Arc<[u8]>),
}

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// To the gateway itself.
    In,
    /// From the gateway itself.
    Out,
    /// Through it.
    Forward,
}

impl Route {
    /// Every way, in the order in which people ask for them.
    pub const ALL: [Route; 3] = [Route::In, Route::Forward, Route::Out];
}

/// A pattern of interface names, `""` for all of them.
#[derive(Clone, Debug)]
pub struct NamePattern {
    /// What a name begins with.
    pub prefix: String,
    /// The positions of the names that stand for those that nothing longer fits.
    pub others: (usize, usize),
}

/// A new destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Redirected {
    /// None.
    No,
    /// An address that a rule names.
    Address,
    /// One of the gateway's own, or one that is not known.
    Other,
}

/// A packet at one point of its way: a symbolic store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Store {
    /// The fields that are not as on the wire.
    pub fields: BTreeMap<Field, Symbolic>,
    /// The marks of the packet and of its connection, part by part.
    pub marks: [Vec<Symbolic>; 2],
    /// Where it goes.
    pub route: Route,
    /// Whether it came to the gateway and goes on to another host.
    pub rerouted: bool,
    /// Whether the gateway's own packet was sent back to itself.
    pub to_itself: bool,
    /// Whether its destination is a new one.
    pub redirected: Redirected,
    /// How many times the source has changed, and the destination, ports included.
    pub changes: [u32; 2],
    /// Who let it pass the filter, where that is kept.
    pub passed: Option<By>,
}

impl Store {
    /// A packet before its first hook.
    pub fn initial(terms: &mut Terms, route: Route, fragment: Fragment) -> Store {
        let mut fields = BTreeMap::new();
        let zero = [Field::NoTrack, Field::TrackingChosen, Field::SourceTranslated, Field::DestinationTranslated];
        fields.extend(zero.map(|field| (field, Symbolic::Known(0))));
        fields.insert(Field::State, Symbolic::Known(state_number(State::Invalid)));
        fields.insert(Field::Fragment, Symbolic::Known(fragment as u128));
        fields.insert(Field::OutInterface, Symbolic::Known(0));
        if route == Route::Out {
            fields.insert(Field::InInterface, Symbolic::Known(0));
            fields.insert(Field::HardwareSource, Symbolic::Known(0));
            fields.insert(Field::IpsecIn, Symbolic::Known(0));
        } else {
            fields.extend([Field::Socket, Field::User, Field::Group].map(|field| (field, Symbolic::Known(0))));
        }
        if route == Route::In {
            fields.insert(Field::IpsecOut, Symbolic::Known(0));
        }
        if fragment == Fragment::Later {
            for field in [Field::SourcePort, Field::DestinationPort, Field::TcpFlags] {
                let variable = terms.variables.of(Subject::After(None, field, u32::MAX));
                fields.insert(field, Symbolic::Plus(variable, 0));
            }
        }
        let hops = terms.wire(Field::HopLimit);
        fields.insert(Field::HopLimit, Symbolic::Table(hops, (0..=255).collect::<Vec<u8>>().into()));
        let mut mark = Vec::new();
        for part in terms.parts.clone() {
            mark.push(Symbolic::Xor(terms.variables.of(Subject::Bits(Field::Mark, part)), 0));
        }
        let connection = terms.parts.iter().map(|_| Symbolic::Known(0)).collect();
        Store {
            fields,
            marks: [mark, connection],
            route,
            rerouted: false,
            to_itself: false,
            redirected: Redirected::No,
            changes: [0, 0],
            passed: None,
        }
    }
}

/// Turns conditions into cubes.
pub struct Terms {
    /// The variables that were met.
    pub variables: Variables,
    /// One interface for each name, and for each pattern two that it stands for; `lo` is the first.
    pub names: Vec<Interface>,
    /// The patterns that were named.
    pub patterns: Vec<NamePattern>,
    /// The parts of marks that always occur together, as masks.
    pub parts: Vec<u32>,
    /// The family.
    pub family: Family,
    /// How limits and the way back are taken.
    pub assumptions: Assumptions,
    /// Whether a condition had too many cubes.
    pub too_many: bool,
    known: HashMap<(Field, Test), Option<Ranges>>,
}

/// The bits of a number under a mask, put together.
pub fn gathered(number: u32, mask: u32) -> u128 {
    let bits = (0..32).filter(|bit| mask >> bit & 1 != 0).enumerate();
    bits.map(|(to, from)| u128::from(number >> from & 1) << to).sum()
}

/// The reverse.
pub fn scattered(number: u128, mask: u32) -> u32 {
    let bits = (0..32).filter(|bit| mask >> bit & 1 != 0).enumerate();
    bits.map(|(from, to)| ((number >> from & 1) as u32) << to).sum()
}

impl Terms {
    /// Nothing was met yet.
    pub fn new(
        family: Family,
        names: Vec<Interface>,
        patterns: Vec<NamePattern>,
        parts: Vec<u32>,
        assumptions: Assumptions,
    ) -> Terms {
        let variables = Variables::new(family, names.len());
        Terms { variables, names, patterns, parts, family, assumptions, too_many: false, known: HashMap::new() }
    }

    /// What a condition asks, or its opposite.
    pub fn cubes(&mut self, condition: &Condition, positive: bool, store: &Store) -> Cubes {
        match condition {
            Condition::Is(field, test) => self.is(*field, test, positive, store),
            Condition::Not(inner) => self.cubes(inner, !positive, store),
            Condition::All(all) | Condition::Any(all) if matches!(condition, Condition::All(_)) == positive => {
                let mut cubes = always();
                for one in all {
                    if cubes.is_empty() {
                        break;
                    }
                    let more = self.cubes(one, positive, store);
                    cubes = self.both(&cubes, &more);
                }
                cubes
            }
            Condition::All(all) | Condition::Any(all) => {
                let mut cubes = Vec::new();
                for one in all {
                    for cube in self.cubes(one, positive, store) {
                        if cube == Cube::default() {
                            return always();
                        }
                        if !cubes.contains(&cube) {
                            cubes.push(cube);
                        }
                    }
                }
                cubes
            }
            Condition::Unclear(doubt, unknown) => {
                let assumed = match doubt {
                    Doubt::Limit => self.assumptions.within_limit,
                    Doubt::Spoofed => self.assumptions.spoofed,
                    _ => None,
                };
                match assumed {
                    Some(holds) if holds == positive => always(),
                    Some(_) => Vec::new(),
                    None => {
                        // Another address may be in other sets.
                        let changes = match doubt {
                            Doubt::Set(Ends::Source) => [store.changes[0], 0],
                            Doubt::Set(Ends::Destination) => [0, store.changes[1]],
                            Doubt::Set(Ends::Both) => store.changes,
                            _ => [0, 0],
                        };
                        self.unclear(*doubt, unknown.clone(), changes, positive)
                    }
                }
            }
        }
    }

    /// What meets one of each.
    pub fn both(&mut self, one: &[Cube], other: &[Cube]) -> Cubes {
        let cubes = product(one, other, MAX_CUBES);
        self.too_many |= cubes.is_none();
        cubes.unwrap_or_default()
    }

    fn unclear(&mut self, doubt: Doubt, unknown: Unknown, changes: [u32; 2], positive: bool) -> Cubes {
        let variable = self.variables.of(Subject::Unclear(doubt, unknown, changes));
        vec![Cube::of(variable, Ranges::within(positive.into(), positive.into()))]
    }

    /// The values of a field that pass a test; `None`, where these are too many ranges.
    fn values(&mut self, field: Field, test: &Test) -> Option<Ranges> {
        if let Some(known) = self.known.get(&(field, *test)) {
            return known.clone();
        }
        let last = self.variables.last_of(field);
        let values = match field {
            Field::InInterface | Field::OutInterface => {
                Some(Ranges::of(last, |index| test.holds(name_number(self.names[index as usize]))))
            }
            _ if last <= 0xff => Some(Ranges::of(last, |value| test.holds(value))),
            _ => match *test {
                Test::Within(first, end) => Some(Ranges::within(first, end.min(last))),
                Test::Masked { value, mask } => Ranges::masked(value, mask, last),
            },
        };
        self.known.insert((field, *test), values.clone());
        values
    }

    /// The variable of a field on the wire.
    pub fn wire(&mut self, field: Field) -> Variable {
        self.variables.of(Subject::Field(field))
    }

    fn is(&mut self, field: Field, test: &Test, positive: bool, store: &Store) -> Cubes {
        match field {
            Field::Mark => return self.mark(test, positive, &store.marks[0]),
            Field::ConnectionMark => return self.mark(test, positive, &store.marks[1]),
            Field::DestinationType if !store.fields.contains_key(&field) => {
                return self.destination_type(test, positive, store);
            }
            Field::OriginalDestinationPort if !store.fields.contains_key(&field) => {
                return self.original_port(test, positive, store);
            }
            Field::PortsRead => {
                let later = store.fields.get(&Field::Fragment) == Some(&Symbolic::Known(Fragment::Later as u128));
                if !later {
                    return if test.holds(1) == positive { always() } else { Vec::new() };
                }
                return self.is(Field::Backend, test, positive, store);
            }
            _ => {}
        }
        let term = match store.fields.get(&field) {
            Some(term) => term.clone(),
            None => Symbolic::Plus(self.wire(field), 0),
        };
        if let Symbolic::Known(value) = term {
            // No interface is not in the list of names.
            return if test.holds(value) == positive { always() } else { Vec::new() };
        }
        if let Symbolic::Table(variable, table) = term {
            let values = Ranges::of(self.variables.highest(variable), |value| {
                test.holds(table[value as usize].into()) == positive
            });
            return self.of_values(variable, values);
        }
        let Some(values) = self.values(field, test) else {
            // A mask with many holes is so many ranges that it is a thing of its own: what is found with it is tried.
            let words = Unknown::Words(format!("{field:?} {term:?} {test:?}").into());
            return self.unclear(Doubt::Hidden, words, [0, 0], positive);
        };
        let last = self.variables.last_of(field);
        let values = if positive { values } else { values.not(last) };
        match term {
            Symbolic::Plus(variable, by) => {
                let last = self.variables.highest(variable);
                self.of_values(variable, if by == 0 { values } else { values.moved(by.wrapping_neg(), last) })
            }
            Symbolic::Known(_) | Symbolic::Table(..) | Symbolic::Xor(..) => Vec::new(),
        }
    }

    /// A variable with some values: always, where it has no others.
    pub fn of_values(&self, variable: Variable, values: Ranges) -> Cubes {
        let domain = self.variables.domain(variable);
        let values = values.and(domain);
        match () {
            () if values.is_empty() => Vec::new(),
            () if values == *domain => always(),
            () => vec![Cube::of(variable, values)],
        }
    }

    fn mark(&mut self, test: &Test, positive: bool, parts: &[Symbolic]) -> Cubes {
        let (value, mask) = match *test {
            Test::Masked { value, mask } => (value as u32, mask as u32),
            Test::Within(first, last) if first == last => (first as u32, u32::MAX),
            Test::Within(..) => {
                let words = Unknown::Words(format!("{parts:?} {test:?}").into());
                return self.unclear(Doubt::Hidden, words, [0, 0], positive);
            }
        };
        let mut cubes = if positive { always() } else { Vec::new() };
        for (term, part) in parts.iter().zip(self.parts.clone()).filter(|(_, part)| part & mask != 0) {
            let wanted = gathered(value, part);
            let one = match term {
                Symbolic::Known(known) if (*known == wanted) == positive => always(),
                Symbolic::Known(_) => Vec::new(),
                Symbolic::Xor(variable, bits) => {
                    let values = Ranges::within(wanted ^ bits, wanted ^ bits);
                    let last = self.variables.highest(*variable);
                    self.of_values(*variable, if positive { values } else { values.not(last) })
                }
                Symbolic::Plus(..) | Symbolic::Table(..) => Vec::new(),
            };
            if positive {
                cubes = self.both(&cubes, &one);
            } else if one == always() {
                return one;
            } else {
                cubes.extend(one);
            }
        }
        cubes
    }

    /// What the routing table says of the destination: as `Wire` reads it.
    fn destination_type(&mut self, test: &Test, positive: bool, store: &Store) -> Cubes {
        let holds = |kind: u8| test.holds(kind.into()) == positive;
        let destination = self.wire(Field::Destination);
        let last = self.variables.highest(destination);
        let (groups, all, other) = match self.family {
            Family::V4 => {
                (Ranges::within(0xe000_0000, 0xefff_ffff), Ranges::within(last, last), AddressTypes::BROADCAST)
            }
            Family::V6 => (Ranges::within(0xff << 120, last), Ranges::within(1, 0), AddressTypes::ANYCAST),
        };
        let mut cubes = Vec::new();
        for (kind, values) in [(AddressTypes::MULTICAST, &groups), (AddressTypes::BROADCAST, &all)] {
            if holds(kind) && !values.is_empty() {
                cubes.push(Cube::of(destination, values.clone()));
            }
        }
        let hosts = Cube::of(destination, groups.not(last).and(&all.not(last)));
        let out = self.wire(Field::OutInterface);
        let of_lo = |is: bool| {
            let values = Ranges::within(0, 0);
            if is { values } else { values.not(u128::from(u32::MAX)) }
        };
        let kinds: Vec<(Cube, u8)> = match store.route {
            Route::Forward => vec![(Cube::default(), AddressTypes::UNICAST)],
            Route::In => vec![(Cube::default(), AddressTypes::LOCAL)],
            Route::Out => vec![
                (Cube::of(out, of_lo(true)), AddressTypes::LOCAL),
                (Cube::of(out, of_lo(false)), AddressTypes::UNICAST),
            ],
        };
        for (way, kind) in kinds {
            let Some(cube) = hosts.and(&way) else { continue };
            if store.route == Route::Forward {
                cubes.extend(holds(kind).then_some(cube));
                continue;
            }
            let seems = self.variables.of(Subject::OtherType);
            for (is_other, kind) in [(0, kind), (1, other)] {
                let is = Cube::of(seems, Ranges::within(is_other, is_other));
                cubes.extend(cube.and(&is).filter(|_| holds(kind)));
            }
        }
        cubes
    }

    /// The port that the first packet of the connection was sent to; of ICMP its type and its code.
    fn original_port(&mut self, test: &Test, positive: bool, store: &Store) -> Cubes {
        let is_first = store.fields.get(&Field::State) == Some(&Symbolic::Known(State::New as u128));
        let unknown = self.variables.of(Subject::Field(Field::OriginalDestinationPort));
        let values = self.values(Field::OriginalDestinationPort, test).unwrap_or(Ranges::within(1, 0));
        let values = if positive { values } else { values.not(0xffff) };
        let free = self.of_values(unknown, values.clone());
        if !is_first {
            return free;
        }
        let protocol = self.wire(Field::Protocol);
        let with_ports = Ranges::of(0xff, |number| Protocol(number as u8).has_ports());
        let icmp = u128::from(Protocol::icmp(self.family).0);
        let is = |values: Ranges| vec![Cube::of(protocol, values)];
        let port = self.wire(Field::DestinationPort);
        let mut cubes = self.both(&is(with_ports.clone()), &self.of_values(port, values.clone()));
        let (kind, code) = (self.wire(Field::IcmpType), self.wire(Field::IcmpCode));
        for number in 0..=0xff_u128 {
            let codes = values.and(&Ranges::within(number << 8, number << 8 | 0xff));
            if codes.is_empty() {
                continue;
            }
            let codes = codes.moved(-((number << 8) as i128), 0xff);
            let one = self.both(&self.of_values(kind, Ranges::within(number, number)), &self.of_values(code, codes));
            let one = self.both(&is(Ranges::within(icmp, icmp)), &one);
            cubes.extend(one);
        }
        let others = with_ports.not(0xff).and(&Ranges::within(icmp, icmp).not(0xff));
        cubes.extend(self.both(&is(others), &free));
        cubes
    }
}

/// The parts of marks that always occur together, given all masks that occur.
pub fn parts(masks: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let mut parts = vec![u32::MAX];
    for mask in masks {
        let split = parts.iter().flat_map(|part| [part & mask, part & !mask]).filter(|part| *part != 0);
        parts = split.collect();
    }
    parts
}
