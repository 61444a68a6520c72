//! A snippet's template, rendered once for each shape: which optional parts a sentence has, in which family.
//! Input: the template and what is present. Output: patterns, that is typed rules with holes.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Object;

use super::template::{self, LINE, TemplateFault, unmarked};
use crate::iptables::parse::{self, Hole, Line, Slot};
use crate::iptables::ruleset::{Header, Match, TableName, Target};
use crate::language::values::RULES_TABLES;
use crate::net::Family;
use crate::policy::{Argument, Block};
use crate::snippet::library::{Library, Snippet};
use crate::snippet::signature::{ClausePart, ParameterKind};

/// A rule of a template: typed, with holes for the sentence's values.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// The chain that it is in.
    pub chain: ChainName,
    /// The fixed part of the header.
    pub header: Header,
    /// The fixed matches.
    pub matches: Arc<[Match]>,
    /// What it does.
    pub target: Target,
    /// Where the values go: the slot, whether the template negates it, and the position in `Block::arguments`.
    pub uses: Vec<(Slot, bool, usize)>,
    /// What of the sentence's traffic goes in.
    pub traffic: Option<TrafficPart>,
    /// The line of the template, from 1.
    pub line: u32,
}

/// What of a sentence's traffic a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrafficPart {
    /// Addresses and interfaces; else what packets carry, and no more.
    pub ends: bool,
    /// The ports that packets are translated to, in place of those of the sentence.
    pub translated: bool,
    /// States, rates and logs: of a block with rules in several tables not those in nat, which sees first packets alone.
    pub counted: bool,
}

/// The chain of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainName {
    /// A chain with that name.
    Named(Arc<str>),
    /// The chains of the sentence's traffic: one rule for each direction.
    Traffic,
    /// The sentence's own chain, named by its content.
    Own,
}

/// The character that a hole's word begins with; no text of a policy or a template can hold it.
const HOLE: char = '\u{1}';
/// The hole of the sentence's traffic.
const TRAFFIC: char = 't';
/// All holes of traffic: by letter, by name, what goes in.
const TRAFFIC_PARTS: [(char, &str, TrafficPart); 4] = [
    (TRAFFIC, "traffic", TrafficPart { ends: true, translated: false, counted: true }),
    ('u', "translated", TrafficPart { ends: true, translated: true, counted: true }),
    ('k', "carried", TrafficPart { ends: false, translated: false, counted: true }),
    ('l', "carried_translated", TrafficPart { ends: false, translated: true, counted: true }),
];

/// What goes into a hole of traffic.
fn traffic_part(letter: char) -> Option<TrafficPart> {
    TRAFFIC_PARTS.iter().find(|(known, ..)| *known == letter).map(|(_, _, part)| *part)
}
/// The name of the sentence's own chain, in a template's output.
pub const OWN_CHAIN: &str = "\u{1}c";

/// The hole of a parameter.
pub fn hole(parameter: u8) -> char {
    char::from_u32(0x100 + u32::from(parameter)).expect("the letters from U+0100 to U+01FF are characters")
}

/// The parameter of a hole.
pub fn parameter(hole: char) -> Option<u8> {
    u8::try_from(u32::from(hole).checked_sub(0x100)?).ok()
}

/// What a template prints for a shape of its sentences.
#[derive(Clone, Debug)]
pub struct Shape<'a> {
    /// The rules, by the table that they are in; tables in the order in which the template comes to them.
    pub tables: Vec<(TableName, Vec<Pattern>)>,
    /// The remarks of the block that hold.
    pub notes: Vec<&'a str>,
}

/// The shapes that were rendered.
#[derive(Default)]
pub struct Shapes<'a> {
    index: HashMap<Box<[u8]>, usize>,
    list: Vec<Result<Shape<'a>, TemplateFault>>,
    key: Vec<u8>,
    /// The key and the position that were asked for last: sentences of one shape often follow one another.
    last: Option<(Vec<u8>, usize)>,
}

