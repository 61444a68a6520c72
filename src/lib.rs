//! cgwfw compiles one firewall policy into both iptables rule files of the connectivity gateway.
//!
//! ```text
//!  .cgwfw text --syntax--> Ast --resolve--> Policy --expand--> Ruleset v4, v6 --iptables::print--> rule files --helm--> values
//!                                  ^                   ^
//!                        snippets: signature   snippets: template
//! ```

pub mod cli;
pub mod compile;
pub mod diagnostic;
pub mod example;
pub mod expand;
pub mod expect;
pub mod explain;
pub mod files;
pub mod format;
pub mod helm;
pub mod iptables;
pub mod lsp;
pub mod net;
pub mod parallel;
pub mod policy;
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
