//! Ranges among the words of a match that are kept.
//! Input: the words. Output: whether no number is in one of them.

use crate::iptables::ruleset::Untyped;
use crate::iptables::text::saved::{U8, U16, U32};

/// The options that take a range, with the largest number. The loaders do not compare its ends, and `!` before all numbers
/// is loaded as well, though it is saved as nothing.
const OPTIONS: [(&str, u64); 13] = [
    ("--ctorigsrcport", U16),
    ("--ctorigdstport", U16),
    ("--ctreplsrcport", U16),
    ("--ctrepldstport", U16),
    ("--ctexpire", U32),
    ("--sport", U16),
    ("--dport", U16),
    ("--espspi", U32),
    ("--ahspi", U32),
    ("--ipcompspi", U32),
    ("--fragid", U32),
    ("--rt-segsleft", U32),
    ("--mh-type", U8),
];

/// Whether a range of the match holds no number, or excludes every number: no packet is like that.
pub fn exclude_all(kept: &Untyped) -> bool {
    kept.words.iter().enumerate().any(|(at, word)| {
        let Some((_, most)) = OPTIONS.iter().find(|(name, _)| **name == **word) else { return false };
        let Some((first, last)) = kept.words.get(at + 1).and_then(|value| value.split_once(':')) else { return false };
        let read = |text: &str| text.parse::<u64>().ok();
        let Some((first, last)) = read(first).zip(read(last)) else { return false };
        match at > 0 && &*kept.words[at - 1] == "!" {
            true => first == 0 && last == *most,
            false => first > last,
        }
    })
}
