//! What must hold for every policy: random ones that mean something, damaged ones, hostile ones.
//!
//! `CGWFW_POLICIES`, `CGWFW_MUTATIONS` and `CGWFW_KERNEL_POLICIES` say how many of each; `CGWFW_SEED` where to begin.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support;
use crate::support::generate::{self, Random};
use crate::support::kernel;
use cgwfw::compile::{Compilation, compile};
use cgwfw::diagnostic::{self, Style};
use cgwfw::expand::CompileOptions;
use cgwfw::iptables::check::check_ruleset;
use cgwfw::iptables::meaning::Backend;
use cgwfw::iptables::ruleset::{ChainPolicy, Header, Match, Ruleset, Table, TableName, Target};
use cgwfw::iptables::{parse, print};
use cgwfw::net::{Both, Family};
use cgwfw::rule_file;
use cgwfw::snippet::library::Library;

/// What went wrong: the kind, by which the same fault is known again, and the details.
#[derive(Debug)]
struct Failure {
    kind: String,
    details: String,
}

impl Failure {
    fn new(kind: impl Into<String>, details: impl Into<String>) -> Failure {
        Failure { kind: kind.into(), details: details.into() }
    }
}

fn compiled(text: &str, library: &Library) -> Compilation {
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    compile(Path::new("policy.cgwfw"), text, &read, library, CompileOptions::default())
}

/// Compiles; a panic is a failure with its message.
fn compiled_safely(text: &str, library: &Library) -> Result<Compilation, Failure> {
    catch_unwind(AssertUnwindSafe(|| compiled(text, library))).map_err(|panic| {
        let message = support::panic_message(&*panic);
        let kind: String = message.chars().filter(|c| !c.is_ascii_digit()).take(40).collect();
        Failure::new(format!("panic: {kind}"), message)
    })
}

/// The rules of a table as a loader sees them: names instead of positions, no origins.
#[derive(Debug, PartialEq)]
struct Plain<'a> {
    policies: BTreeMap<&'a str, ChainPolicy>,
    rules: Vec<(&'a str, &'a Header, &'a [Match], &'a Target)>,
}

fn plain(ruleset: &Ruleset) -> BTreeMap<TableName, Plain<'_>> {
    let says = |table: &&Table| {
        !table.rules.is_empty()
            || table.chains.len() > table.name.built_in_chains().len()
            || table.chains.iter().any(|chain| chain.policy.is_some())
    };
    ruleset.tables.iter().filter(says).map(|table| (table.name, plain_table(table))).collect()
}

fn plain_table(table: &Table) -> Plain<'_> {
    let chains = &table.chains;
    let policies = chains.iter().map(|chain| (&*chain.name, chain.policy.unwrap_or(ChainPolicy::Accept)));
    let rules = table
        .rules
        .iter()
        .map(|rule| (&*chains[rule.chain.0 as usize].name, &rule.header, &*rule.matches, &rule.target));
    Plain { policies: policies.collect(), rules: rules.collect() }
}

/// Every report points into its text and says what to do.
fn reports_are_sound(compilation: &Compilation) -> Result<(), Failure> {
    let sources = &compilation.ast.sources;
    for (index, report) in compilation.diagnostics.iter().enumerate() {
        let bad = |what: &str| Err(Failure::new(format!("{}: {what}", report.code), format!("{report:?}")));
        if report.help.trim().is_empty() {
            return bad("no help");
        }
        if report.message.trim().is_empty() || report.label.text.trim().is_empty() {
            return bad("no message, or no label");
        }
        for label in std::iter::once(&report.label).chain(&report.related) {
            let Some((_, source)) = sources.iter().find(|(id, _)| *id == label.span.source) else {
                return bad("in no source");
            };
            let (start, end) = (label.span.start as usize, label.span.end as usize);
            if start > end || end > source.text.len() {
                return bad("outside of its text");
            }
            if !source.text.is_char_boundary(start) || !source.text.is_char_boundary(end) {
                return bad("inside a character");
            }
        }
        // Reports are many; how they are drawn is looked at for the first few.
        if index < 5 {
            let style = Style { color: false, unicode: true, width: 100 };
            let drawn = catch_unwind(AssertUnwindSafe(|| {
                diagnostic::human(report, sources, style).len()
                    + diagnostic::short(report, sources).len()
                    + serde_json::to_string(&diagnostic::json(report, sources)).map_or(0, |text| text.len())
            }));
            if drawn.is_err() {
                return bad("cannot be drawn");
            }
        }
    }
    Ok(())
}

