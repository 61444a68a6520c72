//! A difference of the families, as it is told. Data only.
//! Input: filled by `lines`. Output: read by the command line, as text and as JSON.

use serde::Serialize;

use super::reasons::Reason;
use crate::net::Family;
use crate::query::Decider;

/// What becomes of a service, over all addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// It is accepted for all addresses.
    All,
    /// It is accepted for some addresses, or where it depends on more than the packet.
    Some,
    /// It is accepted for none.
    None,
}

impl Extent {
    /// As a word.
    pub fn word(self) -> &'static str {
        match self {
            Extent::All => "all",
            Extent::Some => "some",
            Extent::None => "none",
        }
    }
}

/// Services that one family accepts for more addresses than the other.
#[derive(Clone, Debug, Serialize)]
pub struct Disparity {
    /// The family that accepts more.
    #[serde(serialize_with = "keyword")]
    pub accepts: Family,
    /// For which addresses it accepts them.
    pub extent: Extent,
    /// Who accepts them.
    pub by: Vec<Decider>,
    /// For which addresses the other family accepts them.
    pub other: Extent,
    /// Who does not accept them there.
    pub refused_by: Vec<Decider>,
    /// Why, where the policy says so: then it is no finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The packets.
    pub packets: Vec<InBoth>,
}

impl Disparity {
    /// Whether nothing in the policy says that it is meant, and the other family accepts nothing.
    pub fn is_finding(&self) -> bool {
        self.reason.is_none() && self.other == Extent::None
    }
}

/// The same packets as sentences of each family, as `query` takes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InBoth {
    /// In IPv4.
    pub ipv4: String,
    /// In IPv6.
    pub ipv6: String,
    /// What no sentence says: they are only those for which this holds as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Whether the service has another number in each family.
    #[serde(skip)]
    pub other_number: bool,
}

impl InBoth {
    /// The sentence of a family.
    pub fn of(&self, family: Family) -> &str {
        match family {
            Family::V4 => &self.ipv4,
            Family::V6 => &self.ipv6,
        }
    }
}

fn keyword<S: serde::Serializer>(family: &Family, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(family.keyword())
}
