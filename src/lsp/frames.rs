//! The frames of the protocol, read so that none ends the server.
//! Input: bytes. Output: messages; what is none is answered as JSON-RPC says, or skipped.
//!
//! A lone surrogate in a text (`"\ud83d"`, half of an emoji) is not a text in UTF-8. Editors send it all the same; it is read
//! as U+FFFD, which has as many UTF-16 units, so that what the editor says later is still true of the text.

use std::io::{self, BufRead, Read, Write};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crossbeam_channel::bounded;
use lsp_server::{Connection, ErrorCode, Message};
use serde_json::{Value, json};

/// The longest frame that is read, in bytes: the largest policy, escaped.
const MAX_FRAME: u64 = 128 << 20;
/// The longest header line that is looked at, in bytes.
const MAX_LINE: u64 = 4 << 10;
/// The header that says how long a frame is, in lower case.
const LENGTH: &[u8] = b"content-length:";

/// One frame of the other side.
enum Frame {
    /// A message.
    Message(Message),
    /// No message, and what is to be answered.
    Wrong(Value),
    /// No message, and nobody waits for an answer.
    Skipped,
}

/// The threads that read and write.
pub struct Threads {
    reader: JoinHandle<()>,
    writer: JoinHandle<io::Result<()>>,
}

impl Threads {
    /// Waits for their end: that of the input and of the connection. An error: the output cannot be written.
    pub fn join(self) -> io::Result<()> {
        let broken = |_| io::Error::other("a thread of the server has ended");
        self.reader.join().map_err(broken)?;
        self.writer.join().map_err(broken)?
    }
}

/// A connection over two streams of bytes, which ends with `exit` and with the input.
pub fn connect(input: impl BufRead + Send + 'static, output: impl Write + Send + 'static) -> (Connection, Threads) {
    let output = Arc::new(Mutex::new(output));
    let answers = Arc::clone(&output);
    let ((sender, outgoing), (incoming, receiver)) = (bounded::<Message>(0), bounded::<Message>(0));
    let reader = thread::spawn(move || {
        let mut input = input;
        while let Ok(Some(frame)) = read(&mut input) {
            match frame {
                Frame::Skipped => {}
                Frame::Wrong(answer) => {
                    if write(&answers, |output| write_frame(output, &answer.to_string())).is_err() {
                        return;
                    }
                }
                Frame::Message(message) => {
                    let last = matches!(&message, Message::Notification(notification) if notification.method == "exit");
                    if incoming.send(message).is_err() || last {
                        return;
                    }
                }
            }
        }
    });
    let writer = thread::spawn(move || {
        outgoing.into_iter().try_for_each(|message| write(&output, |mut output| message.write(&mut output)))
    });
    (Connection { sender, receiver }, Threads { reader, writer })
}

fn write<W: Write>(output: &Mutex<W>, what: impl FnOnce(&mut W) -> io::Result<()>) -> io::Result<()> {
    let mut output = output.lock().map_err(|_| io::Error::other("a thread of the server has ended"))?;
    what(&mut output)
}

fn write_frame(output: &mut impl Write, text: &str) -> io::Result<()> {
    write!(output, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    output.flush()
}

/// The next frame; `None` at the end of the input.
///
/// What comes before a header with a length is skipped. So reading goes on after a frame whose length is wrong, too.
fn read(input: &mut impl BufRead) -> io::Result<Option<Frame>> {
    if !skip_to_length(input)? {
        return Ok(None);
    }
    let Some(line) = line(input)? else { return Ok(None) };
    let number = str::from_utf8(line.trim_ascii()).ok().and_then(|number| number.parse().ok());
    let Some(length) = number.filter(|length| *length <= MAX_FRAME) else {
        return Ok(Some(wrong(
            ErrorCode::ParseError,
            Value::Null,
            "the length of a frame cannot be read, or is too large",
        )));
    };
    loop {
        match line_of_header(input)? {
            None => return Ok(None),
            Some(true) => {}
            Some(false) => break,
        }
    }
    let mut body = Vec::new();
    if (&mut *input).take(length).read_to_end(&mut body)? as u64 != length {
        return Ok(None);
    }
    Ok(Some(frame(&body)))
}

/// Reads until just after the name of the header with the length; whether there is one before the end.
fn skip_to_length(input: &mut impl BufRead) -> io::Result<bool> {
    let mut met = 0;
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let mut read = 0;
        while read < bytes.len() && met < LENGTH.len() {
            let byte = bytes[read].to_ascii_lowercase();
            // The first letter of the name does not come again in it.
            met = if byte == LENGTH[met] { met + 1 } else { usize::from(byte == LENGTH[0]) };
            read += 1;
        }
        input.consume(read);
        if met == LENGTH.len() {
            return Ok(true);
        }
    }
}

