//! `-m comment`: text that matches everything.
//! Input: its option, or its value. Output: the text, what is wrong with it.

use crate::iptables::extension::row::{Row, matching, typed};
use crate::iptables::extension::written::{only, positive};
use crate::iptables::problem::text;
use crate::iptables::ruleset::Match;
use crate::iptables::text::write;

/// The longest comment, in bytes; iptables cuts longer ones without a word.
pub const MAX_COMMENT_BYTES: usize = 255;

/// `-m comment`
pub static COMMENT: Row<Match> = matching("comment", &[typed("comment")])
    .typed(
        |written, _| {
            let choice = only(written, "`--comment`", "write `--comment \"text\"`")?;
            positive(choice)?;
            Ok(Match::Comment(choice.argument()?.text.as_str().into()))
        },
        |one, _, out| {
            if let Match::Comment(comment) = one {
                out.push_str(" --comment ");
                write::string(comment, out);
            }
        },
    )
    .checked(|one, part, _, problems| {
        if let Match::Comment(comment) = one {
            text(comment, MAX_COMMENT_BYTES, "comment", part, problems);
        }
    });

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&COMMENT];
