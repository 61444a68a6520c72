//! Rules that overlap in an order: what becomes of each value is known because all are counted out.

use super::scene::{Path, Span, family, host, number_of, only, ports};
use super::{Attack, Kind, Noise};
use crate::support::generate::Random;
use cgwfw::traffic::one::Described;

pub const KINDS: &[Kind] = &[
    Kind { name: "layers of ports", make: |r| layers(&[Axis::Port], 40, r) },
    Kind { name: "layers of sources", make: |r| layers(&[Axis::Source], 40, r) },
    Kind { name: "layers of addresses and ports", make: |r| layers(&[Axis::Source, Axis::Port], 16, r) },
    Kind { name: "layers of two ports", make: |r| layers(&[Axis::SourcePort, Axis::Port], 16, r) },
    Kind { name: "layers of two addresses", make: |r| layers(&[Axis::Source, Axis::Destination], 16, r) },
    Kind { name: "layers of three fields", make: |r| layers(&[Axis::Source, Axis::Destination, Axis::Port], 7, r) },
    Kind { name: "layers of four fields", make: |r| layers(&Axis::ALL, 5, r) },
    Kind { name: "many layers of ports", make: |r| many(&[Axis::Port], 60, r) },
    Kind { name: "many layers of four fields", make: |r| many(&Axis::ALL, 5, r) },
];

/// A field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Axis {
    Source,
    Destination,
    SourcePort,
    Port,
}

impl Axis {
    const ALL: [Axis; 4] = [Axis::Source, Axis::Destination, Axis::SourcePort, Axis::Port];
}

/// From and to, for each axis.
type Area = Vec<(usize, usize)>;

const VERBS: [(&str, &str); 3] = [("allow", "accept"), ("drop", "drop"), ("reject", "reject")];

fn layers(axes: &[Axis], size: usize, random: &mut Random) -> Attack {
    let rules = 3 + random.below(8);
    counted_out(axes, size, rules, random)
}

fn many(axes: &[Axis], size: usize, random: &mut Random) -> Attack {
    let rules = 30 + random.below(60);
    counted_out(axes, size, rules, random)
}

/// A random area.
fn area(axes: &[Axis], size: usize, random: &mut Random) -> Area {
    let side = |random: &mut Random| {
        let (a, b) = (random.below(size), random.below(size));
        let (a, b) = (a.min(b), a.max(b));
        if random.chance(20) {
            (0, size - 1)
        } else if random.chance(20) {
            (a, a)
        } else {
            (a, b)
        }
    };
    axes.iter().map(|_| side(random)).collect()
}

/// The cells of an area.
fn cells(area: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut cells = vec![Vec::new()];
    for (from, to) in area {
        let longer = |cell: &Vec<usize>| (*from..=*to).map(|at| [&cell[..], &[at]].concat()).collect::<Vec<_>>();
        cells = cells.iter().flat_map(longer).collect();
    }
    cells
}

/// Looks for an area that is all of one verdict, and one that is but for one cell.
fn counted_out(axes: &[Axis], size: usize, rules: usize, random: &mut Random) -> Attack {
    loop {
        let rules: Vec<(usize, Area)> = (0..rules).map(|_| (random.below(3), area(axes, size, random))).collect();
        let default = random.below(2);
        let verdict = |cell: &[usize]| {
            let within = |area: &Area| area.iter().zip(cell).all(|((from, to), at)| (*from..=*to).contains(at));
            rules.iter().find(|(_, area)| within(area)).map_or(default, |(verb, _)| *verb)
        };
        let (mut right, mut wrong) = (None, None);
        for _ in 0..400 {
            let wanted = random.below(4);
            let fits = |cell: &Vec<usize>| match wanted {
                3 => verdict(cell) != 0,
                one => verdict(cell) == one,
            };
            let tried = area(axes, size, random);
            let bad: Vec<Vec<usize>> = cells(&tried).into_iter().filter(|cell| !fits(cell)).take(2).collect();
            match &bad[..] {
                [] => right = right.or(Some((wanted, tried))),
                [cell] => wrong = wrong.or(Some((wanted, tried, cell.clone()))),
                _ => {}
            }
            if right.is_some() && wrong.is_some() {
                break;
            }
        }
        if let (Some(right), Some((wanted, area, cell))) = (right, wrong) {
            return written(axes, &rules, default, right, (wanted, area), cell, random);
        }
    }
}

/// The policy in words.
fn written(
    axes: &[Axis],
    rules: &[(usize, Area)],
    default: usize,
    right: (usize, Area),
    wrong: (usize, Area),
    cell: Vec<usize>,
    random: &mut Random,
) -> Attack {
    let family = family(random);
    let path = Path::any(random);
    let protocol = *random.pick(&["tcp", "udp", "sctp"]);
    let addresses = [host(family, random), host(family, random)];
    let first_ports = [random.between(1, 60_000), random.between(1, 60_000)];
    let base = move |axis: Axis| match axis {
        Axis::Source => addresses[0],
        Axis::Destination => addresses[1],
        Axis::SourcePort => first_ports[0].into(),
        Axis::Port => first_ports[1].into(),
    };
    let sentence = |verb: &str, area: &Area| {
        // Ports first: right after an address they would be those of the address.
        let mut clauses: Vec<(bool, String)> = Vec::new();
        for (axis, (from, to)) in axes.iter().zip(area) {
            let (first, last) = (base(*axis) + *from as u128, base(*axis) + *to as u128);
            let address = Span { family, first, last }.text();
            let number = if from == to { first.to_string() } else { format!("{first}-{last}") };
            clauses.push(match axis {
                Axis::Source => (true, format!("from {address}")),
                Axis::Destination => (true, format!("to {address}")),
                Axis::SourcePort => (false, format!("source port {number}")),
                Axis::Port => (false, format!("port {number}")),
            });
        }
        clauses.sort();
        let clauses: Vec<String> = clauses.into_iter().map(|(_, clause)| clause).collect();
        format!("{verb} {} {protocol} {} {}", path.text(), clauses.join(" "), only(family))
    };
    let expected = |wanted: usize| ["accept", "drop", "reject", "deny"][wanted];
    let mut policy = vec![format!("default {}", VERBS[default].1)];
    policy.extend(rules.iter().map(|(verb, area)| sentence(VERBS[*verb].0, area)));
    let right = sentence(&format!("expect {}", expected(right.0)), &right.1);
    let wrong = sentence(&format!("expect {}", expected(wrong.0)), &wrong.1);
    let at: Vec<(Axis, u128)> = axes.iter().zip(&cell).map(|(axis, at)| (*axis, base(*axis) + *at as u128)).collect();
    let value = sentence("a packet", &cell.iter().map(|at| (*at, *at)).collect());
    let shows = move |found: &Described| {
        let packet = &found.packet;
        at.iter().all(|(axis, value)| match axis {
            Axis::Source => number_of(packet.source) == *value,
            Axis::Destination => number_of(packet.destination) == *value,
            Axis::SourcePort => ports(packet).is_some_and(|(from, _)| u128::from(from) == *value),
            Axis::Port => ports(packet).is_some_and(|(_, to)| u128::from(to) == *value),
        })
    };
    let near = axes.contains(&Axis::Source);
    let attack = Attack::new(policy, right, wrong, value, shows);
    if near { attack.among(Noise::Sources) } else { attack }
}
