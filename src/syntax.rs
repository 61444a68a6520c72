//! Policy text to sentences of tokens, includes in place.
//! Input: the text of a policy, and a way to read what it includes. Output: an `Ast`; a broken line costs only itself.

mod ast;
mod codes;
mod include;
mod sentences;

use std::io;
use std::path::Path;

pub use self::ast::{Ast, Sentence, Token, TokenKind, string_value};
pub use self::codes::SyntaxError;
use self::include::Includes;
pub use self::include::normal;
use crate::diagnostic::Diagnostics;
use crate::language;
use crate::source::{SourceId, Sources};

/// Reads the text of an included file.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// Whether a sentence can begin with a word: where one begins a line inside an open brace, the `}` was forgotten.
pub type IsVerb<'a> = &'a dyn Fn(&str) -> bool;

/// Parses `text`, which is in the file `root`, and everything that it includes. `sources` are those that are known
/// already: the files of users' own building blocks.
pub fn parse(
    root: &Path,
    text: &str,
    sources: Sources,
    read: ReadFile,
    is_verb: IsVerb,
    diagnostics: &mut Diagnostics,
) -> Ast {
    let mut ast = Ast { sources, ..Ast::default() };
    let source = ast.sources.add(root.display().to_string(), text, None);
    let mut includes = Includes::new(root);
    parse_source(&mut ast, source, root, read, is_verb, &mut includes, diagnostics);
    ast.root = source;
    ast
}

/// Parses sentences that are not part of a policy and speak in its terms: packets to trace. With the policy's `sources`,
/// reports can point into both.
pub fn beside(sources: &Sources, name: &str, text: &str, diagnostics: &mut Diagnostics) -> Ast {
    let none = |_: &Path| Err(io::ErrorKind::NotFound.into());
    parse(Path::new(name), text, sources.clone(), &none, &language::is_core_verb, diagnostics)
}

/// Reads a source, and what it includes in the places of its `include` sentences.
fn parse_source(
    ast: &mut Ast,
    source: SourceId,
    path: &Path,
    read: ReadFile,
    is_verb: IsVerb,
    includes: &mut Includes,
    diagnostics: &mut Diagnostics,
) {
    let text = ast.sources.get(source).text.clone();
    let part = sentences::sentences(source, &text, is_verb, diagnostics);
    let offset = ast.tokens.len() as u32;
    if offset == 0 {
        // Moved, not copied: they are many.
        ast.tokens = part.tokens;
    } else {
        ast.tokens.extend(part.tokens);
    }
    ast.comments.extend(part.comments);
    ast.sentences.reserve(part.sentences.len());
    for sentence in part.sentences {
        let sentence = sentence.moved(offset);
        let first = ast.tokens[sentence.first as usize].text(&text);
        if first == "include"
            && !sentence.broken
            && sentence.body.is_none()
            && let Some((source, path)) = include::open(ast, &sentence, path, read, includes, diagnostics)
        {
            parse_source(ast, source, &path, read, is_verb, includes, diagnostics);
            includes.close();
        }
        ast.sentences.push(sentence);
    }
}
