//! What real sockets see of policies: replies, errors, rewritten packets.
//! Input: a policy, loaded by either backend into a gateway between a peer and a host. Output: pass or fail.

mod additions;
mod address_types;
mod answers;
mod dhcp;
mod errors;
mod fragments;
mod published;
mod sockets;
mod tcp;
mod translation;
mod tunnels;
mod uplinks;
mod world;
