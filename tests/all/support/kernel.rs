//! The oracle: rules loaded into a real kernel, in a network namespace of their own, and what `iptables-save` gives back.
//! Input: a rule file. Output: the saved text, or what the loader says against it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use cgwfw::iptables::meaning::Backend;
use cgwfw::iptables::ruleset::TableName;
use cgwfw::net::Family;

/// The name of a program: `ip6tables-nft-restore`.
pub fn program(backend: Backend, family: Family, verb: &str) -> String {
    let tables = match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    };
    format!("{tables}-{}-{verb}", backend.name())
}

/// Whether rules can be loaded here; else why not.
pub fn available() -> Result<(), String> {
    static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();
    ANSWER
        .get_or_init(|| {
            for backend in Backend::BOTH {
                for family in Family::BOTH {
                    let rules = "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n";
                    load_and_save(backend, family, rules)
                        .map_err(|error| format!("{}: {error}", program(backend, family, "restore")))?;
                }
            }
            Ok(())
        })
        .clone()
}

/// Whether to go on with a test that needs the kernel. Where it cannot be had, says so loudly; under `CI=true` that is a failure.
pub fn require() -> bool {
    match available() {
        Ok(()) => true,
        Err(error) => {
            super::skip(&format!("rules cannot be loaded into a kernel here: {error}"));
            false
        }
    }
}

/// The sets of addresses that rules name.
fn sets<'a>(texts: &[&'a str]) -> BTreeSet<&'a str> {
    let named = |text: &&'a str| text.split("-set ").skip(1).filter_map(|rest| rest.split(' ').next());
    texts.iter().flat_map(named).collect()
}

/// Whether the sets of addresses that rules name can be made here; else says so.
pub fn has_sets(text: &str) -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    let rules = "*filter\n-A INPUT -m set --match-set lab src -j ACCEPT\nCOMMIT\n";
    let loads = |backend| load_and_save(backend, Family::V4, rules).is_ok();
    sets(&[text]).is_empty()
        || *ANSWER.get_or_init(|| {
            let all = Backend::BOTH.into_iter().all(loads);
            if !all {
                super::skip("no sets of addresses can be made here: is `ipset` installed?");
            }
            all
        })
}

/// Loads a rule file into an empty namespace and saves it.
pub fn load_and_save(backend: Backend, family: Family, text: &str) -> Result<String, String> {
    load_many(backend, family, &[text]).pop().unwrap_or_else(|| Err("no answer".to_string()))
}

/// Loads each file into empty tables, many in one namespace, and saves each.
///
/// The kernel waits between loads rather than works, so a few namespaces at a time are several times as fast.
///
/// `/etc/protocols` is masked where that is allowed, so that protocols are saved as on a machine without it.
pub fn load_many(backend: Backend, family: Family, texts: &[&str]) -> Vec<Result<String, String>> {
    const NAMESPACES: usize = 12;
    let share = texts.len().div_ceil(NAMESPACES).max(1);
    std::thread::scope(|scope| {
        let running: Vec<_> =
            texts.chunks(share).map(|texts| scope.spawn(move || (texts.len(), run(backend, family, texts)))).collect();
        let answers = running.into_iter().map(|thread| thread.join().expect("the loader's thread"));
        answers.flat_map(|(count, answer)| answer.unwrap_or_else(|error| vec![Err(error); count])).collect()
    })
}

