//! The text of rules, word by word: how a line is split, what a word says as a value, and how a value is written.
//! Only the reader (`parse`, and the rows in `extension`) reads with it, only the writer (`print`, and the rows) writes.

pub mod holes;
pub mod saved;
pub mod values;
pub mod words;
pub mod write;
