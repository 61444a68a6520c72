//! The protocol's types, and places in them. The only module that turns offsets into positions and paths into addresses.
//! Input: spans and paths. Output: ranges and `file:` addresses (LSP 3.17; RFC 8089), and the way back.

use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use lsp_types::*;

use crate::source::{Source, SourceId, Sources, Span};
use crate::syntax::normal;

/// The position of an offset.
pub fn position(source: &Source, offset: usize) -> Position {
    let (line, character) = source.lines().utf16(&source.text, offset);
    Position { line, character }
}

/// The offset of a position.
pub fn offset(source: &Source, position: Position) -> usize {
    source.lines().offset_of_utf16(&source.text, position.line, position.character)
}

/// The range of a span.
pub fn range(sources: &Sources, span: Span) -> Range {
    let source = sources.get(span.source);
    Range { start: position(source, span.start as usize), end: position(source, span.end as usize) }
}

/// The place of a span in its file; `None` where the file has no address.
pub fn location(sources: &Sources, span: Span) -> Option<Location> {
    let uri = uri(&path_of(sources.get(span.source)))?;
    Some(Location { uri, range: range(sources, span) })
}

/// The path of a source, without `.` and `..`: an include may have written it another way than the editor.
pub fn path_of(source: &Source) -> PathBuf {
    normal(Path::new(&source.name))
}

/// The source that is read from a path; of a file that is included twice, the first.
pub fn source_of(sources: &Sources, path: &Path) -> Option<SourceId> {
    sources.iter().find(|(_, source)| path_of(source) == path).map(|(id, _)| id)
}

/// Bytes of a path that stand for themselves in an address.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte)
}

/// The address of a path; a name that is not an absolute path is an address already (`untitled:Untitled-1`).
pub fn uri(path: &Path) -> Option<Uri> {
    let text = path.to_str()?;
    if !path.is_absolute() {
        return Uri::from_str(text).ok().filter(|uri| uri.scheme().is_some());
    }
    let mut encoded = String::from("file://");
    for byte in text.bytes() {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    Uri::from_str(&encoded).ok()
}

/// The path of an address; for other schemes than `file` the address itself.
pub fn path(uri: &Uri) -> PathBuf {
    let text = uri.as_str();
    let Some(rest) = text.strip_prefix("file://") else { return PathBuf::from(text) };
    let encoded = rest.find('/').map_or(rest, |slash| &rest[slash..]);
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16)).map(|digit| digit as u8);
    let (mut bytes, encoded) = (Vec::with_capacity(encoded.len()), encoded.as_bytes());
    let mut at = 0;
    while let Some(byte) = encoded.get(at) {
        match (byte, digit(encoded.get(at + 1)), digit(encoded.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                at += 3;
            }
            _ => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_addresses_and_back() {
        for (written, text) in [
            ("/etc/cgwfw/a.cgwfw", "file:///etc/cgwfw/a.cgwfw"),
            ("/a b/ä%#?.cgwfw", "file:///a%20b/%C3%A4%25%23%3F.cgwfw"),
            ("untitled:Untitled-1", "untitled:Untitled-1"),
        ] {
            let made = uri(Path::new(written)).expect(written);
            assert_eq!(made.as_str(), text);
            assert_eq!(path(&made), Path::new(written));
        }
        assert!(uri(Path::new("policy.cgwfw")).is_none());
        assert_eq!(path(&Uri::from_str("file://host/a%20b").expect("an address")), Path::new("/a b"));
    }
}
