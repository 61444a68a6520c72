//! Traffic sentences and the packets that they mean.
//! Input: `one` reads a sentence as a packet. `set` asks whether traffic holds a packet.

pub mod one;
pub mod set;

use crate::codes;

codes! {
    /// What can be wrong with the description of a packet.
    TrafficError:
    /// A clause that leaves more than one packet.
    NotOnePacket = Error "cgwfw::traffic::not_one_packet",
    /// A packet that nothing sends, or that no filter sees.
    ImpossiblePacket = Error "cgwfw::traffic::impossible_packet",
}
