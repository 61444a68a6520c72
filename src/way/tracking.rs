//! Connection tracking, as far as a single packet shows it.
//! Input: the family, and whether the gateway itself sends the packet. Output: the state of the first packet of a flow.

use std::sync::LazyLock;

use super::wire::Wire;
use crate::iptables::meaning::{Answer, Condition, Field, FieldReader, Test, Value, evaluate};
use crate::iptables::meaning::{Doubt, Unknown};
use crate::iptables::packet::{Packet, State, Transport, Way};
use crate::net::{Both, Family, Protocol};

/// What connection tracking finds in the first packet of a flow.
#[derive(Debug)]
pub struct FirstStates {
    /// The states with their conditions: the first that holds counts, and the last always does.
    pub list: Vec<(Condition, State)>,
    by_flags: [State; 64],
    by_icmp_type: [State; 256],
    by_protocol: [State; 256],
}

/// A packet of which only its protocol and one more field count.
struct Kind {
    protocol: Protocol,
    more: u8,
}

impl FieldReader for Kind {
    fn is(&self, field: Field, test: &Test) -> Answer {
        let value = match field {
            Field::Protocol => self.protocol.0,
            Field::TcpFlags | Field::IcmpType => self.more,
            _ => 0,
        };
        Value::Known(value.into()).passes(test, 8)
    }

    fn unclear(&self, _: Doubt, _: &Unknown) -> Answer {
        Answer::Maybe
    }
}

impl FirstStates {
    fn new(family: Family, sent: bool) -> FirstStates {
        let list = states(family, sent);
        let find = |protocol, more| {
            let kind = Kind { protocol, more };
            let holds = |(condition, _): &&(Condition, State)| evaluate(condition, &kind) == Answer::Yes;
            list.iter().find(holds).map_or(State::New, |(_, state)| *state)
        };
        // Where no test of a field begins or ends, the state is that of the value before.
        let edges = |field: Field| {
            let mut edges = [false; 256];
            edges[0] = true;
            for (condition, _) in &list {
                condition.tests(&mut |asked, test, _| {
                    if let (true, Some((first, last))) = (asked == field, test.range(8)) {
                        edges[first as usize & 0xff] = true;
                        edges[(last as usize + 1) & 0xff] = true;
                    }
                });
            }
            edges
        };
        let runs = |field: Field, find: &dyn Fn(u8) -> State| {
            let (edges, mut state) = (edges(field), State::New);
            std::array::from_fn(|value| {
                if edges[value] {
                    state = find(value as u8);
                }
                state
            })
        };
        let icmp = Protocol::icmp(family);
        FirstStates {
            by_flags: std::array::from_fn(|flags| find(Protocol::TCP, flags as u8)),
            by_icmp_type: runs(Field::IcmpType, &|kind| find(icmp, kind)),
            by_protocol: runs(Field::Protocol, &|protocol| find(Protocol(protocol), 0)),
            list,
        }
    }

    /// The state of a packet that is the first of its flow.
    #[inline]
    pub fn of(&self, packet: &Packet) -> State {
        match packet.transport {
            Transport::Tcp(_, _, flags) => self.by_flags[usize::from(flags & 0x3f)],
            Transport::Icmp(icmp) => self.by_icmp_type[usize::from(icmp.kind)],
            _ => self.by_protocol[usize::from(Wire(packet).protocol().0)],
        }
    }
}

/// The states of first packets that the gateway itself sends, or of all others.
pub fn first_states(family: Family, sent: bool) -> &'static FirstStates {
    type Table = LazyLock<FirstStates>;
    static SENT: Both<Table> = Both {
        v4: LazyLock::new(|| FirstStates::new(Family::V4, true)),
        v6: LazyLock::new(|| FirstStates::new(Family::V6, true)),
    };
    static OTHERS: Both<Table> = Both {
        v4: LazyLock::new(|| FirstStates::new(Family::V4, false)),
        v6: LazyLock::new(|| FirstStates::new(Family::V6, false)),
    };
    if sent { &SENT[family] } else { &OTHERS[family] }
}

/// What connection tracking finds in a packet that is the first of its flow.
pub fn first_state(packet: &Packet) -> State {
    first_states(packet.family(), matches!(packet.way, Way::Out(_))).of(packet)
}

/// Every ICMP type and set of flags was tried on a kernel.
fn states(family: Family, sent: bool) -> Vec<(Condition, State)> {
    let protocol = |protocol: Protocol| Condition::equal(Field::Protocol, protocol.0);
    let kinds = |kinds: &[(u8, u8)]| {
        let any = kinds.iter().map(|(first, last)| Condition::within(Field::IcmpType, *first, *last));
        Condition::all([protocol(Protocol::icmp(family)), Condition::any(any)])
    };
    const FIN_SYN_RST_ACK: u8 = 0x17;
    let flags = |set: u8| Condition::masked(Field::TcpFlags, set, FIN_SYN_RST_ACK);
    let begins = Condition::any([flags(0x02), flags(0x10)]);
    let mut list = match family {
        Family::V4 => vec![(kinds(&[(8, 8), (13, 13), (15, 15), (17, 17)]), State::New)],
        Family::V6 => vec![
            (kinds(&[(128, 128), (139, 139)]), State::New),
            (kinds(&[(130, 136), (143, 143), (151, 152)]), State::Untracked),
        ],
    };
    // ICMP of the other family, whose type the packet here does not show: none but an echo request would be new.
    list.extend([Protocol::ICMP, Protocol::ICMPV6].map(|icmp| (protocol(icmp), State::Invalid)));
    list.push((Condition::all([protocol(Protocol::TCP), !begins]), State::Invalid));
    if !sent {
        // Of what comes in the checksum is looked at, and Linux 6.18 computes that of UDP-Lite as if it were UDP's.
        list.push((protocol(Protocol::UDPLITE), State::Invalid));
    }
    list.push((Condition::ALWAYS, State::New));
    list
}
