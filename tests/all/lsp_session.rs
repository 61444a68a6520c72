//! A random session with the language server: no edit and no request ends it, and what it knows is what a server knows
//! that has just been started with the same texts.
//!
//! `CGWFW_EDITS` says how many edits, `CGWFW_SEED` where to begin.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::support;
use crate::support::client::{Client, uri};
use crate::support::generate::{self, Random};
use cgwfw::lsp::protocol::{Position, Range};
use cgwfw::lsp::roots::{Published, Roots};
use cgwfw::lsp::{Settings, requests, serve};
use cgwfw::snippet::library::Library;
use cgwfw::source::LineIndex;
use lsp_server::{Connection, Message, Notification, Request, RequestId};
use serde_json::{Value, json};

/// The files of the session, and what some of them begin with; the policy includes the second one.
const FILES: [(&str, &str); 5] = [
    ("policy.cgwfw", "include \"sites.cgwfw\"\ninterface inet0 public\ndefault drop\nallow loopback\n"),
    ("sites.cgwfw", "define peer = 192.0.2.1\nallow ipsec peer $peer on inet0\n"),
    ("other.cgwfw", "# né \u{1d11e} 漢\ndefault drop\nallow acme on eth0\nexpect accept in on eth0 tcp port 9100\n"),
    (
        "snippets/acme/snippet.toml",
        "summary = \"Acme\"\n[[sentence]]\nname = \"allow acme\"\nclauses = \"on <interface>\"\n\
        [parameters.interface]\ntype = \"interface\"\ntext = \"the interface\"\n",
    ),
    ("snippets/acme/rules.j2", "-A INPUT -i {{ interface }} -p tcp -m tcp --dport 9100 -j ACCEPT\n"),
];

/// What is typed.
const PIECES: &[&str] = &[
    "\n",
    " ",
    "\"",
    "#",
    "\\\n",
    "{ ",
    " }",
    ", ",
    "$peer",
    "$",
    "not ",
    "{{ x }}",
    "é",
    "漢",
    "\u{1d11e}",
    "\r\n",
    "\u{202e}",
    "\t",
    "10.0.0.0/8",
    "2001:db8::/32",
    " on inet0",
    " peer ",
    " port https",
    "allow ",
    "allow in tcp port 22\n",
    "default drop\n",
    "interface eth0 calico\n",
    "define peer = 198.51.100.1\n",
    "include \"sites.cgwfw\"\n",
    "include \"other.cgwfw\"\n",
    "rules both filter {\n-A INPUT -p icmp -j ACCEPT\n}\n",
    "expect deny in on inet0 tcp port 23\n",
    "lint one_family off\n",
    "-j ACCEPT",
    "name = ",
    "[[sentence]]\n",
];

const REQUESTS: &[&str] = &[
    "textDocument/hover",
    "textDocument/completion",
    "textDocument/definition",
    "textDocument/references",
    "textDocument/documentHighlight",
    "textDocument/prepareRename",
    "textDocument/rename",
    "textDocument/codeAction",
    "textDocument/inlayHint",
    "textDocument/documentSymbol",
    "textDocument/foldingRange",
    "textDocument/semanticTokens/full",
    "textDocument/formatting",
    "textDocument/documentLink",
    "workspace/executeCommand",
];

/// The server, in a thread, and the other end of its line.
struct Session {
    connection: Connection,
    server: JoinHandle<Result<(), String>>,
    sent: i32,
    /// The newest diagnostics of each file.
    diagnostics: BTreeMap<String, Value>,
    /// What the server has asked.
    asked: Vec<Request>,
}

impl Session {
    fn start(capabilities: Value) -> Session {
        let (served, connection) = Connection::memory();
        let server = thread::spawn(move || serve(&served));
        let mut session = Session { connection, server, sent: 0, diagnostics: BTreeMap::new(), asked: Vec::new() };
        session.ask("initialize", json!({ "capabilities": capabilities })).expect("capabilities");
        session.notify("initialized", json!({}));
        session
    }

    fn notify(&self, method: &str, parameters: Value) {
        let notification = Notification::new(method.into(), parameters);
        self.connection.sender.send(notification.into()).expect("the server goes on");
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        self.sent += 1;
        let id = RequestId::from(self.sent);
        let request = Request::new(id.clone(), method.into(), parameters);
        self.connection.sender.send(request.into()).expect("the server goes on");
        loop {
            match self.connection.receiver.recv_timeout(Duration::from_secs(60)).expect("an answer") {
                Message::Response(response) if response.id == id => {
                    return response.response_result.map_err(|error| error.message);
                }
                Message::Notification(notification) => self.take(notification),
                Message::Request(request) => self.asked.push(request),
                Message::Response(_) => {}
            }
        }
    }

    fn take(&mut self, mut notification: Notification) {
        if notification.method == "textDocument/publishDiagnostics" {
            let file = notification.params["uri"].as_str().expect("an address").to_owned();
            self.diagnostics.insert(file, notification.params["diagnostics"].take());
        }
    }

