//! What a client should not send, to the language server as a process: nothing ends it but `exit`.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A running server, and its streams.
struct Server {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start() -> Server {
        let mut process = Command::new(env!("CARGO_BIN_EXE_cgwfw"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        let input = process.stdin.take().expect("a pipe");
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        Server { process, input, output }
    }

    /// A server that has been initialized.
    fn initialized() -> Server {
        let mut server = Server::start();
        server.send(&json!({ "id": 1, "method": "initialize", "params": { "capabilities": {} } }).to_string());
        assert!(server.answer(&json!(1))["result"]["capabilities"].is_object());
        server.send(r#"{"method":"initialized"}"#);
        server
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).and_then(|()| self.input.flush()).expect("the server reads");
    }

    fn send(&mut self, body: &str) {
        self.bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).expect("a line"), 0, "the server has ended");
            match line.trim_end().strip_prefix("Content-Length: ") {
                Some(number) => length = number.parse().expect("a number"),
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).expect("a whole frame");
        serde_json::from_slice(&body).expect("JSON")
    }

    /// The next answer to an id.
    fn answer(&mut self, id: &Value) -> Value {
        loop {
            let message = self.read();
            if message.get("method").is_none() && message["id"] == *id {
                return message;
            }
        }
    }

    fn open(&mut self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "cgwfw", "version": 1, "text": text });
        let parameters = json!({ "textDocument": document });
        self.send(&json!({ "method": "textDocument/didOpen", "params": parameters }).to_string());
    }

    /// What a hover over a place says.
    fn hover(&mut self, id: i32, uri: &str, line: u32, character: u32) -> Value {
        let position = json!({ "line": line, "character": character });
        let parameters = json!({ "textDocument": { "uri": uri }, "position": position });
        self.send(&json!({ "id": id, "method": "textDocument/hover", "params": parameters }).to_string());
        self.answer(&json!(id))["result"].clone()
    }

    fn stop(mut self) {
        self.send(r#"{"id":"last","method":"shutdown"}"#);
        assert!(self.answer(&json!("last"))["result"].is_null());
        self.send(r#"{"method":"exit"}"#);
        assert!(self.process.wait().expect("it ends").success());
    }
}

const POLICY: &str = "file:///policy.cgwfw";

#[test]
fn no_frame_ends_the_server() {
    let mut server = Server::initialized();
    server.open(POLICY, "default drop\nallow loopback\n");
    for (id, (frame, code)) in [
        ("Content-Length: 99999999999999\r\n\r\n{}", Some(-32700)),
        ("Content-Length: nothing\r\n\r\n", Some(-32700)),
        ("Content-Length: 1\r\n\r\n{\"id\":1}", Some(-32700)),
        ("Content-Length: 3\r\n\r\n[7]", Some(-32600)),
        ("Content-Length: 4\r\n\r\nnull", Some(-32600)),
        ("\r\n\r\nrubbish\r\n", None),
        ("Content-Length: 15\r\n\r\n{\"method\":\"did\"", Some(-32700)),
        ("Content-Length: 17\r\n\r\n{\"id\":9,\"error\":7", Some(-32700)),
        ("Content-Length: 18\r\n\r\n{\"id\":9,\"result\":7}", None),
    ]
    .into_iter()
    .enumerate()
    {
        server.bytes(frame.as_bytes());
        if let Some(code) = code {
            assert_eq!(server.answer(&Value::Null)["error"]["code"], code, "{frame:?}");
        }
        let hover = server.hover(10 + id as i32, POLICY, 1, 8);
        assert!(hover.to_string().contains("allow loopback"), "{frame:?}: {hover}");
    }
    for (id, method, parameters) in [
        (40, "textDocument/hover", json!(7)),
        (41, "textDocument/hover", json!({ "textDocument": { "uri": "no address" } })),
        (42, "textDocument/rename", json!({ "textDocument": { "uri": POLICY }, "position": { "line": -1 } })),
        (43, "unheard/of", Value::Null),
        (44, "initialize", json!({ "capabilities": {} })),
    ] {
        server.send(&json!({ "id": id, "method": method, "params": parameters }).to_string());
        assert!(server.answer(&json!(id))["error"]["code"].is_i64(), "{method}");
    }
    for method in ["textDocument/didOpen", "textDocument/didChange", "textDocument/didClose", "$/cancelRequest", "x"] {
        for parameters in [json!(null), json!(7), json!({ "textDocument": {} })] {
            server.send(&json!({ "method": method, "params": parameters }).to_string());
        }
    }
    assert!(server.hover(50, POLICY, 1, 8).is_object());
    server.stop();
}

#[test]
fn half_an_emoji_is_a_character_of_its_own() {
    let mut server = Server::initialized();
    server.open(POLICY, "default drop\nallow loopback\n");
    let change = |range: &str, text: &str| {
        format!(
            r#"{{"method":"textDocument/didChange","params":{{"textDocument":{{"uri":"{POLICY}","version":2}},"contentChanges":[{{{range}"text":"{text}"}}]}}}}"#
        )
    };
    server.send(&change("", r"default drop\n# \ud83d\nallow loopback\n"));
    assert!(server.hover(2, POLICY, 2, 8).is_object());
    // The other half comes alone, too: each is one unit of UTF-16, as in the editor.
    let range = r#""range":{"start":{"line":1,"character":3},"end":{"line":1,"character":3}},"#;
    server.send(&change(range, r"\ude00 x"));
    let range = r#""range":{"start":{"line":1,"character":4},"end":{"line":2,"character":6}},"#;
    server.send(&change(range, r"\nallow "));
    assert!(server.hover(3, POLICY, 2, 8).to_string().contains("allow loopback"));
    server.stop();
}

#[test]
fn nothing_is_done_before_initialize_or_after_shutdown() {
    let mut server = Server::start();
    server.send(r#"{"id":1,"result":7}"#);
    server.send(r#"{"method":"initialized"}"#);
    server.send(r#"{"id":2,"method":"textDocument/hover"}"#);
    assert_eq!(server.answer(&json!(2))["error"]["code"], -32002);
    server.send(r#"{"id":3,"method":"initialize","params":{"capabilities":{}}}"#);
    assert!(server.answer(&json!(3))["result"].is_object());
    // A client that does not say `initialized` is served all the same.
    server.open(POLICY, "default drop\nallow loopback\n");
    assert!(server.hover(4, POLICY, 1, 8).is_object());
    server.send(r#"{"id":5,"method":"shutdown"}"#);
    assert!(server.answer(&json!(5))["result"].is_null());
    for (id, method) in [(6, "textDocument/hover"), (7, "shutdown"), (8, "initialize"), (9, "unheard/of")] {
        server.send(&json!({ "id": id, "method": method }).to_string());
        assert_eq!(server.answer(&json!(id))["error"]["code"], -32600, "{method}");
    }
    server.open(POLICY, "default");
    server.send(r#"{"method":"exit"}"#);
    assert_eq!(server.process.wait().expect("it ends").code(), Some(0));
}

#[test]
fn exit_without_shutdown_is_no_good_end() {
    let mut server = Server::initialized();
    server.send(r#"{"method":"exit"}"#);
    assert!(!server.process.wait().expect("it ends").success());
}

/// The processor time of a process, in seconds.
#[cfg(target_os = "linux")]
fn seconds(process: &Child) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", process.id())).expect("the process is there");
    let fields: Vec<&str> = text.rsplit(')').next().expect("a name").split_whitespace().collect();
    // In hundredths, as the kernel tells every program.
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum::<u64>() / 100
}

/// Each text that was opened looked at every other: 3,000 took 68 s.
#[cfg(target_os = "linux")]
#[test]
fn time_grows_with_the_open_texts_and_not_with_their_square() {
    let mut server = Server::initialized();
    let (texts, mut uri) = (3_000, String::new());
    for number in 0..texts {
        uri.clear();
        write!(uri, "file:///many/{number}.cgwfw").expect("a String takes all");
        server.open(&uri, "default drop\nallow loopback\n");
        while server.read()["method"] != "textDocument/publishDiagnostics" {}
    }
    assert!(server.hover(2, &uri, 1, 8).is_object());
    let seconds = seconds(&server.process);
    assert!(seconds < 40, "{seconds} s of processor time for {texts} texts");
    server.stop();
}