/// The rest of a line, or the beginning of one that is too long; `None` at the end of the input.
fn line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    (&mut *input).take(MAX_LINE).read_until(b'\n', &mut line)?;
    Ok((!line.is_empty()).then_some(line))
}

/// Reads a line of the header; whether it was one, and not the empty line after them.
fn line_of_header(input: &mut impl BufRead) -> io::Result<Option<bool>> {
    Ok(line(input)?.map(|line| !line.trim_ascii().is_empty()))
}

/// What a frame holds.
fn frame(body: &[u8]) -> Frame {
    let parsed = serde_json::from_slice(body).or_else(|error| {
        let repaired = without_lone_surrogates(body).ok_or(error)?;
        serde_json::from_slice(&repaired)
    });
    match parsed {
        Ok(Message::Notification(notification)) if !is_notification(&notification.method) => {
            odd(body).unwrap_or(Frame::Message(Message::Notification(notification)))
        }
        Ok(message) => Frame::Message(message),
        Err(_) => odd(body).unwrap_or(Frame::Skipped),
    }
}

/// Whether a method is one that nobody waits for.
fn is_notification(method: &str) -> bool {
    let name = method.rsplit('/').next().unwrap_or_default();
    name.starts_with("did") || method.starts_with("$/") || matches!(method, "initialized" | "exit")
}

/// What is to be answered to a frame that is not a message; `None`: nothing.
fn odd(body: &[u8]) -> Option<Frame> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return Some(wrong(ErrorCode::ParseError, Value::Null, "a frame is not JSON"));
    };
    let is_request = value.get("method").is_some();
    let is_answer = value.get("result").or(value.get("error")).is_some() && !is_request;
    let id = value.get("id").filter(|id| id.is_string() || id.is_number());
    match id {
        Some(id) if is_request => Some(wrong(
            ErrorCode::InvalidRequest,
            id.clone(),
            "a request has a method, and as its id an integer or a string",
        )),
        None if value.get("method").is_some_and(Value::is_string) => None,
        _ if is_answer => None,
        _ => Some(wrong(ErrorCode::InvalidRequest, Value::Null, "a frame is neither a request nor an answer")),
    }
}

fn wrong(code: ErrorCode, id: Value, message: &str) -> Frame {
    let error = json!({ "code": code as i32, "message": message });
    Frame::Wrong(json!({ "jsonrpc": "2.0", "id": id, "error": error }))
}

