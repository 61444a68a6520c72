//! What can be wrong with the tokens of a policy.
//! Input: nothing. Output: the codes of this stage.

use crate::codes;

codes! {
    /// What can be wrong with the tokens of a policy.
    SyntaxError:
    /// A character that no token has.
    BadCharacter = Error "cgwfw::syntax::bad_character",
    /// A string without its closing quote.
    UnclosedString = Error "cgwfw::syntax::unclosed_string",
    /// A backslash in a string before something else than `"` or `\`.
    BadEscape = Error "cgwfw::syntax::bad_escape",
    /// A `{` without its `}`.
    UnclosedBrace = Error "cgwfw::syntax::unclosed_brace",
    /// A `}` without its `{`.
    UnexpectedBrace = Error "cgwfw::syntax::unexpected_brace",
    /// An `include` that does not name one file in quotes.
    IncludeForm = Error "cgwfw::syntax::include_form",
    /// An included file that cannot be read.
    IncludeUnreadable = Error "cgwfw::syntax::include_unreadable",
    /// A file that includes itself, directly or through others.
    IncludeCycle = Error "cgwfw::syntax::include_cycle",
    /// More includes than any policy needs.
    TooManyIncludes = Error "cgwfw::syntax::too_many_includes",
}
