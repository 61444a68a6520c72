//! What the client chooses.
//! Input: its `initializationOptions`. Output: settings.

use std::path::PathBuf;

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
