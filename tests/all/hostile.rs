//! Policies that are meant to hurt: each one is answered in bounded time and memory, with a report or with rules.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cgwfw::compile::{Compilation, compile};
use cgwfw::expand::CompileOptions;
use cgwfw::helm;
use cgwfw::iptables::parse;
use cgwfw::net::Family;
use cgwfw::rule_file;
use cgwfw::snippet::library::Library;

/// Memory for one policy, in KiB: a limit of the whole address space.
const MEMORY: u64 = 2_000_000;

/// Processor time for one policy, in seconds.
const SECONDS: u64 = 20;

/// Sizes are for an optimized build; without, an eighth of them must do.
const SCALE: usize = if cfg!(debug_assertions) { 8 } else { 1 };

const MEGABYTE: usize = (1 << 20) / SCALE;
const MANY: usize = 50_000 / SCALE;

/// Runs `cgwfw check -` within bounds; gives the exit code and the reports. A signal or a panic fails the test.
fn checked(name: &str, policy: &str) -> (i32, String) {
    run(name, "short", policy)
}

/// The same with a format of reports.
fn run(name: &str, format: &str, policy: &str) -> (i32, String) {
    let script = format!("ulimit -v {MEMORY}; ulimit -t {SECONDS}; exec \"$0\" check --format {format} -");
    let start = Instant::now();
    let mut child = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_cgwfw")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stdin = child.stdin.take().expect("it is piped");
    let policy = policy.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(policy.as_bytes()));
    let output = child.wait_with_output().expect("its output");
    let _ = writer.join().expect("the writer");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let begin: String = text.chars().take(600).collect();
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 1)), "{name}: {:?} after {:?}\n{begin}", output.status, start.elapsed());
    if std::env::var_os("CGWFW_VERBOSE").is_some() {
        println!("{name}: {code:?}, {} bytes of reports, {:?}", text.len(), start.elapsed());
    }
    assert!(text.len() < 20_000_000, "{name}: {} bytes of reports", text.len());
    (code.unwrap_or_default(), text)
}

/// What must be refused, and said so in few words.
fn refused(name: &str, policy: &str) -> String {
    let (code, text) = checked(name, policy);
    assert_eq!(code, 1, "{name}: {text}");
    text
}

/// What is unusual, and no fault.
fn accepted(name: &str, policy: &str) {
    let (code, text) = checked(name, policy);
    let begin: String = text.chars().take(600).collect();
    assert_eq!(code, 0, "{name}: {begin}");
}

#[test]
fn long_lines() {
    refused("a word of a megabyte", &"x".repeat(MEGABYTE));
    refused("a megabyte of words", &"allow ".repeat(MEGABYTE / 6));
    refused("a megabyte of dollars", &"$".repeat(MEGABYTE));
    refused("a megabyte of quotes", &"\"".repeat(MEGABYTE));
    refused("a megabyte of backslashes", &"\\".repeat(MEGABYTE));
    refused("a megabyte of commas", &format!("default drop\nallow in from {}", ",".repeat(MEGABYTE)));
    checked("a megabyte of zeros", &format!("default drop\nallow in tcp port {}", "0".repeat(MEGABYTE)));
    accepted("a megabyte of blanks", &format!("default drop{}\nallow loopback\n", " ".repeat(MEGABYTE)));
    accepted("a megabyte of remarks", &format!("default drop # {}\nallow loopback\n", "x".repeat(MEGABYTE)));
    accepted("many empty lines", &format!("default drop{}\nallow loopback\n", "\n".repeat(MEGABYTE)));
    accepted("many joined lines", &format!("default drop{}\nallow loopback\n", " \\\n".repeat(MEGABYTE / 4)));
}

