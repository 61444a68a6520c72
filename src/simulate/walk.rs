//! The walk itself: hooks, tables in the order of their priorities, chains and rules.
//! Input: loaded rules and a packet. Output: a decision for each way in which what is undecided may turn out.

use super::flight::Flight;
use super::loaded::Loaded;
use super::matches::{self, Answer};
use super::targets::{apply, is_without_effect};
use super::tracking::first_state;
use super::{Assumptions, By, Decision, Effect, Event, Hook, Observer, Place, Verdict};
use crate::iptables::packet::{State, Transport, Way};
use crate::iptables::ruleset::TableName;
use crate::net::{Family, Interface};

/// The most walks of one packet: each match that cannot be decided may double them.
pub const MAX_WALKS: usize = 1_024;

/// The most jumps of one walk: no loader takes chains that call themselves, and who walks them must come to an end.
const MAX_JUMPS: usize = 100_000;

/// Walks a packet once for each way in which what is undecided may turn out, the ordinary way first.
///
/// Each walk has an observer of its own, which is given to `done` with the decision and the packet as it ends.
/// False where `MAX_WALKS` were not enough.
pub fn walks<O: Observer>(
    loaded: &Loaded,
    packet: &crate::iptables::packet::Packet,
    assumptions: Assumptions,
    mut observer: impl FnMut() -> O,
    mut done: impl FnMut(Decision, &Flight, O),
) -> bool {
    let mut choices = Choices::default();
    for _ in 0..MAX_WALKS {
        choices.at = 0;
        let mut walk = Walk {
            loaded,
            assumptions,
            flight: Flight::new(packet),
            choices: &mut choices,
            observer: observer(),
            jumps: 0,
        };
        let decision = walk.all();
        done(decision, &walk.flight, walk.observer);
        if !choices.next() {
            return true;
        }
    }
    false
}

/// How what is undecided turns out in one walk.
#[derive(Debug, Default)]
pub(super) struct Choices {
    /// What was chosen, of how many.
    made: Vec<(u8, u8)>,
    at: usize,
}

impl Choices {
    /// The next choice, of `count`.
    pub fn choose(&mut self, count: u8) -> u8 {
        if self.at == self.made.len() {
            self.made.push((0, count));
        }
        self.at += 1;
        self.made[self.at - 1].0
    }

    /// Chooses anew from the last choice on; false where all was tried.
    fn next(&mut self) -> bool {
        while let Some((choice, count)) = self.made.last_mut() {
            *choice += 1;
            if *choice < *count {
                return true;
            }
            self.made.pop();
        }
        false
    }
}

struct Walk<'a, 'b, O> {
    loaded: &'b Loaded<'a>,
    assumptions: Assumptions,
    flight: Flight<'b>,
    choices: &'b mut Choices,
    observer: O,
    jumps: usize,
}

impl<O: Observer> Walk<'_, '_, O> {
    fn see(&mut self, event: Event) {
        self.observer.see(&self.flight, event);
    }

    fn discard(&mut self, discard: Option<super::Discard>) -> Result<(), Decision> {
        let Some(discard) = discard else { return Ok(()) };
        self.see(Event::Discarded(discard));
        Err(Decision { verdict: Verdict::Drop, by: By::Kernel(discard) })
    }

    /// All hooks of the packet's way. What stops it early is the `Err` of the parts.
    fn all(&mut self) -> Decision {
        match self.hooks() {
            Ok(decision) | Err(decision) => decision,
        }
    }

    fn hooks(&mut self) -> Result<Decision, Decision> {
        self.discard(self.flight.discarded_on_arrival())?;
        let middle = match self.flight.way {
            Way::Out(name) => {
                self.interfaces(None, Some(name));
                self.first_hook(Hook::Output)?;
                Hook::Output
            }
            Way::In(name) | Way::Forward(name, _) => {
                self.interfaces(Some(name), None);
                self.first_hook(Hook::Prerouting)?;
                self.discard(self.flight.discarded_by_routing())?;
                match self.flight.way {
                    Way::Forward(from, to) => {
                        self.interfaces(Some(from), Some(to));
                        self.flight.hop_limit = self.flight.hop_limit.map(|hops| hops - 1);
                        Hook::Forward
                    }
                    _ => {
                        // `ip_local_deliver`; IPv6 does it behind INPUT.
                        if self.flight.family == Family::V4 {
                            self.reassemble();
                        }
                        Hook::Input
                    }
                }
            }
        };
        if middle != Hook::Output {
            self.table(TableName::Mangle, middle)?;
        }
        let by = self.table(TableName::Filter, middle)?;
        self.table(TableName::Security, middle)?;
        if middle == Hook::Input {
            self.nat(Hook::Input)?;
        } else {
            if let Way::Out(name) = self.flight.way {
                // Behind OUTPUT a REDIRECT has taken effect.
                self.interfaces(None, Some(name));
            }
            self.table(TableName::Mangle, Hook::Postrouting)?;
            self.nat(Hook::Postrouting)?;
        }
        Ok(Decision { verdict: Verdict::Accept, by })
    }

