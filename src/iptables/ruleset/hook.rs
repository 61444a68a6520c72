//! The points of the kernel at which tables have chains.
//! Input: none. Output: the hooks, and the names of their chains.

/// A built-in chain's place on a packet's way, by its name in every table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// What comes in, before it is known where it goes.
    Prerouting,
    /// What is for the gateway itself.
    Input,
    /// What goes through.
    Forward,
    /// What the gateway itself sends.
    Output,
    /// What goes out.
    Postrouting,
}

impl Hook {
    /// Every hook.
    pub const ALL: [Hook; 5] = [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];

    /// The name of its chains.
    pub fn chain(self) -> &'static str {
        match self {
            Hook::Prerouting => "PREROUTING",
            Hook::Input => "INPUT",
            Hook::Forward => "FORWARD",
            Hook::Output => "OUTPUT",
            Hook::Postrouting => "POSTROUTING",
        }
    }
}
