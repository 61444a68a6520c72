//! Two pieces of work at the same time.
//! Input: two functions. Output: what they return, as if one had been called after the other.

/// From so many sentences on, work on them is worth a thread, whose start takes as long as some tens of them.
pub const WORTH_A_THREAD: usize = 200;

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
