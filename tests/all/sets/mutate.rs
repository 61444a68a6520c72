//! Rule files that differ a little from others.
//! Input: the text of a rule file, random numbers. Output: another text.

use crate::kernel::rule_files::rule_files;
use crate::support::generate::Random;
use cgwfw::iptables::print;
use cgwfw::net::Family;

/// Matches that no packet decides.
const DOUBTS: [&str; 6] = [
    " -m limit --limit 3/minute",
    " -m limit --limit 10/second --limit-burst 20",
    " -m set --match-set friends src",
    " -m set ! --match-set friends dst",
    " -m statistic --mode nth --every 3 --packet 0",
    " -m u32 --u32 0=1",
];

/// The places of rules in the filter, or in all tables.
fn rules(lines: &[String], filter: bool) -> Vec<usize> {
    let mut table = "";
    let mut all = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        }
        if line.starts_with("-A") && (!filter || table == "filter") {
            all.push(at);
        }
    }
    all
}

fn table(lines: &[String], at: usize) -> &str {
    lines[..at].iter().rev().find_map(|line| line.strip_prefix('*')).unwrap_or_default()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn doubt(line: &mut String, random: &mut Random) {
    let at = line.find(" -j ").or_else(|| line.find(" -g ")).unwrap_or(line.len());
    line.insert_str(at, random.pick::<&str>(&DOUBTS));
}

/// The same with matches that no packet decides.
pub fn doubtful(text: &str, random: &mut Random) -> String {
    let mut all = lines(text);
    let places = rules(&all, true);
    for at in places {
        if random.chance(20) {
            doubt(&mut all[at], random);
        }
    }
    all.join("\n") + "\n"
}

/// A rule of a table out of other rule files; it calls no chain of its own.
fn foreign(family: Family, table_name: &str, random: &mut Random) -> Option<String> {
    let text = print::print(&rule_files(random)[family], None);
    let all = lines(&text);
    let places: Vec<usize> = rules(&all, false)
        .into_iter()
        .filter(|at| table(&all, *at) == table_name && !all[*at].contains("own-"))
        .collect();
    (!places.is_empty()).then(|| all[*random.pick(&places)].clone())
}

/// One to three changes.
pub fn mutated(text: &str, family: Family, random: &mut Random) -> String {
    let mut all = lines(text);
    for _ in 0..random.between(1, 3) {
        change(&mut all, family, random);
    }
    all.join("\n") + "\n"
}

fn change(all: &mut Vec<String>, family: Family, random: &mut Random) {
    let in_filter = random.chance(60);
    let places = rules(all, in_filter);
    if places.is_empty() {
        return flip(all, random);
    }
    let at = *random.pick(&places);
    match random.below(9) {
        0 | 1 => {
            all.remove(at);
        }
        2 => {
            let other = places.iter().copied().filter(|other| table(all, *other) == table(all, at)).collect::<Vec<_>>();
            let line = all.remove(at);
            all.insert(*random.pick(&other), line);
        }
        3 | 4 => {
            if let Some(line) = foreign(family, table(all, at), random) {
                all.insert(at, line);
            }
        }
        5 => {
            if let Some(line) = foreign(family, table(all, at), random) {
                all[at] = line;
            }
        }
        6 => flip(all, random),
        7 if in_filter && random.chance(50) => doubt(&mut all[at], random),
        _ => {
            let line = &all[at];
            let other = match line.split_once(" -j ") {
                Some((matches, "ACCEPT")) => format!("{matches} -j DROP"),
                Some((matches, target)) if in_filter && (target == "DROP" || target.starts_with("REJECT")) => {
                    format!("{matches} -j {}", random.pick(&["ACCEPT", "REJECT", "DROP"]))
                }
                _ => return,
            };
            all[at] = other;
        }
    }
}

/// Another policy of a chain.
fn flip(all: &mut [String], random: &mut Random) {
    let places: Vec<usize> = (0..all.len())
        .filter(|at| table(all, *at) == "filter" && all[*at].starts_with(':') && !all[*at].contains(" - "))
        .collect();
    if places.is_empty() {
        return;
    }
    let line = &mut all[*random.pick(&places)];
    *line =
        if line.contains(" DROP ") { line.replace(" DROP ", " ACCEPT ") } else { line.replace(" ACCEPT ", " DROP ") };
}

/// The same with one more rule that writes, the first of its chain.
pub fn writing(text: &str, family: Family, random: &mut Random) -> String {
    let address = if family == Family::V4 { "10.9.9.7" } else { "2001:db8:9::7" };
    let (table, rule) = match random.below(5) {
        0 => ("nat", format!("-A POSTROUTING -o eth0 -j SNAT --to-source {address}")),
        1 => ("nat", format!("-A PREROUTING -i eth0 -p udp -j DNAT --to-destination {address}")),
        2 => ("nat", "-A POSTROUTING -p tcp -j MASQUERADE".to_owned()),
        3 => ("mangle", "-A PREROUTING -p udp -j MARK --set-xmark 0x20/0x20".to_owned()),
        _ => ("raw", "-A PREROUTING -p udp -j CT --notrack".to_owned()),
    };
    let mut all = lines(text);
    match all.iter().position(|line| line.strip_prefix('*') == Some(table)) {
        Some(begin) => {
            let at = (begin + 1..all.len()).find(|at| !all[*at].starts_with(':')).unwrap_or(all.len());
            all.insert(at, rule);
        }
        None => all.extend([format!("*{table}"), rule, "COMMIT".to_owned()]),
    }
    all.join("\n") + "\n"
}
