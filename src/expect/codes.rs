//! What can be wrong with an expectation.
//! Input: none. Output: codes, with which reports are made.

use crate::codes;

codes! {
    /// What can be wrong with an expectation.
    ExpectError:
    /// A packet meets another fate.
    CounterExample = Error "cgwfw::expect::counter_example",
    /// No packet is meant.
    NoPacket = Error "cgwfw::expect::no_packet",
}
