//! The language server: what `compile` finds, live, and more. Every answer is a function of a compilation and a place.
//! Input: messages of the protocol (LSP 3.17). Output: answers, and diagnostics whenever a text changes.
//!
//! What `compile` finds is published at once; what takes longer, failed expectations, follows from a thread of its own
//! and is given up when the text changes.

pub mod actions;
pub mod blocks;
pub mod colors;
pub mod completion;
pub mod diagnostics;
pub mod formatting;
pub mod frames;
pub mod hints;
pub mod hover;
pub mod meaning;
pub mod names;
pub mod outline;
pub mod protocol;
pub mod requests;
pub mod roots;
pub mod view;
pub mod vocabulary;
pub mod worker;

use std::path::PathBuf;

use crossbeam_channel::{TryRecvError, select};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use protocol::notification::{
    DidChangeConfiguration, DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument, DidOpenTextDocument,
    DidSaveTextDocument, Notification as _, PublishDiagnostics,
};
use protocol::{
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    PublishDiagnosticsParams, path, uri,
};
use roots::{Published, Roots};

/// What the client chooses, in `initializationOptions`.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// Folders of building blocks, besides `snippets/` beside each policy.
    pub snippets: Vec<PathBuf>,
    /// Whether to show how many rules each sentence yields.
    pub inlay_hints: bool,
    /// Whether to show what became of expectations, and the rules of each sentence.
    pub code_lenses: bool,
    /// Whether the client fills in placeholders of what it completes: it says so itself.
    #[serde(skip)]
    pub placeholders: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { snippets: Vec::new(), inlay_hints: true, code_lenses: true, placeholders: false }
    }
}

/// Talks to one client until it says `exit`, or is gone. An error: it says `exit` without `shutdown`.
pub fn serve(connection: &Connection) -> Result<(), String> {
    let Some((id, parameters)) = initialization(connection)? else { return Ok(()) };
    let options = parameters.get("initializationOptions").cloned().filter(|options| !options.is_null());
    let settings = options.map(serde_json::from_value::<Settings>).transpose();
    let can = |capability: &str| parameters.pointer(&format!("/capabilities/{capability}")) == Some(&true.into());
    let (mut settings, complaint) = match settings {
        Ok(settings) => (settings.unwrap_or_default(), None),
        Err(error) => (Settings::default(), Some(format!("cgwfw: the settings are not used: {error}"))),
    };
    settings.placeholders = can("textDocument/completion/completionItem/snippetSupport");
    let (refreshes, watches) =
        (can("workspace/codeLens/refreshSupport"), can("workspace/didChangeWatchedFiles/dynamicRegistration"));
    let answer = json!({
        "capabilities": requests::capabilities(&settings),
        "serverInfo": { "name": "cgwfw", "version": env!("CARGO_PKG_VERSION") },
    });
    let mut server = Server { connection, roots: Roots::new(settings), refreshes, watches, is_down: false, sent: 0 };
    server.send(Response::new_ok(id, answer).into());
    if let Some(message) = complaint {
        let parameters = json!({ "type": 2, "message": message });
        server.send(Notification::new("window/showMessage".into(), parameters).into());
    }
    server.run()
}

/// Waits for the request `initialize`: its number and parameters. Other requests are refused; `None`: the client is gone.
fn initialization(connection: &Connection) -> Result<Option<(RequestId, Value)>, String> {
    for message in &connection.receiver {
        match message {
            Message::Request(Request { id, method, params }) if method == "initialize" => {
                return Ok(Some((id, params)));
            }
            Message::Request(request) => {
                let message = "the first request is `initialize`".to_owned();
                let response = Response::new_err(request.id, ErrorCode::ServerNotInitialized as i32, message);
                // A client that is gone is noticed when the next message is read.
                let _ = connection.sender.send(response.into());
            }
            Message::Notification(notification) if notification.method == "exit" => return Err(NOT_DOWN.into()),
            Message::Notification(_) | Message::Response(_) => {}
        }
    }
    Ok(None)
}

/// The error of a client that ends the server in the middle of its work.
const NOT_DOWN: &str = "the client said `exit` without `shutdown`";

/// The files that policies are made of, besides those that are open.
const WATCHED: [&str; 2] = ["**/*.cgwfw", "**/snippets/*/{snippet.toml,rules.j2,README.md}"];

struct Server<'a> {
    connection: &'a Connection,
    roots: Roots,
    /// Whether the client can be asked to ask for code lenses again.
    refreshes: bool,
    /// Whether the client can tell when a file changes that is not open, and was not yet asked to.
    watches: bool,
    /// Whether the client has said `shutdown`: then nothing but `exit` is expected.
    is_down: bool,
    /// How many requests were sent.
    sent: i32,
}

