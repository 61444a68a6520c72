//! cgwfw compiles one firewall policy into both iptables rule files of the connectivity gateway, and answers what these
//! rules do.
//!
//! ```text
//! .cgwfw text --syntax--> Ast --resolve--> Policy --expand--> Ruleset of each family --iptables::print--> rule files
//!  (and includes)           ^                ^                   |                                            |
//!                     signatures         templates               |                                          helm
//!                           `---- snippet ---'                   |                                            |
//!                                                   iptables::meaning: what rules                        Helm values
//!                                                   ask of packets and do to them
//!                                                                |
//!                               simulate: the way of one packet      analyze: the way of all of them
//!                                         |                                       |
//!                        trace: each step in words       expect, query, diff, parity: what becomes of all packets
//! ```
//!
//! [`compile::compile`] is the way from the text to the rules; `format` is the way from the text to its canonical layout.
//! `cli` (feature `cli`) and `lsp` (feature `lsp`) ask these functions and show the answers; they and `host` alone touch
//! files, streams and processes. Reports of all stages go to one sink in `diagnostic`, each with a code that `explain`
//! explains.
//!
//! Modules are on floors, and each uses only floors below its own (`tests/all/structure.rs` holds the list and checks
//! it); no two files import each other, not even in a circle of many.
//!
//! | floor | modules |
//! |---|---|
//! | 10 | `cli` |
//! | 9 | `lsp` |
//! | 8 | `host`: policies and building blocks from the disk and from git |
//! | 7 | `lint`, `trace`, `expect`, `query`, `diff`, `parity`, `example`: what users ask of rules |
//! | 6 | `compile`, `origin` (where a rule comes from), `helm`, `source_map`: from text to rules, and the outputs |
//! | 5 | `expand`, `traffic`, `analyze`: templates filled in, traffic as conditions, questions about all packets |
//! | 4 | `resolve`, `simulate`, `rule_file`, `log` (packets as other programs write them) |
//! | 3 | `policy`, `snippet`, `format`, `iptables::check`, `way` (the steps of a packet), `sentence` (the one writer of policy text) |
//! | 2 | `syntax`, `explain`, `iptables::meaning`, `iptables::parse`, `iptables::print` |
//! | 1 | `diagnostic`, `language` (the words), `iptables::ruleset`, `iptables::packet`, `iptables::extension` (a row for each) |
//! | 0 | `net`, `source`, `services`, `parallel` |

pub mod analyze;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compile;
pub mod diagnostic;
pub mod diff;
pub mod example;
pub mod expand;
pub mod expect;
pub mod explain;
pub mod format;
pub mod helm;
pub mod host;
pub mod iptables;
pub mod language;
pub mod lint;
pub mod log;
#[cfg(feature = "lsp")]
pub mod lsp;
pub mod net;
pub mod origin;
pub mod parallel;
pub mod parity;
pub mod policy;
pub mod query;
pub mod resolve;
pub mod rule_file;
pub mod sentence;
pub mod services;
pub mod simulate;
pub mod snippet;
pub mod source;
pub mod source_map;
pub mod syntax;
pub mod trace;
pub mod traffic;
pub mod way;
