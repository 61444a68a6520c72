//! Any `snippet.toml` and any template: metadata and template are separated by a line `---`; a sentence follows a second one.
#![no_main]

use std::io;
use std::path::Path;

use cgwfw::compile::compile;
use cgwfw::expand::Options;
use cgwfw::iptables::parse;
use cgwfw::net::Family;
use cgwfw::snippet::library::Library;
use cgwfw::snippet::signature;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut parts = text.split("\n---\n");
    let (metadata, template) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(signature) = signature::parse(metadata) else { return };
    let mut library = Library::default();
    if library.add("fuzzed", metadata, template, "").is_err() {
        return;
    }
    let mut policy = String::from("default drop\n");
    match parts.next() {
        Some(sentences) => policy.push_str(sentences),
        None => signature.forms.iter().for_each(|form| {
            let plain = form.text.replace(['[', ']'], "").replace("<traffic>", "in on eth0 tcp");
            policy.push_str(&format!("{} {plain}\n", form.words.join(" ")));
        }),
    }
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let compilation = compile(Path::new("policy.cgwfw"), &policy, &read, &library, Options::default());
    if compilation.diagnostics.has_errors() {
        return;
    }
    for family in Family::BOTH {
        let printed = compilation.rules(family);
        assert_eq!(parse::file(&printed, family).1, [], "{printed}");
    }
});
