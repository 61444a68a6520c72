//! How long an editor waits for the first diagnostics after a text has changed.
//! Input: a gateway's policy of 200 and of 5,000 lines, and 5,000 IPsec sentences. Output: times; `cargo bench --bench lsp`.

mod policies;

use std::thread;

use cgwfw::lsp::serve;
use divan::Bencher;
use lsp_server::{Connection, Message, Notification, Request};
use serde_json::{Value, json};

const ADDRESS: &str = "file:///policy.cgwfw";

fn main() {
    divan::main();
}

#[divan::bench(args = [200, 5_000], sample_count = 50)]
fn gateway_of_lines(bencher: Bencher, lines: usize) {
    first_diagnostics(bencher, &policies::gateway(lines));
}

#[divan::bench(args = [5_000], sample_count = 50)]
fn ipsec_sentences(bencher: Bencher, sentences: u32) {
    first_diagnostics(bencher, &policies::ipsec(sentences).replacen("\nallow", "\nallow loopback\nallow", 1));
}

/// From the notification of a change to the diagnostics of the new text.
fn first_diagnostics(bencher: Bencher, text: &str) {
    let (served, connection) = Connection::memory();
    let server = thread::spawn(move || serve(&served));
    connection
        .sender
        .send(Request::new(1.into(), "initialize".into(), json!({ "capabilities": {} })).into())
        .expect(RUNS);
    connection.receiver.recv().expect(RUNS);
    notify(&connection, "initialized", json!({}));
    let document = json!({ "uri": ADDRESS, "languageId": "cgwfw", "version": 1, "text": text });
    notify(&connection, "textDocument/didOpen", json!({ "textDocument": document }));
    assert_eq!(diagnostics(&connection), 0, "the load of the benchmark has no mistake");
    let mut version = 1;
    bencher
        .with_inputs(|| {
            version += 1;
            // A mistake in every other text.
            let line = if version % 2 == 0 { "allow loopbck" } else { "allow loopback" };
            let changes = json!([{ "text": text.replacen("allow loopback", line, 1) }]);
            json!({ "textDocument": { "uri": ADDRESS, "version": version }, "contentChanges": changes })
        })
        .bench_local_values(|change| {
            notify(&connection, "textDocument/didChange", change);
            diagnostics(&connection)
        });
    drop(connection);
    server.join().expect(RUNS).expect(RUNS);
}

const RUNS: &str = "the server runs";

fn notify(connection: &Connection, method: &str, parameters: Value) {
    connection.sender.send(Notification::new(method.into(), parameters).into()).expect(RUNS);
}

/// Waits for diagnostics; gives the number of those that are errors.
fn diagnostics(connection: &Connection) -> usize {
    loop {
        if let Message::Notification(notification) = connection.receiver.recv().expect(RUNS)
            && notification.method == "textDocument/publishDiagnostics"
        {
            let found = notification.params["diagnostics"].as_array().expect("a list");
            return found.iter().filter(|one| one["severity"] == 1).count();
        }
    }
}
