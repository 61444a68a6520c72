//! Sets of hooks: the places where the kernel runs chains.
//! Input: made from the names of built-in chains. Output: what the checks compare with where something may be.

use std::ops::BitOr;

/// The places where the kernel runs chains, as a set: those from which a chain is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hooks(pub u8);

impl Hooks {
    /// None of them.
    pub const NONE: Hooks = Hooks(0);
    /// `PREROUTING`
    pub const PREROUTING: Hooks = Hooks(1);
    /// `INPUT`
    pub const INPUT: Hooks = Hooks(2);
    /// `FORWARD`
    pub const FORWARD: Hooks = Hooks(4);
    /// `OUTPUT`
    pub const OUTPUT: Hooks = Hooks(8);
    /// `POSTROUTING`
    pub const POSTROUTING: Hooks = Hooks(16);
    /// Where a packet has an interface that it came in through.
    pub const WITH_IN_INTERFACE: Hooks = Hooks(1 | 2 | 4);
    /// Where a packet has an interface that it goes out through.
    pub const WITH_OUT_INTERFACE: Hooks = Hooks(4 | 8 | 16);
    /// All of them.
    pub const ALL: Hooks = Hooks(31);

    /// The hook of a built-in chain; none for a chain of one's own, whose callers are not known here.
    pub fn of_chain(name: &str) -> Hooks {
        match name {
            "PREROUTING" => Hooks::PREROUTING,
            "INPUT" => Hooks::INPUT,
            "FORWARD" => Hooks::FORWARD,
            "OUTPUT" => Hooks::OUTPUT,
            "POSTROUTING" => Hooks::POSTROUTING,
            _ => Hooks::NONE,
        }
    }

    /// Those that are not in `other`.
    pub fn without(self, other: Hooks) -> Hooks {
        Hooks(self.0 & !other.0)
    }

    /// The names of the chains, with commas.
    pub fn names(self) -> String {
        let names = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
        let set: Vec<_> = names.into_iter().filter(|name| self.0 & Hooks::of_chain(name).0 != 0).collect();
        set.join(", ")
    }
}

impl Hooks {
    /// Those of both.
    pub const fn and(self, other: Hooks) -> Hooks {
        Hooks(self.0 | other.0)
    }
}

impl BitOr for Hooks {
    type Output = Hooks;

    fn bitor(self, other: Hooks) -> Hooks {
        Hooks(self.0 | other.0)
    }
}