    fn stop(mut self) {
        self.ask("shutdown", Value::Null).expect("an end");
        self.notify("exit", Value::Null);
        self.server.join().expect("no panic").expect("the protocol");
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).expect("a short text")
}

/// A place in a text, now and then one that is not there.
fn place(random: &mut Random, text: &str) -> Position {
    if random.chance(3) {
        return Position { line: number(random.below(1 << 30)), character: number(random.below(1 << 30)) };
    }
    let mut offset = random.below(text.len() + 1);
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let (line, character) = LineIndex::new(text).utf16(text, offset);
    Position { line, character }
}

/// Changes a text as the server must.
fn edit(text: &mut String, range: Range, new: &str) {
    let lines = LineIndex::new(text);
    let at = |place: Position| lines.offset_of_utf16(text, place.line, place.character);
    let (start, end) = (at(range.start), at(range.end));
    text.replace_range(start..end.max(start), new);
}

fn parameters(random: &mut Random, method: &str, address: &str, text: &str) -> Value {
    let document = json!({ "uri": address });
    let (a, b) = (place(random, text), place(random, text));
    let range = json!({ "start": a.min(b), "end": a.max(b) });
    match method {
        "textDocument/rename" => json!({ "textDocument": document, "position": a, "newName": random.pick(PIECES) }),
        "textDocument/references" => {
            json!({ "textDocument": document, "position": a, "context": { "includeDeclaration": random.chance(50) } })
        }
        "textDocument/codeAction" => {
            json!({ "textDocument": document, "range": range, "context": { "diagnostics": [] } })
        }
        "textDocument/inlayHint" => json!({ "textDocument": document, "range": range }),
        "workspace/executeCommand" => json!({ "command": "cgwfw.showRules", "arguments": [address, a.line] }),
        _ => json!({ "textDocument": document, "position": a, "options": { "tabSize": 4, "insertSpaces": true } }),
    }
}

/// A server that has just been started with the texts that are open.
struct Fresh {
    roots: Roots,
    diagnostics: BTreeMap<PathBuf, Value>,
}

impl Fresh {
    fn new(open: &BTreeMap<PathBuf, String>) -> Fresh {
        let mut roots = Roots::new(Settings::default());
        open.iter().for_each(|(file, text)| roots.open(file.clone(), 1, text.clone()));
        let published = roots.compile();
        let mut fresh = Fresh { roots, diagnostics: BTreeMap::new() };
        fresh.take(published);
        fresh
    }

    fn take(&mut self, published: Vec<Published>) {
        for Published { file, diagnostics, .. } in published {
            self.diagnostics.insert(file, serde_json::to_value(diagnostics).expect("JSON"));
        }
    }

    /// Whether the session knows the same; it may have looked at the expectations by now, or not yet.
    fn has(&mut self, session: &Session) -> Result<(), String> {
        let named = self.diagnostics.keys().map(|file| (uri(file), json!([])));
        let mut missing: BTreeMap<String, Value> = named.chain(session.diagnostics.clone()).collect();
        loop {
            missing.retain(|file, found| {
                let own = self.diagnostics.iter().find(|(path, _)| uri(path) == *file);
                own.map_or(*found != json!([]), |(_, own)| *own != *found)
            });
            if missing.is_empty() {
                return Ok(());
            }
            match self.roots.worker.results.recv_timeout(Duration::from_secs(20)) {
                Ok(found) => {
                    let published = self.roots.found(found);
                    self.take(published);
                }
                Err(_) => {
                    let (file, found) = missing.first_key_value().expect("one that differs");
                    let own = self.diagnostics.iter().find(|(path, _)| uri(path) == *file);
                    return Err(format!("{file}\nthe session: {found:#}\na fresh one: {own:#?}"));
                }
            }
        }
    }
}

