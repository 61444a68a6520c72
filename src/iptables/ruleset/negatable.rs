//! A value that may have a `!` before it.
//! Input: built by `parse` and by `expand`. Output: the parts of a `Header` and of matches.

/// A value, or everything but it: iptables' `!`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Negatable<T> {
    /// Whether a `!` comes before it.
    pub negated: bool,
    /// The value.
    pub value: T,
}

impl<T> Negatable<T> {
    /// The value itself.
    pub fn is(value: T) -> Negatable<T> {
        Negatable { negated: false, value }
    }

    /// Everything but the value.
    pub fn not(value: T) -> Negatable<T> {
        Negatable { negated: true, value }
    }
}
