//! Embeds the folders of `snippets/`, the policies of `examples/` and the cases of all codes: writes tables of them that the program includes.
//! A folder macro would go stale when a file is added; this asks to be run again when a folder changes.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);

    let mut table = String::from("static SNIPPETS: &[BuiltIn] = &[\n");
    for (name, folder) in entries(&root.join("snippets"))? {
        let files = ["snippet.toml", "rules.j2", "README.md"].map(|file| included(&folder.join(file)));
        let names = sentence_names(&folder.join("snippet.toml"))?;
        let files = files.join(", ");
        writeln!(table, "    BuiltIn {{ folder: {name:?}, files: [{files}], names: &{names:?} }},")
            .map_err(io::Error::other)?;
    }
    fs::write(out.join("snippets.rs"), table + "];\n")?;

    let mut table = String::from("static EXAMPLES: &[(&str, &str)] = &[\n");
    for (name, path) in entries(&root.join("examples"))? {
        if let Some(name) = name.strip_suffix(".cgwfw") {
            line(&mut table, name, &included(&path))?;
        }
    }
    fs::write(out.join("examples.rs"), table + "];\n")?;

    fs::write(out.join("lints.rs"), lints(&root.join("src/lint"))?)?;
    fs::write(out.join("codes.rs"), codes(&root.join("src"))?)?;

    let mut table = String::from("static EXPLANATIONS: &[Explanation] = &[\n");
    for (name, path) in entries(&root.join("tests/cases/errors"))? {
        if let Some(name) = name.strip_suffix(".md") {
            let severity = severity(name, &fs::read_to_string(&path)?);
            let text = included(&path);
            writeln!(table, "    Explanation {{ name: {name:?}, severity: Severity::{severity}, text: {text} }},")
                .map_err(io::Error::other)?;
        }
    }
    fs::write(out.join("explanations.rs"), table + "];\n")
}

/// How bad a code is, as its cases show it: `1:8: warning[cgwfw::policy::…]: …`, or rendered, the code above `warning: …`.
/// That of a case that was not run yet is an error.
fn severity(name: &str, text: &str) -> &'static str {
    let is_own = |code: &str| code.starts_with("cgwfw::") && code.ends_with(&format!("::{name}"));
    let shown = |severity: &str| {
        let mut rendered = false;
        text.lines().filter(|line| !line.trim().is_empty()).any(|line| {
            let below = std::mem::replace(&mut rendered, is_own(line));
            let short = line.split_once(&format!(" {severity}[")).and_then(|(_, code)| code.split(']').next());
            short.is_some_and(is_own) || below && line.trim().starts_with(&format!("{severity}: "))
        })
    };
    [("warning", "Warning"), ("note", "Note")]
        .into_iter()
        .find(|(word, _)| shown(word))
        .map_or("Error", |(_, name)| name)
}

/// The modules of the lints, which are the files with a `LINT`, and a list of them.
fn lints(folder: &Path) -> io::Result<String> {
    let (mut modules, mut list) = (String::new(), String::from("/// All lints.\npub static LINTS: &[&Lint] = &[\n"));
    for (file, path) in entries(folder)? {
        println!("cargo::rerun-if-changed={}", path.display());
        if let Some(name) = file.strip_suffix(".rs").filter(|_| path.is_file())
            && fs::read_to_string(&path)?.contains("pub const LINT: Lint")
        {
            writeln!(modules, "#[path = {path:?}]\nmod {name};").map_err(io::Error::other)?;
            writeln!(list, "    &{name}::LINT,").map_err(io::Error::other)?;
        }
    }
    Ok(modules + &list + "];\n")
}

/// The codes that the sources can report, in order: those of `codes!` lists and of lints.
fn codes(folder: &Path) -> io::Result<String> {
    let mut found = Vec::new();
    collect_codes(folder, &mut found)?;
    found.sort();
    Ok(format!("/// Every code that can be reported.\npub static CODES: &[&str] = &{found:#?};\n"))
}

fn collect_codes(folder: &Path, found: &mut Vec<String>) -> io::Result<()> {
    for (_, path) in entries(folder)? {
        if path.is_dir() {
            collect_codes(&path, found)?;
            continue;
        }
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(&path)?;
        for (at, start) in text.match_indices("\"cgwfw::") {
            let said =
                [" = Error ", " = Warning ", " = Note ", " code: "].iter().any(|word| text[..at].ends_with(word));
            let code = text[at + 1..].split('"').next().filter(|_| said && !start.is_empty());
            found.extend(code.map(str::to_owned));
        }
    }
    Ok(())
}

/// The names of a block's sentences, so that the program knows whose a sentence is before it reads any metadata.
fn sentence_names(path: &Path) -> io::Result<Vec<String>> {
    let metadata: toml::Table = fs::read_to_string(path)?.parse().map_err(io::Error::other)?;
    if let Some(service) = metadata.get("service").and_then(toml::Value::as_str) {
        // In the order of src/snippet/signature/service.toml.
        return Ok(["allow", "drop", "reject", "log", "log"].map(|verb| format!("{verb} {service}")).to_vec());
    }
    let sentences = metadata.get("sentence").and_then(toml::Value::as_array).into_iter().flatten();
    Ok(sentences.filter_map(|sentence| sentence.get("name")?.as_str().map(str::to_owned)).collect())
}

/// The names and paths in a folder, sorted.
fn entries(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name =
            entry.file_name().into_string().map_err(|name| io::Error::other(format!("{name:?} is not UTF-8")))?;
        entries.push((name, entry.path()));
    }
    entries.sort();
    Ok(entries)
}

fn included(path: &Path) -> String {
    println!("cargo::rerun-if-changed={}", path.display());
    format!("include_str!({path:?})")
}

fn line(table: &mut String, name: &str, value: &str) -> io::Result<()> {
    writeln!(table, "    ({name:?}, {value}),").map_err(io::Error::other)
}
