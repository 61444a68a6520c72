//! The editors, driven as their pages say. Input: the lines to paste, a policy with mistakes. Output: what the editor knows of it.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::editors::programs::{require, require_eglot, run};
use crate::editors::{file, root};

const POLICY: &str = "\
interface inet0    public
default drop
allow icmp on inet0
allow loopbck
allow ipsec peer 10.1.0.0/8 on inet0
allow ssh in on inet0 
";

/// The policy with the first way out taken for the first mistake, and its layout set.
const REPAIRED: &str = "\
interface inet0 public
default drop
allow icmp on inet0
allow loopback
allow ipsec peer 10.1.0.0/8 on inet0
allow ssh in on inet0
";

/// The fences of a language on the page of an editor, as if the checkout were where the reader has it.
pub fn to_paste(editor: &str, language: &str) -> Vec<String> {
    let page = file(&format!("editors/{editor}/README.md"));
    let start = format!("```{language}\n");
    let fences = page.split(&start).skip(1);
    let fences = fences.map(|rest| rest.split("```").next().expect("a fence"));
    fences.map(|text| text.replace("~/src/cgwfw", &root().display().to_string())).collect()
}

/// An editor's command, in a folder with the policy and a file of its settings, with `cgwfw` on the path.
fn editor(program: &str, folder: &Path, settings: (&str, &str)) -> Command {
    fs::write(folder.join("policy.cgwfw"), POLICY).expect("a policy");
    fs::write(folder.join(settings.0), settings.1).expect("the settings");
    let own = Path::new(env!("CARGO_BIN_EXE_cgwfw")).parent().expect("a folder");
    let mut path = OsString::from(own);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    command.current_dir(folder).env("PATH", path).env("HOME", folder).env_remove("XDG_CONFIG_HOME");
    command
}

/// The strings of a list.
pub fn strings(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

#[test]
fn neovim_finds_shows_completes_repairs_and_formats() {
    if !require("nvim") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let version = run(Command::new("nvim").arg("--version"));
    let minor: u32 = version.split('.').nth(1).and_then(|minor| minor.parse().ok()).expect("NVIM v0.MINOR");
    let [new, old] = <[String; 2]>::try_from(to_paste("neovim", "lua")).expect("two fences");
    let mut command = editor("nvim", folder.path(), ("init.lua", if minor >= 11 { &new } else { &old }));
    command.args(["--headless", "-u", "init.lua", "-i", "NONE", "-n", "policy.cgwfw", "-c"]);
    run(command.arg(format!("luafile {}", root().join("tests/all/editors/neovim.lua").display())));

    let answers = fs::read_to_string(folder.path().join("answers.json")).expect("the answers");
    let answers: Value = serde_json::from_str(&answers).expect("JSON");
    let found = ["4:7 cgwfw::resolve::unknown_word", "5:18 cgwfw::resolve::host_bits"];
    assert_eq!(strings(&answers["diagnostics"]), found);
    assert_eq!(answers["colours"], "cgwfwVerb");
    let hover = answers["hover"].as_str().expect("a text");
    assert!(hover.contains("-A INPUT -i inet0 -p icmp -j ACCEPT"), "{hover}");
    assert!(hover.contains("-A INPUT -i inet0 -p ipv6-icmp -j ACCEPT"), "{hover}");
    assert!(strings(&answers["completions"]).contains(&"limit"), "{answers}");
    assert_eq!(strings(&answers["actions"])[0], "Replace `loopbck` with `loopback`");
    assert_eq!(strings(&answers["text"]).join("\n") + "\n", REPAIRED);
}

#[test]
fn emacs_finds_completes_repairs_and_formats() {
    if !require_eglot() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let settings = to_paste("emacs", "elisp").concat();
    let mut command = editor("emacs", folder.path(), ("init.el", &settings));
    command.args(["--batch", "-q", "-f", "package-activate-all", "-l", "init.el", "-l"]);
    let printed = run(command.arg(root().join("tests/all/editors/eglot.el")));
    let lines = [
        "4:7 cgwfw [cgwfw::resolve::unknown_word]: `loopbck` has no meaning in `allow`",
        "help: did you mean `loopback`?",
        "5:18 cgwfw [cgwfw::resolve::host_bits]: `10.1.0.0/8` has bits below its prefix length",
    ];
    lines.iter().for_each(|line| assert!(printed.contains(&format!("\n{line}")), "{line}:\n{printed}"));
    let completes = printed.lines().find(|line| line.starts_with("completes: ")).expect("completions");
    assert!(completes.contains(" limit,"), "{completes}");
    assert!(printed.contains(REPAIRED), "{printed}");
}

/// A byte-compiler knows of names that are not there.
#[test]
fn the_mode_of_emacs_compiles_without_a_warning() {
    if !require("emacs") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mode = folder.path().join("cgwfw-mode.el");
    fs::write(&mode, file("editors/emacs/cgwfw-mode.el")).expect("a file");
    let strict = "(setq byte-compile-error-on-warn t)";
    run(Command::new("emacs").args(["--batch", "-Q", "--eval", strict, "-f", "batch-byte-compile"]).arg(&mode));
}

#[test]
fn vim_makes_a_list_of_the_mistakes() {
    if !require("vim") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let [settings, _ale] = <[String; 2]>::try_from(to_paste("vim", "vim")).expect("two fences");
    let mut command = editor("vim", folder.path(), ("vimrc", &settings));
    let list =
        "map(getqflist(), {_, found -> join([bufname(found.bufnr), found.lnum, found.col, found.type, found.text])})";
    let write = format!("call writefile({list}, 'found')");
    command.args([
        "-u",
        "vimrc",
        "-i",
        "NONE",
        "-n",
        "-es",
        "policy.cgwfw",
        "-c",
        "silent! make!",
        "-c",
        &write,
        "-c",
        "qa!",
    ]);
    run(&mut command);
    let found = fs::read_to_string(folder.path().join("found")).expect("the list");
    let found: Vec<&str> = found.lines().collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("policy.cgwfw 4 7 e `loopbck` has no meaning in `allow`"), "{found:?}");
    assert!(found[1].starts_with("policy.cgwfw 5 18 e `10.1.0.0/8` has bits below its prefix length"), "{found:?}");
}