    /// The names of the interfaces that rules are compared with. POSTROUTING of what is forwarded knows both.
    fn interfaces(&mut self, from: Option<Interface>, to: Option<Interface>) {
        let name = |interface: Option<Interface>| interface.map_or(0, |name| u128::from_le_bytes(name.bytes()));
        (self.flight.in_name, self.flight.out_name) = (name(from), name(to));
    }

    /// What OUTPUT and PREROUTING have in common: connection tracking finds the packet here.
    fn first_hook(&mut self, hook: Hook) -> Result<(), Decision> {
        if self.loaded.tracks {
            self.reassemble();
        }
        let packet = self.flight.packet;
        if self.loaded.tracks && self.on_lo() {
            // It was tracked when it was sent: raw sees the state, and cannot undo it. What is invalid has no connection.
            self.flight.state = packet.state.unwrap_or_else(|| first_state(packet));
            self.flight.tracked = self.flight.state != State::Invalid;
        }
        self.table(TableName::Raw, hook)?;
        if self.loaded.tracks {
            let state = if self.flight.notrack {
                State::Untracked
            } else {
                packet.state.unwrap_or_else(|| first_state(packet))
            };
            (self.flight.tracked, self.flight.state) = (true, state);
            if matches!(state, State::Established | State::Related) {
                self.flight.connection_mark = None;
            }
            let later = match state {
                State::Established => true,
                State::Related => matches!(packet.transport, Transport::Icmp(_)),
                _ => false,
            };
            if later && self.loaded.translates && !self.on_lo() {
                self.flight.lose_destination();
            }
            self.see(Event::Tracked(state));
        }
        self.table(TableName::Mangle, hook)?;
        self.nat(hook)
    }

    fn reassemble(&mut self) {
        if self.flight.fragment != crate::iptables::packet::Fragment::No {
            self.flight.reassemble();
            self.see(Event::Reassembled);
        }
    }

    /// Whether the packet comes in by `lo`, that is from OUTPUT and POSTROUTING.
    fn on_lo(&self) -> bool {
        matches!(self.flight.packet.way, Way::In(name) if name.name() == "lo")
    }

    /// The nat table: only what may begin a connection meets it, and on `lo` only when it is sent.
    fn nat(&mut self, hook: Hook) -> Result<(), Decision> {
        let begins = match self.flight.state {
            State::New => true,
            State::Related => !matches!(self.flight.packet.transport, Transport::Icmp(_)),
            _ => false,
        };
        if begins && !self.on_lo() {
            self.table(TableName::Nat, hook)?;
        }
        Ok(())
    }

    /// One table's chain at a hook: who lets the packet pass, or the decision that stops it.
    fn table(&mut self, name: TableName, hook: Hook) -> Result<By, Decision> {
        let loaded = self.loaded;
        let Some(table) = &loaded.tables[name as usize] else { return Ok(By::Policy(name, hook)) };
        let Some((base, policy)) = table.bases[hook as usize] else { return Ok(By::Policy(name, hook)) };
        self.see(Event::Enters(name, hook));
        let mut calls: Vec<(u32, u32)> = Vec::new();
        let (mut at, mut end) = (table.chains[base as usize].start, table.chains[base as usize].end);
        loop {
            if at == end {
                if let Some(back) = calls.pop() {
                    (at, end) = back;
                    continue;
                }
                self.see(Event::Ends(name, hook, policy));
                let by = By::Policy(name, hook);
                return if policy == Verdict::Accept { Ok(by) } else { Err(Decision { verdict: policy, by }) };
            }
            let entry = &table.entries[at as usize];
            at += 1;
            let place = Place { table: name, rule: entry.index };
            let answer = matches::rule(entry, &self.flight, self.assumptions);
            let undecided = answer == Answer::Maybe;
            let passes = answer == Answer::No
                || undecided && !is_without_effect(&entry.rule.target) && {
                    // The ordinary case is walked first: within limits, not spoofed.
                    let ordinary = matches::rule(entry, &self.flight, Assumptions::ORDINARY) != Answer::No;
                    (self.choices.choose(2) == 0) != ordinary
                };
            if passes {
                self.see(Event::Passes { place, assumed: undecided });
                continue;
            }
            let effect = apply(entry, &mut self.flight, name, hook, self.choices);
            self.see(Event::Matches { place, effect, assumed: undecided });
            match effect {
                Effect::GoesOn | Effect::Changes => {}
                Effect::Accepts | Effect::Translates => return Ok(By::Rule(place)),
                Effect::Drops => return Err(Decision { verdict: Verdict::Drop, by: By::Rule(place) }),
                Effect::Rejects(with) => {
                    return Err(Decision { verdict: Verdict::Reject(with), by: By::Rule(place) });
                }
                Effect::Returns => at = end,
                Effect::Jumps(chain) | Effect::Goes(chain) => {
                    self.jumps += 1;
                    if self.jumps < MAX_JUMPS {
                        if matches!(effect, Effect::Jumps(_)) {
                            calls.push((at, end));
                        }
                        let range = &table.chains[chain.0 as usize];
                        (at, end) = (range.start, range.end);
                    }
                }
            }
        }
    }
}
