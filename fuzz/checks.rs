//! What the fuzz targets check, on any text. `tests/all/fuzz.rs` runs the same on the examples, so that this does not rot.

use std::io;
use std::path::Path;
use std::sync::LazyLock;

use cgwfw::compile::{Compilation, compile};
use cgwfw::diagnostic::{Diagnostics, Style};
use cgwfw::expand::CompileOptions;
use cgwfw::iptables::check::check_ruleset;
use cgwfw::iptables::{parse, print};
use cgwfw::net::Family;
use cgwfw::origin::Rules;
use cgwfw::policy::Declarations;
use cgwfw::rule_file;
use cgwfw::sentence::packet as sentence;
use cgwfw::simulate::Loaded;
use cgwfw::snippet::library::Library;
use cgwfw::snippet::signature::metadata;
use cgwfw::source::Sources;
use cgwfw::syntax;
use cgwfw::trace::hint::Setting;
use cgwfw::trace::human::{TraceStyle, human};
use cgwfw::trace::trace;
use cgwfw::traffic::one::{Described, all_described};

static LIBRARY: LazyLock<Library> = LazyLock::new(Library::built_in);

fn compiled(text: &str, library: &Library) -> Compilation {
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    compile(Path::new("policy.cgwfw"), text, &read, library, CompileOptions::default())
}

/// Any text is a policy or is refused: no panic, every report in its text, and rules that read back as printed.
pub fn policy(text: &str) {
    let compilation = compiled(text, &LIBRARY);
    for report in compilation.diagnostics.iter() {
        assert!(!report.help.is_empty(), "{report:?}");
        // Slices the text: a place inside a character is a panic.
        let _ = compilation.ast.sources.text(report.label.span);
    }
    if compilation.diagnostics.has_errors() {
        return;
    }
    for family in Family::BOTH {
        let printed = rule_file::text(&compilation.ast, &compilation.rulesets[family]);
        let (read, faults) = parse::file(&printed, family);
        assert_eq!(faults, [], "{printed}");
        let ours = &compilation.rulesets[family];
        assert_eq!(print::print(&read, None), print::print(ours, None));
    }
}

/// Any rule file is read or refused; what is read prints as text that reads back as the same text.
pub fn rules(text: &str) {
    for family in Family::BOTH {
        let (ruleset, faults) = parse::file(text, family);
        for (line, fault) in &faults {
            let line = text.split('\n').nth(line - 1).expect("a line of the text");
            assert!(!fault.help.is_empty(), "{fault:?}");
            assert!(line.get(fault.span.clone()).is_some(), "{fault:?} in {line:?}");
        }
        let _ = check_ruleset(&ruleset);
        if !faults.is_empty() {
            continue;
        }
        let printed = print::print(&ruleset, None);
        // A line may grow beyond what a loader reads; nothing else may be wrong with it.
        if printed.lines().any(|line| line.len() > parse::MAX_LINE_BYTES) {
            continue;
        }
        let (again, faults) = parse::file(&printed, family);
        assert_eq!(faults, [], "{printed}");
        assert_eq!(print::print(&again, None), printed);
    }
}

/// Any `snippet.toml` and any template: a line `---` stands between them, a second one before sentences.
pub fn snippet(text: &str) {
    let mut parts = text.split("\n---\n");
    let (toml, template) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(signature) = metadata::parse(toml) else { return };
    let mut library = Library::default();
    if library.add("fuzzed", toml, template, "").is_err() {
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
    let compilation = compiled(&policy, &library);
    if compilation.diagnostics.has_errors() {
        return;
    }
    for family in Family::BOTH {
        let printed = rule_file::text(&compilation.ast, &compilation.rulesets[family]);
        assert_eq!(parse::file(&printed, family).1, [], "{printed}");
    }
}

fn packets(text: &str, diagnostics: &mut Diagnostics) -> Vec<Described> {
    let ast = syntax::beside(&Sources::default(), "packet", text, diagnostics);
    all_described(&ast, &Declarations::default(), diagnostics)
}

/// A policy to follow packets through, with something of everything.
static POLICY: LazyLock<Compilation> = LazyLock::new(|| {
    let policy = include_str!("../examples/bgp-gre-vti-ipsec-full.cgwfw");
    compiled(policy, &LIBRARY)
});

/// Any line is a packet or is refused; a packet has a sentence of its own, and a fate.
pub fn traffic(text: &str) {
    let mut diagnostics = Diagnostics::default();
    for packet in packets(text, &mut diagnostics) {
        let again = sentence(&packet.packet);
        let mut faults = Diagnostics::default();
        let same = packets(&again, &mut faults);
        assert!(same.iter().any(|same| same.packet == packet.packet), "{again}: {faults:?}");
        let loaded = Loaded::new(&POLICY.rulesets[packet.packet.family()]);
        let followed = trace(&loaded, packet);
        assert!(!followed.branches.is_empty(), "{again}");
        let style = Style { color: false, unicode: true, width: 100 };
        let setting = Setting { rules: Rules::Policy(&POLICY), loaded: &loaded, library: Some(&LIBRARY) };
        assert!(!human(&followed, &setting, TraceStyle { style, verbose: true, reply: true }).is_empty());
    }
    for report in diagnostics.iter() {
        assert!(!report.help.is_empty(), "{report:?}");
    }
}
