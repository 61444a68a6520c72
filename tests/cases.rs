//! The cases in `tests/cases/` and the examples in the READMEs of the building blocks: a new case is a new file.

mod support;

use std::path::Path;

/// An error whose `Debug` is its text, so that a failure shows a readable difference.
struct Failure(String);

impl std::fmt::Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

fn case(path: &Path) -> datatest_stable::Result<()> {
    support::run_cases(path).map_err(|failure| Failure(failure).into())
}

datatest_stable::harness! {
    { test = case, root = "tests/cases", pattern = r"^(?!.*lsp/).*\.md$" },
    { test = case, root = "snippets", pattern = r".*README\.md$" },
}
