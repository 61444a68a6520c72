//! A template of a building block, printed within bounds.
//! Input: the block and its variables. Output: lines marked with their numbers in the template, and the remarks that hold.

use std::io;

use minijinja::{Environment, UndefinedBehavior, Value};

use crate::snippet::library::Snippet;

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
/// Templates up to this length, in bytes, are read within half a MiB of stack, whatever is in them.
const SHALLOW: usize = 400;

/// What a block prints: text, and the remarks that hold.
type Print<'a> = (String, Vec<&'a str>);

/// Prints a block's template. That of a user may be too long, or hold what costs too much.
pub fn print<'a>(snippet: &'a Snippet, variables: &Value) -> Result<Print<'a>, TemplateFault> {
    match snippet.files.map(|_| excess(snippet)) {
        None => printed(snippet, variables),
        Some(None) => printed_in_room(snippet, variables),
        Some(Some(fault)) => Err(fault),
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment
}

/// Marks the lines of a template with their numbers, so that what is printed knows its line.
pub const LINE: char = '\u{2}';

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

/// A printed line without its marker, and the line of the template; 0 where it has none.
pub fn unmarked(line: &str) -> (u32, &str) {
    let parts = line.strip_prefix(LINE).and_then(|rest| rest.split_once(LINE));
    parts.and_then(|(number, text)| Some((number.parse().ok()?, text))).unwrap_or((0, line))
}

/// What a template prints, and which of the block's remarks hold.
fn printed<'a>(snippet: &'a Snippet, variables: &Value) -> Result<Print<'a>, TemplateFault> {
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
            false => (detail, "the variables and tags of templates are listed in CONTRIBUTING.md"),
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
fn printed_in_room<'a>(snippet: &'a Snippet, variables: &Value) -> Result<Print<'a>, TemplateFault> {
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
