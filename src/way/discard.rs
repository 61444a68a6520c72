//! Packets that the kernel discards whatever the rules say.
//! Input: the family, and where on its way a packet is. Output: conditions with their reasons.

use std::sync::LazyLock;

use crate::iptables::meaning::{Answer, Condition, Field, FieldReader, Test, evaluate, name_number};
use crate::net::{Both, Family, Interface, Protocol};

/// Why the kernel discards a packet before the filter of its hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Discard {
    /// A loopback address on another interface than `lo`.
    Loopback,
    /// A source that is not a host: multicast, broadcast, 0.0.0.0 to a single host.
    Source,
    /// A destination that is not an address: 0.0.0.0.
    Destination,
    /// A multicast destination whose scope (RFC 4291, 2.7) ends inside a host, or is reserved.
    Scope,
    /// A link-local source, or none, that would have to be routed on.
    LinkLocal,
    /// TTL or hop limit at its end: not routed on.
    HopLimit,
}

impl Discard {
    /// The reason, as the end of *discarded by the kernel: …*.
    pub fn reason(self) -> &'static str {
        match self {
            Discard::Loopback => "a loopback address on another interface than lo",
            Discard::Source => "its source is not a host's address",
            Discard::Destination => "0.0.0.0 is not an address of a destination",
            Discard::Scope => "no multicast of this scope is on any wire",
            Discard::LinkLocal => "a source that is good for one link only is not routed on",
            Discard::HopLimit => "its hop limit ends here, so it is not routed on (an ICMP time-exceeded goes back)",
        }
    }
}

/// Conditions under which the kernel discards a packet: the first that holds gives the reason. Where one is not known to
/// hold, the packet goes on.
#[derive(Debug)]
pub struct Discards {
    /// The conditions, each a list of tests that all hold.
    pub list: Vec<(Condition, Discard)>,
    /// By the first byte of an address: whether some condition may hold of such a source, and of such a destination.
    by_source: [bool; 256],
    by_destination: [bool; 256],
    /// Whether some condition asks for neither.
    others: bool,
    shift: u32,
}

impl Discards {
    fn new(family: Family, list: Vec<(Condition, Discard)>) -> Discards {
        let bits = u32::from(family.bits());
        let shift = bits - 8;
        let mut discards =
            Discards { list: Vec::new(), by_source: [false; 256], by_destination: [false; 256], others: false, shift };
        for (condition, _) in &list {
            let asked = |wanted: Field| match condition {
                Condition::Is(field, test) if *field == wanted => Some(*test),
                Condition::All(all) => all.iter().find_map(|one| match one {
                    Condition::Is(field, test) if *field == wanted => Some(*test),
                    _ => None,
                }),
                _ => None,
            };
            let (by, test) = match (asked(Field::Source), asked(Field::Destination)) {
                (Some(test), _) => (&mut discards.by_source, test),
                (None, Some(test)) => (&mut discards.by_destination, test),
                (None, None) => {
                    discards.others = true;
                    continue;
                }
            };
            // A mask with holes: at least what the first byte leaves open.
            let (first, last) = match test {
                Test::Masked { value, mask } if test.range(bits).is_none() => (value, value | !mask & (0xff << shift)),
                test => test.range(bits).unwrap_or((0, u128::MAX)),
            };
            let (first, last) = ((first >> shift) as usize & 0xff, (last >> shift) as usize & 0xff);
            by[first..=last].fill(true);
        }
        discards.list = list;
        discards
    }

    /// The reason to discard a packet, given its addresses where they are known.
    #[inline]
    pub fn find(&self, source: Option<u128>, destination: Option<u128>, packet: &impl FieldReader) -> Option<Discard> {
        let may = |by: &[bool; 256], address: Option<u128>| {
            address.is_none_or(|address| by[(address >> self.shift) as usize & 0xff])
        };
        if !self.others && !may(&self.by_source, source) && !may(&self.by_destination, destination) {
            return None;
        }
        let holds = |(condition, _): &&(Condition, Discard)| match condition {
            Condition::Is(field, test) => packet.is(*field, test) == Answer::Yes,
            other => evaluate(other, packet) == Answer::Yes,
        };
        self.list.iter().find(holds).map(|(_, discard)| *discard)
    }

    /// The first condition that may hold, with its reason.
    pub fn open(&self, packet: &impl FieldReader) -> Option<&(Condition, Discard)> {
        self.list.iter().find(|(condition, _)| evaluate(condition, packet) == Answer::Maybe)
    }

