//! The pages and files of the editors that no program here reads: they name what there is.
//! Input: the files of `editors/`. Output: what they say that is not so.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::editors::drives::{strings, to_paste};
use crate::editors::programs::run;
use crate::editors::{file, root};

/// Helix is in no distribution that the tests run on: what can be seen without it.
#[test]
fn the_settings_of_helix_name_the_server() {
    let [settings] = <[String; 1]>::try_from(to_paste("helix", "toml")).expect("one fence");
    let settings: toml::Table = settings.parse().expect("TOML");
    let server = &settings["language-server"]["cgwfw"];
    assert_eq!((server["command"].as_str(), server["args"][0].as_str()), (Some("cgwfw"), Some("lsp")));
    let language = &settings["language"][0];
    assert_eq!(language["language-servers"][0].as_str(), Some("cgwfw"));
    assert_eq!(language["file-types"][0].as_str(), Some("cgwfw"));
}

#[test]
fn the_options_that_the_index_shows_are_those_of_the_server() {
    let page = file("editors/README.md");
    let options = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a fence");
    serde_json::from_str::<cgwfw::lsp::Settings>(options).expect("settings of the server");
}

fn json(path: &str) -> Value {
    serde_json::from_str(&file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A body of VS Code's snippets with what is in its placeholders: `${1:eth0}`, `${2|both,ipv4|}`, and again `$1`.
fn filled(body: &str) -> String {
    let mut known: Vec<(String, String)> = Vec::new();
    let mut out = String::new();
    let mut rest = body;
    while let Some((before, behind)) = rest.split_once('$') {
        if let Some(literal) = before.strip_suffix('\\') {
            out.push_str(literal);
            out.push('$');
            rest = behind;
            continue;
        }
        out.push_str(before);
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
        if let Some(inside) = behind.strip_prefix('{') {
            let (placeholder, after) = inside.split_once('}').expect("a brace");
            let number = digits(placeholder);
            let text = placeholder[number.len()..].trim_matches([':', '|']);
            let text = text.split(',').next().unwrap_or_default().to_owned();
            out.push_str(&text);
            known.push((number, text));
            rest = after;
        } else {
            let number = digits(behind);
            rest = &behind[number.len()..];
            out.extend(known.iter().find(|(other, _)| *other == number).map(|(_, text)| text.as_str()));
        }
    }
    out + rest
}

/// In a policy with what each of them takes for granted.
#[test]
fn the_starters_of_vs_code_compile() {
    let starters = json("editors/vscode/snippets/cgwfw.json");
    let starters = starters.as_object().expect("starters");
    assert!(starters.len() > 3);
    for (title, starter) in starters {
        let body = match &starter["body"] {
            Value::String(line) => line.clone(),
            lines => strings(lines).join("\n"),
        };
        let needs = if body.contains("default drop") { "" } else { "interface inet0 public\ndefault drop\n" };
        let policy = format!("{needs}{}\n", filled(&body));
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("policy.cgwfw"), &policy).expect("a policy");
        let mut check = Command::new(env!("CARGO_BIN_EXE_cgwfw"));
        run(check.args(["check", "policy.cgwfw"]).current_dir(folder.path()));
        assert!(!policy.contains('{') || policy.contains("rules"), "{title}: {policy}");
    }
}

#[test]
fn the_extension_of_vs_code_names_what_there_is() {
    let package = json("editors/vscode/package.json");
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
    let settings = package["contributes"]["configuration"]["properties"].as_object().expect("settings");
    let page = file("editors/vscode/README.md");
    let source = file("editors/vscode/src/extension.js");
    for name in settings.keys() {
        assert!(page.contains(&format!("| `{name}` |")), "the page does not name {name}");
    }
    for command in package["contributes"]["commands"].as_array().expect("commands") {
        let name = command["command"].as_str().expect("a name");
        assert!(source.contains(&format!("registerCommand('{name}'")), "{name}");
        assert_ne!(name, cgwfw::lsp::hints::SHOW_RULES, "the client registers that one itself");
    }
    assert!(source.contains(&format!("'{}'", cgwfw::lsp::hints::SHOW_RULES)));
}

/// What the pages show is there.
#[test]
fn links_of_the_pages_lead_somewhere() {
    let pages = ["vscode", "neovim", "vim", "helix", "emacs"].map(|editor| format!("editors/{editor}/README.md"));
    for page in pages.iter().map(String::as_str).chain(["README.md", "editors/README.md"]) {
        let text = file(page);
        let folder = root().join(page);
        for link in text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap_or_default()) {
            let there = link.is_empty() || link.contains("://") || folder.with_file_name("").join(link).exists();
            assert!(there, "{page}: {link}");
        }
    }
}
