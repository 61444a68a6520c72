//! Traffic sentences and the packets that they mean.
//! Input: `one` reads a sentence as a packet. `set` asks whether traffic holds a packet.

mod codes;
pub mod one;
pub mod set;

pub use self::codes::TrafficError;
