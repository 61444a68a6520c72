//! Names that the compiler invents, for chains and for the tables of hashlimit.
//! Input: what is to be named. Output: a name made from content, so that no line added above changes it.

/// A name made from content: `cgwfw-` and the FNV-1a hash (32 bit) of the text, the same on every machine.
pub fn invented_name(content: &str) -> String {
    let hash = content.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{INVENTED}{hash:08x}")
}

/// What every name begins with that is not a user's.
pub const INVENTED: &str = "cgwfw-";

/// Whether a name is made from content: 32 bits of it, which among ten thousand chains may be the same once.
pub fn is_invented(name: &str) -> bool {
    name.strip_prefix(INVENTED).is_some_and(|hash| hash.len() == 8 && hash.bytes().all(|b| b.is_ascii_hexdigit()))
}