/// For people a report shows an excerpt of its line: the drawing panicked from column 65,536 on, and was as long as the line.
#[test]
fn long_lines_are_not_repeated() {
    let blanks = " ".repeat(MEGABYTE);
    let list: String = (0..20_000).map(|n| format!("10.0.{}.{},\n", n / 256, n % 256)).collect();
    for (name, policy) in [
        ("one word", "x".repeat(MEGABYTE)),
        ("many words", format!("default drop\nallow in on eth0 {}\n", "bogus ".repeat(MEGABYTE / 6))),
        ("a string", format!("default drop\nallow in on eth0 comment \"{}\"\n", "漢".repeat(MEGABYTE / 3))),
        ("an error at the end", format!("default drop\nallow loopback{blanks}wrong\n")),
        ("two places", format!("default drop\n{blanks}define a = 1{blanks}\n{blanks}define a = 2\n")),
        ("two places of one line", format!("default drop\nallow in on eth0{blanks}from any{blanks}from any\n")),
        ("a sentence of many lines", format!("allow in from {{\n{list}}}\n")),
        ("controls", format!("default drop\n{}\n", "\u{1b}\u{202e}".repeat(MEGABYTE / 4))),
    ] {
        let (_, text) = run(name, "human", &policy);
        assert!(text.contains("error"), "{name}");
        assert!(text.len() < 10_000, "{name}: {} bytes", text.len());
        assert!(text.lines().all(|line| line.chars().count() < 1_000), "{name}");
    }
}

#[test]
fn braces_and_nothing_in_them() {
    refused("50,000 open braces", &"{".repeat(MANY));
    refused("50,000 closing braces", &"}".repeat(MANY));
    refused("50,000 open braces in a list", &format!("default drop\nallow in from {}", "{".repeat(MANY)));
    let nested = format!("default drop\nallow in from {}192.0.2.1{}\n", "{".repeat(MANY), "}".repeat(MANY));
    accepted("a list in 50,000 braces", &nested);
    refused("50,000 blocks", &"rules both filter {".repeat(MANY));
    refused("50,000 lines of open braces", &"define a = {\n".repeat(MANY));
}

#[test]
fn definitions_of_definitions() {
    let mut chain = String::from("default drop\ndefine d0 = 192.0.2.1\n");
    for index in 1..MANY {
        let _ = writeln!(chain, "define d{index} = $d{}", index - 1);
    }
    checked("50,000 nested definitions", &format!("{chain}allow in from $d{}\n", MANY - 1));
    let mut double = String::from("default drop\ndefine d0 = 192.0.2.1, 2001:db8::1\n");
    for index in 1..=40 {
        let _ = writeln!(double, "define d{index} = $d{0}, $d{0}", index - 1);
    }
    refused("definitions that double 40 times", &format!("{double}allow in from $d40\n"));
    let mut empty = String::from("default drop\ndefine d0 = {}\n");
    for index in 1..=40 {
        let _ = writeln!(empty, "define d{index} = {{ $d{0}, $d{0} }}", index - 1);
    }
    refused("definitions of nothing that double 40 times", &format!("{empty}allow in from $d40\n"));
    let mut ring = String::from("default drop\n");
    for index in 0..2_000 {
        let _ = writeln!(ring, "define d{index} = $d{}, $d{}", (index + 1) % 2_000, (index + 2) % 2_000);
    }
    refused("definitions in a ring", &format!("{ring}allow in from $d0\n"));
}

