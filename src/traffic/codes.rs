//! What can be wrong with a packet that a sentence describes.
//! Input: none. Output: codes, with which reports are made.

use crate::codes;

codes! {
    /// What can be wrong with the description of a packet.
    TrafficError:
    /// A clause that leaves more than one packet.
    NotOnePacket = Error "cgwfw::traffic::not_one_packet",
    /// A packet that nothing sends, or that no filter sees.
    ImpossiblePacket = Error "cgwfw::traffic::impossible_packet",
}