impl<'a> Shapes<'a> {
    /// The shape of a block's sentence in a family.
    pub fn get(&mut self, block: &Block, library: &'a Library, family: Family) -> Result<&Shape<'a>, &TemplateFault> {
        write_key(&mut self.key, block, family);
        let (last, index) = self.last.get_or_insert_default();
        if *last != self.key {
            *index = match self.index.get(self.key.as_slice()) {
                Some(index) => *index,
                None => {
                    let snippet = &library.snippets[usize::from(block.snippet)];
                    self.list.push(render(block, snippet, family));
                    self.index.insert(self.key.clone().into(), self.list.len() - 1);
                    self.list.len() - 1
                }
            };
            last.clone_from(&self.key);
        }
        self.list[*index].as_ref()
    }
}

/// Everything that the template's output depends on, as bytes.
fn write_key(key: &mut Vec<u8>, block: &Block, family: Family) {
    key.clear();
    key.extend(block.snippet.to_le_bytes());
    let families = block.families.single().map_or(2, |family| family as u8);
    key.extend([block.form, family as u8, families]);
    key.extend(block.flags.to_le_bytes());
    for (index, argument) in &block.arguments {
        key.push(*index);
        match argument {
            Argument::Text(by_family) => {
                let text = by_family[family].as_bytes();
                key.extend((text.len() as u32).to_le_bytes());
                key.extend(text);
            }
            argument => key.push(u8::from(is_present(argument, family))),
        }
    }
}

/// Whether an argument has a value in a family: a list of addresses may have none.
fn is_present(argument: &Argument, family: Family) -> bool {
    match argument {
        Argument::Address(values) => values.is_any() || values.items.iter().any(|prefix| prefix.family() == family),
        _ => true,
    }
}

fn variables(block: &Block, snippet: &Snippet, family: Family) -> Value {
    let signature = &snippet.signature;
    let mut variables: BTreeMap<String, Value> = BTreeMap::new();
    for (index, parameter) in signature.parameters.iter().enumerate() {
        let argument = block.arguments.iter().find(|(given, _)| usize::from(*given) == index);
        let value = match argument {
            Some((_, Argument::Text(by_family))) => Value::from(&*by_family[family]),
            Some((_, argument)) if is_present(argument, family) => Value::from(format!("{HOLE}{}", hole(index as u8))),
            // An absent rate leaves nothing behind where it would be.
            None if parameter.kind == ParameterKind::Rate => Value::from(""),
            _ => Value::from_object(Absent(hole(index as u8))),
        };
        if let Some((_, Argument::Text(by_family))) = argument {
            let part = match parameter.kind {
                ParameterKind::Mark { .. } => by_family[family].split_once('/').map(|(_, mask)| ("mask", mask)),
                ParameterKind::Endpoint { .. } => Some(("host", endpoint(&by_family[family]).0)),
                _ => None,
            };
            variables.extend(part.map(|(part, text)| (format!("{}_{part}", parameter.name), Value::from(text))));
        }
        variables.insert(parameter.name.clone(), value);
    }
    for (index, flag) in signature.flags.iter().enumerate() {
        variables.insert(flag.variable(), Value::from(block.flags & (1 << index) != 0));
    }
    if signature.is_service {
        variables.insert("verdict".into(), Value::from(verdict(&variables, block, snippet)));
    }
    variables.insert("family".into(), Value::from(family.keyword()));
    variables.insert("families".into(), Value::from(block.families.single().map_or("both", Family::keyword)));
    variables.insert("form".into(), Value::from(signature.forms[usize::from(block.form)].name.as_str()));
    for (letter, name, _) in TRAFFIC_PARTS {
        variables.insert(name.into(), Value::from(format!("{HOLE}{letter}")));
    }
    variables.insert("chain".into(), Value::from(OWN_CHAIN));
    Value::from_pairs(variables)
}

/// The address of an endpoint as iptables writes it, and the ports after it.
pub fn endpoint(text: &str) -> (&str, Option<&str>) {
    match text.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        Some((host, ports)) => (host, Some(ports)),
        None if text.matches(':').count() == 1 => {
            text.split_once(':').map_or((text, None), |(host, ports)| (host, Some(ports)))
        }
        None => (text, None),
    }
}

/// A parameter that the sentence leaves out: false where it is asked for, and printed a hole that nothing fills.
#[derive(Debug)]
struct Absent(char);

impl Object for Absent {
    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HOLE}{}", self.0)
    }
}

/// The target of a service's rules, as the verb of the sentence says.
fn verdict(variables: &BTreeMap<String, Value>, block: &Block, snippet: &Snippet) -> String {
    let given = |name: &str| variables.get(name).filter(|value| value.is_true());
    let option =
        |option: &str, name: &str| given(name).map_or_else(String::new, |value| format!(" --{option} {value}"));
    match snippet.signature.forms[usize::from(block.form)].name.as_str() {
        "allow" => "ACCEPT".into(),
        "drop" => "DROP".into(),
        "reject" => format!("REJECT{}", option("reject-with", "reason")),
        "node" => format!("LOG{}", option("log-prefix", "prefix")),
        _ => format!("NFLOG{}{}", option("nflog-prefix", "daemon_prefix"), option("nflog-group", "group")),
    }
}