/// What every policy without errors must be.
fn rules_are_sound(text: &str, compilation: &Compilation, library: &Library) -> Result<(), Failure> {
    let again = compiled(text, library);
    for family in Family::BOTH {
        let ruleset = &compilation.rulesets[family];
        let printed = rule_file::text(&compilation.ast, &compilation.rulesets[family]);
        let (read, faults) = parse::file(&printed, family);
        if let Some((line, fault)) = faults.first() {
            let line = printed.lines().nth(line - 1).unwrap_or_default();
            return Err(Failure::new(format!("printed rules do not parse: {}", fault.message), line));
        }
        let (ours, theirs) = (plain(ruleset), plain(&read));
        // `! --sport 0:99` is printed as `--sport 100:65535`, as it is saved: then the same text must come back.
        if ours != theirs && print::print(&read, None) != print::print(ruleset, None) {
            let pairs = ours.values().zip(theirs.values());
            let pairs = pairs.flat_map(|(ours, theirs)| ours.rules.iter().zip(&theirs.rules));
            let first = pairs.filter(|(ours, theirs)| ours != theirs).map(|pair| format!("{pair:#?}")).next();
            let details = first.unwrap_or_else(|| format!("{ours:#?}\n{theirs:#?}"));
            return Err(Failure::new(
                format!("{} rules parse as others", family.name()),
                format!("{details}\n{printed}"),
            ));
        }
        if printed != rule_file::text(&again.ast, &again.rulesets[family]) {
            return Err(Failure::new(
                "a second compilation yields other rules",
                rule_file::text(&again.ast, &again.rulesets[family]),
            ));
        }
        for rule in ruleset.tables.iter().flat_map(|table| &table.rules) {
            let origin = rule.origins.first();
            let Some(sentence) = origin.and_then(|origin| compilation.ast.sentences.get(origin.sentence as usize))
            else {
                return Err(Failure::new("a rule comes from no sentence", format!("{rule:?}")));
            };
            let words = compilation.ast.tokens(sentence);
            let verb = words.first().map(|token| compilation.ast.sources.text(token.span(sentence.source)));
            if matches!(verb, None | Some("define" | "interface" | "default" | "expect" | "lint" | "include")) {
                return Err(Failure::new("a rule comes from a sentence that has none", format!("{rule:?}")));
            }
        }
        if let Some((table, rule, problem)) = check_ruleset(ruleset).first() {
            let rule = &ruleset.tables[*table].rules[*rule];
            return Err(Failure::new(format!("illegal rule: {}", problem.message), format!("{rule:?}")));
        }
        if let Some(line) = printed.lines().find(|line| line.len() > parse::MAX_LINE_BYTES) {
            return Err(Failure::new("a line that the loader cuts", line));
        }
    }
    Ok(())
}

/// Removes sentences as long as the same failure stays.
fn shrink(sentences: &[String], failure: Failure, test: &dyn Fn(&str) -> Result<(), Failure>) -> (String, Failure) {
    let (mut sentences, mut failure) = (sentences.to_vec(), failure);
    let mut at = 0;
    while at < sentences.len() {
        let mut fewer = sentences.clone();
        fewer.remove(at);
        match test(&generate::text(&fewer)) {
            Err(found) if found.kind == failure.kind => (sentences, failure) = (fewer, found),
            _ => at += 1,
        }
    }
    (generate::text(&sentences), failure)
}

/// The failures of a run, one of each kind, the smallest policy of each.
#[derive(Default)]
struct Failures(Mutex<BTreeMap<String, (usize, String, String)>>);

impl Failures {
    fn add(&self, text: String, failure: Failure) {
        let mut all = self.0.lock().expect("no one panics while holding it");
        let entry = all.entry(failure.kind).or_insert_with(|| (0, text.clone(), failure.details.clone()));
        entry.0 += 1;
        if text.len() < entry.1.len() {
            (entry.1, entry.2) = (text, failure.details);
        }
    }

    fn known(&self, kind: &str) -> bool {
        self.0.lock().expect("no one panics while holding it").get(kind).is_some_and(|(count, ..)| *count > 3)
    }

    fn assert_none(self) {
        let all = self.0.into_inner().expect("no one panics while holding it");
        let list = all.iter().map(|(kind, (count, text, details))| {
            let details: String = details.chars().take(3_000).collect();
            format!("=== {kind} ({count} times)\n--- policy\n{text}--- details\n{details}\n")
        });
        assert!(all.is_empty(), "{}", list.collect::<String>());
    }
}

