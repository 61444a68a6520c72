//! ICMP types as sentences name them.
//! Input: a name or a number. Output: the type in each family that has it.

use super::codes::ResolveError;
use super::value::{BadValue, number, unknown};
use crate::language::values::{ICMP_TYPES, IcmpWord, icmp_number};

/// An ICMP type by name or number; a number is for whichever family the sentence has.
pub fn icmp_type(text: &str) -> Result<IcmpWord, BadValue> {
    if let Some((_, types)) = ICMP_TYPES.iter().find(|(name, _)| *name == text) {
        return Ok(IcmpWord { types: *types });
    }
    if text == "255" {
        let (message, label) = ("255 means any type to iptables", "matches every ICMP packet");
        return Err(BadValue::new(ResolveError::BadIcmpType, message, label, "leave `type` out to mean every type"));
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let kind = number(text, 0, 254)? as u8;
        return Ok(icmp_number(kind));
    }
    Err(unknown(ResolveError::BadIcmpType, text, "ICMP type", &ICMP_TYPES.map(|(name, _)| name)))
}
