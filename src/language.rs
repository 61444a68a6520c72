//! The vocabulary of the language: each word once, with its one text for hover and completion.
//! Input: nothing. Output: tables that the parser, the meaning of sentences, the server and the editors' colours read.

pub mod clauses;
mod core;
pub mod values;

pub use self::core::{CORE, CoreSentence, core_sentence, is_core_verb};