#[test]
fn products_of_lists() {
    let addresses = |net: &str| (1..=250).map(|n| format!("{net}{n}")).collect::<Vec<_>>().join(", ");
    let ports = (0..1_000).map(|n| (n * 60 + 1).to_string()).collect::<Vec<_>>().join(", ");
    let (from, to) = (addresses("192.0.2."), addresses("198.51.100."));
    let product = format!("default drop\nallow forward {{ tcp, udp, sctp }} from {from} to {to} port {ports}\n");
    refused("a billion rules", &format!("{product}allow loopback\n"));
    let types = "echo-request, echo-reply, time-exceeded, parameter-problem";
    let interfaces = (0..300).map(|n| format!("eth{n}")).collect::<Vec<_>>().join(", ");
    refused(
        "interfaces by interfaces",
        &format!("default drop\nallow forward in on {interfaces} out on {interfaces} icmp type {types} from {from}\n"),
    );
    checked(
        "none of many",
        &format!(
            "default drop\nallow forward on not {{ {interfaces} }} from not {{ {from} }} to not {{ {to} }} only ipv4\n"
        ),
    );
    let many: String = (0..20_000 / SCALE).map(|n| format!("allow in on eth0 tcp port {}\n", n + 1)).collect();
    accepted("20,000 sentences", &format!("default drop\n{many}"));
    let list = (0..60_000 / SCALE)
        .map(|n| format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255))
        .collect::<Vec<_>>()
        .join(",");
    checked("60,000 addresses", &format!("default drop\nallow in from {list}\n"));
    let wrong: String = (0..20_000 / SCALE).map(|n| format!("alow in on eth{n}\n")).collect();
    refused("20,000 mistakes", &wrong);
    let declared: String = (0..3_000 / SCALE).map(|n| format!("interface if{n}\n")).collect();
    let unknown: String = (0..3_000 / SCALE).map(|n| format!("allow calico on xf{n}\n")).collect();
    refused("3,000 unknown interfaces among 3,000", &format!("default drop\n{declared}{unknown}"));
}

#[test]
fn long_texts() {
    accepted("a remark of 12,000 bytes", &format!("default drop\n# {}\nallow loopback\n", "ü".repeat(6_000)));
    let list = (0..900).map(|n| (n * 70 + 1).to_string()).collect::<Vec<_>>().join(", ");
    accepted("a sentence of 12,000 bytes", &format!("default drop\nallow in on eth0 tcp port {list}, 65000-65535\n"));
    refused("a comment of 12,000 bytes", &format!("default drop\nallow loopback comment \"{}\"\n", "x".repeat(12_000)));
    refused("a prefix of 12,000 bytes", &format!("default drop\nlog \"{}\" in\n", "x".repeat(12_000)));
    let line = format!("-A INPUT -m comment --comment \"{}\" -j ACCEPT", "x".repeat(12_000));
    refused("a rule line of 12,000 bytes", &format!("default drop\nrules both filter {{\n{line}\n}}\n"));
}

fn compiled(text: &str, files: &BTreeMap<&str, String>) -> Compilation {
    let read = |path: &Path| {
        let text = path.to_str().and_then(|path| files.get(path));
        text.cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    };
    compile(Path::new("policy.cgwfw"), text, &read, &Library::built_in(), CompileOptions::default())
}