/// Runs `test` for many numbers, on all processors.
fn for_many(from: u64, many: u64, test: &(dyn Fn(u64) + Sync)) {
    let next = AtomicU64::new(from);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let work = || loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= from + many {
                    return;
                }
                test(number);
            };
            std::thread::Builder::new().stack_size(8 << 20).spawn_scoped(scope, work).expect("a thread");
        }
    });
}

#[test]
fn what_the_generator_writes_compiles_and_parses_back() {
    let library = Library::built_in();
    let (seed, policies) = (support::number("CGWFW_SEED", 0), support::number("CGWFW_POLICIES", 3_000));
    let failures = Failures::default();
    let refused: Mutex<BTreeMap<String, (usize, String)>> = Mutex::default();
    let fine = AtomicU64::new(0);
    for_many(seed, policies, &|seed| {
        let sentences = generate::policy(seed, &library);
        let test = |text: &str| {
            let compilation = compiled_safely(text, &library)?;
            reports_are_sound(&compilation)?;
            if compilation.diagnostics.has_errors() { Ok(()) } else { rules_are_sound(text, &compilation, &library) }
        };
        let text = generate::text(&sentences);
        if let Err(failure) = test(&text) {
            if !failures.known(&failure.kind) {
                let (text, failure) = shrink(&sentences, failure, &test);
                failures.add(text, failure);
            }
            return;
        }
        let compilation = compiled(&text, &library);
        if !compilation.diagnostics.has_errors() {
            fine.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let mut refused = refused.lock().expect("no one panics while holding it");
        for report in compilation.diagnostics.iter().filter(|report| report.severity == diagnostic::Severity::Error) {
            let (line, _) = compilation.ast.sources.position(report.label.span);
            let entry = refused.entry(report.code.to_owned()).or_default();
            entry.0 += 1;
            let line = text.lines().nth(line - 1).unwrap_or_default();
            entry.1 = format!("{}\n      {line}", report.message);
        }
    });
    let refused = refused.into_inner().expect("no one panics while holding it");
    let list: String = refused.iter().map(|(code, (count, text))| format!("  {count} {code}: {text}\n")).collect();
    if std::env::var_os("CGWFW_VERBOSE").is_some() {
        println!("{} of {policies} compile\n{list}", fine.load(Ordering::Relaxed));
    }
    failures.assert_none();
    let fine = fine.into_inner();
    assert!(fine * 10 >= policies * 9, "only {fine} of {policies} policies compile:\n{list}");
}

#[test]
fn the_kernel_gives_back_what_the_generator_wrote() {
    if !kernel::require() {
        return;
    }
    let library = Library::built_in();
    let (seed, policies) = (support::number("CGWFW_SEED", 0), support::number("CGWFW_KERNEL_POLICIES", 2_000));
    let mut all = Vec::new();
    for seed in seed..seed + policies {
        let sentences = generate::policy(seed, &library);
        let compilation = compiled(&generate::text(&sentences), &library);
        if !compilation.diagnostics.has_errors() {
            all.push((sentences, Both::of(|family| rule_file::text(&compilation.ast, &compilation.rulesets[family]))));
        }
    }
    let failures = Failures::default();
    for backend in Backend::BOTH {
        for family in Family::BOTH {
            let texts: Vec<&str> = all.iter().map(|(_, texts)| texts[family].as_str()).collect();
            let saved = kernel::load_many(backend, family, &texts);
            for ((sentences, texts), saved) in all.iter().zip(saved) {
                let text = &texts[family];
                let Err(failure) = same(backend, family, text, saved) else { continue };
                if failures.known(&failure.kind) {
                    continue;
                }
                let test = |policy: &str| {
                    let compilation = compiled(policy, &library);
                    if compilation.diagnostics.has_errors() {
                        return Ok(());
                    }
                    let text = rule_file::text(&compilation.ast, &compilation.rulesets[family]);
                    same(backend, family, &text, kernel::load_and_save(backend, family, &text))
                };
                let (text, failure) = shrink(sentences, failure, &test);
                failures.add(text, failure);
            }
        }
    }
    failures.assert_none();
}

/// Whether the loader took the rules and gave them back.
fn same(backend: Backend, family: Family, text: &str, saved: Result<String, String>) -> Result<(), Failure> {
    let place = format!("{} {}", backend.name(), family.name());
    let saved = saved.map_err(|error| Failure::new(format!("{place}: refused"), format!("{error}\n{text}")))?;
    kernel::same_rules(text, &saved).map_err(|difference| {
        Failure::new(format!("{place}: saved as others"), format!("{difference}\n--- ours\n{text}--- saved\n{saved}"))
    })
}

/// What is put into damaged policies.
const ODD: [&str; 46] = [
    "{",
    "}",
    ",",
    "\"",
    "\\",
    "$",
    "#",
    "\n",
    "\r",
    "\r\n",
    "\t",
    " ",
    "\0",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{202e}",
    "\u{feff}",
    "é",
    "漢",
    "😀",
    "not",
    "any",
    "all",
    "+",
    "-",
    "/",
    "/0",
    ":",
    "::",
    "0",
    "255",
    "65536",
    "99999999999999999999",
    "0x",
    "=",
    "rules both filter {",
    "-A INPUT",
    "include \"x\"",
    "log",
    "limit 1/day",
    "\\\n",
    "define",
    "$d1",
    "forward",
];

/// The text with one to a few faults in it.
fn damage(text: &str, other: &str, random: &mut Random) -> String {
    let mut text = text.to_owned();
    for _ in 0..random.between(1, 4) {
        let place = |text: &str, random: &mut Random| {
            let mut at = random.below(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let mut ends = [place(&text, random), place(&text, random)];
        ends.sort_unstable();
        let [start, end] = ends;
        // Mostly a short piece.
        let mut near = (start + random.below(12)).min(text.len());
        while !text.is_char_boundary(near) {
            near -= 1;
        }
        let near = near.max(start);
        match random.below(10) {
            0 => text.replace_range(start..near, ""),
            1 => {
                let piece = text[start..near].to_owned();
                text.insert_str(near, &piece);
            }
            2 | 3 => {
                let odd: &str = random.pick::<&str>(&ODD);
                text.insert_str(start, odd);
            }
            4 => {
                let odd: &str = random.pick::<&str>(&ODD);
                text.replace_range(start..near, odd);
            }
            5 => text.truncate(start),
            6 => {
                let piece = text[start..end].to_owned();
                text.insert_str(start, &piece);
            }
            7 | 8 => {
                // Words change places, go away, or come from another policy.
                let mut words: Vec<&str> = text.split(' ').collect();
                let (a, b) = (random.below(words.len()), random.below(words.len()));
                let others: Vec<&str> = other.split([' ', '\n']).collect();
                match random.below(4) {
                    0 => words.swap(a, b),
                    1 => words.insert(a, words[b]),
                    2 => drop(words.remove(a)),
                    _ => words[a] = *random.pick(&others),
                }
                text = words.join(" ");
            }
            _ => {
                // A byte that may make it another character, or none.
                let mut bytes = text.into_bytes();
                if !bytes.is_empty() {
                    let at = random.below(bytes.len());
                    bytes[at] ^= 1 << random.below(8);
                }
                text = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
    }
    text
}

/// No policy of this size may take longer; a busy machine gets a second try.
const MAX_TIME: Duration = Duration::from_secs(1);

#[test]
fn damaged_policies_are_refused_or_compiled_and_nothing_else() {
    let library = Library::built_in();
    let (seed, many) = (support::number("CGWFW_SEED", 0), support::number("CGWFW_MUTATIONS", 1_500));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut whole: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is part of the checkout")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cgwfw"))
        .map(|path| std::fs::read_to_string(path).expect("an example"))
        .collect();
    whole.sort();
    let examples = whole.len();
    whole.extend((0..200).map(|seed| generate::text(&generate::policy(seed, &library))));
    let failures = Failures::default();
    for_many(seed, many, &|seed| {
        let mut random = Random::new(!seed);
        let base = if random.chance(20) { random.below(examples) } else { random.below(whole.len()) };
        let other = random.pick(&whole).clone();
        let text = damage(&whole[base], &other, &mut random);
        let test = |text: &str| {
            let start = Instant::now();
            let compilation = compiled_safely(text, &library)?;
            if start.elapsed() > MAX_TIME {
                let start = Instant::now();
                let _ = compiled(text, &library);
                if start.elapsed() > MAX_TIME {
                    return Err(Failure::new("slow", format!("{:?}", start.elapsed())));
                }
            }
            reports_are_sound(&compilation)?;
            if compilation.diagnostics.has_errors() { Ok(()) } else { rules_are_sound(text, &compilation, &library) }
        };
        if let Err(failure) = test(&text)
            && !failures.known(&failure.kind)
        {
            let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
            let (text, failure) = shrink(&lines, failure, &test);
            failures.add(text, failure);
        }
    });
    failures.assert_none();
}
