//! Marks: masks, two at once, and marks that the mangle table sets.

use super::scene::{port, verdicts};
use super::{Attack, Kind};
use crate::support::generate::Random;

pub const KINDS: &[Kind] = &[
    Kind { name: "mark: one bit open", make: one_bit },
    Kind { name: "mark: two masks", make: two_masks },
    Kind { name: "mark: three masks", make: three_masks },
    Kind { name: "mark: set in mangle", make: set },
    Kind { name: "mark: bits set in mangle", make: bits_set },
    Kind { name: "mark: set twice", make: set_twice },
    Kind { name: "mark: set in a forwarded packet", make: forwarded },
];

fn one_bit(random: &mut Random) -> Attack {
    let v = verdicts(random);
    let mask = random.between(1, 0xffff_ffff) as u32 | 1 << random.below(32);
    let bits: Vec<u32> = (0..32).map(|bit| 1 << bit).filter(|bit| mask & bit != 0).collect();
    let bit = *random.pick(&bits);
    let value = random.next() as u32 & mask;
    let policy = vec![v.default.into(), format!("{} in on eth0 tcp mark {value:#x}/{mask:#x}", v.verb)];
    let right = match random.below(2) {
        0 => format!("expect {} in on eth0 tcp mark {value:#x}/{mask:#x}", v.taken),
        _ => format!("expect {} in on eth0 mark {:#x}/{mask:#x}", v.left, value ^ bit),
    };
    // Without its last bit the mask would be none at all.
    let wrong = match mask & !bit {
        0 => format!("expect {} in on eth0 tcp", v.taken),
        open => format!("expect {} in on eth0 tcp mark {:#x}/{open:#x}", v.taken, value & open),
    };
    let other = value ^ bit;
    Attack::new(policy, right, wrong, format!("mark {other:#x}/{mask:#x}"), move |found| {
        found.packet.mark & mask == other
    })
}

fn two_masks(random: &mut Random) -> Attack {
    let v = verdicts(random);
    let mask = random.next() as u32 | 1;
    let (value, other) = (random.next() as u32 & mask, random.next() as u32 & !mask);
    let bit = 1 << random.below(32);
    let policy = vec![
        v.default.into(),
        format!("{} in on eth0 udp mark {other:#x}/{:#x}", v.back, !mask),
        format!("{} in on eth0 udp mark {value:#x}/{mask:#x}", v.verb),
    ];
    // A bit of the other mask that differs keeps the first rule off.
    let right = match mask & bit {
        0 => format!("expect {} in on eth0 udp mark {:#x}/{:#x}", v.taken, value | (other & bit ^ bit), mask | bit),
        _ => format!("expect {} in on eth0 udp mark {:#x}/{bit:#x}", v.left, (value & bit) ^ bit),
    };
    let wrong = format!("expect {} in on eth0 udp mark {value:#x}/{mask:#x}", v.taken);
    let mark = value | other;
    Attack::new(policy, right, wrong, format!("mark {mark:#x}"), move |found| found.packet.mark == mark)
}

/// Three rules take three quarters of what remains each; one mark is left over.
fn three_masks(random: &mut Random) -> Attack {
    let v = verdicts(random);
    let mark = random.next() as u32;
    // Every bit has a rule that takes what differs from the mark in it.
    let mut policy = vec![v.default.to_owned()];
    let mut places: Vec<u32> = (0..32).collect();
    random.shuffle(&mut places);
    let masks: Vec<u32> = places.chunks(11).map(|bits| bits.iter().map(|bit| 1 << bit).sum()).collect();
    for mask in &masks {
        policy.push(format!("{} out on eth1 tcp mark not {:#x}/{mask:#x}", v.verb, mark & mask));
    }
    let bit = 1u32 << random.below(32);
    let right = match random.below(3) {
        0 => format!("expect {} out on eth1 tcp mark {mark:#x}", v.left),
        1 => format!("expect {} out on eth1 tcp mark {:#x}/{bit:#x}", v.taken, mark & bit ^ bit),
        _ => format!("expect {} out on eth1 tcp mark not {mark:#x}", v.taken),
    };
    let wrong = format!("expect {} out on eth1 tcp", v.taken);
    Attack::new(policy, right, wrong, format!("mark {mark:#x}"), move |found| found.packet.mark == mark)
}

