//! Text for reports that deceives no reader.
//! Input: any text. Output: text of a bounded length without control or bidirectional characters.

/// The longest text of a report, in bytes: a word of a megabyte is not repeated.
const MAX_TEXT: usize = 1_000;

/// Text for a report: not longer than a reader reads, and without what deceives.
pub fn shown(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
    }
    if text.chars().any(is_deceptive) { visible(&text) } else { text }
}

/// Text that a terminal cannot be fooled with: control and bidirectional characters are written as `\u{…}`.
pub fn visible(text: &str) -> String {
    if !text.chars().any(is_deceptive) {
        return text.to_owned();
    }
    text.chars().map(|c| if is_deceptive(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// Whether a character changes what a reader sees beyond itself: control characters, line separators, bidirectional
/// formatting (Unicode TR 36, "Trojan Source"), blanks and hyphens without a width, and what is no character at all, which
/// no reader of YAML takes (YAML 1.2, 5.1).
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
