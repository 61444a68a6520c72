//! Names of network interfaces.
//! Input: a word. Output: an `Interface`, or nothing where no interface can have the name.

use std::fmt;

/// A network interface's name, or a pattern: a trailing `+` matches every name that begins so (iptables(8), `-i`).
///
/// Held inline: 1 to 15 bytes, as `IFNAMSIZ` allows, and in the last byte how many.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interface([u8; 16]);

impl Interface {
    /// The longest name, in bytes.
    pub const MAX: usize = 15;

    /// The interface of that name; `None` where it is empty, too long, or has a NUL byte.
    pub fn new(name: &str) -> Option<Interface> {
        if name.is_empty() || name.len() > Interface::MAX || name.as_bytes().contains(&0) {
            return None;
        }
        let mut bytes = [0; 16];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        bytes[Interface::MAX] = name.len() as u8;
        Some(Interface(bytes))
    }

    /// The name as written, with the `+` of a pattern.
    pub fn name(&self) -> &str {
        std::str::from_utf8(&self.0[..self.0[Interface::MAX].into()]).expect("made from a str, cut at its end")
    }

    /// The name's bytes, padded with zeros: 16 as in the kernel (`IFNAMSIZ`).
    pub fn bytes(&self) -> [u8; 16] {
        self.0
    }

    /// The prefix that a pattern stands for; `None` for a plain name.
    pub fn pattern(&self) -> Option<&str> {
        self.name().strip_suffix('+')
    }

    /// Whether every name that `other` stands for is also one of `self`'s.
    pub fn covers(&self, other: &Interface) -> bool {
        match self.pattern() {
            Some(prefix) => other.name().trim_end_matches('+').starts_with(prefix),
            None => self == other,
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Interface({:?})", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_names_and_narrower_patterns() {
        let interface = |name| Interface::new(name).expect("a short name");
        assert!(interface("vti+").covers(&interface("vti42")));
        assert!(interface("vti+").covers(&interface("vti4+")));
        assert!(!interface("vti4+").covers(&interface("vti+")));
        assert!(!interface("vti").covers(&interface("vti42")));
    }
}