    /// What IPv6 discards before the first hook (`ip6_rcv_core`).
    pub fn on_arrival(family: Family) -> &'static Discards {
        static ALL: LazyLock<Both<Discards>> = LazyLock::new(|| {
            Both::of(|family| Discards::new(family, addresses(family, &not_by_lo(Field::InInterface))))
        });
        &ALL[family]
    }

    /// What the routing decision after PREROUTING discards.
    pub fn by_routing(family: Family) -> &'static Discards {
        static ALL: LazyLock<Both<Discards>> = LazyLock::new(|| {
            Both::of(|family| {
                let mut list = addresses(family, &not_by_lo(Field::InInterface));
                if family == Family::V4 {
                    // The kernel takes a broadcast in before it looks whether the source is a loopback address.
                    let taken_in = Condition::equal(Field::Destination, u32::MAX);
                    list[0].0 = Condition::all([list[0].0.clone(), !taken_in]);
                }
                Discards::new(family, list)
            })
        });
        &ALL[family]
    }

    /// What is not routed on (`ip_forward`, `ip6_forward`).
    pub fn of_forwarded(family: Family) -> &'static Discards {
        static ALL: LazyLock<Both<Discards>> = LazyLock::new(|| {
            Both::of(|family| {
                let mut list = link_local(family);
                list.push((Condition::within(Field::HopLimit, 0_u8, 1_u8), Discard::HopLimit));
                Discards::new(family, list)
            })
        });
        &ALL[family]
    }

    /// What is on no wire, or never reaches the filter of its hook.
    pub fn on_the_wire(family: Family) -> &'static Discards {
        static ALL: LazyLock<Both<Discards>> =
            LazyLock::new(|| {
                Both::of(|family| {
                    let beside = Condition::any([not_by_lo(Field::InInterface), not_by_lo(Field::OutInterface)]);
                    let mut list = addresses(family, &beside);
                    let through = [Field::InInterface, Field::OutInterface].map(|field| !Condition::equal(field, 0_u8));
                    list.extend(link_local(family).into_iter().map(|(condition, discard)| {
                        (Condition::all(through.iter().cloned().chain([condition])), discard)
                    }));
                    Discards::new(family, list)
                })
            });
        &ALL[family]
    }
}

/// There is such an interface, and it is not `lo`.
fn not_by_lo(field: Field) -> Condition {
    let lo = Interface::new("lo").expect("a short name");
    Condition::all([!Condition::equal(field, name_number(lo)), !Condition::equal(field, 0_u8)])
}

/// An address that begins with these 16 bits, under a mask.
fn begins(field: Field, family: Family, value: u128, mask: u128) -> Condition {
    let shift = family.bits() - 16;
    Condition::masked(field, value << shift, mask << shift)
}

fn is_loopback(field: Field, family: Family) -> Condition {
    match family {
        Family::V4 => begins(field, family, 0x7f00, 0xff00),
        Family::V6 => Condition::equal(field, 1_u8),
    }
}

/// What no driver hands up and no route takes: section 5 of the language reference. The first speaks of loopback sources.
fn addresses(family: Family, beside_lo: &Condition) -> Vec<(Condition, Discard)> {
    let beside = |condition: Condition| Condition::all([condition, beside_lo.clone()]);
    let mut list = vec![
        (beside(is_loopback(Field::Source, family)), Discard::Loopback),
        (beside(is_loopback(Field::Destination, family)), Discard::Loopback),
    ];
    match family {
        Family::V4 => {
            // Only what stays on the link (`ip_mc_validate_source`).
            let on_link = Condition::any([
                Condition::within(Field::Destination, 0xe000_0000_u32, 0xe000_00ff_u32),
                Condition::all([
                    begins(Field::Destination, family, 0xe000, 0xf000),
                    Condition::equal(Field::Protocol, Protocol::IGMP.0),
                ]),
                Condition::equal(Field::Destination, u32::MAX),
            ]);
            list.push((Condition::all([Condition::equal(Field::Source, 0_u8), !on_link]), Discard::Source));
            list.push((begins(Field::Source, family, 0xe000, 0xf000), Discard::Source));
            list.push((Condition::equal(Field::Source, u32::MAX), Discard::Source));
            list.push((Condition::equal(Field::Destination, 0_u8), Discard::Destination));
        }
        Family::V6 => {
            list.push((begins(Field::Destination, family, 0xff00, 0xff0f), Discard::Scope));
            list.push((beside(begins(Field::Destination, family, 0xff01, 0xff0f)), Discard::Scope));
            list.push((begins(Field::Source, family, 0xff00, 0xff00), Discard::Source));
        }
    }
    list
}

/// What is good for one link only. Back out of the interface that it came in by, the kernel routes even that.
fn link_local(family: Family) -> Vec<(Condition, Discard)> {
    if family == Family::V4 {
        return Vec::new();
    }
    let sources = [Condition::equal(Field::Source, 0_u8), begins(Field::Source, family, 0xfe80, 0xffc0)];
    let other = Condition::equal(Field::SameInterface, 0_u8);
    sources.map(|source| (Condition::all([source, other.clone()]), Discard::LinkLocal)).into()
}