fn set(random: &mut Random) -> Attack {
    let v = verdicts(random);
    let (first, mark) = (random.between(2, 60_000), random.between(1, 0xffff_ffff));
    let last = first + random.between(0, 500);
    let out = random.chance(50);
    let way = if out { "out on eth1" } else { "in on eth0" };
    let policy = vec![
        v.default.into(),
        format!("mark {way} tcp port {first}-{last} as {mark}"),
        format!("{} {way} mark {mark}", v.verb),
    ];
    let right = match random.below(3) {
        0 => format!("expect {} {way} tcp port {first}-{last}", v.taken),
        1 => format!("expect {} {way} mark {mark}", v.taken),
        _ => format!("expect {} {way} tcp port not {first}-{last} mark not {mark}", v.left),
    };
    let (wrong, value) = if random.chance(50) {
        (format!("expect {} {way} tcp port {first}-{} mark not {mark}", v.taken, last + 1), last + 1)
    } else {
        (format!("expect {} {way} tcp port {}-{first} mark not {mark}", v.left, first - 1), first)
    };
    Attack::new(policy, right, wrong, format!("port {value}"), move |found| port(&found.packet) == Some(value as u16))
}

fn bits_set(random: &mut Random) -> Attack {
    let v = verdicts(random);
    let (low, high) = (random.between(0, 0xf), random.between(1, 0xf) << 4);
    let number = random.between(1, 65_535);
    let policy = vec![
        v.default.into(),
        format!("mark in on eth0 udp port {number} as {high:#x}/0xf0"),
        format!("{} in on eth0 udp mark {:#x}/0xff", v.verb, high | low),
    ];
    let right = format!("expect {} in on eth0 udp port {number} mark {low:#x}/0xf", v.taken);
    let bit = 1 << random.below(4);
    let open = 0xf & !bit;
    let wrong = format!("expect {} in on eth0 udp port {number} mark {:#x}/{open:#x}", v.taken, low & open);
    let value = low ^ bit;
    Attack::new(policy, right, wrong, format!("mark {value:#x}/0xf"), move |found| {
        u64::from(found.packet.mark & 0xf) == value
    })
}

fn set_twice(random: &mut Random) -> Attack {
    let v = verdicts(random);
    let first = random.between(2, 60_000);
    let last = first + random.between(2, 500);
    let gone = random.between(first, last);
    let policy = vec![
        v.default.into(),
        format!("mark in on eth0 udp port {first}-{last} as 0x5/0xff"),
        format!("mark in on eth0 udp port {gone} as 0x8/0xf"),
        format!("{} in on eth0 udp mark 0x5/0xf", v.verb),
    ];
    let right = match random.below(2) {
        0 => format!("expect {} in on eth0 udp port {gone}", v.left),
        _ => format!("expect {} in on eth0 udp port {last}-{} mark 0x5/0xf", v.taken, last + 9),
    };
    let right = if gone == last { format!("expect {} in on eth0 udp port {gone}", v.left) } else { right };
    let wrong = format!("expect {} in on eth0 udp port {first}-{last}", v.taken);
    Attack::new(policy, right, wrong, format!("port {gone}"), move |found| port(&found.packet) == Some(gone as u16))
}

fn forwarded(random: &mut Random) -> Attack {
    let v = verdicts(random);
    let (number, ttl) = (random.between(1, 65_000), random.between(2, 255));
    // The mangle table sees the TTL on the wire, the filter one less.
    let policy = vec![
        v.default.into(),
        format!("mark in on eth0 sctp port {number} ttl {ttl} as 0x100/0x100"),
        format!("{} forward in on eth0 out on eth1 mark 0x100/0x100 ttl {}", v.verb, ttl - 1),
    ];
    let way = "forward in on eth0 out on eth1 sctp";
    let right = match random.below(2) {
        0 => format!("expect {} {way} port {number} ttl {ttl}", v.taken),
        _ => format!("expect {} {way} port not {number} mark 0x0/0x100", v.left),
    };
    if random.chance(50) {
        let next = number + 1;
        let wrong = format!("expect {} {way} port {number}-{next} ttl {ttl} mark 0x0/0x100", v.taken);
        Attack::new(policy, right, wrong, format!("port {next}"), move |found| port(&found.packet) == Some(next as u16))
    } else {
        let wrong = format!("expect {} {way} port {number}", v.left);
        Attack::new(policy, right, wrong, format!("ttl {ttl}"), move |found| u64::from(found.packet.hop_limit) == ttl)
    }
}
