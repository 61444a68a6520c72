//! One rule.
//! Input: built by `parse` and by `expand`. Output: the rules of a `Table`.

use std::sync::Arc;

use super::chain::ChainId;
use super::header::Header;
use super::matches::Match;
use super::origin::Origins;
use super::targets::Target;

/// One rule of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The chain it is in.
    pub chain: ChainId,
    /// Addresses, interfaces and protocol.
    pub header: Header,
    /// The extension matches, all of which must hold, in order; rules made from one pattern share them.
    pub matches: Arc<[Match]>,
    /// What happens to a packet that matches.
    pub target: Target,
    /// Where it comes from.
    pub origins: Origins,
}
