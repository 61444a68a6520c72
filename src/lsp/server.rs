//! The loop of the server.
//! Input: messages of the protocol (LSP 3.17). Output: answers, and diagnostics whenever a text changes.
//!
//! What `compile` finds is published at once; what takes longer, failed expectations, follows from a thread of its own
//! and is given up when the text changes. A panic ends what it happens in, not the server.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{TryRecvError, select};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::protocol::notification::{
    DidChangeConfiguration, DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument, DidOpenTextDocument,
    DidSaveTextDocument, Notification as _, PublishDiagnostics,
};
use super::protocol::{
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    PublishDiagnosticsParams, path, uri,
};
use super::requests;
use super::roots::{Published, Roots};
use super::settings::Settings;

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

/// What answers requests.
type Handler = fn(&Roots, &str, Value) -> Result<Value, requests::Failure>;

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
                    self.compile();
                    select! {
                        recv(self.connection.receiver) -> message => match message {
                            Ok(message) => message,
                            Err(_) => return Ok(()),
                        },
                        recv(self.roots.worker.results) -> found => {
                            if let Ok(found) = found {
                                self.guarded(|server| {
                                    let published = server.roots.found(found);
                                    server.publish(published);
                                });
                                self.refresh_lenses();
                            }
                            continue;
                        }
                    }
                }
            };
            match message {
                Message::Request(request) => self.answer(request, requests::answer),
                Message::Notification(notification) if notification.method == "exit" => {
                    return if self.is_down { Ok(()) } else { Err(NOT_DOWN.into()) };
                }
                Message::Notification(_) if self.is_down => {}
                Message::Notification(notification) => {
                    self.guarded(|server| server.notified(notification));
                }
                Message::Response(_) => {}
            }
        }
    }

    fn send(&self, message: Message) {
        // A client that is gone is noticed when the next message is read.
        let _ = self.connection.sender.send(message);
    }

    /// Compiles what has changed.
    fn compile(&mut self) {
        self.guarded(|server| {
            let published = server.roots.compile();
            server.publish(published);
        });
    }

    /// Does something that nobody waits for. A panic is shown to the user; what it left undone is done when the text
    /// changes next.
    fn guarded(&mut self, work: impl FnOnce(&mut Self)) {
        if let Err(message) = caught(|| work(self)) {
            let parameters = json!({ "type": 1, "message": message });
            self.send(Notification::new("window/showMessage".into(), parameters).into());
        }
    }

    fn answer(&mut self, request: Request, handler: Handler) {
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
        self.compile();
        let response = match caught(|| handler(&self.roots, &request.method, request.params)) {
            Ok(Ok(result)) => Response::new_ok(request.id, result),
            Ok(Err(error)) => Response::new_err(request.id, error.code, error.message),
            Err(message) => Response::new_err(request.id, ErrorCode::InternalError as i32, message),
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

/// Does something; an error is what a panic in it said.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // What the work may have left half done is compiled again with the next change.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        format!("cgwfw: an error in the server itself, please report it: {said}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: i32, method: &str) -> Request {
        Request::new(id.into(), method.to_owned(), json!({ "textDocument": { "uri": "file:///policy.cgwfw" } }))
    }

    fn response(client: &Connection) -> Response {
        match client.receiver.recv().expect("an answer") {
            Message::Response(response) => response,
            other => panic!("{other:?} is not a response"),
        }
    }

    #[test]
    fn a_panic_in_a_request_is_an_error_and_the_next_request_is_answered() {
        let (connection, client) = Connection::memory();
        let roots = Roots::new(Settings::default());
        let mut server =
            Server { connection: &connection, roots, refreshes: false, watches: false, is_down: false, sent: 0 };
        server.answer(request(1, "textDocument/hover"), |_, method, _| panic!("{method} of nothing"));
        let error = response(&client).response_result.expect_err("an error");
        assert_eq!(error.code, ErrorCode::InternalError as i32);
        assert!(error.message.contains("textDocument/hover of nothing"), "{}", error.message);
        server.answer(request(2, "textDocument/foldingRange"), requests::answer);
        assert_eq!(response(&client).response_result.ok(), Some(Value::Null));
        server.guarded(|_| panic!("a notification of nothing"));
        match client.receiver.recv().expect("a message") {
            Message::Notification(shown) => assert!(shown.params.to_string().contains("a notification of nothing")),
            other => panic!("{other:?} is not a notification"),
        }
    }
}
