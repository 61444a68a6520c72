//! The extensions of iptables 1.8.9, one row each: its options, how its value is read and printed, what it demands, what it
//! does to connection tracking. The rows are in the files below, by subject; `index` finds them.

pub mod addresses;
pub mod changes;
pub mod comment;
pub mod connections;
pub mod content;
pub mod counting;
pub mod delivery;
pub mod dscp;
pub mod hashlimit;
pub mod headers;
pub mod headers6;
pub mod hop_limit;
pub mod icmp;
pub mod index;
pub mod limit;
pub mod link;
pub mod logging;
pub mod mark;
pub mod policy;
pub mod ports;
pub mod ranges;
pub mod rateest;
pub mod row;
pub mod sctp;
pub mod security;
pub mod sets;
pub mod socket;
pub mod time;
pub mod tracking;
pub mod translation;
pub mod untyped;
pub mod verdicts;
pub mod written;
