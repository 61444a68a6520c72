//! The cases in `tests/cases/lsp/<request>/`: a text with a cursor, a request, its answer, over the real protocol.
//!
//! Given a `cgwfw` fence, in which `$0` is the cursor, and the files of its `file NAME` fences, when the request of the
//! folder is sent, with what the `when` fence says, then its answer is that of the `then` fence.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::support::client::{Client, uri};
use cgwfw::snippet::readme::{Example, examples};
use cgwfw::source::LineIndex;
use serde_json::{Value, json};

const POLICY: &str = "policy.cgwfw";

/// A text, and where its lines begin.
struct Text {
    text: String,
    lines: LineIndex,
}

impl Text {
    fn new(text: &str) -> Text {
        Text { text: text.to_owned(), lines: LineIndex::new(text) }
    }

    fn offset(&self, position: &Value) -> usize {
        let number = |name| position[name].as_u64().expect("a number") as u32;
        self.lines.offset_of_utf16(&self.text, number("line"), number("character"))
    }

    fn span(&self, range: &Value) -> std::ops::Range<usize> {
        self.offset(&range["start"])..self.offset(&range["end"])
    }

    fn position(&self, offset: usize) -> Value {
        let (line, character) = self.lines.utf16(&self.text, offset);
        json!({ "line": line, "character": character })
    }

    fn edited(&self, edits: &Value) -> String {
        let mut edits: Vec<_> =
            edits.as_array().expect("edits").iter().map(|edit| (self.span(&edit["range"]), edit)).collect();
        edits.sort_by_key(|(span, _)| (span.start, span.end));
        let mut text = self.text.clone();
        for (span, edit) in edits.into_iter().rev() {
            text.replace_range(span, edit["newText"].as_str().expect("a text"));
        }
        text
    }
}

/// `LINE:COLUMN-LINE:COLUMN`, from 1, in UTF-16 units.
fn range(value: &Value) -> String {
    let place = |name: &str| {
        let number = |field| value[name][field].as_u64().expect("a number") + 1;
        format!("{}:{}", number("line"), number("character"))
    };
    format!("{}-{}", place("start"), place("end"))
}

