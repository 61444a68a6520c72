//! What a TextMate grammar makes of a text: as much of the format as ours uses, as `vscode-textmate` reads it.
//! Input: a grammar in JSON and a text. Output: for each byte of each line the innermost scope.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use fancy_regex::{Captures, Regex};
use serde_json::Value;

/// A grammar.
pub struct Grammar {
    json: Value,
    compiled: RefCell<HashMap<String, Rc<Regex>>>,
}

/// A rule with `begin` and `end` that has begun.
struct Open<'g> {
    rule: &'g Value,
    /// Where `\G` holds: the end of what began the rule, on its line.
    anchor: Option<usize>,
}

impl Grammar {
    /// Reads a grammar.
    pub fn new(text: &str) -> Grammar {
        Grammar { json: serde_json::from_str(text).expect("JSON"), compiled: RefCell::default() }
    }

    /// The innermost scope of each byte of each line; an empty one where there is none.
    pub fn scopes(&self, text: &str) -> Vec<Vec<&str>> {
        let mut stack = vec![Open { rule: &self.json, anchor: None }];
        text.lines().map(|line| self.line(line, &mut stack)).collect()
    }

    fn line<'g>(&'g self, line: &str, stack: &mut Vec<Open<'g>>) -> Vec<&'g str> {
        let mut scopes = vec![""; line.len()];
        let mut at = 0;
        stack.iter_mut().for_each(|open| open.anchor = None);
        loop {
            let depth = stack.len();
            let top = &stack[depth - 1];
            let end = (depth > 1).then(|| self.find(string(top.rule, "end"), line, at, top.anchor)).flatten();
            let mut best = end.map(|captures| (captures, None));
            for rule in self.rules(top.rule) {
                let pattern = rule.get("match").or(rule.get("begin")).and_then(Value::as_str).expect("a pattern");
                if let Some(captures) = self.find(pattern, line, at, top.anchor)
                    && best.as_ref().is_none_or(|(best, _)| start(&captures) < start(best))
                {
                    best = Some((captures, Some(rule)));
                }
            }
            let inside = top.rule.get("name").and_then(Value::as_str).filter(|_| depth > 1).unwrap_or_default();
            let Some((captures, rule)) = best else {
                scopes[at..].fill(inside);
                return scopes;
            };
            let found = captures.get(0).expect("the whole match").range();
            scopes[at..found.end].fill(inside);
            match rule {
                None => {
                    self.paint(top.rule, "endCaptures", line, &captures, &mut scopes);
                    stack.pop();
                }
                Some(rule) => {
                    if let Some(name) = rule.get("name").and_then(Value::as_str) {
                        scopes[found.clone()].fill(name);
                    }
                    let begins = rule.get("begin").is_some();
                    let captures_of = if begins { "beginCaptures" } else { "captures" };
                    self.paint(rule, captures_of, line, &captures, &mut scopes);
                    if begins {
                        stack.push(Open { rule, anchor: Some(found.end) });
                    }
                    assert!(begins || !found.is_empty(), "`{rule}` matches nothing in `{line}`");
                }
            }
            at = found.end;
        }
    }

    fn paint<'g>(&'g self, rule: &'g Value, key: &str, line: &str, captures: &Captures, scopes: &mut [&'g str]) {
        for (number, capture) in rule.get(key).and_then(Value::as_object).into_iter().flatten() {
            let Some(range) = captures.get(number.parse().expect("a number")).map(|found| found.range()) else {
                continue;
            };
            if let Some(name) = capture.get("name").and_then(Value::as_str) {
                scopes[range.clone()].fill(name);
            }
            if capture.get("patterns").is_some() {
                // The patterns see the line only up to the end of what was captured.
                let (mut stack, blank) = (vec![Open { rule: capture, anchor: None }], " ".repeat(range.start));
                let inner = self.line(&format!("{blank}{}", &line[range.clone()]), &mut stack);
                scopes[range.clone()].copy_from_slice(&inner[range]);
            }
        }
    }

    /// The rules that a rule, or a whole grammar, has inside, includes resolved.
    fn rules<'g>(&'g self, rule: &'g Value) -> Vec<&'g Value> {
        let inside = rule.get("patterns").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let resolved = inside.iter().flat_map(|rule| match rule.get("include").and_then(Value::as_str) {
            Some(name) => {
                let known = &self.json["repository"][name.trim_start_matches('#')];
                assert!(known.is_object(), "`{name}` is not in the repository");
                if known.get("match").or(known.get("begin")).is_some() { vec![known] } else { self.rules(known) }
            }
            None => vec![rule],
        });
        resolved.collect()
    }

    fn find<'t>(&self, pattern: &str, line: &'t str, at: usize, anchor: Option<usize>) -> Option<Captures<'t>> {
        let anchored = pattern.strip_prefix("\\G");
        if anchored.is_some() && anchor != Some(at) {
            return None;
        }
        let pattern = anchored.unwrap_or(pattern);
        let compiled = self.compiled.borrow().get(pattern).cloned();
        let regex = compiled.unwrap_or_else(|| {
            let regex = Rc::new(Regex::new(pattern).unwrap_or_else(|error| panic!("`{pattern}`: {error}")));
            self.compiled.borrow_mut().insert(pattern.to_owned(), regex.clone());
            regex
        });
        let found = regex.captures_from_pos(line, at).expect("no endless search")?;
        (anchored.is_none() || start(&found) == at).then_some(found)
    }
}

fn string<'g>(rule: &'g Value, key: &str) -> &'g str {
    rule.get(key).and_then(Value::as_str).expect("a pattern")
}

fn start(captures: &Captures) -> usize {
    range(captures).start
}

fn range(captures: &Captures) -> Range<usize> {
    captures.get(0).expect("the whole match").range()
}
