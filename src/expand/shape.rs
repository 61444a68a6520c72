//! A snippet's template, rendered once for each shape: which optional parts a sentence has, in which family.
//! Input: the template and what is present. Output: patterns, that is typed rules with holes.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use minijinja::{Environment, UndefinedBehavior, Value};

use crate::iptables::parse::{self, Hole, Line, Slot};
use crate::iptables::ruleset::{Header, Match, Target};
use crate::net::Family;
use crate::policy::{Argument, Block};
use crate::snippet::library::{Library, Snippet};
use crate::snippet::signature::ClausePart;

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
    /// Whether the sentence's traffic goes in.
    pub traffic: bool,
    /// The line of the template, from 1.
    pub line: u32,
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

/// What is wrong with a template.
#[derive(Clone, Debug)]
pub struct TemplateFault {
    /// The line of the template, from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// The character that a hole's word begins with; no text of a policy or a template can hold it.
const HOLE: char = '\u{1}';
/// The hole of the sentence's traffic.
const TRAFFIC: char = 't';
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
    /// The rules.
    pub patterns: Vec<Pattern>,
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

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment
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
            None if parameter.kind == crate::snippet::signature::ParameterKind::Rate => Value::from(""),
            _ => Value::from(()),
        };
        variables.insert(parameter.name.clone(), value);
    }
    for (index, flag) in signature.flags.iter().enumerate() {
        variables.insert(flag.variable(), Value::from(block.flags & (1 << index) != 0));
    }
    variables.insert("family".into(), Value::from(family.keyword()));
    variables.insert("families".into(), Value::from(block.families.single().map_or("both", Family::keyword)));
    variables.insert("form".into(), Value::from(signature.forms[usize::from(block.form)].name.as_str()));
    variables.insert("traffic".into(), Value::from(format!("{HOLE}{TRAFFIC}")));
    variables.insert("chain".into(), Value::from(OWN_CHAIN));
    Value::from_pairs(variables)
}

/// Marks the lines of a template with their numbers, so that what is printed knows its line.
const LINE: char = '\u{2}';

fn marked(template: &str) -> String {
    let mut out = String::with_capacity(template.len() * 2);
    for (index, line) in template.lines().enumerate() {
        let (opened, closed) = (out.rfind(['{']).map_or(0, |at| at + 1), out.rfind(['}']).map_or(0, |at| at + 1));
        let text = line.trim_start();
        // A line that begins with a tag prints nothing of its own before it; inside of one nothing can be marked.
        let marker = format!("{LINE}{}{LINE}", index + 1);
        if opened > closed || text.starts_with('{') {
            out.push_str(&text.replace("%}-A", &format!("%}}{marker}-A")));
        } else {
            out.push_str(&marker);
            out.push_str(text);
        }
        out.push('\n');
    }
    out
}

