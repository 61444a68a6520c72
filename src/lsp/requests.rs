//! Which request is answered by what, and what the server can do.
//! Input: the name and the parameters of a request. Output: its result as JSON, or why there is none.

use std::path::PathBuf;

use lsp_server::ErrorCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::protocol::request::{
    CodeActionRequest, CodeLensRequest, Completion, DocumentHighlightRequest, DocumentLinkRequest,
    DocumentSymbolRequest, ExecuteCommand, FoldingRangeRequest, Formatting, GotoDefinition, HoverRequest,
    InlayHintRequest, PrepareRenameRequest, References, Rename, Request, SemanticTokensFullRequest,
};
use super::protocol::{CodeActionKind, DocumentLink, Position, SemanticTokens, TextDocumentPositionParams, Uri, path};
use super::roots::Roots;
use super::settings::Settings;
use super::view::View;
use super::{actions, colors, completion, formatting, hints, hover, names, outline};
use crate::diagnostic::Report;

/// Why a request has no result.
pub struct Failure {
    /// A code of JSON-RPC.
    pub code: i32,
    /// For people.
    pub message: String,
}

fn failure(code: ErrorCode, message: String) -> Failure {
    Failure { code: code as i32, message }
}

/// What the server can do (LSP 3.17, `ServerCapabilities`).
pub fn capabilities(settings: &Settings) -> Value {
    json!({
        "positionEncoding": "utf-16",
        "textDocumentSync": { "openClose": true, "change": 2, "save": true },
        "hoverProvider": true,
        "completionProvider": { "triggerCharacters": [" ", "$"] },
        "codeActionProvider": { "codeActionKinds": ["quickfix", actions::FIX_ALL] },
        "inlayHintProvider": settings.inlay_hints,
        "codeLensProvider": settings.code_lenses.then(|| json!({})),
        "definitionProvider": true,
        "referencesProvider": true,
        "documentHighlightProvider": true,
        "renameProvider": { "prepareProvider": true },
        "documentSymbolProvider": true,
        "foldingRangeProvider": true,
        "semanticTokensProvider": {
            "legend": { "tokenTypes": colors::LEGEND, "tokenModifiers": [] },
            "full": true,
        },
        "documentFormattingProvider": true,
        "documentLinkProvider": {},
        "executeCommandProvider": { "commands": [hints::SHOW_RULES] },
    })
}

/// The result of a request.
pub fn answer(roots: &Roots, method: &str, parameters: Value) -> Result<Value, Failure> {
    let asked = Asked { roots, parameters };
    match method {
        HoverRequest::METHOD => asked.at(hover::hover),
        Completion::METHOD => {
            let placeholders = roots.settings.placeholders;
            asked.at(|view, offset| completion::completion(view, offset, placeholders))
        }
        GotoDefinition::METHOD => asked.at(names::definition),
        DocumentHighlightRequest::METHOD => asked.at(names::highlights),
        PrepareRenameRequest::METHOD => asked.at(names::can_rename),
        References::METHOD => {
            let declaration = asked.parameters.pointer("/context/includeDeclaration") != Some(&Value::Bool(false));
            asked.at(|view, offset| names::references(view, offset, declaration))
        }
        Rename::METHOD => {
            let new: String = asked.field("/newName")?;
            let renamed = asked.view()?.map(|(view, _)| {
                let position: Position = asked.field("/position")?;
                let renamed = names::rename(&view, view.offset(position), &new);
                renamed.map_err(|message| failure(ErrorCode::InvalidParams, message))
            });
            json(&renamed.transpose()?)
        }
        CodeActionRequest::METHOD => {
            let (uri, range) = (asked.uri()?, asked.field("/range")?);
            let only: Option<Vec<CodeActionKind>> = asked.field("/context/only")?;
            asked.whole(|view, later| actions::actions(view, &uri, range, later, only.as_deref()))
        }
        InlayHintRequest::METHOD => {
            let range = asked.field("/range")?;
            asked.whole(|view, _| hints::inlay_hints(view, range))
        }
        CodeLensRequest::METHOD => {
            let uri = asked.uri()?;
            asked.whole(|view, _| hints::lenses(view, &uri))
        }
        DocumentSymbolRequest::METHOD => asked.whole(|view, _| outline::symbols(view)),
        FoldingRangeRequest::METHOD => asked.whole(|view, _| outline::folding(view)),
        SemanticTokensFullRequest::METHOD => {
            asked.whole(|view, _| SemanticTokens { result_id: None, data: colors::tokens(view) })
        }
        Formatting::METHOD => asked.whole(|view, _| formatting::formatting(view)),
        DocumentLinkRequest::METHOD => asked.whole(|view, _| {
            let links = names::links(view).into_iter();
            let links =
                links.map(|(range, target)| DocumentLink { range, target: Some(target), tooltip: None, data: None });
            links.collect::<Vec<_>>()
        }),
        ExecuteCommand::METHOD => command(&asked),
        _ => Err(failure(ErrorCode::MethodNotFound, format!("`{method}` is not a request of this server"))),
    }
}

/// `cgwfw.showRules` with an address and a line: both families' rules side by side.
fn command(asked: &Asked) -> Result<Value, Failure> {
    let name: String = asked.field("/command")?;
    if name != hints::SHOW_RULES {
        return Err(failure(ErrorCode::InvalidParams, format!("`{name}` is not a command of this server")));
    }
    let (uri, line): (Uri, u32) = (asked.field("/arguments/0")?, asked.field("/arguments/1")?);
    let text = asked.roots.view(&path(&uri)).and_then(|(view, _)| hints::side_by_side(&view, line));
    json(&text)
}

fn json(result: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(result).map_err(|error| failure(ErrorCode::InternalError, error.to_string()))
}

/// A request with its parameters.
struct Asked<'a> {
    roots: &'a Roots,
    parameters: Value,
}

impl<'a> Asked<'a> {
    fn field<T: DeserializeOwned>(&self, pointer: &str) -> Result<T, Failure> {
        let value = self.parameters.pointer(pointer).cloned().unwrap_or(Value::Null);
        serde_json::from_value(value).map_err(|error| {
            failure(ErrorCode::InvalidParams, format!("`{pointer}` is not what it should be: {error}"))
        })
    }

    fn uri(&self) -> Result<Uri, Failure> {
        self.field("/textDocument/uri")
    }

    /// The file that is asked about; `None` where no policy has it.
    fn view(&self) -> Result<Option<(View<'a>, &'a [Report])>, Failure> {
        let file: PathBuf = path(&self.uri()?);
        Ok(self.roots.view(&file))
    }

    /// The answer about a place.
    fn at<T: Serialize>(&self, answer: impl Fn(&View, usize) -> T) -> Result<Value, Failure> {
        let TextDocumentPositionParams { position, .. } = self.field("")?;
        match self.view()? {
            Some((view, _)) => json(&answer(&view, view.offset(position))),
            None => Ok(Value::Null),
        }
    }

    /// The answer about a file.
    fn whole<T: Serialize>(&self, answer: impl Fn(&View, &[Report]) -> T) -> Result<Value, Failure> {
        match self.view()? {
            Some((view, later)) => json(&answer(&view, later)),
            None => Ok(Value::Null),
        }
    }
}
