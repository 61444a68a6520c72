//! The words that the editors colour, by what they are.
//! Input: the vocabulary of the compiler and the metadata of its library. Output: the generated lines of the grammars.

use std::collections::{BTreeMap, BTreeSet};

use cgwfw::language::CORE;
use cgwfw::language::clauses::{self, ValueKind};
use cgwfw::language::values::{
    DEFAULT_CHAINS, HELPERS, ICMP_TYPES, LEVELS, REASONS, ROLES, RULES_FAMILIES, RULES_TABLES, VERDICTS, words_of,
};
use cgwfw::lsp::offered::clauses;
use cgwfw::services;
use cgwfw::snippet::library::Library;

/// All words, each class in an order in which no word hides a longer one after it.
pub struct Words {
    /// The first words of the sentences that are not building blocks.
    pub core: Vec<String>,
    /// By verb: the words after it that name a building block.
    pub names: BTreeMap<String, Vec<String>>,
    /// Words after a verb that are not the name of a block of one's own: clauses, and values without one.
    pub not_names: Vec<String>,
    /// The words of clauses.
    pub clauses: Vec<String>,
    /// Those of them that an interface comes after.
    pub interfaces: Vec<String>,
    /// Values that have a name.
    pub values: Vec<String>,
}

/// Gathers them.
pub fn words() -> Words {
    let library = Library::built_in();
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut words, mut interfaces, mut addresses) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut values: BTreeSet<String> = BTreeSet::new();
    let mut clause = |phrase: String, value: &ValueKind| {
        match value {
            ValueKind::Interface => interfaces.insert(phrase.clone()),
            ValueKind::Address => addresses.insert(phrase.clone()),
            _ => false,
        };
        if let ValueKind::Words(words) = value {
            values.extend(words.iter().cloned());
        }
        words.insert(phrase);
    };
    for name in library.snippets.iter().flat_map(|snippet| library.names(&snippet.signature.forms[0].words[0])) {
        let (verb, rest) = name.words.split_first().expect("a name has a verb");
        let known = names.entry(verb.clone()).or_default();
        if !rest.is_empty() {
            known.insert(rest.join(" "));
        }
        for own in clauses(name, &library).into_iter().filter(|own| !own.words.is_empty()) {
            clause(own.words.join(" "), &own.value);
        }
    }
    for keyword in clauses::all() {
        clause(keyword.words.into(), &(keyword.value)());
    }
    clause("over".into(), &ValueKind::Interface);
    clause("not".into(), &ValueKind::Nothing);
    let interfaces = interfaces.difference(&addresses).cloned().collect();

    let tables: [&[&str]; 8] = [
        &words_of(&VERDICTS),
        &DEFAULT_CHAINS,
        &words_of(&LEVELS),
        &words_of(&RULES_FAMILIES),
        &words_of(&RULES_TABLES),
        &words_of(&ROLES),
        &words_of(&REASONS),
        &words_of(&ICMP_TYPES),
    ];
    values.extend(tables.into_iter().flatten().map(|word| (*word).to_owned()));
    values.insert("any".to_owned());
    let positional: Vec<String> = HELPERS.iter().map(|helper| helper.name.to_owned()).collect();
    values.extend(positional.iter().cloned());
    values.extend(services::names().map(str::to_owned));
    Words {
        core: CORE.iter().map(|core| core.verb.to_owned()).collect(),
        names: names.into_iter().map(|(verb, rest)| (verb, ordered(rest))).collect(),
        not_names: ordered(words.iter().cloned().chain(positional).collect()),
        clauses: ordered(words),
        interfaces: ordered(interfaces),
        values: ordered(values),
    }
}

/// The phrases of more words first.
fn ordered(words: BTreeSet<String>) -> Vec<String> {
    let mut words: Vec<String> = words.into_iter().collect();
    words.sort_by_key(|phrase| std::cmp::Reverse(phrase.split(' ').count()));
    words
}

impl Words {
    /// The verbs of the library.
    pub fn verbs(&self) -> Vec<String> {
        self.names.keys().cloned().collect()
    }
}

/// The text of a grammar with its generated lines as they should be.
///
/// They follow a line that says `generated: CLASS`: in JSON one line, elsewhere all up to an empty one.
pub fn generated(text: &str, one_line: bool, lines_of: impl Fn(&str) -> Vec<String>) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let Some((_, class)) = line.split_once("generated: ") else { continue };
        for line in lines_of(class.trim_end_matches(['"', ','])) {
            out.push_str(&line);
            out.push('\n');
        }
        if one_line {
            lines.next();
        } else {
            lines.by_ref().find(|line| line.is_empty());
            out.push('\n');
        }
    }
    out
}

