//! What several tests share: cases in Markdown files, and their comparison with what the compiler does.

pub mod client;
pub mod generate;
pub mod kernel;

use std::any::Any;
use std::fmt::Write;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cgwfw::compile::Compilation;
use cgwfw::example;
use cgwfw::snippet::library::{Folder, Library};
use cgwfw::snippet::readme::{Example, examples};

/// Compiles the policy of a case with the library, and with the blocks of its `snippet FOLDER/FILE` fences.
pub fn compiled(case: &Example) -> Compilation {
    let mut library = Library::built_in();
    let mut folders: Vec<Folder> = Vec::new();
    for (language, text) in &case.expected {
        let Some((name, file)) = language.strip_prefix("snippet ").and_then(|path| path.split_once('/')) else {
            continue;
        };
        let index = folders.iter().position(|folder| folder.name == name).unwrap_or_else(|| {
            folders.push(Folder { path: format!("snippets/{name}"), name: name.into(), ..Folder::default() });
            folders.len() - 1
        });
        match file {
            "snippet.toml" => folders[index].metadata = Some(text.clone()),
            "rules.j2" => folders[index].template = Some(text.clone()),
            _ => folders[index].readme = text.clone(),
        }
    }
    folders.into_iter().for_each(|folder| library.add_own(folder));
    example::compiled(case, &library)
}

/// Runs all cases of a Markdown file. With `CGWFW_BLESS` set, the fences are rewritten for review instead.
pub fn run_cases(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let cases = examples(&text);
    if cases.is_empty() {
        return Err(format!("{}: no case in it", path.display()));
    }
    let bless = std::env::var_os("CGWFW_BLESS").is_some();
    let mut failures = String::new();
    let mut blessed = text.clone();
    for case in &cases {
        let place = format!("{}:{}: {}", path.display(), case.line, case.title);
        let Some(differences) = example::differences(case, &compiled(case)) else {
            write!(failures, "\n{place}: the case expects nothing").expect("a String takes all");
            continue;
        };
        for difference in differences {
            let language = &difference.language;
            if bless && case.expected(language).is_some() {
                let fence = |body: &str| format!("```{language}\n{body}```");
                let start = end_of_policy(&blessed, case, &cases);
                let tail = blessed[start..].replacen(&fence(&difference.expected), &fence(&difference.actual), 1);
                blessed.truncate(start);
                blessed.push_str(&tail);
            } else {
                let (expected, actual) = (&difference.expected, &difference.actual);
                write!(failures, "\n{place}\n  {language} expected:\n{expected}  {language} now:\n{actual}")
                    .expect("a String takes all");
            }
        }
    }
    if bless && blessed != text {
        std::fs::write(path, blessed).map_err(|error| error.to_string())?;
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

/// Where the policy of a case ends in the text that is being rewritten.
fn end_of_policy(blessed: &str, case: &Example, cases: &[Example]) -> usize {
    let fence = format!("```cgwfw\n{}```", case.policy);
    let earlier = cases.iter().take_while(|other| other.line < case.line).filter(|other| other.policy == case.policy);
    blessed.match_indices(&fence).nth(earlier.count()).map_or(0, |(at, _)| at + fence.len())
}

/// The Markdown files with cases: those of the tests and those of the building blocks.
pub fn case_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = markdown_files(&["tests/cases", "snippets"].map(|folder| root.join(folder)));
    // The cases of the server are texts with a cursor.
    files.retain(|path| !path.starts_with(root.join("tests/cases/lsp")));
    files
}

/// The Markdown files below some folders, sorted.
pub fn markdown_files(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = folders.to_vec();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is part of the checkout") {
            let path = entry.expect("an entry of the folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// What a panic said.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// A number from the environment, or what is usual.
pub fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

/// Says that a test is skipped, past `cargo test`, which holds back what a passing test prints. With `CI=true` it fails.
pub fn skip(why: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must not skip this: {why}");
    let _ = std::io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes());
}

/// The policies in a folder of the checkout, sorted.
pub fn policies(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).expect("the folder is part of the checkout");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "cgwfw"));
    paths.sort();
    paths
}

/// Runs the program in a folder, with some input.
pub fn cgwfw(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cgwfw"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // The program may end without reading: then the pipe is closed.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    child.wait_with_output().expect("the program ends")
}

/// Output as text.
pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}
