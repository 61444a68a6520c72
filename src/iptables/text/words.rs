//! The words of a rule line, split as `iptables-restore` splits them.
//! Input: one line. Output: its words with their places, or the fault that keeps it from being split.

use std::ops::Range;

use crate::iptables::fault::Fault;

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The text, without quotes and escapes.
    pub text: String,
    /// Where it is in the line, in bytes, quotes included.
    pub span: Range<usize>,
    /// Whether it was written in double quotes.
    pub quoted: bool,
}

/// The words of one line, as `iptables-restore` splits them: at blanks, with double quotes, and backslash escapes inside these.
///
/// A closing quote ends the word, even where text follows it directly.
pub fn words(line: &str) -> Result<Vec<Word>, Fault> {
    let mut words = Vec::with_capacity(16);
    let mut text = String::new();
    let mut start = None;
    let mut opened = None;
    let mut escaped = false;
    for (at, letter) in line.char_indices() {
        if let Some(quote) = opened {
            match letter {
                _ if escaped => {
                    text.push(letter);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    let span = start.take().unwrap_or(quote)..at + 1;
                    words.push(Word { text: std::mem::take(&mut text), span, quoted: true });
                    opened = None;
                }
                _ => text.push(letter),
            }
            continue;
        }
        match letter {
            '"' => {
                start.get_or_insert(at);
                opened = Some(at);
            }
            ' ' | '\t' | '\n' => {
                if let Some(start) = start.take() {
                    words.push(Word { text: std::mem::take(&mut text), span: start..at, quoted: false });
                }
            }
            _ => {
                start.get_or_insert(at);
                text.push(letter);
            }
        }
    }
    if let Some(quote) = opened {
        return Err(Fault::new(
            quote..line.len(),
            "a double quote is never closed",
            "opened here",
            "close it with `\"` on the same line; inside quotes write `\\\"` for a quote",
        ));
    }
    if let Some(start) = start {
        words.push(Word { text, span: start..line.len(), quoted: false });
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        words(line).expect("a line without faults").into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn quotes_and_escapes_are_those_of_the_loader() {
        assert_eq!(
            texts(r#"-A  INPUT --comment "a \"b\" \\c" -j X "#),
            ["-A", "INPUT", "--comment", r#"a "b" \c"#, "-j", "X"]
        );
        assert_eq!(texts(r#"a\b "" x"y"z"#), ["a\\b", "", "xy", "z"]);
        assert_eq!(words("\"abc").expect_err("an open quote").span, 0..4);
        assert_eq!(words(" ab \"c d\"").expect("two words")[1].span, 4..9);
    }
}
