//! "Did you mean": the nearest of some words.
//! Input: what was written and what could have been. Output: the nearest word, if one is near enough.

/// The candidate that is one or two slips of the hand away, three for long words; the first of equals.
pub fn did_you_mean<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = match written.chars().count() {
        0..=2 => 1,
        3..=7 => 2,
        _ => 3,
    };
    // Long words are not slips, and words of other lengths are too far away: thousands of candidates cost nothing.
    let near = |word: &&str| word.len() <= MAX_LENGTH && word.len().abs_diff(written.len()) <= allowed * 4;
    let candidates = candidates.into_iter().filter(|_| written.len() <= MAX_LENGTH).filter(near);
    // `HTTPS` is `https` in another hand.
    let lower = written.to_lowercase();
    let distances = candidates.map(|word| match lower == word {
        true => (0, word),
        false => (strsim::damerau_levenshtein(written, word), word),
    });
    let near = distances.filter(|(distance, word)| *distance <= allowed && *distance < word.chars().count());
    near.min_by_key(|(distance, _)| *distance).map(|(_, word)| word)
}

/// The longest word that is compared, in bytes.
const MAX_LENGTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        assert_eq!(did_you_mean("ipesc", ["icmp", "ipsec"]), Some("ipsec"));
        assert_eq!(did_you_mean("loopbck", ["loopback"]), Some("loopback"));
        assert_eq!(did_you_mean("kubernetes", ["loopback", "ipsec"]), None);
        assert_eq!(did_you_mean("x", ["in", "on"]), None);
        assert_eq!(did_you_mean("NEW", ["new", "related"]), Some("new"));
    }
}