/// A printed line as its author wrote it: parameters by their names.
fn readable(line: &str, snippet: &Snippet) -> String {
    let mut out = String::new();
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match (c, if c == HOLE { characters.next() } else { None }) {
            (HOLE, Some(hole)) if let Some((_, name, _)) = TRAFFIC_PARTS.iter().find(|(known, ..)| *known == hole) => {
                out.push_str(&format!("{{{{ {name} }}}}"));
            }
            (HOLE, Some(hole)) => {
                let name = parameter(hole).and_then(|index| snippet.signature.parameters.get(usize::from(index)));
                out.push_str(&format!("{{{{ {} }}}}", name.map_or("chain", |parameter| &parameter.name)));
            }
            (LINE, _) => {}
            (c, _) => out.push(c),
        }
    }
    crate::diagnostic::visible(&out)
}

fn render<'a>(block: &Block, snippet: &'a Snippet, family: Family) -> Result<Shape<'a>, TemplateFault> {
    let variables = variables(block, snippet, family);
    let (text, notes) = template::print(snippet, &variables)?;
    let mut tables: Vec<(TableName, Vec<Pattern>)> = Vec::new();
    let mut table = snippet.signature.table;
    for line in text.lines() {
        let (number, line) = unmarked(line.trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fault = |message: &str, help: &str| TemplateFault {
            line: number.max(1),
            message: format!("{message}: `{}`", readable(line, snippet)),
            help: help.to_owned(),
        };
        match parse::line(line, family, true) {
            Ok(Line::Rules(rules)) => {
                if rules.iter().any(|rule| is_misused(rule, block)) {
                    let help = "parameters come after -s, -d, -i, -o, --sport and --dport, `{{ traffic }}` after -A or \
                                alone, `{{ chain }}` after -A, -j and -g; what a sentence may leave out needs \
                                `{% if NAME %}` or a default";
                    return Err(fault("a parameter cannot be here", help));
                }
                let index = tables.iter().position(|(known, _)| *known == table).unwrap_or_else(|| {
                    tables.push((table, Vec::new()));
                    tables.len() - 1
                });
                tables[index].1.extend(rules.into_iter().map(|rule| pattern(rule, number, block)));
            }
            Ok(Line::Table(name)) if RULES_TABLES.iter().any(|(_, known)| *known == name) => table = name,
            Ok(_) => {
                return Err(fault(
                    "not a rule",
                    "a template prints lines that begin with `-A`, and `*nat` or another table before those of it",
                ));
            }
            Err(faults) => {
                let first = faults.into_iter().next();
                let (message, help) = first.map(|fault| (fault.message, fault.help)).unwrap_or_default();
                return Err(fault(&message, &help));
            }
        }
    }
    if let Some(name) = unused(block, snippet) {
        return Err(TemplateFault {
            line: 1,
            message: format!("it never uses `{name}`, which the sentence says"),
            help: format!(
                "write `{{{{ {name} }}}}` or `{{% if {name} %}}` where it belongs, or take it out of snippet.toml"
            ),
        });
    }
    let parts = || tables.iter().flat_map(|(_, patterns)| patterns).filter_map(|pattern| pattern.traffic);
    if parts().any(|part| part.translated) && snippet.signature.new_ports().is_none() {
        return Err(TemplateFault {
            line: 1,
            message: "`translated` does not say by which endpoint".into(),
            help: "write `translates = true` to the one endpoint parameter whose ports are meant".into(),
        });
    }
    if parts().next().is_some() && !parts().any(|part| part.ends) {
        return Err(TemplateFault {
            line: 1,
            message: "none of its rules holds the addresses and interfaces of the traffic".into(),
            help: "write `{{ traffic }}` or `{{ translated }}` into one of them: `{{ carried }}` alone is wider".into(),
        });
    }
    let elsewhere = tables
        .iter()
        .any(|(table, patterns)| *table != TableName::Nat && patterns.iter().any(|pattern| pattern.traffic.is_some()));
    for pattern in tables.iter_mut().filter(|(table, _)| *table == TableName::Nat).flat_map(|(_, patterns)| patterns) {
        pattern.traffic = pattern.traffic.map(|part| TrafficPart { counted: !elsewhere, ..part });
    }
    if let Some(name) = unprinted(block, snippet, family, &tables) {
        return Err(TemplateFault {
            line: 1,
            message: format!("none of its rules holds `{name}`, which the sentence says"),
            help: format!(
                "write `{{{{ {name} }}}}` into the rules that are printed in this case: without it they are wider"
            ),
        });
    }
    Ok(Shape { tables, notes })
}

