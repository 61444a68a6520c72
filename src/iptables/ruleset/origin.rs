//! Where rules come from.
//! Input: stamped by `expand` and by `parse`. Output: read by all who name the place of a rule.

/// Where a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// In a compiled policy the number of the sentence; in a rule file that was read, 0.
    pub sentence: u32,
    /// The line of the template, of the `rules` block or of the rule file, from 1.
    pub line: u32,
}
