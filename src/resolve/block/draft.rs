//! A block that is being read.
//! Input: filled by `block` and `argument`, clause by clause. Output: a `Block`.

use smallvec::SmallVec;

use crate::net::Family;
use crate::policy::Argument;
use crate::resolve::common::Common;
use crate::resolve::traffic::draft::{Allowed, Draft};
use crate::snippet::library::Snippet;
use crate::snippet::signature::Form;
use crate::source::Span;

/// A block that is being read.
pub(super) struct BlockDraft<'a, 'w> {
    pub(super) snippet: &'a Snippet,
    pub(super) form: &'a Form,
    pub(super) name: &'a str,
    pub(super) allowed: Allowed<'a>,
    /// The clauses of the form that are there, with their places.
    pub(super) given: SmallVec<[Option<Span>; 8]>,
    pub(super) arguments: Vec<(u8, Argument)>,
    /// The places of the values, in the order of `arguments`.
    pub(super) places: SmallVec<[Span; 4]>,
    pub(super) flags: u32,
    pub(super) draft: Draft<'w>,
    pub(super) common: Common,
    /// The clause of the form that was read last, unless traffic came after it.
    pub(super) last: Option<usize>,
    /// What only one family can say, with the place: a reason of the other one.
    pub(super) lacking: Vec<(Family, Span, String)>,
    pub(super) unknown: bool,
}

/// Whether an endpoint, as iptables writes it, has ports: `10.0.0.1:80`, `[2001:db8::1]:80`.
pub(super) fn is_with_ports(endpoint: &str) -> bool {
    endpoint.starts_with('[') || endpoint.matches(':').count() == 1
}
