//! Reads any line as the description of a packet, and follows it through a policy.
#![no_main]

#[expect(dead_code, reason = "each target runs one of the checks")]
#[path = "../checks.rs"]
mod checks;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| checks::traffic(text));