/// JSON with U+FFFD in the place of each escape of a surrogate without its other half; `None` where there is none.
fn without_lone_surrogates(json: &[u8]) -> Option<Vec<u8>> {
    // The number that `\uXXXX` at a place says.
    let escaped = |at: usize| {
        let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut repaired: Option<Vec<u8>> = None;
    let mut at = 0;
    while at < json.len() {
        if json[at] != b'\\' {
            at += 1;
            continue;
        }
        match (escaped(at), escaped(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => at += 12,
            (Some(0xd800..=0xdfff), _) => {
                repaired.get_or_insert_with(|| json.to_vec())[at + 2..at + 6].copy_from_slice(b"fffd");
                at += 6;
            }
            // A backslash and what it escapes.
            _ => at += 2,
        }
    }
    repaired
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of some bytes: the methods of messages, and the codes of answers.
    fn read_all(mut bytes: &[u8]) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(frame) = read(&mut bytes).expect("bytes can be read") {
            all.push(match frame {
                Frame::Message(Message::Request(request)) => format!("{} {}", request.method, request.params),
                Frame::Message(Message::Notification(notification)) => notification.method,
                Frame::Message(Message::Response(response)) => format!("answer {}", response.id),
                Frame::Wrong(answer) => format!("{} {}", answer["id"], answer["error"]["code"]),
                Frame::Skipped => "skipped".into(),
            });
        }
        all
    }

    fn framed(text: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{text}", text.len())
    }

    const EXIT: &str = r#"{"jsonrpc":"2.0","method":"exit"}"#;

    #[test]
    fn what_is_no_message_is_answered_or_skipped_and_reading_goes_on() {
        for (text, expected) in [
            (r#"{"id":1,"method":"m","params":["a"]}"#, "m [\"a\"]"),
            (r#"{"id":7,"result":null}"#, "answer 7"),
            ("{", "null -32700"),
            ("\u{1}", "null -32700"),
            (r#"{"id":1,"method":"m","params":"\x"}"#, "null -32700"),
            ("[]", "null -32600"),
            ("7", "null -32600"),
            ("{}", "null -32600"),
            (r#"{"id":1}"#, "null -32600"),
            (r#"{"id":4294967296,"method":"m"}"#, "4294967296 -32600"),
            (r#"{"id":1.5,"method":"textDocument/hover"}"#, "1.5 -32600"),
            (r#"{"id":1,"method":7}"#, "1 -32600"),
            (r#"{"id":1.5,"result":7}"#, "skipped"),
            (r#"{"method":"unheard/of"}"#, "unheard/of"),
            (r#"{"id":1,"method":"m","params":"\ud83d"}"#, "m \"\u{fffd}\""),
            (
                r#"{"id":1,"method":"m","params":"\udc00\ud83d\ud83d\ude00\\ud83d"}"#,
                "m \"\u{fffd}\u{fffd}😀\\\\ud83d\"",
            ),
        ] {
            assert_eq!(read_all((framed(text) + &framed(EXIT)).as_bytes()), [expected, "exit"], "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(read_all((framed(&deep) + &framed(EXIT)).as_bytes()), ["null -32700", "exit"]);
        let latin: Vec<u8> = [b"Content-Length: 3\r\n\r\n\"\xe9\"", framed(EXIT).as_bytes()].concat();
        assert_eq!(read_all(&latin), ["null -32700", "exit"]);
    }

    #[test]
    fn headers_that_say_no_length_do_not_end_it() {
        for (before, expected) in [
            ("Content-Length: 99999999999999\r\n\r\n{}", &["null -32700", "exit"][..]),
            ("Content-Length: 99999999999999999999999\r\n\r\n{}", &["null -32700", "exit"]),
            ("Content-Length: -1\r\n\r\n{}", &["null -32700", "exit"]),
            ("Content-Length:\r\n\r\n", &["null -32700", "exit"]),
            ("Content-Length: x\r\n\r\n", &["null -32700", "exit"]),
            ("Content-Length: 1\r\n\r\n{}", &["null -32700", "exit"]),
            ("Content-Length: 0\r\n\r\n", &["null -32700", "exit"]),
            ("\r\n\r\n", &["exit"]),
            ("Content-Type: x\r\n", &["exit"]),
            ("no header at all\r\n\r\n{}", &["exit"]),
            ("CContent-Content-Le", &["exit"]),
        ] {
            assert_eq!(read_all((before.to_owned() + &framed(EXIT)).as_bytes()), expected, "{before:?}");
        }
        assert_eq!(
            read_all(b"content-length:33\nContent-Type: x\n\n{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}"),
            ["exit"]
        );
        assert_eq!(read_all(b"Content-Length: 33\r\n\r\n{\"jsonrpc\""), [""; 0], "the end comes too soon");
        let endless = [&b"Content-Length: "[..], &[b'1'; 100_000], framed(EXIT).as_bytes()].concat();
        assert_eq!(read_all(&endless), ["null -32700", "exit"]);
    }
}