fn each(value: &Value, show: impl Fn(&Value) -> String) -> String {
    let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() { "nothing\n".to_owned() } else { all.iter().map(show).collect() }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What a case shows, as a reader reads it.
fn run(request: &str, case: &Example) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a path");
    let cursor = case.policy.find("$0");
    let text = Text::new(&case.policy.replacen("$0", "", 1));
    for (name, file) in
        case.expected.iter().filter_map(|(language, file)| Some((language.strip_prefix("file ")?, file)))
    {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        // Fences of a README inside of a fence.
        fs::write(path, file.replace("~~~", "```")).expect("a file");
    }
    let when = case.expected("when").unwrap_or_default().trim();
    let opened = when.strip_prefix("open ").unwrap_or(POLICY);
    let address = uri(&root.join(opened));
    let mut client = Client::start(Value::Null, when != "plain");
    let text = if opened == POLICY { text } else { Text::new(&fs::read_to_string(root.join(opened)).expect("a file")) };
    client.open(&address, &text.text);
    let document = json!({ "uri": address });
    let at = cursor.map_or(Value::Null, |cursor| text.position(cursor));
    let place = json!({ "textDocument": document, "position": at });
    let whole = json!({ "start": text.position(0), "end": text.position(text.text.len()) });
    let name = |uri: &Value| text_of(uri).rsplit('/').next().unwrap_or_default().to_owned();
    let shown = match request {
        "diagnostics" => {
            // The second publication comes with what takes longer.
            let times = if when == "later" { 2 } else { 1 };
            client.wait_for(&address, times);
            let mut out = String::new();
            for (file, found) in &client.diagnostics {
                let file = name(&json!(file));
                for found in found {
                    let severity =
                        ["", "error", "warning", "note"][found["severity"].as_u64().unwrap_or_default() as usize];
                    let (code, message) = (text_of(&found["code"]), text_of(&found["message"]).replace('\n', "\n  "));
                    writeln!(out, "{file}:{} {severity}[{code}] {message}", range(&found["range"])).expect("a String");
                    for related in found["relatedInformation"].as_array().into_iter().flatten() {
                        let (file, place) = (name(&related["location"]["uri"]), range(&related["location"]["range"]));
                        writeln!(out, "  {file}:{place} {}", text_of(&related["message"])).expect("a String");
                    }
                    if when == "rendered" {
                        out.push_str(text_of(&found["data"]["rendered"]));
                    }
                }
            }
            if out.is_empty() { "nothing\n".to_owned() } else { out }
        }
        "hover" => match client.request("textDocument/hover", place) {
            Value::Null => "nothing\n".to_owned(),
            hover => format!(
                "{}\n{}\n",
                &text.text[text.span(&hover["range"])],
                text_of(&hover["contents"]["value"]).trim_end()
            ),
        },
        "completion" => {
            let wanted = when.strip_prefix("only ");
            let items = client.request("textDocument/completion", place);
            let items = items.as_array().cloned().unwrap_or_default();
            let shown =
                items.iter().filter(|item| wanted.is_none_or(|wanted| text_of(&item["label"]).starts_with(wanted)));
            each(&shown.cloned().collect(), |item| {
                let inserted = text_of(&item["textEdit"]["newText"]);
                let inserted =
                    if inserted == text_of(&item["label"]) { String::new() } else { format!(" -> {inserted}") };
                let doc = text_of(&item["documentation"]["value"]).trim().replace('\n', " / ");
                let line = format!("{}{inserted}: {doc}", text_of(&item["label"]));
                format!("{}\n", line.trim_end_matches([':', ' ']))
            })
        }
        "code_action" => {
            let only = when.strip_prefix("only ").map(|kind| vec![kind]);
            let range = if at.is_null() { whole } else { json!({ "start": at, "end": at }) };
            let parameters =
                json!({ "textDocument": document, "range": range, "context": { "diagnostics": [], "only": only } });
            let actions = client.request("textDocument/codeAction", parameters);
            each(&actions, |action| {
                let edited = text.edited(&action["edit"]["changes"][&address]);
                format!("{} ({})\n{}\n", text_of(&action["title"]), text_of(&action["kind"]), indented(&edited))
            })
        }
        "definition" => match client.request("textDocument/definition", place) {
            Value::Null => "nothing\n".to_owned(),
            location => format!("{}:{}\n", name(&location["uri"]), range(&location["range"])),
        },
        "references" => {
            let parameters =
                json!({ "textDocument": document, "position": at, "context": { "includeDeclaration": true } });
            let found = client.request("textDocument/references", parameters);
            each(&found, |location| format!("{}:{}\n", name(&location["uri"]), range(&location["range"])))
        }
        "highlight" => each(&client.request("textDocument/documentHighlight", place), |found| {
            format!("{}\n", range(&found["range"]))
        }),
        "rename" => {
            let parameters = json!({ "textDocument": document, "position": at, "newName": when });
            match client.ask("textDocument/rename", parameters) {
                Err(message) => format!("refused: {message}\n"),
                Ok(renamed) => {
                    let changes = renamed["changes"].as_object().expect("changes").iter();
                    let changed = changes.map(|(file, edits)| {
                        let name = name(&json!(file));
                        let before = if name == POLICY {
                            text.text.clone()
                        } else {
                            fs::read_to_string(root.join(&name)).expect("a file")
                        };
                        format!("{name}\n{}\n", indented(&Text::new(&before).edited(edits)))
                    });
                    let mut changed: Vec<_> = changed.collect();
                    changed.sort();
                    changed.concat()
                }
            }
        }
        "symbols" => {
            let found = client.request("textDocument/documentSymbol", json!({ "textDocument": document }));
            each(&found, |symbol| {
                let detail = symbol["detail"].as_str().map_or_else(String::new, |detail| format!(" ({detail})"));
                format!("{}: {}{detail}\n", range(&symbol["range"]), text_of(&symbol["name"]))
            })
        }
        "folding" => {
            let found = client.request("textDocument/foldingRange", json!({ "textDocument": document }));
            each(&found, |fold| format!("{}-{} {}\n", fold["startLine"], fold["endLine"], text_of(&fold["kind"])))
        }
        "inlay_hint" => {
            let parameters = json!({ "textDocument": document, "range": whole });
            let found = client.request("textDocument/inlayHint", parameters);
            each(&found, |hint| {
                let line = hint["position"]["line"].as_u64().expect("a number") + 1;
                format!("{line}: {}\n", text_of(&hint["label"]))
            })
        }
        "code_lens" => {
            client.wait_for(&address, 1);
            let parameters = json!({ "textDocument": document });
            // The expectations are searched in a thread of their own; nothing says when nothing is wrong.
            let mut found = client.request("textDocument/codeLens", parameters.clone());
            while text.text.contains("\nexpect")
                && !found.to_string().contains("counter-example")
                && !found.to_string().contains("fails")
            {
                std::thread::sleep(std::time::Duration::from_millis(5));
                found = client.request("textDocument/codeLens", parameters.clone());
            }
            let mut shown = each(&found, |lens| {
                let line = lens["range"]["start"]["line"].as_u64().expect("a number") + 1;
                format!("{line}: {}\n", text_of(&lens["command"]["title"]))
            });
            if when == "rules" {
                let line = at["line"].clone();
                let command = json!({ "command": "cgwfw.showRules", "arguments": [address, line] });
                shown = text_of(&client.request("workspace/executeCommand", command)).to_owned();
            }
            shown
        }
        "semantic_tokens" => {
            let found = client.request("textDocument/semanticTokens/full", json!({ "textDocument": document }));
            let kinds = cgwfw::lsp::colors::LEGEND;
            let (mut line, mut column, mut out) = (0, 0, String::new());
            for token in found["data"].as_array().expect("numbers").chunks(5) {
                let number = |at: usize| token[at].as_u64().expect("a number");
                column = if number(0) == 0 { column + number(1) } else { number(1) };
                line += number(0);
                let start = json!({ "line": line, "character": column });
                let end = json!({ "line": line, "character": column + number(2) });
                let shown = &text.text[text.offset(&start)..text.offset(&end)];
                writeln!(out, "{shown}: {}", kinds[number(3) as usize].as_str()).expect("a String");
            }
            out
        }
        "formatting" => {
            let options = json!({ "tabSize": 4, "insertSpaces": true });
            let edits =
                client.request("textDocument/formatting", json!({ "textDocument": document, "options": options }));
            if edits == json!([]) { "nothing\n".to_owned() } else { text.edited(&edits) }
        }
        "links" => {
            let found = client.request("textDocument/documentLink", json!({ "textDocument": document }));
            each(&found, |link| format!("{}: {}\n", range(&link["range"]), name(&link["target"])))
        }
        other => panic!("`{other}` is not a request: the folder in tests/cases/lsp names it"),
    };
    client.stop();
    // Fences inside of a fence.
    shown.replace(text_of(&json!(root.display().to_string())), "").replace("```", "~~~")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// Runs all cases of a file. With `CGWFW_BLESS` set, the answers are rewritten for review instead.
pub fn run_cases(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let request = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).expect("a folder");
    let cases = examples(&text);
    assert!(!cases.is_empty(), "{}: no case in it", path.display());
    let mut failures = String::new();
    let mut blessed = text.clone();
    let mut done = 0;
    for case in &cases {
        let expected =
            case.expected("then").unwrap_or_else(|| panic!("{}:{}: no `then` fence", path.display(), case.line));
        let actual = run(request, case);
        let (old, new) = (format!("```then\n{expected}```"), format!("```then\n{actual}```"));
        let at = done + blessed[done..].find(&old).expect("the fence is in the file");
        if actual != expected {
            if std::env::var_os("CGWFW_BLESS").is_some() {
                blessed.replace_range(at..at + old.len(), &new);
            } else {
                write!(
                    failures,
                    "\n{}:{}: {}\nexpected:\n{expected}now:\n{actual}",
                    path.display(),
                    case.line,
                    case.title
                )
                .expect("a String takes all");
            }
        }
        done = at + 3;
    }
    if blessed != text {
        fs::write(path, blessed).map_err(|error| error.to_string())?;
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}