impl Server<'_> {
    fn run(&mut self) -> Result<(), String> {
        loop {
            // Everything that was typed meanwhile is read before anything is compiled.
            let message = match self.connection.receiver.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => return Ok(()),
                Err(TryRecvError::Empty) => {
                    let published = self.roots.compile();
                    self.publish(published);
                    select! {
                        recv(self.connection.receiver) -> message => match message {
                            Ok(message) => message,
                            Err(_) => return Ok(()),
                        },
                        recv(self.roots.worker.results) -> found => {
                            if let Ok(found) = found {
                                let published = self.roots.found(found);
                                self.publish(published);
                                self.refresh_lenses();
                            }
                            continue;
                        }
                    }
                }
            };
            match message {
                Message::Request(request) => self.answer(request),
                Message::Notification(notification) if notification.method == "exit" => {
                    return if self.is_down { Ok(()) } else { Err(NOT_DOWN.into()) };
                }
                Message::Notification(_) if self.is_down => {}
                Message::Notification(notification) => self.notified(notification),
                Message::Response(_) => {}
            }
        }
    }

    fn send(&self, message: Message) {
        // A client that is gone is noticed when the next message is read.
        let _ = self.connection.sender.send(message);
    }

    fn answer(&mut self, request: Request) {
        let refused =
            |why: &str| Response::new_err(request.id.clone(), ErrorCode::InvalidRequest as i32, why.to_owned());
        match request.method.as_str() {
            _ if self.is_down => return self.send(refused("the client has said `shutdown`").into()),
            "initialize" => return self.send(refused("the server is initialized").into()),
            "shutdown" => {
                self.is_down = true;
                return self.send(Response::new_ok(request.id, Value::Null).into());
            }
            _ => {}
        }
        let published = self.roots.compile();
        self.publish(published);
        let response = match requests::answer(&self.roots, &request.method, request.params) {
            Ok(result) => Response::new_ok(request.id, result),
            Err(error) => Response::new_err(request.id, error.code, error.message),
        };
        self.send(response.into());
    }

    fn notified(&mut self, notification: Notification) {
        match notification.method.as_str() {
            "initialized" if std::mem::take(&mut self.watches) => self.watch(),
            DidOpenTextDocument::METHOD => {
                if let Some(DidOpenTextDocumentParams { text_document }) = read(notification) {
                    self.roots.open(path(&text_document.uri), text_document.version, text_document.text);
                }
            }
            DidChangeTextDocument::METHOD => {
                if let Some(DidChangeTextDocumentParams { text_document, content_changes }) = read(notification) {
                    let file = path(&text_document.uri);
                    content_changes.into_iter().for_each(|change| {
                        self.roots.change(&file, text_document.version, change.range, change.text);
                    });
                }
            }
            DidCloseTextDocument::METHOD => {
                if let Some(DidCloseTextDocumentParams { text_document }) = read(notification) {
                    self.roots.close(&path(&text_document.uri));
                }
            }
            // A file may have changed that is not open and that a policy includes, or a building block.
            DidSaveTextDocument::METHOD | DidChangeConfiguration::METHOD => self.roots.all_changed(),
            DidChangeWatchedFiles::METHOD => {
                if let Some(DidChangeWatchedFilesParams { .. }) = read(notification) {
                    self.roots.all_changed();
                }
            }
            _ => {}
        }
    }

    fn publish(&self, published: Vec<Published>) {
        for Published { file, version, diagnostics } in published {
            let Some(uri) = uri(&file) else { continue };
            let parameters = PublishDiagnosticsParams { uri, diagnostics, version };
            self.send(Notification::new(PublishDiagnostics::METHOD.into(), parameters).into());
        }
    }

    fn refresh_lenses(&mut self) {
        if self.refreshes {
            self.ask("workspace/codeLens/refresh", Value::Null);
        }
    }

    /// Wants to be told when a file changes that is not open.
    fn watch(&mut self) {
        let watchers = WATCHED.map(|pattern| json!({ "globPattern": pattern }));
        let method = DidChangeWatchedFiles::METHOD;
        let registration = json!({ "id": method, "method": method, "registerOptions": { "watchers": watchers } });
        self.ask("client/registerCapability", json!({ "registrations": [registration] }));
    }

    /// Sends a request whose answer says nothing.
    fn ask(&mut self, method: &str, parameters: Value) {
        self.sent += 1;
        self.send(Request::new(self.sent.into(), method.to_owned(), parameters).into());
    }
}

/// The parameters of a notification; what is no such notification is left aside, as nobody waits for an answer.
fn read<P: DeserializeOwned>(notification: Notification) -> Option<P> {
    serde_json::from_value(notification.params).ok()
}