#[test]
fn a_random_session_knows_what_a_fresh_server_knows() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a path");
    for (name, text) in FILES {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let seed = support::number("CGWFW_SEED", 1);
    let mut random = Random::new(seed);
    let library = Library::built_in();
    let mut session = Session::start(json!({}));
    let mut open: BTreeMap<PathBuf, String> = BTreeMap::new();
    for step in 0..support::number("CGWFW_EDITS", 1_500) as usize {
        let (name, begin) = *random.pick(&FILES);
        let file = root.join(name);
        let address = uri(&file);
        let document = json!({ "uri": address, "version": step });
        match open.get_mut(&file) {
            None => {
                let text = fs::read_to_string(&file).expect("a file");
                let new = json!({ "uri": address, "languageId": "cgwfw", "version": step, "text": text });
                session.notify("textDocument/didOpen", json!({ "textDocument": new }));
                open.insert(file.clone(), text);
            }
            Some(_) if random.chance(4) => {
                session.notify("textDocument/didClose", json!({ "textDocument": document }));
                open.remove(&file);
            }
            // A whole new text, so that some policies are right.
            Some(text) if random.chance(12) => {
                *text = match begin {
                    begin if !name.ends_with(".cgwfw") || random.chance(40) => begin.to_owned(),
                    _ => generate::text(&generate::policy(random.next(), &library)),
                };
                let change = json!([{ "text": text }]);
                session.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": change }));
            }
            Some(text) => {
                let mut changes = Vec::new();
                for _ in 0..=random.below(3) {
                    let start = place(&mut random, text);
                    let longer =
                        Position { line: start.line + number(random.below(2)), character: start.character + 4 };
                    let end = if random.chance(40) { longer } else { start };
                    let new = *random.pick(PIECES);
                    let range = Range { start, end };
                    edit(text, range, new);
                    changes.push(json!({ "range": range, "text": new }));
                }
                let parameters = json!({ "textDocument": document, "contentChanges": changes });
                session.notify("textDocument/didChange", parameters);
            }
        }
        // Two changes without a pause are two changes all the same.
        if random.chance(20) {
            continue;
        }
        let mut fresh = Fresh::new(&open);
        for _ in 0..3 {
            let (method, (name, _)) = (*random.pick(REQUESTS), *random.pick(&FILES));
            let file = root.join(name);
            let text = open.get(&file).map_or("", String::as_str);
            let parameters = parameters(&mut random, method, &uri(&file), text);
            let answer = session.ask(method, parameters.clone());
            let own = requests::answer(&fresh.roots, method, parameters.clone()).map_err(|error| error.message);
            assert_eq!(answer, own, "seed {seed}, step {step}: {method} {parameters:#}\n{open:#?}");
        }
        if let Err(difference) = fresh.has(&session) {
            panic!("seed {seed}, step {step}: {difference}\n{open:#?}");
        }
    }
    session.stop();
}

#[test]
fn files_that_are_not_open_are_watched() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a path");
    let mut session =
        Session::start(json!({ "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } } }));
    let policy = uri(&root.join("policy.cgwfw"));
    let text = "include \"sites.cgwfw\"\ndefault drop\n";
    let document = json!({ "uri": policy, "languageId": "cgwfw", "version": 1, "text": text });
    session.notify("textDocument/didOpen", json!({ "textDocument": document }));
    let hover = json!({ "textDocument": { "uri": policy }, "position": { "line": 1, "character": 0 } });
    session.ask("textDocument/hover", hover.clone()).expect("an answer");
    assert_eq!(session.diagnostics[&policy][0]["code"], "cgwfw::syntax::include_unreadable");
    assert_eq!(session.asked[0].method, "client/registerCapability");
    let sites = root.join("sites.cgwfw");
    fs::write(&sites, "allow loopback\n").expect("a file");
    session.notify("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": uri(&sites), "type": 1 }] }));
    session.ask("textDocument/hover", hover).expect("an answer");
    assert_eq!(session.diagnostics[&policy], json!([]));
    session.stop();
}

#[test]
fn blocks_that_cannot_be_read_are_reported_and_the_policy_is_compiled_without_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a path");
    fs::create_dir_all(root.join("snippets/acme")).expect("a folder");
    fs::write(root.join("snippets/acme/snippet.toml"), b"summary = \"\xff\"").expect("a file");
    let mut fresh = Fresh::new(&BTreeMap::from([(root.join("policy.cgwfw"), "default drop\nallow acme\n".to_owned())]));
    let found = fresh.diagnostics.remove(&root.join("policy.cgwfw")).expect("diagnostics");
    assert!(found[0]["message"].as_str().is_some_and(|text| text.contains("snippet.toml: ")), "{found:#}");
    assert_eq!(found[1]["range"]["start"]["line"], 1, "{found:#}");
}

/// Resident memory of a process, in KiB.
fn memory(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a running process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    line.split_whitespace().nth(1).and_then(|size| size.parse().ok()).expect("a number")
}

#[test]
fn memory_stays_flat_over_ten_thousand_edits() {
    let policy = "interface inet0 public\ndefault drop\nallow loopback\nallow ipsec peer 192.0.2.1 on inet0\n\
        expect deny in on inet0 tcp\n";
    let mut client = Client::start(Value::Null, true);
    let address = uri(Path::new("/policy.cgwfw"));
    client.open(&address, policy);
    let mut first = 0;
    for step in 1..=10_000 {
        // Every other text has a mistake.
        let line = if step % 2 == 0 { "allow bgp peer" } else { "#" };
        client.replace(&address, step + 1, &format!("{policy}{line} {step}\n"));
        client.wait_for(&address, usize::try_from(step).expect("a number"));
        if step == 1_000 {
            first = memory(client.process());
        }
    }
    let last = memory(client.process());
    assert!(last < first + 4 * 1024, "{first} KiB after 1,000 edits, {last} KiB after 10,000");
    client.stop();
}
