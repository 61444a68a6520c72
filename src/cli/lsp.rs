//! `cgwfw lsp`: the language server on standard input and output.
//! Input: messages of the protocol. Output: the same.

use std::io::{self, BufReader};

use super::outcome::Outcome;
use crate::lsp;
use crate::lsp::frames;

pub fn run() -> Outcome {
    let (connection, threads) = frames::connect(BufReader::new(io::stdin()), io::stdout());
    let served = lsp::serve(&connection);
    // The threads end when nobody can send any more.
    drop(connection);
    match served.and(threads.join().map_err(|error| error.to_string())) {
        Ok(()) => Outcome::Fine,
        Err(message) => Outcome::Unusable(message),
    }
}
