//! Building blocks: `signature` says what their sentences look like, `library` holds them, `readme` reads their examples.

pub mod library;
pub mod readme;
pub mod signature;
