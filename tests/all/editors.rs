//! The editors of `editors/`: their colours are those of the compiler, and the programs themselves are driven.

mod colours;
mod drives;
mod pages;
mod programs;
mod textmate;
mod words;

use std::fs;
use std::path::Path;

/// The checkout.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the checkout.
fn file(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
