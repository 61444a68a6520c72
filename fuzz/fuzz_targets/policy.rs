//! Compiles any text.
#![no_main]

#[expect(dead_code, reason = "each target runs one of the checks")]
#[path = "../checks.rs"]
mod checks;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| checks::policy(text));