#[test]
fn includes_that_lead_back_or_fan_out() {
    let start = Instant::now();
    let files = BTreeMap::from([
        ("a", "include \"b\"\n".to_owned()),
        ("b", "include \"./x/../a\"\ninclude \"policy.cgwfw\"\n".to_owned()),
        ("wide", "include \"wider\"\n".repeat(500)),
        ("wider", "include \"widest\"\n".repeat(500)),
        ("widest", "include \"last\"\n".repeat(500)),
        ("last", "allow loopback\n".to_owned()),
    ]);
    for policy in ["include \"a\"\n", "include \"policy.cgwfw\"\n", "include \"b\"\n", "include \"wide\"\n"] {
        let compilation = compiled(&format!("default drop\n{policy}"), &files);
        assert!(compilation.diagnostics.has_errors(), "{policy}");
        assert!(compilation.diagnostics.iter().all(|report| !report.help.is_empty()));
        assert!(compilation.diagnostics.iter().count() < 10_000, "{policy}");
    }
    // A file that never ends the same way: each includes another.
    let endless = |path: &Path| Ok(format!("include \"{}x\"\n", path.display()));
    let library = Library::built_in();
    let compilation = compile(Path::new("p"), "include \"x\"\n", &endless, &library, CompileOptions::default());
    assert!(compilation.diagnostics.has_errors());
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn files_without_an_end_are_not_read_to_it() {
    if Path::new("/dev/zero").exists() {
        let text = refused("an endless include", "default drop\ninclude \"/dev/zero\"\n");
        assert!(text.contains("cannot be read"), "{text}");
    }
}

/// Text that another language could take for its own: in comments and prefixes it is text.
const HARMLESS: [&str; 22] = [
    "COMMIT",
    "it's \\\"quoted\\\"",
    "back\\\\slash",
    "{{ .Values.x }} {% for %}",
    "é ü 漢 😀",
    "#x",
    "$(id) `id` ${id}",
    "--",
    "-j ACCEPT",
    "! -s 0.0.0.0/0",
    "\\\\n\\\\r\\\\0",
    "%s %n",
    "*filter",
    ":INPUT",
    "a: b",
    "- x",
    "| |- >",
    "&a *a !!str",
    "\u{a0}",
    "  two  blanks  ",
    " ",
    "~",
];

#[test]
fn strings_stay_text() {
    let none = BTreeMap::new();
    for text in HARMLESS {
        let policy = format!(
            "default drop\n# {text}\nallow loopback comment \"{text}\"\nlog \"{text} \" to group 2 in on eth0\n\
             drop in on eth1 log \"{text}\" limit 1/second\ndefine unused = \"{text}\"\n"
        );
        let compilation = compiled(&policy, &none);
        assert!(!compilation.diagnostics.has_errors(), "{text}: {:?}", compilation.diagnostics);
        let [v4, v6] = Family::BOTH.map(|family| rule_file::text(&compilation.ast, &compilation.rulesets[family]));
        for (family, rules) in Family::BOTH.into_iter().zip([&v4, &v6]) {
            let (read, faults) = parse::file(rules, family);
            assert_eq!(faults, [], "{text}");
            let rules_of = |ruleset: &cgwfw::iptables::ruleset::Ruleset| {
                ruleset
                    .tables
                    .iter()
                    .flat_map(|table| &table.rules)
                    .map(|rule| (rule.matches.clone(), rule.target.clone()))
                    .collect::<Vec<_>>()
            };
            assert_eq!(rules_of(&read), rules_of(&compilation.rulesets[family]), "{text}");
            // Nothing in a string begins a line.
            assert_eq!(rules.lines().filter(|line| *line == "COMMIT").count(), 1, "{text}");
        }
        let values: serde_json::Value = serde_saphyr::from_str(&helm::values(&v4, &v6)).expect(text);
        assert_eq!(
            values,
            serde_json::json!({"iptables": {"enabled": true, "ipv4Rules": v4, "ipv6Rules": v6}}),
            "{text}"
        );
    }
}

#[test]
fn strings_that_hide_something_are_refused() {
    let none = BTreeMap::new();
    for text in [
        "a\nCOMMIT",
        "a\r\nb",
        "\u{202e}evil",
        "\u{2066}x",
        "\u{0}",
        "\u{1b}[31m",
        "\u{85}",
        "\u{2028}",
        "\\n",
        "\u{7f}",
    ] {
        let policy = format!("default drop\nallow loopback comment \"{text}\"\n");
        let compilation = compiled(&policy, &none);
        assert!(compilation.diagnostics.has_errors(), "{text:?}");
        for report in compilation.diagnostics.iter() {
            let shown = cgwfw::diagnostic::short(report, &compilation.ast.sources);
            assert!(!shown.contains(|c: char| cgwfw::diagnostic::is_deceptive(c)), "{shown:?}");
        }
    }
}

/// Long policies are read by two threads: what each half uses and what is wrong in it must meet at the end.
#[test]
fn both_halves_of_a_long_policy_are_judged_together() {
    let mut policy = String::from(
        "interface early public\ninterface late public\ninterface never public\ndefine first = 192.0.2.1\n\
         define last = 192.0.2.2\ndefine unused = 192.0.2.3\ndefault drop\n\
         allow ipsec peer $first on early\nallow ipsec peer 192.0.2.1 on nowhere\n",
    );
    for site in 0..2_000 {
        writeln!(policy, "allow ssh in on early from 10.{}.{}.1", site / 250, site % 250).expect("a String takes all");
    }
    policy.push_str("allow ipsec peer $last on late\nallow esp in on elsewhere\ndefault drop\n");
    let (_, text) = checked("both halves", &policy);
    let found: Vec<&str> = text.lines().filter_map(|line| line.split_once(": ").map(|(place, _)| place)).collect();
    let lines: Vec<&str> = found.iter().filter_map(|place| place.split(':').nth(1)).collect();
    assert_eq!(lines, ["3", "6", "9", "2011", "2012"], "{text}");
}

#[test]
fn names_of_files_deceive_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = "a\u{1b}[31m\u{202e}b.cgwfw";
    let missing = "c\u{1b}[31m\u{202e}d.cgwfw";
    let good = "default drop\nallow in on eth0 tcp port 22\nexpect accept in on eth0 tcp port 22\n";
    let bad = "default drop\nallow  nothing\nexpect accept in on eth0 udp\n";
    let failing = "default drop\nexpect accept in on eth0 udp\n";
    let commands: [&[&str]; 13] = [
        &["check"],
        &["check", "--format", "short"],
        &["check", "--format", "json"],
        &["test"],
        &["test", "--format", "json"],
        &["test", "--format", "junit"],
        &["build", "-o", "no/such/folder"],
        &["build", "-4"],
        &["helm"],
        &["fmt", "--check"],
        &["trace", "in", "on", "eth0", "udp"],
        &["trace", "--json", "in", "on", "eth0", "udp"],
        &["trace", "--verbose", "in", "on", "eth0", "udp"],
    ];
    for policy in [good, bad, failing] {
        std::fs::write(folder.path().join(name), policy).expect("a policy");
        for (command, file) in commands.iter().flat_map(|command| [(command, name), (command, missing)]) {
            let mut arguments: Vec<&str> = command.iter().copied().take_while(|word| *word != "in").collect();
            arguments.push(file);
            arguments.extend(command.iter().copied().skip_while(|word| *word != "in"));
            let ran = Command::new(env!("CARGO_BIN_EXE_cgwfw"))
                .current_dir(folder.path())
                .args(&arguments)
                .output()
                .expect("the program");
            for bytes in [&ran.stdout, &ran.stderr] {
                let text = String::from_utf8_lossy(bytes);
                let deceives = |c: char| c != '\n' && cgwfw::diagnostic::is_deceptive(c);
                assert!(!text.contains(deceives), "{arguments:?}: {text:?}");
            }
            if command[..] == ["check", "--format", "json"] && policy == bad && file == name {
                let reports: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("JSON");
                assert_eq!(reports[0]["file"], name, "JSON says the very name");
            }
        }
    }
}