fn run(backend: Backend, family: Family, texts: &[&str]) -> Result<Vec<Result<String, String>>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    for (index, text) in texts.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{index}.in")), text).map_err(|error| error.to_string())?;
    }
    let (restore, save) = (program(backend, family, "restore"), program(backend, family, "save"));
    // Tables that a file does not name keep what the file before it loaded: all are emptied.
    let mut empty = String::new();
    for table in TableName::ALL {
        let _ = writeln!(empty, "*{}", table.name());
        for chain in table.built_in_chains() {
            let _ = writeln!(empty, ":{chain} ACCEPT [0:0]");
        }
        empty.push_str("COMMIT\n");
    }
    std::fs::write(folder.path().join("empty"), empty).map_err(|error| error.to_string())?;
    let flush = match backend {
        Backend::Nft => "nft flush ruleset".to_string(),
        Backend::Legacy => format!("{restore} < empty"),
    };
    // Without root iptables-legacy-save cannot see which tables there are (`/proc/net/ip_tables_names`): they are named.
    let saved = match backend {
        Backend::Nft => save,
        Backend::Legacy => format!("for table in $(sed -n 's/^[*]//p' $i.in); do {save} -t $table; done"),
    };
    let inet = if family == Family::V4 { "inet" } else { "inet6" };
    let sets: String =
        sets(texts).into_iter().map(|name| format!("ipset create {name} hash:net family {inet}\n")).collect();
    let script = format!(
        "mount --bind /dev/null /etc/protocols 2>/dev/null\n\
         {sets}\
         i=0\n\
         while [ -e $i.in ]; do\n\
         if {restore} < $i.in > $i.log 2>&1; then {saved} > $i.out 2> $i.log; fi\n\
         {flush} > flush.log 2>&1\n\
         i=$((i + 1))\n\
         done\n"
    );
    // As root no user namespace is needed; elsewhere it is what allows the others.
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let mut command = Command::new("unshare");
    command.args(if root { &["-n", "-m"][..] } else { &["-r", "-n", "-m"][..] });
    let mut child = command
        .arg("sh")
        .current_dir(folder.path())
        .env("XTABLES_LOCKFILE", folder.path().join("lock"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("unshare: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(script.as_bytes()).map_err(|error| error.to_string())?;
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let read = |name: String| std::fs::read_to_string(folder.path().join(name)).ok();
    let answer = |index: usize| match read(format!("{index}.out")) {
        Some(saved) => Ok(saved),
        None => match read(format!("{index}.log")) {
            Some(log) => Err(log.trim().to_string()),
            None => Err(String::from_utf8_lossy(&output.stderr).trim().to_string()),
        },
    };
    Ok((0..texts.len()).map(answer).collect())
}

/// Chain by chain, its line and its rules.
type Chains = BTreeMap<(String, String), (String, Vec<String>)>;

fn chains(text: &str) -> Chains {
    let mut chains = Chains::new();
    let mut table = String::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match (line.chars().next(), words.next()) {
            (Some('*'), _) => table = line[1..].trim().to_string(),
            (Some(':'), Some(name)) => {
                let policy = words.next().unwrap_or("-").to_string();
                chains.entry((table.clone(), name[1..].to_string())).or_default().0 = policy;
            }
            (Some('-'), Some("-A")) => {
                let name = words.next().unwrap_or_default().to_string();
                chains.entry((table.clone(), name)).or_default().1.push(line.trim().to_string());
            }
            _ => {}
        }
    }
    // A table with nothing but ACCEPT says no more than a table that is not there.
    let says = |chain: &(String, Vec<String>)| chain.0 != "ACCEPT" || !chain.1.is_empty();
    let said: Vec<String> =
        chains.iter().filter(|(_, chain)| says(chain)).map(|((table, _), _)| table.clone()).collect();
    chains.retain(|(table, _), _| said.contains(table));
    chains
}

/// Whether two rule files say the same, chain by chain; else what only one of them says.
pub fn same_rules(a: &str, b: &str) -> Result<(), String> {
    let (left, right) = (chains(a), chains(b));
    if left == right {
        return Ok(());
    }
    let mut report = String::new();
    let keys: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    for key in keys {
        let (ours, theirs) = (left.get(key), right.get(key));
        if ours == theirs {
            continue;
        }
        let _ = writeln!(report, "{} {}:", key.0, key.1);
        let lines = |chain: Option<&(String, Vec<String>)>| {
            let (policy, rules) = chain.cloned().unwrap_or_else(|| ("(no such chain)".to_string(), Vec::new()));
            std::iter::once(format!("policy {policy}")).chain(rules).collect::<Vec<_>>()
        };
        let (ours, theirs) = (lines(ours), lines(theirs));
        for index in 0..ours.len().max(theirs.len()) {
            let (ours, theirs) = (ours.get(index), theirs.get(index));
            if ours != theirs {
                let _ = ours.map(|line| writeln!(report, "  - {line}"));
                let _ = theirs.map(|line| writeln!(report, "  + {line}"));
            }
        }
    }
    Err(report)
}