/// A printed line as its author wrote it: parameters by their names.
fn readable(line: &str, snippet: &Snippet) -> String {
    let mut out = String::new();
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match (c, if c == HOLE { characters.next() } else { None }) {
            (HOLE, Some(TRAFFIC)) => out.push_str("{{ traffic }}"),
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

/// A printed line without its marker, and the line of the template; 0 where it has none.
fn unmarked(line: &str) -> (u32, &str) {
    let parts = line.strip_prefix(LINE).and_then(|rest| rest.split_once(LINE));
    parts.and_then(|(number, text)| Some((number.parse().ok()?, text))).unwrap_or((0, line))
}

/// What a template may use before it is stopped, in instructions of minijinja: far above what rules need.
const FUEL: u64 = 20_000;
/// The longest template, in bytes: six times the longest of the library. It bounds the depth of what is in it as well.
const MAX_TEMPLATE: usize = 16 << 10;
/// The most that a template prints, in bytes.
const MAX_PRINTED: usize = 1 << 20;
/// How many of `~` and `+` a template holds at most: each of them may double what is in memory.
const MAX_JOINED: usize = 4;
/// Stack for the deepest template, in bytes: minijinja reads `not not …` one in another.
const STACK: usize = 128 << 20;
/// Templates up to this length, in bytes, cannot be too deep for any stack.
const SHALLOW: usize = 400;

/// What is too much in a template, or in a note's condition.
fn excess(snippet: &Snippet) -> Option<TemplateFault> {
    let conditions =
        snippet.signature.notes.iter().map(|note| ("the `when` of a note", format!("{{{{ {} }}}}", note.when)));
    let mut texts = std::iter::once(("a template", snippet.template.clone())).chain(conditions);
    texts.find_map(|(what, text)| {
        let line = |at: usize| text[..at].matches('\n').count() as u32 + 1;
        let fault = |line, message, help: &str| Some(TemplateFault { line, message, help: help.to_owned() });
        if text.len() > MAX_TEMPLATE {
            return fault(1, format!("{what} of more than {} KiB", MAX_TEMPLATE >> 10), "split the block into several");
        }
        if let Some((at, word)) = operators(&text).find(|(_, word)| matches!(*word, "*" | "raw")) {
            return fault(line(at), format!("`{word}` in {what}"), "write what is to be printed");
        }
        operators(&text).nth(MAX_JOINED).and_then(|(at, _)| {
            let message = format!("more than {MAX_JOINED} of `~` and `+` in {what}");
            fault(line(at), message, "write the parts one after another: `{{ a }}{{ b }}`")
        })
    })
}

/// The `~`, `+`, `*` and `{% raw %}` of a template, each with its place; those of its text and its strings are none.
fn operators(template: &str) -> impl Iterator<Item = (usize, &'static str)> {
    let rest = |at: usize| template.get(at..).unwrap_or("");
    let (mut at, mut end, mut depth) = (0, None, 0_i32);
    std::iter::from_fn(move || {
        while let Some(c) = rest(at).chars().next() {
            let here = at;
            at += c.len_utf8();
            let Some(close) = end else {
                // A comment ends at its first `#}`.
                if rest(here).starts_with("{#") {
                    at = rest(here).find("#}").map_or(template.len(), |length| here + length + 2);
                } else if let Some((_, close)) =
                    [("{{", "}}"), ("{%", "%}")].iter().find(|tag| rest(here).starts_with(tag.0))
                {
                    (at, end, depth) = (here + 2, Some(*close), 0);
                    if rest(at).trim_start_matches(['-', '+']).trim_start().starts_with("raw") {
                        return Some((here, "raw"));
                    }
                    at += usize::from(rest(at).starts_with(['-', '+']));
                }
                continue;
            };
            match c {
                _ if depth <= 0 && rest(here).starts_with(close) => (at, end) = (here + 2, None),
                '"' | '\'' => {
                    let mut escaped = false;
                    let closing = rest(at).find(|one: char| {
                        let closes = one == c && !escaped;
                        escaped = one == '\\' && !escaped;
                        closes
                    });
                    at = closing.map_or(template.len(), |length| at + length + 1);
                }
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                '~' => return Some((here, "~")),
                '+' if !rest(at).starts_with(close) => return Some((here, "+")),
                '*' => return Some((here, "*")),
                _ => {}
            }
        }
        None
    })
}

/// Text up to a size.
struct Printed {
    text: Vec<u8>,
    too_long: bool,
}

impl io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.too_long |= self.text.len() + bytes.len() > MAX_PRINTED;
        if self.too_long {
            return Err(io::Error::other("too long"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a template prints, and which of the block's remarks hold.
fn printed<'a>(snippet: &'a Snippet, variables: &Value) -> Result<(String, Vec<&'a str>), TemplateFault> {
    let environment = environment();
    let mut out = Printed { text: Vec::new(), too_long: false };
    let marked = marked(&snippet.template);
    let rendered =
        environment.template_from_str(&marked).and_then(|template| template.render_captured_to(variables, &mut out));
    rendered.map_err(|error| {
        let detail =
            error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
        let (message, help) = match out.too_long {
            true => (format!("it prints more than {} MiB", MAX_PRINTED >> 20), "print the rules of one sentence"),
            false => (detail, "a template knows the parameters, the flags, `family`, `form`, `traffic` and `chain`"),
        };
        TemplateFault { line: error.line().unwrap_or(1) as u32, message, help: help.into() }
    })?;
    let holds = |when: &str| {
        let value = environment.compile_expression(when).and_then(|expression| expression.eval(variables));
        value.is_ok_and(|value| value.is_true())
    };
    let notes = snippet.signature.notes.iter().filter(|note| holds(&note.when)).map(|note| note.text.as_str());
    Ok((String::from_utf8_lossy(&out.text).into_owned(), notes.collect()))
}

/// The same of a user's own block, which may go deep.
fn printed_in_room<'a>(snippet: &'a Snippet, variables: &Value) -> Result<(String, Vec<&'a str>), TemplateFault> {
    let longest = snippet.signature.notes.iter().map(|note| note.when.len()).chain([snippet.template.len()]).max();
    if longest <= Some(SHALLOW) {
        return printed(snippet, variables);
    }
    let fault = |message: String| TemplateFault {
        line: 1,
        message,
        help: format!("a template of up to {SHALLOW} bytes needs no stack of its own: write a shorter one"),
    };
    std::thread::scope(|scope| {
        let deep = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || printed(snippet, variables));
        let ended = deep.map_err(|error| fault(format!("no stack for a long template: {error}")))?.join();
        ended.unwrap_or_else(|_| Err(fault("the template cannot be read".into())))
    })
}

fn render<'a>(block: &Block, snippet: &'a Snippet, family: Family) -> Result<Shape<'a>, TemplateFault> {
    let variables = variables(block, snippet, family);
    let (text, notes) = match snippet.files {
        None => printed(snippet, &variables)?,
        Some(_) => match excess(snippet) {
            Some(fault) => return Err(fault),
            None => printed_in_room(snippet, &variables)?,
        },
    };
    let mut patterns = Vec::new();
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
                                alone, `{{ chain }}` after -A, -j and -g";
                    return Err(fault("a parameter cannot be here", help));
                }
                patterns.extend(rules.into_iter().map(|rule| pattern(rule, number, block)));
            }
            Ok(_) => return Err(fault("not a rule", "a template prints lines that begin with `-A`")),
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
    if let Some(name) = unprinted(block, snippet, family, &patterns) {
        return Err(TemplateFault {
            line: 1,
            message: format!("none of its rules holds `{name}`, which the sentence says"),
            help: format!(
                "write `{{{{ {name} }}}}` into the rules that are printed in this case: without it they are wider"
            ),
        });
    }
    Ok(Shape { patterns, notes })
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
    given.chain(flags.map(|(_, flag)| flag.variable())).chain(traffic).find(|name| !mentions(&snippet.template, name))
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
fn unprinted(block: &Block, snippet: &Snippet, family: Family, patterns: &[Pattern]) -> Option<String> {
    let held = |at: usize| patterns.iter().any(|pattern| pattern.uses.iter().any(|(_, _, argument)| *argument == at));
    let opaque = block.arguments.iter().enumerate().filter(|(_, (_, argument))| !matches!(argument, Argument::Text(_)));
    let mut missing = opaque.filter(|(at, (_, argument))| is_present(argument, family) && !held(*at));
    let (_, (index, _)) = missing.next().filter(|_| !patterns.is_empty())?;
    Some(snippet.signature.parameters[usize::from(*index)].name.clone())
}

/// Whether a hole is where nothing would fill it: the rule would then say less than the template does.
fn is_misused(rule: &parse::RuleText, block: &Block) -> bool {
    let unfilled = |hole: &Hole| match hole.parameter {
        TRAFFIC => hole.slot != Slot::Matches,
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
    let inside = rule.holes.iter().any(|hole| hole.slot == Slot::Matches && hole.parameter == TRAFFIC);
    let place = |hole: &Hole| {
        let parameter = parameter(hole.parameter)?;
        let index = block.arguments.iter().position(|(index, _)| *index == parameter)?;
        Some((hole.slot, hole.negated, index))
    };
    let uses = rule.holes.iter().filter(|hole| hole.parameter != TRAFFIC).filter_map(place).collect();
    Pattern {
        traffic: inside || chain == ChainName::Traffic,
        chain,
        header: rule.header,
        matches: rule.matches.into(),
        target: rule.target,
        uses,
        line,
    }
}