/// Templates of a user's own block that would need too much stack, memory or time. Each is refused in its place.
#[test]
fn templates_have_bounds() {
    let folder = tempfile::tempdir().expect("a folder");
    let block = folder.path().join("snippets/bad");
    std::fs::create_dir_all(&block).expect("a folder");
    std::fs::write(folder.path().join("policy.cgwfw"), "default drop\nallow bad in on eth0\n").expect("a policy");
    let metadata = "summary = \"Bad\"\n\n[[sentence]]\nname = \"allow bad\"\nclauses = \"<traffic>\"\n\n\
                    [traffic]\ndirection = \"required\"\nprotocols = [\"tcp\"]\nclauses = [\"from\"]\n";
    let check = |metadata: &str, template: &str| {
        std::fs::write(block.join("snippet.toml"), metadata).expect("metadata");
        std::fs::write(block.join("rules.j2"), template).expect("a template");
        // A small stack: that of the threads of a server, and less.
        let script = format!(
            "ulimit -s 1024; ulimit -v {MEMORY}; ulimit -t {SECONDS}; exec \"$0\" check --format short policy.cgwfw"
        );
        let ran =
            Command::new("sh").args(["-c", &script, env!("CARGO_BIN_EXE_cgwfw")]).current_dir(folder.path()).output();
        let ran = ran.expect("the program");
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let nested = |open: &str, middle: &str, close: &str, times: usize| {
        format!("{{{{ {}{middle}{} }}}}", open.repeat(times), close.repeat(times))
    };
    let looped = |times: usize| {
        let list = "{% for a in [1,2,3,4,5,6,7,8,9] %}";
        format!("{}x{}", list.repeat(times), "{% endfor %}".repeat(times))
    };
    let doubled =
        |add: &str| format!("{{% set a = [1] %}}{}{{{{ a }}}}", format!("{{% set a = a{add}a %}}").repeat(40));
    for (template, words) in [
        (nested("-", "1", "", 24_000), "more than 16 KiB"),
        (nested("-", "1", "", 16_000), "no option"),
        (nested("not ", "1", "", 4_000), "no option"),
        (nested("(", "1", ")", 8_000), "recursion"),
        (nested("[", "1", "]", 8_000), "recursion"),
        (nested("", "a", ".a", 8_000), "undefined"),
        (nested("", "a", "|a", 8_000), "unknown filter"),
        (nested("1 if 0 else ", "1", "", 1_200), "no option"),
        (format!("{{% if family %}}{}{{% endif %}}", "{% elif family %}".repeat(900)), "never uses"),
        (nested("1~", "1", "", 8_000), "more than 4 of `~` and `+`"),
        (nested("2**", "2", "", 8), "`*` in a template"),
        (looped(12), "fuel"),
        (format!("{{% for a in [{}1] %}}{}{{% endfor %}}", "1,".repeat(2_000), "x".repeat(9_000)), "more than 1 MiB"),
        (doubled("~"), "more than 4 of `~` and `+`"),
        (doubled("+"), "more than 4 of `~` and `+`"),
        ("{{ {\"}}\": \"}}\"}~1~1~1~1~1 }}".into(), "more than 4 of `~` and `+`"),
        ("{{- '\\'}}' ~1~1~1~1~1 -}}".into(), "more than 4 of `~` and `+`"),
        ("{# {{ ' #}{{ 1~1~1~1~1~1 }}{# ' }} #}".into(), "more than 4 of `~` and `+`"),
        ("{%- raw %}{{ \"{% endraw %}{{ 1~1~1~1~1~1 }}".into(), "`raw` in a template"),
    ] {
        let (code, text) = check(metadata, &template);
        let start: String = template.chars().take(60).collect();
        assert!(code == Some(1) && text.contains(words), "{start}: {code:?} {text}");
        assert!(text.starts_with("snippets/bad/rules.j2:1:1: error[cgwfw::snippet::bad_template]"), "{start}: {text}");
    }
    let rules = "{# ~~~~~~ ***** eth+ #}-A {{ traffic }} -m comment --comment \"+ + ~ ~ ~ *\" -j {{ \"ACC~~~**\" }}\n";
    let (_, text) = check(metadata, rules);
    assert!(text.contains("ACC~~~**"), "what is no operator is none: {text}");
    let template = "-A {{ traffic }} -j ACCEPT\n";
    let note = format!("{metadata}\n[[note]]\nwhen = \"{}1\"\ntext = \"Deep.\"\n", "-".repeat(20_000));
    let (code, text) = check(&note, template);
    assert!(code == Some(1) && text.contains("the `when` of a note of more than 16 KiB"), "{text}");
    let (code, text) = check(metadata, template);
    assert_eq!(code, Some(0), "{text}");
    std::fs::remove_file(block.join("rules.j2")).expect("the template");
    let made = Command::new("mkfifo").arg(block.join("rules.j2")).status().expect("mkfifo");
    assert!(made.success());
    let ran = Command::new("timeout")
        .args(["20", env!("CARGO_BIN_EXE_cgwfw"), "check", "policy.cgwfw"])
        .current_dir(folder.path())
        .output()
        .expect("the program");
    let text = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.code() == Some(2) && text.contains("rules.j2: it is a device or a pipe"), "{text}");
}