/// The generated lines of the TextMate grammar.
pub fn textmate(words: &Words, class: &str) -> Vec<String> {
    const END: &str = r##"(?![^\s,{}"#$\\])"##;
    let any =
        |phrases: &[String]| phrases.iter().map(|phrase| phrase.replace(' ', "[ \\t]+")).collect::<Vec<_>>().join("|");
    let word = |phrases: &[String]| format!("(?<![^\\s,{{}}\"])(?:{}){END}", any(phrases));
    let verbs = any(&words.verbs());
    let pattern = match class {
        "core" => format!("\\G(?:{}){END}", any(&words.core)),
        "names" => {
            let named = words.names.iter().filter(|(_, rest)| !rest.is_empty());
            let named: Vec<_> = named.map(|(verb, rest)| format!("{verb}[ \\t]+(?:{})", any(rest))).collect();
            let rest = any(&ordered(words.names.values().flatten().cloned().collect()));
            format!("\\G(?=(?:{}){END})({verbs})[ \\t]+({rest}){END}", named.join("|"))
        }
        "own names" => {
            let own = format!("(?!(?:{}){END})[a-z][a-z0-9-]*{END}", any(&words.not_names));
            format!("\\G({verbs}){END}(?:[ \\t]+({own}(?:[ \\t]+{own})*))?")
        }
        "interfaces" => {
            let first = |phrase: &String| {
                phrase.split_once(' ').is_some_and(|(first, _)| words.interfaces.iter().any(|word| word == first))
            };
            let longer: Vec<String> = words.clauses.iter().filter(|phrase| first(phrase)).cloned().collect();
            let (longer, own) = (any(&longer), any(&words.interfaces));
            format!(
                "(?<![^\\s,{{}}\"])(?!(?:{longer}){END})({own})[ \\t]+(?:(not)[ \\t]+)?(?:([A-Za-z0-9._+-]+){END}|(?=\\{{))"
            )
        }
        "clauses" => word(&words.clauses),
        "values" => word(&words.values),
        _ => panic!("`{class}` is not a class of words"),
    };
    vec![format!("      \"match\": {},", serde_json::Value::from(pattern))]
}

/// The generated lines of the syntax file of Vim.
pub fn vim(words: &Words, class: &str) -> Vec<String> {
    const END: &str = r##"[^[:blank:],{}"#$\\]@!"##;
    let any = |phrases: &[String]| {
        let phrases = phrases.iter().map(|phrase| phrase.replace(' ', r"\s+"));
        format!("%({}){END}", phrases.collect::<Vec<_>>().join("|"))
    };
    let matched =
        |group: &str, pattern: String, rest: &str| format!(r"syntax match {group} /\v{pattern}/ contained{rest}");
    let word = |group: &str, phrases: &[String], rest: &str| {
        matched(group, format!(r#"[^[:blank:],{{}}"]@1<!{}"#, any(phrases)), rest)
    };
    match class {
        "core" => vec![matched("cgwfwVerb", format!(r"^\s*\zs{}", any(&words.core)), "")],
        "names" => {
            let own = format!("%({})@![a-z][a-z0-9-]*{END}", any(&words.not_names));
            let mut lines = vec![matched("cgwfwOwnName", own, " nextgroup=cgwfwOwnName skipwhite")];
            for (verb, names) in &words.names {
                let group = format!("cgwfwName_{}", verb.replace('-', "_"));
                let next = if names.is_empty() { String::new() } else { format!("{group},") };
                let next = format!(" nextgroup={next}cgwfwOwnName skipwhite");
                lines.push(matched("cgwfwVerb", format!(r"^\s*\zs{}", any(std::slice::from_ref(verb))), &next));
                if !names.is_empty() {
                    lines.push(matched(&group, any(names), ""));
                    lines.push(format!("highlight default link {group} cgwfwName"));
                }
            }
            lines
        }
        // Of two that match in one place the later one wins.
        "clauses" => {
            let is_interface = |phrase: &&String| words.interfaces.contains(phrase);
            let is_long = |phrase: &&String| phrase.contains(' ');
            let (long, short): (Vec<&String>, Vec<&String>) = words.clauses.iter().partition(is_long);
            let parts = [short, long].into_iter().flat_map(|phrases| {
                let (interfaces, others): (Vec<&String>, Vec<&String>) = phrases.into_iter().partition(is_interface);
                [(others, ""), (interfaces, " nextgroup=cgwfwNot,cgwfwInterface skipwhite")]
            });
            let own = |phrases: Vec<&String>| phrases.into_iter().cloned().collect::<Vec<_>>();
            parts
                .filter(|(phrases, _)| !phrases.is_empty())
                .map(|(phrases, rest)| word("cgwfwClause", &own(phrases), rest))
                .collect()
        }
        "values" => vec![word("cgwfwValue", &words.values, "")],
        _ => panic!("`{class}` is not a class of words"),
    }
}

/// The generated lines of the mode of Emacs.
pub fn emacs(words: &Words, class: &str) -> Vec<String> {
    const WIDTH: usize = 110;
    let list = |phrases: &[String]| {
        let mut lines = vec![String::new()];
        for phrase in phrases.iter().map(|phrase| format!("{phrase:?}")) {
            let line = lines.last_mut().expect("a line");
            if line.len() + phrase.len() > WIDTH {
                lines.push(phrase);
            } else {
                line.push_str(if line.is_empty() { "" } else { " " });
                line.push_str(&phrase);
            }
        }
        lines
    };
    let quoted = |lines: Vec<String>| {
        let last = lines.len() - 1;
        let lines = lines.into_iter().enumerate().map(move |(index, line)| {
            let (open, close) = (if index == 0 { "  '(" } else { "    " }, if index == last { ")" } else { "" });
            format!("{open}{line}{close}")
        });
        lines.collect()
    };
    match class {
        "core" => quoted(list(&words.core)),
        "names" => {
            let entries = words.names.iter().map(|(verb, names)| {
                let mut all = vec![verb.clone()];
                all.extend(names.iter().cloned());
                format!("({})", list(&all).join("\n      "))
            });
            quoted(entries.collect::<Vec<_>>())
        }
        "clauses" => quoted(list(&words.clauses)),
        "not names" => quoted(list(&words.not_names)),
        "interfaces" => quoted(list(&words.interfaces)),
        "values" => quoted(list(&words.values)),
        _ => panic!("`{class}` is not a class of words"),
    }
}
