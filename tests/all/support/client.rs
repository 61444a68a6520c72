//! A client of the language server: the program itself, over its standard input and output.

use std::collections::BTreeMap;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use lsp_server::{Message, Notification, Request, RequestId};
use serde_json::{Value, json};

/// A running server.
pub struct Client {
    process: Child,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
    sent: i32,
    /// The newest diagnostics of each file.
    pub diagnostics: BTreeMap<String, Vec<Value>>,
    /// How many times diagnostics of a file have come.
    pub published: BTreeMap<String, usize>,
}

impl Client {
    /// Starts a server with some `initializationOptions`; `placeholders`: the client fills them in.
    pub fn start(options: Value, placeholders: bool) -> Client {
        let mut process = Command::new(env!("CARGO_BIN_EXE_cgwfw"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let input = BufWriter::new(process.stdin.take().expect("a pipe"));
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        let (diagnostics, published) = (BTreeMap::new(), BTreeMap::new());
        let mut client = Client { process, input, output, sent: 0, diagnostics, published };
        let capabilities = json!({ "textDocument": {
            "publishDiagnostics": { "relatedInformation": true },
            "completion": { "completionItem": { "snippetSupport": placeholders } },
        } });
        client.request("initialize", json!({ "capabilities": capabilities, "initializationOptions": options }));
        client.notify("initialized", json!({}));
        client
    }

    /// The process number of the server.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    fn send(&mut self, message: &Message) {
        message.write(&mut self.input).expect("the server reads");
        self.input.flush().expect("the server reads");
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, parameters: Value) {
        self.send(&Notification::new(method.into(), parameters).into());
    }

    /// Sends a request and waits for its answer: the result, or the message of the error.
    pub fn ask(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        self.sent += 1;
        let id = RequestId::from(self.sent);
        self.send(&Request::new(id.clone(), method.into(), parameters).into());
        loop {
            match self.read() {
                Message::Response(response) if response.id == id => {
                    return response.response_result.map_err(|error| error.message);
                }
                message => self.take(message),
            }
        }
    }

    /// Sends a request that has a result.
    pub fn request(&mut self, method: &str, parameters: Value) -> Value {
        self.ask(method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn read(&mut self) -> Message {
        Message::read(&mut self.output).expect("a message").expect("the server goes on")
    }

    fn take(&mut self, message: Message) {
        if let Message::Notification(Notification { method, mut params }) = message
            && method == "textDocument/publishDiagnostics"
        {
            let uri = params["uri"].as_str().expect("an address").to_owned();
            let found = params["diagnostics"].take();
            *self.published.entry(uri.clone()).or_default() += 1;
            self.diagnostics.insert(uri, found.as_array().expect("a list").clone());
        }
    }

    /// Waits until diagnostics of a file have come so many times.
    pub fn wait_for(&mut self, uri: &str, times: usize) -> Vec<Value> {
        while self.published.get(uri).copied().unwrap_or_default() < times {
            let message = self.read();
            self.take(message);
        }
        self.diagnostics[uri].clone()
    }

    /// Opens a text.
    pub fn open(&mut self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "cgwfw", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// Replaces a whole text.
    pub fn replace(&mut self, uri: &str, version: i32, text: &str) {
        let document = json!({ "uri": uri, "version": version });
        self.notify(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [{ "text": text }] }),
        );
    }

    /// Ends the server as the protocol says; it must end well.
    pub fn stop(mut self) {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        assert!(self.process.wait().expect("it ends").success());
    }
}

/// The address of a path.
pub fn uri(path: &Path) -> String {
    cgwfw::lsp::protocol::uri(path).expect("an absolute path").as_str().to_owned()
}
