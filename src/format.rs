//! Policies (`policy`, `layout`) and sentences (`sentence`) in their canonical layout.

mod layout;
mod policy;
mod sentence;

pub use self::policy::{Formatted, format};
pub use self::sentence::{MAX_COMMENT_LINE, comment, comment_text, cut, sentence};
