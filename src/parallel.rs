//! Two pieces of work at the same time.
//! Input: two functions. Output: what they return, as if one had been called after the other.

use crate::net::{Both, Family};

/// From so many sentences on, work on them is worth a thread, whose start takes as long as some tens of them.
pub const WORTH_A_THREAD: usize = 200;

/// Calls `each` for IPv4 and IPv6, each in a thread of its own where there are many sentences.
pub fn both<T: Send>(sentences: usize, each: impl Fn(Family) -> T + Sync) -> Both<T> {
    let (v4, v6) = join(sentences >= WORTH_A_THREAD, || each(Family::V4), || each(Family::V6));
    Both { v4, v6 }
}

/// Calls both: the second in a thread of its own where `apart` says so.
pub fn join<A, B: Send>(apart: bool, first: impl FnOnce() -> A, second: impl FnOnce() -> B + Send) -> (A, B) {
    if !apart {
        return (first(), second());
    }
    std::thread::scope(|scope| {
        let second = scope.spawn(second);
        let first = first();
        // A panic of the other thread goes on in this one.
        (first, second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
