//! Policies in their canonical layout.
//! Input: the text of a policy. Output: the text as people agree to write it.

use std::io;
use std::path::Path;

use super::layout;
use crate::diagnostic::Diagnostics;
use crate::source::Sources;
use crate::syntax::{self, IsVerb, SyntaxError};

/// A policy after formatting.
pub struct Formatted {
    /// The canonical text; none where the tokens have errors, since what is not a token would be lost.
    pub text: Option<String>,
    /// What is wrong with the tokens.
    pub diagnostics: Diagnostics,
    /// The policy as it was, for the diagnostics.
    pub sources: Sources,
}

/// Formats the policy `text`, which is in the file `name`; `is_verb` says which words can begin a sentence. What it
/// includes is neither read nor formatted.
///
/// Sentences, comments and rules stay what they are; only the comma that may end a list comes and goes with its line.
pub fn format(name: &Path, text: &str, is_verb: IsVerb) -> Formatted {
    let mut found = Diagnostics::default();
    let nothing = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let ast = syntax::parse(name, text, Sources::default(), &nothing, is_verb, &mut found);
    let mut diagnostics = Diagnostics::default();
    let of_tokens = found.iter().filter(|report| INCLUDES.iter().all(|code| code.code() != report.code));
    of_tokens.for_each(|report| diagnostics.push(report.clone()));
    diagnostics.sort();
    let text = (!diagnostics.has_errors()).then(|| layout::file(&ast, is_verb));
    Formatted { text, diagnostics, sources: ast.sources }
}

/// Errors about included files, which leave the tokens as they are.
const INCLUDES: [SyntaxError; 4] =
    [SyntaxError::IncludeForm, SyntaxError::IncludeUnreadable, SyntaxError::IncludeCycle, SyntaxError::TooManyIncludes];