/// A part of the sentence that the template does not look at: its rules would be wider than the sentence.
fn unused(block: &Block, snippet: &Snippet) -> Option<String> {
    let signature = &snippet.signature;
    let given = block.arguments.iter().map(|(index, _)| signature.parameters[usize::from(*index)].name.clone());
    // Words that a form must have say nothing by themselves.
    let form = &signature.forms[usize::from(block.form)];
    let optional = |index: usize| {
        form.clauses.iter().any(|clause| clause.part == ClausePart::Flag(index as u8) && !clause.required)
    };
    let flags = signature.flags.iter().enumerate();
    let flags = flags.filter(|(index, _)| block.flags & (1 << index) != 0 && optional(*index));
    let traffic = block.traffic.iter().map(|_| "traffic".to_owned());
    // What a service's sentence says of its verdict is all in one variable.
    let given = given.map(|name| if signature.is_service { "verdict".to_owned() } else { name });
    let is_there = |name: &String| match name.as_str() {
        "traffic" => TRAFFIC_PARTS.iter().any(|(_, name, _)| mentions(&snippet.template, name)),
        name => [name, &format!("{name}_host"), &format!("{name}_mask")]
            .iter()
            .any(|name| mentions(&snippet.template, name)),
    };
    given.chain(flags.map(|(_, flag)| flag.variable())).chain(traffic).find(|name| !is_there(name))
}

/// Whether a name is in one of a template's tags.
fn mentions(template: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    template.match_indices(name).any(|(at, _)| {
        let (before, after) = (&template[..at], &template[at + name.len()..]);
        let whole = !before.ends_with(is_part) && !after.starts_with(is_part);
        whole && before.rfind(['{']) > before.rfind(['}'])
    })
}

/// A value of the sentence that no rule holds, although there are rules: they would be wider than the sentence.
fn unprinted(block: &Block, snippet: &Snippet, family: Family, tables: &[(TableName, Vec<Pattern>)]) -> Option<String> {
    let patterns = || tables.iter().flat_map(|(_, patterns)| patterns);
    let held = |at: usize| patterns().any(|pattern| pattern.uses.iter().any(|(_, _, argument)| *argument == at));
    let opaque = block.arguments.iter().enumerate().filter(|(_, (_, argument))| !matches!(argument, Argument::Text(_)));
    let mut missing = opaque.filter(|(at, (_, argument))| is_present(argument, family) && !held(*at));
    let (_, (index, _)) = missing.next().filter(|_| patterns().next().is_some())?;
    Some(snippet.signature.parameters[usize::from(*index)].name.clone())
}

/// Whether a hole is where nothing would fill it: the rule would then say less than the template does.
fn is_misused(rule: &parse::RuleText, block: &Block) -> bool {
    let unfilled = |hole: &Hole| match hole.parameter {
        letter if traffic_part(letter).is_some() => hole.slot != Slot::Matches,
        letter => !block.arguments.iter().any(|(index, _)| parameter(letter) == Some(*index)),
    };
    let chain = |name: &str| name.starts_with(HOLE) && name != OWN_CHAIN;
    let jumps = matches!(&rule.target, Target::Unresolved { chain: name, .. } if chain(name));
    let begins = chain(&rule.chain) && rule.chain.chars().nth(1) != Some(TRAFFIC);
    rule.holes.iter().any(unfilled) || jumps || begins
}

fn pattern(rule: parse::RuleText, line: u32, block: &Block) -> Pattern {
    let chain = match rule.chain.strip_prefix(HOLE) {
        Some("t") => ChainName::Traffic,
        Some(_) => ChainName::Own,
        None => ChainName::Named(rule.chain.as_str().into()),
    };
    let inside = rule.holes.iter().filter(|hole| hole.slot == Slot::Matches);
    let inside = inside.filter_map(|hole| traffic_part(hole.parameter)).next();
    let place = |hole: &Hole| {
        let parameter = parameter(hole.parameter)?;
        let index = block.arguments.iter().position(|(index, _)| *index == parameter)?;
        Some((hole.slot, hole.negated, index))
    };
    let uses = rule.holes.iter().filter(|hole| traffic_part(hole.parameter).is_none()).filter_map(place).collect();
    Pattern {
        traffic: inside.or((chain == ChainName::Traffic).then(|| traffic_part(TRAFFIC)).flatten()),
        chain,
        header: rule.header,
        matches: rule.matches.into(),
        target: rule.target,
        uses,
        line,
    }
}
