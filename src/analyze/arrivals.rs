//! Packets on their way to a place that the list has not come to yet.
//! Input: what sends them there. Output: for each store what all packets that come with it are.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::cubes::Cube;
use super::store::Store;

/// Stretches of the way, in the order in which packets come to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stretch {
    /// From the wire to the routing decision.
    Arriving,
    /// To the gateway itself.
    Local,
    /// Through it.
    Forwarded,
    /// From the gateway itself.
    Sent,
}

/// A step of the way.
pub type Stage = (Stretch, usize);

/// Packets that come to a place with a store.
pub struct Arrival {
    /// What rules have made of them.
    pub store: Store,
    /// The items that send them there.
    pub items: Vec<u32>,
    /// What all of them are.
    pub reach: Cube,
}

/// Packets that come to a place, by their stores.
#[derive(Default)]
pub struct Waiting {
    /// Those that came, in order.
    pub list: Vec<Arrival>,
    places: HashMap<u64, Vec<usize>>,
}

/// Packets wait with those that have the same store; what both are is known where it is the same.
pub fn wait(waiting: &mut Waiting, arrival: Arrival, all: &Cube) {
    let mut hasher = DefaultHasher::new();
    arrival.store.hash(&mut hasher);
    let places = waiting.places.entry(hasher.finish()).or_default();
    match places.iter().find(|place| waiting.list[**place].store == arrival.store) {
        Some(place) => {
            let known = &mut waiting.list[*place];
            known.items.extend(arrival.items);
            if known.reach != arrival.reach {
                known.reach = all.clone();
            }
        }
        None => {
            places.push(waiting.list.len());
            waiting.list.push(arrival);
        }
    }
}
