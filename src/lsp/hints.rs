//! `textDocument/inlayHint` and `textDocument/codeLens`: how many rules a sentence yields, what became of expectations.
//! Input: a view. Output: hints at the ends of sentences, lenses above them.

use super::protocol::{CodeLens, Command, InlayHint, InlayHintKind, InlayHintLabel, InlayHintTooltip, Range, Uri};
use super::view::View;
use crate::expect::Checked;
use crate::net::Both;

/// The command that shows the rules of a sentence side by side.
pub const SHOW_RULES: &str = "cgwfw.showRules";

/// How many rules each sentence yields in each family.
fn counts(view: &View) -> Vec<Both<usize>> {
    let mut counts = vec![Both::same(0); view.compilation.ast.sentences.len()];
    for (family, ruleset) in view.compilation.rulesets.pairs() {
        for rule in ruleset.tables.iter().flat_map(|table| &table.rules) {
            for origin in rule.origins.iter() {
                counts[origin.sentence as usize][family] += 1;
            }
        }
    }
    counts
}

fn rules(count: usize) -> String {
    format!("{count} rule{}", if count == 1 { "" } else { "s" })
}

/// The numbers of rules, in a range of lines.
pub fn inlay_hints(view: &View, range: Range) -> Vec<InlayHint> {
    let counts = counts(view);
    let mut hints = Vec::new();
    for (index, sentence) in view.sentences() {
        let Both { v4, v6 } = counts[index as usize];
        let label = match (v4, v6) {
            (0, 0) => continue,
            (v4, 0) => format!("IPv4 only: {}", rules(v4)),
            (0, v6) => format!("IPv6 only: {}", rules(v6)),
            (v4, v6) if v4 == v6 => format!("{} each", rules(v4)),
            (v4, v6) => format!("{v4} + {}", rules(v6)),
        };
        let position = view.range(view.span(sentence)).end;
        if (range.start.line..=range.end.line).contains(&position.line) {
            hints.push(InlayHint {
                position,
                label: InlayHintLabel::String(label),
                kind: Some(InlayHintKind::TYPE),
                text_edits: None,
                tooltip: Some(InlayHintTooltip::String(
                    "the rules of this sentence; point at its verb to see them".into(),
                )),
                padding_left: Some(true),
                padding_right: None,
                data: None,
            });
        }
    }
    hints
}

/// What became of each expectation, and the rules of each sentence.
pub fn lenses(view: &View, uri: &Uri) -> Vec<CodeLens> {
    let counts = counts(view);
    let expectations = &view.compilation.policy.expectations;
    view.sentences()
        .filter_map(|(index, sentence)| {
            let expected = expectations.iter().position(|expectation| expectation.sentence == index);
            let checked = expected.zip(view.checked).and_then(|(at, checked)| checked.get(at));
            let Both { v4, v6 } = counts[index as usize];
            let start = view.range(view.span(sentence)).start;
            let command = match (checked, expected) {
                (Some(checked), _) => Command { title: fate(checked), command: String::new(), arguments: None },
                (None, Some(_)) => return None,
                (None, None) if v4 + v6 > 0 => Command {
                    title: format!("IPv4: {} | IPv6: {}", rules(v4), rules(v6)),
                    command: SHOW_RULES.into(),
                    arguments: Some(vec![uri.as_str().into(), start.line.into()]),
                },
                (None, None) => return None,
            };
            Some(CodeLens { range: Range { start, end: start }, command: Some(command), data: None })
        })
        .collect()
}

fn fate(checked: &Checked) -> String {
    match (&checked.counter_example, &checked.report) {
        (Some(found), _) => format!("fails: {}", found.sentence),
        (None, Some(report)) => format!("fails: {}", report.message),
        (None, None) => checked.result().to_owned(),
    }
}

/// Both families' rules of the sentence on a line, side by side.
pub fn side_by_side(view: &View, line: u32) -> Option<String> {
    let on_line = |range: Range| (range.start.line..=range.end.line).contains(&line);
    let (index, _) = view.sentences().find(|(_, sentence)| on_line(view.range(view.span(sentence))))?;
    let Both { v4, v6 } = crate::origin::sentence_rules(view.compilation, index);
    let width = v4.iter().map(|rule| rule.chars().count()).max().unwrap_or(0).max(4);
    let mut out = format!("{:<width$}  {}\n", "IPv4", "IPv6");
    for at in 0..v4.len().max(v6.len()) {
        let rule = |rules: &[String]| rules.get(at).cloned().unwrap_or_default();
        out.push_str(format!("{:<width$}  {}", rule(&v4), rule(&v6)).trim_end());
        out.push('\n');
    }
    Some(out)
}
