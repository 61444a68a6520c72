//! Any text is a policy or is refused: no panic, every report in its text, and rules that read back as printed.
#![no_main]

use std::io;
use std::path::Path;
use std::sync::LazyLock;

use cgwfw::compile::compile;
use cgwfw::expand::Options;
use cgwfw::iptables::{parse, print};
use cgwfw::net::Family;
use cgwfw::snippet::library::Library;
use libfuzzer_sys::fuzz_target;

static LIBRARY: LazyLock<Library> = LazyLock::new(Library::built_in);

fuzz_target!(|text: &str| {
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let compilation = compile(Path::new("policy.cgwfw"), text, &read, &LIBRARY, Options::default());
    for report in compilation.diagnostics.iter() {
        assert!(!report.help.is_empty(), "{report:?}");
        // Slices the text: a place inside a character is a panic.
        let _ = compilation.ast.sources.text(report.label.span);
    }
    if compilation.diagnostics.has_errors() {
        return;
    }
    for family in Family::BOTH {
        let printed = compilation.rules(family);
        let (read, faults) = parse::file(&printed, family);
        assert_eq!(faults, [], "{printed}");
        let ours = &compilation.rulesets[family.index()];
        assert_eq!(print::print(&read, &|_| None), print::print(ours, &|_| None));
    }
});
