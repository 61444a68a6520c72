//! Connection tracking on the way of packets: the states that it finds, and what is a connection's from there on.
//! Input: packets that come to such a step. Output: packets sent to the next one, for each state or for all.

use super::arrivals::Stage;
use super::cubes::always;
use super::program::Maker;
use super::ranges::Ranges;
use super::store::{Store, Symbolic};
use super::write;
use crate::iptables::meaning::{Condition, Field, state_number};
use crate::iptables::packet::State;
use crate::way::FirstStates;

impl Maker<'_> {
    /// The state that connection tracking finds: the one that is said, or that of a first packet.
    pub fn track(&mut self, first: &FirstStates, next: Stage, store: Store) {
        let found = |found: State| {
            let mut store = store.clone();
            store.fields.insert(Field::State, Symbolic::Known(state_number(found)));
            store
        };
        match self.states {
            // Which one it is matters where a rule asks for it, and nowhere else.
            Some(_) if self.plain => {
                let variable = self.terms.wire(Field::State);
                let mut store = store;
                store.fields.insert(Field::State, Symbolic::Plus(variable, 0));
                self.send(always(), next, store);
            }
            Some(said) => {
                let variable = self.terms.wire(Field::State);
                for one in State::ALL.into_iter().filter(|one| said.0 & one.bit().0 != 0) {
                    let number = state_number(one);
                    let cubes = self.terms.of_values(variable, Ranges::within(number, number));
                    let store = write::tracked(self.terms, found(one), one);
                    self.send(cubes, next, store);
                }
            }
            None => {
                for (condition, one) in &first.list {
                    let cubes = self.terms.cubes(condition, true, &store);
                    let store = write::tracked(self.terms, found(*one), *one);
                    self.send(cubes, next, store);
                }
            }
        }
    }

    /// Fields that are those of the connection from here on.
    pub fn inherit(&mut self, fields: &[(Condition, Field)], next: Stage, mut store: Store) {
        for (index, (condition, field)) in fields.iter().enumerate() {
            let others = self.terms.cubes(condition, false, &store);
            if others == always() {
                continue;
            }
            if !others.is_empty() {
                // The others keep this one; what is left is the same for them.
                let rest: Vec<_> =
                    fields[index + 1..].iter().filter(|(other, _)| other != condition).cloned().collect();
                if rest.is_empty() {
                    self.send(others, next, store.clone());
                } else {
                    self.terms.too_many = true;
                }
            }
            let known: Vec<Field> =
                fields[index..].iter().filter(|(one, _)| one == condition).map(|(_, one)| *one).collect();
            known.iter().for_each(|field| write::inherit(self.terms, &mut store, *field));
            let _ = field;
            if fields[index..].iter().all(|(one, _)| one == condition) {
                break;
            }
        }
        self.send(always(), next, store);
    }
}
