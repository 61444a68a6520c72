//! Packets on their way to a place that the list has not come to yet.
//! Input: what sends them there. Output: for each store what all packets that come with it are.

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
pub type Waiting = Vec<Arrival>;

/// Packets wait with those that have the same store; what both are is known where it is the same.
pub fn wait(waiting: &mut Waiting, arrival: Arrival, all: &Cube) {
    match waiting.iter_mut().find(|known| known.store == arrival.store) {
        Some(known) => {
            known.items.extend(arrival.items);
            if known.reach != arrival.reach {
                known.reach = all.clone();
            }
        }
        None => waiting.push(arrival),
    }
}
