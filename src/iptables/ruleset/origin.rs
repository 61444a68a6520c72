//! Where rules come from.
//! Input: stamped by `expand` and by `parse`. Output: read by all who name the place of a rule.

use std::sync::Arc;

/// A place in a policy that a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// The number of the sentence.
    pub sentence: u32,
    /// The line of the template, or of the `rules` block, from 1.
    pub line: u32,
}

/// Where a rule comes from: mostly one sentence, which takes no room of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Nowhere: it was made for no sentence.
    #[default]
    None,
    /// The line of a rule file that was read, from 1.
    Line(u32),
    /// One sentence.
    One(Origin),
    /// Several sentences, without doubles.
    Several(Arc<Vec<Origin>>),
}

impl Origins {
    /// One sentence, with the line that yields the rule.
    pub fn of(sentence: u32, line: u32) -> Origins {
        Origins::One(Origin { sentence, line })
    }

    /// The places in the policy, in order.
    pub fn iter(&self) -> impl Iterator<Item = Origin> {
        self.all().iter().copied()
    }

    /// The first place in the policy.
    pub fn first(&self) -> Option<Origin> {
        self.all().first().copied()
    }

    /// The line of the rule file that the rule was read from.
    pub fn file_line(&self) -> Option<u32> {
        match self {
            Origins::Line(line) => Some(*line),
            _ => None,
        }
    }

    /// Whether a sentence is one of those that the rule comes from.
    pub fn has(&self, sentence: u32) -> bool {
        self.all().iter().any(|origin| origin.sentence == sentence)
    }

    /// Whether two rules come from the same sentences.
    pub fn same_sentences(&self, other: &Origins) -> bool {
        match (self, other) {
            (Origins::One(one), Origins::One(other)) => one.sentence == other.sentence,
            (one, other) => {
                let sentences = |origins: &'_ Origins| origins.iter().map(|origin| origin.sentence).collect::<Vec<_>>();
                sentences(one) == sentences(other)
            }
        }
    }

    /// Adds the sentences of a rule that is merged into this one.
    pub fn merge(&mut self, other: &Origins) {
        let mut all = self.all().to_vec();
        all.extend(other.iter().filter(|origin| !self.all().contains(origin)));
        all.sort_unstable();
        match all[..] {
            [] => {}
            [one] => *self = Origins::One(one),
            _ => *self = Origins::Several(Arc::new(all)),
        }
    }

    fn all(&self) -> &[Origin] {
        match self {
            Origins::None | Origins::Line(_) => &[],
            Origins::One(origin) => std::slice::from_ref(origin),
            Origins::Several(origins) => origins,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_was_merged_has_the_sentences_of_both() {
        let mut origins = Origins::of(7, 1);
        origins.merge(&Origins::of(7, 1));
        assert_eq!(origins, Origins::of(7, 1));
        origins.merge(&Origins::None);
        origins.merge(&Origins::of(2, 3));
        let sentences: Vec<_> = origins.iter().map(|origin| origin.sentence).collect();
        assert_eq!(sentences, [2, 7]);
        assert!(origins.has(7) && !origins.has(3) && !origins.same_sentences(&Origins::of(7, 1)));
    }

    #[test]
    fn one_sentence_takes_little_room() {
        assert!(size_of::<Origins>() <= 16);
    }
}
