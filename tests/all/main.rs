//! All tests of what users and other crates see, in one program: `cargo test NAME` runs those whose path holds NAME.

mod asked;
mod cases;
mod clauses;
mod cli;
mod compared;
mod editors;
mod examples;
mod fixes;
mod format;
mod fuzz;
mod hints;
mod hostile;
#[cfg(unix)]
mod interrupted;
mod kernel;
mod lsp;
mod lsp_frames;
mod lsp_session;
mod meaning;
mod operands;
mod parity;
mod proof;
mod properties;
mod readme;
mod rule_files;
mod rules;
mod sentence;
mod sets;
mod simulate;
mod structure;
mod support;
mod trace;
mod wrong;
